"""Strict models of all bodies of the v4 API, for the OpenAPI document and the contract tests.

They are not deployed: look-ups answer with dictionaries (functions.lookup.v4_bodies), and tests
compare the two.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.domain.evidence import EvidenceSource
from shared.domain.indicator_types import IndicatorType
from shared.store.api_keys import Right

_FLOW_ID = "66b3763be7dbbbdfcd0a6a96"
_SHA256 = IndicatorType.SHA256.info.example
_SANDBOX = "MetaDefender Sandbox"


def without_default(schema: dict[str, Any]) -> None:
    """Remove the default of a field from its schema: it only allows the field to be absent."""
    del schema["default"]


# A field of a report without a value is absent.
Absent = Field(json_schema_extra=without_default)
AbsentText = Annotated[str, Absent]
AbsentFlag = Annotated[bool, Absent]

Time = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$",
        examples=["2025-06-01T08:00:00.000Z"],
    ),
]
FlowId = Annotated[
    str,
    Field(
        description="Id of the scan that the answer is based on.",
        min_length=1,
        max_length=128,
        examples=[_FLOW_ID],
    ),
]
Md5 = Annotated[
    str, Field(description="Upper case; empty if unknown.", pattern="^([0-9A-F]{32})?$")
]
Sha1 = Annotated[
    str, Field(description="Upper case; empty if unknown.", pattern="^([0-9A-F]{40})?$")
]
Sha256 = Annotated[
    str,
    Field(
        description="Upper case; empty if unknown.",
        pattern="^([0-9A-F]{64})?$",
        examples=[_SHA256],
    ),
]
Sha512 = Annotated[
    str,
    Field(
        description="Upper case; empty if unknown; absent if the type is off.",
        pattern="^([0-9A-F]{128})?$",
        json_schema_extra=without_default,
    ),
]
Tag = Annotated[str, Field(min_length=1, max_length=64)]
IndicatorName = Annotated[
    str,
    AfterValidator(lambda name: IndicatorType(name).value),
    Field(json_schema_extra={"enum": [kind.value for kind in IndicatorType]}),
]
Verdict = Literal["BENIGN", "NO_THREAT", "SUSPICIOUS", "LIKELY_MALICIOUS", "MALICIOUS"]
ScanResult = Annotated[
    Literal[0, 1, 2],
    Field(description="0 no threat detected, 1 infected, 2 suspicious."),
]
ScanResultText = Literal["No Threat Detected", "Infected", "Suspicious"]
Detected = Annotated[int, Field(description="Number of engines with a detection.", ge=0)]
Engines = Annotated[int, Field(description="Number of engines with an opinion.", ge=0)]
DataId = Annotated[
    str,
    Field(
        description="Id of the scan that the answer is based on; the hash itself without a scan.",
        min_length=1,
        max_length=128,
        examples=[_FLOW_ID],
    ),
]
Nothing = Annotated[Literal[""], Field(description="Always empty.")]
Percentage = Annotated[Literal[100], Field(description="Always 100: finished.")]


def _is_another(provider: str) -> str:
    if provider == _SANDBOX:
        raise ValueError("a row of the sandbox has other keys")
    return provider


# The model of other providers must not accept a row of the sandbox.
OtherProvider = Annotated[
    str,
    Field(
        description="Name of the provider.",
        min_length=1,
        max_length=64,
        examples=["blocklist.de"],
        json_schema_extra={"not": {"const": _SANDBOX}},
    ),
    AfterValidator(_is_another),
]


# Each of these fields is absent if it has no value.
Category = Annotated[
    str,
    Field(
        description="Category in the provider's own words; absent if it has none.",
        min_length=1,
        examples=["Malware Sites"],
        json_schema_extra=without_default,
    ),
]
ListName = Annotated[
    str,
    Field(
        description="The provider's list with the indicator; absent if it has only one list.",
        min_length=1,
        json_schema_extra=without_default,
    ),
]
ListedName = Annotated[
    str,
    Field(
        description="Listed name above the domain; absent if the domain itself is listed.",
        min_length=1,
        examples=["example.org"],
        json_schema_extra=without_default,
    ),
]
Network = Annotated[
    str,
    Field(
        description="Listed network that contains the address; absent if the address itself is "
        "listed.",
        min_length=1,
        examples=["192.0.2.0/24"],
        json_schema_extra=without_default,
    ),
]
OverruledBy = Annotated[
    str,
    Field(
        description="Rule or provider that overrules the verdict; absent if none does.",
        min_length=1,
        examples=["special-purpose network 127.0.0.0/8"],
        json_schema_extra=without_default,
    ),
]
Limit = Annotated[int, Field(gt=0, examples=[4000], json_schema_extra=without_default)]
NotSold = Annotated[Literal[0], Field(description="Always 0: not part of this service.")]


class ResponseBody(BaseModel):
    """An answer body: no conversion of types, no additional keys."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RequestBody(BaseModel):
    """A request body: additional keys are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class MayBeOverruled(ResponseBody):
    """A result whose verdict a rule or a trusted list can overrule."""

    overruled_by: OverruledBy = ""
    overruled_verdict: Verdict = Field(
        "SUSPICIOUS",
        description="Verdict that is overruled; absent if none is.",
        json_schema_extra=without_default,
    )


class ErrorDetail(ResponseBody):
    """Number and message of an error."""

    code: int = Field(
        description="The vendor's error number; its first digits are the HTTP status."
    )
    messages: list[str] = Field(description="Message for people.", min_length=1, max_length=1)


class Error(ResponseBody):
    """The body of every error."""

    success: Literal[False]
    error: ErrorDetail


# Hashes


class SightingOrigin(ResponseBody):
    """One location of an indicator within a scan."""

    type: str = Field(min_length=1, examples=["EXTRACTED_FILE"])
    identifier: str = Field(
        description="SHA-256 of the file that it came from; empty if unknown.", examples=[""]
    )


class Evidence(ResponseBody):
    """One statement about an IOC, with its source."""

    # Not strict: tests validate parsed answers, which hold the text.
    source: EvidenceSource = Field(strict=False)
    verdict: Verdict
    name: AbsentText = Field(
        default="",
        description="Provider, YARA rule or group of signals; absent if it has no name.",
    )
    flow_id: AbsentText = Field(
        default="", description="The earlier scan; absent if the scan itself holds the statement."
    )
    sender: AbsentText = Field(default="", description="Name of the key that sent that report.")
    decides: AbsentFlag = Field(
        default=False, description="Present and true if the verdict rests on it."
    )
    echo: AbsentFlag = Field(
        default=False,
        description="Present and true if it only repeats this service, so that it never decides.",
    )


class ExplainedEvidence(Evidence):
    """One statement that a verdict can rest on."""

    sender: AbsentText = Field(
        default="",
        description="Name of the key that sent the report; for keys with the right `annotate`.",
    )


class Sighting(MayBeOverruled):
    """The sandbox's reputation of an indicator, from its scans."""

    verdict: Verdict = Field(
        description="Verdict of the latest scan, if nothing overrules it; of a digest that several "
        "files share, the verdict of the most severe scan."
    )
    score: int = Field(
        description="How much the verdict still counts; it falls with the time since `last_seen`. "
        "0 for a verdict that is not bad.",
        ge=0,
        le=100,
        examples=[90],
    )
    valid_until: Time | Literal[""] = Field(
        description="When the score falls below 20; empty if it never does, or if the verdict is "
        "not bad."
    )
    parent_verdict: Verdict | Literal["UNKNOWN", ""] = Field(
        description="Verdict of the report with the indicator; empty if it has none."
    )
    origin: str = Field(
        description="Location of the indicator within the scan; empty if unknown.",
        examples=["EXTRACTED_FILE"],
    )
    origins: list[SightingOrigin] = Field(
        description="All locations of the indicator within the scan, the first one as in `origin`.",
        max_length=8,
    )
    flow_id: FlowId
    first_seen: Time = Field(description="Date of the first report.")
    last_seen: Time = Field(description="Date of the latest report.")
    scan_count: int = Field(description="Number of scans that reported it.", ge=1, examples=[4])
    tags: list[Tag] = Field(
        description="Tags of all reports and of the indicator in them.",
        max_length=32,
        examples=[["packed", "anti-vm"]],
    )
    worst_verdict: Verdict = Field(
        description="Verdict of the most severe scan, if nothing overrules it."
    )
    worst_seen: Time = Field(description="Date of the newest report with that verdict.")
    worst_flow_id: FlowId


