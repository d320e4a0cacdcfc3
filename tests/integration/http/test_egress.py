"""Clients of configured addresses connect to private ones only if a setting allows it."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import functions.publish.app as publish
import functions.webhook.app as webhook
from functions.changes.change import change_in
from functions.lookup.on_demand import AskError, over_http
from local.changes import queue_message
from local.context import LocalContext
from local.environment import DEFAULTS
from shared.domain.indicator import IndicatorType, parse
from shared.http.egress import AddressRefused, pool_manager
from tests.builders import reputation
from tests.changes import history
from tests.feed_server import FeedServer, page

CONTEXT: Any = LocalContext("test", 30)
DOMAIN = parse(IndicatorType.DOMAIN, "evil.example")
PORT = 8079
# Each is called with an address and the environment; it returns whether the request succeeded.
Client = Callable[[str, pytest.MonkeyPatch], bool]


def by_webhook(url: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setenv("WEBHOOK_URL", url)
    monkeypatch.setenv("WEBHOOK_SIGNING_KEY", DEFAULTS["WEBHOOK_SIGNING_KEY"])
    [record] = history([reputation()])
    message = queue_message(json.dumps(change_in(record)))
    result = webhook.lambda_handler({"Records": [message]}, CONTEXT)
    return not result["batchItemFailures"]


def by_reputation_service(url: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setenv("REPUTATION_URL", url)
    monkeypatch.setenv("REPUTATION_API_KEY", "key")
    publish._settings.cache_clear()
    return publish._external_reputation()([DOMAIN]) is not None


def by_on_demand_provider(url: str, _: pytest.MonkeyPatch) -> bool:
    try:
        over_http(allow_private=False)(url, {}, 1.0)
    except AskError:
        return False
    return True


def by_poll(url: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setenv("SANDBOX_URL", url)
    monkeypatch.setenv("SANDBOX_API_KEY", "key")
    publish._settings.cache_clear()
    return publish._poller(lambda: 2.0).poll().complete


CLIENTS = [by_webhook, by_reputation_service, by_on_demand_provider, by_poll]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings of a deployed stack: no private address is allowed."""
    for name in ("WEBHOOK", "REPUTATION", "SANDBOX", "FEED"):
        monkeypatch.setenv(f"{name}_ALLOW_PRIVATE", "false")
    monkeypatch.setenv("REPORT_TABLE_NAME", "reports")
    monkeypatch.setenv("STATE_TABLE_NAME", "state")
    yield
    publish._settings.cache_clear()
    publish._reputation_client.cache_clear()


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The addresses that sockets connect to; nothing is reached."""
    addresses: list[Any] = []

    def connect(_: socket.socket, address: Any) -> None:
        addresses.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    return addresses


def resolve(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    """Let names resolve to these addresses, one after the other; the last one is repeated."""
    left = list(answers)

    def getaddrinfo(_: str, port: int, *__: object, **___: object) -> list[Any]:
        address = left.pop(0) if len(left) > 1 else left[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "[::1]", "localhost"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_private_address_is_never_connected_to(
    monkeypatch: pytest.MonkeyPatch, connected: list[Any], client: Client, host: str, scheme: str
) -> None:
    assert not client(f"{scheme}://{host}:{PORT}", monkeypatch)
    assert connected == []


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    "address", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "fd00:ec2::254", "::ffff:127.0.0.1"]
)
def test_a_name_with_a_private_address_is_never_connected_to(
    monkeypatch: pytest.MonkeyPatch, connected: list[Any], client: Client, address: str
) -> None:
    resolve(monkeypatch, address)
    assert not client(f"http://name.example:{PORT}", monkeypatch)
    assert connected == []


@pytest.mark.parametrize("client", CLIENTS)
def test_a_name_that_changes_its_mind_is_connected_to_as_it_was_judged(
    monkeypatch: pytest.MonkeyPatch, connected: list[Any], client: Client
) -> None:
    resolve(monkeypatch, "1.1.1.1", "127.0.0.1")
    for _ in range(2):
        assert not client(f"http://name.example:{PORT}", monkeypatch)
    assert connected == [("1.1.1.1", PORT)]


def test_a_private_address_is_connected_to_if_it_is_allowed() -> None:
    with FeedServer() as server:
        server.answer("/", page(b"found"))
        url = f"http://127.0.0.1:{server.port}/"
        assert pool_manager(allow_private=True).request("GET", url).data == b"found"
        with pytest.raises(AddressRefused, match="not on the internet"):
            pool_manager(allow_private=False).request("GET", url, retries=False)


def test_the_next_address_is_tried_if_one_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of two addresses on the internet refuses the connection, the second accepts it."""
    tried: list[str] = []
    connect = socket.socket.connect
    with FeedServer() as server:
        server.answer("/", page(b"found"))

        def redirected(sock: socket.socket, address: Any) -> None:
            tried.append(address[0])
            if address[0] == "1.1.1.1":
                raise ConnectionRefusedError
            connect(sock, ("127.0.0.1", server.port))

        def getaddrinfo(*_: object, **__: object) -> list[Any]:
            one = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
            return [(*one, ("1.1.1.1", 80)), (*one, ("1.0.0.1", 80))]

        monkeypatch.setattr(socket.socket, "connect", redirected)
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        manager = pool_manager(allow_private=False)
        assert manager.request("GET", "http://name.example/").data == b"found"
    assert tried == ["1.1.1.1", "1.0.0.1"]
