"""Optional cache of IOC records in memory."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from functions.lookup.service import Iocs
from shared.domain.indicator import Indicator
from shared.domain.network import Network
from shared.domain.provider import IocRecord

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
    _lock: threading.Lock = field(default_factory=threading.Lock)
    # Per indicator: time of the read, networks that it was read with, and the record.
    _kept: OrderedDict[Indicator, tuple[float, tuple[Network, ...], IocRecord]] = field(
        default_factory=OrderedDict
    )

    def find(self, indicator: Indicator, networks: Sequence[Network] = ()) -> IocRecord:
        """Find the IOC record of one indicator, with the listings of the given networks.

        Raises:
            StoreError: the store failed, and the record is not cached.
        """
        # The age counts from before the read.
        now = self.clock()
        known = self._find(indicator, networks, now)
        if known is None:
            known = self.iocs.find(indicator, networks)
            self._keep([known], {indicator: networks}, now)
        return known

    def find_many(
        self,
        indicators: Iterable[Indicator],
        networks: Mapping[Indicator, Sequence[Network]] | None = None,
    ) -> dict[Indicator, IocRecord]:
        """Find the IOC records of many indicators; every indicator has an entry in the result.

        Raises:
            StoreError: the store failed, and not all records are cached.
        """
        holding = networks or {}
        now = self.clock()
        found = {one: self._find(one, holding.get(one, ()), now) for one in indicators}
        kept = {one: known for one, known in found.items() if known}
        missing = found.keys() - kept.keys()
        if not missing:
            return kept
        read = self.iocs.find_many(missing, {one: holding[one] for one in missing & holding.keys()})
        self._keep(read.values(), holding, now)
        return {**kept, **read}

    def forget(self, indicator: Indicator) -> None:
        """Drop a record that has changed from the cache."""
        with self._lock:
            self._kept.pop(indicator, None)

    def _find(
        self, indicator: Indicator, networks: Sequence[Network], now: float
    ) -> IocRecord | None:
        with self._lock:
            if indicator not in self._kept:
                return None
            read_at, around, known = self._kept[indicator]
            if now - read_at >= self.ttl_s or around != tuple(networks):
                return None
            self._kept.move_to_end(indicator)
            return known

    def _keep(
        self, read: Iterable[IocRecord], networks: Mapping[Indicator, Sequence[Network]], now: float
    ) -> None:
        with self._lock:
            for known in read:
                around = tuple(networks.get(known.indicator, ()))
                self._kept[known.indicator] = now, around, known
                self._kept.move_to_end(known.indicator)
            while len(self._kept) > self.max_entries:
                self._kept.popitem(last=False)
