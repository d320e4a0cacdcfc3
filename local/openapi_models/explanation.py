"""Strict models of the answer that explains a verdict, for the OpenAPI document and the tests.

Like local.openapi_models.v4, they are not deployed.
"""

from typing import Literal

from pydantic import Field

from local.openapi_models.v4 import (
    DomainReport,
    ExplainedEvidence,
    FlowId,
    HashReport,
    IpReport,
    NamedIndicator,
    ResponseBody,
    Time,
    UrlReport,
    Verdict,
    without_default,
)

VerdictOrUnknown = Verdict | Literal["UNKNOWN"]


class ExplainedOrigin(ResponseBody):
    """Where in a scan the indicator was found."""

    type: str = Field(examples=["INPUT_FILE"])
    identifier: str = Field(
        "",
        description="SHA-256 of the file that it came from; absent if unknown.",
        json_schema_extra=without_default,
    )


class ExplainedFile(ResponseBody):
    """The file, as the report describes it; an unknown field is absent."""

    name: str = Field("", json_schema_extra=without_default)
    type: str = Field("", json_schema_extra=without_default)
    size: int = Field(0, description="In bytes.", json_schema_extra=without_default)


class ExplainedScan(ResponseBody):
    """What one scan gives the indicator."""

    verdict: Verdict
    parent_verdict: str = Field(description="Verdict of the report; empty if it has none.")
    seen_at: Time
    flow_id: FlowId
    report_id: str
    origins: list[ExplainedOrigin]
    evidence: list[ExplainedEvidence] = Field(description="What decides comes first.")
    file: ExplainedFile
    threat_name: str = Field("", json_schema_extra=without_default)
    malware_family: str = Field("", json_schema_extra=without_default)
    malware_type: str = Field("", json_schema_extra=without_default)
    sender: str = Field(
        "",
        description="Name of the key that sent the report; for keys with the right `annotate`.",
        json_schema_extra=without_default,
    )


class ExplainedProvider(ResponseBody):
    """What another provider states; a text without a value is absent."""

    provider: str
    status: Literal["trusted", "listed", "failed", "not listed"]
    verdict: VerdictOrUnknown
    assessment: str = Field("", json_schema_extra=without_default)
    category: str = Field("", json_schema_extra=without_default)
    list: str = Field("", json_schema_extra=without_default)
    listed_since: str = Field("", json_schema_extra=without_default)
    by: str = Field(
        "",
        description="The listed network or domain that covers the indicator.",
        json_schema_extra=without_default,
    )


class ExplainedOverride(ResponseBody):
    """The verdict that an analyst set."""

    verdict: Verdict
    reason: str
    set_at: Time
    on: str = Field(description="The indicator that the analyst named: a digest of the file.")
    expires: str = Field(
        "",
        description="Until when it holds; absent if it has no end.",
        json_schema_extra=without_default,
    )
    by: str = Field(
        "",
        description="Name of the key that set it; for keys with the right `annotate`.",
        json_schema_extra=without_default,
    )


class _ExplainedVerdict(NamedIndicator):
    verdict: VerdictOrUnknown
    overruled_by: str = Field("", json_schema_extra=without_default)
    overruled_verdict: Verdict = Field("SUSPICIOUS", json_schema_extra=without_default)


class AroundIndicator(_ExplainedVerdict):
    """An indicator around the one asked: its host, a domain above, or a shorter URL."""


class Explanation(_ExplainedVerdict):
    """Everything that is known of an indicator. The fields from `score` on are of the sandbox.

    They are absent if the sandbox does not know it.
    """

    why: list[str] = Field(description="The explanation in sentences.", min_length=1)
    providers: list[ExplainedProvider]
    around: list[AroundIndicator] = Field(description="The nearest first; only known ones.")
    report: HashReport | IpReport | DomainReport | UrlReport = Field(
        description="The answer to a plain look-up."
    )
    override: ExplainedOverride | None = Field(None, json_schema_extra=without_default)
    score: int = Field(0, ge=0, le=100, json_schema_extra=without_default)
    valid_until: str = Field("", json_schema_extra=without_default)
    scan_count: int = Field(0, json_schema_extra=without_default)
    first_seen: str = Field("", json_schema_extra=without_default)
    last_seen: str = Field("", json_schema_extra=without_default)
    tags: list[str] = Field([], json_schema_extra=without_default)
    latest: ExplainedScan | None = Field(None, json_schema_extra=without_default)
    worst: ExplainedScan | None = Field(None, json_schema_extra=without_default)
    siblings: list[NamedIndicator] = Field(
        [], description="Other digests of the same file.", json_schema_extra=without_default
    )
