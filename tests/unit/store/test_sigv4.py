"""The signature, held against botocore's own signer."""

from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from shared.store.direct.sigv4 import Credentials, Signer

NOON = 1_764_000_000.0
texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)


def by_botocore(headers: dict[str, str], body: bytes, credentials: Credentials, region: str) -> str:
    """The header Authorization that botocore gives the same request."""
    sent = {name: text for name, text in headers.items() if name != "Authorization"}
    request = AWSRequest("POST", f"https://{headers['Host']}/", headers=sent, data=body)
    request.context["timestamp"] = headers["X-Amz-Date"]
    signer: Any = SigV4Auth(
        BotocoreCredentials(credentials.access_key, credentials.secret_key, credentials.token),
        "dynamodb",
        region,
    )
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    signer._inject_signature_to_request(request, signature)
    return str(request.headers["Authorization"])


@given(
    body=st.binary(max_size=300),
    secret=texts,
    token=st.none() | texts,
    region=st.sampled_from(["us-east-1", "eu-central-1", "cn-north-1"]),
    host=st.sampled_from(["dynamodb.us-east-1.amazonaws.com", "127.0.0.1:8000"]),
    seconds=st.integers(0, 4_000_000_000),
)
def test_it_is_the_one_that_botocore_makes(
    body: bytes, secret: str, token: str | None, region: str, host: str, seconds: int
) -> None:
    credentials = Credentials("AKIDEXAMPLE", secret, token)
    signer = Signer(host, region, lambda: credentials, lambda: seconds)
    for _ in range(2):
        headers = signer.headers("DynamoDB_20120810.GetItem", body)
        assert headers["Authorization"] == by_botocore(headers, body, credentials, region)
    assert ("X-Amz-Security-Token" in headers) == (token is not None)


@pytest.mark.parametrize("changed", ["day", "secret"])
def test_the_key_follows_the_day_and_the_secret(changed: str) -> None:
    now, secret = [NOON], ["one"]
    signer = Signer(
        "a.example", "us-east-1", lambda: Credentials("id", secret[0], None), lambda: now[0]
    )
    signer.headers("t", b"{}")
    if changed == "day":
        now[0] += 86_400
    else:
        secret[0] = "two"
    headers = signer.headers("t", b"{}")
    expected = by_botocore(headers, b"{}", Credentials("id", secret[0], None), "us-east-1")
    assert headers["Authorization"] == expected
