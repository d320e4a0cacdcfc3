"""Points in time: whole milliseconds since the epoch inside, one format in answers."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from shared.domain.errors import InvalidRecord

EARLIEST = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp() * 1000)
LATEST_AHEAD = int(timedelta(days=1).total_seconds() * 1000)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ISO = re.compile(
    r"\d{4}-?\d{2}-?\d{2}"
    r"(?:[Tt ]\d{2}(?::?\d{2}(?::?\d{2}(?:[.,]\d+)?)?)?(?: ?(?:[Zz]|[+-]\d{2}(?::?\d{2})?))?)?"
)
_US = re.compile(r"\d{2}/\d{2}/\d{4}, \d{2}:\d{2}:\d{2}")


def to_millis(moment: datetime) -> int:
    """Convert a time with a zone to milliseconds since the epoch, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


@lru_cache(maxsize=1024)  # one answer repeats the same time in several fields
def format_millis(millis: int) -> str:
    """Format milliseconds since the epoch as `YYYY-MM-DDTHH:MM:SS.mmmZ`, as every answer does."""
    moment = _EPOCH + timedelta(milliseconds=millis)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def read_moment(value: object, now: int) -> int:
    """Read a date of a feed: ISO 8601, `MM/DD/YYYY, HH:MM:SS`, or epoch seconds.

    A date without a zone is UTC.

    Args:
        value: the date as the feed gives it.
        now: time of the run, in milliseconds since the epoch.

    Returns:
        Milliseconds since the epoch, rounded down.

    Raises:
        InvalidRecord: the date cannot be read, is before 2000, or is more than a day ahead.
    """
    try:
        millis = _read(value)
    except (ValueError, OverflowError):
        raise InvalidRecord("date cannot be read or does not exist") from None
    if millis < EARLIEST:
        raise InvalidRecord("date is before 2000")
    if millis > now + LATEST_AHEAD:
        raise InvalidRecord("date is more than a day ahead")
    return millis


def _read(value: object) -> int:
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, int | float):
        return to_millis(_EPOCH + timedelta(seconds=value))
    if not isinstance(value, str):
        raise ValueError
    if _US.fullmatch(value):
        return to_millis(datetime.strptime(value, "%m/%d/%Y, %H:%M:%S").replace(tzinfo=UTC))
    if not _ISO.fullmatch(value):
        raise ValueError
    moment = datetime.fromisoformat(value.upper().replace(" ", "T", 1).replace(" ", ""))
    return to_millis(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
