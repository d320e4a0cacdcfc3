"""What the client asks, what it makes of refusals, and how long it goes on."""

import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

import pytest
import requests
from responses import RequestsMock

from shared.client import (
    Answer,
    AnswerCache,
    ApiUnavailable,
    DeadlinePassed,
    KeyRefused,
    LimitReached,
    ReputationApiError,
    ReputationClient,
    Unanswered,
    UnexpectedAnswer,
)
from shared.client.client import MAX_BODY_BYTES
from shared.domain.indicator import HASH_TYPES, Indicator, IndicatorType, parse
from shared.domain.verdict import Verdict
from tests.builders import DOMAIN
from tests.unit.client.support import (
    BASE,
    EACH_TYPE,
    IP,
    KEY,
    MD5,
    SHA256,
    URL,
    Clock,
    address,
    client,
    error,
    hash_row,
    path_of,
    report,
    source,
)

FIELDS = {"hash": "hash", "ip": "address", "domain": "fqdn", "url": "url"}


@pytest.fixture
def api() -> Iterator[RequestsMock]:
    with RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def get(api: RequestsMock, asked: Indicator, **answer: Any) -> None:
    """Script the answer to a GET for one indicator."""
    url = f"{BASE}/{path_of(asked)}/"
    for char in asked.value:
        url += char if char.isalnum() or char in "-._~" else f"%{ord(char):02X}"
    api.get(url, **answer)


def listing(api: RequestsMock, *known: Indicator) -> list[list[str]]:
    """Answer bulk requests, and record the indicators of each."""
    asked: list[list[str]] = []
    values = {one.value for one in known}

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        family = request.url.removeprefix(f"{BASE}/")
        [(field, items)] = json.loads(request.body).items()
        assert field == FIELDS[family]
        assert request.headers["Content-Type"] == "application/json"
        assert request.headers.get("includescandetails") == ("1" if family == "hash" else None)
        asked.append(items)
        rows = [row(family, item, known=item in values) for item in reversed(items)]
        return 200, {}, json.dumps({"data": rows})

    for family in FIELDS:
        api.add_callback("POST", f"{BASE}/{family}", answer)
    return asked


def row(family: str, value: str, *, known: bool) -> dict[str, Any]:
    asked = Indicator(IndicatorType.MD5, value)
    if family == "hash":
        return hash_row(asked, 1 if known else 5)
    return address(asked, source(1 if known else 5))


def answer_of(asked: Indicator) -> dict[str, Any]:
    return report() if asked.type in HASH_TYPES else address(asked, source(1))


@pytest.mark.parametrize(
    "asked",
    [*EACH_TYPE[:-1], parse(IndicatorType.URL, "http://evil.example/a;b")],
    ids=lambda asked: asked.type,
)
def test_one_indicator_is_asked_for_by_its_encoded_value(
    api: RequestsMock, asked: Indicator
) -> None:
    get(api, asked, json=answer_of(asked))
    answer = client().look_up(asked)
    assert (answer.indicator, answer.known) == (asked, True)
    assert answer.verdict() is Verdict.LIKELY_MALICIOUS
    [call] = api.calls
    path = str(call.request.url).removeprefix(f"{BASE}/{path_of(asked)}/")
    assert "/" not in path
    assert unquote(path) == asked.value
    assert dict(call.request.headers) == {
        "apikey": KEY,
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": "ioc-reputation",
    }


@pytest.mark.parametrize(
    "rest", ["?a=b&c=%2F", "?", "a%2Fb", "a//b", "/", "http://other.example/", "x" * 8000]
)
def test_a_url_that_a_path_may_not_bring_whole_is_asked_for_in_a_body(
    api: RequestsMock, rest: str
) -> None:
    url = parse(IndicatorType.URL, f"http://evil.example/{rest}")
    asked = listing(api, url)
    assert client().look_up(url).known
    assert asked == [[url.value]]


