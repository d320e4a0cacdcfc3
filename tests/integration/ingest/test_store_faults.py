"""A store that is late, stale, overloaded or half done: counts are exact all the same."""

import itertools
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from functions.ingest.store.quarantine import QuarantineEntries
from shared.store.client import dynamodb_client
from tests.builders import raw_ioc, raw_report
from tests.conftest import Store
from tests.fakes import Halving, HookedClient, LateWrites, StaleReads, json_feed
from tests.ingestion import NOW, ingest, model, stored

REFUSALS = [
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "TransactionConflictException",
    "InternalServerError",
    "ServiceUnavailable",
]
# Writes of a run over FIRST at most; the test proves that it ends before.
MANY_WRITES = 60

Report = dict[str, Any]


def report(name: str, *domains: str, **fields: Any) -> Report:
    iocs = {"domain": [raw_ioc(f"{domain}.example") for domain in domains]}
    return raw_report(name, iocs=iocs, **fields)


BEFORE = [report("0", "x"), report("1", "z")]
FIRST = [
    *BEFORE,
    report("a", "x", "y"),
    report("b", "x"),
    report("c", date="never"),
    report("d", "y", "z"),
    report("ahead", "x", "late", date=NOW / 1000 + 3600),
]
THEN = [*FIRST, report("e", "x", "z", date="2025-06-02"), report("a", "x", "new")]
LAST = [*THEN, report("f", "x", "y"), report("g", "new")]


def clear(store: Store) -> None:
    for table in (store.table, store.state_table):
        for item in store.items(table):
            store.client.delete_item(TableName=table, Key={"pk": item["pk"]})


@pytest.mark.parametrize("repeated", [False, True], ids=["lost", "sent again"])
def test_a_write_that_arrives_after_a_later_run_changes_no_count(
    moto_store: Store, repeated: bool
) -> None:
    held: Counter[str] = Counter()
    for number in range(1, MANY_WRITES):
        clear(moto_store)
        ingest(moto_store, json_feed(BEFORE))
        late = LateWrites(moto_store.client, number, repeated=repeated)
        ingest(moto_store, json_feed(FIRST, page_size=2), client=late)
        if not late.held:
            break
        held[late.held] += 1
        assert ingest(moto_store, json_feed(THEN, page_size=2)).complete
        assert stored(moto_store) == model(THEN)
        before = moto_store.items()
        if late.held == "put_item":
            with pytest.raises(moto_store.client.exceptions.ConditionalCheckFailedException):
                late.arrive()
        else:
            late.arrive()
        assert moto_store.items() == before, f"write {number}"
        assert ingest(moto_store, json_feed(LAST, page_size=2)).complete
        assert stored(moto_store) == model(LAST), f"write {number}"
    assert not late.held
    # Items, the ledger with the place in the feed, and the quarantine were all late once.
    assert min(held[name] for name in ("put_item", "update_item", "batch_write_item")) > 0


