"""The stored lists of providers; a new list is compared with them.

snapshot#<id>  current  generation of the list that the items agree with; absent before the first
               next     generation of the list that is being written into the items, if any
               applied  number of its changes that are certainly written
               last     the last generation used; no number is used twice
               chunks   number of chunks by generation, as JSON
               owner    id of the refresh that works on the list
               until    end of its claim, milliseconds since the epoch

snapshot#<id>#<generation>#<chunk>
               body     entries, one a line, compressed by gzip

A list is stored whole before the first item is changed. After an interruption the next refresh
continues with the stored list before it downloads a newer one.
"""

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from shared.domain.errors import StoreError
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.network import Network
from shared.domain.provider import Listing, ListingStatus, Subject
from shared.store.batch import batch_get
from shared.store.client import DynamoDBClient, Table, store_errors
from shared.store.items import earlier_first
from shared.store.keys import Prefix, snapshot_key
from shared.store.whole_table import Page, read_all

# 5,000 hashes, compressed to half, stay below the 400 KB of an item. 5,000 URLs of the greatest
# length would not, so a chunk is limited in bytes, too.
_ENTRIES_A_CHUNK = 5_000
_BYTES_A_CHUNK = 1_000_000
_MAX_BODY_BYTES = 390_000


@dataclass(frozen=True, slots=True)
class SnapshotState:
    """State of a provider's stored list; attributes as above, 0 for an absent one."""

    current: int = 0
    next: int = 0
    applied: int = 0
    last: int = 0
    chunks: Mapping[int, int] = field(default_factory=dict)


class Snapshots(Table):
    """Stores the lists of one provider, for one owner at a time.

    Args:
        owner: a unique id of the caller.
    """

    def __init__(self, client: DynamoDBClient, table_name: str, provider: str, owner: str) -> None:
        super().__init__(client, table_name)
        self._provider = provider
        self._owner = owner

    def claim(self, now: int, until: int) -> SnapshotState | None:
        """Claim the list, so that no other refresh works on it.

        Args:
            now, until: milliseconds since the epoch.

        Returns:
            The state of the list; None if another refresh has claimed it.

        Raises:
            StoreError: the store failed.
        """
        with store_errors():
            try:
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=self._key,
                    UpdateExpression="SET #owner = :owner, #until = :until",
                    ConditionExpression=(
                        "attribute_not_exists(#owner) OR #owner = :owner OR #until < :now"
                    ),
                    ExpressionAttributeNames={"#owner": "owner", "#until": "until"},
                    ExpressionAttributeValues={
                        ":owner": {"S": self._owner},
                        ":until": {"N": str(until)},
                        ":now": {"N": str(now)},
                    },
                    ReturnValues="ALL_NEW",
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return None
        return _state(answer["Attributes"])

    def release(self) -> None:
        """Release the claim.

        Raises:
            StoreError: the store failed, or another refresh has claimed the list.
        """
        self._change("REMOVE #owner, #until", {}, names={"#until": "until"})

    def read(self, state: SnapshotState, generation: int) -> dict[Subject, Listing]:
        """Read the entries of one generation; none for generation 0.

        Raises:
            StoreError: the store failed, or part of the list is missing.
        """
        keys = [
            snapshot_key(self._provider, generation, chunk)
            for chunk in range(state.chunks.get(generation, 0))
        ]
        items = {
            item["pk"]["S"]: item
            for item in batch_get(self._client, self._table, keys, consistent=True)
        }
        if items.keys() != set(keys):
            raise StoreError("part of a stored list is missing")
        entries: dict[Subject, Listing] = {}
        for key in keys:
            for line in gzip.decompress(bytes(items[key]["body"]["B"])).splitlines():
                subject, listing = _parse(line)
                entries[subject] = listing
        return entries

    def begin(self, state: SnapshotState, entries: Mapping[Subject, Listing]) -> SnapshotState:
        """Store a list whole, as the next one to write into the items.

        Raises:
            StoreError: the store failed, or another refresh has claimed the list.
        """
        generation = state.last + 1
        # The number counts as used before the first chunk is written.
        self._change("SET #last = :last", {":last": {"N": str(generation)}}, {"#last": "last"})
        chunks = self._put_chunks(generation, entries)
        after = SnapshotState(
            current=state.current,
            next=generation,
            last=generation,
            chunks={**state.chunks, generation: chunks},
        )
        self._write(after)
        return after

    def progress(self, state: SnapshotState, applied: int) -> SnapshotState:
        """Record how many of the changes are written.

        Raises:
            StoreError: the store failed, or another refresh has claimed the list.
        """
        after = SnapshotState(state.current, state.next, applied, state.last, state.chunks)
        self._write(after)
        return after

    def move(self, state: SnapshotState, moves: Mapping[Indicator, Indicator]) -> int:
        """Store the current list with the new canonical forms, and merge entries that become equal.

        Call it only while no list is being written into the items.

        Args:
            moves: the canonical form of each entry that moves.

        Returns:
            The number of entries moved.

        Raises:
            StoreError: the store failed; the caller should retry.
        """
        before = self.read(state, state.current)
        moved = [one for one in before if isinstance(one, Indicator) and one in moves]
        if not moved:
            return 0
        after: dict[Subject, Listing] = {}
        for subject, listing in before.items():
            target = moves.get(subject, subject) if isinstance(subject, Indicator) else subject
            after[target] = min(after.get(target, listing), listing, key=earlier_first)
        # A new generation, so that an interruption leaves the previous one intact.
        generation = state.last + 1
        self._change("SET #last = :last", {":last": {"N": str(generation)}}, {"#last": "last"})
        chunks = self._put_chunks(generation, after)
        self.finish(
            SnapshotState(
                state.current, generation, 0, generation, {**state.chunks, generation: chunks}
            )
        )
        return len(moved)

    def finish(self, state: SnapshotState) -> SnapshotState:
        """Make the next list the current one and delete the previous one.

        Raises:
            StoreError: the store failed, or another refresh has claimed the list.
        """
        after = SnapshotState(
            current=state.next,
            last=state.last,
            chunks={state.next: state.chunks.get(state.next, 0)},
        )
        self._write(after)
        for generation, chunks in state.chunks.items():
            if generation != state.next:
                self._remove(generation, chunks)
        return after

    def _put_chunks(self, generation: int, entries: Mapping[Subject, Listing]) -> int:
        chunks = 0
        for body in _bodies(entries):
            item: Any = {
                "pk": {"S": snapshot_key(self._provider, generation, chunks)},
                "body": {"B": body},
            }
            with store_errors():
                self._client.put_item(TableName=self._table, Item=item)
            chunks += 1
        return chunks

    @property
    def _key(self) -> dict[str, Any]:
        return {"pk": {"S": snapshot_key(self._provider)}}

    def _remove(self, generation: int, chunks: int) -> None:
        for chunk in range(chunks):
            key = {"pk": {"S": snapshot_key(self._provider, generation, chunk)}}
            with store_errors():
                self._client.delete_item(TableName=self._table, Key=key)

    def _write(self, state: SnapshotState) -> None:
        self._change(
            "SET #current = :current, #next = :next, applied = :applied, chunks = :chunks",
            {
                ":current": {"N": str(state.current)},
                ":next": {"N": str(state.next)},
                ":applied": {"N": str(state.applied)},
                ":chunks": {"S": json.dumps(state.chunks)},
            },
            {"#current": "current", "#next": "next"},
        )

    def _change(self, expression: str, values: Mapping[str, Any], names: Mapping[str, str]) -> None:
        with store_errors():
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=self._key,
                    UpdateExpression=expression,
                    ConditionExpression="#owner = :me",
                    ExpressionAttributeNames={"#owner": "owner", **names},
                    ExpressionAttributeValues={":me": {"S": self._owner}, **values},
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                raise StoreError("another refresh works on the list") from None


