"""Conversion between IOCs and their items: the only module that knows the attributes.

pk       type and value, see shared.store.keys
ver      version: changes with every write and never repeats; conditional writes check it
verdict, source, parent, origin, flow, report, seen, details, sha256
         the latest scan verdict; `source` is "report" if its verdict is that of the report,
         `report` its report_id, `seen` its date, absent if equal to `last`; `details` origins,
         evidence, file and family, packed as shared.domain.sighting_details describes; `sha256`
         the file, absent if it is the IOC itself, or else if it is its only sibling of that type
worst    map of the same attributes for the worst scan verdict; absent if that is the latest
first, last
         milliseconds since the epoch
n        number of distinct flow_ids that we counted
claimed  number of scans that a feed claims; absent if none does
tags     set of text
siblings set of binary: the other digests of the file; the length of a digest gives its type
pending  reports that are counted in n and may not be in the ledger yet:
         for each, 10 bytes of the report and 4 bytes of the run number
url      the value, if pk holds only its digest
ttl      end in epoch seconds, if a retention is set and no provider lists the IOC
o        what an analyst decided by hand, see shared.domain.override: a map of v verdict, r reason,
         b by, n on, i id, in milliseconds since the epoch t set_at and e expires, and x if it was
         taken back; an item with one that was not has no ttl
l:<id>   the listing of provider <id>, written only by that provider's refresh or look-up: a map of
         s status, a assessment, c category, n source_list, and in milliseconds since the epoch
         t detect_time, w answered, e expires; empty values are absent; b below, if it is true
The attributes of the sandbox, from verdict to pending, are absent if only providers or analysts
know the IOC.
Items of earlier versions have no details, worst and siblings.
Networks on the lists of providers have items of the same form.
"""

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Final

from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.override import Override, holds_for, join
from shared.domain.provider import IocRecord, Listing, ListingStatus
from shared.domain.reputation import Reputation, ScanVerdict, SightingSummary
from shared.domain.verdict import Verdict
from shared.store.keys import Prefix, ioc_key

Item = dict[str, Any]

_PROVIDER_PREFIX = "l:"
OVERRIDE = "o"
# What the verdict of a hash and its scan depend on, apart from the listings of other providers.
VERDICT_ATTRIBUTES: Final = tuple(f"pk ttl verdict flow worst siblings details {OVERRIDE}".split())
# In the place of what is not read with them and every item has.
WITHOUT_DATES: Final = {name: {"N": "0"} for name in ("first", "last", "n")}
# Of all types, also those that are switched off: a stored sibling may be of one.
_TYPE_BY_DIGITS = {kind.info.hash_digits: kind for kind in IndicatorType}
# Reading an enumeration by its value takes longer than reading the rest of a verdict.
_VERDICTS = {str(verdict.value): verdict for verdict in Verdict}
_EMPTY: frozenset[Any] = frozenset()
_FLOW_BYTES = 10
_RUN_BYTES = 4


@dataclass(frozen=True, slots=True)
class IocItem:
    """An IOC as it is stored, with the data that ingestion needs to join exactly.

    Attributes:
        reputation: None if only other providers know the IOC.
        version: of the item that was read or will be written.
        pending: reports counted and perhaps not yet in the ledger, each with the number of its run.
        other_providers: the attributes of other providers, as the item holds them.
        override: what an analyst decided, also if it has expired or was taken back.
    """

    reputation: Reputation | None
    version: bytes
    pending: Mapping[bytes, int] = field(default_factory=dict)
    other_providers: Mapping[str, Any] = field(default_factory=dict)
    override: Override | None = None


