"""What clients that are not Python packages read of an answer, done again in a few lines each.

A reader takes keys the way its client does: by subscript where the client would crash without the
key, with `get` where it would not. What it makes of them is what the client shows or decides.
"""

import http.client
import json
from collections.abc import Callable
from typing import Any

import pytest

from local.server import HOST
from shared.domain.indicator import IndicatorType
from shared.domain.verdict import Verdict
from tests.contract.support import DAILY_LIMIT, Api, Reply, of_verdict

DETECTED = {Verdict.SUSPICIOUS, Verdict.LIKELY_MALICIOUS, Verdict.MALICIOUS}
ADDRESSES = (IndicatorType.IP, IndicatorType.DOMAIN, IndicatorType.URL)
UNKNOWN = {
    IndicatorType.IP: "192.0.2.99",
    IndicatorType.DOMAIN: "nobody.knows.example",
    IndicatorType.URL: "https://nobody.knows.example/",
}
UNKNOWN_HASH = "F" * 32


# Hashes: whether the client takes the file for bad.


def cortex_hash(body: Any) -> bool:
    level = body["scan_results"]["scan_all_result_i"]
    label = {0: "safe", 1: "malicious", 2: "suspicious", 5: "safe"}.get(level, "info")
    counts = (body["scan_results"]["total_detected_avs"], body["scan_results"]["total_avs"])
    assert counts == (int(label in {"malicious", "suspicious"}), 1)
    return label in {"malicious", "suspicious"}


def demisto_hash(body: Any) -> bool:
    info = body["file_info"]
    row = [info["file_type_description"], info["display_name"], info["md5"], info["sha1"]]
    assert all(isinstance(text, str) for text in (*row, info["sha256"]))
    assert info.get("upload_timestamp")
    threats = []
    for engine in body["scan_results"]["scan_details"].values():
        threats.append(engine["threat_found"])
        assert {"scan_result_i", "def_time", "scan_time"} <= engine.keys()
    return any(threats)


def splunk_hash(body: Any) -> bool:
    # It fetches a sub-report for each of these.
    assert body["additional_info"] == []
    assert body["file_info"]["sha256"] is not None
    return int(body["scan_results"]["total_detected_avs"]) > 0


def browser_extension(body: Any) -> bool:
    # Without it the extension would upload the file again.
    assert body["data_id"]
    assert body["file_info"]["display_name"]
    assert body["scan_results"]["progress_percentage"] == 100
    return body["scan_results"]["scan_all_result_i"] in {1, 2, 6, 8, 18}


def mcp_hash(body: Any) -> bool:
    engines = body["scan_results"]["scan_details"]
    found = [name for name, engine in engines.items() if engine.get("threat_found")]
    assert len(found) == body["scan_results"]["total_detected_avs"]
    return bool(found)


def process_gate(body: Any) -> bool:
    process = body["process_info"]
    assert process["progress_percentage"] == 100
    assert (process["result"] == "Blocked") == bool(process["blocked_reason"])
    return bool(process["result"] == "Blocked")


def sandbox_hash(body: Any) -> bool:
    detected, total = (body["scan_results"][f"total_{name}avs"] for name in ("detected_", ""))
    assert body["last_sandbox_id"][0]["system"] == "filescanio"
    assert body["last_sandbox_id"][0]["sandbox_id"]
    return bool(detected / total > 0)


def typed_hash(body: Any) -> bool:
    """Clients in Go, TypeScript, Java and C++, which read into fields of fixed types."""
    scan = body["scan_results"]
    assert scan["data_id"] == body["data_id"] == body["last_sandbox_id"][0]["sandbox_id"]
    assert [scan["rescan_available"], body["stored"]] == [False, False]
    for name in ("in_queue", "total_time", "total_avs", "total_detected_avs", "scan_all_result_i"):
        assert type(scan[name]) is int
    return bool(scan["scan_all_result_a"] != "No Threat Detected")


HASH_READERS = [
    cortex_hash,
    demisto_hash,
    splunk_hash,
    browser_extension,
    mcp_hash,
    process_gate,
    sandbox_hash,
    typed_hash,
]


