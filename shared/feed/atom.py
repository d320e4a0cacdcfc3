"""Atom feeds (RFC 4287), paged by `rel="next"` (RFC 5005): one entry per report.

The report is the entry's `<content type="application/json">`, in the open or in base64 as the
RFC has it; an entry without one only links to its report.
"""

import io
import json
import re
from typing import Any

import feedparser

from shared.domain.errors import FeedError
from shared.feed.page import Page, ReportLink

_JSON = "application/json"
_FLOW_ID_IN_LINK = re.compile(r"/uploads/([^/?#]+)")


def matches(text: str) -> bool:
    """Whether the page is XML."""
    return text.lstrip(" \t\r\n").startswith("<")


def read(text: str) -> Page:
    """Read a page.

    Raises:
        FeedError: not well-formed, no Atom, or with a document type: entities are not needed
            here, and they are how XML is turned against its reader.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise FeedError("the page declares a document type or an entity")
    feed = feedparser.parse(
        # As a stream: feedparser takes a text for an address or a file name first.
        io.BytesIO(text.encode()),
        # Whatever encoding the page declares: in UTF-7 it would hide what is refused above.
        response_headers={"content-type": "application/atom+xml; charset=utf-8"},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if feed.bozo:
        raise FeedError("the page is not well-formed XML")
    if feed.version != "atom10":
        raise FeedError("the page is no Atom feed")
    reports: list[object] = []
    links: list[ReportLink] = []
    for entry in feed.entries:
        content = _json_content(entry)
        if content is None:
            links.append(_link(entry))
        else:
            reports.append(content)
    return Page(
        reports=reports,
        links=links,
        next=_link_to(feed.feed, "next"),
        newer=_link_to(feed.feed, "previous"),
    )


def _json_content(entry: Any) -> object | None:
    for content in entry.get("content", []):
        if content.get("type") != _JSON:
            continue
        try:
            value: object = json.loads(content["value"])
        except (ValueError, RecursionError):
            # The one report is lost, not the page: what is no object goes to quarantine.
            return str(content["value"])
        return value
    return None


def _link(entry: Any) -> ReportLink:
    url = str(entry.get("link", ""))
    found = _FLOW_ID_IN_LINK.search(url)
    return ReportLink(flow_id=found[1] if found else "", url=url)


def _link_to(feed: Any, relation: str) -> str | None:
    for link in feed.get("links", []):
        if link.get("rel") == relation:
            return str(link.get("href", "")) or None
    return None
