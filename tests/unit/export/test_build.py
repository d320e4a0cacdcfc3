"""A run of the export job: what it publishes, what it leaves alone, and what a crash leaves."""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from functions.export import export_source
from functions.export.build import STATE, publish
from functions.export.trust import JudgedIoc, Trust
from shared.domain import harmless
from shared.domain.errors import StoreError
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.moment import format_millis
from shared.domain.network import Network, NetworkIndex
from shared.domain.provider import Listing, ListingStatus, Provider
from shared.domain.reputation import Reputation
from shared.domain.verdict import Verdict
from shared.formats.exports import stix
from shared.formats.exports.index import ExportIndex, IndexedFile
from shared.store.whole_table import NotAllRead
from tests.builders import reputation
from tests.exports import OPTIONS, MemoryBucket

# Two weeks after the reports of the builders, so that no verdict has aged.
NOW = 1_750_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR
DOMAINS = [parse(IndicatorType.DOMAIN, f"d{n}.example") for n in range(5)]
KNOWN = [
    reputation(one, flow_id=f"flow-{n}", tags=frozenset({"b", "a"}))
    for n, one in enumerate(DOMAINS)
]


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


@pytest.fixture
def run(bucket: MemoryBucket, tmp_path: Path) -> Run:
    """Runs the job over some IOCs, in three pages, and as if it could not read on after that."""

    def run(
        known: list[Reputation],
        now: int = NOW,
        error: Exception | None = None,
        trusting: Mapping[Indicator, str] = MappingProxyType({}),
    ) -> dict[str, Any]:
        stored = [Trust().judged(one, {}) for one in known]

        def read(take: Callable[[list[JudgedIoc]], None]) -> Mapping[Indicator, str]:
            with ThreadPoolExecutor(3) as pool:
                list(pool.map(take, (stored[:2], stored[2:], [])))
            if error:
                raise error
            return trusting

        folder = tmp_path / "run"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        with ThreadPoolExecutor(2) as pool:
            return publish(
                read,
                bucket=bucket,
                options=OPTIONS,
                now=now,
                pool=pool,
                folder=folder,
            )

    return run


def changes(bucket: MemoryBucket) -> dict[str, tuple[str, str]]:
    """When each IOC was first exported, and when as it is now."""
    _, found = stix.read_page(bucket.text("stix/0001.json"))
    return {one["name"]: (one["created"], one["modified"]) for one in found}


