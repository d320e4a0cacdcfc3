"""The report intake and the feed: their bodies, and what clients and parsers read of them."""

import json

import feedparser

from local.publish import INTAKE
from local.up import SAMPLE_REPORTS
from shared.sandbox import feed_models as models
from tests.contract.support import READER_KEY, Api

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
    assert (reply.status, reply.body) == (403, {"detail": "The API key may not send scan reports"})
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


def test_the_feed_is_atom_to_a_parser(api: Api) -> None:
    reply = api.ask("/feed/reports", accept="application/atom+xml")
    assert reply.headers["content-type"] == "application/atom+xml; charset=utf-8"
    feed = feedparser.parse(reply.text.encode())
    assert (feed.version, feed.bozo) == ("atom10", False)
    for entry in feed.entries:
        assert entry.id
        assert entry.title
        assert entry.updated_parsed
        [content] = entry.content
        models.FeedReport.model_validate_json(content.value)


def test_information_has_the_four_keys_of_the_sandbox(api: Api) -> None:
    reply = api.ask("/api/feed/reports/info")
    models.FeedInfo.model_validate_json(reply.text)
    assert reply.body.keys() == {"count", "length", "updated", "download_allowed"}
    assert reply.body["count"] >= len(FLOW_IDS)
