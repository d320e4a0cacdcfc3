"""The export run ends overrides that have expired, so that their end is an event."""

import os
from dataclasses import replace
from typing import Any

import boto3
import pytest

from functions.changes.change import change_in
from functions.export import app
from local.buckets import make_bucket
from local.changes import stream_records
from local.context import LocalContext
from shared.domain.errors import StoreError
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.override import Override
from shared.domain.verdict import Verdict
from shared.runtime.clock import now_ms
from shared.store.exports import export_bucket
from shared.store.iocs import IocTable
from shared.store.items import IocItem
from tests.builders import DOMAIN, reputation
from tests.changes import VALIDATOR
from tests.conftest import Store

TIMER: Any = LocalContext("export", 300)
DAY_MS, DAYS = 86_400_000, 100_000
LONG_URL = Indicator(IndicatorType.URL, "http://evil.example/?" + "a" * 4000)


@pytest.fixture
def store(engine_store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name, value in engine_store.env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TTL", str(DAYS))
    make_bucket(os.environ["EXPORT_BUCKET"])
    boto3.resource("s3").Bucket(os.environ["EXPORT_BUCKET"]).objects.delete()
    return engine_store


def override(indicator: Indicator, ends_in_days: int, **facts: Any) -> Override:
    now = now_ms()
    made = Override(
        now - 5 * DAY_MS,
        1,
        Verdict.BENIGN,
        "our update server",
        "Ann",
        indicator.value,
        now + ends_in_days * DAY_MS,
    )
    return made._replace(**facts)


def images(store: Store) -> dict[str, Any]:
    return {item["pk"]["S"]: item for item in store.items()}


def run(store: Store) -> tuple[int, list[dict[str, Any]]]:
    """Export once; returns how many overrides the run ended, and the events of its writes."""
    before = images(store)
    ended = app.lambda_handler({}, TIMER)["overrides_ended"]
    changes = [change_in(record) for record in stream_records(before, images(store))]
    for change in changes:
        VALIDATOR.validate(change)
    return ended, [change for change in changes if change]


def test_an_expired_override_ends_once_and_the_verdict_of_the_scan_is_announced(
    store: Store,
) -> None:
    table = IocTable(store.client, store.table, retention_s=DAYS * 86_400)
    assert table.write(IocItem(reputation(), b"12345678"), None)
    assert table.override(DOMAIN, override(DOMAIN, -1))
    assert "ttl" not in store.items()[0]
    ended, [change] = run(store)
    assert ended == 1
    assert (change["previous_verdict"], change["verdict"]) == ("BENIGN", "MALICIOUS")
    assert (change["reason"], change["override"]) == ("override_expired", None)
    [item] = store.items()
    # Retention holds again.
    assert int(item["ttl"]["N"]) == reputation().summary.last_seen // 1000 + DAYS * 86_400
    assert run(store) == (0, [])


def test_a_run_that_fails_at_the_end_of_an_override_leaves_it_to_the_next_run(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = IocTable(store.client, store.table)
    assert table.write(IocItem(reputation(), b"12345678", override=override(DOMAIN, -1)), None)

    def fails(*_: object) -> bool:
        raise StoreError("the store failed")

    with monkeypatch.context() as patched:
        patched.setattr(IocTable, "end_override", fails)
        with pytest.raises(StoreError):
            app.lambda_handler({}, TIMER)
    # The exports of that run are published.
    assert export_bucket(os.environ["EXPORT_BUCKET"], timeout_s=5, attempts=1).index()
    ended, [change] = run(store)
    assert (ended, change["reason"]) == (1, "override_expired")


@pytest.mark.parametrize("indicator", [DOMAIN, LONG_URL])
def test_a_value_that_only_an_analyst_knew_has_no_verdict_afterwards(
    store: Store, indicator: Indicator
) -> None:
    table = IocTable(store.client, store.table)
    assert table.override(indicator, override(indicator, -1, verdict=Verdict.MALICIOUS))
    ended, [change] = run(store)
    assert ended == 1
    assert change["indicator"]["value"] == indicator.value
    assert (change["previous_verdict"], change["verdict"]) == ("MALICIOUS", None)
    assert change["reason"] == "override_expired"
    assert run(store) == (0, [])


@pytest.mark.parametrize(
    "held",
    [override(DOMAIN, 1), override(DOMAIN, 1, expires=0), override(DOMAIN, -1, deleted=True)],
)
def test_an_override_that_holds_or_has_ended_stays(store: Store, held: Override) -> None:
    table = IocTable(store.client, store.table)
    assert table.write(IocItem(reputation(), b"12345678", override=held), None)
    assert run(store) == (0, [])


def test_an_override_that_was_set_anew_meanwhile_is_not_ended(store: Store) -> None:
    table = IocTable(store.client, store.table)
    expired = IocItem(reputation(), b"12345678", override=override(DOMAIN, -1))
    assert table.write(expired, None)
    again = override(DOMAIN, 30, id=2, set_at=now_ms())
    assert table.override(DOMAIN, again)
    assert not table.end_override(DOMAIN, expired)
    stored = table.read([DOMAIN], consistent=True)[DOMAIN]
    assert stored.override == again
    assert replace(stored, version=b"") == replace(expired, version=b"", override=again)