class EngineResult(Sighting):
    """The result of the sandbox, for a hash that it knows."""

    scan_result_i: ScanResult
    def_time: Time = Field(description="Equals `last_seen`.")
    threat_found: str = Field(
        description="Name of the threat if the verdict is a detection, else empty. The verdict "
        "itself if no report names the threat.",
        examples=["Emotet"],
    )
    scan_time: Literal[0] = Field(description="Always 0: the scan took place earlier.")


class UnknownEngineResult(ResponseBody):
    """The result of the sandbox, for a hash that only other providers know."""

    scan_result_i: Literal[5] = Field(description="Always 5: unknown.")
    threat_found: Nothing
    def_time: Nothing
    scan_time: Literal[0]


class MayBeByAnalyst(MayBeOverruled):
    """The result of another provider, or of an analyst, whose provider is `Analyst`."""

    verdict: Verdict = Field(
        "SUSPICIOUS",
        description="The verdict that an analyst set; absent for a provider.",
        json_schema_extra=without_default,
    )
    reason: str = Field(
        "",
        description="Why the analyst set it; absent for a provider.",
        max_length=1000,
        json_schema_extra=without_default,
    )
    expires: str = Field(
        "",
        description="Until when it holds; absent if it has no end, and for a provider.",
        json_schema_extra=without_default,
    )


