"""The index of the published exports."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file in the index.

    Attributes:
        sha256: SHA-256 of the content, in hexadecimal.
        written: time of writing, milliseconds since the epoch.
    """

    size: int
    sha256: str
    media_type: str
    written: int


@dataclass(frozen=True, slots=True)
class ExportPage:
    """A page of changes; `changed` and `id` are those of its first one."""

    changed: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ExportIndex:
    """The published exports.

    Attributes:
        built: time of the export, milliseconds since the epoch.
        slot: name of the set that holds the files.
        iocs: number of exported IOCs.
        pages: pages of STIX indicators, the oldest change first.
        changes: pages of changed rows of the lists, the oldest change first.
        complete_since: the changes since then are complete, milliseconds since the epoch; 0 if
            there are none.
    """

    built: int
    slot: str
    iocs: int
    files: Mapping[str, IndexedFile]
    pages: tuple[ExportPage, ...]
    changes: tuple[ExportPage, ...] = ()
    complete_since: int = 0

    def as_json(self) -> bytes:
        """Return the index as it is stored."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Read a stored index."""
        stored: dict[str, Any] = json.loads(content)
        return cls(
            built=stored["built"],
            slot=stored["slot"],
            iocs=stored["iocs"],
            files={name: IndexedFile(**entry) for name, entry in stored["files"].items()},
            pages=tuple(ExportPage(**page) for page in stored["pages"]),
            # Exports of versions before the changes have none.
            changes=tuple(ExportPage(**page) for page in stored.get("changes", ())),
            complete_since=stored.get("complete_since", 0),
        )
