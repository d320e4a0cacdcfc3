"""Reading the bodies of bulk requests, with an error for each rule that a body breaks."""

from dataclasses import dataclass
from typing import Any, TypeVar

from functions.lookup.service import Call
from shared.domain.errors import FeedError
from shared.formats import strict_json
from shared.formats.strict_json import JsonLimits
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.errors import ErrorDefinition
from shared.http.web import Request

MAX_ITEMS = 1000
# Lambda's limit is 6 MB, and an answer repeats the items of its request.
MAX_BODY_BYTES = 4 * 1024 * 1024
BODY_LIMITS = JsonLimits(size=MAX_BODY_BYTES, containers=100_000, parts=1_000_000)

_Body = TypeVar("_Body", dict[str, Any], list[Any])


@dataclass(frozen=True, slots=True)
class BulkField:
    """The field of a bulk request that holds its items.

    Attributes:
        name: of the field; "" for a body that is the list itself.
        missing, no_list, empty, too_many: the errors for a field that breaks a rule.
    """

    name: str
    missing: ErrorDefinition
    no_list: ErrorDefinition
    empty: ErrorDefinition
    too_many: ErrorDefinition


HASHES = BulkField(
    "hash",
    errors.HASHES_MISSING,
    errors.HASHES_NO_LIST,
    errors.HASHES_EMPTY,
    errors.HASHES_TOO_MANY,
)


_ARRAY = BulkField(
    "",
    errors.BODY_NO_ARRAY,
    errors.ITEMS_NOT_VALID,
    errors.ITEMS_EMPTY,
    errors.ITEMS_TOO_MANY,
)


def address_field(name: str) -> BulkField:
    """The field of a bulk request for IPs, domains or URLs."""
    return BulkField(
        name,
        errors.ADDRESSES_MISSING,
        errors.ADDRESSES_NO_LIST,
        errors.ADDRESSES_EMPTY,
        errors.ADDRESSES_TOO_MANY,
    )


def read_items(call: Call, field: BulkField) -> list[str]:
    """Read the items of a bulk request and count each as a look-up; order and duplicates stay.

    Raises: as `read_one_of`.
    """
    return read_one_of(call, field)[1]


def read_one_of(call: Call, *fields: BulkField) -> tuple[BulkField, list[str]]:
    """Read a bulk request whose items are in one of several fields, like `read_items`.

    Returns:
        The first field that the body has, and its items.

    Raises:
        ApiError: the body is not a JSON object, or its list breaks a rule.
        OverLimit: the key has too few look-ups left.
        StoreError: the store failed.
    """
    body = read_body(call.request, dict, errors.NOT_JSON, errors.BODY_NO_OBJECT)
    field = next((field for field in fields if field.name in body), None)
    if field is None:
        raise ApiError(fields[0].missing, fields[0].name)
    items = body[field.name]
    if not isinstance(items, list):
        raise ApiError(field.no_list)
    return field, _checked_and_counted(call, items, field)


def read_array(call: Call) -> list[str]:
    """Read the items of a bulk request to the sandbox's own API, whose body is the list itself.

    Raises:
        ApiError: the body is not a JSON array, or it breaks a rule.
        OverLimit: the key has too few look-ups left.
        StoreError: the store failed.
    """
    items = read_body(call.request, list, errors.NOT_JSON_SANDBOX, _ARRAY.missing)
    return _checked_and_counted(call, items, _ARRAY)


def _checked_and_counted(call: Call, items: list[Any], field: BulkField) -> list[str]:
    """Check the items and count each as a look-up."""
    if not items:
        raise ApiError(field.empty)
    if len(items) > MAX_ITEMS:
        raise ApiError(field.too_many, f"at most {MAX_ITEMS}")
    if not all(isinstance(item, str) for item in items):
        raise ApiError(field.no_list, "every item has to be a text")
    call.identified().spend(len(items))
    return items


def media_type_of(request: Request) -> str:
    """The media type of the body in lower case, "" if the request names none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def body_of(request: Request) -> bytes:
    """The body of a request.

    Raises:
        ApiError: the body is too large.
    """
    body = request.body
    if len(body) > MAX_BODY_BYTES:
        raise ApiError(errors.BODY_TOO_LARGE, f"at most {MAX_BODY_BYTES} bytes")
    return body


def read_body(
    request: Request, expected: type[_Body], not_json: ErrorDefinition, other: ErrorDefinition
) -> _Body:
    """Parse the body as JSON of the expected type.

    Args:
        not_json: the error if the request names another media type.
        other: the error if the body is not such JSON.

    Raises:
        ApiError: the body is too large, or one of the two errors applies.
    """
    sent = body_of(request)
    media_type = media_type_of(request)
    if media_type and media_type != "application/json" and not media_type.endswith("+json"):
        raise ApiError(not_json)
    try:
        body = strict_json.parse(sent, "the body", BODY_LIMITS)
    except FeedError:
        raise ApiError(other) from None
    if not isinstance(body, expected):
        raise ApiError(other)
    return body
