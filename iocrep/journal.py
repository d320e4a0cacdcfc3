"""Output that a later run can continue, wherever the run before was stopped.

A small state file next to the output records how many lines of the list are done and how long the
output was then. It is replaced in one step after each chunk that is on disk. Output beyond that
length belongs to an interrupted chunk and is truncated.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

from iocrep.errors import CommandError, Exit, UsageError
from iocrep.lists import AnyLines
from shared.domain.verdict import Verdict

SUFFIX = ".state"
_VERSION = 1


@dataclass(slots=True)
class Counts:
    """Results of the lines so far, counted.

    Attributes:
        rejected: lines that are not a valid indicator.
        unanswered: indicators without an answer.
        verdicts: answered indicators by the name of their verdict; UNKNOWN for none.
    """

    rejected: int = 0
    unanswered: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)

    def count(self, verdict_name: str) -> None:
        """Count an answer."""
        self.verdicts[verdict_name] = self.verdicts.get(verdict_name, 0) + 1

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
        parts += [f"{self.rejected:,} invalid"] if self.rejected else []
        return ", ".join(parts) or "nothing to look up"


class Journal:
    """An output file and its state file.

    Args:
        path: the output.
        settings: options that must be the same in a run that continues, such as the format.
        lines: the list; lines that are done are skipped.
        resume: whether to continue existing output.

    Attributes:
        counts: of all lines that are done.
        skipped: bytes of the list that earlier runs did.

    Raises:
        CommandError: output exists and `resume` is false, or the output cannot be continued.
    """

    def __init__(self, path: Path, settings: str, lines: AnyLines, *, resume: bool) -> None:
        self._state = path.with_name(path.name + SUFFIX)
        self._settings = settings
        self._lines = lines
        self.counts = Counts()
        self.skipped = 0
        size = 0
        if not path.parent.is_dir():
            raise UsageError(f"the folder {path.parent} does not exist: create it first.")
        if path.exists() and not resume:
            raise UsageError(f"{path} already exists. Continue it with --resume, or remove it.")
        if resume and self._state.exists():
            size = self._continue(path, self._read())
        elif path.exists():
            raise CommandError(
                f"{path} cannot be continued, because {self._state.name} is missing."
            )
        else:
            self._write(0)
        self._out: BinaryIO = path.open("ab")
        self._out.truncate(size)
        self._out.seek(size)  # truncating does not move the position

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()

    @property
    def empty(self) -> bool:
        """Whether the output is still empty."""
        return self._out.tell() == 0

    def write(self, text: str) -> None:
        """Append the output of all lines that were read since the last call."""
        self._out.write(text.encode())
        self._out.flush()
        os.fsync(self._out.fileno())
        self._write(self._out.tell())

    def _continue(self, path: Path, state: dict[str, Any]) -> int:
        if state["settings"] != self._settings:
            raise UsageError(f"{path} was started with other options ({state['settings']}).")
        size: int = state["bytes"]
        if (path.stat().st_size if path.exists() else 0) < size:
            raise CommandError(f"{path} is shorter than it was. Remove it to start again.")
        self.skipped = self._lines.skip(state["lines"])
        if (self._lines.done, self._lines.digest) != (state["lines"], state["digest"]):
            raise CommandError(
                f"{path} belongs to another list, or the part of the list that is done has changed."
            )
        self.counts = Counts(**state["tally"])
        return size

    def _read(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads(self._state.read_bytes())
            known = state["version"] == _VERSION
        except (ValueError, KeyError, TypeError):
            known = False
        if not known:
            raise CommandError(f"{self._state} cannot be read. Remove it and the output.")
        return state

    def _write(self, size: int) -> None:
        state = {
            "version": _VERSION,
            "settings": self._settings,
            "lines": self._lines.done,
            "digest": self._lines.digest,
            "bytes": size,
            "tally": asdict(self.counts),
        }
        new = self._state.with_name(self._state.name + ".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._state)
