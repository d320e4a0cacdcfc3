"""Strict models of the bodies of report intake and feed; see local.openapi_models.sandbox."""

from typing import Annotated, Any, Literal

from pydantic import Field

from local.openapi_models.v4 import FlowId, RequestBody, ResponseBody, Tag, Time, without_default

REPORT_EXAMPLE: dict[str, Any] = {
    "4c1a0000-0000-4000-8000-0000000b0003": {
        "created_date": "06/05/2025, 10:15:00",
        "finalVerdict": {"verdict": "SUSPICIOUS"},
        "allTags": [{"tag": {"name": "peexe"}}],
        "file": {
            "name": "update.exe",
            "type": "pe",
            "hash": "306d38144cdbaf7cf612cab9bb99ff0fb7376014fd25dd6a16c13605a41818eb",
        },
        "iocs": {
            "domain": [
                {
                    "data": "loader.example",
                    "verdict": "LIKELY_MALICIOUS",
                    "origins": [{"type": "INPUT_FILE"}],
                },
                {"data": "www.cdn.example", "verdict": "UNKNOWN"},
            ]
        },
    }
}

# The fields of a report that are not there may be missing, and then are.
_Absent = Field(json_schema_extra=without_default)
AbsentText = Annotated[str, _Absent]

Verdict = Literal["BENIGN", "NO_THREAT", "SUSPICIOUS", "LIKELY_MALICIOUS", "MALICIOUS"]
VerdictOrUnknown = Literal[
    "UNKNOWN", "BENIGN", "NO_THREAT", "SUSPICIOUS", "LIKELY_MALICIOUS", "MALICIOUS"
]
ReportId = Annotated[
    str,
    Field(
        description="The report; a scan has one or more.",
        min_length=1,
        max_length=128,
        examples=["4c1a0000-0000-4000-8000-000000000020"],
    ),
]
Count = Annotated[int, Field(ge=0)]


# Reports in


class ScanReport(RequestBody):
    """A scan report in the sandbox's own JSON, whole: its evidence stands in many places of it.

    The parts that are read are those in docs/feed.md; all others are ignored.
    """

    flow_id: str = Field(
        alias="flowId",
        description="The scan.",
        min_length=1,
        max_length=128,
        examples=["66b3763be7dbbbdfcd0b0003"],
    )
    reports: dict[str, Any] = Field(
        description="By report_id the reports of the scan. One that breaks a rule costs itself.",
        min_length=1,
        examples=[REPORT_EXAMPLE],
    )


class TakenReport(ResponseBody):
    """A report that is in the feed now."""

    flow_id: FlowId
    report_id: ReportId
    status: Literal["published", "replaced", "unchanged"]
    verdicts: dict[VerdictOrUnknown, int] = Field(
        description="IOCs by verdict; empty for a report that is unchanged."
    )
    asked: bool = Field(
        description="Whether the reputation service could be asked, if one is configured. If "
        "not, the report is worth sending again."
    )
    iocs: Count = Field(description="IOCs of the report.")
    passed_over: Count = Field(description="IOCs of types that are not looked up.")
    rejected: list[str] = Field(description="Why IOCs were left out, one text each.")


class RefusedReport(ResponseBody):
    """A report that broke a rule, beside others that did not."""

    report_id: str
    status: Literal["rejected"]
    reason: str = Field(min_length=1)


class TakenReports(ResponseBody):
    """What became of each report of the scan."""

    reports: list[TakenReport | RefusedReport] = Field(min_length=1)


# The feed out


class Origin(ResponseBody):
    """Where in a scan an IOC was found."""

    type: str = Field(min_length=1, examples=["INPUT_FILE"])
    identifier: AbsentText = ""


class Evidence(ResponseBody):
    """What somebody says of an IOC."""

    source: Literal["ioc", "input_file", "extracted_file", "earlier_report", "osint", "reputation"]
    verdict: Verdict
    detail: AbsentText = Field(
        default="", description="Who says it: a provider, or the scan of the earlier report."
    )
    decides: bool = Field(description="Whether the verdict of the IOC rests on it.")


class FeedIoc(ResponseBody):
    """An IOC of a report."""

    data: str = Field(description="In its canonical form.", examples=["loader.example"])
    verdict: VerdictOrUnknown = Field(description="Its own, not that of the report.")
    origins: list[Origin] = Field(max_length=8)
    tags: list[Tag] = Field(max_length=32)
    first_seen: Time
    last_seen: Time
    scan_count: int = Field(description="Scans that hold it, of all that are published.", ge=1)
    evidence: list[Evidence] = Field(description="What decides comes first.", max_length=16)


Iocs = Annotated[list[FeedIoc], Field(min_length=1, default_factory=list)]


class FeedIocs(ResponseBody):
    """The IOCs of a report by type; a type without any is absent."""

    md5: Iocs
    sha1: Iocs
    sha256: Iocs
    ip: Iocs
    domain: Iocs
    url: Iocs


class ScannedFile(ResponseBody):
    """What was scanned, as far as the report tells; hashes are lower case."""

    name: AbsentText = ""
    type: AbsentText = ""
    md5: AbsentText = ""
    sha1: AbsentText = ""
    sha256: AbsentText = ""


class FeedReport(ResponseBody):
    """A report of the feed."""

    flow_id: FlowId
    report_id: ReportId
    date: Time
    verdict: VerdictOrUnknown
    tags: list[Tag] = Field(max_length=32)
    file: ScannedFile
    iocs: FeedIocs


class FeedPage(ResponseBody):
    """A page of the feed."""

    items: list[FeedReport] = Field(max_length=100)
    count: Count = Field(description="Reports on this page.")
    order: Literal["newest_first", "oldest_first"]
    next: str | None = Field(
        description="The next page, relative to this one; null at the end of the feed.",
        examples=["?cursor=b17"],
    )
    newer: str = Field(
        description="Where to ask later for what will have been published after this page.",
        examples=["?cursor=a66"],
    )


class FeedInfo(ResponseBody):
    """What the feed says of itself."""

    count: Count = Field(description="Reports that it holds.")
    length: Count = Field(description="Their size in bytes of JSON.")
    updated: float = Field(description="When it was last added to, in seconds since the epoch.")
    download_allowed: Literal[True]
