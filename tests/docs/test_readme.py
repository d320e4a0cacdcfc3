"""Compares README and the reference pages (API, configuration, local commands) with the code."""

import argparse
import gzip
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from functions.lookup import exports
from functions.lookup.taxii import COLLECTION_ID
from functions.publish.media import MAX_REPORT_BYTES
from local import feed, up
from local.environment import DEFAULT_API_KEY, DEFAULT_PORT
from local.events import Request, Response
from local.feed import SAMPLE_DOMAIN, SAMPLE_HASH, SAMPLE_IP, SAMPLE_URL
from local.publish import INTAKE
from local.up import SAMPLE_REPORTS
from shared.domain.indicator import IndicatorType, parse
from shared.formats.exports.source import id_of
from tests.contract.support import READER_KEY
from tests.docs.conftest import Ask
from tests.docs.markdown import ROOT, blocks, names, read, table

README = read("README.md")
API_PAGE = read("docs/api.md")
LOCAL = read("docs/local.md")
API = table(API_PAGE, "Method", "Path", "Key", "Does", "Statuses")
LOCAL_API = f"127.0.0.1:{DEFAULT_PORT}"


CURL = argparse.ArgumentParser("curl")
CURL.add_argument("-s", action="store_true")
CURL.add_argument("-g", action="store_true")
CURL.add_argument("-H", action="append", default=[])
CURL.add_argument("-d", default="")
CURL.add_argument("--data-binary", default="")
CURL.add_argument("url")


def curl_lines(text: str) -> list[str]:
    """The curl lines for the local API; those for a stack name its address in `$API_URL`."""
    lines = [line for line in text.splitlines() if line.startswith("curl ")]
    return [line for line in lines if "$API_URL" not in line]


def read_curl(line: str) -> Request:
    """The request that a curl line sends."""
    options = CURL.parse_args(shlex.split(line)[1:])
    url = options.url
    parts = urlsplit(url)
    assert parts.netloc == LOCAL_API, url
    if re.search(r"[\[\]{}]", url):
        assert options.g, "curl takes brackets for a range without -g"
    # Not parts.path: the text after the host is sent unchanged.
    target = url.partition(parts.netloc)[2]
    path, _, query = target.partition("?")
    headers = [header.split(": ", 1) for header in options.H]
    body = options.d.encode()
    if options.data_binary:
        assert options.data_binary.startswith("@")
        body = (ROOT / options.data_binary[1:]).read_bytes()
    return Request(
        "POST" if body else "GET",
        path.encode(),
        query.encode(),
        [(key.encode(), value.encode()) for key, value in headers],
        body,
    )


def test_every_curl_line_is_answered(ask: Ask) -> None:
    lines = [line for block in blocks(README + API_PAGE, "sh") for line in curl_lines(block.text)]
    kinds = set()
    for line in lines:
        request = read_curl(line)
        response = ask(request)
        assert response.status == 200, line
        # Scans of the sample feed, and of the sample reports.
        assert re.search(b"66b3763be7dbbbdfcd0[ab]00", response.body), f"finds nothing: {line}"
        kinds.add((request.method, request.raw_path.split(b"/")[2]))
    assert kinds >= {("GET", kind) for kind in (b"hash", b"ip", b"domain", b"url")}


def test_shown_answers_are_those_of_the_line_before(ask: Ask) -> None:
    shown = list(answers())
    assert len(shown) >= 4
    for line, answer in shown:
        assert_part_of(answer, json.loads(ask(read_curl(line)).body), line)


def answers() -> Iterator[tuple[str, Any]]:
    """Each shown answer with the last curl line before it."""
    line = ""
    for block in blocks(README + API_PAGE):
        lines = curl_lines(block.text)
        if lines:
            line = lines[-1]
        elif block.language == "json" and line:
            yield line, json.loads(block.text)


