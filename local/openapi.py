"""`python -m local openapi`: builds the OpenAPI document from the routes, models and errors."""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from functions.annotate import routes as annotate
from functions.lookup import routes as lookup
from functions.lookup import search, taxii
from functions.lookup.apikey_bodies import (
    key_info,
    limits_remaining,
    limits_used,
    sandbox_system,
    sandbox_user,
)
from functions.lookup.explanation_bodies import explanation
from functions.lookup.feed_status_body import feed_status
from functions.lookup.file_reputation_bodies import file_reputation
from functions.lookup.file_reputation_bodies import invalid_hash_row as invalid_file_row
from functions.lookup.hash_feeds import hash_feed
from functions.lookup.provider_status_body import provider_status
from functions.lookup.report_search import found_reports
from functions.lookup.reputation_bodies import invalid_row, reputation_report
from functions.lookup.search_bodies import found_row, search_answer, seen_answer, sightings_answer
from functions.lookup.service import LookupResult
from functions.lookup.v4_bodies import (
    address_report,
    bulk_hash_row,
    hash_report,
    invalid_address_row,
    invalid_hash_row,
    listed_hash_report,
    sandbox_report,
    scan_history,
    unknown_hash_row,
)
from functions.publish import routes as publish
from functions.publish.feed import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Cursor,
    Order,
    PublishedPage,
    as_atom,
    as_json,
)
from functions.publish.history import History
from functions.publish.intake import feed_item
from functions.publish.scan import ScanReport, read_scan
from functions.publish.store.feed_log import FeedEntry
from functions.publish.verdict_rule import decide
from local.errors import LocalError
from local.feed import SAMPLE_DOMAIN, SAMPLE_HASH, SAMPLE_IP
from local.openapi_models import annotations, exports, feed, sandbox
from local.openapi_models import explanation as explained
from local.openapi_models import v4 as models
from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.extract import extract
from shared.domain.indicator import Indicator, IndicatorType, parse, parse_hash, parse_query
from shared.domain.indicator_types import (
    HASH_LABELS,
    HASH_TYPES,
    INDICATOR_TYPES,
    TYPE_BY_HASH_DIGITS,
)
from shared.domain.links import report_link
from shared.domain.moment import format_millis
from shared.domain.network import Network
from shared.domain.provider import (
    IocRecord,
    Listing,
    ListingStatus,
    Provider,
    ProviderVerdict,
    provider_verdicts,
)
from shared.domain.reputation import Reputation, ScanVerdict, SightingSummary
from shared.domain.score import STEPS, Scorer
from shared.domain.sighting_details import SightingDetails
from shared.domain.verdict import Verdict
from shared.formats.bloom_filter import Facts
from shared.formats.exports.changes import row_of
from shared.formats.exports.source import ExportedIoc, Options, Tlp
from shared.formats.exports.stix import indicator, stix_id
from shared.http import errors
from shared.http.api_error import (
    TAXII_MEDIA_TYPE,
    as_detail,
    as_taxii_error,
    is_sandbox_path,
    is_taxii_path,
)
from shared.http.errors import ErrorDefinition
from shared.http.routing import Counting, Route
from shared.store.api_keys import DEFAULT_RIGHTS
from shared.store.feed_runs import FeedRun
from shared.store.providers import ProviderState

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "functions" / "lookup" / "openapi.json"

Schema = dict[str, Any]

ROUTES: tuple[Route[Any], ...] = (*lookup.ROUTES, *annotate.ROUTES, *publish.ROUTES)
# Requests to these routes do not count against the limits of a key.
_UNCOUNTED = {
    route.template
    for route in (*annotate.ROUTES, *publish.ROUTES)
    if route.counting is Counting.NEVER
}

_JSON = "application/json"
_ATOM = "application/atom+xml"
_HTML = "text/html"
_TEXT = "text/plain"
_SCHEMAS = "#/components/schemas/{model}"


def command(out: TextIO) -> int:
    """Write the document to the file that the lookup function serves.

    Returns:
        0, the exit status.

    Raises:
        LocalError: a route is not documented, or an operation has no route.
    """
    DOCUMENT.write_text(text(), encoding="utf-8")
    print(DOCUMENT.relative_to(ROOT), file=out)
    return 0


