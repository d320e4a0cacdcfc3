"""The report: what it takes over from the run before."""

from benchmarks.report import DOCUMENT, figures_of


def test_the_figures_of_the_run_before_are_those_of_its_first_table() -> None:
    before = """\
| # | What | Ceiling | Aim | Measured | Result |
|---|---|---|---|---|---|
| P1 | dollars | 0.60 | 0.44 | 0.584 new; 0.584 seen again | met |
| P10 | memory | 1.3 x | 1.1 x | 1.40 x | **not met** |

| # | Measured | Result |
|---|---|---|
| P1 | 0.7 | **not met** |
"""
    assert figures_of(before) == [
        "| P1 | 0.584 new; 0.584 seen again | met |",
        "| P10 | 1.40 x | **not met** |",
    ]


def test_the_report_has_all_ceilings() -> None:
    found = figures_of(DOCUMENT.read_text(encoding="utf-8"))
    numbers = [f"| P{number}" for number in (*range(1, 13), 14, 15)]
    assert [row.split(" | ")[0] for row in found] == numbers
