import csv
import io
import json

import pytest
from rich.console import Console

from iocrep.formats import COLUMNS, Format, Row, as_table, as_text, header
from shared.client import Answer, ProviderRow, RowStatus, Seen
from shared.domain.indicator import IndicatorType, parse
from shared.domain.provider import SANDBOX_PROVIDER
from shared.domain.verdict import Verdict

DOMAIN = parse(IndicatorType.DOMAIN, "evil.example")
LISTED = ProviderRow("lists.example", RowStatus.LISTED, Verdict.MALICIOUS, "high risk", "c2")
SILENT = ProviderRow("others.example", RowStatus.NOT_LISTED, None)
KNOWN = Row(3, "evil[.]example", DOMAIN, Answer(DOMAIN, known=True, rows=(LISTED, SILENT)))
UNKNOWN = Row(4, "evil.example", DOMAIN, Answer(DOMAIN, known=False, rows=(SILENT,)))
UNANSWERED = Row(5, "evil.example", DOMAIN, None, "no provider answered")


def test_a_json_line_says_everything() -> None:
    known, unknown, unanswered = map(
        json.loads, as_text(Format.JSON, [KNOWN, UNKNOWN, UNANSWERED]).splitlines()
    )
    assert known["providers"][0] == {
        "provider": "lists.example",
        "status": "listed",
        "verdict": "MALICIOUS",
        "assessment": "high risk",
        "detail": "c2",
    }
    assert known | {"providers": []} == {
        "line": 3,
        "asked": "evil[.]example",
        "type": "domain",
        "indicator": "evil.example",
        "verdict": "MALICIOUS",
        "known": True,
        "providers": [],
    }
    assert (unknown["verdict"], unknown["known"]) == (None, False)
    assert unanswered["error"] == "no provider answered"
    assert "verdict" not in unanswered


def test_an_overruled_row_names_the_rule() -> None:
    row = ProviderRow(
        "lists.example", RowStatus.TRUSTED, Verdict.BENIGN, "trustworthy", overruled_by="local name"
    )
    overruled = Row(1, "db.local", DOMAIN, Answer(DOMAIN, known=True, rows=(row,)))
    told = json.loads(as_text(Format.JSON, [overruled]))
    assert told["providers"][0]["overruled_by"] == "local name"
    assert "overruled by local name" in " ".join(drawn(overruled).split())


def test_csv_is_read_back() -> None:
    text = header(Format.CSV) + as_text(Format.CSV, [KNOWN, UNKNOWN, UNANSWERED])
    known, unknown, unanswered = csv.DictReader(io.StringIO(text, newline=""))
    assert tuple(known) == COLUMNS
    assert (known["verdict"], known["said_by"], known["known"]) == (
        "MALICIOUS",
        "lists.example",
        "true",
    )
    assert (unknown["verdict"], unknown["error"]) == ("", "")
    assert unanswered["error"] == "no provider answered"


@pytest.mark.parametrize(
    ("first", "guarded"),
    [("=", "'="), ("+", "'+"), ("-", "'-"), ("@", "'@"), ("\t=", " '="), ("\r", " ")],
)
def test_no_cell_is_a_formula(first: str, guarded: str) -> None:
    evil = ProviderRow(f'{first}cmd|"/c calc"!A1', RowStatus.LISTED, Verdict.MALICIOUS)
    row = Row(1, f"{first}x.example", DOMAIN, Answer(DOMAIN, known=True, rows=(evil,)))
    [cells] = csv.reader(io.StringIO(as_text(Format.CSV, [row]), newline=""))
    assert cells[1] == f"{guarded}x.example"
    assert cells[6] == evil.provider.replace(first, guarded, 1)


def drawn(*rows: Row, head: bool = True) -> str:
    text = io.StringIO()
    Console(file=text, width=140, force_terminal=False).print(as_table(rows, head=head))
    return text.getvalue()


