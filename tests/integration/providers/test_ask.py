"""Asking over HTTP: what a provider without a list can do with the connection."""

import itertools
from collections.abc import Iterator

import pytest

from functions.lookup.on_demand import AskError, over_http
from tests.feed_server import PATH, FeedServer, drip, endless, gzip_bomb, head, page


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


def test_an_answer_as_it_should_be(server: FeedServer) -> None:
    server.answer(PATH, page(b'{"bad": true}'))
    assert over_http(allow_private=True)(server.url, {"x-key": "k"}, 5) == (200, b'{"bad": true}')
    assert server.requests[0].headers["x-key"] == "k"


def test_an_answer_that_drips_does_not_keep_its_thread(server: FeedServer) -> None:
    server.answer(PATH, drip(head(content_length=10**6), itertools.repeat(b" "), 0.05))
    with pytest.raises(AskError, match="too long"):
        over_http(allow_private=True)(server.url, {}, 0.3)


def test_an_answer_without_end_is_not_kept(server: FeedServer) -> None:
    server.answer(PATH, endless(head(), b" " * 65536))
    with pytest.raises(AskError, match="too large"):
        over_http(allow_private=True)(server.url, {}, 30)


def test_a_bomb_is_not_unpacked(server: FeedServer) -> None:
    server.answer(PATH, page(gzip_bomb(), content_encoding="gzip"))
    with pytest.raises(AskError, match="too large"):
        over_http(allow_private=True)(server.url, {}, 30)


def test_a_redirect_is_not_followed(server: FeedServer) -> None:
    server.answer(PATH, page(b"", status="302 Found", location="/elsewhere"))
    assert over_http(allow_private=True)(server.url, {}, 5)[0] == 302
    assert server.asked() == [PATH]
