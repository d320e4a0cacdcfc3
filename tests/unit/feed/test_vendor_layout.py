"""Entries in the vendor's layout: a report and its IOCs, in any surroundings."""

from html import escape
from pathlib import Path
from typing import Any

import pytest

from shared.domain.verdict import Verdict
from shared.formats.feed.page import FeedPage, ReportLink
from shared.formats.feed.reader import read_page
from shared.formats.feed.report import Report, read_report

NOW = 1_793_600_000_000
VENDOR_PAGE = Path(__file__).parent / "data" / "vendor.atom"
LINK = "https://feed.example/uploads/66b3763b/reports/4c1a/overview"
DOMAIN = "<value><url>evil.example</url></value>"


def page(content: str, *, around: str = f'<link href="{LINK}"/>') -> FeedPage:
    """A page with one entry."""
    return read_page(
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:v="urn:vendor"><entry><id>urn:1</id>'
        f"<updated>2025-11-01T08:00:00Z</updated>{around}{content}</entry></feed>".encode()
    )


def details(iocs: str, report: str = "<verdict>MALICIOUS</verdict>") -> str:
    return f"<details>{report}<iocs>{iocs}</iocs></details>"


def content(inner: str, media_type: str = "application/xml") -> str:
    return f'<content type="{media_type}">{inner}</content>'


def raw(iocs: str, report: str = "", **around: str) -> Any:
    """The raw report of an entry."""
    [read] = page(content(details(iocs, report)), **around).reports
    return read


def iocs(inner: str) -> Any:
    return raw(inner)["iocs"]


def test_the_known_part_of_a_page_of_the_vendor() -> None:
    read = read_page(VENDOR_PAGE.read_bytes())
    first, second = read.reports
    assert (read.links, read.not_understood) == ([], [])
    assert first == {
        "flow_id": "66b3763be7dbbbdfcd0a6a96",
        "report_id": "4c1a0000-0000-4000-8000-0000000000aa",
        "date": "2025-11-01T08:00:00Z",
        "verdict": "MALICIOUS",
        "iocs": {
            "domain": [
                {"data": "first.example"},
                {"data": "second.example"},
                {"data": "third.example"},
            ],
            "url": [{"data": "http://third.example/x?y=1"}],
            "ip": [{"data": "198.51.100.77"}],
        },
    }
    report: Report = read_report(second, NOW)
    assert (report.flow_id, report.passed_over, report.rejected) == (
        "66b3763be7dbbbdfcd0a6a97",
        1,
        [],
    )
    url, sha256 = report.sightings
    assert url.indicator.value == "http://fourth.example/a"
    assert url.summary.latest.origin == "VBA_EMULATION"
    assert url.summary.latest.parent_verdict == "MALICIOUS"
    assert url.summary.tags == {"packed", "peexe"}
    assert sha256.summary.latest.verdict is Verdict.MALICIOUS
    assert sha256.summary.claimed_count == 3


@pytest.mark.parametrize(
    "media_type", ["application/xml", "text/xml; charset=utf-8", "xhtml", "text", "html", ""]
)
@pytest.mark.parametrize(
    "wrap",
    [
        str,
        escape,
        lambda text: f"<![CDATA[{text}]]>",
        lambda text: f"<![CDATA[<?xml version='1.0' encoding='latin-1'?>\n{text}]]>",
        lambda text: f'<div xmlns="http://www.w3.org/1999/xhtml"><p>A report</p>{text}</div>',
        lambda text: text.replace("<", "<v:").replace("<v:/", "</v:"),
        lambda text: text.replace("<details>", '<details xmlns="">'),
        lambda text: text.replace("<details>", '<details xmlns="urn:another">'),
        lambda text: text.replace("<", " \n <"),
    ],
)
def test_a_report_is_found_however_the_content_is_wrapped(media_type: str, wrap: Any) -> None:
    written = content(wrap(details(f"<domains>{DOMAIN}</domains>")), media_type)
    if not media_type:
        written = written.replace(' type=""', "")
    [read] = page(written).reports
    assert isinstance(read, dict)
    assert (read["flow_id"], read["verdict"]) == ("66b3763b", "MALICIOUS")
    assert read["iocs"] == {"domain": [{"data": "evil.example"}]}


