"""The report intake and the feed: their bodies, and what clients and parsers read of them."""

import json
from urllib.parse import urlsplit
from xml.etree import ElementTree

from local.openapi_models import feed as models
from local.publish import INTAKE
from local.up import SAMPLE_REPORTS
from shared.formats.feed.reader import read_page
from tests.contract.support import READER_KEY, Api

ATOM = "{http://www.w3.org/2005/Atom}"
FLOW_IDS = {json.loads(path.read_bytes())["flowId"] for path in SAMPLE_REPORTS.glob("*.json")}


def test_a_report_that_is_taken_is_told_of(api: Api) -> None:
    body = json.loads((SAMPLE_REPORTS / "picture.json").read_bytes())
    body["reports"]["another"] = "no report"
    reply = api.ask(INTAKE, method="POST", body=body)
    assert reply.status == 200
    models.TakenReports.model_validate_json(reply.text)
    assert [one["status"] for one in reply.body["reports"]] == ["unchanged", "rejected"]


def test_a_key_has_to_be_one_that_may_publish(api: Api) -> None:
    reply = api.ask(INTAKE, method="POST", body={}, apikey=READER_KEY)
    assert (reply.status, reply.body) == (403, {"detail": "The API key lacks the right: publish"})
    assert api.ask("/feed/reports", apikey=READER_KEY).status == 200


def test_following_the_feed_shows_every_report_once(api: Api) -> None:
    flow_ids = []
    target: str | None = "?order=oldest_first&limit=1"
    while target:
        reply = api.ask(f"/feed/reports.json{target}")
        models.FeedPage.model_validate_json(reply.text)
        flow_ids += [item["flow_id"] for item in reply.body["items"]]
        target = reply.body["next"]
    assert len(flow_ids) == len(set(flow_ids))
    assert set(flow_ids) >= FLOW_IDS
    last = api.ask(f"/feed/reports.json{reply.body['newer']}").body
    assert (last["items"], last["newer"]) == ([], reply.body["newer"])


def test_a_page_that_is_known_is_not_sent_again(api: Api) -> None:
    first = api.ask("/api/feed/reports")
    again = api.ask("/api/feed/reports", **{"if-none-match": first.headers["etag"]})
    assert (again.status, again.text) == (304, "")
    assert again.headers["etag"] == first.headers["etag"]


def test_the_feed_is_atom_with_what_the_json_pages_hold(api: Api) -> None:
    reply = api.ask("/feed/reports", accept="application/atom+xml")
    assert reply.headers["content-type"] == "application/atom+xml; charset=utf-8"
    feed = ElementTree.fromstring(reply.text)  # noqa: S314
    assert feed.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated"):
        assert all(entry.findtext(ATOM + name) for entry in feed.findall(f"{ATOM}entry"))
    items = api.ask("/feed/reports.json").body["items"]
    assert read_page(reply.text.encode()).reports == items


def test_a_consumer_of_the_vendors_feed_finds_every_domain_and_address(api: Api) -> None:
    reply = api.ask("/feed/reports", accept="application/atom+xml")
    expected = {
        (kind, ioc["data"], item["verdict"])
        for item in api.ask("/feed/reports.json").body["items"]
        for kind in ("domain", "ip")
        for ioc in item["iocs"].get(kind, [])
    }
    assert {kind for kind, _, _ in expected} == {"domain", "ip"}
    assert _read_as_the_known_consumer(reply.text) == expected


def _read_as_the_known_consumer(text: str) -> set[tuple[str, str, str]]:
    """What the one public consumer of the vendor's feed finds: the same paths, the same host."""
    found = set()
    details_path = f"{ATOM}entry/{ATOM}content/{ATOM}details"
    for details in ElementTree.fromstring(text).findall(details_path):  # noqa: S314
        verdict = details.findtext(f"{ATOM}verdict") or ""
        for kind, container, child in (("domain", "domains", "url"), ("ip", "ips", "ip")):
            for value in details.findall(f".//{ATOM}iocs/{ATOM}{container}/{ATOM}value"):
                text = value.findtext(ATOM + child) or ""
                address = text if "://" in text else f"http://{text}"
                host = urlsplit(address).netloc.split(":")[0]
                found.add((kind, host if kind == "domain" else text, verdict))
    return found


def test_information_has_the_four_keys_of_the_sandbox(api: Api) -> None:
    reply = api.ask("/api/feed/reports/info")
    models.FeedInfo.model_validate_json(reply.text)
    assert reply.body.keys() == {"count", "length", "updated", "download_allowed"}
    assert reply.body["count"] >= len(FLOW_IDS)
