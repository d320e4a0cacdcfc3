"""What a report gives about one file: its name, type and size, and all its digests."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import Indicator, IndicatorType, parse, parse_query
from shared.domain.indicator_types import HASH_TYPES, INDICATOR_TYPES

# A longer name is cut, a longer type is ignored.
MAX_FILE_NAME_BYTES = 512
MAX_FILE_TYPE_BYTES = 128
# A greater number is not the size of a file that a sandbox scans.
MAX_FILE_SIZE = 2**53 - 1

_HASH_TYPES = tuple(kind for kind in INDICATOR_TYPES if kind in HASH_TYPES)


class FileFacts(NamedTuple):
    """One file, as one report describes it.

    Attributes:
        name: "" if the report gives none.
        type: MIME type, or the short type of the sandbox such as `pe`; "" if unknown.
        size: in bytes, 0 if unknown.
        digests: at most one of each type, in the order of the types.
    """

    name: str = ""
    type: str = ""
    size: int = 0
    digests: tuple[Indicator, ...] = ()

    def digest(self, kind: IndicatorType) -> str:
        """Return the digest of a type, "" if the report does not give it."""
        return next((one.value for one in self.digests if one.type is kind), "")

    def to_object(self) -> dict[str, str | int]:
        """Return the file as feeds show it: fields without a value are absent."""
        facts: dict[str, str | int] = {"name": self.name, "type": self.type, "size": self.size}
        facts |= {one.type.value: one.value.lower() for one in self.digests}
        return {name: value for name, value in facts.items() if value}


def in_type_order(digests: Iterable[Indicator]) -> tuple[Indicator, ...]:
    """Return the first digest of each type, in the order of the types."""
    first: dict[IndicatorType, Indicator] = {}
    for one in digests:
        first.setdefault(one.type, one)
    return tuple(first[kind] for kind in _HASH_TYPES if kind in first)


def read_file_facts(value: object) -> FileFacts:
    """Read a file in the form of `FileFacts.to_object`; a bad field costs only itself.

    Args:
        value: any JSON value.
    """
    if not isinstance(value, Mapping):
        return FileFacts()
    digests = []
    for kind in _HASH_TYPES:
        try:
            digests.append(parse(kind, value.get(kind.value)))
        except InvalidIndicator:
            continue
    file_type = _text(value.get("type"))
    return FileFacts(
        cut(_text(value.get("name")), MAX_FILE_NAME_BYTES),
        file_type if len(file_type.encode()) <= MAX_FILE_TYPE_BYTES else "",
        _size(value.get("size")),
        tuple(digests),
    )


def scanned_url(file: FileFacts) -> Indicator | None:
    """Return the URL that a report is about; None if it is about a file.

    A scan of a URL looks like the scan of a file whose name is the URL and whose SHA-256 is the
    digest of that text. Such a digest belongs to no file. A file that is only named like a URL has
    another digest.
    """
    text = file.name.encode(errors="replace")
    if file.digest(IndicatorType.SHA256) != hashlib.sha256(text).hexdigest().upper():
        return None
    try:
        return parse_query(IndicatorType.URL, file.name).indicator
    except InvalidIndicator:
        return None


def cut(text: str, max_bytes: int) -> str:
    """Return the first characters of a text that have at most `max_bytes` bytes in UTF-8."""
    return text.encode(errors="replace")[:max_bytes].decode(errors="ignore")


def _text(value: object) -> str:
    # A lone surrogate, which JSON can hold, cannot be stored.
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def _size(value: object) -> int:
    return value if type(value) is int and 0 < value <= MAX_FILE_SIZE else 0
