"""What a feed page is, whatever its format.

A format is a module with two functions, `matches` and `read`; `FORMATS` lists them. To add one,
write such a module, put it into the list, and add a sample page to its parser test.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ReportLink:
    """An entry that only names its report.

    Attributes:
        flow_id: the scan, as far as the link tells, else "".
        url: where a person finds the report.
    """

    flow_id: str
    url: str


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A page of a feed.

    Attributes:
        reports: the raw reports in the order of the feed; they are anything that JSON can hold
            and are read by `shared.formats.feed.report`.
        links: entries without a report of their own.
        next: address of the next page as the page has it, relative or absolute; None at the end.
        newest_first: whether the feed says that it lists reports in the order in which they were
            published, the newest first; their dates need not fall then.
        newer: address of what will be published after this page; None if the feed has none.
        not_understood: one path of an element, such as `entry/content/analysis`, for each entry
            whose content gives no list of IOCs. Such an entry is among `links`, too.
    """

    reports: Sequence[object]
    links: Sequence[ReportLink] = field(default_factory=tuple)
    next: str | None = None
    newest_first: bool = False
    newer: str | None = None
    not_understood: Sequence[str] = field(default_factory=tuple)
