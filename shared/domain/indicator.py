"""Parses indicators: reads each spelling into the canonical form. Pure.

docs/indicators.md has the rules, `shared.domain.canonical` the canonical forms.
"""

import re
from contextlib import suppress
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote

from shared.domain import defang
from shared.domain.canonical import MAX_DOMAIN_BYTES, MAX_LABEL_BYTES, MAX_URL_BYTES
from shared.domain.errors import InvalidIndicator
from shared.domain.indicator_types import (
    HASH_TYPES,
    NOT_A_HASH,
    TYPE_BY_HASH_DIGITS,
    IndicatorType,
)

__all__ = [
    "HASH_TYPES",
    "MAX_DOMAIN_BYTES",
    "MAX_LABEL_BYTES",
    "MAX_TEXT_CHARS",
    "MAX_URL_BYTES",
    "Indicator",
    "IndicatorType",
    "Query",
    "echo",
    "parse",
    "parse_hash",
    "parse_path_query",
    "parse_query",
    "refang",
    "remove_port",
    "unwrap",
]

# Longer input is refused without parsing it, which would take time: its canonical form would be
# too long as well, unless most of it were the fragment of a URL.
MAX_TEXT_CHARS = 65_536


class Indicator(NamedTuple):
    """An indicator in canonical form. Make it with `parse` or `parse_hash` only."""

    type: IndicatorType
    value: str


def parse(kind: IndicatorType, text: object) -> Indicator:
    """Canonicalise `text` as an indicator of type `kind`, by the strict rules for feeds.

    Idempotent: parsing the resulting value again does not change it. Every input, of any type and
    content, gives an indicator or `InvalidIndicator`.

    Raises:
        InvalidIndicator: `text` is not an indicator of this type.

    Example:
        >>> parse(IndicatorType.DOMAIN, "Bücher.Example.").value
        'xn--bcher-kva.example'
    """
    if not isinstance(text, str):
        raise InvalidIndicator("not a text")
    if not text:
        raise InvalidIndicator("empty")
    if len(text) > MAX_TEXT_CHARS:
        raise InvalidIndicator("too long")
    return Indicator(kind, _CANONICALIZE[kind](text))


def parse_hash(text: object) -> Indicator:
    """Canonicalise a hash whose type follows from its number of digits.

    Raises:
        InvalidIndicator: no type of hash has so many digits, or one is not hexadecimal.
    """
    if not isinstance(text, str) or (kind := TYPE_BY_HASH_DIGITS.get(len(text))) is None:
        raise InvalidIndicator(NOT_A_HASH)
    return Indicator(kind, _CANONICALIZE[kind](text))


# Read once: a look-up in a plain dictionary is the fastest.
_CANONICALIZE = {kind: kind.info.canonicalize for kind in IndicatorType}


# The rest reads spellings of people and clients, for the API and the command line; never for feeds.


class Query(NamedTuple):
    """An indicator that a client looks up.

    Attributes:
        shown: the indicator as the answer shows it.
        twin: for a URL without a scheme, the same URL with https: both are looked up.
    """

    indicator: Indicator
    shown: str
    twin: "Query | None" = None


def parse_query(kind: IndicatorType | None, text: str) -> Query:
    """Read an indicator as people and clients write it, such as defanged or percent-encoded.

    Args:
        kind: the type; None for a hash of any length.
        text: the indicator; docs/indicators.md lists the spellings that are understood.

    Raises:
        InvalidIndicator: `text` is not an indicator of this type.
    """
    if kind is IndicatorType.URL:
        return _read_url(_decode_url(text))
    # Nearly all hashes are plain; bytes are compared faster than text.
    if not (text.isascii() and text.encode().isalnum()):
        for _ in range(_MAX_WRAPPINGS):
            text = _unquote(text)
        text = unwrap(text)
    if kind is None or kind in HASH_TYPES:
        indicator = parse_hash(text) if kind is None else parse(kind, text)
    else:
        indicator = parse(kind, remove_port(refang(text)))
    return Query(indicator, indicator.value)


