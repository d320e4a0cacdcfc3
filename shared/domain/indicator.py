"""Parses indicators into their canonical form: all spellings of one indicator get one key.

docs/indicators.md has the rules. URLs and IDNA follow the WHATWG URL standard and UTS-46 as
implemented by `pydantic_core.Url`; golden vectors in the tests freeze the results, because an
upgrade of that library must never change a key.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import NamedTuple, Self
from urllib.parse import unquote

from pydantic_core import Url
from pydantic_core import ValidationError as UrlError

from shared.domain import defang
from shared.domain.errors import InvalidIndicator

MAX_URL_BYTES = 8192
MAX_DOMAIN_BYTES = 253
MAX_LABEL_BYTES = 63
# Longer input is refused without parsing it, which would take time: its canonical form would be
# too long as well, unless most of it were the fragment of a URL.
MAX_TEXT_CHARS = 65_536


class IndicatorType(StrEnum):
    """The types that can be looked up."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    IP = "ip"
    DOMAIN = "domain"
    URL = "url"


HASH_TYPES = frozenset({IndicatorType.MD5, IndicatorType.SHA1, IndicatorType.SHA256})
_TYPE_BY_HASH_DIGITS = {
    32: IndicatorType.MD5,
    40: IndicatorType.SHA1,
    64: IndicatorType.SHA256,
}


@dataclass(frozen=True, slots=True, order=True)
class Indicator:
    """An indicator in canonical form. Make it with `parse` or `parse_hash` only."""

    type: IndicatorType
    value: str

    def __hash__(self) -> int:
        # Python caches the hash of a string, and a bulk look-up needs it thousands of times.
        return hash(self.value)


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
    return Indicator(kind, _CANONICAL[kind](text))


def parse_hash(text: object) -> Indicator:
    """Canonicalise a hash whose type follows from its number of digits.

    Raises:
        InvalidIndicator: not 32, 40 or 64 hexadecimal digits.
    """
    kind = _TYPE_BY_HASH_DIGITS.get(len(text)) if isinstance(text, str) else None
    if kind is None:
        raise InvalidIndicator("not 32, 40 or 64 hexadecimal digits")
    return parse(kind, text)


_HEX = re.compile(r"[0-9A-Fa-f]+")


def _hash(digits: int) -> Callable[[str], str]:
    def canonical(text: str) -> str:
        if len(text) != digits or not _HEX.fullmatch(text):
            raise InvalidIndicator(f"not {digits} hexadecimal digits")
        return text.upper()

    return canonical


def _ip(text: str) -> str:
    if "%" in text:
        raise InvalidIndicator("an IP address with a zone id")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise InvalidIndicator("not an IPv4 or IPv6 address") from None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address)


