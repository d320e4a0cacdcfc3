"""What the client answers by its filter, what it still requests, and how it renews the filter."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from responses import RequestsMock

from shared.client import Answer, AnswerCache, KeyRefused, ReputationClient, UnexpectedAnswer
from shared.client.local_filter import LocalFilter
from shared.domain.errors import FilterNotValid
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.indicator_types import INDICATOR_TYPES
from shared.formats.bloom_filter import Facts, entry, make_file
from tests.unit.client.support import BASE, EACH_TYPE, IP, KEY, SHA256, address, client, source
from tests.unit.client.test_client import get, listing

BUILT = 1_767_607_200
LINK = "https://bucket.example/filter.bloom?signature=1"
OTHER_IP = parse(IndicatorType.IP, "192.0.2.9")
LISTED = source(1, "high risk")


class Clock:
    now = BUILT + 60.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def api() -> Iterator[RequestsMock]:
    with RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def content(*known: Indicator, built: int = BUILT, types: Any = INDICATOR_TYPES) -> bytes:
    return make_file(map(entry, known), Facts(built * 1000, len(known), frozenset(types)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with the IP in it."""
    path = tmp_path / "filter.bloom"
    path.write_bytes(content(IP))
    return path


def offers(api: RequestsMock, file: bytes, **changed: Any) -> None:
    """Let the API offer a file."""
    offer = {"sha256": hashlib.sha256(file).hexdigest(), "size": len(file)} | changed
    api.get(f"{BASE}/filter", json=offer)
    api.get(f"{BASE}/filter/download", status=302, json={"url": LINK})
    api.get(LINK, body=file)


def asked(api: RequestsMock) -> list[str]:
    return [str(call.request.url).removeprefix(BASE) for call in api.calls]


def filtered(local_filter: LocalFilter | None, **options: Any) -> ReputationClient:
    return client(local_filter=local_filter, **options)


def quiet(path: Path, clock: Clock, **options: Any) -> LocalFilter:
    """A filter that was asked about just now, so that look-ups leave it as it is."""
    one = LocalFilter(path, clock=clock, **options)
    assert one.due()
    return one


def test_what_was_never_seen_is_not_asked(api: RequestsMock, path: Path, clock: Clock) -> None:
    one = filtered(quiet(path, clock))
    never = [indicator for indicator in EACH_TYPE if indicator != IP]
    for indicator in never:
        assert one.look_up(indicator) == Answer(indicator, known=False, rows=())
    assert one.look_up_many(never).keys() == set(never)
    assert asked(api) == []


def test_what_may_be_known_is_asked(api: RequestsMock, path: Path, clock: Clock) -> None:
    get(api, IP, json=address(IP, LISTED))
    sent = listing(api, IP)
    one = filtered(quiet(path, clock))
    assert one.look_up(IP).known
    answers = one.look_up_many([IP, OTHER_IP, SHA256])
    assert {one: answer.known for one, answer in answers.items()} == {
        IP: True,
        OTHER_IP: False,
        SHA256: False,
    }
    assert sent == [[IP.value]]


def test_types_that_the_filter_does_not_answer_for_are_asked(
    api: RequestsMock, path: Path, clock: Clock
) -> None:
    path.write_bytes(content(types=[IndicatorType.SHA256]))
    sent = listing(api)
    filtered(quiet(path, clock)).look_up_many([SHA256, OTHER_IP])
    assert sent == [[OTHER_IP.value]]


def test_without_the_option_everything_is_asked(api: RequestsMock) -> None:
    sent = listing(api)
    filtered(None).look_up_many([OTHER_IP])
    assert sent == [[OTHER_IP.value]]


@pytest.mark.parametrize(
    ("age_s", "trusted"), [(3600, True), (3601, False), (-300, True), (-301, False)]
)
def test_a_filter_is_trusted_up_to_its_age(
    path: Path, clock: Clock, age_s: int, trusted: bool
) -> None:
    one = LocalFilter(path, max_age_s=3600, clock=clock)
    clock.now = BUILT + age_s
    assert one.never_seen(OTHER_IP) is trusted


def test_what_the_cache_knows_is_newer_than_the_filter(
    api: RequestsMock, path: Path, clock: Clock
) -> None:
    cache = AnswerCache()
    known = Answer(OTHER_IP, known=True, rows=())
    cache.put(known)
    one = filtered(quiet(path, clock), cache=cache)
    assert one.look_up(OTHER_IP) is known
    # And an answer by the filter does not enter the cache.
    assert not one.look_up(SHA256).known
    assert cache.get(SHA256) is None


def test_a_look_up_fetches_the_filter_when_it_is_due(
    api: RequestsMock, tmp_path: Path, clock: Clock
) -> None:
    file = content(IP)
    offers(api, file)
    path = tmp_path / "new.bloom"
    one = filtered(LocalFilter(path, refresh_s=600, clock=clock))
    assert not one.look_up(OTHER_IP).known
    assert asked(api) == ["/filter", "/filter/download", LINK]
    assert path.read_bytes() == file
    clock.now += 599
    one.look_up(OTHER_IP)
    assert len(asked(api)) == 3
    clock.now += 1
    one.look_up_many([OTHER_IP])
    # It is the same one, so it is not fetched again.
    assert asked(api)[3:] == ["/filter"]
    # A process that starts later begins with it.
    assert LocalFilter(path, clock=clock).never_seen(OTHER_IP)
    assert list(tmp_path.iterdir()) == [path]


