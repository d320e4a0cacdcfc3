"""The page for people, as a browser gets it; `tests/ui` has a browser use it."""

import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from io import StringIO
from pathlib import Path
from urllib.parse import unquote

import pytest

from functions.lookup import documentation
from functions.lookup.routes import respond
from local import web
from shared.domain.indicator_types import INDICATOR_TYPES, IndicatorType
from shared.domain.verdict import Verdict
from shared.http.web import Request, Response
from tests.contract.support import Api, of_verdict
from tests.unit.lookup.test_routes import service

FILE = Path(documentation.__file__).with_name("page.html")
PAGE = FILE.read_text(encoding="utf-8")


def page(sandbox_url: str = "", **headers: str) -> Response:
    request = Request("GET", "/", "", {name.replace("_", "-"): v for name, v in headers.items()})
    return respond(replace(service(), sandbox_url=sandbox_url), request)


def digest_of(element: str, text: str) -> str:
    """Compute the hash as a browser does: over the text between the tags."""
    [content] = re.findall(f"<{element}>(.*?)</{element}>", text, re.DOTALL)
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


@pytest.mark.parametrize("name", web.PAGES)
def test_the_committed_page_is_put_together_from_its_parts(name: str) -> None:
    committed = FILE.with_name(name).read_text(encoding="utf-8")
    assert committed == web.text(name), "run: .venv/bin/python -m local web"


def test_the_command_writes_the_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {
        "index.html": (
            '<p>\n  a\n</p>\n<link rel="stylesheet" href="page.css">\n'
            '<script src="page.js"></script>\n'
        ),
        "page.css": "p {\n  margin: 0;\n}\n",
        "page.js": '// A comment.\n\nconst slash = "\\\\n";\n',
        "docs.html": "<p>b\n",
    }
    (tmp_path / "web").mkdir()
    for name, text in parts.items():
        (tmp_path / "web" / name).write_text(text)
    monkeypatch.setattr(web, "FUNCTION", tmp_path)
    monkeypatch.setattr(web, "PARTS", tmp_path / "web")
    assert web.command(StringIO()) == 0
    assert (tmp_path / "docs.html").read_text() == "<p>b\n"
    assert (tmp_path / "page.html").read_text() == (
        "<p>\na\n</p>\n<style>\np {\nmargin: 0;\n}\n</style>\n"
        '<script>\nconst slash = "\\\\n";\n</script>\n'
    )


def test_it_is_served_to_everyone_and_may_only_ask_this_api(api: Api) -> None:
    reply = api.ask("/", apikey="")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["referrer-policy"] == "no-referrer"
    policy = dict(
        part.strip().split(" ", 1) for part in reply.headers["content-security-policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": digest_of("script", reply.text),
        "style-src": digest_of("style", reply.text),
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


def test_another_sandbox_makes_another_page() -> None:
    assert page("https://sandbox.example").headers["ETag"] != page().headers["ETag"]


def test_it_is_small_when_it_is_compressed() -> None:
    packed = page().gzipped
    assert packed is not None
    assert len(packed) < 18_000


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", ""),
        ("https://sandbox.example/", "https://sandbox.example"),
        ("https://sandbox.example:8443/api?x=1", "https://sandbox.example:8443"),
        ('https://sandbox.example"><script>', "https://sandbox.example%22%3E%3Cscript%3E"),
    ],
)
def test_it_is_told_where_scans_are(url: str, told: str) -> None:
    assert f'<html lang="en" data-sandbox="{told}">\n' in str(page(url).text)


def test_it_needs_nothing_from_elsewhere() -> None:
    assert len(PAGE.encode()) < 60_000
    names = re.findall(r"https?://[^\s'\"]*", PAGE)
    # The browser does not fetch the namespace of SVG.
    assert set(names) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\bsrc=|@import|url\(|<iframe|<object|import\(|new Worker", PAGE)
    assert re.findall(r'<link rel="(\w+)" href="(\w+):', PAGE) == [("icon", "data")]


def test_it_never_reads_text_as_code() -> None:
    forbidden = (
        "innerHTML|outerHTML|insertAdjacent|document.write|\\beval|Function\\(|srcdoc|DOMParser"
        "|createContextualFragment|setHTML|javascript:| on[a-z]+=| style="
    )
    assert not re.search(forbidden, PAGE)


def test_the_key_stays_in_the_tab() -> None:
    assert set(re.findall(r"localStorage\.\w+\((\"?\w+)", PAGE)) == {'"theme'}
    assert set(re.findall(r"sessionStorage\.\w+\((\w+)", PAGE)) == {"KEY"}
    assert not re.search(r"document\.cookie|indexedDB|console\.", PAGE)
    # The history keeps the text of a look-up, and nothing else.
    kept = re.findall(r"history\.(?:push|replace)State\((\{.*?\}),", PAGE)
    assert kept == ["{ text }", '{ text: $("text").value }']


@pytest.mark.parametrize("verdict", Verdict)
def test_a_search_tells_every_verdict_by_its_name(api: Api, verdict: Verdict) -> None:
    domain = of_verdict(IndicatorType.DOMAIN, verdict)
    [row] = api.ask("/v4/search", method="POST", body={"text": domain.value}).body["data"]
    assert row["verdict"] == verdict.name


def test_it_knows_every_verdict_and_type() -> None:
    for verdict in Verdict:
        assert re.search(rf"\b{verdict.name}: \[", PAGE)
    [types] = re.findall(r'<meta name="types" id="types" content="(.*?)">', page().text or "")
    known = json.loads(unquote(types))
    assert list(known) == list(IndicatorType)
    assert [kind for kind in known if known[kind]["on"]] == list(INDICATOR_TYPES)
