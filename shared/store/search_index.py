"""The search index: an optional table of all sightings, by IOC, scan and day.

pk                 sk                               attributes
sightings#<ioc>    <date>.<scan>.<shown>.<whole>    one whole sighting, in the attributes that
                                                    shared.store.items describes; <shown> is a
                                                    digest of what the list of sightings shows,
                                                    <whole> of the sighting. Earlier versions wrote
                                                    rows without <whole>, and with flow, report,
                                                    verdict, parent and origin only
day#<day>#<shard>  <date>.<scan>.<content>.<part>   flow, report, parent, and body: type, value,
                                                    verdict, origin, source and details of each of
                                                    its IOCs, as JSON, compressed by gzip. Earlier
                                                    versions wrote no source and no details
days#              <day>                            none; the day has reports
scan#<scan>        as in day#                       none; the position of a report of the scan

Dates are those of reports. All parts of a key derive from the content of a report, and items are
only added: writing them twice, late, in any order or from several runs gives the same table.
docs/adr/0015 explains why.
"""

import gzip
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from typing import Any, Generic, NamedTuple, TypeVar

from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.moment import to_millis
from shared.domain.reputation import ScanVerdict, Sighting
from shared.domain.verdict import Verdict
from shared.store.batch import MAX_BATCH_WRITE, Item, batch_delete, batch_put
from shared.store.client import DynamoDBClient, Table, store_errors
from shared.store.items import has_expired, read_scan, summary_attributes
from shared.store.keys import Prefix, day_key, days_key, flow_key, scan_key, sightings_key
from shared.store.whole_table import Page as ScanPage
from shared.store.whole_table import read_all

# A partition takes a thousand writes a second, so the reports of a day are spread over four.
SHARDS = 4
# Limits of reports and days that one request reads before it returns its results.
MAX_READ = 500
MAX_DAYS = 30
# DynamoDB's limits are 400 KB for an item and 16 MB for a batch of 25.
_MAX_BODY_BYTES = 300_000
_READ_AHEAD = 25
_DIGEST_DIGITS = 8
_CURSOR = re.compile(r"([0-9]{13}\.[0-9a-f]{20}\.[0-9a-f]{32}\.[0-9]{4})\.([0-9]{1,6})")
_SIGHTING_CURSOR = re.compile(r"[0-9]{13}\.[0-9a-f]{20}\.[0-9a-f]{8}(?:\.[0-9a-f]{8})?")
# Sorts after every key.
_LAST = "~"

_Row = TypeVar("_Row")


class BadCursor(ValueError):
    """The text is not a valid cursor."""


class SeenIoc(NamedTuple):
    """One IOC with its latest scan verdict in one report."""

    indicator: Indicator
    latest: ScanVerdict


@dataclass(frozen=True, slots=True)
class ResultPage(Generic[_Row]):
    """A page of results, the newest first.

    Attributes:
        cursor: position of the next page, "" at the end.
    """

    rows: Sequence[_Row]
    cursor: str