def text() -> str:
    """The document as text, as written to the file."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Operation:
    """Description of one method of one route.

    The document derives the rest from the route: the key, the value in the path, and the errors
    that all such routes have.

    Attributes:
        name: operation id, which generators of clients use.
        answers: examples of the answer by name.
        answer: model of the answer; None if `media_type` describes it.
        atom: example of the answer in Atom; "" if Atom is not available.
        request: model of the request body.
        takes_text: whether the body may also be plain text.
        parameters: in the query and the headers of the request.
        refusals: errors specific to the operation.
        tagged: whether the answer has an ETag, and is a 304 if the client has it already.
        redirects: whether it always answers with a redirect.
        or_link: whether it may answer with a redirect.
    """

    tag: str
    name: str
    summary: str
    description: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)
    answer: type[BaseModel] | None = None
    media_type: str = _JSON
    atom: str = ""
    request: type[BaseModel] | None = None
    takes_text: bool = False
    parameters: Sequence[Schema] = ()
    refusals: Sequence[ErrorDefinition] = ()
    tagged: bool = False
    redirects: bool = False
    or_link: bool = False


# The code that builds real answers builds the examples, too.
_NOW = 1_767_607_200_000
_SCORER = Scorer(_NOW)


def _known(indicator: Indicator) -> Reputation:
    seen_at = 1_748_764_800_000
    latest = ScanVerdict(
        seen_at,
        Verdict.MALICIOUS,
        "66b3763be7dbbbdfcd0a0014",
        "MALICIOUS",
        "INPUT_FILE",
        "4c1a0000-0000-4000-8000-000000000020",
    )
    return Reputation(
        indicator,
        SightingSummary(
            latest,
            worst=latest,
            first_seen=seen_at - 2_678_400_000,
            last_seen=seen_at,
            tags=frozenset({"packed", "peexe"}),
        ),
        counted=4,
    )


_LIST = Provider(
    "an-open-list",
    "list.example",
    frozenset(INDICATOR_TYPES),
    _NOW - 3_600_000,
)
_API = Provider(
    "an-api", "api.example", frozenset({IndicatorType.DOMAIN, IndicatorType.URL}), on_demand=True
)
_TRUSTING = Provider("an-allowlist", "allowlist.example", _LIST.types, _NOW - 7_200_000)
_PROVIDERS = (_LIST, _API, _TRUSTING)
_FEED_RUN = FeedRun(
    "feed.example",
    _NOW - 540_000,
    complete=True,
    whole=_NOW - 540_000,
    newest=_NOW - 3_600_000,
)


def _others(indicator: Indicator) -> list[ProviderVerdict]:
    """Verdicts of other providers: one lists the indicator, others do not, or did not answer."""
    listing = Listing(ListingStatus.LISTED, "malware", "Malware Sites", _NOW - 86_400_000)
    in_networks = indicator.type is IndicatorType.IP
    networks = {_LIST.id: Network("203.0.113.0/24")} if in_networks else {}
    known = IocRecord(indicator, listings={_LIST.id: listing}, covering=networks)
    return provider_verdicts(known, _PROVIDERS, _NOW)


def _address(kind: IndicatorType, value: str, *, known: bool) -> Any:
    indicator = parse(kind, value)
    if known:
        return address_report(indicator, value, _known(indicator), _SCORER, _others(indicator))
    trusted = Listing(ListingStatus.TRUSTED, source_list="well-known names")
    record = IocRecord(indicator, listings={_TRUSTING.id: trusted})
    others = provider_verdicts(record, _PROVIDERS, _NOW)
    return address_report(indicator, value, None, _SCORER, others)


def _reputation(kind: IndicatorType, value: str, *, known: bool) -> Any:
    question = parse_query(kind, value)
    return reputation_report(question, _known(question.indicator) if known else None)


def _addresses(
    kind: IndicatorType, listed: str, other: str, error: ErrorDefinition
) -> dict[str, Any]:
    invalid = invalid_address_row(kind, "?", error.body("not valid"), _NOW)
    known, unknown = _address(kind, listed, known=True), _address(kind, other, known=False)
    return {"rows": {"data": [known, unknown, invalid]}}


_HASH = parse_hash(SAMPLE_HASH)
_HASH_REPORTS = {
    "malicious": hash_report(_known(_HASH), _SCORER),
    "with_other_providers": hash_report(_known(_HASH), _SCORER, _others(_HASH)),
    "known_to_another_provider_only": listed_hash_report(_HASH, _others(_HASH)),
}
_OTHER_HASH = IndicatorType.MD5.info.other_example
_FOUND = LookupResult(_HASH, _known(_HASH), ())
_NOT_FOUND = LookupResult(parse_hash(_OTHER_HASH), None, ())
_SAMPLES = {
    kind: (kind.info.example, kind.info.other_example)
    for kind in INDICATOR_TYPES
    if kind not in HASH_TYPES
}

# Placeholders in paths.
_IN_PATH: dict[str, Schema] = {
    "hash": {
        "description": f"{HASH_LABELS}, in upper or lower case.",
        "schema": {
            "type": "string",
            "pattern": f"^({'|'.join(f'[0-9A-Fa-f]{{{n}}}' for n in TYPE_BY_HASH_DIGITS)})$",
        },
        "examples": {"known": {"value": SAMPLE_HASH}, "unknown": {"value": _OTHER_HASH}},
    },
    "ip": {
        "description": "IPv4 or IPv6, percent-encoded or not; a port is ignored.",
        "schema": {"type": "string", "minLength": 1},
    },
    "domain": {
        "description": "A domain name: Unicode or A-labels, in any case, defanged or not; a port "
        "is ignored.",
        "schema": {"type": "string", "minLength": 1},
    },
    "url": {
        "description": "A URL, percent-encoded. Not encoded, encoded twice and defanged URLs are "
        "accepted, too. Without a scheme, the worse answer for `http` and `https` is given.",
        "schema": {"type": "string", "minLength": 1},
    },
    "key": {
        "description": "The sender's own key.",
        "schema": {"type": "string", "minLength": 1},
        "examples": {"key": {"value": "YOUR_KEY"}},
    },
}
for _kind, (_listed, _other) in _SAMPLES.items():
    _IN_PATH[_kind]["examples"] = {"known": {"value": _listed}, "unknown": {"value": _other}}

_DETAILS = {
    "name": "includescandetails",
    "in": "header",
    "description": "1 for the results of the engines. Also accepted as `include_scan_details`.",
    "schema": {"type": "string", "enum": ["0", "1"], "default": "0"},
}
_MATCH = {
    "name": "x-match",
    "in": "header",
    "description": "`parents` adds rows for the host of a URL, up to four domains above it down to "
    "the registrable one, and shorter URLs, in the same batch read. Other values are ignored.",
    "schema": {"type": "string"},
}
_EXTENDED = {
    "name": "extended",
    "in": "header",
    "description": "1 for the confidence level. Other values are ignored.",
    "schema": {"type": "string", "default": "0"},
}
_IF_NONE_MATCH: Schema = {
    "name": "If-None-Match",
    "in": "header",
    "description": "ETag of the answer that the client has.",
    "schema": {"type": "string"},
}
_HASH_REFUSALS = (errors.HASH_NOT_VALID, errors.HASH_NOT_FOUND)
_BULK_REFUSALS = (
    errors.BODY_NO_OBJECT,
    errors.NOT_JSON,
    errors.BODY_TOO_LARGE,
    errors.ANSWER_TOO_LARGE,
)
_BULK_HASH_REFUSALS = (
    *_BULK_REFUSALS,
    errors.HASHES_MISSING,
    errors.HASHES_NO_LIST,
    errors.HASHES_EMPTY,
    errors.HASHES_TOO_MANY,
)
_BULK_ADDRESS_REFUSALS = (
    *_BULK_REFUSALS,
    errors.ADDRESSES_MISSING,
    errors.ADDRESSES_NO_LIST,
    errors.ADDRESSES_EMPTY,
    errors.ADDRESSES_TOO_MANY,
)

_SANDBOX_BULK_REFUSALS = (
    errors.BODY_NO_ARRAY,
    errors.NOT_JSON_SANDBOX,
    errors.BODY_TOO_LARGE,
    errors.ANSWER_TOO_LARGE,
    errors.ITEMS_NOT_VALID,
    errors.ITEMS_EMPTY,
    errors.ITEMS_TOO_MANY,
)


def _in_query(kind: IndicatorType, listed: str, other: str) -> Schema:
    """The query parameter of a look-up in the sandbox's own API."""
    examples = {"known": {"value": listed}, "unknown": {"value": other}}
    if kind is IndicatorType.SHA256:
        parameter = {
            "name": "sha256",
            "description": "SHA-256, in upper or lower case.",
            "schema": {"type": "string", "pattern": "^[0-9A-Fa-f]{64}$"},
        }
    else:
        parameter = {"name": "ioc_value", **_IN_PATH[kind]}
    return {**parameter, "in": "query", "required": True, "examples": examples}


_KEY_INFO = key_info(
    name="soc",
    short_digest="5e884898da28",
    created=_NOW - 86_400_000,
    expires=0,
    daily_limit=4000,
    minute_limit=0,
    rights=DEFAULT_RIGHTS,
)

