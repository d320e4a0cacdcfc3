"""Answers of a reputation API, in one form for all types of indicators. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.indicator import Indicator
from shared.domain.verdict import Verdict, overall_verdict


class RowStatus(StrEnum):
    """What a provider answered about an indicator."""

    LISTED = "listed"  # the indicator is bad
    TRUSTED = "trusted"  # the indicator is trusted
    NOT_LISTED = "not listed"  # the provider does not list the indicator
    FAILED = "failed"  # the provider did not answer
    OTHER = "other"  # a result without a verdict, such as "not scanned"


@dataclass(frozen=True, slots=True)
class Seen:
    """The scans in which this service saw an indicator.

    Attributes:
        first_seen, last_seen: in ISO 8601.
        scan_count: number of scans.
        tags: of all scans.
        origin: where the latest scan found the indicator, such as INPUT_FILE.
        flow_id: of the latest scan.
    """

    first_seen: str
    last_seen: str
    scan_count: int
    tags: tuple[str, ...]
    origin: str
    flow_id: str


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """The result of one provider, or of one scan engine.

    Attributes:
        provider: its name as the API spells it.
        verdict: by the rule of `shared.client.wire`; None if the provider has none.
        assessment: in the provider's own words; "" if it gives none, and for hashes.
        detail: threat name (hash) or category (other types), "" if there is none.
        overruled_by: the rule or provider that overruled the row in the answer, "" if none did.
        score: 0 to 100, falling with age; None if the provider gives none.
        valid_until: when the score is too low to block by, in ISO 8601; "" for never or unknown.
        seen: None if the provider names no scan.
    """

    provider: str
    status: RowStatus
    verdict: Verdict | None
    assessment: str = ""
    detail: str = ""
    overruled_by: str = ""
    score: int | None = None
    valid_until: str = ""
    seen: Seen | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of an API about one indicator.

    Attributes:
        known: for a hash, whether the API has a report; for other types, whether at least one
            provider has a verdict.
        rows: one per provider, in the order of the API.
    """

    indicator: Indicator
    known: bool
    rows: tuple[ProviderRow, ...]

    @property
    def complete(self) -> bool:
        """Whether every provider answered."""
        return all(row.status is not RowStatus.FAILED for row in self.rows)

    @property
    def score(self) -> int | None:
        """The highest score that a provider gives, None if none gives one."""
        return max((row.score for row in self.rows if row.score is not None), default=None)

    @property
    def valid_until(self) -> str:
        """The `valid_until` of the row with that score."""
        scored = (row for row in self.rows if row.score is not None)
        return next((row.valid_until for row in scored if row.score == self.score), "")

    @property
    def seen(self) -> Seen | None:
        """The scans in which the sandbox saw the indicator, None if the API names none."""
        return next((row.seen for row in self.rows if row.seen), None)

    def verdict(self, excluding: Collection[str] = ()) -> Verdict | None:
        """Combine the verdicts of the providers, by `shared.domain.verdict.overall_verdict`.

        Args:
            excluding: names of providers to ignore, in any case.

        Returns:
            None if no provider has a verdict.
        """
        excluded = {name.casefold() for name in excluding}
        return overall_verdict(
            row.verdict
            for row in self.rows
            if row.verdict is not None and row.provider.casefold() not in excluded
        )
