"""Which scans and reports are marked as private."""

from typing import Any

import pytest

from shared.formats.feed.privacy import is_private
from shared.formats.feed.reader import read_page
from shared.formats.feed.scan_report import raw_report
from tests.scans import osint, raw_file, raw_scan, raw_scan_report, read_raw

MARK = {"private": True}
PRIVATE: list[Any] = [
    raw_scan(raw_scan_report(), **MARK),
    raw_scan(raw_scan_report(), scanOptions=MARK),
    raw_scan(raw_scan_report(**MARK)),
    raw_scan(raw_scan_report(scanOptions=MARK)),
    raw_scan(raw_scan_report(archive=MARK)),
    raw_scan(raw_scan_report(file={"name": "a.exe", "hash": "a" * 64, **MARK})),
    raw_scan(raw_scan_report(file={"name": "a.exe", "archive": MARK})),
    raw_scan(raw_scan_report(files=raw_file("a", "MALICIOUS", **MARK))),
    raw_scan(raw_scan_report(), sourceArchive={"name": "a.zip", **MARK}),
    raw_scan(raw_scan_report(), sourceArchive=[{"name": "a.zip"}, {"name": "b.zip", **MARK}]),
    raw_scan(
        raw_scan_report(taskReference={"additionalInfo": {"context": {"metaData": MARK}}}),
    ),
    # The scanned file is in a private archive, and an archive is in a file.
    raw_scan(raw_scan_report(files=raw_file("b", None, raw_file("a", "MALICIOUS"), **MARK))),
    raw_scan(raw_scan_report(files=raw_file("b", None, raw_file("a", None, **MARK)))),
]
PUBLIC: list[Any] = [
    raw_scan(raw_scan_report()),
    raw_scan(raw_scan_report(private=False)),
    raw_scan(raw_scan_report(private="false")),
    raw_scan(raw_scan_report(private=None)),
    # What a provider answers about a file, and what is in an IOC, is not the mark of the scan.
    raw_scan(
        raw_scan_report(results=[osint("DOMAIN", "evil.example", "MALICIOUS", {"private": True})])
    ),
    raw_scan(raw_scan_report({"domain": [{"data": "evil.example", "private": True}]})),
]


@pytest.mark.parametrize(
    ("scan", "private"), [(one, True) for one in PRIVATE] + [(one, False) for one in PUBLIC]
)
def test_a_mark_on_the_scan_the_file_or_its_archive(scan: Any, *, private: bool) -> None:
    [report] = read_raw(scan)
    assert getattr(report, "private", None) is private
    [(report_id, raw)] = scan["reports"].items()
    assert is_private(raw_report(scan, report_id, raw)) is private


@pytest.mark.parametrize(
    "content",
    [
        "<content><details><iocs><ips><value>192.0.2.1</value></ips></iocs></details></content>",
        '<content type="application/json">{"flow_id": "a", "iocs": {}}</content>',
        '<content type="application/json">{"flow_id": </content>',
    ],
)
@pytest.mark.parametrize("private", [True, False])
def test_an_atom_entry_may_have_the_mark_beside_its_content(content: str, *, private: bool) -> None:
    page = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>a</id>'
        f"<private>{str(private).lower()}</private>{content}</entry></feed>"
    )
    [report] = read_page(page.encode()).reports
    assert is_private(report) is private


@pytest.mark.parametrize("mark", [True, 1, "true", "True", " TRUE ", "1", "yes"])
def test_a_feed_may_write_the_mark_as_text(mark: object) -> None:
    assert is_private({"flow_id": "a", "private": mark})
    assert is_private({"flow_id": "a", "file": {"private": mark}})


@pytest.mark.parametrize(
    "record", [None, [], "private", 1, {}, {"private": 0}, {"private": "no"}, {"file": []}]
)
def test_anything_else_is_not_private(record: object) -> None:
    assert not is_private(record)


def test_only_the_private_report_of_a_scan_is_private() -> None:
    reports = read_raw(raw_scan(raw_scan_report(**MARK), raw_scan_report()))
    assert [getattr(one, "private", None) for one in reports] == [True, False]
