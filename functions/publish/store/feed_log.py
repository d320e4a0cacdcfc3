"""The published feed: reports in the order of their publication.

info#             tail     number of the last entry
                  count    reports in the feed
                  bytes    their size as JSON
                  updated  when the last one was published, milliseconds since the epoch
entry#<number>    body     the report's item in the feed: JSON, compressed with gzip; absent once
                           the report has a newer entry, whose number `replaced` holds
                  size     of the JSON, in bytes
published#<scan>#<report>
                  entry    number of its entry; absent before the first publication
                  content  digest of its content
                  claim    token of the publisher that is publishing it; absent otherwise
                  claimed  digest of the content that is being published
intent#<scan>#<report>
                  iocs     type and value of each IOC whose history may count the report, as JSON,
                           compressed with gzip; deleted when the entry is written

A report is published under a claim: each write of its histories and its entry is on condition that
the claim still holds. So of two contents that are sent at the same moment, the one that claims last
interrupts the other, which then begins again; the result is that of one after the other. Publishers
of the same content share a claim.

Entries are numbered from 1 without gaps. A report gets its number in the transaction that writes
its entry, on condition that the last number has not changed since it was read. So no entry ever
appears below a published number, and a reader that continues after the last number it has read
misses nothing.
"""

import gzip
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from functions.publish.store.transactions import tries, write_together
from shared.domain.errors import InvalidIndicator, ReputationError
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.store.batch import batch_get
from shared.store.client import DynamoDBClient, Table, store_errors
from shared.store.keys import Prefix, feed_entry_key, feed_info_key, intent_key, published_key
from shared.store.whole_table import Page, read_all

# DynamoDB limits an item to 400 KB.
MAX_ENTRY_BYTES = 380 * 1024
# A page of one entry must fit an answer, which is limited to 6 MB.
MAX_ENTRY_JSON_BYTES = 3_000_000


class EntryTooLarge(ReputationError):
    """A report is too large for an entry, as JSON or compressed."""


@dataclass(frozen=True, slots=True)
class FeedInfo:
    """State of the feed.

    Attributes:
        tail: number of the last entry.
        count: reports in the feed.
        size: of these as JSON, in bytes.
        updated: when the last one was published, milliseconds since the epoch.
    """

    tail: int = 0
    count: int = 0
    size: int = 0
    updated: int = 0


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """An entry of the feed: its number and the report's item as JSON."""

    number: int
    body: bytes


@dataclass(frozen=True, slots=True)
class PublishedReport:
    """A published report: the number of its entry and the digest of its content.

    Attributes:
        claimed: whether a publication of it is under way, or was interrupted.
    """

    number: int
    content: bytes
    claimed: bool = False


class ClaimLost(Exception):  # not an error: publishing begins again
    """Another publisher has claimed the report, or has published it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to publish a report.

    Attributes:
        known: the report as it was published before, None if it was not.
        counted: IOCs whose history may count the report.
        check: condition that the claim holds, as a part of a transaction.
    """

    flow_id: str
    report_id: str
    token: bytes
    known: PublishedReport | None
    counted: frozenset[Indicator]
    check: Mapping[str, Any]


def pack(body: bytes) -> bytes:
    """Compress the body of an entry.

    Raises:
        EntryTooLarge: it is too large, as JSON or compressed.
    """
    if len(body) > MAX_ENTRY_JSON_BYTES:
        raise EntryTooLarge(f"larger than {MAX_ENTRY_JSON_BYTES} bytes in the feed")
    packed = gzip.compress(body, mtime=0)
    if len(packed) > MAX_ENTRY_BYTES:
        raise EntryTooLarge(f"larger than {MAX_ENTRY_BYTES} bytes when compressed")
    return packed


