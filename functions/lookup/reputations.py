"""Look-ups through the sandbox's own API: single and bulk, the same for every type."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from functions.lookup import addresses
from functions.lookup.bulk import read_array
from functions.lookup.reputation_bodies import MAX_REPORTS, invalid_row, reputation_report
from functions.lookup.service import Call, Handler, LookupResult, Service
from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import IndicatorType, Query, parse_query
from shared.domain.reputation import ScanVerdict
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.web import Request, Response

_NOT_VALID = {**addresses.NOT_VALID, IndicatorType.SHA256: errors.HASH_NOT_VALID}


def report(kind: IndicatorType) -> Handler:
    """The handler of GET /api/reputation/{hash,ip,domain,url}."""
    parameter = "sha256" if kind is IndicatorType.SHA256 else "ioc_value"

    def look_up(service: Service, call: Call) -> Response:
        try:
            question = parse_query(kind, _parameter(call.request, parameter, kind))
        except InvalidIndicator as error:
            raise ApiError(_NOT_VALID[kind], str(error)) from None
        asked, found = service.answer(question)
        return Response(200, _row(asked, found, _sightings(service, found)))

    return look_up


def bulk(kind: IndicatorType) -> Handler:
    """The handler of POST on the same paths."""

    def look_up(service: Service, call: Call) -> Response:
        texts = read_array(call)
        asked = [addresses.ask_or_error(kind, text) for text in texts]
        answers = iter(service.answer_many([one for one in asked if isinstance(one, Query)]))
        rows = [
            _row(*next(answers))
            if isinstance(one, Query)
            else invalid_row(kind, text, _NOT_VALID[kind].body(one))
            for text, one in zip(texts, asked, strict=True)
        ]
        return Response(200, rows)

    return look_up


def _row(question: Query, found: LookupResult, seen: Iterable[ScanVerdict] = ()) -> dict[str, Any]:
    return reputation_report(question, found.reputation, found.others, seen)


def _sightings(service: Service, found: LookupResult) -> Iterable[ScanVerdict]:
    """The newest sightings, if the stack has a search index and there is more than one."""
    if service.index is None or found.reputation is None or found.reputation.counted < 2:
        return ()
    return service.index.sightings(found.indicator, MAX_REPORTS).rows


def _parameter(request: Request, name: str, kind: IndicatorType) -> str:
    """The value of a query parameter, the last one if it is repeated.

    Raises:
        ApiError: it is missing, or other parameters follow a URL.
    """
    # Bytes that are not UTF-8 become surrogates, which no indicator contains.
    given = parse_qsl(request.query, keep_blank_values=True, errors="surrogateescape")
    values = dict(given)
    if name not in values:
        raise ApiError(errors.PARAMETER_MISSING, name)
    if kind is IndicatorType.URL and len(given) > 1:
        # They are the rest of a URL that was not encoded, behind an `&`.
        raise ApiError(errors.URL_NOT_VALID, "there are other parameters: percent-encode the URL")
    return values[name]
