"""Parser for strict JSON (RFC 8259), without the extensions of the standard library."""

import json
from typing import NoReturn

from shared.domain.errors import FeedError


def parse(text: str, what: str) -> object:
    """Parse a JSON text.

    Args:
        what: name of the text for error messages, such as "the page".

    Raises:
        FeedError: the text is not valid JSON (such as one with NaN), or is nested too deep.
    """
    try:
        value: object = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise FeedError(f"{what} is nested too deep") from None
    except ValueError as error:
        raise FeedError(f"{what} is not valid JSON: {_without_text(error)}") from None
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")


def _without_text(error: ValueError) -> str:
    # A JSONDecodeError only names a position; other messages are about the interpreter's limits.
    return str(error) if isinstance(error, json.JSONDecodeError) else "a number out of range"
