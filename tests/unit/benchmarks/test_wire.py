import threading

from benchmarks.metering import Meter


def test_calls_are_held_until_enough_are_under_way() -> None:
    meter, met = Meter(), []
    with meter.section() as usage:
        calls = [
            threading.Thread(target=lambda: met.append(meter.begin(gather=3, timeout_s=30)))
            for _ in range(3)
        ]
        for call in calls:
            call.start()
        for call in calls:
            call.join()
    assert (met, usage.peak) == ([True] * 3, 3)


def test_a_call_that_stays_alone_goes_on() -> None:
    meter = Meter()
    with meter.section() as usage:
        assert not meter.begin(gather=2, timeout_s=0.01)
        meter.fail()
        assert not meter.begin(gather=2, timeout_s=0.01)
    assert usage.peak == 1


def test_once_enough_were_under_way_nothing_waits() -> None:
    meter = Meter()
    with meter.section() as usage:
        meter.begin()
        assert meter.begin(gather=2)
        meter.fail()
        meter.fail()
        assert meter.begin(gather=2)
    assert usage.peak == 2
