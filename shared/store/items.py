"""An IOC and its item: the only place that knows the attributes.

pk       type and value, see shared.store.keys
ver      changes with every write and never repeats; every write is on condition of it
verdict, source, parent, origin, flow, report, seen
         the winning sighting; `source` is "report" if its verdict is that of the report,
         `report` its report_id, `seen` its date, left out when it equals `last`
first, last
         milliseconds since the epoch
n        distinct flow_ids counted by us
claimed  the count that a feed claims, when it claims one
tags     set of text
pending  reports that are counted in n and perhaps not yet in the ledger:
         10 bytes of report and 4 bytes of run number each
url      the value, where pk holds its digest only
ttl      epoch seconds of its end, where a retention is set and no provider lists it
l:<id>   what the provider <id> says, each written by nobody else: a map of
         s status, a assessment, c category, n source_list, and in milliseconds since the epoch
         t detect_time, w answered, e expires; what is empty is left out
What the sandbox says, from verdict to pending, is absent where only providers know the IOC.
Networks that providers list have items of the same kind.
"""

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.provider import IocRecord, Listing, ListingStatus
from shared.domain.reputation import Reputation, ScanVerdict, SightingSummary
from shared.domain.verdict import Verdict
from shared.store.keys import Prefix, ioc_key

Item = dict[str, Any]

_PROVIDER_PREFIX = "l:"
_FLOW_BYTES = 10
_RUN_BYTES = 4


@dataclass(frozen=True, slots=True)
class IocItem:
    """An IOC with what ingestion needs to join exactly.

    Attributes:
        reputation: None where only other providers know the IOC.
        version: of the item that this was read from or will be written to.
        pending: reports counted and perhaps not yet in the ledger, with the run that did it.
        other_providers: the parts of other providers, as they stand in the item.
    """

    reputation: Reputation | None
    version: bytes
    pending: Mapping[bytes, int] = field(default_factory=dict)
    other_providers: Mapping[str, Any] = field(default_factory=dict)


