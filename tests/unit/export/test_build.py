"""A run of the export job: what it publishes, what it leaves alone, and what a crash leaves."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from functions.export.build import STATE, publish
from shared.domain.errors import StoreError
from shared.domain.indicator import IndicatorType, parse
from shared.domain.moment import format_millis
from shared.domain.reputation import Reputation
from shared.domain.verdict import Verdict
from shared.formats.exports import stix
from shared.formats.exports.index import ExportIndex, IndexedFile
from shared.store.whole_table import NotAllRead
from tests.builders import reputation
from tests.exports import OPTIONS

NOW = 1_767_607_200_000
HOUR = 3_600_000
DOMAINS = [parse(IndicatorType.DOMAIN, f"d{n}.example") for n in range(5)]
KNOWN = [
    reputation(one, flow_id=f"flow-{n}", tags=frozenset({"b", "a"}))
    for n, one in enumerate(DOMAINS)
]


@dataclass
class Bucket:
    """A bucket in memory."""

    objects: dict[str, bytes] = field(default_factory=dict)
    published: ExportIndex | None = None
    held: dict[str, Mapping[str, IndexedFile]] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)
    fails_at: str = ""

    def index(self) -> ExportIndex | None:
        return self.published

    def begin(self, slot: str) -> Mapping[str, IndexedFile]:
        return self.held.pop(slot, {})

    def fetch(self, index: ExportIndex, name: str, to: Path) -> None:
        to.write_bytes(self.objects[f"{index.slot}/{name}"])

    def put(self, slot: str, name: str, source: Path, media_type: str) -> None:
        if name == self.fails_at:
            raise StoreError("no")
        self.objects[f"{slot}/{name}"] = source.read_bytes()
        self.puts.append(name)

    def publish(self, index: ExportIndex) -> None:
        # It goes through its text, as it does in a bucket.
        self.published = ExportIndex.from_json(index.as_json())
        self.held[index.slot] = self.published.files

    def text(self, name: str) -> str:
        assert self.published
        return self.objects[f"{self.published.slot}/{name}"].decode()


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def run(bucket: Bucket, tmp_path: Path) -> Run:
    """Runs the job over some IOCs, in three pages, and as if it could not read on after that."""

    def run(
        known: list[Reputation], now: int = NOW, error: Exception | None = None
    ) -> dict[str, Any]:
        def read(take: Callable[[list[Reputation]], None]) -> None:
            with ThreadPoolExecutor(3) as pool:
                list(pool.map(take, (known[:2], known[2:], [])))
            if error:
                raise error

        folder = tmp_path / "run"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        with ThreadPoolExecutor(2) as pool:
            return publish(
                read,
                bucket=bucket,
                options=OPTIONS,
                now=now,
                pool=pool,
                folder=folder,
            )

    return run


def changes(bucket: Bucket) -> dict[str, tuple[str, str]]:
    """When each IOC was first exported, and when as it is now."""
    _, found = stix.read_page(bucket.text("stix/0001.json"))
    return {one["name"]: (one["created"], one["modified"]) for one in found}


def test_a_run_publishes_every_file_with_its_digest(bucket: Bucket, run: Run) -> None:
    done = run(KNOWN)
    assert bucket.published
    assert (done["iocs"], bucket.published.iocs, bucket.published.built) == (5, 5, NOW)
    assert STATE not in bucket.published.files
    for name, entry in bucket.published.files.items():
        content = bucket.objects[f"{bucket.published.slot}/{name}"]
        assert (entry.size, entry.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    (page,) = bucket.published.pages
    _, (first, *_) = stix.read_page(bucket.text(page.name))
    assert (page.changed, page.id) == (NOW, first["id"])


def test_the_same_data_gives_the_same_bytes(bucket: Bucket, run: Run) -> None:
    run(KNOWN)
    assert bucket.published
    before = {name: bucket.text(name) for name in bucket.published.files}
    run(KNOWN[::-1], NOW + HOUR)
    assert {name: bucket.text(name) for name in before} == before


def test_what_a_set_holds_already_is_not_written_again(bucket: Bucket, run: Run) -> None:
    run(KNOWN)
    run(KNOWN, NOW + HOUR)
    bucket.puts.clear()
    assert run(KNOWN, NOW + 2 * HOUR)["written"] == 1
    assert bucket.puts == [STATE]


def test_what_the_bucket_would_forget_is_written_again(bucket: Bucket, run: Run) -> None:
    run(KNOWN)
    run(KNOWN, NOW + 24 * HOUR)
    bucket.puts.clear()
    run(KNOWN, NOW + 16 * 24 * HOUR)
    assert "iocs.csv" in bucket.puts


def test_only_what_changed_gets_a_new_version(bucket: Bucket, run: Run) -> None:
    run(KNOWN[:4])
    worse = reputation(DOMAINS[1], flow_id="flow-1", verdict=Verdict.SUSPICIOUS)
    run([KNOWN[0], worse, *KNOWN[2:]], NOW + HOUR)
    first, second = format_millis(NOW), format_millis(NOW + HOUR)
    assert changes(bucket) == {
        "d0.example": (first, first),
        "d1.example": (first, second),
        "d2.example": (first, first),
        "d3.example": (first, first),
        "d4.example": (second, second),
    }
    # Changed entries come last, so a client that has read the rest reads only the end.
    assert list(changes(bucket))[3:] in (["d1.example", "d4.example"], ["d4.example", "d1.example"])


@pytest.mark.parametrize(
    "other",
    [
        {"verdict": Verdict.BENIGN},
        {"flow_id": "another"},
        {"report_id": "another"},
        {"tags": frozenset({"a"})},
        {"first_seen": 1_700_000_000_000},
        {"last_seen": 1_790_000_000_000},
        {"counted": 2},
    ],
    ids=lambda other: next(iter(other)),
)
def test_whatever_an_export_tells_makes_a_new_version(
    bucket: Bucket, run: Run, other: dict[str, Any]
) -> None:
    run([KNOWN[0]])
    fields = {"flow_id": "flow-0", "tags": frozenset({"a", "b"})} | other
    run([reputation(DOMAINS[0], **fields)], NOW + HOUR)
    assert changes(bucket)["d0.example"][1] == format_millis(NOW + HOUR)


def test_a_clock_that_goes_back_hides_no_change(bucket: Bucket, run: Run) -> None:
    run(KNOWN[:1])
    run(KNOWN, NOW - HOUR)
    assert changes(bucket)["d4.example"][1] == format_millis(NOW + 1)


def test_what_is_no_longer_stored_is_no_longer_exported(bucket: Bucket, run: Run) -> None:
    run(KNOWN)
    assert run(KNOWN[:1], NOW + HOUR)["iocs"] == 1
    assert list(changes(bucket)) == ["d0.example"]


def test_when_not_everything_is_read_what_is_published_stays(bucket: Bucket, run: Run) -> None:
    run(KNOWN[:1])
    with pytest.raises(NotAllRead):
        run(KNOWN, NOW + HOUR, NotAllRead("no time"))
    assert list(changes(bucket)) == ["d0.example"]


@pytest.mark.parametrize("fails_at", ["iocs.csv", "misp/manifest.json", STATE])
def test_a_crash_leaves_what_is_published_and_the_next_run_whole(
    bucket: Bucket, run: Run, fails_at: str
) -> None:
    run(KNOWN[:1])
    run(KNOWN[:2], NOW + HOUR)
    bucket.fails_at = fails_at
    with pytest.raises(StoreError):
        run(KNOWN, NOW + 2 * HOUR)
    assert len(changes(bucket)) == 2
    bucket.fails_at = ""
    # As it was in the set before the crash: what the crash wrote over must be written again.
    run(KNOWN[:1], NOW + 3 * HOUR)
    assert bucket.published
    for name, entry in bucket.published.files.items():
        assert hashlib.sha256(bucket.text(name).encode()).hexdigest() == entry.sha256, name


def test_the_index_survives_its_text() -> None:
    index = ExportIndex(NOW, "a", 1, {"x": IndexedFile(1, "ab", "text/plain", NOW)}, ())
    assert ExportIndex.from_json(index.as_json()) == index
    assert json.loads(replace(index, iocs=2).as_json())["iocs"] == 2