def to_item(stored: IocItem, retention_s: int = 0) -> Item:
    """Build the item of an IOC; it expires `retention_s` after its last sighting, 0 for never.

    Raises:
        ValueError: it has no reputation.
    """
    if stored.reputation is None:
        raise ValueError("only an IOC with a reputation is written as a whole item")
    indicator = stored.reputation.indicator
    summary = stored.reputation.summary
    item: Item = {
        "pk": {"S": ioc_key(indicator)},
        "ver": {"B": stored.version},
        "n": {"N": str(stored.reputation.counted)},
        **summary_attributes(indicator, summary),
        **stored.other_providers,
    }
    if stored.pending:
        item["pending"] = {"B": _pack(stored.pending)}
    if item["pk"]["S"].startswith(Prefix.LONG_URL):
        item["url"] = {"S": indicator.value}
    if stored.override:
        item[OVERRIDE] = override_value(stored.override)
    if end_s := ttl_of(stored, retention_s):
        item["ttl"] = {"N": str(end_s)}
    return item


def ttl_of(stored: IocItem, retention_s: int) -> int:
    """Return when an item expires, in epoch seconds; 0 for never.

    What a provider lists or an analyst has decided does not expire.

    Args:
        retention_s: how long an IOC is kept after it was last seen; 0 for unlimited.
    """
    overridden = stored.override is not None and not stored.override.deleted
    if not retention_s or stored.reputation is None or stored.other_providers or overridden:
        return 0
    return stored.reputation.summary.last_seen // 1000 + retention_s


def summary_attributes(indicator: Indicator, summary: SightingSummary) -> Item:
    """Return the attributes of what an IOC's sightings come to, or of one sighting."""
    only = _only_sha256(indicator, summary.siblings)
    attributes: Item = {
        "first": {"N": str(summary.first_seen)},
        "last": {"N": str(summary.last_seen)},
        **_scan_attributes(summary.latest, summary.last_seen, only),
    }
    if summary.worst != summary.latest:
        attributes["worst"] = {"M": _scan_attributes(summary.worst, summary.last_seen, only)}
    if summary.claimed_count:
        attributes["claimed"] = {"N": str(summary.claimed_count)}
    if summary.tags:
        attributes["tags"] = {"SS": sorted(summary.tags)}
    if summary.siblings:
        digests = sorted(bytes.fromhex(one.value) for one in summary.siblings)
        attributes["siblings"] = {"BS": digests}
    return attributes


def read_summary(indicator: Indicator, item: Mapping[str, Any]) -> SightingSummary:
    """Read the result of `summary_attributes`."""
    last_seen = int(item["last"]["N"])
    siblings = _siblings(item)
    only = _only_sha256(indicator, siblings)
    latest = _read_scan(item, last_seen, only)
    return SightingSummary(
        latest,
        _read_scan(item["worst"]["M"], last_seen, only) if "worst" in item else latest,
        int(item["first"]["N"]),
        last_seen,
        frozenset(item["tags"]["SS"]) if "tags" in item else _EMPTY,
        _number(item, "claimed"),
        siblings,
    )


def _scan_attributes(scan: ScanVerdict, last_seen: int, only_sha256: str) -> Item:
    attributes: Item = {"verdict": {"N": str(scan.verdict.value)}, "flow": {"S": scan.flow_id}}
    texts = {
        "parent": scan.parent_verdict,
        "origin": scan.origin,
        "report": scan.report_id,
        "source": scan.source,
        "details": scan.details,
    }
    attributes |= {name: {"S": text} for name, text in texts.items() if text}
    if scan.seen_at != last_seen:
        attributes["seen"] = {"N": str(scan.seen_at)}
    if scan.sha256 != only_sha256:
        attributes["sha256"] = {"S": scan.sha256}
    return attributes


def read_scan(indicator: Indicator, item: Mapping[str, Any], last_seen: int) -> ScanVerdict:
    """Read a scan verdict from its attributes in an item.

    Args:
        last_seen: its date, if no attribute has it.
    """
    return _read_scan(item, last_seen, _only_sha256(indicator, _siblings(item)))


def _read_scan(scan: Mapping[str, Any], last_seen: int, only_sha256: str) -> ScanVerdict:
    """Read the result of `_scan_attributes`; the arguments are the same."""
    return ScanVerdict(
        int(scan["seen"]["N"]) if "seen" in scan else last_seen,
        _VERDICTS[scan["verdict"]["N"]],
        scan["flow"]["S"],
        _text(scan, "parent"),
        _text(scan, "origin"),
        _text(scan, "report"),
        _text(scan, "source"),
        _text(scan, "details"),
        str(scan["sha256"]["S"]) if "sha256" in scan else only_sha256,
    )


