"""`python -m local openapi`: the OpenAPI document, made from the routes, models and errors."""

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

from functions.lookup import routes as lookup
from functions.lookup import search, taxii
from functions.lookup.apikey_bodies import key_info, limits_remaining, limits_used
from functions.lookup.feed_status_body import feed_status
from functions.lookup.provider_status_body import provider_status
from functions.lookup.reputation_bodies import invalid_row, reputation_report
from functions.lookup.search_bodies import found_row, search_answer, seen_answer, sightings_answer
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
from local.openapi_models import exports, feed, sandbox
from local.openapi_models import v4 as models
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
from shared.domain.verdict import Verdict
from shared.formats.bloom_filter import Facts
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
from shared.http.routing import Route
from shared.store.feed_runs import FeedRun
from shared.store.providers import ProviderState

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "functions" / "lookup" / "openapi.json"

Schema = dict[str, Any]

ROUTES: tuple[Route[Any], ...] = (*lookup.ROUTES, *publish.ROUTES)
# These are counted against no limit of their key.
_UNCOUNTED = {route.template for route in publish.ROUTES}

_JSON = "application/json"
_ATOM = "application/atom+xml"
_HTML = "text/html"
_TEXT = "text/plain"
_SCHEMAS = "#/components/schemas/{model}"


def command(out: TextIO) -> int:
    """Write the document to the place from which the look-up function serves it.

    Returns:
        0: it is written.

    Raises:
        LocalError: a route is not documented, or what is documented is no route.
    """
    DOCUMENT.write_text(text(), encoding="utf-8")
    print(DOCUMENT.relative_to(ROOT), file=out)
    return 0


def text() -> str:
    """The document as it stands in the file."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Operation:
    """What the document says of one method of one route.

    What follows from the route is not said here: the key, the value in the path, and the errors
    that every such route has.

    Attributes:
        name: of the operation, for those who generate clients.
        answers: examples by name.
        answer: model of the answer; None for one that is described by `media_type` alone.
        atom: example of the answer in Atom; "" for none in that form.
        request: model of the body.
        takes_text: whether the body may be a text as well.
        parameters: in the query and the headers of the request.
        refusals: errors of its own.
        tagged: whether the answer has an ETag, and there is none if that is known already.
        redirects: whether it answers with the address of what was asked for.
        or_link: whether it may do so, in place of the answer itself.
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


# Examples are made by the code that makes the answers.
_NOW = 1_767_607_200_000


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
        SightingSummary(latest, seen_at - 2_678_400_000, seen_at, frozenset({"packed", "peexe"})),
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
    """What other providers say: one lists it, others do not, or were not reached."""
    listing = Listing(ListingStatus.LISTED, "malware", "Malware Sites", _NOW - 86_400_000)
    in_networks = indicator.type is IndicatorType.IP
    networks = {_LIST.id: Network("203.0.113.0/24")} if in_networks else {}
    known = IocRecord(indicator, listings={_LIST.id: listing}, networks=networks)
    return provider_verdicts(known, _PROVIDERS, _NOW)


def _address(kind: IndicatorType, value: str, *, known: bool) -> Any:
    indicator = parse(kind, value)
    if known:
        return address_report(indicator, value, _known(indicator), _NOW, _others(indicator))
    trusted = Listing(ListingStatus.TRUSTED, source_list="well-known names")
    said = IocRecord(indicator, listings={_TRUSTING.id: trusted})
    return address_report(indicator, value, None, _NOW, provider_verdicts(said, _PROVIDERS, _NOW))


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
    "malicious": hash_report(_known(_HASH)),
    "with_other_providers": hash_report(_known(_HASH), _others(_HASH)),
    "known_to_another_provider_only": listed_hash_report(_HASH, _others(_HASH)),
}
_OTHER_HASH = IndicatorType.MD5.info.other_example
_SAMPLES = {
    kind: (kind.info.example, kind.info.other_example)
    for kind in INDICATOR_TYPES
    if kind not in HASH_TYPES
}

