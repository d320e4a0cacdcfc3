"""Searches: indicators in a text, sightings of an indicator, and recent sightings."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from functions.lookup.addresses import NOT_VALID
from functions.lookup.bulk import MAX_ITEMS, body_of, media_type_of, read_body
from functions.lookup.hashes import row_of
from functions.lookup.service import Call, Handler, LookupResult, Service, SightingIndex
from functions.lookup.v4_bodies import address_report
from shared.domain.errors import InvalidIndicator
from shared.domain.harmless import Ruling, effective_sighting
from shared.domain.indicator import HASH_TYPES, Indicator, IndicatorType, Query, parse_path_query
from shared.domain.indicator_types import INDICATOR_TYPES
from shared.domain.score import Scorer
from shared.domain.verdict import Verdict
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.web import Request, Response
from shared.store.search_index import BadCursor

if TYPE_CHECKING:
    from shared.domain.extract import Found
    from shared.store.search_index import SeenIoc

# A function with a third of a processor can read any text of this length in its ten seconds.
MAX_CHARS = 1_000_000
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
_KINDS = {kind.value: frozenset({kind}) for kind in INDICATOR_TYPES} | {"hash": HASH_TYPES}
_VERDICTS = {verdict.name: verdict for verdict in Verdict}
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


def in_text(service: Service, call: Call) -> Response:
    """POST /v4/search: each distinct indicator counts as a look-up, a request as at least one."""
    # Imported here: other requests do not need the list of top-level domains.
    from functions.lookup.search_bodies import found_row, search_answer  # noqa: PLC0415
    from shared.domain.extract import extract  # noqa: PLC0415

    text = _text(call.request)
    caller = call.identified()
    caller.spend()
    part = _first_part(text)
    extraction = extract(part, most=MAX_ITEMS)
    if extraction.rest is None and len(part) < len(text):
        extraction.rest = len(part)
    if len(extraction.found) > 1:
        caller.spend(len(extraction.found) - 1)
    listed = {found.indicator for found in extraction.found}
    answers = service.answer_many([_question(found, listed) for found in extraction.found])
    scorer = service.scorer()
    rows = [
        found_row(found, known.indicator, known.verdict, _report(service, known, scorer))
        for found, (_, known) in zip(extraction.found, answers, strict=True)
    ]
    return Response(200, search_answer(extraction, rows))


def sightings(kind: IndicatorType | None) -> Handler:
    """The handler of GET /v4/ioc/{hash,ip,domain,url}/{value}/sightings; None for a hash."""
    not_valid = errors.HASH_NOT_VALID if kind is None else NOT_VALID[kind]

    def look_up(service: Service, call: Call) -> Response:
        from functions.lookup.search_bodies import sightings_answer  # noqa: PLC0415

        index = index_of(service)
        try:
            # Trailing slashes can belong to a URL, but to no other type.
            value = call.value if kind is IndicatorType.URL else call.value.rstrip("/")
            question = parse_path_query(kind, value)
        except InvalidIndicator as error:
            raise ApiError(not_valid, str(error)) from None
        indicator = question.indicator
        parameters = Parameters.after_value(call.request)
        call.identified().spend()
        try:
            page = index.sightings(indicator, parameters.limit(), parameters.cursor)
            if not page.rows and question.twin:
                indicator = question.twin.indicator
                page = index.sightings(indicator, parameters.limit(), parameters.cursor)
        except BadCursor:
            raise parameters.refused("cursor") from None
        rule = service.overruling([indicator]).get(indicator)
        with_senders = call.sees_senders()
        body = sightings_answer(indicator, page.rows, page.cursor, rule, with_senders=with_senders)
        return Response(200, body)

    return look_up


def of_scan(service: Service, call: Call) -> Response:
    """GET /v4/report/{flow_id}/iocs."""
    from functions.lookup.search_bodies import seen_answer  # noqa: PLC0415

    index = index_of(service)
    parameters = Parameters.after_value(call.request)
    call.identified().spend()
    flow_id = unquote(call.value)
    try:
        page = index.of_scan(flow_id, parameters.limit(), parameters.cursor)
    except BadCursor:
        raise parameters.refused("cursor") from None
    if page is None and "%" in flow_id:
        raise ApiError(errors.VALUE_NOT_ENCODED, "once")
    if page is None:
        raise ApiError(errors.REPORT_NOT_FOUND)
    rules = service.overruling({one.indicator for one in page.rows})
    body = seen_answer(page.rows, page.cursor, rules, with_senders=call.sees_senders())
    return Response(200, body)


def recent(service: Service, call: Call) -> Response:
    """GET /v4/iocs/recent."""
    from functions.lookup.search_bodies import seen_answer  # noqa: PLC0415

    index = index_of(service)
    parameters = Parameters(call.request)
    limit, verdict, kinds = parameters.limit(), parameters.verdict(), parameters.kinds()
    call.identified().spend()
    try:
        page = index.recent(limit, parameters.cursor, verdict, kinds)
    except BadCursor:
        raise parameters.refused("cursor") from None
    rules = service.overruling({one.indicator for one in page.rows})
    rows = page.rows
    if verdict is not None:
        # An overruled verdict is not the one that the client asked for.
        rows = [one for one in rows if _effective(one, rules) is verdict]
    body = seen_answer(rows, page.cursor, rules, with_senders=call.sees_senders())
    return Response(200, body)


def _effective(seen: "SeenIoc", rules: Mapping[Indicator, Ruling]) -> Verdict:
    rule = rules.get(seen.indicator)
    return effective_sighting(seen.indicator, seen.latest, rule).verdict


def index_of(service: Service) -> SightingIndex:
    """The search index.

    Raises:
        ApiError: the stack has none.
    """
    if service.index is None:
        raise ApiError(errors.NO_SEARCH_INDEX)
    return service.index


class Parameters:
    """The query parameters of a search; an empty one counts as absent."""

    def __init__(self, request: Request) -> None:
        self._given = dict(parse_qsl(request.query, keep_blank_values=True))
        self.cursor = self._given.get("cursor", "")

    @classmethod
    def after_value(cls, request: Request) -> "Parameters":
        """Read the query of a route with a value in its path, which allows paging parameters only.

        Raises:
            ApiError: another parameter, possibly the rest of a value that was not encoded.
        """
        parameters = cls(request)
        if not parameters._given.keys() <= {"limit", "cursor"}:
            raise ApiError(errors.VALUE_NOT_ENCODED, "the query has an unknown parameter")
        return parameters

    def limit(self) -> int:
        """Number of rows of a page."""
        return self.number("limit", DEFAULT_LIMIT, MAX_LIMIT)

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number from 1 to `most`; raises ApiError for another value."""
        text = self._given.get(name, "") or str(default)
        number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 4 else 0
        if not 1 <= number <= most:
            raise self.refused(name)
        return number

    def text(self, name: str) -> str:
        """A parameter as it was sent, "" if it is absent."""
        return self._given.get(name, "")

    def verdict(self) -> Verdict | None:
        """The verdict to select by, None for all; raises ApiError for another text."""
        name = self._given.get("verdict", "")
        if not name:
            return None
        if name.upper() not in _VERDICTS:
            raise self.refused("verdict")
        return _VERDICTS[name.upper()]

    def kinds(self) -> frozenset[IndicatorType] | None:
        """The types to select by, None for all; raises ApiError for another text."""
        name = self._given.get("type", "")
        if not name:
            return None
        if name.lower() not in _KINDS:
            raise self.refused("type")
        return _KINDS[name.lower()]

    def refused(self, name: str) -> ApiError:
        """The error for a parameter that is not valid."""
        return ApiError(errors.SEARCH_PARAMETER_NOT_VALID, name)


