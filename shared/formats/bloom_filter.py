"""The file of a filter: a Bloom filter in the format of DCSO, with a few facts behind it.

All numbers are little-endian:

    bytes   what
    8       version of the format, 1
    8       n, the entries that it has room for
    8       p, the rate of false positives when it is full, a float
    8       k, hash functions
    8       m, bits
    8       N, the entries in it
    ...     the bits, in whole words of 8 bytes
    rest    facts about the filter as JSON, in the place that the format has for data of others

An entry is the canonical value of an indicator as UTF-8, without its type, so that any tool that
reads the format can test a hash. No two types have a canonical value in common.
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
# Of the facts, and of what an entry is: raise it when a canonical form moves.
VERSION = 2
FALSE_POSITIVE_RATE = 0.001
# A smaller one saves nothing, and the rate of a tiny one is a matter of luck.
MIN_CAPACITY = 1_000
_HEADER = struct.Struct("<QQdQQQ")
_WORD_BITS = 64
# Whether a filter is too old, or from the future, is for those to judge who use it.
_ANY_TIME = EARLIEST + 2**46
# The rate asks for 10; more than this is no filter but a trap.
_MAX_HASHES = 64


@dataclass(frozen=True, slots=True)
class Facts:
    """What a filter says of itself.

    Attributes:
        built: what was stored before is in it, milliseconds since the epoch.
        entries: how many.
        types: the ones that it answers for. Of others a look-up may know what is in no table.
        false_positive_rate: part of the indicators never seen that it takes for seen, at most.
    """

    built: int
    entries: int
    types: frozenset[IndicatorType]
    false_positive_rate: float = FALSE_POSITIVE_RATE

    def as_dict(self) -> dict[str, Any]:
        """The facts as they stand in the file and in the answer of the API."""
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
        """The facts of a filter, by a reader that knows this version and no other.

        Raises:
            FilterNotValid: they are not what `as_dict` makes.
        """
        if not isinstance(facts, dict) or "version" not in facts:
            raise FilterNotValid("the file tells nothing about its filter")
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
            raise FilterNotValid("the facts about the filter cannot be read") from error


def entry(indicator: Indicator) -> bytes:
    """What of an indicator is in the filter."""
    return indicator.value.encode()


def make_file(entries: Iterable[bytes], facts: Facts) -> bytes:
    """Make the file of a filter.

    Args:
        entries: each once, and as many as the facts say.
    """
    capacity = max(facts.entries, MIN_CAPACITY)
    bloom = BloomFilter.with_version(FORMAT_VERSION, capacity, facts.false_positive_rate)
    for one in entries:
        bloom.insert_bytes(one)
    bits: bytes = bloom.dumps()
    told = facts.as_dict()
    return bits + json.dumps(told | {"digest": _digest(bits, told)}).encode()


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that has been read. Safe for threads.

    Attributes:
        sha256: of the whole file.
    """

    facts: Facts
    sha256: str
    _bloom: BloomFilter

    def holds(self, indicator: Indicator) -> bool:
        """False when the indicator was not stored when the filter was built.

        True for all that were, for a few that were not, and for types that it does not answer for.
        """
        if indicator.type not in self.facts.types:
            return True
        found: bool = self._bloom.contains_bytes(entry(indicator))
        return found


def read_file(content: bytes) -> Filter:
    """Read the file of a filter.

    Raises:
        FilterNotValid: it is broken, broke off, or is of another version.
    """
    size = _size_of_bits(content)
    try:
        told = json.loads(content[size:])
    except (ValueError, RecursionError):
        raise FilterNotValid("the file breaks off, or tells nothing about its filter") from None
    facts = Facts.read(told)
    digest = told.pop("digest", "")
    if digest != _digest(content[:size], told):
        raise FilterNotValid("the filter is not the one that was written")
    try:
        bloom = loads(content)
    except ValueError:
        raise FilterNotValid("the file is no filter in the format of DCSO") from None
    return Filter(facts, hashlib.sha256(content).hexdigest(), bloom)


def _digest(bits: bytes, told: Mapping[str, Any]) -> str:
    return hashlib.sha256(bits + json.dumps(told).encode()).hexdigest()


def _size_of_bits(content: bytes) -> int:
    """The size of the header and the bits, once they are what a library can be trusted with.

    It takes the memory that the header asks for, and a header may ask for any.
    """
    if len(content) < _HEADER.size:
        raise FilterNotValid("the file is shorter than the header of a filter")
    version, capacity, rate, hashes, bits, _ = _HEADER.unpack_from(content)
    if version != FORMAT_VERSION:
        raise FilterNotValid("the file is no filter in version 1 of the format of DCSO")
    if not (capacity and 0 < rate < 1 and 0 < hashes <= _MAX_HASHES and bits):
        raise FilterNotValid("the header of the filter is impossible")
    size = _HEADER.size + math.ceil(bits / _WORD_BITS) * (_WORD_BITS // 8)
    if size > len(content):
        raise FilterNotValid("the file breaks off before the end of the bits")
    return int(size)
