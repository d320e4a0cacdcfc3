"""Optional cache of IOC records in memory."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from functions.lookup.service import Iocs
from shared.domain.indicator import Indicator
from shared.domain.provider import IocRecord, Subject
from shared.runtime.ttl_cache import TtlCache

# About 10 MB; the function has 512.
MAX_ENTRIES = 10_000


@dataclass(slots=True)
class IocCache:
    """Reads IOC records through a cache that drops the least recently used. Thread-safe.

    Unknown IOCs are cached, too.

    Attributes:
        iocs: the store.
        ttl_s: maximum age of a cached record in seconds.
        clock: seconds, monotonic.
        max_entries: maximum number of cached records.
    """

    iocs: Iocs
    ttl_s: float
    clock: Callable[[], float]
    max_entries: int = MAX_ENTRIES
    # What a record was read with that covers it, and the record.
    _entries: TtlCache[Indicator, tuple[tuple[Subject, ...], IocRecord]] = field(init=False)

    def __post_init__(self) -> None:
        self._entries = TtlCache(self.max_entries, self.clock)

    def find(self, indicator: Indicator, covering: Sequence[Subject] = ()) -> IocRecord:
        """Find the IOC record of one indicator, with the listings of what covers it.

        Raises:
            StoreError: the store failed, and the record is not cached.
        """
        # The age counts from before the read.
        ends = self.clock() + self.ttl_s
        known = self._find(indicator, covering)
        if known is None:
            known = self.iocs.find(indicator, covering)
            self._keep([known], {indicator: covering}, ends)
        return known

    def find_many(
        self,
        indicators: Iterable[Indicator],
        covering: Mapping[Indicator, Sequence[Subject]] | None = None,
    ) -> dict[Indicator, IocRecord]:
        """Find the IOC records of many indicators; every indicator has an entry in the result.

        Raises:
            StoreError: the store failed, and not all records are cached.
        """
        around = covering or {}
        ends = self.clock() + self.ttl_s
        found = {one: self._find(one, around.get(one, ())) for one in indicators}
        kept = {one: known for one, known in found.items() if known}
        missing = found.keys() - kept.keys()
        if not missing:
            return kept
        read = self.iocs.find_many(missing, {one: around[one] for one in missing & around.keys()})
        self._keep(read.values(), around, ends)
        return {**kept, **read}

    def find_verdicts(
        self, hashes: Iterable[Indicator], _providers: Iterable[str]
    ) -> dict[Indicator, IocRecord]:
        """Find whole records like `find_many`, so that other look-ups find them in the cache."""
        return self.find_many(hashes)

    def forget(self, indicator: Indicator) -> None:
        """Drop a record that has changed from the cache."""
        self._entries.remove(indicator)

    def _find(self, indicator: Indicator, covering: Sequence[Subject]) -> IocRecord | None:
        around, known = self._entries.get(indicator) or ((), None)
        return known if around == tuple(covering) else None

    def _keep(
        self,
        read: Iterable[IocRecord],
        covering: Mapping[Indicator, Sequence[Subject]],
        ends: float,
    ) -> None:
        for known in read:
            around = tuple(covering.get(known.indicator, ()))
            self._entries.put(known.indicator, (around, known), ends)