def _question(found: "Found", listed: Collection[Indicator]) -> Query:
    """The query for a found indicator; a URL without a scheme also as https, unless listed."""
    twin = found.twin if found.twin not in listed else None
    asked = Query(found.indicator, found.indicator.value)
    return asked._replace(twin=Query(twin, twin.value)) if twin else asked


def _text(request: Request) -> str:
    """The text to search: the body itself, or the field `text` of its JSON."""
    media_type = media_type_of(request)
    if media_type.startswith("text/") or media_type == "message/rfc822":
        sent = body_of(request)
        mark = next((m for m in _BYTE_ORDER_MARKS if sent.startswith(m)), b"")
        # Bytes that cannot be decoded are replaced; the rest is searched.
        plain = sent.decode(_BYTE_ORDER_MARKS.get(mark, "utf-8"), errors="replace")
        if not media_type.startswith("text/"):
            from shared.formats.mail import read_mail  # noqa: PLC0415

            return read_mail(plain.encode() if mark else sent)
        return plain
    body = read_body(request, dict, errors.NOT_TEXT, errors.BODY_NO_OBJECT)
    text = body.get("text")
    if not isinstance(text, str):
        raise ApiError(errors.TEXT_MISSING)
    return text


def _first_part(text: str) -> str:
    """The first `MAX_CHARS` of a text, cut at the end of a word or line."""
    if len(text) <= MAX_CHARS:
        return text
    end = max(text.rfind(blank, 0, MAX_CHARS) for blank in " \n")
    return text[: MAX_CHARS if end <= 0 else end]


def _report(service: Service, found: LookupResult, scorer: Scorer) -> dict[str, Any]:
    """The row of a bulk look-up for a result."""
    indicator = found.indicator
    if indicator.type in HASH_TYPES:
        return row_of(indicator.value, found, scorer, with_details=True)
    return address_report(
        indicator,
        indicator.value,
        found.reputation,
        scorer,
        found.others,
        summary_provider=service.summary_provider,
        locate=service.locate,
    )
