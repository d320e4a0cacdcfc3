"""Routes: the handler of each path and method."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

Handler_co = TypeVar("Handler_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Route(Generic[Handler_co]):
    """A path, and its handler by method.

    Attributes:
        template: the path, with placeholders in braces, as in the API documentation.
        methods: handlers by method.
        open: whether the route needs no key.
        look_up: whether a GET counts as one look-up; the handler of a POST counts its items.
    """

    template: str
    methods: Mapping[str, Handler_co]
    open: bool = False
    look_up: bool = False


def route_to(
    template: str, methods: Mapping[str, Handler_co], *, open_: bool = False, look_up: bool = False
) -> Route[Handler_co]:
    """A route of `template`: `{hash}`, `{key}`, `{collection}` and `{object}` are one segment.

    Any other name takes all segments that are left. `{url}`, `{value}` and `{flow_id}` take the
    slashes at their end, too: they may belong to the value.
    """
    return Route(template, methods, open_, look_up)


# Compiled at the first request that gets this far, to keep cold starts short.
@cache
def _pattern(template: str) -> re.Pattern[str]:
    """Pattern of the paths of a template; the group `value` goes to the handler."""
    parts = []
    for part in template.strip("/").split("/"):
        if part in {"{hash}", "{key}", "{collection}", "{object}"}:
            parts.append("(?P<value>[^/]+)")
        elif part in {"{url}", "{value}", "{flow_id}"}:
            parts.append("(?P<value>.+)")
        elif part.startswith("{"):
            parts.append("(?P<value>.*[^/])")
        else:
            parts.append(re.escape(part))
    # Clients may double slashes, and add one at the end.
    end = "" if template.endswith("{url}") else "/*"
    return re.compile("/+" + "/+".join(parts) + end)


def find_route(
    routes: Iterable[Route[Handler_co]], path: str
) -> tuple[Route[Handler_co] | None, str]:
    """The first route that matches a path, and the value in the path, "" if it has none."""
    for route in routes:
        if found := _pattern(route.template).fullmatch(path):
            return route, found.groupdict().get("value", "")
    return None, ""
