"""All API errors, with the numbers and the body of the vendor's v4 API."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ErrorDefinition:
    """One API error.

    Attributes:
        status: HTTP status.
        code: the vendor's error number.
        message: for people; never contains input of the client.
    """

    status: int
    code: int
    message: str

    def body(self, detail: str = "") -> dict[str, Any]:
        """The body of the answer; `detail` describes the error in this request."""
        message = f"{self.message}: {detail}" if detail else self.message
        return {"success": False, "error": {"code": self.code, "messages": [message]}}


BODY_NO_OBJECT = ErrorDefinition(
    400, 400021, "Request payload is not valid, a JSON object is expected"
)
BODY_NO_ARRAY = ErrorDefinition(
    400, 400021, "Request payload is not valid, a JSON array is expected"
)
HASHES_MISSING = ErrorDefinition(400, 400060, "The field is required")
HASHES_NO_LIST = ErrorDefinition(400, 400061, "The field has to be an array")
HASHES_EMPTY = ErrorDefinition(400, 400062, "The array is empty")
HASHES_TOO_MANY = ErrorDefinition(400, 400063, "The array has too many items")
HASH_NOT_VALID = ErrorDefinition(400, 400064, "The hash value is not valid")
DETAILS_HEADER_NOT_VALID = ErrorDefinition(
    400, 400065, "The header includescandetails has to be 0 or 1"
)
IP_NOT_VALID = ErrorDefinition(400, 400180, "Invalid format of input. Provide IPv4 or IPv6")
DOMAIN_NOT_VALID = ErrorDefinition(400, 400180, "Invalid format of input. Provide a domain name")
URL_NOT_VALID = ErrorDefinition(400, 400180, "Invalid format of input. Provide a URL")
VALUE_NOT_ENCODED = ErrorDefinition(
    400, 400180, "Invalid format of input. Percent-encode the value in the path"
)
ADDRESSES_MISSING = ErrorDefinition(400, 400181, "The field is required")
ADDRESSES_NO_LIST = ErrorDefinition(400, 400182, "The field has to be an array")
ADDRESSES_EMPTY = ErrorDefinition(400, 400183, "The array is empty")
ADDRESSES_TOO_MANY = ErrorDefinition(400, 400184, "The array has too many items")
TEXT_MISSING = ErrorDefinition(400, 400025, "The field text is required, and has to be a text")
FIELD_NOT_VALID = ErrorDefinition(400, 400022, "The field is not valid")
SEARCH_PARAMETER_NOT_VALID = ErrorDefinition(400, 400022, "The parameter is not valid")
NO_KEY = ErrorDefinition(401, 401001, "Authentication strategy is invalid")
UNKNOWN_KEY = ErrorDefinition(401, 401006, "Invalid API key")
RIGHT_MISSING = ErrorDefinition(403, 403003, "The API key lacks the right")
NO_SUCH_ENDPOINT = ErrorDefinition(404, 404000, "Endpoint not found")
IOC_NOT_FOUND = ErrorDefinition(
    404, 404001, "The indicator was not found, and neither was anything around it"
)
OVERRIDE_NOT_FOUND = ErrorDefinition(404, 404001, "The indicator has no override")
FILTER_NOT_FOUND = ErrorDefinition(404, 404001, "The filter was not found")
NO_SEARCH_INDEX = ErrorDefinition(
    404, 404000, "Endpoint not found, this service keeps no search index"
)
REPORT_NOT_FOUND = ErrorDefinition(404, 404001, "The scan was not found")
EXPORTS_NOT_FOUND = ErrorDefinition(404, 404001, "The exports were not found")
EXPORT_NOT_FOUND = ErrorDefinition(404, 404001, "The export was not found")
COLLECTION_NOT_FOUND = ErrorDefinition(404, 404001, "The collection was not found")
OBJECT_NOT_FOUND = ErrorDefinition(404, 404001, "The object was not found")
HASH_NOT_FOUND = ErrorDefinition(404, 404003, "The hash was not found")
KEY_NOT_FOUND = ErrorDefinition(404, 404008, "The apikey was not found")
METHOD_NOT_ALLOWED = ErrorDefinition(405, 404000, "Method not allowed")
NOT_JSON = ErrorDefinition(406, 406000, "The content type has to be application/json")
NOT_TEXT = ErrorDefinition(406, 406000, "The content type has to be application/json or text/plain")
NOT_TAXII = ErrorDefinition(406, 406000, "The media type is application/taxii+json;version=2.1")
ALWAYS_HARMLESS = ErrorDefinition(409, 409001, "The indicator is always harmless")
CURSOR_TOO_OLD = ErrorDefinition(
    410, 410001, "The cursor is older than the known removals. Download everything anew, without it"
)
BODY_TOO_LARGE = ErrorDefinition(413, 400144, "The request is too large")
ANSWER_TOO_LARGE = ErrorDefinition(
    413, 400144, "The answer is too large, ask for fewer or accept the encoding gzip"
)
# Statuses of the sandbox's own API: 415 and 422 instead of 406 and 400. Its bodies have no number.
NOT_JSON_SANDBOX = ErrorDefinition(415, 406000, "The content type has to be application/json")
PARAMETER_MISSING = ErrorDefinition(422, 400022, "The parameter is required")
ITEMS_NOT_VALID = ErrorDefinition(422, 400022, "The array is not valid")
ITEMS_EMPTY = ErrorDefinition(422, 400062, "The array is empty")
ITEMS_TOO_MANY = ErrorDefinition(422, 400063, "The array has too many items")
CODING_NOT_SUPPORTED = ErrorDefinition(415, 406000, "The content encoding has to be gzip, or none")
REPORT_NOT_VALID = ErrorDefinition(422, 400022, "The scan report is not valid")
CURSOR_NOT_VALID = ErrorDefinition(422, 400022, "The page does not exist")
QUOTA_USED_UP = ErrorDefinition(429, 429000, "Rate limit exceeded, retry after the limit is reset")
THROTTLED = ErrorDefinition(429, 429001, "Too many requests within a minute, retry after it")
INTERNAL = ErrorDefinition(500, 500001, "Internal server error")
STORE_NOT_REACHABLE = ErrorDefinition(503, 503001, "The service is not reachable, try again later")