def _only_sha256(indicator: Indicator, siblings: AbstractSet[Indicator]) -> str:
    """Return the SHA-256 of the file of a hash, if only one is possible."""
    if indicator.type is IndicatorType.SHA256:
        return indicator.value
    found = [one.value for one in siblings if one.type is IndicatorType.SHA256]
    return found[0] if len(found) == 1 else ""


def _siblings(item: Mapping[str, Any]) -> frozenset[Indicator]:
    if "siblings" not in item:
        return _EMPTY
    digests = (bytes(digest).hex().upper() for digest in item["siblings"]["BS"])
    return frozenset(Indicator(_TYPE_BY_DIGITS[len(one)], one) for one in digests)


def record_from_item(indicator: Indicator, item: Mapping[str, Any]) -> IocRecord:
    """Read the record that a look-up needs from an item."""
    override = read_override(item)
    if override and (override.deleted or not holds_for(override, indicator, _siblings(item))):
        override = None
    reputation, listings = _reputation(indicator, item), listings_from_item(item)
    return IocRecord(indicator, reputation, listings, override=override)


def override_value(override: Override) -> Item:
    """Return the attribute value of an override."""
    facts: Item = {
        "v": {"N": str(override.verdict.value)},
        "r": {"S": override.reason},
        "b": {"S": override.by},
        "n": {"S": override.on},
        "i": {"N": str(override.id)},
        "t": {"N": str(override.set_at)},
    }
    if override.expires:
        facts["e"] = {"N": str(override.expires)}
    if override.deleted:
        facts["x"] = {"BOOL": True}
    return {"M": facts}


def read_override(item: Mapping[str, Any]) -> Override | None:
    """Read the override of an item, also one that has expired or was taken back."""
    if OVERRIDE not in item:
        return None
    facts = item[OVERRIDE]["M"]
    return Override(
        int(facts["t"]["N"]),
        int(facts["i"]["N"]),
        _VERDICTS[facts["v"]["N"]],
        facts["r"]["S"],
        facts["b"]["S"],
        facts["n"]["S"],
        _number(facts, "e"),
        "x" in facts,
    )


def listings_from_item(item: Mapping[str, Any]) -> dict[str, Listing]:
    """Read the listings of an item, by provider id."""
    return {
        name[2:]: _listing(value["M"])
        for name, value in item.items()
        if name[:2] == _PROVIDER_PREFIX
    }


def listing_attribute(provider: str) -> str:
    """Return the name of the attribute that holds a provider's listing."""
    return f"{_PROVIDER_PREFIX}{provider}"


def listing_value(listing: Listing) -> Item:
    """Return the attribute value of a listing."""
    facts: Item = {"s": {"N": str(listing.status.value)}}
    for name, text in (
        ("a", listing.assessment),
        ("c", listing.category),
        ("n", listing.source_list),
    ):
        if text:
            facts[name] = {"S": text}
    for name, moment in (
        ("t", listing.detect_time),
        ("w", listing.answered),
        ("e", listing.expires),
    ):
        if moment:
            facts[name] = {"N": str(moment)}
    if listing.below:
        facts["b"] = {"BOOL": True}
    return {"M": facts}


def _listing(facts: Mapping[str, Any]) -> Listing:
    return Listing(
        ListingStatus(int(facts["s"]["N"])),
        assessment=_text(facts, "a"),
        category=_text(facts, "c"),
        detect_time=_number(facts, "t"),
        source_list=_text(facts, "n"),
        answered=_number(facts, "w"),
        expires=_number(facts, "e"),
        below="b" in facts,
    )


def has_expired(item: Mapping[str, Any], now_s: float) -> bool:
    """Return whether the retention of an item has ended: DynamoDB deletes it up to days later."""
    return "ttl" in item and int(item["ttl"]["N"]) <= now_s


def reputation_from_item(item: Mapping[str, Any]) -> Reputation | None:
    """Read the reputation of an item, None if it has none."""
    return _reputation(indicator_of(item), item)


