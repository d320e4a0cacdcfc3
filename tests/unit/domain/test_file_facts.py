"""Files as feeds show them and as they are read."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.file_facts import (
    MAX_FILE_NAME_BYTES,
    MAX_FILE_SIZE,
    FileFacts,
    cut,
    in_type_order,
    read_file_facts,
    scanned_url,
)
from shared.domain.indicator import Indicator, IndicatorType, parse

MD5 = parse(IndicatorType.MD5, "a" * 32)
SHA256 = parse(IndicatorType.SHA256, "b" * 64)


def test_fields_without_a_value_are_absent() -> None:
    file = FileFacts("invoice.docm", digests=(MD5, SHA256))
    assert file.to_object() == {"name": "invoice.docm", "md5": "a" * 32, "sha256": "b" * 64}
    assert file.digest(IndicatorType.SHA256) == SHA256.value
    assert file.digest(IndicatorType.SHA1) == ""


@given(
    st.builds(
        FileFacts,
        st.text(st.characters(codec="utf-8"), max_size=50),
        st.text(st.characters(codec="ascii"), max_size=50),
        st.integers(0, MAX_FILE_SIZE),
        st.sampled_from([(), (MD5,), (MD5, SHA256)]),
    )
)
def test_what_is_shown_is_read_back(file: FileFacts) -> None:
    assert read_file_facts(file.to_object()) == file


@pytest.mark.parametrize("value", [None, [], "invoice.docm", 3])
def test_a_file_that_is_not_an_object_is_empty(value: object) -> None:
    assert read_file_facts(value) == FileFacts()


def test_a_bad_field_costs_only_itself() -> None:
    raw = {
        "name": "a\ud800b",
        "type": "x" * 129,
        "size": True,
        "md5": "a" * 31,
        "sha1": 7,
        "sha256": "B" * 64,
    }
    assert read_file_facts(raw) == FileFacts("a?b", digests=(SHA256,))


@pytest.mark.parametrize("size", [-1, 0, 1.5, "12", MAX_FILE_SIZE + 1, None])
def test_a_size_that_is_not_plausible_is_unknown(size: object) -> None:
    assert read_file_facts({"size": size}).size == 0


def test_a_long_name_is_cut_between_characters() -> None:
    name = read_file_facts({"name": "ä" * 300}).name
    assert name == "ä" * (MAX_FILE_NAME_BYTES // 2)
    assert cut("aä", 2) == "a"


def test_digests_are_listed_in_the_order_of_the_types_and_once_per_type() -> None:
    other = parse(IndicatorType.SHA256, "c" * 64)
    assert in_type_order([SHA256, other, MD5]) == (MD5, SHA256)


def _file(name: str, text: str) -> FileFacts:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return FileFacts(name, digests=(parse(IndicatorType.SHA256, digest),))


def test_a_scan_of_a_url_is_known_by_the_digest_of_its_text() -> None:
    url = "https://github.com/"
    assert scanned_url(_file(url, url)) == Indicator(IndicatorType.URL, url)
    assert scanned_url(_file("github.com", "github.com")) is not None


@pytest.mark.parametrize(
    "file",
    [
        _file("http://google.com/", "MZ"),
        FileFacts("http://google.com/"),
        _file("two words", "two words"),
        FileFacts(),
    ],
)
def test_a_file_named_like_a_url_is_a_file(file: FileFacts) -> None:
    assert scanned_url(file) is None
