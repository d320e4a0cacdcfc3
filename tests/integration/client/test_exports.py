"""Downloads of exports: small files, redirects to large ones, files that were replaced."""

import hashlib
import json
from collections.abc import Iterator

import pytest

from shared.client import ReputationClient, RequestRefused, UnexpectedAnswer
from tests.feed_server import Answer, FeedServer, page

NAME = "blocklist/domain-malicious.txt"
CONTENT = b"evil.example\n"


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as one:
        one.answer("/v4/exports", listing(CONTENT))
        one.answer(f"/v4/exports/{NAME}", page(CONTENT, Content_Type="text/plain"))
        yield one


@pytest.fixture
def client(server: FeedServer) -> Iterator[ReputationClient]:
    with ReputationClient(f"http://127.0.0.1:{server.port}", "key", max_retries=0) as one:
        yield one


def listing(content: bytes) -> Answer:
    file = {
        "name": NAME,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "media_type": "text/plain",
    }
    body = {"built": "2026-01-01T00:00:00.000Z", "count": 1, "files": [file]}
    return page(json.dumps(body).encode())


def test_small_file(client: ReputationClient) -> None:
    assert [one.name for one in client.exports()] == [NAME]
    assert client.export(NAME) == CONTENT


def test_large_file_is_fetched_without_the_key(
    server: FeedServer, client: ReputationClient
) -> None:
    with FeedServer() as bucket:
        bucket.answer("/file?signature=1", page(CONTENT))
        link = f"http://127.0.0.1:{bucket.port}/file?signature=1"
        moved = page(json.dumps({"url": link}).encode(), status="302 Found", Location=link)
        server.answer(f"/v4/exports/{NAME}", moved)
        assert client.export(NAME) == CONTENT
        assert "apikey" not in bucket.requests[0].headers


def test_export_that_was_replaced_is_read_again(
    server: FeedServer, client: ReputationClient
) -> None:
    server.answer("/v4/exports", listing(b"older\n"), listing(CONTENT))
    assert client.export(NAME) == CONTENT
    server.answer("/v4/exports", listing(b"another\n"))
    with pytest.raises(UnexpectedAnswer, match="SHA-256"):
        client.export(NAME)


def test_file_that_is_not_listed(client: ReputationClient) -> None:
    with pytest.raises(RequestRefused, match="no file misp/none"):
        client.export("misp/none")


def test_list_is_read_page_by_page(server: FeedServer, client: ReputationClient) -> None:
    pages = [{"data": [{"a": 1}], "next_cursor": "b&c"}, {"data": [], "next_cursor": None}]
    server.answer("/v4/iocs/recent?limit=1&cursor=", page(json.dumps(pages[0]).encode()))
    server.answer("/v4/iocs/recent?limit=1&cursor=b%26c", page(json.dumps(pages[1]).encode()))
    assert list(client.pages("iocs/recent", limit="1")) == [[{"a": 1}], []]
    server.answer("/v4/iocs/recent?limit=1&cursor=", page(b'{"data": [1]}'))
    with pytest.raises(UnexpectedAnswer, match="not a page"):
        next(client.pages("iocs/recent", limit="1"))
