"""Routes on stores in memory: what is asked, what is answered, what is refused."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from functions.lookup.routes import respond
from functions.lookup.service import Service
from shared.domain.errors import StoreError
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.provider import IocRecord, Subject
from shared.domain.reputation import Reputation
from shared.http.authentication import CACHED_S, KeyRing
from shared.http.quota import Quota
from shared.http.web import Request, Response
from shared.store.api_keys import DEFAULT_RIGHTS, ApiKey, digest_of
from shared.store.quotas import Window
from tests.builders import reputation
from tests.ingestion import NOW

KEY = "a-key-for-tests"
SHA256 = parse(IndicatorType.SHA256, "a" * 64)
IP = parse(IndicatorType.IP, "2001:db8::7")
DOMAIN = parse(IndicatorType.DOMAIN, "evil.example")
URL = parse(IndicatorType.URL, "http://evil.example/a?q=1")
BARE_URL = parse(IndicatorType.URL, "http://evil.example/")


class FakeIocs:
    def __init__(self, known: Mapping[Indicator, Reputation]) -> None:
        self._known = known

    def find(self, indicator: Indicator, covering: Sequence[Subject] = ()) -> IocRecord:
        return IocRecord(indicator, self._known.get(indicator))

    def find_many(
        self,
        indicators: Iterable[Indicator],
        covering: Mapping[Indicator, Sequence[Subject]] | None = None,
    ) -> Mapping[Indicator, IocRecord]:
        return {one: self.find(one) for one in indicators}

    def find_verdicts(
        self, hashes: Iterable[Indicator], _: Iterable[str]
    ) -> Mapping[Indicator, IocRecord]:
        return self.find_many(hashes)


class FakeKeys:
    def __init__(self, *keys: str) -> None:
        self.digests = {digest_of(key) for key in keys}
        self.asked = 0
        self.limit = 4000
        self.rights = DEFAULT_RIGHTS

    def find(self, digest: str) -> ApiKey | None:
        self.asked += 1
        if digest not in self.digests:
            return None
        return ApiKey(digest, "test", daily_limit=self.limit, rights=self.rights)


class FakeLeases:
    """Counts like the store does."""

    def __init__(self) -> None:
        self.counts: Counter[Window] = Counter()

    def lease(self, window: Window, amount: int, limit: int) -> int | None:
        if self.counts[window] + amount > limit:
            return None
        self.counts[window] += amount
        return self.counts[window]

    def used(self, window: Window) -> int:
        return self.counts[window]


def quota() -> Quota:
    return Quota(FakeLeases(), lambda: NOW)


def service(keys: FakeKeys | None = None, clock: Any = lambda: 0.0) -> Service:
    known = {one: reputation(one) for one in (SHA256, IP, DOMAIN, URL, BARE_URL)}
    return Service(
        iocs=FakeIocs(known),
        keys=KeyRing(keys or FakeKeys(KEY), clock),
        quota=quota(),
        now=lambda: NOW,
    )


def get(path: str, *, query: str = "", key: str | None = KEY, method: str = "GET") -> Response:
    headers = {} if key is None else {"apikey": key}
    return respond(service(), Request(method, path, query, headers))


def code(response: Response) -> int:
    number: int = response.body["error"]["code"]
    assert response.body["success"] is False
    assert all(isinstance(message, str) for message in response.body["error"]["messages"])
    return number


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v4/hash/" + "a" * 64, ""),
        ("/v4/hash/" + "A" * 64 + "/", ""),
        ("/v4//hash/" + "a" * 64, ""),
        ("//v4/hash/" + "a" * 64, ""),
        ("/v4/ip/2001:db8::7", ""),
        ("/v4/ip/2001%3Adb8%3A%3A7", ""),
        ("/v4/ip/2001%3ADB8%3A0%3A0%3A0%3A0%3A0%3A7/", ""),
        ("/v4/domain/evil.example", ""),
        ("/v4/domain/EVIL%5B.%5Dexample/", ""),
        ("/v4/url/http%3A%2F%2Fevil.example%2Fa%3Fq%3D1", ""),
        ("/v4/url/http%253A%252F%252Fevil.example%252Fa%253Fq%253D1", ""),
        ("/v4/url/http://evil.example/a", "q=1"),
        ("/v4/url/http:/evil.example/a", "q=1"),
        ("/v4/url/evil.example%2Fa%3Fq%3D1", ""),
        ("/v4//url//http://evil.example/a", "q=1"),
        ("/v4/url/HXXP://evil[.]example", ""),
        ("/v4/url/hxxp%5B%3A%2F%2F%5Devil%5B.%5Dexample", ""),
    ],
)
def test_every_spelling_finds_the_one_item(path: str, query: str) -> None:
    response = get(path, query=query)
    assert response.status == 200
    shown = str(response.body)
    assert "66b3763be7dbbbdfcd0a6a96" in shown


def test_a_url_whose_query_was_rebuilt_is_refused() -> None:
    path = "/v4/url/http://evil.example/a"
    request = Request("GET", path, {"q": ["1"]}, {"apikey": KEY})
    response = respond(service(), request)
    assert (response.status, code(response)) == (400, 400180)
    [message] = response.body["error"]["messages"]
    assert "percent-encode the whole URL, or ask with POST /v4/url" in message


@pytest.mark.parametrize(
    ("path", "reads"),
    [
        ("/v4/url/http%3A%2F%2Fevil.example%2Fa", [["http://evil.example/a"]]),
        # One batch read.
        ("/v4/url/evil.example%2Fa", [["http://evil.example/a", "https://evil.example/a"]]),
        ("/v4/domain/evil.example%3A443", [["evil.example"]]),
    ],
)
def test_a_look_up_is_one_read(path: str, reads: list[list[str]]) -> None:
    asked: list[list[str]] = []

    class CountingIocs(FakeIocs):
        def find(self, indicator: Indicator, covering: Sequence[Subject] = ()) -> IocRecord:
            asked.append([indicator.value])
            return IocRecord(indicator)

        def find_many(
            self,
            indicators: Iterable[Indicator],
            covering: Mapping[Indicator, Sequence[Subject]] | None = None,
        ) -> Mapping[Indicator, IocRecord]:
            asked.append([one.value for one in indicators])
            return {one: IocRecord(one) for one in indicators}

    counted = replace(service(), iocs=CountingIocs({}))
    assert respond(counted, Request("GET", path, "", {"apikey": KEY})).status == 200
    assert asked == reads


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/v4/url/http%3A%2F%2FEVIL.example", "http://evil.example"),
        ("/v4/url/http%3A%2F%2FEVIL.example%2F", "http://evil.example/"),
        ("/v4/ip/2001:DB8:0::7", "2001:db8::7"),
        ("/v4/domain/B%C3%BCcher.example.", "xn--bcher-kva.example"),
    ],
)
def test_the_address_is_the_canonical_form(path: str, address: str) -> None:
    assert get(path).body["address"] == address


@pytest.mark.parametrize("path", ["/v4/ip/192.0.2.9", "/v4/domain/x.example", "/v4/url/http://x/"])
def test_an_unknown_address_is_an_answer(path: str) -> None:
    response = get(path)
    assert response.status == 200
    results = response.body["lookup_results"]
    assert results["detected_by"] == 0
    [source] = results["sources"]
    assert source == {
        "provider": "MetaDefender Sandbox",
        "assessment": "",
        "detect_time": "",
        "update_time": "2026-01-05T10:00:00.000Z",
        "status": 5,
    }


def test_an_unknown_hash_is_not_found() -> None:
    response = get("/v4/hash/" + "b" * 32)
    assert (response.status, code(response)) == (404, 404003)
    assert response.body["error"]["messages"] == ["The hash was not found"]


@pytest.mark.parametrize(
    ("path", "status", "number"),
    [
        ("/v4/hash/xyz", 400, 400064),
        ("/v4/hash/" + "a" * 63, 400, 400064),
        ("/v4/hash/%00", 400, 400064),
        ("/v4/ip/evil.example", 400, 400180),
        ("/v4/ip/192.0.2.1%2F24", 400, 400180),
        ("/v4/domain/192.0.2.1", 400, 400180),
        ("/v4/domain/evil", 400, 400180),
        ("/v4/domain/evil.example/x", 400, 400180),
        ("/v4/url/mailto%3Aa%40evil.example", 400, 400180),
        ("/v4/url/http%3A%2F%2Fa%20b%2F", 400, 400180),
        ("/v4/url/%FF", 400, 400180),
        ("/v4/url/http%3A%2F%2Fevil.example%2F" + "a" * 8192, 400, 400180),
        ("/v4/hash/" + "a" * 64 + "/peinfo", 404, 404000),
        ("/v4", 404, 404000),
        ("/v4/nothing", 404, 404000),
        ("/v3/hash/" + "a" * 64, 404, 404000),
        ("/nothing", 404, 404000),
        ("", 404, 404000),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_number(
    path: str, status: int, number: int
) -> None:
    response = get(path)
    assert (response.status, code(response)) == (status, number)


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    assert "s3cret" not in str(get("/v4/domain/s3cret").body)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_another_method_is_refused_with_what_is_allowed(method: str) -> None:
    response = get("/v4/hash/" + "a" * 64, method=method)
    assert (response.status, code(response)) == (405, 404000)
    assert response.headers["Allow"] == "GET"


@pytest.mark.parametrize("path", ["/v4/hash/" + "a" * 64, "/v4/nothing", "/nothing"])
@pytest.mark.parametrize(("key", "number"), [(None, 401001), ("", 401001), ("wrong", 401006)])
def test_nothing_is_told_without_a_key(path: str, key: str | None, number: int) -> None:
    response = get(path, key=key)
    assert (response.status, code(response)) == (401, number)


def test_health_needs_no_key() -> None:
    assert get("/health", key=None).status == 200


def test_a_key_is_asked_for_once_a_minute() -> None:
    times = iter([0.0, CACHED_S - 1, CACHED_S, CACHED_S])
    keys = FakeKeys(KEY)
    ring = KeyRing(keys, lambda: next(times))
    assert ring.find(KEY)
    assert ring.find(KEY)
    keys.digests.clear()
    assert ring.find(KEY) is None
    assert keys.asked == 2


def test_the_cache_of_keys_is_bounded() -> None:
    keys = FakeKeys(KEY)
    ring = KeyRing(keys, lambda: 0.0)
    for number in range(2500):
        assert ring.find(f"guess-{number}") is None
    assert ring.find("guess-0") is None
    assert keys.asked == 2501


def test_an_outage_is_not_an_unknown_key_or_indicator() -> None:
    class Down:
        def find(self, _: object, networks: object = ()) -> Any:
            raise StoreError("the store did not answer")

        find_many = find_verdicts = find

    request = Request("GET", "/v4/hash/" + "a" * 64, "", {"apikey": KEY})
    down = KeyRing(Down(), lambda: 0.0)
    with pytest.raises(StoreError):
        respond(Service(FakeIocs({}), down, quota(), lambda: NOW), request)
    with pytest.raises(StoreError):
        respond(Service(Down(), KeyRing(FakeKeys(KEY), lambda: 0.0), quota(), lambda: NOW), request)


def test_headers_count_a_quota_down_and_then_refuse() -> None:
    keys = FakeKeys(KEY)
    keys.limit = 3
    shop = service(keys)
    request = Request("GET", "/v4/ip/192.0.2.9", "", {"apikey": KEY})
    answers = [respond(shop, request) for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == list("21000")
    assert [answer.headers["X-RateLimit-Used"] for answer in answers] == list("12333")
    refused = answers[-1]
    assert code(refused) == 429000
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.headers["X-RateLimit-Reset-In"].endswith("s")
    assert refused.headers["X-Authenticated"] == "by apikey"


def test_a_bulk_request_costs_its_items_all_or_nothing() -> None:
    keys = FakeKeys(KEY)
    keys.limit = 5
    shop = service(keys)

    def post(count: int) -> Response:
        body = json.dumps({"hash": ["x"] * count}).encode()
        return respond(shop, Request("POST", "/v4/hash", "", {"apikey": KEY}, body))

    answers = [post(3), post(3), post(2), post(1)]
    assert [answer.status for answer in answers] == [200, 429, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == list("2200")


def test_what_is_no_look_up_costs_nothing() -> None:
    keys = FakeKeys(KEY)
    keys.limit = 1
    shop = service(keys)
    for path in ("/v4/nothing", "/v4/apikey", "/v4/apikey/limits", "/v4/status/version", "/health"):
        respond(shop, Request("GET", path, "", {"apikey": KEY}))
    respond(shop, Request("POST", "/v4/hash", "", {"apikey": KEY}, b"no json"))
    left = respond(shop, Request("GET", "/v4/apikey/limits/status", "", {"apikey": KEY}))
    assert left.body["reputation_api"] == 1
    assert get("/v4/ip/192.0.2.9").status == 200


def test_a_key_may_ask_about_itself_and_no_other() -> None:
    assert get(f"/v4/apikey/{KEY}").body == get("/v4/apikey").body == get("/v4/apikey/").body
    other = get("/v4/apikey/another-key")
    assert (other.status, code(other)) == (404, 404008)
    assert KEY not in str(get("/v4/apikey").body)
