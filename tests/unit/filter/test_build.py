"""What the filter answers for, and that nothing is published when not everything was read."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest

from functions.filter.build import Read, answered_types, publish
from shared.domain.errors import StoreError
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.indicator_types import INDICATOR_TYPES
from shared.domain.provider import Provider
from shared.formats.bloom_filter import read_file
from shared.store.providers import ProviderState
from shared.store.whole_table import NotAllRead

ALL = set(INDICATOR_TYPES)
DOMAINS = [f"a{n}.example" for n in range(50)]


class FakeBucket:
    def __init__(self) -> None:
        self.put_before: list[tuple[bytes, dict[str, Any]]] = []

    def put(self, content: bytes, offer: dict[str, Any]) -> None:
        self.put_before.append((content, offer))


def built(read: Read, bucket: FakeBucket) -> dict[str, Any]:
    return publish(read, bucket=bucket, built=1_767_607_200_000, types=ALL, spool=BytesIO())


def provider(*types: str, on_demand: bool = False, **more: Any) -> ProviderState:
    one = Provider("a", "a.example", frozenset(types), on_demand=on_demand)
    return ProviderState(one, **more)


def test_all_pages_are_published_in_one_filter() -> None:
    def read(take: Callable[[list[str]], None]) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(take, (DOMAINS[:20], [], DOMAINS[20:40], DOMAINS[40:])))

    bucket = FakeBucket()
    offer = built(read, bucket)
    [(content, told)] = bucket.put_before
    made = read_file(content)
    assert all(made.holds(Indicator(IndicatorType.DOMAIN, one)) for one in DOMAINS)
    assert told == offer == made.facts.as_dict() | {"size": len(content), "sha256": made.sha256}
    assert offer["entries"] == len(DOMAINS)


@pytest.mark.parametrize("error", [NotAllRead("no time"), StoreError("the store refused: it")])
def test_when_not_everything_is_read_nothing_is_published(error: Exception) -> None:
    def read(take: Callable[[list[str]], None]) -> None:
        take(DOMAINS)
        raise error

    bucket = FakeBucket()
    with pytest.raises(type(error)):
        built(read, bucket)
    assert bucket.put_before == []


@pytest.mark.parametrize(
    ("providers", "not_answered"),
    [
        ([], set()),
        ([provider("ip", "domain")], set()),
        ([provider("ip", "domain", network_chunks=1)], {"ip"}),
        ([provider("ip", "domain", below=True)], {"domain"}),
        ([provider("domain", "url", on_demand=True)], {"domain", "url"}),
        ([provider("md5", on_demand=True), provider("ip", network_chunks=2)], {"md5", "ip"}),
        ([provider(*ALL, on_demand=True)], ALL),
    ],
)
def test_it_does_not_answer_for_what_is_known_without_an_item(
    providers: list[ProviderState], not_answered: set[str]
) -> None:
    assert answered_types(providers) == ALL - not_answered
