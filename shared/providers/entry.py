"""What a provider's data comes down to, whatever its format. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.domain.listing import Listing, Subject


@dataclass(frozen=True, slots=True)
class RawEntry:
    """One entry as a format found it; nothing of it is checked.

    Attributes:
        value: the indicator or network, as the provider spells it.
        date: since when it is listed, in any spelling of `shared.domain.moment`; None for unknown.
        assessment, category: in the provider's words; "" for what the declaration says.
        source_list: the list of the provider that it is on, "" where there is but one.
    """

    value: object
    date: object = None
    assessment: object = ""
    category: object = ""
    source_list: object = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is on a provider's list at one time.

    Attributes:
        entries: each subject once.
        rejected: how many entries were left out, by the reason.
    """

    entries: Mapping[Subject, Listing]
    rejected: Counter[str] = field(default_factory=Counter)
