"""The service behind the routes: looks indicators up in the store and at the providers."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from functions.lookup.geo_info import Locate, nowhere
from functions.lookup.providers import NoProviders, Providers, as_providers
from shared.domain.harmless import (
    Ruling,
    always_harmless,
    effective_verdict,
    overruling_rule,
    trusted_by,
)
from shared.domain.indicator import Indicator, IndicatorType, Query
from shared.domain.override import Override
from shared.domain.provider import IocRecord, ProviderVerdict, Subject, provider_verdicts
from shared.domain.reputation import Reputation, ScanVerdict
from shared.domain.score import DEFAULT_HALF_LIVES, Scorer
from shared.domain.verdict import Verdict
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.authentication import KeyRing
from shared.http.quota import Caller, Quota
from shared.http.web import Request, Response
from shared.store.api_keys import Right

if TYPE_CHECKING:
    from shared.store.feed_runs import FeedRun
    from shared.store.search_index import ResultPage, SeenIoc

if TYPE_CHECKING:
    from shared.formats.exports.index import ExportIndex


class Iocs(Protocol):
    """Finds IOC records, such as `shared.store.iocs.IocTable`."""

    def find(self, indicator: Indicator, covering: Sequence[Subject] = ()) -> IocRecord:
        """The IOC record of an indicator, with listings of what covers it; raises StoreError."""

    def find_many(
        self,
        indicators: Iterable[Indicator],
        covering: Mapping[Indicator, Sequence[Subject]] | None = None,
    ) -> Mapping[Indicator, IocRecord]:
        """An IOC record for each of many indicators; raises StoreError."""

    def find_verdicts(
        self, hashes: Iterable[Indicator], providers: Iterable[str]
    ) -> Mapping[Indicator, IocRecord]:
        """For each of many hashes what its verdict depends on; raises StoreError."""


class Filters(Protocol):
    """Bucket of the filter, such as `shared.store.filters.FilterBucket`."""

    def offer(self) -> dict[str, Any] | None:
        """Metadata of the filter, None if none is published; raises StoreError."""

    def link(self, seconds: int) -> str:
        """Link to the filter, valid for `seconds`; raises StoreError."""


class SightingIndex(Protocol):
    """Index of all sightings, such as `shared.store.search_index.SearchIndex`.

    All methods raise `BadCursor` for an invalid cursor, and StoreError.
    """

    def sightings(
        self, indicator: Indicator, limit: int, after: str = ""
    ) -> "ResultPage[ScanVerdict]":
        """The sightings of an IOC, newest first."""

    def of_scan(self, flow_id: str, limit: int, after: str = "") -> "ResultPage[SeenIoc] | None":
        """The IOCs of the reports of a scan, None for an unknown scan."""

    def recent(
        self,
        limit: int,
        after: str = "",
        verdict: Verdict | None = None,
        kinds: frozenset[IndicatorType] | None = None,
    ) -> "ResultPage[SeenIoc]":
        """The IOCs seen last, newest first."""


class Exports(Protocol):
    """The published exports, such as `functions.lookup.exports.CachedExports`."""

    def index(self) -> "ExportIndex | None":
        """Index of the exports, None if nothing is published; raises StoreError."""

    def text(self, index: "ExportIndex", name: str) -> str:
        """Read a file; raises StoreError."""

    def link(self, index: "ExportIndex", name: str, seconds: int) -> str:
        """Link to a file, valid for `seconds`; raises StoreError."""


class LookupResult(NamedTuple):
    """An indicator with its reputation and the verdicts of the other providers.

    Attributes:
        reputation: reputation from the sandbox's reports, None if unknown.
        others: one verdict per other provider that covers the type, even if unknown to it.
    """

    indicator: Indicator
    reputation: Reputation | None
    others: Sequence[ProviderVerdict]

    @property
    def known(self) -> bool:
        """Whether the sandbox or another provider has a verdict."""
        if self.reputation is not None or not self.others:
            return self.reputation is not None
        return any(one.verdict is not None for one in self.others)

    @property
    def override(self) -> Override | None:
        """The verdict that an analyst set and that has not expired, None if there is none."""
        return next((one.override for one in self.others if one.override is not None), None)

    @property
    def verdict(self) -> Verdict | None:
        """Effective verdict of all providers, None if no provider has one."""
        effective = effective_verdict(self.indicator, self.reputation, self.others)
        return None if effective is None else effective.verdict


Answered = tuple[Query, LookupResult]


@dataclass(frozen=True, slots=True)
class Service:
    """Looks indicators up, and holds everything else that the routes need.

    Attributes:
        now: returns milliseconds since the epoch.
        providers: the providers other than the sandbox.
        looked_up: called with the results of each look-up, to count them.
        filters: returns the bucket of the filter, None if the stack publishes none.
        index: index of all sightings, None if the stack has none.
        exports: returns the exports, None if the stack publishes none.
        feed_runs: returns the last run of each feed; raises StoreError.
        sandbox_url: address of the scan reports for people, "" if not configured.
        half_lives: days in which a score halves, by type.
        summary_provider: name of the row of an answer that sums up the others, "" for no such row.
        locate: returns the field `geo_info` for an IP.
        max_age_s: how long clients may keep the answer of a single look-up, in seconds.
    """

    iocs: Iocs
    keys: KeyRing
    quota: Quota
    now: Callable[[], int]
    providers: Providers = field(default_factory=NoProviders)
    looked_up: Callable[[Iterable[LookupResult]], None] = lambda _: None
    filters: Callable[[], Filters | None] = lambda: None
    index: SightingIndex | None = None
    exports: Callable[[], Exports | None] = lambda: None
    feed_runs: "Callable[[], Sequence[FeedRun]]" = lambda: ()
    sandbox_url: str = ""
    summary_provider: str = ""
    locate: Locate = nowhere
    max_age_s: int = 0
    half_lives: Mapping[IndicatorType, float] = field(default_factory=lambda: DEFAULT_HALF_LIVES)

    def scorer(self) -> Scorer:
        """Score as of now."""
        return Scorer(self.now(), self.half_lives)

    def find(self, indicator: Indicator) -> LookupResult:
        """Look one indicator up.

        Raises:
            StoreError: the store failed.
        """
        known = self.iocs.find(indicator, self.providers.covering(indicator))
        [result] = self._results([self.providers.ask(known, self.now())])
        self.looked_up([result])
        return result

    def look_around(self, indicator: Indicator) -> tuple[LookupResult, list[LookupResult]]:
        """Look one indicator up, and what is around it, the nearest first, in one batch read.

        Raises:
            StoreError: the store failed.
        """
        from shared.domain.surroundings import surroundings  # noqa: PLC0415 - loads a large list

        near = surroundings(indicator)
        covering = {
            one: some for one in (indicator, *near) if (some := self.providers.covering(one))
        }
        known = self.iocs.find_many([indicator, *near], covering)
        asked = self.providers.ask(known[indicator], self.now())
        found, *around = self._results([asked, *(known[one] for one in near)])
        self.looked_up([found])
        return found, around

    def find_many(
        self, indicators: Collection[Indicator], *, report: bool = True
    ) -> dict[Indicator, LookupResult]:
        """Look many indicators up; every indicator has an entry in the result.

        On-demand providers are not queried; their earlier answers are used.

        Args:
            report: whether to count the look-ups in the metrics.

        Raises:
            StoreError: the store failed.
        """
        covering = {one: some for one in indicators if (some := self.providers.covering(one))}
        found = self.iocs.find_many(indicators, covering)
        results = dict(zip(found, self._results(found.values()), strict=True))
        if report:
            self.looked_up(results.values())
        return results

    def find_verdicts(self, hashes: Collection[Indicator]) -> dict[Indicator, LookupResult]:
        """Look many hashes up like `find_many`, without dates, counts, tags and origins.

        Raises:
            StoreError: the store failed.
        """
        providers = [state.provider.id for state in self.providers.states()]
        found = self.iocs.find_verdicts(hashes, providers)
        results = dict(zip(found, self._results(found.values()), strict=True))
        self.looked_up(results.values())
        return results

    def overruling(self, indicators: Collection[Indicator]) -> dict[Indicator, Ruling]:
        """What overrules the verdicts about each indicator; the result omits ordinary ones.

        Raises:
            StoreError: the store failed.
        """
        rules: dict[Indicator, Ruling] = {}
        for one, result in self.find_many(indicators, report=False).items():
            if name := always_harmless(one) or trusted_by(one, result.others):
                rules[one] = Ruling(name)
            if rule := overruling_rule(one, None, result.others):
                rules[one] = rule
        return rules

    def answer(self, question: Query) -> Answered:
        """Look a query up. For a URL without a scheme, the worse of http and https is the answer.

        Raises:
            StoreError: the store failed.
        """
        if question.twin is None:
            return question, self.find(question.indicator)
        both = [question, question.twin]
        known = self.iocs.find_many([one.indicator for one in both])
        now = self.now()
        asked = [self.providers.ask(known[one.indicator], now) for one in both]
        answered = _worse(list(zip(both, self._results(asked), strict=True)))
        self.looked_up([answered[1]])
        return answered

    def answer_many(self, questions: Collection[Query]) -> list[Answered]:
        """Answer many queries in their order, without querying on-demand providers.

        Raises:
            StoreError: the store failed.
        """
        readings = [(one, one.twin) if one.twin else (one,) for one in questions]
        asked = {one.indicator for both in readings for one in both}
        found = self.find_many(asked, report=False)
        answers = [_worse([(one, found[one.indicator]) for one in both]) for both in readings]
        self.looked_up({result.indicator: result for _, result in answers}.values())
        return answers

    def _results(self, known: Iterable[IocRecord]) -> list[LookupResult]:
        providers, now = as_providers(self.providers.states()), self.now()
        return [
            LookupResult(one.indicator, one.reputation, provider_verdicts(one, providers, now))
            for one in known
        ]


def _worse(answers: Sequence[Answered]) -> Answered:
    """The answer with the most severe verdict; an unknown one is the least severe."""
    if len(answers) == 1:
        return answers[0]
    return max(answers, key=lambda one: severity_of(one[1]))


def severity_of(result: LookupResult) -> int:
    """The severity of a verdict; -1 for an unknown indicator."""
    return -1 if result.verdict is None else result.verdict


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a handler gets it.

    Attributes:
        value: value in the path, percent-encoded; "" if the path has none.
        caller: the sender; None on a route that needs no key.
    """

    request: Request
    value: str
    caller: Caller | None

    def identified(self) -> Caller:
        """The sender of the request.

        Raises:
            ApiError: the sender is unknown; cannot happen on a route that needs a key.
        """
        if self.caller is None:
            raise ApiError(errors.NO_KEY)
        return self.caller

    def sees_senders(self) -> bool:
        """Whether the sender may see the names of the keys with which reports were sent."""
        return Right.ANNOTATE in self.identified().key.rights


Handler = Callable[[Service, Call], Response]
