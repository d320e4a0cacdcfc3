"""A value in a path is answered for itself or refused, at every front and in every spelling.

Prints what became of values x spellings x fronts, and the record of unsupported fronts. The
gate tries a sample; this tries 10,000 URLs and 2,000 values of each other route:

    URLS=10000 .venv/bin/python -m pytest -s tests/unit/lookup/test_fronts.py
"""

import json
import os
import random
import re
import string
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import pytest

from functions.lookup.routes import respond
from functions.lookup.service import Service
from functions.lookup.taxii import OBJECTS
from local.events import Request
from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import Indicator, IndicatorType, parse, parse_hash
from shared.domain.provider import IocRecord, Subject
from shared.formats.exports.index import ExportIndex, ExportPage, IndexedFile
from shared.http.authentication import KeyRing
from shared.http.respond import guarded
from shared.runtime.observability import logger
from shared.store.search_index import BadCursor, ResultPage, SeenIoc
from tests.fronts import FOR_THE_RECORD, MAX_URL_CHARS, SUPPORTED, Front, Refusal, rest_api
from tests.unit.lookup.test_routes import KEY, FakeKeys, quota, service

URLS = int(os.environ.get("URLS", "300"))
OTHERS = URLS // 5
SEED = 20_260_901


@dataclass
class Recorder:
    """In the place of all stores: remembers which value each request is answered for."""

    flow_ids: frozenset[str] = frozenset()
    seen: list[object] = field(default_factory=list)

    def find(self, indicator: Indicator, _covering: Sequence[Subject] = ()) -> IocRecord:
        self.seen.append(indicator)
        return IocRecord(indicator, None)

    def find_many(
        self, indicators: Any, _covering: Mapping[Indicator, Sequence[Subject]] | None = None
    ) -> Mapping[Indicator, IocRecord]:
        return {one: self.find(one) for one in indicators}

    def find_verdicts(self, hashes: Any, _: object) -> Mapping[Indicator, IocRecord]:
        return self.find_many(hashes)

    def sightings(self, indicator: Indicator, _limit: int, after: str = "") -> ResultPage[Any]:
        if after:
            raise BadCursor
        self.seen.append(indicator)
        return ResultPage([], "")

    def of_scan(self, flow_id: str, _limit: int, after: str = "") -> ResultPage[SeenIoc] | None:
        if after:
            raise BadCursor
        if flow_id not in self.flow_ids:
            return None
        self.seen.append(flow_id)
        return ResultPage([], "")

    def recent(self, *_: Any) -> ResultPage[SeenIoc]:
        raise AssertionError("it has no value in its path")

    def index(self) -> ExportIndex:
        files = {name: IndexedFile(1, "0" * 64, "text/plain", 0) for name in FILES}
        page = ExportPage(0, "", "stix/0001.json")
        return ExportIndex(built=0, slot="a", iocs=0, files=files, pages=(page,))

    def text(self, _index: ExportIndex, name: str) -> str:
        if name != "stix/0001.json":
            self.seen.append(name)
        objects = [
            {"type": "identity", "id": one, "created": "2026-01-05T10:00:00.000Z"}
            for one in OBJECT_IDS
        ]
        return json.dumps({"objects": objects})

    def link(self, *_: Any) -> str:
        raise AssertionError("all files are small")


FILES = ("iocs.csv", "blocklist/domain-malicious.txt", "misp/manifest.json", "misp/hashes.csv")
OBJECT_IDS = tuple(f"identity--0000000{number}-0000-4000-8000-000000000000" for number in range(9))


def _hosts(rng: random.Random) -> str:
    return rng.choice(
        [
            *("evil.example", "EVIL.Example", "evil.example.", "bücher.example", "192.0.2.7"),
            *("[2001:db8::7]", "a_b.example", "xn--bcher-kva.example", "evil%2Eexample"),
            f"{rng.randrange(10**6)}.example",
        ]
    )