def assert_part_of(part: Any, whole: Any, where: str) -> None:
    """Every key of `part` is in `whole` with the same value; lists are as long."""
    if isinstance(part, dict):
        assert isinstance(whole, dict), where
        assert part.keys() <= whole.keys(), where
        for key, value in part.items():
            assert_part_of(value, whole[key], f"{where} {key}")
    elif isinstance(part, list):
        assert isinstance(whole, list), where
        assert len(part) == len(whole), where
        for one, other in zip(part, whole, strict=True):
            assert_part_of(one, other, where)
    else:
        assert part == whole, where


def test_shown_start_is_what_make_run_prints(summary: dict[str, Any], circle: list[str]) -> None:
    [shown] = [block.text for block in blocks(README, "console") if "make run" in block.text]
    numbered = re.findall(r"^\[(\d)/(\d)\] (.+)$", shown, re.MULTILINE)
    assert {int(of) for _, of, _ in numbered} == {up.STEPS}
    assert {int(step) for step, _, _ in numbered} == set(range(1, up.STEPS + 1))
    assert [text for step, _, text in numbered if step == "6"] == circle
    ingested = [text for step, _, text in numbered if step == "4"]
    seconds = re.compile(r"\d+\.\d s")
    assert [seconds.sub("", text) for text in ingested] == [
        seconds.sub("", text) for text in up._summary_lines(summary)
    ]


def test_the_key_in_the_examples_is_the_local_one() -> None:
    assert set(re.findall(r"(?:apikey|X-Api-Key): ([\w-]+)", README + API_PAGE)) == {
        DEFAULT_API_KEY
    }


KNOWN = {
    "hash": SAMPLE_HASH,
    "ip": SAMPLE_IP,
    "domain": SAMPLE_DOMAIN,
    "url": SAMPLE_URL,
    "key": DEFAULT_API_KEY,
    "value": SAMPLE_DOMAIN,
    "flow_id": "66b3763be7dbbbdfcd0a0014",
    "file": "blocklist/domain-malicious.txt",
    "collection": COLLECTION_ID,
    "object": f"indicator--{id_of('indicator', parse(IndicatorType.DOMAIN, SAMPLE_DOMAIN))}",
}
UNKNOWN = {
    "hash": "0" * 64,
    "ip": "198.51.100.77",
    "domain": "a.example",
    "url": "http://a.example/",
    "key": "0",
    "file": "a.txt",
    "collection": "0",
    "object": "0",
}
INVALID = {"hash": "0", "ip": "0", "domain": "0", "url": "mailto:a@b.example", "key": "-"}
FIELDS = {"hash": "hash", "ip": "address", "domain": "fqdn", "url": "url"}
JSON = (b"content-type", b"application/json")


def probes(method: str, path: str) -> Iterator[Request]:
    """Requests that get each answer of a route which does not depend on keys or failures."""
    key = (b"apikey", DEFAULT_API_KEY.encode())
    if path in {"/v4/overrides", "/v4/false-positives"} or path.endswith(
        ("/verdict", "/verdicts", "/false-positive")
    ):
        yield from annotation_probes(method, path, key)
        return
    for beginnings, of_family in PROBES.items():
        if path.startswith(beginnings):
            yield from of_family(method, path, key)
            return
    yield from look_up_probes(method, path, key)


def look_up_probes(method: str, path: str, key: tuple[bytes, bytes]) -> Iterator[Request]:
    """The same for a look-up, and for every other route of the v4 API."""
    kind = path.split("/")[2] if path.count("/") > 1 else ""
    if method == "POST":
        kind = "hash" if path.startswith("/v5/") else kind
        field = FIELDS[kind]
        good = json.dumps({field: [KNOWN[kind], UNKNOWN[kind]]}).encode()
        for body in (good, b"{}", b"[", json.dumps({field: []}).encode()):
            yield Request(method, path.encode(), headers=[key, JSON], body=body)
        yield Request(method, path.encode(), headers=[key, (b"content-type", b"a/b")], body=good)
        yield Request(method, path.encode(), headers=[key, JSON], body=b" " * 5_000_000)
        return
    for values in (KNOWN, UNKNOWN, INVALID):
        yield Request(method, filled(path, values).encode(), headers=[key])
    if path in {"/", "/docs", "/openapi.json"}:
        yield Request(method, path.encode(), headers=[(b"if-none-match", b"*")])