_IF_FILTER = "Available if the stack publishes a filter, after the first build; 404 before."
_FILTER = Facts(_NOW - 3_600_000, 1_000_000, frozenset(INDICATOR_TYPES)).as_dict() | {
    "size": 1_797_500,
    "sha256": "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("POST", "/v4/hash"): Operation(
        "Hashes",
        "lookupHashes",
        "Look up many hashes",
        "Rows are in the order of the request. An unknown hash has `scan_result_i` 5; an invalid "
        "one also has an `error`.",
        request=models.BulkHashRequest,
        parameters=[_DETAILS],
        answer=models.BulkHashAnswer,
        answers={
            "rows": {
                "data": [
                    bulk_hash_row(_HASH, _known(_HASH), _SCORER, with_details=False),
                    unknown_hash_row(_OTHER_HASH),
                    invalid_hash_row("?", errors.HASH_NOT_VALID.body("not valid")),
                ]
            },
            "with_details": {
                "data": [bulk_hash_row(_HASH, _known(_HASH), _SCORER, with_details=True)]
            },
        },
        refusals=(*_BULK_HASH_REFUSALS, errors.DETAILS_HEADER_NOT_VALID),
    ),
    ("GET", "/v4/hash/{hash}"): Operation(
        "Hashes",
        "lookupHash",
        "Look up a hash",
        "An unknown hash is a 404 error. For all other types, an unknown indicator is an answer.",
        answer=models.HashReport,
        answers=_HASH_REPORTS,
        parameters=[_IF_NONE_MATCH],
        refusals=_HASH_REFUSALS,
        tagged=True,
    ),
    ("GET", "/v4/hash/{hash}/scanhistory"): Operation(
        "Hashes",
        "listHashScanHistory",
        "Get the scan history of a hash",
        "Contains the latest scan only.",
        answer=models.ScanHistory,
        answers={"malicious": scan_history(hash_report(_known(_HASH), _SCORER))},
        refusals=_HASH_REFUSALS,
    ),
    ("GET", "/v4/hash/{hash}/badge"): Operation(
        "Hashes",
        "getHashBadge",
        "Look up a hash for a badge",
        "The same answer as the look-up of a hash.",
        answer=models.HashReport,
        answers={"malicious": hash_report(_known(_HASH), _SCORER)},
        parameters=[_IF_NONE_MATCH],
        refusals=_HASH_REFUSALS,
        tagged=True,
    ),
    ("GET", "/v4/hash/{hash}/sandbox"): Operation(
        "Hashes",
        "getHashSandboxReport",
        "Get the sandbox's own report about a hash",
        answer=models.SandboxReport,
        answers={"malicious": sandbox_report(_known(_HASH))},
        refusals=_HASH_REFUSALS,
    ),
    ("POST", lookup.V5): Operation(
        "Hashes",
        "lookupFileReputations",
        "Look up many hashes in the v5 API",
        "Rows are in the order of the request. An invalid item has an `error`.",
        request=models.BulkHashRequest,
        parameters=[_EXTENDED],
        answer=models.FileReputations,
        answers={
            "rows": {
                "data": [
                    file_reputation(_FOUND, extended=True),
                    file_reputation(_NOT_FOUND, extended=True),
                    invalid_file_row("?", errors.HASH_NOT_VALID.body("not valid")),
                ]
            }
        },
        refusals=_BULK_HASH_REFUSALS,
    ),
    ("GET", f"{lookup.V5}/{{hash}}"): Operation(
        "Hashes",
        "lookupFileReputation",
        "Look up a hash in the v5 API",
        "An unknown hash is an answer, too.",
        parameters=[_EXTENDED],
        answer=models.FileReputation,
        answers={
            "malicious": file_reputation(_FOUND, extended=True),
            "unknown": file_reputation(_NOT_FOUND, extended=False),
        },
        refusals=(errors.HASH_NOT_VALID,),
    ),
    ("GET", "/api/users/me"): Operation(
        "Key",
        "getSender",
        "Get the sender of the request",
        answer=sandbox.Sender,
        answers={"key": sandbox_user("soc", "5e884898da28")},
    ),
    ("GET", "/api/system/info"): Operation(
        "Service",
        "getSystem",
        "Get the version and the APIs of the service",
        answer=sandbox.System,
        answers={"system": sandbox_system()},
    ),
    ("GET", "/v4/apikey"): Operation(
        "Key",
        "getKey",
        "Get data of the key",
        answer=models.KeyInfo,
        answers={"key": _KEY_INFO},
    ),
    ("GET", "/v4/apikey/limits"): Operation(
        "Key",
        "getKeyUse",
        "Get look-ups that the key used today",
        answer=models.LimitsUsed,
        answers={"key": limits_used(17)},
    ),
    ("GET", "/v4/apikey/limits/status"): Operation(
        "Key",
        "getKeyRest",
        "Get look-ups that the key has left today",
        answer=models.LimitsRemaining,
        answers={"key": limits_remaining(4000, 3983)},
    ),
    ("GET", "/v4/apikey/{key}"): Operation(
        "Key",
        "getKeyByName",
        "Get data of the key",
        "Only the sender's own key; any other is answered as not found.",
        answer=models.KeyInfo,
        answers={"key": _KEY_INFO},
        refusals=(errors.KEY_NOT_FOUND,),
    ),
    ("GET", "/v4/status/version"): Operation(
        "Service",
        "getApiVersion",
        "Get the version of the API",
        answer=models.Version,
        answers={"version": {"version": "4"}},
    ),
    ("GET", "/v4/status/providers"): Operation(
        "Service",
        "listProviders",
        "List the state of the other providers",
        "Empty if none is enabled.",
        answer=models.Providers,
        answers={
            "providers": {
                "providers": [
                    provider_status(
                        ProviderState(_LIST, licence="CC0", entries=21_457, generation=66), _NOW
                    ),
                    provider_status(ProviderState(_API, licence="see the terms of the API"), _NOW),
                ]
            }
        },
    ),
    ("GET", "/v4/status/feed"): Operation(
        "Service",
        "getFeedStatus",
        "Get the last run of ingestion per feed, and its lag",
        "Empty before the first run. A run that could not reach the store is missing.",
        answer=models.Feeds,
        answers={"feeds": {"feeds": [feed_status(_FEED_RUN, _NOW)]}},
    ),
    ("GET", "/v4/filter"): Operation(
        "Filter",
        "getFilter",
        "Get metadata of the filter of all stored indicators",
        f"{_IF_FILTER} Clients use the filter to recognize unknown indicators without a request.",
        answer=models.Filter,
        answers={"filter": _FILTER},
        refusals=(errors.FILTER_NOT_FOUND,),
    ),
    ("GET", "/v4/filter/download"): Operation(
        "Filter",
        "downloadFilter",
        "Download the filter, by a redirect",
        f"{_IF_FILTER} The link is valid for five minutes, for anyone who has it.",
        answer=models.FilterLink,
        answers={"link": {"url": "https://bucket.s3.us-east-1.amazonaws.com/filter.bloom"}},
        refusals=(errors.FILTER_NOT_FOUND,),
        redirects=True,
    ),
    ("GET", "/health"): Operation(
        "Service",
        "getHealth",
        "Check that the function runs",
        "Does not check the store.",
        answer=models.Health,
        answers={"ok": {"status": "ok"}},
    ),
}
for _kind, _words, _report, _bulk_request, _bulk_answer, _not_valid in (
    (
        IndicatorType.IP,
        ("IPs", "Ip", "an IP address", "many IP addresses"),
        models.IpReport,
        models.BulkIpRequest,
        models.BulkIpAnswer,
        errors.IP_NOT_VALID,
    ),
    (
        IndicatorType.DOMAIN,
        ("Domains", "Domain", "a domain", "many domains"),
        models.DomainReport,
        models.BulkDomainRequest,
        models.BulkDomainAnswer,
        errors.DOMAIN_NOT_VALID,
    ),
    (
        IndicatorType.URL,
        ("URLs", "Url", "a URL", "many URLs"),
        models.UrlReport,
        models.BulkUrlRequest,
        models.BulkUrlAnswer,
        errors.URL_NOT_VALID,
    ),
):
    _tag, _name, _one, _many = _words
    _listed, _other = _SAMPLES[_kind]
    OPERATIONS["POST", f"/v4/{_kind}"] = Operation(
        _tag,
        f"lookup{_name}s",
        f"Look up {_many}",
        "Rows are in the order of the request. An invalid item has an `error`.",
        request=_bulk_request,
        answer=_bulk_answer,
        answers=_addresses(_kind, _listed, _other, _not_valid),
        refusals=_BULK_ADDRESS_REFUSALS,
    )
    OPERATIONS["GET", f"/v4/{_kind}/{{{_kind}}}"] = Operation(
        _tag,
        f"lookup{_name}",
        f"Look up {_one}",
        "An unknown indicator has status 5 and an empty assessment. Every provider that covers the "
        "type has a row.",
        answer=_report,
        answers={
            "malicious": _address(_kind, _listed, known=True),
            "unknown": _address(_kind, _other, known=False),
        },
        parameters=[_MATCH, _IF_NONE_MATCH],
        refusals=(_not_valid,),
        tagged=True,
    )


def _reputation_operations(
    kind: IndicatorType,
    words: tuple[str, str, str],
    bodies: tuple[type[BaseModel], type[BaseModel], type[BaseModel]],
    not_valid: ErrorDefinition,
) -> dict[tuple[str, str], Operation]:
    """Both operations of one path of the sandbox's own API.

    Args:
        words: last segment of the path, name of one indicator, name of many.
        bodies: models of the single answer, of the bulk request, of the bulk answer.
    """
    name, one, many = words
    report, bulk_request, bulk_answer = bodies
    listed, other = _SAMPLES.get(kind, (SAMPLE_HASH.lower(), kind.info.other_example))
    known = _reputation(kind, listed, known=True)
    unknown = _reputation(kind, other, known=False)
    return {
        ("GET", f"/api/reputation/{name}"): Operation(
            "Sandbox API",
            f"get{name.capitalize()}Reputation",
            f"Get the reputation of {one}",
            "An unknown indicator has the verdict `unknown` and an empty list of reports.",
            parameters=[_in_query(kind, listed, other)],
            answer=report,
            answers={"malicious": known, "unknown": unknown},
            refusals=(not_valid, errors.PARAMETER_MISSING),
        ),
        ("POST", f"/api/reputation/{name}"): Operation(
            "Sandbox API",
            f"get{name.capitalize()}Reputations",
            f"Get the reputations of {many}",
            "Rows are in the order of the request. An invalid item has the verdict `unknown` and "
            "an `error`.",
            request=bulk_request,
            answer=bulk_answer,
            answers={"rows": [known, unknown, invalid_row(kind, "?", not_valid.body("not valid"))]},
            refusals=_SANDBOX_BULK_REFUSALS,
        ),
    }


