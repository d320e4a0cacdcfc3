"""Reads the indicators and bodies of requests that annotate, with an error for each broken rule."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.domain.errors import FeedError, InvalidIndicator, InvalidRecord
from shared.domain.indicator import Indicator, IndicatorType, parse_path_query, parse_query
from shared.domain.indicator_types import HASH_TYPES
from shared.domain.moment import read_moment
from shared.domain.override import NEVER
from shared.domain.verdict import Verdict, read_verdict
from shared.formats import strict_json
from shared.formats.strict_json import JsonLimits
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.web import Request
from shared.store.overrides import Decision

BULK_FIELD = "verdicts"
MAX_BULK = 100
MAX_REASON_CHARS = 1000
# A hundred URLs of 8 KB, with their reasons.
_LIMITS = JsonLimits(size=2_000_000, containers=1_000, parts=10_000)
_HUNDRED_YEARS_MS = 100 * 366 * 86_400_000
_NOT_VALID = {
    IndicatorType.IP: errors.IP_NOT_VALID,
    IndicatorType.DOMAIN: errors.DOMAIN_NOT_VALID,
    IndicatorType.URL: errors.URL_NOT_VALID,
}
_TYPES = {
    "hash": None,
    **dict.fromkeys(map(str, HASH_TYPES)),
    "ip": IndicatorType.IP,
    "domain": IndicatorType.DOMAIN,
    "url": IndicatorType.URL,
}


class Asked(NamedTuple):
    """An override that a request asks for."""

    indicator: Indicator
    decision: Decision


def read_indicator(kind: IndicatorType | None, value: str, *, in_path: bool = True) -> Indicator:
    """Read an indicator; a URL needs its scheme, because an override is about one URL.

    Args:
        kind: the type; None for a hash of any length.
        in_path: whether the value is of a path, so that it can be encoded.

    Raises:
        ApiError: it is not valid.
    """
    error = errors.HASH_NOT_VALID if kind is None else _NOT_VALID[kind]
    try:
        # Trailing slashes can belong to a URL, but to no other type.
        text = value if kind is IndicatorType.URL else value.rstrip("/")
        question = (parse_path_query if in_path else parse_query)(kind, text)
    except InvalidIndicator as reason:
        raise ApiError(error, str(reason)) from None
    if question.twin:
        raise ApiError(error, "begin it with http:// or https://")
    return question.indicator


def read_decision(request: Request, now: int) -> Decision:
    """Read the body `{"verdict", "reason", "expires"?}`.

    Args:
        now: milliseconds since the epoch.

    Raises:
        ApiError: the body breaks a rule.
    """
    return _decision(_object(request), now)


def read_reason(request: Request) -> str:
    """Read the body `{"reason"}`.

    Raises:
        ApiError: the body breaks a rule.
    """
    body = _object(request)
    _only(body, {"reason"})
    return _reason(body)


def read_bulk(request: Request, now: int) -> list[Asked | ApiError]:
    """Read the body `{"verdicts": [{"type", "value", "verdict", "reason", "expires"?}]}`.

    Returns:
        For each item what it asks for, or the error that it has.

    Raises:
        ApiError: the body itself breaks a rule.
    """
    body = _object(request)
    _only(body, {BULK_FIELD})
    items = body.get(BULK_FIELD)
    if not isinstance(items, list) or not items:
        raise ApiError(errors.FIELD_NOT_VALID, f"{BULK_FIELD} has to be an array with items")
    if len(items) > MAX_BULK:
        raise ApiError(errors.FIELD_NOT_VALID, f"{BULK_FIELD} has more than {MAX_BULK} items")
    return [_item(item, now) for item in items]


def _item(item: Any, now: int) -> Asked | ApiError:
    try:
        if not isinstance(item, dict):
            raise ApiError(errors.BODY_NO_OBJECT)
        name, value = item.get("type"), item.get("value")
        if not isinstance(name, str) or name not in _TYPES:
            raise ApiError(errors.FIELD_NOT_VALID, f"type has to be one of {', '.join(_TYPES)}")
        if not isinstance(value, str):
            raise ApiError(errors.FIELD_NOT_VALID, "value has to be a text")
        indicator = read_indicator(_TYPES[name], value, in_path=False)
        rest = {key: field for key, field in item.items() if key not in {"type", "value"}}
        return Asked(indicator, _decision(rest, now))
    except ApiError as error:
        return error


def _object(request: Request) -> dict[str, Any]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type and media_type != "application/json" and not media_type.endswith("+json"):
        raise ApiError(errors.NOT_JSON)
    if len(request.body) > _LIMITS.size:
        raise ApiError(errors.BODY_TOO_LARGE, f"at most {_LIMITS.size} bytes")
    try:
        body = strict_json.parse(request.body, "the body", _LIMITS)
    except FeedError:
        raise ApiError(errors.BODY_NO_OBJECT) from None
    if not isinstance(body, dict):
        raise ApiError(errors.BODY_NO_OBJECT)
    return body


def _only(body: Mapping[str, Any], names: set[str]) -> None:
    # A misspelled `expires` would make an override that never ends.
    if unknown := body.keys() - names:
        raise ApiError(errors.FIELD_NOT_VALID, f"{min(unknown)[:100]} is unknown")


def _decision(body: Mapping[str, Any], now: int) -> Decision:
    _only(body, {"verdict", "reason", "expires"})
    try:
        verdict = read_verdict(body.get("verdict"))
    except InvalidRecord:
        verdict = None
    if verdict is None:
        known = ", ".join(one.name for one in Verdict)
        raise ApiError(errors.FIELD_NOT_VALID, f"verdict has to be one of {known}")
    return Decision(verdict, _reason(body), _expires(body.get("expires", ""), now))


def _reason(body: Mapping[str, Any]) -> str:
    reason = body.get("reason")
    if not isinstance(reason, str) or not reason.strip() or len(reason) > MAX_REASON_CHARS:
        raise ApiError(
            errors.FIELD_NOT_VALID, f"reason has to be a text of 1 to {MAX_REASON_CHARS} characters"
        )
    return reason.strip()


def _expires(value: Any, now: int) -> int:
    if value == "":
        return NEVER
    try:
        if not isinstance(value, str):
            raise InvalidRecord
        expires = read_moment(value, now + _HUNDRED_YEARS_MS)
    except InvalidRecord:
        raise ApiError(
            errors.FIELD_NOT_VALID, "expires has to be a date such as 2027-01-31T12:00:00Z"
        ) from None
    if expires <= now:
        raise ApiError(errors.FIELD_NOT_VALID, "expires has passed")
    return expires