def sandbox_probes(method: str, path: str, key: tuple[bytes, bytes]) -> Iterator[Request]:
    """The same for a route of the sandbox's own API."""
    kind = path.rpartition("/")[2]
    if method == "POST":
        good = json.dumps([KNOWN[kind], UNKNOWN[kind]]).encode()
        for body in (good, b"{}", b"[", b"[]", b"[5]", b" " * 5_000_000):
            yield Request(method, path.encode(), headers=[key, JSON], body=body)
        yield Request(method, path.encode(), headers=[key, (b"content-type", b"a/b")], body=good)
        return
    parameter = "sha256" if kind == "hash" else "ioc_value"
    for values in (KNOWN, UNKNOWN, INVALID):
        query = urlencode({parameter: values[kind]}).encode()
        yield Request(method, path.encode(), query, headers=[key])
    yield Request(method, path.encode(), headers=[key])


def search_probes(method: str, path: str, key: tuple[bytes, bytes]) -> Iterator[Request]:
    """The same for searches."""
    if method == "POST":
        text = b'{"text": "hxxp://evil[.]example/"}'
        for body in (text, b"{}", b"[", b" " * 5_000_000):
            yield Request(method, path.encode(), headers=[key, JSON], body=body)
        for media_type in (b"text/plain", b"a/b"):
            headers = [key, (b"content-type", media_type)]
            yield Request(method, path.encode(), headers=headers, body=text)
        return
    kind = path.split("/")[3]
    for values in (KNOWN, UNKNOWN, INVALID):
        value, flow_id = values.get(kind, ""), values.get("flow_id", "0")
        asked = {"value": value, "flow_id": flow_id}
        yield Request(method, filled(path, asked).encode(), headers=[key])
    yield Request(method, filled(path, KNOWN).encode(), b"limit=0", headers=[key])


def export_probes(method: str, path: str, key: tuple[bytes, bytes]) -> Iterator[Request]:
    """The same for exports, whose table is larger than what is answered."""
    for values in (KNOWN, UNKNOWN) if "{" in path else (KNOWN,):
        yield Request(method, filled(path, values).encode(), headers=[key])
    if path == "/v4/exports":
        return
    known = filled(path, KNOWN | {"file": "iocs.csv"}).encode()
    yield Request(method, known, headers=[key])
    yield Request(method, known, headers=[key, (b"if-none-match", b"*")])
    if path.startswith("/taxii2"):
        yield Request(method, known, headers=[key, (b"accept", b"text/html")])
    if "/objects" in path or path.endswith("/manifest"):
        yield Request(method, known, b"limit=0", headers=[key])


def intake_probes(method: str, path: str, key: tuple[bytes, bytes]) -> Iterator[Request]:
    """The same for scan reports."""
    good = (SAMPLE_REPORTS / "picture.json").read_bytes()
    bomb = gzip.compress(b" " * (MAX_REPORT_BYTES + 1))
    packed = (b"content-encoding", b"gzip")
    yield Request(method, path.encode(), headers=[key, JSON], body=good)
    yield Request(method, path.encode(), headers=[key, JSON], body=b"{}")
    yield Request(method, path.encode(), headers=[key, (b"content-type", b"a/b")], body=good)
    yield Request(method, path.encode(), headers=[key, JSON, packed], body=bomb)
    reader = (b"apikey", READER_KEY.encode())
    yield Request(method, path.encode(), headers=[reader, JSON], body=good)


