import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

import pytest

from iocrep.errors import Exit
from iocrep.formats import COLUMNS
from tests.command_line import command, measured, memory_kb
from tests.integration.iocrep.conftest import Run
from tests.reputation_server import REFUSED, ReputationServer

MIXED = f"""# a list
malicious[.]example

203.0.113.7
hello
BAD{"0" * 29}
hxxp://suspicious.example/
{REFUSED}
malicious.example
"""


def test_a_list_is_answered_in_its_order(
    run: Run, tmp_path: Path, server: ReputationServer
) -> None:
    path = tmp_path / "list.txt"
    path.write_text(MIXED)
    done = run("lookup", "-f", str(path), "--json")
    assert done.exit_code == Exit.MALICIOUS
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["line"], row["type"], row.get("verdict")) for row in rows] == [
        (2, "domain", "MALICIOUS"),
        (4, "ip", None),
        (6, "md5", "LIKELY_MALICIOUS"),
        (7, "url", "SUSPICIOUS"),
        (8, "domain", None),
        (9, "domain", "MALICIOUS"),
    ]
    assert [row["line"] for row in rows if "error" in row] == [8]
    assert "line 5: not a hash, IP address, domain or URL: fewer than two labels" in done.stderr
    told = done.stderr.splitlines()[-1]
    assert (
        told == "1 LIKELY_MALICIOUS, 2 MALICIOUS, 1 SUSPICIOUS, 1 UNKNOWN, 1 without an answer, "
        "1 invalid"
    )
    # One request for each kind, and a repeated value is looked up once.
    assert sorted(map(len, server.requests)) == [1, 1, 1, 2]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("never.seen.example", Exit.NOTHING_BAD),
        ("suspicious.example", Exit.SUSPICIOUS),
        ("malicious.example", Exit.MALICIOUS),
        ("hello", Exit.NOT_ALL_ANSWERED),
        (REFUSED, Exit.NOT_ALL_ANSWERED),
    ],
)
def test_the_exit_code_tells_the_worst_verdict(run: Run, asked: str, code: Exit) -> None:
    for arguments in (("lookup", asked), ("lookup", "never.seen.example", asked, "-q")):
        assert run(*arguments).exit_code == code
    assert run("lookup", typed=f"{asked}\n").exit_code == code
    for dash in (("-",), ("-f", "-")):
        assert run("lookup", *dash, typed=f"{asked}\n").exit_code == code


def test_the_table_is_for_people(run: Run) -> None:
    done = run("lookup", "malicious.example", "BAD" + "0" * 61)
    head, *lines = done.stdout.splitlines()
    assert head.split() == ["Verdict", "Type", "Indicator", "Reported", "by"]
    assert lines[0].split() == [
        "MALICIOUS",
        "domain",
        "malicious.example",
        "lists.example",
        "(high",
        "risk)",
    ]
    assert lines[1].split() == [
        "LIKELY_MALICIOUS",
        "sha256",
        "BAD" + "0" * 61,
        "lists.example",
        "(Trojan)",
    ]
    assert done.stderr == "1 LIKELY_MALICIOUS, 1 MALICIOUS\n"


def test_csv_is_for_spreadsheets(run: Run) -> None:
    done = run("lookup", "--csv", "malicious.example", "203.0.113.7")
    first, second = csv.DictReader(io.StringIO(done.stdout, newline=""))
    assert (first["indicator"], first["verdict"], first["said_by"]) == (
        "malicious.example",
        "MALICIOUS",
        "lists.example",
    )
    assert (second["indicator"], second["verdict"]) == ("203.0.113.7", "")


@pytest.mark.parametrize("typed", ["", "# nothing yet\n\n"])
def test_csv_has_its_head_where_there_was_nothing_to_ask(
    run: Run, tmp_path: Path, typed: str
) -> None:
    out = tmp_path / "out.csv"
    for arguments in ((), ("-o", str(out)), ("-o", str(out), "--resume")):
        done = run("lookup", "--csv", *arguments, typed=typed)
        assert done.exit_code == Exit.NOTHING_BAD
        written = out.read_text() if arguments else done.stdout
        assert written.splitlines() == [",".join(COLUMNS)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_list_of_windows_is_read(run: Run, tmp_path: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path, out = tmp_path / "list.txt", tmp_path / "out"
    path.write_bytes(f"{mark}malicious.example\r\n#b\u00fccher\r\n203.0.113.7".encode(encoding))
    done = run("lookup", "-f", str(path), "--json")
    assert done.exit_code == Exit.MALICIOUS
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["line"], row["asked"]) for row in rows] == [
        (1, "malicious.example"),
        (3, "203.0.113.7"),
    ]
    for _ in range(2):
        run("lookup", "-f", str(path), "--json", "-o", str(out), "--resume")
        assert out.read_text() == done.stdout


