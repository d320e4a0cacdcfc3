"""Bodies as this service and the vendor answer them, and a client whose time is the test's."""

from typing import Any

from shared.client import ReputationClient
from shared.domain.indicator import Indicator, IndicatorType, parse
from tests.builders import DOMAIN

BASE = "https://api.example/v4"
KEY = "a-key-that-must-not-travel"
SHA256 = parse(IndicatorType.SHA256, "ab" * 32)
MD5 = parse(IndicatorType.MD5, "cd" * 16)
IP = parse(IndicatorType.IP, "203.0.113.7")
URL = parse(IndicatorType.URL, "http://evil.example/a b".replace(" ", "%20"))
EACH_TYPE = [SHA256, MD5, parse(IndicatorType.SHA1, "ef" * 20), IP, DOMAIN, URL]
PATHS = {"md5": "hash", "sha1": "hash", "sha256": "hash"}


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def client(**options: Any) -> ReputationClient:
    """A client that does not wait between its attempts."""
    return ReputationClient(BASE, KEY, **{"backoff_s": 0, "clock": Clock(), **options})


def path_of(indicator: Indicator) -> str:
    return PATHS.get(indicator.type, indicator.type.value)


def address(asked: Indicator, *sources: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The answer for an IP, domain or URL."""
    return {"address": asked.value, "lookup_results": {"sources": list(sources)}, **more}


def source(status: int = 5, assessment: str = "", **more: Any) -> dict[str, Any]:
    """Return a provider's row about an IP, domain or URL."""
    return {"provider": "lists.example", "status": status, "assessment": assessment, **more}


def report(result: int = 1, **engines: Any) -> dict[str, Any]:
    """The answer for a hash."""
    details = engines or {"engine": {"scan_result_i": result}}
    return {"scan_results": {"scan_details": details, "scan_all_result_i": result}}


def hash_row(asked: Indicator, result: int = 1, **more: Any) -> dict[str, Any]:
    """A row of a bulk answer for hashes."""
    details = {} if result == 5 else {"engine": {"scan_result_i": result}}
    return {"hash": asked.value, "scan_result_i": result, "scan_details": details, **more}


def error(code: int) -> dict[str, Any]:
    """The body of an error."""
    return {"success": False, "error": {"code": code, "messages": ["no"]}}
