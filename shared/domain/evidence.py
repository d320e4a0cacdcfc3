"""The evidence for a verdict: which source states which verdict, and which statement decided."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from shared.domain.errors import InvalidRecord
from shared.domain.verdict import Verdict, verdict_of

# A longer text in a piece of evidence is ignored.
MAX_EVIDENCE_TEXT_BYTES = 128


class EvidenceSource(StrEnum):
    """Kind of source of a piece of evidence. The value is its name in feeds, items and answers."""

    FILE = "file"  # the analysis of the file itself
    YARA = "yara"
    SIGNAL = "signal"
    OSINT = "osint"
    REPUTATION = "reputation"  # another reputation service, asked by this one
    EARLIER_REPORT = "earlier_report"
    REPORT = "report"  # what the report states for the IOC, or its final verdict for its file
    ANALYST = "analyst"
    RULE = "rule"


class Evidence(NamedTuple):
    """One statement that a verdict can rest on.

    Attributes:
        verdict: the verdict that the source states.
        name: provider, YARA rule or group of signals; "" if the source has no name.
        flow_id: scan of the report that holds the statement; "" for the sighting's own report.
        sender: name of the key with which that report was sent; "" if unknown.
        decides: whether the verdict of the sighting rests on this statement.
        echo: whether the statement only repeats an answer of this service.
    """

    source: EvidenceSource
    verdict: Verdict
    name: str = ""
    flow_id: str = ""
    sender: str = ""
    decides: bool = False
    echo: bool = False

    def to_object(self) -> dict[str, str | bool]:
        """Return the evidence as feeds and answers show it: fields without a value are absent."""
        shown: dict[str, str | bool] = {"source": self.source.value, "verdict": self.verdict.name}
        texts = {"name": self.name, "flow_id": self.flow_id, "sender": self.sender}
        shown |= {name: text for name, text in texts.items() if text}
        flags = {"decides": self.decides, "echo": self.echo}
        return shown | {name: True for name, flag in flags.items() if flag}


def read_evidence(value: object) -> list[Evidence]:
    """Read a list of evidence in the form of `Evidence.to_object`.

    Bad input costs no more than itself: an entry without a known source and verdict is left out,
    and a text that is too long is ignored.

    Args:
        value: any JSON value.

    Returns:
        The evidence in the order of `deciding_first`, each piece once.
    """
    entries = value if isinstance(value, list) else []
    return deciding_first(one for one in map(_read_one, entries) if one is not None)


def deciding_first(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Sort evidence: what decides first, echoes last, and the worst verdict before milder ones."""
    return sorted(set(evidence), key=lambda one: (not one.decides, one.echo, -one.verdict, one))


def _read_one(raw: object) -> Evidence | None:
    if not isinstance(raw, Mapping):
        return None
    try:
        verdict = verdict_of(raw)
        source = EvidenceSource(str(raw.get("source")))
    except (InvalidRecord, ValueError):
        return None
    if verdict is None:
        return None
    return Evidence(
        source,
        verdict,
        _text(raw.get("name")),
        _text(raw.get("flow_id")),
        _text(raw.get("sender")),
        raw.get("decides") is True,
        raw.get("echo") is True,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        return ""
    # A lone surrogate, which JSON can hold, cannot be stored.
    data = value.encode(errors="replace")
    return data.decode() if len(data) <= MAX_EVIDENCE_TEXT_BYTES else ""
