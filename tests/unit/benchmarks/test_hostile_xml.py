"""The hostile pages of the benchmark, small: read or refused in linear time."""

import contextlib
import time

import pytest

from benchmarks.hostile_xml import PAGES, page
from shared.domain.errors import FeedError
from shared.feed.formats import read_page

SMALL = 75_000
# What is quadratic takes 64 times as long for 8 times as much, and what is linear 8 times.
GROWTH = 8
MOST = 20
# Less than this is noise.
LEAST_S = 0.02


def cpu_s(body: bytes) -> float:
    """CPU of reading a page, the best of two."""
    times = []
    for _ in range(2):
        started = time.process_time()
        with contextlib.suppress(FeedError):
            read_page(body)
        times.append(time.process_time() - started)
    return min(times)


@pytest.mark.parametrize("kind", PAGES)
def test_the_time_for_a_page_grows_no_more_than_its_size(kind: str) -> None:
    small, large = cpu_s(page(kind, SMALL)), cpu_s(page(kind, GROWTH * SMALL))
    assert large < MOST * max(small, LEAST_S)
