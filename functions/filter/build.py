"""Building the filter: read all values, then make room for exactly as many.

How many there are is known when all are read, and a Bloom filter cannot grow. So the values wait
in a file, which needs no memory.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Executor
from threading import Lock
from typing import IO, Any, Protocol

from shared.domain.errors import ReputationError
from shared.domain.indicator import IndicatorType
from shared.filters.file import Facts, make_file, read_file
from shared.store.providers import ProviderState


class FilterNotBuilt(ReputationError):
    """There was no time to read everything; what is published stays."""


class Bucket(Protocol):
    """Where the filter is published; `shared.store.filters.FilterBucket` is one."""

    def put(self, content: bytes, offer: dict[str, Any]) -> None:
        """Publish a filter, with what is told of it; raises StoreError."""


def answered_types(providers: Iterable[ProviderState]) -> frozenset[IndicatorType]:
    """The types of which nothing is known but what is stored of the very indicator.

    A provider without a list may know any indicator of its types, and a network holds addresses
    that have no item.
    """
    open_ended: set[str] = set()
    for state in providers:
        if state.provider.on_demand:
            open_ended |= state.provider.types
        if state.network_chunks:
            open_ended.add(IndicatorType.IP)
    return frozenset(kind for kind in IndicatorType if kind not in open_ended)


def publish(
    parts: Collection[Iterator[list[str]]],
    *,
    bucket: Bucket,
    built: int,
    types: Collection[IndicatorType],
    pool: Executor,
    spool: IO[bytes],
    left: Callable[[], float],
) -> dict[str, Any]:
    """Read all values, make a filter of them, publish it.

    Args:
        parts: the values, in parts that are read side by side, page by page.
        built: the moment before which everything stored is among them, milliseconds since the
            epoch.
        types: the ones that the filter answers for.
        spool: where the values wait.
        left: seconds that are left for reading.

    Returns:
        What is told of the filter.

    Raises:
        FilterNotBuilt: the time for reading is used up.
        StoreError: the store failed.
    """
    count = _read(parts, pool, spool, left)
    spool.seek(0)
    # No canonical value has a line break in it.
    content = make_file((line[:-1] for line in spool), Facts(built, count, frozenset(types)))
    # Read as its users will read it: what they would refuse is never published.
    made = read_file(content)
    offer = made.facts.as_dict() | {"size": len(content), "sha256": made.sha256}
    bucket.put(content, offer)
    return offer


def _read(
    parts: Collection[Iterator[list[str]]],
    pool: Executor,
    spool: IO[bytes],
    left: Callable[[], float],
) -> int:
    lock = Lock()

    def read(part: Iterator[list[str]]) -> int:
        count = 0
        for page in part:
            if left() <= 0:
                raise FilterNotBuilt("the time for reading the table is used up")
            lines = "".join(f"{value}\n" for value in page).encode()
            with lock:
                spool.write(lines)
            count += len(page)
        return count

    return sum(pool.map(read, parts))
