"""What is kept, for how long, and what goes first."""

from concurrent.futures import ThreadPoolExecutor

from shared.client import Answer, AnswerCache, ProviderRow, RowStatus
from shared.domain.indicator import IndicatorType, parse
from shared.domain.verdict import Verdict
from tests.unit.client.support import Clock

IPS = [parse(IndicatorType.IP, f"192.0.2.{n}") for n in range(9)]


def known(n: int) -> Answer:
    return Answer(IPS[n], known=True, rows=(ProviderRow("a", RowStatus.LISTED, Verdict.MALICIOUS),))


def unknown(n: int) -> Answer:
    return Answer(IPS[n], known=False, rows=(ProviderRow("a", RowStatus.NOT_LISTED, None),))


def test_known_and_unknown_answers_have_their_own_time() -> None:
    clock = Clock()
    cache = AnswerCache(known_s=100, unknown_s=10, clock=clock)
    cache.put(known(0))
    cache.put(unknown(1))
    clock.now += 9.5
    assert cache.get(IPS[0]) == known(0)
    assert cache.get(IPS[1]) == unknown(1)
    clock.now += 0.5
    assert cache.get(IPS[0]) == known(0)
    assert cache.get(IPS[1]) is None
    clock.now += 90
    assert cache.get(IPS[0]) is None


def test_a_new_answer_takes_the_place_and_time_of_the_old_one() -> None:
    clock = Clock()
    cache = AnswerCache(known_s=100, unknown_s=10, clock=clock)
    cache.put(unknown(0))
    clock.now += 5
    cache.put(known(0))
    clock.now += 99
    assert cache.get(IPS[0]) == known(0)


def test_what_was_used_least_lately_goes_first() -> None:
    cache = AnswerCache(max_entries=3, clock=Clock())
    for n in range(3):
        cache.put(known(n))
    cache.get(IPS[0])
    cache.put(known(3))
    cache.put(known(2))
    cache.put(known(4))
    assert [n for n, ip in enumerate(IPS) if cache.get(ip)] == [2, 3, 4]


def test_without_time_or_room_nothing_is_kept() -> None:
    for cache in (AnswerCache(known_s=0, clock=Clock()), AnswerCache(max_entries=0)):
        cache.put(known(0))
        assert cache.get(IPS[0]) is None


def test_an_answer_that_lacks_a_provider_is_not_kept() -> None:
    cache = AnswerCache(clock=Clock())
    failed = ProviderRow("b", RowStatus.FAILED, None)
    cache.put(Answer(IPS[0], known=True, rows=(*known(0).rows, failed)))
    assert cache.get(IPS[0]) is None


def test_threads_share_a_cache() -> None:
    cache = AnswerCache(max_entries=4)

    def use(n: int) -> None:
        for at in range(2000):
            cache.put(known((n + at) % 9))
            kept = cache.get(IPS[at % 9])
            assert kept is None or kept.indicator == IPS[at % 9]

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(use, range(4)))
    assert sum(cache.get(ip) is not None for ip in IPS) == 4
