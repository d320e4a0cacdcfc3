"""The growth of every parser of input from outside, a library's included: CPU at n and at 4n."""

import contextlib
import gzip
import time
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from benchmarks import hostile_inputs as inputs
from benchmarks.hostile_inputs import ENTRIES, LINES, MAILS, VALUES, Build
from functions.publish.layout import xml_safe
from functions.publish.media import read_body
from functions.publish.scan import read_scan
from shared.client import wire
from shared.domain.errors import ReputationError
from shared.domain.extract import extract
from shared.domain.indicator import Indicator, IndicatorType, parse, parse_query, refang
from shared.domain.moment import read_moment
from shared.domain.network import parse_network
from shared.formats import strict_json
from shared.formats.feed.json_page import LIMITS
from shared.formats.feed.reader import mentioned_next, read_page
from shared.formats.feed.report import read_report
from shared.formats.lists.declaration import read_catalog
from shared.formats.lists.decompress import decompress
from shared.formats.lists.errors import ListError
from shared.formats.lists.formats import FORMATS
from shared.formats.mail import read_mail
from shared.http.accept import read_accept
from shared.http.web import Request

Parser = tuple[int, Callable[[int], Any], Callable[[Any], object]]

NOW = 1_793_600_000_000
FACTOR = 4
ROUNDS = 3
# Short inputs are read again and again until they take this long.
LEAST_S = 0.02
_IP = Indicator(IndicatorType.IP, "192.0.2.1")


def growth(name: str, *, least_s: float = LEAST_S) -> tuple[float, float]:
    """Measure the CPU of a parser.

    Returns:
        Seconds for inputs of its size and of four times its size, the best of three.
    """
    size, build, run = PARSERS[name]
    small, large = build(size), build(FACTOR * size)
    times = 1
    while (took := _cpu_s(run, small, times)) < least_s and times < 2**20:
        times = max(2 * times, int(times * least_s / max(took, least_s / 1000)))
    pairs = [(_cpu_s(run, small, times), _cpu_s(run, large, times)) for _ in range(ROUNDS)]
    return min(one for one, _ in pairs) / times, min(other for _, other in pairs) / times


