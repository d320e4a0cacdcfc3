"""The client and the command line through a proxy on loopback."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Self

import pytest
import trustme

from iocrep.follow import FeedCursor, Follower
from iocrep.settings import Settings
from iocrep.status import health_of
from shared.client import ApiUnavailable, ReputationClient
from shared.domain.errors import FeedError
from shared.domain.indicator import IndicatorType, parse
from shared.http.fetch import FeedClient
from tests.feed_server import FeedServer, page

IP = parse(IndicatorType.IP, "203.0.113.7")
PATH = f"/v4/ip/{IP.value}"
BODY = b'{"lookup_results": {"sources": []}, "address": "203.0.113.7"}'


class Proxy:
    """An HTTP proxy that connects each request for any host to one port of loopback.

    Attributes:
        heads: the heads of the requests that it got.
        refusal: status line that it answers with, "" to serve.
    """

    def __init__(self, port: int) -> None:
        self.heads: list[str] = []
        self.refusal = ""
        outer = self

        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += self.request.recv(1)
                outer.heads.append(head.decode())
                if outer.refusal:
                    answer = f"HTTP/1.1 {outer.refusal}\r\nContent-Length: 0\r\n\r\n"
                    self.request.sendall(answer.encode())
                    return
                with socket.create_connection(("127.0.0.1", port)) as server:
                    if head.startswith(b"CONNECT "):
                        self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                    else:
                        # A server reads the path of a request only.
                        method, target, rest = head.split(b" ", 2)
                        path = b"/" + target.split(b"/", 3)[3]
                        server.sendall(b" ".join((method, path, rest)))
                    back = threading.Thread(target=_copy, args=(server, self.request))
                    back.start()
                    _copy(self.request, server)
                    back.join()

        self._server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        # A feed's client keeps its connections open.
        self._server.daemon_threads, self._server.block_on_close = True, False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.place = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as one:
        one.answer(PATH, page(BODY))
        yield one


def settings(url: str) -> Settings:
    return Settings({"url": url, "api_key": "key"}, {}, {}, Path("config.toml"))


def test_plain_request(server: FeedServer) -> None:
    with (
        Proxy(server.port) as proxy,
        ReputationClient(
            "http://api.example", "key", proxies={"http": f"http://me:secret@{proxy.place}"}
        ) as client,
    ):
        assert not client.look_up(IP).known
    [head] = proxy.heads
    assert head.startswith(f"GET http://api.example{PATH} HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n" in head
    assert [request.target for request in server.requests] == [PATH]


def test_tunnel_hides_the_key_and_checks_the_certificate() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.example").configure_cert(context)
    pem = authority.cert_pem.bytes().decode()
    with FeedServer(tls=context) as server, Proxy(server.port) as proxy:
        server.answer(PATH, page(BODY))
        proxies = {"https": proxy.place}
        with ReputationClient(
            "https://api.example", "key", proxies=proxies, private_ca=pem
        ) as client:
            assert not client.look_up(IP).known
        with (
            ReputationClient(
                "https://other.example", "key", proxies=proxies, private_ca=pem
            ) as bad,
            pytest.raises(ApiUnavailable, match=r"^TLS certificate of other\.example is not"),
        ):
            bad.look_up(IP)
    assert proxy.heads[0].startswith("CONNECT api.example:443 HTTP/1.")
    assert "key" not in "".join(proxy.heads)
    assert [request.headers["apikey"] for request in server.requests] == ["key"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_refusals_name_the_proxy(server: FeedServer, scheme: str) -> None:
    with Proxy(server.port) as proxy:
        proxy.refusal = "407 Proxy Authentication Required"
        proxies = {scheme: f"http://{proxy.place}"}
        with (
            ReputationClient(
                f"{scheme}://api.example", "key", proxies=proxies, max_retries=0
            ) as client,
            pytest.raises(ApiUnavailable, match="proxy"),
        ):
            client.look_up(IP)
    with (
        ReputationClient(
            f"{scheme}://api.example", "key", proxies=proxies, max_retries=0
        ) as client,
        pytest.raises(ApiUnavailable, match=f"^connection refused by {proxy.place}$"),
    ):
        client.look_up(IP)


def test_proxies_that_cannot_be_used() -> None:
    for proxy in ("socks5://127.0.0.1:1", "http://"):
        with pytest.raises(ValueError, match=r"^the proxy is not an http or https address$"):
            ReputationClient("http://api.example", "key", proxies={"all": proxy})
    with pytest.raises(ValueError, match="allow_private"):
        ReputationClient(
            "http://api.example", "key", proxies={"http": "proxy"}, allow_private=False
        )


def test_command_line_reads_the_environment(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(server.port) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.place}")
        with settings("http://api.example").client() as client:
            assert not client.look_up(IP).known
        assert len(proxy.heads) == 1
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,elsewhere.example")
        with settings(f"http://127.0.0.1:{server.port}").client() as client:
            assert not client.look_up(IP).known
        assert len(proxy.heads) == 1


def test_a_feed_behind_a_proxy(server: FeedServer) -> None:
    server.answer("/feed", page(b"{}"))
    with Proxy(server.port) as proxy:
        proxies = {"http": f"http://me:secret@{proxy.place}"}
        client = FeedClient(
            "http://feed.example/feed", "key", lambda: 60.0, allow_private=True, proxies=proxies
        )
        assert client.get("http://feed.example/feed").body == b"{}"
    [head] = proxy.heads
    assert head.startswith("GET http://feed.example/feed HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n" in head


def test_a_tunnel_hides_the_key_of_a_feed_and_checks_its_certificate() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("feed.example").configure_cert(context)
    pem = authority.cert_pem.bytes().decode()

    def feed(host: str) -> FeedClient:
        return FeedClient(
            f"https://{host}/feed",
            "a-secret",
            lambda: 60.0,
            allow_private=True,
            private_ca=pem,
            proxies={"https": proxy.place},
        )

    with FeedServer(tls=context) as server, Proxy(server.port) as proxy:
        server.answer("/feed", page(b"{}"))
        assert feed("feed.example").get("https://feed.example/feed").body == b"{}"
        with pytest.raises(FeedError, match="certificate is not trusted"):
            feed("other.example").get("https://other.example/feed")
    assert proxy.heads[0].startswith("CONNECT feed.example:443 HTTP/1.")
    assert "a-secret" not in "".join(proxy.heads)
    assert [request.headers["x-api-key"] for request in server.requests] == ["a-secret"]


def test_a_proxy_that_refuses_or_cannot_be_used_for_a_feed(server: FeedServer) -> None:
    for proxies in ({"http": "socks5://127.0.0.1:1"}, {"http": "http://"}):
        with pytest.raises(ValueError, match=r"^the proxy is not an http or https address$"):
            FeedClient("http://f.example/", "", lambda: 1.0, allow_private=True, proxies=proxies)
    with pytest.raises(ValueError, match="allow_private"):
        FeedClient("http://f.example/", "", lambda: 1.0, proxies={"http": "proxy"})
    for scheme in ("http", "https"):
        with Proxy(server.port) as proxy:
            proxy.refusal = "407 Proxy Authentication Required"
            url = f"{scheme}://feed.example/feed"
            client = FeedClient(
                url, "", lambda: 3.0, allow_private=True, proxies={scheme: proxy.place}
            )
            with pytest.raises(FeedError):
                client.get(url)


def test_watching_and_health_read_the_environment(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer("/feed", page(b'{"items": []}'))
    server.answer("/health", page(b'{"status": "ok"}'))
    with Proxy(server.port) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.place}")
        follower = Follower(FeedCursor("http://feed.example/feed"), "key", lambda: 60.0)
        assert list(follower.poll()) == []
        assert health_of("http://feed.example", 60.0) == "ok"
        assert len(proxy.heads) == 2
