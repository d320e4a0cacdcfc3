"""What the routes work with."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from functions.lookup.providers import NoProviders, Providers, as_providers
from functions.lookup.quota import Caller, Quota
from shared.domain.indicator import Indicator, IndicatorType, Query
from shared.domain.network import Network
from shared.domain.provider import IocRecord, ProviderVerdict, provider_verdicts
from shared.domain.reputation import Reputation, ScanVerdict
from shared.domain.verdict import Verdict, overall_verdict
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.authentication import KeyRing
from shared.http.web import Request, Response

if TYPE_CHECKING:
    from shared.store.feed_runs import FeedRun
    from shared.store.search_index import ResultPage, SeenIoc

if TYPE_CHECKING:
    from shared.formats.exports.index import ExportIndex


class Iocs(Protocol):
    """Where reputations are found; `shared.store.iocs.IocTable` is one."""

    def find(self, indicator: Indicator, networks: Sequence[Network] = ()) -> IocRecord:
        """What is known of one indicator and of the networks around it; raises StoreError."""

    def find_many(
        self,
        indicators: Iterable[Indicator],
        networks: Mapping[Indicator, Sequence[Network]] | None = None,
    ) -> Mapping[Indicator, IocRecord]:
        """What is known of many, each with an entry; raises StoreError."""


class Filters(Protocol):
    """Where the filter is published; `shared.store.filters.FilterBucket` is one."""

    def offer(self) -> dict[str, Any] | None:
        """What is told of the filter, None when there is none; raises StoreError."""

    def link(self, seconds: int) -> str:
        """An address to fetch it from for so long; raises StoreError."""


class SightingIndex(Protocol):
    """Who saw what when; `shared.store.search_index.SearchIndex` is one.

    All raise `BadCursor` for what is no cursor, and StoreError.
    """

    def sightings(
        self, indicator: Indicator, limit: int, after: str = ""
    ) -> "ResultPage[ScanVerdict]":
        """What reports say of an IOC."""

    def of_scan(self, flow_id: str, limit: int, after: str = "") -> "ResultPage[SeenIoc] | None":
        """The IOCs of the reports of a scan, None for one that is not known."""

    def recent(
        self,
        limit: int,
        after: str = "",
        verdict: Verdict | None = None,
        kinds: frozenset[IndicatorType] | None = None,
    ) -> "ResultPage[SeenIoc]":
        """The IOCs seen last."""


class Exports(Protocol):
    """Where exports are published; `functions.lookup.exports.RememberedExports` is one."""

    def index(self) -> "ExportIndex | None":
        """What is published, None when nothing is; raises StoreError."""

    def text(self, index: "ExportIndex", name: str) -> str:
        """A file; raises StoreError."""

    def link(self, index: "ExportIndex", name: str, seconds: int) -> str:
        """An address to fetch it from for so long; raises StoreError."""


class LookupResult(NamedTuple):
    """What everybody says of one indicator.

    Attributes:
        reputation: the word of the sandbox, None for nothing.
        others: the other providers that cover its type, whether they know it or not.
    """

    indicator: Indicator
    reputation: Reputation | None
    others: Sequence[ProviderVerdict]

    @property
    def known(self) -> bool:
        """Whether anybody has something to say."""
        if self.reputation is not None or not self.others:
            return self.reputation is not None
        return any(one.verdict is not None for one in self.others)

    @property
    def verdict(self) -> Verdict | None:
        """The verdict of all providers together, None where none says anything."""
        said = [voice.verdict for voice in self.others if voice.verdict is not None]
        if self.reputation:
            said.append(self.reputation.summary.latest.verdict)
        return overall_verdict(said)


Answered = tuple[Query, LookupResult]


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes work with.

    Attributes:
        now: milliseconds since the epoch.
        providers: the ones beside the sandbox.
        looked_up: told of what was found, for the record.
        filters: gives the place of the filter, None where none is published.
        index: who saw what when; None where it is not kept.
        exports: gives the place of the exports, None where none are published.
        feed_runs: tells how the last run over each feed went; raises StoreError.
        sandbox_url: where people find the reports of scans, "" for nowhere.
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

    def find(self, indicator: Indicator) -> LookupResult:
        """What everybody says of one indicator.

        Raises:
            StoreError: the store failed.
        """
        known = self.iocs.find(indicator, self.providers.networks_holding(indicator))
        [finding] = self._findings([self.providers.ask(known, self.now())])
        self.looked_up([finding])
        return finding

    def find_many(
        self, indicators: Collection[Indicator], *, report: bool = True
    ) -> dict[Indicator, LookupResult]:
        """What everybody says of many, each with an entry.

        A provider without a list says what it was heard to say before: nobody waits for it here.

        Args:
            report: whether they enter the record of what was looked up.

        Raises:
            StoreError: the store failed.
        """
        holding = {
            one: networks
            for one in indicators
            if (networks := self.providers.networks_holding(one))
        }
        found = self.iocs.find_many(indicators, holding)
        findings = dict(zip(found, self._findings(found.values()), strict=True))
        if report:
            self.looked_up(findings.values())
        return findings

    def answer(self, question: Query) -> Answered:
        """What everybody says of what was asked; of a URL without a scheme the worse of both.

        Raises:
            StoreError: the store failed.
        """
        if question.twin is None:
            return question, self.find(question.indicator)
        both = [question, question.twin]
        known = self.iocs.find_many([one.indicator for one in both])
        now = self.now()
        asked = [self.providers.ask(known[one.indicator], now) for one in both]
        answered = _worse(list(zip(both, self._findings(asked), strict=True)))
        self.looked_up([answered[1]])
        return answered

    def answer_many(self, questions: Collection[Query]) -> list[Answered]:
        """The same of many, in their order, read as `find_many` reads them.

        Raises:
            StoreError: the store failed.
        """
        readings = [(one, one.twin) if one.twin else (one,) for one in questions]
        asked = {one.indicator for both in readings for one in both}
        found = self.find_many(asked, report=False)
        answers = [_worse([(one, found[one.indicator]) for one in both]) for both in readings]
        self.looked_up({finding.indicator: finding for _, finding in answers}.values())
        return answers

    def _findings(self, known: Iterable[IocRecord]) -> list[LookupResult]:
        providers, now = as_providers(self.providers.states()), self.now()
        return [
            LookupResult(one.indicator, one.reputation, provider_verdicts(one, providers, now))
            for one in known
        ]


def _worse(answers: Sequence[Answered]) -> Answered:
    """The answer with the most severe verdict; any verdict before none, and the first of equals."""
    if len(answers) == 1:
        return answers[0]
    return max(answers, key=lambda one: -1 if one[1].verdict is None else one[1].verdict)


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way through the routes.

    Attributes:
        value: what the path asks for, percent-encoded; "" where it asks for nothing.
        caller: who asks; None on a route that is open to all.
    """

    request: Request
    value: str
    caller: Caller | None

    def identified(self) -> Caller:
        """Who asks.

        Raises:
            ApiError: nobody who is known, which a route that is not open has seen to before.
        """
        if self.caller is None:
            raise ApiError(errors.NO_KEY)
        return self.caller


Handler = Callable[[Service, Call], Response]