def test_an_address_of_8000_characters_is_asked_for_by_its_path(api: RequestsMock) -> None:
    start = parse(IndicatorType.URL, "http://evil.example/")
    room = 8000 - len(f"{BASE}/{path_of(start)}/{quote(start.value, safe='')}")
    fits = parse(IndicatorType.URL, start.value + "x" * room)
    get(api, fits, json=answer_of(fits))
    assert client().look_up(fits).known
    assert len(str(api.calls[0].request.url)) == 8000
    longer = parse(IndicatorType.URL, fits.value + "x")
    assert listing(api, longer) == []
    assert client().look_up(longer).known


@pytest.mark.parametrize(
    "base",
    [
        "https://api.example",
        "https://api.example/",
        "https://api.example/v4",
        "https://api.example/v4//",
    ],
)
def test_spellings_of_the_base_address(api: RequestsMock, base: str) -> None:
    get(api, IP, json=address(IP))
    assert not ReputationClient(base, KEY).look_up(IP).known


def test_an_address_without_v4_is_told_what_it_lacks(api: RequestsMock) -> None:
    address_of_ip = f"https://api.example/live/ip/{IP.value}"
    api.get(address_of_ip, status=404, json=error(404000))
    with (
        ReputationClient("https://api.example/live", KEY) as one,
        pytest.raises(UnexpectedAnswer, match=r"must end with /v4$"),
    ):
        one.look_up(IP)


def test_another_path_is_left_as_it_is(api: RequestsMock) -> None:
    api.get(f"http://api.example:81/stage/reputation/ip/{IP.value}", json=address(IP))
    with ReputationClient("http://api.example:81/stage/reputation/", KEY) as one:
        assert not one.look_up(IP).known


@pytest.mark.parametrize(
    "base",
    [
        "",
        "api.example/v4",
        "ftp://api.example",
        "https://",
        "https://user@api.example/v4",
        "https://api.example/v4?a=b",
        "https://api.example/v4#a",
        "https://api.example:0/v4",
        "https://api.example:port/v4",
        "https://[api.example/v4",
    ],
)
def test_a_base_address_that_cannot_be_used(base: str) -> None:
    with pytest.raises(ValueError, match=r"^the base address"):
        ReputationClient(base, KEY)


@pytest.mark.parametrize("key", ["", " secret", "secret\n", "se\r\ncret", "secrét"])
def test_a_key_that_cannot_be_sent(key: str) -> None:
    with pytest.raises(ValueError, match=r"^the API key") as caught:
        ReputationClient(BASE, key)
    assert "cr" not in str(caught.value)


# Many at once.


def test_many_are_asked_for_by_type_and_each_once(api: RequestsMock) -> None:
    asked = listing(api, SHA256, URL)
    answers = client().look_up_many(iter([*EACH_TYPE, *EACH_TYPE]))
    assert {one for one, answer in answers.items() if answer.known} == {SHA256, URL}
    assert answers.keys() == set(EACH_TYPE)
    hashes = [one.value for one in EACH_TYPE if one.type in HASH_TYPES]
    assert sorted(asked) == sorted([hashes, [IP.value], [DOMAIN.value], [URL.value]])


def test_nothing_is_asked_for_nothing(api: RequestsMock) -> None:
    assert client().look_up_many([]) == {}
    assert len(api.calls) == 0


def many(count: int) -> list[Indicator]:
    return [parse(IndicatorType.IP, f"192.0.2.{n}") for n in range(count)]


def test_requests_hold_as_many_as_they_may(api: RequestsMock) -> None:
    asked = listing(api)
    md5s = [parse(IndicatorType.MD5, f"{n:032x}") for n in range(5)]
    one = client(max_hashes=5, max_addresses=2)
    assert one.look_up_many([*many(5), *md5s]).keys() == {*many(5), *md5s}
    assert [len(items) for items in asked] == [2, 2, 1, 5]


def test_requests_of_long_values_hold_fewer(api: RequestsMock) -> None:
    asked = listing(api)
    urls = [parse(IndicatorType.URL, f"http://a.example/{n:08000}") for n in range(200)]
    assert len(client().look_up_many(urls)) == 200
    assert [len(items) for items in asked] == [130, 70]


