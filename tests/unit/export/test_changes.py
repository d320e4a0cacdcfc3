"""Clients that follow the changes hold the list that a full download holds, whatever happens."""

import csv
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from functions.export import build
from functions.export.formats import table
from functions.export.trust import JudgedIoc
from functions.lookup import changes as lookup_changes
from functions.lookup.exports import CachedExports
from functions.lookup.routes import respond
from functions.lookup.search import Parameters
from shared.domain.harmless import Ruling
from shared.domain.indicator import Indicator, IndicatorType, parse, parse_hash
from shared.domain.indicator_types import HASH_TYPES
from shared.domain.reputation import Reputation
from shared.domain.score import step_of
from shared.domain.verdict import Verdict
from shared.formats.exports import changes
from shared.formats.exports.index import ExportIndex
from shared.http.web import Request, Response
from tests.builders import reputation
from tests.exports import OPTIONS, MemoryBucket
from tests.unit.lookup.test_routes import KEY, FakeKeys, service

START = 1_750_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR
INDICATORS = [
    *(parse(IndicatorType.IP, f"198.51.100.{number}") for number in range(4)),
    *(parse(IndicatorType.DOMAIN, f"d{number}.example") for number in range(4)),
    *(parse(IndicatorType.URL, f"http://u{number}.example/") for number in range(4)),
    *(parse_hash(f"{number:064x}") for number in range(4)),
]
Row = Mapping[str, Any]
Listing = dict[tuple[str, str], Row]


@dataclass
class Stack:
    """A table, its exports, and the API in front of them; the clock is an argument.

    Attributes:
        indexes: those of the runs; instances of the function can still use an earlier one.
    """

    folder: Path
    now: int = START
    stored: dict[Indicator, JudgedIoc] = field(default_factory=dict)
    bucket: MemoryBucket = field(default_factory=MemoryBucket)
    keys: FakeKeys = field(default_factory=lambda: FakeKeys(KEY))

    def __post_init__(self) -> None:
        self.keys.limit = 10**9

    def export(self) -> None:
        def read(consume: Callable[[list[JudgedIoc]], None]) -> Mapping[Indicator, str]:
            consume(list(self.stored.values()))
            return {}

        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        with ThreadPoolExecutor(1) as pool:
            build.publish(
                read,
                bucket=self.bucket,
                options=OPTIONS,
                now=self.now,
                pool=pool,
                folder=self.folder,
            )

    def ask(
        self, query: Mapping[str, object], headers: Mapping[str, str] | None = None
    ) -> Response:
        known = {"apikey": KEY, **(headers or {})}
        exports = CachedExports(Objects(self.bucket), lambda: 0.0)
        asked = replace(service(self.keys), exports=lambda: exports)
        return respond(asked, Request("GET", "/v4/iocs/changes", urlencode(query), known))

    def listed(self) -> Listing:
        """The CSV, as rows of the changes."""
        return {
            (row["type"], row["value"]): {
                "type": row["type"],
                "value": row["value"],
                "verdict": row["verdict"],
                "score_step": step_of(int(row["score"])),
                "valid_until": row["valid_until"],
                "first_seen": row["first_seen"],
                "last_seen": row["last_seen"],
                "scan_count": int(row["scan_count"]),
                "tags": [one for one in row["tags"].split("|") if one],
            }
            for row in csv.DictReader(self.bucket.text("iocs.csv").splitlines(keepends=True))
        }


@dataclass
class Objects:
    """The bucket, as the look-up function reads it."""

    bucket: MemoryBucket

    def index(self) -> ExportIndex | None:
        return self.bucket.published

    def read(self, index: ExportIndex, name: str) -> bytes | None:
        return self.bucket.objects.get(f"{index.slot}/{name}")

    def link(self, index: ExportIndex, name: str, seconds: int) -> str:
        raise AssertionError("changes need no link")


@dataclass
class Follower:
    """A client that knows the list by its changes alone."""

    chosen: Mapping[str, object]
    cursor: str = ""
    more: bool = True
    held: Listing = field(default_factory=dict)
    answers: int = 0

    def read(self, stack: Stack, limit: int) -> None:
        """Read one page."""
        query = {**self.chosen, "since": self.cursor, "limit": limit}
        answer = stack.ask({name: value for name, value in query.items() if value})
        assert answer.status == 200, answer.body
        self.answers += 1
        for row in answer.body["removed"]:
            self.held.pop((row["type"], row["value"]), None)
        for row in answer.body["added"]:
            self.held[row["type"], row["value"]] = row
        self.cursor, self.more = answer.body["cursor"], answer.body["more"]

    def read_all(self, stack: Stack, limit: int) -> None:
        self.read(stack, limit)
        while self.more:
            self.read(stack, limit)

    def wants(self, row: Row) -> bool:
        kind = self.chosen.get("type")
        kinds = {one.value for one in HASH_TYPES} if kind == "hash" else {kind}
        return (
            (kind is None or row["type"] in kinds)
            and self.chosen.get("verdict") in {None, row["verdict"]}
            and row["score_step"] >= self.chosen.get("min_score", 0)
        )