def to_item(stored: IocItem, retention_s: int = 0) -> Item:
    """The item of `stored`; `retention_s` after its last sighting it may go, 0 for never.

    Raises:
        ValueError: there is nothing of the sandbox in it.
    """
    if stored.reputation is None:
        raise ValueError("only what the sandbox says is written as a whole item")
    indicator = stored.reputation.indicator
    summary = stored.reputation.summary
    latest = summary.latest
    item: Item = {
        "pk": {"S": ioc_key(indicator)},
        "ver": {"B": stored.version},
        "verdict": {"N": str(latest.verdict.value)},
        "flow": {"S": latest.flow_id},
        "first": {"N": str(summary.first_seen)},
        "last": {"N": str(summary.last_seen)},
        "n": {"N": str(stored.reputation.counted)},
        **stored.other_providers,
    }
    texts = {
        "parent": latest.parent_verdict,
        "origin": latest.origin,
        "report": latest.report_id,
        "source": latest.source,
    }
    item |= {name: {"S": text} for name, text in texts.items() if text}
    if latest.seen_at != summary.last_seen:
        item["seen"] = {"N": str(latest.seen_at)}
    if summary.claimed_count:
        item["claimed"] = {"N": str(summary.claimed_count)}
    if summary.tags:
        item["tags"] = {"SS": sorted(summary.tags)}
    if stored.pending:
        item["pending"] = {"B": _pack(stored.pending)}
    if item["pk"]["S"].startswith(Prefix.LONG_URL):
        item["url"] = {"S": indicator.value}
    if retention_s and not stored.other_providers:
        item["ttl"] = {"N": str(summary.last_seen // 1000 + retention_s)}
    return item


def known_from_item(indicator: Indicator, item: Mapping[str, Any]) -> IocRecord:
    """What a look-up needs of the item of an IOC."""
    return IocRecord(indicator, _reputation(indicator, item), listings_from_item(item))


def listings_from_item(item: Mapping[str, Any]) -> dict[str, Listing]:
    """What providers say, by their ids."""
    return {
        name[2:]: _listing(value["M"])
        for name, value in item.items()
        if name[:2] == _PROVIDER_PREFIX
    }


def listing_attribute(provider: str) -> str:
    """Name of the attribute that belongs to a provider."""
    return f"{_PROVIDER_PREFIX}{provider}"


def listing_value(listing: Listing) -> Item:
    """Its value."""
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
    return {"M": facts}


def _listing(facts: Mapping[str, Any]) -> Listing:
    return Listing(
        ListingStatus(int(facts["s"]["N"])),
        assessment=_text(facts, "a"),
        category=_text(facts, "c"),
        detect_time=int(facts["t"]["N"]) if "t" in facts else 0,
        source_list=_text(facts, "n"),
        answered=int(facts["w"]["N"]) if "w" in facts else 0,
        expires=int(facts["e"]["N"]) if "e" in facts else 0,
    )


def reputation_from_item(item: Mapping[str, Any]) -> Reputation | None:
    """What the sandbox says, None for nothing."""
    return _reputation(indicator_of(item), item)


def _reputation(indicator: Indicator, item: Mapping[str, Any]) -> Reputation | None:
    if "n" not in item:
        return None
    last_seen = int(item["last"]["N"])
    return Reputation(
        indicator=indicator,
        summary=SightingSummary(
            latest=ScanVerdict(
                seen_at=int(item["seen"]["N"]) if "seen" in item else last_seen,
                verdict=Verdict(int(item["verdict"]["N"])),
                flow_id=item["flow"]["S"],
                parent_verdict=_text(item, "parent"),
                origin=_text(item, "origin"),
                report_id=_text(item, "report"),
                source=_text(item, "source"),
            ),
            first_seen=int(item["first"]["N"]),
            last_seen=last_seen,
            tags=frozenset(item["tags"]["SS"]) if "tags" in item else frozenset(),
            claimed_count=int(item["claimed"]["N"]) if "claimed" in item else 0,
        ),
        counted=int(item["n"]["N"]),
    )


def from_item(item: Mapping[str, Any]) -> IocItem:
    """What ingestion needs of an item."""
    return IocItem(
        reputation=reputation_from_item(item),
        version=_bytes(item["ver"]["B"]),
        pending=_unpack(_bytes(item["pending"]["B"])) if "pending" in item else {},
        other_providers={
            name: value for name, value in item.items() if name.startswith(_PROVIDER_PREFIX)
        },
    )


def move_item(
    items: Sequence[Mapping[str, Any]], to: Indicator, named: AbstractSet[bytes], version: bytes
) -> Item:
    """The item of an IOC that was stored under several keys, or under another one.

    Args:
        items: what is stored under each of them; at least one.
        to: the IOC, in its canonical form.
        named: the reports that the ledger counts in it, under any key.
        version: of the new item.
    """
    stored = [from_item(item) for item in items]
    known = [one.reputation for one in stored if one.reputation]
    pending = {flow: run for one in stored for flow, run in one.pending.items()}
    other_providers: Item = {}
    for one in stored:
        for name, value in one.other_providers.items():
            other_providers[name] = min(other_providers.get(name, value), value, key=_rank)
    key = ioc_key(to)
    if len(items) == 1:
        # Whatever else stands in it goes along.
        item = {name: value for name, value in items[0].items() if name != "url"}
        item |= {"pk": {"S": key}, "ver": {"B": version}}
    elif known:
        summary = reduce(SightingSummary.join, [one.summary for one in known])
        left = {flow: run for flow, run in pending.items() if flow not in named}
        item = to_item(IocItem(Reputation(to, summary, 0), version, left, other_providers))
        # The latest end, and none if one of them has none.
        ends = [int(one["ttl"]["N"]) for one in items if "ttl" in one]
        if len(ends) == len(items):
            item["ttl"] = {"N": str(max(ends))}
    else:
        item = {"pk": {"S": key}, "ver": {"B": version}, **other_providers}
    if known:
        count = max([len(named | pending.keys()), *(one.counted for one in known)])
        item["n"] = {"N": str(count)}
    if key.startswith(Prefix.LONG_URL):
        item["url"] = {"S": to.value}
    return item


def _rank(part: Mapping[str, Any]) -> Any:
    return earlier_first(_listing(part["M"]))


def earlier_first(listing: Listing) -> Any:
    """Orders what a provider says of two spellings of one thing; the first one is kept."""
    said = (listing.status, listing.assessment, listing.category, listing.source_list)
    return -listing.answered, listing.detect_time or math.inf, *said


def indicator_of(item: Mapping[str, Any]) -> Indicator:
    """The IOC whose item this is."""
    if "url" in item:
        return Indicator(IndicatorType.URL, item["url"]["S"])
    kind, _, value = item["pk"]["S"].partition("#")
    return Indicator(IndicatorType(kind), value)


def _text(item: Mapping[str, Any], name: str) -> str:
    return str(item[name]["S"]) if name in item else ""


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
