"""Reads the labelled texts and scores extractors on them; docs/extraction.md has the rules."""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from shared.domain.errors import InvalidIndicator
from shared.domain.extract import extract
from shared.domain.indicator import Indicator, IndicatorType, parse, parse_query

TEXTS = Path(__file__).with_name("texts.toml")
# Later texts show faults that were reported and mended, so none of them is held out.
WRITTEN_BEFORE = 70


@dataclass(frozen=True)
class Text:
    """A text with its labels.

    Attributes:
        found: its indicators, in order of appearance.
        held_out: whether it was not used to develop the extractor.
    """

    name: str
    text: str
    found: Sequence[Indicator]
    held_out: bool


@dataclass(frozen=True)
class Score:
    """Counts over some texts.

    Attributes:
        right: indicators found and labelled.
        wrong: indicators found but not labelled.
        missed: indicators labelled but not found.
    """

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of the found indicators that are labelled."""
        return self.right / (self.right + self.wrong)

    @property
    def recall(self) -> float:
        """Share of the labelled indicators that were found."""
        return self.right / (self.right + self.missed)


def texts() -> list[Text]:
    """Read the labelled texts."""
    entries = tomllib.loads(TEXTS.read_text(encoding="utf-8"))["text"]
    return [
        Text(entry["name"], entry["text"], [*map(_label, entry["found"])], _is_held_out(number))
        for number, entry in enumerate(entries, 1)
    ]


def _is_held_out(number: int) -> bool:
    return number <= WRITTEN_BEFORE and number % 3 == 0


def _label(label: str) -> Indicator:
    kind, _, value = label.partition(" ")
    return Indicator(IndicatorType(kind), value)


def ours(text: str) -> set[Indicator]:
    """Return the indicators that this project finds."""
    return {found.indicator for found in extract(text).found}


def canonical(pairs: Iterable[tuple[str, str]]) -> set[Indicator]:
    """Return what another extractor found in canonical form, without invalid values."""
    found = set()
    for kind, value in pairs:
        try:
            found.add(parse_query(None if kind == "hash" else IndicatorType(kind), value).indicator)
        except InvalidIndicator:
            continue
    return found


def score(labelled: Sequence[Text], found: Sequence[set[Indicator]]) -> Score:
    """Compare the indicators found in each text with its labels.

    The host of a labelled URL is neither right nor wrong, because some extractors list it.
    """
    right = wrong = missed = 0
    for text, some in zip(labelled, found, strict=True):
        labels = set(text.found)
        right += len(some & labels)
        wrong += len(some - labels - _hosts(labels))
        missed += len(labels - some)
    return Score(right, wrong, missed)


def _hosts(labels: Iterable[Indicator]) -> set[Indicator]:
    hosts = set()
    for label in labels:
        if label.type is not IndicatorType.URL:
            continue
        host = urlsplit(label.value).hostname or ""
        for kind in (IndicatorType.DOMAIN, IndicatorType.IP):
            try:
                hosts.add(parse(kind, host))
            except InvalidIndicator:
                continue
    return hosts
