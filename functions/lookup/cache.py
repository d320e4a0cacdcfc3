"""Hot IOCs kept in memory, where a setting asks for it."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from functions.lookup.service import Iocs
from shared.domain.indicator import Indicator
from shared.domain.network import Network
from shared.domain.provider import IocRecord

# About 10 MB of a function that has 512.
MAX_ENTRIES = 10_000


@dataclass(slots=True)
class IocCache:
    """What was read lately is not read again; the IOCs used least lately go first.

    Unknown IOCs are kept as well. Safe for threads.

    Attributes:
        iocs: where they are read.
        ttl_s: how old what is answered may be, in seconds.
        clock: seconds, monotonic.
        max_entries: how many are kept.
    """

    iocs: Iocs
    ttl_s: float
    clock: Callable[[], float]
    max_entries: int = MAX_ENTRIES
    _lock: threading.Lock = field(default_factory=threading.Lock)
    # When it was read, with which networks, and what came of it.
    _kept: OrderedDict[Indicator, tuple[float, tuple[Network, ...], IocRecord]] = field(
        default_factory=OrderedDict
    )

    def find(self, indicator: Indicator, networks: Sequence[Network] = ()) -> IocRecord:
        """What is known of one indicator and of the networks around it.

        Raises:
            StoreError: the store failed, and it is not kept.
        """
        # Its age counts from before the store was asked.
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
        """What is known of many, each with an entry.

        Raises:
            StoreError: the store failed, and not all of them are kept.
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
        """Read it again next time: it has changed."""
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
