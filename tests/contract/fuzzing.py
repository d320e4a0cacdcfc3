"""Requests that no client would send, as events of both fronts; each follows from its number.

What Schemathesis makes up follows the document. These do not: other methods and paths, bytes that
are not text, wrong encodings, and events of a kind that the gateway is not known to send.
"""

import base64
import gzip
import json
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote

from functions.annotate import routes as annotate
from functions.publish import routes as publish
from local.events import FUNCTION_URL, REST, Request
from local.openapi import ROUTES
from local.publish import INTAKE
from local.up import SAMPLE_REPORTS
from shared.http.routing import Route
from tests.contract.support import KEY, READER_KEY

Function = Literal["annotate", "lookup", "publish"]

NOW = datetime(2026, 1, 5, tzinfo=UTC)
# Part of invented keys, headers and bodies: no log may contain it.
CANARY = "c4n4ry"

# A JSON event can hold half a surrogate pair, and UTF-8 cannot.
HALF = "\ud800"
ODD_TEXTS = [
    *(
        "",
        " ",
        "0",
        "-1",
        "null",
        "NaN",
        "true",
        "__proto__",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "%s%n",
    ),
    *(
        "' or 1=1 --",
        "<script>alert(1)</script>",
        "=cmd|' /C calc'!A0",
        "../../etc/passwd",
        "\\\\x\\y",
    ),
    *("\r\nSet-Cookie: a=b", '\n{"level":"INFO"}', "\x00", "\x1b[31m", "\x7f", "\u2028", "\u202e"),
    *(HALF, "\ufffd", "\U0001f4a9", "ﬁ", "é" * 300, "a" * 9000, "9" * 6000, "a." * 200, "/" * 3000),
]
VALUES = [
    *(
        "a" * 64,
        "A" * 32,
        "0" * 40,
        "a" * 63,
        "fine.example",
        "EVIL[.]example",
        "xn--",
        "-",
        "a..b",
    ),
    *("192.0.2.9", "0x7f.1", "::1", "[::1]", "::ffff:1.2.3.4", "fe80::1%25lo", "999.1.1.1", "1/8"),
    *("http://evil.example/", "hxxp[:]//a", "http:/evil.example", "javascript:x", "http://u:p@h/"),
    *("%", "%zz", "%00", "%ff", "%c3%28", "%252525", "..", "%2e%2e", ";", "?", "#", "*"),
    *("pk", "quarantine#1", "key#1", "runs#", "quota#", "net#192.0.2.0/24"),
]
METHODS = ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "X", "", "get", "GET\n"]
MEDIA = [
    *("", "text/plain", "application/xml", "multipart/form-data; boundary=x", "application/x-json"),
    *("application/problem+json", "APPLICATION/JSON;charset=utf-16", "application/json\r\nX: y"),
]
HEADERS = [
    *("accept", "accept-encoding", "content-encoding", "includescandetails", "if-none-match"),
    *("x-forwarded-for", "host", "range", "expect", "transfer-encoding", "x-amzn-trace-id"),
    *(
        "user-agent",
        "cookie",
        "origin",
        "x-http-method-override",
        "x-api-key",
        "include_scan_details",
    ),
]
HEADER_VALUES = [
    *("gzip", "gzip;q=0", ";q=x", "*", "identity", "deflate", "br", "1", "2", 'W/"1-json-1"'),
    *("application/json", "application/atom+xml;q=nan", "*/*;q=inf", "text/html", "a,b;;=,", "q="),
    *("bytes=0-1", "100-continue", "chunked", f"session={CANARY}", "https://elsewhere.example"),
]
BAD_KEYS = [
    *(KEY + " ", KEY.upper(), KEY[:-1], f"{KEY},{KEY}", "", CANARY, CANARY * 900, "key#" + KEY),
    *("\x00", "\r\n", HALF, "é", "' or 1=1 --"),
]
QUERIES = [
    *("", "q=1", f"apikey={CANARY}", "&&==", "%", "%00=%ff", "a=1&a=2", "a" * 5000, "ip=", HALF),
    *("limit=0", "limit=1", "limit=101", "limit=-1", "limit=٣", "limit=1_0", "order=x", "cursor="),
    *("order=oldest_first", "cursor=a0", "cursor=b1", "cursor=b999999", "cursor=a" + "9" * 19),
    *(
        "hash=" + "a" * 64,
        "sha256=" + "b" * 64,
        "domain=fine.example",
        "url=http%3A%2F%2Fx",
        "ip=1",
    ),
]
# The intake reads more than all others do.
OPERATIONS = [*ROUTES, *[route for route in ROUTES if route.template == INTAKE] * 4]
SCANS = [json.loads(path.read_bytes()) for path in sorted(SAMPLE_REPORTS.glob("*.json"))]


