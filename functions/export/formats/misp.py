"""A MISP feed: one event for each type and day of first sighting, a manifest and the hashes."""

import hashlib
import json
import uuid
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from shared.domain.indicator_types import IndicatorType
from shared.domain.moment import format_millis
from shared.domain.verdict import Verdict
from shared.formats.exports.source import (
    NAMESPACE,
    PUBLISHER,
    ExportedIoc,
    ExportFile,
    IocSource,
    Options,
    Tlp,
    as_tools_write,
    id_of,
)

_JSON: Final = "application/json"
_ORGANISATION: Final = {
    "name": PUBLISHER,
    "uuid": str(uuid.uuid5(NAMESPACE, "misp-organisation")),
}
_ANALYSIS_COMPLETED: Final = "2"
_THREAT_LEVELS = {
    Verdict.MALICIOUS: "1",
    Verdict.LIKELY_MALICIOUS: "2",
    Verdict.SUSPICIOUS: "3",
    Verdict.NO_THREAT: "4",
    Verdict.BENIGN: "4",
}
# From the taxonomy tlp of MISP.
_TLP_COLOURS = {
    Tlp.CLEAR: "#ffffff",
    Tlp.GREEN: "#339900",
    Tlp.AMBER: "#FFC000",
    Tlp.RED: "#CC0033",
}
# Milder verdicts are context; alerts on them would be false alarms.
_LEAST_TO_DETECT = Verdict.LIKELY_MALICIOUS


def files(source: IocSource, options: Options) -> Iterator[ExportFile]:
    """Yield the events, then the manifest and the hashes, which MISP reads first."""
    manifest: dict[str, Any] = {}
    for (day, kind), group in groupby(source.by_day(), key=_day_and_kind):
        iocs = list(group)
        facts = _facts(day, kind, iocs, options)
        event_id = _event_id(day, kind)
        manifest[event_id] = facts
        yield ExportFile(f"misp/{event_id}.json", _JSON, _event(event_id, facts, iocs, options))
    yield ExportFile("misp/manifest.json", _JSON, [_dumped(manifest)])
    yield ExportFile("misp/hashes.csv", "text/csv", map(_hash_line, source.by_day()))


def _day_and_kind(ioc: ExportedIoc) -> tuple[str, IndicatorType]:
    return format_millis(ioc.first_seen)[:10], ioc.indicator.type


def _facts(
    day: str, kind: IndicatorType, iocs: Sequence[ExportedIoc], options: Options
) -> dict[str, Any]:
    return {
        "Orgc": _ORGANISATION,
        "Tag": [{"name": f"tlp:{options.tlp}", "colour": _TLP_COLOURS[options.tlp]}],
        "info": f"IOCs of type {kind}, first seen on {day}",
        "date": day,
        "analysis": _ANALYSIS_COMPLETED,
        "threat_level_id": _THREAT_LEVELS[
            max((ioc.verdict for ioc in iocs if not ioc.gone), default=Verdict.NO_THREAT)
        ],
        # MISP fetches an event again when this time is later than before.
        "timestamp": str(max(map(_changed, iocs)) // 1000),
    }


def _event(
    event_id: str, facts: dict[str, Any], iocs: Sequence[ExportedIoc], options: Options
) -> Iterator[str]:
    event = {
        "uuid": event_id,
        **facts,
        "published": True,
        "publish_timestamp": facts["timestamp"],
    }
    yield f'{{"Event":{_dumped(event)[:-1]},"Attribute":[\n'
    for number, ioc in enumerate(iocs):
        yield f"{',' if number else ''}{_dumped(attribute(ioc, options))}\n"
    yield "]}}\n"


def attribute(ioc: ExportedIoc, options: Options) -> dict[str, Any]:
    """Write an IOC as a MISP attribute."""
    info = ioc.indicator.type.info
    source = ioc.flow_id or "an analyst"
    verdict = (
        f"{ioc.verdict.name} until {format_millis(ioc.gone)}" if ioc.gone else ioc.verdict.name
    )
    comment = f"{verdict}, scans: {ioc.scan_count}, last verdict by: {source}"
    day = format_millis(ioc.first_seen)[:10]
    return {
        # The day is part of the id: an IOC whose first sighting changes moves to another event,
        # and MISP allows an id in one event only.
        "uuid": str(id_of(f"misp-attribute:{day}", ioc.indicator)),
        "type": info.misp_types[0],
        "category": info.misp_category,
        "value": as_tools_write(ioc.indicator),
        "to_ids": ioc.verdict >= _LEAST_TO_DETECT and not ioc.gone,
        "disable_correlation": False,
        "timestamp": str(_changed(ioc) // 1000),
        "first_seen": format_millis(ioc.first_seen),
        "last_seen": format_millis(ioc.last_seen),
        "comment": " ".join(filter(None, (comment, options.link(ioc)))),
        "Tag": [{"name": label} for label in ioc.labels],
    }


def _changed(ioc: ExportedIoc) -> int:
    return max(ioc.changed, ioc.gone)


def _event_id(day: str, kind: IndicatorType) -> str:
    return str(uuid.uuid5(NAMESPACE, f"misp-event:{day}:{kind}"))


def _hash_line(ioc: ExportedIoc) -> str:
    """A line of hashes.csv: the MD5 of a value, required by MISP, and the id of its event."""
    value = as_tools_write(ioc.indicator).encode()
    digest = hashlib.md5(value, usedforsecurity=False).hexdigest()
    return f"{digest},{_event_id(*_day_and_kind(ioc))}\n"


def _dumped(one: Any) -> str:
    return json.dumps(one, ensure_ascii=False, separators=(",", ":"))
