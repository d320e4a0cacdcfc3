"""Pages of report summaries in JSON: `{"items": [...], "count": n, "next": "..."}`."""

import json
from typing import NoReturn

from shared.domain.errors import FeedError
from shared.feed.page import Page


def matches(text: str) -> bool:
    """Whether the page is a JSON object."""
    return text.lstrip(" \t\r\n").startswith("{")


def read(text: str) -> Page:
    """Read a page.

    Raises:
        FeedError: not valid JSON by RFC 8259 (NaN and the like included), nested too deep, or
            not of the shape above.
    """
    try:
        page = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise FeedError("the page is nested too deep") from None
    except ValueError as error:
        raise FeedError(f"the page is not valid JSON: {_without_text(error)}") from None
    if not isinstance(page, dict) or not isinstance(page.get("items"), list):
        raise FeedError("the page has no list of items")
    following = page.get("next")
    if following is not None and not isinstance(following, str):
        raise FeedError("the page's next is not a text")
    return Page(reports=page["items"], next=following or None)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def _without_text(error: ValueError) -> str:
    # The message of a number too long is about the interpreter, the others name a position only.
    return str(error) if isinstance(error, json.JSONDecodeError) else "a number out of range"