def test_rows_without_an_answer_do_not_cost_the_others(api: RequestsMock) -> None:
    first, refused, failed, last = many(4)
    rows = [
        address(first, source(1)),
        address(refused, **error(400185)),
        address(failed, source(3)),
    ]
    api.post(f"{BASE}/ip", json={"data": rows})
    api.post(f"{BASE}/ip", json={"data": [address(last)]})
    with pytest.raises(Unanswered) as caught:
        client(max_addresses=3).look_up_many([first, refused, failed, last])
    assert caught.value.failed.keys() == {refused, failed}
    assert {one: answer.known for one, answer in caught.value.answers.items()} == {
        first: True,
        last: False,
    }
    assert str(caught.value) == "2 of 4 look-ups have no answer"


# Bodies that are not an answer.


@pytest.mark.parametrize("asked", [SHA256, IP], ids=lambda asked: asked.type)
@pytest.mark.parametrize(
    ("scripted", "expected"),
    [
        ({"status": 401, "json": error(401006)}, KeyRefused),
        ({"status": 403, "body": "<html>"}, KeyRefused),
        ({"status": 429, "json": error(429000)}, LimitReached),
        ({"status": 408, "json": error(408000)}, ApiUnavailable),
        ({"status": 500, "json": error(500001)}, ApiUnavailable),
        ({"status": 501}, ApiUnavailable),
        ({"status": 503, "body": "<html>"}, ApiUnavailable),
        ({"body": requests.ConnectionError("lost")}, ApiUnavailable),
        ({"body": requests.ReadTimeout("late")}, ApiUnavailable),
        ({"status": 200, "body": "<html>", "content_type": "text/html"}, UnexpectedAnswer),
        ({"status": 200, "json": error(404003)}, UnexpectedAnswer),
        ({"status": 204}, UnexpectedAnswer),
        ({"status": 301, "headers": {"Location": "https://b.example/"}}, UnexpectedAnswer),
        ({"status": 400, "json": error(400021)}, UnexpectedAnswer),
        ({"status": 404, "body": "<html>"}, UnexpectedAnswer),
        ({"status": 404, "json": error(404000)}, UnexpectedAnswer),
        ({"status": 404, "body": '{"error": {"code": 1%s}}' % ("0" * 5000)}, UnexpectedAnswer),
        ({"status": 406, "json": error(406000)}, UnexpectedAnswer),
        ({"status": 413, "json": {"message": "Request Too Long"}}, UnexpectedAnswer),
        ({"status": 200, "body": b"{}" + b" " * MAX_BODY_BYTES}, UnexpectedAnswer),
    ],
)
def test_what_is_no_answer_is_an_error_and_is_not_kept(
    api: RequestsMock, asked: Indicator, scripted: dict[str, Any], expected: type[Exception]
) -> None:
    scripted.setdefault("content_type", "application/json")
    get(api, asked, **scripted)
    api.post(f"{BASE}/{path_of(asked)}", **scripted)
    one = client(cache=AnswerCache(), max_retries=1)
    for look_up in (lambda: one.look_up(asked), lambda: one.look_up_many([asked])):
        before = len(api.calls)
        for _ in range(2):
            with pytest.raises(expected) as caught:
                look_up()
            assert isinstance(caught.value, ReputationApiError)
            assert KEY not in str(caught.value)
            assert asked.value not in str(caught.value)
        assert len(api.calls) - before >= 2
    assert {call.request.url for call in api.calls} == {
        f"{BASE}/{path_of(asked)}",
        f"{BASE}/{path_of(asked)}/{asked.value}",
    }


def test_the_error_tells_the_numbers(api: RequestsMock) -> None:
    get(api, IP, status=401, json=error(401006))
    with pytest.raises(KeyRefused, match=r"^the API answered with status 401 and code 401006$"):
        client().look_up(IP)