def test_the_table_names_who_speaks() -> None:
    head, *lines = drawn(KNOWN, UNKNOWN, UNANSWERED).splitlines()
    assert head.split() == ["Verdict", "Type", "Indicator", "Reported", "by"]
    assert lines[0].split() == [
        "MALICIOUS",
        "domain",
        "evil.example",
        "lists.example",
        "(high",
        "risk,",
        "c2)",
    ]
    assert lines[1].split() == ["UNKNOWN", "domain", "evil.example"]
    assert lines[2].split()[:2] == ["NO", "ANSWER"]


def test_parts_of_the_table_stand_below_each_other() -> None:
    first = drawn(KNOWN).splitlines()
    [second] = drawn(UNKNOWN, head=False).splitlines()
    assert first[1].index("evil.example") == second.index("evil.example")


def test_a_provider_cannot_write_to_the_terminal() -> None:
    evil = ProviderRow("\x1b[2J[red]x[/red]\x07", RowStatus.LISTED, Verdict.MALICIOUS)
    text = drawn(Row(1, "x", DOMAIN, Answer(DOMAIN, known=True, rows=(evil,))))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]x[/red]" in text


def test_json_and_csv_have_the_score_of_the_sandbox() -> None:
    until = "2026-01-01T00:00:00.000Z"
    own = ProviderRow("s", RowStatus.LISTED, Verdict.MALICIOUS, score=81, valid_until=until)
    row = Row(1, "evil.example", DOMAIN, Answer(DOMAIN, known=True, rows=(LISTED, own)))
    told = json.loads(as_text(Format.JSON, [row]))
    assert (told["score"], told["valid_until"]) == (81, until)
    text = header(Format.CSV) + as_text(Format.CSV, [row, KNOWN, UNANSWERED])
    scored, *others = csv.DictReader(io.StringIO(text, newline=""))
    assert (scored["score"], scored["valid_until"]) == ("81", until)
    assert {(one["score"], one["valid_until"]) for one in others} == {("", "")}


def test_json_and_csv_have_the_scans_of_the_sandbox() -> None:
    seen = Seen("2025-06-01T", "2025-06-02T", 2, ("docm", "macro"), "INPUT_FILE", "66b3")
    own = ProviderRow("s", RowStatus.LISTED, Verdict.MALICIOUS, seen=seen)
    row = Row(1, "evil.example", DOMAIN, Answer(DOMAIN, known=True, rows=(LISTED, own)))
    names = ("first_seen", "last_seen", "scan_count", "tags", "origin", "flow_id")
    other, sandbox = json.loads(as_text(Format.JSON, [row]))["providers"]
    values = ["2025-06-01T", "2025-06-02T", 2, ["docm", "macro"], "INPUT_FILE", "66b3"]
    assert [sandbox[name] for name in names] == values
    assert not other.keys() & set(names)
    text = header(Format.CSV) + as_text(Format.CSV, [row, KNOWN, UNANSWERED])
    first, *others = csv.DictReader(io.StringIO(text, newline=""))
    cells = ["2025-06-01T", "2025-06-02T", "2", "docm; macro", "INPUT_FILE", "66b3"]
    assert [first[name] for name in names] == cells
    assert {one[name] for one in others for name in names} == {""}


def test_a_narrow_table_breaks_no_name_of_a_provider() -> None:
    own = ProviderRow(SANDBOX_PROVIDER, RowStatus.LISTED, Verdict.MALICIOUS, "high risk")
    row = Row(1, "evil.example", DOMAIN, Answer(DOMAIN, known=True, rows=(own,)))
    out = Console(file=io.StringIO(), width=60)
    with out.capture() as shown:
        out.print(as_table([row], head=True))
    lines = shown.get().splitlines()
    assert max(map(len, lines)) <= 60
    start = lines[0].index("Reported by")
    assert [line[start:].rstrip() for line in lines] == [
        "Reported by",
        "MetaDefender",
        "Sandbox",
        "(high risk)",
    ]
