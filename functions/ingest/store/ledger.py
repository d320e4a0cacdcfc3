"""The ledger of applied reports, which makes counts exact.

It has one entry per report, in the state table. IOCs are only added to an entry, so adding them
twice, late or from several runs does no harm.

    c           digests of the contents that were applied
    i           short digests of the IOCs in which the report is counted
    sharded     set if the IOCs do not fit into one item: they are then in sixteen more,
                chosen by the first byte of the digest
    ahead       dates of the report that were ahead of the clock when they were read,
                milliseconds since the epoch
    first_read  time of the run that read the first such date; never changes
    given_up    when ingestion gave the report up because reading it ended the process;
                milliseconds since the epoch
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from shared.store.batch import batch_get
from shared.store.client import DynamoDBClient, Table, store_errors
from shared.store.keys import Prefix, report_key
from shared.store.whole_table import Page, read_all

# An item has at most 400 KB, and a digest takes 8 bytes and some; this leaves room for revisions.
MAX_DIGESTS_IN_ENTRY = 4000
# A report that changes each time the feed shows it must not fill its entry.
MAX_CONTENTS = 100
# A report that keeps changing a date ahead of the clock must not fill its entry either.
MAX_DATES_AHEAD = 16
_SHARDS = 16


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """The ledger entry of one report.

    Attributes:
        contents: digests of the contents that were applied completely.
        iocs: digests of the IOCs in which the report is counted.
        dates_ahead: dates of the report that were ahead of the clock when they were read.
        first_read: time of the run that first read such a date, milliseconds since the epoch.
        given_up: whether reading the report ended the process; links to it are not followed.
    """

    contents: frozenset[bytes] = frozenset()
    iocs: frozenset[bytes] = frozenset()
    dates_ahead: frozenset[int] = frozenset()
    first_read: int = 0
    given_up: bool = False

    def effective_date(self, date: int, now: int) -> int:
        """Return the date with which the report counts, milliseconds since the epoch.

        Args:
            date: as the report states it.
            now: time of the run.
        """
        if date in self.dates_ahead or date > now:
            return min(date, self.first_read or now)
        return date


NO_ENTRY = LedgerEntry()


class Ledger(Table):
    """Reads and writes the ledger; `shared.store.keys.flow_key` identifies a report."""

    def read(self, flows: Iterable[bytes], *, consistent: bool) -> dict[bytes, LedgerEntry]:
        """Read the entries of reports; the result omits reports without one.

        Raises:
            StoreError: the store failed.
        """
        by_key = {report_key(flow): flow for flow in flows}
        items = list(self._get(list(by_key), consistent=consistent))
        sharded = [by_key[item["pk"]["S"]] for item in items if "sharded" in item]
        shards = {report_key(flow, shard): flow for flow in sharded for shard in range(_SHARDS)}
        entries = {by_key[item["pk"]["S"]]: _entry(item) for item in items}
        for item in self._get(list(shards), consistent=consistent):
            flow = shards[item["pk"]["S"]]
            known = entries[flow]
            entries[flow] = replace(known, iocs=known.iocs | _digests(item, "i"))
        return entries

    def fix_date_ahead(self, flow: bytes, date: int, now: int) -> None:
        """Record that a report has a date ahead of the clock; safe to repeat.

        The first call fixes the date with which the report counts from then on. Call it before
        anything else of the report is written.

        Args:
            flow: the report.
            date: as the report states it, milliseconds since the epoch.
            now: time of the run, milliseconds since the epoch.

        Raises:
            StoreError: the store failed; the caller should retry.
        """
        with store_errors(), suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": report_key(flow)}},
                UpdateExpression="SET first_read = if_not_exists(first_read, :now) ADD ahead :date",
                # With more dates, `effective_date` still limits dates that are ahead.
                ConditionExpression="attribute_not_exists(ahead) OR size(ahead) < :most",
                ExpressionAttributeValues={
                    ":now": {"N": str(now)},
                    ":date": {"NS": [str(date)]},
                    ":most": {"N": str(MAX_DATES_AHEAD)},
                },
            )

    def add(self, flow: bytes, content: bytes, iocs: frozenset[bytes], known: LedgerEntry) -> None:
        """Record that a report is applied, after all its IOCs are stored.

        Args:
            flow: the report.
            content: digest of its content.
            iocs: digests of its IOCs.
            known: its entry as it was read.

        Raises:
            StoreError: the store failed; the caller should retry.
        """
        facts = self._add_to_shards(flow, iocs, known)
        if len(known.contents) >= MAX_CONTENTS:
            self._forget(flow, known.contents)
        self._add(report_key(flow), {"c": {"BS": [content]}, **facts})

    def name_also(self, flow: bytes, iocs: frozenset[bytes], known: LedgerEntry) -> None:
        """Record that a report is counted in the same IOCs under further keys.

        Args:
            known: its entry as it was read.

        Raises:
            StoreError: the store failed; the caller should retry.
        """
        if facts := self._add_to_shards(flow, iocs, known):
            self._add(report_key(flow), facts)

    def _add_to_shards(
        self, flow: bytes, iocs: frozenset[bytes], known: LedgerEntry
    ) -> dict[str, Any]:
        """Add to the shards; return what has to be added to the entry itself."""
        fresh = iocs - known.iocs
        if not fresh:
            return {}
        if len(known.iocs) + len(fresh) <= MAX_DIGESTS_IN_ENTRY:
            return {"i": {"BS": sorted(fresh)}}
        # Shards before the entry, so that readers of the entry find them.
        for shard in range(_SHARDS):
            part = frozenset(digest for digest in fresh if digest[0] % _SHARDS == shard)
            if part:
                self._add(report_key(flow, shard), {"i": {"BS": sorted(part)}})
        return {"sharded": {"N": "1"}}

    def give_up(self, flow: bytes, now: int) -> None:
        """Record that reading a report ends the process, so that links to it are not followed.

        Raises:
            StoreError: the store failed; the caller should retry.
        """
        with store_errors():
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": report_key(flow)}},
                UpdateExpression="SET given_up = :now",
                ExpressionAttributeValues={":now": {"N": str(now)}},
            )

    def _get(self, keys: list[str], *, consistent: bool) -> Iterable[Mapping[str, Any]]:
        return batch_get(self._client, self._table, keys, consistent=consistent)

    def _forget(self, flow: bytes, contents: frozenset[bytes]) -> None:
        """Remove old contents; if the feed delivers one again, it is read again without harm."""
        with store_errors():
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": report_key(flow)}},
                UpdateExpression="DELETE c :old",
                ExpressionAttributeValues={":old": {"BS": sorted(contents)}},
            )

    def _add(self, key: str, facts: Mapping[str, Any]) -> None:
        with store_errors():
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": key}},
                UpdateExpression="ADD " + ", ".join(f"{name} :{name}" for name in facts),
                ExpressionAttributeValues={f":{name}": value for name, value in facts.items()},
            )


def flows_naming(
    client: DynamoDBClient, table_name: str, wanted: Collection[bytes], segments: int
) -> dict[bytes, set[bytes]]:
    """Find the reports counted in some IOCs, by digest of the IOC; reads the whole table.

    Raises:
        StoreError: the store failed.
    """
    found: dict[bytes, set[bytes]] = {digest: set() for digest in wanted}

    def take(page: Page) -> None:
        for item in page:
            for digest in found.keys() & _digests(item, "i"):
                found[digest].add(bytes.fromhex(item["pk"]["S"].split("#")[1]))

    read_all(
        client,
        table_name,
        take,
        left=lambda: 1.0,
        segments=segments,
        ConsistentRead=True,
        FilterExpression="begins_with(pk, :report)",
        ExpressionAttributeValues={":report": {"S": f"{Prefix.REPORT}#"}},
        ProjectionExpression="pk, i",
    )
    return found


def _entry(item: Mapping[str, Any]) -> LedgerEntry:
    return LedgerEntry(
        _digests(item, "c"),
        _digests(item, "i"),
        frozenset(map(int, item["ahead"]["NS"])) if "ahead" in item else frozenset(),
        int(item["first_read"]["N"]) if "first_read" in item else 0,
        "given_up" in item,
    )


def _digests(item: Mapping[str, Any], name: str) -> frozenset[bytes]:
    return frozenset(bytes(digest) for digest in item[name]["BS"]) if name in item else frozenset()
