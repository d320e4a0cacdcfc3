"""Finds the change of a verdict in a record of the IOC table's stream. Pure.

The verdict is the sandbox's, from the latest sighting, after the rules of `shared.domain.harmless`,
or that of an analyst.
Verdicts of other providers do not count, because networks, expiring answers and disabled providers
change them without a record.
docs/events.md describes the event.
"""

import hashlib
from base64 import b64decode
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from shared.domain.harmless import (
    EffectiveVerdict,
    Ruling,
    always_harmless,
    effective_sighting,
    is_bad,
    ruling_of,
)
from shared.domain.indicator import Indicator
from shared.domain.moment import format_millis
from shared.domain.override import Override, reputation_by_analyst
from shared.domain.reputation import Reputation
from shared.store.items import (
    OVERRIDE,
    indicator_of,
    read_override,
    record_from_item,
    reputation_from_item,
)

SOURCE = "ioc-reputation"
DETAIL_TYPE = "IOC verdict changed"
SCHEMA_VERSION = "1.2"
# AWS numbers records with 21 to 40 digits; texts of one length have the order of their numbers.
_SEQUENCE_DIGITS = 40
# DynamoDB itself deletes an item whose retention has ended.
_TTL_PRINCIPAL = "dynamodb.amazonaws.com"

Detail = dict[str, Any]


class Reason(StrEnum):
    """What changed a verdict; of several in one write the first one here."""

    OVERRIDE = "override"
    OVERRIDE_TAKEN_BACK = "override_taken_back"
    OVERRIDE_EXPIRED = "override_expired"
    RETRACTION = "retraction"
    REPORT = "report"  # a new one, or one that was restored
    RETENTION = "retention"
    DELETION = "deletion"  # by hand, or of an old spelling


def bad_indicator_in(record: Mapping[str, Any]) -> Indicator | None:
    """Return the IOC of a record if a trusted list may overrule its verdict, before or after.

    The arguments and errors are those of `change_in`.
    """
    reputations = filter(None, map(_reputation, _images(record)))
    bad = [one.indicator for one in reputations if is_bad(one.summary.shown.verdict)]
    return bad[0] if bad else None


def change_in(
    record: Mapping[str, Any], trusting: Mapping[Indicator, str] = MappingProxyType({})
) -> Detail | None:
    """Return the detail of the event for a record; None if the verdict did not change.

    Args:
        record: of a DynamoDB stream with old and new images, in Lambda's form.
        trusting: by IOC the name of a provider that overrules and trusts it.

    Raises:
        KeyError, ValueError: an image is not an item of the IOC table.
    """
    stream = record["dynamodb"]
    old, new = _images(record)
    before, after = _effective(old, trusting), _effective(new, trusting)
    reputation = _reputation(new) or _by_analyst(new)
    if _name(before) == _name(after):
        return None
    indicator = indicator_of(new or old)
    return {
        "schema_version": SCHEMA_VERSION,
        "id": _id(stream["Keys"]["pk"]["S"], old, new),
        "sequence": stream["SequenceNumber"].zfill(_SEQUENCE_DIGITS),
        "changed_at": format_millis(int(stream["ApproximateCreationDateTime"] * 1000)),
        "reason": _reason(record, old, new).value,
        "indicator": {"type": indicator.type.value, "value": indicator.value},
        "verdict": _name(after),
        "previous_verdict": _name(before),
        "overruled_by": after.overruled_by if after else "",
        "overruled_verdict": _overruled(after),
        "override": _override_fields(new),
        "reputation": None if reputation is None else _reputation_fields(reputation),
    }


def _reason(record: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> Reason:
    if not new:
        by_ttl = record.get("userIdentity", {}).get("principalId") == _TTL_PRINCIPAL
        return Reason.RETENTION if by_ttl else Reason.DELETION
    was, override = read_override(old), read_override(new)
    if override is not None and override != was:
        if not override.deleted:
            return Reason.OVERRIDE
        # Taking back is a decision of its own, with an id of its own.
        expired = was is not None and was.id == override.id
        return Reason.OVERRIDE_EXPIRED if expired else Reason.OVERRIDE_TAKEN_BACK
    before, after = _reputation(old), _reputation(new)
    if before is None:
        return Reason.REPORT
    # With reports a summary only grows.
    grown = after is not None and after.summary.join(before.summary) == after.summary
    return Reason.REPORT if grown else Reason.RETRACTION


def _images(record: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    stream = record["dynamodb"]
    return _image(stream.get("OldImage", {})), _image(stream.get("NewImage", {}))


def _image(image: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read the sets of bytes of an item, which Lambda writes in base64."""
    sets = {name: [*map(b64decode, value["BS"])] for name, value in image.items() if "BS" in value}
    return {**image, **{name: {"BS": values} for name, values in sets.items()}}


def _reputation(image: Mapping[str, Any]) -> Reputation | None:
    # None for an item with entries of providers only, and for one of a network.
    return reputation_from_item(image) if "verdict" in image else None


def _effective(
    image: Mapping[str, Any], trusting: Mapping[Indicator, str]
) -> EffectiveVerdict | None:
    reputation, ruling = _reputation(image), _of_analyst(image)
    if reputation is None:
        return EffectiveVerdict(ruling.verdict) if ruling else None
    indicator = reputation.indicator
    if ruling is None and (name := always_harmless(indicator) or trusting.get(indicator, "")):
        ruling = Ruling(name)
    return effective_sighting(indicator, reputation.summary.shown, ruling)


def _of_analyst(image: Mapping[str, Any]) -> Ruling | None:
    """Return the ruling of the override in an item."""
    override = _override(image)
    return ruling_of(indicator_of(image), override) if override else None


def _override(image: Mapping[str, Any]) -> Override | None:
    """Return the override in an item, unless it was taken back or has been ended.

    Its date alone ends it only for readers: the export run or ingestion writes the end.
    """
    if OVERRIDE not in image:
        return None
    return record_from_item(indicator_of(image), image).override


def _by_analyst(image: Mapping[str, Any]) -> Reputation | None:
    """The reputation of an IOC that only an analyst knows."""
    override = _override(image)
    if override is None or _of_analyst(image) is None:
        return None
    return reputation_by_analyst(indicator_of(image), override)


def _name(effective: EffectiveVerdict | None) -> str | None:
    return None if effective is None else effective.verdict.name


def _overruled(effective: EffectiveVerdict | None) -> str | None:
    if effective is None or effective.overruled_verdict is None:
        return None
    return effective.overruled_verdict.name


def _id(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Id of a change: the same after a retry, and unique, because versions never repeat."""
    versions = [image["ver"]["B"] if "ver" in image else "" for image in (old, new)]
    return hashlib.sha256("\n".join([*versions, key]).encode()).hexdigest()[:32]


def _override_fields(image: Mapping[str, Any]) -> Detail | None:
    override = _override(image)
    if override is None or _of_analyst(image) is None:
        return None
    return {
        "verdict": override.verdict.name,
        "reason": override.reason,
        "set_at": format_millis(override.set_at),
        "expires": format_millis(override.expires) if override.expires else None,
    }


def _reputation_fields(reputation: Reputation) -> Detail:
    summary = reputation.summary
    latest = summary.shown
    return {
        "flow_id": latest.flow_id,
        "report_id": latest.report_id,
        "report_date": format_millis(latest.seen_at),
        "report_verdict": latest.parent_verdict,
        "first_seen": format_millis(summary.first_seen),
        "last_seen": format_millis(summary.last_seen),
        "scan_count": reputation.scan_count,
    }
