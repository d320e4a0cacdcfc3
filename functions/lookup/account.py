"""Routes about the key itself, the state of the service, and its version."""

import hmac

from functions.lookup.apikey_bodies import (
    key_info,
    limits_remaining,
    limits_used,
    sandbox_system,
    sandbox_user,
)
from functions.lookup.feed_status_body import feed_status
from functions.lookup.provider_status_body import provider_status
from functions.lookup.service import Call, Service
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.quota import Caller
from shared.http.web import Response
from shared.store.api_keys import digest_of


def info(_service: Service, call: Call) -> Response:
    """GET /v4/apikey."""
    return _info(call.identified())


def info_of(_service: Service, call: Call) -> Response:
    """GET /v4/apikey/{key}: any key but the sender's own is answered as unknown."""
    caller = call.identified()
    if not hmac.compare_digest(digest_of(call.value), caller.key.digest):
        raise ApiError(errors.KEY_NOT_FOUND)
    return _info(caller)


def sender(_service: Service, call: Call) -> Response:
    """GET /api/users/me of the sandbox's own API: the sender of the request."""
    key = call.identified().key
    return Response(200, sandbox_user(key.name, key.short_digest))


def system(_service: Service, _call: Call) -> Response:
    """GET /api/system/info of the sandbox's own API: its clients check it before they begin."""
    return Response(200, sandbox_system())


def limits(_service: Service, call: Call) -> Response:
    """GET /v4/apikey/limits: look-ups that the key used today."""
    return Response(200, limits_used(call.identified().look().used))


def limits_status(_service: Service, call: Call) -> Response:
    """GET /v4/apikey/limits/status: look-ups that the key has left today."""
    caller = call.identified()
    return Response(200, limits_remaining(caller.key.daily_limit, caller.look().remaining))


def health(_service: Service, _call: Call) -> Response:
    """GET /health: confirms that the function runs, without a request to the store."""
    return Response(200, {"status": "ok"})


def version(_service: Service, _call: Call) -> Response:
    """GET /v4/status/version."""
    return Response(200, {"version": "4"})


def providers(service: Service, call: Call) -> Response:
    """GET /v4/status/providers: the other providers and the age of their data."""
    call.identified()
    now = service.now()
    return Response(
        200, {"providers": [provider_status(s, now) for s in service.providers.states()]}
    )


def feed(service: Service, call: Call) -> Response:
    """GET /v4/status/feed: the last run of ingestion and the age of the newest report."""
    call.identified()
    now = service.now()
    return Response(200, {"feeds": [feed_status(run, now) for run in service.feed_runs()]})


def _info(caller: Caller) -> Response:
    # The headers of the answer report the remaining quota.
    caller.look()
    key = caller.key
    body = key_info(
        name=key.name,
        short_digest=key.short_digest,
        created=key.created,
        expires=key.expires,
        daily_limit=key.daily_limit,
        minute_limit=key.minute_limit,
        rights=key.rights,
    )
    return Response(200, body)