def _reputation(indicator: Indicator, item: Mapping[str, Any]) -> Reputation | None:
    if "verdict" not in item:
        return None
    return Reputation(indicator, read_summary(indicator, item), int(item["n"]["N"]))


def from_item(item: Mapping[str, Any]) -> IocItem:
    """Read an item as ingestion needs it."""
    return IocItem(
        reputation=reputation_from_item(item),
        version=_bytes(item["ver"]["B"]),
        pending=_unpack(_bytes(item["pending"]["B"])) if "pending" in item else {},
        other_providers={
            name: value for name, value in item.items() if name.startswith(_PROVIDER_PREFIX)
        },
        override=read_override(item),
    )


def move_item(
    items: Sequence[Mapping[str, Any]], to: Indicator, named: AbstractSet[bytes], version: bytes
) -> Item:
    """Build the item of an IOC that was stored under several keys, or under another key.

    Args:
        items: the stored items; at least one.
        to: the IOC, in its canonical form.
        named: the reports that the ledger counts in the IOC, under any key.
        version: version of the new item.
    """
    stored = [from_item(item) for item in items]
    known = [one.reputation for one in stored if one.reputation]
    pending = {flow: run for one in stored for flow, run in one.pending.items()}
    other_providers: Item = {}
    for one in stored:
        for name, value in one.other_providers.items():
            other_providers[name] = min(other_providers.get(name, value), value, key=_rank)
    override = join(one.override for one in stored)
    key = ioc_key(to)
    if len(items) == 1:
        # All other attributes stay.
        item = {name: value for name, value in items[0].items() if name != "url"}
        item |= {"pk": {"S": key}, "ver": {"B": version}}
    elif known:
        summary = reduce(SightingSummary.join, [one.summary for one in known])
        left = {flow: run for flow, run in pending.items() if flow not in named}
        item = to_item(IocItem(Reputation(to, summary, 0), version, left, other_providers))
        # The latest end; no end if any item has none.
        ends = [int(one["ttl"]["N"]) for one in items if "ttl" in one]
        if len(ends) == len(items):
            item["ttl"] = {"N": str(max(ends))}
    else:
        item = {"pk": {"S": key}, "ver": {"B": version}, **other_providers}
    if override:
        # It was set on the IOC under its old spelling.
        item[OVERRIDE] = override_value(override._replace(on=to.value))
    if known:
        count = max([len(named | pending.keys()), *(one.counted for one in known)])
        item["n"] = {"N": str(count)}
    if key.startswith(Prefix.LONG_URL):
        item["url"] = {"S": to.value}
    return item


def _rank(part: Mapping[str, Any]) -> Any:
    return earlier_first(_listing(part["M"]))


def earlier_first(listing: Listing) -> Any:
    """Sort key that chooses between a provider's listings of two spellings; the first is kept."""
    others = (listing.status, listing.assessment, listing.category, listing.source_list)
    return -listing.answered, listing.detect_time or math.inf, *others


def indicator_of(item: Mapping[str, Any]) -> Indicator:
    """Return the IOC of an item."""
    if "url" in item:
        return Indicator(IndicatorType.URL, item["url"]["S"])
    kind, _, value = item["pk"]["S"].partition("#")
    return Indicator(IndicatorType(kind), value)


def _text(item: Mapping[str, Any], name: str) -> str:
    return str(item[name]["S"]) if name in item else ""


def _number(item: Mapping[str, Any], name: str) -> int:
    return int(item[name]["N"]) if name in item else 0


def _bytes(value: Any) -> bytes:
    return bytes(value)


def _pack(pending: Mapping[bytes, int]) -> bytes:
    return b"".join(flow + run.to_bytes(_RUN_BYTES, "big") for flow, run in sorted(pending.items()))


def _unpack(packed: bytes) -> dict[bytes, int]:
    size = _FLOW_BYTES + _RUN_BYTES
    return {
        packed[at : at + _FLOW_BYTES]: int.from_bytes(packed[at + _FLOW_BYTES : at + size], "big")
        for at in range(0, len(packed), size)
    }
