"""Measures the extractors, and writes the table of docs/extraction.md."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.extraction.score import Score, Text, canonical, ours, score, texts
from shared.domain.indicator import Indicator

ROOT = Path(__file__).parents[2]
OTHERS = ROOT / ".tools" / "extraction" / "bin" / "python"
DOCUMENT = ROOT / "docs" / "extraction.md"
BEGIN, END = "<!-- measured -->\n", "<!-- end of measured -->"
COLUMNS = ("Extractor", "Precision", "Recall", "Precision, held out", "Recall, held out")


def main() -> None:
    """Measure, and write the table."""
    if not OTHERS.exists():
        sys.exit("the other extractors are not installed: make .tools/extraction/.ready")
    labelled = texts()
    found = {"this project": [ours(text.text) for text in labelled]} | _others(labelled)
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(before + BEGIN + table(labelled, found) + END + after, encoding="utf-8")


def table(labelled: Sequence[Text], found: Mapping[str, Sequence[set[Indicator]]]) -> str:
    """Return the table of the document."""
    lines = [COLUMNS, ("---",) * len(COLUMNS)]
    for name, of_each in found.items():
        cells = [name]
        for held_out in (False, True):
            chosen = [at for at, text in enumerate(labelled) if text.held_out or not held_out]
            part = score([labelled[at] for at in chosen], [of_each[at] for at in chosen])
            cells += _cells(part)
        lines.append(tuple(cells))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cells(part: Score) -> list[str]:
    return [f"{part.precision:.3f}", f"{part.recall:.3f}"]


def _others(labelled: Sequence[Text]) -> dict[str, list[set[Indicator]]]:
    done = subprocess.run(  # noqa: S603
        [OTHERS, Path(__file__).with_name("others.py")],
        input=json.dumps([text.text for text in labelled]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    return {name: [canonical(pairs) for pairs in of_each] for name, of_each in found.items()}


if __name__ == "__main__":
    main()
