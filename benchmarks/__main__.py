"""`make bench`: measures cost and speed, and writes the documents, the plots and their data.

`python -m benchmarks against URL` measures another service with the v4 API.
"""

import argparse
import json
import os
import subprocess
import sys
import time

from local import environment

# Powertools reads some of it when a handler's module is imported.
environment.prepare()

from benchmarks import (  # noqa: E402
    against,
    annotating,
    comparison,
    cost,
    ingestion,
    lookups,
    open_routes,
    others,
    plots,
    report,
    scale,
    starts,
    worst_requests,
)
from local.engine import running_engine  # noqa: E402

CPU_ROUNDS = 3
LOOKUP_ROUNDS = 7
START_ROUNDS = 9
SINGLES = 400
BULKS = 5
FEW_REPORTS, MANY_REPORTS = 1_000, 100_000
PUBLISHED_REPORTS = 100
LIST_ENTRIES = 5_000


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    against.add_arguments(commands.add_parser("against", help="measure a base URL"))
    arguments = parser.parse_args()
    if arguments.command == "against":
        against.main(arguments)
    else:
        measure()


def measure() -> None:
    """Measure everything, and write the documents."""
    started = time.monotonic()
    with running_engine() as endpoint:
        os.environ[environment.ENDPOINT] = endpoint
        _report("units of ingestion")
        units, hot = ingestion.units(), ingestion.hot_size()
        _report("CPU of ingestion")
        ingest_cpu = ingestion.cpu_us(CPU_ROUNDS)
        _report("units of look-ups")
        tables = lookups.filled_tables()
        counted = lookups.count(sorted(lookups.tables_keys(tables)))
        _report("comparison with peers")
        compared = comparison.compare(LOOKUP_ROUNDS, SINGLES, BULKS)
        _report("publishing, lists, a run that finds nothing new")
        published = others.publishing(PUBLISHED_REPORTS)
        first, refreshed = others.lists(LIST_ENTRIES)
        idle = others.idle_run()
        single_calls = others.single_calls()
        _report("requests without an API key")
        without_key = open_routes.measure()
        worst = worst_requests.measure()
        _report("overrides and false positive reports")
        annotated = annotating.units()
    _report("starts")
    started_anew = starts.measure(START_ROUNDS)
    _report("memory")
    few, many = ingestion.peak_kb(FEW_REPORTS), ingestion.peak_kb(MANY_REPORTS)
    found = report.Found(
        units=units,
        hot_bytes=hot,
        ingest_cpu=ingest_cpu,
        counted=counted,
        compared=compared,
        published=published,
        list_first=first,
        list_refresh=refreshed,
        idle=idle,
        single_calls=single_calls,
        alarms=others.alarms(),
        starts=started_anew,
        memory={FEW_REPORTS: few, MANY_REPORTS: many},
        without_key=without_key,
        annotating=annotated,
        worst=worst,
    )
    measured = report.measured(found)
    cost.MEASURED.write_text(cost.write_measured(measured), encoding="utf-8")
    cost.main()
    plots.DRAWN.write_text(json.dumps(report.drawn(found), indent=1) + "\n", encoding="utf-8")
    draw = [str(comparison.PYTHON), "-m", "benchmarks.plots"]
    subprocess.run(draw, check=True, cwd=cost.ROOT)  # noqa: S603
    before = report.DOCUMENT.read_text(encoding="utf-8")
    report.DOCUMENT.write_text(report.document(found, measured, before), encoding="utf-8")
    scale.main()
    took = f"{time.monotonic() - started:.0f} s"
    _report(f"written after {took}: docs/benchmarks.md, docs/cost.md, docs/scale.md")


def _report(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
