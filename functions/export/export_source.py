"""Stores all IOCs of a run in an SQLite file, so that formats read them sorted in little memory."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Self

from functions.export.report_tags import exported_tags
from functions.export.trust import JudgedIoc
from shared.domain.errors import InvalidIndicator
from shared.domain.harmless import always_harmless, apply_rule, is_bad
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.public_suffix import parents
from shared.domain.verdict import Verdict
from shared.formats.exports.source import ExportedIoc, indicator_id

_CREATE = """
CREATE TABLE iocs (
    id PRIMARY KEY, kind, value, verdict, first_seen, last_seen, scan_count, flow_id, report_id,
    tags, created, changed, withdrawn, episode, indicator_id, harmless
) WITHOUT ROWID
"""
_ADD = "INSERT OR REPLACE INTO iocs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?)"
# Before its first export, an IOC has `created` set if it is bad enough for a STIX indicator.
_CARRY_OVER = """
UPDATE iocs SET
    changed = CASE
        WHEN (iocs.verdict, iocs.first_seen, iocs.last_seen, iocs.scan_count, iocs.flow_id,
              iocs.report_id, iocs.tags, iocs.created > 0)
          IS (was.verdict, was.first_seen, was.last_seen, was.scan_count, was.flow_id,
              was.report_id, was.tags, was.created > 0 AND NOT was.withdrawn)
        THEN was.changed ELSE iocs.changed END,
    created = CASE
        WHEN NOT iocs.created OR (was.created AND NOT was.withdrawn) THEN was.created
        ELSE iocs.created END,
    withdrawn = CASE
        WHEN iocs.created OR NOT was.created THEN 0
        WHEN was.withdrawn THEN was.withdrawn
        ELSE :now END,
    episode = was.episode + (iocs.created > 0 AND was.withdrawn > 0)
