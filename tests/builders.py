"""Values of the domain for tests, with defaults for what a test does not care about."""

import json
from typing import Any

from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.reputation import Reputation, ScanVerdict, Sighting, SightingSummary
from shared.domain.verdict import Verdict

DOMAIN = Indicator(IndicatorType.DOMAIN, "evil.example")


def sighting_summary(
    *,
    seen_at: int = 1_748_764_800_000,
    verdict: Verdict = Verdict.MALICIOUS,
    flow_id: str = "66b3763be7dbbbdfcd0a6a96",
    parent_verdict: str = "",
    origin: str = "",
    report_id: str = "",
    source: str = "",
    details: str = "",
    sha256: str = "",
    tags: frozenset[str] = frozenset(),
    first_seen: int | None = None,
    last_seen: int | None = None,
    claimed_count: int = 0,
    siblings: frozenset[Indicator] = frozenset(),
) -> SightingSummary:
    """The summary of one report."""
    scan = ScanVerdict(
        seen_at, verdict, flow_id, parent_verdict, origin, report_id, source, details, sha256
    )
    return SightingSummary(
        latest=scan,
        worst=scan,
        first_seen=min(seen_at, first_seen or seen_at),
        last_seen=max(seen_at, last_seen or seen_at),
        tags=tags,
        claimed_count=claimed_count,
        siblings=siblings,
    )


def sighting(summary: SightingSummary, indicator: Indicator = DOMAIN) -> Sighting:
    """A sighting."""
    return Sighting(indicator, summary)


def reputation(indicator: Indicator = DOMAIN, *, counted: int = 1, **fields: Any) -> Reputation:
    """A reputation; `fields` are those of `sighting_summary`."""
    return Reputation(indicator, sighting_summary(**fields), counted)


def raw_report(
    flow_id: object = "66b3763be7dbbbdfcd0a6a96",
    *,
    date: object = "2025-06-01T08:00:00.000Z",
    verdict: object = "MALICIOUS",
    iocs: object = None,
    **fields: Any,
) -> dict[str, Any]:
    """A report as a JSON page holds it."""
    return {
        "flow_id": flow_id,
        "date": date,
        "verdict": verdict,
        "tags": [],
        "iocs": {"domain": [raw_ioc()]} if iocs is None else iocs,
        **fields,
    }


def raw_ioc(data: object = "evil.example", verdict: object = "MALICIOUS", **fields: Any) -> Any:
    """An IOC as a report holds it."""
    return {"data": data, "verdict": verdict, **fields}


def linking_page(*flow_ids: str) -> bytes:
    """An Atom page that only links to the reports of these scans."""
    entries = "".join(
        f"<entry><id>urn:{flow_id}</id><title>r</title><updated>2025-06-01T08:00:00Z</updated>"
        f'<link href="http://feed.example/uploads/{flow_id}/reports/r1/overview"/></entry>'
        for flow_id in flow_ids
    )
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><id>urn:x</id>'
        f"<updated>2025-06-01T08:00:00Z</updated>{entries}</feed>"
    ).encode()


def scan_report(flow_id: str) -> bytes:
    """What the sandbox answers when it is asked for a scan."""
    report = {
        "finalVerdict": {"verdict": "MALICIOUS"},
        "allTags": [{"tag": {"name": "packed"}}],
        "created_date": "06/01/2025, 08:00:00",
        "iocs": {"domain": [raw_ioc(f"{flow_id}.example")]},
    }
    return json.dumps({"flowId": flow_id, "allFinished": True, "reports": {"r1": report}}).encode()
