"""Every body of the API as a strict model: what its description and the contract tests are made of.

The look-ups import none of this. They answer with plain dictionaries (functions.lookup.v4_bodies),
and tests hold the two against each other.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.domain.indicator_types import INDICATOR_TYPES, TYPE_BY_HASH_DIGITS, IndicatorType

_FLOW_ID = "66b3763be7dbbbdfcd0a6a96"
_SHA256 = IndicatorType.SHA256.info.example
_SANDBOX = "MetaDefender Sandbox"

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
        description="The scan that the answer rests on.",
        min_length=1,
        max_length=128,
        examples=[_FLOW_ID],
    ),
]
Md5 = Annotated[
    str, Field(description="Upper case; empty if not known.", pattern="^([0-9A-F]{32})?$")
]
Sha1 = Annotated[
    str, Field(description="Upper case; empty if not known.", pattern="^([0-9A-F]{40})?$")
]
Sha256 = Annotated[
    str,
    Field(
        description="Upper case; empty if not known.",
        pattern="^([0-9A-F]{64})?$",
        examples=[_SHA256],
    ),
]
Tag = Annotated[str, Field(min_length=1, max_length=64)]
IndicatorName = Annotated[
    str,
    AfterValidator(lambda name: IndicatorType(name).value),
    Field(json_schema_extra={"enum": [kind.value for kind in INDICATOR_TYPES]}),
]
Verdict = Literal["BENIGN", "NO_THREAT", "SUSPICIOUS", "LIKELY_MALICIOUS", "MALICIOUS"]
ScanResult = Annotated[
    Literal[0, 1, 2],
    Field(description="0 no threat detected, 1 infected, 2 suspicious."),
]
ScanResultText = Literal["No Threat Detected", "Infected", "Suspicious"]
Detected = Annotated[int, Field(description="How many engines found something.", ge=0)]
Engines = Annotated[int, Field(description="Number of engines.", ge=1)]
DataId = Annotated[
    str,
    Field(
        description="The scan that the answer rests on; the hash itself if there is none.",
        min_length=1,
        max_length=128,
        examples=[_FLOW_ID],
    ),
]
Nothing = Annotated[Literal[""], Field(description="Always empty.")]
Percentage = Annotated[Literal[100], Field(description="Always finished.")]


def _is_another(provider: str) -> str:
    if provider == _SANDBOX:
        raise ValueError("a row of the sandbox has other keys")
    return provider


# A row of the sandbox is not to pass for one of another provider.
OtherProvider = Annotated[
    str,
    Field(
        description="The name of the provider.",
        min_length=1,
        max_length=64,
        examples=["blocklist.de"],
        json_schema_extra={"not": {"const": _SANDBOX}},
    ),
    AfterValidator(_is_another),
]


def without_default(schema: dict[str, Any]) -> None:
    """What is absent is absent: the default only lets it be so, and is no value of the API."""
    del schema["default"]


# Each is absent where there is none.
Category = Annotated[
    str,
    Field(
        description="In the provider's words; absent if it has none.",
        min_length=1,
        examples=["Malware Sites"],
        json_schema_extra=without_default,
    ),
]
ListName = Annotated[
    str,
    Field(
        description="The list of the provider that it is on; absent if there is but one.",
        min_length=1,
        json_schema_extra=without_default,
    ),
]
Network = Annotated[
    str,
    Field(
        description="The network that is listed in the place of the address; absent if the "
        "address itself is listed.",
        min_length=1,
        examples=["192.0.2.0/24"],
        json_schema_extra=without_default,
    ),
]
Limit = Annotated[int, Field(gt=0, examples=[4000], json_schema_extra=without_default)]
NotSold = Annotated[Literal[0], Field(description="Always 0: not a part of this service.")]


class ResponseBody(BaseModel):
    """A body that is sent: nothing in it is converted, and nothing may be beside it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RequestBody(BaseModel):
    """A body that is received: other keys in it are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class ErrorDetail(ResponseBody):
    """What went wrong."""

    code: int = Field(description="The vendor's number; its first digits are the HTTP status.")
    messages: list[str] = Field(description="For people.", min_length=1, max_length=1)


class Error(ResponseBody):
    """The body of every refusal."""

    success: Literal[False]
    error: ErrorDetail


# Hashes


class Sighting(ResponseBody):
    """What is known of an indicator: all of it from scans of the sandbox."""

    verdict: Verdict = Field(description="Of the latest scan.")
    parent_verdict: Verdict | Literal["UNKNOWN", ""] = Field(
        description="Of the report in which the indicator was found; empty if it has none."
    )
    origin: str = Field(
        description="Where in the scan it was found; empty if not known.",
        examples=["EXTRACTED_FILE"],
    )
    flow_id: FlowId
    first_seen: Time = Field(description="Date of the first report.")
    last_seen: Time = Field(description="Date of the latest report.")
    scan_count: int = Field(description="Number of scans that showed it.", ge=1, examples=[4])
    tags: list[Tag] = Field(
        description="Of all reports and of the indicator in them.",
        max_length=32,
        examples=[["packed", "anti-vm"]],
    )


class EngineResult(Sighting):
    """The result of the sandbox, for a hash that it knows."""

    scan_result_i: ScanResult
    def_time: Time = Field(description="Equals `last_seen`.")
    threat_found: str = Field(description="The verdict, if it is a detection; else empty.")
    scan_time: Literal[0] = Field(description="Always 0: the scan was before.")


class UnknownEngineResult(ResponseBody):
    """The result of the sandbox, for a hash that only other providers know."""

    scan_result_i: Literal[5] = Field(description="Not known.")
    threat_found: Nothing
    def_time: Nothing
    scan_time: Literal[0]


class ProviderResult(ResponseBody):
    """The result of another provider, which is an engine here."""

    scan_result_i: Literal[0, 1, 2, 3, 5] = Field(
        description="0 trusted by the provider, 1 listed, 2 listed as suspicious, 3 not asked "
        "with success, 5 not known."
    )
    threat_found: str = Field(description="The category or assessment of a detection; else empty.")
    def_time: Time | Literal[""] = Field(
        description="When its list was last complete; empty for one without a list."
    )
    scan_time: Literal[0]
    list: ListName = ""


class ScanDetails(ResponseBody):
    """Results by engine: the sandbox, and each provider under its name."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, ProviderResult]

    sandbox: EngineResult | UnknownEngineResult = Field(alias="MetaDefender Sandbox")