_PIECES = (
    *("a", "b.php", "..", ".", "", "sightings", "iocs", "%41", "%2541", "%2F", "%3F", "%23", "%25"),
    *("%", "%zz", "%E9", "é", "日本", "+", "a+b", "a;b=c", "a&b", "@", ":", "[.]", "(.)", "~", "'"),
    *("http:", "hxxp:", "https://other.example", "$", "{x}", "a|b", "^", "`", '"', "\\", "*", "!"),
    *("v4", "url", "ioc", "evil.example", "%252F", "%00", "=", "<b>", ","),
)
_NAMES = ("a", "q", "limit", "cursor", "", "a[]", "é", "%61", "url", "x.y", "/sightings")
_VALUES = (
    *("1", "", "5", "a b".replace(" ", "%20"), "a+b", "http://other.example/?x=1", "%26", "%3D"),
    *("é", "a/b", "a?b", "http%3A%2F%2Fother.example%2F%3Fx%3D1", "%", "%2541", "/sightings"),
)


def _query(rng: random.Random) -> str:
    parts = [
        rng.choice(_NAMES) + rng.choice(["", "=" + rng.choice(_VALUES)])
        for _ in range(rng.choice([0, 1, 1, 2, 3]))
    ]
    return rng.choice(["", "", "&"]) + "&".join(parts) + rng.choice(["", "", "", "&", "?"])


_SCHEMES = ("http://", "http://", "https://", "HTTP://", "ftp://", "http:/", "http:", "http:\\\\")


def made_up_url(rng: random.Random) -> str:
    scheme = rng.choice(
        ["http://", "https://", "HTTP://", "ftp://", "http:/", "http:", "http:\\\\"]
    )
    user = rng.choice(["", "", "", "u@", "u:p@", "u%40:p%2F@"])
    port = rng.choice(["", "", "", ":80", ":8443"])
    path = "/".join(rng.choice(_PIECES) for _ in range(rng.choice([0, 1, 2, 3, 5])))
    query = f"?{_query(rng)}" if rng.random() < 0.6 else ""
    fragment = rng.choice(["", "", "", "#", "#top", "#a?b/c"])
    path = rng.choice([f"/{path}", f"/{path}", f"//{path}", ""])
    return f"{scheme}{user}{_hosts(rng)}{port}{path}{query}{fragment}"


def _urls(rng: random.Random) -> Iterator[str]:
    """URLs, one of eight without its scheme, as some clients send them."""
    while True:
        url = made_up_url(rng)
        if rng.random() < 1 / 8:
            url = re.sub(r"\A\w+:[/\\]+(?:[^/@?#]*@)?", "", url)
        try:
            _of_url(url)
        except InvalidIndicator:
            continue
        yield url


def _domains(rng: random.Random) -> Iterator[str]:
    while True:
        host = _hosts(rng)
        try:
            parse(IndicatorType.DOMAIN, host)
        except InvalidIndicator:
            continue
        yield host


def _ips(rng: random.Random) -> Iterator[str]:
    while True:
        number = rng.randrange(2**16)
        yield rng.choice(
            [f"192.0.2.{number % 256}", f"2001:db8::{number:x}", f"2001:DB8:0:0::{number:X}"]
        )


def _hashes(rng: random.Random) -> Iterator[str]:
    while True:
        digits = "".join(rng.choices("0123456789abcdefABCDEF", k=rng.choice([32, 40, 64])))
        yield digits


def _flow_ids(rng: random.Random) -> Iterator[str]:
    # A percent sign is read as that of an encoding, and a slash at the start as the client's.
    odd = "abc019-_.~ é?&=;:@+,'/"
    while True:
        text = "".join(rng.choices(odd, k=rng.randrange(1, 12)))
        yield rng.choice(
            [f"66b3763be7db{rng.randrange(10**12):012}", f"f{text}", f"f{text}/iocs?x"]
        )


