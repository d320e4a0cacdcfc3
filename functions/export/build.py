"""Builds the exports: writes all files into the inactive slot, then switches the index."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, Protocol

from functions.export.export_source import ExportSource
from functions.export.formats.all_formats import all_files
from functions.export.trust import JudgedIoc
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.score import DEFAULT_HALF_LIVES, Scorer
from shared.formats.exports import changes, stix
from shared.formats.exports.index import ExportIndex, ExportPage, IndexedFile
from shared.formats.exports.source import ExportFile, Options
from shared.store.exports import SLOTS

# The IOCs of this run; the next run reads from it when each was exported first and changed last.
STATE = "state.sqlite"
# The bucket deletes a file a month after it was written.
_WRITTEN_AGAIN_AFTER_MS = 15 * 86_400_000


# Passes all IOCs to a callback, page by page and from several threads. Returns by trusted name the
# provider whose trust also holds for the names below it.
Read = Callable[[Callable[[list[JudgedIoc]], None]], Mapping[Indicator, str]]


class Bucket(Protocol):
    """Stores exports in slots; `shared.store.exports.ExportBucket` is one."""

    def index(self) -> ExportIndex | None:
        """Read the published index; None before the first export."""

    def begin(self, slot: str) -> Mapping[str, IndexedFile]:
        """Begin to write a slot; returns the files that it already contains."""

    def fetch(self, index: ExportIndex, name: str, to: Path) -> None:
        """Download a published file to a local one."""

    def put(self, slot: str, name: str, source: Path, media_type: str) -> None:
        """Write a file into a slot."""

    def publish(self, index: ExportIndex) -> None:
        """Publish an index, which makes its slot the active one."""


def publish(
    read: Read,
    *,
    bucket: Bucket,
    options: Options,
    now: int,
    pool: Executor,
    folder: Path,
    half_lives: Mapping[IndicatorType, float] = DEFAULT_HALF_LIVES,
) -> dict[str, Any]:
    """Publish all exports.

    Args:
        read: passes all stored IOCs to its callback.
        now: milliseconds since the epoch.
        pool: runs the uploads.
        folder: an empty folder for temporary files.
        half_lives: days in which a score halves, by type.

    Returns:
        A summary for the log.

    Raises:
        NotAllRead: the time for reading is used up; the published exports stay.
        StoreError: the store failed; the published exports stay.
    """
    published = bucket.index()
    # Readers order changes by the time of the run, so no two runs may have the same time.
    built = max(now, published.built + 1) if published else now
    slot = SLOTS[1] if published and published.slot == SLOTS[0] else SLOTS[0]
    before = None
    if published:
        before = folder / "before.sqlite"
        bucket.fetch(published, STATE, before)
    state = folder / STATE
    scorer = Scorer(built, half_lives)
    with ExportSource(state, scorer, options.least_indicator) as source:
        source.overrule_below(read(source.add))
        iocs = source.carry_over(before)
        indicators = source.count_indicators()
        writer = _Writer(bucket, slot, built, pool, folder)
        for file in all_files(source, options):
            writer.write(file)
    writer.put(STATE, state, "application/vnd.sqlite3")
    index = ExportIndex(
        built,
        slot,
        iocs,
        writer.finish(),
        tuple(writer.pages[stix.FOLDER]),
        tuple(writer.pages[changes.FOLDER]),
        (published and published.complete_since) or built,
    )
    bucket.publish(index)
    return {
        "iocs": iocs,
        "indicators": indicators,
        "files": len(index.files),
        "written": writer.written,
        "bytes": sum(entry.size for entry in index.files.values()),
        "built": built,
    }


class _Writer:
    """Writes the files of a slot, except those that it already contains unchanged.

    Attributes:
        pages: the files that are pages of changes, by their folder.
        written: number of uploaded files.
    """

    def __init__(self, bucket: Bucket, slot: str, built: int, pool: Executor, folder: Path) -> None:
        self.pages: defaultdict[str, list[ExportPage]] = defaultdict(list)
        self.written = 0
        self._bucket = bucket
        self._slot = slot
        self._built = built
        self._pool = pool
        self._folder = folder
        self._existing = bucket.begin(slot)
        self._files: dict[str, IndexedFile] = {}
        self._puts: list[Future[None]] = []

    def write(self, file: ExportFile) -> None:
        path = self._folder / str(len(self._files))
        with path.open("wb") as target:
            for part in file.parts:
                target.write(part.encode())
        self.put(file.name, path, file.media_type)
        if file.first:
            folder, _, _ = file.name.partition("/")
            self.pages[folder].append(ExportPage(*file.first, file.name))

    def put(self, name: str, path: Path, media_type: str) -> None:
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        existing = self._existing.get(name)
        if (
            existing
            and existing.sha256 == digest
            and self._built - existing.written < _WRITTEN_AGAIN_AFTER_MS
        ):
            self._files[name] = existing
            path.unlink()
            return
        self._files[name] = IndexedFile(path.stat().st_size, digest, media_type, self._built)
        self.written += 1
        self._puts.append(self._pool.submit(self._put, name, path, media_type))

    def finish(self) -> dict[str, IndexedFile]:
        """Wait for all uploads; returns the files of the slot."""
        for one in self._puts:
            one.result()
        return {name: entry for name, entry in self._files.items() if name != STATE}

    def _put(self, name: str, path: Path, media_type: str) -> None:
        self._bucket.put(self._slot, name, path, media_type)
        path.unlink()
