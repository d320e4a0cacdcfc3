"""A feed page, independent of its format.

A format is a module with the functions `matches` and `read`. To add one, write such a module, add
it to `FORMATS` in `shared.formats.feed.reader`, and add a sample page to its parser test.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ReportLink:
    """A feed entry that names a report but does not hold it.

    Attributes:
        flow_id: the scan, "" if the link does not name it.
        url: address of the report's page.
    """

    flow_id: str
    url: str


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A page of a feed.

    Attributes:
        reports: the raw reports in the order of the feed. Each is any JSON value;
            `shared.formats.feed.report` reads and checks it.
        links: entries that do not hold their report.
        next: address of the next page as the page has it, relative or absolute; None at the end.
        newest_first: whether the feed states that it lists reports in the order of publishing,
            the newest first; then their dates need not be in order.
        newer: address of reports published after this page; None if the feed gives none.
        not_understood: for each entry whose content has no list of IOCs, the path of that content,
            such as `entry/content/analysis`. Such an entry is also in `links`.
    """

    reports: Sequence[object]
    links: Sequence[ReportLink] = field(default_factory=tuple)
    next: str | None = None
    newest_first: bool = False
    newer: str | None = None
    not_understood: Sequence[str] = field(default_factory=tuple)
