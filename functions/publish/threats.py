"""Reads the tags of a scan report: whose they are, and which threat they name. Pure.

A tag states the file that it was given to. A tag that states none belongs to the whole report.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from functions.publish.files import ReportFile
from functions.publish.layout import xml_safe
from functions.publish.osint import Json, mappings, stated_verdict
from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import Indicator, parse_hash
from shared.domain.reputation import MAX_TAG_BYTES
from shared.domain.verdict import Verdict
from shared.formats.feed.report import fits

# What a program does, as reports, STIX and MISP name it. Any other tag that a malware library
# describes, or that is as bad as malware, names a family.
MALWARE_TYPES = frozenset(
    {
        *("adware", "backdoor", "banker", "bootkit", "bot", "botnet", "clipper", "coinminer"),
        *("cryptominer", "ddos", "downloader", "dropper", "exploit", "infostealer", "keylogger"),
        *("loader", "malware", "miner", "phishing", "pua", "pup", "ransomware", "rat", "riskware"),
        *("rootkit", "scareware", "spyware", "stealer", "trojan", "virus", "webshell", "wiper"),
        "worm",
    }
)
_OSINT_LOOKUP = "OSINT_LOOKUP"
_MEDIA_TYPE = "MEDIA_TYPE"


class Threat(NamedTuple):
    """What the tags of a file name; "" for what they do not."""

    threat_name: str = ""
    malware_family: str = ""
    malware_type: str = ""

    def to_object(self) -> dict[str, str]:
        """Return the names that are known."""
        return {name: value for name, value in self._asdict().items() if value}


class Tag(NamedTuple):
    """One tag of a report.

    Attributes:
        owner: the file that it was given to; None if the report does not state one.
    """

    name: str
    owner: Indicator | None
    is_family: bool
    from_osint: bool


class ReportTags:
    """The tags of a report, by the file that they were given to."""

    def __init__(self, report: Json) -> None:
        self._by_owner: defaultdict[Indicator | None, list[Tag]] = defaultdict(list)
        for name in ("allTags", "allOsintTags"):
            for raw in mappings(report.get(name)):
                if (tag := _read_tag(raw)) is not None:
                    self._by_owner[tag.owner].append(tag)

    def of_file(self, file: ReportFile) -> frozenset[str]:
        """The tags of one file: its own, and those without an owner."""
        tags = [*self._of(file), *self._by_owner.get(None, ())]
        tags += [tag for raw in file.raw for tag in _tags_of_analysis(raw, file)]
        return frozenset(tag.name for tag in tags)

    def threat_of(self, file: ReportFile, *, is_input: bool, only_echoes: bool) -> Threat:
        """Return the threat that the tags of a file name.

        Args:
            is_input: whether it is the scanned file, which a tag without an owner belongs to.
            only_echoes: whether the OSINT results about it only repeat this service; then their
                tags do so, too.
        """
        tags = [*self._of(file), *(self._by_owner.get(None, ()) if is_input else ())]
        names = [one for one in tags if not (only_echoes and one.from_osint)]
        family = next((one.name for one in names if one.is_family), "")
        kind = next((one.name for one in names if one.name.casefold() in MALWARE_TYPES), "")
        return Threat(family or kind, family, kind)

    def _of(self, file: ReportFile) -> Iterator[Tag]:
        for digest in file.facts.digests:
            yield from self._by_owner.get(digest, ())


def tag_names(value: object) -> frozenset[str]:
    """The valid names in a list of tags; none for any other JSON value."""
    return frozenset(tag.name for raw in mappings(value) if (tag := _read_tag(raw)) is not None)


def _tags_of_analysis(raw: Json, file: ReportFile) -> Iterator[Tag]:
    """The tags in the analysis of a file; its type is its own even if the tag names its parent."""
    for one in mappings(raw.get("allTags")):
        tag = _read_tag(one)
        if tag is not None and (
            one.get("source") == _MEDIA_TYPE or tag.owner in file.facts.digests
        ):
            yield tag


def _read_tag(raw: Json) -> Tag | None:
    tag = raw.get("tag")
    name = tag.get("name") if isinstance(tag, Mapping) else None
    if not isinstance(tag, Mapping) or not isinstance(name, str) or not fits(name, MAX_TAG_BYTES):
        return None
    name = xml_safe(name)
    if not name:
        return None
    return Tag(name, _owner(raw), _is_family(tag, name), raw.get("source") == _OSINT_LOOKUP)


def _owner(raw: Json) -> Indicator | None:
    try:
        return parse_hash(raw.get("sourceIdentifier"))
    except InvalidIndicator:
        return None


def _is_family(tag: Json, name: str) -> bool:
    if name.casefold() in MALWARE_TYPES:
        return False
    if any(isinstance(one.get("cluster"), Mapping) for one in mappings(tag.get("descriptions"))):
        return True
    verdict = stated_verdict(tag)
    return verdict is not None and verdict >= Verdict.LIKELY_MALICIOUS
