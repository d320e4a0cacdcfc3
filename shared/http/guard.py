"""What becomes of errors: the one place where a handler maps them to answers."""

from collections.abc import Callable, Mapping
from typing import Any

from shared.domain.errors import StoreError
from shared.http.refused import Refused, is_sandbox_path
from shared.http.web import (
    AnswerTooLarge,
    Request,
    Response,
    accepts_gzip,
    answer,
    read_request,
)
from shared.metadefender import errors
from shared.observability import logger


def guarded(event: Mapping[str, Any], respond: Callable[[Request], Response]) -> dict[str, Any]:
    """The answer to an event of an HTTP API, payload format 2.0, whatever goes wrong on the way."""
    sandbox = False
    try:
        request = read_request(event)
        sandbox = is_sandbox_path(request.path)
        return answer(respond(request), gzip_accepted=accepts_gzip(request))
    except Refused as refused:
        refusal = refused
    except AnswerTooLarge:
        refusal = Refused(errors.ANSWER_TOO_LARGE)
    except StoreError as error:
        logger.error("store failed", extra={"reason": str(error)})
        refusal = Refused(errors.STORE_NOT_REACHABLE)
    except Exception:
        logger.exception("request failed")
        refusal = Refused(errors.INTERNAL)
    return answer(refusal.response(sandbox=sandbox))