def _cpu_s(run: Callable[[Any], object], argument: Any, times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        with contextlib.suppress(ReputationError, ListError):
            run(argument)
    return time.process_time() - started


def _text(pattern: str) -> Callable[[int], str]:
    return lambda size: pattern * (size // len(pattern))


def _value(kind: IndicatorType) -> Callable[[str], object]:
    return lambda text: parse(kind, text)


def _query(text: str) -> object:
    return parse_query(None, text)


def _atom(build: Build, size: int) -> bytes:
    return inputs.atom_page(build(size))


def _decoded(build: Build, size: int) -> str:
    return build(size).decode()


def _list(form: str, options: str) -> Callable[[bytes], object]:
    declaration = read_catalog(f"""[a-list]
name = "a"
types = ["domain"]
address = "https://list.example/a"
format = "{form}"
assessment = "bad"
every = "1h"
licence = "none"
options = {{ {options} }}
""")["a-list"]
    return lambda body: sum(1 for _ in FORMATS[form].read(declaration, lambda _: body))


def _gzip(size: int) -> Request:
    packed = zlib.compressobj(wbits=31)
    body = packed.compress(b"0" * size) + packed.flush()
    return Request("POST", "/api/reports", "", {"content-encoding": "gzip"}, body)


def _empty_members(size: int) -> bytes:
    return inputs.many(gzip.compress(b"", mtime=0), size)


def _report(kind: str, data: str) -> Callable[[int], object]:
    def build(size: int) -> object:
        entry = {"data": data, "verdict": "BENIGN", "tags": ["a"]}
        return {"flow_id": "f", "date": "2025-06-01", "iocs": {kind: [entry] * (size // 100)}}

    return build


def _bundle(size: int) -> bytes:
    pattern = "[" + " OR ".join(["domain-name:value = 'a.example'"] * (size // 40)) + "]"
    return b'{"type":"bundle","objects":[{"id":"a","type":"indicator","pattern":"%s"}]}' % (
        pattern.encode()
    )


_SCAN = b'{"flowId":"a","reports":{"r":{"created_date":"2025-06-01","iocs":{"url":%s}}}}'

# Above the size of a string, from which the exact scan is used.
_JSON_SIZE = 5_000_000
# Others than the usual, because of the limit for a tag.
_ATOM_SIZES = {"long names of elements": 1_000_000, "attributes of one element": 60_000}

PARSERS: Mapping[str, Parser] = {
    **{
        f"JSON: {name}": (_JSON_SIZE, build, lambda body: strict_json.parse(body, "it", LIMITS))
        for name, build in VALUES.items()
    },
    **{
        f"Atom (expat): {name}": (
            _ATOM_SIZES.get(name, 100_000),
            partial(_atom, build),
            read_page,
        )
        for name, build in ENTRIES.items()
    },
    **{
        f"CSV: {name}": (30_000, build, _list("csv", 'value = "a"'))
        for name, build in LINES.items()
    },
    **{f"lines: {name}": (30_000, build, _list("lines", "")) for name, build in LINES.items()},
    "JSON lines": (30_000, LINES["quotes"], _list("json_lines", 'value = "a"')),
    "JMESPath": (
        200_000,
        lambda size: inputs.page(inputs.array(inputs.many(b'{"data":[[[1]]]},', size))),
        _list("json_path", 'items = "items[?data].data[][]", value = "data"'),
    ),
    "STIX patterns": (15_000, _bundle, _list("stix_bundle", "")),
    "URL (pydantic): slashes": (2_000, _text("http://a.example//../"), _value(IndicatorType.URL)),
    "URL (pydantic): percent signs": (
        2_000,
        lambda size: "http://a.example/" + "%" * size,
        _value(IndicatorType.URL),
    ),
    "URL (pydantic): at signs": (
        2_000,
        lambda size: "http://" + "@" * size + "a.example",
        _value(IndicatorType.URL),
    ),
    "URL (pydantic): host of many labels": (
        2_000,
        lambda size: "http://" + "ü." * (size // 3) + "example",
        _value(IndicatorType.URL),
    ),
    "domain (IDNA): labels": (60, _text("ü."), _value(IndicatorType.DOMAIN)),
    "domain (IDNA): one label": (60, _text("ü"), _value(IndicatorType.DOMAIN)),
    "domain (IDNA): punycode": (
        60,
        lambda size: "xn--" + "9" * size + ".example",
        _value(IndicatorType.DOMAIN),
    ),
    "domain (IDNA): combining marks": (
        2_000,
        lambda size: "a" + "\u0301\u0323" * (size // 2) + ".example",
        _value(IndicatorType.DOMAIN),
    ),
    "address": (2_000, _text("1:"), _value(IndicatorType.IP)),
    "network": (2_000, _text("1:"), parse_network),
    "hash": (2_000, _text("a"), _value(IndicatorType.SHA256)),
    "defanged text": (2_000, _text("hxxp[:]//a[.]"), refang),
    "query": (2_000, _text("hxxp[:]//a[.]"), _query),
    "date": (2_000, _text("2025-06-01T"), lambda text: read_moment(text, NOW)),
    "date of digits": (2_000, _text("9"), lambda text: read_moment(text, NOW)),
    **{
        f"text search: {name}": (
            20_000,
            partial(_decoded, build),
            lambda text: extract(text, most=1_000),
        )
        for name, build in LINES.items()
    },
    "text search: brackets": (20_000, _text("a[.]"), lambda text: extract(text, most=1_000)),
    "text search: slashes": (20_000, _text("http://"), lambda text: extract(text, most=1_000)),
    "report": (50_000, _report("domain", "a.example"), lambda raw: read_report(raw, NOW)),
    "report of bad IOCs": (50_000, _report("ip", "x"), lambda raw: read_report(raw, NOW)),
    "scan report": (
        50_000,
        lambda size: _SCAN % inputs.array(inputs.many(b'{"data":"http://a.example/"},', size)),
        lambda body: read_scan(body, NOW),
    ),
    "next page in a broken page": (
        4_000,
        lambda size: b"<link " * (size // 12) + b'rel="next" ' * (size // 22),
        mentioned_next,
    ),
    "answers of a reputation service (pydantic)": (
        50_000,
        lambda size: b'{"lookup_results":{"sources":' + VALUES["empty objects"](size) + b"}}",
        lambda body: wire.read_address(_IP, body),
    ),
    "header Accept": (4_000, _text("a/b;q=0.1,"), read_accept),
    "gzip": (1_000_000, _gzip, read_body),
    "gzip of empty members": (200_000, _empty_members, decompress),
    **{f"mail: {name}": (100_000, build, read_mail) for name, build in MAILS.items()},
    "characters that XML forbids": (100_000, _text("\x00a"), xml_safe),
}
