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
from shared.domain.harmless import always_harmless, apply_rule, evidence_after, is_bad
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.public_suffix import parents
from shared.domain.score import Scorer, step_of
from shared.domain.verdict import Verdict
from shared.formats.exports.source import WITHDRAWN_KEPT_MS, ExportedIoc, indicator_id

# When `valid_until` is 0, the IOC has no end of validity.
_CREATE = """
CREATE TABLE iocs (
    id PRIMARY KEY, kind, value, verdict, first_seen, last_seen, scan_count, flow_id, report_id,
    tags, created, changed, withdrawn, episode, indicator_id, harmless, score, step, valid_until,
    gone, moved
) WITHOUT ROWID
"""
# Withdrawn STIX indicators of IOCs that became bad again, and so have another indicator now.
_CREATE_REVOKED = """
CREATE TABLE IF NOT EXISTS {}.revoked (
    indicator_id PRIMARY KEY, kind, value, created, withdrawn, episode
) WITHOUT ROWID
"""
_CREATE_INDICATORS = """
CREATE TEMP VIEW indicators AS
SELECT *, coalesce(nullif(withdrawn, 0), changed) AS indicator_changed FROM (
    SELECT * FROM iocs WHERE created
    UNION ALL
    SELECT indicator_id, kind, value, 0, 0, 0, 0, '', '', '[]', created, 0, withdrawn, episode,
        indicator_id, '', 0, 0, 0, withdrawn, 0
    FROM revoked
)
"""
_ADD = """
INSERT OR REPLACE INTO iocs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?, ?, ?, ?)
"""
# What became of each IOC since the run before. An IOC has `created` set if it is bad enough for a
# STIX indicator and valid; one that only grew old keeps its indicator, which has an end itself.
_CARRY_OVER = """
UPDATE iocs SET
    created = CASE
        WHEN iocs.created AND (NOT was.created OR was.withdrawn) THEN iocs.created
        ELSE was.created END,
    withdrawn = CASE
        WHEN iocs.created OR NOT was.created THEN 0
        WHEN was.withdrawn THEN was.withdrawn
        WHEN iocs.gone AND iocs.verdict >= :least THEN 0
        ELSE :now END,
    episode = was.episode + (iocs.created > 0 AND was.withdrawn > 0),
    gone = CASE WHEN iocs.gone AND was.gone THEN was.gone ELSE iocs.gone END
FROM before.iocs AS was WHERE was.id = iocs.id
"""
_DATE_CHANGES = """
UPDATE iocs SET changed = was.changed FROM before.iocs AS was
WHERE was.id = iocs.id
AND (iocs.verdict, iocs.first_seen, iocs.last_seen, iocs.scan_count, iocs.flow_id, iocs.report_id,
     iocs.tags, iocs.valid_until, iocs.created, iocs.withdrawn)
IS (was.verdict, was.first_seen, was.last_seen, was.scan_count, was.flow_id, was.report_id,
    was.tags, was.valid_until, was.created, was.withdrawn)
"""
_DATE_MOVES = """
UPDATE iocs SET moved = CASE
    WHEN iocs.gone AND was.gone THEN was.moved
    WHEN (iocs.changed, iocs.step, iocs.gone > 0) IS (was.changed, was.step, was.gone > 0)
    THEN was.moved
    ELSE :now END
FROM before.iocs AS was WHERE was.id = iocs.id
"""
# The service has removed the IOC: exports withdraw its indicator, unless it has expired.
_KEEP_GONE = """
INSERT INTO iocs SELECT
    id, kind, value, verdict, first_seen, last_seen, scan_count, flow_id, report_id, tags, created,
    changed,
    CASE WHEN withdrawn OR NOT created THEN withdrawn
        WHEN gone OR (valid_until AND valid_until <= :now) THEN 0
        ELSE :now END,
    episode, iif(indicator_id = '', id, indicator_id), harmless, score, step, valid_until,
    iif(gone, gone, :now), iif(gone, moved, :now)
FROM before.iocs AS was
WHERE (NOT gone OR max(gone, withdrawn) > :forgotten) AND id NOT IN (SELECT id FROM iocs)
"""
_KEEP_REVOKED = """
INSERT INTO revoked SELECT * FROM before.revoked WHERE withdrawn > :forgotten
UNION ALL
SELECT was.indicator_id, was.kind, was.value, was.created, was.withdrawn, was.episode
FROM before.iocs AS was JOIN iocs ON iocs.id = was.id AND iocs.episode > was.episode
WHERE was.withdrawn > :forgotten
"""
_NEW_IDS = """
UPDATE iocs SET indicator_id = indicator_id(kind, value, episode) WHERE episode > 0
"""
_OVERRULE = """
UPDATE iocs SET
    verdict = ?, created = 0, harmless = ?, score = 0, step = 0, valid_until = 0, gone = 0,
    moved = changed
WHERE id = ?
"""
# `harmless` is the rule by which an IOC is harmless, or the provider that trusts it. Only tools
# that have heard of such an IOC need to hear that it is not bad.
_WITHOUT_HARMLESS = "DELETE FROM iocs WHERE harmless <> ''"
_KNOWN_BEFORE = " AND id NOT IN (SELECT id FROM before.iocs)"
# Columns that earlier versions did not write, with what their IOCs have.
_ADDED_COLUMNS = {
    "withdrawn": 0,
    "episode": 0,
    "indicator_id": "''",
    "harmless": "''",
    "score": 0,
    "step": 0,
    "valid_until": 0,
    "gone": 0,
    "moved": 0,
}
_BY_VALUE = """
SELECT * FROM iocs WHERE verdict >= ? AND kind = coalesce(?, kind) AND step >= ? AND NOT gone
ORDER BY kind, value
"""
# Of what is gone or withdrawn, only what consumers can still ask for.
_BY_CHANGE = """
SELECT * FROM indicators WHERE iif(withdrawn, withdrawn > :forgotten, NOT gone)
ORDER BY indicator_changed, indicator_id
"""
_BY_ID = """
SELECT indicator_id, indicator_changed FROM indicators
WHERE iif(withdrawn, withdrawn > :forgotten, NOT gone) ORDER BY indicator_id
"""
# What was already gone when it was first read has never been in a list.
_BY_MOVE = """
SELECT * FROM iocs WHERE moved AND (NOT gone OR gone > :forgotten) ORDER BY moved, id
"""
# 86400000 milliseconds are a day.
_BY_DAY = """
SELECT * FROM iocs WHERE NOT gone OR gone > :forgotten
ORDER BY first_seen / 86400000, kind, value
"""