def _read_url(text: str) -> Query:
    plain = refang(unwrap(text))
    if _SCHEME.match(plain):
        return _url_query(plain)
    if not _BARE.match(plain):
        if _ANY_SCHEME.match(plain):
            raise InvalidIndicator("the scheme is not http, https or ftp")
        raise InvalidIndicator("it begins with neither a scheme nor a host")
    return _url_query(f"http://{plain}")._replace(twin=_url_query(f"https://{plain}"))


def _url_query(url: str) -> Query:
    indicator = parse(IndicatorType.URL, url)
    return Query(indicator, _shown_url(url, indicator.value))


def parse_path_query(kind: IndicatorType | None, text: str) -> Query:
    """Read an indicator from the path of a request, where it may be encoded several times.

    The colon of a URL's scheme shows how often the rest is encoded. A URL without a scheme can be
    ambiguous.

    Args:
        kind: the type; None for a hash of any length.
        text: the value as the path has it.

    Raises:
        InvalidIndicator: `text` is not an indicator of this type, or is a URL without a scheme
            that can be read as two different URLs.
    """
    if kind is not IndicatorType.URL or _SCHEME.match(refang(unwrap(unquote(unquote(text))))):
        return parse_query(kind, text)
    return _read_url(_decode_bare_url(text))


def _decode_bare_url(text: str) -> str:
    path, mark, query = text.partition("?")
    if end := _AUTHORITY_END.search(path):
        # Decoding does not change the meaning of a host.
        path = _unquote(path[: end.start()]) + path[end.start() :]
        # A query that is not encoded shows that the rest is not encoded either.
        return path + mark + query if mark else _only_reading(path)
    for _ in range(_MAX_WRAPPINGS):
        # Without a delimiter, the whole URL is encoded.
        if not _AUTHORITY_END.search(path):
            path = _unquote(path)
    return path + mark + query


def _only_reading(text: str) -> str:
    """Return the URL in the one way that it can be read: as it is, or decoded.

    Python's `quote` leaves slashes as they are, so they do not show whether a URL is encoded.

    Raises:
        InvalidIndicator: the two readings are different URLs.
    """
    readings: dict[Indicator, str] = {}
    with suppress(InvalidIndicator):
        for _ in range(1 + _MAX_WRAPPINGS):
            readings.setdefault(_read_url(text).indicator, text)
            text = _unquote(text)
    if len(readings) > 1:
        raise InvalidIndicator("it can be read as two URLs: put http:// before it")
    return next(iter(readings.values()), text)


def echo(text: str) -> str:
    """Return a text that is not an indicator as answers repeat it: cut, and valid in UTF-8."""
    cut = text[:MAX_URL_BYTES]
    return cut if cut.isascii() else cut.encode(errors="replace").decode()


_SCHEME = re.compile(r"(?i)\A(?:https?|ftp):")
_ANY_SCHEME = re.compile(r"\A[A-Za-z][^/?#:]*:")
_BARE = re.compile(
    r"\A(?:\[[0-9A-Fa-f:.]+\]|[^\x00-\x2c/:-@\[-^`{-\x7f]+)(?::[0-9]{1,5})?(?:[/?#]|\Z)"
)
_UP_TO_AUTHORITY = re.compile(r"\A[^:]*:[/\\]*")
_AUTHORITY_END = re.compile(r"[/?#\\]")
_OPEN_SCHEME = re.compile(r"(?i)\A(?:h(?:xx|tt)ps?|ftp):(?!%)")
_MAX_WRAPPINGS = 2
_ENCODED_IPV6 = re.compile(r"(?i)\A([a-z]+:/{1,2})%5B([0-9a-f:.]+)%5D")


# Most texts need no refanging.
_PLAIN = re.compile(r"\A(?:(?:https?|ftp)://)?[A-Za-z0-9._-]+(?::[0-9]+)?(?:[/?#]|\Z)")