@pytest.mark.parametrize(
    ("container", "found"),
    [
        ("<domains><value><url>a.example</url></value></domains>", {"domain": ["a.example"]}),
        ("<domains><value><domain>a.example</domain></value></domains>", {"domain": ["a.example"]}),
        ("<domains><value>a.example</value></domains>", {"domain": ["a.example"]}),
        (
            "<domains><value><data>a.example:8443</data></value></domains>",
            {"domain": ["a.example"]},
        ),
        ("<domains><value><url>a.example/x</url></value></domains>", {"domain": ["a.example"]}),
        (
            "<domains><value><url>http://u:p@A.example:8080/x</url></value></domains>",
            {"url": ["http://u:p@A.example:8080/x"], "domain": ["a.example"]},
        ),
        (
            "<domains><value><url>http://192.0.2.1/x</url></value></domains>",
            {"url": ["http://192.0.2.1/x"], "ip": ["192.0.2.1"]},
        ),
        ("<domains><value><url>192.0.2.1:80</url></value></domains>", {"ip": ["192.0.2.1"]}),
        ("<domains><value><url>[2001:db8::1]:80</url></value></domains>", {"ip": ["2001:db8::1"]}),
        ("<domains><value><url>http://</url></value></domains>", {"url": ["http://"]}),
        (
            "<Hostnames><value><x>1</x><fqdn>a.example</fqdn></value></Hostnames>",
            {"domain": ["a.example"]},
        ),
        ("<ips><value><ip>2001:db8::1</ip></value></ips>", {"ip": ["2001:db8::1"]}),
        ("<IP_Addresses><value>192.0.2.1</value></IP_Addresses>", {"ip": ["192.0.2.1"]}),
        (
            "<urls><value><url>http://a.example/</url></value></urls>",
            {"url": ["http://a.example/"]},
        ),
        ("<url><data>http://a.example/</data></url>", {"url": ["http://a.example/"]}),
        ("<ip>192.0.2.1</ip><ip>192.0.2.2</ip>", {"ip": ["192.0.2.1", "192.0.2.2"]}),
        ("<ips><ip>192.0.2.1</ip><ip>192.0.2.2</ip></ips>", {"ip": ["192.0.2.1", "192.0.2.2"]}),
        (f"<hashes><value><sha256>{'A' * 64}</sha256></value></hashes>", {"sha256": ["A" * 64]}),
        (f"<hashes><value><hash>{'A' * 40}</hash></value></hashes>", {"sha1": ["A" * 40]}),
        (f"<sha256><value>{'A' * 64}</value></sha256>", {"sha256": ["A" * 64]}),
        (
            f"<files><value><name>a</name><md5>{'A' * 32}</md5>"
            f"<sha1>{'B' * 40}</sha1></value></files>",
            {"md5": ["A" * 32], "sha1": ["B" * 40]},
        ),
        ("<network><ips><value><ip>192.0.2.1</ip></value></ips></network>", {"ip": ["192.0.2.1"]}),
        ("<value><ip>192.0.2.1</ip></value>", {"ip": ["192.0.2.1"]}),
        ("<c2><value><ip>192.0.2.1</ip><port>80</port></value></c2>", {"ip": ["192.0.2.1"]}),
        ("<c2><value>http://a.example/</value></c2>", {"url": ["http://a.example/"]}),
        ("<c2><value><data>a.example</data></value></c2>", {"domain": ["a.example"]}),
        (f"<c2><value>{'A' * 64}</value></c2>", {"sha256": ["A" * 64]}),
    ],
)
def test_the_type_of_an_ioc(container: str, found: dict[str, list[str]]) -> None:
    read = iocs(container)
    assert {kind: [one["data"] for one in entries] for kind, entries in read.items()} == found


