"""Groups the digests in a report by file. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from shared.domain.indicator import Indicator, IndicatorType


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a report.

    Attributes:
        digests: the digests of each file.
        holders: for each digest the positions of its files in `digests`. Several files share a
            digest in a collision.
    """

    digests: Sequence[AbstractSet[Indicator]]
    holders: Mapping[Indicator, Sequence[int]]

    def with_all(self, digests: Sequence[Indicator]) -> Sequence[int]:
        """Return the positions of the files that have all these digests."""
        holders = self.holders[digests[0]]
        if len(holders) == 1:
            return holders
        return [one for one in holders if self.digests[one] >= set(digests)]

    def siblings(self, digest: Indicator) -> frozenset[Indicator]:
        """Return the other digests of all files that have a digest."""
        return frozenset(
            one for holder in self.holders[digest] for one in self.digests[holder] if one != digest
        )


def group_by_file(descriptions: Iterable[Iterable[Indicator]]) -> Files:
    """Group digests by file.

    Two descriptions are of the same file if the strongest type of digest that both give is equal:
    two SHA-256 with one MD5 are two files. A description that fits several files is a file of its
    own, so nothing passes from one file to another. The order of the descriptions has no effect.

    Args:
        descriptions: digests that the report gives together, for one file each.
    """
    digests: list[set[Indicator]] = []
    types: list[set[IndicatorType]] = []
    holders: dict[Indicator, list[int]] = {}
    for description in sorted(
        {tuple(sorted(set(some), key=_strength)) for some in descriptions}, key=_order
    ):
        home = _home(description, holders, types)
        if home is None:
            home = len(digests)
            digests.append(set())
            types.append(set())
        for digest in description:
            if digest not in digests[home]:
                digests[home].add(digest)
                types[home].add(digest.type)
                holders.setdefault(digest, []).append(home)
    return Files(digests, holders)


def _home(
    description: Sequence[Indicator],
    holders: Mapping[Indicator, Sequence[int]],
    types: Sequence[Collection[IndicatorType]],
) -> int | None:
    """Return the file that a description belongs to, None for a new one."""
    for position, digest in enumerate(description):
        if digest in holders:
            if len(holders[digest]) > 1:
                return None
            [home] = holders[digest]
            differs = any(one.type in types[home] for one in description[:position])
            return None if differs else home
    return None


def _strength(digest: Indicator) -> tuple[int, str]:
    return -len(digest.value), digest.value


def _order(description: Sequence[Indicator]) -> list[tuple[int, str]]:
    return [*map(_strength, description)]
