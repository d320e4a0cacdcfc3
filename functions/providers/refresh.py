"""Bringing the items into agreement with a provider's newest list, by its changes alone.

A list is downloaded and read whole, or it changes nothing. Then it is kept, then its differences
from the list before are written into the items, then it is the current one. Interrupted anywhere,
the next refresh goes on with the kept list first: every change may be written twice.
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

# Changes between two notes of how far the writing is.
_CHANGES_A_NOTE = 1_000

Change = tuple[Subject, Listing | None]


@dataclass(slots=True)
class Refreshed:
    """What a refresh did.

    Attributes:
        complete: the items agree with a complete list.
        entries: on that list.
        changes: how many items it wrote.
        rejected: entries of the list that could not be read.
        busy: whether another refresh of this provider is under way, and nothing was done.
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
        pool: where the writes run.
        now: milliseconds since the epoch.
        until: when others may take over, milliseconds since the epoch.
        out_of_time: whether to stop before the next write.
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
        """Refresh once.

        Args:
            state: how the provider stands; what becomes of it is written.

        Raises:
            FeedError: the list could not be had; nothing has changed.
            ListError: it could not be read; nothing has changed.
            StoreError: the store failed; refreshing again is right.
        """
        kept = self.snapshots.claim(self.now, self.until)
        if kept is None:
            return Refreshed(busy=True)
        done = Refreshed()
        try:
            if kept.next:
                kept = self._apply(state, kept, done)
            else:
                kept = self._take_new(state, kept, done)
        finally:
            self.snapshots.release()
        return done

    def _take_new(
        self, state: ProviderState, kept: SnapshotState, done: Refreshed
    ) -> SnapshotState:
        snapshot = self.download()
        done.rejected = snapshot.rejected.total()
        current = self.snapshots.read(kept, kept.current)
        target = with_dates(snapshot.entries, current, self.now)
        if kept.current and target == current:
            done.complete, done.entries = True, len(target)
            chunks = state.network_chunks
            if state.generation != kept.current:
                # It was switched off meanwhile, and how it stood was forgotten.
                chunks = self._write_networks(kept.current, target)
            self._say(state, kept.current, target, chunks)
            return kept
        return self._apply(state, self.snapshots.begin(kept, target), done, target)

    def _apply(
        self,
        state: ProviderState,
        kept: SnapshotState,
        done: Refreshed,
        target: Mapping[Subject, Listing] | None = None,
    ) -> SnapshotState:
        if target is None:
            target = self.snapshots.read(kept, kept.next)
        todo = changes(self.snapshots.read(kept, kept.current), target)
        left = iter(todo[kept.applied :])
        applied = kept.applied
        while part := list(islice(left, _CHANGES_A_NOTE)):
            if self.out_of_time():
                return kept
            for _ in self.pool.map(self._write, part):
                done.changes += 1
            applied += len(part)
            kept = self.snapshots.progress(kept, applied)
        chunks = self._write_networks(kept.next, target)
        self._say(state, kept.next, target, chunks)
        after = self.snapshots.finish(kept)
        if state.generation != kept.next:
            self.states.retire_networks(
                self.declaration.id, state.generation, state.network_chunks, self.now
            )
        done.complete, done.entries = True, len(target)
        return after

    def _write_networks(self, generation: int, entries: Mapping[Subject, Listing]) -> int:
        networks = [subject for subject in entries if isinstance(subject, Network)]
        return self.states.write_networks(self.declaration.id, generation, networks)

    def _write(self, change: Change) -> None:
        self.iocs.list_subject(self.declaration.id, *change)

    def _say(
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
                tried=self.now,
                error="",
            )
        )


def with_dates(
    entries: Mapping[Subject, Listing], before: Mapping[Subject, Listing], now: int
) -> dict[Subject, Listing]:
    """The entries, each with a date: its own, that of the list before, or now for a new one."""

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
    """What has to be written to get from one list to another, always in the same order."""
    differing = [one for one in before.keys() | after.keys() if before.get(one) != after.get(one)]
    return [(one, after.get(one)) for one in sorted(differing, key=subject_key)]
