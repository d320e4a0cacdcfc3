"""`python -m local up`: from nothing to answers."""

import json
import shlex
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from local import feed
from local.environment import DEFAULT_API_KEY
from local.feed import SAMPLE_HASH
from tests.e2e.support import Up, ask

MD5 = "0253741EBA15BF82237A224AC27018B3"
SHA1 = "24B9CB79F5898FBAC98CA4AB45946D5C396011F7"


def test_it_says_what_it_does_and_shows_an_answer(up: Up) -> None:
    steps = [line for line in up.said if line.startswith("[")]
    numbers = [line[1:4] for line in steps]
    assert numbers == ["1/6", "2/6", "3/6", "4/6", "4/6", "5/6", "6/6", "6/6"]
    assert "complete" in steps[3]
    assert "3 scan reports accepted at /api/reports, 3 came back through /feed/reports" in steps[6]
    assert "loader.example is LIKELY_MALICIOUS, 2 scans" in steps[7]
    text = "\n".join(up.said)
    answer = json.loads(text[text.index("\n{") : text.rindex("}") + 1])
    assert answer["file_info"]["sha256"] == SAMPLE_HASH
    assert f"Or in a browser: {up.base}/ with the key {DEFAULT_API_KEY}" in up.said


def test_the_lines_to_paste_answer(up: Up) -> None:
    lines = [shlex.split(line) for line in up.said if "curl" in line]
    assert len(lines) == 4
    for *_, header, url in lines:
        answer = ask(up.base, url.removeprefix(up.base), key=header.removeprefix("apikey: "))
        assert answer.status == 200


def test_a_look_up_names_the_sample_report_that_it_comes_from(up: Up) -> None:
    answer = ask(up.base, "/v4/domain/loader.example")
    source = answer.body["lookup_results"]["sources"][0]
    assert (source["verdict"], source["scan_count"]) == ("LIKELY_MALICIOUS", 2)
    page = ask(up.base, "/feed/reports.json").body
    assert source["flow_id"] in {item["flow_id"] for item in page["items"]}


@pytest.mark.parametrize(
    ("value", "count"), [(SAMPLE_HASH, 3), (SAMPLE_HASH.lower(), 3), (SHA1, 3), (MD5, 3)]
)
def test_a_hash(up: Up, value: str, count: int) -> None:
    answer = ask(up.base, f"/v4/hash/{value}")
    assert answer.status == 200
    results = answer.body["scan_results"]
    assert results["scan_all_result_a"] == "Infected"
    assert results["scan_details"]["MetaDefender Sandbox"]["scan_count"] == count


def test_a_hash_joins_what_its_reports_say(up: Up) -> None:
    body = ask(up.base, f"/v4/hash/{SAMPLE_HASH}").body
    details = body["scan_results"]["scan_details"]["MetaDefender Sandbox"]
    assert details["flow_id"] == "66b3763be7dbbbdfcd0a0014"
    assert details["first_seen"] == "2025-02-01T07:59:00.000Z"
    assert details["last_seen"] == "2025-06-01T08:00:00.000Z"
    assert set(details["tags"]) == {"anti-vm", "dropper", "packed", "peexe"}


