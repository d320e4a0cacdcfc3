"""The verdict that an analyst sets by hand, and where it holds. Pure.

docs/overrides.md explains overrides to users.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from shared.domain.indicator import Indicator
from shared.domain.indicator_types import IndicatorType
from shared.domain.reputation import Reputation, ScanVerdict, SightingSummary
from shared.domain.verdict import Verdict

NEVER = 0


class Override(NamedTuple):
    """One decision about an indicator; of several the greatest holds, so that they join.

    Only the first two fields decide: an id never repeats.

    Attributes:
        set_at: milliseconds since the epoch.
        id: of the change, see `shared.store.annotations`.
        verdict: the verdict of the analyst.
        reason: in the analyst's words.
        by: name of the key with which it was set.
        on: the indicator that the analyst named; another digest of its file has the same override.
        expires: end, milliseconds since the epoch; `NEVER` for no end.
        deleted: whether it was taken back. It stays, so that it wins over what it takes back.
    """

    set_at: int
    id: int
    verdict: Verdict
    reason: str
    by: str
    on: str
    expires: int = NEVER
    deleted: bool = False

    def is_active(self, now: int) -> bool:
        """Whether it holds at `now`, milliseconds since the epoch."""
        return not self.deleted and (self.expires == NEVER or self.expires > now)

    def at(self, now: int) -> "Override":
        """Return it as taken back if it has expired at `now`, milliseconds since the epoch."""
        expired = self.expires != NEVER and self.expires <= now
        return self._replace(deleted=True) if expired else self


def join(overrides: Iterable[Override | None]) -> Override | None:
    """Return the override that holds of several of one indicator; None if there is none."""
    return max((one for one in overrides if one is not None), default=None)


def reputation_by_analyst(indicator: Indicator, override: Override) -> Reputation:
    """Return the reputation of an indicator that no report names: no scan, and one date."""
    scan = ScanVerdict(override.set_at, override.verdict, "", "", "")
    summary = SightingSummary(scan, scan, override.set_at, override.set_at, frozenset())
    return Reputation(indicator, summary, 0)


def files_of(indicator: Indicator, siblings: AbstractSet[Indicator]) -> frozenset[str]:
    """Return the SHA-256 of the files that have a digest, as far as reports give them."""
    if indicator.type is IndicatorType.SHA256:
        return frozenset((indicator.value,))
    return frozenset(one.value for one in siblings if one.type is IndicatorType.SHA256)


def holds_for(
    override: Override, indicator: Indicator, siblings: AbstractSet[Indicator] = frozenset()
) -> bool:
    """Whether an override that is stored with an indicator is about it.

    An override that came from another digest of the file does not hold for a digest that turned out
    to belong to several files.
    """
    return override.on == indicator.value or len(files_of(indicator, siblings)) <= 1


def may_pass(one: AbstractSet[str], other: AbstractSet[str]) -> bool:
    """Whether an override passes between two digests, from their files: both have the same one.

    A digest with several files passes nothing on and takes nothing over.
    """
    return len(one) <= 1 and len(other) <= 1 and len(one | other) <= 1
