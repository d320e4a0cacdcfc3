"""Indicators and their canonical form: every spelling of one thing meets in one key.

Rules: docs/indicators.md. URLs and IDNA follow the WHATWG URL standard and UTS-46 as
implemented by `pydantic_core.Url`; golden vectors in the tests freeze the outcome, because an
upgrade of that library must never move a key.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import unquote

from pydantic_core import Url
from pydantic_core import ValidationError as UrlError

from shared.domain.errors import InvalidIndicator

MAX_URL_BYTES = 8192
MAX_DOMAIN_BYTES = 253
MAX_LABEL_BYTES = 63
# Longer input is refused unread: parsing costs time, and no canonical form can come out of it
# that is short enough, save by dropping a fragment of that size.
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
    """One indicator in its canonical form; make it with `parse` or `parse_hash` only."""

    type: IndicatorType
    value: str

    def __hash__(self) -> int:
        # Python keeps that of a text; a bulk look-up asks for it thousands of times.
        return hash(self.value)


def parse(kind: IndicatorType, text: object) -> Indicator:
    """Canonicalise `text` as an indicator of type `kind`, as strictly as a feed is read.

    Idempotent: the value that comes out goes in again unchanged. Total: every input gives an
    indicator or the one error.

    Raises:
        InvalidIndicator: `text` is no such indicator.

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


_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_HOST_DELIMITERS = re.compile(r"[\x00-\x2c/:-@\[-^`{-\x7f]")


