"""Hot IOCs in memory: never older than the setting, and never in place of a failure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from functions.lookup.cache import IocCache
from shared.domain.errors import StoreError
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.network import Network
from shared.domain.provider import IocRecord, Listing, ListingStatus, Subject
from tests.builders import reputation

ONE, TWO, THREE = (Indicator(IndicatorType.IP, f"203.0.113.{n}") for n in (1, 2, 3))
NETWORK = Network("203.0.113.0/24")


@dataclass
class Counted:
    """A store that records what was read, and the time of each answer."""

    now: float = 0.0
    read: list[Indicator] = field(default_factory=list)
    down: bool = False

    def clock(self) -> float:
        return self.now

    def find(self, indicator: Indicator, covering: Sequence[Subject] = ()) -> IocRecord:
        return self.find_many([indicator], {indicator: covering})[indicator]

    def find_many(
        self,
        indicators: Iterable[Indicator],
        covering: Mapping[Indicator, Sequence[Subject]] | None = None,
    ) -> dict[Indicator, IocRecord]:
        if self.down:
            raise StoreError("down")
        asked = sorted(indicators)
        self.read += asked
        listings = {"at": Listing(ListingStatus.LISTED, answered=int(self.now))}
        around = covering or {}
        return {
            one: IocRecord(
                one, reputation(one), listings, dict(zip("n", around.get(one, ()), strict=False))
            )
            for one in asked
        }

    def find_verdicts(
        self, hashes: Iterable[Indicator], _: Iterable[str]
    ) -> dict[Indicator, IocRecord]:
        return self.find_many(hashes)


@pytest.fixture
def store() -> Counted:
    return Counted()


@pytest.fixture
def hot(store: Counted) -> IocCache:
    return IocCache(store, 5.0, store.clock, max_entries=2)


def test_an_ioc_is_read_once_in_its_time(store: Counted, hot: IocCache) -> None:
    for store.now in (0.0, 4.9):
        assert hot.find(ONE).listings["at"].answered == 0
    assert store.read == [ONE]
    store.now = 5.0
    assert hot.find(ONE).listings["at"].answered == 5
    assert store.read == [ONE, ONE]


def test_single_and_bulk_share_what_is_kept(store: Counted, hot: IocCache) -> None:
    hot.find(ONE)
    assert hot.find_many([ONE, TWO]).keys() == {ONE, TWO}
    assert hot.find_many([TWO, ONE]).keys() == {ONE, TWO}
    hot.find(TWO)
    assert store.read == [ONE, TWO]


def test_no_answer_of_a_bulk_is_older_than_the_setting(store: Counted, hot: IocCache) -> None:
    hot.find(ONE)
    store.now = 3.0
    hot.find(TWO)
    store.now = 6.0
    assert {one: k.listings["at"].answered for one, k in hot.find_many([ONE, TWO]).items()} == {
        ONE: 6,
        TWO: 3,
    }


def test_those_used_least_lately_go_first(store: Counted, hot: IocCache) -> None:
    for one in (ONE, TWO, ONE, THREE, ONE, TWO):
        hot.find(one)
    assert store.read == [ONE, TWO, THREE, TWO]


def test_other_networks_around_an_address_are_another_question(
    store: Counted, hot: IocCache
) -> None:
    hot.find(ONE)
    assert hot.find(ONE, [NETWORK]).covering == {"n": NETWORK}
    assert hot.find_many([ONE], {ONE: [NETWORK]})[ONE].covering == {"n": NETWORK}
    assert hot.find(ONE).covering == {}
    assert store.read == [ONE, ONE, ONE]


def test_what_has_changed_is_forgotten(store: Counted, hot: IocCache) -> None:
    for _ in range(2):
        hot.find(ONE)
        hot.forget(ONE)
    hot.forget(TWO)
    assert store.read == [ONE, ONE]


def test_an_outage_is_told_and_not_kept(store: Counted, hot: IocCache) -> None:
    hot.find(ONE)
    store.down = True
    assert hot.find(ONE).reputation
    for ask in (lambda: hot.find(TWO), lambda: hot.find_many([ONE, TWO])):
        with pytest.raises(StoreError):
            ask()
    store.down = False
    assert hot.find(TWO).reputation
