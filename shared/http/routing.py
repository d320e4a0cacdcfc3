"""Routes: the handler of each path and method."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Generic, TypeVar

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
    """

    path: str
    methods: Mapping[str, Handler_co]
    counting: Counting = Counting.NEVER
    open: bool = False

    @property
    def template(self) -> str:
        """The path as the documentation has it, without the types of placeholders."""
        return self.path.replace(":path}", "}").replace(":any}", "}")


_VALUES = {"": "[^/]+", "path": ".*[^/]", "any": ".+"}


# Compiled at the first request that gets this far, to keep cold starts short.
@cache
def _pattern(path: str) -> re.Pattern[str]:
    """Pattern of the paths of a route; the group `value` goes to the handler."""
    parts = [
        f"(?P<value>{_VALUES[part.strip('{}').partition(':')[2]]})"
        if part.startswith("{")
        else re.escape(part)
        for part in path.strip("/").split("/")
    ]
    # Clients may double slashes, and add one at the end.
    return re.compile("/+" + "/+".join(parts) + "/*")


def find_route(
    routes: Iterable[Route[Handler_co]], path: str
) -> tuple[Route[Handler_co] | None, str]:
    """The first route that matches a path, and the value in the path, "" if it has none."""
    for route in routes:
        if found := _pattern(route.path).fullmatch(path):
            return route, found.groupdict().get("value", "")
    return None, ""