def index_probes(method: str, path: str, key: tuple[bytes, bytes]) -> Iterator[Request]:
    """The same for feeds and searches from the search index."""
    for query in (b"domain=evil.example", b"page=0&domain=x", b""):
        yield Request(method, path.encode(), query, headers=[key])


def feed_probes(method: str, path: str, key: tuple[bytes, bytes]) -> Iterator[Request]:
    """The same for the feed."""
    yield Request(method, path.encode(), headers=[key])
    if not path.endswith("/info"):
        yield Request(method, path.encode(), headers=[key, (b"if-none-match", b"*")])
        yield Request(method, path.encode(), b"cursor=b99", headers=[key])


def annotation_probes(method: str, path: str, key: tuple[bytes, bytes]) -> Iterator[Request]:
    """The same for overrides and reports of false positives."""
    if method == "GET":
        for query in (b"", b"limit=0"):
            yield Request(method, path.encode(), query, headers=[key])
        return
    kind = path.split("/")[3]
    given = {
        "hash": ("1" * 64, sha256(b"").hexdigest()),
        "ip": ("198.51.100.99", "127.0.0.1"),
        "domain": ("ours.example", "a.local"),
        "url": ("https://ours.example/", "https://ours.example/"),
    }
    known, harmless = given.get(kind, ("", ""))
    at = filled(path, {"value": known}).encode()
    if method == "DELETE":
        for value in (known, known, "http:"):
            yield Request(method, filled(path, {"value": value}).encode(), headers=[key])
        return
    body: dict[str, Any] = {"reason": "ours"}
    if method == "PUT":
        body["verdict"] = "MALICIOUS"
        yield Request(
            method,
            filled(path, {"value": harmless}).encode(),
            headers=[key, JSON],
            body=json.dumps(body).encode(),
        )
    if kind == "verdicts":
        item = {"type": "domain", "value": "ours.example", "verdict": "BENIGN", **body}
        body = {"verdicts": [item]}
    good = json.dumps(body).encode()
    for sent in (good, b"{}", b" " * 3_000_000):
        yield Request(method, at, headers=[key, JSON], body=sent)
    yield Request(method, at, headers=[key, (b"content-type", b"a/b")], body=good)


# The first family with a beginning of the path.
PROBES = {
    ("/v4/feed/", "/api/reports/search"): index_probes,
    (INTAKE,): intake_probes,
    ("/feed/", "/api/feed/"): feed_probes,
    ("/api/reputation/",): sandbox_probes,
    ("/v4/search", "/v4/ioc", "/v4/report/"): search_probes,
    ("/v4/exports", "/taxii2"): export_probes,
}


def filled(path: str, values: Mapping[str, str]) -> str:
    """The path with a value for its parameter."""
    return re.sub(r"\{(\w+)\}", lambda found: quote(values[found[1]], safe=""), path)


def test_api_table_has_every_status_that_a_route_answers_with(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MAX_ANSWERED_BYTES", 1000)
    for method, path, _, _, statuses in API:
        answered = {ask(request).status for request in probes(method, path)}
        # 403 is below the table, with the other statuses of every route with a key.
        assert answered <= {403, *map(int, names(statuses))}, f"{method} {path}"


def test_api_table_says_which_routes_need_a_key(ask: Ask) -> None:
    for method, path, key, _, _ in API:
        response: Response = ask(Request(method, filled(path, KNOWN).encode()))
        assert (response.status == 401) == (key != "no"), f"{method} {path}"


def test_docker_section_uses_the_ports_that_the_environment_file_names() -> None:
    variables = json.loads(read("local/sam-env.json"))
    engine = urlsplit(variables["LookupFunction"]["AWS_ENDPOINT_URL_DYNAMODB"]).port
    assert set(re.findall(r"(?:--port |172\.17\.0\.1:)(\d+)", LOCAL)) == {str(engine)}
    assert urlsplit(variables["IngestFunction"]["FEED_URL"]).port == feed.DEFAULT_PORT
