"""No address in a page or an answer leads outside of the stage.

Below a stage `/docs` is another address than the API's own, and `docs` is one that depends on
whether the page's address ends with a slash.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import pytest

from functions.lookup import documentation
from local import openapi
from local.handlers import load_gateway
from tests.conftest import Store
from tests.contract.support import Api, Reply, serving_stage

FOLDER = Path(documentation.__file__).parent
PAGES = [file.read_text(encoding="utf-8") for file in sorted(FOLDER.glob("*.html"))]
DOCUMENT = json.loads(openapi.DOCUMENT.read_text(encoding="utf-8"))
GETS = [(path, item["get"], item) for path, item in DOCUMENT["paths"].items() if "get" in item]

_ATTRIBUTE = r"""\b(?:href|src|srcset|action|formaction|poster)=["']?(?P<address>[^"'\s>]*)"""
# What JavaScript takes an address from, where a text is given to it as it is.
_GIVEN = (
    r"""(?:\bfetch\(|\blink\(|\bhref\s*[=:]\s*|\bsrc\s*[=:]\s*|"href",\s*|location\s*=\s*"""
    r"""|\blocation\.\w+\(|\bopen\(|\b(?:Request|URL|EventSource|WebSocket)\()["'`]"""
    r"""(?P<address>[^"'`]*)"""
)
# A path of the host, unless it is appended to something, or given to what puts the base before it.
_PATH = r"""(?P<before>ask\(\s*|\+\s|report\s\? )?["'`](?P<address>/[a-z][^"'`]*)"""


def unsafe_in_page(html: str) -> list[str]:
    """The addresses of a page that do not begin with where the API begins."""
    markup, script = html.split("<script>")
    found = [match["address"] for match in re.finditer(_ATTRIBUTE, markup)]
    found += [match["address"] for match in re.finditer(_GIVEN, script)]
    unsafe = [one for one in found if not one.startswith(("#", "data:"))]
    return unsafe + [m["address"] for m in re.finditer(_PATH, script) if not m["before"]]


def texts(value: Any) -> Iterator[str]:
    """Every text in a body of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts(one)


def addresses(reply: Reply) -> Iterator[str]:
    """What a client could take for an address: in headers, in JSON, and in the links of Atom."""
    for name in ("location", "content-location", "link", "refresh"):
        if name in reply.headers:
            yield reply.headers[name]
    media_type = reply.headers.get("content-type", "")
    if "json" in media_type:
        body = reply.body
        if isinstance(body, dict) and body.keys() & {"newer", "next_cursor"}:
            # Entries of a feed page or of a list hold no address of this service, but texts of
            # other tests.
            body = {name: one for name, one in body.items() if name not in {"items", "data"}}
        yield from (one for one in texts(body) if re.match(r"/|\?|\.\.?/|https?:", one))
    elif "xml" in media_type:
        yield from map(unescape, re.findall(r'\b(?:href|src)="([^"]*)"', reply.text))


def unsafe_in_answer(api: Api, target: str, reply: Reply) -> list[str]:
    """The addresses of an answer on this host that do not lead below the stage."""
    asked = api.base + target
    origin = urljoin(api.base, "/")
    led = [(one, urljoin(asked, one)) for one in addresses(reply)]
    return [
        one for one, to in led if to.startswith(origin) and not f"{to}/".startswith(f"{api.base}/")
    ]


@pytest.fixture(scope="module")
def staged(filled_store: Store) -> Iterator[Api]:
    with serving_stage(load_gateway(), "live") as served:
        yield served


def targets() -> Iterator[str]:
    """A path for every GET, filled with the first example of each value."""
    for path, operation, item in GETS:
        target = path
        for one in item.get("parameters", []):
            [example, *_] = one["examples"].values()
            target = target.replace(f"{{{one['name']}}}", quote(example["value"], safe=""))
        queries = [one for one in operation.get("parameters", []) if one.get("required")]
        for one in queries:
            [example, *_] = one["examples"].values()
            target += f"?{one['name']}={quote(example['value'], safe='')}"
        yield target
    yield from ("/feed/reports?limit=1", "/feed/reports.json?order=oldest_first&limit=1")
    # It needs one of several parameters; without any it is refused.
    yield "/api/reports/search?domain=evil.example"


@pytest.mark.parametrize("html", PAGES)
def test_every_address_of_a_page_begins_where_the_api_begins(html: str) -> None:
    assert unsafe_in_page(html) == []


@pytest.mark.parametrize(
    ("at", "planted", "address"),
    [
        ("<main", '<a href="/docs">API</a>', "/docs"),
        ("<main", '<a href="docs">API</a>', "docs"),
        ("<main", "<img src=logo.png>", "logo.png"),
        ("<main", '<form action="/v4/search">', "/v4/search"),
        ("<main", '<a href="https://elsewhere.example/">', "https://elsewhere.example/"),
        ("</script>", 'fetch("/openapi.json");', "/openapi.json"),
        ("</script>", "fetch('openapi.json');", "openapi.json"),
        ("</script>", 'location.href = "/docs";', "/docs"),
        ("</script>", "location.assign(`docs`);", "docs"),
        ("</script>", 'make("a", { href: "/docs" }, "API");', "/docs"),
        ("</script>", 'const where = "/v4/search";', "/v4/search"),
    ],
)
@pytest.mark.parametrize("html", PAGES)
def test_a_planted_address_is_found(html: str, at: str, planted: str, address: str) -> None:
    assert address in unsafe_in_page(html.replace(at, f"{planted}\n{at}", 1))


@pytest.mark.parametrize("accept", ["*/*", "application/atom+xml"])
@pytest.mark.parametrize("target", list(targets()))
def test_every_address_of_an_answer_leads_below_the_stage(
    staged: Api, target: str, accept: str
) -> None:
    reply = staged.ask(target, accept=accept)
    assert reply.status in {200, 302, 404, 406, 422}
    # The rest of the description is examples.
    if target == "/openapi.json":
        reply = replace(reply, text=json.dumps(reply.body["servers"]))
    assert unsafe_in_answer(staged, target, reply) == []


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"content-type": "application/json"}, '{"a": [{"next": "/feed/reports?cursor=b1"}]}'),
        ({"content-type": "application/json"}, '{"next": "../../feed/reports"}'),
        ({"content-type": "application/json"}, '{"url": "BASE/v4/filter/download"}'),
        ({"content-type": "application/json"}, '{"url": "BASE/lively/v4"}'),
        ({"content-type": "application/taxii+json;version=2.1"}, '{"api_roots": ["/taxii2/"]}'),
        ({"content-type": "application/atom+xml"}, '<feed><link href="/feed/reports"/></feed>'),
        ({"location": "/v4/exports/iocs.csv"}, ""),
    ],
)
def test_a_planted_address_in_an_answer_is_found(headers: dict[str, str], text: str) -> None:
    api = Api(80, stage="live")
    reply = Reply(200, headers, text.replace("BASE", urljoin(api.base, "/").rstrip("/")))
    assert len(unsafe_in_answer(api, "/feed/reports", reply)) == 1


def test_addresses_below_the_stage_and_elsewhere_are_left_alone() -> None:
    api = Api(80, stage="live")
    body = ["?cursor=b1", "/live/taxii2/", f"{api.base}/docs", "https://sandbox.example/uploads/1"]
    reply = Reply(200, {"content-type": "application/json"}, json.dumps(body))
    assert unsafe_in_answer(api, "/feed/reports", reply) == []
