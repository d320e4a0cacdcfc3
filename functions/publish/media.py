"""Content types: reads the body of a scan report and chooses the form of the feed."""

import gzip
import io
import zlib
from enum import StrEnum

from shared.http import errors
from shared.http.accept import Range, read_accept
from shared.http.api_error import ApiError
from shared.http.web import Request

# A typical report has 600 KB. One larger than `shared.http.web.MAX_REQUEST_BYTES` must be
# compressed.
MAX_REPORT_BYTES = 32 * 1024 * 1024


class Media(StrEnum):
    """The forms of the feed; the first is the default."""

    ATOM = "application/atom+xml; charset=utf-8"
    JSON = "application/json; charset=utf-8"


def choose_media(accept: str) -> Media:
    """Choose the form by the header Accept, Atom without one; RFC 9110, section 12.5.1."""
    ranges = read_accept(accept)
    json, atom = (_weight(ranges, media) for media in (Media.JSON, Media.ATOM))
    return Media.JSON if json > atom else Media.ATOM


def _weight(ranges: list[Range], media: Media) -> float:
    """The weight of the range that names a form most exactly."""
    exactness = {"*/*": 0, "application/*": 1, media.value.partition(";")[0]: 2}
    found = [(exactness[one.name], one.weight) for one in ranges if one.name in exactness]
    return max(found, default=(0, 0.0))[1]


def read_body(request: Request) -> bytes:
    """Read the JSON body of a request, decompressed if it is encoded with gzip.

    Raises:
        ApiError: the type or encoding is not supported, the body is too large or not valid gzip.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type and media_type != "application/json" and not media_type.endswith("+json"):
        raise ApiError(errors.NOT_JSON_SANDBOX)
    coding = request.headers.get("content-encoding", "").strip().lower()
    if coding in {"", "identity"}:
        return request.body
    if coding != "gzip":
        raise ApiError(errors.CODING_NOT_SUPPORTED)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(request.body)) as file:
            body = file.read(MAX_REPORT_BYTES + 1)
    except EOFError:
        raise ApiError(errors.REPORT_NOT_VALID, "the gzip data of the body is cut off") from None
    except (OSError, zlib.error):
        raise ApiError(errors.REPORT_NOT_VALID, "the body is not valid gzip") from None
    if not body:
        raise ApiError(errors.REPORT_NOT_VALID, "the body is empty")
    if len(body) > MAX_REPORT_BYTES:
        raise ApiError(errors.BODY_TOO_LARGE, f"at most {MAX_REPORT_BYTES} bytes")
    return body