@pytest.mark.parametrize(
    ("sent", "told"), [("0", 0), ("86400", 86_400), ("soon", None), ("", None)]
)
def test_a_limit_tells_when_it_ends_if_that_is_known(
    api: RequestsMock, sent: str, told: int | None
) -> None:
    get(api, IP, status=429, json=error(429000), headers={"Retry-After": sent})
    with client(max_retries=0) as one, pytest.raises(LimitReached) as refused:
        one.look_up(IP)
    assert refused.value.retry_in_s == told


def test_other_paths_are_read_as_json(api: RequestsMock) -> None:
    api.get(f"{BASE}/status/providers", json={"providers": []})
    api.get(f"{BASE}/page", body="<html>")
    api.get(f"{BASE}/apikey", status=401, json=error(401006))
    with client() as one:
        assert one.read("status/providers") == {"providers": []}
        with pytest.raises(UnexpectedAnswer, match="not valid JSON"):
            one.read("page")
        with pytest.raises(KeyRefused):
            one.read("apikey")


def test_a_hash_that_is_not_found_is_unknown(api: RequestsMock) -> None:
    get(api, SHA256, status=404, json=error(404003))
    assert client().look_up(SHA256) == Answer(SHA256, known=False, rows=())


def test_only_a_hash_may_be_not_found(api: RequestsMock) -> None:
    get(api, IP, status=404, json=error(404003))
    with pytest.raises(UnexpectedAnswer):
        client().look_up(IP)


@pytest.mark.parametrize(("asked", "code"), [(SHA256, 400064), (IP, 400180), (IP, 400185)])
def test_a_value_that_the_api_does_not_accept(
    api: RequestsMock, asked: Indicator, code: int
) -> None:
    get(api, asked, status=400, json=error(code))
    with pytest.raises(Unanswered) as caught:
        client().look_up(asked)
    assert caught.value.failed == {asked: "the API does not accept it"}
    assert caught.value.answers == {}


# Retries and time.


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("bulk", [False, True])
def test_a_passing_failure_is_tried_again(api: RequestsMock, status: int, bulk: bool) -> None:
    get(api, IP, status=status, headers={"Retry-After": "0"})
    get(api, IP, status=status)
    get(api, IP, json=address(IP))
    api.post(f"{BASE}/ip", status=status)
    api.post(f"{BASE}/ip", json={"data": [address(IP)]})
    one = client(max_retries=2)
    answer = one.look_up_many([IP])[IP] if bulk else one.look_up(IP)
    assert not answer.known
    assert len(api.calls) == (2 if bulk else 3)


@pytest.mark.parametrize("retries", [0, 2])
def test_attempts_are_counted(api: RequestsMock, retries: int) -> None:
    get(api, IP, status=503)
    with pytest.raises(ApiUnavailable, match="status 503"):
        client(max_retries=retries).look_up(IP)
    assert len(api.calls) == 1 + retries


@pytest.mark.parametrize("status", [400, 401, 404])
def test_what_will_not_pass_is_not_tried_again(api: RequestsMock, status: int) -> None:
    get(api, IP, status=status)
    with pytest.raises(ReputationApiError):
        client().look_up(IP)
    assert len(api.calls) == 1


def test_the_time_of_a_call_covers_all_its_requests(api: RequestsMock) -> None:
    clock = Clock()
    asked = listing(api)

    def pass_time(response: Any) -> Any:
        clock.now += 20
        return response

    api.response_callback = pass_time
    cache = AnswerCache(clock=clock)
    one = client(clock=clock, deadline_s=30, max_addresses=1, cache=cache)
    with pytest.raises(DeadlinePassed):
        one.look_up_many(many(3))
    assert len(asked) == 2
    # The next call has its own time, and what the first one brought in time is there.
    assert one.look_up_many(many(2)).keys() == set(many(2))
    assert asked == [["192.0.2.0"], ["192.0.2.1"], ["192.0.2.1"]]


def test_without_time_nothing_is_asked(api: RequestsMock) -> None:
    get(api, IP, json=address(IP))
    for one in (client(remaining=lambda: 0.0), client(deadline_s=0)):
        with pytest.raises(DeadlinePassed):
            one.look_up(IP)
    assert len(api.calls) == 0


