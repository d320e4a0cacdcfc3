"""Measures the local API under load: a quarter of the plan, the plan, twice the plan, the plan.

`python -m benchmarks.load` starts an engine and the API and measures how many look-ups it answers
over 32 busy connections. A share of that is the plan. It repeats the phases a few times and prints
a table.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from local import environment

# Powertools reads some of it when a handler's module is imported.
environment.prepare()

from benchmarks.against import Target, drive  # noqa: E402
from benchmarks.comparison import running_service  # noqa: E402
from benchmarks.lookups import filled_tables, tables_keys  # noqa: E402
from benchmarks.phases import PHASES, table  # noqa: E402
from benchmarks.questions import questions, single  # noqa: E402
from local.engine import running_engine  # noqa: E402
from local.events import Request  # noqa: E402

CONNECTIONS = 32
PLAN = 0.4
WARM_UP = 500


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="of each phase")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plan", type=float, default=PLAN, help="share of the capacity")
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
            rounds = [
                {
                    name: drive(
                        target,
                        _repeated(requests, int(rate * times * arguments.seconds)),
                        CONNECTIONS,
                        rate * times,
                    )
                    for name, times in PHASES.items()
                }
                for _ in range(arguments.rounds)
            ]
    print("\n".join(table(rounds)))


def _ability(target: Target, requests: Sequence[Request]) -> float:
    """Measure the look-ups a second if each connection sends as soon as it has its answer."""
    drive(target, requests[:WARM_UP], CONNECTIONS)
    outcome = drive(target, requests, CONNECTIONS)
    return len(outcome.answered) / outcome.seconds


def _repeated(requests: Sequence[Request], count: int) -> list[Request]:
    return [requests[at % len(requests)] for at in range(count)]


if __name__ == "__main__":
    main()