def _of_url(value: str) -> set[object]:
    """The URL; without a scheme it is looked up with both."""
    schemes = [""] if re.match("(?i)(https?|ftp):", value) else ["http://", "https://"]
    return {parse(IndicatorType.URL, scheme + value) for scheme in schemes}


def _of(kind: IndicatorType) -> Callable[[str], set[object]]:
    return lambda value: {parse(kind, value)}


Values = Callable[[random.Random], Iterator[str]]


@dataclass(frozen=True)
class Asked:
    """A route with a value in its path.

    Attributes:
        meant: what the stores have to be asked for a value.
    """

    start: str
    end: str
    values: Values
    meant: Callable[[str], set[object]]


def _same(value: str) -> set[object]:
    return {value}


def _of_hash(value: str) -> set[object]:
    return {parse_hash(value)}


def _one_of(values: Sequence[str]) -> Values:
    def choose(rng: random.Random) -> Iterator[str]:
        while True:
            yield rng.choice(values)

    return choose


ROUTES = {
    "/v4/url/{url}": Asked("/v4/url/", "", _urls, _of_url),
    "/v4/ioc/url/{value}/sightings": Asked("/v4/ioc/url/", "/sightings", _urls, _of_url),
    "/v4/domain/{domain}": Asked("/v4/domain/", "", _domains, _of(IndicatorType.DOMAIN)),
    "/v4/ioc/domain/{value}/sightings": Asked(
        "/v4/ioc/domain/", "/sightings", _domains, _of(IndicatorType.DOMAIN)
    ),
    "/v4/ip/{ip}": Asked("/v4/ip/", "", _ips, _of(IndicatorType.IP)),
    "/v4/ioc/ip/{value}/sightings": Asked("/v4/ioc/ip/", "/sightings", _ips, _of(IndicatorType.IP)),
    "/v4/hash/{hash}": Asked("/v4/hash/", "", _hashes, _of_hash),
    "/v4/hash/{hash}/scanhistory": Asked("/v4/hash/", "/scanhistory", _hashes, _of_hash),
    "/v4/ioc/hash/{value}/sightings": Asked("/v4/ioc/hash/", "/sightings", _hashes, _of_hash),
    "/v4/report/{flow_id}/iocs": Asked("/v4/report/", "/iocs", _flow_ids, _same),
    "/v4/exports/{file}": Asked("/v4/exports/", "", _one_of(FILES), _same),
    f"{OBJECTS}/{{object}}": Asked(f"{OBJECTS}/", "", _one_of(OBJECT_IDS), _same),
}

SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "quote(safe='') once": lambda value: quote(value, safe=""),
    "quote(safe='') twice": lambda value: quote(quote(value, safe=""), safe=""),
    "quote(safe='/')": lambda value: quote(value, safe="/"),
    # A client encodes what a request line cannot hold, and cuts a fragment off.
    "raw": lambda value: quote(value.partition("#")[0], safe=string.punctuation),
}


def asking(flow_ids: frozenset[str]) -> tuple[Service, Recorder]:
    stores = Recorder(flow_ids)
    keys = FakeKeys(KEY)
    keys.limit = 10**9
    return (
        replace(
            service(),
            iocs=stores,
            index=stores,
            exports=lambda: stores,
            keys=KeyRing(keys, lambda: 0.0),
            quota=quota(),
        ),
        stores,
    )


def become(front: Front, asked: Service, stores: Recorder, target: str, meant: set[object]) -> str:
    """What becomes of a request for a value."""
    path, _, query = target.partition("?")
    request = Request("GET", path.encode(), query.encode(), [(b"apikey", KEY.encode())])
    event = front(request)
    if isinstance(event, Refusal):
        return "refused"
    stores.seen.clear()
    answer = guarded(event, lambda one: respond(asked, one))
    if not stores.seen:
        found = json.loads(answer["body"])
        ids = [one["id"] for one in found.get("objects", ())]
        stores.seen.extend(ids)
    if stores.seen:
        return "itself" if set(stores.seen) == meant else "another"
    return "refused" if answer["statusCode"] == 400 else f"status {answer['statusCode']}"


