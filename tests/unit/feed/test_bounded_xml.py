"""XML from a stranger: what is read, what is refused, and that neither costs more than it may."""

import pytest

from shared.domain.errors import FeedError
from shared.formats.feed.bounded_xml import MAX_DEPTH, Budget, NotXml, parse, read_parts


def test_parts_come_one_by_one() -> None:
    body = b'<a x="1"> one <b>two<c/></b><!-- three --><d> four\n</d></a>'
    root, *parts = read_parts(body, Budget(10))
    assert (root.name, dict(root.attributes), root.text) == ("a", {"x": "1"}, "")
    assert [part.name for part in parts] == ["b", "d"]
    assert [child.name for child in parts[0].children] == ["c"]
    assert (parts[0].text, parts[1].text) == ("", "four")
    assert [child.name for child in parse(body, Budget(10)).children] == ["b", "d"]


def test_white_space_is_kept_where_it_is_said_to_be() -> None:
    root = parse(b'<a><b> x </b><b xml:space="preserve"> x\n</b></a>', Budget(10))
    assert [child.text for child in root.children] == ["x", " x\n"]


def test_text_that_comes_in_pieces_is_one() -> None:
    text = "é&amp;<![CDATA[<b>]]><!-- x -->" * 100_000
    assert parse(f"<a>{text}</a>".encode(), Budget(10)).text == "é&<b>" * 100_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a>",
        b"<a/><b/>",
        b"<a>&nbsp;</a>",
        b"<a>\xff</a>",
        b"<a>&#0;</a>",
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b"<!-- " + b"x" * 500_000 + b" --><!DOCTYPE a><a/>",
    ],
)
def test_what_is_not_xml_or_declares_a_document_type_is_refused(body: bytes) -> None:
    with pytest.raises(FeedError):
        parse(body, Budget(10))


def test_elements_and_attributes_use_up_one_budget() -> None:
    budget = Budget(7)
    parse(b'<a b="" c=""><d/></a>', budget)
    assert budget.left == 3
    with pytest.raises(FeedError):
        parse(b'<a b="" c=""><d/></a>', budget)


def test_depth_is_bounded() -> None:
    parse(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH, Budget(1000))
    with pytest.raises(FeedError) as refused:
        parse(b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1), Budget(1000))
    assert not isinstance(refused.value, NotXml)


@pytest.mark.parametrize(
    "markup", [b"<!--%s-->", b"<?a %s?>", b'<a b="%s"/>', b"<a %s/>", b"<%s/>", b"<!--%s", b"<a %s"]
)
def test_a_long_piece_of_markup_is_refused(markup: bytes) -> None:
    with pytest.raises(FeedError):
        parse(b"<x>" + markup.replace(b"%s", b"x" * 1_000_000) + b"</x>", Budget(10))


def test_what_follows_many_chunks_is_read() -> None:
    body = b"<x>" + b"<!-- " + b"x" * 200_000 + b" -->" + b"<b>" + b"y" * 1_000_000 + b"</b></x>"
    assert len(parse(body, Budget(10)).children[0].text) == 1_000_000
