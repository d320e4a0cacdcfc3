"""Strict models of all bodies of the sandbox's own API, for the OpenAPI document and tests.

Like local.openapi_models.v4, they are not deployed.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, RootModel

from local.openapi_models.v4 import (
    ErrorDetail,
    FlowId,
    IndicatorName,
    OverruledBy,
    ResponseBody,
    Time,
    without_default,
)
from shared.domain.indicator_types import IndicatorType

_SHA256 = IndicatorType.SHA256.info.example.lower()

Verdict = Literal["benign", "unknown", "no_threat", "suspicious", "likely_malicious", "malicious"]
OverallVerdict = Annotated[Verdict, Field(description="`unknown` for an unknown indicator.")]


class Refusal(ResponseBody):
    """The body of every error of the sandbox's own API."""

    detail: str = Field(description="Error message for people.", min_length=1)


class _MayBeOverruled(ResponseBody):
    overruled_by: OverruledBy = ""
    overruled_verdict: Verdict = Field(
        "suspicious",
        description="Verdict that is overruled; absent if none is.",
        json_schema_extra=without_default,
    )


class FoundFile(ResponseBody):
    """The file of a report; its texts are empty if the indicator is not one of its digests."""

    name: str
    hash: str = Field(description="SHA-256, else the digest asked; lower case.")
    sha256: str
    mime_type: str
    short_type: str


class FoundScan(ResponseBody):
    """The scan of a report."""

    id: FlowId


class FoundIoc(_MayBeOverruled):
    """What the report states about the indicator asked."""

    type: IndicatorName
    value: str
    verdict: Verdict


class FoundReport(ResponseBody):
    """A report that holds the indicator."""

    id: str = Field(description="Id of the report; of the scan if the feed does not name it.")
    scan_init: FoundScan
    verdict: Verdict = Field(description="Of the report, else of the indicator in it.")
    state: Literal["success"]
    file: FoundFile
    tags: list[str] = Field(description="Always empty.", max_length=0)
    created_date: Time
    updated_date: Time
    ioc: FoundIoc


class FoundReports(ResponseBody):
    """A page of the reports that hold an indicator, newest first."""

    items: list[FoundReport] = Field(max_length=100)
    count: int = Field(description="Number of reports on all pages.", ge=0, le=200)
    method: Literal["and"]


class Sender(ResponseBody):
    """The sender of the request, which is a key."""

    id: str = Field(description="Short digest of the key.", examples=["5e884898da28"])
    accountId: str = Field(description="Equals `id`.", examples=["5e884898da28"])  # noqa: N815
    name: str = Field(description="Name of the key.", examples=["soc"])
    email: Literal[""]
    roles: list[str] = Field(description="Always empty.", max_length=0)


class System(ResponseBody):
    """What answers the request."""

    name: str
    version: Literal["4"] = Field(description="Version of the look-up API.")
    apis: list[str] = Field(
        description="Paths of the served APIs, below the address of the service."
    )


class OtherProviders(ResponseBody):
    """What the providers other than the sandbox state; absent if none has a verdict."""

    detected: int = Field(description="Number of providers that list it as bad.", ge=0)
    scan_time: Time


class OtherEngines(OtherProviders):
    """What the providers other than the sandbox state about a file."""

    total_av_engines: int = Field(description="Number of providers with a verdict.", ge=1)
    detected_av_engines: int = Field(description="As `detected`.", ge=0)


# Defaults of fields that may be absent; no answer contains them.
_OTHERS = OtherProviders(detected=0, scan_time="2025-06-01T08:00:00.000Z")
_OTHER_ENGINES = OtherEngines(
    detected=0, scan_time=_OTHERS.scan_time, total_av_engines=1, detected_av_engines=0
)


class FilescanReport(_MayBeOverruled):
    """A report that holds the indicator."""

    verdict: Literal["benign", "no_threat", "suspicious", "likely_malicious", "malicious"] = Field(
        description="Verdict of the indicator in this report."
    )
    report_id: str = Field(
        description="Id of the report; empty if the feed does not name it.",
        max_length=64,
        examples=["4c1a0000-0000-4000-8000-000000000020"],
    )
    report_date: Time
    flow_id: FlowId