for _kind, _segment_words, _bodies, _not_valid in (
    (
        IndicatorType.SHA256,
        ("hash", "a file", "many files"),
        (sandbox.HashReputation, sandbox.Hashes, sandbox.HashReputations),
        errors.HASH_NOT_VALID,
    ),
    (
        IndicatorType.IP,
        ("ip", "an IP address", "many IP addresses"),
        (sandbox.IpReputation, sandbox.IpAddresses, sandbox.IpReputations),
        errors.IP_NOT_VALID,
    ),
    (
        IndicatorType.DOMAIN,
        ("domain", "a domain", "many domains"),
        (sandbox.DomainReputation, sandbox.Domains, sandbox.DomainReputations),
        errors.DOMAIN_NOT_VALID,
    ),
    (
        IndicatorType.URL,
        ("url", "a URL", "many URLs"),
        (sandbox.UrlReputation, sandbox.Urls, sandbox.UrlReputations),
        errors.URL_NOT_VALID,
    ),
):
    OPERATIONS |= _reputation_operations(_kind, _segment_words, _bodies, _not_valid)

_KNOWN_FLOW_ID = "66b3763be7dbbbdfcd0a0014"
_IN_PATH["flow_id"] = {
    "description": "Id of the scan, percent-encoded.",
    "schema": {"type": "string", "minLength": 1},
    "examples": {"known": {"value": _KNOWN_FLOW_ID}, "unknown": {"value": "0"}},
}


def _searched(text: str) -> Any:
    extraction = extract(text)
    rows = []
    for found in extraction.found:
        one, known = found.indicator, _known(found.indicator)
        if one.type in HASH_TYPES:
            report = bulk_hash_row(one, known, _SCORER, with_details=True)
        else:
            report = address_report(one, one.value, known, _SCORER)
        rows.append(found_row(found, one, known.summary.latest.verdict, report))
    return search_answer(extraction, rows)


def _search_parameter(name: str, description: str, **schema: Any) -> Schema:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "allowEmptyValue": True,
        "schema": schema,
    }


_WHERE_PAGES_BEGIN = (
    _search_parameter(
        "limit",
        "Maximum number of rows per page.",
        type="integer",
        minimum=1,
        maximum=search.MAX_LIMIT,
        default=search.DEFAULT_LIMIT,
    ),
    _search_parameter(
        "cursor", "Cursor of the page: `next_cursor` of the page before.", type="string"
    ),
)
_SEARCH_REFUSALS = (errors.NO_SEARCH_INDEX, errors.SEARCH_PARAMETER_NOT_VALID)
_IF_INDEXED = "Available if the stack keeps a search index. Each page counts as a look-up."
_SEEN = parse(IndicatorType.DOMAIN, SAMPLE_DOMAIN)
_SEEN_BY = _known(_SEEN).summary.latest._replace(
    details=SightingDetails(
        evidence=(
            Evidence(EvidenceSource.YARA, Verdict.MALICIOUS, "rule_of_a_loader", decides=True),
            Evidence(EvidenceSource.OSINT, Verdict.SUSPICIOUS, "MetaDefender Cloud", echo=True),
        )
    ).pack()
)
_SEEN_URL = parse(IndicatorType.URL, f"http://{SAMPLE_DOMAIN}/a")
_EXPLAINED = explanation(
    LookupResult(_SEEN_URL, None, _others(_SEEN_URL)),
    [LookupResult(_SEEN, _known(_SEEN), _others(_SEEN))],
    _SCORER,
    with_senders=False,
)

_IF_EXPORTS = (
    "Available if the stack publishes exports, after the first one; 404 before. "
    "Counts as a look-up."
)
_MIN_SCORE = _search_parameter(
    "min_score",
    "Only indicators whose score is at least this; all by default. Block lists and CSV have it.",
    type="integer",
    enum=list(STEPS),
)
_EXPORT_LINK = {"link": {"url": "https://bucket.s3.us-east-1.amazonaws.com/a/iocs.csv"}}
_IN_PATH["file"] = {
    "description": "Name of a file, including slashes.",
    "schema": {"type": "string", "minLength": 1},
    "examples": {"csv": {"value": "iocs.csv"}, "unknown": {"value": "iocs.txt"}},
}
_IN_PATH["collection"] = {
    "description": "Id of the collection.",
    "schema": {"type": "string", "minLength": 1},
    "examples": {"known": {"value": taxii.COLLECTION_ID}, "unknown": {"value": "0"}},
}
_EXPORTED = ExportedIoc(
    _SEEN, Verdict.MALICIOUS, _NOW - 86_400_000, _NOW, 4, _KNOWN_FLOW_ID, "", (), _NOW, _NOW
)
_IN_PATH["object"] = {
    "description": "Id of a STIX object.",
    "schema": {"type": "string", "minLength": 1},
    "examples": {
        "known": {"value": stix_id(_EXPORTED)},
        "unknown": {"value": "indicator--00000000-0000-5000-8000-000000000000"},
    },
}
_COLLECTION = taxii.collection_facts()
_OBJECT = indicator(_EXPORTED, Options(Tlp.AMBER, ""))
_RECORD = taxii.record(_OBJECT)
_CURSOR = f"{_RECORD['date_added']}_{_RECORD['id']}"
_TAXII_PAGE = (
    _search_parameter(
        "limit",
        "Maximum number of objects per page, at most 1,000.",
        type="integer",
        minimum=1,
        default=taxii.MAX_LIMIT,
    ),
    _search_parameter("next", "Cursor of the page: `next` of the page before.", type="string"),
    _search_parameter(
        "added_after", "Only objects that were added after this time.", type="string"
    ),
    _search_parameter(
        "match[type]", "Only objects of these types, separated by commas.", type="string"
    ),
    _search_parameter("match[version]", "Versions of objects; each has only one.", type="string"),
    _search_parameter("match[spec_version]", "Only objects of these STIX versions.", type="string"),
)
_TAXII_PAGE_REFUSALS = (
    errors.SEARCH_PARAMETER_NOT_VALID,
    errors.COLLECTION_NOT_FOUND,
    errors.EXPORTS_NOT_FOUND,
    errors.CURSOR_TOO_OLD,
    errors.NOT_TAXII,
    *(errors.QUOTA_USED_UP, errors.THROTTLED),
)
_TAXII_OBJECT_REFUSALS = tuple(
    errors.OBJECT_NOT_FOUND if one is errors.COLLECTION_NOT_FOUND else one
    for one in _TAXII_PAGE_REFUSALS
    if one is not errors.CURSOR_TOO_OLD
)

