"""The tables of docs/verdicts.md, computed by the rule and shown by the feed."""

import json
from collections.abc import Iterator

from functions.publish.intake import MAX_EVIDENCE
from functions.publish.verdict_rule import Evidence, EvidenceSource, decide, report_verdict
from local.environment import DEFAULT_API_KEY
from local.events import Request
from local.up import SAMPLE_REPORTS
from shared.domain.provider import SANDBOX_PROVIDER
from shared.domain.verdict import UNKNOWN, Verdict
from tests.docs.conftest import Ask
from tests.docs.markdown import names, read, table

DOCUMENT = read("docs/verdicts.md")
SOURCES = table(DOCUMENT, "Source", "Kind", "Where it comes from")


def test_every_source_is_in_the_table() -> None:
    assert [name for name, _, _ in SOURCES] == [source.value for source in EvidenceSource]


def test_kinds_are_those_of_the_rule() -> None:
    kinds = {EvidenceSource(name): kind for name, kind, _ in SOURCES if kind != "a rule"}
    order = ["the report", "earlier reports", "others"]
    for near, kind in kinds.items():
        said = Evidence(1, Verdict.NO_THREAT, near, "near")
        assert (report_verdict([said]) is not None) == (kind == "the report")
        for far, other in kinds.items():
            # A worse one next to it decides unless it is further away.
            outweighed = Evidence(0, Verdict.MALICIOUS, far, "far")
            nearer = order.index(kind) < order.index(other)
            newest = kind == other == "earlier reports"
            expected = Verdict.NO_THREAT if nearer or newest else Verdict.MALICIOUS
            assert decide([said, outweighed]).verdict is expected, (near, far)


def findings(report: str, earlier: str, others: str) -> Iterator[Evidence]:
    """Return the evidence that a row of the examples describes."""
    for cell in (report, others):
        for number, said in enumerate(names(cell)):
            source, verdict = said.split(" ")
            yield Evidence(0, Verdict[verdict], EvidenceSource(source), str(number))
    for age, verdict in enumerate(names(earlier)):
        yield Evidence(1000 - age, Verdict[verdict], EvidenceSource.EARLIER_REPORT, f"scan {age}")


def test_examples_follow_from_the_rule() -> None:
    rows = table(DOCUMENT, "The report", "Earlier reports", "Others", "Verdict", "Because")
    assert len(rows) > 10
    for report, earlier, others, verdict, because in rows:
        decided = decide(findings(report, earlier, others)).verdict
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
        deciding = [one["source"] for one in ioc["evidence"] if one["decides"]]
        assert deciding == names(decided_by), value


def test_numbers_and_names_are_those_of_the_code() -> None:
    text = " ".join(DOCUMENT.split())
    assert f"in `evidence`, what led to it, {MAX_EVIDENCE} entries at most" in text
    assert f"the rows of `{SANDBOX_PROVIDER}`" in text
