"""How long the retries wait, and what they refuse to wait for."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from urllib3 import HTTPResponse

from shared.http.retry import BoundedRetry


class TooLate(Exception):
    pass


def retry(left: float) -> BoundedRetry:
    """Retries of which one has been made already, so that the next one has to wait."""
    first = BoundedRetry(
        total=9,
        backoff_factor=4,
        backoff_max=100,
        status_forcelist={503},
        remaining=lambda: left,
        too_late=lambda response: TooLate(response.status),
    )
    return first.increment("GET", "/", answer("0")).increment("GET", "/", answer("0"))


def answer(retry_after: str | None) -> HTTPResponse:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return HTTPResponse(headers=headers, status=503)


@pytest.mark.parametrize(
    ("asked", "waits"),
    [("7", 7), ("0", 0), (None, None), ("soon", 0), ("-1", 0), ("9" * 5000, 0)],
)
def test_an_answer_is_waited_for(asked: str | None, waits: float | None) -> None:
    assert retry(left=10).get_retry_after(answer(asked)) == waits


TOMORROW = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)


@pytest.mark.parametrize("asked", ["11", "99999", TOMORROW], ids=["11", "99999", "tomorrow"])
def test_an_answer_is_not_waited_for_beyond_the_time(asked: str) -> None:
    with pytest.raises(TooLate, match="503"):
        retry(left=10).get_retry_after(answer(asked))


@pytest.mark.parametrize(("left", "waits"), [(100, 8), (3, 3), (0, 0), (-1, 0)])
def test_the_wait_between_attempts_ends_with_the_time(left: float, waits: float) -> None:
    assert retry(left).get_backoff_time() == waits