OPERATIONS |= {
    ("GET", "/v4/exports"): Operation(
        "Exports",
        "getExports",
        "List the exported files",
        _IF_EXPORTS,
        answer=exports.Exports,
        answers={
            "files": {
                "built": format_millis(_NOW),
                "count": 1_000_000,
                "files": [
                    {
                        "name": "iocs.csv",
                        "size": 214_748_364,
                        "sha256": "0" * 64,
                        "media_type": "text/csv; charset=utf-8",
                    }
                ],
            }
        },
        refusals=(errors.EXPORTS_NOT_FOUND,),
    ),
    ("GET", "/v4/exports/{file}"): Operation(
        "Exports",
        "getExport",
        "Get an exported file",
        f"{_IF_EXPORTS} For a file of more than three million bytes, the answer is a redirect to "
        "a link that is valid for five minutes, for anyone who has it.",
        parameters=(_MIN_SCORE,),
        media_type="*/*",
        refusals=(
            errors.SEARCH_PARAMETER_NOT_VALID,
            errors.EXPORTS_NOT_FOUND,
            errors.EXPORT_NOT_FOUND,
        ),
        tagged=True,
        or_link=True,
    ),
    ("GET", "/taxii2"): Operation(
        "TAXII",
        "getTaxiiDiscovery",
        "List the TAXII API roots",
        answer=exports.TaxiiDiscovery,
        answers={"one": taxii.discovery_facts("")},
        media_type=TAXII_MEDIA_TYPE,
        refusals=(errors.NOT_TAXII,),
        tagged=True,
    ),
    ("GET", taxii.API_ROOT): Operation(
        "TAXII",
        "getTaxiiApiRoot",
        "Get the TAXII API root",
        answer=exports.TaxiiApiRoot,
        answers={"root": taxii.ROOT},
        media_type=TAXII_MEDIA_TYPE,
        refusals=(errors.NOT_TAXII,),
        tagged=True,
    ),
    ("GET", f"{taxii.API_ROOT}/collections"): Operation(
        "TAXII",
        "getTaxiiCollections",
        "List the TAXII collections",
        answer=exports.TaxiiCollections,
        answers={"one": {"collections": [_COLLECTION]}},
        media_type=TAXII_MEDIA_TYPE,
        refusals=(errors.NOT_TAXII,),
        tagged=True,
    ),
    ("GET", f"{taxii.API_ROOT}/collections/{{collection}}"): Operation(
        "TAXII",
        "getTaxiiCollection",
        "Get the TAXII collection",
        answer=exports.TaxiiCollection,
        answers={"collection": _COLLECTION},
        media_type=TAXII_MEDIA_TYPE,
        refusals=(errors.COLLECTION_NOT_FOUND, errors.NOT_TAXII),
        tagged=True,
    ),
    ("GET", f"{taxii.API_ROOT}/collections/{{collection}}/objects"): Operation(
        "TAXII",
        "getTaxiiObjects",
        "List the STIX objects of the collection, oldest change first",
        _IF_EXPORTS,
        parameters=_TAXII_PAGE,
        answer=exports.TaxiiEnvelope,
        answers={"page": {"more": True, "next": _CURSOR, "objects": [_OBJECT]}, "end": {}},
        media_type=TAXII_MEDIA_TYPE,
        refusals=_TAXII_PAGE_REFUSALS,
        tagged=True,
    ),
    ("GET", f"{taxii.API_ROOT}/collections/{{collection}}/manifest"): Operation(
        "TAXII",
        "getTaxiiManifest",
        "List manifest records of the objects of the collection",
        _IF_EXPORTS,
        parameters=_TAXII_PAGE,
        answer=exports.TaxiiManifest,
        answers={"page": {"more": False, "objects": [_RECORD]}, "end": {}},
        media_type=TAXII_MEDIA_TYPE,
        refusals=_TAXII_PAGE_REFUSALS,
        tagged=True,
    ),
    ("GET", f"{taxii.OBJECTS}/{{object}}"): Operation(
        "TAXII",
        "getTaxiiObject",
        "Get one STIX object of the collection",
        _IF_EXPORTS,
        parameters=_TAXII_PAGE,
        answer=exports.TaxiiEnvelope,
        answers={"object": {"more": False, "objects": [_OBJECT]}, "filtered": {}},
        media_type=TAXII_MEDIA_TYPE,
        refusals=_TAXII_OBJECT_REFUSALS,
        tagged=True,
    ),
    ("GET", f"{taxii.OBJECTS}/{{object}}/versions"): Operation(
        "TAXII",
        "getTaxiiObjectVersions",
        "List the versions of one STIX object, which has only one",
        _IF_EXPORTS,
        parameters=_TAXII_PAGE,
        answer=exports.TaxiiVersions,
        answers={
            "version": {"more": False, "versions": [_RECORD["version"]]},
            "filtered": {},
        },
        media_type=TAXII_MEDIA_TYPE,
        refusals=_TAXII_OBJECT_REFUSALS,
        tagged=True,
    ),
}

OPERATIONS["POST", "/v4/search"] = Operation(
    "Search",
    "searchText",
    "Look up the indicators in a text",
    "Finds indicators in emails, reports, logs and tables as people write them, defanged or not. "
    "Each distinct one counts as a look-up, and a request as at least one. After 1,000 "
    "indicators or a million characters, `rest` is the position to continue from.",
    request=models.SearchRequest,
    takes_text=True,
    answer=models.SearchAnswer,
    answers={
        "found": _searched(
            f"see hxxp://evil[.]example/a, {SAMPLE_IP} and\n{SAMPLE_HASH}; v1.2.3.4"
        ),
        "not_understood": _searched("DNS at 203.0.113.0/24, update.zip from 300.1.1.1"),
    },
    refusals=(
        errors.BODY_NO_OBJECT,
        errors.TEXT_MISSING,
        errors.NOT_TEXT,
        errors.BODY_TOO_LARGE,
        errors.ANSWER_TOO_LARGE,
    ),
)
_OVERRIDE = {
    "type": "domain",
    "value": "files.example",
    "verdict": "BENIGN",
    "reason": "our own update server",
    "by": "soc",
    "set_at": format_millis(_NOW),
    "expires": "",
    "siblings": [],
}
_CHANGE = {
    "action": "set",
    **{name: _OVERRIDE[name] for name in ("type", "value", "verdict", "reason", "by", "expires")},
    "at": format_millis(_NOW),
    "before": {"verdict": "MALICIOUS"},
}
_FALSE_POSITIVE = {
    "type": "domain",
    "value": "files.example",
    "reason": "our own update server",
    "by": "helpdesk",
    "at": format_millis(_NOW),
}
for _name, _what, _not_valid in (
    ("hash", "a hash", errors.HASH_NOT_VALID),
    ("ip", "an IP address", errors.IP_NOT_VALID),
    ("domain", "a domain", errors.DOMAIN_NOT_VALID),
    ("url", "a URL", errors.URL_NOT_VALID),
):
    OPERATIONS["GET", f"/v4/ioc/{_name}/{{value}}/sightings"] = Operation(
        "Search",
        f"list{_name.capitalize()}Sightings",
        f"List the sightings of {_what}",
        _IF_INDEXED,
        parameters=_WHERE_PAGES_BEGIN,
        answer=models.Sightings,
        answers={"seen": sightings_answer(_SEEN, [_SEEN_BY], "", with_senders=False)},
        refusals=(*_SEARCH_REFUSALS, _not_valid, errors.VALUE_NOT_ENCODED),
    )
    OPERATIONS["GET", f"/v4/ioc/{_name}/{{value}}"] = Operation(
        "Search",
        f"explain{_name.capitalize()}",
        f"Explain the verdict of {_what}",
        "Everything that is known of it, and what is around it, read in one batch. 404 only if "
        "nothing is known of either.",
        answer=explained.Explanation,
        answers={"explained": _EXPLAINED},
        parameters=[_IF_NONE_MATCH],
        refusals=(_not_valid, errors.VALUE_NOT_ENCODED, errors.IOC_NOT_FOUND),
        tagged=True,
    )
    _path_of_ioc = f"/v4/ioc/{_name}/{{value}}"
    _of_body = (
        _not_valid,
        errors.BODY_NO_OBJECT,
        errors.FIELD_NOT_VALID,
        errors.NOT_JSON,
        errors.BODY_TOO_LARGE,
    )
    OPERATIONS["PUT", f"{_path_of_ioc}/verdict"] = Operation(
        "Annotations",
        f"set{_name.capitalize()}Verdict",
        f"Override the verdict of {_what}",
        "The override wins over every other verdict until it expires or is taken back. On a hash "
        "it holds for all digests of the file.",
        request=annotations.OverrideRequest,
        answer=annotations.OverrideAnswer,
        answers={"overridden": _OVERRIDE},
        refusals=(*_of_body, errors.ALWAYS_HARMLESS),
    )
    OPERATIONS["DELETE", f"{_path_of_ioc}/verdict"] = Operation(
        "Annotations",
        f"unset{_name.capitalize()}Verdict",
        f"Take back the override of {_what}",
        answer=annotations.OverrideTakenBack,
        answers={"taken_back": {**_OVERRIDE, "deleted": True}},
        refusals=(_not_valid, errors.OVERRIDE_NOT_FOUND),
    )
    OPERATIONS["POST", f"{_path_of_ioc}/false-positive"] = Operation(
        "Annotations",
        f"report{_name.capitalize()}FalsePositive",
        f"Report that the verdict of {_what} is wrong",
        "It changes no verdict: analysts read it. A key has one report about an indicator, which "
        "a later one replaces.",
        request=annotations.FalsePositiveRequest,
        answer=annotations.FalsePositiveAnswer,
        answers={"reported": {**_FALSE_POSITIVE, "repeated": False}},
        refusals=_of_body,
    )
