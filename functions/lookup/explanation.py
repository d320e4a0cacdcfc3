"""Explains a verdict: everything that is known of an indicator, and what is around it."""

from functions.lookup.addresses import NOT_VALID
from functions.lookup.kept_by_clients import answer_or_304
from functions.lookup.service import Call, Handler, Service
from shared.domain.errors import InvalidIndicator
from shared.domain.harmless import always_harmless
from shared.domain.indicator import IndicatorType, parse_path_query
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.web import Response


def explain(kind: IndicatorType | None) -> Handler:
    """The handler of GET /v4/ioc/{hash,ip,domain,url}/{value}; None for a hash."""
    not_valid = errors.HASH_NOT_VALID if kind is None else NOT_VALID[kind]

    def look_up(service: Service, call: Call) -> Response:
        from functions.lookup.explanation_bodies import explanation  # noqa: PLC0415

        if call.request.query:
            raise ApiError(errors.VALUE_NOT_ENCODED, "the query has an unknown parameter")
        try:
            # Trailing slashes can belong to a URL, but to no other type.
            value = call.value if kind is IndicatorType.URL else call.value.rstrip("/")
            question = parse_path_query(kind, value)
        except InvalidIndicator as error:
            raise ApiError(not_valid, str(error)) from None
        found, around = service.look_around(question.indicator)
        if not found.known and question.twin:
            twin, around_twin = service.look_around(question.twin.indicator)
            if twin.known:
                found, around = twin, around_twin
        known_around = [one for one in around if one.known]
        if not (found.known or known_around or always_harmless(found.indicator)):
            raise ApiError(errors.IOC_NOT_FOUND)
        scorer = service.scorer()
        with_senders = call.sees_senders()
        body = explanation(found, known_around, scorer, with_senders=with_senders)
        return answer_or_304(service, call, body, scorer.now)

    return look_up
