"""Strict models of the bodies of report intake and feed, for the OpenAPI document and tests."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, RootModel

from local.openapi_models.v4 import (
    Absent,
    AbsentText,
    Evidence,
    FlowId,
    IndicatorName,
    RequestBody,
    ResponseBody,
    Tag,
    Time,
    without_default,
)

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

VerdictOrUnknown = Literal[
    "UNKNOWN", "BENIGN", "NO_THREAT", "SUSPICIOUS", "LIKELY_MALICIOUS", "MALICIOUS"
]
ReportId = Annotated[
    str,
    Field(
        description="Id of the report; a scan has one or more.",
        min_length=1,
        max_length=128,
        examples=["4c1a0000-0000-4000-8000-000000000020"],
    ),
]
Count = Annotated[int, Field(ge=0)]


# Intake of reports


class ScanReport(RequestBody):
    """A whole scan report in the sandbox's own JSON, with the evidence in its various parts.

    docs/published-feed.md lists the parts that are read; all others are ignored.
    """

    flow_id: str = Field(
        alias="flowId",
        description="Id of the scan.",
        min_length=1,
        max_length=128,
        examples=["66b3763be7dbbbdfcd0b0003"],
    )
    reports: dict[str, Any] = Field(
        description="The reports of the scan by report_id. An invalid one does not affect others.",
        min_length=1,
        examples=[REPORT_EXAMPLE],
    )


class TakenReport(ResponseBody):
    """A report that was accepted into the feed."""

    flow_id: FlowId
    report_id: ReportId
    status: Literal["published", "replaced", "unchanged", "private"]
    verdicts: dict[VerdictOrUnknown, int] = Field(
        description="Number of IOCs by verdict; empty for an unchanged report."
    )
    asked: bool = Field(
        description="False if a reputation service is configured and could not be queried. Send "
        "the report again later."
    )
    iocs: Count = Field(description="Number of IOCs in the report.")
    passed_over: Count = Field(description="Number of IOCs of types that look-ups do not cover.")
    rejected: list[str] = Field(
        description="The first rejected IOCs: type, reason and the beginning of the value.",
        max_length=20,
    )
    rejected_count: Count = Field(description="Number of all rejected IOCs.")


class RefusedReport(ResponseBody):
    """A report that was rejected, possibly next to accepted ones."""

    report_id: str
    status: Literal["rejected"]
    reason: str = Field(min_length=1)


class PostponedReport(ResponseBody):
    """A report that was not published because time ran out or the store failed."""

    report_id: str
    status: Literal["postponed"]
    reason: str = Field(min_length=1)


class TakenReports(ResponseBody):
    """The outcome of each report of the scan."""

    reports: list[TakenReport | RefusedReport | PostponedReport] = Field(min_length=1)


# The feed


class Origin(ResponseBody):
    """Location of an IOC within a scan."""

    type: str = Field(min_length=1, examples=["INPUT_FILE"])
    identifier: AbsentText = ""


class FeedFile(ResponseBody):
    """A file as the report describes it; its digests have the names of their types."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[str, Field(pattern="^[0-9a-f]+$")]]

    name: AbsentText = ""
    type: AbsentText = Field(default="", description="MIME type, or a short type such as `pe`.")
    size: Annotated[int, Field(ge=1), Absent] = 0


class FeedIoc(ResponseBody):
    """An IOC of a report."""

    data: str = Field(description="Canonical form.", examples=["loader.example"])
    verdict: VerdictOrUnknown = Field(description="Verdict of the IOC, not of the report.")
    origins: list[Origin] = Field(max_length=8)
    tags: list[Tag] = Field(max_length=32)
    first_seen: Time
    last_seen: Time
    scan_count: int = Field(description="Number of published scans with this IOC.", ge=1)
    file: FeedFile | None = Field(
        default=None,
        description="Of a digest: its file, with all digests that the report gives for it.",
        json_schema_extra=without_default,
    )
    threat_name: AbsentText = Field(default="", examples=["emotet"])
    malware_family: AbsentText = Field(default="", examples=["emotet"])
    malware_type: AbsentText = Field(default="", examples=["trojan"])
    evidence: list[Evidence] = Field(
        description="The deciding evidence first, echoes last.", max_length=16
    )


class FeedIocs(RootModel[dict[IndicatorName, Annotated[list[FeedIoc], Field(min_length=1)]]]):
    """The IOCs of a report by type; a type without IOCs is absent."""


class FeedRelated(
    RootModel[dict[Literal["ip", "url"], Annotated[list[str], Field(max_length=32)]]]
):
    """Context of a report by type, without a verdict of its own."""


class FeedReport(ResponseBody):
    """A report of the feed."""

    flow_id: FlowId
    report_id: ReportId
    date: Time
    verdict: VerdictOrUnknown
    tags: list[Tag] = Field(max_length=32)
    sender: AbsentText = Field(
        default="", description="Name of the key with which the report was sent."
    )
    file: FeedFile = Field(
        description="The scanned file. Of a scanned URL, the name is the URL; it has no digests."
    )
    iocs: FeedIocs
    related: FeedRelated | None = Field(
        default=None,
        description="Redirects, rendered requests and resolved addresses.",
        json_schema_extra=without_default,
    )


class FeedPage(ResponseBody):
    """A page of the feed."""

    items: list[FeedReport] = Field(max_length=100)
    count: Count = Field(description="Number of reports on this page.")
    order: Literal["newest_first", "oldest_first"]
    next: str | None = Field(
        description="Relative link to the next page; null at the end of the feed.",
        examples=["?cursor=b17"],
    )
    newer: str = Field(
        description="Relative link to the reports that are published after this page.",
        examples=["?cursor=a66"],
    )


class FeedInfo(ResponseBody):
    """Size and age of the feed."""

    count: Count = Field(description="Number of reports.")
    length: Count = Field(description="Their total size in bytes of JSON.")
    updated: float = Field(description="Time of the last new report, in seconds since the epoch.")
    download_allowed: Literal[True]
