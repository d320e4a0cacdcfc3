"""Scan reports: where the evidence is, and that no input costs more than itself."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.publish import scan as scan_reader
from functions.publish.history import History
from functions.publish.intake import content_digest, feed_item
from functions.publish.scan import MAX_ORIGINS, RejectedReport, ScanReport, read_scan
from functions.publish.verdict_rule import decide
from shared.domain.errors import FeedError
from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.moment import format_millis
from shared.domain.provider import SANDBOX_PROVIDER
from shared.domain.verdict import Verdict
from tests.ingestion import NOW
from tests.scans import (
    address_data,
    body_of,
    hash_data,
    osint,
    raw_file,
    raw_scan,
    raw_scan_report,
    read_one,
    read_raw,
    scan_ioc,
)

EVIL = parse(IndicatorType.DOMAIN, "evil.example")
IP = parse(IndicatorType.IP, "203.0.113.7")
URL = parse(IndicatorType.URL, "http://evil.example/a")


def sha256(letter: str) -> Indicator:
    return parse(IndicatorType.SHA256, letter * 64)


def hashes(letter: str) -> set[Indicator]:
    kinds = {IndicatorType.MD5: 32, IndicatorType.SHA1: 40, IndicatorType.SHA256: 64}
    return {parse(kind, letter * digits) for kind, digits in kinds.items()}


def said(report: ScanReport, indicator: Indicator) -> set[tuple[EvidenceSource, Verdict, str]]:
    """The evidence that is no echo."""
    evidence = report.iocs[indicator].evidence
    return {(one.source, one.verdict, one.name) for one in evidence if not one.echo}


def test_what_names_and_dates_a_report() -> None:
    report = read_one()
    assert (report.flow_id, report.verdict) == ("66b3763be7dbbbdfcd0a6a96", "MALICIOUS")
    assert format_millis(report.seen_at) == "2025-06-03T08:00:00.000Z"
    assert report.tags == {"peexe"}
    assert report.file.to_object() == {
        "name": "a.exe",
        "type": "pe",
        "md5": "a" * 32,
        "sha1": "a" * 40,
        "sha256": "a" * 64,
    }


def test_a_report_that_does_not_date_itself_has_the_date_of_its_scan() -> None:
    [report] = read_raw(
        raw_scan(raw_scan_report(created_date=None), scanStartedDate="06/05/2025, 10:15:00")
    )
    assert isinstance(report, ScanReport)
    assert format_millis(report.seen_at) == "2025-06-05T10:15:00.000Z"


def test_the_level_decides_where_a_verdict_is_missing_or_not_known() -> None:
    report = read_one(
        {"domain": [scan_ioc("evil.example", None, threatLevel=0.75)]},
        finalVerdict={"verdict": "DREADFUL", "threatLevel": 0.75},
        files=raw_file("a", None, raw_file("b", level=0.75)),
    )
    assert report.verdict == "LIKELY_MALICIOUS"
    for one, source in (
        (EVIL, EvidenceSource.REPORT),
        (sha256("a"), EvidenceSource.REPORT),
        (sha256("b"), EvidenceSource.FILE),
    ):
        assert said(report, one) == {(source, Verdict.LIKELY_MALICIOUS, "")}


def test_the_names_of_the_newer_sandbox_are_evidence_everywhere() -> None:
    report = read_one(
        {"domain": [scan_ioc("evil.example", "high risk")]},
        finalVerdict={"verdict": "Confirmed-Threat"},
        files=raw_file("a", "Trusted", raw_file("b", "low_risk")),
    )
    assert report.verdict == "MALICIOUS"
    assert said(report, EVIL) == {(EvidenceSource.REPORT, Verdict.LIKELY_MALICIOUS, "")}
    assert said(report, sha256("a")) == {(EvidenceSource.REPORT, Verdict.MALICIOUS, "")}
    assert said(report, sha256("b")) == {(EvidenceSource.FILE, Verdict.SUSPICIOUS, "")}


def test_what_xml_cannot_spell_is_left_out_and_costs_a_report_only_in_its_names() -> None:
    report = read_one(
        {"domain": [scan_ioc("evil.example", "MALICIOUS", tags=["a\x00", "\x1f"])]},
        file={"name": "a\r\ufffe.exe", "type": "\x0bpe"},
        results=[osint("DOMAIN", "evil.example", "MALICIOUS", provider="LI\x00STS")],
    )
    assert report.file.to_object() == {"name": "a.exe", "type": "pe"}
    assert report.iocs[EVIL].tags == {"a"}
    assert (EvidenceSource.OSINT, Verdict.MALICIOUS, "LISTS") in said(report, EVIL)
    [rejected] = read_raw(raw_scan(raw_scan_report(), flow_id="a\ufffe"))
    assert isinstance(rejected, RejectedReport)
    assert rejected.reason == "flow_id or report_id has a character that XML cannot represent"


def test_an_ioc_of_a_newer_report_has_a_verdict_of_its_own() -> None:
    report = read_one({"domain": [scan_ioc("evil.example", "SUSPICIOUS", tags=["c2", 5, ""])]})
    assert said(report, EVIL) == {(EvidenceSource.REPORT, Verdict.SUSPICIOUS, "")}
    assert report.iocs[EVIL].tags == {"c2"}
    assert report.iocs[EVIL].origins == [{"type": "VBA_EMULATION", "identifier": "a" * 64}]


@pytest.mark.parametrize("verdict", [None, "UNKNOWN", ""])
def test_an_ioc_without_one_is_there_and_nothing_is_said_of_it(verdict: object) -> None:
    assert said(read_one({"domain": [scan_ioc("evil.example", verdict)]}), EVIL) == set()


def test_several_spellings_of_one_ioc_are_one() -> None:
    report = read_one(
        {
            "domain": [
                scan_ioc("Evil.Example", "NO_THREAT", tags=["a"]),
                scan_ioc("evil.example.", "MALICIOUS", origins=[{"type": "DNS"}], tags=["b"]),
            ],
            "DOMAIN": [scan_ioc("EVIL.EXAMPLE")],
        }
    )
    assert {one for one in report.iocs if one.type is IndicatorType.DOMAIN} == {EVIL}
    observed = report.iocs[EVIL]
    assert [origin["type"] for origin in observed.origins] == ["VBA_EMULATION", "DNS"]
    assert observed.tags == {"a", "b"}
    assert decide(observed.evidence).verdict is Verdict.MALICIOUS


def test_the_file_that_was_scanned_has_the_verdict_of_the_report_for_all_its_hashes() -> None:
    report = read_one({}, finalVerdict={"verdict": "SUSPICIOUS"})
    assert set(report.iocs) == hashes("a")
    for one in report.iocs:
        assert said(report, one) == {(EvidenceSource.REPORT, Verdict.SUSPICIOUS, "")}
        assert report.iocs[one].origins == [{"type": "INPUT_FILE", "identifier": "a" * 64}]


def test_a_file_of_which_no_analysis_stands_has_the_hash_that_names_it() -> None:
    report = read_one({}, resources={}, file={"name": "a", "hash": "b" * 40})
    assert set(report.iocs) == {parse(IndicatorType.SHA1, "b" * 40)}


def test_a_report_without_verdict_says_nothing_of_its_file() -> None:
    report = read_one({}, finalVerdict={"verdict": "UNKNOWN"})
    assert report.verdict == "UNKNOWN"
    assert said(report, sha256("a")) == set()


def test_extracted_files_have_their_own_verdict_at_any_depth() -> None:
    innermost = raw_file("d", "NO_THREAT")
    files = raw_file(
        "a", "MALICIOUS", raw_file("b", "LIKELY_MALICIOUS", innermost), raw_file("c", "UNKNOWN")
    )
    report = read_one({}, files=files)
    assert set(report.iocs) == hashes("a") | hashes("b") | hashes("d")
    assert said(report, sha256("b")) == {(EvidenceSource.FILE, Verdict.LIKELY_MALICIOUS, "")}
    assert said(report, sha256("d")) == {(EvidenceSource.FILE, Verdict.NO_THREAT, "")}
    assert report.iocs[sha256("d")].origins == [{"type": "EXTRACTED_FILE", "identifier": "b" * 64}]


def test_the_file_that_was_scanned_is_none_that_was_extracted() -> None:
    report = read_one({}, files=raw_file("a", "NO_THREAT", raw_file("a", "NO_THREAT")))
    assert said(report, sha256("a")) == {(EvidenceSource.REPORT, Verdict.MALICIOUS, "")}


@pytest.mark.parametrize("verdict", ["LIKELY_MALICIOUS", {"verdict": "LIKELY_MALICIOUS"}])
@pytest.mark.parametrize(
    ("kind", "resource", "indicator"),
    [
        ("IP", "203.0.113.7", IP),
        ("DOMAIN", "Evil.example", EVIL),
        ("URL", "http://evil.example:80/a", URL),
        ("FILE_HASH_SHA256", "b" * 64, sha256("b")),
    ],
)
def test_an_osint_result_speaks_of_the_ioc_that_it_names(
    kind: str, resource: str, indicator: Indicator, verdict: object
) -> None:
    iocs = {indicator.type.value: [scan_ioc(indicator.value)]}
    report = read_one(iocs, results=[osint(kind, resource, verdict)])
    assert said(report, indicator) == {(EvidenceSource.OSINT, Verdict.LIKELY_MALICIOUS, "LISTS")}


@pytest.mark.parametrize(
    "result",
    [
        osint("DOMAIN", "other.example", "MALICIOUS"),
        osint("URL", "http://evil.example/", "MALICIOUS"),
        osint("IP", "no address", "MALICIOUS"),
        osint("EMAIL", "evil.example", "MALICIOUS"),
        osint("DOMAIN", "evil.example", "UNKNOWN"),
        osint("DOMAIN", "evil.example", "EVIL"),
        osint("DOMAIN", "evil.example", None),
        "a text",
    ],
)
def test_an_osint_result_about_nothing_here_says_nothing(result: object) -> None:
    report = read_one({"domain": [scan_ioc("evil.example")]}, results=[result])
    assert set(report.iocs) == {EVIL, *hashes("a")}
    assert said(report, EVIL) == set()


HIGH, TRUST, NOTHING = (1, "high risk"), (0, "trustworthy"), (5, "")


@pytest.mark.parametrize(
    ("providers", "verdict"),
    [
        ([(SANDBOX_PROVIDER, *HIGH)], None),
        ([(SANDBOX_PROVIDER.upper(), *HIGH), ("lists.example", *NOTHING)], None),
        ([(SANDBOX_PROVIDER, *HIGH), ("allow.example", *TRUST)], Verdict.BENIGN),
        ([(SANDBOX_PROVIDER, *TRUST), ("lists.example", 1, "malware")], Verdict.LIKELY_MALICIOUS),
    ],
)
def test_what_this_service_said_is_taken_out_of_an_answer(
    providers: list[tuple[str, int, str]], verdict: Verdict | None
) -> None:
    data = address_data("evil.example", *providers)
    result = osint("DOMAIN", "evil.example", "MALICIOUS", data)
    report = read_one({"domain": [scan_ioc("evil.example")]}, results=[result])
    expected = set() if verdict is None else {(EvidenceSource.OSINT, verdict, "LISTS")}
    assert said(report, EVIL) == expected


@pytest.mark.parametrize(
    ("data", "verdict"),
    [(hash_data(us=1), None), (hash_data(us=1, clean=0), None), (hash_data(us=0, av=1), "known")],
)
def test_likewise_out_of_an_answer_for_a_hash(data: object, verdict: object) -> None:
    result = osint("FILE_HASH_SHA256", "b" * 64, "MALICIOUS", data)
    report = read_one({"sha256": [scan_ioc("b" * 64)]}, results=[result])
    strong = [one for one in said(report, sha256("b")) if one[1] >= Verdict.LIKELY_MALICIOUS]
    assert bool(strong) == bool(verdict)


@pytest.mark.parametrize(
    "data",
    [
        {"lookup_results": SANDBOX_PROVIDER},
        {"data": [{"provider": [SANDBOX_PROVIDER]}]},
        address_data("other.example", (SANDBOX_PROVIDER, *HIGH), ("lists.example", *HIGH)),
    ],
)
def test_an_answer_that_names_this_service_and_cannot_be_read_is_no_evidence(data: object) -> None:
    result = osint("DOMAIN", "evil.example", "MALICIOUS", data)
    assert said(read_one({"domain": [scan_ioc("evil.example")]}, results=[result]), EVIL) == set()


def test_an_answer_by_this_service_is_no_evidence_even_if_it_does_not_say_more() -> None:
    result = osint("DOMAIN", "evil.example", "MALICIOUS", {}, provider=SANDBOX_PROVIDER)
    assert said(read_one({"domain": [scan_ioc("evil.example")]}, results=[result]), EVIL) == set()


@pytest.mark.parametrize("provider", [None, 5, "x" * 500, "\ud800", ["LISTS"]])
def test_a_provider_with_an_impossible_name_goes_without(provider: object) -> None:
    result = osint("DOMAIN", "evil.example", "SUSPICIOUS", provider=provider)
    report = read_one({"domain": [scan_ioc("evil.example")]}, results=[result])
    assert said(report, EVIL) == {(EvidenceSource.OSINT, Verdict.SUSPICIOUS, "")}


def test_a_bad_ioc_costs_itself() -> None:
    report = read_one(
        {
            "domain": [
                scan_ioc("no domain", "MALICIOUS"),
                scan_ioc("a.example", "EVIL"),
                "b.example",
                scan_ioc("evil.example", "MALICIOUS"),
            ],
            "ip": {"data": "203.0.113.7"},
            "email": [scan_ioc("a@evil.example"), scan_ioc("b@evil.example")],
            "url": None,
        }
    )
    assert set(report.iocs) == {EVIL, *hashes("a")}
    assert [reason.partition(":")[0] for reason in report.rejected] == ["domain"] * 3 + ["ip"]
    assert report.passed_over == 2


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("r2", {"created_date": "never"}),
        ("r2", {"iocs": "none"}),
        ("r2", None),
        ("r2", []),
        ("r\n2", {}),
        ("r" * 200, {}),
        ("", {}),
    ],
)
def test_a_bad_report_costs_itself(name: str, bad: Any) -> None:
    scan = raw_scan(raw_scan_report())
    scan["reports"][name] = raw_scan_report(**bad) if isinstance(bad, dict) else bad
    good, rejected = read_raw(scan)
    assert isinstance(good, ScanReport)
    assert isinstance(rejected, RejectedReport)
    assert (rejected.report_id, bool(rejected.reason)) == (name, True)


@pytest.mark.parametrize("flow_id", [None, "", 5, "a\nb", "x" * 129, "\ud800"])
def test_without_a_scan_that_can_be_named_there_is_no_report(flow_id: object) -> None:
    [rejected] = read_raw(raw_scan(raw_scan_report(), flow_id=flow_id))
    assert isinstance(rejected, RejectedReport)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff{}",
        b"[]",
        b"{}",
        b'{"reports": []}',
        b'{"reports": {"a": NaN}}',
        b'{"reports": ' + b"[" * 100_000,
        body_of(raw_scan(raw_scan_report(), allFinished=False)),
    ],
)
def test_what_is_no_finished_scan_is_refused(body: bytes) -> None:
    with pytest.raises(FeedError):
        read_scan(body, NOW)


def test_origins_are_bounded() -> None:
    origins = [{"type": f"T{n}", "identifier": "x" * 1000} for n in range(1000)]
    report = read_one({"domain": [scan_ioc("evil.example", origins=origins)]})
    assert report.iocs[EVIL].origins == [{"type": f"T{n}"} for n in range(MAX_ORIGINS)]


def test_a_bomb_of_files_is_bounded() -> None:
    file = json.dumps(raw_file("b", "MALICIOUS"))
    scan = json.dumps(raw_scan(raw_scan_report({}, files=raw_file("a", "MALICIOUS"))))
    bomb = scan.replace('"extractedFiles": []', f'"extractedFiles": [{",".join([file] * 100_000)}]')
    [report] = read_scan(bomb.encode(), NOW)
    assert isinstance(report, ScanReport)
    assert set(report.iocs) == hashes("a") | hashes("b")
    assert len(report.iocs[sha256("b")].evidence) <= 10_000


@pytest.mark.parametrize("depth", [50, 150, 400, 900, 980])
def test_a_report_that_is_nested_deep_is_read_or_refused(depth: int) -> None:
    file = json.dumps(raw_file("b", "SUSPICIOUS", "INNER"))
    opened, closed = file.split('"INNER"')
    levels = depth // 4  # each is two lists or objects deep, at a deep place
    for result in (
        osint("DOMAIN", "evil.example", "MALICIOUS", "NESTED"),
        osint("NESTED", "evil.example", "MALICIOUS"),
        osint("DOMAIN", "NESTED", "MALICIOUS"),
        osint("DOMAIN", "evil.example", {"verdict": "NESTED"}),
    ):
        files = raw_file("a", "MALICIOUS", "FILES")
        text = json.dumps(raw_scan(raw_scan_report(files=files, results=[result])))
        text = text.replace('"NESTED"', "[" * depth + json.dumps(SANDBOX_PROVIDER) + "]" * depth)
        text = text.replace('"FILES"', opened * levels + "{}" + closed * levels)
        try:
            [report] = read_scan(text.encode(), NOW)
        except FeedError:
            assert depth >= 900
            continue
        assert isinstance(report, ScanReport)
        assert EvidenceSource.OSINT not in {source for source, *_ in said(report, EVIL)}


REAL = raw_scan(
    raw_scan_report(
        {
            "domain": [scan_ioc("evil.example", "MALICIOUS"), scan_ioc("b.example")],
            "ip": [scan_ioc("203.0.113.7")],
            "sha256": [scan_ioc("b" * 64, "UNKNOWN")],
            "email": [scan_ioc("a@b.example")],
        },
        files=raw_file("a", "MALICIOUS", raw_file("b", "SUSPICIOUS")),
        results=[
            osint(
                "IP",
                "203.0.113.7",
                "BENIGN",
                address_data("203.0.113.7", (SANDBOX_PROVIDER, *HIGH)),
            ),
            osint("FILE_HASH_SHA256", "b" * 64, {"verdict": "MALICIOUS"}, hash_data(us=1, av=2)),
        ],
    )
)
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(
        ["\ud800", "\x00", "x" * 600, SANDBOX_PROVIDER, "MALICIOUS", "evil.example", [], {}]
    ),
    st.lists(st.none() | st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=3), st.none() | st.integers(), max_size=3),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to everything in a value."""
    found = [path] if path else []
    if isinstance(value, dict | list):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            found += places(one, (*path, key))
    return found


