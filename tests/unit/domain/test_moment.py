from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidRecord
from shared.domain.moment import EARLIEST, LATEST_AHEAD, format_millis, read_moment, to_millis

NOW = to_millis(datetime(2026, 1, 5, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        ("2025-06-01T08:00:00.000Z", "2025-06-01T08:00:00.000Z"),
        ("2025-06-01T08:00:00", "2025-06-01T08:00:00.000Z"),
        ("2025-06-01 08:00:00", "2025-06-01T08:00:00.000Z"),
        ("2025-06-01t08:00:00z", "2025-06-01T08:00:00.000Z"),
        ("2025-06-01T08:00:00.1", "2025-06-01T08:00:00.100Z"),
        ("2025-06-01T08:00:00.123456", "2025-06-01T08:00:00.123Z"),
        ("2025-06-01T08:00:00.999999999Z", "2025-06-01T08:00:00.999Z"),
        ("2025-06-01T08:00:00+02:00", "2025-06-01T06:00:00.000Z"),
        ("2025-06-01T08:00:00-0130", "2025-06-01T09:30:00.000Z"),
        ("2025-06-01", "2025-06-01T00:00:00.000Z"),
        ("20250601T080000Z", "2025-06-01T08:00:00.000Z"),
        ("06/01/2025, 08:00:00", "2025-06-01T08:00:00.000Z"),
        (1731932169, "2024-11-18T12:16:09.000Z"),
        (1731932169.007461, "2024-11-18T12:16:09.007Z"),
        ("2000-01-01T00:00:00Z", "2000-01-01T00:00:00.000Z"),
        ("2026-01-06T10:00:00Z", "2026-01-06T10:00:00.000Z"),
    ],
)
def test_dates_that_feeds_write(value: object, spelled: str) -> None:
    assert format_millis(read_moment(value, NOW)) == spelled


@pytest.mark.parametrize(
    "value",
    [
        "2025-02-30T10:22:02.000Z",
        "2025-13-01",
        "13/01/2025, 08:00:00",
        "2025-06-01T08:00:61Z",
        "2025-06-01T25:00:00Z",
        "yesterday",
        "",
        " 2025-06-01",
        "2025-06-01T08:00:00Zjunk",
        "٢٠٢٥-06-01",
        "1999-12-31T23:59:59.999Z",
        "2026-01-06T10:00:00.001Z",
        "9999-12-31T23:59:59-23:00",
        -1,
        0,
        1731932169000,
        10**400,
        1e300,
        float("inf"),
        float("nan"),
        True,
        None,
        [],
        {},
    ],
)
def test_dates_that_cannot_be(value: object) -> None:
    with pytest.raises(InvalidRecord):
        read_moment(value, NOW)


@given(st.integers(EARLIEST, NOW + LATEST_AHEAD))
def test_what_is_spelled_is_read_again(millis: int) -> None:
    assert read_moment(format_millis(millis), NOW) == millis


@given(st.one_of(st.text(), st.floats(), st.integers()))
def test_any_value_is_a_date_or_refused(value: object) -> None:
    try:
        millis = read_moment(value, NOW)
    except InvalidRecord:
        return
    assert EARLIEST <= millis <= NOW + LATEST_AHEAD