class SearchIndex(Table):
    """Writes and reads the index.

    Args:
        retention_s: how long an entry is kept after the date of its report, 0 for unlimited.
        clock: seconds since the epoch; entries whose retention has ended by then are not read.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        *,
        retention_s: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(client, table_name)
        self._retention_s = retention_s
        self._clock = clock

    def add(self, reports: Iterable[tuple[bytes, Sequence[Sighting]]], pool: Executor) -> None:
        """Add reports; safe to repeat, to interrupt and to run concurrently.

        Args:
            reports: pairs of the digest of a report's content and its sightings.
            pool: runs the writes.

        Raises:
            StoreError: the store failed; the caller has to add the reports again.
        """
        items = {
            (item["pk"]["S"], item["sk"]["S"]): item
            for content, sightings in reports
            for item in self._items(content, sightings)
        }
        # A batch must not contain an item twice.
        distinct = list(items.values())
        batches = [
            distinct[at : at + MAX_BATCH_WRITE] for at in range(0, len(distinct), MAX_BATCH_WRITE)
        ]
        futures = [pool.submit(batch_put, self._client, self._table, batch) for batch in batches]
        wait(futures)
        for future in futures:
            future.result()

    def move(self, old: Indicator, new: Indicator) -> int:
        """Move the sightings of an IOC to its new canonical form.

        Safe to repeat and to interrupt.

        Returns:
            The number of sightings moved.

        Raises:
            StoreError: the store failed; the caller should retry.
        """
        rows = list(self._query(sightings_key(old), _LAST))
        pk = {"S": sightings_key(new)}
        batch_put(self._client, self._table, [{**row, "pk": pk} for row in rows])
        keys = [{"pk": row["pk"], "sk": row["sk"]} for row in rows]
        batch_delete(self._client, self._table, keys)
        return len(rows)

    def read_reports(self, take: Callable[[Item], None], segments: int) -> None:
        """Pass each row that holds the IOCs of a report to `take`; reads the whole table.

        Raises:
            StoreError: the store failed.
        """

        def take_page(page: ScanPage) -> None:
            for item in page:
                take(item)

        read_all(
            self._client,
            self._table,
            take_page,
            left=lambda: 1.0,
            segments=segments,
            ConsistentRead=True,
            FilterExpression="begins_with(pk, :day)",
            ExpressionAttributeValues={":day": {"S": f"{Prefix.DAY}#"}},
        )

    def respell(self, row: Item, moves: Mapping[Indicator, Indicator]) -> None:
        """Write a row of a report's IOCs again, with the new form of moved IOCs."""
        body = json.loads(gzip.decompress(bytes(row["body"]["B"])))
        for ioc in body:
            ioc[1] = moves.get(
                indicator := Indicator(IndicatorType(ioc[0]), ioc[1]), indicator
            ).value
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        packed = gzip.compress(text.encode(), mtime=0)
        batch_put(self._client, self._table, [{**row, "body": {"B": packed}}])

    def sightings(
        self, indicator: Indicator, limit: int, after: str = ""
    ) -> ResultPage[ScanVerdict]:
        """List the sightings of an IOC.

        Raises:
            BadCursor: `after` is not a cursor.
            StoreError: the store failed.
        """
        if after and not _SIGHTING_CURSOR.fullmatch(after):
            raise BadCursor
        rows: list[ScanVerdict] = []
        last = after
        for item in self._query(sightings_key(indicator), after or _LAST, limit + 2):
            sk = item["sk"]["S"]
            # Rows that differ in their details only are one sighting in the list.
            if _shown(sk) == _shown(last):
                continue
            if len(rows) == limit:
                return ResultPage(rows, last)
            rows.append(read_scan(indicator, item, int(sk.partition(".")[0])))
            last = sk
        return ResultPage(rows, "")

    def of_scan(self, flow_id: str, limit: int, after: str = "") -> ResultPage[SeenIoc] | None:
        """List the IOCs in the reports of a scan; None for an unknown scan.

        For an IOC in several reports, a page shows only the newest of them.

        Raises:
            BadCursor: `after` is not a cursor.
            StoreError: the store failed.
        """
        page = _PageOfIocs(limit, after)
        positions = [
            item["sk"]["S"] for item in self._query(scan_key(flow_key(flow_id)), page.start)
        ]
        if not positions:
            return None
        for position in positions:
            for item in self._report(position):
                if not page.add(item):
                    return page.end_at(page.position)
        return page.end_at("")

    def recent(
        self,
        limit: int,
        after: str = "",
        verdict: Verdict | None = None,
        kinds: frozenset[IndicatorType] | None = None,
    ) -> ResultPage[SeenIoc]:
        """List the IOCs seen last. A page with fewer rows than `limit` may not be the last one.

        For an IOC in several reports, a page shows only the newest of them.

        Args:
            verdict: verdict of the IOC in the report; None for any.
            kinds: types of IOCs; None for all.

        Raises:
            BadCursor: `after` is not a cursor.
            StoreError: the store failed.
        """

        def wanted(row: SeenIoc) -> bool:
            return verdict in {None, row.latest.verdict} and (
                kinds is None or row.indicator.type in kinds
            )

        page = _PageOfIocs(limit, after, wanted)
        first_day = _day(int(page.start.partition(".")[0])) if after else _LAST
        days = self._query(days_key(), first_day, MAX_DAYS)
        for number, day in enumerate(item["sk"]["S"] for item in days):
            if number == MAX_DAYS:
                return page.end_at(f"{_end_of(day) - 1:013d}.{'f' * 20}.{'f' * 32}.9999.0")
            shards = (
                self._query(day_key(day, shard), page.start, _READ_AHEAD) for shard in range(SHARDS)
            )
            for item in merge(*shards, key=lambda item: str(item["sk"]["S"]), reverse=True):
                if page.read == MAX_READ or not page.add(item):
                    return page.end_at(page.position)
        return page.end_at("")

    def _report(self, position: str) -> Iterator[Item]:
        date, scan, _ = position.split(".", 2)
        return self._query(_day_key(int(date), bytes.fromhex(scan)), position, 1, least=position)

    def _query(self, pk: str, start: str, ahead: int = 100, least: str = "") -> Iterator[Item]:
        """Yield the items of a partition from `start` on, the greatest key first.

        Args:
            ahead: number of items per request.
            least: key of the last item to read.
        """
        condition = "pk = :pk AND sk <= :start"
        values: dict[str, Any] = {":pk": {"S": pk}, ":start": {"S": start}}
        if least:
            condition = "pk = :pk AND sk BETWEEN :least AND :start"
            values[":least"] = {"S": least}
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": False,
            "Limit": ahead,
        }
        while True:
            with store_errors():
                answer = self._client.query(**request)
            now_s = self._clock()
            yield from (item for item in answer["Items"] if not has_expired(item, now_s))
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _items(self, content: bytes, sightings: Sequence[Sighting]) -> Iterator[dict[str, Any]]:
        if not sightings:
            return
        for sighting in sightings:
            yield self._sighting(sighting)
        latest = sightings[0].summary.latest
        date, flow = latest.seen_at, flow_key(latest.flow_id)
        of_report = {"flow": {"S": latest.flow_id}} | _texts(
            report=latest.report_id, parent=latest.parent_verdict
        )
        for part, body in enumerate(_bodies(sightings)):
            sk = f"{date:013d}.{flow.hex()}.{content.hex()}.{part:04d}"
            packed = gzip.compress(body.encode(), mtime=0)
            yield self._item(_day_key(date, flow), sk, date, of_report | {"body": {"B": packed}})
            yield self._item(scan_key(flow), sk, date, {})
        # Expires after the last report of the day.
        yield self._item(days_key(), _day(date), _end_of(_day(date)), {})

    def _sighting(self, sighting: Sighting) -> dict[str, Any]:
        summary = sighting.summary
        scan = summary.latest
        shown = [scan.verdict, scan.parent_verdict, scan.origin, scan.report_id]
        whole = [*scan, summary.first_seen, summary.last_seen, summary.claimed_count]
        whole += [*sorted(summary.tags), *sorted(one.value for one in summary.siblings)]
        sk = f"{scan.seen_at:013d}.{flow_key(scan.flow_id).hex()}.{_digest(shown)}.{_digest(whole)}"
        facts = summary_attributes(sighting.indicator, summary)
        return self._item(sightings_key(sighting.indicator), sk, scan.seen_at, facts)

    def _item(self, pk: str, sk: str, date: int, facts: dict[str, Any]) -> dict[str, Any]:
        item = {"pk": {"S": pk}, "sk": {"S": sk}, **facts}
        if self._retention_s:
            item["ttl"] = {"N": str(date // 1000 + self._retention_s)}
        return item


class _PageOfIocs:
    """A page of results while it is filled.

    Attributes:
        start: key of the first report of the page, or a key above all reports.
        read: number of reports read.
        position: cursor of the next page, if this one ends now.
    """

    def __init__(
        self, limit: int, after: str, wanted: Callable[[SeenIoc], bool] = lambda _: True
    ) -> None:
        self.start = _LAST
        self.read = 0
        self.position = after
        self._limit = limit
        self._done = 0
        self._wanted = wanted
        self._rows: dict[Indicator, SeenIoc] = {}
        if after:
            found = _CURSOR.fullmatch(after)
            if not found:
                raise BadCursor
            self.start, self._done = found[1], int(found[2])

    def add(self, report: Item) -> bool:
        """Add the IOCs of a report; False if the page was full before all were added."""
        self.read += 1
        sk = report["sk"]["S"]
        iocs = _iocs(report)
        for at in range(self._done if sk == self.start else 0, len(iocs)):
            row = iocs[at]
            if row.indicator in self._rows or not self._wanted(row):
                continue
            if len(self._rows) == self._limit:
                self.position = f"{sk}.{at}"
                return False
            self._rows[row.indicator] = row
        self.position = f"{sk}.{len(iocs)}"
        return True

    def end_at(self, cursor: str) -> ResultPage[SeenIoc]:
        """Return the page; `cursor` is the position of the next one, "" at the end."""
        return ResultPage([*self._rows.values()], cursor)


def indicators_of(row: Item) -> list[Indicator]:
    """List the IOCs in a row of a report's IOCs."""
    return [seen.indicator for seen in _iocs(row)]


def _bodies(sightings: Sequence[Sighting]) -> Iterator[str]:
    """Yield the IOCs of a report as JSON, in parts that each fit into an item."""
    part: list[str] = []
    size = 0
    for sighting in sightings:
        latest, indicator = sighting.summary.latest, sighting.indicator
        row = [indicator.type, indicator.value, latest.verdict, latest.origin]
        row += [latest.source, latest.details]
        text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        if part and size + len(text.encode()) > _MAX_BODY_BYTES:
            yield f"[{','.join(part)}]"
            part, size = [], 0
        part.append(text)
        size += len(text.encode())
    yield f"[{','.join(part)}]"


def _iocs(item: Item) -> list[SeenIoc]:
    date = int(item["sk"]["S"].partition(".")[0])
    flow, parent, report = item["flow"]["S"], _text(item, "parent"), _text(item, "report")
    return [
        SeenIoc(
            Indicator(IndicatorType(kind), value),
            ScanVerdict(date, Verdict(verdict), flow, parent, origin, report, *source_and_details),
        )
        for kind, value, verdict, origin, *source_and_details in json.loads(
            gzip.decompress(bytes(item["body"]["B"]))
        )
    ]


def _shown(sk: str) -> list[str]:
    return sk.split(".")[:3]


def _digest(facts: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:_DIGEST_DIGITS]


def _texts(**texts: str) -> dict[str, Any]:
    return {name: {"S": text} for name, text in texts.items() if text}


def _text(item: Item, name: str) -> str:
    return str(item[name]["S"]) if name in item else ""


def _day(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1000, UTC).date().isoformat()


def _end_of(day: str) -> int:
    """Return the first millisecond after a day."""
    return to_millis(datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1))


def _day_key(date: int, flow: bytes) -> str:
    return day_key(_day(date), flow[0] % SHARDS)
