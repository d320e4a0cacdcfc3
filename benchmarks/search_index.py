"""Measures the cost of the search index, and writes it into docs/search.md."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from local import environment

environment.prepare()

from benchmarks.feeds import Feed  # noqa: E402
from benchmarks.ingestion import REPORTS, ingest, metered, new_tables  # noqa: E402
from benchmarks.metering import Usage  # noqa: E402
from local.engine import running_engine  # noqa: E402
from shared.domain.verdict import Verdict  # noqa: E402
from shared.store.search_index import ResultPage, SearchIndex  # noqa: E402

DOCUMENT = Path(__file__).parents[1] / "docs" / "search.md"
BEGIN, END = "<!-- measured -->\n", "<!-- end of measured -->"
READ_DOLLARS, WRITE_DOLLARS = 0.125, 0.625


def main() -> None:
    """Measure, and write the tables."""
    with running_engine() as endpoint:
        os.environ[environment.ENDPOINT] = endpoint
        lines = [*_ingestion(), "\n", *_searches()]
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(before + BEGIN + "".join(lines) + END + after, encoding="utf-8")


def _ingestion() -> Iterator[str]:
    yield _row("A sighting", "Write units", "With the index", "Dollars more for a million")
    yield _row(*["---"] * 4)
    names = {"new": "first", "re-delivered, in known reports": "first", "seen again": "second"}
    without, with_index = (_runs([*names.values()], indexed=one) for one in (False, True))
    for name, plain, indexed in zip(names, without, with_index, strict=True):
        more = _dollars(indexed) - _dollars(plain)
        of = REPORTS * 10
        units = [f"{usage.written / of:.3f}" for usage in (plain, indexed)]
        yield _row(name, *units, f"{more * 1e6 / of:.3f}")


def _runs(names: list[str], *, indexed: bool) -> list[Usage]:
    used = []
    with metered() as meter:
        tables = new_tables()
        index = SearchIndex(tables.client, tables.search) if indexed else None
        for name in names:
            with meter.section() as usage:
                feed = Feed(name, REPORTS)
                assert ingest(tables.client, tables.iocs, tables.state, feed, index=index).complete
            used.append(usage)
    return used


def _searches() -> Iterator[str]:
    yield _row("A search over 500 reports of ten IOCs", "Calls", "Read units", "Rows")
    yield _row(*["---"] * 4)
    with metered() as meter:
        tables = new_tables()
        index = SearchIndex(tables.client, tables.search)
        feed = Feed("first", REPORTS)
        assert ingest(tables.client, tables.iocs, tables.state, feed, index=index).complete
        newest = index.recent(1).rows[0]
        searches: dict[str, Callable[[], ResultPage[Any] | None]] = {
            "sightings of an IOC": lambda: index.sightings(newest.indicator, 100),
            "IOCs of a scan": lambda: index.of_scan(newest.latest.flow_id, 100),
            "recent IOCs, any": lambda: index.recent(100),
            "recent IOCs, of a verdict that nothing has": lambda: index.recent(
                100, verdict=Verdict.BENIGN, kinds=frozenset()
            ),
        }
        for name, search in searches.items():
            with meter.section() as usage:
                page = search()
            assert page
            calls = sum(usage.calls.values())
            yield _row(name, str(calls), f"{usage.read:.1f}", str(len(page.rows)))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def _dollars(usage: Usage) -> float:
    return (usage.written * WRITE_DOLLARS + usage.read * READ_DOLLARS) / 1e6


if __name__ == "__main__":
    main()
