"""What a provider's data comes down to, whatever its format. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.domain.provider import Listing, Subject


@dataclass(frozen=True, slots=True)
class RejectedEntry:
    """What a format found in the place of a value.

    Attributes:
        reason: for the count of what was left out.
        broken: whether it should have been an entry, and so speaks against the list as a whole.
    """

    reason: str
    broken: bool = True


@dataclass(frozen=True, slots=True)
class RawEntry:
    """One entry as a format found it; nothing of it is checked.

    Attributes:
        value: the indicator or network, as the provider spells it; or `RejectedEntry`.
        date: since when it is listed, in any spelling of `shared.domain.moment`; None for unknown.
        assessment, category: in the provider's words; "" for what the declaration says.
        source_list: the list of the provider that it is on, "" where there is but one.
        until: when it is no longer to be used, in any spelling; None for as long as it is listed.
    """

    value: object
    date: object = None
    assessment: object = ""
    category: object = ""
    source_list: object = ""
    until: object = None


@dataclass(frozen=True, slots=True)
class ListContent:
    """All that is on a provider's list at one time.

    Attributes:
        entries: each subject once.
        rejected: how many entries were left out, by the reason.
    """

    entries: Mapping[Subject, Listing]
    rejected: Counter[str] = field(default_factory=Counter)
