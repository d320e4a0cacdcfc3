"""JSON as RFC 8259 has it: what the standard library adds to it is refused."""

import json
from typing import NoReturn

from shared.domain.errors import FeedError


def parse(text: str, what: str) -> object:
    """The value that `text` spells.

    Args:
        what: the text's name in an error, such as "the page".

    Raises:
        FeedError: not valid JSON (NaN and the like included), or nested too deep.
    """
    try:
        value: object = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise FeedError(f"{what} is nested too deep") from None
    except ValueError as error:
        raise FeedError(f"{what} is not valid JSON: {_without_text(error)}") from None
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def _without_text(error: ValueError) -> str:
    # The message of a number too long is about the interpreter, the others name a position only.
    return str(error) if isinstance(error, json.JSONDecodeError) else "a number out of range"
