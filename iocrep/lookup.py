"""The command `iocrep lookup` looks up indicators and prints the answers in their order."""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import typer

from iocrep import parameters
from iocrep.errors import UsageError, exit_on_error, notice
from iocrep.formats import Format, Row, as_table, as_text, console, header
from iocrep.journal import Counts, Journal
from iocrep.lists import AnyLines, Line, Lines, in_chunks
from iocrep.progress import Progress
from shared.client import Answer, ReputationApiError, ReputationClient, Unanswered
from shared.domain.indicator import Indicator


def lookup(
    context: typer.Context,
    *,
    indicators: parameters.Indicators = None,
    file: parameters.ListFile = None,
    extract: parameters.Extract = False,
    as_json: parameters.AsJson = False,
    as_csv: parameters.AsCsv = False,
    output: parameters.Output = None,
    resume: parameters.Resume = False,
    batch: parameters.Batch = 1000,
    quiet: parameters.Quiet = False,
) -> None:
    """Look up indicators: arguments, a list in a file, or the standard input.

    A list has one indicator in each line, of any type, defanged or not. Blank lines and lines that
    begin with # are skipped. With --extract the input is a mail or any other text. The exit code
    is that of the worst verdict: 0 nothing bad, 10 suspicious, 20 malicious or likely malicious,
    3 nothing bad but not all answered, 1 failed.

    Example: iocrep lookup --file list.txt --csv --output answers.csv
    """
    settings = parameters.settings_of(context)
    with exit_on_error(settings.each["url"].value), ExitStack() as stack:
        form = _format(as_json=as_json, as_csv=as_csv, output=output, resume=resume)
        stream = stack.enter_context(_open_list(indicators or [], file))
        lines, total = _lines(stream, extract=extract, quiet=quiet)
        client = stack.enter_context(settings.client(batch))
        progress = Progress(total, quiet=quiet)
        sink: _Sink = _Screen(form)
        if output is not None:
            journal = stack.enter_context(Journal(output, form, lines, resume=resume))
            progress.skip(journal.skipped)
            sink = _File(form, journal)
        try:
            for chunk in in_chunks(lines, batch):
                _reject(chunk, sink.counts, quiet=quiet)
                with progress:
                    rows = _look_up(client, chunk, sink.counts)
                sink.write(rows)
                progress.advance(len(chunk), sum(line.size for line in chunk))
            if form is Format.CSV:
                sink.write([])  # writes the header even if there were no indicators
        except KeyboardInterrupt:
            notice(_stopped(output))
            raise
        except ReputationApiError:
            if output is not None:
                notice(_stopped(output))
            raise
        counts = sink.counts
    if not quiet:
        notice(str(counts))
    raise typer.Exit(counts.exit)


class _Screen:
    """Standard output."""

    def __init__(self, form: Format) -> None:
        self._form = form
        self._console = console()
        self._empty = True
        self.counts = Counts()

    def write(self, rows: Sequence[Row]) -> None:
        if self._form is Format.TABLE:
            self._console.print(as_table(rows, head=self._empty))
        else:
            head = header(self._form) if self._empty else ""
            # As bytes, so that the system does not translate line ends.
            typer.echo((head + as_text(self._form, rows)).encode(), nl=False)
        self._empty = False


class _File:
    """A file that a later run can continue."""

    def __init__(self, form: Format, journal: Journal) -> None:
        self._form = form
        self._journal = journal
        self.counts = journal.counts

    def write(self, rows: Sequence[Row]) -> None:
        head = header(self._form) if self._journal.empty else ""
        self._journal.write(head + as_text(self._form, rows))


_Sink = _Screen | _File


def _format(*, as_json: bool, as_csv: bool, output: Path | None, resume: bool) -> Format:
    if as_json and as_csv:
        raise UsageError("give --json or --csv, not both.")
    if resume and output is None:
        raise UsageError("--resume continues a file: name it with --output.")
    form = Format.JSON if as_json else Format.CSV if as_csv else Format.TABLE
    if output is not None and form is Format.TABLE:
        raise UsageError("--output needs --json or --csv.")
    return form


@contextmanager
def _open_list(indicators: Sequence[str], file: Path | None) -> Iterator[BinaryIO]:
    """Open the list: arguments, a file or the standard input."""
    if indicators and file is not None:
        raise UsageError("give indicators or --file, not both.")
    if indicators == ["-"]:
        yield sys.stdin.buffer
    elif indicators:
        if not all(map(str.strip, indicators)):
            raise UsageError("an argument is empty.")
        yield io.BytesIO("\n".join(indicators).encode(errors="replace"))
    elif file is not None and str(file) != "-":
        try:
            stream = file.open("rb")
        except OSError as error:
            raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
        with stream:
            yield stream
    elif file is None and sys.stdin.isatty():
        raise UsageError(
            "nothing to look up. Give indicators, --file, or - for a list on the standard input."
        )
    else:
        yield sys.stdin.buffer


def _lines(stream: BinaryIO, *, extract: bool, quiet: bool) -> tuple[AnyLines, int | None]:
    """The lines of a list or a text, and their size together, None if it is unknown."""
    if not extract:
        return Lines(stream), _size(stream)
    # Imported here: a look-up of a list does not need the list of top-level domains.
    from iocrep.text import TextLines  # noqa: PLC0415

    found = TextLines(stream, quiet=quiet)
    return found, found.total


def _size(stream: BinaryIO) -> int | None:
    if isinstance(stream, io.BytesIO):
        return len(stream.getbuffer())
    try:
        return os.fstat(stream.fileno()).st_size or None
    except OSError:
        return None


def _reject(chunk: Sequence[Line], counts: Counts, *, quiet: bool) -> None:
    """Report and count the lines that are not a valid indicator."""
    for line in chunk:
        if line.reason:
            counts.rejected += 1
            if not quiet:
                notice(f"line {line.number}: {line.reason}")


def _look_up(client: ReputationClient, chunk: Sequence[Line], counts: Counts) -> list[Row]:
    queried = [line for line in chunk if line.indicators]
    answers, failed = _query(client, [one for line in queried for one in line.indicators])
    rows = []
    for line in queried:
        # Of two, show the worse; no answer counts as worst, and the first of equals wins.
        indicator = max(
            line.indicators, key=lambda one: (one in failed, _severity(answers.get(one)))
        )
        answer = answers.get(indicator)
        row = Row(line.number, line.text, indicator, answer, failed.get(indicator, ""))
        if answer is None:
            counts.unanswered += 1
        else:
            counts.count(row.verdict_name)
        rows.append(row)
    return rows


def _severity(answer: Answer | None) -> int:
    verdict = answer.verdict() if answer else None
    return -1 if verdict is None else verdict


def _query(
    client: ReputationClient, indicators: Sequence[Indicator]
) -> tuple[dict[Indicator, Answer], dict[Indicator, str]]:
    try:
        return client.look_up_many(indicators), {}
    except Unanswered as error:
        return dict(error.answers), dict(error.failed)


def _stopped(output: Path | None) -> str:
    if output is None:
        return "stopped. A run with --output can be continued."
    return f"stopped. {output} is correct so far: the same command with --resume continues."