@pytest.mark.parametrize(
    ("target", "address", "verdict", "count"),
    [
        ("/v4/ip/203.0.113.7", "203.0.113.7", "MALICIOUS", 3),
        ("/v4/ip/2001:db8::7", "2001:db8::7", "SUSPICIOUS", 2),
        ("/v4/ip/2001%3A0DB8%3A%3A0007", "2001:db8::7", "SUSPICIOUS", 2),
        ("/v4/ip/192.0.2.33", "192.0.2.33", "SUSPICIOUS", 1),
        ("/v4/domain/evil.example", "evil.example", "MALICIOUS", 2),
        ("/v4/domain/EVIL.Example.", "evil.example", "MALICIOUS", 2),
        ("/v4/domain/login.evil.example", "login.evil.example", "SUSPICIOUS", 2),
        ("/v4/domain/b%C3%BCcher.example", "xn--bcher-kva.example", "MALICIOUS", 2),
        ("/v4/domain/updates.example.com", "updates.example.com", "BENIGN", 12),
        ("/v4/url/http%3A%2F%2Fevil.example%2F", "http://evil.example/", "MALICIOUS", 2),
        ("/v4/url/http%253A%252F%252Fevil.example%252F", "http://evil.example/", "MALICIOUS", 2),
        ("/v4/url/http://evil.example/", "http://evil.example/", "MALICIOUS", 2),
        ("/v4/url/http://evil.example", "http://evil.example", "MALICIOUS", 2),
        ("/v4/url/HXXP://evil[.]example", "http://evil.example", "MALICIOUS", 2),
        ("/v4/url/HXXP%3A%2F%2Fevil%5B.%5Dexample", "http://evil.example", "MALICIOUS", 2),
        (
            "/v4/url/http%3A%2F%2Fevil.example%2FPayload%2FStage2.BIN%3FID%3D7",
            "http://evil.example/Payload/Stage2.BIN?ID=7",
            "MALICIOUS",
            1,
        ),
    ],
)
def test_an_address(up: Up, target: str, address: str, verdict: str, count: int) -> None:
    answer = ask(up.base, target)
    assert answer.status == 200
    assert answer.body["success"] is True
    assert answer.body["address"] == address
    source = answer.body["lookup_results"]["sources"][0]
    assert (source["verdict"], source["scan_count"]) == (verdict, count)


def test_a_url_that_is_not_encoded_and_has_a_query_is_refused(up: Up) -> None:
    answer = ask(up.base, "/v4/url/http://evil.example/Payload/Stage2.BIN?ID=7")
    assert answer.status == 400
    assert answer.body["error"]["code"] == 400180


def test_a_url_longer_than_a_key_of_the_store(up: Up) -> None:
    page = json.loads((feed.PAGES / "page-1.json").read_bytes())
    urls = [ioc["data"] for report in page["items"] for ioc in report["iocs"].get("url", [])]
    long = max(urls, key=len)
    assert len(long) > 2048
    answer = ask(up.base, f"/v4/url/{quote(long, safe='')}")
    assert answer.body["address"] == long
    assert answer.body["lookup_results"]["sources"][0]["verdict"] == "SUSPICIOUS"


@pytest.mark.parametrize(
    "target",
    [
        "/v4/domain/never-stored.example",  # the report's date does not exist
        "/v4/domain/no-flow.example",
        "/v4/domain/from-the-future.example",
        "/v4/domain/undetermined.example",
        "/v4/domain/pay.example",  # its only verdict is none that anybody knows
        "/v4/domain/mail.example.org",
        "/v4/ip/198.51.100.200",
    ],
)
def test_what_was_not_stored_is_not_known(up: Up, target: str) -> None:
    answer = ask(up.base, target)
    assert answer.status == 200
    assert answer.body["lookup_results"]["detected_by"] == 0
    assert answer.body["lookup_results"]["sources"][0]["status"] == 5


def test_a_hash_that_is_not_known(up: Up) -> None:
    answer = ask(up.base, "/v4/hash/" + "0" * 64)
    assert (answer.status, answer.body["error"]["code"]) == (404, 404003)


@pytest.mark.parametrize(("key", "code"), [(None, 401001), ("another-key", 401006)])
def test_without_a_key_that_is_known_there_is_no_answer(up: Up, key: str | None, code: int) -> None:
    answer = ask(up.base, f"/v4/hash/{SAMPLE_HASH}", key=key)
    assert (answer.status, answer.body["error"]["code"]) == (401, code)


def test_answers_at_once_do_not_mix(up: Up) -> None:
    domains = [f"d{number}.example" for number in range(64)]
    with ThreadPoolExecutor(32) as pool:
        answers = pool.map(lambda domain: ask(up.base, f"/v4/domain/{domain}"), domains)
        assert [answer.body["address"] for answer in answers] == domains


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_of_it(number: int) -> None:
    stack = Up(API_KEY="k'ey")
    assert ask(stack.base, f"/v4/hash/{SAMPLE_HASH}", key="k'ey").status == 200
    assert stack.stop(number) == 0
    for address in (stack.base, stack.engine):
        host, port = address.removeprefix("http://").split(":")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)), timeout=1)
