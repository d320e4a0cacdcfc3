"""The tables of docs/verdicts.md, computed by the rule and shown by the feed."""

import json
from collections.abc import Iterator

from functions.publish.history import PastVerdict
from functions.publish.verdict_rule import decide, report_verdict
from local.environment import DEFAULT_API_KEY
from local.events import Request
from local.up import SAMPLE_REPORTS
from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.provider import OWN_PROVIDERS, SUMMARY_PROVIDERS
from shared.domain.verdict import UNKNOWN, Verdict
from tests.docs.conftest import Ask
from tests.docs.markdown import names, read, table

DOCUMENT = read("docs/verdicts.md")
SOURCES = table(DOCUMENT, "Source", "Rank", "Where it comes from")


def test_every_source_is_in_the_table() -> None:
    assert [name for name, _, _ in SOURCES] == [source.value for source in EvidenceSource]


def test_ranks_are_those_of_the_rule() -> None:
    earlier = PastVerdict(1, Verdict.SUSPICIOUS, "flow", "r1")
    for name, rank, _ in SOURCES:
        source = EvidenceSource(name)
        if source is EvidenceSource.EARLIER_REPORT:
            assert rank == "earlier reports"
            continue
        stated = Evidence(source, Verdict.MALICIOUS)
        assert (report_verdict([stated]) is not None) == (rank == "the report")
        beats_earlier = decide([stated], [earlier]).verdict is Verdict.MALICIOUS
        assert beats_earlier == (rank in {"the report", "the analyst"})
        assert (decide([stated]).verdict is None) == (rank == "no rank")


def evidence_of(report: str, external: str) -> Iterator[Evidence]:
    """Return the evidence that a row of the examples describes."""
    for cell in (report, external):
        for number, stated in enumerate(names(cell)):
            source, verdict = stated.split(" ")
            yield Evidence(EvidenceSource(source), Verdict[verdict], str(number))


def test_examples_follow_from_the_rule() -> None:
    rows = table(DOCUMENT, "The report", "Earlier reports", "External", "Verdict", "Because")
    assert len(rows) > 10
    for report, earlier, external, verdict, because in rows:
        past = [
            PastVerdict(1000 - age, Verdict[stated], f"scan {age}", "r1")
            for age, stated in enumerate(names(earlier))
        ]
        decided = decide(evidence_of(report, external), past).verdict
        assert verdict == (UNKNOWN if decided is None else decided.name), because


def test_sample_reports_have_these_verdicts(ask: Ask) -> None:
    key = (b"apikey", DEFAULT_API_KEY.encode())
    page = json.loads(ask(Request("GET", b"/feed/reports.json", headers=[key])).body)
    scans = {
        json.loads(path.read_bytes())["flowId"]: path.name for path in SAMPLE_REPORTS.glob("*.json")
    }
    published = {
        (scans[item["flow_id"]], ioc["data"]): ioc
        for item in page["items"]
        for iocs in item["iocs"].values()
        for ioc in iocs
    }
    rows = table(DOCUMENT, "Report", "Indicator", "Verdict", "Decided by")
    assert {report for report, *_ in rows} == set(scans.values())
    for report, value, verdict, decided_by in rows:
        ioc = published[report, value]
        assert ioc["verdict"] == verdict, value
        deciding = [one["source"] for one in ioc["evidence"] if one.get("decides")]
        assert deciding == names(decided_by), value


def test_own_and_summary_providers_are_named() -> None:
    for name in OWN_PROVIDERS | SUMMARY_PROVIDERS:
        assert f"`{name}`" in DOCUMENT