class ProviderResult(MayBeByAnalyst):
    """The result of another provider, shown as an engine."""

    scan_result_i: Literal[0, 1, 2, 3, 5] = Field(
        description="0 trusted by the provider, 1 listed, 2 listed as suspicious, 3 could not be "
        "queried, 5 unknown."
    )
    threat_found: str = Field(description="Category or assessment of a detection, else empty.")
    def_time: Time | Literal[""] = Field(
        description="Time of the last complete download of its list; empty without a list."
    )
    scan_time: Literal[0]
    list: ListName = ""


class ScanDetails(ResponseBody):
    """Results by engine: the sandbox, and each other provider under its name."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, ProviderResult]

    sandbox: EngineResult | UnknownEngineResult = Field(alias="MetaDefender Sandbox")


class NoScanDetails(ResponseBody):
    """No results: the hash is unknown, or the request did not ask for details."""


class ScanResults(ResponseBody):
    """The results of all engines together."""

    scan_details: ScanDetails
    data_id: DataId
    rescan_available: Literal[False] = Field(description="Always false: it scans no file.")
    in_queue: Literal[0] = Field(description="Always 0: no scan waits.")
    scan_all_result_i: ScanResult
    scan_all_result_a: ScanResultText
    start_time: Time | Literal[""] = Field(
        description="Date of the latest report; empty without a report."
    )
    total_time: Literal[0] = Field(description="Always 0: the scan took place earlier.")
    progress_percentage: Percentage
    total_detected_avs: Detected
    total_avs: Engines


class _Digests(ResponseBody):
    md5: Md5
    sha1: Sha1
    sha256: Sha256


class _FileDigests(_Digests):
    sha512: Sha512 = ""


class FileInfo(_FileDigests):
    """The file of the hash, as far as reports describe it; the same for each of its digests."""

    digests: dict[str, list[str]] = Field(
        description="All digests of the file by type. Several files can share a digest: then it "
        "lists the digests of all of them.",
        examples=[{"md5": ["D41D8CD98F00B204E9800998ECF8427E"], "sha1": [], "sha256": []}],
    )
    display_name: str = Field(
        description="Name of the file; a digest if no report names it.",
        min_length=1,
        examples=["invoice.docm"],
    )
    file_size: int = Field(description="In bytes; 0 if unknown.", ge=0)
    file_type_category: Literal["", "A", "D", "E", "G", "M", "O", "P", "T", "Z"] = Field(
        description="Archive, document, executable, graphics, media, other, PDF, text or mail; "
        "empty if unknown."
    )
    file_type_description: str = Field(
        description="MIME type or short type; empty if unknown.", examples=["pe"]
    )
    file_type_extension: str = Field(
        description="Extension of the name; empty without one.", examples=["docm"]
    )
    upload_timestamp: Time | Literal[""] = Field(
        description="Date of the first report; empty without a report."
    )


class ProcessInfo(ResponseBody):
    """Whether a gateway should allow the file."""

    result: Literal["Allowed", "Blocked"]
    blocked_reason: Literal["", "Infected", "Suspicious"]
    progress_percentage: Percentage


class Votes(ResponseBody):
    """Votes of a community; this service has none."""

    up: Literal[0]
    down: Literal[0]


class SandboxScan(ResponseBody):
    """The latest scan."""

    sandbox_id: FlowId
    system: Literal["filescanio"]
    date: Time


ThreatName = Annotated[
    str,
    Field(description="As the latest report names it; empty if unknown or not a detection."),
]


class HashReport(ResponseBody):
    """The answer about a hash that the sandbox or another provider knows."""

    scan_result_history_length: int = Field(description="Length of the scan history.", ge=1, le=1)
    file_id: DataId
    data_id: DataId
    share_file: Literal[1]
    stored: Literal[False] = Field(description="Always false: this service keeps no files.")
    rest_version: Literal["4"]
    additional_info: list[str] = Field(description="Always empty.", max_length=0)
    votes: Votes
    threat_name: ThreatName
    malware_family: ThreatName
    malware_type: ThreatName
    file_info: FileInfo
    scan_results: ScanResults
    process_info: ProcessInfo
    last_sandbox_id: list[SandboxScan] = Field(
        description="Empty if the hash is unknown to the sandbox.", max_length=1
    )


class HistoryEntry(ResponseBody):
    """One scan in the history of a hash."""

    data_id: DataId
    scan_all_result_i: ScanResult
    scan_all_result_a: ScanResultText
    start_time: Time | Literal[""]
    total_time: Literal["0"]
    total_avs: Engines
    total_detected_avs: Detected


class ScanHistory(_FileDigests):
    """The scan history of a known hash, which contains its latest scan only."""

    scan_result_history: list[HistoryEntry] = Field(min_length=1, max_length=1)


class FinalVerdict(MayBeOverruled):
    """The verdict in the sandbox's own terms."""

    verdict: Verdict
    threat_level: float = Field(
        alias="threatLevel",
        description="-1 benign, 0.1 no threat, 0.5 suspicious, 0.75 likely malicious, 1 malicious.",
        ge=-1,
        le=1,
    )
    confidence: Literal[1]