@pytest.mark.parametrize(
    "container",
    [
        "<emails><value><email>a@evil.example</email></value></emails>",
        f"<imphash><value><data>{'A' * 32}</data></value></imphash>",
        f"<authentihashes><value>{'A' * 64}</value></authentihashes>",
        f"<hashes><value><hash>{'A' * 128}</hash></value></hashes>",
        "<uuids><value><uuid>4c1a0000-0000-4000-8000-0000000000aa</uuid></value></uuids>",
        "<things><value>setup.exe</value></things>",
        "<things><value><a><b>192.0.2.1</b></a></value></things>",
        "<things><value/></things>",
        "<things>some</things>",
    ],
)
def test_what_is_no_type_of_ours_is_counted_as_passed_over(container: str) -> None:
    report = read_report(raw(container), NOW)
    assert (report.passed_over, report.sightings, report.rejected) == (1, [], [])


@pytest.mark.parametrize("empty", ["", " \n", "<domains/>", "<a><b/></a>"])
def test_an_empty_list_is_a_list(empty: str) -> None:
    assert raw(empty)["iocs"] == {}


def test_a_bad_value_of_ours_goes_to_quarantine() -> None:
    verdict = "<verdict>MALICIOUS</verdict>"
    read = raw(
        f"<domains><value><url>*.evil.example</url>{verdict}</value>"
        f"<value>{verdict}</value><value><url>evil.example</url>{verdict}</value></domains>"
    )
    report = read_report(read, NOW)
    assert (len(report.rejected), len(report.sightings), report.passed_over) == (2, 1, 0)


def test_metadata_of_an_ioc_has_the_shape_of_json() -> None:
    [ioc] = iocs(
        "<domains><value><url>evil.example</url><Verdict>High Risk</Verdict>"
        "<threat-level>0.75</threat-level><verdict_label>high_risk</verdict_label>"
        "<origins><value><type>VBA_EMULATION</type><identifier>x</identifier></value>"
        "<value>INPUT_FILE</value></origins>"
        "<tags><value>c2</value><tag>packed</tag><value><name>rat</name></value></tags>"
        "<firstSeen>1793000000</firstSeen><last_seen>2026-11-01</last_seen>"
        "<scan_count>3</scan_count><context><port>80</port><port>81</port></context>"
        "<list><value>a</value><value>b</value></list></value></domains>"
    )["domain"]
    assert ioc == {
        "data": "evil.example",
        "verdict": "High Risk",
        "threatLevel": 0.75,
        "verdictLabel": "high_risk",
        "origins": [{"type": "VBA_EMULATION", "identifier": "x"}, {"type": "INPUT_FILE"}],
        "tags": ["c2", "packed", "rat"],
        "first_seen": 1793000000,
        "last_seen": "2026-11-01",
        "scan_count": 3,
        "context": {"port": "80"},
        "list": ["a", "b"],
    }


@pytest.mark.parametrize("count", ["many", "9" * 6000, "1_0", "٣", "", "1e999"])
def test_a_number_that_is_none_costs_itself(count: str) -> None:
    read = raw(
        f"<ips><value><ip>192.0.2.1</ip><verdict>MALICIOUS</verdict>"
        f"<scan_count>{count}</scan_count></value></ips>"
    )
    [sighting] = read_report(read, NOW).sightings
    assert sighting.summary.claimed_count == 0


def test_metadata_of_a_report_is_what_stands_beside_the_way_to_its_iocs() -> None:
    read = raw(
        "",
        "<flow_id>flow</flow_id><reportId>report</reportId><date>1793000000</date>"
        "<tags/><file><name>a</name><size>7</size></file><odd><odder>x</odder></odd>",
    )
    assert read == {
        "flow_id": "flow",
        "report_id": "report",
        "date": 1793000000,
        "tags": [],
        "file": {"name": "a", "size": 7},
        "odd": {"odder": "x"},
        "iocs": {},
    }


def test_of_two_fields_of_a_name_the_one_nearer_to_the_iocs_counts() -> None:
    inner = "<result><verdict>MALICIOUS</verdict><iocs/></result><verdict>BENIGN</verdict>"
    [read] = page(content(f"<details>{inner}<tags/></details>")).reports
    assert read["verdict"] == "MALICIOUS"  # type: ignore[index]
    assert "tags" in read  # type: ignore[operator]


def test_iocs_in_several_places_are_one_list() -> None:
    one = f"<iocs><domains>{DOMAIN}</domains></iocs>"
    [read] = page(content(f"<details><static>{one}</static>{one}</details>")).reports
    assert len(read["iocs"]["domain"]) == 2  # type: ignore[index]


