"""Bodies of bulk requests: what is read of them, and what is refused."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from functions.lookup.service import Call
from shared.http.refused import Refused
from shared.http.web import Request
from shared.metadefender import errors
from shared.metadefender.errors import ApiError

MAX_ITEMS = 1000
# Lambda takes 6 MB, and the answer to a request holds what was asked.
MAX_BODY_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class BulkField:
    """The list of a bulk request.

    Attributes:
        names: of the field; the first is the documented one, others are what clients send.
        missing, no_list, empty, too_many: the errors of the four ways to get it wrong.
    """

    names: Sequence[str]
    missing: ApiError
    no_list: ApiError
    empty: ApiError
    too_many: ApiError


HASHES = BulkField(
    ("hash",),
    errors.HASHES_MISSING,
    errors.HASHES_NO_LIST,
    errors.HASHES_EMPTY,
    errors.HASHES_TOO_MANY,
)


def address_field(*names: str) -> BulkField:
    """The list of a bulk request for IPs, domains or URLs."""
    return BulkField(
        names,
        errors.ADDRESSES_MISSING,
        errors.ADDRESSES_NO_LIST,
        errors.ADDRESSES_EMPTY,
        errors.ADDRESSES_TOO_MANY,
    )


def read_items(call: Call, field: BulkField) -> list[str]:
    """The items of a bulk request, in their order, duplicates kept; each counts as a look-up.

    Raises:
        Refused: the body is no JSON object, or the list in it breaks a rule.
        OverLimit: the caller may not ask for so many.
        StoreError: the store failed.
    """
    body = _read_object(call.request)
    name = next((name for name in field.names if name in body), None)
    if name is None:
        raise Refused(field.missing, field.names[0])
    items = body[name]
    if not isinstance(items, list):
        raise Refused(field.no_list)
    if not items:
        raise Refused(field.empty)
    if len(items) > MAX_ITEMS:
        raise Refused(field.too_many, f"at most {MAX_ITEMS}")
    if not all(isinstance(item, str) for item in items):
        raise Refused(field.no_list, "every item has to be a text")
    call.identified().spend(len(items))
    return items


def _read_object(request: Request) -> dict[str, Any]:
    if len(request.body) > MAX_BODY_BYTES:
        raise Refused(errors.BODY_TOO_LARGE, f"at most {MAX_BODY_BYTES} bytes")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type and media_type != "application/json" and not media_type.endswith("+json"):
        raise Refused(errors.NOT_JSON)
    try:
        body = json.loads(request.body.decode())
    except (ValueError, RecursionError):
        raise Refused(errors.BODY_NO_OBJECT) from None
    if not isinstance(body, dict):
        raise Refused(errors.BODY_NO_OBJECT)
    return body
