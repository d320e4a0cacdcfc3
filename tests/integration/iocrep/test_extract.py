"""`iocrep lookup --extract`: indicators in mails and other texts."""

import json
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from iocrep import text
from iocrep.errors import Exit
from tests.integration.iocrep.conftest import Run
from tests.reputation_server import ReputationServer

TEXT = """On 2025-06-03 a victim opened update.zip from malicious[.]example.
It sent data to hxxp://suspicious[.]example/a, then to 203.0.113[.]7:443
and to malicious.example again; see other.example/b, and block 198.51.100.0/24, too.
"""


def rows(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_text(run: Run, server: ReputationServer) -> None:
    done = run("lookup", "--extract", "--json", typed=TEXT)
    assert done.exit_code == Exit.MALICIOUS
    assert [(one["line"], one["asked"], one["indicator"]) for one in rows(done.stdout)] == [
        (1, "malicious[.]example", "malicious.example"),
        (2, "hxxp://suspicious[.]example/a", "http://suspicious.example/a"),
        (2, "203.0.113[.]7", "203.0.113.7"),
        (3, "other.example/b", "http://other.example/b"),
    ]
    assert done.stderr.splitlines() == [
        "line 1: not looked up: perhaps a file name; with a scheme or defanged it is read as a "
        "domain",
        "line 3: not looked up: a network, and only single addresses are looked up",
        "1 MALICIOUS, 1 SUSPICIOUS, 2 UNKNOWN",
    ]
    assert "https://other.example/b" in [one for asked in server.requests for one in asked]


def test_arguments_are_text_too(run: Run) -> None:
    done = run("lookup", "-x", "-q", "--json", "all good at other.example", "or not?")
    assert (done.exit_code, done.stderr) == (Exit.NOTHING_BAD, "")
    assert [one["asked"] for one in rows(done.stdout)] == ["other.example"]


def test_text_without_indicators(run: Run) -> None:
    done = run("lookup", "--extract", typed="nothing here")
    assert (done.exit_code, done.stderr) == (Exit.NOTHING_BAD, "nothing to look up\n")


def test_mail_is_decoded(run: Run, tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["From"] = "someone@sender.example"
    mail["Subject"] = "Rechnung \u00fcber 203.0.113.7"
    mail.set_content("Open http://malicious.example/?a=1 now\n" * 3, cte="base64")
    path = tmp_path / "mail.eml"
    for content in (mail.as_bytes(), mail.as_string().encode("utf-16")):
        path.write_bytes(content)
        done = run("lookup", "--extract", "--json", "-f", str(path))
        assert {one["indicator"] for one in rows(done.stdout)} == {
            "sender.example",
            "203.0.113.7",
            "http://malicious.example/?a=1",
        }


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_text_of_windows(run: Run, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode(encoding))
    assert len(rows(run("lookup", "-x", "--json", "-f", str(path)).stdout)) == 4


def test_run_is_continued(run: Run, tmp_path: Path, server: ReputationServer) -> None:
    path, out = tmp_path / "text.txt", tmp_path / "out"
    path.write_text("\n".join(f"see {number}.example" for number in range(30)))
    arguments = ("lookup", "-x", "--json", "--batch", "10", "-f", str(path), "-o", str(out))
    server.refusals, server.refuse_after = [(403, {})], 2
    assert run(*arguments).exit_code == Exit.FAILED
    assert len(rows(out.read_text())) == 20
    done = run(*arguments, "--resume")
    assert done.stderr == "30 UNKNOWN\n"
    assert [one["line"] for one in rows(out.read_text())] == list(range(1, 31))
    assert len(server.requests) == 3
    path.write_text("another.example")
    done = run(*arguments, "--resume")
    assert done.exit_code == Exit.FAILED
    assert "belongs to another list" in done.stderr


def test_text_that_is_too_long(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MAX_TEXT_BYTES", 10)
    done = run("lookup", "-x", typed="other.example")
    assert done.exit_code == Exit.USAGE
    assert done.stderr == "error: the text is larger than 10 bytes. Split it.\n"
