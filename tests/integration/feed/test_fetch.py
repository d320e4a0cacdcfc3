"""Fetching a page from a feed that misbehaves on the wire, and the limits that hold then."""

import email.utils
import gzip
import itertools
import json
import socket
import ssl
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import certifi
import pytest

from shared.domain.errors import FeedError
from shared.http import fetch
from shared.http.fetch import MAX_PAGE_BYTES, FeedClient, Fetched, OutOfTime, next_url
from tests.feed_server import (
    PATH,
    Answer,
    FeedServer,
    drip,
    endless,
    gzip_bomb,
    head,
    page,
    raw,
    reset,
    stall,
)

ROOT = Path(__file__).parents[3]
BODY = b'{"items": [], "count": 0, "next": null}'
KEY = "feed-key"
OTHER = f"{PATH}?page=2"
# A machine under load is late; without the limits these tests would last for ever.
GRACE_S = 3.0


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "BACKOFF_S", 0.01)


def client(server: FeedServer, seconds: float = 20, **options: Any) -> FeedClient:
    """A client that has this much time from now on."""
    end = time.monotonic() + seconds
    options = {"allow_private": True, **options}
    return FeedClient(server.url, KEY, lambda: end - time.monotonic(), **options)


def get(server: FeedServer, seconds: float = 20, **options: Any) -> bytes:
    return client(server, seconds, **options).get(server.url).body


@contextmanager
def within(seconds: float) -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds + GRACE_S


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)


def test_a_page_as_it_should_be(server: FeedServer) -> None:
    server.answer(PATH, page(BODY))
    assert client(server).get(server.url) == Fetched(server.url, BODY)
    (request,) = server.requests
    assert request.headers["x-api-key"] == KEY
    assert request.headers["accept"] == "application/json, application/atom+xml;q=0.9"
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert "cookie" not in request.headers


def test_a_page_that_is_as_it_was_is_not_sent_again(server: FeedServer) -> None:
    unchanged = page(b"", status="304 Not Modified")
    server.answer(PATH, page(BODY, ETag='W/"1"'), unchanged, page(BODY, ETag='W/"2"'), unchanged)
    one = client(server)
    first = one.get(server.url)
    assert (first.etag, first.unchanged) == ('W/"1"', False)
    again = one.get(server.url, first.etag)
    assert (again.etag, again.unchanged, again.body) == ('W/"1"', True, b"")
    assert one.get(server.url, again.etag).etag == 'W/"2"'
    with pytest.raises(FeedError, match="status 304"):
        one.get(server.url)
    sent = [request.headers.get("if-none-match") for request in server.requests]
    assert sent == [None, 'W/"1"', 'W/"1"', None]


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_a_key_that_is_refused_is_told_from_other_faults(server: FeedServer, status: str) -> None:
    server.answer(PATH, page(b"", status=status))
    with pytest.raises(fetch.FeedRefused, match=status[:3]):
        get(server)


def test_another_feed_has_another_header_for_its_key_and_other_types(server: FeedServer) -> None:
    server.answer(PATH, page(BODY))
    accept = "application/taxii+json;version=2.1"
    assert get(server, accept=accept, key_header="Auth-Key") == BODY
    (request,) = server.requests
    assert request.headers["accept"] == accept
    assert request.headers["auth-key"] == KEY
    assert "x-api-key" not in request.headers


@pytest.mark.parametrize(
    "answer",
    [
        page(gzip.compress(BODY), Content_Encoding="gzip"),
        page(gzip.compress(BODY[:9]) + gzip.compress(BODY[9:]), Content_Encoding="gzip"),
        page(zlib.compress(BODY), Content_Encoding="deflate"),
        raw(head(Transfer_Encoding="chunked") + chunked(BODY[:9], BODY[9:], b"")),
        raw(head() + BODY),
        raw(b"HTTP/1.1 100 Continue\r\n\r\n" + head() + BODY),
        drip(head(), (BODY[at : at + 8] for at in range(0, len(BODY), 8)), 0.02),
    ],
    ids=["gzip", "two gzips", "deflate", "chunked", "until the end", "continued", "slow"],
)
def test_a_page_on_any_way_there_is(server: FeedServer, answer: Answer) -> None:
    server.answer(PATH, answer)
    assert get(server) == BODY


def test_a_page_of_the_largest_size(server: FeedServer) -> None:
    server.answer(PATH, page(bytes(MAX_PAGE_BYTES)), page(bytes(MAX_PAGE_BYTES + 1)))
    assert len(get(server)) == MAX_PAGE_BYTES
    with pytest.raises(FeedError, match="larger than"):
        get(server)


