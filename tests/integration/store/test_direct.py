"""The direct client: the same answers as boto3's, and what it does when the wire misbehaves."""

import itertools
import json
import socket
import ssl
import threading
from binascii import crc32
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from shared.domain.errors import StoreError
from shared.store.client import dynamodb_client
from shared.store.direct import DirectClient, direct_client
from shared.store.direct.endpoint import Endpoint, public_endpoint
from shared.store.direct.sigv4 import Credentials
from shared.store.iocs import IocTable
from tests.builders import DOMAIN
from tests.conftest import Store
from tests.feed_server import Answer, FeedServer, drip, head, page, raw, reset, stall

ITEM = {
    "pk": {"S": "ключ\u2028\x00"},
    "B": {"M": {"B": {"B": b"\x00\xff"}, "BS": {"BS": [b"1", b"2"]}, "N": {"N": "1.50"}}},
    "BS": {"L": [{"BOOL": True}, {"NULL": True}, {"S": ""}, {"L": []}, {"SS": ["a", "b"]}]},
    "bytes": {"B": b""},
}
THROTTLED = json.dumps({"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException"}).encode()
REFUSED = json.dumps({"__type": "com.amazon.coral.validate#ValidationException", "message": "no"})
FOUND = json.dumps({"Item": {"pk": {"S": "a"}}}).encode()
BUSY = page(b'{"__type":"x#InternalServerError"}', status="500 Internal Server Error")


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


def client_of(
    server: FeedServer, *, scheme: str = "http", host: str = "127.0.0.1", **options: Any
) -> DirectClient:
    settings = {"connect_timeout_s": 1.0, "read_timeout_s": 0.3, "attempts": 3}
    return DirectClient(
        f"{scheme}://{host}:{server.port}",
        "us-east-1",
        lambda: Credentials("id", "secret", None),
        **{**settings, "first_pause_s": 0.001, "connections": 4, **options},
    )


def get(client: DirectClient) -> Any:
    return client.get_item(TableName="t", Key={"pk": {"S": "a"}})


class TestAgainstBoto3:
    def test_every_kind_of_value_comes_back(self, engine_store: Store) -> None:
        theirs, ours = dynamodb_client(), direct_client()
        assert isinstance(ours, DirectClient)
        table = engine_store.table
        ours.put_item(TableName=table, Item=ITEM)
        for client in (theirs, ours):
            answer = client.get_item(TableName=table, Key={"pk": ITEM["pk"]}, ConsistentRead=True)
            assert answer["Item"] == ITEM

    def test_the_errors_are_the_same(self, engine_store: Store) -> None:
        for client in (dynamodb_client(), direct_client()):
            again: dict[str, Any] = {
                "TableName": engine_store.table,
                "Item": {"pk": {"S": "a"}},
                "ConditionExpression": "attribute_not_exists(pk)",
            }
            client.delete_item(TableName=engine_store.table, Key={"pk": {"S": "a"}})
            client.put_item(**again)
            with pytest.raises(client.exceptions.ConditionalCheckFailedException):
                client.put_item(**again)
            with pytest.raises(ClientError) as raised:
                client.get_item(TableName="nowhere", Key={"pk": {"S": "a"}})
            assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"

    def test_what_is_no_value_is_never_sent(self, server: FeedServer) -> None:
        with pytest.raises(TypeError, match="set is not a value"):
            client_of(server).put_item(TableName="t", Item={"pk": {"SS": {"a"}}})
        assert not server.requests