@pytest.mark.parametrize("read", HASH_READERS)
@pytest.mark.parametrize("verdict", Verdict)
def test_readers_of_a_hash(api: Api, read: Callable[[Any], bool], verdict: Verdict) -> None:
    for kind in (IndicatorType.MD5, IndicatorType.SHA1, IndicatorType.SHA256):
        reply = api.look_up("hash", of_verdict(kind, verdict).value)
        assert read(reply.body) == (verdict in DETECTED)


# IPs, domains and URLs: whether the client takes the address for bad.


def cortex_address(body: Any) -> bool:
    # Without `success` it shows the value as safe, 0/0.
    assert body["success"] is True
    return int(body["lookup_results"]["detected_by"]) > 0


def splunk_address(body: Any) -> bool:
    for source in body["lookup_results"]["sources"]:
        assert {"provider", "assessment", "detect_time", "update_time", "status"} <= source.keys()
    if "geo_info" in body:
        geo = body["geo_info"]
        shown = [geo["country"]["name"], geo["city"]["name"], geo["location"]["latitude"]]
        assert shown == ["Unknown", "", 0.0]
        assert [part["name"] for part in geo["subdivisions"]] == []
    return bool(body["lookup_results"]["detected_by"] > 0)


def spiderfoot_address(body: Any) -> bool:
    geo = body.get("geo_info")
    if geo:
        # Without the name of a country it fails.
        place = [geo["city"]["name"], geo["country"]["name"]]
        assert ", ".join(filter(None, place)) == "Unknown"
    assessments = [source["assessment"] for source in body["lookup_results"]["sources"]]
    return any(text not in {"", "trustworthy"} for text in assessments)


def mcp_address(body: Any) -> bool:
    return any(
        source.get("assessment") and source["assessment"].lower() != "trustworthy"
        for source in body["lookup_results"]["sources"]
    )


def polarity_address(body: Any) -> bool:
    assert body["address"]
    return bool(body["lookup_results"]["detected_by"])


def sandbox_address(body: Any) -> bool:
    sources = body["lookup_results"]["sources"]
    assert {source["status"] for source in sources} <= {0, 1, 3, 5}
    blocking = [source for source in sources if source["status"] == 1]
    assert len(blocking) == body["lookup_results"]["detected_by"]
    return bool(blocking)


ADDRESS_READERS = [
    cortex_address,
    splunk_address,
    spiderfoot_address,
    mcp_address,
    polarity_address,
    sandbox_address,
]


@pytest.mark.parametrize("read", ADDRESS_READERS)
@pytest.mark.parametrize("kind", ADDRESSES)
def test_readers_of_an_address(api: Api, read: Callable[[Any], bool], kind: IndicatorType) -> None:
    for verdict in Verdict:
        reply = api.look_up(kind, of_verdict(kind, verdict).value)
        assert read(reply.body) == (verdict in DETECTED), verdict
    assert read(api.look_up(kind, UNKNOWN[kind]).body) is False


# What is read of the answer itself: status, headers, errors.


def polarity_limits(reply: Reply) -> dict[str, int]:
    headers = reply.headers
    assert headers["x-ratelimit-reset-in"][-1] == "s"
    return {
        "limit": int(headers["x-ratelimit-limit"]),
        "used": int(headers["x-ratelimit-used"]),
        "remaining": int(headers["x-ratelimit-remaining"]),
        "reset_in": int(headers["x-ratelimit-reset-in"][:-1]),
        "interval": int(headers["x-ratelimit-interval"]),
    }


def go_limits(reply: Reply) -> tuple[int, int]:
    return int(reply.headers["x-ratelimit-remaining"]), int(reply.headers["x-ratelimit-reset"])


