"""Search of reports in the sandbox's own API, by the indicator that they hold."""

from base64 import b64decode
from collections.abc import Iterable
from typing import Any

from functions.lookup.reputation_bodies import overruling_fields
from functions.lookup.search import Parameters, index_of
from functions.lookup.service import Call, Service
from shared.domain.errors import InvalidIndicator
from shared.domain.extract import extract
from shared.domain.harmless import Ruling, effective_sighting
from shared.domain.indicator import MAX_TEXT_CHARS, Indicator, IndicatorType, parse_query
from shared.domain.indicator_types import HASH_TYPES
from shared.domain.moment import format_millis
from shared.domain.reputation import ScanVerdict
from shared.domain.sighting_details import unpack
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.web import Response

Body = dict[str, Any]

# The newest ones, as in the sandbox.
MAX_FOUND = 200
MAX_PAGE_SIZE = 100
MAX_PAGES = 10
DEFAULT_PAGE_SIZE = 20
_FIELDS = {
    "md5": None,
    "sha1": None,
    "sha256": None,
    "sha512": None,
    "domain": IndicatorType.DOMAIN,
    "ip": IndicatorType.IP,
    "url": IndicatorType.URL,
}


def search(service: Service, call: Call) -> Response:
    """GET /api/reports/search: the reports that hold an indicator, newest first.

    Clients name its type (`?sha256=`), or send any indicator as `?query=`, also in base64.
    """
    index = index_of(service)
    parameters = Parameters(call.request)
    size = parameters.number("page_size", DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
    number = parameters.number("page", 1, MAX_PAGES)
    indicator = _asked(parameters)
    call.identified().spend()
    if indicator is None:
        return Response(200, _page([], 0))
    seen = index.sightings(indicator, MAX_FOUND).rows
    on_page = seen[size * (number - 1) : size * number]
    rule = service.overruling([indicator]).get(indicator)
    return Response(200, found_reports(indicator, on_page, len(seen), rule))


def found_reports(
    indicator: Indicator, seen: Iterable[ScanVerdict], count: int, rule: Ruling | None = None
) -> Body:
    """The body of a page of reports, one for each sighting of the indicator.

    Args:
        count: number of reports on all pages.
        rule: what overrules verdicts about the indicator, None for nothing.
    """
    return _page([_report(indicator, one, rule) for one in seen], count)


def _page(items: list[Body], count: int) -> Body:
    # A client asks for pages until it has as many reports.
    return {"items": items, "count": count, "method": "and"}


def _asked(parameters: Parameters) -> Indicator | None:
    """The indicator of a request; None if its free text is not one."""
    for name, kind in _FIELDS.items():
        if text := parameters.text(name):
            try:
                return parse_query(kind, text).indicator
            except InvalidIndicator as error:
                raise ApiError(errors.SEARCH_PARAMETER_NOT_VALID, f"{name}: {error}") from None
    text = parameters.text("query")
    if not text:
        raise ApiError(errors.PARAMETER_MISSING, "query")
    return _first_in(text) or _first_in(_from_base64(text))


def _first_in(text: str) -> Indicator | None:
    found = extract(text[:MAX_TEXT_CHARS], most=1).found
    return found[0].indicator if found else None


def _from_base64(text: str) -> str:
    try:
        return b64decode(text, validate=True).decode()
    except ValueError:
        return ""


def _report(indicator: Indicator, seen: ScanVerdict, rule: Ruling | None) -> Body:
    """A report in the shape that the sandbox's search gives it.

    The file is known if the indicator is one of its digests.
    """
    details = unpack(seen.details)
    digest = indicator.value.lower() if indicator.type in HASH_TYPES else ""
    sha256 = seen.sha256.lower() or (digest if indicator.type is IndicatorType.SHA256 else "")
    moment = format_millis(seen.seen_at)
    effective = effective_sighting(indicator, seen, rule)
    return {
        "id": seen.report_id or seen.flow_id,
        "scan_init": {"id": seen.flow_id},
        "verdict": (seen.parent_verdict or effective.verdict.name).lower(),
        "state": "success",
        "file": {
            "name": details.file_name or digest,
            "hash": sha256 or digest,
            "sha256": sha256,
            "mime_type": details.file_type,
            "short_type": details.file_type,
        },
        "tags": [],
        "created_date": moment,
        "updated_date": moment,
        # What the report states about the indicator itself.
        "ioc": {
            "type": indicator.type.value,
            "value": indicator.value,
            "verdict": effective.verdict.name.lower(),
            **overruling_fields(effective),
        },
    }
