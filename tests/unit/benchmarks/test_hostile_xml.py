"""The hostile pages of the benchmark, small: read or refused in linear time."""

import contextlib
import time

import pytest

from benchmarks.hostile_xml import PAGES, page
from shared.domain.errors import FeedError
from shared.formats.feed.reader import read_page

SMALL = 75_000
# For 8 times as much, linear work takes 8 times as long and quadratic work 64 times. CPU on a
# busy machine varies by a factor of two or three.
GROWTH = 8
MOST = 40
# Less than this is noise.
LEAST_S = 0.02


def cpu_s(body: bytes) -> float:
    """CPU of reading a page, the best of three."""
    times = []
    for _ in range(3):
        started = time.process_time()
        with contextlib.suppress(FeedError):
            read_page(body)
        times.append(time.process_time() - started)
    return min(times)


@pytest.mark.parametrize("kind", PAGES)
def test_the_time_for_a_page_grows_no_more_than_its_size(kind: str) -> None:
    small, large = cpu_s(page(kind, SMALL)), cpu_s(page(kind, GROWTH * SMALL))
    assert large < MOST * max(small, LEAST_S)