@pytest.mark.parametrize(
    ("around", "flow_id", "report_id"),
    [
        (f'<link href="{LINK}"/>', "66b3763b", "4c1a"),
        (f'<link rel="self" href="/"/><link rel="alternate" href="{LINK}"/>', "66b3763b", "4c1a"),
        ('<link href="https://feed.example/uploads/a%20b/x"/>', "a b", None),
        ("", "urn:1", None),
        ('<link href="https://feed.example/"/>', "urn:1", None),
    ],
)
def test_what_names_a_report_that_does_not_name_itself(
    around: str, flow_id: str, report_id: str | None
) -> None:
    read = raw("", around=around)
    assert (read["flow_id"], read.get("report_id")) == (flow_id, report_id)
    named = raw("", "<flow_id>own</flow_id><report_id/>", around=around)
    assert (named["flow_id"], named["report_id"]) == ("own", report_id or "")


def test_the_address_of_a_report_in_its_id() -> None:
    read = read_page(
        f'<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>{LINK}</id>'
        f"<published>2026-11-01</published>{content(details(''))}</entry></feed>".encode()
    )
    [report] = read.reports
    assert report["flow_id"] == "66b3763b"  # type: ignore[index]
    assert report["date"] == "2026-11-01"  # type: ignore[index]


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (content("<analysis><indicators/></analysis>"), "entry/content/analysis"),
        (content("<details><verdict>MALICIOUS</verdict></details>"), "entry/content/details"),
        (content("&lt;p&gt;A report&lt;/p&gt;", "html"), "entry/content"),
        (content("&lt;p&gt;broken", "html"), "entry/content"),
        (content("A report", "text"), "entry/content"),
        ("<v:report>x</v:report>", "entry/report"),
        (f"<v:{'x' * 1000}>y</v:{'x' * 1000}>", f"entry/{'x' * 64}"),
    ],
)
def test_an_entry_that_is_not_understood_is_a_link_and_names_its_element(
    written: str, path: str
) -> None:
    read = page(written)
    assert (read.reports, list(read.not_understood)) == ([], [path])
    assert read.links == [ReportLink("66b3763b", LINK)]


@pytest.mark.parametrize(
    "written", ["", "<content/>", '<content src="x"/>', "<summary>x</summary>"]
)
def test_an_entry_that_only_links_is_understood(written: str) -> None:
    read = page(written)
    assert (read.links, read.not_understood) == ([ReportLink("66b3763b", LINK)], [])


@pytest.mark.parametrize(
    "media_type",
    ["application/json; charset=utf-8", "Application/JSON ; a=b", "text/json", "text", "x/y+json"],
)
def test_json_is_read_whatever_the_parameters_of_its_media_type(media_type: str) -> None:
    [read] = page(content('{"flow_id": "f", "iocs": {}}', media_type)).reports
    assert read == {"flow_id": "f", "iocs": {}}


def test_several_digests_in_a_value_are_of_one_file() -> None:
    md5, sha256 = "a" * 32, "b" * 64
    value = (
        f"<value><md5>{md5}</md5><SHA-256>{sha256}</SHA-256><verdict>MALICIOUS</verdict>"
        "<file><name>x.exe</name><size>7</size></file></value>"
    )
    read = iocs(f"<hashes>{value}</hashes>")
    file = {"md5": md5, "sha256": sha256, "name": "x.exe", "size": 7}
    assert [read[kind][0]["file"] for kind in ("md5", "sha256")] == [file, file]


def test_evidence_and_family_have_the_shape_of_json() -> None:
    evidence = (
        "<evidence><value><source>yara</source><verdict>MALICIOUS</verdict><name>a rule</name>"
        "<decides>true</decides><echo>false</echo></value></evidence>"
    )
    value = f"<value><md5>{'a' * 32}</md5>{evidence}<malwareFamily>emotet</malwareFamily></value>"
    [one] = iocs(f"<hashes>{value}</hashes>")["md5"]
    assert one["malware_family"] == "emotet"
    assert one["evidence"] == [
        {
            "source": "yara",
            "verdict": "MALICIOUS",
            "name": "a rule",
            "decides": True,
            "echo": False,
        }
    ]