FILTERS: tuple[dict[str, object], ...] = (
    {},
    {"type": "domain"},
    {"type": "hash"},
    {"verdict": "MALICIOUS"},
    {"min_score": 25},
    {"min_score": 50, "type": "ip"},
    {"min_score": 75, "verdict": "LIKELY_MALICIOUS"},
)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack that writes only the files that these tests read."""

    def files(source: Any, options: Any) -> Iterator[Any]:
        yield next(table.files(source, options))
        yield from changes.files(source, options)

    monkeypatch.setattr(build, "all_files", files)
    return Stack(tmp_path / "run")


def seen(stack: Stack, indicator: Indicator, rng: random.Random) -> Reputation:
    """A report of today about an indicator."""
    return reputation(
        indicator,
        seen_at=stack.now - rng.randrange(DAY),
        verdict=rng.choice(list(Verdict)),
        flow_id=f"flow-{rng.randrange(100)}",
        counted=rng.randrange(1, 9),
        tags=frozenset(rng.sample(("a", "b"), rng.randrange(3))),
    )


def step(stack: Stack, rng: random.Random) -> None:
    """Something happens to the table, or time passes."""
    indicator = rng.choice(INDICATORS)
    what = rng.random()
    if what < 0.45:
        stack.stored[indicator] = JudgedIoc(seen(stack, indicator, rng))
    elif what < 0.55:
        stack.stored.pop(indicator, None)
    elif what < 0.65 and indicator in stack.stored:
        ruling = Ruling("Analyst", rng.choice(list(Verdict)), of_analyst=True)
        stack.stored[indicator] = JudgedIoc(stack.stored[indicator].reputation, ruling)
    elif what < 0.7 and indicator in stack.stored:
        stack.stored[indicator] = JudgedIoc(stack.stored[indicator].reputation)
    else:
        stack.now += rng.choice([HOUR, HOUR, DAY, 20 * DAY])


def test_a_client_that_follows_the_changes_holds_the_list(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MAX_ROWS", 5)
    rng = random.Random(1)  # noqa: S311
    followers = [Follower(chosen) for chosen in FILTERS for _ in range(2)]
    stack.export()
    compared = 0
    for _ in range(1000):
        step(stack, rng)
        if rng.random() < 0.5:
            stack.export()
        for one in followers:
            # Most clients stop in the middle of a download, some do not ask for a long time.
            if rng.random() < 0.15:
                one.read(stack, rng.randrange(1, 8))
        one = rng.choice(followers)
        one.read_all(stack, 3)
        wanted = {key: row for key, row in stack.listed().items() if one.wants(row)}
        assert one.held == wanted
        full = Follower(one.chosen)
        full.read_all(stack, 1000)
        assert full.held == wanted
        compared += len(wanted)
    assert compared > 1000
    assert {key for one in followers for key in one.held}


def test_an_instance_with_an_older_export_hides_no_change(stack: Stack) -> None:
    rng = random.Random(3)  # noqa: S311
    for one in INDICATORS:
        stack.stored[one] = JudgedIoc(seen(stack, one, rng))
    older: ExportIndex | None = None
    client = Follower({})
    for number in range(60):
        stack.now += HOUR
        stack.stored.pop(rng.choice(INDICATORS), None)
        one = rng.choice(INDICATORS)
        stack.stored[one] = JudgedIoc(seen(stack, one, rng))
        older = stack.bucket.published
        stack.export()
        newest = stack.bucket.published
        for _ in range(number % 5):
            stack.bucket.published = rng.choice([older or newest, newest])
            client.read(stack, 4)
        stack.bucket.published = newest
    client.read_all(stack, 4)
    client.read_all(stack, 4)
    assert client.held == stack.listed()


def test_a_list_without_removals_begins_a_download(stack: Stack) -> None:
    stack.stored = {one: JudgedIoc(reputation(one)) for one in INDICATORS}
    stack.export()
    stack.stored.popitem()
    stack.now += HOUR
    stack.export()
    whole = stack.ask({}).body
    assert (len(whole["added"]), whole["removed"], whole["more"]) == (15, [], False)
    # A row that does not fit the filter is no removal for a client that has nothing.
    assert stack.ask({"type": "ip"}).body["removed"] == []


def test_what_grew_old_is_removed_and_comes_back_with_a_new_sighting(stack: Stack) -> None:
    [address] = INDICATORS[:1]
    client = Follower({})
    stack.stored[address] = JudgedIoc(reputation(address, seen_at=START))
    stack.export()
    client.read_all(stack, 10)
    [row] = client.held.values()
    assert (row["verdict"], row["score_step"]) == ("MALICIOUS", 75)
    stack.now += 64 * DAY
    stack.export()
    client.read_all(stack, 10)
    assert [row["score_step"] for row in client.held.values()] == [0]
    stack.now += 2 * DAY
    stack.export()
    answer = stack.ask({"since": client.cursor}).body
    assert answer["removed"] == [{"type": "ip", "value": address.value}]
    stack.stored[address] = JudgedIoc(reputation(address, seen_at=stack.now))
    stack.now += HOUR
    stack.export()
    client.read_all(stack, 10)
    assert [row["score_step"] for row in client.held.values()] == [75]


def test_what_was_old_when_it_was_first_seen_is_no_change(stack: Stack) -> None:
    stack.export()
    stack.stored[INDICATORS[0]] = JudgedIoc(reputation(INDICATORS[0], seen_at=START - 400 * DAY))
    cursor = stack.ask({}).body["cursor"]
    stack.now += HOUR
    stack.export()
    answer = stack.ask({"since": cursor}).body
    assert (answer["added"], answer["removed"]) == ([], [])


def test_an_unchanged_answer_is_not_sent_again_and_counts(stack: Stack) -> None:
    stack.stored = {one: JudgedIoc(reputation(one)) for one in INDICATORS}
    stack.export()
    first = stack.ask({"type": "ip"})
    again = stack.ask({"type": "ip"}, {"if-none-match": first.headers["ETag"]})
    assert (again.status, again.body, again.headers["ETag"]) == (304, {}, first.headers["ETag"])
    assert first.headers["Cache-Control"] == "private, max-age=60"


def test_a_cursor_older_than_the_known_removals_is_gone(stack: Stack) -> None:
    stack.export()
    stack.now += DAY
    cursor = stack.ask({}).body["cursor"]
    stack.stored = {one: JudgedIoc(reputation(one, seen_at=stack.now)) for one in INDICATORS}
    stack.export()
    for days, status in ((399, 200), (2, 410)):
        stack.now += days * DAY
        stack.export()
        answer = stack.ask({"since": cursor})
        assert answer.status == status
    assert answer.body["error"]["code"] == 410001
    # Before the first export nothing is known, either.
    for early in ("2020-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"):
        assert stack.ask({"since": early}).status == 410
    assert stack.ask({}).status == 200


def test_a_download_of_old_rows_may_take_its_time(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MAX_ROWS", 2)
    stack.stored = {one: JudgedIoc(reputation(one)) for one in INDICATORS if one.type in HASH_TYPES}
    stack.export()
    stack.now += 500 * DAY
    stack.export()
    client = Follower({})
    client.read_all(stack, 1)
    assert client.held == stack.listed()
    assert len(client.held) == 4


def test_a_lost_bucket_makes_every_cursor_too_old(stack: Stack) -> None:
    stack.export()
    cursor = stack.ask({}).body["cursor"]
    stack.bucket.objects.clear()
    stack.bucket.published = None
    stack.now += HOUR
    stack.export()
    assert stack.ask({"since": cursor}).status == 410


def test_without_changes_there_is_nothing_to_follow(stack: Stack) -> None:
    assert stack.ask({}).status == 404
    stack.export()
    assert stack.bucket.published
    # An export of a version without changes.
    stack.bucket.published = ExportIndex(START, "a", 0, {}, ())
    assert stack.ask({}).status == 404


@pytest.mark.parametrize(
    "query",
    [
        {"since": "x"},
        {"since": "2025-06-16T00:00:00Z_5"},
        {"since": "2025-06-16T00:00:00Z_5_x"},
        {"type": "sha"},
        {"verdict": "BAD"},
        {"min_score": "20"},
        {"min_score": "x"},
        {"limit": "0"},
        {"limit": "1001"},
    ],
)
def test_a_parameter_that_cannot_be_read_is_refused_and_costs_nothing(
    stack: Stack, query: dict[str, str]
) -> None:
    stack.export()
    answer = stack.ask(query)
    assert (answer.status, answer.body["error"]["code"]) == (400, 400022)
    assert "X-RateLimit-Remaining" not in answer.headers


def test_a_cursor_is_read_as_it_is_written() -> None:
    for cursor in (
        lookup_changes.Cursor(START, (START, "~")),
        lookup_changes.Cursor(START, (START - 1, "0" * 36), ended=False),
    ):
        parameters = Parameters(Request("GET", "/", urlencode({"since": cursor.text()}), {}))
        assert lookup_changes._cursor(parameters) == cursor