OPERATIONS["POST", "/v4/ioc/verdicts"] = Operation(
    "Annotations",
    "setVerdicts",
    "Override up to 100 verdicts",
    "Each item has a row in the answer, which is an error if the item was refused.",
    request=annotations.OverridesRequest,
    answer=annotations.OverridesAnswer,
    answers={
        "rows": {"data": [_OVERRIDE, errors.ALWAYS_HARMLESS.body("local name")]},
    },
    refusals=(
        errors.BODY_NO_OBJECT,
        errors.FIELD_NOT_VALID,
        errors.NOT_JSON,
        errors.BODY_TOO_LARGE,
    ),
)
_PAGES_OF_ANNOTATIONS = (
    _search_parameter(
        "limit",
        "Maximum number of rows in a page.",
        type="integer",
        minimum=1,
        maximum=100,
        default=100,
    ),
    _search_parameter("cursor", "`next_cursor` of the page before.", type="string"),
)
OPERATIONS["GET", "/v4/overrides"] = Operation(
    "Annotations",
    "listOverrides",
    "List the overrides",
    parameters=(
        *_PAGES_OF_ANNOTATIONS,
        _search_parameter(
            "history",
            "`true` lists all changes, also those of overrides that do not hold any more.",
            type="string",
            enum=["true", "false"],
            default="false",
        ),
    ),
    answer=annotations.OverrideList,
    answers={"overrides": {"data": [_CHANGE], "next_cursor": None}},
    refusals=(errors.SEARCH_PARAMETER_NOT_VALID,),
)
OPERATIONS["GET", "/v4/false-positives"] = Operation(
    "Annotations",
    "listFalsePositives",
    "List the reports of false positives",
    parameters=_PAGES_OF_ANNOTATIONS,
    answer=annotations.FalsePositiveList,
    answers={"reports": {"data": [_FALSE_POSITIVE], "next_cursor": None}},
    refusals=(errors.SEARCH_PARAMETER_NOT_VALID,),
)
OPERATIONS["GET", "/v4/report/{flow_id}/iocs"] = Operation(
    "Search",
    "listReportIocs",
    "List the indicators of a scan",
    f"{_IF_INDEXED} If several reports of the scan have an indicator, a page contains the newest "
    "sighting.",
    parameters=_WHERE_PAGES_BEGIN,
    answer=models.SeenIndicators,
    answers={"seen": seen_answer([(_SEEN, _SEEN_BY)], "", {}, with_senders=False)},
    refusals=(*_SEARCH_REFUSALS, errors.REPORT_NOT_FOUND, errors.VALUE_NOT_ENCODED),
)
_SEEN_HASH = LookupResult(_HASH, _known(_HASH), _others(_HASH))
for _name, _seen in (("infected", [_SEEN_HASH]), ("clean", [])):
    OPERATIONS["GET", f"/v4/feed/{_name}/latest"] = Operation(
        "Search",
        f"list{_name.capitalize()}Hashes",
        f"List the files seen last that are {'bad' if _seen else 'not bad'}",
        "Available if the stack keeps a search index. Each request counts as a look-up. A page of "
        "the index has up to 1,000 files, of which this feed has some.",
        parameters=(
            _search_parameter("page", "Number of the page.", type="integer", minimum=1, maximum=10),
        ),
        answer=models.HashFeed,
        answers={"files": hash_feed(_seen, _SCORER)},
        refusals=_SEARCH_REFUSALS,
    )
_REPORTS_BY = {
    "sha256": "SHA-256 of a file.",
    "sha1": "SHA-1 of a file.",
    "md5": "MD5 of a file.",
    "domain": "A domain.",
    "ip": "An IP address.",
    "url": "A URL.",
    "query": "Any indicator, also in base64.",
}
OPERATIONS["GET", "/api/reports/search"] = Operation(
    "Sandbox API",
    "searchReports",
    "List the reports that hold an indicator",
    _IF_INDEXED,
    parameters=(
        *(
            _search_parameter(name, text, type="string")
            | ({"examples": {"known": {"value": SAMPLE_DOMAIN}}} if name == "domain" else {})
            for name, text in _REPORTS_BY.items()
        ),
        _search_parameter("page", "Number of the page.", type="integer", minimum=1, maximum=10),
        _search_parameter(
            "page_size", "Reports of a page.", type="integer", minimum=1, maximum=100, default=20
        ),
    ),
    answer=sandbox.FoundReports,
    answers={"found": found_reports(_SEEN, [_SEEN_BY], 1)},
    refusals=(*_SEARCH_REFUSALS, errors.PARAMETER_MISSING),
)
_OF_TYPE = _search_parameter(
    "type",
    "Type of the indicator, or `hash` for all hashes; all by default.",
    type="string",
    enum=["hash", *INDICATOR_TYPES],
)
OPERATIONS["GET", "/v4/iocs/recent"] = Operation(
    "Search",
    "listRecentIocs",
    "List the indicators seen last",
    f"{_IF_INDEXED} A page can have fewer rows than requested, or none, and still have a "
    "`next_cursor`, because the number of reports per request is limited.",
    parameters=(
        _search_parameter(
            "verdict",
            "Verdict of the indicator in the report; all by default.",
            type="string",
            enum=[verdict.name for verdict in Verdict],
        ),
        _OF_TYPE,
        *_WHERE_PAGES_BEGIN,
    ),
    answer=models.SeenIndicators,
    answers={"seen": seen_answer([(_SEEN, _SEEN_BY)], "", {}, with_senders=False)},
    refusals=_SEARCH_REFUSALS,
)

OPERATIONS["GET", "/v4/iocs/changes"] = Operation(
    "Exports",
    "listIocChanges",
    "Follow the changes of the exported list",
    f"{_IF_EXPORTS} An answer without `since` is the beginning of the whole list. A client that "
    "adds, replaces and removes what the answers name, one after the other, has the list.",
    parameters=(
        _search_parameter(
            "since",
            "Where the client stopped: `cursor` of the last answer; empty for the whole list.",
            type="string",
        ),
        _OF_TYPE,
        _search_parameter(
            "verdict",
            "Verdict of the indicator; all by default.",
            type="string",
            enum=[verdict.name for verdict in Verdict],
        ),
        _MIN_SCORE,
        _search_parameter(
            "limit",
            "Maximum number of changes per answer.",
            type="integer",
            minimum=1,
            maximum=search.MAX_LIMIT,
            default=search.MAX_LIMIT,
        ),
    ),
    answer=exports.Changes,
    answers={
        "changes": {
            "added": [row_of(_EXPORTED)],
            "removed": [{"type": "ip", "value": "198.51.100.23"}],
            "cursor": format_millis(_NOW),
            "more": False,
        }
    },
    refusals=(
        errors.SEARCH_PARAMETER_NOT_VALID,
        errors.EXPORTS_NOT_FOUND,
        errors.CURSOR_TOO_OLD,
    ),
    tagged=True,
)

_FLOW_ID = "66b3763be7dbbbdfcd0b0003"


def _published() -> PublishedPage:
    """A page of the feed with one report, that of the example of the intake."""
    scan = {"flowId": _FLOW_ID, "reports": feed.REPORT_EXAMPLE}
    [report] = read_scan(json.dumps(scan).encode(), _NOW)
    assert isinstance(report, ScanReport)  # noqa: S101
    decisions = {one: decide(observed.evidence) for one, observed in report.iocs.items()}
    history = History(1, report.seen_at, report.seen_at)
    item = feed_item(report, decisions, dict.fromkeys(report.iocs, history))
    newest_first, newer = Cursor(number=66), Cursor(Order.OLDEST_FIRST, 66)
    entry = FeedEntry(66, json.dumps(item).encode())
    return PublishedPage(Order.NEWEST_FIRST, [entry], newest_first, newer, _NOW)


