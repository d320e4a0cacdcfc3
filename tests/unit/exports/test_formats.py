"""Every format, byte by byte, and as the field's own library reads it."""

import csv
import json
import random
import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import stix2
from hypothesis import given
from hypothesis import strategies as st
from pymisp import MISPEvent

from functions.export.formats import block_list, misp, table
from functions.export.formats.all_formats import all_files
from shared.domain.indicator import IndicatorType, parse
from shared.domain.indicator_types import INDICATOR_TYPES
from shared.domain.verdict import Verdict
from shared.formats.csv_rows import csv_row
from shared.formats.exports import object_keys as places
from shared.formats.exports import stix
from shared.formats.exports.source import (
    NAMESPACE,
    ExportedIoc,
    Options,
    Tlp,
    as_tools_write,
    id_of,
)
from tests.exports import IOCS, OPTIONS, SECOND_RUN, Listed, ioc

GOLDEN = Path(__file__).parent / "golden"
EVERYTHING = Listed()
# Parts of the lists without a step.
OF_A_STEP = re.compile(r"-(25|50|75)\.")
INDICATED = list(EVERYTHING.by_change())

pytestmark = pytest.mark.filterwarnings("error")


def written(source: Listed = EVERYTHING, options: Options = OPTIONS) -> dict[str, str]:
    """The content of all files, by name."""
    return {file.name: "".join(file.parts) for file in all_files(source, options)}


def bundle(text: str) -> stix2.Bundle:
    """A bundle as the library reads it when it takes nothing that is not in the standard."""
    return stix2.parse(text, allow_custom=False, version="2.1")


def indicators(source: Listed, options: Options = OPTIONS) -> dict[str, stix2.Indicator]:
    """The indicators of all bundles, by what they are named."""
    return {
        one.name: one
        for file in stix.files(source, options)
        for one in bundle("".join(file.parts)).objects
        if one.type == "indicator"
    }


def test_files_are_as_they_were() -> None:
    # Written by Git on Windows they would differ in their line ends.
    golden = {
        str(path.relative_to(GOLDEN).as_posix()): path.read_bytes().decode()
        for path in GOLDEN.rglob("*")
        if path.is_file()
    }
    lists = {name: text for name, text in written().items() if not OF_A_STEP.search(name)}
    assert lists == golden


def test_the_order_in_which_iocs_come_changes_nothing() -> None:
    shuffled = list(IOCS)
    random.Random(7).shuffle(shuffled)  # noqa: S311
    assert written(Listed(shuffled)) == written()


def test_ids_follow_from_the_indicator_alone() -> None:
    assert uuid.UUID("3f7a6c1e-52a8-5d0b-9a51-6f1f0d3c8e72") == NAMESPACE
    evil = parse(IndicatorType.DOMAIN, "evil.example")
    assert id_of("indicator", evil) == uuid.uuid5(NAMESPACE, "indicator:domain:evil.example")
    elsewhere = replace(ioc(evil), flow_id="other", scan_count=9, created=1, changed=2)
    assert stix.stix_id(elsewhere) == stix.stix_id(ioc(evil))


def test_stix_reads_every_bundle() -> None:
    found = indicators(Listed())
    assert set(found) == {as_tools_write(one.indicator) for one in Listed().by_change()}
    assert [one.name for one in found.values() if one.revoked] == ["cleared.example"]
    (file,) = stix.files(Listed(), OPTIONS)
    objects = bundle("".join(file.parts)).objects
    known = {one.id for one in objects}
    for one in objects:
        if one.type == "indicator":
            assert {one.created_by_ref, *one.object_marking_refs} <= known


@pytest.mark.parametrize("one", INDICATED, ids=lambda one: one.indicator.value)
def test_stix_patterns_mean_the_value(one: ExportedIoc) -> None:
    value = as_tools_write(one.indicator)
    pattern = stix2.pattern_visitor.create_pattern_object(
        stix.indicator(one, OPTIONS)["pattern"], version="2.1"
    )
    comparison = pattern.operand
    # The library keeps the escapes of what it has read.
    read = re.sub(r"\\(.)", r"\1", comparison.rhs.value)
    assert (read, comparison.operator) == (value, "=")


