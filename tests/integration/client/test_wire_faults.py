"""The client against an API that misbehaves on the wire."""

import gzip
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.client import (
    ApiUnavailable,
    DeadlinePassed,
    LimitReached,
    ReputationApiError,
    ReputationClient,
    UnexpectedAnswer,
)
from shared.domain.indicator import IndicatorType, parse
from tests.feed_server import Answer, FeedServer, drip, endless, gzip_bomb, head, page, reset, stall

IP = parse(IndicatorType.IP, "203.0.113.7")
PATH = "/v4/ip/203.0.113.7"
ROW: dict[str, Any] = {"address": IP.value, "lookup_results": {"sources": []}}
BODY = json.dumps(ROW).encode()
BUSY = "503 Service Unavailable"


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def client(server: FeedServer) -> Iterator[ReputationClient]:
    with client_of(server) as one:
        yield one


def client_of(server: FeedServer, **options: Any) -> ReputationClient:
    return ReputationClient(f"http://127.0.0.1:{server.port}", "key", backoff_s=0.01, **options)


def test_answers_share_a_connection(server: FeedServer, client: ReputationClient) -> None:
    packed = page(gzip.compress(BODY), Content_Encoding="gzip")
    server.answer(PATH, page(BODY), packed, page(b"{}", status="400 Bad Request"))
    for _ in range(2):
        assert not client.look_up(IP).known
    with pytest.raises(UnexpectedAnswer, match="status 400"):
        client.look_up(IP)
    assert server.connections == 1
    assert [request.headers["apikey"] for request in server.requests] == ["key"] * 3


@pytest.mark.parametrize(
    "fault",
    [
        reset(),
        reset(head(content_length=99)[:9]),
        page(b"{}", status="429 Too Many Requests", Retry_After=0),
        page(b"{}", status=BUSY, Retry_After="no number"),
        endless(head(BUSY), b" " * 65536),
        drip(head(BUSY, content_length=99), itertools.repeat(b" ")),
    ],
    ids=["reset", "reset in the head", "429", "503", "endless 503", "slow 503"],
)
def test_a_passing_fault_is_got_over(
    server: FeedServer, client: ReputationClient, fault: Answer
) -> None:
    server.answer(PATH, fault, page(BODY))
    assert not client.look_up(IP).known
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "expected"),
    [("429 Too Many Requests", LimitReached), (BUSY, ApiUnavailable)],
)
def test_a_wait_beyond_the_deadline_is_refused(
    server: FeedServer, status: str, expected: type[ReputationApiError]
) -> None:
    server.answer(PATH, page(b"{}", status=status, Retry_After=86_400))
    for options in ({}, {"remaining": lambda: 5.0}, {"deadline_s": 1e6, "remaining": lambda: 9}):
        server.requests.clear()
        with client_of(server, **options) as one, pytest.raises(expected):
            one.look_up(IP)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        stall(),
        stall(head(content_length=99)),
        drip(head(content_length=9999), itertools.repeat(b" ")),
        page(b"{}", status=BUSY),
    ],
    ids=["stall", "stall before the body", "drip", "503"],
)
def test_a_call_ends_with_its_time(server: FeedServer, answer: Answer) -> None:
    server.answer(PATH, answer)
    with (
        client_of(server, deadline_s=0.4, max_retries=10**6) as one,
        pytest.raises((DeadlinePassed, ApiUnavailable)),
    ):
        one.look_up(IP)


@pytest.mark.parametrize(
    "answer",
    [
        endless(head(), b" " * 65536),
        page(gzip_bomb(), Content_Encoding="gzip"),
        page(b"not gzip", Content_Encoding="gzip"),
        reset(head(content_length=99) + b"{"),
        page(BODY[:-1]),
    ],
    ids=["endless", "bomb", "not packed", "reset in the body", "cut off"],
)
def test_half_an_answer_is_none(
    server: FeedServer, client: ReputationClient, answer: Answer
) -> None:
    server.answer(PATH, answer)
    with pytest.raises((UnexpectedAnswer, ApiUnavailable)):
        client.look_up(IP)


def test_a_redirect_is_not_followed_nor_read(server: FeedServer, client: ReputationClient) -> None:
    location = f"http://127.0.0.1:{server.port}/v4/ip/elsewhere"
    server.answer(PATH, endless(head("302 Found", Location=location), b" " * 65536))
    with pytest.raises(UnexpectedAnswer):
        client.look_up(IP)
    assert server.asked() == [PATH]


def test_nobody_there() -> None:
    with FeedServer() as gone:
        one = client_of(gone)
    with one, pytest.raises(ApiUnavailable, match=r"^connection refused by 127\.0\.0\.1:\d+$"):
        one.look_up(IP)


def test_the_environment_names_no_proxy(
    server: FeedServer, client: ReputationClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.answer(PATH, page(BODY))
    assert not client.look_up(IP).known
