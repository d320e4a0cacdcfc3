"""Routes of the publish function: one takes scan reports, the others serve the feed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from aws_lambda_powertools.metrics import MetricUnit

from functions.publish.feed import Cursor, InvalidCursor, as_atom, as_json, read_page
from functions.publish.intake import Published, Publisher, Status
from functions.publish.media import Media, choose_media, read_body
from functions.publish.scan import RejectedReport, ScanReport, read_scan
from functions.publish.store.feed_log import EntryTooLarge, FeedLog
from functions.publish.store.transactions import TimeUsedUp
from shared.domain.errors import FeedError, StoreError
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.authentication import KeyRing, key_in, require
from shared.http.caching import knows
from shared.http.routing import Route, find_route
from shared.http.web import Request, Response
from shared.runtime.deadline import Deadline
from shared.runtime.metrics import metrics
from shared.runtime.observability import logger
from shared.store.api_keys import ApiKey, Right
from shared.store.keys import flow_key

# Each report has a row in the answer, which is limited to 6 MB.
MAX_REPORTS = 1000
MAX_ID_CHARS = 128
# A REST API waits 29 seconds for an answer. After the first time no other report is begun, and
# after the second the one that is under way is left for the next request.
BUDGET_S = 16.0
LONGEST_S = 24.0
# Part of every ETag. Raise it when the same reports are written in another form.
_LAYOUT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Service:
    """The parts that the routes use.

    Attributes:
        now: milliseconds since the epoch.
        report_link: address of a report for people; see `functions.publish.feed.as_atom`.
    """

    keys: KeyRing
    log: FeedLog
    publisher: Publisher
    now: Callable[[], int]
    report_link: str

    def identify(self, request: Request) -> ApiKey:
        """Return the API key of a request.

        Raises:
            ApiError: the request has no key, or an unknown one.
            StoreError: the store failed.
        """
        text = key_in(request.headers)
        if not text:
            raise ApiError(errors.NO_KEY)
        key = self.keys.find(text)
        if key is None:
            raise ApiError(errors.UNKNOWN_KEY)
        logger.append_keys(key=key.short_digest)
        return key


Handler = Callable[[Service, Request, ApiKey], Response]


def respond(service: Service, request: Request) -> Response:
    """Answer a request.

    Raises:
        ApiError: the request is not valid or not allowed.
        StoreError: the store failed.
    """
    route, _ = find_route(ROUTES, request.path)
    logger.append_keys(route=route.template if route else "")
    key = service.identify(request)
    if route is None:
        raise ApiError(errors.NO_SUCH_ENDPOINT)
    handler = route.methods.get(request.method)
    if handler is None:
        raise ApiError(errors.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(route.methods)})
    require(route.right, key)
    return handler(service, request, key)


def publish(service: Service, request: Request, key: ApiKey) -> Response:
    """POST /api/reports: a scan report in the sandbox's own JSON."""
    body = read_body(request)
    try:
        reports = read_scan(body, service.now())
    except FeedError as error:
        raise ApiError(errors.REPORT_NOT_VALID, str(error)) from None
    if all(isinstance(report, RejectedReport) for report in reports):
        reasons = {one.reason for one in reports if isinstance(one, RejectedReport)}
        raise ApiError(
            errors.REPORT_NOT_VALID, "; ".join(sorted(reasons)) or "the scan has no reports"
        )
    if len(reports) > MAX_REPORTS:
        raise ApiError(errors.REPORT_NOT_VALID, f"the scan has more than {MAX_REPORTS} reports")
    return Response(200, {"reports": _publish_all(service, reports, key)})


