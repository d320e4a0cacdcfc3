"""Requests that are refused, and the two shapes in which clients read why."""

from collections.abc import Mapping
from typing import Any

from shared.http.web import Response
from shared.metadefender.errors import ApiError


class Refused(Exception):
    """A request that cannot be answered; the handler's caller turns it into the answer."""

    def __init__(
        self, error: ApiError, detail: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.detail = detail
        self.headers = headers or {}

    def response(self, *, sandbox: bool = False) -> Response:
        """The answer.

        Args:
            sandbox: whether the path is one of the sandbox's own API, whose clients read
                `{"detail": ...}`; all others read the shape of the v4 API.
        """
        body = self.error.body(self.detail)
        return Response(
            self.error.status,
            as_detail(body) if sandbox else body,
            self.headers,
            error=self.error.code,
        )


def as_detail(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of an error as the sandbox's own API has it."""
    return {"detail": " ".join(body["error"]["messages"])}


def is_sandbox_path(path: str) -> bool:
    """Whether a path belongs to the sandbox's own API, and not to the v4 API."""
    first = path.lstrip("/").partition("/")[0]
    return first in {"api", "feed"}