class SandboxReport(_FileDigests):
    """The sandbox's own report about a known hash."""

    data_id: FlowId
    sandbox_id: FlowId
    flow_id: FlowId
    private_processing: Literal[0]
    final_verdict: FinalVerdict


class BulkHashRequest(RequestBody):
    """Hashes to look up."""

    hash: list[str] = Field(
        description="MD5, SHA-1 and SHA-256, mixed, in upper or lower case. "
        "An invalid item gets a row with an error.",
        min_length=1,
        max_length=1000,
        examples=[[_SHA256, IndicatorType.MD5.info.other_example]],
    )


class BulkHashRow(MayBeOverruled):
    """The result for one hash."""

    data_id: str = Field(
        description="Id of the scan; empty if the hash is unknown.", max_length=128
    )
    scan_result_i: Literal[0, 1, 2, 5] = Field(
        description="As in the answer to a single look-up; 5 if the hash is unknown."
    )
    hash: str = Field(description="The item as the client sent it, in upper case.")
    total_detected_avs: int = Field(
        description="Number of detections; -1 if the hash is unknown.", ge=-1
    )
    scan_details: ScanDetails | NoScanDetails = Field(
        description="Empty unless the header `includescandetails` is 1."
    )


class InvalidHashRow(ResponseBody):
    """The row of a bulk answer for an invalid hash."""

    success: Literal[False]
    data_id: Literal[""]
    scan_result_i: Literal[5]
    hash: str = Field(description="The item as the client sent it, in upper case.")
    total_detected_avs: Literal[-1]
    scan_details: NoScanDetails
    error: ErrorDetail


class BulkHashAnswer(ResponseBody):
    """One row per hash, in the order of the request."""

    data: list[BulkHashRow | InvalidHashRow] = Field(min_length=1, max_length=1000)


# IPs, domains and URLs


class UnknownSource(ResponseBody):
    """The row of the sandbox for an indicator that it does not know."""

    provider: Literal["MetaDefender Sandbox"]
    assessment: Literal[""]
    detect_time: Literal[""]
    update_time: Time = Field(description="Time of the look-up.")
    status: Literal[5]


