"""Answers of a reputation API, whatever the type of the indicator. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.indicator import Indicator
from shared.domain.verdict import Verdict, overall_verdict


class RowStatus(StrEnum):
    """What a provider did with the question."""

    LISTED = "listed"  # it has something against the indicator
    TRUSTED = "trusted"  # it vouches for it
    NOT_LISTED = "not listed"  # it has nothing against it
    FAILED = "failed"  # it could not be asked
    OTHER = "other"  # it has a result that decides nothing, such as "not scanned"


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """What one provider, or one engine, says.

    Attributes:
        provider: its name as the API spells it.
        verdict: None if it has none; shared.client.wire has the rule.
        assessment: in the provider's own words, "" for none and for hashes.
        detail: the name of the threat (hash) or the category (others), "" for none.
    """

    provider: str
    status: RowStatus
    verdict: Verdict | None
    assessment: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an API knows of one indicator.

    Attributes:
        known: a hash: the API has a report; others: at least one provider has a verdict.
        rows: one for each provider, in the order of the API.
    """

    indicator: Indicator
    known: bool
    rows: tuple[ProviderRow, ...]

    @property
    def complete(self) -> bool:
        """Whether every provider could be asked."""
        return all(row.status is not RowStatus.FAILED for row in self.rows)

    def verdict(self, excluding: Collection[str] = ()) -> Verdict | None:
        """The verdict of all providers together.

        By the rule of `shared.domain.verdict.overall_verdict`; None without any.

        Args:
            excluding: names of providers that are left out, in any case.
        """
        left_out = {name.casefold() for name in excluding}
        return overall_verdict(
            row.verdict
            for row in self.rows
            if row.verdict is not None and row.provider.casefold() not in left_out
        )
