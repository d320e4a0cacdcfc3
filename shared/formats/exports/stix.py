"""STIX 2.1: pages of changed IOCs, each a bundle with one object per line.

A tool reads a page as a bundle; the TAXII server reads the objects from it.
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Final

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
    indicator_id,
)

MEDIA_TYPE: Final = "application/stix+json;version=2.1"
# A Lambda function returns a page, and its answer is limited to 6 MB.
FOLDER: Final = "stix"
MAX_OBJECTS = 2000
MAX_BYTES = 2_500_000
_IDENTITY: Final = f"identity--{uuid.uuid5(NAMESPACE, 'identity')}"
# Set a later time when you change the identity.
_IDENTITY_SINCE: Final = "2026-01-01T00:00:00.000Z"
# Marking definitions of the standard, STIX 2.1 section 7.2.1.4.
_MARKINGS = {
    Tlp.CLEAR: ("marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", "white"),
    Tlp.GREEN: ("marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", "green"),
    Tlp.AMBER: ("marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", "amber"),
    Tlp.RED: ("marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "red"),
}
_TYPES_AND_CONFIDENCE = {
    Verdict.MALICIOUS: ("malicious-activity", 95),
    Verdict.LIKELY_MALICIOUS: ("malicious-activity", 75),
    Verdict.SUSPICIOUS: ("anomalous-activity", 50),
}


def files(source: IocSource, options: Options) -> Iterator[ExportFile]:
    """Write the pages, the oldest change first; without indicators, one page without them."""
    page: list[tuple[ExportedIoc, str]] = []
    number, size = 1, 0
    for ioc in source.by_change():
        line = _dumped(indicator(ioc, options))
        if page and (len(page) == MAX_OBJECTS or size + len(line.encode()) > MAX_BYTES):
            yield _page(number, page, options)
            page, number, size = [], number + 1, 0
        page.append((ioc, line))
        size += len(line.encode())
    if page or number == 1:
        yield _page(number, page, options)


def common_objects(tlp: Tlp) -> list[dict[str, Any]]:
    """Build the objects that indicators refer to: the publisher and the TLP marking."""
    marking, colour = _MARKINGS[tlp]
    return [
        {
            "type": "identity",
            "spec_version": "2.1",
            "id": _IDENTITY,
            "created": _IDENTITY_SINCE,
            "modified": _IDENTITY_SINCE,
            "name": PUBLISHER,
            "identity_class": "system",
        },
        {
            "type": "marking-definition",
            "spec_version": "2.1",
            "id": marking,
            "created": "2017-01-20T00:00:00.000Z",
            "definition_type": "tlp",
            "name": f"TLP:{colour.upper()}",
            "definition": {"tlp": colour},
        },
    ]


def indicator(ioc: ExportedIoc, options: Options) -> dict[str, Any]:
    """Build the STIX indicator of an IOC.

    A withdrawn one holds only what never changes, because the standard allows no version after the
    one that revokes an object.
    """
    common = {
        "type": "indicator",
        "spec_version": "2.1",
        "id": stix_id(ioc),
        "created_by_ref": _IDENTITY,
        "created": format_millis(ioc.created),
        "modified": format_millis(ioc.indicator_changed),
        "name": as_tools_write(ioc.indicator),
        "pattern": _pattern(ioc),
        "pattern_type": "stix",
        "pattern_version": "2.1",
        "object_marking_refs": [_MARKINGS[options.tlp][0]],
    }
    if ioc.withdrawn:
        return {**common, "revoked": True, "valid_from": format_millis(ioc.created)}
    kind, confidence = _TYPES_AND_CONFIDENCE[ioc.verdict]
    source: dict[str, str] = {"source_name": "MetaDefender Sandbox", "external_id": ioc.flow_id}
    if not ioc.flow_id:
        source = {"source_name": "Analyst", "description": "set by hand"}
    if link := options.link(ioc):
        source["url"] = link
    until = {"valid_until": format_millis(ioc.valid_until)} if ioc.valid_until else {}
    return {
        **common,
        "description": f"{ioc.verdict.name}, scans: {ioc.scan_count}, "
        f"last seen: {format_millis(ioc.last_seen)}",
        "indicator_types": [kind],
        "valid_from": format_millis(ioc.first_seen),
        **until,
        "labels": ioc.labels,
        "confidence": confidence,
        "external_references": [source],
    }


def stix_id(ioc: ExportedIoc) -> str:
    """Return the STIX id of the indicator."""
    return f"indicator--{indicator_id(ioc.indicator, ioc.episode)}"


def read_page(text: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Read a page.

    Returns:
        The objects that its indicators refer to, and the indicators.
    """
    objects: list[dict[str, Any]] = json.loads(text)["objects"]
    common = [one for one in objects if one["type"] != "indicator"]
    return common, objects[len(common) :]


def _page(number: int, page: Sequence[tuple[ExportedIoc, str]], options: Options) -> ExportFile:
    lines = [*map(_dumped, common_objects(options.tlp)), *(line for _, line in page)]
    body = ",\n".join(lines)
    text = (
        f'{{"type":"bundle","id":"bundle--{uuid.uuid5(NAMESPACE, body)}","objects":[\n{body}\n]}}\n'
    )
    first = (page[0][0].indicator_changed, stix_id(page[0][0])) if page else None
    return ExportFile(f"{FOLDER}/{number:04d}.json", MEDIA_TYPE, [text], first)


def _pattern(ioc: ExportedIoc) -> str:
    value = as_tools_write(ioc.indicator)
    paths = ioc.indicator.type.info.stix_paths
    path = paths[-1] if ":" in value else paths[0]
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"[{path} = '{escaped}']"


def _dumped(one: dict[str, Any]) -> str:
    return json.dumps(one, ensure_ascii=False, separators=(",", ":"))