def test_pages_share_a_connection(server: FeedServer) -> None:
    server.answer(PATH, page(BODY), page(gzip.compress(BODY), Content_Encoding="gzip"))
    one = client(server)
    for _ in range(4):
        assert one.get(server.url).body == BODY
    assert server.connections == 1


def test_a_connection_that_the_feed_has_closed_is_made_anew(server: FeedServer) -> None:
    server.answer(PATH, raw(head(content_length=len(BODY)) + BODY))
    one = client(server)
    for _ in range(3):
        assert one.get(server.url).body == BODY


# Time.


@pytest.mark.parametrize(
    "answer",
    [
        stall(),
        stall(head(content_length=99)),
        stall(head(content_length=99) + b"{"),
        stall(head(Transfer_Encoding="chunked") + b"5\r\n{"),
        stall(head("503 Service Unavailable", content_length=99)),
        drip(b"", (head(content_length=0)[at : at + 1] for at in itertools.count())),
        drip(b"HTTP/1.1 200 OK\r\n", itertools.repeat(b"a: b\r\n")),
        drip(b"HTTP/1.1 200 OK\r\na: ", itertools.repeat(b"b")),
        drip(head(), itertools.repeat(b" ")),
        drip(head(content_length=9999), itertools.repeat(b" ")),
        drip(head(Transfer_Encoding="chunked"), itertools.repeat(b"1\r\n \r\n")),
        drip(head(Transfer_Encoding="chunked"), itertools.repeat(b"0")),
        drip(head(Transfer_Encoding="chunked") + b"0\r\n", itertools.repeat(b"a: b\r\n")),
        drip(head(Content_Encoding="gzip"), itertools.repeat(gzip.compress(b""))),
        drip(head("500 Internal Server Error"), itertools.repeat(b" ")),
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=[
        "stall",
        "stall before the body",
        "stall in the body",
        "stall in a chunk",
        "stall in an error",
        "drip in the status",
        "drip of headers",
        "drip in a header",
        "drip in the body",
        "drip in a body of known length",
        "drip of chunks",
        "drip in the length of a chunk",
        "drip of trailers",
        "drip of empty gzips",
        "drip in an error",
        "endless continuation",
    ],
)
def test_nothing_outlasts_the_time_that_is_left(server: FeedServer, answer: Answer) -> None:
    server.answer(PATH, answer)
    with within(0.3), pytest.raises(FeedError) as caught:
        get(server, 0.3)
    assert isinstance(caught.value, OutOfTime) or "larger than" in str(caught.value)


@pytest.mark.parametrize(
    "greeting",
    [stall(), drip(b"\x16\x03\x03\x40\x00", itertools.repeat(b"\0"))],
    ids=["stall", "drip"],
)
def test_a_handshake_does_not_outlast_the_time_that_is_left(greeting: Answer) -> None:
    with (
        FeedServer(greeting=greeting) as server,
        within(0.3),
        pytest.raises(OutOfTime),
    ):
        get(server, 0.3)


def test_connecting_does_not_outlast_the_time_that_is_left(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host with many addresses of which none answers."""
    answer = socket.getaddrinfo("127.0.0.1", server.port, type=socket.SOCK_STREAM)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer * 20)

    def connect(self: socket.socket, address: object) -> None:
        time.sleep(self.gettimeout() or 99)
        raise TimeoutError

    monkeypatch.setattr(fetch._Socket, "connect", connect)
    with within(0.3), pytest.raises(OutOfTime):
        get(server, 0.3)


def test_without_time_nothing_is_asked(server: FeedServer) -> None:
    server.answer(PATH, page(BODY))
    with pytest.raises(OutOfTime):
        get(server, 0)
    assert server.requests == []


def test_a_stall_is_given_up_and_tried_again(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "READ_TIMEOUT_S", 0.2)
    server.answer(PATH, stall(), page(BODY))
    with within(1):
        assert get(server) == BODY


# Being asked to wait.


def http_date(seconds: float) -> str:
    return email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("status", "after"),
    [("429 Too Many Requests", lambda: "1"), ("503 Service Unavailable", lambda: http_date(2))],
    ids=["seconds", "date"],
)
def test_a_retry_after_is_obeyed(server: FeedServer, status: str, after: Callable[[], str]) -> None:
    server.answer(PATH, page(b"", status=status, Retry_After=after()), page(BODY))
    start = time.monotonic()
    assert get(server) == BODY
    # A date has no fractions of a second.
    assert 0.9 < time.monotonic() - start < 2 + GRACE_S


@pytest.mark.parametrize(
    "after",
    [
        "soon",
        "-5",
        "",
        "1e3",
        "0",
        "Fri, 32 Foo 99999 99:99:99 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 01 Jan 99999 00:00:00 GMT",
        "9" * 5000,
        "\xff\x00",
    ],
)
def test_a_retry_after_that_says_nothing_is_passed_over(server: FeedServer, after: str) -> None:
    server.answer(PATH, page(b"", status="429 Too Many", Retry_After=after), page(BODY))
    with within(1):
        assert get(server) == BODY


@pytest.mark.parametrize(
    "after",
    ["100", "9" * 300, http_date(3600), "Fri, 31 Dec 9999 23:59:59 GMT"],
    ids=["seconds", "many digits", "date", "last date"],
)
def test_a_retry_after_beyond_the_time_ends_the_run_at_once(server: FeedServer, after: str) -> None:
    server.answer(PATH, page(b"", status="503 Service Unavailable", Retry_After=after))
    with within(0), pytest.raises(OutOfTime, match="asks to wait"):
        get(server)
    assert len(server.requests) == 1


# Answers that are not a page.


@pytest.mark.parametrize("status", ["500 Oh", "502 Bad", "503 No", "504 Late", "429 Too Many"])
def test_a_refusal_that_may_pass_is_tried_again(server: FeedServer, status: str) -> None:
    server.answer(PATH, page(b"<html>", status=status), page(b"", status=status), page(BODY))
    assert get(server) == BODY
    server.answer(PATH, page(b"secret", status=status))
    with pytest.raises(FeedError, match=f"^the feed answered with status {status[:3]}$"):
        get(server)
    assert len(server.requests) == 3 + 1 + fetch.MAX_RETRIES


@pytest.mark.parametrize("status", ["204 No Content", "206 Part", "304 As Before", "401 No"])
@pytest.mark.parametrize("body", [b"", BODY])
def test_any_other_status_is_no_page(server: FeedServer, status: str, body: bytes) -> None:
    server.answer(PATH, page(body, status=status))
    with pytest.raises(FeedError, match=f"^the feed answered with status {status[:3]}$"):
        get(server)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        raw(b""),
        raw(b"nonsense\r\n\r\n"),
        raw(b"\x00" * 999),
        reset(),
        reset(b"HTTP/1.1 200 OK\r\n"),
        reset(head(content_length=99) + b"{"),
        raw(head(content_length=99) + BODY),
        raw(head(Transfer_Encoding="chunked") + chunked(BODY)),
        raw(head(Transfer_Encoding="chunked") + b"63\r\n" + BODY),
        raw(head(Transfer_Encoding="chunked") + b"xyz\r\n" + BODY),
        raw(head(Transfer_Encoding="chunked") + b"-1\r\n" + BODY),
        page(b"no gzip at all", Content_Encoding="gzip"),
        page(gzip.compress(BODY)[:10] + b"\xff" * 20, Content_Encoding="gzip"),
        page(gzip.compress(BODY)[:-8] + bytes(8), Content_Encoding="gzip"),
        page(BODY, Content_Encoding=", ".join(["gzip"] * 9)),
        raw(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 5000 + b"\r\n"),
        raw(b"HTTP/1.1 200 OK\r\na: " + b"b" * 1_000_000 + b"\r\n\r\n"),
        raw(b"HTTP/1.1 " + b"2" * 1_000_000 + b"\r\n\r\n"),
    ],
    ids=[
        "nothing",
        "no HTTP",
        "zeros",
        "reset at once",
        "reset in the headers",
        "reset in the body",
        "cut body",
        "cut between chunks",
        "cut chunk",
        "bad length of a chunk",
        "negative length of a chunk",
        "no gzip",
        "broken gzip",
        "gzip with a wrong sum",
        "too many encodings",
        "5,000 headers",
        "long header",
        "long status",
    ],
)
def test_a_broken_answer_is_no_page(server: FeedServer, answer: Answer) -> None:
    server.answer(PATH, answer)
    one = client(server)
    with within(2), pytest.raises(FeedError, match=r"^the page could not be fetched: \w+$"):
        one.get(server.url)
    server.answer(PATH, page(BODY))
    assert one.get(server.url).body == BODY


@pytest.mark.parametrize("answer", [raw(b""), reset(), raw(b"HTTP/1.1 2")])
def test_an_answer_that_breaks_before_its_body_is_asked_for_again(
    server: FeedServer, answer: Answer
) -> None:
    server.answer(PATH, answer, page(BODY))
    assert get(server) == BODY


def test_a_feed_that_is_not_there() -> None:
    with FeedServer() as gone:
        url = gone.url
    with within(1), pytest.raises(FeedError, match="NewConnectionError"):
        FeedClient(url, KEY, lambda: 20, allow_private=True).get(url)


# Size.


@pytest.mark.parametrize(
    "answer",
    [
        endless(head(), b" " * 65536),
        endless(head(Transfer_Encoding="chunked"), chunked(b" " * 65536)),
        endless(head(Transfer_Encoding="chunked") + b"-1\r\n", b" " * 65536),
        endless(head(Transfer_Encoding="chunked") + b"0\r\n", b"a: b\r\n" * 999),
        endless(head(Content_Encoding="gzip"), gzip.compress(b"") * 3000),
        endless(head("500 Oh"), b" " * 65536),
        endless(head("500 Oh", Transfer_Encoding="chunked") + b"-1\r\n", b" " * 65536),
    ],
    ids=[
        "endless body",
        "endless chunks",
        "chunk without an end",
        "endless trailers",
        "endless empty gzips",
        "endless error",
        "error in a chunk without an end",
    ],
)
def test_an_endless_answer_ends_at_the_cap(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setattr(fetch, "MAX_WIRE_BYTES", 5_000_000)
    server.answer(PATH, answer)
    with pytest.raises(FeedError, match=r"larger than \d+ bytes$") as caught:
        get(server, 30)
    assert not isinstance(caught.value, OutOfTime)


GROWTH = """
import json, resource, sys, time
from shared.domain.errors import FeedError
from shared.http import fetch
from shared.http.fetch import FeedClient

fetch.BACKOFF_S = 0

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

end = time.monotonic() + 30
client = FeedClient(sys.argv[1], "", lambda: end - time.monotonic(), allow_private=True)
client.get(sys.argv[1] + "?small")
before = peak()
try:
    client.get(sys.argv[1])
    error = ""
except FeedError as refused:
    error = str(refused)
print(json.dumps([error, peak() - before]))
"""


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (page(gzip_bomb(), Content_Encoding="gzip"), "the page is larger than 33554432 bytes"),
        (
            page(gzip.compress(gzip_bomb()), Content_Encoding="gzip, gzip"),
            "the page is larger than 33554432 bytes",
        ),
        (
            page(gzip_bomb(), status="302 There", Location=OTHER, Content_Encoding="gzip"),
            "the feed answered with status 404",
        ),
        (
            page(gzip_bomb(), status="500 Oh", Content_Encoding="gzip"),
            "the feed answered with status 500",
        ),
        (
            endless(head("500 Oh", Transfer_Encoding="chunked") + b"-1\r\n", b" " * 65536),
            "the page is larger than 33554432 bytes",
        ),
    ],
    ids=["bomb", "bomb in a bomb", "bomb in a redirect", "bomb in an error", "endless chunk"],
)
def test_refusing_a_bomb_takes_little_memory(
    server: FeedServer, answer: Answer, expected: str
) -> None:
    server.answer(PATH, answer)
    server.answer(f"{PATH}?small", page(BODY))
    told = subprocess.run(
        [sys.executable, "-c", GROWTH, server.url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    ).stdout
    error, megabytes = json.loads(told)
    assert error == expected
    assert megabytes < 100


# One origin.


@pytest.fixture
def stranger() -> Iterator[FeedServer]:
    """A server that must see nothing."""
    with FeedServer() as running:
        yield running
        assert running.connections == 0


ELSEWHERE = [
    "http://{other}/",
    "//{other}/",
    "https://{feed}/",
    "https://{other}/",
    "ftp://{feed}/",
    "http://localhost:{port}/",
    "http://127.1:{port}/",
    "http://127.0.0.1/",
    "http://[::1]:{port}/",
    "http://{feed}.example/",
    "http://user@{feed}/",
    "http://user:password@{feed}/",
    "http://{feed}@{other}/",
    "http://{other}@{feed}/",
    "http://{feed}\\@{other}/",
    "http://{other}\\@{feed}/",
    "http://{feed}%23@{other}/",
    "http://{feed}\t@{other}/",
    "http:\\\\{other}/",
    "\\\\{other}/",
    "/\\{other}/",
    "http://{feed}x/",
    "http://127.0.0.1:99999/",
    "http://[",
    "file:///etc/hosts",
    "data:application/json,x",
    "javascript:x",
    "/" + "a" * 9000,
]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_the_feed_cannot_send_the_client_elsewhere(
    server: FeedServer, stranger: FeedServer, address: str
) -> None:
    address = address.format(
        feed=f"127.0.0.1:{server.port}", other=f"127.0.0.1:{stranger.port}", port=server.port
    )
    one = client(server)
    with within(1), pytest.raises(FeedError) as caught:
        one.get(next_url(Fetched(server.url, b""), address))
    assert "127.0" not in str(caught.value)
    assert server.connections == 0
    server.answer(PATH, page(b"", status="302 Found", Location=address))
    with within(1), pytest.raises(FeedError) as caught:
        one.get(server.url)
    assert "127.0" not in str(caught.value)
    assert server.asked() == [PATH]


def test_an_address_that_is_no_text_is_refused(server: FeedServer) -> None:
    with pytest.raises(FeedError, match="is not a valid address"):
        next_url(Fetched(server.url, b""), "/\ud800")


@pytest.mark.parametrize("status", ["301 A", "302 B", "303 C", "307 D", "308 E"])
@pytest.mark.parametrize("location", [OTHER, "?page=2", "http://127.0.0.1:{port}" + OTHER])
def test_a_redirect_on_the_origin_is_followed(
    server: FeedServer, status: str, location: str
) -> None:
    location = location.format(port=server.port)
    server.answer(PATH, page(b"moved", status=status, Location=location))
    server.answer(OTHER, page(BODY))
    assert client(server).get(server.url) == Fetched(f"{server.url}?page=2", BODY)
    assert [request.headers["x-api-key"] for request in server.requests] == [KEY, KEY]


def test_a_redirect_without_a_location_is_no_page(server: FeedServer) -> None:
    server.answer(PATH, page(BODY, status="302 Found"))
    with pytest.raises(FeedError, match="status 302"):
        get(server)


def test_redirects_are_followed_five_times(server: FeedServer) -> None:
    for number in range(9):
        server.answer(
            f"{PATH}?page={number}", page(b"", status="302 Found", Location=f"?page={number + 1}")
        )
    server.answer(f"{PATH}?page=9", page(BODY))
    one = client(server)
    assert one.get(f"{server.url}?page=4").body == BODY
    with pytest.raises(FeedError, match="more than 5"):
        one.get(f"{server.url}?page=3")
    assert len(server.requests) == 6 + 6


def test_redirects_in_a_circle_end(server: FeedServer) -> None:
    server.answer(PATH, page(b"", status="302 Found", Location=OTHER))
    server.answer(OTHER, page(b"", status="302 Found", Location=PATH))
    with pytest.raises(FeedError, match="more than 5"):
        get(server)


def test_the_environment_names_no_proxy_and_no_certificates(
    server: FeedServer, stranger: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, stranger.url)
        monkeypatch.setenv(name.upper(), stranger.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.answer(PATH, page(BODY))
    assert get(server) == BODY


def test_a_cookie_is_not_kept(server: FeedServer) -> None:
    server.answer(PATH, page(BODY, Set_Cookie="a=b"))
    one = client(server)
    one.get(server.url)
    one.get(server.url)
    assert all("cookie" not in request.headers for request in server.requests)


# TLS.


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[FeedServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with FeedServer(tls=context) as running:
        running.answer(PATH, page(BODY))
        yield running


def test_an_untrusted_certificate_is_refused(
    tls_server: FeedServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(certificate))
    with within(1), pytest.raises(FeedError, match="certificate is not trusted"):
        get(tls_server)
    assert tls_server.requests == []
    assert tls_server.connections == 1


def test_a_certificate_for_another_name_is_refused(
    tls_server: FeedServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certifi, "where", lambda: str(certificate))
    url = tls_server.url.replace("127.0.0.1", "localhost")
    with pytest.raises(FeedError, match="certificate is not trusted"):
        FeedClient(url, KEY, lambda: 20, allow_private=True).get(url)
    assert tls_server.requests == []


def test_a_trusted_certificate_is_taken(
    tls_server: FeedServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certifi, "where", lambda: str(certificate))
    one = client(tls_server)
    assert [one.get(tls_server.url).body for _ in range(2)] == [BODY, BODY]
    assert tls_server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        stall(),
        stall(head(content_length=99)),
        drip(b"HTTP/1.1 200 OK\r\na: ", itertools.repeat(b"b")),
        drip(head(content_length=9999), itertools.repeat(b" ")),
    ],
    ids=["stall", "stall before the body", "drip in a header", "drip in the body"],
)
def test_nothing_outlasts_the_time_that_is_left_in_tls(
    tls_server: FeedServer, certificate: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setattr(certifi, "where", lambda: str(certificate))
    tls_server.answer(PATH, answer)
    with within(0.3), pytest.raises(OutOfTime):
        get(tls_server, 0.3)


@pytest.mark.parametrize(
    "answer",
    [
        endless(head(), b" " * 65536),
        page(gzip_bomb(), Content_Encoding="gzip"),
        reset(head(content_length=99) + b"{"),
    ],
    ids=["endless body", "bomb", "reset"],
)
def test_a_broken_answer_in_tls_is_no_page(
    tls_server: FeedServer, certificate: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setattr(certifi, "where", lambda: str(certificate))
    tls_server.answer(PATH, answer)
    with pytest.raises(FeedError) as caught:
        get(tls_server)
    assert not isinstance(caught.value, OutOfTime)


# Addresses.


def resolving_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
    """Let look-ups of names give these, one after the other; the last one is repeated."""
    left = list(answers)

    def getaddrinfo(host: str, port: int, **_: object) -> list[Any]:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (address, port),
            )
            for address in answer
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["172.16.0.1"],
        ["192.168.0.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["0.0.0.0"],  # noqa: S104
        ["::1"],
        ["::"],
        ["fe80::1%lo"],
        ["fd00:ec2::254"],
        ["::ffff:127.0.0.1"],
        ["::ffff:169.254.169.254"],
        ["64:ff9b::169.254.169.254"],
        ["::127.0.0.1"],
        ["2002:7f00:1::"],
        ["224.0.0.1"],
        ["ff0e::1"],
        ["198.51.100.1"],
        ["1.1.1.1", "127.0.0.1"],
    ],
    ids=str,
)
def test_an_address_that_is_not_on_the_internet_is_refused(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch, answer: list[str]
) -> None:
    server.answer(PATH, page(BODY))
    resolving_to(monkeypatch, answer)
    url = f"http://feed.example:{server.port}{PATH}"
    with within(1), pytest.raises(FeedError, match="not on the internet"):
        FeedClient(url, KEY, lambda: 20).get(url)
    assert server.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1"])
def test_an_address_in_the_address_is_refused_just_so(server: FeedServer, host: str) -> None:
    url = f"http://{host}:{server.port}{PATH}"
    with pytest.raises(FeedError, match="not on the internet"):
        FeedClient(url, KEY, lambda: 20).get(url)
    assert server.connections == 0


def test_the_address_is_judged_whenever_it_is_connected_to(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is rebound after it was found to be harmless."""
    server.answer(PATH, raw(head() + BODY))
    resolving_to(monkeypatch, ["1.1.1.1"], ["127.0.0.1"])
    connected: list[object] = []

    def connect(self: socket.socket, address: tuple[str, int]) -> None:
        connected.append(address)
        socket.socket.connect(self, ("127.0.0.1", server.port))

    monkeypatch.setattr(fetch._Socket, "connect", connect)
    url = f"http://feed.example{PATH}"
    one = FeedClient(url, KEY, lambda: 20)
    assert one.get(url).body == BODY
    with pytest.raises(FeedError, match="not on the internet"):
        one.get(url)
    assert connected == [("1.1.1.1", 80)]


def test_a_second_address_is_tried_when_the_first_one_fails(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer(PATH, page(BODY))
    resolving_to(monkeypatch, ["::1", "127.0.0.1"])
    assert get(server) == BODY


def test_a_name_that_is_not_to_be_found(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def getaddrinfo(*_: object, **__: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with within(1), pytest.raises(FeedError, match="NameResolutionError"):
        get(server)


def test_what_does_not_say_where_it_ends_may_be_refused(server: FeedServer) -> None:
    open_end = raw(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\none\ntwo"
    )
    server.answer(PATH, open_end)
    assert get(server) == b"one\ntwo"
    with pytest.raises(FeedError, match="does not state its length"):
        get(server, only_whole=True)
    pieces = chunked(b"one\n", b"two") + b"0\r\n\r\n"
    for whole in (page(b"one\ntwo"), raw(head(transfer_encoding="chunked") + pieces)):
        server.answer(PATH, whole)
        assert get(server, only_whole=True) == b"one\ntwo"
