"""Output that a later run can go on with, wherever the one before it was stopped.

Beside the output is a small file that says how many lines of the list are done, and how long the
output was then. It is replaced, in one step, after every chunk that is on the disk. What the output
has beyond that length is of a chunk that was broken off, and is cut away.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

from iocrep.errors import CannotGoOn, Exit, NotSetUp
from iocrep.lists import Lines
from shared.domain.verdict import Verdict

SUFFIX = ".state"
_VERSION = 1


@dataclass(slots=True)
class Counts:
    """What became of the lines so far.

    Attributes:
        rejected: lines that are no indicator.
        unanswered: indicators without an answer.
        verdicts: the others, by the name of their verdict, UNKNOWN for none.
    """

    rejected: int = 0
    unanswered: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)

    def count(self, standing: str) -> None:
        """Count an answer."""
        self.verdicts[standing] = self.verdicts.get(standing, 0) + 1

    @property
    def exit(self) -> Exit:
        """The exit code of the worst verdict."""
        if self.verdicts.keys() & {Verdict.MALICIOUS.name, Verdict.LIKELY_MALICIOUS.name}:
            return Exit.MALICIOUS
        if Verdict.SUSPICIOUS.name in self.verdicts:
            return Exit.SUSPICIOUS
        return Exit.NOT_ALL_ANSWERED if self.rejected or self.unanswered else Exit.NOTHING_BAD

    def __str__(self) -> str:
        parts = [f"{number:,} {name}" for name, number in sorted(self.verdicts.items())]
        parts += [f"{self.unanswered:,} without an answer"] if self.unanswered else []
        parts += [f"{self.rejected:,} no indicator"] if self.rejected else []
        return ", ".join(parts) or "nothing was asked"


class Journal:
    """A file of output, and what is said beside it.

    Args:
        path: the output.
        settings: what must be the same for a run to be gone on with, such as the format.
        lines: the list; what is done of it is passed over.
        resume: whether to go on with what is there.

    Attributes:
        tally: of all that is done.
        skipped: bytes of the list that were done before.

    Raises:
        CannotGoOn: there is output and it is not to be, or cannot be gone on with.
    """

    def __init__(self, path: Path, settings: str, lines: Lines, *, resume: bool) -> None:
        self._state = path.with_name(path.name + SUFFIX)
        self._settings = settings
        self._lines = lines
        self.tally = Counts()
        self.skipped = 0
        size = 0
        if not path.parent.is_dir():
            raise NotSetUp(f"there is no folder {path.parent}: make it first.")
        if path.exists() and not resume:
            raise NotSetUp(f"{path} is there already. --resume goes on with it; or remove it.")
        if resume and self._state.exists():
            size = self._go_on(path, self._read())
        elif path.exists():
            raise CannotGoOn(f"{path} has no {self._state.name} beside it, so nothing can go on.")
        else:
            self._write(0)
        self._out: BinaryIO = path.open("ab")
        self._out.truncate(size)
        self._out.seek(size)  # where it stands does not follow from what was cut away

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()

    @property
    def empty(self) -> bool:
        """Whether nothing was written yet."""
        return self._out.tell() == 0

    def write(self, text: str) -> None:
        """Add the output of all lines that were read since."""
        self._out.write(text.encode())
        self._out.flush()
        os.fsync(self._out.fileno())
        self._write(self._out.tell())

    def _go_on(self, path: Path, state: dict[str, Any]) -> int:
        if state["settings"] != self._settings:
            raise NotSetUp(f"{path} was begun with other options ({state['settings']}).")
        size: int = state["bytes"]
        if (path.stat().st_size if path.exists() else 0) < size:
            raise CannotGoOn(f"{path} is shorter than it was. Remove it to begin again.")
        self.skipped = self._lines.skip(state["lines"])
        if (self._lines.done, self._lines.digest) != (state["lines"], state["digest"]):
            raise CannotGoOn(
                f"the list is another one than that of {path}, or a part of it changed."
            )
        self.tally = Counts(**state["tally"])
        return size

    def _read(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads(self._state.read_bytes())
            known = state["version"] == _VERSION
        except (ValueError, KeyError, TypeError):
            known = False
        if not known:
            raise CannotGoOn(f"{self._state} cannot be read. Remove it and the output.")
        return state

    def _write(self, size: int) -> None:
        state = {
            "version": _VERSION,
            "settings": self._settings,
            "lines": self._lines.done,
            "digest": self._lines.digest,
            "bytes": size,
            "tally": asdict(self.tally),
        }
        new = self._state.with_name(self._state.name + ".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._state)
