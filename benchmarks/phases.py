"""Reports load in phases: a table, and the time to recover."""

import statistics
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.against import Outcome, percentile

WINDOW_S = 0.5
BEARABLE = 2.0
LITTLE, PLANNED, TWICE, BACK = "a quarter of it", "as planned", "twice as much", "as planned again"
PHASES = {LITTLE: 0.25, PLANNED: 1.0, TWICE: 2.0, BACK: 1.0}


def table(rounds: Sequence[Mapping[str, Outcome]]) -> Iterator[str]:
    """Return a row for each phase: medians of the rounds, lowest and highest in parentheses.

    Ratios are to the phase of little load, round by round.
    """
    yield "| Load | Asked/s | Answered | 429 | Errors | p50 ms | p99 ms | p99, x |"
    yield "|---|---|---|---|---|---|---|---|"
    for name in PHASES:
        outcomes = [one[name] for one in rounds]
        p50, p99 = ([_ms(one, share) for one in outcomes] for share in (0.5, 0.99))
        ratios = [_ms(one[name], 0.99) / _ms(one[LITTLE], 0.99) for one in rounds]
        answered, refused, errors = (
            sum(counts)
            for counts in zip(
                *((len(o.answered), o.refused, o.errors) for o in outcomes), strict=True
            )
        )
        rate = (answered + refused + errors) / sum(one.seconds for one in outcomes)
        yield (
            f"| {name} | {rate:,.0f} | {answered:,} | {refused:,} | {errors:,} | {_spread(p50)} |"
            f" {_spread(p99)} | {_spread(ratios)} |"
        )
    after = [
        recovery_s(one[BACK].answered, _ms(one[PLANNED], 0.99) / 1000 * BEARABLE) for one in rounds
    ]
    seconds = ", ".join("not at all" if one is None else f"{one:.1f} s" for one in after)
    yield f"\nBack at {BEARABLE:g} times the p99 of the plan, round by round, after: {seconds}"


def _ms(outcome: Outcome, share: float) -> float:
    return percentile(outcome.took_s(), share) * 1000


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def recovery_s(answered: Sequence[tuple[float, float]], bearable_s: float) -> float | None:
    """Return the time after which answers are fast enough again.

    Args:
        answered: for each request when it was due and how long it took, in seconds.
        bearable_s: limit of the 99th percentile of a window.

    Returns:
        Seconds until the first window within the limit begins; None if no window is.
    """
    windows: dict[int, list[float]] = {}
    for due, took in answered:
        windows.setdefault(int(due / WINDOW_S), []).append(took)
    for window in sorted(windows):
        if percentile(windows[window], 0.99) <= bearable_s:
            return window * WINDOW_S
    return None
