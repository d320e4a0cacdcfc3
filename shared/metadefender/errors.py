"""The error table: the vendor's own numbers, in the vendor's own shape."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ApiError:
    """One line of the table.

    Attributes:
        status: HTTP status.
        code: the vendor's number.
        message: for people; it never holds what was sent.
    """

    status: int
    code: int
    message: str

    def body(self, detail: str = "") -> dict[str, Any]:
        """The body of the answer; `detail` says what was wrong with this request."""
        message = f"{self.message}: {detail}" if detail else self.message
        return {"success": False, "error": {"code": self.code, "messages": [message]}}


HASH_NOT_VALID = ApiError(400, 400064, "The hash value is not valid")
IP_NOT_VALID = ApiError(400, 400180, "Invalid format of input. Provide IPv4 or IPv6")
DOMAIN_NOT_VALID = ApiError(400, 400180, "Invalid format of input. Provide a domain name")
URL_NOT_VALID = ApiError(400, 400180, "Invalid format of input. Provide a URL")
NO_KEY = ApiError(401, 401001, "Authentication strategy is invalid")
UNKNOWN_KEY = ApiError(401, 401006, "Invalid API key")
NO_SUCH_ENDPOINT = ApiError(404, 404000, "Endpoint not found")
HASH_NOT_FOUND = ApiError(404, 404003, "The hash was not found")
METHOD_NOT_ALLOWED = ApiError(405, 404000, "Method not allowed")
INTERNAL = ApiError(500, 500001, "Internal server error")
STORE_NOT_REACHABLE = ApiError(503, 503001, "The service is not reachable, try again later")
