"""What the API answers about a key: what strict clients read, and never the key."""

from typing import Any

import pytest

from functions.lookup.apikey_bodies import key_info, limits_remaining, limits_used
from shared.store.api_keys import Right

CREATED = 1_767_607_200_000
# What the official SDK refuses to do without.
REQUIRED = (
    "max_file_download",
    "max_upload_file_size",
    "max_archive_file_depth",
    "max_archive_file_size",
    "max_archive_file_number",
)


def info(**changes: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "name": "soc",
        "short_digest": "ab12cd34ef56",
        "created": CREATED,
        "expires": 0,
        "daily_limit": 4000,
        "minute_limit": 60,
        "rights": {Right.LOOKUP, Right.ANNOTATE},
    }
    return key_info(**arguments | changes)


@pytest.mark.parametrize("name", REQUIRED)
def test_sizes_are_whole_numbers(name: str) -> None:
    assert type(info()[name]) is int


def test_limits_names_and_times() -> None:
    body = info(expires=CREATED + 1)
    assert body["limit_reputation"] == 4000
    assert body["throttling_limit"] == 60
    assert (body["nickname"], body["userid"]) == ("soc", "ab12cd34ef56")
    assert body["created_at"] == "2026-01-05T10:00:00.000Z"
    assert body["expiration_date"] == "2026-01-05T10:00:00.001Z"
    assert body["time_interval"] == "Daily"
    assert body["portal_api_key"] == ""
    assert body["rights"] == ["annotate", "lookup"]


def test_nothing_is_null_and_no_limit_is_not_made_up() -> None:
    body = info(daily_limit=0, minute_limit=0)
    assert None not in body.values()
    assert body["expiration_date"] == ""
    assert "limit_reputation" not in body
    assert "throttling_limit" not in body


def test_families() -> None:
    assert limits_used(12)["reputation_api"] == 12
    assert limits_remaining(4000, 3988)["reputation_api"] == 3988
    assert "reputation_api" not in limits_remaining(0, 0)
    for body in (limits_used(12), limits_remaining(4000, 3988)):
        assert all(type(number) is int for number in body.values())
