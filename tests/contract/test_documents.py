"""The documents that are open to everyone: compressed, kept by clients, and asked for again."""

import gzip
import http.client
from base64 import b64decode

import pytest

from functions.lookup.routes import respond
from local.server import HOST
from shared.http.web import Request, answer
from tests.contract.support import Api
from tests.unit.lookup.test_routes import service

PATHS = ("/", "/docs", "/openapi.json")


@pytest.mark.parametrize("path", PATHS)
def test_a_client_may_keep_it_and_asks_whether_it_changed(api: Api, path: str) -> None:
    first = api.ask(path, apikey="")
    assert first.headers["cache-control"] == "public, max-age=300"
    assert first.headers["vary"] == "Accept-Encoding"
    again = api.ask(path, apikey="", **{"if-none-match": first.headers["etag"]})
    assert (again.status, again.text) == (304, "")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == first.headers["cache-control"]
    assert api.ask(path, apikey="", **{"if-none-match": 'W/"another"'}).status == 200


@pytest.mark.parametrize("path", PATHS)
def test_it_is_compressed_for_a_client_that_reads_gzip(api: Api, path: str) -> None:
    plain = api.ask(path, apikey="")
    assert "content-encoding" not in plain.headers
    connection = http.client.HTTPConnection(HOST, api.port, timeout=60)
    connection.request("GET", path, headers={"accept-encoding": "gzip"})
    response = connection.getresponse()
    packed = response.read()
    connection.close()
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["etag"] == plain.headers["etag"]
    assert gzip.decompress(packed).decode() == plain.text
    assert 2 * len(packed) < len(plain.text)


@pytest.mark.parametrize("path", PATHS)
def test_it_is_compressed_once_and_not_for_each_request(path: str) -> None:
    first, second = (respond(service(), Request("GET", path, "", {})) for _ in range(2))
    assert first.gzipped is not None
    assert first.gzipped is second.gzipped
    sent = answer(second, gzip_accepted=lambda: True)
    assert b64decode(sent["body"]) == first.gzipped