def test_quiet_says_nothing_beside_the_output(run: Run) -> None:
    done = run("lookup", "-q", "--json", "hello", "malicious.example")
    assert (done.stderr, len(done.stdout.splitlines())) == ("", 1)


def test_thousands_are_asked_in_full_requests(run: Run, server: ReputationServer) -> None:
    domains = "".join(f"{number}.example\n{number:064x}\n" for number in range(2500))
    done = run("lookup", "--json", typed=domains)
    assert done.exit_code == Exit.NOTHING_BAD
    assert [json.loads(line)["line"] for line in done.stdout.splitlines()] == list(range(1, 5001))
    assert sum(map(len, server.requests)) == 5000
    assert sorted(map(len, server.requests)) == [501, 501, 999, 999, 1000, 1000]
    server.requests.clear()
    run("lookup", "--batch", "50", typed=domains)
    assert max(map(len, server.requests)) == 50


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lookup", "--json", "--csv", "a.example"), "not both"),
        (("lookup", "--resume", "a.example"), "--output"),
        (("lookup", "-o", "x", "a.example"), "needs --json or --csv"),
        (("lookup", "-f", "x", "a.example"), "not both"),
        (("lookup", "-f", "/nowhere/list"), "/nowhere/list cannot be read: No such file"),
        (
            ("lookup", "--csv", "-o", "/nowhere/x", "a.example"),
            "/nowhere does not exist: create it",
        ),
        (("lookup", ""), "an argument is empty"),
        (("lookup", "a.example", " "), "an argument is empty"),
        (("--url", "", "lookup", "a.example"), "IOCREP_URL"),
        (("--api-key", "", "lookup", "a.example"), "IOCREP_API_KEY"),
        (("--url", "api.example", "lookup", "a.example"), "base address"),
        (("--api-key", "a\nb", "lookup", "a.example"), "cannot be sent in a header"),
    ],
)
def test_what_does_not_fit_is_a_usage_error(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    done = run(*arguments)
    assert done.exit_code == Exit.USAGE
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (401, {}, "key was refused: the API answered with status 401"),
        (403, {}, "key was refused"),
        (429, {"Retry-After": "7200"}, "More are available in 2:00:00, at 20"),
        (302, {"Location": "/"}, "is not a reputation API"),
        (404, {}, "is not a reputation API"),
    ],
)
def test_an_error_says_what_to_do(
    run: Run, server: ReputationServer, status: int, headers: dict[str, str], said: str
) -> None:
    server.refusals = [(status, headers)]
    done = run("lookup", "a.example")
    assert done.exit_code == Exit.FAILED
    assert said in done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.output


@pytest.mark.parametrize("command", [(), ("lookup",), ("why",), ("watch",), ("config", "show")])
def test_short_option_prints_the_help(run: Run, command: tuple[str, ...]) -> None:
    short, long = run(*command, "-h"), run(*command, "--help")
    assert (short.exit_code, short.stdout) == (0, long.stdout)
    assert "Usage: " in short.stdout


def test_output_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    done = run("lookup", "--csv", "-o", str(tmp_path / "."), "--resume", "a.example")
    assert done.exit_code == Exit.FAILED
    assert done.stderr.startswith("error: ")
    assert str(tmp_path) in done.stderr


