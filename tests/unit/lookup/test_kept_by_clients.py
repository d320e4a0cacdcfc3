"""Single look-ups that a client repeats: the same answer is a 304, anything new is not."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from functions.lookup.kept_by_clients import VARY
from functions.lookup.routes import respond
from functions.lookup.service import Service
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.provider import IocRecord, Listing, ListingStatus, Provider
from shared.domain.reputation import Reputation
from shared.http.authentication import KeyRing
from shared.http.web import Request, Response, answer
from shared.store.api_keys import ALL_RIGHTS, ApiKey, digest_of
from shared.store.providers import ProviderState
from tests.builders import reputation
from tests.ingestion import NOW
from tests.unit.lookup.test_explanation import DETAILS
from tests.unit.lookup.test_routes import DOMAIN, IP, KEY, SHA256, URL, FakeIocs, quota

DAY_MS = 86_400_000
KINDS: dict[str, tuple[str, Indicator]] = {
    "hash": (f"/v4/hash/{SHA256.value}", SHA256),
    "badge": (f"/v4/hash/{SHA256.value}/badge", SHA256),
    "ip": (f"/v4/ip/{IP.value}", IP),
    "domain": (f"/v4/domain/{DOMAIN.value}", DOMAIN),
    "url": ("/v4/url/http%3A%2F%2Fevil.example%2Fa%3Fq%3D1", URL),
    "explanation": (f"/v4/ioc/domain/{DOMAIN.value}", DOMAIN),
}


class Keys:
    """Two keys; the second one may annotate."""

    def find(self, digest: str) -> ApiKey | None:
        if digest == digest_of(KEY):
            return ApiKey(digest, "plain", daily_limit=100)
        return ApiKey(digest, "analyst", daily_limit=100, rights=ALL_RIGHTS)


def service(known: Mapping[Indicator, Reputation]) -> Service:
    ring = KeyRing(Keys(), lambda: 0.0)
    return Service(iocs=FakeIocs(known), keys=ring, quota=quota(), now=lambda: NOW)


def get(asked: Service, path: str, tag: str = "", key: str = KEY, **headers: str) -> Response:
    sent = {"apikey": key, **headers} | ({"if-none-match": tag} if tag else {})
    return respond(asked, Request("GET", path, "", sent))


def tag_of(asked: Service, path: str, **headers: str) -> str:
    reply = get(asked, path, **headers)
    assert reply.status == 200
    return reply.headers["ETag"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_answer_is_a_304_without_a_body_at_any_time(kind: str) -> None:
    path, indicator = KINDS[kind]
    asked = service({indicator: reputation(indicator)})
    first = get(asked, path)
    assert first.headers["ETag"].startswith('W/"')
    assert first.headers["Cache-Control"] == "private, max-age=0"
    assert first.headers["Vary"] == VARY
    again = get(replace(asked, now=lambda: NOW + 59_000), path, first.headers["ETag"])
    assert again.status == 304
    for header in ("ETag", "Cache-Control", "Vary"):
        assert again.headers[header] == first.headers[header]
    assert answer(again)["body"] == ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_304_counts_as_a_look_up(kind: str) -> None:
    path, indicator = KINDS[kind]
    asked = service({indicator: reputation(indicator)})
    tag = tag_of(asked, path)
    assert get(asked, path, tag).headers["X-RateLimit-Used"] == "2"
    assert get(asked, path).headers["X-RateLimit-Used"] == "3"


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_sighting_changes_the_etag(kind: str) -> None:
    path, indicator = KINDS[kind]
    tag = tag_of(service({indicator: reputation(indicator)}), path)
    seen_again = reputation(indicator, counted=2)
    reply = get(service({indicator: seen_again}), path, tag)
    assert (reply.status, reply.headers["ETag"] != tag) == (200, True)


def test_a_fall_of_the_score_changes_the_etag() -> None:
    asked = service({DOMAIN: reputation(DOMAIN)})
    path, _ = KINDS["domain"]
    later = replace(asked, now=lambda: NOW + 40 * DAY_MS)
    assert get(later, path, tag_of(asked, path)).status == 200


def test_a_value_that_was_unknown_is_a_new_answer() -> None:
    path, _ = KINDS["ip"]
    tag = tag_of(service({}), path)
    assert get(service({}), path, tag).status == 304
    assert get(service({IP: reputation(IP)}), path, tag).status == 200


class OneProvider:
    """A provider with a list."""

    def __init__(self, updated: int) -> None:
        provider = Provider("a-list", "list.example", frozenset(IndicatorType), updated)
        self._states = [ProviderState(provider, generation=1)]

    def states(self) -> list[ProviderState]:
        return self._states

    def covering(self, _: Indicator) -> tuple[()]:
        return ()

    def ask(self, known: IocRecord, _: int) -> IocRecord:
        return known


class Listed(FakeIocs):
    """IOCs of which the provider lists each."""

    def find(self, indicator: Indicator, covering: object = ()) -> IocRecord:
        record = super().find(indicator)
        return record._replace(listings={"a-list": Listing(ListingStatus.LISTED, "botnet")})


def test_a_newer_list_and_a_new_listing_change_the_etag() -> None:
    path, _ = KINDS["domain"]
    plain = service({DOMAIN: reputation(DOMAIN)})
    one = replace(plain, providers=OneProvider(NOW - DAY_MS))
    newer = replace(plain, providers=OneProvider(NOW))
    listed = replace(one, iocs=Listed({DOMAIN: reputation(DOMAIN)}))
    assert len({tag_of(each, path) for each in (plain, one, newer, listed)}) == 4


def test_answers_to_other_headers_and_keys_have_other_etags() -> None:
    path, _ = KINDS["url"]
    host = parse(IndicatorType.DOMAIN, "evil.example")
    asked = service({URL: reputation(URL), host: reputation(host)})
    assert get(asked, path, tag_of(asked, path), **{"x-match": "parents"}).status == 200
    path, _ = KINDS["explanation"]
    asked = service({DOMAIN: reputation(DOMAIN, details=DETAILS.pack())})
    assert get(asked, path, tag_of(asked, path), key="analyst").status == 200


def test_an_unknown_hash_stays_an_error_whatever_the_client_has() -> None:
    path, _ = KINDS["hash"]
    reply = get(service({}), path, "*")
    assert (reply.status, "ETag" in reply.headers) == (404, False)


def test_clients_keep_an_answer_as_long_as_the_setting_allows() -> None:
    path, indicator = KINDS["domain"]
    asked = replace(service({indicator: reputation(indicator)}), max_age_s=300)
    assert get(asked, path).headers["Cache-Control"] == "private, max-age=300"