@pytest.mark.parametrize(
    ("verdict", "kind", "confidence"),
    [
        (Verdict.MALICIOUS, "malicious-activity", 95),
        (Verdict.LIKELY_MALICIOUS, "malicious-activity", 75),
        (Verdict.SUSPICIOUS, "anomalous-activity", 50),
    ],
)
def test_stix_names_the_verdict(verdict: Verdict, kind: str, confidence: int) -> None:
    one = stix2.parse(stix.indicator(replace(IOCS[0], verdict=verdict), OPTIONS))
    assert (one.indicator_types, one.confidence) == ([kind], confidence)
    assert one.labels[0] == f"verdict:{verdict.name.lower()}"


@pytest.mark.parametrize(
    ("tlp", "marking"),
    [
        (Tlp.CLEAR, stix2.TLP_WHITE),
        (Tlp.GREEN, stix2.TLP_GREEN),
        (Tlp.AMBER, stix2.TLP_AMBER),
        (Tlp.RED, stix2.TLP_RED),
    ],
)
def test_stix_marks_by_the_definitions_of_the_standard(
    tlp: Tlp, marking: stix2.MarkingDefinition
) -> None:
    _, ours = stix.common_objects(tlp)
    assert stix2.parse(ours) == marking
    assert stix.indicator(IOCS[0], Options(tlp, ""))["object_marking_refs"] == [marking.id]


def test_stix_refers_to_the_report_where_people_find_it() -> None:
    found = indicators(Listed())
    (reference,) = found["evil.example"].external_references
    assert reference.url == (
        "https://sandbox.example/uploads/flow%2F1%20%3F/reports/"
        "4c1a0000-0000-4000-8000-000000000001/overview"
    )
    assert reference.external_id == "flow/1 ?"
    # There is nothing to point at without a report, or without an address.
    assert "url" not in found[IOCS[1].indicator.value.lower()].external_references[0]
    nowhere = indicators(Listed(), Options(Tlp.AMBER, ""))
    assert "url" not in nowhere["evil.example"].external_references[0]


def many(number: int, *, padding: int = 0) -> Listed:
    """IOCs of which half changed later."""
    return Listed(
        [
            ioc(
                parse(IndicatorType.URL, f"http://a.example/{n}{'x' * padding}"),
                changed=SECOND_RUN if n % 2 else SECOND_RUN - 1,
            )
            for n in range(number)
        ]
    )


@pytest.mark.parametrize("source", [many(2 * stix.MAX_OBJECTS + 1), many(400, padding=8000)])
def test_stix_pages_are_small_enough_and_go_on_where_the_last_one_ended(source: Listed) -> None:
    files = list(stix.files(source, OPTIONS))
    assert len(files) == 3
    assert [file.name for file in files] == [f"stix/000{n}.json" for n in (1, 2, 3)]
    seen: list[tuple[str, str]] = []
    for file in files:
        text = "".join(file.parts)
        assert len(text.encode()) < stix.MAX_BYTES + 10_000
        common, some = stix.read_page(text)
        assert common == stix.common_objects(OPTIONS.tlp)
        assert file.first is not None
        assert some[0]["id"] == file.first[1]
        seen += [(one["modified"], one["id"]) for one in some]
    assert seen == sorted(set(seen))
    assert len(seen) == len(source.iocs)


def test_without_iocs_there_is_an_empty_file_of_everything() -> None:
    files = written(Listed([]))
    assert len(bundle(files["stix/0001.json"]).objects) == 2
    assert json.loads(files["misp/manifest.json"]) == {}
    assert files["misp/hashes.csv"] == files["blocklist/ip-malicious.txt"] == ""
    assert files["iocs.csv"] == ",".join(table.COLUMNS) + "\r\n"


def misp_events(files: dict[str, str], folder: Path) -> Iterator[MISPEvent]:
    """The events of a feed as the library loads them from files."""
    for name in json.loads(files["misp/manifest.json"]):
        path = folder / f"{name}.json"
        path.write_text(files[f"misp/{name}.json"], encoding="utf-8")
        event = MISPEvent(strict_validation=True)
        event.load_file(path)
        yield event


def test_misp_loads_every_event_and_finds_its_manifest_and_hashes(tmp_path: Path) -> None:
    files = written()
    manifest = json.loads(files["misp/manifest.json"])
    hashes: set[str] = set()
    for event in misp_events(files, tmp_path):
        told, known = event.manifest[event.uuid], manifest[event.uuid]
        assert set(told) == set(known)
        assert (told["info"], told["date"]) == (known["info"], known["date"])
        for number in ("analysis", "threat_level_id", "timestamp"):
            assert int(told[number]) == int(known[number])
        assert [tag["name"] for tag in told["Tag"]] == ["tlp:amber"]
        assert event.published
        hashes |= {f"{digest},{event.uuid}" for digest in event.attributes_hashes("md5")}
    assert set(files["misp/hashes.csv"].split()) == hashes
    events = {name for name in files if re.fullmatch(r"misp/[0-9a-f-]{36}\.json", name)}
    assert events == {f"misp/{name}.json" for name in manifest}