Matched = Annotated[
    str,
    Field(
        description="With `x-match: parents`, the indicator around the one asked that the row is "
        "about; absent if the row is about the one asked.",
        json_schema_extra=without_default,
    ),
]


class KnownSource(Sighting):
    """The row of the sandbox for an indicator that it knows."""

    provider: Literal["MetaDefender Sandbox"]
    assessment: Literal["", "trustworthy", "suspicious", "high risk"]
    detect_time: Time = Field(description="Equals `last_seen`.")
    update_time: Time = Field(description="Time of the look-up.")
    status: Literal[0, 1, 5] = Field(
        description="0 trusted by the sandbox, 1 listed, 5 not listed."
    )
    matched: Matched = ""


class ProviderSource(MayBeByAnalyst):
    """The row of another provider that covers the type, even if the indicator is unknown to it."""

    provider: OtherProvider
    assessment: str = Field(
        description="Assessment in the provider's own words, `trustworthy` with status 0; empty if "
        "the indicator is unknown to it.",
        examples=["botnet"],
    )
    category: Category = ""
    detect_time: Time | Literal[""] = Field(
        description="Time of listing; empty if not listed, or if the provider does not state it."
    )
    update_time: Time | Literal[""] = Field(
        description="Time of the last complete download of its list, or of its answer, or empty."
    )
    status: Literal[0, 1, 3, 5] = Field(
        description="0 trusted by the provider, 1 listed, 3 the provider could not be queried, 5 "
        "not listed."
    )
    list: ListName = ""
    matched: Matched = ""


class IpProviderSource(ProviderSource):
    """The row of another provider for an IP address, which can be in a listed network."""

    network: Network = ""


class DomainProviderSource(ProviderSource):
    """The row of another provider for a domain, which can be below a listed name."""

    listed_name: ListedName = ""


class _Rows(ResponseBody):
    start_time: Time = Field(description="Time of the look-up.")
    detected_by: int = Field(description="Number of providers with status 1.", ge=0)


class LookupResults(_Rows):
    """The rows of all providers."""

    sources: list[KnownSource | UnknownSource | ProviderSource] = Field(
        description="The sandbox first, then the other providers.", min_length=1
    )


class DomainLookupResults(_Rows):
    """The rows of all providers for a domain."""

    sources: list[KnownSource | UnknownSource | DomainProviderSource] = Field(
        description="The sandbox first, then the other providers.", min_length=1
    )


class IpLookupResults(_Rows):
    """The rows of all providers for an IP address."""

    sources: list[KnownSource | UnknownSource | IpProviderSource] = Field(
        description="The sandbox first, then the other providers.", min_length=1
    )


class NoResults(ResponseBody):
    """No rows, because the item is invalid."""

    start_time: Time = Field(description="Time of the look-up.")
    detected_by: Literal[0]
    sources: list[KnownSource | UnknownSource] = Field(description="Always empty.", max_length=0)


class NamedCode(ResponseBody):
    """A continent, or a part of a country; empty if it is not known."""

    code: str = Field(description='ISO code; "" if it is not known.', examples=["EU"])
    name: str = Field(description='In English; "" if it is not known.', examples=["Europe"])


class Country(ResponseBody):
    """A country; a client fails if it has no name."""

    code: str = Field(description='ISO code; "" if it is not known.', examples=["SE"])
    name: str = Field(
        description="In English; Unknown if it is not known.", min_length=1, examples=["Sweden"]
    )


class City(ResponseBody):
    """A city; empty if it is not known."""

    name: str = Field(description='In English; "" if it is not known.', examples=["Linköping"])


