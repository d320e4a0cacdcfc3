"""The generated parts of the documents are up to date, and the pages quote limits as they are."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from functions.changes.settings import ChangesSettings
from functions.export.settings import ExportSettings
from functions.filter.settings import FilterSettings
from functions.ingest.settings import IngestSettings
from functions.lookup.settings import LookupSettings
from functions.publish.settings import PublishSettings
from functions.webhook.settings import WebhookSettings
from local import environment
from local.docs import documents
from local.docs.limits import LIMITS
from local.docs.markers import generate
from local.docs.parts import PARTS
from local.errors import LocalError
from local.template import load_template
from shared.runtime.provider_settings import ProviderSettings
from tests.docs.markdown import ROOT, read


@pytest.mark.parametrize(
    "document", list(documents()), ids=lambda path: str(path.relative_to(ROOT))
)
def test_generated_parts_are_up_to_date(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert generate(text, PARTS) == text, "run `.venv/bin/python -m local docs`"


def test_every_part_is_in_a_document() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in documents())
    assert set(re.findall(r"<!-- generated: ([\w-]+) -->", texts)) == PARTS.keys()


def test_a_part_is_made_anew() -> None:
    text = "before\n<!-- generated: a -->\nold\n<!-- end -->\nafter\n"
    assert generate(text, {"a": lambda: "new\n"}) == text.replace("old", "new")


@pytest.mark.parametrize("text", ["<!-- generated: b -->\n<!-- end -->", "<!-- generated: a -->\n"])
def test_an_unknown_part_and_one_without_an_end_are_errors(text: str) -> None:
    with pytest.raises(LocalError):
        generate(text, {"a": lambda: "new\n"})


@pytest.mark.parametrize(
    ("page", "value"),
    sorted({(page, limit.value) for limit in LIMITS for page in limit.pages}),
)
def test_a_page_quotes_the_limit(page: str, value: str) -> None:
    text = " ".join(read(f"docs/{page}.md").split())
    assert re.search(rf"(?<![\w.,]){re.escape(value)}(?!\w|[.,]\d)", text), value


class Recorder(dict[str, str]):
    """An environment that remembers the names that were read."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        if name == "EXPORT_TLP":
            return "clear"
        if name == "EXPORT_LEAST_VERDICT":
            return "MALICIOUS"
        if name.startswith("HALF_LIFE_"):
            return "1"
        return "http://feed.example" if name.endswith("URL") else "1"


def read_by_functions() -> set[str]:
    recorder = Recorder()
    ExportSettings(recorder)
    FilterSettings(recorder)
    LookupSettings(recorder)
    IngestSettings(recorder)
    PublishSettings(recorder)
    ProviderSettings(recorder)
    ChangesSettings(recorder)
    WebhookSettings(recorder)
    return recorder.asked | {"SHA512"}  # read at import, by the registry of types


def read_by_local() -> set[str]:
    """Names that local code takes from the environment, without those that it only fills in."""
    found: set[str] = set()
    for path in (ROOT / "local").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case (
                    ast.Call(
                        func=ast.Attribute(value=ast.Attribute(attr="environ")), args=[name, *_]
                    )
                    | ast.Subscript(value=ast.Attribute(attr="environ"), slice=name)
                ):
                    found |= _names_in(name)
    not_ours = ("AWS_REGION", "AWS_DEFAULT_REGION", "NO_PROXY", "no_proxy", "POWERTOOLS_")
    return {name for name in found if not name.startswith(not_ours)}


def _names_in(node: ast.expr) -> set[str]:
    if isinstance(node, ast.Constant):
        return {str(node.value)}
    constant = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    value = getattr(environment, constant, None)
    return {value} if isinstance(value, str) else set()


def test_every_variable_that_is_read_is_documented() -> None:
    template = load_template()
    functions = [template["Globals"]["Function"]] + [
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]
    declared = {name for one in functions for name in one["Environment"]["Variables"]}
    declared = {name for name in declared if not name.startswith("POWERTOOLS_")}
    assert read_by_functions() | read_by_local() == declared | environment.LOCAL_VARIABLES.keys()
