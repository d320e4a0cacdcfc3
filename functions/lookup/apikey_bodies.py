"""Answers about the sender's API key, in the shape of the MetaDefender Cloud v4 API. Pure.

The official SDK requires whole numbers for upload sizes, and strings that are never null. This
service accepts no files, so the sizes are 0. An answer never contains the key itself.
"""

from collections.abc import Iterable
from typing import Any

from shared.domain.moment import format_millis

Body = dict[str, Any]

API_VERSION = "4"
# The APIs of the vendor that this service speaks.
SERVED = ("v4", "v5/threat-intel/av-file-reputation", "api/reputation", "api/feed")

_NEVER = 0
_NO_LIMIT = 0


def key_info(
    *,
    name: str,
    short_digest: str,
    created: int,
    expires: int,
    daily_limit: int,
    minute_limit: int,
    rights: Iterable[str],
) -> Body:
    """The answer to GET /v4/apikey.

    Args:
        short_digest: short id of the key.
        created: milliseconds since the epoch.
        expires: milliseconds since the epoch; 0 for never.
        daily_limit: look-ups per day; 0 for no limit, then `limit_reputation` is absent.
        minute_limit: look-ups per minute; 0 for no limit, then `throttling_limit` is absent.
        rights: what the key may do; the vendor's API has no such field.
    """
    body: Body = {
        "success": True,
        "max_file_download": 0,
        "max_upload_file_size": 0,
        "max_archive_file_depth": 0,
        "max_archive_file_size": 0,
        "max_archive_file_number": 0,
        "limit_prevention": 0,
        "limit_analysis": 0,
        "limit_sandbox": 0,
        "limit_feed": 0,
        "time_interval": "Daily",
        "qos_scan": "",
        "sandbox_qos_scan": "",
        "userid": short_digest,
        "nickname": name,
        "portal_api_key": "",
        "created_at": format_millis(created),
        "updated_at": format_millis(created),
        "expiration_date": "" if expires == _NEVER else format_millis(expires),
        "is_enterprise": False,
        "enforce_private_scan": False,
        "mtls_only": False,
        "workflow_rule": 0,
        "vulnerability_submissions": [],
        "votes": [],
        "scan_with": "",
        "source": "",
        "paid_user": 1,
        "rights": sorted(rights),
    }
    if daily_limit != _NO_LIMIT:
        body["limit_reputation"] = daily_limit
    if minute_limit != _NO_LIMIT:
        body["throttling_limit"] = minute_limit
    return body


def limits_used(used: int) -> Body:
    """The answer to GET /v4/apikey/limits.

    Args:
        used: look-ups used today.
    """
    return {"reputation_api": used, **_OTHER_FAMILIES}


def limits_remaining(daily_limit: int, remaining: int) -> Body:
    """The answer to GET /v4/apikey/limits/status.

    Args:
        daily_limit: look-ups per day; 0 for no limit, then `reputation_api` is absent.
        remaining: look-ups left today.
    """
    left = {} if daily_limit == _NO_LIMIT else {"reputation_api": remaining}
    return {**left, **_OTHER_FAMILIES}


def sandbox_user(name: str, short_digest: str) -> Body:
    """The answer to GET /api/users/me: keys are not persons and have neither address nor roles.

    Args:
        name: of the key.
        short_digest: short id of the key.
    """
    # One client's test of the connection needs the id under its older name, too.
    return {
        "id": short_digest,
        "accountId": short_digest,
        "name": name,
        "email": "",
        "roles": [],
    }


def sandbox_system() -> Body:
    """The answer to GET /api/system/info."""
    return {"name": "IOC reputation service", "version": API_VERSION, "apis": list(SERVED)}


# Products of the vendor that this service does not offer.
_OTHER_FAMILIES = {
    "analysis_api": 0,
    "prevention_api": 0,
    "feed_api": 0,
    "download_file": 0,
    "sandbox_api": 0,
}
