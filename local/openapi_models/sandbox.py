"""Every body of the sandbox's own API as a strict model, for its description and the tests.

As with local.openapi_models.v4, the look-ups import none of this.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, RootModel

from local.openapi_models.v4 import ErrorDetail, FlowId, ResponseBody, Time
from shared.domain.indicator_types import IndicatorType

_SHA256 = IndicatorType.SHA256.info.example.lower()

Verdict = Literal["benign", "unknown", "no_threat", "suspicious", "likely_malicious", "malicious"]
OverallVerdict = Annotated[Verdict, Field(description="`unknown` if nothing is known.")]


class Refusal(ResponseBody):
    """The body of every refusal of the sandbox's own API."""

    detail: str = Field(description="What went wrong, for people.", min_length=1)


class FilescanReport(ResponseBody):
    """The report that the verdict rests on."""

    verdict: Literal["benign", "no_threat", "suspicious", "likely_malicious", "malicious"] = Field(
        description="Of the indicator in this report."
    )
    report_id: str = Field(
        description="The report; empty if the feed does not name it.",
        max_length=64,
        examples=["4c1a0000-0000-4000-8000-000000000020"],
    )
    report_date: Time
    flow_id: FlowId


class _Reputation(ResponseBody):
    overall_verdict: OverallVerdict
    filescan_reports: list[FilescanReport] = Field(
        description="Empty if nothing is known.", max_length=1
    )


class _Invalid(ResponseBody):
    overall_verdict: Literal["unknown"]
    filescan_reports: list[FilescanReport] = Field(max_length=0)
    error: ErrorDetail


class HashReputation(_Reputation):
    """The reputation of a file, known or not."""

    sha256: str = Field(description="In lower case.", examples=[_SHA256])


class IpReputation(_Reputation):
    """The reputation of an IP address, known or not."""

    ioc_type: Literal["ip"]
    ioc_value: str = Field(
        description="In its canonical form.",
        examples=["203.0.113.7"],
    )


class DomainReputation(_Reputation):
    """The reputation of a domain, known or not."""

    ioc_type: Literal["domain"]
    ioc_value: str = Field(
        description="In its canonical form.",
        examples=["evil.example"],
    )


class UrlReputation(_Reputation):
    """The reputation of a URL, known or not."""

    ioc_type: Literal["url"]
    ioc_value: str = Field(
        description="In its canonical form.",
        examples=["http://evil.example/"],
    )


class InvalidHash(_Invalid):
    """The row of a bulk answer for what is no SHA-256."""

    sha256: str = Field(description="As it was asked for.")


class InvalidIp(_Invalid):
    """The row of a bulk answer for what is no IP address."""

    ioc_type: Literal["ip"]
    ioc_value: str = Field(description="As it was asked for.")


class InvalidDomain(_Invalid):
    """The row of a bulk answer for what is no domain."""

    ioc_type: Literal["domain"]
    ioc_value: str = Field(description="As it was asked for.")


class InvalidUrl(_Invalid):
    """The row of a bulk answer for what is no URL."""

    ioc_type: Literal["url"]
    ioc_value: str = Field(description="As it was asked for.")


class _Items(RootModel[list[str]]):
    model_config = ConfigDict(strict=True, frozen=True)


class Hashes(_Items):
    """SHA-256 hashes to look up, in any case. What is none gets a row that says so."""

    root: list[str] = Field(
        min_length=1, max_length=1000, examples=[[_SHA256, IndicatorType.SHA256.info.other_example]]
    )


class IpAddresses(_Items):
    """IP addresses to look up, IPv4 and IPv6, mixed. What is none gets a row that says so."""

    root: list[str] = Field(
        min_length=1, max_length=1000, examples=[["203.0.113.7", "2001:db8::7"]]
    )


class Domains(_Items):
    """Domains to look up. What is none gets a row that says so."""

    root: list[str] = Field(
        min_length=1, max_length=1000, examples=[["evil.example", "www.example.org"]]
    )


class Urls(_Items):
    """URLs to look up. What is none gets a row that says so."""

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
