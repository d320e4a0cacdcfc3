"""Bodies of bulk requests: what is read of them, and what is refused."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from functions.lookup.service import Call
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.errors import ErrorDefinition
from shared.http.web import Request

MAX_ITEMS = 1000
# Lambda takes 6 MB, and the answer to a request holds what was asked.
MAX_BODY_BYTES = 4 * 1024 * 1024

_Body = TypeVar("_Body", dict[str, Any], list[Any])


@dataclass(frozen=True, slots=True)
class BulkField:
    """The list of a bulk request.

    Attributes:
        names: of the field; the first is the documented one, others are what clients send.
        missing, no_list, empty, too_many: the errors of the four ways to get it wrong.
    """

    names: Sequence[str]
    missing: ErrorDefinition
    no_list: ErrorDefinition
    empty: ErrorDefinition
    too_many: ErrorDefinition


HASHES = BulkField(
    ("hash",),
    errors.HASHES_MISSING,
    errors.HASHES_NO_LIST,
    errors.HASHES_EMPTY,
    errors.HASHES_TOO_MANY,
)


_ARRAY = BulkField(
    (),
    errors.BODY_NO_ARRAY,
    errors.ITEMS_NOT_VALID,
    errors.ITEMS_EMPTY,
    errors.ITEMS_TOO_MANY,
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
        ApiError: the body is no JSON object, or the list in it breaks a rule.
        OverLimit: the caller may not ask for so many.
        StoreError: the store failed.
    """
    body = read_body(call.request, dict, errors.NOT_JSON, errors.BODY_NO_OBJECT)
    name = next((name for name in field.names if name in body), None)
    if name is None:
        raise ApiError(field.missing, field.names[0])
    items = body[name]
    if not isinstance(items, list):
        raise ApiError(field.no_list)
    return _paid(call, items, field)


def read_array(call: Call) -> list[str]:
    """The same of a request to the sandbox's own API: its body is the list itself.

    Raises:
        ApiError: the body is no JSON array, or it breaks a rule.
        OverLimit: the caller may not ask for so many.
        StoreError: the store failed.
    """
    items = read_body(call.request, list, errors.NOT_JSON_SANDBOX, _ARRAY.missing)
    return _paid(call, items, _ARRAY)


def _paid(call: Call, items: list[Any], field: BulkField) -> list[str]:
    """The items when they keep all rules; each is paid for as a look-up."""
    if not items:
        raise ApiError(field.empty)
    if len(items) > MAX_ITEMS:
        raise ApiError(field.too_many, f"at most {MAX_ITEMS}")
    if not all(isinstance(item, str) for item in items):
        raise ApiError(field.no_list, "every item has to be a text")
    call.identified().spend(len(items))
    return items


def media_type_of(request: Request) -> str:
    """What the body is said to be, in lower case, "" where nothing is said."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def body_of(request: Request) -> bytes:
    """The body as it was sent.

    Raises:
        ApiError: it is too large.
    """
    body = request.body
    if len(body) > MAX_BODY_BYTES:
        raise ApiError(errors.BODY_TOO_LARGE, f"at most {MAX_BODY_BYTES} bytes")
    return body


def read_body(
    request: Request, expected: type[_Body], not_json: ErrorDefinition, other: ErrorDefinition
) -> _Body:
    """The body as JSON of the expected type.

    Args:
        not_json: the error of a body that says that it is something else.
        other: the error of all else that was sent.

    Raises:
        ApiError: the body is too large, or no such JSON.
    """
    sent = body_of(request)
    media_type = media_type_of(request)
    if media_type and media_type != "application/json" and not media_type.endswith("+json"):
        raise ApiError(not_json)
    try:
        body = json.loads(sent.decode())
    except (ValueError, RecursionError):
        raise ApiError(other) from None
    if not isinstance(body, expected):
        raise ApiError(other)
    return body