class Location(ResponseBody):
    """Coordinates in degrees; both are 0 if they are not known."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class GeoInfo(ResponseBody):
    """Where an address is, by the GeoIP database of the stack; without one, nothing is known."""

    continent: NamedCode
    country: Country
    registered_country: Country
    city: City
    location: Location
    subdivisions: list[NamedCode] = Field(description="From the largest to the smallest.")


class DomainReport(ResponseBody):
    """The answer about a domain, known or not."""

    success: Literal[True]
    address: str = Field(description="Canonical form.", examples=["evil.example"])
    lookup_results: DomainLookupResults


class UrlReport(ResponseBody):
    """The answer about a URL, known or not."""

    success: Literal[True]
    address: str = Field(description="Canonical form.", examples=["http://evil.example/"])
    lookup_results: LookupResults


class IpReport(ResponseBody):
    """The answer about an IP address, known or not."""

    success: Literal[True]
    address: str = Field(description="Canonical form.", examples=["203.0.113.7"])
    lookup_results: IpLookupResults
    geo_info: GeoInfo


class InvalidRow(ResponseBody):
    """The row of a bulk answer for an invalid domain or URL."""

    success: Literal[False]
    address: str = Field(description="The item as the client sent it.")
    lookup_results: NoResults
    error: ErrorDetail


class InvalidIpRow(InvalidRow):
    """The row of a bulk answer for an invalid IP address."""

    geo_info: GeoInfo


class BulkIpRequest(RequestBody):
    """IP addresses to look up."""

    address: list[str] = Field(
        description="IPv4 and IPv6, mixed. An invalid item gets a row with an error.",
        min_length=1,
        max_length=1000,
        examples=[["203.0.113.7", "2001:db8::7"]],
    )


class BulkDomainRequest(RequestBody):
    """Domains to look up."""

    fqdn: list[str] = Field(
        description="Domain names. An invalid item gets a row with an error.",
        min_length=1,
        max_length=1000,
        examples=[["evil.example", "www.example.org"]],
    )


class BulkUrlRequest(RequestBody):
    """URLs to look up; the field may also be named `fqdn`."""

    url: list[str] = Field(
        description="URLs. An invalid item gets a row with an error.",
        min_length=1,
        max_length=1000,
        examples=[["http://evil.example/", "hxxps[://]www[.]example[.]org/a"]],
    )


class BulkIpAnswer(ResponseBody):
    """One row per IP address, in the order of the request."""

    data: list[IpReport | InvalidIpRow] = Field(min_length=1, max_length=1000)


class BulkDomainAnswer(ResponseBody):
    """One row per domain, in the order of the request."""

    data: list[DomainReport | InvalidRow] = Field(min_length=1, max_length=1000)


class BulkUrlAnswer(ResponseBody):
    """One row per URL, in the order of the request."""

    data: list[UrlReport | InvalidRow] = Field(min_length=1, max_length=1000)


# Searches

Offset = Annotated[
    int, Field(description="Position in characters from the start of the text.", ge=0)
]
Written = Annotated[
    str, Field(description="The indicator as written in the text.", max_length=8192)
]
Value = Annotated[str, Field(description="Canonical form.", min_length=1)]
NextCursor = Annotated[
    str | None,
    Field(description="Value of `cursor` for the next page; null at the end.", min_length=1),
]


class SearchRequest(RequestBody):
    """A text to search for indicators."""

    text: str = Field(examples=["Blocked hxxp://evil[.]example/a and 203.0.113.7"])


class NamedIndicator(ResponseBody):
    """An indicator."""

    type: IndicatorName
    value: Value


class FoundIndicator(NamedIndicator):
    """An indicator in the text, with its look-up result."""

    text: Written
    offset: Offset
    count: int = Field(description="Number of times it appears in the text.", ge=1)
    verdict: Verdict | Literal["UNKNOWN"] = Field(description="Overall verdict of all providers.")
    report: BulkHashRow | IpReport | DomainReport | UrlReport = Field(
        description="Its row of a bulk look-up; for a hash with details."
    )


class NotUnderstood(ResponseBody):
    """A part of the text that looks like an indicator but is not a valid one."""

    text: Written
    offset: Offset
    reason: str = Field(description="Reason for people.", min_length=1)


class SearchAnswer(ResponseBody):
    """The indicators in a text, each once, in order of appearance."""

    data: list[FoundIndicator] = Field(max_length=1000)
    not_understood: list[NotUnderstood] = Field(max_length=1000)
    rest: int | None = Field(
        description="Position where the search stopped because the text is too long: send the text "
        "from there on. Null if the whole text was searched.",
        ge=0,
    )


class SeenSighting(MayBeOverruled):
    """One sighting of an indicator."""

    verdict: Verdict
    parent_verdict: Verdict | Literal["UNKNOWN", ""] = Field(
        description="Verdict of the report; empty if it has none."
    )
    origin: str = Field(description="Location of the indicator within the scan; empty if unknown.")
    origins: list[SightingOrigin] = Field(
        description="All locations of the indicator within the scan, the first one as in `origin`; "
        "only that one if an earlier version of the service stored the row.",
        max_length=8,
    )
    flow_id: FlowId
    report_id: str = Field(description="Id of the report; empty if unknown.")
    seen_at: Time = Field(description="Date of the report.")
    evidence: list[ExplainedEvidence] = Field(
        description="What decides comes first. Empty if the report gives none, or if an earlier "
        "version of the service stored the row.",
        max_length=4,
    )


class Sightings(NamedIndicator):
    """The sightings of an indicator, newest first."""

    data: list[SeenSighting] = Field(max_length=1000)
    next_cursor: NextCursor


class SeenIndicator(NamedIndicator, SeenSighting):
    """An indicator with one of its sightings."""


class SeenIndicators(ResponseBody):
    """Sighted indicators, newest first, each once per page."""

    data: list[SeenIndicator] = Field(max_length=1000)
    next_cursor: NextCursor


# The key and the service


class KeyInfo(ResponseBody):
    """Data of the sender's key, without the key itself."""

    success: Literal[True]
    max_file_download: NotSold
    max_upload_file_size: NotSold
    max_archive_file_depth: NotSold
    max_archive_file_size: NotSold
    max_archive_file_number: NotSold
    limit_prevention: NotSold
    limit_analysis: NotSold
    limit_sandbox: NotSold
    limit_feed: NotSold
    limit_reputation: Limit = Field(0, description="Look-ups per day, UTC; absent for no limit.")
    throttling_limit: Limit = Field(0, description="Look-ups per minute; absent for no limit.")
    time_interval: Literal["Daily"]
    qos_scan: Nothing
    sandbox_qos_scan: Nothing
    userid: str = Field(
        description="Short id of the key: the first digits of its SHA-256.",
        pattern="^[0-9a-f]{12}$",
        examples=["5e884898da28"],
    )
    nickname: str = Field(description="Holder of the key.", examples=["soc"])
    portal_api_key: Nothing
    created_at: Time
    updated_at: Time
    expiration_date: Time | Literal[""] = Field(description="Empty for a key that does not expire.")
    is_enterprise: Literal[False]
    enforce_private_scan: Literal[False]
    mtls_only: Literal[False]
    workflow_rule: NotSold
    vulnerability_submissions: list[str] = Field(description="Always empty.", max_length=0)
    votes: list[str] = Field(description="Always empty.", max_length=0)
    scan_with: Nothing
    source: Nothing
    paid_user: Literal[1]
    rights: list[Right] = Field(description="What the key may do.")


