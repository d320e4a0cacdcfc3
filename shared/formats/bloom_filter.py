"""Reads and writes the filter file: a Bloom filter in DCSO's format, followed by metadata.

All numbers are little-endian:

    bytes   what
    8       version of the format, 1
    8       n, capacity in entries
    8       p, rate of false positives when full, a float
    8       k, number of hash functions
    8       m, number of bits
    8       N, number of entries
    ...     the bits, in whole words of 8 bytes
    rest    metadata of the filter as JSON, where the format allows data of the application

An entry is the canonical value of an indicator in UTF-8, without its type, so that any tool that
reads the format can test a hash. Values of different types are never equal.
"""

import hashlib
import json
import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from poppy import BloomFilter, loads

from shared.domain.errors import FilterNotValid, FilterOfAnotherVersion, InvalidRecord
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.indicator_types import INDICATOR_TYPES
from shared.domain.moment import EARLIEST, format_millis, read_moment

FORMAT = "DCSO bloom filter"
FORMAT_VERSION = 1
# Version of the metadata and of the entries: raise it when a canonical form changes.
VERSION = 2
FALSE_POSITIVE_RATE = 0.001
# A smaller capacity saves nothing, and the actual rate of a tiny filter varies a lot.
MIN_CAPACITY = 1_000
_HEADER = struct.Struct("<QQdQQQ")
_WORD_BITS = 64
# Accepts any time: callers decide whether a filter is too old, or from the future.
_ANY_TIME = EARLIEST + 2**46
# Our rate needs 10; a file with more than this is an attack.
_MAX_HASHES = 64


@dataclass(frozen=True, slots=True)
class Facts:
    """Metadata of a filter.

    Attributes:
        built: the filter holds everything that was stored before, milliseconds since the epoch.
        entries: number of entries.
        types: indicator types that the filter answers for. About other types, a look-up may know
            more than the table holds.
        false_positive_rate: maximum share of unknown indicators that the filter reports as stored.
    """

    built: int
    entries: int
    types: frozenset[IndicatorType]
    false_positive_rate: float = FALSE_POSITIVE_RATE

    def as_dict(self) -> dict[str, Any]:
        """Return the metadata as the file and the answer of the API contain it."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "version": VERSION,
            "built": format_millis(self.built),
            "entries": self.entries,
            "false_positive_rate": self.false_positive_rate,
            "types": [kind.value for kind in INDICATOR_TYPES if kind in self.types],
        }

    @classmethod
    def read(cls, facts: Any) -> Self:
        """Read the metadata of a filter of this version.

        Raises:
            FilterOfAnotherVersion: the filter has another version.
            FilterNotValid: the metadata does not have the form of `as_dict`.
        """
        if not isinstance(facts, dict) or "version" not in facts:
            raise FilterNotValid("the file has no metadata")
        if facts["version"] != VERSION:
            raise FilterOfAnotherVersion("the filter is of another version than this reader")
        try:
            return cls(
                built=read_moment(facts["built"], _ANY_TIME),
                entries=int(facts["entries"]),
                types=frozenset(map(IndicatorType, facts["types"])),
                false_positive_rate=float(facts["false_positive_rate"]),
            )
        except (InvalidRecord, KeyError, TypeError, ValueError) as error:
            raise FilterNotValid("the metadata of the filter cannot be read") from error


def entry(indicator: Indicator) -> bytes:
    """Return the entry of an indicator."""
    return indicator.value.encode()


def make_file(entries: Iterable[bytes], facts: Facts) -> bytes:
    """Build a filter file.

    Args:
        entries: each once; their number is that of `facts`.
    """
    capacity = max(facts.entries, MIN_CAPACITY)
    bloom = BloomFilter.with_version(FORMAT_VERSION, capacity, facts.false_positive_rate)
    for one in entries:
        bloom.insert_bytes(one)
    bits: bytes = bloom.dumps()
    metadata = facts.as_dict()
    return bits + json.dumps(metadata | {"digest": _digest(bits, metadata)}).encode()


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter in memory. Safe for threads.

    Attributes:
        sha256: SHA-256 of the whole file.
    """

    facts: Facts
    sha256: str
    _bloom: BloomFilter

    def holds(self, indicator: Indicator) -> bool:
        """Whether the indicator may have been stored when the filter was built.

        True for all stored ones, for a few others, and for types that the filter does not answer
        for.
        """
        if indicator.type not in self.facts.types:
            return True
        found: bool = self._bloom.contains_bytes(entry(indicator))
        return found


def read_file(content: bytes) -> Filter:
    """Read a filter file.

    Raises:
        FilterNotValid: the file is damaged, truncated, or of another version.
    """
    size = _size_of_bits(content)
    try:
        metadata = json.loads(content[size:])
    except (ValueError, RecursionError):
        raise FilterNotValid("the file is truncated, or has no metadata") from None
    facts = Facts.read(metadata)
    digest = metadata.pop("digest", "")
    if digest != _digest(content[:size], metadata):
        raise FilterNotValid("the digest of the filter does not match")
    try:
        bloom = loads(content)
    except ValueError:
        raise FilterNotValid("the file is not a filter in DCSO's format") from None
    return Filter(facts, hashlib.sha256(content).hexdigest(), bloom)


def _digest(bits: bytes, metadata: Mapping[str, Any]) -> str:
    return hashlib.sha256(bits + json.dumps(metadata).encode()).hexdigest()


def _size_of_bits(content: bytes) -> int:
    """Check the header, and return the size of header and bits.

    The library allocates the memory that the header requests, so the header is checked first.
    """
    if len(content) < _HEADER.size:
        raise FilterNotValid("the file is shorter than the header of a filter")
    version, capacity, rate, hashes, bits, _ = _HEADER.unpack_from(content)
    if version != FORMAT_VERSION:
        raise FilterNotValid("the file is not a filter in version 1 of DCSO's format")
    if not (capacity and 0 < rate < 1 and 0 < hashes <= _MAX_HASHES and bits):
        raise FilterNotValid("the header of the filter is impossible")
    size = _HEADER.size + math.ceil(bits / _WORD_BITS) * (_WORD_BITS // 8)
    if size > len(content):
        raise FilterNotValid("the file is truncated before the end of the bits")
    return int(size)