def _domain(text: str) -> str:
    _refuse_blanks(text)
    if _HOST_DELIMITERS.search(text):
        raise InvalidIndicator("a character that no domain name holds")
    if len(text) > 4 * MAX_DOMAIN_BYTES:
        raise InvalidIndicator(f"longer than {MAX_DOMAIN_BYTES} bytes")
    host = _parse_url(f"http://{text}/").host or ""
    name = host.removesuffix(".")
    if _is_ipv4(name):
        raise InvalidIndicator("an IP address is no domain")
    labels = name.split(".")
    if len(labels) < 2:
        raise InvalidIndicator("fewer than two labels")
    if len(name) > MAX_DOMAIN_BYTES:
        raise InvalidIndicator(f"longer than {MAX_DOMAIN_BYTES} bytes")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidIndicator(
            f"a label is not 1 to {MAX_LABEL_BYTES} letters, digits, '-' or '_' "
            "without a hyphen at its ends"
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
    canonical, _, _ = str(url).partition("#")
    if (url.host or "").endswith("."):
        scheme, _, rest = canonical.partition("://")
        authority, _, tail = rest.partition("/")
        user, at, host = authority.rpartition("@")
        name, colon, port = host.partition(":")
        # Parsed again: without its dots a host may turn out to be an IPv4 number.
        return _url(f"{scheme}://{user}{at}{name.rstrip('.')}{colon}{port}/{tail}")
    if len(canonical) > MAX_URL_BYTES:
        raise InvalidIndicator(f"longer than {MAX_URL_BYTES} bytes")
    return canonical


def _parse_url(text: str) -> Url:
    try:
        return Url(text)
    except UrlError as error:
        raise InvalidIndicator(_reason(error)) from None


def _reason(error: UrlError) -> str:
    context = error.errors(include_url=False, include_input=False)[0].get("ctx", {})
    return str(context.get("error", "not valid text"))


def _refuse_blanks(text: str) -> None:
    # The WHATWG parser would strip or drop some of these in silence, and so join two things
    # that a person sees as different.
    if any(char.isspace() or unicodedata.category(char) == "Cc" for char in text):
        raise InvalidIndicator("a control character or a space")


_CANONICAL: dict[IndicatorType, Callable[[str], str]] = {
    IndicatorType.MD5: _hash(32),
    IndicatorType.SHA1: _hash(40),
    IndicatorType.SHA256: _hash(64),
    IndicatorType.IP: _ip,
    IndicatorType.DOMAIN: _domain,
    IndicatorType.URL: _url,
}


# What follows reads the spellings of people and of clients: at the API and in the command line,
# never in a feed.


class Question(NamedTuple):
    """What a client asked for: the indicator, and its form as the answer shows it."""

    indicator: Indicator
    shown: str


def ask(kind: IndicatorType | None, text: str) -> Question:
    """Read an indicator as people and clients write it: defanged, percent-encoded, bare.

    Args:
        kind: the type; None for a hash of any length.
        text: what was asked; see `refang` and `_decode_url` for what is understood.

    Raises:
        InvalidIndicator: no such indicator.
    """
    if kind is None:
        indicator = parse_hash(text)
        return Question(indicator, indicator.value)
    if kind is not IndicatorType.URL:
        for _ in range(_MAX_WRAPPINGS):
            text = _unquote(text)
        indicator = parse(kind, refang(text))
        return Question(indicator, indicator.value)
    plain = _with_scheme(refang(_decode_url(text)))
    indicator = parse(kind, plain)
    return Question(indicator, _shown_url(plain, indicator.value))


def echo(text: str) -> str:
    """What was asked and is no indicator, as far as it can and should be said again."""
    return text[:MAX_URL_BYTES].encode(errors="replace").decode()


_DEFANGED_SCHEME = re.compile(r"(?i)\A(h(?:xx|tt)ps?|ftp)(?:\[://\]|\[:\]//|://?)")
_DEFANGED_DOT = re.compile(r"(?i)\[\.\]|\(\.\)|\[dot\]")
_AUTHORITY_END = re.compile(r"[/?#\\]")
_MAX_WRAPPINGS = 2
_ENCODED_IPV6 = re.compile(r"(?i)\A([a-z]+:/{1,2})%5B([0-9a-f:.]+)%5D")


def refang(text: str) -> str:
    """Undo the usual defanging of the scheme and the host; a path or query stays as it is.

    Understood, in any case: `hxxp`, `[.]`, `(.)`, `[dot]`, `[:]`, `[://]`.

    Example:
        >>> refang("hXXps[://]evil[.]example/a[.]b")
        'https://evil.example/a[.]b'
    """
    scheme = ""
    if found := _DEFANGED_SCHEME.match(text):
        scheme = found[1].lower().replace("xx", "tt") + "://"
        text = text[found.end() :]
    end = _AUTHORITY_END.search(text)
    cut = end.start() if end else len(text)
    host = _DEFANGED_DOT.sub(".", text[:cut]).replace("[:]", ":")
    return scheme + host + text[cut:]


def _decode_url(text: str) -> str:
    """Undo the percent-encoding that clients and proxies put around a URL, once or twice.

    A percent sign before the first delimiter can only come from such a wrapping: a scheme has
    none, and a host that is spelled with one means the same without it.
    """
    for _ in range(_MAX_WRAPPINGS):
        end = _AUTHORITY_END.search(text)
        cut = end.start() if end else len(text)
        if "%" not in text[:cut]:
            break
        # A query that arrived in the open was never wrapped: it belongs to the URL as it is.
        path, mark, query = text.partition("?")
        text = _unquote(path) + mark + query
    # Python's `quote` with the colon and the slash left out encodes the brackets around an IPv6
    # address and nothing else before the path.
    return _ENCODED_IPV6.sub(r"\1[\2]", text, count=1)


def _unquote(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise InvalidIndicator("percent-encoded bytes that are not UTF-8") from None


_SCHEME = re.compile(r"(?i)\A(?:https?|ftp):")
_BARE_HOST = re.compile(r"\A(?:\[[0-9A-Fa-f:.]+\]|[^:@/?#\\]+)(?::[0-9]*)?(?:[/?#\\]|\Z)")


def _with_scheme(text: str) -> str:
    if not _SCHEME.match(text) and _BARE_HOST.match(text):
        return f"http://{text}"
    return text


def _shown_url(asked: str, canonical: str) -> str:
    # The vendor's own example shows a URL that was asked without a path without one.
    rest = re.sub(r"\A[^:]*:[/\\]*", "", asked)
    end = _AUTHORITY_END.search(rest)
    if end and end[0] in "/\\":
        return canonical
    scheme, _, after = canonical.partition("://")
    host, _, tail = after.partition("/")
    return f"{scheme}://{host}{tail}"