class ExportSource:
    """The IOCs of a run; a `shared.formats.exports.source.IocSource`.

    Args:
        path: of the file to create.
        scorer: scores IOCs at the time of the run.
        least: the mildest verdict that makes a STIX indicator.
    """

    def __init__(self, path: Path, scorer: Scorer, least: Verdict) -> None:
        # Several threads read the table and add IOCs here; a lock serialises them.
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._lock = Lock()
        self._scorer = scorer
        self._now = scorer.now
        self._least = least
        self._times = {
            "now": scorer.now,
            "least": least.value,
            "forgotten": scorer.now - WITHDRAWN_KEPT_MS,
        }
        self._of_analysts: set[Indicator] = set()
        self._connection.create_function("indicator_id", 3, _indicator_id, deterministic=True)
        # The file is temporary until it is published, so it needs no protection against crashes.
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(_CREATE)
        self._connection.execute(_CREATE_REVOKED.format("main"))
        self._connection.execute(_CREATE_INDICATORS)

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

        Once an IOC is not bad enough any more or no longer stored, its indicator is withdrawn for
        good, and stays in the changes for `WITHDRAWN_KEPT_MS`. One that is past its validity only
        leaves the lists.

        Args:
            before: the file of that run; None for the first run.

        Returns:
            The number of listed IOCs.
        """
        self._connection.commit()
        if before:
            self._connection.execute("ATTACH ? AS before", (str(before),))
            self._add_columns()
            self._connection.execute(_CARRY_OVER, self._times)
            self._connection.execute(_DATE_CHANGES)
            self._connection.execute(_DATE_MOVES, self._times)
            self._connection.execute(_KEEP_REVOKED, self._times)
            self._connection.execute(_NEW_IDS)
            self._connection.execute(_WITHOUT_HARMLESS + _KNOWN_BEFORE)
            self._connection.execute(_KEEP_GONE, self._times)
            self._connection.commit()
            self._connection.execute("DETACH before")
        else:
            self._connection.execute(_WITHOUT_HARMLESS)
            self._connection.commit()
        count: int = self._connection.execute(
            "SELECT count(*) FROM iocs WHERE NOT gone"
        ).fetchone()[0]
        return count

    def count_indicators(self) -> int:
        """The number of valid STIX indicators."""
        count: int = self._connection.execute(
            "SELECT count(*) FROM iocs WHERE created AND NOT withdrawn AND NOT gone"
        ).fetchone()[0]
        return count

    def by_value(
        self, kind: IndicatorType | None = None, least: Verdict = Verdict.BENIGN, step: int = 0
    ) -> Iterator[ExportedIoc]:
        """The listed IOCs of a type with at least this verdict and score, by type and value."""
        return self._read(_BY_VALUE, (least.value, kind.value if kind else None, step))

    def by_change(self) -> Iterator[ExportedIoc]:
        """IOCs with a STIX indicator that is valid or withdrawn, the last changed last."""
        return self._read(_BY_CHANGE, self._times)

    def by_id(self) -> Iterator[tuple[str, int]]:
        """UUID and last change of each STIX indicator, by UUID."""
        yield from self._connection.execute(_BY_ID, self._times)

    def by_day(self) -> Iterator[ExportedIoc]:
        """All IOCs by the day on which they were first seen."""
        return self._read(_BY_DAY, self._times)

    def by_move(self) -> Iterator[ExportedIoc]:
        """IOCs that are or were listed, the last changed last."""
        return self._read(_BY_MOVE, self._times)

    def last_move(self, kind: IndicatorType) -> int:
        """When the lists of a type last changed; 0 if they are empty."""
        query = "SELECT coalesce(max(moved), 0) FROM iocs WHERE kind = ?"
        last: int = self._connection.execute(query, (kind.value,)).fetchone()[0]
        return last

    def _add_columns(self) -> None:
        """Add to the file of the run before what its version did not write."""
        columns = self._connection.execute("PRAGMA before.table_info(iocs)").fetchall()
        missing = _ADDED_COLUMNS.keys() - {name for _, name, *_ in columns}
        for name in missing:
            default = _ADDED_COLUMNS[name]
            self._connection.execute(f"ALTER TABLE before.iocs ADD COLUMN {name} DEFAULT {default}")
        if "moved" in missing:
            self._connection.execute("UPDATE before.iocs SET moved = changed")
        self._connection.execute(_CREATE_REVOKED.format("before"))

    def _read(self, query: str, values: Any) -> Iterator[ExportedIoc]:
        for row in self._connection.execute(query, values):
            _, kind, value, verdict, *facts = row
            first_seen, last_seen, scan_count, flow_id, report_id, tags, *times = facts
            created, changed, withdrawn, episode, _, _, score, *times = times
            _, valid_until, gone, moved, *_ = times
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
                score,
                valid_until,
                gone,
                moved,
            )

    def _row(self, ioc: JudgedIoc) -> tuple[Any, ...]:
        reputation = ioc.reputation
        indicator, summary = reputation.indicator, reputation.summary
        verdict = apply_rule(summary.shown.verdict, ioc.rule).verdict
        score = self._scorer.score(
            indicator.type,
            verdict,
            summary.last_seen,
            evidence_after(ioc.rule, summary.shown.read_details().evidence),
        )
        valid_until = score.valid_until or 0
        valid = not valid_until or valid_until > self._now
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
            self._now if valid and verdict >= self._least else 0,
            self._now,
            ioc_id,
            _harmless(ioc),
            score.score,
            step_of(score.score),
            valid_until,
            0 if valid else self._now,
            self._now if valid else 0,
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