# What stands in braces in a path.
_IN_PATH: dict[str, Schema] = {
    "hash": {
        "description": f"{HASH_LABELS}, in any case.",
        "schema": {
            "type": "string",
            "pattern": f"^({'|'.join(f'[0-9A-Fa-f]{{{n}}}' for n in TYPE_BY_HASH_DIGITS)})$",
        },
        "examples": {"known": {"value": SAMPLE_HASH}, "unknown": {"value": _OTHER_HASH}},
    },
    "ip": {
        "description": "IPv4 or IPv6, percent-encoded or not; a port behind it is dropped.",
        "schema": {"type": "string", "minLength": 1},
    },
    "domain": {
        "description": "A domain name: IDN or its A-labels, in any case, defanged or not; a port "
        "behind it is dropped.",
        "schema": {"type": "string", "minLength": 1},
    },
    "url": {
        "description": "A URL, percent-encoded. Understood too: not encoded, encoded twice, "
        "defanged. Without a scheme it is looked up with `http` and with `https`, and the worse "
        "answer is given.",
        "schema": {"type": "string", "minLength": 1},
    },
    "key": {
        "description": "The key that asks.",
        "schema": {"type": "string", "minLength": 1},
        "examples": {"key": {"value": "YOUR_KEY"}},
    },
}
for _kind, (_listed, _other) in _SAMPLES.items():
    _IN_PATH[_kind]["examples"] = {"known": {"value": _listed}, "unknown": {"value": _other}}

