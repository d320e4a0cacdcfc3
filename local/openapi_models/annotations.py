"""Strict models of overrides and reports of false positives, for the OpenAPI document and tests.

Like local.openapi_models.v4, they are not deployed.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from local.openapi_models.v4 import (
    Error,
    IndicatorName,
    RequestBody,
    ResponseBody,
    Time,
    Verdict,
    without_default,
)

Reason = Annotated[str, Field(min_length=1, max_length=1000, examples=["our own update server"])]
Expires = Annotated[
    str,
    Field(
        description="Until when it holds, ISO 8601; no end if it is empty or absent.",
        examples=["2027-01-31T12:00:00Z"],
        json_schema_extra=without_default,
    ),
]
By = Annotated[str, Field(description="Name of the key.", examples=["soc"])]
Ends = Annotated[Time | Literal[""], Field(description="Empty for no end.")]


class OverrideRequest(RequestBody):
    """The verdict that an analyst sets; other fields are refused."""

    verdict: Verdict
    reason: Reason
    expires: Expires = ""


class OverrideItem(OverrideRequest):
    """An item of a bulk request."""

    type: Literal["hash", "ip", "domain", "url"]
    value: str = Field(min_length=1, examples=["files.example"])


class OverridesRequest(RequestBody):
    """A bulk request."""

    verdicts: list[OverrideItem | Any] = Field(
        min_length=1,
        max_length=100,
        description="An item that breaks a rule has an error in the answer; the others are set.",
    )


class FalsePositiveRequest(RequestBody):
    """Why a verdict is wrong; other fields are refused."""

    reason: Reason


class OverriddenDigest(ResponseBody):
    """Another digest of the same file."""

    type: IndicatorName
    value: str


class OverrideAnswer(ResponseBody):
    """An override."""

    type: IndicatorName
    value: str
    verdict: Verdict
    reason: Reason
    by: By
    set_at: Time
    expires: Ends
    siblings: list[OverriddenDigest] = Field(
        description="The other digests of the file, which have the same override."
    )


class OverrideTakenBack(OverrideAnswer):
    """An override that was taken back."""

    deleted: Literal[True]


class OverridesAnswer(ResponseBody):
    """A row for each item of the request, in its order."""

    data: list[OverrideAnswer | Error] = Field(min_length=1, max_length=100)


class StandingOverride(ResponseBody):
    """The override that stood before a change."""

    verdict: Verdict
    reason: Reason
    by: By
    set_at: Time
    expires: Ends


class Before(ResponseBody):
    """What stood before a change."""

    verdict: Verdict | Literal["UNKNOWN"] = Field(description="The verdict of the sandbox.")
    override: StandingOverride | None = Field(
        None, description="Absent if there was none.", json_schema_extra=without_default
    )


class OverrideChange(ResponseBody):
    """A change of an override."""

    action: Literal["set", "unset"]
    type: IndicatorName
    value: str
    verdict: Verdict
    reason: Reason
    by: By
    at: Time
    expires: Ends
    before: Before


class OverrideList(ResponseBody):
    """A page of overrides, the newest first; a page can have fewer rows than requested."""

    data: list[OverrideChange] = Field(max_length=100)
    next_cursor: str | None = Field(description="Cursor of the next page; null for the last one.")


class FalsePositive(ResponseBody):
    """A report of a false positive."""

    type: IndicatorName
    value: str
    reason: Reason
    by: By
    at: Time


class FalsePositiveAnswer(FalsePositive):
    """The report that was kept."""

    repeated: bool = Field(
        description="Whether it replaces an earlier report of the same key about the indicator."
    )


class FalsePositiveList(ResponseBody):
    """A page of reports, the newest first; a page can have fewer rows than requested."""

    data: list[FalsePositive] = Field(max_length=100)
    next_cursor: str | None = Field(description="Cursor of the next page; null for the last one.")
