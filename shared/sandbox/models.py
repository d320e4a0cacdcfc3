"""Every body of the sandbox's own API as a strict model, for its description and the tests.

As with shared.metadefender.models, the look-ups import none of this.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, RootModel

from shared.metadefender.models import Answer, FlowId, Time

_SHA256 = "45f20e63f4726755015fdd5595bd46cce511a5a952e1b2c1f3cf558fad18958e"

Verdict = Literal["benign", "unknown", "no_threat", "suspicious", "likely_malicious", "malicious"]
OverallVerdict = Annotated[Verdict, Field(description="`unknown` if nothing is known.")]


class Refusal(Answer):
    """The body of every refusal of the sandbox's own API."""

    detail: str = Field(description="What went wrong, for people.", min_length=1)


class FilescanReport(Answer):
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


class _Reputation(Answer):
    overall_verdict: OverallVerdict
    filescan_reports: list[FilescanReport] = Field(
        description="Empty if nothing is known.", max_length=1
    )


class HashReputation(_Reputation):
    """The reputation of a file, known or not."""

    sha256: str = Field(
        description="Lower case; what is no SHA-256 as it was asked for.", examples=[_SHA256]
    )


class IpReputation(_Reputation):
    """The reputation of an IP address, known or not."""

    ioc_type: Literal["ip"]
    ioc_value: str = Field(
        description="In its canonical form; what is no IP address as it was asked for.",
        examples=["203.0.113.7"],
    )


class DomainReputation(_Reputation):
    """The reputation of a domain, known or not."""

    ioc_type: Literal["domain"]
    ioc_value: str = Field(
        description="In its canonical form; what is no domain as it was asked for.",
        examples=["evil.example"],
    )


class UrlReputation(_Reputation):
    """The reputation of a URL, known or not."""

    ioc_type: Literal["url"]
    ioc_value: str = Field(
        description="In its canonical form; what is no URL as it was asked for.",
        examples=["http://evil.example/"],
    )


class _Items(RootModel[list[str]]):
    model_config = ConfigDict(strict=True, frozen=True)


class Hashes(_Items):
    """SHA-256 hashes to look up, in any case. What is none gets a row too."""

    root: list[str] = Field(min_length=1, max_length=1000, examples=[[_SHA256, "0" * 64]])


class IpAddresses(_Items):
    """IP addresses to look up, IPv4 and IPv6, mixed. What is none gets a row too."""

    root: list[str] = Field(
        min_length=1, max_length=1000, examples=[["203.0.113.7", "2001:db8::7"]]
    )


class Domains(_Items):
    """Domains to look up. What is none gets a row too."""

    root: list[str] = Field(
        min_length=1, max_length=1000, examples=[["evil.example", "www.example.org"]]
    )


class Urls(_Items):
    """URLs to look up. What is none gets a row too."""

    root: list[str] = Field(
        min_length=1,
        max_length=1000,
        examples=[["http://evil.example/", "hxxps[://]www[.]example[.]org/a"]],
    )


class HashReputations(RootModel[list[HashReputation]]):
    """One row per hash, in the order of the request."""

    root: list[HashReputation] = Field(min_length=1, max_length=1000)


class IpReputations(RootModel[list[IpReputation]]):
    """One row per IP address, in the order of the request."""

    root: list[IpReputation] = Field(min_length=1, max_length=1000)


class DomainReputations(RootModel[list[DomainReputation]]):
    """One row per domain, in the order of the request."""

    root: list[DomainReputation] = Field(min_length=1, max_length=1000)


class UrlReputations(RootModel[list[UrlReputation]]):
    """One row per URL, in the order of the request."""

    root: list[UrlReputation] = Field(min_length=1, max_length=1000)
