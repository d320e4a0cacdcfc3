"""The publish handler over HTTP: who may send and read, in which form, and what is refused."""

import gzip
import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.publish.app import lambda_handler
from local.server import HOST
from shared.formats.feed.reader import read_page
from shared.store.api_keys import ALL_RIGHTS, ApiKeys
from tests.conftest import Store
from tests.contract.support import Api, Reply, serving
from tests.scans import FLOW_ID, REPORT_ID, body_of, raw_scan, raw_scan_report, scan_ioc

READER, WRITER = "a-key-that-reads", "a-key-that-publishes"
SECRET = "secret-name.example"


@pytest.fixture
def api(
    engine_store: Store, fresh_handlers: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Api]:
    for name, value in engine_store.env().items():
        monkeypatch.setenv(name, value)
    keys = ApiKeys(engine_store.client, engine_store.state_table)
    keys.put(READER, "reader", 0)
    keys.put(WRITER, "writer", 0, rights=ALL_RIGHTS)
    with serving(lambda_handler) as served:
        yield Api(served.port, READER)


def send(
    api: Api, body: bytes, path: str = "/api/reports", *, key: str = WRITER, **headers: str
) -> Reply:
    """POST bytes as they are."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return _exchange(api, "POST", path, body, {"x-api-key": key, **named})


def _exchange(
    api: Api, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> Reply:
    connection = http.client.HTTPConnection(HOST, api.port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        raw = answer.read()
        if names.get("content-encoding") == "gzip":
            raw = gzip.decompress(raw)
        return Reply(answer.status, names, raw.decode())
    finally:
        connection.close()


def scan(number: int = 1, **fields: Any) -> bytes:
    return body_of(raw_scan(raw_scan_report(**fields), flow_id=f"flow-{number}"))


def test_a_report_that_is_sent_is_in_the_feed(api: Api) -> None:
    body = body_of(raw_scan(raw_scan_report()))
    sent = send(api, body)
    assert (sent.status, sent.body) == (
        200,
        {
            "reports": [
                {
                    "flow_id": FLOW_ID,
                    "report_id": REPORT_ID,
                    "status": "published",
                    "verdicts": {"MALICIOUS": 4},
                    "asked": True,
                    "iocs": 4,
                    "passed_over": 0,
                    "rejected": [],
                    "rejected_count": 0,
                }
            ]
        },
    )
    assert send(api, body).body["reports"][0]["status"] == "unchanged"
    [item] = api.ask("/feed/reports.json").body["items"]
    assert (item["flow_id"], item["report_id"]) == (FLOW_ID, REPORT_ID)


def test_a_bad_report_beside_a_good_one_is_told(api: Api) -> None:
    body = body_of(raw_scan(raw_scan_report(), raw_scan_report(created_date="never")))
    sent = send(api, body)
    assert [one["status"] for one in sent.body["reports"]] == ["published", "rejected"]
    assert "date" in sent.body["reports"][1]["reason"]


@pytest.mark.parametrize("headers", [{"content_type": "application/json; charset=utf-8"}, {}])
def test_a_compressed_report_is_taken(api: Api, headers: dict[str, str]) -> None:
    sent = send(api, gzip.compress(scan()), content_encoding="gzip", **headers)
    assert sent.status == 200


BAD = body_of(raw_scan(raw_scan_report(created_date="never")))


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 422),
        (b"{", {}, 422),
        (b"[]", {}, 422),
        (b"\xff", {}, 422),
        (body_of({"reports": {}}), {}, 422),
        (BAD, {}, 422),
        (body_of(raw_scan(raw_scan_report(), allFinished=False)), {}, 422),
        (scan(), {"content_type": "text/plain"}, 415),
        (scan(), {"content_encoding": "br"}, 415),
        (b"no gzip", {"content_encoding": "gzip"}, 422),
        (gzip.compress(bytes(33 * 2**20), 1, mtime=0), {"content_encoding": "gzip"}, 413),
        (bytes(11 * 2**20), {}, 413),
        (scan(), {"key": READER}, 403),
        (scan(), {"key": "nobody"}, 401),
        (scan(), {"key": ""}, 401),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_refused_leaves_the_feed_as_it_was(
    api: Api, body: bytes, headers: Any, status: int
) -> None:
    refused = send(api, body, **headers)
    assert refused.status == status
    # What the gateway refuses has the shape of the v4 API, because it knows no other.
    assert refused.body.keys() in ({"detail"}, {"success", "error"})
    assert api.ask("/feed/reports/info").body["count"] == 0


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/api/reports", 405, "POST"),
        ("POST", "/feed/reports", 405, "GET"),
        ("DELETE", "/api/feed/reports/info", 405, "GET"),
        ("GET", "/feed/nothing", 404, None),
        ("GET", "/feed/reports?cursor=c5", 422, None),
        ("GET", "/feed/reports.json?limit=0", 422, None),
        ("GET", "/feed/reports?order=sideways", 422, None),
        ("GET", "/feed/reports?cursor=a1", 422, None),
    ],
)
def test_what_there_is_not(api: Api, method: str, path: str, status: int, allow: Any) -> None:
    reply = api.ask(path, method=method)
    assert (reply.status, reply.headers.get("allow")) == (status, allow)
    assert isinstance(reply.body["detail"], str)


@pytest.mark.parametrize("header", ["apikey", "X-Api-Key", "x-api-key", "ApiKey"])
def test_a_key_in_either_header(api: Api, header: str) -> None:
    assert _exchange(api, "GET", "/feed/reports", None, {header: READER}).status == 200
    assert _exchange(api, "GET", "/feed/reports", None, {header: "nobody"}).status == 401
    assert _exchange(api, "GET", "/feed/reports", None, {}).status == 401


def test_the_feed_in_the_form_that_is_asked_for(api: Api) -> None:
    for n in range(3):
        send(api, scan(n))
    atom = api.ask("/feed/reports")
    assert atom.headers["content-type"] == "application/atom+xml; charset=utf-8"
    names = [one["flow_id"] for one in read_page(atom.text.encode()).reports]  # type: ignore[index]
    assert names == ["flow-2", "flow-1", "flow-0"]
    for json_page in (
        api.ask("/feed/reports", accept="application/json"),
        api.ask("/feed/reports.json", accept="application/atom+xml"),
    ):
        assert json_page.headers["content-type"] == "application/json; charset=utf-8"
        assert [one["flow_id"] for one in json_page.body["items"]] == ["flow-2", "flow-1", "flow-0"]
    assert "Accept" in atom.headers["vary"].split(", ")


@pytest.mark.parametrize("path", ["/reports", "/reports.json?limit=2", "/reports/info"])
def test_the_feed_stands_under_both_addresses(api: Api, path: str) -> None:
    for n in range(3):
        send(api, scan(n))
    assert api.ask(f"/api/feed{path}").text == api.ask(f"/feed{path}").text
    assert api.ask(f"/feed{path}").status == 200


def test_a_page_leads_to_the_next_one_and_to_what_is_newer(api: Api) -> None:
    for n in range(3):
        send(api, scan(n))
    first = api.ask("/feed/reports.json?limit=2").body
    second = api.ask(f"/feed/reports.json{first['next']}").body
    assert [one["flow_id"] for one in second["items"]] == ["flow-0"]
    assert second["next"] is None
    send(api, scan(3))
    newer = api.ask(f"/feed/reports.json{first['newer']}").body
    assert [one["flow_id"] for one in newer["items"]] == ["flow-3"]


def test_what_did_not_change_is_not_sent_again(api: Api) -> None:
    send(api, scan(1))
    first = api.ask("/feed/reports.json")
    tag = first.headers["etag"]
    for known in (tag, f'"other", {tag}', "*"):
        again = api.ask("/feed/reports.json", **{"if-none-match": known})
        assert (again.status, again.text, again.headers["etag"]) == (304, "", tag)
    assert api.ask("/feed/reports", **{"if-none-match": tag}).status == 200
    send(api, scan(2))
    changed = api.ask("/feed/reports.json", **{"if-none-match": tag})
    assert (changed.status, changed.headers["etag"] != tag) == (200, True)


@pytest.mark.parametrize("path", ["/feed/reports", "/feed/reports.json"])
def test_a_large_page_is_compressed_for_who_reads_it(api: Api, path: str) -> None:
    many = {"domain": [scan_ioc(f"{n}.example", "MALICIOUS") for n in range(500)]}
    send(api, scan(1, iocs=many))
    plain = _exchange(api, "GET", path, None, {"apikey": READER})
    packed = _exchange(api, "GET", path, None, {"apikey": READER, "accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.text) / 4
    assert packed.text == plain.text
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept, Accept-Encoding"


def test_what_the_feed_says_of_itself(api: Api) -> None:
    empty = api.ask("/feed/reports/info").body
    assert empty == {"count": 0, "length": 0, "updated": 0, "download_allowed": True}
    send(api, scan(1))
    send(api, scan(2))
    send(api, scan(2, finalVerdict={"verdict": "BENIGN"}))
    info = api.ask("/feed/reports/info").body
    items = api.ask("/feed/reports.json").body["items"]
    assert info["count"] == len(items) == 2
    assert info["length"] == sum(len(json.dumps(one, separators=(",", ":"))) for one in items)
    assert info["updated"] > 1_700_000_000


def test_nothing_that_was_sent_is_in_a_log_line(
    api: Api,
    engine_store: Store,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    iocs = {"domain": [scan_ioc(SECRET, "MALICIOUS"), scan_ioc(f"no {SECRET}")]}
    refused = send(api, scan(1, iocs=iocs, created_date=SECRET, file={"name": SECRET}))
    assert refused.status == 422
    assert send(api, scan(1), key=SECRET).status == 401
    engine_store.client.delete_table(TableName=engine_store.report_table)
    failed = send(api, scan(1, iocs=iocs))
    assert failed.status == 503
    captured = capsys.readouterr()
    # Each has its own message and fields: where a line is split does not matter.
    logged = captured.out + captured.err + "".join(str(vars(one)) for one in caplog.records)
    assert "store failed" in logged
    for hidden in (SECRET, WRITER, "flow-1", "evil.example"):
        assert hidden not in logged
        assert hidden not in refused.text
        assert hidden not in failed.text
