"""Atom feeds (RFC 4287), paged by `rel="next"` (RFC 5005): one entry per report.

The content of an entry is the report: elements in the vendor's layout, plain or escaped, or JSON,
plain or in base64 as in the RFC. An entry without a report in it is a link to one.
"""

import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from shared.domain.errors import FeedError
from shared.formats import strict_json
from shared.formats.feed import bounded_xml, json_page
from shared.formats.feed.bounded_xml import Budget, Element, NotXml
from shared.formats.feed.page import FeedPage, ReportLink
from shared.formats.feed.privacy import is_private
from shared.formats.feed.vendor_layout import read_details

# Limit for elements and attributes of a page plus objects and lists of JSON in it. A real page of
# 32 MB has fewer; twice as many would exceed the function's memory.
MAX_NODES = 1_000_000
MAX_NAME_CHARS = 64

_NAMESPACE = "http://www.w3.org/2005/Atom"
_NAMES = re.compile(r"/uploads/([^/?#]+)(?:/reports/([^/?#]+))?")
# Elements that every Atom entry may have; they hold no report.
_OF_EVERY_ENTRY = frozenset(
    {"author", "category", "contributor", "id", "link", "published", "rights", "source", "summary"}
    | {"title", "updated"}
)


def matches(body: bytes) -> bool:
    """Whether the page is XML."""
    return body.lstrip(b" \t\r\n").startswith(b"<")


def read(body: bytes) -> FeedPage:
    """Read a page.

    Raises:
        FeedError: the page is not well-formed or not Atom, has a document type, is nested too
            deep, or has more than `MAX_NODES` elements.
    """
    # Expat refuses white space before the declaration, although it is harmless.
    budget = Budget(MAX_NODES)
    parts = bounded_xml.read_parts(body.lstrip(b" \t\r\n"), budget)
    root = next(parts)
    if root.name != "feed" or _NAMESPACE not in root.attributes.values():
        raise FeedError("the page is not an Atom feed")
    reports: list[object] = []
    links: list[ReportLink] = []
    not_understood: list[str] = []
    relations: dict[str, str] = {}
    for part in parts:
        if part.name == "link":
            relations.setdefault(part.attributes.get("rel", ""), part.attributes.get("href", ""))
        if part.name != "entry":
            continue
        found = _report(part, budget)
        if found is not None:
            reports.append(_marked(found, part))
            continue
        links.append(_link(part))
        not_understood += _path(part)
    return FeedPage(
        reports=reports,
        links=links,
        next=relations.get("next") or None,
        newer=relations.get("previous") or None,
        not_understood=not_understood,
    )


def _report(entry: Element, budget: Budget) -> object | None:
    """Return the raw report in an entry, None if there is none."""
    details = read_details(entry.children)
    if details is not None:
        return _named_and_dated(details, entry)
    for content in entry.named("content"):
        media_type = content.attributes.get("type", "").partition(";")[0].strip().lower()
        is_json = media_type.endswith(("/json", "+json"))
        if is_json or content.text.startswith("{"):
            found = _json(content.text, budget)
            # Only this report is lost: text that is not JSON goes to quarantine.
            if found is not None or is_json:
                return content.text if found is None else found
        elif content.text.startswith("<"):
            details = read_details([_inner(content.text, budget)])
            if details is not None:
                return _named_and_dated(details, entry)
    return None


def _json(text: str, budget: Budget) -> object | None:
    """Parse JSON, plain or in base64; None if the text is neither."""
    for spelled in _spellings(text):
        # The limits of a page hold for all its entries together.
        budget.take(spelled.count(b"{") + spelled.count(b"[") + spelled.count(b",") // 4)
        try:
            return strict_json.parse(spelled, "the entry", json_page.LIMITS)
        except FeedError:
            continue
    return None


def _spellings(text: str) -> Iterator[bytes]:
    yield (spelled := text.encode())
    try:
        yield b64decode(spelled.translate(None, b" \t\r\n"), validate=True)
    except ValueError:
        return


def _inner(text: str, budget: Budget) -> Element:
    """Parse escaped XML; an element without children if the text is not XML."""
    if text.startswith("<?"):
        text = text.partition("?>")[2]
    try:
        return bounded_xml.parse(f"<content>{text}</content>".encode(), budget)
    except NotXml:
        return Element("content", {})


def _marked(report: object, entry: Element) -> object:
    """Mark a report as private if the entry around it is."""
    if not any(is_private({"private": one.text}) for one in entry.named("private")):
        return report
    # Text that is not a report would get into quarantine.
    fields = report if isinstance(report, dict) else _named_and_dated({"iocs": {}}, entry)
    return {**fields, "private": True}


def _named_and_dated(report: dict[str, Any], entry: Element) -> dict[str, Any]:
    """Fill missing names and date of a report from the entry's link, id and dates."""
    link = _link(entry)
    own_id = next((one.text for one in entry.named("id")), "")
    flow_id, report_id = _names_in(link.url) or _names_in(own_id) or (own_id, "")
    dates = [one.text for name in ("updated", "published") for one in entry.named(name)]
    for name, value in (
        ("flow_id", flow_id),
        ("report_id", report_id),
        ("date", next(filter(None, dates), "")),
    ):
        if value and report.get(name) in (None, ""):
            report[name] = value
    return report


def _link(entry: Element) -> ReportLink:
    addresses = [
        link.attributes.get("href", "")
        for link in entry.named("link")
        if link.attributes.get("rel", "alternate") == "alternate"
    ]
    url = next(filter(_names_in, addresses), addresses[0] if addresses else "")
    return ReportLink((_names_in(url) or ("",))[0], url)


def _names_in(url: str) -> tuple[str, str] | None:
    """Return flow_id and report_id ("" if missing) from a report's address; None if it has none."""
    found = _NAMES.search(url)
    return (unquote(found[1]), unquote(found[2] or "")) if found else None


def _path(entry: Element) -> list[str]:
    """Return the path of content that was not understood; empty for an entry that only links."""
    for child in entry.children:
        if child.name in _OF_EVERY_ENTRY or not (child.text or child.children):
            continue
        inner = [child.children[0].name] if child.children else []
        return ["/".join(name[:MAX_NAME_CHARS] for name in ("entry", child.name, *inner))]
    return []
