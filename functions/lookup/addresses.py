"""Look-ups of IPs, domains and URLs: single and bulk."""

from typing import Any

from functions.lookup.bulk import address_field, read_one_of
from functions.lookup.kept_by_clients import answer_or_304
from functions.lookup.matches import HEADER, PARENTS, add_matches
from functions.lookup.service import Call, Handler, LookupResult, Service, severity_of
from functions.lookup.v4_bodies import address_report, invalid_address_row
from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import IndicatorType, Query, parse_path_query, parse_query
from shared.domain.score import Scorer
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.web import Response

NOT_VALID = {
    IndicatorType.IP: errors.IP_NOT_VALID,
    IndicatorType.DOMAIN: errors.DOMAIN_NOT_VALID,
    IndicatorType.URL: errors.URL_NOT_VALID,
}
_FIELDS = {
    IndicatorType.IP: address_field("address"),
    IndicatorType.DOMAIN: address_field("fqdn"),
    IndicatorType.URL: address_field("url"),
}


NOT_ENCODED = "its query is not encoded: percent-encode the whole URL, or ask with POST /v4/url"


def report(kind: IndicatorType) -> Handler:
    """The handler of GET /v4/{ip,domain,url}/{value}."""

    def look_up(service: Service, call: Call) -> Response:
        value = call.value
        if kind is IndicatorType.URL and call.request.query:
            # The query is the rest of a URL that was not encoded. If the front rebuilt it, it may
            # differ from what the client sent, and so would the URL.
            if call.request.query_rebuilt:
                raise ApiError(errors.URL_NOT_VALID, NOT_ENCODED)
            value = f"{value}?{call.request.query}"
        try:
            question = parse_path_query(kind, value)
        except InvalidIndicator as error:
            raise ApiError(NOT_VALID[kind], str(error)) from None
        scorer = service.scorer()
        if call.request.headers.get(HEADER, "").strip().lower() == PARENTS:
            body = _with_matches(service, question, scorer)
        else:
            body = _row(service, *service.answer(question), scorer)
        return answer_or_304(service, call, body, scorer.now)

    return look_up


def _with_matches(service: Service, question: Query, scorer: Scorer) -> dict[str, Any]:
    questions = [question, question.twin] if question.twin else [question]
    answers = [(one, *service.look_around(one.indicator)) for one in questions]
    asked, found, around = max(answers, key=lambda answer: severity_of(answer[1]))
    return add_matches(_row(service, asked, found, scorer), around, scorer)


def bulk(kind: IndicatorType) -> Handler:
    """The handler of POST /v4/{ip,domain,url}."""
    kinds = {_FIELDS[kind]: kind}
    if kind is IndicatorType.URL:
        # The vendor's own command line tool sends domains to the path of URLs.
        kinds[_FIELDS[IndicatorType.DOMAIN]] = IndicatorType.DOMAIN

    def look_up(service: Service, call: Call) -> Response:
        field, texts = read_one_of(call, *kinds)
        kind = kinds[field]
        asked = [ask_or_error(kind, text) for text in texts]
        answers = iter(service.answer_many([one for one in asked if isinstance(one, Query)]))
        scorer = service.scorer()
        rows = [
            _row(service, *next(answers), scorer)
            if isinstance(one, Query)
            else invalid_address_row(kind, text, NOT_VALID[kind].body(one), scorer.now)
            for text, one in zip(texts, asked, strict=True)
        ]
        return Response(200, {"data": rows})

    return look_up


def _row(service: Service, question: Query, found: LookupResult, scorer: Scorer) -> dict[str, Any]:
    return address_report(
        question.indicator,
        question.shown,
        found.reputation,
        scorer,
        found.others,
        summary_provider=service.summary_provider,
        locate=service.locate,
    )


def ask_or_error(kind: IndicatorType | None, text: str) -> Query | str:
    """Parse one item of a bulk request; the reason as text if it is not valid."""
    try:
        return parse_query(kind, text)
    except InvalidIndicator as error:
        return str(error)