def _publish_all(
    service: Service, reports: Sequence[ScanReport | RejectedReport], key: ApiKey
) -> list[dict[str, Any]]:
    """Publish reports, and return what became of each.

    Once one is published, the answer is not an error: what fails afterwards costs its own row.

    Raises:
        ApiError: every report is too large or was rejected.
        StoreError: the store failed, or the time was used up, before a report was published.
    """
    left, longest = Deadline(BUDGET_S).left, Deadline(LONGEST_S).left
    rows: list[dict[str, Any]] = []
    published = 0
    postponed = too_large = ""
    for report in reports:
        if isinstance(report, RejectedReport):
            rows.append(_left_out(report.report_id, "rejected", report.reason))
            continue
        if published and not postponed and left() <= 0:
            postponed = "the time of the request was used up before it; send the scan again"
        if postponed:
            rows.append(_left_out(report.report_id, "postponed", postponed))
            continue
        try:
            done = service.publisher.publish(report, key.name, longest)
            rows.append(_published(report, done, key))
            published += 1
        except EntryTooLarge as error:
            too_large = str(error)
            rows.append(_left_out(report.report_id, "rejected", too_large))
        except StoreError as error:
            if not published:
                raise
            logger.error("store failed", extra={"reason": str(error)})
            cause = (
                "the time of the request was used up"
                if isinstance(error, TimeUsedUp)
                else "the store failed"
            )
            postponed = f"{cause}; send the scan again"
            rows.append(_left_out(report.report_id, "postponed", postponed))
    if not published:
        raise ApiError(errors.BODY_TOO_LARGE, too_large)
    return rows


def _left_out(report_id: str, status: str, reason: str) -> dict[str, Any]:
    return {"report_id": report_id[:MAX_ID_CHARS], "status": status, "reason": reason}


def _published(report: ScanReport, published: Published, key: ApiKey) -> dict[str, Any]:
    if published.status is Status.PRIVATE:
        metrics.add_metric(name="publish_private", unit=MetricUnit.Count, value=1)
        metrics.flush_metrics()
    # A digest of the flow_id, as in the ledger: a log line holds no text of a request.
    logger.info(
        "scan report taken",
        extra={
            "status": published.status,
            "sender": key.name,
            "flow": flow_key(published.flow_id).hex(),
        },
    )
    return {
        "flow_id": published.flow_id,
        "report_id": published.report_id,
        "status": published.status,
        "verdicts": published.verdicts,
        "asked": published.asked,
        "iocs": len(report.iocs),
        "passed_over": report.passed_over,
        "rejected": report.rejected,
        "rejected_count": report.rejected_count,
    }


def page(media: Media | None) -> Handler:
    """Return the handler of a feed page; with `media` None the header Accept decides."""

    def handler(service: Service, request: Request, _key: ApiKey) -> Response:
        chosen = media or choose_media(request.headers.get("accept", ""))
        query = dict(parse_qsl(request.query))
        info = service.log.info()
        tag = f'W/"{info.tail}-{chosen.name.lower()}-{_LAYOUT_VERSION}"'
        # A page changes only when the feed does, so a 304 costs one read.
        headers = {"ETag": tag, "Vary": "Accept, Accept-Encoding", "Cache-Control": "no-cache"}
        try:
            cursor = Cursor.parse(
                query.get("cursor", ""), query.get("order", ""), query.get("limit", "")
            )
            if knows(request.headers, tag):
                return Response(304, {}, headers)
            found = read_page(service.log, info, cursor)
        except InvalidCursor as error:
            raise ApiError(errors.CURSOR_NOT_VALID, str(error)) from None
        headers["Content-Type"] = chosen.value
        if chosen is Media.ATOM:
            return Response(200, {}, headers, text=as_atom(found, report_link=service.report_link))
        return Response(200, {}, headers, text=as_json(found))

    return handler


def info(service: Service, _request: Request, _key: ApiKey) -> Response:
    """GET /feed/reports/info: number of reports, size and date of the feed."""
    known = service.log.info()
    body = {
        "count": known.count,
        "length": known.size,
        "updated": known.updated / 1000,
        "download_allowed": True,
    }
    return Response(200, body)


def _feed_routes(base: str) -> tuple[Route[Handler], ...]:
    return (
        Route(f"{base}/reports", {"GET": page(None)}, right=Right.EXPORT),
        Route(f"{base}/reports.json", {"GET": page(Media.JSON)}, right=Right.EXPORT),
        Route(f"{base}/reports/info", {"GET": info}, right=Right.EXPORT),
    )


ROUTES: tuple[Route[Handler], ...] = (
    Route("/api/reports", {"POST": publish}, right=Right.PUBLISH),
    *_feed_routes("/feed"),
    *_feed_routes("/api/feed"),
)