@pytest.mark.parametrize("seed", range(12))
def test_reads_that_lie_back_change_no_count(moto_store: Store, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    client = StaleReads(moto_store.client, moto_store.table, moto_store.state_table)
    seen: list[Report] = []
    for _ in range(6):
        if rng.random() < 0.4:
            client.remember()
        for _ in range(rng.randrange(4)):
            domains = rng.sample("wxyz", rng.randrange(1, 4))
            seen.append(report(f"flow-{rng.randrange(8)}", *domains, date=1_748_764_800))
        # What was delivered comes again, and has to be taken for new by who reads the old ledger.
        feed = json_feed(rng.sample(seen, len(seen)), page_size=3)
        assert ingest(moto_store, feed, client=client, batch_reports=2).complete
        assert stored(moto_store) == model(seen)
    assert client.stale


@pytest.mark.parametrize("seed", range(12))
def test_a_store_that_refuses_now_and_then_is_joined_exactly(moto_store: Store, seed: int) -> None:
    """One call in eight is refused, before or after it took effect, in whatever words."""
    rng = random.Random(seed)  # noqa: S311
    refused: Counter[str] = Counter()

    def refuse(operation: str) -> None:
        if rng.random() < 1 / 16:
            code = rng.choice(REFUSALS)
            refused[code] += 1
            raise ClientError({"Error": {"Code": code, "Message": ""}}, operation)

    client = HookedClient(moto_store.client, before=refuse, after=refuse)
    expected = model(LAST)
    for _ in range(6):
        summary = ingest(moto_store, json_feed(LAST, page_size=2), client=client)
        assert summary.complete or summary.stopped.startswith("the store refused: ")
        for indicator, known in stored(moto_store).items():
            assert known.counted <= expected[indicator].counted
    assert refused
    assert ingest(moto_store, json_feed(LAST, page_size=2)).complete
    assert stored(moto_store) == expected


def test_what_a_batch_leaves_undone_is_asked_again(moto_store: Store) -> None:
    many = [report(f"flow-{n}", str(n), "shared") for n in range(20)]
    bad = [report(f"bad-{n}", date="never") for n in range(30)]
    client = Halving(moto_store.client, times=10**9, least=10)
    for length in (15, 18, 20):
        feed = [*many[:length], *bad]
        # What is known is read again, so that it is the ledger that keeps it from counting.
        assert ingest(moto_store, json_feed(feed), client=client, again_since=0).complete
        assert stored(moto_store) == model(feed)
    assert len(list(QuarantineEntries(moto_store.client, moto_store.state_table).find())) == 30


@pytest.mark.parametrize("done", [0, 12, 25])
def test_half_a_batch_is_written_whole_by_the_next_run(moto_store: Store, done: int) -> None:
    """The store fails after it has stored an unknown part of a batch."""

    class Torn(HookedClient):
        def batch_write_item(self, RequestItems: Any) -> None:  # noqa: N803
            [(table, requests)] = RequestItems.items()
            if done:
                moto_store.client.batch_write_item(RequestItems={table: requests[:done]})
            raise ClientError({"Error": {"Code": "InternalServerError", "Message": ""}}, "")

    feed = [report("good", "x"), *(report(f"bad-{n}", date="never") for n in range(30))]
    assert not ingest(moto_store, json_feed(feed), client=Torn(moto_store.client)).complete
    entries = QuarantineEntries(moto_store.client, moto_store.state_table)
    assert len(list(entries.find())) == done
    assert ingest(moto_store, json_feed(feed)).complete
    assert len(list(entries.find())) == 30
    assert stored(moto_store) == model(feed)


def losing_replies(operation: str, every: int) -> tuple[Any, Callable[[], int]]:
    """A client, and how many replies to `operation` were lost.

    The store does what it is asked, and what comes back is an error 500. The library takes that
    for a refusal and asks again, without a log line.
    """
    client = dynamodb_client()
    numbers = itertools.count(1)
    lost: list[str] = []

    def lose(request: Any, **_: Any) -> Any:
        if next(numbers) % every:
            return None
        assert URLLib3Session().send(request).status_code in {200, 400}
        lost.append(operation)
        return AWSResponse(request.url, 500, HTTPHeaders(), _Nothing())

    client.meta.events.register(f"before-send.dynamodb.{operation}", lose)
    return client, lambda: len(lost)


class _Nothing:
    """A body without anything in it."""

    def stream(self, **_: Any) -> list[bytes]:
        return []


@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem"])
def test_a_lost_reply_that_the_library_asks_for_again_counts_once(
    engine_store: Store, operation: str
) -> None:
    with ThreadPoolExecutor(8) as pool:
        for feed in (FIRST, THEN, LAST):
            client, lost = losing_replies(operation, every=2)
            assert ingest(engine_store, json_feed(feed), client=client, pool=pool).complete
            assert stored(engine_store) == model(feed)
            assert lost() > 0
