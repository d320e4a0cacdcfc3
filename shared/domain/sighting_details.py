"""The details of a sighting: origins, evidence, file and family, kept as one short text.

A sighting holds its details packed. So it is compared, joined and stored without reading them, and
they have a limit: they are cut before sightings join, or the join would depend on its order.
"""

import base64
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from shared.domain.evidence import Evidence, EvidenceSource, deciding_first
from shared.domain.file_facts import cut
from shared.domain.verdict import Verdict

MAX_ORIGINS = 8
MAX_EVIDENCE = 4
# All details of one sighting, packed.
MAX_DETAIL_BYTES = 600
MAX_STORED_NAME_BYTES = 128
MAX_SHORT_TEXT_BYTES = 64


class Origin(NamedTuple):
    """Where in a scan an IOC was found.

    Attributes:
        identifier: the SHA-256 of the file that it came from; "" if the report gives none.
    """

    type: str
    identifier: str = ""


class SightingDetails(NamedTuple):
    """What a report gives for one IOC beyond its verdict.

    Attributes:
        origins: the first one is the sighting's origin.
        evidence: in the order of `deciding_first`; empty if the report gives none.
        file_name: name of the file, for a hash; "" if unknown, like every other text.
        file_type: MIME type or short type.
        file_size: bytes, 0 if unknown.
        threat_name: name of the threat, such as `Emotet`.
        malware_family: family of the malware.
        malware_type: its type, such as `trojan`.
        sender: name of the key with which the report was sent.
    """

    origins: tuple[Origin, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    file_name: str = ""
    file_type: str = ""
    file_size: int = 0
    threat_name: str = ""
    malware_family: str = ""
    malware_type: str = ""
    sender: str = ""

    def pack(self) -> str:
        """Return the details as one text of at most `MAX_DETAIL_BYTES`; "" if there are none.

        What does not fit is left out, the least important first: further origins, further
        evidence, the first origin, the evidence that decides, the file, the family.
        """
        if self == _NO_DETAILS:
            return ""
        origins = [*map(_packed_origin, self.origins[:MAX_ORIGINS])]
        evidence = [*map(_packed, deciding_first(self.evidence)[:MAX_EVIDENCE])]
        facts: dict[str, Any] = {
            key: cut(getattr(self, name), MAX_SHORT_TEXT_BYTES) for key, name in _TEXTS.items()
        }
        facts["s"] = self.file_size
        facts["n"] = cut(self.file_name, MAX_STORED_NAME_BYTES)
        facts |= {"e": evidence, "o": origins}
        text = _text(facts)
        return text if _fits(text) else _text(_cut(facts))


_NO_DETAILS = SightingDetails()
# Short names of the texts in the packed form, which the store holds: never change one.
_TEXTS = {
    "t": "file_type",
    "h": "threat_name",
    "f": "malware_family",
    "m": "malware_type",
    "k": "sender",
}


def unpack(text: str) -> SightingDetails:
    """Read the result of `SightingDetails.pack`."""
    if not text:
        return _NO_DETAILS
    facts = json.loads(text)
    return SightingDetails(
        tuple(map(_unpacked_origin, facts.get("o", ()))),
        tuple(map(_unpacked, facts.get("e", ()))),
        facts.get("n", ""),
        file_size=facts.get("s", 0),
        **{name: facts.get(key, "") for key, name in _TEXTS.items()},
    )


def _cut(facts: dict[str, Any]) -> dict[str, Any]:
    """Add the facts one by one, each only if it fits."""
    kept: dict[str, Any] = {"e": [], "o": []}
    for key, fact in facts.items():
        if key not in kept and _fits(_text({**kept, key: fact})):
            kept[key] = fact
    evidence, origins = facts["e"], facts["o"]
    for key, piece in [
        *(("e", one) for one in evidence[:1]),
        *(("o", one) for one in origins[:1]),
        *(("e", one) for one in evidence[1:]),
        *(("o", one) for one in origins[1:]),
    ]:
        kept[key].append(piece)
        if not _fits(_text(kept)):
            kept[key].pop()
    return kept


def _fits(text: str) -> bool:
    return len(text.encode()) <= MAX_DETAIL_BYTES


def _text(facts: dict[str, Any]) -> str:
    present = {key: fact for key, fact in facts.items() if fact}
    return json.dumps(present, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _packed_origin(origin: Origin) -> list[str | int]:
    if not origin.identifier:
        return [origin.type]
    if _SHA256.fullmatch(origin.identifier):
        # Nearly all identifiers are digests: 43 characters instead of 64.
        digest = base64.b64encode(bytes.fromhex(origin.identifier)).decode()
        return [origin.type, digest.rstrip("="), _IS_DIGEST]
    return [*origin]


def _unpacked_origin(packed: Sequence[Any]) -> Origin:
    kind, identifier, is_digest = [*packed, *_NO_IDENTIFIER[len(packed) - 1 :]]
    if is_digest:
        identifier = base64.b64decode(f"{identifier}=").hex()
    return Origin(kind, identifier)


def _packed(one: Evidence) -> list[str | int]:
    flags = _DECIDES * one.decides + _ECHO * one.echo
    packed = [one.source.value, one.verdict.value, flags, one.name, one.flow_id, one.sender]
    while not packed[-1]:
        packed.pop()
    return packed


def _unpacked(packed: Sequence[Any]) -> Evidence:
    source, verdict, flags, name, flow_id, sender = [*packed, *_EMPTY[len(packed) :]]
    decides, echo = bool(flags & _DECIDES), bool(flags & _ECHO)
    return Evidence(EvidenceSource(source), Verdict(verdict), name, flow_id, sender, decides, echo)


_SHA256 = re.compile("[0-9a-f]{64}")
_IS_DIGEST = 1
_NO_IDENTIFIER: Sequence[Any] = ("", 0)
_EMPTY: Sequence[Any] = ("", 0, 0, "", "", "")
_DECIDES, _ECHO = 1, 2
