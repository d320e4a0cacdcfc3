"""Load on the local API: as planned, twice as much, and as planned again.

`python -m benchmarks.load` starts an engine and the API, measures how many look-ups it answers
over 32 connections that never pause, takes a share of that for the plan, and prints a table.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence

from local import environment

# Powertools reads some of it when a handler's module is imported.
environment.prepare()

from benchmarks.against import Outcome, Target, drive, percentile  # noqa: E402
from benchmarks.comparison import running_service  # noqa: E402
from benchmarks.lookups import filled_tables, tables_keys  # noqa: E402
from benchmarks.questions import questions, single  # noqa: E402
from local.engine import running_engine  # noqa: E402
from local.events import Request  # noqa: E402

CONNECTIONS = 32
PLAN = 0.4
WARM_UP = 500
WINDOW_S = 0.5
BEARABLE = 2.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--seconds", type=int, default=30, help="of each of the three phases")
    parser.add_argument("--plan", type=float, default=PLAN, help="share of what can be answered")
    parser.add_argument("--rate", type=float, help="the plan in requests a second, instead")
    arguments = parser.parse_args()
    with running_engine() as endpoint:
        os.environ[environment.ENDPOINT] = endpoint
        tables = filled_tables()
        requests = [single(key) for key in questions(sorted(tables_keys(tables)), 2000)]
        with running_service() as target:
            able = _ability(target, requests)
            rate = arguments.rate or able * arguments.plan
            print(f"answers {able:,.0f} look-ups a second; planned {rate:,.0f}", file=sys.stderr)
            phases = {
                name: drive(
                    target,
                    _repeated(requests, int(rate * times * arguments.seconds)),
                    CONNECTIONS,
                    rate * times,
                )
                for name, times in (("as planned", 1), ("twice as much", 2), ("back", 1))
            }
    print("\n".join(table(phases)))


def _ability(target: Target, requests: Sequence[Request]) -> float:
    """Look-ups a second, when each connection asks as soon as it has its answer."""
    drive(target, requests[:WARM_UP], CONNECTIONS)
    outcome = drive(target, requests, CONNECTIONS)
    return len(outcome.answered) / outcome.seconds


def _repeated(requests: Sequence[Request], count: int) -> list[Request]:
    return [requests[at % len(requests)] for at in range(count)]


def table(phases: Mapping[str, Outcome]) -> Iterator[str]:
    """A row for each phase; ratios are to the first one, recovery is that of the last one."""
    yield "| Load | Asked/s | Answered | 429 | Errors | p50 ms | p99 ms | p99, ratio | Recovered |"
    yield "|---|---|---|---|---|---|---|---|---|"
    first, *_, last = phases
    normal = percentile(phases[first].took_s(), 0.99)
    for name, outcome in phases.items():
        took = outcome.took_s()
        p50, p99 = percentile(took, 0.5), percentile(took, 0.99)
        asked = len(took) + outcome.refused + outcome.errors
        recovered = "-"
        if name == last:
            after = recovery_s(outcome.answered, normal * BEARABLE)
            recovered = "not within the phase" if after is None else f"after {after:.1f} s"
        yield (
            f"| {name} | {asked / outcome.seconds:,.0f} | {len(took):,} | {outcome.refused:,} |"
            f" {outcome.errors:,} | {p50 * 1000:.1f} | {p99 * 1000:.1f} | {p99 / normal:.2f} |"
            f" {recovered} |"
        )


def recovery_s(answered: Sequence[tuple[float, float]], bearable_s: float) -> float | None:
    """When answers are as quick again as is bearable.

    Args:
        answered: of each request when it was due, and how long it took, in seconds.
        bearable_s: what the 99th percentile of a window may be.

    Returns:
        Seconds until the first such window begins; None if there is none.
    """
    windows: dict[int, list[float]] = {}
    for due, took in answered:
        windows.setdefault(int(due / WINDOW_S), []).append(took)
    for window in sorted(windows):
        if percentile(windows[window], 0.99) <= bearable_s:
            return window * WINDOW_S
    return None


if __name__ == "__main__":
    main()
