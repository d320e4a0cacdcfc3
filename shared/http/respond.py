"""Answers events of API Gateway and function URLs, and maps every error to an answer."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from shared.domain.errors import StoreError
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.web import (
    AnswerTooLarge,
    Request,
    Response,
    accepts_gzip,
    answer,
    read_request,
)
from shared.runtime.observability import log_failure, logger

RESPONSE_TIME = "X-Response-Time"


def guarded(event: Mapping[str, Any], respond: Callable[[Request], Response]) -> dict[str, Any]:
    """Answer an event of a REST API or a function URL; every exception becomes an error answer.

    Logs one line for a refused or failed request. Other requests are logged at level DEBUG only.
    As at the vendor, the header `X-Response-Time` has the time spent in milliseconds.
    """
    started = time.perf_counter()
    answered = _answer(event, respond)
    spent_ms = round((time.perf_counter() - started) * 1000)
    answered["headers"][RESPONSE_TIME] = f"{spent_ms}ms"
    return answered


def _answer(event: Mapping[str, Any], respond: Callable[[Request], Response]) -> dict[str, Any]:
    path = ""
    try:
        request = read_request(event)
        path = request.path
        response = respond(request)
        packed = answer(response, gzip_accepted=partial(accepts_gzip, request))
    except ApiError as error:
        refusal = error
    except AnswerTooLarge:
        refusal = ApiError(errors.ANSWER_TOO_LARGE)
    except StoreError as error:
        logger.error("store failed", extra={"reason": str(error)})
        return answer(ApiError(errors.STORE_NOT_REACHABLE).response(path))
    except Exception as error:
        log_failure("request failed", error)
        return answer(ApiError(errors.INTERNAL).response(path))
    else:
        _log(response)
        return packed
    response = refusal.response(path)
    _log(response)
    return answer(response)


def _log(response: Response) -> None:
    # An unknown hash is a normal answer, not a refusal.
    if response.error and response.error != errors.HASH_NOT_FOUND.code:
        fields = {"status": response.status, "code": response.error}
        logger.info("request refused", extra=fields)
    else:
        logger.debug("request answered", extra={"status": response.status})