def test_the_key_goes_to_the_api_and_not_to_where_the_file_is(
    api: RequestsMock, tmp_path: Path, clock: Clock
) -> None:
    offers(api, content())
    assert filtered(LocalFilter(tmp_path / "new.bloom", clock=clock)).refresh_filter()
    *of_the_api, of_the_file = [call.request.headers for call in api.calls]
    assert [headers["apikey"] for headers in of_the_api] == [KEY, KEY]
    assert KEY not in str(of_the_file)


def test_a_newer_filter_takes_the_place_of_the_one_before(
    api: RequestsMock, path: Path, clock: Clock
) -> None:
    one = LocalFilter(path, clock=clock)
    offers(api, content(OTHER_IP, built=BUILT + 1))
    assert filtered(one).refresh_filter()
    assert (one.never_seen(IP), one.never_seen(OTHER_IP)) == (True, False)
    assert not filtered(one).refresh_filter()


@pytest.mark.parametrize("status", [401, 404, 500])
def test_look_ups_ask_when_there_is_no_filter_to_be_had(
    api: RequestsMock, tmp_path: Path, clock: Clock, status: int
) -> None:
    api.get(f"{BASE}/filter", status=status)
    get(api, OTHER_IP, json=address(OTHER_IP, LISTED))
    one = filtered(LocalFilter(tmp_path / "new.bloom", clock=clock), max_retries=0)
    assert one.look_up(OTHER_IP).known
    assert one.look_up(OTHER_IP).known
    # Nor is it asked for with every look-up.
    assert asked(api).count("/filter") == 1


def test_look_ups_ask_when_the_file_cannot_be_written(
    api: RequestsMock, tmp_path: Path, clock: Clock
) -> None:
    offers(api, content())
    get(api, OTHER_IP, json=address(OTHER_IP, LISTED))
    one = filtered(LocalFilter(tmp_path / "no such folder" / "new.bloom", clock=clock))
    assert one.look_up(OTHER_IP).known
    with pytest.raises(OSError, match="no such folder"):
        one.refresh_filter()


@pytest.mark.parametrize(
    ("file", "changed", "reason"),
    [
        (content(), {"sha256": "0" * 64}, "not have the offered SHA-256"),
        (content(), {"size": 100}, "larger than 100 bytes"),
        (content(), {"size": 0}, "another form"),
        (content(), {"size": 2**40}, "another form"),
        (b"<html>", {}, "shorter than the header"),
        (content(built=BUILT - 1), {}, "older than the one in use"),
    ],
)
def test_a_filter_that_is_not_right_is_not_taken(
    api: RequestsMock, path: Path, clock: Clock, file: bytes, changed: Any, reason: str
) -> None:
    before = path.read_bytes()
    one = LocalFilter(path, clock=clock)
    offers(api, file, **changed)
    with pytest.raises(UnexpectedAnswer, match=reason):
        filtered(one).refresh_filter()
    assert path.read_bytes() == before
    assert one.never_seen(OTHER_IP)


def test_a_filter_that_is_replaced_meanwhile_is_asked_for_again(
    api: RequestsMock, path: Path, clock: Clock
) -> None:
    old, new = content(built=BUILT + 1), content(OTHER_IP, built=BUILT + 2)
    digests = iter(hashlib.sha256(file).hexdigest() for file in (old, new))

    def offer(_: Any) -> tuple[int, dict[str, str], str]:
        return 200, {}, json.dumps({"sha256": next(digests), "size": len(new)})

    api.add_callback("GET", f"{BASE}/filter", offer)
    api.get(f"{BASE}/filter/download", status=302, json={"url": LINK})
    api.get(LINK, body=new)
    one = LocalFilter(path, clock=clock)
    assert filtered(one).refresh_filter()
    assert not one.never_seen(OTHER_IP)


def test_the_file_is_not_fetched_without_tls_from_an_api_with_it(
    api: RequestsMock, path: Path, clock: Clock
) -> None:
    api.get(f"{BASE}/filter", json={"sha256": "0" * 64, "size": 1})
    api.get(f"{BASE}/filter/download", status=302, json={"url": LINK.replace("https", "http")})
    with pytest.raises(UnexpectedAnswer, match="another scheme"):
        filtered(LocalFilter(path, clock=clock)).refresh_filter()


def test_a_refused_key_is_told(api: RequestsMock, path: Path, clock: Clock) -> None:
    api.get(f"{BASE}/filter", status=401)
    with pytest.raises(KeyRefused):
        filtered(LocalFilter(path, clock=clock)).refresh_filter()


def test_a_client_without_a_filter_has_none_to_refresh(api: RequestsMock) -> None:
    assert not filtered(None).refresh_filter()
    assert asked(api) == []


def test_a_file_that_is_no_filter_is_told_at_once(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FilterNotValid):
        LocalFilter(path)


def test_a_file_of_an_earlier_version_is_as_good_as_none(path: Path, clock: Clock) -> None:
    start = (raw := path.read_bytes()).rindex(b'{"format"')
    facts = json.loads(raw[start:]) | {"version": 1}
    path.write_bytes(raw[:start] + json.dumps(facts).encode())
    kept = LocalFilter(path, clock=clock)
    assert kept.sha256 == ""
    assert not kept.never_seen(parse(IndicatorType.URL, "http://never.example/"))