def tried(route: str, number: int, front: Front) -> dict[str, Counter[str]]:
    """What becomes of so many values of a route at a front, by spelling."""
    asked = ROUTES[route]
    rng = random.Random(SEED)  # noqa: S311
    made = asked.values(rng)
    values = [next(made) for _ in range(number)]
    using, stores = asking(frozenset(values))
    found: dict[str, Counter[str]] = {}
    for name, spell in SPELLINGS.items():
        counted = found[name] = Counter()
        for value in values:
            target = f"{asked.start}{spell(value)}{asked.end}"
            came = become(front, using, stores, target, asked.meant(value))
            if name == "raw" and came == "another":
                came = "no trace" if set(stores.seen) == _without_query(asked, value) else came
            counted[came] += 1
            if front in SUPPORTED.values():
                said = f"{value!r} as {target!r}: {came}, answered for {stores.seen}"
                assert came in {"itself", "refused", "no trace"}, said
    return found


def _without_query(asked: Asked, url: str) -> set[object]:
    """The one exception: what an unencoded URL is answered for if its query holds no name."""
    start, mark, query = url.partition("#")[0].partition("?")
    return asked.meant(start) if mark and not query.strip("&") else set()


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    level = logger.log_level
    logger.setLevel("CRITICAL")
    yield
    logger.setLevel(level)


@pytest.mark.parametrize("route", ROUTES)
def test_a_value_is_answered_for_itself_or_refused(route: str) -> None:
    number = URLS if "url" in route else OTHERS
    lines = [_line("", "", ("itself", "refused", "no trace", "another"))]
    total: Counter[str] = Counter()
    for name, front in {**SUPPORTED, **FOR_THE_RECORD}.items():
        for spelling, counted in tried(route, number, front).items():
            lines.append(_line(name, spelling, _columns(counted)))
            if name in SUPPORTED:
                total += counted
    lines.append(_line("supported fronts", "all", _columns(total)))
    sys.stdout.write("\n".join(["", f"{route}: {number} values", *lines, ""]))
    assert total["itself"] > sum(total.values()) / 2


def _columns(counted: Counter[str]) -> tuple[object, ...]:
    good = counted["itself"], counted["refused"], counted["no trace"]
    # For another value, or with an error that is not a refusal.
    return *good, sum(counted.values()) - sum(good)


def _line(front: str, spelling: str, columns: Sequence[object]) -> str:
    return f"{front:17} {spelling:21}" + "".join(f"{column:>9}" for column in columns)


def test_an_http_api_answers_a_url_with_a_query_for_another_url() -> None:
    using, stores = asking(frozenset())
    url = "http://evil.example/a?b=1"
    target = f"/v4/url/{quote(url, safe='')}"
    came = become(FOR_THE_RECORD["HTTP API"], using, stores, target, _of_url(url))
    assert (came, set(stores.seen)) == ("another", _of_url("http://evil.example/a"))


@pytest.mark.parametrize(
    ("length", "expected"), [(MAX_URL_CHARS, "itself"), (MAX_URL_CHARS + 1, "refused")]
)
def test_a_rest_api_takes_a_url_of_so_many_characters(length: int, expected: str) -> None:
    using, stores = asking(frozenset())
    url = "http://evil.example/" + "/" * 2500
    target = f"/v4/url/{quote(url, safe='')}"
    # The `?` of the query that is not there counts as a character here.
    target += quote("a" * (length - 1 - len(target)), safe="")
    meant = _of_url(url + "a" * (length - 1 - len(f"/v4/url/{quote(url, safe='')}")))
    assert become(rest_api, using, stores, target, meant) == expected
