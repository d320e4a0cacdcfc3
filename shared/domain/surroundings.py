"""The indicators around one: its host, the domains above it, and shorter URLs. Pure.

The choice follows the expressions that Safe Browsing documents for the look-up of a URL.
"""

from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.public_suffix import is_public_suffix, parents

MAX_DOMAINS = 4
MAX_DIRECTORIES = 4
# A URL without its query, its directories, its host and the domains above: with the URL itself, one
# batch read has at most 11 keys.
MAX_SURROUNDINGS = 1 + MAX_DIRECTORIES + 1 + MAX_DOMAINS


def surroundings(indicator: Indicator) -> tuple[Indicator, ...]:
    """Return the indicators around a domain or URL, the nearest first; none for other types.

    The domains above end at the registrable one: `co.uk` and `github.io` are around nothing. URLs
    have the same scheme and host: without the query, and of each directory above.

    Example:
        >>> [one.value for one in surroundings(parse(IndicatorType.URL, "http://a.evil.example/b?c"))]
        ['http://a.evil.example/b', 'http://a.evil.example/', 'a.evil.example', 'evil.example']
    """
    if indicator.type is IndicatorType.DOMAIN:
        return _domains_above(indicator)
    if indicator.type is not IndicatorType.URL:
        return ()
    urls = dict.fromkeys(_shorter_urls(indicator))
    return (*urls, *_hosts(indicator))


def _hosts(url: Indicator) -> tuple[Indicator, ...]:
    """Return the host of a URL and the domains above it; many owners share a public suffix."""
    host = _host(url)
    if host is None:
        return ()
    if host.type is not IndicatorType.DOMAIN:
        return (host,)
    return () if is_public_suffix(host.value) else (host, *_domains_above(host))


def _host(url: Indicator) -> Indicator | None:
    """Return the host of a URL; None if it cannot be looked up, such as `localhost`."""
    name = urlsplit(url.value).hostname
    for kind in (IndicatorType.IP, IndicatorType.DOMAIN):
        with suppress(InvalidIndicator):
            return parse(kind, name)
    return None


def _domains_above(domain: Indicator) -> tuple[Indicator, ...]:
    return parents(domain, MAX_DOMAINS)[::-1]


def _shorter_urls(url: Indicator) -> Iterator[Indicator]:
    whole, _, query = url.value.partition("?")
    if query or url.value.endswith("?"):
        yield Indicator(IndicatorType.URL, whole)
    root_end = whole.index("/", whole.index("://") + 3) + 1
    ends = [root_end]
    while len(ends) < MAX_DIRECTORIES and (end := whole.find("/", ends[-1]) + 1):
        ends.append(end)
    for end in reversed(ends):
        if whole[:end] != url.value:
            yield Indicator(IndicatorType.URL, whole[:end])
