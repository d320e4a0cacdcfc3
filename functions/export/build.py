"""One run: read everything, write every file into the set that nobody reads, publish it."""

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, Protocol

from functions.export.export_source import ExportSource
from functions.export.formats.all_formats import all_files
from shared.domain.reputation import Reputation
from shared.formats.exports.index import ExportIndex, ExportPage, IndexedFile
from shared.formats.exports.source import ExportFile, Options
from shared.store.exports import SLOTS

# The run after this one has to know what was exported before, and when.
STATE = "state.sqlite"
# The bucket forgets a file a month after it was written.
_WRITTEN_AGAIN_AFTER_MS = 15 * 86_400_000


# Hands over everything, page by page and from several threads at once.
Read = Callable[[Callable[[list[Reputation]], None]], None]


class Bucket(Protocol):
    """Where exports are published; `shared.store.exports.ExportBucket` is one."""

    def index(self) -> ExportIndex | None:
        """The index of what is published."""

    def begin(self, slot: str) -> Mapping[str, IndexedFile]:
        """Begin to write a set; the files that it holds from before."""

    def fetch(self, index: ExportIndex, name: str, to: Path) -> None:
        """A file of a set, into a file."""

    def put(self, slot: str, name: str, source: Path, media_type: str) -> None:
        """Write a file of a set."""

    def publish(self, index: ExportIndex) -> None:
        """Make a set the one that is read."""


def publish(
    read: Read,
    *,
    bucket: Bucket,
    options: Options,
    now: int,
    pool: Executor,
    folder: Path,
) -> dict[str, Any]:
    """Publish all exports.

    Args:
        read: hands over what is stored.
        now: milliseconds since the epoch.
        pool: where files are put into the bucket.
        folder: an empty one, for files.

    Returns:
        What was done, for the log.

    Raises:
        NotAllRead: the time for reading is used up; what is published stays.
        StoreError: the store failed; what is published stays.
    """
    published = bucket.index()
    # Changes are told apart by their moments, so no two runs may have the same.
    built = max(now, published.built + 1) if published else now
    slot = SLOTS[1] if published and published.slot == SLOTS[0] else SLOTS[0]
    before = None
    if published:
        before = folder / "before.sqlite"
        bucket.fetch(published, STATE, before)
    state = folder / STATE
    with ExportSource(state, built) as snapshot:
        read(snapshot.add)
        iocs = snapshot.close_against(before)
        writer = _Writer(bucket, slot, built, pool, folder)
        for file in all_files(snapshot, options):
            writer.write(file)
    writer.put(STATE, state, "application/vnd.sqlite3")
    index = ExportIndex(built, slot, iocs, writer.finish(), tuple(writer.pages))
    bucket.publish(index)
    return {
        "iocs": iocs,
        "files": len(index.files),
        "written": writer.written,
        "bytes": sum(entry.size for entry in index.files.values()),
        "built": built,
    }


class _Writer:
    """Writes the files of a set, and leaves those alone that the set has already.

    Attributes:
        pages: the ones written that are pages of what changed.
        written: how many files were not there already.
    """

    def __init__(self, bucket: Bucket, slot: str, built: int, pool: Executor, folder: Path) -> None:
        self.pages: list[ExportPage] = []
        self.written = 0
        self._bucket = bucket
        self._slot = slot
        self._built = built
        self._pool = pool
        self._folder = folder
        self._there = bucket.begin(slot)
        self._files: dict[str, IndexedFile] = {}
        self._puts: list[Future[None]] = []

    def write(self, file: ExportFile) -> None:
        path = self._folder / str(len(self._files))
        with path.open("wb") as target:
            for part in file.parts:
                target.write(part.encode())
        self.put(file.name, path, file.media_type)
        if file.first:
            self.pages.append(ExportPage(*file.first, file.name))

    def put(self, name: str, path: Path, media_type: str) -> None:
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        there = self._there.get(name)
        if (
            there
            and there.sha256 == digest
            and self._built - there.written < _WRITTEN_AGAIN_AFTER_MS
        ):
            self._files[name] = there
            path.unlink()
            return
        self._files[name] = IndexedFile(path.stat().st_size, digest, media_type, self._built)
        self.written += 1
        self._puts.append(self._pool.submit(self._put, name, path, media_type))

    def finish(self) -> dict[str, IndexedFile]:
        """The files of the set, once all of them are written."""
        for one in self._puts:
            one.result()
        return {name: entry for name, entry in self._files.items() if name != STATE}

    def _put(self, name: str, path: Path, media_type: str) -> None:
        self._bucket.put(self._slot, name, path, media_type)
        path.unlink()
