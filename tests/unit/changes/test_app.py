"""The handler of the changes function before a bus that fails, as Lambda retries it."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import functions.changes.app as changes
from functions.changes.change import change_in
from local.context import LocalContext
from shared.domain.verdict import Verdict
from shared.runtime.observability import Failed
from shared.runtime.settings import SettingsError
from tests.builders import reputation
from tests.changes import VALIDATOR, Bus, State, history

CONTEXT: Any = LocalContext("changes", 60)


@pytest.fixture(autouse=True)
def _bus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_BUS_NAME", "a-bus")


def records_of(count: int) -> list[dict[str, Any]]:
    """So many records, each of them a change, and one between any two that is none."""
    states: list[State] = []
    for number in range(count):
        verdict = Verdict.MALICIOUS if number % 2 else Verdict.BENIGN
        states += [reputation(verdict=verdict, counted=n) for n in (1, 2)]
    return history(states)


def invoke(bus: Any, records: list[dict[str, Any]]) -> str | None:
    """The record from which on Lambda hands over again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes, "_client", lambda: bus)
        failures = changes.lambda_handler({"Records": records}, CONTEXT)["batchItemFailures"]
    assert len(failures) <= 1
    return failures[0]["itemIdentifier"] if failures else None


def test_changes_go_to_the_bus_in_order() -> None:
    bus, records = Bus(), records_of(25)
    assert invoke(bus, records) is None
    assert bus.details == [one for record in records if (one := change_in(record))]
    assert len(bus.details) == 25
    for entry in bus.entries:
        assert entry["EventBusName"] == "a-bus"
        assert (entry["Source"], entry["DetailType"]) == ("ioc-reputation", "IOC verdict changed")
        assert entry["Detail"].isascii()
    for detail in bus.details:
        VALIDATOR.validate(detail)


def test_without_a_change_the_bus_is_not_asked() -> None:
    assert invoke(None, records_of(1)[1:]) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 30), st.lists(st.booleans(), max_size=60))
def test_whatever_the_bus_refuses_every_change_arrives_and_is_told_apart_from_its_repeat(
    count: int, takes: list[bool]
) -> None:
    bus, records = Bus(takes), records_of(count)
    left = records
    while left:
        failed = invoke(bus, left)
        numbers = [record["dynamodb"]["SequenceNumber"] for record in left]
        left = left[numbers.index(failed) :] if failed else []
    expected = [one for record in records if (one := change_in(record))]
    by_id = {detail["id"]: detail for detail in bus.details}
    assert {one["id"]: one for one in expected} == by_id
    assert all(detail == by_id[detail["id"]] for detail in bus.details)
    if all(takes):
        assert bus.details == expected


class Unreachable:
    """A bus that does not answer."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def put_events(self, **_: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ThrottlingException"}}, "PutEvents"),
        EndpointConnectionError(endpoint_url="http://nowhere.example"),
    ],
)
def test_a_bus_that_does_not_answer_is_asked_again_from_the_first_change_on(
    error: Exception,
) -> None:
    records = records_of(3)
    assert invoke(Unreachable(error), records) == records[0]["dynamodb"]["SequenceNumber"]


def test_an_image_that_cannot_be_read_fails_the_batch_before_anything_is_told() -> None:
    bus, records = Bus(), records_of(2)
    del records[-1]["dynamodb"]["NewImage"]["last"]
    with pytest.raises(Failed, match="KeyError"):
        invoke(bus, records)
    assert bus.details == []


def test_without_a_bus_there_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_BUS_NAME", "")
    with pytest.raises(SettingsError, match="EVENT_BUS_NAME is not set"):
        invoke(Bus(), [])