def test_misp_attributes_hold_every_ioc(tmp_path: Path) -> None:
    found = {
        one.value: one for event in misp_events(written(), tmp_path) for one in event.attributes
    }
    assert set(found) == {as_tools_write(one.indicator) for one in IOCS}
    assert {one.value for one in found.values() if one.to_ids} == {
        as_tools_write(one.indicator) for one in IOCS if one.verdict >= Verdict.LIKELY_MALICIOUS
    }
    evil = found["evil.example"]
    assert (evil.type, evil.category) == ("domain", "Network activity")
    assert [tag.name for tag in evil.tags] == ["verdict:malicious", "packed", "peexe"]
    assert "https://sandbox.example/uploads/" in evil.comment


def test_misp_ids_are_of_one_event_only() -> None:
    evil = IOCS[5]
    earlier = replace(evil, first_seen=evil.first_seen - 86_400_000)
    later_that_day = replace(evil, first_seen=evil.first_seen + 1)
    ids = [misp.attribute(one, OPTIONS)["uuid"] for one in (evil, earlier, later_that_day)]
    assert ids[0] == ids[2] != ids[1]


def test_csv_is_read_back_cell_by_cell() -> None:
    file = next(table.files(Listed(), OPTIONS))
    rows = list(csv.DictReader("".join(file.parts).splitlines(keepends=True), strict=True))
    assert [(row["type"], row["value"]) for row in rows] == sorted(
        (one.indicator.type.value, one.indicator.value) for one in IOCS
    )
    hostile = next(row for row in rows if row["flow_id"] == "'@flow")
    assert hostile["tags"] == "'=cmd|' /C calc'!A0|say \"hi\", all"
    for row in rows:
        assert not any(cell.startswith(tuple("=+-@\t\r")) for cell in row.values())


@pytest.mark.parametrize("sign", "=+-@\uff1d\uff0b\uff0d\uff20")
@pytest.mark.parametrize("before", ["", " ", '"', "a;", "a; ", 'a;"', "a|", "\t", "\r\n", "\u200b"])
def test_csv_guards_what_a_spreadsheet_would_run(sign: str, before: str) -> None:
    [[cell, other]] = csv.reader([csv_row([f"{before}{sign}1", f"1{sign}"])], strict=True)
    assert cell.endswith(f"'{sign}1")
    assert other == f"1{sign}"


SHOWN = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp")))
HOSTILE = st.text(
    st.sampled_from("=+-@;|,\"' \t\r\n\0\x7f\x85\u2028\u202e\u2066\u200b\ufeffab") | st.characters()
)


@given(st.lists(HOSTILE, min_size=1))
def test_csv_of_any_text_has_no_formula_and_no_hidden_character(cells: list[str]) -> None:
    text = csv_row(cells)
    assert text.endswith("\r\n")
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]", text[:-2])
    assert len(next(csv.reader([text], strict=True))) == len(cells)
    for separator in ",;|\t":
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
            if separator == "," and quoting == csv.QUOTE_NONE:
                # Every spreadsheet honours quotes where the separator is the one of the file.
                continue
            for cell in next(csv.reader([text], delimiter=separator, quoting=quoting)):
                assert not cell.strip(' "').startswith(tuple("=+-@")), (separator, cell)


@given(
    SHOWN.filter(lambda text: not re.search('(^|[;|])[\\s"]*[=+@\uff1d\uff0b\uff0d\uff20-]', text))
)
def test_csv_keeps_every_other_cell(cell: str) -> None:
    assert list(csv.reader([csv_row([cell])], strict=True)) == [[cell]]


def test_block_lists_hold_a_verdict_and_worse_and_never_the_harmless() -> None:
    files = written()
    assert files["blocklist/domain-malicious.txt"] == "evil.example\n"
    assert files["blocklist/domain-suspicious.txt"] == "evil.example\nxn--bcher-kva.example\n"
    assert files["blocklist/sha1-likely_malicious.txt"].strip().islower()
    assert files["blocklist/sha1-malicious.txt"] == ""
    lists = [text for name, text in files.items() if name.startswith("blocklist/")]
    assert len(lists) == 3 * (len(INDICATOR_TYPES) + 2) * 4
    assert not any("good.example" in text or "none.example" in text for text in lists)


