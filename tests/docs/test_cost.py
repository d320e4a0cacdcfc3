"""docs/cost.md is what the script makes of what was measured, and of the template's memory."""

import re

from benchmarks import cost
from functions.lookup.routes import ROUTES
from local.template import load_template
from tests.docs.markdown import read, table

DOCS = cost.DOCUMENT.parent


def test_document_follows_from_what_was_measured() -> None:
    measured = cost.read_measured(cost.MEASURED.read_text(encoding="utf-8"))
    assert read("docs/cost.md") == cost.document(measured)


def test_memory_is_that_of_the_template() -> None:
    template = load_template()
    functions = {
        name: template["Resources"][f"{name}Function"]["Properties"]["MemorySize"]
        for name in ("Ingest", "Publish", "Providers")
    }
    assert functions == {
        "Ingest": cost.INGEST_MB,
        "Publish": cost.PUBLISH_MB,
        "Providers": cost.PROVIDERS_MB,
    }
    assert template["Parameters"]["LookupMemorySize"]["Default"] == cost.LOOKUP_MB
    assert template["Parameters"]["Schedule"]["Default"] == "rate(15 minutes)"


def test_throttles_are_those_of_the_template() -> None:
    template = load_template()
    first, *documents = template["Resources"]["Api"]["Properties"]["MethodSettings"]
    assert (first["ResourcePath"], first["HttpMethod"]) == ("/*", "*")
    assert first["ThrottlingRateLimit"] == {"Ref": "RequestsPerSecond"}
    assert template["Parameters"]["RequestsPerSecond"]["Default"] == cost.REQUESTS_S
    rates = {
        f"{one['HttpMethod']} {one['ResourcePath'].replace('~1', '')}": one["ThrottlingRateLimit"]
        for one in documents
        if one["HttpMethod"] == "GET"
    }
    assert rates == dict.fromkeys(cost.OPEN_DOCUMENTS, cost.DOCUMENT_REQUESTS_S)


def test_every_open_route_is_measured() -> None:
    measured = cost.read_measured(cost.MEASURED.read_text(encoding="utf-8"))
    opened = {f"GET {route.template}" for route in ROUTES if route.open}
    assert opened <= measured.without_key.keys()
    for work in measured.without_key.values():
        assert work.requests
        assert work.cpu_us
        assert work.answer_bytes


def test_every_ceiling_is_in_the_report() -> None:
    rows = table(read("docs/benchmarks.md"), "#", "What", "Ceiling", "Aim", "Measured", "Result")
    assert [row[0] for row in rows] == [f"P{number}" for number in (*range(1, 13), 14, 15)]
    for number, *_, figure, result in rows:
        assert re.search(r"\d|not measured", figure), number
        assert re.match(r"met|\*\*not met\*\*|not measured", result), number


def test_plots_are_there_small_and_told_in_words() -> None:
    images = re.findall(r"!\[(.*)\]\((.*)\)", read("docs/benchmarks.md"))
    drawn = {path.name for path in (DOCS / "benchmarks").iterdir()}
    assert {path for _, path in images} == {f"benchmarks/{name}" for name in drawn}
    for words, path in images:
        assert len(words) > 20, path
        assert (DOCS / path).stat().st_size < 100_000, path


def test_the_peers_are_in_the_report() -> None:
    rows = [
        line for line in read("docs/benchmarks.md").splitlines() if line.startswith("| FastAPI")
    ]
    assert {row.split(" | ")[0].strip("| ") for row in rows} >= {
        "FastAPI + SQLite",
        "FastAPI + Redis",
    }
