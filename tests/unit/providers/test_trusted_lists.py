"""What the entries of allowlists match, and what lists of bad things pass over."""

import json
from typing import Any

import pytest

from shared.formats.lists.entry import ListContent
from shared.formats.lists.errors import DeclarationError, ListError
from shared.formats.lists.formats.csv import MAX_ROW_LINES
from shared.formats.lists.read import read_snapshot
from tests.unit.providers.support import declare, read, values

OVERRULE = {"stance": '"trusted"', "effect": '"overrule"'}
NOTE = {"stance": '"trusted"', "effect": '"note"'}


def warninglist(
    entries: list[object],
    kind: str = "hostname",
    *,
    declared: dict[str, str] = OVERRULE,
    **more: object,
) -> ListContent:
    body = json.dumps({"name": "N", "type": kind, "list": entries, **more}).encode()
    return read(declare("misp_warninglist", **declared), body)


def standing_for_more(content: ListContent) -> list[str]:
    return sorted(subject.value for subject, one in content.entries.items() if one.below)


class TestEffect:
    @pytest.mark.parametrize("effect", ["overrule", "note"])
    def test_only_an_allowlist_has_one(self, effect: str) -> None:
        assert declare("lines", stance='"trusted"', effect=f'"{effect}"').effect == effect
        with pytest.raises(DeclarationError, match="effect: only an allowlist has one"):
            declare("lines", effect=f'"{effect}"')

    def test_another_one_is_refused(self) -> None:
        with pytest.raises(DeclarationError, match="effect: Input should be 'overrule' or 'note'"):
            declare("lines", stance='"trusted"', effect='"clear"')

    def test_none_is_the_default(self) -> None:
        assert declare("lines").effect is None
        assert declare("lines", stance='"trusted"').effect is None


class TestWarninglists:
    def test_only_entries_of_hostname_stand_for_the_names_below(self) -> None:
        assert standing_for_more(warninglist(["a.example", ".b.example"])) == [
            "a.example",
            "b.example",
        ]
        assert standing_for_more(warninglist(["a.example"], "string")) == []

    def test_addresses_in_it_stand_for_themselves(self) -> None:
        content = warninglist(["192.0.2.1", "192.0.2.0/24", "a.example"])
        assert standing_for_more(content) == ["a.example"]

    @pytest.mark.parametrize("suffix", ["github.io", "co.uk", "s3.amazonaws.com"])
    def test_a_public_suffix_overrules_nothing(self, suffix: str) -> None:
        content = warninglist([suffix, "a.example"])
        assert values(content) == ["a.example"]
        assert content.rejected == {"a public suffix, below which anyone can register": 1}

    def test_a_public_suffix_is_noted_by_itself(self) -> None:
        content = warninglist(["duckdns.org", "a.example"], declared=NOTE)
        assert values(content) == ["a.example", "duckdns.org"]
        assert standing_for_more(content) == ["a.example"]

    @pytest.mark.parametrize(
        ("matching", "expected"),
        [
            (None, ["192.0.2.1", "AB" * 16, "a.example"]),
            ([], ["192.0.2.1", "AB" * 16, "a.example"]),
            (["ip-dst", "ip-src|port"], ["192.0.2.1"]),
            (["hostname"], ["a.example"]),
            (["filename|md5", "domain"], ["AB" * 16, "a.example"]),
            (["url", "email-src", "md5", 3], ["AB" * 16]),
        ],
    )
    def test_matching_attributes_are_obeyed(self, matching: object, expected: list[str]) -> None:
        named: dict[str, Any] = {} if matching is None else {"matching_attributes": matching}
        content = warninglist(["192.0.2.1", "ab" * 16, "a.example"], "string", **named)
        assert values(content) == expected
        passed = 3 - len(expected)
        counted = {"a type that the list does not match": passed} if passed else {}
        assert content.rejected == counted

    def test_a_list_that_matches_no_type_of_ours_is_refused(self) -> None:
        with pytest.raises(ListError, match="too few to be whole"):
            warninglist(["a.example"], matching_attributes=["email-src"])
        with pytest.raises(ListError, match="matching_attributes is not a list"):
            warninglist(["a.example"], matching_attributes="domain")

    @pytest.mark.parametrize("kind", ["regex", "substring"])
    def test_a_list_of_parts_is_refused_with_its_type(self, kind: str) -> None:
        with pytest.raises(ListError, match=f"of type {kind}, which matches parts of a value"):
            warninglist(["google"], kind)


