"""The document that describes the API: it is complete, it is current, and it can be read."""

import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from local import openapi
from local.errors import LocalError
from local.openapi import ROUTES
from local.openapi_models import annotations as annotation_models
from local.openapi_models import explanation as explanation_models
from local.openapi_models import exports as export_models
from local.openapi_models import feed as feed_models
from local.openapi_models import sandbox as sandbox_models
from local.openapi_models import v4 as models
from shared.formats.feed import atom
from shared.http import errors
from shared.http.api_error import is_sandbox_path, is_taxii_path
from tests.contract.support import Api

DOCUMENT = json.loads(openapi.DOCUMENT.read_text(encoding="utf-8"))
OPERATIONS = [
    (method, path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method != "parameters"
]
PAGE = openapi.DOCUMENT.with_name("docs.html").read_text(encoding="utf-8")


def resolved(response: Any) -> Any:
    if "$ref" not in response:
        return response
    return DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]


def test_refusals_have_the_shape_of_their_api() -> None:
    for _, path, operation in OPERATIONS:
        model = "Refusal" if is_sandbox_path(path) else "Error"
        model = "TaxiiError" if is_taxii_path(path) else model
        for status, response in operation["responses"].items():
            if status not in {"200", "302", "304"}:
                [content] = resolved(response)["content"].values()
                assert content["schema"]["$ref"].endswith(f"/{model}"), (path, status)


def test_the_committed_document_is_the_generated_one() -> None:
    committed = openapi.DOCUMENT.read_text(encoding="utf-8")
    assert committed == openapi.text(), "run: .venv/bin/python -m local openapi"


def test_the_command_writes_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openapi, "ROOT", tmp_path)
    monkeypatch.setattr(openapi, "DOCUMENT", tmp_path / "openapi.json")
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "9.9.9"\n')
    out = StringIO()
    assert openapi.command(out) == 0
    assert out.getvalue() == "openapi.json\n"
    written = json.loads((tmp_path / "openapi.json").read_text(encoding="utf-8"))
    assert written["info"]["version"] == "9.9.9"


def test_a_route_that_is_not_documented_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    new = replace(ROUTES[0], path="/v4/new")
    monkeypatch.setattr(openapi, "ROUTES", (*ROUTES, new))
    with pytest.raises(LocalError, match="/v4/new"):
        openapi.document()


def test_a_documented_operation_without_a_route_is_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openapi, "ROUTES", ROUTES[1:])
    with pytest.raises(LocalError, match=ROUTES[0].template):
        openapi.document()


def test_every_error_of_the_table_is_documented() -> None:
    documented = {
        name
        for _, _, operation in OPERATIONS
        for response in operation["responses"].values()
        for content in resolved(response).get("content", {}).values()
        for name in content.get("examples", {})
    }
    of_the_table = {name.lower() for name in vars(errors) if name.isupper()}
    # Not a route, so the document has no operation for it.
    assert of_the_table - documented == {"no_such_endpoint"}


MODULES_OF_MODELS = (
    models,
    sandbox_models,
    feed_models,
    export_models,
    explanation_models,
    annotation_models,
)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_every_example_is_what_its_model_says(method: str, path: str, operation: Any) -> None:
    for status, response in operation["responses"].items():
        for media_type, content in resolved(response).get("content", {}).items():
            for name, example in content.get("examples", {}).items():
                if media_type == "application/atom+xml":
                    [read] = atom.read(example["value"].encode()).reports
                    feed_models.FeedReport.model_validate_json(json.dumps(read))
                    continue
                name_of_model = content["schema"]["$ref"].rpartition("/")[2]
                [model] = {
                    vars(module)[name_of_model]
                    for module in MODULES_OF_MODELS
                    if name_of_model in vars(module)
                }
                assert model.model_validate_json(json.dumps(example["value"])), (status, name)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_only_an_open_route_does_without_a_key(
    api: Api, method: str, path: str, operation: Any
) -> None:
    open_ = operation.get("security") == []
    assert (api.ask(path, method=method.upper(), apikey="").status == 401) == (not open_)
    assert ("401" in operation["responses"]) == (not open_)


def test_names_of_operations_are_unique() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere() -> None:
    references = set(re.findall(r'"#/components/(\w+)/([\w-]+)"', json.dumps(DOCUMENT)))
    assert references
    for kind, name in references:
        assert name in DOCUMENT["components"][kind]
    held = {(k, n) for k in ("schemas", "responses", "headers") for n in DOCUMENT["components"][k]}
    assert held == references


def test_docs_holds_the_same_document() -> None:
    link = openapi.ROOT / "docs" / "openapi.json"
    assert link.is_symlink()
    assert link.resolve() == openapi.DOCUMENT


def test_the_document_is_served_to_everyone(api: Api) -> None:
    reply = api.ask("/openapi.json", apikey="")
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert reply.body == DOCUMENT
    # People do not read it as sent, so it is sent without spaces and line breaks.
    assert reply.text == json.dumps(DOCUMENT, ensure_ascii=False, separators=(",", ":"))


def test_the_page_is_served_to_everyone_and_may_do_nothing_but_show_the_document(
    api: Api,
) -> None:
    reply = api.ask("/docs", apikey="")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.text == PAGE
    policy = dict(
        part.strip().split(" ", 1) for part in reply.headers["content-security-policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": digest_of("script"),
        "style-src": digest_of("style"),
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


def digest_of(element: str) -> str:
    """Compute the hash as a browser does: over the text between the tags."""
    start = PAGE.index(f"<{element}>") + len(element) + 2
    content = PAGE[start : PAGE.index(f"</{element}>", start)]
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


def test_the_page_needs_nothing_from_elsewhere() -> None:
    assert not re.search(r"https?:|src=|@import|url\(|<iframe", PAGE)
    # Without an icon a browser asks the host for one, outside of the stage.
    assert re.findall("<link [^>]*>", PAGE) == ['<link rel="icon" href="data:,">']
    assert len(PAGE) < 20_000


def test_the_page_never_reads_text_as_code() -> None:
    forbidden = (
        "innerHTML|outerHTML|insertAdjacent|document.write|eval|Function\\(|srcdoc|DOMParser"
        "|createContextualFragment|setHTML|javascript:| on[a-z]+=| style="
    )
    assert not re.search(forbidden, PAGE)
    # Each address begins where the API does, and leads to no other host.
    assert set(re.findall(r"[^\w]link\(([^,]*),", PAGE)) == {
        'base + "/#search"',
        'base + "/openapi.json"',
        '"#" + idOf(title)',
        '"#schema-" + nameOf(schema.$ref)',
    }
    assert set(re.findall(r"\bhref: ([^,} ]+)", PAGE)) == {"target"}
