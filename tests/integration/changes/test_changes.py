"""From a page of the feed to events: ingestion, records of what it wrote, the real handler."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import functions.changes.app as changes
from local.changes import stream_records
from local.context import LocalContext
from shared.domain.indicator import Indicator
from shared.domain.verdict import Verdict
from tests.builders import raw_ioc, raw_report
from tests.changes import VALIDATOR, Bus
from tests.conftest import Store, new_store
from tests.fakes import json_feed
from tests.ingestion import ingest, model

CONTEXT: Any = LocalContext("changes", 60)
VERDICTS = ["BENIGN", "INFORMATIONAL", "SUSPICIOUS", "MALICIOUS", "UNKNOWN"]
REPORTS = st.builds(
    lambda flow, day, said: raw_report(
        flow,
        date=f"2025-06-0{day}T08:00:00Z",
        iocs={"domain": [raw_ioc(f"{name}.example", verdict) for name, verdict in said.items()]},
    ),
    st.sampled_from(["f1", "f2", "f3", "f4"]),
    st.integers(1, 4),
    st.dictionaries(st.sampled_from("abc"), st.sampled_from(VERDICTS), max_size=3),
)


@pytest.fixture(autouse=True)
def _bus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_BUS_NAME", "a-bus")


def by_key(store: Store) -> dict[str, dict[str, Any]]:
    return {item["pk"]["S"]: item for item in store.items()}


def told(store: Store, run: Callable[[], object]) -> list[dict[str, Any]]:
    """The events of what `run` changes."""
    before, bus = by_key(store), Bus()
    run()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes, "_client", lambda: bus)
        records = stream_records(before, by_key(store))
        result = changes.lambda_handler({"Records": records}, CONTEXT)
    assert result == {"batchItemFailures": []}
    for detail in bus.details:
        VALIDATOR.validate(detail)
    return bus.details


def verdicts(reports: list[Any]) -> dict[Indicator, Verdict]:
    return {one: known.summary.latest.verdict for one, known in model(reports).items()}


@pytest.mark.usefixtures("moto_store")
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(REPORTS, min_size=1, max_size=3), min_size=1, max_size=4))
def test_each_run_tells_the_verdicts_that_it_changed(pages: list[list[Any]]) -> None:
    store = new_store()
    so_far: list[Any] = []
    for reports in pages:
        was = verdicts(so_far)
        so_far += reports
        now = verdicts(so_far)
        details = told(store, lambda page=reports: ingest(store, json_feed(page)))  # type: ignore[misc]
        assert {
            one["indicator"]["value"]: (one["previous_verdict"], one["verdict"]) for one in details
        } == {
            one.value: (was[one].name if one in was else None, verdict.name)
            for one, verdict in now.items()
            if was.get(one) is not verdict
        }
        assert told(store, lambda page=reports: ingest(store, json_feed(page))) == []  # type: ignore[misc]
