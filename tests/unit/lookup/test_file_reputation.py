"""Look-ups of hashes through the vendor's v5 API, and what its other clients ask first."""

import pytest

from functions.lookup.file_reputation_bodies import file_reputation
from functions.lookup.service import LookupResult
from shared.domain.indicator import IndicatorType, parse
from shared.domain.reputation import Reputation
from shared.domain.verdict import Verdict
from tests.builders import reputation
from tests.unit.lookup.test_bulk import post
from tests.unit.lookup.test_routes import SHA256, code, get

PATH = "/v5/threat-intel/av-file-reputation"
UNKNOWN_MD5 = "0" * 31 + "1"


@pytest.mark.parametrize(
    ("verdict", "expected", "confidence"),
    [
        (Verdict.BENIGN, "benign", range(1)),
        (Verdict.NO_THREAT, "benign", range(1)),
        (Verdict.SUSPICIOUS, "suspicious", range(1, 50)),
        (Verdict.LIKELY_MALICIOUS, "malicious", range(50, 101)),
        (Verdict.MALICIOUS, "malicious", range(50, 101)),
    ],
)
def test_the_level_of_each_verdict_is_in_the_vendors_range(
    verdict: Verdict, expected: str, confidence: range
) -> None:
    found = LookupResult(SHA256, reputation(SHA256, verdict=verdict), ())
    body = file_reputation(found, extended=True)
    assert (body["reputation"], body["sha256"]) == (expected, SHA256.value)
    assert body["confidence_level"] in confidence
    assert "confidence_level" not in file_reputation(found, extended=False)


def test_every_digest_of_a_file_gets_the_same_answer() -> None:
    md5 = parse(IndicatorType.MD5, UNKNOWN_MD5)
    known = reputation(md5)
    summary = known.summary._replace(siblings=frozenset({SHA256}))
    by_md5 = file_reputation(LookupResult(md5, Reputation(md5, summary, 1), ()), extended=True)
    summary = summary._replace(siblings=frozenset({md5}))
    by_sha256 = file_reputation(
        LookupResult(SHA256, Reputation(SHA256, summary, 1), ()), extended=True
    )
    assert by_md5 == by_sha256
    assert (by_md5["md5"], by_md5["sha1"], by_md5["sha256"]) == (md5.value, "", SHA256.value)


def test_an_unknown_hash_is_an_answer_without_a_level() -> None:
    found = LookupResult(parse(IndicatorType.MD5, UNKNOWN_MD5), None, ())
    body = file_reputation(found, extended=True)
    assert (body["md5"], body["sha1"], body["reputation"]) == (UNKNOWN_MD5, "", "unknown")
    assert "confidence_level" not in body


def test_the_routes_answer_single_and_bulk() -> None:
    assert get(f"{PATH}/{SHA256.value.lower()}").body["reputation"] == "malicious"
    assert get(f"{PATH}/{UNKNOWN_MD5}").body["reputation"] == "unknown"
    refused = get(f"{PATH}/xyz")
    assert (refused.status, code(refused)) == (400, 400064)
    rows = post(PATH, {"hash": [SHA256.value, "xyz", UNKNOWN_MD5]}).body["data"]
    assert [row["reputation"] for row in rows] == ["malicious", "unknown", "unknown"]
    assert [row.get("error", {}).get("code") for row in rows] == [None, 400064, None]


def test_clients_of_the_sandbox_learn_who_they_are_and_what_answers() -> None:
    sender = get("/api/users/me").body
    assert (sender["name"], sender["email"], sender["roles"]) == ("test", "", [])
    assert get("/api/users/me", key=None).status == 401
    assert get("/api/system/info", key=None).body["version"] == "4"