_PAGE = json.loads(as_json(_published()))
_PAGE_AS_ATOM = as_atom(_published(), report_link=report_link("https://sandbox.example"))
_PAGE_PARAMETERS: tuple[Schema, ...] = (
    {
        "name": "cursor",
        "in": "query",
        "description": "Cursor of the page, from `next` or `newer` of another page. It "
        "includes the order.",
        "allowEmptyValue": True,
        "schema": {"type": "string", "pattern": "^[ab][0-9]{1,15}$"},
        "examples": {"from_the_start": {"value": "a0"}},
    },
    {
        "name": "order",
        "in": "query",
        "description": "Order of the reports, for the first page.",
        "allowEmptyValue": True,
        "schema": {"type": "string", "enum": list(Order), "default": Order.NEWEST_FIRST},
    },
    {
        "name": "limit",
        "in": "query",
        "description": "Maximum number of reports per page.",
        "allowEmptyValue": True,
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    },
)
OPERATIONS |= {
    ("GET", "/"): Operation(
        "Service",
        "getPage",
        "Get the page for people",
        "The page looks up pasted text with the key that the user enters.",
        parameters=[_IF_NONE_MATCH],
        media_type=_HTML,
        tagged=True,
    ),
    ("GET", "/docs"): Operation(
        "Service",
        "getDocumentation",
        "Get this document as a page",
        parameters=[_IF_NONE_MATCH],
        media_type=_HTML,
        tagged=True,
    ),
    ("GET", "/openapi.json"): Operation(
        "Service",
        "getDescription",
        "Get this document",
        parameters=[_IF_NONE_MATCH],
        tagged=True,
    ),
}
_IF_PUBLISHING = "Available if the stack publishes a feed."

OPERATIONS["POST", "/api/reports"] = Operation(
    "Feed",
    "publishScanReport",
    "Publish a scan report",
    f"{_IF_PUBLISHING} A report can be sent again: the same "
    "content changes nothing, other content replaces the report.",
    request=feed.ScanReport,
    parameters=[
        {
            "name": "Content-Encoding",
            "in": "header",
            "description": "gzip for a compressed body; required above 4 MB.",
            "schema": {"type": "string", "enum": ["gzip", "identity"], "default": "identity"},
        }
    ],
    answer=feed.TakenReports,
    answers={
        "published": {
            "reports": [
                {
                    "flow_id": _FLOW_ID,
                    "report_id": next(iter(feed.REPORT_EXAMPLE)),
                    "status": "published",
                    "verdicts": {"LIKELY_MALICIOUS": 1, "SUSPICIOUS": 1, "UNKNOWN": 1},
                    "asked": True,
                    "iocs": 3,
                    "passed_over": 0,
                    "rejected": [],
                    "rejected_count": 0,
                }
            ]
        }
    },
    refusals=(
        errors.BODY_TOO_LARGE,
        errors.NOT_JSON_SANDBOX,
        errors.CODING_NOT_SUPPORTED,
        errors.REPORT_NOT_VALID,
    ),
)


def _feed_operations(base: str, name: str) -> dict[tuple[str, str], Operation]:
    """The operations of the feed at one of its two paths.

    Args:
        base: the path.
        name: part of the operation ids.
    """
    as_json_only = Operation(
        "Feed",
        f"get{name}PageAsJson",
        "Get a page of the feed in JSON",
        _IF_PUBLISHING,
        parameters=[*_PAGE_PARAMETERS, _IF_NONE_MATCH],
        answer=feed.FeedPage,
        answers={"page": _PAGE},
        refusals=(errors.CURSOR_NOT_VALID, errors.ANSWER_TOO_LARGE),
        tagged=True,
    )
    as_accepted = replace(
        as_json_only,
        name=f"get{name}Page",
        summary="Get a page of the feed",
        description=f"{_IF_PUBLISHING} Atom, unless the header `Accept` prefers JSON.",
        atom=_PAGE_AS_ATOM,
    )
    info = Operation(
        "Feed",
        f"get{name}Info",
        "Get size and age of the feed",
        _IF_PUBLISHING,
        answer=feed.FeedInfo,
        answers={
            "info": {
                "count": 64,
                "length": 148_213,
                "updated": _NOW / 1000,
                "download_allowed": True,
            }
        },
    )
    return {
        ("GET", f"{base}/reports"): as_accepted,
        ("GET", f"{base}/reports.json"): as_json_only,
        ("GET", f"{base}/reports/info"): info,
    }


OPERATIONS |= _feed_operations("/feed", "Feed") | _feed_operations("/api/feed", "SandboxFeed")

_EVERYWHERE = (errors.METHOD_NOT_ALLOWED, errors.INTERNAL)
_WITH_KEY = (errors.NO_KEY, errors.UNKNOWN_KEY, errors.STORE_NOT_REACHABLE)
_COUNTED = (errors.QUOTA_USED_UP, errors.THROTTLED)
_STATUSES = {
    400: ("BadRequest", "The request is not valid."),
    401: ("Unauthorized", "The key is missing, unknown, disabled or expired."),
    403: ("Forbidden", "The key lacks the right that the message names."),
    404: ("NotFound", "Not found."),
    405: ("MethodNotAllowed", "The path does not support the method."),
    406: ("NotAcceptable", "The media type of the body, or the accepted one, is not supported."),
    409: ("Conflict", "The request contradicts a rule."),
    410: ("Gone", "What changed since the cursor is not known any more."),
    413: ("TooLarge", "The request or its answer is too large."),
    415: ("UnsupportedMediaType", "The media type or encoding of the body is not supported."),
    422: ("Unprocessable", "A part of the request is missing or not valid."),
    429: ("TooManyRequests", "The limit of the key for the day or the minute is used up."),
    500: ("InternalError", "An error inside the service."),
    503: ("StoreNotReachable", "The store is not reachable."),
}


@dataclass(frozen=True)
class _Family:
    """One of the APIs, with the shape of its errors.

    Attributes:
        prefix: of the names of responses that its operations share.
    """

    prefix: str
    model: type[BaseModel]
    body: Callable[[ErrorDefinition], Mapping[str, Any]]
    media_type: str = _JSON

    def shared_name(self, status: int) -> str:
        return self.prefix + _STATUSES[status][0]


_V4 = _Family("", models.Error, ErrorDefinition.body)
_SANDBOX = _Family("Sandbox", sandbox.Refusal, lambda error: as_detail(error.body()))
_TAXII = _Family(
    "Taxii",
    exports.TaxiiError,
    lambda error: as_taxii_error(error.status, error.body()),
    TAXII_MEDIA_TYPE,
)
# The errors of these statuses depend on the route; those of the others are the same everywhere.
_OF_ITS_OWN = {400, 404, 409, 422}


def _family(path: str) -> _Family:
    if is_taxii_path(path):
        return _TAXII
    return _SANDBOX if is_sandbox_path(path) else _V4


def _header(description: str, *, required: bool = False, **schema: Any) -> Schema:
    return {"description": description, "required": required, "schema": schema}


_ALLOW = {"Allow": _header("Methods that the path supports.", required=True, type="string")}
_RETRY = {
    "Retry-After": _header(
        "Seconds to wait before the next request.", required=True, type="integer", minimum=1
    )
}
# Those of the limit are absent for a key without one, and if a request is refused before counting.
_ANSWER_HEADERS = {
    "X-Response-Time": _header(
        "Milliseconds spent, followed by `ms`.", type="string", pattern="^[0-9]+ms$"
    ),
    "X-Authenticated": _header("How the caller was identified.", type="string"),
    "X-RateLimit-For": _header("What the limit counts.", type="string"),
    "X-RateLimit-Limit": _header("Look-ups per day, UTC.", type="integer", minimum=0),
    "X-RateLimit-Used": _header("Look-ups used today.", type="integer", minimum=0),
    "X-RateLimit-Remaining": _header("Look-ups left today.", type="integer", minimum=0),
    "X-RateLimit-Interval": _header("Length of a day in seconds.", type="integer", minimum=0),
    "X-RateLimit-Reset-In": _header(
        "Seconds until the day ends, followed by an `s`.", type="string", pattern="^[0-9]+s$"
    ),
    "X-RateLimit-Reset": _header("Seconds until the day ends.", type="integer", minimum=0),
}
_KEY_HEADERS = ("apikey", "X-Api-Key")
_HEADER_REFERENCES = {name: {"$ref": f"#/components/headers/{name}"} for name in _ANSWER_HEADERS}
_LOCATION = {"Location": _header("Link to the file.", required=True, type="string", format="uri")}
_KEPT = {
    "ETag": _header("Changes with the content of the answer.", required=True, type="string"),
    "Cache-Control": _header("How long the client may keep the answer.", type="string"),
}
_HEADERS: dict[int, dict[str, Schema]] = {405: _ALLOW, 429: {**_RETRY, **_HEADER_REFERENCES}}