def providers_with_list(client: DynamoDBClient, table_name: str, segments: int) -> list[str]:
    """List the providers that have a stored list; reads the whole table.

    Raises:
        StoreError: the store failed.
    """
    found: set[str] = set()

    def take(page: Page) -> None:
        keys = (item["pk"]["S"].split("#") for item in page)
        found.update(key[1] for key in keys if len(key) == 2)

    read_all(
        client,
        table_name,
        take,
        left=lambda: 1.0,
        segments=segments,
        ConsistentRead=True,
        FilterExpression="begins_with(pk, :snapshot)",
        ExpressionAttributeValues={":snapshot": {"S": f"{Prefix.SNAPSHOT}#"}},
        ProjectionExpression="pk",
    )
    return sorted(found)


def _state(item: Mapping[str, Any]) -> SnapshotState:
    def number(name: str) -> int:
        return int(item[name]["N"]) if name in item else 0

    chunks = json.loads(item["chunks"]["S"]) if "chunks" in item else {}
    return SnapshotState(
        number("current"),
        number("next"),
        number("applied"),
        number("last"),
        {int(generation): count for generation, count in chunks.items()},
    )


def _bodies(entries: Mapping[Subject, Listing]) -> Iterable[bytes]:
    left = iter(entries.items())
    part: list[bytes] = []
    size = 0
    while lines := [_line(*entry) for entry in islice(left, _ENTRIES_A_CHUNK)]:
        for line in lines:
            if part and (len(part) >= _ENTRIES_A_CHUNK or size + len(line) > _BYTES_A_CHUNK):
                yield _packed(part)
                part, size = [], 0
            part.append(line)
            size += len(line)
    if part:
        yield _packed(part)


def _packed(lines: list[bytes]) -> bytes:
    body = gzip.compress(b"\n".join(lines), mtime=0)
    if len(body) > _MAX_BODY_BYTES:
        raise StoreError("part of a list is too large to be stored")
    return body


def _line(subject: Subject, listing: Listing) -> bytes:
    kind = Prefix.NETWORK if isinstance(subject, Network) else subject.type
    facts = [
        kind,
        subject.value,
        listing.status,
        listing.assessment,
        listing.category,
        listing.detect_time,
        listing.source_list,
        *([True] if listing.below else ()),
    ]
    return json.dumps(facts, separators=(",", ":")).encode()


def _parse(line: bytes) -> tuple[Subject, Listing]:
    kind, value, status, assessment, category, detect_time, source_list, *below = json.loads(line)
    subject: Subject = (
        Network(value) if kind == Prefix.NETWORK else Indicator(IndicatorType(kind), value)
    )
    return subject, Listing(
        ListingStatus(status), assessment, category, detect_time, source_list, below=bool(below)
    )
