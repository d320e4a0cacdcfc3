"""Which files are published."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file in the index.

    Attributes:
        sha256: of its content, in hexadecimal.
        written: when, in milliseconds since the epoch.
    """

    size: int
    sha256: str
    media_type: str
    written: int


@dataclass(frozen=True, slots=True)
class ExportPage:
    """A page of what changed; `changed` and `id` are those of its first object."""

    changed: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ExportIndex:
    """What is published.

    Attributes:
        built: when, in milliseconds since the epoch.
        slot: the set that the files are in.
        iocs: how many there are.
        pages: of what changed, the oldest change first.
    """

    built: int
    slot: str
    iocs: int
    files: Mapping[str, IndexedFile]
    pages: tuple[ExportPage, ...]

    def as_json(self) -> bytes:
        """The index as it is kept."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Read it."""
        kept: dict[str, Any] = json.loads(content)
        return cls(
            built=kept["built"],
            slot=kept["slot"],
            iocs=kept["iocs"],
            files={name: IndexedFile(**entry) for name, entry in kept["files"].items()},
            pages=tuple(ExportPage(**page) for page in kept["pages"]),
        )
