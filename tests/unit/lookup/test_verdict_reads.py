"""A bulk look-up of hashes reads a part of each item; its rows are those of the whole items."""

from dataclasses import replace
from itertools import product

import pytest

from functions.lookup.hashes import row_of
from functions.lookup.service import LookupResult
from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.indicator import Indicator, parse_hash
from shared.domain.override import Override
from shared.domain.provider import Listing, ListingStatus, Provider, provider_verdicts
from shared.domain.score import DEFAULT_HALF_LIVES, Scorer
from shared.domain.sighting_details import SightingDetails
from shared.domain.verdict import Verdict
from shared.store.items import (
    VERDICT_ATTRIBUTES,
    WITHOUT_DATES,
    IocItem,
    Item,
    listing_attribute,
    listing_value,
    record_from_item,
    to_item,
)
from tests.builders import reputation

NOW = 1_750_000_000_000
EMPTY_FILE = parse_hash("D41D8CD98F00B204E9800998ECF8427E")
ORDINARY = parse_hash("45F20E63F4726755015FDD5595BD46CC")
A_FILE, ANOTHER = parse_hash("A" * 64), parse_hash("B" * 64)
TYPES = frozenset({"md5"})
PROVIDERS = [
    Provider("list", "List", TYPES, updated=1),
    Provider("trust", "Trust", TYPES, updated=1, overrules=True),
]
LISTINGS = [
    {},
    {"list": Listing(ListingStatus.LISTED, "botnet", detect_time=7)},
    {"trust": Listing(ListingStatus.TRUSTED)},
]
# The report called it malicious, and publishing overruled that.
PUBLISHED = SightingDetails(
    evidence=(
        Evidence(EvidenceSource.RULE, Verdict.BENIGN, decides=True),
        Evidence(EvidenceSource.OSINT, Verdict.MALICIOUS, "a list"),
    )
).pack()
OVERRIDE = Override(1, 1, Verdict.BENIGN, "ours", "soc", "")


def _items(md5: Indicator) -> list[Item]:
    """Items of an MD5 in every combination of what its row depends on."""
    files: list[frozenset[Indicator]] = [
        frozenset(),
        frozenset({A_FILE}),
        frozenset({A_FILE, ANOTHER}),
    ]
    own = OVERRIDE._replace(on=md5.value)
    overrides = [
        None,
        own,
        own._replace(deleted=True),
        own._replace(expires=NOW - 1),
        OVERRIDE._replace(on=ANOTHER.value),
    ]
    items = []
    for verdict, worse, siblings, details, override, listings in product(
        Verdict, (False, True), files, ("", PUBLISHED), overrides, LISTINGS
    ):
        known = reputation(md5, verdict=verdict, siblings=siblings, details=details)
        if worse:
            worst = known.summary.latest._replace(
                seen_at=1, verdict=Verdict.MALICIOUS, flow_id="e" * 24
            )
            known = known._replace(summary=known.summary._replace(worst=worst))
        stored = IocItem(known, b"1", override=override)
        of_lists = {
            listing_attribute(provider): listing_value(listing)
            for provider, listing in listings.items()
        }
        items += [
            to_item(replace(stored, other_providers=of_lists)),
            {"pk": {"S": f"md5#{md5.value}"}, **of_lists},
        ]
    return items


def _row(md5: Indicator, item: Item) -> dict[str, object]:
    record = record_from_item(md5, item)
    others = provider_verdicts(record, PROVIDERS, NOW)
    found = LookupResult(md5, record.reputation, others)
    return row_of(md5.value, found, Scorer(NOW, DEFAULT_HALF_LIVES), with_details=False)


@pytest.mark.parametrize("md5", [EMPTY_FILE, ORDINARY])
def test_a_row_is_the_same_from_the_part_that_a_bulk_reads(md5: Indicator) -> None:
    read = {*VERDICT_ATTRIBUTES, *(listing_attribute(one.id) for one in PROVIDERS)}
    for item in _items(md5):
        part = {name: value for name, value in item.items() if name in read}
        part |= WITHOUT_DATES
        assert _row(md5, part) == _row(md5, item)


@pytest.mark.parametrize("left_out", sorted({*VERDICT_ATTRIBUTES} - {"pk", "ttl"}))
def test_each_part_that_a_bulk_reads_matters_to_a_row(left_out: str) -> None:
    def differs(md5: Indicator, item: Item) -> bool:
        part = {name: value for name, value in item.items() if name != left_out}
        try:
            return _row(md5, part) != _row(md5, item)
        except KeyError:
            return True

    assert any(differs(md5, item) for md5 in (EMPTY_FILE, ORDINARY) for item in _items(md5))