def refang(text: str) -> str:
    """Undo the defanging of the scheme and the host; path and query stay as they are.

    `shared.domain.defang` has the spellings.

    Example:
        >>> refang("hXXps[://]evil[.]example/a[.]b")
        'https://evil.example/a[.]b'
    """
    if _PLAIN.match(text):
        return text
    scheme = ""
    begin = 0
    if found := _fangs(defang.SCHEME).match(text):
        scheme = defang.plain("scheme", found[0])
        begin = found.end()
    host: list[str] = []
    done = user_end = begin
    for part in _fangs(_UP_TO_PATH).finditer(text, begin):
        kind = part.lastgroup or ""
        if kind == "end":
            break
        if kind == "user":
            # A user name may look defanged: the parts read so far do not belong to the host.
            host, user_end = [], part.end()
        else:
            host += text[done : part.start()], defang.plain(kind, part[0])
        done = part.end()
        if kind == "slash":
            break
    rest = text[done:]
    if "\\/" in text[:done]:
        # The URL comes from JSON, which escapes the slashes of the path as well.
        rest = rest.replace("\\/", "/")
    return "".join([scheme, text[begin:user_end], *host, rest])


_UP_TO_PATH = rf"{defang.IN_HOST} | (?P<user> @ ) | (?P<end> [/?\#\\] )"


# Compiled at first use: most look-ups do not need it, and it would lengthen a cold start.
@cache
def _fangs(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.VERBOSE | re.IGNORECASE)


# Byte order marks, direction marks, zero-width spaces and soft hyphens never belong to a value.
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
)
# Some scripts join letters with these, so they are removed at the ends only.
_JOINERS = "\u200c\u200d"
_PAIRS = (
    *('""', "''", "``", "<>", "()", "[]", "{}"),
    *("\u201c\u201d", "\u201e\u201c", "\u2018\u2019", "\u201a\u2018", "\u00ab\u00bb"),
)
_WRAPPINGS = {pair[0]: pair[1] for pair in _PAIRS}
_IN_BRACKETS = re.compile(r"\[[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*\]")


def unwrap(text: str) -> str:
    """Remove the quotes and brackets around a value, and invisible characters."""
    if not text.isascii():
        text = _INVISIBLE.sub("", text).strip(_JOINERS)
    for _ in range(_MAX_WRAPPINGS):
        # A separator follows the cell of a table or the element of a list.
        inner = text.rstrip(",;")
        if len(inner) < 2 or inner[-1] != _WRAPPINGS.get(inner[0]) or _IN_BRACKETS.match(inner):
            break
        text = inner[1:-1]
    return text


_WITH_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]/@]+)(?::([0-9]{1,5}))?")


def remove_port(text: str) -> str:
    """Remove the port after an address or a name, and the brackets around an IPv6 address.

    Example:
        >>> remove_port("[2001:db8::1]:443"), remove_port("evil.example:80")
        ('2001:db8::1', 'evil.example')
    """
    found = _WITH_PORT.fullmatch(text)
    if found is None or int(found[2] or 0) > 65535:
        return text
    return found[1].strip("[]")


def _decode_url(text: str) -> str:
    """Decode a URL that clients or proxies have percent-encoded as a whole, once or twice.

    A percent sign before the first delimiter shows such an encoding: a scheme has none, and
    decoding a host does not change its meaning. A host directly after its scheme, as in
    `http:b%C3%BCcher.example/`, does not count.
    """
    for _ in range(_MAX_WRAPPINGS):
        if _OPEN_SCHEME.match(text):
            break
        end = _AUTHORITY_END.search(text)
        cut = end.start() if end else len(text)
        if "%" not in text[:cut]:
            break
        # A query after a literal "?" is not encoded as part of the whole: it stays as it is.
        path, mark, query = text.partition("?")
        text = _unquote(path) + mark + query
    # Before the path, Python's `quote(url, safe=":/")` encodes only the brackets of IPv6 addresses.
    return _ENCODED_IPV6.sub(r"\1[\2]", text, count=1)


def _unquote(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise InvalidIndicator("percent-encoded bytes that are not UTF-8") from None


def _shown_url(given: str, canonical: str) -> str:
    # As in the vendor's own example, a URL that was given without a path is shown without one.
    end = _AUTHORITY_END.search(_UP_TO_AUTHORITY.sub("", given, count=1))
    if end and end[0] in "/\\":
        return canonical
    scheme, _, after = canonical.partition("://")
    host, _, tail = after.partition("/")
    return f"{scheme}://{host}{tail}"
