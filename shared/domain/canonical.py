"""Writes values of each type of indicator in canonical form: all spellings get one key. Pure.

docs/indicators.md has the rules. URLs and IDNA follow the WHATWG URL standard and UTS-46 as
implemented by `pydantic_core.Url`; golden vectors in the tests freeze the results, because an
upgrade of that library must never change a key.

Each function is idempotent, and raises `InvalidIndicator` for a text that is not of its type.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple, Self
from urllib.parse import unquote

from pydantic_core import Url
from pydantic_core import ValidationError as UrlError

from shared.domain.errors import InvalidIndicator

MAX_URL_BYTES = 8192
MAX_DOMAIN_BYTES = 253
MAX_LABEL_BYTES = 63

_HEX = re.compile(r"[0-9A-Fa-f]+")


def hash_of(digits: int) -> Callable[[str], str]:
    """Return the function for hashes of so many hexadecimal digits: upper case."""

    def canonical(text: str) -> str:
        if len(text) != digits or not _HEX.fullmatch(text):
            raise InvalidIndicator(f"not {digits} hexadecimal digits")
        return text.upper()

    return canonical


def ip(text: str) -> str:
    """IPv6 is compressed and in lower case; an IPv4-mapped address becomes the IPv4 address."""
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


def domain(text: str) -> str:
    """Lower case, IDNA A-labels, no dot at the end."""
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


def url(text: str) -> str:
    """The URL as a browser reads it, without its fragment."""
    _refuse_blanks(text)
    parts = _parse_url(text)
    if parts.scheme not in _URL_SCHEMES:
        raise InvalidIndicator("the scheme is not http, https or ftp")
    if parts.host.endswith("."):
        # Parse again: without the trailing dots the host may be an IPv4 number.
        return url(f"{parts.before}{parts.host.rstrip('.')}{parts.after}")
    if not parts.host.startswith("[") and _ALTERED.search(parts.host):
        raise InvalidIndicator("a host with a quote, a bracket, an asterisk or a comma")
    canonical = parts.before + parts.host + _normal_escapes(parts.after)
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
