"""Reads the context of a scan report: addresses and URLs around its IOCs, without a verdict. Pure.

Redirects, rendered requests and resolved addresses show what an IOC led to. The sandbox does not
judge them, so they are listed as they are. The layout of these parts is known only in part, so they
are read by rules: an unknown field is passed over.
"""

from collections.abc import Iterator, Mapping
from itertools import islice

from functions.publish.osint import Json
from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import Indicator, IndicatorType, parse

# Listed per type. Context is for people, who read no more.
MAX_RELATED = 32
# Bounds the work for what a page can request.
_MAX_VALUES = 10_000
_MAX_DEPTH = 6
_TYPES = (IndicatorType.IP, IndicatorType.URL)

# Parts of a resource that list URLs, and beginnings of the fields in them that hold one.
_URL_LISTS = ("fileDownloadResults", "renderResults", "renderedRequests", "urlRenderResults")
_URL_FIELDS = ("url", "finalurl", "location", "redirect", "request", "effectiveurl")


def read_related(report: Json) -> list[Indicator]:
    """Read the context of a report, each value once, in the order of the report."""
    found: dict[IndicatorType, dict[Indicator, None]] = {kind: {} for kind in _TYPES}
    for kind, value in islice(_values(report), _MAX_VALUES):
        try:
            found[kind][parse(kind, value)] = None
        except InvalidIndicator:
            continue
    return [one for values in found.values() for one in islice(values, MAX_RELATED)]


def _values(report: Json) -> Iterator[tuple[IndicatorType, object]]:
    resources = report.get("resources")
    for resource in resources.values() if isinstance(resources, Mapping) else []:
        if not isinstance(resource, Mapping):
            continue
        resolved = resource.get("domainResolveResults")
        for result in resolved if isinstance(resolved, list) else []:
            if isinstance(result, Mapping):
                yield IndicatorType.IP, result.get("inetAddr")
        for name in _URL_LISTS:
            for url in _urls(resource.get(name), depth=_MAX_DEPTH):
                yield IndicatorType.URL, url


def _urls(value: object, depth: int, *, is_url: bool = False) -> Iterator[str]:
    if depth == 0:
        return
    if isinstance(value, str) and is_url and "://" in value:
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _urls(one, depth - 1, is_url=is_url)
    elif isinstance(value, Mapping):
        for name, one in value.items():
            named = name.casefold().startswith(_URL_FIELDS)
            yield from _urls(one, depth - 1, is_url=named)
