"""Entries and content of a provider's list, independent of its format. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.domain.indicator import IndicatorType
from shared.domain.provider import Listing, Subject


@dataclass(frozen=True, slots=True)
class RejectedEntry:
    """An element of a list that is not used as an entry.

    Attributes:
        reason: why it is not used; entries are counted by reason.
        broken: whether it should have been a valid entry; too many of them make the list invalid.
    """

    reason: str
    broken: bool = True


@dataclass(frozen=True, slots=True)
class RawEntry:
    """An entry as read from a list, not yet checked.

    Attributes:
        value: the indicator or network as the provider writes it; or `RejectedEntry`.
        date: since when it is listed, in any format of `shared.domain.moment`; None if unknown.
        assessment, category: in the provider's words; "" for the declaration's default.
        source_list: which of the provider's lists holds it, "" if there is only one.
        until: when it expires, in any format of `shared.domain.moment`; None for never.
        below: whether the entry of a domain also holds for the names below it.
        www: whether the entry of a domain also holds for its `www.` name.
        types: types of indicators that the list has entries for; None for all.
    """

    value: object
    date: object = None
    assessment: object = ""
    category: object = ""
    source_list: object = ""
    until: object = None
    below: bool = False
    www: bool = False
    types: frozenset[IndicatorType] | None = None


@dataclass(frozen=True, slots=True)
class ListContent:
    """The content of a provider's list at one time.

    Attributes:
        entries: each indicator or network once, with its listing.
        rejected: number of entries that are not used, by reason.
    """

    entries: Mapping[Subject, Listing]
    rejected: Counter[str] = field(default_factory=Counter)