def made_up(number: int) -> tuple[Function, dict[str, Any]]:
    """An event and the function that it is for, which need not have such a route.

    It is more often nearly right than not, so that it gets further than the first check.
    """
    rng = random.Random(number)  # noqa: S311
    operation = rng.choice(OPERATIONS)
    function = _function_of(operation)
    if rng.random() < 0.02:
        function = rng.choice(["annotate", "publish", "lookup"])
    method, path, body = _target(rng, operation)
    headers = [
        (_case(rng, rng.choice(["apikey", "x-api-key"])), _key(rng)),
        ("content-type", _mostly(rng, "application/json", MEDIA)),
        *((_case(rng, rng.choice(HEADERS)), _header_value(rng)) for _ in range(rng.randrange(3))),
    ]
    if rng.random() < (0.15 if operation.template == INTAKE else 0.01):
        body, coding = _packed(rng, body)
        headers.append(("content-encoding", coding))
    request = Request(
        method=_mostly(rng, method, METHODS),
        raw_path=path.encode(errors="replace"),
        raw_query=_mostly(rng, "", QUERIES, 0.7).encode(errors="replace"),
        headers=[(name.encode(), value.encode(errors="replace")) for name, value in headers],
        body=body,
    )
    event = rng.choice([REST, FUNCTION_URL]).event(request, f"fuzz-{number}", NOW)
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        rng.choice(ODDITIES)(rng, event)
    return function, event


def _function_of(operation: Route[Any]) -> Function:
    if operation in annotate.ROUTES:
        return "annotate"
    return "publish" if operation in publish.ROUTES else "lookup"


def _mostly(rng: random.Random, usual: str, others: Sequence[str], share: float = 0.9) -> str:
    return usual if rng.random() < share else rng.choice(others)


def _case(rng: random.Random, name: str) -> str:
    return rng.choice([name, name.upper(), name.title()])


def _key(rng: random.Random) -> str:
    return rng.choice([*[KEY] * 8, READER_KEY, rng.choice(BAD_KEYS)])


def _header_value(rng: random.Random) -> str:
    return _mostly(rng, rng.choice(HEADER_VALUES), ODD_TEXTS)


def _value(rng: random.Random) -> str:
    value = _mostly(rng, rng.choice(VALUES), ODD_TEXTS, 0.8)
    return value + rng.choice(VALUES) if rng.random() < 0.1 else value


def _target(rng: random.Random, operation: Route[Any]) -> tuple[str, str, bytes]:
    """Method, path and body of a route, or of what is none."""
    if rng.random() < 0.05:
        return rng.choice(["GET", "GET", "POST"]), _long_path(rng, operation), b"{}"
    if rng.random() < 0.05:
        path = "/".join(_value(rng) for _ in range(rng.randrange(6)))
        return "GET", f"/{path}", b""
    method = rng.choice(list(operation.methods))
    parts = [
        quote(_value(rng), safe=rng.choice(["", "/", "/%:?#[]@!$&'()*+,;="]), errors="replace")
        if part.startswith("{")
        else part
        for part in operation.template.split("/")
    ]
    path = rng.choice(["/", "/", "/", "//"]).join(parts) + rng.choice(["", "", "", "/", "//", "/x"])
    return method, path, _body(rng, operation) if method in {"POST", "PUT"} else b""