class FeedLog(Table):
    """Reads and appends to the feed."""

    def info(self) -> FeedInfo:
        """Read the state of the feed.

        Raises:
            StoreError: the store failed.
        """
        item = self._get(feed_info_key())
        if item is None:
            return FeedInfo()
        return FeedInfo(
            tail=int(item["tail"]["N"]),
            count=int(item["count"]["N"]),
            size=int(item["bytes"]["N"]),
            updated=int(item["updated"]["N"]),
        )

    def entries(self, numbers: Sequence[int]) -> Iterator[FeedEntry]:
        """The entries with these numbers, in this order, without replaced ones.

        Raises:
            StoreError: the store failed.
        """
        keys = [feed_entry_key(number) for number in numbers]
        # A stale read could omit a new entry, and the reader would skip it for good.
        items = {
            item["pk"]["S"]: item
            for item in batch_get(self._client, self._table, keys, consistent=True)
        }
        for number, key in zip(numbers, keys, strict=True):
            if "body" in items.get(key, {}):
                yield FeedEntry(number, gzip.decompress(bytes(items[key]["body"]["B"])))

    def find(self, flow_id: str, report_id: str) -> PublishedReport | None:
        """Find a published report; None if it was not published.

        Raises:
            StoreError: the store failed.
        """
        return _published_report(self._get(published_key(flow_id, report_id)))

    def claim(
        self, flow_id: str, report_id: str, content: bytes, iocs: Iterable[Indicator]
    ) -> Claim:
        """Claim a report for publishing, and store which IOCs are about to count it.

        If the publication is interrupted and the report is sent again with other content, these
        IOCs are known and corrected. A publisher of other content that holds a claim loses it; one
        of the same content shares it.

        Args:
            content: digest of the content to publish.

        Raises:
            StoreError: the store failed; calling again is safe.
        """
        key = published_key(flow_id, report_id)
        wanted = frozenset(iocs)
        for _ in tries():
            item = self._get(key)
            known = _published_report(item)
            counted = frozenset(self.read_intent(flow_id, report_id))
            held = bytes(item["claim"]["B"]) if item and "claim" in item else b""
            if item and held and bytes(item["claimed"]["B"]) == content:
                check = self._check(key, held)
                return Claim(flow_id, report_id, held, known, counted | wanted, check)
            token = os.urandom(8)
            update: dict[str, Any] = {
                "TableName": self._table,
                "Key": {"pk": {"S": key}},
                "UpdateExpression": "SET claim = :token, claimed = :content",
                "ConditionExpression": "attribute_not_exists(pk)",
                "ExpressionAttributeValues": {
                    ":token": {"B": token},
                    ":content": {"B": content},
                },
            }
            if held:
                update["ConditionExpression"] = "claim = :held"
                update["ExpressionAttributeValues"][":held"] = {"B": held}
            elif known:
                update["ConditionExpression"] = "entry = :known AND attribute_not_exists(claim)"
                update["ExpressionAttributeValues"][":known"] = {"N": str(known.number)}
            intent = self._intent(flow_id, report_id, counted | wanted)
            if write_together(self._client, [{"Update": update}, {"Put": intent}]):
                check = self._check(key, token)
                return Claim(flow_id, report_id, token, known, counted | wanted, check)
        raise AssertionError  # tries() raises before this

    def hold(self, claim: Claim) -> None:
        """Check that a claim still holds.

        Raises:
            ClaimLost: it does not.
            StoreError: the store failed.
        """
        self._held(claim, self._get(published_key(claim.flow_id, claim.report_id)))

    def _held(self, claim: Claim, item: Any) -> None:
        if item is None or "claim" not in item or bytes(item["claim"]["B"]) != claim.token:
            raise ClaimLost

    def read_intent(self, flow_id: str, report_id: str) -> list[Indicator]:
        """The IOCs that an interrupted publication may have counted; empty if there was none.

        Raises:
            StoreError: the store failed.
        """
        item = self._get(intent_key(flow_id, report_id))
        if item is None:
            return []
        return list(canonical(_intended_iocs(item)))

    def append(self, claim: Claim, content: bytes, body: bytes, now: int) -> int:
        """Append a report to the feed and give up the claim; a new entry replaces the earlier one.

        Args:
            content: digest of the content; if it is published already, there is no new entry.
            body: JSON.
            now: milliseconds since the epoch.

        Returns:
            The number of the entry.

        Raises:
            ClaimLost: another publisher has claimed the report.
            EntryTooLarge: the report is too large for an entry.
            StoreError: the store failed; calling again is safe.
        """
        packed = pack(body)
        key = published_key(claim.flow_id, claim.report_id)
        for _ in tries():
            item = self._get(key)
            known = _published_report(item)
            if known and known.content == content:
                if known.claimed:
                    self._held(claim, item)
                    if not write_together(self._client, self._release(claim)):
                        continue
                return known.number
            self._held(claim, item)
            before = self.info()
            number = before.tail + 1
            writes = [
                self._advance(before, number, len(body) - self._size_of(known), known, now),
                self._entry(number, packed, len(body)),
                self._published(claim, number, content),
                self._delete_intent(claim),
            ]
            if known:
                writes.append(self._replace(known.number, number))
            if write_together(self._client, writes):
                return number
        raise AssertionError  # tries() raises before this

    def _get(self, key: str) -> Any:
        with store_errors():
            answer = self._client.get_item(
                TableName=self._table, Key={"pk": {"S": key}}, ConsistentRead=True
            )
        return answer.get("Item")

    def _size_of(self, known: PublishedReport | None) -> int:
        item = self._get(feed_entry_key(known.number)) if known else None
        return int(item["size"]["N"]) if item else 0

    def _advance(
        self, before: FeedInfo, number: int, grown: int, known: PublishedReport | None, now: int
    ) -> dict[str, Any]:
        values: dict[str, Any] = {
            ":number": {"N": str(number)},
            ":now": {"N": str(now)},
            ":more": {"N": "0" if known else "1"},
            ":grown": {"N": str(grown)},
        }
        condition = "attribute_not_exists(pk)"
        if before.tail:
            condition, values[":read"] = "tail = :read", {"N": str(before.tail)}
        return {
            "Update": {
                "TableName": self._table,
                "Key": {"pk": {"S": feed_info_key()}},
                "UpdateExpression": "SET tail = :number, updated = :now "
                "ADD #count :more, #bytes :grown",
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {"#count": "count", "#bytes": "bytes"},
                "ExpressionAttributeValues": values,
            }
        }

    def _entry(self, number: int, packed: bytes, size: int) -> dict[str, Any]:
        return {
            "Put": {
                "TableName": self._table,
                "Item": {
                    "pk": {"S": feed_entry_key(number)},
                    "body": {"B": packed},
                    "size": {"N": str(size)},
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def _published(self, claim: Claim, number: int, content: bytes) -> dict[str, Any]:
        return {
            "Put": {
                "TableName": self._table,
                "Item": {
                    "pk": {"S": published_key(claim.flow_id, claim.report_id)},
                    "entry": {"N": str(number)},
                    "content": {"B": content},
                },
                "ConditionExpression": "claim = :token",
                "ExpressionAttributeValues": {":token": {"B": claim.token}},
            }
        }

    def _check(self, key: str, token: bytes) -> dict[str, Any]:
        return {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": {"pk": {"S": key}},
                "ConditionExpression": "claim = :token",
                "ExpressionAttributeValues": {":token": {"B": token}},
            }
        }

    def _release(self, claim: Claim) -> list[dict[str, Any]]:
        update = {
            "TableName": self._table,
            "Key": {"pk": {"S": published_key(claim.flow_id, claim.report_id)}},
            "UpdateExpression": "REMOVE claim, claimed",
            "ConditionExpression": "claim = :token",
            "ExpressionAttributeValues": {":token": {"B": claim.token}},
        }
        return [{"Update": update}, self._delete_intent(claim)]

    def _intent(self, flow_id: str, report_id: str, iocs: Iterable[Indicator]) -> dict[str, Any]:
        pairs = [[one.type, one.value] for one in sorted(iocs)]
        packed = gzip.compress(json.dumps(pairs, separators=(",", ":")).encode(), mtime=0)
        item: Any = {"pk": {"S": intent_key(flow_id, report_id)}, "iocs": {"B": packed}}
        return {"TableName": self._table, "Item": item}

    def _delete_intent(self, claim: Claim) -> dict[str, Any]:
        key = {"pk": {"S": intent_key(claim.flow_id, claim.report_id)}}
        return {"Delete": {"TableName": self._table, "Key": key}}

    def _replace(self, number: int, by: int) -> dict[str, Any]:
        return {
            "Update": {
                "TableName": self._table,
                "Key": {"pk": {"S": feed_entry_key(number)}},
                "UpdateExpression": "SET replaced = :by REMOVE body",
                "ExpressionAttributeValues": {":by": {"N": str(by)}},
            }
        }


def _published_report(item: Any) -> PublishedReport | None:
    if item is None or "entry" not in item:
        return None
    return PublishedReport(int(item["entry"]["N"]), bytes(item["content"]["B"]), "claim" in item)


def _intended_iocs(item: Mapping[str, Any]) -> list[Indicator]:
    pairs = json.loads(gzip.decompress(bytes(item["iocs"]["B"])))
    return [Indicator(IndicatorType(kind), value) for kind, value in pairs]


def published_iocs(report: Mapping[str, Any]) -> list[Indicator]:
    """The IOCs of a published item, in the form that was canonical at that time."""
    return [
        Indicator(IndicatorType(kind), ioc["data"])
        for kind, iocs in report["iocs"].items()
        for ioc in iocs
    ]


def canonical(indicators: Iterable[Indicator]) -> Iterator[Indicator]:
    """The indicators in their present canonical form, without those that are no longer valid."""
    for one in indicators:
        with suppress(InvalidIndicator):
            yield parse(one.type, one.value)


def read_published(
    client: DynamoDBClient,
    table_name: str,
    consume: Callable[[Iterable[Indicator]], None],
    segments: int,
) -> None:
    """Pass all IOCs of published and interrupted reports to `consume`; reads the whole table.

    Raises:
        StoreError: the store failed.
    """

    def consume_page(page: Page) -> None:
        for item in page:
            if "iocs" in item:
                consume(_intended_iocs(item))
            elif "body" in item:
                consume(published_iocs(json.loads(gzip.decompress(bytes(item["body"]["B"])))))

    read_all(
        client,
        table_name,
        consume_page,
        left=lambda: 1.0,
        segments=segments,
        ConsistentRead=True,
        FilterExpression="begins_with(pk, :entry) OR begins_with(pk, :intent)",
        ExpressionAttributeValues={
            ":entry": {"S": f"{Prefix.FEED_ENTRY}#"},
            ":intent": {"S": f"{Prefix.INTENT}#"},
        },
        ProjectionExpression="pk, body, iocs",
    )
