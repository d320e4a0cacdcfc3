"""The providers other than the sandbox, as a warm function caches and queries them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from functions.lookup.providers import REMEMBERED_S, CachedProviders, NoProviders
from functions.lookup.service import Service
from shared.domain.errors import StoreError
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.network import Network
from shared.domain.provider import IocRecord, Listing, ListingStatus, Provider, Subject
from shared.domain.verdict import Verdict
from shared.http.authentication import KeyRing
from shared.store.providers import ProviderState
from tests.builders import reputation
from tests.ingestion import NOW
from tests.unit.lookup.test_routes import KEY, FakeKeys, quota

IP = parse(IndicatorType.IP, "192.0.2.7")
ELSEWHERE = parse(IndicatorType.IP, "198.51.100.7")
DOMAIN = parse(IndicatorType.DOMAIN, "evil.example")
WIDE, NARROW = Network("192.0.2.0/24"), Network("192.0.2.0/28")
LISTED = Listing(ListingStatus.LISTED, "botnet", detect_time=5)
ANSWER = Listing(ListingStatus.LISTED, "high risk", answered=NOW, expires=NOW + 1000)
FAILED = Listing(ListingStatus.FAILED, answered=NOW)

LIST = ProviderState(
    Provider("list", "list.example", frozenset({"ip", "domain"}), updated=NOW - 1),
    order=1,
    generation=3,
    network_chunks=1,
)
API = ProviderState(Provider("api", "api.example", frozenset({"domain"}), on_demand=True), order=2)


@dataclass
class FakeStates:
    """The state of the providers, and how often it was read."""

    states: list[ProviderState]
    networks: dict[tuple[str, int], list[Network]] = field(default_factory=dict)
    reads: int = 0
    network_reads: list[tuple[str, int]] = field(default_factory=list)
    down: bool = False

    def read(self) -> list[ProviderState]:
        self.reads += 1
        if self.down:
            raise StoreError("down")
        return self.states

    def read_networks(self, state: ProviderState) -> list[Network]:
        list_ = (state.provider.id, state.generation)
        self.network_reads.append(list_)
        if self.down:
            raise StoreError("down")
        return self.networks.get(list_, [])


@dataclass
class FakeAsker:
    """Answers alike to everybody, and remembers who was asked."""

    answer: Listing
    asked: list[tuple[list[str], Indicator]] = field(default_factory=list)

    def ask(self, providers: list[str], indicator: Indicator, now: int) -> dict[str, Listing]:
        assert now == NOW
        self.asked.append((providers, indicator))
        return dict.fromkeys(providers, self.answer)


@dataclass
class FakeIocs:
    """Items in memory, and what was read of them."""

    known: dict[Indicator, IocRecord] = field(default_factory=dict)
    reads: list[tuple[list[Indicator], dict[Indicator, Sequence[Subject]]]] = field(
        default_factory=list
    )

    def find(self, indicator: Indicator, covering: Sequence[Subject] = ()) -> IocRecord:
        return self.find_many([indicator], {indicator: covering} if covering else {})[indicator]

    def find_many(
        self,
        indicators: Iterable[Indicator],
        covering: Mapping[Indicator, Sequence[Subject]] | None = None,
    ) -> Mapping[Indicator, IocRecord]:
        wanted = list(indicators)
        self.reads.append((wanted, dict(covering or {})))
        return {one: self.known.get(one, IocRecord(one)) for one in wanted}

    def find_verdicts(
        self, hashes: Iterable[Indicator], _: Iterable[str]
    ) -> Mapping[Indicator, IocRecord]:
        return self.find_many(hashes)


@dataclass
class World:
    """Everything around the look-ups."""

    store: FakeStates
    asker: FakeAsker = field(default_factory=lambda: FakeAsker(ANSWER))
    iocs: FakeIocs = field(default_factory=FakeIocs)
    kept: list[tuple[str, Indicator, Listing]] = field(default_factory=list)
    keeps: bool = True
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.providers = CachedProviders(
            self.store, lambda: self.now_s, asker=lambda: self.asker, keep=self.keep
        )
        self.service = Service(
            iocs=self.iocs,
            keys=KeyRing(FakeKeys(KEY), lambda: 0.0),
            quota=quota(),
            now=lambda: NOW,
            providers=self.providers,
        )

    def keep(self, provider: str, indicator: Indicator, listing: Listing) -> None:
        if not self.keeps:
            raise StoreError("down")
        self.kept.append((provider, indicator, listing))


def world(*states: ProviderState) -> World:
    networks = {("list", 3): [NARROW, WIDE], ("list", 4): [WIDE]}
    return World(FakeStates(list(states), networks))


class TestStates:
    def test_they_are_read_once_a_minute(self) -> None:
        around = world(LIST, API)
        for now_s, reads in [(0, 1), (REMEMBERED_S - 1, 1), (REMEMBERED_S, 2), (61, 2)]:
            around.now_s = now_s
            assert around.providers.states() == [LIST, API]
            assert around.store.reads == reads

    def test_that_there_are_none_is_remembered_too(self) -> None:
        around = world()
        assert [list(around.providers.states()) for _ in range(3)] == [[], [], []]
        assert around.store.reads == 1

    def test_an_outage_later_on_leaves_what_is_remembered(self) -> None:
        around = world(LIST)
        around.providers.states()
        around.now_s, around.store.down = REMEMBERED_S, True
        assert [list(around.providers.states()) for _ in range(2)] == [[LIST], [LIST]]
        assert around.store.reads == 2
        around.now_s, around.store.down = 2 * REMEMBERED_S, False
        around.store.states = [LIST, API]
        assert around.providers.states() == [LIST, API]

    def test_an_outage_is_told_and_not_remembered(self) -> None:
        around = world(LIST)
        around.store.down = True
        with pytest.raises(StoreError):
            around.providers.states()
        around.store.down = False
        assert around.providers.states() == [LIST]

    def test_no_providers_are_none(self) -> None:
        nobody = NoProviders()
        known = IocRecord(IP)
        assert (nobody.states(), nobody.covering(IP)) == ((), ())
        assert nobody.ask(known, NOW) is known


class TestNetworks:
    def test_they_are_read_once_for_each_list(self) -> None:
        around = world(LIST)
        for _ in range(3):
            assert around.providers.covering(IP) == [WIDE, NARROW]
        assert around.store.network_reads == [("list", 3)]
        around.store.states = [replace(LIST, generation=4)]
        assert around.providers.covering(IP) == [WIDE, NARROW], "a minute is not over"
        around.now_s = REMEMBERED_S
        for _ in range(3):
            assert around.providers.covering(IP) == [WIDE]
        assert around.store.network_reads == [("list", 3), ("list", 4)]

    def test_a_new_list_of_one_provider_costs_nothing_for_the_others(self) -> None:
        other = replace(LIST, provider=replace(LIST.provider, id="other"))
        around = world(LIST, other)
        around.providers.covering(IP)
        around.store.states = [replace(LIST, generation=4), other]
        around.now_s = REMEMBERED_S
        around.providers.covering(IP)
        assert around.store.network_reads == [("list", 3), ("other", 3), ("list", 4)]

    def test_a_provider_that_is_gone_takes_its_networks_with_it(self) -> None:
        around = world(LIST)
        assert around.providers.covering(IP)
        around.store.states = []
        around.now_s = REMEMBERED_S
        assert around.providers.covering(IP) == []

    def test_a_list_without_networks_is_not_asked_for_any(self) -> None:
        around = world(replace(LIST, network_chunks=0), API)
        assert around.providers.covering(IP) == []
        assert around.store.network_reads == []

    def test_only_addresses_lie_in_networks(self) -> None:
        around = world(LIST)
        assert around.providers.covering(DOMAIN) == ()
        assert around.store.network_reads == []

    def test_names_above_a_domain_are_read_if_a_list_stands_for_names_below_it(self) -> None:
        name = Indicator(IndicatorType.DOMAIN, "a.b.example.org")
        assert world(LIST).providers.covering(name) == ()
        around = world(LIST, replace(LIST, below=True))
        above = [one.value for one in around.providers.covering(name)]
        assert above == ["example.org", "b.example.org"]

    def test_an_outage_is_told_and_not_remembered(self) -> None:
        around = world(LIST)
        around.providers.states()
        around.store.down = True
        with pytest.raises(StoreError):
            around.providers.covering(IP)
        around.store.down = False
        assert around.providers.covering(IP) == [WIDE, NARROW]


class TestFind:
    def test_an_address_in_no_network_costs_one_read_of_its_item(self) -> None:
        around = world(LIST)
        around.service.find(ELSEWHERE)
        around.service.find(ELSEWHERE)
        assert around.iocs.reads == [([ELSEWHERE], {})] * 2
        assert (around.store.reads, len(around.store.network_reads)) == (1, 1)

    def test_the_networks_that_hold_an_address_are_read_along(self) -> None:
        around = world(LIST)
        around.iocs.known[IP] = IocRecord(IP, listings={"list": LISTED}, covering={"list": NARROW})
        found = around.service.find(IP)
        assert around.iocs.reads == [([IP], {IP: [WIDE, NARROW]})]
        [voice] = found.others
        assert (voice.listing, voice.covering, found.known) == (LISTED, NARROW, True)

    def test_many_are_read_at_once_each_with_its_networks(self) -> None:
        around = world(LIST)
        found = around.service.find_many([IP, ELSEWHERE])
        assert around.iocs.reads == [([IP, ELSEWHERE], {IP: [WIDE, NARROW]})]
        assert found.keys() == {IP, ELSEWHERE}
        assert not any(one.known for one in found.values())

    def test_what_the_sandbox_says_stands_beside_the_others(self) -> None:
        around = world(LIST, API)
        around.iocs.known[DOMAIN] = IocRecord(DOMAIN, reputation(DOMAIN), {"list": LISTED})
        found = around.service.find(DOMAIN)
        assert found.reputation == reputation(DOMAIN)
        assert [one.provider.id for one in found.others] == ["list", "api"]
        assert [one.verdict for one in found.others] == [Verdict.LIKELY_MALICIOUS] * 2

    @pytest.mark.parametrize(
        ("status", "known"),
        [
            (ListingStatus.LISTED, True),
            (ListingStatus.TRUSTED, True),
            (ListingStatus.NOT_LISTED, False),
            (ListingStatus.FAILED, False),
        ],
    )
    def test_known_is_what_somebody_has_something_to_say_of(
        self, status: ListingStatus, known: bool
    ) -> None:
        around = world(LIST)
        around.iocs.known[DOMAIN] = IocRecord(DOMAIN, listings={"list": Listing(status)})
        assert around.service.find(DOMAIN).known is known


class TestAsk:
    def test_who_is_not_heard_is_asked_and_the_answer_kept(self) -> None:
        around = world(LIST, API)
        found = around.service.find(DOMAIN)
        assert around.asker.asked == [(["api"], DOMAIN)]
        assert around.kept == [("api", DOMAIN, ANSWER)]
        assert [one.listing for one in found.others] == [Listing(ListingStatus.NOT_LISTED), ANSWER]

    def test_all_who_are_not_heard_are_asked_at_once(self) -> None:
        other = replace(API, provider=replace(API.provider, id="other"))
        around = world(API, other)
        around.service.find(DOMAIN)
        assert around.asker.asked == [(["api", "other"], DOMAIN)]

    def test_what_is_kept_is_repeated_without_asking(self) -> None:
        around = world(LIST, API)
        around.iocs.known[DOMAIN] = IocRecord(DOMAIN, listings={"api": ANSWER})
        assert around.service.find(DOMAIN).others[1].listing == ANSWER
        assert (around.asker.asked, around.kept) == ([], [])

    def test_an_answer_that_has_expired_is_asked_for_again(self) -> None:
        around = world(API)
        expired = replace(ANSWER, assessment="old", expires=NOW)
        around.iocs.known[DOMAIN] = IocRecord(DOMAIN, listings={"api": expired})
        assert around.service.find(DOMAIN).others[0].listing == ANSWER
        assert around.kept == [("api", DOMAIN, ANSWER)]

    def test_a_type_that_a_provider_does_not_cover_is_not_asked_of_it(self) -> None:
        around = world(LIST, API)
        around.service.find(IP)
        assert around.asker.asked == []

    def test_a_failure_is_told_and_not_kept(self) -> None:
        around = world(API)
        around.asker.answer = FAILED
        found = around.service.find(DOMAIN)
        assert (found.others[0].listing, found.known, around.kept) == (FAILED, False, [])

    def test_an_answer_that_cannot_be_kept_is_right_all_the_same(self) -> None:
        around = world(API)
        around.keeps = False
        assert around.service.find(DOMAIN).others[0].listing == ANSWER

    def test_nobody_is_asked_for_many(self) -> None:
        around = world(LIST, API)
        around.iocs.known[DOMAIN] = IocRecord(DOMAIN, listings={"api": ANSWER})
        unheard = parse(IndicatorType.DOMAIN, "other.example")
        found = around.service.find_many([DOMAIN, unheard])
        assert [one.others[1].listing.status for one in found.values()] == [
            ListingStatus.LISTED,
            ListingStatus.FAILED,
        ]
        assert (around.asker.asked, around.kept) == ([], [])
