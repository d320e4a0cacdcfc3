"""Sets and takes back overrides, on all digests of a file.

The order of the writes lets ingestion run at the same time: the entry of the log is written first,
then the items. Afterwards the items are read again, until no digest of the file is new. Ingestion
that adds a digest does so before that read, and then the digest is found here; or after it, and
then ingestion finds the override in the item that it changes, and copies it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.domain.harmless import always_harmless, is_bad
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.indicator_types import HASH_TYPES
from shared.domain.moment import format_millis
from shared.domain.override import NEVER, Override, files_of, may_pass
from shared.domain.verdict import UNKNOWN, Verdict
from shared.store.annotations import AnnotationLog, Kind
from shared.store.iocs import IocTable
from shared.store.items import IocItem

SET = "set"
UNSET = "unset"


class AlwaysHarmless(Exception):
    """An override calls bad what is always harmless; its text is the rule."""


class NoOverride(Exception):
    """An override is to be taken back, and there is none."""


class Decision(NamedTuple):
    """What an analyst decides.

    Attributes:
        reason: in the analyst's words.
        expires: milliseconds since the epoch; `NEVER` for no end.
    """

    verdict: Verdict
    reason: str
    expires: int = NEVER


class Decided(NamedTuple):
    """An override, and the digests that have it besides the indicator itself."""

    override: Override
    siblings: list[Indicator]


@dataclass(frozen=True, slots=True)
class Overrides:
    """Sets and takes back overrides; each change is kept in the log.

    Attributes:
        now: returns milliseconds since the epoch.
    """

    iocs: IocTable
    log: AnnotationLog
    now: Callable[[], int]

    def put(self, indicator: Indicator, decision: Decision, by: str) -> Decided:
        """Override the verdict of an indicator, and of the other digests of its file.

        Args:
            by: name of the key.

        Raises:
            AlwaysHarmless: the verdict is bad, and the indicator is always harmless.
            StoreError: the store failed; the override may be set in part. Set it again.
        """
        before = self._digests_of_file(indicator)
        if is_bad(decision.verdict):
            for one in before:
                if rule := always_harmless(one):
                    raise AlwaysHarmless(rule)
        return self._change(indicator, before, SET, decision, by)

    def take_back(self, indicator: Indicator, by: str) -> Decided:
        """Take the override of an indicator back, and of the other digests of its file.

        Args:
            by: name of the key.

        Raises:
            NoOverride: there is none.
            StoreError: the store failed; the override may be taken back in part. Repeat it.
        """
        before = self._digests_of_file(indicator)
        standing = [one for one in _overrides_in(before) if not one.deleted]
        if not standing:
            raise NoOverride
        last = max(standing)
        decision = Decision(last.verdict, last.reason)
        return self._change(indicator, before, UNSET, decision, by)

    def current(self, entries: Mapping[int, Mapping[str, Any]]) -> dict[int, Indicator]:
        """Return the entries of the log whose override holds now, by number.

        Raises:
            StoreError: the store failed.
        """
        set_on = {
            number: indicator_in(entry)
            for number, entry in entries.items()
            if entry["action"] == SET
        }
        stored = self.iocs.read(set_on.values(), consistent=True)
        now = self.now()
        return {
            number: indicator
            for number, indicator in set_on.items()
            if (known := stored.get(indicator))
            and known.override
            and known.override.id == number
            and known.override.is_active(now)
        }

    def _change(
        self,
        indicator: Indicator,
        before: Mapping[Indicator, IocItem | None],
        action: str,
        decision: Decision,
        by: str,
    ) -> Decided:
        # Later than every override that it replaces, whatever the clocks of the writers showed.
        latest = max((one.set_at for one in _overrides_in(before)), default=0)
        now = self.now()
        number = self.log.next_number(Kind.OVERRIDE)
        override = Override(
            max(now, latest + 1),
            number,
            decision.verdict,
            decision.reason,
            by,
            indicator.value,
            decision.expires,
            deleted=action == UNSET,
        )
        # Before the change, so that none is made unrecorded.
        entry = {
            "action": action,
            "type": indicator.type.value,
            "value": indicator.value,
            "verdict": override.verdict.name,
            "reason": override.reason,
            "by": by,
            "at": format_millis(now),
            "expires": format_millis(override.expires) if override.expires else "",
            "before": _facts_of(before[indicator]),
        }
        self.log.put(Kind.OVERRIDE, number, entry, now)
        written = self._write(indicator, override)
        return Decided(override, sorted(written - {indicator}))

    def _write(self, indicator: Indicator, override: Override) -> set[Indicator]:
        """Write an override to all digests of a file, until none is new; return them."""
        written = {indicator}
        self.iocs.override(indicator, override)
        if indicator.type not in HASH_TYPES:
            return written
        while new := sorted(self._digests_of_file(indicator).keys() - written):
            for one in new:
                self.iocs.override(one, override)
            written.update(new)
        return written

    def _digests_of_file(self, indicator: Indicator) -> dict[Indicator, IocItem | None]:
        """Read an indicator, and the digests of its file to which an override passes."""
        found: dict[Indicator, IocItem | None] = {}
        file: frozenset[str] = frozenset()
        todo = [indicator]
        seen = {indicator}
        while todo:
            stored = self.iocs.read(todo, consistent=True)
            near: set[Indicator] = set()
            for one in todo:
                known = stored.get(one)
                siblings = _siblings(known)
                files = files_of(one, siblings)
                if one == indicator or may_pass(file, files):
                    found[one] = known
                    file |= files
                    # A digest of several files passes nothing on.
                    near |= siblings if len(files) <= 1 else set()
            todo = sorted(near - seen)
            seen.update(todo)
        return found


def indicator_in(entry: Mapping[str, Any]) -> Indicator:
    """Return the indicator of an entry of the log."""
    return Indicator(IndicatorType(entry["type"]), entry["value"])


def _siblings(known: IocItem | None) -> frozenset[Indicator]:
    if known is None or known.reputation is None:
        return frozenset()
    return known.reputation.summary.siblings


def _overrides_in(items: Mapping[Indicator, IocItem | None]) -> list[Override]:
    return [one.override for one in items.values() if one is not None and one.override is not None]


def _facts_of(known: IocItem | None) -> dict[str, Any]:
    """What an item holds before a change: the verdict of the sandbox, and the override."""
    verdict = UNKNOWN
    if known is not None and known.reputation is not None:
        verdict = known.reputation.summary.shown.verdict.name
    facts: dict[str, Any] = {"verdict": verdict}
    if known is not None and known.override is not None and not known.override.deleted:
        standing = known.override
        facts["override"] = {
            "verdict": standing.verdict.name,
            "reason": standing.reason,
            "by": standing.by,
            "set_at": format_millis(standing.set_at),
            "expires": format_millis(standing.expires) if standing.expires else "",
        }
    return facts
