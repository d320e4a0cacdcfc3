"""The sandbox's own reputation API: its shape in two vintages, and what its clients read of it.

The golden bodies are composed: keys, types and spellings are those of the sandbox's answers of 2023
and of 2025, the values are made up.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from pydantic import BaseModel

from functions.lookup.reputation_bodies import reputation_report
from local.openapi_models import sandbox as models
from shared.domain.indicator import IndicatorType, parse_query
from shared.domain.moment import read_moment
from shared.domain.verdict import Verdict
from tests.builders import reputation
from tests.contract.support import Api, Reply, of_verdict
from tests.ingestion import NOW

GOLDEN = sorted((Path(__file__).parent / "golden").glob("reputation_*.json"))
# Absent without a source that has a verdict; every known client does without them.
OPTIONAL = {"mdcloud", "fuzzyhash", "community"}

KINDS = {
    "hash": IndicatorType.SHA256,
    "ip": IndicatorType.IP,
    "domain": IndicatorType.DOMAIN,
    "url": IndicatorType.URL,
}
REPORTS: dict[str, type[BaseModel]] = {
    "hash": models.HashReputation,
    "ip": models.IpReputation,
    "domain": models.DomainReputation,
    "url": models.UrlReputation,
}
BULK: dict[str, type[BaseModel]] = {
    "hash": models.HashReputations,
    "ip": models.IpReputations,
    "domain": models.DomainReputations,
    "url": models.UrlReputations,
}
UNKNOWN = {
    "hash": "0" * 64,
    "ip": "2001:db8::99",
    "domain": "never.seen.example",
    "url": "ftp://never.example/?a=b&c=d",
}
INVALID = ["", "?", "a b", "\ud800", "x" * 9000]


def get(api: Api, kind: str, value: str, **headers: str) -> Reply:
    query = urlencode({"sha256" if kind == "hash" else "ioc_value": value})
    return api.ask(f"/api/reputation/{kind}?{query}", **headers)


def post(api: Api, kind: str, values: Any) -> Reply:
    return api.ask(f"/api/reputation/{kind}", method="POST", body=values)


def assert_is(reply: Reply, model: type[BaseModel], status: int = 200) -> None:
    assert reply.status == status, reply.text
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    model.model_validate_json(reply.text)


# What the sandbox itself answers.


def answered_like(theirs: Any) -> Any:
    """What this service answers when it knows what the golden body knows."""
    [report] = theirs["filescan_reports"]
    kind = IndicatorType(theirs.get("ioc_type", "sha256"))
    question = parse_query(kind, theirs.get("ioc_value") or theirs["sha256"])
    known = reputation(
        question.indicator,
        seen_at=read_moment(report["report_date"], NOW),
        verdict=Verdict[report["verdict"].upper()],
        flow_id=report.get("flow_id", "a-flow"),
        report_id=report["report_id"],
    )
    return reputation_report(question, known)


@pytest.fixture(params=GOLDEN, ids=lambda path: path.stem)
def theirs(request: pytest.FixtureRequest) -> Any:
    return json.loads(request.param.read_text(encoding="utf-8"))


def test_an_answer_has_every_key_that_is_not_optional(theirs: Any) -> None:
    ours = answered_like(theirs)
    assert theirs.keys() - OPTIONAL == ours.keys()
    for key in ours:
        assert type(ours[key]) is type(theirs[key]), key
        if isinstance(ours[key], str):
            assert ours[key] == theirs[key]
    [report], [other] = ours["filescan_reports"], theirs["filescan_reports"]
    assert other.keys() <= report.keys() == {"verdict", "report_id", "report_date", "flow_id"}
    # The sandbox has changed how it spells this date; here it is spelled as everywhere else.
    for key in other.keys() - {"report_date"}:
        assert report[key] == other[key]
    assert read_moment(report["report_date"], NOW) == read_moment(other["report_date"], NOW)


# What clients read.


def mcp(body: Any) -> tuple[str, list[str]]:
    # Its models are typed: these have to be there, the others may.
    reports = body["filescan_reports"]
    assert isinstance(reports, list)
    texts = [body["sha256"]] if "sha256" in body else [body["ioc_type"], body["ioc_value"]]
    for report in reports:
        texts += [report["verdict"], report["report_id"]]
        texts += [report[key] for key in ("report_date", "flow_id") if key in report]
    assert all(isinstance(text, str) for text in texts)
    known = {"benign", "unknown", "no_threat", "suspicious", "likely_malicious", "malicious"}
    assert {body["overall_verdict"], *(report["verdict"] for report in reports)} <= known
    return body["overall_verdict"], [report["verdict"] for report in reports]


def soar(body: Any) -> tuple[str, list[str]]:
    first = body["filescan_reports"][:10] if body.get("filescan_reports") else []
    return body.get("overall_verdict", "unknown"), [report["verdict"] for report in first]


def command_line(body: Any) -> tuple[str, list[str]]:
    # It shows what is there, a report in a row, and a list of answers as a table.
    rows = [list(report.values()) for report in body["filescan_reports"]]
    assert all(isinstance(cell, str) for row in rows for cell in row)
    return body["overall_verdict"], [report["verdict"] for report in body["filescan_reports"]]


def script(body: Any) -> tuple[str, list[str]]:
    # The first report speaks for all; one without a name is not asked for.
    reports = body.get("filescan_reports", [])
    verdict = reports[0].get("verdict", "N/A") if reports else "unknown"
    assert not reports or reports[0].get("report_id") is not None
    return verdict, [verdict] if reports else []


READERS = [mcp, soar, command_line, script]


@pytest.mark.parametrize("read", READERS)
def test_readers_take_the_sandbox_and_this_service_for_the_same(
    read: Callable[[Any], object], theirs: Any
) -> None:
    assert read(answered_like(theirs)) == read(theirs)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("kind", KINDS)
def test_readers_of_a_reputation(api: Api, read: Callable[[Any], object], kind: str) -> None:
    for verdict in Verdict:
        name = verdict.name.lower()
        assert read(get(api, kind, of_verdict(KINDS[kind], verdict).value).body) == (name, [name])
    assert read(get(api, kind, UNKNOWN[kind]).body) == ("unknown", [])


@pytest.mark.parametrize("kind", KINDS)
def test_readers_of_bulk_answers(api: Api, kind: str) -> None:
    # Rows are matched with what was asked by their place.
    known = [of_verdict(KINDS[kind], verdict).value for verdict in Verdict]
    rows = post(api, kind, [*known, UNKNOWN[kind]]).body
    verdicts = [mcp(row)[0] for row in rows]
    assert verdicts == [*(verdict.name.lower() for verdict in Verdict), "unknown"]


def test_what_the_feed_says_of_a_report_is_found(api: Api) -> None:
    first, *others = get(api, "domain", "evil.example").body["filescan_reports"]
    assert [one["report_date"] for one in others] == ["2025-04-22T11:11:11.111Z"]
    assert first == {
        "verdict": "malicious",
        "report_id": "4c1a0000-0000-4000-8000-000000000020",
        "report_date": "2025-06-01T08:00:00.000Z",
        "flow_id": "66b3763be7dbbbdfcd0a0014",
    }


# The examples of the models.


@pytest.mark.parametrize("kind", KINDS)
def test_reputations_are_as_documented(api: Api, kind: str) -> None:
    values = [of_verdict(KINDS[kind], verdict).value for verdict in Verdict]
    for value in (*values, UNKNOWN[kind]):
        assert_is(get(api, kind, value), REPORTS[kind])
    reply = post(api, kind, [*values, UNKNOWN[kind], *INVALID])
    assert_is(reply, BULK[kind])
    assert [row["overall_verdict"] for row in reply.body][5:] == ["unknown"] * (1 + len(INVALID))


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/api/reputation/hash?sha256=xyz", {}, 400),
        ("GET", "/api/reputation/ip?ioc_value=xyz", {}, 400),
        ("POST", "/api/reputation/url", {"body": {"url": ["x"]}}, 400),
        ("GET", "/api/reputation/ip?ioc_value=192.0.2.1", {"apikey": ""}, 401),
        ("GET", "/api/reputation/ip?ioc_value=192.0.2.1", {"apikey": "another"}, 401),
        ("GET", "/api/nothing", {}, 404),
        ("PUT", "/api/reputation/ip", {}, 405),
        ("GET", "/api/reputation/domain", {}, 422),
        ("POST", "/api/reputation/domain", {"body": []}, 422),
        ("POST", "/api/reputation/domain", {"body": [1]}, 422),
    ],
)
def test_refusals(api: Api, method: str, path: str, sent: dict[str, Any], status: int) -> None:
    assert_is(api.ask(path, method=method, **sent), models.Refusal, status)


@pytest.mark.parametrize("name", ["X-Api-Key", "x-api-key", "X-API-KEY"])
@pytest.mark.parametrize("path", ["/api/reputation/domain?ioc_value=evil.example", "/v4/apikey"])
def test_the_key_is_taken_from_the_sandboxs_header(api: Api, path: str, name: str) -> None:
    assert api.ask(path, apikey="", **{name: api.key}).status == 200
    assert api.ask(path, apikey="", **{name: "wrong"}).status == 401


def test_no_answer_may_lack_a_key() -> None:
    answers: list[type[BaseModel]] = [*REPORTS.values(), models.FilescanReport, models.Refusal]
    for model in answers:
        may_lack = {name for name, field in model.model_fields.items() if not field.is_required()}
        assert may_lack <= {"overruled_by", "overruled_verdict", "mdcloud"}