class _OtherFamilies(ResponseBody):
    analysis_api: NotSold
    prevention_api: NotSold
    feed_api: NotSold
    download_file: NotSold
    sandbox_api: NotSold


class LimitsUsed(_OtherFamilies):
    """Look-ups that the key used today, UTC."""

    reputation_api: int = Field(
        description="Number of look-ups; each item of a bulk request counts as one.",
        ge=0,
        examples=[17],
    )


class LimitsRemaining(_OtherFamilies):
    """Look-ups that the key has left today, UTC."""

    reputation_api: Annotated[int, Field(json_schema_extra=without_default)] = Field(
        default=0,
        description="Number of look-ups; absent for a key without limit.",
        ge=0,
        examples=[3983],
    )


class FeedHash(_Digests):
    """A file of the feed of hashes; digests that are not known are empty."""

    start_time: Time = Field(description="When it was last seen.")
    file_type_extension: str
    file_type_category: str
    data_id: str = Field(description="Id of the scan.")
    total_avs: int = Field(ge=1)
    total_detected_avs: int = Field(ge=0)


class HashFeed(ResponseBody):
    """The files seen last, a page of the feed."""

    from_: Time = Field(alias="from", description="The earliest `start_time` of the page.")
    to: Time = Field(description="The latest one.")
    length: int = Field(description="Number of hashes on the page.", ge=0, le=1000)
    hashes: list[FeedHash] = Field(max_length=1000)