@pytest.mark.parametrize(
    "fault",
    [
        BUSY,
        page(THROTTLED, status="400 Bad Request"),
        page(b"<html>", status="503 Service Unavailable"),
        page(FOUND, x_amz_crc32=crc32(FOUND) ^ 1),
        reset(),
        reset(head(content_length=99)[:9]),
        reset(head(content_length=99)),
        stall(),
        stall(head(content_length=99)),
        drip(head(content_length=9999), itertools.repeat(b" ", 9999)),
        page(FOUND, x_amz_crc32="many"),
        page(FOUND[:-1]),
        raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n"),
        raw(head(content_length=1) + b"{}"[:1] + b"}"),
        raw(head(content_length="2, 2") + b"{}"),
        raw(head("101 Switching Protocols", upgrade="x", connection="upgrade")),
        raw(head("100 Continue")),
    ],
    ids=[
        "500",
        "throttled",
        "503",
        "damaged",
        "reset",
        "head",
        "body",
        "silent",
        "stalls",
        "trickles",
        "checksum",
        "no JSON",
        "no HTTP",
        "header",
        "length",
        "lengths",
        "upgrade",
        "interim only",
    ],
)
class TestFaults:
    def test_one_that_passes_is_got_over(self, server: FeedServer, fault: Answer) -> None:
        server.answer("/", fault, fault, page(FOUND, x_amz_crc32=crc32(FOUND)))
        assert get(client_of(server)) == json.loads(FOUND)
        assert len(server.requests) == 3
        assert len({request.body for request in server.requests}) == 1

    def test_one_that_stays_is_told_after_the_last_attempt(
        self, server: FeedServer, fault: Answer
    ) -> None:
        server.answer("/", fault)
        client: Any = client_of(server, attempts=2)
        with pytest.raises(StoreError):
            IocTable(client, "t").find(DOMAIN)
        assert len(server.requests) == 2


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden", "413 Too Large"])
def test_a_refusal_is_final(server: FeedServer, status: str) -> None:
    server.answer("/", page(REFUSED.encode(), status=status))
    with pytest.raises(ClientError) as raised:
        get(client_of(server))
    assert raised.value.response["Error"] == {"Code": "ValidationException", "Message": "no"}
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"__type": 5}'])
def test_a_refusal_without_words_is_one(server: FeedServer, body: bytes) -> None:
    server.answer("/", page(body, status="400 Bad Request"))
    with pytest.raises(ClientError):
        get(client_of(server))


def test_a_redirect_is_not_followed(server: FeedServer) -> None:
    server.answer("/", page(b"", status="307 Temporary Redirect", Location="/elsewhere"))
    with pytest.raises(ClientError):
        get(client_of(server))
    assert server.asked() == ["/"]


def test_pauses_grow_and_are_spread(server: FeedServer) -> None:
    slept: list[float] = []
    server.answer("/", page(THROTTLED, status="400 Bad Request"))
    for _ in range(20):
        with pytest.raises(ClientError):
            get(client_of(server, attempts=5, first_pause_s=8.0, sleep=slept.append))
    waits = [slept[at : at + 4] for at in range(0, 80, 4)]
    assert len(slept) == 80
    for limit, column in zip((8, 16, 20, 20), zip(*waits, strict=True), strict=True):
        assert 0 <= min(column) < max(column) <= limit


def test_threads_share_connections(server: FeedServer) -> None:
    server.answer("/", page(FOUND))
    client = client_of(server, read_timeout_s=5.0)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: get(client), range(100))) == [json.loads(FOUND)] * 100
    assert server.connections <= 4