def test_a_run_publishes_every_file_with_its_digest(bucket: MemoryBucket, run: Run) -> None:
    done = run(KNOWN)
    assert bucket.published
    assert (done["iocs"], bucket.published.iocs, bucket.published.built) == (5, 5, NOW)
    assert STATE not in bucket.published.files
    for name, entry in bucket.published.files.items():
        content = bucket.objects[f"{bucket.published.slot}/{name}"]
        assert (entry.size, entry.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    (page,) = bucket.published.pages
    _, (first, *_) = stix.read_page(bucket.text(page.name))
    assert (page.changed, page.id) == (NOW, first["id"])


def test_the_same_data_gives_the_same_bytes(bucket: MemoryBucket, run: Run) -> None:
    run(KNOWN)
    assert bucket.published
    before = {name: bucket.text(name) for name in bucket.published.files}
    run(KNOWN[::-1], NOW + HOUR)
    assert {name: bucket.text(name) for name in before} == before


def test_what_a_set_holds_already_is_not_written_again(bucket: MemoryBucket, run: Run) -> None:
    run(KNOWN)
    run(KNOWN, NOW + HOUR)
    bucket.puts.clear()
    assert run(KNOWN, NOW + 2 * HOUR)["written"] == 1
    assert bucket.puts == [STATE]


def test_what_the_bucket_would_forget_is_written_again(bucket: MemoryBucket, run: Run) -> None:
    run(KNOWN)
    run(KNOWN, NOW + 24 * HOUR)
    bucket.puts.clear()
    run(KNOWN, NOW + 16 * 24 * HOUR)
    assert "iocs.csv" in bucket.puts


def indicators(bucket: MemoryBucket) -> list[tuple[str, bool, str]]:
    """Id, whether it is revoked, and last change of each STIX indicator."""
    _, found = stix.read_page(bucket.text("stix/0001.json"))
    return [(one["id"], one.get("revoked", False), one["modified"]) for one in found]


def test_an_indicator_that_is_no_longer_bad_is_revoked_once_and_returns_as_another(
    bucket: MemoryBucket, run: Run
) -> None:
    bad = KNOWN[0]
    hours = [format_millis(NOW + n * HOUR) for n in range(6)]
    run([bad])
    [(first, revoked, _)] = indicators(bucket)
    assert not revoked
    for hour, verdict in ((1, Verdict.SUSPICIOUS), (2, Verdict.BENIGN), (3, Verdict.NO_THREAT)):
        run([reputation(DOMAINS[0], verdict=verdict, counted=hour)], NOW + hour * HOUR)
        # The standard allows no version after the one that revokes.
        assert indicators(bucket) == [(first, True, hours[1])]
    run([bad], NOW + 4 * HOUR)
    [old, (second, revoked, since)] = indicators(bucket)
    # Clients that have not asked meanwhile learn of the revocation, too.
    assert old == (first, True, hours[1])
    assert (revoked, since) == (False, hours[4])
    assert second != first
    for name in (first, second):
        assert name.removeprefix("indicator--") in bucket.text(f"taxii/ids-{name[11]}.txt")
    run([reputation(DOMAINS[0], verdict=Verdict.BENIGN)], NOW + 5 * HOUR)
    assert indicators(bucket) == [old, (second, True, hours[5])]
    run([bad], NOW + 6 * HOUR)
    assert indicators(bucket)[:2] == [old, (second, True, hours[5])]


def test_what_never_was_bad_enough_has_no_indicator(bucket: MemoryBucket, run: Run) -> None:
    mild = [
        reputation(one, verdict=verdict)
        for one, verdict in zip(DOMAINS, sorted(Verdict), strict=True)
    ]
    run(mild)
    assert set(changes(bucket)) == {"d3.example", "d4.example"}
    event = json.loads(bucket.text(f"misp/{events(bucket)[0]}.json"))["Event"]
    for attribute in event["Attribute"]:
        assert attribute["to_ids"] == (attribute["value"] in changes(bucket))


def events(bucket: MemoryBucket) -> list[str]:
    """The ids of the MISP events."""
    return list(json.loads(bucket.text("misp/manifest.json")))


def test_a_state_of_before_withdrawals_counts_every_ioc_as_an_indicator(
    bucket: MemoryBucket, run: Run, tmp_path: Path
) -> None:
    run([KNOWN[0], reputation(DOMAINS[1], verdict=Verdict.BENIGN)])
    assert bucket.published
    name = f"{bucket.published.slot}/{STATE}"
    old = tmp_path / "old.sqlite"
    old.write_bytes(bucket.objects[name])
    with closing(sqlite3.connect(old)) as connection:
        for column in ("withdrawn", "episode", "indicator_id", "harmless"):
            connection.execute(f"ALTER TABLE iocs DROP COLUMN {column}")
        connection.execute("DROP TABLE revoked")
        connection.execute("UPDATE iocs SET created = changed")
        connection.commit()
    bucket.objects[name] = old.read_bytes()
    run([KNOWN[0], reputation(DOMAINS[1], verdict=Verdict.BENIGN)], NOW + HOUR)
    assert [(revoked, at) for _, revoked, at in indicators(bucket)] == [
        (False, format_millis(NOW)),
        (True, format_millis(NOW + HOUR)),
    ]


HARMLESS = [
    Indicator(IndicatorType.IP, "127.0.0.1"),
    Indicator(IndicatorType.IP, "169.254.169.254"),
    Indicator(IndicatorType.DOMAIN, "printer.local"),
    Indicator(IndicatorType.MD5, "D41D8CD98F00B204E9800998ECF8427E"),
]


def test_the_harmless_is_in_no_export(bucket: MemoryBucket, run: Run) -> None:
    run([KNOWN[0], *map(reputation, HARMLESS)])
    assert bucket.published
    for name in bucket.published.files:
        text = bucket.text(name)
        assert not any(one.value.lower() in text.lower() for one in HARMLESS), name


def test_a_name_below_a_trusted_name_is_in_no_export(bucket: MemoryBucket, run: Run) -> None:
    names = ("www.popular.example", "a.b.popular.example", "popular.example", "unpopular.example")
    domains = [parse(IndicatorType.DOMAIN, name) for name in names]
    run([reputation(one) for one in domains], trusting={domains[2]: "Top sites"})
    # The trusted name itself is overruled by its own listing.
    left = bucket.text("blocklist/domain-malicious.txt")
    assert left == "popular.example\nunpopular.example\n"


def name_of_rule(judged: JudgedIoc) -> str:
    return judged.rule.name if judged.rule else ""


@pytest.mark.parametrize(
    ("listing", "rule"),
    [
        (Listing(ListingStatus.TRUSTED), "Top sites"),
        (Listing(ListingStatus.LISTED, "malware"), ""),
        (None, ""),
    ],
)
def test_a_trusted_list_overrules_an_ioc(listing: Listing | None, rule: str) -> None:
    provider = Provider("top", "Top sites", frozenset(IndicatorType), 1, overrules=True)
    trust = Trust([provider], {"top": NetworkIndex([Network("198.51.100.0/28")])})
    listings = {} if listing is None else {"top": listing}
    assert name_of_rule(trust.judged(reputation(), listings)) == rule
    for address, expected in (("198.51.100.7", "Top sites"), ("198.51.100.16", "")):
        found = trust.judged(reputation(parse(IndicatorType.IP, address)), {})
        assert name_of_rule(found) == expected
    mild = reputation(verdict=Verdict.NO_THREAT)
    assert name_of_rule(trust.judged(mild, listings)) == ""


def test_what_turns_out_to_be_harmless_is_taken_back(
    bucket: MemoryBucket, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before_the_rule:
        for module in (harmless, export_source):
            before_the_rule.setattr(module, "always_harmless", lambda _: "")
        run([reputation(HARMLESS[0])])
    assert bucket.text("blocklist/ip-malicious.txt") == "127.0.0.1\n"
    run([reputation(HARMLESS[0])], NOW + HOUR)
    assert bucket.text("blocklist/ip-suspicious.txt") == ""
    assert [revoked for _, revoked, _ in indicators(bucket)] == [True]
    event = json.loads(bucket.text(f"misp/{events(bucket)[0]}.json"))["Event"]
    assert [one["to_ids"] for one in event["Attribute"]] == [False]


def test_a_report_sets_no_tag_of_a_reserved_namespace(bucket: MemoryBucket, run: Run) -> None:
    hostile = ["tlp:white", "TLP:CLEAR", "verdict:benign", " Verdict : benign", "PAP:WHITE"]
    hostile += ["false-positive:risk=high", "misp:confidence", "\uff34\uff2c\uff30:white"]
    hostile += ["t\u200blp:white", "v\u200derdict:benign", "\ntlp:white", "", "\u202e"]
    good = ["docm", "macro", "misp-galaxy:malware=x", "tlp", "a:tlp:white"]
    run([reputation(DOMAINS[0], tags=frozenset(hostile + good))])
    _, [indicator] = stix.read_page(bucket.text("stix/0001.json"))
    assert indicator["labels"] == ["verdict:malicious", *sorted(good)]
    event = json.loads(bucket.text(f"misp/{events(bucket)[0]}.json"))["Event"]
    assert [tag["name"] for tag in event["Tag"]] == ["tlp:amber"]
    [attribute] = event["Attribute"]
    assert [tag["name"] for tag in attribute["Tag"]] == ["verdict:malicious", *sorted(good)]
    row = bucket.text("iocs.csv").splitlines()[1]
    assert "|".join(sorted(good)) in row


@pytest.mark.parametrize(
    "value",
    [
        "0.0.0.0.0.rpz-client-ip",
        "32.1.0.0.127.RPZ-CLIENT-IP",
        "24.0.2.0.192.rpz-ip",
        "rpz-passthru",
        "*.example",
        "*",
        "@",
        "$INCLUDE /etc/passwd",
        "a.example\nb.example",
        "a.example CNAME rpz-passthru.",
        "a.example # b",
        "a/b.example",
        "EVIL.example",
        "x" * 64 + ".example",
    ],
)
def test_a_stored_value_that_is_not_an_indicator_is_in_no_export(
    bucket: MemoryBucket, run: Run, value: str
) -> None:
    assert run([reputation(Indicator(IndicatorType.DOMAIN, value)), KNOWN[0]])["iocs"] == 1
    assert bucket.text("blocklist/domain-malicious.txt") == "d0.example\n"


def test_only_what_changed_gets_a_new_version(bucket: MemoryBucket, run: Run) -> None:
    run(KNOWN[:4])
    milder = reputation(DOMAINS[1], flow_id="flow-1", verdict=Verdict.LIKELY_MALICIOUS)
    run([KNOWN[0], milder, *KNOWN[2:]], NOW + HOUR)
    first, second = format_millis(NOW), format_millis(NOW + HOUR)
    assert changes(bucket) == {
        "d0.example": (first, first),
        "d1.example": (first, second),
        "d2.example": (first, first),
        "d3.example": (first, first),
        "d4.example": (second, second),
    }
    # Changed entries come last, so a client that has read the rest reads only the end.
    assert list(changes(bucket))[3:] in (["d1.example", "d4.example"], ["d4.example", "d1.example"])


@pytest.mark.parametrize(
    "other",
    [
        {"verdict": Verdict.BENIGN},
        {"flow_id": "another"},
        {"report_id": "another"},
        {"tags": frozenset({"a"})},
        {"first_seen": 1_700_000_000_000},
        {"last_seen": 1_790_000_000_000},
        {"counted": 2},
    ],
    ids=lambda other: next(iter(other)),
)
def test_whatever_an_export_tells_makes_a_new_version(
    bucket: MemoryBucket, run: Run, other: dict[str, Any]
) -> None:
    run([KNOWN[0]])
    fields = {"flow_id": "flow-0", "tags": frozenset({"a", "b"})} | other
    run([reputation(DOMAINS[0], **fields)], NOW + HOUR)
    assert changes(bucket)["d0.example"][1] == format_millis(NOW + HOUR)


def test_a_clock_that_goes_back_hides_no_change(bucket: MemoryBucket, run: Run) -> None:
    run(KNOWN[:1])
    run(KNOWN, NOW - HOUR)
    assert changes(bucket)["d4.example"][1] == format_millis(NOW + 1)


def test_what_is_no_longer_stored_is_no_longer_exported(bucket: MemoryBucket, run: Run) -> None:
    run(KNOWN)
    assert run(KNOWN[:1], NOW + HOUR)["iocs"] == 1
    assert bucket.text("blocklist/domain-malicious.txt") == "d0.example\n"
    assert len(bucket.text("iocs.csv").splitlines()) == 2
    assert [revoked for _, revoked, _ in indicators(bucket)] == [False, *[True] * 4]


def test_when_not_everything_is_read_what_is_published_stays(
    bucket: MemoryBucket, run: Run
) -> None:
    run(KNOWN[:1])
    with pytest.raises(NotAllRead):
        run(KNOWN, NOW + HOUR, NotAllRead("no time"))
    assert list(changes(bucket)) == ["d0.example"]


@pytest.mark.parametrize("fails_at", ["iocs.csv", "misp/manifest.json", STATE])
def test_a_crash_leaves_what_is_published_and_the_next_run_whole(
    bucket: MemoryBucket, run: Run, fails_at: str
) -> None:
    run(KNOWN[:1])
    run(KNOWN[:2], NOW + HOUR)
    bucket.fails_at = fails_at
    with pytest.raises(StoreError):
        run(KNOWN, NOW + 2 * HOUR)
    assert len(changes(bucket)) == 2
    bucket.fails_at = ""
    # As it was in the set before the crash: what the crash wrote over must be written again.
    run(KNOWN[:1], NOW + 3 * HOUR)
    assert bucket.published
    for name, entry in bucket.published.files.items():
        assert hashlib.sha256(bucket.text(name).encode()).hexdigest() == entry.sha256, name


def test_the_index_survives_its_text() -> None:
    index = ExportIndex(NOW, "a", 1, {"x": IndexedFile(1, "ab", "text/plain", NOW)}, ())
    assert ExportIndex.from_json(index.as_json()) == index
    assert json.loads(replace(index, iocs=2).as_json())["iocs"] == 2


def test_what_is_past_its_validity_leaves_the_lists_and_is_not_revoked(
    bucket: MemoryBucket, run: Run
) -> None:
    run([KNOWN[0]])
    [(first, _, since)] = indicators(bucket)
    _, [indicator] = stix.read_page(bucket.text("stix/0001.json"))
    # 195 days after it was last seen.
    assert indicator["valid_until"].startswith("2025-12-13T")
    done = run([KNOWN[0]], NOW + 200 * DAY)
    assert (done["iocs"], done["indicators"]) == (0, 0)
    assert indicators(bucket) == []
    for name in ("blocklist/domain-malicious.txt", "blocklist/domain-malicious.hosts"):
        assert bucket.text(name) == ""
    assert len(bucket.text("iocs.csv").splitlines()) == 1
    assert to_ids(bucket) == [False]
    # It is seen again: the same indicator, with a later end.
    seen = reputation(DOMAINS[0], seen_at=NOW + 201 * DAY, first_seen=1_748_764_800_000)
    run([seen], NOW + 202 * DAY)
    assert indicators(bucket) == [(first, False, format_millis(NOW + 202 * DAY))]
    assert since < format_millis(NOW + 202 * DAY)
    assert to_ids(bucket) == [True]


def to_ids(bucket: MemoryBucket) -> list[bool]:
    """The flags of all MISP attributes."""
    return [
        one["to_ids"]
        for event in events(bucket)
        for one in json.loads(bucket.text(f"misp/{event}.json"))["Event"]["Attribute"]
    ]


def test_what_is_no_longer_stored_is_revoked_and_forgotten_after_400_days(
    bucket: MemoryBucket, run: Run
) -> None:
    run([KNOWN[0]])
    [(first, _, _)] = indicators(bucket)
    for days in (1, 2, 400):
        run([], NOW + days * DAY)
        assert indicators(bucket) == [(first, True, format_millis(NOW + DAY))]
        assert to_ids(bucket) == [False]
        assert "d0.example" in bucket.text("changes/0001.jsonl")
    run([], NOW + 401 * DAY)
    assert indicators(bucket) == []
    assert bucket.published
    assert not any("d0.example" in bucket.text(name) for name in bucket.published.files)


def test_what_expired_and_is_then_deleted_is_not_revoked(bucket: MemoryBucket, run: Run) -> None:
    run([KNOWN[0]])
    run([KNOWN[0]], NOW + 200 * DAY)
    run([], NOW + 201 * DAY)
    assert indicators(bucket) == []
    assert to_ids(bucket) == [False]


def test_a_verdict_that_falls_after_the_validity_ended_is_revoked(
    bucket: MemoryBucket, run: Run
) -> None:
    run([KNOWN[0]])
    run([KNOWN[0]], NOW + 200 * DAY)
    run([reputation(DOMAINS[0], verdict=Verdict.BENIGN)], NOW + 201 * DAY)
    assert [revoked for _, revoked, _ in indicators(bucket)] == [True]


def test_an_analysts_verdict_does_not_expire(bucket: MemoryBucket, tmp_path: Path) -> None:
    ruling = harmless.Ruling("Analyst", Verdict.MALICIOUS, of_analyst=True)

    def read(take: Callable[[list[JudgedIoc]], None]) -> Mapping[Indicator, str]:
        take([JudgedIoc(KNOWN[0], ruling)])
        return {}

    with ThreadPoolExecutor(1) as pool:
        publish(
            read,
            bucket=bucket,
            options=OPTIONS,
            now=NOW + 2000 * DAY,
            pool=pool,
            folder=tmp_path,
        )
    assert bucket.text("blocklist/domain-malicious-75.txt") == "d0.example\n"
    assert bucket.text("iocs.csv").splitlines()[1].endswith(",100,")
