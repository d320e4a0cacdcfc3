"""Builds the filter: reads all values, then makes a filter for that number of values.

The size of a Bloom filter is fixed, and the number of values is known only after reading all. So
the values are spooled to a file, which needs no memory.
"""

from collections.abc import Callable, Collection, Iterable
from threading import Lock
from typing import IO, Any, Protocol

from shared.domain.indicator_types import INDICATOR_TYPES, IndicatorType
from shared.formats.bloom_filter import Facts, make_file, read_file
from shared.store.providers import ProviderState

# Passes all values to a callback, page by page and from several threads.
Read = Callable[[Callable[[list[str]], None]], None]


class Bucket(Protocol):
    """Publishes a filter; `shared.store.filters.FilterBucket` is one."""

    def put(self, content: bytes, metadata: dict[str, Any]) -> None:
        """Publish a filter with its metadata; raises StoreError."""


def answered_types(providers: Iterable[ProviderState]) -> frozenset[IndicatorType]:
    """The types for which a filter of stored indicators is enough to answer "unknown".

    An on-demand provider may know any indicator of its types. A network contains addresses that
    have no item, and a listed name may cover names that have none. So these types are excluded.
    """
    open_ended: set[str] = set()
    for state in providers:
        if state.provider.on_demand:
            open_ended |= state.provider.types
        if state.network_chunks:
            open_ended.add(IndicatorType.IP)
        if state.below:
            open_ended.add(IndicatorType.DOMAIN)
    return frozenset(kind for kind in INDICATOR_TYPES if kind not in open_ended)


def publish(
    read: Read,
    *,
    bucket: Bucket,
    built: int,
    types: Collection[IndicatorType],
    spool: IO[bytes],
) -> dict[str, Any]:
    """Read all values, build a filter of them and publish it.

    Args:
        read: passes all values to its callback.
        built: everything stored before this time is in the filter; milliseconds since the epoch.
        types: the types that the filter answers for.
        spool: an empty file for the values.

    Returns:
        The metadata of the filter.

    Raises:
        NotAllRead: the time for reading is used up; the published filter stays.
        StoreError: the store failed.
    """
    count = 0
    lock = Lock()

    def spool_page(values: list[str]) -> None:
        nonlocal count
        lines = "".join(f"{value}\n" for value in values).encode()
        with lock:
            spool.write(lines)
            count += len(values)

    read(spool_page)
    spool.seek(0)
    # Canonical values contain no line breaks.
    content = make_file((line[:-1] for line in spool), Facts(built, count, frozenset(types)))
    # Read it as clients do, so a file that they would reject is never published.
    made = read_file(content)
    metadata = made.facts.as_dict() | {"size": len(content), "sha256": made.sha256}
    bucket.put(content, metadata)
    return metadata
