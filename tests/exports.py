"""IOCs to export, and a source and a bucket in memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from shared.domain.errors import StoreError
from shared.domain.indicator import Indicator, IndicatorType, parse, parse_hash
from shared.domain.verdict import Verdict
from shared.formats.exports.index import ExportIndex, IndexedFile
from shared.formats.exports.source import ExportedIoc, Options, Tlp, indicator_id
from shared.formats.exports.stix import stix_id

OPTIONS = Options(
    Tlp.AMBER, "https://sandbox.example/uploads/{flow_id}/reports/{report_id}/overview"
)
FIRST_RUN = 1_767_607_200_000
SECOND_RUN = FIRST_RUN + 3_600_000


def ioc(indicator: Indicator, verdict: Verdict = Verdict.MALICIOUS, **other: Any) -> ExportedIoc:
    """Return an IOC of a report of the first of June."""
    known = ExportedIoc(
        indicator=indicator,
        verdict=verdict,
        first_seen=1_748_736_000_000,
        last_seen=1_748_822_400_123,
        scan_count=3,
        flow_id="66b3763be7dbbbdfcd0a0001",
        report_id="4c1a0000-0000-4000-8000-000000000001",
        tags=("packed", "peexe"),
        created=FIRST_RUN,
        changed=FIRST_RUN,
        moved=FIRST_RUN,
    )
    return replace(known, **other)


def _parsed(kind: IndicatorType, text: str, verdict: Verdict, **other: Any) -> ExportedIoc:
    return ioc(parse(kind, text), verdict, **other)


# Each type, each verdict, a withdrawn indicator, and what has to be escaped somewhere.
IOCS = (
    ioc(parse_hash("d41d8cd98f00b204e9800998ecf8427e")),
    ioc(
        parse_hash("DA39A3EE5E6B4B0D3255BFEF95601890AFD80709"),
        Verdict.LIKELY_MALICIOUS,
        report_id="",
    ),
    ioc(parse_hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"), tags=()),
    _parsed(IndicatorType.IP, "203.0.113.7", Verdict.SUSPICIOUS, report_id=""),
    _parsed(IndicatorType.IP, "2001:db8::7", Verdict.MALICIOUS, changed=SECOND_RUN),
    _parsed(
        IndicatorType.DOMAIN,
        "evil.example",
        Verdict.MALICIOUS,
        flow_id="flow/1 ?",
        score=61,
        valid_until=1_765_000_000_000,
    ),
    _parsed(IndicatorType.DOMAIN, "bücher.example", Verdict.SUSPICIOUS, tags=("naïve", "日本")),
    _parsed(IndicatorType.DOMAIN, "good.example", Verdict.BENIGN, first_seen=1_748_649_600_000),
    _parsed(
        IndicatorType.DOMAIN, "cleared.example", Verdict.BENIGN, withdrawn=SECOND_RUN, episode=1
    ),
    _parsed(IndicatorType.URL, "http://a.example/it's\\a?q='%22", Verdict.MALICIOUS),
    _parsed(IndicatorType.URL, "http://a.example/?x=\\", Verdict.LIKELY_MALICIOUS),
    _parsed(
        IndicatorType.URL,
        "http://none.example/",
        Verdict.NO_THREAT,
        tags=("=cmd|' /C calc'!A0", 'say "hi", all'),
        flow_id="@flow",
    ),
)


def is_indicator(one: ExportedIoc) -> bool:
    """Whether the verdict makes a STIX indicator."""
    return one.verdict >= OPTIONS.least_indicator


@dataclass(frozen=True)
class Listed:
    """A source of the IOCs of a list."""

    iocs: Sequence[ExportedIoc] = IOCS

    def by_value(
        self, kind: IndicatorType | None = None, least: Verdict = Verdict.BENIGN, step: int = 0
    ) -> Iterator[ExportedIoc]:
        """By type and value."""
        for one in sorted(self.iocs, key=lambda one: one.indicator):
            fits = one.verdict >= least and one.step >= step and not one.gone
            if fits and kind in {None, one.indicator.type}:
                yield one

    def by_change(self) -> Iterator[ExportedIoc]:
        """By change and id."""
        indicated = (
            one for one in self.iocs if one.withdrawn or (is_indicator(one) and not one.gone)
        )
        yield from sorted(indicated, key=lambda one: (one.indicator_changed, stix_id(one)))

    def by_id(self) -> Iterator[tuple[str, int]]:
        """By id."""
        ids = {
            str(indicator_id(one.indicator, one.episode)): one.indicator_changed
            for one in self.by_change()
        }
        yield from sorted(ids.items())

    def by_day(self) -> Iterator[ExportedIoc]:
        """By the day on which they were first seen."""
        yield from sorted(self.iocs, key=lambda one: (one.first_seen // 86_400_000, one.indicator))

    def by_move(self) -> Iterator[ExportedIoc]:
        """By the last change of the row."""
        yield from sorted(self.iocs, key=lambda one: (one.moved, one.indicator))

    def last_move(self, kind: IndicatorType) -> int:
        """When the lists of a type last changed."""
        return max((one.moved for one in self.iocs if one.indicator.type is kind), default=0)


@dataclass
class MemoryBucket:
    """A bucket in memory."""

    objects: dict[str, bytes] = field(default_factory=dict)
    published: ExportIndex | None = None
    held: dict[str, Mapping[str, IndexedFile]] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)
    fails_at: str = ""

    def index(self) -> ExportIndex | None:
        return self.published

    def begin(self, slot: str) -> Mapping[str, IndexedFile]:
        return self.held.pop(slot, {})

    def fetch(self, index: ExportIndex, name: str, to: Path) -> None:
        to.write_bytes(self.objects[f"{index.slot}/{name}"])

    def put(self, slot: str, name: str, source: Path, media_type: str) -> None:
        if name == self.fails_at:
            raise StoreError("no")
        self.objects[f"{slot}/{name}"] = source.read_bytes()
        self.puts.append(name)

    def publish(self, index: ExportIndex) -> None:
        # It goes through its text, as it does in a bucket.
        self.published = ExportIndex.from_json(index.as_json())
        self.held[index.slot] = self.published.files

    def text(self, name: str) -> str:
        assert self.published
        return self.objects[f"{self.published.slot}/{name}"].decode()


def ageless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no verdict age: the reports of the tests are old, and the handlers use the real time."""
    for kind in ("DOMAIN", "URL", "IP"):
        monkeypatch.setenv(f"HALF_LIFE_{kind}", "0")