def test_without_the_extra_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError(\"No module named 'typer'\")\n")
    done = subprocess.run(
        command("lookup", "a.example"),
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == Exit.FAILED
    assert done.stderr == (
        "error: No module named 'typer'. Install iocrep with its extra: 'ioc-reputation[cli]'.\n"
    )


def test_ctrl_c_while_the_libraries_load_is_no_accident(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    done = subprocess.run(
        command("lookup", "a.example"),
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (Exit.INTERRUPTED, "")


def test_the_version_is_that_of_the_package(run: Run) -> None:
    done = run("--version")
    assert (done.exit_code, done.stdout) == (0, f"iocrep {version('ioc-reputation')}\n")


def test_nobody_there(run: Run) -> None:
    with ReputationServer() as gone:
        url = gone.url
    done = run("--url", url, "--timeout", "5", "lookup", "a.example")
    assert done.exit_code == Exit.FAILED
    assert f"{url} does not answer" in done.stderr


def test_what_was_answered_before_an_error_is_kept_and_not_asked_again(
    run: Run, server: ReputationServer, tmp_path: Path
) -> None:
    path, out = tmp_path / "list.txt", tmp_path / "out.csv"
    path.write_text("".join(f"{number}.example\n" for number in range(2500)))
    whole = run("lookup", "--csv", "-f", str(path)).stdout_bytes
    server.requests.clear()
    arguments = ("lookup", "--csv", "-f", str(path), "-o", str(out), "--resume")

    server.refusals, server.refuse_after = [(429, {"Retry-After": "7200"})], 2
    stopped = run(*arguments)
    assert stopped.exit_code == Exit.FAILED
    assert "the same command with --resume continues" in stopped.stderr
    assert run(*arguments).exit_code == Exit.NOTHING_BAD
    assert out.read_bytes() == whole
    assert list(map(len, server.requests)) == [1000, 1000, 500]
    again = run(*arguments)
    assert (again.exit_code, again.stderr) == (Exit.NOTHING_BAD, "2,500 UNKNOWN\n")
    assert len(server.requests) == 3


def test_progress_is_gone_before_anything_is_written(
    environ: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "list.txt"
    path.write_text("".join(f"{number}.example\n" for number in range(3000)) + "hello\n")
    leader, follower = pty.openpty()
    with os.fdopen(leader, "rb") as terminal:
        process = subprocess.Popen(
            command("lookup", "--json", "-f", str(path)),
            env=os.environ | environ | {"TERM": "xterm-256color"},
            stdout=follower,
            stderr=follower,
        )
        os.close(follower)
        seen = "".join(_written(terminal))
    assert process.wait(300) == Exit.NOT_ALL_ANSWERED
    assert re.findall(r"looking up, [^\r]*", seen)[0] == "looking up, 0% done"
    # What stays on the screen of each line: a terminal clears up to the last of these codes.
    lines = [line.rpartition("\r\x1b[K")[2] for line in seen.split("\r\n")]
    assert len([json.loads(line) for line in lines if line.startswith("{")]) == 3000
    assert "looking up" not in "".join(lines)
    assert lines[-2:] == ["3,000 UNKNOWN, 1 invalid", ""]


def _written(terminal: BinaryIO) -> Iterator[str]:
    """What is written to a terminal until its last program has ended, which is an error here."""
    with suppress(OSError):
        while part := os.read(terminal.fileno(), 65_536):
            yield part.decode()


def test_a_reader_that_leaves_is_no_accident(environ: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("".join(f"{number}.example\n" for number in range(5000)))
    process = subprocess.Popen(
        command("lookup", "--json", "-f", str(path)),
        env=os.environ | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    told = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(300) == Exit.FAILED
    assert "Traceback" not in told


def test_nothing_of_what_is_done_is_kept(environ: dict[str, str], tmp_path: Path) -> None:
    """Full chunks in both lists; were the answers kept, it would take 18 MB more."""
    peaks = []
    for lines in (5000, 40_000):
        path, out = tmp_path / f"{lines}.txt", tmp_path / f"{lines}.jsonl"
        kinds = ("{:x}.example", "http://list.example/{:x}", "2001:db8::{:x}", "{:064x}")
        path.write_text("".join(f"{kinds[n % 4].format(n)}\n" for n in range(lines)))
        done = subprocess.run(
            measured("lookup", "--json", "-f", str(path), "-o", str(out)),
            env=os.environ | environ,
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(memory_kb(done.stderr))
        assert len(out.read_bytes().splitlines()) == lines
    assert peaks[1] - peaks[0] < 5 * 1024, peaks


def test_version_is_printed_without_the_libraries_of_the_commands() -> None:
    script = (
        "import sys; from iocrep.__main__ import main; main(); "
        "print(sys.modules.keys() & {'typer', 'rich', 'pydantic', 'requests'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"iocrep {version('ioc-reputation')}\nset()\n"