class NoScanDetails(ResponseBody):
    """No results: the hash is not known, or the details were not asked for."""


class ScanResults(ResponseBody):
    """The results of all engines together."""

    scan_details: ScanDetails
    scan_all_result_i: ScanResult
    scan_all_result_a: ScanResultText
    start_time: Time | Literal[""] = Field(
        description="Date of the latest report; empty if there is none."
    )
    total_time: Literal[0] = Field(description="Always 0: the scan was before.")
    progress_percentage: Percentage
    total_detected_avs: Detected
    total_avs: Engines


class FileInfo(ResponseBody):
    """What is known of the file: its hash, as far as it was asked for."""

    md5: Md5
    sha1: Sha1
    sha256: Sha256
    display_name: str = Field(
        description="The hash.",
        pattern=f"^[0-9A-F]{{{min(TYPE_BY_HASH_DIGITS)},{max(TYPE_BY_HASH_DIGITS)}}}$",
    )
    file_size: Literal[0] = Field(description="Always 0: not known.")
    file_type_category: Nothing
    file_type_description: Nothing
    file_type_extension: Nothing
    upload_timestamp: Time | Literal[""] = Field(
        description="Date of the first report; empty if there is none."
    )


class ProcessInfo(ResponseBody):
    """What a gateway should do with the file."""

    result: Literal["Allowed", "Blocked"]
    blocked_reason: Literal["", "Infected", "Suspicious"]
    progress_percentage: Percentage


