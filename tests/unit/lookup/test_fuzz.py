"""Ten thousand unusual requests: each is answered or refused as documented."""

import json
import random
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from functions.lookup.routes import respond
from local.events import Request, http_event
from shared.http import errors
from shared.http.errors import ErrorDefinition
from shared.http.web import accepts_gzip, answer, read_request
from tests.unit.lookup.test_routes import KEY, FakeKeys, service

REQUESTS = 10_000
NOW = datetime(2026, 1, 5, tzinfo=UTC)
DOCUMENTED = {
    (one.status, one.code) for one in vars(errors).values() if isinstance(one, ErrorDefinition)
}
# Except for these, no request may end in a server error.
OURS = {500, 503}
LOOK_UPS = ["hash", "ip", "domain", "url"]
WORDS = [
    *("/", "//", "v4", "V4", "hash", "ip", "domain", "url", "apikey", "limits", "status", "health"),
    *(
        "..",
        ".",
        "%2e%2e",
        "%2f",
        "%",
        "%zz",
        "%00",
        "%ff",
        "%c3%28",
        "?",
        "#",
        "\\",
        ";",
        "*",
        "'",
    ),
    *(
        "a" * 64,
        "A" * 32,
        "0" * 40,
        "evil.example",
        "EVIL[.]example",
        "xn--",
        "xn--\u00fc",
        "-",
        "",
    ),
    *("192.0.2.9", "0x7f.1", "::1", "[::1]", "::ffff:1.2.3.4", "fe80::1%25lo", "999.1.1.1", "1/8"),
    *("http://evil.example/", "hxxp[:]//a", "http:/evil.example", "javascript:x", "http://u:p@h/"),
    *("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "\x7f", "\u202e", "a" * 9000),
    *("pk", "quarantine#1", "key#1", "runs#", "__proto__", "null", "NaN", "9" * 6000, "${jndi:x}"),
]
KNOWN = [f"v4/hash/{'a' * 64}", "v4/domain/evil.example", "v4/ip/2001:db8::7", "health"]
KEYS = [KEY + " ", KEY.upper(), KEY[:-1], "", "\x00", "a" * 5000, "key#" + KEY]
BODIES: list[object] = [
    *(None, [], {}, "", 5, True, {"hash": None}, {"hash": []}, {"hash": {}}, {"hash": [None]}),
    *({name: ["x", 5]} for name in ("hash", "address", "fqdn", "url")),
    *({name: ["x"] * count} for name in ("hash", "address", "fqdn", "url") for count in (1, 1001)),
]


def made_up(rng: random.Random) -> Request:
    """A request, more often nearly right than not; the seed determines all of it."""

    def mostly(usual: Any, *others: Any) -> Any:
        return usual if rng.random() < 0.9 else rng.choice(others)

    method = rng.choice(["GET", "GET", "POST"])
    words = rng.choices(WORDS, k=mostly(1, 0, 2, 5))
    path = "/".join(mostly(["v4", rng.choice(LOOK_UPS)], [], ["v4"]) + words)
    if method == "POST":
        path = mostly(f"v4/{rng.choice(LOOK_UPS)}", path)
    elif rng.random() < 0.3:
        path = rng.choice(KNOWN)
    encoded = quote(path, safe=mostly("/", "", "/%:?#[]@!$&'()*+,;="), errors="replace")
    key = (rng.choice([b"apikey", b"ApiKey", b"APIKEY"]), mostly(KEY, *KEYS).encode())
    json_type = mostly(b"application/json", b"text/plain", b"", b"application/json; charset=\xff")
    body = json.dumps(rng.choice(BODIES)).encode()
    return Request(
        method=mostly(method, "HEAD", "PUT", "DELETE", "OPTIONS", "X"),
        raw_path=f"/{encoded}".encode(),
        raw_query=mostly(b"", b"q=1", b"apikey=" + KEY.encode(), rng.randbytes(20)),
        headers=[
            *mostly([key], [], [key, (b"apikey", b"another")], [(b"api-key", key[1])]),
            (b"content-type", json_type),
            (b"accept-encoding", rng.choice([b"", b"gzip", b";q=x", b"gzip;q=0"])),
            (b"includescandetails", mostly(b"1", b"0", b"2", b"")),
        ],
        body=mostly(body, b"", rng.randbytes(50), b"[" * 100_000, b"\xef\xbb\xbf{}", body[:-1]),
    )


def test_ten_thousand_requests_are_answered_as_documented() -> None:
    keys = FakeKeys(KEY)
    keys.limit = 10**9
    asked = service(keys)
    statuses: Counter[int] = Counter()
    for number in range(REQUESTS):
        request = made_up(random.Random(number))  # noqa: S311
        seen = read_request(http_event(request, "fuzz", NOW))
        told: dict[str, Any] = answer(
            respond(asked, seen), gzip_accepted=partial(accepts_gzip, seen)
        )
        status = told["statusCode"]
        statuses[status] += 1
        assert status not in OURS, f"request {number}: {request}"
        if status != 200:
            error = json.loads(told["body"])["error"]
            assert (status, error["code"]) in DOCUMENTED, f"request {number}: {request}"
            assert KEY not in told["body"]
    # Every part of the API was reached, and not by the refusal of a key alone.
    assert statuses[200] > REQUESTS / 10
    assert min(statuses[status] for status in (400, 401, 404, 405, 406)) > 50, statuses
