"""Updating the items to a provider's newest list by writing only the changes.

A list that cannot be downloaded and read whole changes nothing. Otherwise it is stored, then its
differences from the previous list are written into the items, then it becomes the current one. If
a refresh is interrupted, the next one first continues with the stored list: writing a change twice
does no harm.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from itertools import islice

from functions.providers.snapshots import Snapshots, SnapshotState
from shared.domain.network import Network
from shared.domain.provider import Listing, Subject
from shared.formats.lists.declaration import Declaration
from shared.formats.lists.entry import ListContent
from shared.store.iocs import IocTable
from shared.store.keys import subject_key
from shared.store.providers import ProviderState, ProviderStates

# The progress is recorded after this many changes.
_CHANGES_A_PART = 1_000

Change = tuple[Subject, Listing | None]


@dataclass(slots=True)
class Refreshed:
    """Result of a refresh.

    Attributes:
        complete: the items agree with a complete list.
        entries: number of entries on that list.
        changes: number of items written.
        rejected: number of entries that could not be read.
        busy: whether another refresh of this provider is running, and this one did nothing.
    """

    complete: bool = False
    entries: int = 0
    changes: int = 0
    rejected: int = 0
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Refresh:
    """Refreshes one provider.

    Attributes:
        download: reads the provider's list; raises FeedError or ListError.
        pool: runs the writes.
        now: milliseconds since the epoch.
        until: time after which another refresh may take over, milliseconds since the epoch.
        out_of_time: returns whether to stop before the next writes.
    """

    declaration: Declaration
    download: Callable[[], ListContent]
    iocs: IocTable
    snapshots: Snapshots
    states: ProviderStates
    pool: Executor
    now: int
    until: int
    out_of_time: Callable[[], bool]

    def execute(self, state: ProviderState) -> Refreshed:
        """Refresh the provider once.

        Args:
            state: state of the provider; the new state is stored.

        Raises:
            FeedError: the list could not be downloaded; nothing has changed.
            ListError: the list could not be read; nothing has changed.
            StoreError: the store failed; the caller should refresh again.
        """
        snapshot_state = self.snapshots.claim(self.now, self.until)
        if snapshot_state is None:
            return Refreshed(busy=True)
        done = Refreshed()
        try:
            if snapshot_state.next:
                self._apply(state, snapshot_state, done)
            else:
                self._apply_new(state, snapshot_state, done)
        finally:
            self.snapshots.release()
        return done

    def _apply_new(self, state: ProviderState, stored: SnapshotState, done: Refreshed) -> None:
        content = self.download()
        done.rejected = content.rejected.total()
        current = self.snapshots.read(stored, stored.current)
        target = with_dates(content.entries, current, self.now)
        if stored.current and target == current:
            done.complete, done.entries = True, len(target)
            chunks = state.network_chunks
            if state.generation != stored.current:
                # The provider was disabled meanwhile, and its state was removed.
                chunks = self._write_networks(stored.current, target)
            self._write_state(state, stored.current, target, chunks)
            return
        self._apply(state, self.snapshots.begin(stored, target), done, target)

    def _apply(
        self,
        state: ProviderState,
        stored: SnapshotState,
        done: Refreshed,
        target: Mapping[Subject, Listing] | None = None,
    ) -> None:
        if target is None:
            target = self.snapshots.read(stored, stored.next)
        todo = changes(self.snapshots.read(stored, stored.current), target)
        left = iter(todo[stored.applied :])
        applied = stored.applied
        while part := list(islice(left, _CHANGES_A_PART)):
            if self.out_of_time():
                return
            for _ in self.pool.map(self._write, part):
                done.changes += 1
            applied += len(part)
            stored = self.snapshots.progress(stored, applied)
        chunks = self._write_networks(stored.next, target)
        self._write_state(state, stored.next, target, chunks)
        self.snapshots.finish(stored)
        if state.generation != stored.next:
            self.states.retire_networks(
                self.declaration.id, state.generation, state.network_chunks, self.now
            )
        done.complete, done.entries = True, len(target)

    def _write_networks(self, generation: int, entries: Mapping[Subject, Listing]) -> int:
        networks = [subject for subject in entries if isinstance(subject, Network)]
        return self.states.write_networks(self.declaration.id, generation, networks)

    def _write(self, change: Change) -> None:
        self.iocs.list_subject(self.declaration.id, *change)

    def _write_state(
        self,
        state: ProviderState,
        generation: int,
        entries: Mapping[Subject, Listing],
        network_chunks: int,
    ) -> None:
        self.states.write(
            replace(
                state,
                provider=replace(state.provider, updated=self.now),
                entries=len(entries),
                generation=generation,
                network_chunks=network_chunks,
                below=any(listing.below for listing in entries.values()),
                tried=self.now,
                error="",
            )
        )


def with_dates(
    entries: Mapping[Subject, Listing], before: Mapping[Subject, Listing], now: int
) -> dict[Subject, Listing]:
    """Date each entry: by its own date, by that of the previous list, or now for a new entry."""

    def date(subject: Subject) -> int:
        known = before.get(subject)
        return known.detect_time if known else now

    return {
        subject: listing if listing.detect_time else replace(listing, detect_time=date(subject))
        for subject, listing in entries.items()
    }


def changes(
    before: Mapping[Subject, Listing], after: Mapping[Subject, Listing]
) -> Sequence[Change]:
    """List the changes from one list to another, always in the same order."""
    differing = [one for one in before.keys() | after.keys() if before.get(one) != after.get(one)]
    return [(one, after.get(one)) for one in sorted(differing, key=subject_key)]