def _long_path(rng: random.Random, operation: Route[Any]) -> str:
    """A path of slashes, percent signs or long segments, as long as a front admits."""
    pieces = ["/", "//", "%", "%2F", "%25", "%2525", "a/", "/sightings", "a" * 300, "%c3%28", "."]
    repeated = rng.choice(pieces)
    start = rng.choice(["", "/v4", "/v4/ip/", "/v4/url/", "/v4/ioc/url/", operation.template])
    count = rng.choice([1, 20, 8000]) // len(repeated) + 1
    return start + repeated * count + rng.choice(["", "x", "/", "/iocs", "/sightings", "%"])


def _body(rng: random.Random, operation: Route[Any]) -> bytes:
    template = operation.template
    if template == INTAKE:
        # One that is right costs a dozen writes, so most of them are broken in two places.
        return json.dumps(_broken(rng, _broken(rng, rng.choice(SCANS)))).encode()
    items: list[Any] = [_value(rng) for _ in range(rng.choice([0, 1, 1, 2, 5, 30]))]
    if rng.random() < 0.1:
        items.append(rng.choice([None, 5, {}, [], True, 1e308]))
    if rng.random() < 0.02:
        items = items * 1001
    if rng.random() < 0.01:
        items.append("a" * 5_000_000)
    name = rng.choice(["hash", "address", "fqdn", "url"])
    whole: Any = items if template.startswith("/api") else {name: items, "note": CANARY}
    if operation in annotate.ROUTES:
        whole = _annotation(rng, template)
    text = json.dumps(_broken(rng, whole) if rng.random() < 0.2 else whole)
    return rng.choice(
        [
            *[text.encode()] * 12,
            text.encode("utf-16"),
            b"\xef\xbb\xbf" + text.encode(),
            text.encode()[:-1],
            text.encode() * 2,
            rng.randbytes(60),
            b"[" * 100_000,
            b'{"hash": ' + b"9" * 6000 + b"}",
            b'{"hash": NaN}',
        ]
    )


def _annotation(rng: random.Random, template: str) -> Any:
    reason = {"reason": _mostly(rng, CANARY, ODD_TEXTS)}
    if template.endswith("/false-positive"):
        return reason
    override = {"verdict": rng.choice(["BENIGN", "MALICIOUS"]), **reason}
    if rng.random() < 0.1:
        override["expires"] = rng.choice(["2090-01-01", *ODD_TEXTS])
    if template != "/v4/ioc/verdicts":
        return override
    kinds = ["hash", "ip", "domain", "url"]
    count = rng.choice([0, 1, 1, 2, 101])
    items = [{"type": rng.choice(kinds), "value": _value(rng), **override} for _ in range(count)]
    return {"verdicts": items}