class TestManyAtOnce:
    """Requests that are all sent before one is read."""

    REQUESTS: tuple[dict[str, Any], ...] = tuple(
        {"RequestItems": {"t": {"Keys": [{"pk": {"S": f"{number}"}}]}}} for number in range(10)
    )

    def test_all_are_under_way_before_one_is_answered(self, server: FeedServer) -> None:
        waiting = threading.Barrier(10, timeout=5)

        def together(client: socket.socket) -> bool:
            waiting.wait()
            return page(FOUND)(client)

        server.answer("/", together)
        client = client_of(server, read_timeout_s=5.0, connections=10)
        for _ in range(2):
            assert client.batch_get_items(self.REQUESTS) == [json.loads(FOUND)] * 10
        assert server.connections == 10

    def test_answers_stand_in_the_order_of_the_requests(self, engine_store: Store) -> None:
        client, table = direct_client(), engine_store.table
        assert isinstance(client, DirectClient)
        keys = [{"pk": {"S": f"{number}"}} for number in range(10)]
        for key in keys:
            client.put_item(TableName=table, Item=key)
        answers = client.batch_get_items({"RequestItems": {table: {"Keys": [key]}}} for key in keys)
        assert [answer["Responses"][table] for answer in answers] == [[key] for key in keys]

    def test_only_those_that_failed_are_sent_again(self, server: FeedServer) -> None:
        server.answer("/", page(FOUND), BUSY, reset(), *[page(FOUND)] * 7, page(FOUND))
        assert client_of(server).batch_get_items(self.REQUESTS) == [json.loads(FOUND)] * 10
        assert len(server.requests) == 12
        sent = Counter(request.body for request in server.requests)
        assert sorted(sent.values()) == [1] * 8 + [2] * 2

    def test_a_refusal_of_one_ends_all(self, server: FeedServer) -> None:
        server.answer(
            "/", page(FOUND), page(REFUSED.encode(), status="400 Bad Request"), page(FOUND)
        )
        client = client_of(server)
        with pytest.raises(ClientError, match="ValidationException"):
            client.batch_get_items(self.REQUESTS)
        # An unread answer is never taken for the answer to the next request.
        server.answer("/", page(b"{}"))
        assert client.batch_get_items(self.REQUESTS) == [{}] * 10

    def test_a_store_that_stalls_is_waited_for_once_and_not_ten_times(
        self, server: FeedServer
    ) -> None:
        server.answer("/", stall())
        client = client_of(server, attempts=1, read_timeout_s=2.0)
        with ThreadPoolExecutor(1) as caller:
            asked = caller.submit(client.batch_get_items, self.REQUESTS)
            # One after the other they would take 20 seconds.
            assert isinstance(asked.exception(timeout=15), ReadTimeoutError)
        assert len(server.requests) == 10


def test_a_connection_that_was_closed_meanwhile_is_no_fault(server: FeedServer) -> None:
    server.answer("/", raw(head(content_length=len(FOUND)) + FOUND))
    client = client_of(server, attempts=2)
    for _ in range(3):
        assert get(client) == json.loads(FOUND)
    assert server.connections >= 3


def test_a_connection_that_the_store_ends_is_not_used_again(server: FeedServer) -> None:
    server.answer("/", page(FOUND, connection="close"))
    client = client_of(server)
    for _ in range(3):
        assert get(client) == json.loads(FOUND)
    assert server.connections == 3


def test_an_interim_answer_is_not_the_answer(server: FeedServer) -> None:
    interim = head("100 Continue", x_amz_crc32=1)
    server.answer("/", raw(interim + head(content_length=len(FOUND)) + FOUND, more=True))
    client = client_of(server, attempts=1)
    for _ in range(2):
        assert get(client) == json.loads(FOUND)
    assert server.connections == 1


@pytest.mark.parametrize(
    "extra", [head(content_length=2) + b"{}", head(content_length=9), b"HTTP/1.1"]
)
def test_a_second_answer_is_never_read_for_the_next_request(
    server: FeedServer, extra: bytes
) -> None:
    answer = head(content_length=len(FOUND)) + FOUND
    server.answer("/", raw(answer + extra, more=True))
    client = client_of(server, attempts=2)
    for _ in range(3):
        assert get(client) == json.loads(FOUND)


def test_an_answer_in_chunks_is_read(server: FeedServer) -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in FOUND)
    server.answer("/", raw(head(transfer_encoding="chunked") + chunks + b"0\r\n\r\n", more=True))
    client = client_of(server)
    for _ in range(2):
        assert get(client) == json.loads(FOUND)
    assert server.connections == 1