_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
# In RPZ, the format of block lists for resolvers, names below `rpz-` have a special meaning.
_TOP_LEVEL = re.compile(r"(?!rpz-)(?![0-9]+\Z)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_HOST_DELIMITERS = re.compile(r"[\x00-\x2c/:-@\[-^`{-\x7f]")
# The URL parser does not change such a name: it is ASCII, and its end is not a number.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]+\.[A-Za-z][A-Za-z0-9-]*\.?")


def _domain(text: str) -> str:
    _refuse_blanks(text)
    if _HOST_DELIMITERS.search(text):
        raise InvalidIndicator("a character that a domain name cannot contain")
    if len(text) > 4 * MAX_DOMAIN_BYTES:
        raise InvalidIndicator(f"longer than {MAX_DOMAIN_BYTES} bytes")
    if _PLAIN_NAME.fullmatch(text):
        name = text.lower().removesuffix(".")
    else:
        name = _parse_url(f"http://{text}/").host.removesuffix(".")
        if _is_ipv4(name):
            raise InvalidIndicator("an IP address, not a domain")
    *labels, top = name.split(".")
    if not labels:
        raise InvalidIndicator("fewer than two labels")
    if len(name) > MAX_DOMAIN_BYTES:
        raise InvalidIndicator(f"longer than {MAX_DOMAIN_BYTES} bytes")
    if not all(map(_LABEL.fullmatch, [*labels, top])):
        raise InvalidIndicator(f"a label is not 1 to {MAX_LABEL_BYTES} letters, digits, '-' or '_'")
    if not _TOP_LEVEL.fullmatch(top):
        raise InvalidIndicator(
            "the top level is digits only, begins with 'rpz-', or has a hyphen at an end"
        )
    return name


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


_URL_SCHEMES = frozenset({"http", "https", "ftp"})


def _url(text: str) -> str:
    _refuse_blanks(text)
    url = _parse_url(text)
    if url.scheme not in _URL_SCHEMES:
        raise InvalidIndicator("the scheme is not http, https or ftp")
    if url.host.endswith("."):
        # Parse again: without the trailing dots the host may be an IPv4 number.
        return _url(f"{url.before}{url.host.rstrip('.')}{url.after}")
    if not url.host.startswith("[") and _ALTERED.search(url.host):
        raise InvalidIndicator("a host with a quote, a bracket, an asterisk or a comma")
    canonical = url.before + url.host + _normal_escapes(url.after)
    if len(canonical) > MAX_URL_BYTES:
        raise InvalidIndicator(f"longer than {MAX_URL_BYTES} bytes")
    return canonical


# The standard allows them, but DNS has no such names: the name was altered and means another one.
_ALTERED = re.compile(r"[()\[\]{}\"'`*,]")
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def _normal_escapes(tail: str) -> str:
    """Normalize the percent-encoding of path and query by RFC 3986, section 6.2.2.

    A percent sign that begins no escape is encoded first. So no decoded character can complete an
    escape, and a second pass changes nothing. No dot segment appears, because the parser has
    already read escaped dots as dots.
    """
    if "%" not in tail:
        return tail
    return _ESCAPE.sub(_normal_escape, _LONE_PERCENT.sub("%25", tail))


def _normal_escape(escape: re.Match[str]) -> str:
    byte = int(escape[1], 16)
    return chr(byte) if byte in _UNRESERVED else f"%{byte:02X}"


# Parts of a URL from the parser, which escapes "@" in user info: so the first "@" ends it.
_PARTS = re.compile(
    r"\A([a-z][a-z0-9+.-]*)(:(?://)?(?:[^/?@]*@)?)(\[[^\]]*\]|[^/?:]*)(.*)\Z", re.DOTALL
)


class _Parts(NamedTuple):
    """A parsed URL without its fragment.

    Attributes:
        before: everything before the host.
        after: port, path and query.
    """

    scheme: str
    before: str
    host: str
    after: str

    @classmethod
    def of(cls, parsed: str) -> Self:
        [(scheme, user_info, host, after)] = _PARTS.findall(parsed.partition("#")[0])
        return cls(scheme, scheme + user_info, host, after)


def _parse_url(text: str) -> _Parts:
    try:
        return _Parts.of(str(Url(text)))
    except UrlError as error:
        if found := _ASCII_HOST.match(text):
            return _with_ascii_host(found, error)
        raise InvalidIndicator(_reason(error)) from None


_ASCII_HOST = re.compile(
    r"((?:https?|ftp):[/\\]*(?:[^/\\?#]*@)?)([a-z0-9_.%-]+)(?=[:/\\?#]|\Z)", re.IGNORECASE
)
_A_LABEL = re.compile(r"(?:\A|(?<=\.))xn--")


def _with_ascii_host(found: re.Match[str], error: UrlError) -> _Parts:
    """Parse a URL again without decoding its host, because DNS also has labels that do not decode.

    The parser implements the standard as of before June 2026, and refuses such labels.
    """
    host = unquote(found[2], errors="replace").lower()
    labels = host.rstrip(".").split(".")
    if not (_A_LABEL.search(host) and all(map(_LABEL.fullmatch, labels))):
        raise InvalidIndicator(_reason(error)) from None
    # The parser does not change a label that does not look encoded.
    stand_in = _A_LABEL.sub("xn-x", host)
    text = found[1] + stand_in + found.string[found.end() :]
    try:
        return _Parts.of(str(Url(text)))._replace(host=host)
    except UrlError as other:
        raise InvalidIndicator(_reason(other)) from None


def _reason(error: UrlError) -> str:
    context = error.errors(include_url=False, include_input=False)[0].get("ctx", {})
    return str(context.get("error", "not valid text"))


_ASCII_BLANK = re.compile(r"[\x00-\x20\x7f]")


def _refuse_blanks(text: str) -> None:
    # The WHATWG parser silently drops some of these, and so would give one key to two values that
    # a person sees as different.
    if text.isascii():
        found = _ASCII_BLANK.search(text) is not None
    else:
        found = any(char.isspace() or unicodedata.category(char) == "Cc" for char in text)
    if found:
        raise InvalidIndicator("a control character or a space")


_CANONICAL: dict[IndicatorType, Callable[[str], str]] = {
    IndicatorType.MD5: _hash(32),
    IndicatorType.SHA1: _hash(40),
    IndicatorType.SHA256: _hash(64),
    IndicatorType.IP: _ip,
    IndicatorType.DOMAIN: _domain,
    IndicatorType.URL: _url,
}


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
    return text[:MAX_URL_BYTES].encode(errors="replace").decode()


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
