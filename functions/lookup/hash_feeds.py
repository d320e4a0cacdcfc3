"""The vendor's feeds of hashes, made from the search index: the files seen last, bad or not."""

from collections.abc import Iterable, Sequence
from typing import Any

from functions.lookup.search import MAX_LIMIT, Parameters, index_of
from functions.lookup.service import Call, Handler, LookupResult, Service
from functions.lookup.v4_bodies import hash_report
from shared.domain.harmless import always_harmless, is_bad
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.moment import format_millis
from shared.domain.provider import ProviderVerdict
from shared.domain.reputation import Reputation
from shared.domain.score import Scorer
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.web import Response

Body = dict[str, Any]

# A page reads the index from its beginning, because the vendor's feeds have pages and no cursor.
MAX_PAGES = 10
_SHA256 = frozenset({IndicatorType.SHA256})
_DIGESTS = (IndicatorType.MD5, IndicatorType.SHA1, IndicatorType.SHA256)


def latest(*, infected: bool) -> Handler:
    """The handler of GET /v4/feed/{infected,clean}/latest."""

    def look_up(service: Service, call: Call) -> Response:
        index = index_of(service)
        parameters = Parameters(call.request)
        if name := next(filter(parameters.text, ("date", "category")), ""):
            raise ApiError(errors.SEARCH_PARAMETER_NOT_VALID, f"{name} is not supported")
        number = parameters.number("page", 1, MAX_PAGES)
        call.identified().spend()
        page = index.recent(MAX_LIMIT, kinds=_SHA256)
        for _ in range(1, number):
            if not page.cursor:
                return Response(200, hash_feed([], service.scorer()))
            page = index.recent(MAX_LIMIT, page.cursor, kinds=_SHA256)
        found = service.find_many({row.indicator for row in page.rows}, report=False)
        wanted = [one for one in found.values() if is_bad(one.verdict) is infected]
        return Response(200, hash_feed(wanted, service.scorer()))

    return look_up


def hash_feed(files: Iterable[LookupResult], scorer: Scorer) -> Body:
    """The body of a page of a feed.

    Args:
        files: the files of the page.
        scorer: of the time of the look-up, which is that of a page without files.
    """
    # An item may have expired since the index was read.
    hashes = [_row(one.reputation, scorer, one.others) for one in files if one.reputation]
    moments = [row["start_time"] for row in hashes] or [format_millis(scorer.now)]
    return {"from": min(moments), "to": max(moments), "length": len(hashes), "hashes": hashes}


def _row(reputation: Reputation, scorer: Scorer, others: Sequence[ProviderVerdict]) -> Body:
    report = hash_report(reputation, scorer, others)
    info, results = report["file_info"], report["scan_results"]
    digests = {kind: info[kind.value] for kind in _DIGESTS}
    if results["total_detected_avs"]:
        # A report can name a digest wrongly, and consumers block each digest of the row.
        digests |= {
            kind: "" for kind, value in digests.items() if always_harmless(Indicator(kind, value))
        }
    return {
        **{kind.value: value for kind, value in digests.items()},
        "file_type_extension": info["file_type_extension"],
        "file_type_category": info["file_type_category"],
        "start_time": results["start_time"],
        "data_id": report["data_id"],
        "total_avs": results["total_avs"],
        "total_detected_avs": results["total_detected_avs"],
    }