_DETAILS = {
    "name": "includescandetails",
    "in": "header",
    "description": "1 for the results of the engines; also understood as `include_scan_details`.",
    "schema": {"type": "string", "enum": ["0", "1"], "default": "0"},
}
_HASH_REFUSALS = (errors.HASH_NOT_VALID, errors.HASH_NOT_FOUND)
_BULK_REFUSALS = (
    errors.BODY_NO_OBJECT,
    errors.NOT_JSON,
    errors.BODY_TOO_LARGE,
    errors.ANSWER_TOO_LARGE,
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
    """What a look-up of the sandbox's own API asks for."""
    examples = {"known": {"value": listed}, "unknown": {"value": other}}
    if kind is IndicatorType.SHA256:
        said = {
            "name": "sha256",
            "description": "SHA-256, in any case.",
            "schema": {"type": "string", "pattern": "^[0-9A-Fa-f]{64}$"},
        }
    else:
        said = {"name": "ioc_value", **_IN_PATH[kind]}
    return {**said, "in": "query", "required": True, "examples": examples}


_KEY_INFO = key_info(
    name="soc",
    short_digest="5e884898da28",
    created=_NOW - 86_400_000,
    expires=0,
    daily_limit=4000,
    minute_limit=0,
)

_IF_FILTER = "Only where the stack publishes a filter, and once it did."
_FILTER = Facts(_NOW - 3_600_000, 1_000_000, frozenset(INDICATOR_TYPES)).as_dict() | {
    "size": 1_797_500,
    "sha256": "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("POST", "/v4/hash"): Operation(
        "Hashes",
        "lookupHashes",
        "Look up many hashes",
        "Rows come in the order of the request; what is not known has `scan_result_i` 5, and what "
        "is no hash has that and an `error`.",
        request=models.BulkHashRequest,
        parameters=[_DETAILS],
        answer=models.BulkHashAnswer,
        answers={
            "rows": {
                "data": [
                    bulk_hash_row(_HASH, _known(_HASH), with_details=False),
                    unknown_hash_row(_OTHER_HASH),
                    invalid_hash_row("?", errors.HASH_NOT_VALID.body("not valid")),
                ]
            },
            "with_details": {"data": [bulk_hash_row(_HASH, _known(_HASH), with_details=True)]},
        },
        refusals=(
            *_BULK_REFUSALS,
            errors.HASHES_MISSING,
            errors.HASHES_NO_LIST,
            errors.HASHES_EMPTY,
            errors.HASHES_TOO_MANY,
            errors.DETAILS_HEADER_NOT_VALID,
        ),
    ),
    ("GET", "/v4/hash/{hash}"): Operation(
        "Hashes",
        "lookupHash",
        "Look up a hash",
        "An unknown hash is an error, 404; every other unknown indicator is an answer.",
        answer=models.HashReport,
        answers=_HASH_REPORTS,
        refusals=_HASH_REFUSALS,
    ),
    ("GET", "/v4/hash/{hash}/scanhistory"): Operation(
        "Hashes",
        "listHashScanHistory",
        "The scans of a hash",
        "Its latest scan is the one that is kept.",
        answer=models.ScanHistory,
        answers={"malicious": scan_history(hash_report(_known(_HASH)))},
        refusals=_HASH_REFUSALS,
    ),
    ("GET", "/v4/hash/{hash}/badge"): Operation(
        "Hashes",
        "getHashBadge",
        "Look up a hash, as a badge does",
        "The same as the look-up of a hash.",
        answer=models.HashReport,
        answers={"malicious": hash_report(_known(_HASH))},
        refusals=_HASH_REFUSALS,
    ),
    ("GET", "/v4/hash/{hash}/sandbox"): Operation(
        "Hashes",
        "getHashSandboxReport",
        "What the sandbox says of a hash",
        answer=models.SandboxReport,
        answers={"malicious": sandbox_report(_known(_HASH))},
        refusals=_HASH_REFUSALS,
    ),
    ("GET", "/v4/apikey"): Operation(
        "Key",
        "getKey",
        "What is known of the key",
        answer=models.KeyInfo,
        answers={"key": _KEY_INFO},
    ),
    ("GET", "/v4/apikey/limits"): Operation(
        "Key",
        "getKeyUse",
        "What the key has used today",
        answer=models.LimitsUsed,
        answers={"key": limits_used(17)},
    ),
    ("GET", "/v4/apikey/limits/status"): Operation(
        "Key",
        "getKeyRest",
        "What the key has left today",
        answer=models.LimitsRemaining,
        answers={"key": limits_remaining(4000, 3983)},
    ),
    ("GET", "/v4/apikey/{key}"): Operation(
        "Key",
        "getKeyByName",
        "What is known of the key",
        "A key may ask about itself and about no other.",
        answer=models.KeyInfo,
        answers={"key": _KEY_INFO},
        refusals=(errors.KEY_NOT_FOUND,),
    ),
    ("GET", "/v4/status/version"): Operation(
        "Service",
        "getApiVersion",
        "The version of the API",
        answer=models.Version,
        answers={"version": {"version": "4"}},
    ),
    ("GET", "/v4/status/providers"): Operation(
        "Service",
        "listProviders",
        "How the providers beside the sandbox stand",
        "Empty where none is switched on.",
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
        "How the last run of ingestion went, and how far it is behind the feed",
        "Empty before the first run. A run that could not reach the store is not told.",
        answer=models.Feeds,
        answers={"feeds": {"feeds": [feed_status(_FEED_RUN, _NOW)]}},
    ),
    ("GET", "/v4/filter"): Operation(
        "Filter",
        "getFilter",
        "What is told of the filter of everything that is stored",
        f"{_IF_FILTER} With it a client says by itself of what was never seen that it was not.",
        answer=models.Filter,
        answers={"filter": _FILTER},
        refusals=(errors.FILTER_NOT_FOUND,),
    ),
    ("GET", "/v4/filter/download"): Operation(
        "Filter",
        "downloadFilter",
        "Where the file of the filter is",
        f"{_IF_FILTER} The address is good for five minutes, for whoever has it.",
        answer=models.FilterLink,
        answers={"link": {"url": "https://bucket.s3.us-east-1.amazonaws.com/filter.bloom"}},
        refusals=(errors.FILTER_NOT_FOUND,),
        redirects=True,
    ),
    ("GET", "/health"): Operation(
        "Service",
        "getHealth",
        "Whether the function answers",
        "Says nothing of the store.",
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
        "Rows come in the order of the request; one that is not valid holds its `error`.",
        request=_bulk_request,
        answer=_bulk_answer,
        answers=_addresses(_kind, _listed, _other, _not_valid),
        refusals=_BULK_ADDRESS_REFUSALS,
    )
    OPERATIONS["GET", f"/v4/{_kind}/{{{_kind}}}"] = Operation(
        _tag,
        f"lookup{_name}",
        f"Look up {_one}",
        "One that is not known is an answer too: status 5 and an empty assessment. Every provider "
        "that covers the type has a row.",
        answer=_report,
        answers={
            "malicious": _address(_kind, _listed, known=True),
            "unknown": _address(_kind, _other, known=False),
        },
        refusals=(_not_valid,),
    )


def _reputation_operations(
    kind: IndicatorType,
    words: tuple[str, str, str],
    bodies: tuple[type[BaseModel], type[BaseModel], type[BaseModel]],
    not_valid: ErrorDefinition,
) -> dict[tuple[str, str], Operation]:
    """Both operations of one path of the sandbox's own API.

    Args:
        words: the last part of the path, and what one and what many are called.
        bodies: of the answer about one, of the request for many, of the answer about them.
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
            f"The reputation of {one}",
            "One that is not known has the verdict `unknown` and no report.",
            parameters=[_in_query(kind, listed, other)],
            answer=report,
            answers={"malicious": known, "unknown": unknown},
            refusals=(not_valid, errors.PARAMETER_MISSING),
        ),
        ("POST", f"/api/reputation/{name}"): Operation(
            "Sandbox API",
            f"get{name.capitalize()}Reputations",
            f"The reputations of {many}",
            "Rows come in the order of the request; what is not valid has the verdict `unknown` "
            "and an `error`.",
            request=bulk_request,
            answer=bulk_answer,
            answers={"rows": [known, unknown, invalid_row(kind, "?", not_valid.body("not valid"))]},
            refusals=_SANDBOX_BULK_REFUSALS,
        ),
    }


OPERATIONS |= _reputation_operations(
    IndicatorType.SHA256,
    ("hash", "a file", "many files"),
    (sandbox.HashReputation, sandbox.Hashes, sandbox.HashReputations),
    errors.HASH_NOT_VALID,
)
OPERATIONS |= _reputation_operations(
    IndicatorType.IP,
    ("ip", "an IP address", "many IP addresses"),
    (sandbox.IpReputation, sandbox.IpAddresses, sandbox.IpReputations),
    errors.IP_NOT_VALID,
)
OPERATIONS |= _reputation_operations(
    IndicatorType.DOMAIN,
    ("domain", "a domain", "many domains"),
    (sandbox.DomainReputation, sandbox.Domains, sandbox.DomainReputations),
    errors.DOMAIN_NOT_VALID,
)
OPERATIONS |= _reputation_operations(
    IndicatorType.URL,
    ("url", "a URL", "many URLs"),
    (sandbox.UrlReputation, sandbox.Urls, sandbox.UrlReputations),
    errors.URL_NOT_VALID,
)

_KNOWN_FLOW_ID = "66b3763be7dbbbdfcd0a0014"
_IN_PATH["flow_id"] = {
    "description": "The scan, percent-encoded.",
    "schema": {"type": "string", "minLength": 1},
    "examples": {"known": {"value": _KNOWN_FLOW_ID}, "unknown": {"value": "0"}},
}


def _searched(text: str) -> Any:
    extraction = extract(text)
    rows = []
    for found in extraction.found:
        one, known = found.indicator, _known(found.indicator)
        if one.type in HASH_TYPES:
            report = bulk_hash_row(one, known, with_details=True)
        else:
            report = address_report(one, one.value, known, _NOW)
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
        "Rows on a page, at most.",
        type="integer",
        minimum=1,
        maximum=search.MAX_LIMIT,
        default=search.DEFAULT_LIMIT,
    ),
    _search_parameter(
        "cursor", "Where the page begins: `next_cursor` of the one before.", type="string"
    ),
)
_SEARCH_REFUSALS = (errors.NO_SEARCH_INDEX, errors.SEARCH_PARAMETER_NOT_VALID)
_IF_INDEXED = "Only where the stack keeps a search index. Each page counts as a look-up."
_SEEN = parse(IndicatorType.DOMAIN, SAMPLE_DOMAIN)
_SEEN_BY = _known(_SEEN).summary.latest

_IF_EXPORTS = "Only where the stack publishes exports, and once it did. It counts as a look-up."
_EXPORT_LINK = {"link": {"url": "https://bucket.s3.us-east-1.amazonaws.com/a/iocs.csv"}}
_IN_PATH["file"] = {
    "description": "The name of a file, with its slashes.",
    "schema": {"type": "string", "minLength": 1},
    "examples": {"csv": {"value": "iocs.csv"}, "unknown": {"value": "iocs.txt"}},
}
_IN_PATH["collection"] = {
    "description": "The id of the collection.",
    "schema": {"type": "string", "minLength": 1},
    "examples": {"known": {"value": taxii.COLLECTION_ID}, "unknown": {"value": "0"}},
}
_EXPORTED = ExportedIoc(
    _SEEN, Verdict.MALICIOUS, _NOW - 86_400_000, _NOW, 4, _KNOWN_FLOW_ID, "", (), _NOW, _NOW
)
_IN_PATH["object"] = {
    "description": "The id of a STIX object.",
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
        "Objects on a page; more than 1,000 are never answered at once.",
        type="integer",
        minimum=1,
        default=taxii.MAX_LIMIT,
    ),
    _search_parameter("next", "Where the page begins: `next` of the one before.", type="string"),
    _search_parameter("added_after", "Only what came after.", type="string"),
    _search_parameter("match[type]", "Only of these types, with commas.", type="string"),
    _search_parameter("match[version]", "Each object has one version only.", type="string"),
    _search_parameter("match[spec_version]", "Only of these versions of STIX.", type="string"),
)
_TAXII_PAGE_REFUSALS = (
    errors.SEARCH_PARAMETER_NOT_VALID,
    errors.COLLECTION_NOT_FOUND,
    errors.EXPORTS_NOT_FOUND,
    errors.NOT_TAXII,
    *(errors.QUOTA_USED_UP, errors.THROTTLED),
)
_TAXII_OBJECT_REFUSALS = tuple(
    errors.OBJECT_NOT_FOUND if one is errors.COLLECTION_NOT_FOUND else one
    for one in _TAXII_PAGE_REFUSALS
)

OPERATIONS |= {
    ("GET", "/v4/exports"): Operation(
        "Exports",
        "getExports",
        "Which files are exported",
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
        "A file of the exports",
        f"{_IF_EXPORTS} What has more than three million bytes is answered with an address "
        "that is good for five minutes, for whoever has it.",
        media_type="*/*",
        refusals=(errors.EXPORTS_NOT_FOUND, errors.EXPORT_NOT_FOUND),
        tagged=True,
        or_link=True,
    ),
    ("GET", "/taxii2"): Operation(
        "TAXII",
        "getTaxiiDiscovery",
        "Which TAXII API roots there are",
        answer=exports.TaxiiDiscovery,
        answers={"one": taxii.discovery_facts("")},
        media_type=TAXII_MEDIA_TYPE,
        refusals=(errors.NOT_TAXII,),
        tagged=True,
    ),
    ("GET", taxii.API_ROOT): Operation(
        "TAXII",
        "getTaxiiApiRoot",
        "The TAXII API root",
        answer=exports.TaxiiApiRoot,
        answers={"root": taxii.ROOT},
        media_type=TAXII_MEDIA_TYPE,
        refusals=(errors.NOT_TAXII,),
        tagged=True,
    ),
    ("GET", f"{taxii.API_ROOT}/collections"): Operation(
        "TAXII",
        "getTaxiiCollections",
        "Which TAXII collections there are",
        answer=exports.TaxiiCollections,
        answers={"one": {"collections": [_COLLECTION]}},
        media_type=TAXII_MEDIA_TYPE,
        refusals=(errors.NOT_TAXII,),
        tagged=True,
    ),
    ("GET", f"{taxii.API_ROOT}/collections/{{collection}}"): Operation(
        "TAXII",
        "getTaxiiCollection",
        "The TAXII collection",
        answer=exports.TaxiiCollection,
        answers={"collection": _COLLECTION},
        media_type=TAXII_MEDIA_TYPE,
        refusals=(errors.COLLECTION_NOT_FOUND, errors.NOT_TAXII),
        tagged=True,
    ),
    ("GET", f"{taxii.API_ROOT}/collections/{{collection}}/objects"): Operation(
        "TAXII",
        "getTaxiiObjects",
        "The STIX objects of the collection, the oldest change first",
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
        "What is told of the objects of the collection",
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
        "One STIX object of the collection",
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
        "The versions of one STIX object, of which there is one",
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
    "Look up what a text holds",
    "Mails, reports, logs, tables: indicators are found as people write them, defanged or not. "
    "Each different one counts as a look-up, and a request as one at least. After 1,000 of "
    "them, or a million characters, `rest` says where to go on.",
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
for _name, _what, _not_valid in (
    ("hash", "a hash", errors.HASH_NOT_VALID),
    ("ip", "an IP address", errors.IP_NOT_VALID),
    ("domain", "a domain", errors.DOMAIN_NOT_VALID),
    ("url", "a URL", errors.URL_NOT_VALID),
):
    OPERATIONS["GET", f"/v4/ioc/{_name}/{{value}}/sightings"] = Operation(
        "Search",
        f"list{_name.capitalize()}Sightings",
        f"Who saw {_what} when",
        _IF_INDEXED,
        parameters=_WHERE_PAGES_BEGIN,
        answer=models.Sightings,
        answers={"seen": sightings_answer(_SEEN, [_SEEN_BY], "")},
        refusals=(*_SEARCH_REFUSALS, _not_valid, errors.VALUE_NOT_ENCODED),
    )
OPERATIONS["GET", "/v4/report/{flow_id}/iocs"] = Operation(
    "Search",
    "listReportIocs",
    "The indicators of a scan",
    f"{_IF_INDEXED} Of an indicator that several reports of the scan have, a page has what the "
    "newest says.",
    parameters=_WHERE_PAGES_BEGIN,
    answer=models.SeenIndicators,
    answers={"seen": seen_answer([(_SEEN, _SEEN_BY)], "")},
    refusals=(*_SEARCH_REFUSALS, errors.REPORT_NOT_FOUND, errors.VALUE_NOT_ENCODED),
)
OPERATIONS["GET", "/v4/iocs/recent"] = Operation(
    "Search",
    "listRecentIocs",
    "The indicators seen last",
    f"{_IF_INDEXED} A page may have fewer rows than asked for, or none, and still have a "
    "`next_cursor`: a request reads so many reports and no more.",
    parameters=(
        _search_parameter(
            "verdict",
            "Of the indicator in the report; any without it.",
            type="string",
            enum=[verdict.name for verdict in Verdict],
        ),
        _search_parameter(
            "type",
            "Of the indicator; `hash` for every type of hash, any without it.",
            type="string",
            enum=["hash", *INDICATOR_TYPES],
        ),
        *_WHERE_PAGES_BEGIN,
    ),
    answer=models.SeenIndicators,
    answers={"seen": seen_answer([(_SEEN, _SEEN_BY)], "")},
    refusals=_SEARCH_REFUSALS,
)

_FLOW_ID = "66b3763be7dbbbdfcd0b0003"


def _published() -> PublishedPage:
    """A page of the feed with one report, the one that the intake shows."""
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
        "description": "Where the page begins: as `next` or `newer` of another page says it. It "
        "tells the order, too.",
        "allowEmptyValue": True,
        "schema": {"type": "string", "pattern": "^[ab][0-9]{1,15}$"},
        "examples": {"from_the_start": {"value": "a0"}},
    },
    {
        "name": "order",
        "in": "query",
        "description": "Of the first page.",
        "allowEmptyValue": True,
        "schema": {"type": "string", "enum": list(Order), "default": Order.NEWEST_FIRST},
    },
    {
        "name": "limit",
        "in": "query",
        "description": "Reports on a page, at most.",
        "allowEmptyValue": True,
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    },
)
_IF_NONE_MATCH: Schema = {
    "name": "If-None-Match",
    "in": "header",
    "description": "ETag of what the client has.",
    "schema": {"type": "string"},
}
OPERATIONS["GET", "/"] = Operation(
    "Service",
    "getPage",
    "A page to look up whatever is pasted",
    "It asks this API with the key that is typed into it.",
    parameters=[_IF_NONE_MATCH],
    media_type=_HTML,
    tagged=True,
)
OPERATIONS["GET", "/docs"] = Operation(
    "Service",
    "getDocumentation",
    "This document as a page",
    parameters=[_IF_NONE_MATCH],
    media_type=_HTML,
    tagged=True,
)
OPERATIONS["GET", "/openapi.json"] = Operation(
    "Service",
    "getDescription",
    "This document",
    parameters=[_IF_NONE_MATCH],
    tagged=True,
)
_IF_PUBLISHING = "Only where the stack publishes a feed."

OPERATIONS["POST", "/api/reports"] = Operation(
    "Feed",
    "publishScanReport",
    "Publish a scan report",
    f"{_IF_PUBLISHING} The key has to be one that may publish. Sending a report again is safe: "
    "one with the same content changes nothing, one with another replaces it.",
    request=feed.ScanReport,
    parameters=[
        {
            "name": "Content-Encoding",
            "in": "header",
            "description": "gzip for a body that is compressed; above 4 MB it has to be.",
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
                }
            ]
        }
    },
    refusals=(
        errors.MAY_NOT_PUBLISH,
        errors.BODY_TOO_LARGE,
        errors.NOT_JSON_SANDBOX,
        errors.CODING_NOT_SUPPORTED,
        errors.REPORT_NOT_VALID,
    ),
)


def _feed_operations(base: str, name: str) -> dict[tuple[str, str], Operation]:
    """The operations of the feed below one of its two addresses.

    Args:
        name: what the names of the operations have in them.
    """
    as_json_only = Operation(
        "Feed",
        f"get{name}PageAsJson",
        "A page of the feed in JSON",
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
        summary="A page of the feed",
        description=f"{_IF_PUBLISHING} Atom, unless the header `Accept` likes JSON better.",
        atom=_PAGE_AS_ATOM,
    )
    info = Operation(
        "Feed",
        f"get{name}Info",
        "What the feed says of itself",
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
    401: ("Unauthorized", "The key is missing, or may not ask."),
    403: ("Forbidden", "The key may not do this."),
    404: ("NotFound", "Nothing is known of it."),
    405: ("MethodNotAllowed", "The path has no such method."),
    406: ("NotAcceptable", "The type of the body, or that which is accepted, is none here."),
    413: ("TooLarge", "The request or its answer is too large."),
    415: ("UnsupportedMediaType", "The body is of another type than JSON."),
    422: ("Unprocessable", "A part of the request is missing or breaks a rule."),
    429: ("TooManyRequests", "The limit of the key for the day or the minute is used up."),
    500: ("InternalError", "Our fault."),
    503: ("StoreNotReachable", "The store is not reachable."),
}


@dataclass(frozen=True)
class _Family:
    """One of the APIs: how it says what went wrong.

    Attributes:
        prefix: of the names of what its operations share.
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
# What goes wrong with these depends on the route, with the others it is the same everywhere.
_OF_ITS_OWN = {400, 403, 404, 422}


def _family(path: str) -> _Family:
    if is_taxii_path(path):
        return _TAXII
    return _SANDBOX if is_sandbox_path(path) else _V4


def _header(description: str, *, required: bool = False, **schema: Any) -> Schema:
    return {"description": description, "required": required, "schema": schema}


_ALLOW = {"Allow": _header("The methods that the path has.", required=True, type="string")}
_RETRY = {
    "Retry-After": _header(
        "Seconds after which to ask again.", required=True, type="integer", minimum=1
    )
}
# A key without limit has but the first two, and so has a request that is refused uncounted.
_LIMITS = {
    "X-Authenticated": _header("How the caller was identified.", type="string"),
    "X-RateLimit-For": _header("What the limit counts.", type="string"),
    "X-RateLimit-Limit": _header("Look-ups in a day, UTC.", type="integer", minimum=0),
    "X-RateLimit-Used": _header("Look-ups of the day.", type="integer", minimum=0),
    "X-RateLimit-Remaining": _header("Look-ups left.", type="integer", minimum=0),
    "X-RateLimit-Interval": _header("Length of a day in seconds.", type="integer", minimum=0),
    "X-RateLimit-Reset-In": _header(
        "Seconds until the day ends, with an `s` behind them.", type="string", pattern="^[0-9]+s$"
    ),
    "X-RateLimit-Reset": _header("Seconds until the day ends.", type="integer", minimum=0),
}
_KEY_HEADERS = ("apikey", "X-Api-Key")
_LIMIT_REFERENCES = {name: {"$ref": f"#/components/headers/{name}"} for name in _LIMITS}
_LOCATION = {"Location": _header("The address.", required=True, type="string", format="uri")}
_ETAG = {"ETag": _header("Changes with what is answered.", required=True, type="string")}
_HEADERS: dict[int, dict[str, Schema]] = {405: _ALLOW, 429: {**_RETRY, **_LIMIT_REFERENCES}}


def document() -> Schema:
    """The OpenAPI document.

    Raises:
        LocalError: a route is not documented, or what is documented is no route.
    """
    routed = {(method, route.template) for route in ROUTES for method in route.methods}
    if differing := routed ^ OPERATIONS.keys():
        raise LocalError(f"documented here or routed, but not both: {sorted(differing)}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "IOC reputation",
            "description": "Reputation of hashes, IPs, domains and URLs, from scan reports of a "
            "sandbox. Answers have the shape of the MetaDefender Cloud v4 API, below `/api` that "
            "of the sandbox's own. The key may be in either header, or be the password of basic "
            "authentication.",
            "version": _version(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        # Below a stage the look-up function puts the stage there.
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in (*_KEY_HEADERS, "password")],
        "paths": {route.template: _path(route) for route in ROUTES},
        "components": {
            "securitySchemes": {
                name: {"type": "apiKey", "in": "header", "name": name} for name in _KEY_HEADERS
            }
            | {"password": {"type": "http", "scheme": "basic"}},
            "headers": _LIMITS,
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
    said: Schema = {
        "tags": [operation.tag],
        "operationId": operation.name,
        "summary": operation.summary,
    }
    if operation.description:
        said["description"] = operation.description
    if route.open:
        said["security"] = []
    if operation.parameters:
        said["parameters"] = list(operation.parameters)
    if operation.request:
        taken = {_JSON: _content(operation.request)}
        if operation.takes_text:
            taken[_TEXT] = {"schema": {"type": "string"}}
        said["requestBody"] = {"required": True, "content": taken}
    family = _family(route.template)
    good = 302 if operation.redirects else 200
    responses = {good: _answer(operation), **_refusals(_possible(route, operation), family)}
    if operation.tagged:
        uncounted = route.open or route.template in _UNCOUNTED
        counted = {} if uncounted else _LIMIT_REFERENCES
        responses[200]["headers"] = {**_ETAG, **counted}
        responses[304] = {
            "description": "It is the same as before.",
            "headers": {**_ETAG, **counted},
        }
    elif not route.open and route.template not in _UNCOUNTED:
        responses[good]["headers"] = _LIMIT_REFERENCES
    if operation.redirects:
        responses[good]["headers"] = {**_LIMIT_REFERENCES, **_LOCATION}
    if operation.or_link:
        responses[302] = {
            "description": "Where it is.",
            "headers": {**_LIMIT_REFERENCES, **_LOCATION},
            "content": {_JSON: _content(exports.ExportLink, _EXPORT_LINK)},
        }
    said["responses"] = {
        str(status): _shared(status, response, family)
        for status, response in sorted(responses.items())
    }
    return said


def _shared(status: int, response: Schema, family: _Family) -> Schema:
    """A reference to what others answer as well, if it is the same."""
    if status not in _STATUSES:
        return response
    name = family.shared_name(status)
    same = _shared_responses().get(name) == response
    return {"$ref": f"#/components/responses/{name}"} if same else response


def _possible(route: Route[Any], operation: Operation) -> Iterable[ErrorDefinition]:
    """Every error that an operation may answer."""
    yield from operation.refusals
    if not route.open:
        yield from _WITH_KEY
    if (
        route.look_up or operation.request or operation.tag in {"Search", "Exports"}
    ) and route.template not in _UNCOUNTED:
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
            [*of_bulk, *_WITH_KEY, *_COUNTED, *_EVERYWHERE], family
        ).items()
        if status not in _OF_ITS_OWN
    }


def _refusals(refusals: Iterable[ErrorDefinition], family: _Family) -> dict[int, Schema]:
    """The answers of all `refusals`, by status, with an example of each."""
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
    """A title that only repeats the name of its field says nothing."""

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
    return dict(sorted(definitions["$defs"].items()))