PLACES = places(REAL)


@st.composite
def broken_scans(draw: st.DrawFn) -> Any:
    scan = copy.deepcopy(REAL)
    for path in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=4)):
        *above, last = path
        place: Any = scan
        try:
            for key in above:
                place = place[key]
            if draw(st.booleans()):
                place[last] = draw(JUNK)
            else:
                del place[last]
        except (KeyError, IndexError, TypeError):
            continue  # it stood in what is broken already
    return scan


@settings(max_examples=400)
@given(broken_scans())
def test_a_broken_report_is_read_as_far_as_it_goes_or_refused(scan: Any) -> None:
    try:
        reports = read_scan(body_of(scan), NOW)
    except FeedError:
        return
    for report in reports:
        if isinstance(report, RejectedReport):
            assert report.reason
            continue
        decisions = {one: decide(seen.evidence) for one, seen in report.iocs.items()}
        item = feed_item(report, decisions, dict.fromkeys(report.iocs, History()))
        json.dumps(item, ensure_ascii=False, allow_nan=False).encode()
        assert len(content_digest(report, asked=True)) == 16


def test_a_report_and_its_osint_results_are_evidence_of_their_own() -> None:
    results = [osint("DOMAIN", "evil.example", "BENIGN")]
    report = read_one({"domain": [scan_ioc("evil.example", "SUSPICIOUS")]}, results=results)
    assert report.iocs[EVIL].evidence == {
        Evidence(EvidenceSource.REPORT, Verdict.SUSPICIOUS),
        Evidence(EvidenceSource.OSINT, Verdict.BENIGN, "LISTS"),
    }


def test_a_scan_is_read_up_to_a_number_of_iocs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_reader, "MAX_IOCS", 5)
    iocs = {"domain": [scan_ioc(f"{n}.example") for n in range(4)]}
    scan = raw_scan(raw_scan_report(iocs))
    [report] = scan["reports"].values()
    scan["reports"]["r2"] = report
    first, second = read_scan(json.dumps(scan).encode(), NOW)
    assert isinstance(first, ScanReport)
    assert isinstance(second, ScanReport)
    assert first.rejected_count == 0
    assert second.rejected_count > 0
    assert "more than 5 IOCs" in second.rejected[0]
