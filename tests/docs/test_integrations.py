"""The recipes of docs/integrations, run against the API; and the tests that they name are there."""

import importlib.util
import json
import re
import shlex
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from local.environment import DEFAULT_API_KEY
from local.feed import SAMPLE_HASH
from local.handlers import load_gateway
from shared.http.web import read_request
from tests.contract.support import Api, serving
from tests.docs.conftest import Ask
from tests.docs.markdown import ROOT, blocks, links, names, read, table
from tests.docs.test_readme import LOCAL_API, curl_lines, read_curl
from tests.docs.test_reliability import defined_in

FOLDER = "docs/integrations"
INDEX = read(f"{FOLDER}/README.md")
ROWS = table(INDEX, "Consumer", "Recipe", "How far it was tried", "Shown by")


@pytest.fixture
def api(summary: dict[str, Any]) -> Iterator[Api]:
    """The API over the sample feed, on a port."""
    with serving(load_gateway()) as served:
        yield served


def test_every_recipe_is_in_the_index_and_says_how_far_it_was_tried() -> None:
    assert all(all(row) for row in ROWS)
    pages = {path.name for path in (ROOT / FOLDER).glob("*.md")}
    linked = {link.partition("#")[0] for _, recipe, _, _ in ROWS for link in links(recipe)}
    assert linked == pages - {"README.md"} | {"../events.md"}
    for _, recipe, tried, _ in ROWS:
        [page] = links(recipe)
        path = ROOT / FOLDER / page.partition("#")[0]
        # Who reads the page only shall not believe more than who reads the index.
        if "done again" in tried or "read in the gate" in tried:
            assert "Not tried here: " in path.read_text(encoding="utf-8"), page


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_test_that_is_named_is_there(row: list[str]) -> None:
    for name in names(row[-1]):
        path, _, test = name.partition("::")
        assert test in defined_in(path), name


def test_every_curl_line_answers(ask: Ask) -> None:
    lines = [
        line for one in blocks(read(f"{FOLDER}/curl.md"), "sh") for line in curl_lines(one.text)
    ]
    assert len(lines) >= 7
    for line in lines:
        answer = ask(read_curl(line))
        assert answer.status == 200, line
        assert re.search(b"66b3763be7dbbbdfcd0[ab]00", answer.body), f"finds nothing: {line}"


def test_python_examples_print_what_is_shown(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    document = read(f"{FOLDER}/python.md")
    examples, shown = blocks(document, "python"), blocks(document, "text")
    assert len(examples) == len(shown) == 2
    api.ask("/health")  # the first request writes metrics, which go to stdout, too
    for example, expected in zip(examples, shown, strict=True):
        assert DEFAULT_API_KEY in example.text
        code = example.text.replace(f"http://{LOCAL_API}", api.base)
        capsys.readouterr()
        exec(compile(code, "docs/integrations/python.md", "exec"), {})  # noqa: S102
        assert capsys.readouterr().out == expected.text


@pytest.fixture
def misp() -> ModuleType:
    """The module, loaded from its file as misp-modules does."""
    path = ROOT / FOLDER / "ioc_reputation.py"
    spec = importlib.util.spec_from_file_location("ioc_reputation", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def enrich(misp: ModuleType, api: Api, **attribute: str) -> Any:
    config = {"url": f"{api.base}/v4", "apikey": DEFAULT_API_KEY}
    return misp.handler(q=json.dumps({"module": "ioc_reputation", "config": config, **attribute}))


def test_misp_module_answers_an_attribute(misp: ModuleType, api: Api) -> None:
    [shown] = blocks(read(f"{FOLDER}/misp.md"), "text")
    line = shown.text.rstrip("\n")
    known = {
        "sha256": SAMPLE_HASH,
        "ip-dst": "203.0.113.7",
        "domain": "evil.example",
        "hostname": "evil.example",
        "url": "http://evil.example/",
        "filename|sha256": f"a|b.exe|{SAMPLE_HASH}",
        "ip-src|port": "203.0.113.7|443",
        "hostname|port": "evil.example|8080",
    }
    for kind, value in known.items():
        [result] = enrich(misp, api, **{kind: value})["results"]
        assert result == {"types": ["text"], "values": [line]}, kind
    for kind, value in {
        "md5": "0" * 32,
        "ip-src": "192.0.2.99",
        "link": "http://a.example",
    }.items():
        [result] = enrich(misp, api, **{kind: value})["results"]
        assert result["values"] == ["not known"], kind
    assert set(known) <= set(misp.introspection()["input"])
    assert misp.version()["config"] == ["url", "apikey"]


def test_misp_module_asks_for_a_url_in_a_body_that_no_gateway_changes(
    misp: ModuleType, summary: dict[str, Any]
) -> None:
    asked = []
    gateway = load_gateway()

    def recording(event: dict[str, Any], context: Any) -> Any:
        asked.append(read_request(event))
        return gateway(event, context)

    url = "http://evil.example:80/Payload/Stage2.BIN?ID=7"
    with serving(recording) as api:
        [result] = enrich(misp, api, url=url)["results"]
    assert "MALICIOUS" in result["values"][0]
    [request] = asked
    assert (request.method, request.path) == ("POST", "/v4/url")
    assert json.loads(request.body) == {"url": [url]}


def test_misp_module_says_what_is_wrong(misp: ModuleType, api: Api) -> None:
    assert misp.handler() is False
    assert "no type" in enrich(misp, api, email="a@b.example")["error"]
    assert "Set url" in misp.handler(q='{"domain": "evil.example"}')["error"]
    assert "not valid" in enrich(misp, api, sha256="no hash")["error"]
    assert "Provide a URL" in enrich(misp, api, url="mailto:a@b.example")["error"]

    def asked(**config: str) -> str:
        config = {"url": f"{api.base}/v4", "apikey": DEFAULT_API_KEY} | config
        error: str = misp.handler(q=json.dumps({"config": config, "sha256": "0" * 64}))["error"]
        return error

    assert "Invalid API key" in asked(apikey="wrong")
    # The address without its end is not read as an unknown hash.
    assert "Endpoint not found" in asked(url=api.base)
    assert "did not answer" in asked(url="http://127.0.0.1:9")


def test_misp_question_is_one_that_the_module_understands(misp: ModuleType, api: Api) -> None:
    lines = [
        one for block in blocks(read(f"{FOLDER}/misp.md"), "sh") for one in block.text.splitlines()
    ]
    [line] = [one for one in lines if one.startswith("curl ")]
    words = shlex.split(line)
    question = words[words.index("-d") + 1].replace(f"http://{LOCAL_API}", api.base)
    assert misp.handler(q=question)["results"]
    assert json.loads(question)["module"] == "ioc_reputation"
