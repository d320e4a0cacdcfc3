"""Look-ups of hashes through the vendor's v5 API for threat intelligence: single and bulk."""

from functions.lookup.addresses import ask_or_error
from functions.lookup.bulk import HASHES, read_items
from functions.lookup.file_reputation_bodies import file_reputation, invalid_hash_row
from functions.lookup.service import Call, Service
from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import Query, parse_query
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.web import Request, Response


def report(service: Service, call: Call) -> Response:
    """GET /v5/threat-intel/av-file-reputation/{hash}: an unknown hash is an answer, too."""
    try:
        question = parse_query(None, call.value)
    except InvalidIndicator as error:
        raise ApiError(errors.HASH_NOT_VALID, str(error)) from None
    found = service.find(question.indicator)
    return Response(200, file_reputation(found, extended=_wants_more(call.request)))


def bulk(service: Service, call: Call) -> Response:
    """POST /v5/threat-intel/av-file-reputation: a row per hash, in the order of the request."""
    extended = _wants_more(call.request)
    texts = read_items(call, HASHES)
    asked = [ask_or_error(None, text) for text in texts]
    known = service.find_many({one.indicator for one in asked if isinstance(one, Query)})
    rows = [
        file_reputation(known[one.indicator], extended=extended)
        if isinstance(one, Query)
        else invalid_hash_row(text, errors.HASH_NOT_VALID.body(one))
        for text, one in zip(texts, asked, strict=True)
    ]
    return Response(200, {"data": rows})


def _wants_more(request: Request) -> bool:
    return request.headers.get("extended", "").strip() == "1"
