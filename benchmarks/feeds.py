"""Generates feeds: reports of ten IOCs, three of which occur in other reports as well."""

import hashlib
import itertools
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from shared.http.fetch import Fetched

FEED_URL = "http://feed.example/feed/reports"
PAGE = 100
IOCS = 10
# Of ten; they are drawn from a pool in which each is held by ten reports on average.
SHARED = 3
HOLDERS = 10
START_MS = 1_764_547_200_000
NOW_MS = START_MS + 40 * 86_400_000


def digest(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def flow_id(name: str, number: int) -> str:
    """Return the flow_id of a report."""
    return digest(f"{name}/{number}")[:24]


def indicator(name: str) -> tuple[str, str]:
    """Return type and value of an IOC: of ten, five hashes, two URLs, two domains, one address."""
    made = digest(name)
    match int(made[:4], 16) % 10:
        case 0 | 1 | 2 | 3 | 4:
            return "sha256", made
        case 5 | 6:
            return "url", f"http://{made[:10]}.example/{made[10:18]}/load.php?id={made[18:24]}"
        case 7 | 8:
            return "domain", f"{made[:14]}.example"
        case _:
            return "ip", f"11.{int(made[4:6], 16)}.{int(made[6:8], 16)}.{int(made[8:10], 16)}"


def stock(count: int) -> list[str]:
    """Return distinct keys of IOCs, such as `ip#11.0.0.1`, of the types of `indicator`."""
    keys: dict[str, None] = {}
    numbers = itertools.count()
    while len(keys) < count:
        kind, value = indicator(f"stock {next(numbers)}")
        keys[f"{kind}#{value}"] = None
    return list(keys)


def report(
    name: str, number: int, of: int, *, iocs: int = IOCS, shared: int = SHARED
) -> dict[str, Any]:
    """Return one report of a feed of `of` reports.

    Args:
        name: name of the feed; all feeds of one size have the same IOCs.
        number: number of the report in the feed.
        of: number of reports in the feed.
        iocs: number of IOCs in the report.
        shared: number of these that are drawn from the pool.
    """
    draw = random.Random(number)
    pool = max(shared, of * shared // HOLDERS)
    names = [f"pool {one}" for one in draw.sample(range(pool), shared)]
    names += [f"own {number} {one}" for one in range(iocs - shared)]
    held: dict[str, list[Any]] = {}
    for one in names:
        kind, value = indicator(one)
        held.setdefault(kind, []).append({"data": value, "verdict": "MALICIOUS"})
    return {
        "flow_id": flow_id(name, number),
        "report_id": digest(f"report {name} {number}")[:32],
        "date": datetime.fromtimestamp(START_MS / 1000 + number, UTC).isoformat(),
        "verdict": "MALICIOUS",
        "tags": ["peexe", "packed", "c2"],
        "iocs": held,
    }


@dataclass(frozen=True)
class Feed:
    """A feed that generates each page on request.

    Attributes:
        name: name of the feed.
        reports: number of reports.
        page: reports on a page.
    """

    name: str
    reports: int
    page: int = PAGE
    iocs: int = IOCS
    shared: int = SHARED

    def get(self, url: str) -> Fetched:
        """Return a page."""
        number = int(parse_qs(urlsplit(url).query).get("page", ["1"])[0])
        items = list(self._page(number))
        following = f"?page={number + 1}" if number * self.page < self.reports else None
        body = {"items": items, "count": len(items), "next": following}
        return Fetched(url, json.dumps(body).encode())

    def _page(self, number: int) -> Iterator[dict[str, Any]]:
        for one in range((number - 1) * self.page, min(number * self.page, self.reports)):
            # The newest first.
            at = self.reports - 1 - one
            yield report(self.name, at, self.reports, iocs=self.iocs, shared=self.shared)


@dataclass(frozen=True)
class StockFeed:
    """A feed of given IOCs, ten in a report.

    Attributes:
        keys: keys of the IOCs.
    """

    keys: Sequence[str]

    def get(self, url: str) -> Fetched:
        """Return a page."""
        number = int(parse_qs(urlsplit(url).query).get("page", ["1"])[0])
        size = PAGE * IOCS
        page = self.keys[(number - 1) * size : number * size]
        items = [self._report(page[at : at + IOCS]) for at in range(0, len(page), IOCS)]
        following = f"?page={number + 1}" if number * size < len(self.keys) else None
        body = {"items": items, "count": len(items), "next": following}
        return Fetched(url, json.dumps(body).encode())

    def _report(self, keys: Sequence[str]) -> dict[str, Any]:
        made = report(keys[0], 0, 1, iocs=0, shared=0)
        held: dict[str, list[Any]] = {}
        for key in keys:
            kind, _, value = key.partition("#")
            held.setdefault(kind, []).append({"data": value, "verdict": "MALICIOUS"})
        return {**made, "iocs": held}