FROM before.iocs AS was WHERE was.id = iocs.id
"""
_NEW_IDS = """
UPDATE iocs SET indicator_id = indicator_id(kind, value, episode) WHERE episode > 0
"""
_OVERRULE = "UPDATE iocs SET verdict = ?, created = 0, harmless = ? WHERE id = ?"
# `harmless` is the rule by which an IOC is harmless, or the provider that trusts it. Only tools
# that have heard of such an IOC need to hear that it is not bad.
_WITHOUT_HARMLESS = "DELETE FROM iocs WHERE harmless <> ''"
_KNOWN_BEFORE = " AND id NOT IN (SELECT id FROM before.iocs)"
# Columns that exports before their first withdrawal do not have: each IOC had an indicator.
_ADDED_COLUMNS = (
    "ALTER TABLE before.iocs ADD COLUMN withdrawn DEFAULT 0",
    "ALTER TABLE before.iocs ADD COLUMN episode DEFAULT 0",
)
_BY_VALUE = """
SELECT * FROM iocs WHERE verdict >= ? AND kind = coalesce(?, kind) ORDER BY kind, value
"""
_BY_CHANGE = """
SELECT * FROM iocs WHERE created ORDER BY coalesce(nullif(withdrawn, 0), changed), indicator_id
"""
_BY_ID = """
SELECT indicator_id, coalesce(nullif(withdrawn, 0), changed) FROM iocs WHERE created
ORDER BY indicator_id
"""
# 86400000 milliseconds are a day.
_BY_DAY = "SELECT * FROM iocs ORDER BY first_seen / 86400000, kind, value"


class ExportSource:
    """The IOCs of a run; a `shared.formats.exports.source.IocSource`.

    Args:
        path: of the file to create.
        now: time of the run, milliseconds since the epoch.
        least: the mildest verdict that makes a STIX indicator.
    """

    def __init__(self, path: Path, now: int, least: Verdict) -> None:
        # Several threads read the table and add IOCs here; a lock serialises them.
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._lock = Lock()
        self._now = now
        self._least = least
        self._of_analysts: set[Indicator] = set()
        self._connection.create_function("indicator_id", 3, _indicator_id, deterministic=True)
        # The file is temporary until it is published, so it needs no protection against crashes.
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(_CREATE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def add(self, iocs: Iterable[JudgedIoc]) -> None:
        """Add IOCs that are created and changed now.

        Passes over a stored value that is not an indicator by the present rules.
        """
        known = [one for one in iocs if _is_canonical(one.reputation.indicator)]
        rows = [self._row(one) for one in known]
        with self._lock:
            self._of_analysts.update(
                one.reputation.indicator for one in known if one.rule and one.rule.of_analyst
            )
            self._connection.executemany(_ADD, rows)

    def overrule_below(self, trusting: Mapping[Indicator, str]) -> None:
        """Overrule the bad verdicts about names below trusted names.

        Args:
            trusting: by trusted name the provider; empty without a list of such names.
        """
        if not trusting:
            return
        overruled = [
            (Verdict.BENIGN.value, trusting[parent], str(indicator_id(ioc.indicator, 0)))
            for ioc in self.by_value(IndicatorType.DOMAIN, Verdict.SUSPICIOUS)
            if ioc.indicator not in self._of_analysts
            and (parent := next(filter(trusting.__contains__, parents(ioc.indicator)), None))
        ]
        self._connection.executemany(_OVERRULE, overruled)

    def carry_over(self, before: Path | None) -> int:
        """Copy from the run before when each IOC changed, and what became of its STIX indicator.

        Once an IOC is not bad enough any more, its indicator is withdrawn for good.

        Args:
            before: the file of that run; None for the first run.

        Returns:
            The number of IOCs.
        """
        self._connection.commit()
        if before:
            self._connection.execute("ATTACH ? AS before", (str(before),))
            columns = self._connection.execute("PRAGMA before.table_info(iocs)").fetchall()
            if "withdrawn" not in {name for _, name, *_ in columns}:
                for statement in _ADDED_COLUMNS:
                    self._connection.execute(statement)
            self._connection.execute(_CARRY_OVER, {"now": self._now})
            self._connection.execute(_NEW_IDS)
            self._connection.execute(_WITHOUT_HARMLESS + _KNOWN_BEFORE)
            self._connection.commit()
            self._connection.execute("DETACH before")
        else:
            self._connection.execute(_WITHOUT_HARMLESS)
            self._connection.commit()
        count: int = self._connection.execute("SELECT count(*) FROM iocs").fetchone()[0]
        return count

    def count_indicators(self) -> int:
        """The number of STIX indicators that are not withdrawn."""
        count: int = self._connection.execute(
            "SELECT count(*) FROM iocs WHERE created AND NOT withdrawn"
        ).fetchone()[0]
        return count

    def by_value(
        self, kind: IndicatorType | None = None, least: Verdict = Verdict.BENIGN
    ) -> Iterator[ExportedIoc]:
        """The IOCs of a type with this verdict or a worse one, by type and value."""
        return self._read(_BY_VALUE, least.value, kind.value if kind else None)

    def by_change(self) -> Iterator[ExportedIoc]:
        """IOCs that have or had a STIX indicator, the last changed last."""
        return self._read(_BY_CHANGE)

    def by_id(self) -> Iterator[tuple[str, int]]:
        """UUID and last change of each STIX indicator, by UUID."""
        yield from self._connection.execute(_BY_ID)

    def by_day(self) -> Iterator[ExportedIoc]:
        """All IOCs by the day on which they were first seen."""
        return self._read(_BY_DAY)

    def _read(self, query: str, *values: Any) -> Iterator[ExportedIoc]:
        for row in self._connection.execute(query, values):
            _, kind, value, verdict, *facts = row
            first_seen, last_seen, scan_count, flow_id, report_id, tags, *times = facts
            created, changed, withdrawn, episode, *_ = times
            yield ExportedIoc(
                Indicator(IndicatorType(kind), value),
                Verdict(verdict),
                first_seen,
                last_seen,
                scan_count,
                flow_id,
                report_id,
                tuple(json.loads(tags)),
                created,
                changed,
                withdrawn,
                episode,
            )

    def _row(self, ioc: JudgedIoc) -> tuple[Any, ...]:
        reputation = ioc.reputation
        indicator, summary = reputation.indicator, reputation.summary
        verdict = apply_rule(summary.shown.verdict, ioc.rule).verdict
        ioc_id = str(indicator_id(indicator, 0))
        return (
            ioc_id,
            indicator.type.value,
            indicator.value,
            verdict.value,
            summary.first_seen,
            summary.last_seen,
            reputation.scan_count,
            summary.shown.flow_id,
            summary.shown.report_id,
            json.dumps(exported_tags(summary.tags)),
            self._now if verdict >= self._least else 0,
            self._now,
            ioc_id,
            _harmless(ioc),
        )


def _harmless(ioc: JudgedIoc) -> str:
    """What makes an IOC harmless, or "" if nothing does."""
    if ioc.rule:
        return "" if is_bad(ioc.rule.verdict) else ioc.rule.name
    return always_harmless(ioc.reputation.indicator)


def _indicator_id(kind: str, value: str, episode: int) -> str:
    return str(indicator_id(Indicator(IndicatorType(kind), value), episode))


def _is_canonical(indicator: Indicator) -> bool:
    try:
        return parse(indicator.type, indicator.value) == indicator
    except InvalidIndicator:
        return False