@pytest.mark.parametrize(
    ("kind", "value", "status"),
    [
        ("hash", of_verdict(IndicatorType.SHA256, Verdict.MALICIOUS).value, 200),
        ("hash", UNKNOWN_HASH, 404),
        ("ip", UNKNOWN[IndicatorType.IP], 200),
        ("domain", UNKNOWN[IndicatorType.DOMAIN], 200),
        ("url", UNKNOWN[IndicatorType.URL], 200),
    ],
)
def test_readers_of_the_rate_limit(api: Api, kind: str, value: str, status: int) -> None:
    reply = api.look_up(kind, value)
    assert reply.status == status
    limits = polarity_limits(reply)
    assert limits["limit"] == DAILY_LIMIT == limits["used"] + limits["remaining"]
    assert 0 < limits["reset_in"] <= limits["interval"] == 86_400
    assert go_limits(reply) == (limits["remaining"], limits["reset_in"])
    assert reply.headers["x-authenticated"] == "by apikey"
    assert reply.headers["x-ratelimit-for"] == "reputation_api"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/health", 200), ("/v4/domain/evil.example", 200), ("/v4/hash/x", 400), ("/v4/x", 404)],
)
def test_every_answer_has_the_time_it_took(api: Api, path: str, status: int) -> None:
    reply = api.ask(path)
    assert reply.status == status
    number, unit = reply.headers["x-response-time"][:-2], reply.headers["x-response-time"][-2:]
    assert int(number) >= 0
    assert unit == "ms"


def test_readers_of_an_unknown_hash(api: Api) -> None:
    reply = api.look_up("hash", UNKNOWN_HASH)
    # By status, by code, by message; not with 200 as in version 2.
    assert reply.status == 404
    assert reply.body["error"]["code"] == 404003
    assert "not found" in reply.body["error"]["messages"][0]
    assert reply.body.get(UNKNOWN_HASH) is None
    assert not reply.body["success"]


def test_readers_of_a_refused_key(api: Api) -> None:
    for key, code in (("", 401001), ("wrong", 401006)):
        reply = api.ask("/v4/hash/" + UNKNOWN_HASH, apikey=key)
        assert (reply.status, reply.body["error"]["code"]) == (401, code)
        # Splunk shows "limit reached" for every 403, polarity for every 503.
        assert reply.status not in {403, 503}


@pytest.mark.parametrize("name", ["apikey", "apiKey", "ApiKey", "APIKEY"])
def test_the_header_of_the_key_has_no_case(api: Api, name: str) -> None:
    connection = http.client.HTTPConnection(HOST, api.port, timeout=60)
    connection.request("GET", "/v4/domain/evil.example", headers={name: api.key})
    assert connection.getresponse().status == 200
    connection.close()


def go_key(api: Api) -> int:
    # The Go client asks this first and dies of anything that is not JSON.
    info = json.loads(api.ask(f"/v4/apikey/{api.key}").text)
    return int(info["limit_reputation"])


def test_readers_of_the_key(api: Api) -> None:
    assert go_key(api) == DAILY_LIMIT


def go_domains(api: Api, domains: list[str]) -> Any:
    # It sends domains to the path of URLs, and no slash at the end of the path.
    return api.ask("/v4/url", method="POST", body={"fqdn": domains}).body["data"]


def collector(api: Api, hashes: list[str]) -> dict[str, bool]:
    reply = api.ask("/v4/hash", method="POST", body={"hash": hashes}, includescandetails="1")
    found = {}
    for asked, row in zip(hashes, reply.body["data"], strict=True):
        assert row["hash"] == asked.upper()
        assert row["total_detected_avs"] == -1 or row["data_id"]
        found[asked] = row["scan_result_i"] in {1, 2}
    return found


def test_readers_of_bulk_answers(api: Api) -> None:
    bad = of_verdict(IndicatorType.DOMAIN, Verdict.MALICIOUS).value
    rows = go_domains(api, [bad, UNKNOWN[IndicatorType.DOMAIN]])
    assert [cortex_address(row) for row in rows] == [True, False]
    hashes = [of_verdict(IndicatorType.MD5, verdict).value.lower() for verdict in Verdict]
    assert collector(api, [*hashes, UNKNOWN_HASH.lower()]) == {
        **{one: verdict in DETECTED for one, verdict in zip(hashes, Verdict, strict=True)},
        UNKNOWN_HASH.lower(): False,
    }
