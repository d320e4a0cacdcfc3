"""Building the filter: read all values, then make room for exactly as many.

How many there are is known when all are read, and a Bloom filter cannot grow. So the values wait
in a file, which needs no memory.
"""

from collections.abc import Callable, Collection, Iterable
from threading import Lock
from typing import IO, Any, Protocol

from shared.domain.indicator import IndicatorType
from shared.formats.bloom_filter import Facts, make_file, read_file
from shared.store.providers import ProviderState

# Hands over everything, page by page and from several threads at once.
Read = Callable[[Callable[[list[str]], None]], None]


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
    read: Read,
    *,
    bucket: Bucket,
    built: int,
    types: Collection[IndicatorType],
    spool: IO[bytes],
) -> dict[str, Any]:
    """Read all values, make a filter of them, publish it.

    Args:
        read: hands over the values.
        built: the moment before which everything stored is among them, milliseconds since the
            epoch.
        types: the ones that the filter answers for.
        spool: where the values wait.

    Returns:
        What is told of the filter.

    Raises:
        NotAllRead: the time for reading is used up; what is published stays.
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
    # No canonical value has a line break in it.
    content = make_file((line[:-1] for line in spool), Facts(built, count, frozenset(types)))
    # Read as its users will read it: what they would refuse is never published.
    made = read_file(content)
    offer = made.facts.as_dict() | {"size": len(content), "sha256": made.sha256}
    bucket.put(content, offer)
    return offer
