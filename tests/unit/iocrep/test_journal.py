import io
import json
from pathlib import Path

import pytest

from iocrep.errors import CommandError, Exit, UsageError
from iocrep.journal import Counts, Journal
from iocrep.lists import Lines

LIST = b"".join(b"%d.example\n" % number for number in range(6))


def opened(
    path: Path, *, resume: bool = True, content: bytes = LIST, settings: str = "json"
) -> tuple[Journal, Lines]:
    lines = Lines(io.BytesIO(content))
    return Journal(path, settings, lines, resume=resume), lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out"


def begun(path: Path) -> None:
    journal, lines = opened(path)
    with journal:
        for _ in range(2):
            line = next(iter(lines))
            journal.counts.count("UNKNOWN")
            journal.write(f"{line.text}\n")


def test_a_later_run_goes_on_behind_the_last_line_that_is_done(path: Path) -> None:
    begun(path)
    path.write_bytes(path.read_bytes() + b"half a li")
    journal, lines = opened(path)
    with journal:
        assert journal.skipped == len(b"0.example\n1.example\n")
        assert journal.counts.verdicts == {"UNKNOWN": 2}
        journal.write("".join(f"{line.text}\n" for line in lines))
    assert path.read_bytes() == LIST


def test_a_finished_run_that_is_gone_on_with_does_nothing(path: Path) -> None:
    begun(path)
    for _ in range(2):
        journal, lines = opened(path)
        with journal:
            journal.write("".join(f"{line.text}\n" for line in lines))
    assert path.read_bytes() == LIST
    journal, lines = opened(path, content=LIST + b"new.example\n")
    with journal:
        assert [line.text for line in lines] == ["new.example"]


def test_stopped_before_there_was_output(path: Path) -> None:
    opened(path)[0].__exit__()
    path.unlink()
    journal, lines = opened(path)
    with journal:
        assert journal.empty
        assert lines.done == 0


def test_stopped_within_the_first_chunk(path: Path) -> None:
    opened(path)[0].__exit__()
    path.write_bytes(b"half a chunk\nof a run")
    journal, lines = opened(path)
    with journal:
        assert journal.empty
        journal.write("".join(f"{line.text}\n" for line in lines))
        assert not journal.empty
    assert path.read_bytes() == LIST
    assert json.loads(path.with_name("out.state").read_text())["bytes"] == len(LIST)


def test_output_that_is_there_is_never_overwritten(path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(UsageError, match="--resume"):
        opened(path, resume=False)
    with pytest.raises(CommandError, match="cannot be continued"):
        opened(path)
    assert path.read_text() == "mine"


def test_what_does_not_fit_is_refused(path: Path) -> None:
    begun(path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="other options"):
        opened(path, settings="csv")
    for other in (b"other.example\n" + LIST, LIST[:12]):
        with pytest.raises(CommandError, match="another list"):
            opened(path, content=other)
    assert path.read_bytes() == before
    path.write_bytes(before[:-1])
    with pytest.raises(CommandError, match="shorter"):
        opened(path)
    for broken in ("{", "[]", json.dumps({"version": 99})):
        path.with_name("out.state").write_text(broken)
        with pytest.raises(CommandError, match="cannot be read"):
            opened(path)


@pytest.mark.parametrize(
    ("tally", "code"),
    [
        (Counts(), Exit.NOTHING_BAD),
        (Counts(verdicts={"UNKNOWN": 1, "BENIGN": 1, "NO_THREAT": 1}), Exit.NOTHING_BAD),
        (Counts(rejected=1), Exit.NOT_ALL_ANSWERED),
        (Counts(unanswered=1), Exit.NOT_ALL_ANSWERED),
        (Counts(rejected=1, verdicts={"SUSPICIOUS": 1}), Exit.SUSPICIOUS),
        (Counts(verdicts={"SUSPICIOUS": 1, "LIKELY_MALICIOUS": 1}), Exit.MALICIOUS),
        (Counts(unanswered=1, verdicts={"MALICIOUS": 1}), Exit.MALICIOUS),
    ],
)
def test_the_worst_verdict_is_the_exit_code(tally: Counts, code: Exit) -> None:
    assert tally.exit is code
