"""The registry of indicator types: everything that the code knows of a type.

To add a type, add its name to `IndicatorType` and its row to `_ROWS`. Look-ups, feeds, lists,
exports, extraction, the page and the OpenAPI document read the rows. Pure data, except that the
variable SHA512 decides once, at import, whether SHA-512 is on.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from shared.domain import canonical


class IndicatorType(StrEnum):
    """All types, on or off. The value is the type's name in feeds, keys and CSV."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA512 = "sha512"
    IP = "ip"
    DOMAIN = "domain"
    URL = "url"

    # That of `Enum` is a function of Python, and dictionaries call it for every look-up.
    __hash__ = str.__hash__

    @property
    def info(self) -> "TypeInfo":
        """What the code knows of the type."""
        return _ROWS[self]


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """What the code knows of one type.

    Attributes:
        label: its name for people; of a hash the name in STIX and in the sandbox's reports, too.
        route: the part of a path in the v4 API that its look-ups share.
        canonicalize: returns the canonical form of a text, or raises `InvalidIndicator`.
        hash_digits: hexadecimal digits of a hash, 0 for what is not a hash.
        defanged: whether people defang it before they pass it on.
        stix_paths: object paths of a STIX pattern; the second one is for values with a colon.
        misp_types: MISP attribute types; exports write the first one, lists may use any.
        misp_category: MISP category of the attribute.
        osint_type: its name in the OSINT results of the sandbox's reports.
        feed_element: in the vendor's XML, the list of such IOCs and the element of a value in it.
        feed_names: other names of the type in the vendor's XML: lower case, without separators.
        example, other_example: canonical values for documents and tests.
    """

    label: str
    route: str
    canonicalize: Callable[[str], str]
    stix_paths: tuple[str, ...]
    misp_types: tuple[str, ...]
    misp_category: str
    osint_type: str
    feed_element: tuple[str, str]
    example: str
    other_example: str
    hash_digits: int = 0
    defanged: bool = True
    feed_names: tuple[str, ...] = ()


def _hash(name: str, label: str, digits: int, stix_path: str, example: str) -> TypeInfo:
    return TypeInfo(
        label,
        route="hash",
        canonicalize=canonical.hash_of(digits),
        stix_paths=(stix_path,),
        misp_types=(name,),
        misp_category="Payload delivery",
        osint_type=f"FILE_HASH_{name.upper()}",
        feed_element=("hashes", name),
        example=example,
        other_example="0" * digits,
        hash_digits=digits,
        defanged=False,
    )


_ROWS = {
    IndicatorType.MD5: _hash(
        "md5", "MD5", 32, "file:hashes.MD5", "D41D8CD98F00B204E9800998ECF8427E"
    ),
    IndicatorType.SHA1: _hash(
        "sha1", "SHA-1", 40, "file:hashes.'SHA-1'", "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709"
    ),
    IndicatorType.SHA256: _hash(
        "sha256",
        "SHA-256",
        64,
        "file:hashes.'SHA-256'",
        "45F20E63F4726755015FDD5595BD46CCE511A5A952E1B2C1F3CF558FAD18958E",
    ),
    IndicatorType.SHA512: _hash(
        "sha512",
        "SHA-512",
        128,
        "file:hashes.'SHA-512'",
        "CF83E1357EEFB8BDF1542850D66D8007D620E4050B5715DC83F4A921D36CE9CE"
        "47D0D13C5D85F2B0FF8318D2877EEC2F63B931BD47417A81A538327AF927DA3E",
    ),
    IndicatorType.IP: TypeInfo(
        "IP address",
        route="ip",
        canonicalize=canonical.ip,
        stix_paths=("ipv4-addr:value", "ipv6-addr:value"),
        misp_types=("ip-dst", "ip-src"),
        misp_category="Network activity",
        osint_type="IP",
        feed_element=("ips", "ip"),
        feed_names=("ipaddress", "ipv4", "ipv6"),
        example="203.0.113.7",
        other_example="2001:db8::7",
    ),
    IndicatorType.DOMAIN: TypeInfo(
        "domain",
        route="domain",
        canonicalize=canonical.domain,
        stix_paths=("domain-name:value",),
        misp_types=("domain", "hostname"),
        misp_category="Network activity",
        osint_type="DOMAIN",
        # The vendor calls the value of a domain a URL.
        feed_element=("domains", "url"),
        feed_names=("fqdn", "host", "hostname"),
        example="evil.example",
        other_example="www.example.org",
    ),
    IndicatorType.URL: TypeInfo(
        "URL",
        route="url",
        canonicalize=canonical.url,
        stix_paths=("url:value",),
        misp_types=("url",),
        misp_category="Network activity",
        osint_type="URL",
        feed_element=("urls", "url"),
        feed_names=("uri",),
        example="http://evil.example/",
        other_example="http://www.example.org/a?b=c",
    ),
}


def _is_on(kind: IndicatorType) -> bool:
    return kind is not IndicatorType.SHA512 or os.environ.get("SHA512") == "true"


# The types that feeds, look-ups and exports handle, in the order in which they are listed. A type
# that is off is parsed only if a stored item has it.
INDICATOR_TYPES = tuple(kind for kind in _ROWS if _is_on(kind))
TYPE_BY_HASH_DIGITS = {
    kind.info.hash_digits: kind for kind in INDICATOR_TYPES if kind.info.hash_digits
}
HASH_TYPES = frozenset(TYPE_BY_HASH_DIGITS.values())


def _alternatives(parts: Iterable[str]) -> str:
    *others, last = parts
    return f"{', '.join(others)} or {last}"


HASH_LABELS = _alternatives(kind.info.label for kind in TYPE_BY_HASH_DIGITS.values())
NOT_A_HASH = f"not {_alternatives(map(str, TYPE_BY_HASH_DIGITS))} hexadecimal digits"
