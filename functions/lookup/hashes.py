"""Look-ups of hashes: single, bulk, and the partial reports that clients request."""

from typing import Any

from functions.lookup.addresses import ask_or_error
from functions.lookup.bulk import HASHES, read_items
from functions.lookup.kept_by_clients import answer_or_304
from functions.lookup.service import Call, LookupResult, Service
from functions.lookup.v4_bodies import (
    bulk_hash_row,
    hash_report,
    invalid_hash_row,
    listed_hash_report,
    sandbox_report,
    scan_history,
    unknown_hash_row,
)
from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import Query, parse_query
from shared.domain.score import Scorer
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.web import Request, Response

# Clients use both spellings; header names are lower case here.
_DETAILS_HEADERS = ("includescandetails", "include_scan_details")


def report(service: Service, call: Call) -> Response:
    """GET /v4/hash/{hash}."""
    scorer = service.scorer()
    body = _report(_find(service, call.value), scorer)
    return answer_or_304(service, call, body, scorer.now)


def history(service: Service, call: Call) -> Response:
    """GET /v4/hash/{hash}/scanhistory."""
    return Response(200, scan_history(_report(_find(service, call.value), service.scorer())))


def sandbox(service: Service, call: Call) -> Response:
    """GET /v4/hash/{hash}/sandbox."""
    found = _find(service, call.value)
    if found.reputation is None:
        raise ApiError(errors.HASH_NOT_FOUND)
    return Response(200, sandbox_report(found.reputation, found.others))


def bulk(service: Service, call: Call) -> Response:
    """POST /v4/hash."""
    with_details = _wants_details(call.request)
    texts = read_items(call, HASHES)
    asked = [ask_or_error(None, text) for text in texts]
    hashes = {one.indicator for one in asked if isinstance(one, Query)}
    known = service.find_many(hashes) if with_details else service.find_verdicts(hashes)
    scorer = service.scorer()
    rows = [
        row_of(text, known[one.indicator], scorer, with_details=with_details)
        if isinstance(one, Query)
        else invalid_hash_row(text, errors.HASH_NOT_VALID.body(one))
        for text, one in zip(texts, asked, strict=True)
    ]
    return Response(200, {"data": rows})


def _report(found: LookupResult, scorer: Scorer) -> dict[str, Any]:
    if found.reputation is None:
        return listed_hash_report(found.indicator, found.others)
    return hash_report(found.reputation, scorer, found.others)


def row_of(text: str, found: LookupResult, scorer: Scorer, *, with_details: bool) -> dict[str, Any]:
    """The row of a bulk answer for one hash.

    Args:
        text: the hash as the client wrote it.
        found: the look-up result.
        scorer: of the time of the look-up.
    """
    if not found.known:
        return unknown_hash_row(text)
    return bulk_hash_row(
        found.indicator, found.reputation, scorer, found.others, with_details=with_details
    )


def _find(service: Service, value: str) -> LookupResult:
    try:
        question = parse_query(None, value)
    except InvalidIndicator as error:
        raise ApiError(errors.HASH_NOT_VALID, str(error)) from None
    found = service.find(question.indicator)
    if not found.known:
        raise ApiError(errors.HASH_NOT_FOUND)
    return found


def _wants_details(request: Request) -> bool:
    value = next(
        (request.headers[name] for name in _DETAILS_HEADERS if name in request.headers), "0"
    ).strip()
    if value not in {"0", "1"}:
        raise ApiError(errors.DETAILS_HEADER_NOT_VALID)
    return value == "1"
