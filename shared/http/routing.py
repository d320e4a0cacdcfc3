"""Routes: the handler of each path and method."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Generic, TypeVar

from shared.store.api_keys import Right

Handler_co = TypeVar("Handler_co", covariant=True)


class Counting(Enum):
    """How the requests to a route count against the limits of their key."""

    NEVER = auto()
    EACH_GET = auto()  # as one look-up, before its handler is called; the handler of a POST counts
    BY_HANDLER = auto()


@dataclass(frozen=True, slots=True)
class Route(Generic[Handler_co]):
    """A path, and its handler by method.

    Attributes:
        path: a placeholder takes one segment (`{hash}`), slashes too but not at its end
            (`{ip:path}`), or all that there is (`{url:any}`).
        methods: handlers by method.
        open: whether the route needs no key.
        right: the right that the key of a request needs; None if every key will do.
    """

    path: str
    methods: Mapping[str, Handler_co]
    counting: Counting = Counting.NEVER
    open: bool = False
    right: Right | None = Right.LOOKUP

    @property
    def template(self) -> str:
        """The path as the documentation has it, without the types of placeholders."""
        return self.path.replace(":path}", "}").replace(":any}", "}")


def find_route(
    routes: Iterable[Route[Handler_co]], path: str
) -> tuple[Route[Handler_co] | None, str]:
    """The first route that matches a path, and the value in the path, "" if it has none.

    Clients may double slashes, and add some at the end. The time is linear in the path, because
    it is spent before the key of the request is checked.
    """
    if not path.startswith("/"):
        return None, ""
    segments = _segments(path)
    for route in routes:
        value = _value(_parts(route.path), segments)
        if value is not None:
            return route, value
    return None, ""


# A path has at most this many segments before and including its placeholder, plus one that shows
# that the path is longer.
_MOST_SEGMENTS = 12
_SLASHES = re.compile("/*")


def _segments(path: str) -> list[tuple[str, str]]:
    """The first segments of a path, each with the path from this segment on."""
    found: list[tuple[str, str]] = []
    start = _after_slashes(path, 0)
    while start < len(path) and len(found) < _MOST_SEGMENTS:
        end = path.find("/", start)
        if end < 0:
            end = len(path)
        found.append((path[start:end], path[start:]))
        start = _after_slashes(path, end)
    return found


def _after_slashes(path: str, start: int) -> int:
    # Ten times as fast as `str.lstrip` for a path of slashes.
    found = _SLASHES.match(path, start)
    return found.end() if found else start


@cache
def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)


def _value(parts: tuple[str, ...], segments: list[tuple[str, str]]) -> str | None:
    """The value in a path, "" for a route without a placeholder; None if the path is another."""
    value = ""
    for number, part in enumerate(parts):
        if number >= len(segments):
            return None
        segment, rest = segments[number]
        if part.endswith(":any}"):
            return _before(parts[number + 1 :], rest)
        if part.endswith(":path}"):
            return rest.rstrip("/")
        if part.startswith("{"):
            value = segment
        elif part != segment:
            return None
    return value if len(parts) == len(segments) else None


def _before(ending: tuple[str, ...], rest: str) -> str | None:
    """What precedes the segments of `ending`; None if `rest` does not end with them."""
    for part in reversed(ending):
        rest, slash, last = rest.rstrip("/").rpartition("/")
        if last != part or not slash:
            return None
    return rest or None
