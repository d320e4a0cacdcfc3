import json
from collections import Counter

from benchmarks.feeds import FEED_URL, StockFeed, stock


def test_stock_is_made_of_distinct_iocs_in_the_shares_of_the_plan() -> None:
    keys = stock(5000)
    assert len(set(keys)) == 5000
    kinds = Counter(key.partition("#")[0] for key in keys)
    shares = {kind: round(count / 500) for kind, count in kinds.items()}
    assert shares == {"sha256": 5, "url": 2, "domain": 2, "ip": 1}


def test_feed_of_a_stock_holds_each_ioc_once() -> None:
    keys = stock(1234)
    feed, url = StockFeed(keys), FEED_URL
    found: list[str] = []
    reports: set[str] = set()
    while True:
        page = json.loads(feed.get(url).body)
        for report in page["items"]:
            reports.add(report["report_id"])
            found += [
                f"{kind}#{one['data']}" for kind, held in report["iocs"].items() for one in held
            ]
        if not page["next"]:
            break
        url = FEED_URL + page["next"]
    assert sorted(found) == sorted(keys)
    assert len(reports) == 124