class TestTls:
    @pytest.fixture
    def server(self, certificate: Path) -> Iterator[FeedServer]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with FeedServer(tls=context) as running:
            running.answer("/", page(FOUND))
            yield running

    def test_one_connection_is_used_again(
        self, server: FeedServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
        client = client_of(server, scheme="https", read_timeout_s=5.0)
        for _ in range(3):
            assert get(client) == json.loads(FOUND)
        assert client.batch_get_items([{}] * 3) == [json.loads(FOUND)] * 3
        assert server.connections == 3

    def test_a_certificate_that_nobody_vouches_for_is_refused(self, server: FeedServer) -> None:
        with pytest.raises(BotoCoreError):
            get(client_of(server, scheme="https"))
        assert not server.requests

    def test_one_for_another_name_is_refused(
        self, server: FeedServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
        with pytest.raises(BotoCoreError):
            get(client_of(server, scheme="https", host="localhost"))
        assert not server.requests


ON_LAMBDA = {
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
    "AWS_ENDPOINT_URL_DYNAMODB": "",
}
NAMED = {**ON_LAMBDA, "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000"}


class TestPlace:
    def test_on_lambda_it_is_that_of_the_region(self) -> None:
        endpoint = Endpoint.from_env(ON_LAMBDA)
        assert endpoint is not None
        assert endpoint.url == "https://dynamodb.eu-central-1.amazonaws.com"
        assert endpoint.region == "eu-central-1"
        assert endpoint.credentials() == Credentials("id", "secret", "token")

    def test_a_named_one_goes_first(self) -> None:
        endpoint = Endpoint.from_env(NAMED)
        assert endpoint is not None
        assert endpoint.url == "http://127.0.0.1:8000"

    @pytest.mark.parametrize(
        "env",
        [
            {},
            {name: text for name, text in ON_LAMBDA.items() if name != "AWS_REGION"},
            {**ON_LAMBDA, "AWS_USE_FIPS_ENDPOINT": "true"},
            {**ON_LAMBDA, "AWS_REGION": "moon-base-1"},
            {**NAMED, "HTTPS_PROXY": "http://proxy.example"},
            {**NAMED, "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000/path"},
            {name: text for name, text in ON_LAMBDA.items() if "LAMBDA" not in name},
        ],
        ids=["nothing", "region", "fips", "unheard-of", "proxy", "path", "elsewhere"],
    )
    def test_what_takes_boto3_to_find_is_left_to_it(self, env: dict[str, str]) -> None:
        assert Endpoint.from_env(env) is None

    def test_credentials_that_are_not_in_the_environment_are_found_and_refreshed_by_boto3(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        role = {name: text for name, text in ON_LAMBDA.items() if "KEY" not in name}
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        issued = iter("ab")
        with FeedServer() as server:
            server.answer("/creds", *(page(_credentials(next(issued))) for _ in range(2)))
            url = f"http://127.0.0.1:{server.port}/creds"
            monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
            endpoint = Endpoint.from_env(role)
            assert endpoint is not None
            # What has expired is never signed with: each call gets the next.
            assert {endpoint.credentials().access_key for _ in range(2)} <= {"id-a", "id-b"}
            assert endpoint.credentials().access_key == "id-b"

    def test_every_region_that_botocore_knows_has_the_address_that_boto3_takes(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import boto3

        session = boto3.Session()
        for partition in session.get_available_partitions():
            for region in session.get_available_regions("dynamodb", partition):
                theirs = session.client("dynamodb", region_name=region).meta.endpoint_url
                assert public_endpoint(region) == theirs


def _credentials(name: str) -> bytes:
    expires = "2000-01-01T00:00:00Z" if name == "a" else "2999-01-01T00:00:00Z"
    return json.dumps(
        {
            "AccessKeyId": f"id-{name}",
            "SecretAccessKey": "secret",
            "Token": "token",
            "Expiration": expires,
        }
    ).encode()


@pytest.mark.parametrize("make", [dynamodb_client, direct_client])
def test_both_are_asked_for_alike(make: Callable[..., Any], engine_store: Store) -> None:
    client = make(read_timeout_s=0.5, attempts=2, patient=False, connections=2)
    assert "Item" not in client.get_item(TableName=engine_store.table, Key={"pk": {"S": "a"}})