class _Reputation(_MayBeOverruled):
    overall_verdict: OverallVerdict
    filescan_reports: list[FilescanReport] = Field(
        description=(
            "First the report that the verdict is of, then the newest first; without a search "
            "index the latest and the worst. Empty for an unknown indicator."
        ),
        max_length=100,
    )


class _Invalid(ResponseBody):
    overall_verdict: Literal["unknown"]
    filescan_reports: list[FilescanReport] = Field(max_length=0)
    error: ErrorDetail


class HashReputation(_Reputation):
    """The reputation of a file, known or not."""

    sha256: str = Field(description="Lower case.", examples=[_SHA256])
    mdcloud: OtherEngines = Field(_OTHER_ENGINES, json_schema_extra=without_default)


class _AddressReputation(_Reputation):
    mdcloud: OtherProviders = Field(_OTHERS, json_schema_extra=without_default)


class IpReputation(_AddressReputation):
    """The reputation of an IP address, known or not."""

    ioc_type: Literal["ip"]
    ioc_value: str = Field(
        description="Canonical form.",
        examples=["203.0.113.7"],
    )


class DomainReputation(_AddressReputation):
    """The reputation of a domain, known or not."""

    ioc_type: Literal["domain"]
    ioc_value: str = Field(
        description="Canonical form.",
        examples=["evil.example"],
    )


class UrlReputation(_AddressReputation):
    """The reputation of a URL, known or not."""

    ioc_type: Literal["url"]
    ioc_value: str = Field(
        description="Canonical form.",
        examples=["http://evil.example/"],
    )


class InvalidHash(_Invalid):
    """The row of a bulk answer for an invalid SHA-256."""

    sha256: str = Field(description="The item as the client sent it.")


class InvalidIp(_Invalid):
    """The row of a bulk answer for an invalid IP address."""

    ioc_type: Literal["ip"]
    ioc_value: str = Field(description="The item as the client sent it.")


class InvalidDomain(_Invalid):
    """The row of a bulk answer for an invalid domain."""

    ioc_type: Literal["domain"]
    ioc_value: str = Field(description="The item as the client sent it.")


class InvalidUrl(_Invalid):
    """The row of a bulk answer for an invalid URL."""

    ioc_type: Literal["url"]
    ioc_value: str = Field(description="The item as the client sent it.")


class _Items(RootModel[list[str]]):
    model_config = ConfigDict(strict=True, frozen=True)


class Hashes(_Items):
    """SHA-256 hashes to look up, in any case. An invalid item gets a row with an error."""

    root: list[str] = Field(
        min_length=1, max_length=1000, examples=[[_SHA256, IndicatorType.SHA256.info.other_example]]
    )


class IpAddresses(_Items):
    """IPv4 and IPv6 addresses to look up. An invalid item gets a row with an error."""

    root: list[str] = Field(
        min_length=1, max_length=1000, examples=[["203.0.113.7", "2001:db8::7"]]
    )


class Domains(_Items):
    """Domains to look up. An invalid item gets a row with an error."""

    root: list[str] = Field(
        min_length=1, max_length=1000, examples=[["evil.example", "www.example.org"]]
    )


class Urls(_Items):
    """URLs to look up. An invalid item gets a row with an error."""

    root: list[str] = Field(
        min_length=1,
        max_length=1000,
        examples=[["http://evil.example/", "hxxps[://]www[.]example[.]org/a"]],
    )


class HashReputations(RootModel[list[HashReputation | InvalidHash]]):
    """One row per hash, in the order of the request."""

    root: list[HashReputation | InvalidHash] = Field(min_length=1, max_length=1000)


class IpReputations(RootModel[list[IpReputation | InvalidIp]]):
    """One row per IP address, in the order of the request."""

    root: list[IpReputation | InvalidIp] = Field(min_length=1, max_length=1000)


class DomainReputations(RootModel[list[DomainReputation | InvalidDomain]]):
    """One row per domain, in the order of the request."""

    root: list[DomainReputation | InvalidDomain] = Field(min_length=1, max_length=1000)


class UrlReputations(RootModel[list[UrlReputation | InvalidUrl]]):
    """One row per URL, in the order of the request."""

    root: list[UrlReputation | InvalidUrl] = Field(min_length=1, max_length=1000)
