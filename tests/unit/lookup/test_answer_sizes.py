"""Answers that grow when the runtime escapes them: within the limit of the platform, or 413."""

import gzip
import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import pytest

from functions.lookup import exports
from functions.lookup.routes import respond
from functions.lookup.service import Service
from local.events import MAX_RESULT_BYTES, Request
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.reputation import MAX_TAG_BYTES, MAX_TAGS, Reputation
from shared.formats.exports import stix
from shared.http.authentication import KeyRing
from shared.http.respond import guarded
from shared.http.web import Response, answer
from tests.builders import reputation
from tests.fronts import Front, function_url, rest_api
from tests.ingestion import NOW
from tests.unit.lookup.test_routes import KEY, FakeIocs, FakeKeys, quota

DOMAINS = [f"d{number}.example" for number in range(1000)]
QUOTES = ['"' * 1900] * 1000
BACKSLASHES = ["\\" * 1900] * 1000
CONTROLS = ["\x01" * 600] * 1000


def service(known: Mapping[Indicator, Reputation]) -> Service:
    keys = FakeKeys(KEY)
    keys.limit = 100_000
    return Service(
        iocs=FakeIocs(known), keys=KeyRing(keys, lambda: 0.0), quota=quota(), now=lambda: NOW
    )


def with_hostile_tags() -> dict[Indicator, Reputation]:
    tags = frozenset(f"{number:02}".ljust(MAX_TAG_BYTES, '"') for number in range(MAX_TAGS))
    found = [parse(IndicatorType.DOMAIN, text) for text in DOMAINS]
    return {one: reputation(one, tags=tags) for one in found}


@pytest.fixture(scope="module")
def hostile() -> Service:
    return service(with_hostile_tags())


@pytest.mark.parametrize("front", [rest_api, function_url])
@pytest.mark.parametrize(
    ("path", "body", "coding", "status"),
    [
        ("/v4/domain", {"fqdn": DOMAINS}, "identity", 413),
        ("/v4/domain", {"fqdn": DOMAINS}, "gzip", 200),
        ("/v4/domain", {"fqdn": DOMAINS[:600]}, "identity", 200),
        ("/v4/url", {"url": QUOTES}, "identity", 200),
        ("/v4/url", {"url": QUOTES}, "gzip", 200),
        ("/v4/ip", {"address": QUOTES}, "identity", 200),
        ("/v4/hash", {"hash": BACKSLASHES}, "identity", 200),
        ("/v4/url", {"url": CONTROLS}, "identity", 200),
        ("/api/reputation/hash", QUOTES, "identity", 200),
    ],
)
def test_an_answer_is_as_large_as_the_runtime_sends_it(
    hostile: Service, front: Front, path: str, body: Any, coding: str, status: int
) -> None:
    result = ask(hostile, front, path, body, coding)
    # As Lambda's runtime for Python 3.13 writes it (awslambdaric 4.2).
    assert len(json.dumps(result, ensure_ascii=False).encode()) < MAX_RESULT_BYTES
    assert result["statusCode"] == status, body_of(result)[:300]
    answered = json.loads(body_of(result))
    if status == 200:
        asked = body if isinstance(body, list) else next(iter(body.values()))
        assert len(answered["data"] if isinstance(answered, dict) else answered) == len(asked)
    else:
        assert answered["error"]["code"] == 400144


def ask(
    service: Service, front: Front, path: str, body: Any, coding: str = "identity"
) -> dict[str, Any]:
    headers = [
        (b"apikey", KEY.encode()),
        (b"content-type", b"application/json"),
        (b"accept-encoding", coding.encode()),
    ]
    event = front(Request("POST", path.encode(), headers=headers, body=json.dumps(body).encode()))
    assert isinstance(event, dict)
    return guarded(event, lambda request: respond(service, request))


def body_of(result: Mapping[str, Any]) -> bytes:
    body: str = result["body"]
    sent = b64decode(body) if result["isBase64Encoded"] else body.encode()
    return gzip.decompress(sent) if "Content-Encoding" in result["headers"] else sent


@pytest.mark.parametrize("size", [exports.MAX_ANSWERED_BYTES, stix.MAX_BYTES])
@pytest.mark.parametrize("character", ['"', "\\", "\n", "\x01", "a", "ü"])
def test_a_file_and_a_page_of_exports_fit_into_an_answer(size: int, character: str) -> None:
    text = character * (size // len(character.encode()))
    sent = json.dumps(answer(Response(200, {}, text=text)), ensure_ascii=False)
    assert len(sent.encode()) < MAX_RESULT_BYTES