def document() -> Schema:
    """The OpenAPI document.

    Raises:
        LocalError: a route is not documented, or an operation has no route.
    """
    routed = {(method, route.template) for route in ROUTES for method in route.methods}
    if differing := routed ^ OPERATIONS.keys():
        raise LocalError(f"either without a route or not documented: {sorted(differing)}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "IOC reputation",
            "description": "Reputation of hashes, IPs, domains and URLs, from scan reports of a "
            "sandbox. Answers have the shape of the MetaDefender Cloud v4 API; below `/api`, that "
            "of the sandbox's own API. Send the key in one of the two headers, or as the password "
            "of basic authentication.",
            "version": _version(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        # With a stage, the lookup function replaces this by the path of the stage.
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in (*_KEY_HEADERS, "password")],
        "paths": {route.template: _path(route) for route in ROUTES},
        "components": {
            "securitySchemes": {
                name: {"type": "apiKey", "in": "header", "name": name} for name in _KEY_HEADERS
            }
            | {"password": {"type": "http", "scheme": "basic"}},
            "headers": _ANSWER_HEADERS,
            "responses": _shared_responses(),
            "schemas": _schemas(),
        },
    }


def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def _path(route: Route[Any]) -> Schema:
    named = re.findall(r"{(\w+)}", route.template)
    # The segment before a value names its type.
    kind = route.template.partition("/{value}")[0].rpartition("/")[2]
    parameters = [
        {"name": n, "in": "path", "required": True, **_IN_PATH[kind if n == "value" else n]}
        for n in named
    ]
    operations = {
        method.lower(): _operation(route, OPERATIONS[method, route.template])
        for method in route.methods
    }
    return ({"parameters": parameters} if parameters else {}) | operations


def _operation(route: Route[Any], operation: Operation) -> Schema:
    described: Schema = {
        "tags": [operation.tag],
        "operationId": operation.name,
        "summary": operation.summary,
    }
    needed = f"Needs the right `{route.right}`." if route.right and not route.open else ""
    if description := " ".join(filter(None, (operation.description, needed))):
        described["description"] = description
    if route.open:
        described["security"] = []
    if operation.parameters:
        described["parameters"] = list(operation.parameters)
    if operation.request:
        taken = {_JSON: _content(operation.request)}
        if operation.takes_text:
            taken[_TEXT] = {"schema": {"type": "string"}}
        described["requestBody"] = {"required": True, "content": taken}
    family = _family(route.template)
    good = 302 if operation.redirects else 200
    responses = {good: _answer(operation), **_refusals(_possible(route, operation), family)}
    if operation.tagged:
        uncounted = route.open or route.template in _UNCOUNTED
        counted = {} if uncounted else _HEADER_REFERENCES
        responses[200]["headers"] = {**_KEPT, **counted}
        responses[304] = {
            "description": "The client has the current answer.",
            "headers": {**_KEPT, **counted},
        }
    elif not route.open and route.template not in _UNCOUNTED:
        responses[good]["headers"] = _HEADER_REFERENCES
    if operation.redirects:
        responses[good]["headers"] = {**_HEADER_REFERENCES, **_LOCATION}
    if operation.or_link:
        responses[302] = {
            "description": "A redirect to the file.",
            "headers": {**_HEADER_REFERENCES, **_LOCATION},
            "content": {_JSON: _content(exports.ExportLink, _EXPORT_LINK)},
        }
    described["responses"] = {
        str(status): _shared(status, response, family)
        for status, response in sorted(responses.items())
    }
    return described


def _shared(status: int, response: Schema, family: _Family) -> Schema:
    """A reference to a shared response if it is the same, else the response itself."""
    if status not in _STATUSES:
        return response
    name = family.shared_name(status)
    same = _shared_responses().get(name) == response
    return {"$ref": f"#/components/responses/{name}"} if same else response


def _possible(route: Route[Any], operation: Operation) -> Iterable[ErrorDefinition]:
    """All errors that an operation can answer."""
    yield from operation.refusals
    if not route.open:
        yield from _WITH_KEY
        if route.right:
            yield errors.RIGHT_MISSING
    if route.counting is not Counting.NEVER:
        yield from _COUNTED
    yield from _EVERYWHERE


def _answer(operation: Operation) -> Schema:
    if operation.answer:
        content = _content(operation.answer, operation.answers)
    else:
        content = {"schema": {"type": "object" if operation.media_type == _JSON else "string"}}
    contents = {operation.media_type: content}
    if operation.atom:
        example = {"page": {"value": operation.atom}}
        contents[_ATOM] = {"schema": {"type": "string"}, "examples": example}
    return {"description": "The answer.", "content": contents}


@cache
def _shared_responses() -> dict[str, Schema]:
    return {
        family.shared_name(status): response
        for family, of_bulk in (
            (_V4, _BULK_REFUSALS),
            (_SANDBOX, _SANDBOX_BULK_REFUSALS),
            (_TAXII, (errors.NOT_TAXII,)),
        )
        for status, response in _refusals(
            [*of_bulk, *_WITH_KEY, errors.RIGHT_MISSING, *_COUNTED, *_EVERYWHERE], family
        ).items()
        if status not in _OF_ITS_OWN
    }


def _refusals(refusals: Iterable[ErrorDefinition], family: _Family) -> dict[int, Schema]:
    """The error answers by status, with an example of each error."""
    names = {error: name.lower() for name, error in vars(errors).items() if name.isupper()}
    by_status: dict[int, dict[str, Any]] = {}
    for error in refusals:
        by_status.setdefault(error.status, {})[names[error]] = family.body(error)
    return {
        status: {
            "description": _STATUSES[status][1],
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
            "content": {family.media_type: _content(family.model, examples)},
        }
        for status, examples in sorted(by_status.items())
    }


def _content(model: type[BaseModel], examples: Mapping[str, Any] | None = None) -> Schema:
    content: Schema = {"schema": {"$ref": _SCHEMAS.format(model=model.__name__)}}
    if examples:
        content["examples"] = {name: {"value": value} for name, value in examples.items()}
    return content


class _Untitled(GenerateJsonSchema):
    """Generates schemas without titles, which would only repeat the names of the fields."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _schemas() -> Schema:
    used: list[type[BaseModel]] = [
        *(family.model for family in (_V4, _SANDBOX, _TAXII)),
        exports.ExportLink,
    ]
    for operation in OPERATIONS.values():
        used += [model for model in (operation.request, operation.answer) if model]
    _, definitions = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(used)],
        ref_template=_SCHEMAS,
        schema_generator=_Untitled,
    )
    return {name: _plain(schema) for name, schema in sorted(definitions["$defs"].items())}


def _plain(schema: Any) -> Any:
    """Rewrite what generators of clients cannot read, without excluding any real answer.

    Generators fail on `const`, and on a string that is one of several strings.
    """
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _plain(value) for name, value in schema.items()}
    if "const" in plain:
        return _without_const(plain, plain.pop("const"))
    members = plain.get("anyOf", [])
    if members and all(one.get("type") == "string" for one in members):
        del plain["anyOf"]
        return {**plain, **_one_string(members)}
    return plain


def _without_const(schema: Schema, value: object) -> Schema:
    if isinstance(value, bool):
        return {**schema, "type": "boolean"}
    if isinstance(value, int):
        return {**schema, "type": "integer", "minimum": value, "maximum": value}
    only: Schema = {"enum": [value]} if value else {"maxLength": 0}
    return {**schema, "type": "string", **only}


def _one_string(members: Sequence[Schema]) -> Schema:
    """Describe a string that may be of several kinds; one of them is often the empty string."""
    patterns = [one["pattern"] for one in members if "pattern" in one]
    others = [one for one in members if "pattern" not in one]
    if len(patterns) == 1 and all(one.get("maxLength") == 0 for one in others):
        return {**members[0], "pattern": f"^(?:{patterns[0].strip('^$')})?$"}
    enums = [one["enum"] for one in members if "enum" in one]
    if len(enums) == len(members) and all(value for values in enums for value in values):
        return {"type": "string", "enum": [value for values in enums for value in values]}
    return {"type": "string"}