class FileReputation(_Digests):
    """The reputation of a file in the v5 API, known or not."""

    reputation: Literal["benign", "suspicious", "malicious", "unknown"]
    confidence_level: int = Field(
        0,
        description="With the header `extended: 1` for a known file, else absent: 0 is benign, "
        "below 50 suspicious, 50 and more malicious.",
        ge=0,
        le=100,
        json_schema_extra=without_default,
    )


class InvalidFileReputation(ResponseBody):
    """The row of a bulk answer for an item that is not a hash."""

    hash: str = Field(description="The item as sent, cut if it is long.")
    reputation: Literal["unknown"]
    error: ErrorDetail


class FileReputations(ResponseBody):
    """One row per hash, in the order of the request."""

    data: list[FileReputation | InvalidFileReputation] = Field(min_length=1, max_length=1000)


class Version(ResponseBody):
    """The version of the API."""

    version: Literal["4"]


class ProviderStatus(ResponseBody):
    """State of one provider other than the sandbox."""

    id: str = Field(
        description="Id of the provider, as in settings.", pattern="^[a-z0-9][a-z0-9-]{0,31}$"
    )
    provider: OtherProvider
    types: list[IndicatorName] = Field(min_length=1)
    on_demand: bool = Field(
        description="Whether the provider has no list and is queried during look-ups."
    )
    last_success: Time | Literal[""] = Field(
        description="Time of the last complete download of its list; empty for never, or without a "
        "list."
    )
    age_s: int = Field(description="Seconds since `last_success`; -1 for never.", ge=-1)
    entries: int = Field(description="Number of entries on its list.", ge=0)
    error: str = Field(description="Error of the last download; empty if it succeeded.")
    licence: str = Field(description="Note on its terms of use.")


class Providers(ResponseBody):
    """The enabled providers other than the sandbox, in the order of their rows."""

    providers: list[ProviderStatus]


class FeedStatus(ResponseBody):
    """The last run of ingestion over one feed."""

    feed: str = Field(description="Host of the feed.", min_length=1, examples=["feed.example"])
    last_run: Time = Field(description="End of the last recorded run.")
    age_s: int = Field(description="Seconds since `last_run`.", ge=0, examples=[540])
    complete: bool = Field(description="Whether the run read everything new and stored it.")
    stopped: str = Field(description="Why the run is not complete; empty if it is.")
    failures: int = Field(description="Number of consecutive runs in which the feed failed.", ge=0)
    unresolved: int = Field(description="Number of links whose report could not be fetched.", ge=0)
    without_verdict: int = Field(
        description="Number of IOCs that the last run with new IOCs ignored for lack of a verdict.",
        ge=0,
    )
    left: int = Field(
        description="Number of reports of the feed that the run has not reached; -1 if the feed "
        "does not state their number.",
        ge=-1,
    )
    last_complete: Time | Literal[""] = Field(
        description="End of the last complete run; empty for never."
    )
    newest_report: Time | Literal[""] = Field(
        description="Date of the newest report read; empty for none."
    )
    lag_s: int = Field(
        description="Seconds since `newest_report`; -1 for none. Grows without new reports.",
        ge=-1,
        examples=[3600],
    )
    stale: bool = Field(description="Whether no run completed in the last two hours.")


class Feeds(ResponseBody):
    """The last run per feed, most recent first; empty before the first run."""

    feeds: list[FeedStatus]


class Filter(ResponseBody):
    """Metadata of the filter of all stored indicators; docs/filter.md describes the format."""

    format: Literal["DCSO bloom filter"]
    format_version: Literal[1]
    version: Literal[2] = Field(description="Version of the content and of this metadata.")
    built: Time = Field(
        description="Time of the build. It contains all indicators that were stored before."
    )
    entries: int = Field(description="Number of indicators in the filter.", ge=0)
    false_positive_rate: float = Field(
        description="Share of unknown indicators that the filter reports as stored.", gt=0, lt=1
    )
    types: list[IndicatorName] = Field(
        description="Types for which a miss means unknown; for others, a provider may know more."
    )
    size: int = Field(description="Size of the file in bytes.", ge=1)
    sha256: str = Field(description="SHA-256 of the file.", pattern="^[0-9a-f]{64}$")


class FilterLink(ResponseBody):
    """A link to the file of the filter."""

    url: str = Field(pattern="^https?://")


class Health(ResponseBody):
    """The function runs; the store is not checked."""

    status: Literal["ok"]
