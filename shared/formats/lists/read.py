"""Reads a provider's documents into its list content: canonical, joined and complete. Pure."""

import ipaddress
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from shared.domain.errors import InvalidIndicator, InvalidRecord
from shared.domain.indicator import (
    MAX_TEXT_CHARS,
    Indicator,
    IndicatorType,
    parse,
    parse_hash,
    refang,
)
from shared.domain.indicator_types import TYPE_BY_HASH_DIGITS
from shared.domain.moment import read_moment
from shared.domain.network import Network, parse_network
from shared.domain.provider import Listing, Subject
from shared.domain.public_suffix import is_public_suffix
from shared.formats.lists.declaration import Declaration
from shared.formats.lists.entry import ListContent, RawEntry, RejectedEntry
from shared.formats.lists.errors import ListError
from shared.formats.lists.formats import FORMATS
from shared.formats.lists.formats.text import Get
from shared.formats.lists.network_bounds import check_networks, is_special_purpose

MAX_ENTRIES = 2_000_000
MAX_TEXT_BYTES = 64
# The clock is read after so many entries, a tenth of a second at most.
_CHECKED_EVERY = 1_000

_HASH = re.compile(rf"[0-9A-Fa-f]{{{min(TYPE_BY_HASH_DIGITS)},{max(TYPE_BY_HASH_DIGITS)}}}")
_SCHEME = re.compile(r"(?i)[a-z]{3,5}:")
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,45}(?:/[0-9]{1,3})?")
_LETTER = re.compile(r"[A-Fa-f]")
_WITH_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15})):[0-9]{1,5}")
_EPOCH = re.compile(r"[0-9]{9,10}|[0-9]{12,13}")
# Seconds reach this number in the year 5138.
_MILLISECONDS = 10**11
_RANGE = re.compile(r"([0-9A-Fa-f:.]{2,45})\s*-\s*([0-9A-Fa-f:.]{2,45})")
_BELOW = re.compile(r"\*?\.([A-Za-z0-9_-].*)|\|\|([^/^|$]+)\^")
# A domain, and a port or a path behind it.
_HOST_AND_MORE = re.compile(r"([A-Za-z0-9._-]+\.[A-Za-z][A-Za-z0-9-]*)(?::[0-9]{1,5})?(/.*)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
# Texts that lists use for an empty cell.
_NOTHING = frozenset({"", "-", "n/a", "none", "null", "unknown"})


def read_snapshot(
    declaration: Declaration, get: Get, now: int, out_of_time: Callable[[], bool] = lambda: False
) -> ListContent:
    """Read the content of a provider's list.

    Args:
        declaration: declaration of a list, not of an API.
        get: fetches a document; its errors are not caught.
        now: milliseconds since the epoch.
        out_of_time: returns whether to stop; asked again and again.

    Raises:
        ListError: a document is not valid, too many of its entries cannot be read, its networks
            hold too many addresses, or the time is used up.
    """
    joined: dict[Subject, _Dated] = {}
    rejected: Counter[str] = Counter()
    for address in (declaration.address, *declaration.more):
        document = replace(declaration, address=address)
        found = FORMATS[declaration.format].read(document, get)
        _add_entries(_until(out_of_time, found), declaration, now, joined, rejected)
    _bound_networks(declaration, joined, rejected)
    if len(joined) < declaration.min_entries:
        raise ListError(f"the list has {len(joined)} entries, too few to be whole")
    entries = {subject: _listing(dated, declaration) for subject, dated in joined.items()}
    return ListContent(entries, rejected)


# Joined entries of a subject: the first date, and the latest date with its texts.
_Texts = tuple[int, str, str, str]
# The last element: whether the entry of a domain also holds for the names below it.
_Dated = tuple[int, _Texts, bool]


def _bound_networks(
    declaration: Declaration, joined: dict[Subject, _Dated], rejected: Counter[str]
) -> None:
    """Drop the special-purpose networks of a blocklist, and check the size of all others."""
    networks = [one for one in joined if isinstance(one, Network)]
    special = {one for one in networks if is_special_purpose(one)}
    if declaration.stance == "listed" and special:
        for one in special:
            del joined[one]
        rejected["a special-purpose network"] += len(special)
    # Clouds are large, and a note about them clears nothing.
    check_networks(
        (one for one in networks if one not in special), any_share=declaration.effect == "note"
    )


def _until(out_of_time: Callable[[], bool], found: Iterable[RawEntry]) -> Iterator[RawEntry]:
    for number, raw in enumerate(found):
        if number % _CHECKED_EVERY == 0 and out_of_time():
            raise ListError("the time for reading the list is used up")
        yield raw


def _add_entries(
    found: Iterable[RawEntry],
    declaration: Declaration,
    now: int,
    joined: dict[Subject, _Dated],
    rejected: Counter[str],
) -> None:
    """Read the entries of one document; at least half of them must be valid."""
    good = broken = 0
    entries = (one for raw in found for one in _expand(raw))
    for count, raw in enumerate(entries, start=1):
        if count > MAX_ENTRIES or len(joined) > MAX_ENTRIES:
            raise ListError(f"the list has more than {MAX_ENTRIES} entries")
        subject = _subject(raw, declaration, now)
        if isinstance(subject, RejectedEntry):
            rejected[subject.reason] += 1
            broken += subject.broken
            continue
        good += 1
        date = _date(raw.date, now)
        texts = (
            date,
            clean_text(raw.assessment),
            clean_text(raw.category),
            clean_text(raw.source_list),
        )
        one = (date, texts, raw.below and _has_owner(subject))
        known = joined.get(subject)
        joined[subject] = one if known is None else _join(known, one)
        if raw.www and (www := _www(subject)):
            joined.setdefault(www, one)
    if broken > good:
        raise ListError(f"{broken} entries cannot be read, {good} can")


def _expand(raw: RawEntry) -> Iterator[RawEntry]:
    """Yield an entry, or the networks of one that is a range of addresses."""
    found = _RANGE.fullmatch(raw.value.strip()) if isinstance(raw.value, str) else None
    if not found:
        yield raw
        return
    try:
        first, last = map(ipaddress.ip_address, found.groups())
        networks = list(ipaddress.summarize_address_range(first, last))
    except (TypeError, ValueError):
        yield replace(raw, value=RejectedEntry("not a range of IPv4 or IPv6 addresses"))
        return
    for network in networks:
        yield replace(raw, value=str(network))


def _join(one: _Dated, other: _Dated) -> _Dated:
    # The result does not depend on the order of the entries.
    dates = [date for date in (one[0], other[0]) if date]
    return min(dates, default=0), max(one[1], other[1]), one[2] or other[2]


def _listing(dated: _Dated, declaration: Declaration) -> Listing:
    since, (_, assessment, category, source_list), below = dated
    return Listing(
        status=declaration.listing_status,
        assessment=assessment or declaration.assessment,
        category=category or declaration.category,
        detect_time=since,
        source_list=source_list,
        below=below,
    )


def _subject(raw: RawEntry, declaration: Declaration, now: int) -> Subject | RejectedEntry:
    if isinstance(raw.value, RejectedEntry):
        return raw.value
    until = _date(raw.until, now) if raw.until is not None else 0
    if 0 < until <= now:
        return RejectedEntry("expired", broken=False)
    try:
        subject = _canonical(raw.value)
    except InvalidIndicator as error:
        return RejectedEntry(str(error))
    kind = IndicatorType.IP if isinstance(subject, Network) else subject.type
    if kind not in declaration.types:
        return RejectedEntry("a type that the provider is not declared for", broken=False)
    if raw.types is not None and kind not in raw.types:
        return RejectedEntry("a type that the list does not match", broken=False)
    domain = kind is IndicatorType.DOMAIN
    if raw.below and declaration.effect == "overrule" and domain and not _has_owner(subject):
        return RejectedEntry("a public suffix, below which anyone can register", broken=False)
    return subject


def _has_owner(subject: Subject) -> bool:
    """Whether a subject is a domain whose names below have the same owner."""
    is_domain = isinstance(subject, Indicator) and subject.type is IndicatorType.DOMAIN
    return is_domain and not is_public_suffix(subject.value)


def _www(subject: Subject) -> Indicator | None:
    """Return the `www.` name of a domain, None if another owner may have it."""
    if subject.value.startswith("www.") or not _has_owner(subject):
        return None
    return Indicator(IndicatorType.DOMAIN, f"www.{subject.value}")


def _canonical(value: object) -> Subject:
    """Parse a value by its form: a hash, an address or network, a URL, otherwise a domain."""
    if not isinstance(value, str):
        raise InvalidIndicator("not a text")
    if len(value) > MAX_TEXT_CHARS:
        raise InvalidIndicator("too long")
    if "\ufffd" in value:
        raise InvalidIndicator("not UTF-8")
    text = refang(value.strip())
    # Block lists of names write one so, and mean the names below, too.
    if found := _BELOW.fullmatch(text):
        text = found[1] or found[2]
    if _HASH.fullmatch(text):
        return parse_hash(text)
    if found := _WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    if _ADDRESS.fullmatch(text) and (":" in text or not _LETTER.search(text)):
        return parse_network(text)
    if "://" in text or _SCHEME.match(text):
        return parse(IndicatorType.URL, text)
    if found := _HOST_AND_MORE.fullmatch(text):
        return parse(IndicatorType.URL, f"http://{text}") if found[2] else _domain(found[1])
    return parse(IndicatorType.DOMAIN, text)


def _domain(text: str) -> Indicator:
    return parse(IndicatorType.DOMAIN, text)


def _date(value: object, now: int) -> int:
    """Read a date as milliseconds since the epoch; 0 if it is missing or not valid."""
    if isinstance(value, str):
        value = value.strip().removesuffix(" UTC")
        if _EPOCH.fullmatch(value):
            value = int(value)
    if isinstance(value, int) and value >= _MILLISECONDS:
        value = value / 1000
    try:
        return read_moment(value, now)
    except InvalidRecord:
        return 0


def clean_text(value: object) -> str:
    """Clean a text for answers: one line of limited length; "" if it is empty or not a text."""
    if not isinstance(value, str):
        return ""
    plain = _CONTROL.sub(" ", value[:MAX_TEXT_CHARS]).strip()
    if plain.casefold() in _NOTHING:
        return ""
    return sys.intern(plain.encode()[:MAX_TEXT_BYTES].decode(errors="ignore").rstrip())