class Votes(ResponseBody):
    """Votes of a community that this service does not have."""

    up: Literal[0]
    down: Literal[0]


class SandboxScan(ResponseBody):
    """The latest scan."""

    sandbox_id: FlowId
    system: Literal["filescanio"]
    date: Time


class HashReport(ResponseBody):
    """The report about a hash that the sandbox or another provider knows."""

    scan_result_history_length: int = Field(description="Number of scans.", ge=0)
    file_id: DataId
    data_id: DataId
    share_file: Literal[1]
    rest_version: Literal["4"]
    additional_info: list[str] = Field(description="Always empty.", max_length=0)
    votes: Votes
    file_info: FileInfo
    scan_results: ScanResults
    process_info: ProcessInfo
    last_sandbox_id: list[SandboxScan] = Field(
        description="Empty if the sandbox does not know it.", max_length=1
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


class ScanHistory(ResponseBody):
    """The history of a known hash: its latest scan is the one that is kept."""

    md5: Md5
    sha1: Sha1
    sha256: Sha256
    scan_result_history: list[HistoryEntry] = Field(min_length=1, max_length=1)


class FinalVerdict(ResponseBody):
    """The verdict in the sandbox's own terms."""

    verdict: Verdict
    threat_level: float = Field(
        alias="threatLevel",
        description="-1 benign, 0.1 no threat, 0.5 suspicious, 0.75 likely malicious, 1 malicious.",
        ge=-1,
        le=1,
    )
    confidence: Literal[1]


class SandboxReport(ResponseBody):
    """What the sandbox itself says of a known hash."""

    md5: Md5
    sha1: Sha1
    sha256: Sha256
    data_id: FlowId
    sandbox_id: FlowId
    flow_id: FlowId
    private_processing: Literal[0]
    final_verdict: FinalVerdict


class BulkHashRequest(RequestBody):
    """Hashes to look up."""

    hash: list[str] = Field(
        description="MD5, SHA-1 and SHA-256, mixed, in any case. "
        "What is none gets a row that says so.",
        min_length=1,
        max_length=1000,
        examples=[[_SHA256, IndicatorType.MD5.info.other_example]],
    )


class BulkHashRow(ResponseBody):
    """The result for one hash."""

    data_id: str = Field(description="The scan; empty if the hash is not known.", max_length=128)
    scan_result_i: Literal[0, 1, 2, 5] = Field(
        description="As in the report; 5 if the hash is not known."
    )
    hash: str = Field(description="As it was asked for, in upper case.")
    total_detected_avs: int = Field(description="-1 if the hash is not known.", ge=-1)
    scan_details: ScanDetails | NoScanDetails = Field(
        description="Empty unless the header `includescandetails` is 1."
    )


class InvalidHashRow(ResponseBody):
    """The row of a bulk answer for what is no hash."""

    success: Literal[False]
    data_id: Literal[""]
    scan_result_i: Literal[5]
    hash: str = Field(description="As it was asked for, in upper case.")
    total_detected_avs: Literal[-1]
    scan_details: NoScanDetails
    error: ErrorDetail


class BulkHashAnswer(ResponseBody):
    """One row per hash, in the order of the request."""

    data: list[BulkHashRow | InvalidHashRow] = Field(min_length=1, max_length=1000)


# IPs, domains and URLs


class UnknownSource(ResponseBody):
    """A source that does not know the address."""

    provider: Literal["MetaDefender Sandbox"]
    assessment: Literal[""]
    detect_time: Literal[""]
    update_time: Time = Field(description="Time of the look-up.")
    status: Literal[5]


class KnownSource(Sighting):
    """A source that knows the address."""

    provider: Literal["MetaDefender Sandbox"]
    assessment: Literal["", "trustworthy", "suspicious", "high risk"]
    detect_time: Time = Field(description="Equals `last_seen`.")
    update_time: Time = Field(description="Time of the look-up.")
    status: Literal[0, 1, 5] = Field(
        description="0 trusted by the source, 1 listed by it, 5 not listed."
    )


class ProviderSource(ResponseBody):
    """What another provider says that covers the type, whether it knows the address or not."""

    provider: OtherProvider
    assessment: str = Field(
        description="In its own words, `trustworthy` with status 0; empty if it does not know it.",
        examples=["botnet"],
    )
    category: Category = ""
    detect_time: Time | Literal[""] = Field(
        description="Since when it is listed; empty if it is not, or if the provider does not tell."
    )
    update_time: Time | Literal[""] = Field(
        description="When its list was last complete, or when it answered; empty for never."
    )
    status: Literal[0, 1, 3, 5] = Field(
        description="0 trusted by the provider, 1 listed by it, 3 it could not be asked, 5 not "
        "listed."
    )
    list: ListName = ""


class IpProviderSource(ProviderSource):
    """The same about an IP address, which may lie in a network that is listed."""

    network: Network = ""


class LookupResults(ResponseBody):
    """What the sources say."""

    start_time: Time = Field(description="Time of the look-up.")
    detected_by: int = Field(description="Number of sources with status 1.", ge=0)
    sources: list[KnownSource | UnknownSource | ProviderSource] = Field(
        description="The sandbox first, then the other providers.", min_length=1
    )


class IpLookupResults(ResponseBody):
    """What the sources say of an IP address."""

    start_time: Time = Field(description="Time of the look-up.")
    detected_by: int = Field(description="Number of sources with status 1.", ge=0)
    sources: list[KnownSource | UnknownSource | IpProviderSource] = Field(
        description="The sandbox first, then the other providers.", min_length=1
    )


class NoResults(ResponseBody):
    """No source was asked."""

    start_time: Time = Field(description="Time of the look-up.")
    detected_by: Literal[0]
    sources: list[KnownSource | UnknownSource] = Field(description="Always empty.", max_length=0)


class NamedCode(ResponseBody):
    """A country or continent: not known."""

    code: Nothing
    name: Nothing


class City(ResponseBody):
    """A city: not known."""

    name: Nothing


class Location(ResponseBody):
    """A place on the globe: not known."""

    latitude: float = Field(ge=0, le=0)
    longitude: float = Field(ge=0, le=0)


class GeoInfo(ResponseBody):
    """Every key that clients read, none with a value: this service locates nothing."""

    continent: NamedCode
    country: NamedCode
    registered_country: NamedCode
    city: City
    location: Location
    subdivisions: list[NamedCode] = Field(description="Always empty.", max_length=0)


class DomainReport(ResponseBody):
    """The answer about a domain, known or not."""

    success: Literal[True]
    address: str = Field(description="In its canonical form.", examples=["evil.example"])
    lookup_results: LookupResults


class UrlReport(ResponseBody):
    """The answer about a URL, known or not."""

    success: Literal[True]
    address: str = Field(description="In its canonical form.", examples=["http://evil.example/"])
    lookup_results: LookupResults


class IpReport(ResponseBody):
    """The answer about an IP address, known or not."""

    success: Literal[True]
    address: str = Field(description="In its canonical form.", examples=["203.0.113.7"])
    lookup_results: IpLookupResults
    geo_info: GeoInfo


class InvalidRow(ResponseBody):
    """The row of a bulk answer for what is no domain or URL."""

    success: Literal[False]
    address: str = Field(description="As it was asked for.")
    lookup_results: NoResults
    error: ErrorDetail


class InvalidIpRow(InvalidRow):
    """The row of a bulk answer for what is no IP address."""

    geo_info: GeoInfo


class BulkIpRequest(RequestBody):
    """IP addresses to look up."""

    address: list[str] = Field(
        description="IPv4 and IPv6, mixed. What is none gets a row that says so.",
        min_length=1,
        max_length=1000,
        examples=[["203.0.113.7", "2001:db8::7"]],
    )


class BulkDomainRequest(RequestBody):
    """Domains to look up."""

    fqdn: list[str] = Field(
        description="Domain names. What is none gets a row that says so.",
        min_length=1,
        max_length=1000,
        examples=[["evil.example", "www.example.org"]],
    )


class BulkUrlRequest(RequestBody):
    """URLs to look up; a client that calls the field `fqdn` is understood."""

    url: list[str] = Field(
        description="URLs. What is none gets a row that says so.",
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

Offset = Annotated[int, Field(description="In characters from the start of the text.", ge=0)]
Written = Annotated[str, Field(description="As it is written in the text.", max_length=8192)]
Value = Annotated[str, Field(description="The canonical form.", min_length=1)]
NextCursor = Annotated[
    str | None,
    Field(description="The parameter `cursor` of the next page; null at the end.", min_length=1),
]


class SearchRequest(RequestBody):
    """A text to search in."""

    text: str = Field(examples=["Blocked hxxp://evil[.]example/a and 203.0.113.7"])


class FoundIndicator(ResponseBody):
    """An indicator that the text holds, and what is known of it."""

    type: IndicatorName
    value: Value
    text: Written
    offset: Offset
    count: int = Field(description="How often it stands in the text.", ge=1)
    verdict: Verdict | Literal["UNKNOWN"] = Field(description="Of all providers together.")
    report: BulkHashRow | IpReport | DomainReport | UrlReport = Field(
        description="The row that a bulk look-up of its type has; of a hash with details."
    )


class NotUnderstood(ResponseBody):
    """What looks like an indicator and is none."""

    text: Written
    offset: Offset
    reason: str = Field(description="For people.", min_length=1)


class SearchAnswer(ResponseBody):
    """What a text holds, each indicator once, in the order in which they appear."""

    data: list[FoundIndicator] = Field(max_length=1000)
    not_understood: list[NotUnderstood] = Field(max_length=1000)
    rest: int | None = Field(
        description="Where the reading stopped, because there was too much: send the text from "
        "there on. Null if all of it was read.",
        ge=0,
    )


class SeenSighting(ResponseBody):
    """What one report says of an indicator."""

    verdict: Verdict
    parent_verdict: Verdict | Literal["UNKNOWN", ""] = Field(
        description="Of the report; empty if it has none."
    )
    origin: str = Field(description="Where in the scan it was found; empty if not told.")
    flow_id: FlowId
    report_id: str = Field(description="The report within the scan; empty if not told.")
    seen_at: Time = Field(description="Date of the report.")


class Sightings(ResponseBody):
    """Who saw an indicator when, the newest first."""

    type: IndicatorName
    value: Value
    data: list[SeenSighting] = Field(max_length=1000)
    next_cursor: NextCursor


class SeenIndicator(SeenSighting):
    """An indicator, and what one report says of it."""

    type: IndicatorName
    value: Value


class SeenIndicators(ResponseBody):
    """Indicators that were seen, the newest first; each once on a page."""

    data: list[SeenIndicator] = Field(max_length=1000)
    next_cursor: NextCursor


# The key and the service itself


class KeyInfo(ResponseBody):
    """What is known of the key that asks; the key itself is not repeated."""

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
    limit_reputation: Limit = Field(0, description="Look-ups in a day, UTC; absent for no limit.")
    throttling_limit: Limit = Field(0, description="Look-ups in a minute; absent for no limit.")
    time_interval: Literal["Daily"]
    qos_scan: Nothing
    sandbox_qos_scan: Nothing
    userid: str = Field(
        description="What the key is called by: the begin of its SHA-256.",
        pattern="^[0-9a-f]{12}$",
        examples=["5e884898da28"],
    )
    nickname: str = Field(description="Who holds the key.", examples=["soc"])
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


class _OtherFamilies(ResponseBody):
    analysis_api: NotSold
    prevention_api: NotSold
    feed_api: NotSold
    download_file: NotSold
    sandbox_api: NotSold


class LimitsUsed(_OtherFamilies):
    """What the key has used of its limits today, UTC."""

    reputation_api: int = Field(
        description="Look-ups; each item of a bulk request is one.", ge=0, examples=[17]
    )


class LimitsRemaining(_OtherFamilies):
    """What the key has left of its limits today, UTC."""

    reputation_api: Annotated[int, Field(json_schema_extra=without_default)] = Field(
        default=0, description="Look-ups; absent for a key without limit.", ge=0, examples=[3983]
    )


class Version(ResponseBody):
    """The version of the API."""

    version: Literal["4"]


class ProviderStatus(ResponseBody):
    """How one provider beside the sandbox stands."""

    id: str = Field(description="In settings.", pattern="^[a-z0-9][a-z0-9-]{0,31}$")
    provider: OtherProvider
    types: list[IndicatorName] = Field(min_length=1)
    on_demand: bool = Field(description="Whether it has no list and is asked at look-up time.")
    last_success: Time | Literal[""] = Field(
        description="When its list was last complete; empty for never, or if it has none."
    )
    age_s: int = Field(description="Seconds since then; -1 for never.", ge=-1)
    entries: int = Field(description="On its list.", ge=0)
    error: str = Field(description="Why the last try failed; empty if it did not.")
    licence: str = Field(description="A note on its terms.")


class Providers(ResponseBody):
    """The providers beside the sandbox that are switched on, in the order of their rows."""

    providers: list[ProviderStatus]


class FeedStatus(ResponseBody):
    """How the last run of ingestion over one feed went."""

    feed: str = Field(description="Its host.", min_length=1, examples=["feed.example"])
    last_run: Time = Field(description="When the last run that is known of ended.")
    age_s: int = Field(description="Seconds since then.", ge=0, examples=[540])
    complete: bool = Field(
        description="Whether it read all there was to read, or in a long feed to what is known, "
        "and stored it."
    )
    stopped: str = Field(description="Why it is not complete; empty if it is.")
    failures: int = Field(description="Runs in a row in which the feed failed.", ge=0)
    unresolved: int = Field(
        description="Entries that only link to their report, which could not be had.", ge=0
    )
    without_verdict: int = Field(
        description="IOCs that the last run with new IOCs left out, because they have no verdict.",
        ge=0,
    )
    left: int = Field(
        description="Reports of the feed that it has not reached; -1 where the feed does not "
        "tell how many there are.",
        ge=-1,
    )
    last_complete: Time | Literal[""] = Field(
        description="When a complete run ended last; empty for never."
    )
    newest_report: Time | Literal[""] = Field(
        description="Date of the newest report that was read; empty for none."
    )
    lag_s: int = Field(
        description="Seconds since that date; -1 for none. It grows while the feed has no news.",
        ge=-1,
        examples=[3600],
    )
    stale: bool = Field(description="Whether no run was complete within the last two hours.")


class Feeds(ResponseBody):
    """How ingestion stands, the feed that was read last first; empty before the first run."""

    feeds: list[FeedStatus]


class Filter(ResponseBody):
    """What is told of the filter of everything that is stored; docs/filter.md has the format."""

    format: Literal["DCSO bloom filter"]
    format_version: Literal[1]
    version: Literal[2] = Field(description="Of what is in it, and of what it tells of itself.")
    built: Time = Field(description="Whatever was stored before is in it.")
    entries: int = Field(description="Indicators in it.", ge=0)
    false_positive_rate: float = Field(
        description="Part of what was never seen that it takes for seen.", gt=0, lt=1
    )
    types: list[IndicatorName] = Field(
        description="What it answers for; of others a look-up may know more than is stored."
    )
    size: int = Field(description="Of the file in bytes.", ge=1)
    sha256: str = Field(description="Of the file.", pattern="^[0-9a-f]{64}$")


class FilterLink(ResponseBody):
    """Where the file of the filter is."""

    url: str = Field(pattern="^https?://")


class Health(ResponseBody):
    """The function answers; that says nothing of the store."""

    status: Literal["ok"]
