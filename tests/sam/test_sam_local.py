"""The built functions under the real `sam local`, by the commands of docs/local.md."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from local.events import Request, http_event
from local.feed import SAMPLE_DOMAIN, SAMPLE_HASH, SAMPLE_IP, SAMPLE_URL
from tests.command_line import ROOT
from tests.deploy.support import SAMPLE_IOCS
from tests.sam.support import Answer, Row, SamLocal, ask

INVOKE, START_API = "sam local invoke", "sam local start-api"
# Neither is known without its query; the first has an encoded slash of its own in it.
EVIL_QUERY = "https://pay.example/login?next=%2Fhome&lang=EN"
FINE_QUERY = "https://www.example.com/about?lang=en"
VERDICTS = {
    SAMPLE_HASH: "MALICIOUS",
    SAMPLE_IP: "MALICIOUS",
    SAMPLE_DOMAIN: "MALICIOUS",
    SAMPLE_URL: "MALICIOUS",
    EVIL_QUERY: "MALICIOUS",
    FINE_QUERY: "NO_THREAT",
    "http://fine.example/": "UNKNOWN",
}
# Decoded once more than it was encoded, each of them is another URL.
ESCAPES = (
    "http://host.example/a%3Fb=1",
    "http://host.example/a%2Fb",
    "http://host.example/a%252Fb",
    "http://host.example/a%23b",
    "http://host.example//a",
    "http://host.example/?u=http%3A%2F%2Fhost.example%2F%3Fa%3D1%26b",
    "http://host.example/a+b?c+d%2Be",
)
SINGLE = {"hash": SAMPLE_HASH, "ip": SAMPLE_IP, "domain": SAMPLE_DOMAIN, "url": SAMPLE_URL}


def entered(rows: list[Row], asked: str, through: str, answer: Answer, *values: str) -> bool:
    """Enter an answer into the table; whether it is for these indicators, and right for each."""
    found = answer.verdicts()
    right = found == {value: VERDICTS[value] for value in values}
    rows.append(Row(asked, through, str(answer.status), ", ".join(found.values()), mark(right)))
    return right


def named(kind: str, value: str) -> str:
    """An indicator as the table has it."""
    return f"{kind} {value[:12]}..." if kind == "hash" else f"{kind} {value}"


def mark(right: bool) -> str:
    return "right" if right else "WRONG"


def of_function(result: dict[str, Any]) -> Answer:
    return Answer(result["statusCode"], json.loads(result["body"]))


def once(url: str) -> str:
    """The path that every client of the contract asks for a URL."""
    return f"/v4/url/{quote(url, safe='')}"


def test_a_run_of_the_timer_reads_the_sample_feed(timer_run: Any, rows: list[Row]) -> None:
    new = timer_run["iocs_new"]
    right = timer_run["complete"] and new == SAMPLE_IOCS
    rows.append(Row("a run of the timer", INVOKE, "", f"{new} IOCs new", mark(right)))
    assert right, timer_run


def test_a_function_answers_an_event(sam: SamLocal, rows: list[Row]) -> None:
    event = ROOT / "events" / "apigateway-aws-proxy-hash.json"
    answer = of_function(sam.invoke("LookupFunction", event))
    assert entered(rows, named("hash", SAMPLE_HASH), INVOKE, answer, SAMPLE_HASH), answer


def test_a_function_answers_a_bulk(sam: SamLocal, rows: list[Row]) -> None:
    event = ROOT / "events" / "apigateway-aws-proxy-bulk-url.json"
    answer = of_function(sam.invoke("LookupFunction", event))
    values = (SAMPLE_URL, "http://fine.example/")
    assert entered(rows, "bulk of 2 urls", INVOKE, answer, *values), answer


def test_a_function_answers_for_a_url_with_a_query(sam: SamLocal, rows: list[Row]) -> None:
    headers = [(b"apikey", b"local-demo-key")]
    request = Request("GET", once(EVIL_QUERY).encode(), headers=headers)
    answer = of_function(
        sam.invoke("LookupFunction", http_event(request, "test", datetime.now(UTC)))
    )
    assert entered(rows, named("url", EVIL_QUERY), INVOKE, answer, EVIL_QUERY), answer


@pytest.mark.parametrize("kind", SINGLE)
def test_the_api_answers_a_look_up(api: str, rows: list[Row], kind: str) -> None:
    answer = ask(api, f"/v4/{kind}/{quote(SINGLE[kind], safe='')}")
    assert entered(rows, named(kind, SINGLE[kind]), START_API, answer, SINGLE[kind]), answer


@pytest.mark.parametrize("url", [EVIL_QUERY, FINE_QUERY])
def test_the_api_answers_for_a_url_with_a_query(api: str, rows: list[Row], url: str) -> None:
    answer = ask(api, once(url))
    assert entered(rows, named("url", url), START_API, answer, url), answer


def test_the_api_refuses_a_url_with_a_query_that_is_not_encoded(api: str, rows: list[Row]) -> None:
    answer = ask(api, f"/v4/url/{EVIL_QUERY}")
    right = answer.status == 400 and answer.body["error"]["code"] == 400180
    asked = f"url {EVIL_QUERY}, not encoded"
    rows.append(Row(asked, START_API, str(answer.status), "refused", mark(right)))
    assert right, answer


@pytest.mark.parametrize("times", [1, 2])
def test_the_api_answers_for_a_url_with_escapes(api: str, rows: list[Row], times: int) -> None:
    paths = {url: once(url) if times == 1 else once(quote(url, safe="")) for url in ESCAPES}
    others = {
        url: answer
        for url, answer in ((url, ask(api, path)) for url, path in paths.items())
        if list(answer.verdicts()) != [url]
    }
    asked = f"{len(ESCAPES)} urls with escapes, encoded {'once' if times == 1 else 'twice'}"
    found = f"{len(ESCAPES) - len(others)} for themselves"
    rows.append(Row(asked, START_API, "", found, mark(not others)))
    assert not others


def test_sam_local_itself_decodes_a_path(api: str, rows: list[Row]) -> None:
    """No front on AWS does; here a URL that is not encoded is answered for another."""
    answer = ask(api, "/v4/url/http://host.example/a%2Fb")
    assert list(answer.verdicts()) == ["http://host.example/a/b"]
    asked = "url http://host.example/a%2Fb, not encoded"
    found = "UNKNOWN, for http://host.example/a/b"
    rows.append(Row(asked, START_API, "200", found, "sam local decodes the path"))


def test_the_api_answers_a_bulk(api: str, rows: list[Row]) -> None:
    values = [EVIL_QUERY, FINE_QUERY, "http://fine.example/"]
    answer = ask(api, "/v4/url", json.dumps({"url": values}).encode())
    assert entered(rows, "bulk of 3 urls, 2 with a query", START_API, answer, *values), answer


def test_the_api_takes_a_scan_report_and_publishes_it(api: str, rows: list[Row]) -> None:
    report = (ROOT / "local" / "sample_reports" / "order.json").read_bytes()
    sent = ask(api, "/api/reports", report)
    (taken,) = sent.body["reports"]
    right = taken["status"] == "published"
    verdict = f"{taken['status']}, {taken['iocs']} IOCs"
    rows.append(Row("a scan report, posted", START_API, str(sent.status), verdict, mark(right)))
    assert right, sent
    page = ask(api, "/feed/reports")
    published = [one["flow_id"] for one in page.body["items"]]
    right = published == [taken["flow_id"]]
    verdict = f"{len(published)} report"
    rows.append(Row("the feed of reports", START_API, str(page.status), verdict, mark(right)))
    assert right, page
