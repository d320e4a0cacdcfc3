"""Each format by itself: what it takes, what it passes over, and what it refuses."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.formats.lists.declaration import Declaration
from shared.formats.lists.entry import RawEntry, RejectedEntry
from shared.formats.lists.errors import ListError
from shared.formats.lists.formats import FORMATS
from tests.unit.providers.support import ADDRESS, declare, only, read, sample, values

UUID = "5a1c0000-0000-4000-8000-00000000000"
LONG = "x" * 70_000


def entries(
    declaration: Declaration, body: bytes | str, get: Callable[[str], bytes] | None = None
) -> list[RawEntry]:
    plain = body.encode() if isinstance(body, str) else body
    return list(FORMATS[declaration.format].read(declaration, get or (lambda _: plain)))


def found(declaration: Declaration, body: bytes | str) -> list[object]:
    return [entry.value for entry in entries(declaration, body)]


def reasons(declaration: Declaration, body: bytes | str) -> list[str]:
    return [one.reason for one in found(declaration, body) if isinstance(one, RejectedEntry)]


@pytest.mark.parametrize("name", FORMATS)
def test_a_document_is_fetched_once_from_its_address(name: str) -> None:
    required = {
        "csv": 'value = "a"',
        "json_lines": 'value = "a"',
        "json_path": 'items = "@", value = "a"',
    }
    asked = []

    def get(url: str) -> bytes:
        asked.append(url)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        entries(declare(name, required.get(name, "")), b"", get)
    assert asked == [ADDRESS]
    assert FORMATS[name].ACCEPT


# Lines.


def test_lines_with_comments_and_blanks() -> None:
    text = "# head\n\n 192.0.2.1 \n192.0.2.2 # why\n192.0.2.3\t# why\nhttp://a.example/#top\n"
    assert found(declare("lines"), text) == [
        "192.0.2.1",
        "192.0.2.2",
        "192.0.2.3",
        "http://a.example/#top",
    ]


def test_lines_with_another_comment() -> None:
    text = "; Sample DROP list\n192.0.2.0/24 ; SBL900001\n"
    assert found(declare("lines", 'comment = ";"'), text) == ["192.0.2.0/24"]


def test_lines_with_columns() -> None:
    hosts = declare("lines", 'separator = " ", column = 2')
    assert found(hosts, "127.0.0.1   evil.example\n0.0.0.0\tbad.example\nshort\n") == [
        "evil.example",
        "bad.example",
        "",
    ]
    dated = declare("lines", 'separator = "|", column = 2, date = 1, category = 3')
    assert entries(dated, "2025-05-01 | 192.0.2.1 | ssh\n") == [
        RawEntry("192.0.2.1", date="2025-05-01", category="ssh")
    ]


# CSV.

CSV = declare("csv", 'value = "ip", date = "seen"')


@pytest.mark.parametrize(
    "header", ["seen,ip,port", "# seen,ip,port", '#  "seen","ip","port"', "##\n# a list\n#seen,ip"]
)
def test_a_header_in_the_open_or_in_a_comment(header: str) -> None:
    assert entries(CSV, f"{header}\n2025-05-01,192.0.2.1,443\n") == [
        RawEntry("192.0.2.1", date="2025-05-01")
    ]


def test_columns_may_change_their_places_and_more_may_come() -> None:
    assert found(CSV, "ip,new,seen\n192.0.2.1,x,2025-05-01,more\n") == ["192.0.2.1"]


def test_a_file_without_a_header() -> None:
    bare = declare("csv", 'value = "ip", columns = ["seen", "ip"], separator = ";"')
    assert found(bare, "# note\n2025-05-01;192.0.2.1\n") == ["192.0.2.1"]


@pytest.mark.parametrize("body", ["ip,port\n192.0.2.1,443\n", "192.0.2.1,2025-05-01\n", "#\n", ""])
def test_a_file_without_the_declared_columns_is_refused(body: str) -> None:
    with pytest.raises(ListError, match=r"no column|no header"):
        entries(CSV, body)


def test_rows_that_are_too_short_are_broken() -> None:
    with pytest.raises(ListError, match="2 entries cannot be read, 1 can"):
        read(CSV, b"seen,ip\n2025-05-01,192.0.2.1\nx\ny\n")


def test_quotes_that_do_not_match_cost_their_row() -> None:
    body = 'seen,ip\n"2025-05-01,192.0.2.1\n"2025-05-01","192.0.2.2"\n"2025-05-01","192.0.2.'
    assert found(CSV, body)[1] == "192.0.2.2"
    assert reasons(CSV, body) == ["a row whose quotes do not match"] * 2


def test_a_line_that_is_too_long_costs_itself() -> None:
    body = f"seen,ip\n2025-05-01,192.0.2.1\n{'x' * 10_000_000},192.0.2.2\n"
    assert reasons(CSV, body) == ["a line that is too long"]
    assert values(read(CSV, body.encode())) == ["192.0.2.1"]


def test_rows_of_another_kind_are_passed_over() -> None:
    some = declare("csv", 'value = "ip", only = { state = ["on", "new"] }')
    body = "ip,state\n192.0.2.1,on\n192.0.2.2,off\n192.0.2.3,new\n192.0.2.4\n"
    assert [one for one in found(some, body) if isinstance(one, str)] == ["192.0.2.1", "192.0.2.3"]
    assert [one.broken for one in found(some, body) if isinstance(one, RejectedEntry)] == [
        False,
        True,
    ]


# JSON.


def test_a_json_path() -> None:
    listed = declare(
        "json_path",
        "items = 'data.*[][]', value = '[ip, names[]][]', date = 'seen', assessment = 'a.b'",
    )
    body = {
        "data": {
            "1": [{"ip": "192.0.2.1", "names": ["a.example", "b.example"], "seen": 1_746_057_600}],
            "2": [{"ip": "192.0.2.2", "a": {"b": "spam"}}],
        }
    }
    assert values(read(listed, json.dumps(body).encode())) == [
        "192.0.2.1",
        "192.0.2.2",
        "a.example",
        "b.example",
    ]
    with pytest.raises(ListError, match="no items"):
        entries(listed, '{"data": 3}')


def test_an_expression_that_cannot_be_applied_finds_nothing() -> None:
    odd = declare("json_path", "items = '@', value = 'ip', category = 'max(tags)'")
    assert only(read(odd, b'[{"ip": "192.0.2.1", "tags": 3}]')).category == ""


@pytest.mark.parametrize(
    "body", ["", "{", "[NaN]", "[1] x", "[" * 100_000, "[" + "9" * 6000 + "]", "[" * 3_000_000]
)
def test_what_is_no_json_is_refused(body: str) -> None:
    with pytest.raises(ListError):
        entries(declare("json_path", "items = '@', value = '@'"), body)


def test_json_lines() -> None:
    listed = declare("json_lines", "value = 'ip', date = 'seen'")
    body = f'{{"ip": "192.0.2.1", "seen": "2025-05-01"}}\n\nno\n{{"x": "{LONG}"}}\n'
    assert found(listed, body)[0] == "192.0.2.1"
    assert reasons(listed, body) == ["a line that is not JSON", "a line that is too long"]


@pytest.mark.parametrize(
    "last", ["", '{"ip": "192.0.2.2"}\n', '{"end": 1}\n', '{"end": tr', "no\n"]
)
def test_json_lines_without_their_end_are_refused(last: str) -> None:
    listed = declare("json_lines", "value = 'ip', end = 'end'")
    first = '{"ip": "192.0.2.1"}\n'
    assert found(listed, first + '{"end": true}') == ["192.0.2.1"]
    with pytest.raises(ListError, match="no end"):
        entries(listed, first + last)


# MISP.


def feed(*events: dict[str, Any]) -> Callable[[str], bytes]:
    """A feed of events, each newer than the one before."""
    bodies = {ADDRESS: {f"{UUID}{n}": {"timestamp": str(n)} for n in range(len(events))}}
    bodies |= {
        f"https://list.example/{UUID}{n}.json": {"Event": event} for n, event in enumerate(events)
    }
    return lambda url: json.dumps(bodies[url]).encode()


def attribute(kind: str, value: object, **more: object) -> dict[str, object]:
    return {"type": kind, "value": value, "to_ids": True, **more}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("ip-src", "192.0.2.1", ["192.0.2.1"]),
        ("ip-dst", "192.0.2.0/24", ["192.0.2.0/24"]),
        ("ip-src|port", "192.0.2.1|80", ["192.0.2.1"]),
        ("ip-dst|port", "2001:db8::1|80", ["2001:db8::1"]),
        ("hostname|port", "a.example|80", ["a.example"]),
        ("domain|ip", "a.example|192.0.2.1", ["a.example", "192.0.2.1"]),
        ("filename|md5", "a|b.exe|" + "ab" * 16, ["ab" * 16]),
        ("filename|sha1", "a.exe|" + "ab" * 20, ["ab" * 20]),
        ("malware-sample", "a.exe|" + "ab" * 16, ["ab" * 16]),
    ],
)
def test_types_of_attributes(kind: str, value: str, expected: list[str]) -> None:
    get = feed({"Attribute": [attribute(kind, value)]})
    assert [entry.value for entry in entries(declare("misp_feed"), b"", get)] == expected


def test_attributes_that_are_no_indicators_are_passed_over() -> None:
    event = {
        "Attribute": [
            attribute("domain", "a.example", to_ids=False),
            attribute("domain", "a.example", deleted=True),
            attribute("email-src", "a@a.example"),
            attribute("domain|ip", "a.example"),
            attribute("domain", 3),
            "text",
        ],
        "Object": [{"deleted": True, "Attribute": [attribute("domain", "b.example")]}, 3, {}],
    }
    read_all = entries(declare("misp_feed"), b"", feed(event))
    assert [one.value.broken for one in read_all if isinstance(one.value, RejectedEntry)] == [
        False,
        False,
        False,
        True,
        True,
    ]
    assert [one.value for one in read_all if not isinstance(one.value, RejectedEntry)] == [
        "a.example",
        3,
    ]


def test_only_the_newest_events_are_read() -> None:
    events = [{"Attribute": [attribute("domain", f"{n}.example")]} for n in range(5)]
    few = declare("misp_feed", "max_events = 2")
    assert [one.value for one in entries(few, b"", feed(*events))] == ["4.example", "3.example"]


@pytest.mark.parametrize(
    "manifest", ["[]", '{"../../etc": {}}', '{"http://other.example/": {}}', "3", '{"a": 1}']
)
def test_a_manifest_names_events_only(manifest: str) -> None:
    with pytest.raises(ListError, match="manifest"):
        entries(declare("misp_feed"), manifest)


@pytest.mark.parametrize("event", [b"<html>", b"{}", b'{"Event": []}', b"[]", b""])
def test_an_event_that_is_none_costs_the_list(event: bytes) -> None:
    manifest = json.dumps({f"{UUID}1": {}}).encode()
    bodies = {ADDRESS: manifest, f"https://list.example/{UUID}1.json": event}
    with pytest.raises(ListError):
        entries(declare("misp_feed"), b"", bodies.__getitem__)


@pytest.mark.parametrize("kind", ["substring", "regex", "other", None, 3])
def test_warninglists_that_match_parts_are_refused(kind: object) -> None:
    body = json.dumps({"name": "n", "type": kind, "list": ["a.example"]})
    with pytest.raises(ListError, match="parts of a value"):
        entries(declare("misp_warninglist"), body)


def test_a_warninglist_of_no_type_is_of_strings() -> None:
    body = json.dumps({"name": "Names", "list": ["a.example", ".b.example"]})
    snapshot = read(declare("misp_warninglist", stance='"trusted"'), body.encode())
    assert values(snapshot) == ["a.example", "b.example"]
    assert {one.source_list for one in snapshot.entries.values()} == {"Names"}
    with pytest.raises(ListError, match="no list"):
        entries(declare("misp_warninglist"), '{"list": "a.example"}')


# STIX and TAXII.


def indicator(pattern: object, number: int = 1, **more: object) -> dict[str, object]:
    return {"type": "indicator", "id": f"indicator--{number}", "pattern": pattern, **more}


def bundle(*objects: object) -> str:
    return json.dumps({"type": "bundle", "objects": objects})


STIX = declare("stix_bundle")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[ipv4-addr:value = '192.0.2.1']", ["192.0.2.1"]),
        (" [ ipv6-addr:value='2001:db8::1' ] ", ["2001:db8::1"]),
        (
            "[domain-name:value = 'a.example' OR url:value = 'http://b/']",
            ["a.example", "http://b/"],
        ),
        ("[url:value = 'a'] OR [url:value = 'b' OR url:value = 'c']", ["a", "b", "c"]),
        (r"[url:value = 'it\'s \\']", ["it's \\"]),
        ("[file:hashes.'SHA-256' = 'ab']", ["ab"]),
        ("[file:hashes.MD5 = 'ab' OR file:hashes.SHA1 = 'cd']", ["ab", "cd"]),
    ],
)
def test_patterns_of_equalities(pattern: str, expected: list[str]) -> None:
    assert found(STIX, bundle(indicator(pattern))) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "[]",
        "[",
        "ipv4-addr:value = '192.0.2.1'",
        "[ipv4-addr:value = '192.0.2.1'",
        "[ipv4-addr:value = '192.0.2.1]",
        "[ipv4-addr:value != '192.0.2.1']",
        "[NOT ipv4-addr:value = '192.0.2.1']",
        "[ipv4-addr:value ISSUBSET '192.0.2.0/24']",
        "[ipv4-addr:value IN ('192.0.2.1')]",
        "[domain-name:value MATCHES 'a']",
        "[url:value = 'a' AND url:value = 'b']",
        "[url:value = 'a'] AND [url:value = 'b']",
        "[url:value = 'a'] FOLLOWEDBY [url:value = 'b']",
        "[url:value = 'a'] WITHIN 5 SECONDS",
        "[url:value = 'a' OR]",
        "[url:value = 'a'] [url:value = 'b']",
        "[[url:value = 'a']]",
        "([url:value = 'a'])",
        "[url:value = 'a' ORDER url:value = 'b']",
        "[url:value = '" + "a" * 70_000 + "']",
        "[url:value = '" + "\\" * 60_000,
        3,
        None,
    ],
)
def test_other_patterns_are_passed_over(pattern: object) -> None:
    assert found(STIX, bundle(indicator(pattern))) == [
        RejectedEntry("a pattern that is not only of equalities", broken=False)
    ]


def test_a_property_that_is_not_looked_up_costs_itself() -> None:
    pattern = "[file:hashes.SSDEEP = '3:a' OR file:name = 'a' OR url:value = 'http://a.example/']"
    assert values(read(STIX, bundle(indicator(pattern)).encode())) == ["http://a.example/"]


def test_the_latest_version_of_an_indicator_counts() -> None:
    versions = [
        indicator("[url:value = 'b']", modified="2025-05-02T00:00:00Z", revoked=True),
        indicator("[url:value = 'a']", modified="2025-05-01T00:00:00Z"),
        indicator("[url:value = 'c']", 2),
    ]
    assert found(STIX, bundle(*versions)) == [RejectedEntry("revoked", broken=False), "c"]
    assert found(STIX, bundle(*versions[::-1])) == ["c", RejectedEntry("revoked", broken=False)]


def test_an_indicator_has_its_time() -> None:
    one = indicator(
        "[domain-name:value = 'a.example']",
        valid_from="2025-05-01T00:00:00Z",
        valid_until="2025-06-01T08:00:00Z",
        labels=["phishing"],
    )
    body = bundle(one, indicator("[domain-name:value = 'b.example']", 2)).encode()
    before = read(STIX, body, 1_748_764_799_999)
    assert values(before) == ["a.example", "b.example"]
    assert {listing.category for listing in before.entries.values()} == {"phishing", ""}
    assert read(STIX, body, 1_748_764_800_000).rejected == {"expired": 1}


@pytest.mark.parametrize("body", ["{}", "[]", '{"type": "indicator"}', '{"objects": []}'])
def test_what_is_no_bundle_is_refused(body: str) -> None:
    with pytest.raises(ListError, match="not a bundle"):
        entries(STIX, body)


def test_a_bundle_and_a_collection_of_the_same_objects_are_the_same() -> None:
    pages = {
        ADDRESS: sample("taxii-collection.json"),
        f"{ADDRESS}?next=2%2Fb%2B": sample("taxii-collection.2.json"),
    }
    paged = entries(declare("taxii"), b"", pages.__getitem__)
    assert paged == entries(STIX, sample("bundle.json"))


def test_pages_are_asked_for_until_there_are_no_more() -> None:
    asked: list[str] = []

    def get(url: str) -> bytes:
        asked.append(url)
        return json.dumps({"more": len(asked) < 3, "next": str(len(asked))}).encode()

    address = f"{ADDRESS}?match[type]=indicator"
    assert entries(declare("taxii", address=f'"{address}"'), b"", get) == []
    assert asked == [address, f"{address}&next=1", f"{address}&next=2"]


def test_a_collection_without_end_is_refused() -> None:
    with pytest.raises(ListError, match="more than 3 pages"):
        entries(declare("taxii", "max_pages = 3"), '{"more": true, "next": "a", "objects": []}')


@pytest.mark.parametrize(
    "page",
    ['{"title": "busy"}', "[]", '{"more": true}', '{"objects": {}}', '{"more": true, "next": 3}'],
)
def test_what_is_no_page_is_refused(page: str) -> None:
    with pytest.raises(ListError):
        entries(declare("taxii"), page)
