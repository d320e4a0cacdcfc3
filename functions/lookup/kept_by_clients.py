"""Answers of single look-ups, which clients may keep and ask for again by ETag."""

from hashlib import sha256
from typing import Any

from functions.lookup.service import Call, Service
from shared.domain.moment import format_millis
from shared.http.caching import knows
from shared.http.web import Response, as_json

# The headers that an answer depends on: those of the key, of parents, and of compression.
VARY = "apikey, X-Api-Key, Authorization, x-match, Accept-Encoding"


def answer_or_304(service: Service, call: Call, body: Any, now: int) -> Response:
    """Answer with a body and its ETag, or with 304 if the client already has it.

    The ETag is made of everything in the body but the time of the look-up. So it changes with the
    sightings, the lists of providers, the rules and the score, and it is weak.

    Args:
        now: time of the look-up as in the body, milliseconds since the epoch.
    """
    text = as_json(body)
    digest = sha256(text.replace(format_millis(now), "").encode()).hexdigest()
    headers = {
        "ETag": f'W/"{digest[:32]}"',
        "Cache-Control": f"private, max-age={service.max_age_s}",
        "Vary": VARY,
    }
    if knows(call.request.headers, headers["ETag"]):
        return Response(304, {}, headers)
    return Response(200, body, headers, text=text)