class TestTopSites:
    TOP = declare("csv", 'value = "domain", columns = ["rank", "domain"]', **OVERRULE)

    def test_a_name_stands_for_its_www_name(self) -> None:
        content = read(self.TOP, b"1,google.com\r\n2,www.b.example\r\n3,A.B.example\r\n")
        assert values(content) == [
            *("a.b.example", "google.com", "www.a.b.example", "www.b.example", "www.google.com")
        ]
        assert standing_for_more(content) == []

    def test_a_www_name_below_a_public_suffix_may_be_a_strangers(self) -> None:
        assert values(read(self.TOP, b"1,github.io\n2,a.github.io\n")) == [
            *("a.github.io", "github.io", "www.a.github.io")
        ]

    def test_a_list_with_a_header_is_read_as_well(self) -> None:
        top = declare("csv", 'value = "domain"', **OVERRULE)
        assert values(read(top, b"rank,domain\n1,google.com\n")) == ["google.com", "www.google.com"]

    def test_a_list_of_bad_names_has_no_www_names(self) -> None:
        assert values(read(declare("csv", 'value = "d"'), b"d\na.example\n")) == ["a.example"]


class TestBenignEntriesInListsOfBadThings:
    @pytest.mark.parametrize(
        "more",
        [
            {"indicator_types": ["benign"]},
            {"indicator_types": ["anomalous-activity", " Benign "]},
            {"labels": ["benign"]},
            {"indicator_types": "benign"},
            {"labels": "Benign"},
            {"revoked": True},
            {"revoked": "true"},
            {"revoked": " Yes"},
        ],
    )
    def test_stix_objects(self, more: dict[str, Any]) -> None:
        objects = [
            {"type": "indicator", "id": f"indicator--{name}", "pattern_type": "stix", **fields}
            for name, fields in {
                "good": {"pattern": "[domain-name:value = 'cdn.example']", **more},
                "bad": {"pattern": "[domain-name:value = 'evil.example']"},
            }.items()
        ]
        body = json.dumps({"type": "bundle", "objects": objects}).encode()
        content = read(declare("stix_bundle"), body)
        assert values(content) == ["evil.example"]
        assert content.rejected.total() == 1

    @pytest.mark.parametrize("on", [True, 1, "1", "true", "True", " 1 ", "Yes", "on"])
    @pytest.mark.parametrize("off", [False, 0, "0", "false", "no", None])
    def test_misp_attributes(self, on: object, off: object) -> None:
        uuid = "5a1c0000-0000-4000-8000-000000000001"
        attributes: list[dict[str, Any]] = [
            {"type": "domain", "value": "kept.example", "to_ids": on, "deleted": off},
            {"type": "domain", "value": "not-for-ids.example", "to_ids": off},
            {"type": "domain", "value": "deleted.example", "to_ids": on, "deleted": on},
        ]
        gone = {"deleted": on, "Attribute": [{**attributes[0], "value": "in-object.example"}]}
        event = {"Event": {"info": "i", "Attribute": attributes, "Object": [gone]}}
        documents = {
            "https://list.example/a": json.dumps({uuid: {}}).encode(),
            f"https://list.example/{uuid}.json": json.dumps(event).encode(),
        }
        content = read_snapshot(declare("misp_feed"), documents.__getitem__, 0)
        assert values(content) == ["kept.example"]
        assert content.rejected == {"an attribute that is not for detection": 2}


class TestRowsOfManyLines:
    LIST = declare("csv", 'value = "ioc", category = "fam"')

    def test_a_quoted_cell_with_a_break_of_lines_belongs_to_its_row(self) -> None:
        body = (
            'ioc,fam,note\nbad-a.example,f,"an analyst wrote:\ngood.example,,harmless ""too"""\n'
            "bad-b.example,y,\n"
        )
        content = read(self.LIST, body.encode())
        assert values(content) == ["bad-a.example", "bad-b.example"]
        assert content.rejected == {}

    def test_a_comment_sign_in_a_quoted_cell_is_text(self) -> None:
        body = 'ioc,fam\na.example,"x\n# y"\nb.example,\n'
        assert values(read(self.LIST, body.encode())) == ["a.example", "b.example"]

    def test_a_row_has_a_limit_of_lines(self) -> None:
        good = [f"n{number}.example,x" for number in range(MAX_ROW_LINES)]
        within = 'ioc,fam\na.example,"\n' + "\n".join(good) + '"\nz.example,\n'
        assert values(read(self.LIST, within.encode())) == ["a.example", "z.example"]
        beyond = 'ioc,fam\na.example,"\n' + "\n".join([*good, "y.example,"]) + '"\nz.example,\n'
        content = read(self.LIST, beyond.encode())
        assert len(content.entries) == MAX_ROW_LINES + 1
        assert content.rejected == {"a row whose quotes do not match": 2}

    def test_a_row_has_a_limit_of_characters(self) -> None:
        body = 'ioc,fam\na.example,"' + "\n".join(["x" * 60_000] * 3) + '"\nz.example,\n'
        with pytest.raises(ListError):
            read(self.LIST, body.encode())

    def test_an_open_quote_at_the_end_costs_its_line(self) -> None:
        content = read(self.LIST, b'ioc,fam\na.example,\nb.example,"x\nc.example,\n')
        assert values(content) == ["a.example", "c.example"]