def test_a_list_of_a_step_holds_what_reaches_it_and_no_list_what_is_gone() -> None:
    names = {score: f"s{score}.example" for score in (19, 25, 49, 50, 74, 75, 99)}
    scored = [ioc(parse(IndicatorType.DOMAIN, name), score=score) for score, name in names.items()]
    gone = ioc(parse(IndicatorType.DOMAIN, "gone.example"), score=90, gone=SECOND_RUN)
    files = written(Listed([*scored, gone]))
    for step in (25, 50, 75):
        fit = [name for score, name in names.items() if score >= step]
        assert files[f"blocklist/domain-malicious-{step}.txt"].split() == fit
        rows = csv.DictReader(files[f"iocs-{step}.csv"].splitlines())
        assert [row["value"] for row in rows] == fit
    assert files["blocklist/domain-malicious.txt"].split() == list(names.values())
    assert [name for name, text in files.items() if "gone.example" in text] == [
        "changes/0001.jsonl",
        *(
            name
            for name in files
            if name.startswith("misp/") and "hashes" not in name and "manifest" not in name
        ),
    ]


def test_what_is_gone_stays_in_misp_without_detection(tmp_path: Path) -> None:
    gone = ioc(parse(IndicatorType.DOMAIN, "gone.example"), gone=SECOND_RUN)
    files = written(Listed([gone]))
    [event] = misp_events(files, tmp_path)
    assert [one.to_ids for one in event.attributes] == [False]
    [facts] = json.loads(files["misp/manifest.json"]).values()
    assert (facts["threat_level_id"], facts["timestamp"]) == ("4", str(SECOND_RUN // 1000))


def test_the_serial_of_a_zone_grows_when_a_name_leaves_it() -> None:
    evil = ioc(parse(IndicatorType.DOMAIN, "evil.example"))
    gone = replace(evil, gone=SECOND_RUN, moved=SECOND_RUN)
    serials = [
        int(written(Listed([one]))["blocklist/domain-malicious.rpz"].split()[6])
        for one in (evil, gone)
    ]
    assert serials[0] < serials[1]


def test_a_line_of_a_list_is_never_an_option() -> None:
    name = parse(IndicatorType.DOMAIN, "-o.example")
    files = written(Listed([ioc(name)]))
    assert files["blocklist/domain-malicious.txt"] == ""
    assert files["blocklist/domain-malicious.hosts"] == "0.0.0.0 -o.example\n"
    assert "\n-o.example CNAME .\n" in files["blocklist/domain-malicious.rpz"]


@pytest.mark.parametrize("value", ["co.uk", "github.io", "in-addr.arpa", "evil.github.io"])
def test_a_plain_list_does_not_deny_the_names_of_many_owners(value: str) -> None:
    files = written(Listed([ioc(parse(IndicatorType.DOMAIN, value))]))
    expected = f"{value}\n" if value.startswith("evil.") else ""
    assert files["blocklist/domain-malicious.txt"] == expected
    assert files["blocklist/domain-malicious.hosts"] == f"0.0.0.0 {value}\n"


def test_a_name_too_long_for_a_zone_is_left_out_of_it() -> None:
    long = ".".join(["a" * 60] * 4)
    source = Listed([ioc(parse(IndicatorType.DOMAIN, long))])
    files = {file.name: "".join(file.parts) for file in block_list.files(source, OPTIONS)}
    assert long in files["blocklist/domain-malicious.txt"]
    assert long not in files["blocklist/domain-malicious.rpz"]


def test_an_id_leads_to_the_last_change() -> None:
    texts = {one.name: "".join(one.parts) for one in places.files(EVERYTHING, OPTIONS)}
    for one in INDICATED:
        uuid_ = stix.stix_id(one).removeprefix("indicator--")
        text = texts[places.file_with(uuid_)]
        assert places.change_of(text, uuid_) == one.indicator_changed
        # Neither the end of a line nor the middle of one is an id.
        assert places.change_of(text, uuid_[1:]) is None
        assert places.change_of(text, f"{uuid_[:-1]}0" if uuid_[-1] != "0" else uuid_[:-1]) is None


@pytest.mark.parametrize("text", ["", "0", ".*", "0" * 36, "B4621FED-D9A5-509E-9114-1961B389420D"])
def test_what_is_no_id_is_in_no_file(text: str) -> None:
    assert places.file_with(text) == ""
