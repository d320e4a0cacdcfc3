"""Draws the plots of docs/benchmarks.md: `.tools/peers/bin/python -m benchmarks.plots`.

It reads benchmarks/measured.json and benchmarks/drawn.json, which `make bench` writes.
"""

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import cost

DRAWN = cost.ROOT / "benchmarks" / "drawn.json"
FOLDER = cost.ROOT / "docs" / "benchmarks"

# An opaque background is legible on light and dark pages. The colours suit colour blindness.
_STYLE = {
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 10,
    "svg.hashsalt": "benchmarks",  # the same file for the same figures
}
_OURS, _THEIRS, _SPREAD = "#0072b2", "#999999", "#222222"
_SERVICES = {
    "API Gateway": "#e69f00",
    "Lambda": "#d55e00",
    "DynamoDB": "#0072b2",
    "logs": "#009e73",
}


def main() -> None:
    """Draw all plots."""
    import matplotlib as mpl  # noqa: PLC0415  # only .tools/peers has it

    mpl.use("svg")
    mpl.rcParams.update(_STYLE)
    drawn = json.loads(DRAWN.read_text(encoding="utf-8"))
    measured = cost.read_measured(cost.MEASURED.read_text(encoding="utf-8"))
    FOLDER.mkdir(exist_ok=True)
    sides = drawn["sides"]
    for kind, title in (
        ("single", "CPU of a single look-up, µs"),
        ("bulk", "CPU for an IOC in a bulk of 1,000, µs"),
    ):
        values = {name: side[kind] for name, side in sides.items()}
        _bars(kind, title, values, drawn["ceilings"].get(kind))
    _dollars(measured)
    _memory(drawn["memory"])


def _bars(
    file: str, title: str, values: Mapping[str, Sequence[float]], ceiling: float | None
) -> None:
    """Draw medians, with lines from the lowest to the highest value."""
    figure, axes = _figure(1, len(values))
    [plot] = axes
    for at, (name, rounds) in enumerate(values.items()):
        middle = statistics.median(rounds)
        colour = _OURS if name.startswith("this service") else _THEIRS
        plot.barh(at, middle, color=colour)
        plot.plot([min(rounds), max(rounds)], [at, at], color=_SPREAD, linewidth=2)
        digits = 0 if middle >= 20 else 1
        _label(plot, max(rounds), at, f"{middle:,.{digits}f}")
    _finish(plot, title, list(values))
    if ceiling is not None:
        plot.axvline(ceiling, color="#d55e00", linestyle="--", label="ceiling of this service")
        figure.legend(frameon=False, loc="outside lower right")
    _save(figure, file)


def _dollars(measured: cost.Measured) -> None:
    """Draw dollars by service."""
    panels = {
        "Dollars per million look-ups": cost.lookups_by_front(measured),
        "Dollars per million sightings": cost.sightings(measured),
    }
    figure, axes = _figure(2, 5)
    for plot, (title, works) in zip(axes, panels.items(), strict=True):
        for at, spent in enumerate(works.values()):
            left = 0.0
            for service, colour in _SERVICES.items():
                label = service if at == 0 else None
                plot.barh(at, spent[service], left=left, color=colour, label=label)
                left += spent[service]
            _label(plot, left, at, f"{left:.3f}")
        _finish(plot, title, list(works))
    axes[0].legend(frameon=False, loc="lower right")
    _save(figure, "dollars")


def _memory(memory: Mapping[str, Sequence[int]]) -> None:
    """Draw megabytes before a run, and the growth to its peak."""
    figure, axes = _figure(1, len(memory))
    [plot] = axes
    for at, (before, peak) in enumerate(memory.values()):
        names = ("before the run", "at its peak") if at == 0 else (None, None)
        plot.barh(at, before / 1024, color=_THEIRS, label=names[0])
        plot.barh(at, (peak - before) / 1024, left=before / 1024, color=_OURS, label=names[1])
        _label(plot, peak / 1024, at, f"{peak / 1024:.0f}")
    _finish(plot, "Memory of a run, MB", list(memory))
    figure.legend(frameon=False, loc="outside lower center", ncols=2)
    _save(figure, "memory")


def _figure(panels: int, bars: int) -> tuple[Any, Sequence[Any]]:
    from matplotlib import pyplot  # noqa: PLC0415

    height = panels * (0.9 + 0.4 * bars)
    figure, axes = pyplot.subplots(panels, 1, figsize=(8, height), squeeze=False)
    return figure, axes[:, 0]


def _label(plot: Any, end: float, at: int, text: str) -> None:
    plot.annotate(text, (end, at), (5, 0), textcoords="offset points", va="center")


def _finish(plot: Any, title: str, names: Sequence[str]) -> None:
    plot.set_title(title, loc="left", fontweight="bold")
    plot.set_yticks(range(len(names)), names)
    plot.invert_yaxis()
    plot.set_xlim(0, plot.get_xlim()[1] * 1.1)


def _save(figure: Any, name: str) -> None:
    figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