class Transport(requests.adapters.BaseAdapter):
    """Asks for the timeouts of two attempts of 28 seconds, as urllib3 would; both fail."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.timeouts: list[tuple[float, float]] = []
        self.closed = False

    def send(self, request: Any, *_: Any, **options: Any) -> requests.Response:
        for _attempt in range(2):
            timeout = options["timeout"].clone()
            self.timeouts.append((timeout.connect_timeout, timeout.read_timeout))
            self.clock.now += 28
        raise requests.ConnectionError

    def close(self) -> None:
        self.closed = True


def test_an_attempt_waits_no_longer_than_the_call_may_take() -> None:
    transport = Transport(Clock())
    one = client(transport=transport, clock=transport.clock, deadline_s=30, read_timeout_s=5)
    with pytest.raises(DeadlinePassed):
        one.look_up(IP)
    assert transport.timeouts == [(3, 5), (2, 2)]


def test_a_client_closes_its_transport() -> None:
    transport = Transport(Clock())
    with client(transport=transport):
        assert not transport.closed
    assert transport.closed


# The cache.


def test_what_is_kept_is_not_asked_for_again(api: RequestsMock) -> None:
    asked = listing(api, IP)
    get(api, SHA256, status=404, json=error(404003))
    clock = Clock()
    one = client(cache=AnswerCache(known_s=100, unknown_s=10, clock=clock))
    first = one.look_up_many([IP, DOMAIN])
    assert not one.look_up(SHA256).known
    assert one.look_up_many([DOMAIN, SHA256, IP, MD5]).keys() == {DOMAIN, SHA256, IP, MD5}
    assert one.look_up(IP) == first[IP]
    assert len(api.calls) == 4
    clock.now += 10
    asked.clear()
    one.look_up_many([DOMAIN, IP])
    assert asked == [[DOMAIN.value]]


def test_without_a_cache_everything_is_asked_for(api: RequestsMock) -> None:
    asked = listing(api)
    one = client()
    for _ in range(2):
        one.look_up_many([IP])
    assert asked == [[IP.value]] * 2


def test_answers_that_came_before_an_error_are_kept(api: RequestsMock) -> None:
    api.post(f"{BASE}/ip", json={"data": [address(many(1)[0])]})
    api.post(f"{BASE}/ip", status=500)
    one = client(max_addresses=1, cache=AnswerCache(), max_retries=0)
    for _ in range(2):
        with pytest.raises(ApiUnavailable):
            one.look_up_many(many(2))
    assert [body_of(call) for call in api.calls] == [["192.0.2.0"], ["192.0.2.1"], ["192.0.2.1"]]


def body_of(call: Any) -> list[str]:
    items: list[str] = json.loads(call.request.body)["address"]
    return items


def test_an_answer_without_all_providers_is_asked_for_again(api: RequestsMock) -> None:
    get(api, IP, json=address(IP, source(3), source(5)))
    one = client(cache=AnswerCache())
    for _ in range(2):
        assert not one.look_up(IP).known
    assert len(api.calls) == 2


# What leaks nowhere.


def test_neither_keys_nor_bodies_are_logged(
    api: RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    get(api, IP, status=503, body="a-body-to-hide")
    get(api, IP, json=address(IP, source(1, "a-body-to-hide")))
    one = client()
    one.look_up(IP)
    said = [record.getMessage() for record in caplog.records] + [repr(one)]
    assert not any(secret in text for text in said for secret in (KEY, "a-body-to-hide"))


def test_the_environment_adds_nothing(
    api: RequestsMock, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.example login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://proxy.example:1")
    get(api, IP, json=address(IP), headers={"Set-Cookie": "a=b"})
    one = client()
    for _ in range(2):
        one.look_up(IP)
    for call in api.calls:
        request: Any = call.request
        assert {"Authorization", "Cookie", "Proxy-Authorization"}.isdisjoint(request.headers)
        assert not request.req_kwargs.get("proxies")