def _broken(rng: random.Random, value: Any) -> Any:
    """A copy with something else in one place."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name = rng.choice(list(value))
        return {**value, name: _broken(rng, value[name])}
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        return [*value[:at], _broken(rng, value[at]), *value[at + 1 :]]
    return rng.choice([None, 0, -1, 1e308, True, [], {}, [[[]]], {"": None}, *ODD_TEXTS, CANARY])


def _packed(rng: random.Random, body: bytes) -> tuple[bytes, str]:
    packed = gzip.compress(body)
    return rng.choice(
        [
            (packed, "gzip"),
            (packed[:-4], "gzip"),
            (packed + b"x", " GZIP "),
            (body, "gzip"),
            (packed, "br"),
            (BOMB, "gzip"),
            (BOMB, "gzip"),
        ]
    )


BOMB = gzip.compress(bytes(40 * 1024 * 1024), compresslevel=9)


def _lie_about_base64(rng: random.Random, event: dict[str, Any]) -> None:
    event["isBase64Encoded"] = not event.get("isBase64Encoded")


def _odd_body(rng: random.Random, event: dict[str, Any]) -> None:
    text = rng.choice([*ODD_TEXTS, None, "a" * 1_000_000, "[" * 5000, "AAA", "=", "é="])
    event["body"], event["isBase64Encoded"] = text, rng.random() < 0.5


def _encoded_body(rng: random.Random, event: dict[str, Any]) -> None:
    if event.get("body") and not event.get("isBase64Encoded"):
        event["body"] = base64.b64encode(event["body"].encode(errors="replace")).decode()
        event["isBase64Encoded"] = True


def _odd_path(rng: random.Random, event: dict[str, Any]) -> None:
    odd = rng.choice([*ODD_TEXTS, HALF + "/", "?a=b", "#", " ", "\r\n", "%2F" * 500])
    name = _path_of(event)
    event[name] = rng.choice([event[name] + odd, odd, "/v4/url/" + odd])


def _path_of(event: dict[str, Any]) -> str:
    """The key of the path in this format."""
    return "rawPath" if "rawPath" in event else "path"


def _odd_header(rng: random.Random, event: dict[str, Any]) -> None:
    name = rng.choice([*HEADERS, "apikey", "content-type", "", HALF])
    odd = rng.choice(ODD_TEXTS)
    event["headers"] = (event.get("headers") or {}) | {name: odd}
    event["multiValueHeaders"] = (event.get("multiValueHeaders") or {}) | {name: [odd]}


def _no_headers(rng: random.Random, event: dict[str, Any]) -> None:
    event["headers"] = event["multiValueHeaders"] = rng.choice([{}, None])


def _without(rng: random.Random, event: dict[str, Any]) -> None:
    # What real events omit when it is empty, and what no function should need.
    event.pop(
        rng.choice(
            [
                *("headers", "rawQueryString", "body", "isBase64Encoded", "version", "routeKey"),
                *("cookies", "queryStringParameters", "multiValueQueryStringParameters"),
                *("multiValueHeaders", "resource", "pathParameters"),
            ]
        ),
        None,
    )


def _odd_query(rng: random.Random, event: dict[str, Any]) -> None:
    event["rawQueryString"] = rng.choice([*ODD_TEXTS, *QUERIES, None])
    odd = rng.choice(ODD_TEXTS)
    event["multiValueQueryStringParameters"] = rng.choice([{odd: [odd, ""]}, {"limit": [odd]}, {}])


def _odd_method(rng: random.Random, event: dict[str, Any]) -> None:
    odd = rng.choice([*METHODS, *ODD_TEXTS, "post"])
    event["httpMethod"], event["requestContext"]["http"] = odd, {"method": odd}


def _stage(rng: random.Random, event: dict[str, Any]) -> None:
    event["requestContext"]["stage"] = rng.choice(["prod", "v4", "", HALF])
    if rng.random() < 0.5:
        name = _path_of(event)
        event[name] = f"/prod{event[name]}"


def _contradiction(rng: random.Random, event: dict[str, Any]) -> None:
    event["requestContext"]["path"] = "/docs"
    event["routeKey"] = "GET /health"
    event["pathParameters"] = {"proxy": CANARY}
    event["cookies"] = [f"a={CANARY}"]


def _more(rng: random.Random, event: dict[str, Any]) -> None:
    event["multiValueHeaders"] = {**(event.get("multiValueHeaders") or {}), "x-more": [CANARY]}
    event["requestContext"]["authorizer"] = {"lambda": {"admin": True}}
    event["detail-type"], event["reingest_since"] = "Scheduled Event", "2020-01-01"


ODDITIES: Sequence[Callable[[random.Random, dict[str, Any]], None]] = (
    _lie_about_base64,
    _odd_body,
    _encoded_body,
    _odd_path,
    _odd_header,
    _no_headers,
    _without,
    _odd_query,
    _odd_method,
    _stage,
    _contradiction,
    _more,
)
