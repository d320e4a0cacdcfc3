"""API errors, and their bodies in the three shapes that clients read."""

from collections.abc import Mapping
from typing import Any

from shared.http.errors import ErrorDefinition
from shared.http.web import Response

TAXII_MEDIA_TYPE = "application/taxii+json;version=2.1"


class ApiError(Exception):
    """Raised for a request that cannot be answered; `guarded` turns it into an answer."""

    def __init__(
        self, error: ErrorDefinition, detail: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.detail = detail
        self.headers = headers or {}

    def response(self, path: str = "") -> Response:
        """The answer in the shape that clients of the path read, that of the v4 API by default."""
        body = self.error.body(self.detail)
        status, code = self.error.status, self.error.code
        if is_sandbox_path(path):
            return Response(status, as_detail(body), self.headers, error=code)
        if is_taxii_path(path):
            headers = {"Content-Type": TAXII_MEDIA_TYPE, **self.headers}
            return Response(status, as_taxii_error(status, body), headers, error=code)
        return Response(status, body, self.headers, error=code)


def as_detail(body: Mapping[str, Any]) -> dict[str, Any]:
    """The error body in the shape of the sandbox's own API."""
    return {"detail": " ".join(body["error"]["messages"])}


def as_taxii_error(status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """The error body in the shape of TAXII."""
    error = body["error"]
    return {
        "title": " ".join(error["messages"]),
        "error_code": str(error["code"]),
        "http_status": str(status),
    }


def is_taxii_path(path: str) -> bool:
    """Whether a path belongs to the TAXII server."""
    return _first_segment(path) == "taxii2"


def is_sandbox_path(path: str) -> bool:
    """Whether a path belongs to the sandbox's own API."""
    return _first_segment(path) in {"api", "feed"}


def _first_segment(path: str) -> str:
    # Clients may double slashes, but send no hundred of them.
    return path[:100].lstrip("/").partition("/")[0]
