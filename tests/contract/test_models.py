"""What the routes answer, held against the strict models of it."""

import itertools
import subprocess
import sys
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from functions.lookup.apikey_bodies import key_info, limits_remaining, limits_used
from local.openapi_models import sandbox
from local.openapi_models import v4 as models
from shared.domain.indicator import HASH_TYPES, IndicatorType
from shared.domain.provider import SANDBOX_PROVIDER
from shared.domain.verdict import Verdict
from shared.store.api_keys import ALL_RIGHTS
from tests.contract.support import KEY, Api, Reply, of_verdict

ADDRESSES = (IndicatorType.IP, IndicatorType.DOMAIN, IndicatorType.URL)
REPORTS: dict[str, type[BaseModel]] = {
    "ip": models.IpReport,
    "domain": models.DomainReport,
    "url": models.UrlReport,
}
BULK: dict[str, tuple[str, type[BaseModel]]] = {
    "ip": ("address", models.BulkIpAnswer),
    "domain": ("fqdn", models.BulkDomainAnswer),
    "url": ("url", models.BulkUrlAnswer),
}
DIGEST_OWNERS = ("_FileDigests", "FileInfo", "ScanHistory", "SandboxReport")
PROVIDER_ROWS = ("ProviderSource", "IpProviderSource", "DomainProviderSource")
UNKNOWN = {"ip": "2001:db8::99", "domain": "never.seen.example", "url": "ftp://never.example/"}
INVALID = {"ip": ["", "1.2.3", "\ud800"], "domain": ["", "-", "é"], "url": ["", "x:y", "a b"]}


def assert_is(reply: Reply, model: type[BaseModel], status: int = 200) -> None:
    assert reply.status == status, reply.text
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    model.model_validate_json(reply.text)


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("kind", sorted(HASH_TYPES))
@pytest.mark.parametrize(
    ("sub_report", "model"),
    [
        ("", models.HashReport),
        ("/badge", models.HashReport),
        ("/scanhistory", models.ScanHistory),
        ("/sandbox", models.SandboxReport),
    ],
)
def test_reports_of_known_hashes(
    api: Api, sub_report: str, model: type[BaseModel], kind: IndicatorType, verdict: Verdict
) -> None:
    assert_is(api.ask(f"/v4/hash/{of_verdict(kind, verdict).value}{sub_report}"), model)


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("kind", ADDRESSES)
def test_reports_of_known_addresses(api: Api, kind: IndicatorType, verdict: Verdict) -> None:
    reply = api.look_up(kind, of_verdict(kind, verdict).value)
    assert_is(reply, REPORTS[kind])
    assert reply.body["lookup_results"]["sources"][0]["verdict"] == verdict.name


@pytest.mark.parametrize("kind", ADDRESSES)
def test_reports_of_unknown_addresses(api: Api, kind: IndicatorType) -> None:
    assert_is(api.look_up(kind, UNKNOWN[kind]), REPORTS[kind])


@pytest.mark.parametrize("details", ["0", "1"])
def test_bulk_rows_of_hashes(api: Api, details: str) -> None:
    known = [
        of_verdict(kind, verdict).value.lower()
        for kind, verdict in itertools.product(sorted(HASH_TYPES), Verdict)
    ]
    asked = [*known, "0" * 40, "no hash", "", "é\ud800"]
    reply = api.ask("/v4/hash", method="POST", body={"hash": asked}, includescandetails=details)
    assert_is(reply, models.BulkHashAnswer)
    rows = reply.body["data"]
    assert [row["scan_result_i"] for row in rows] == [0, 0, 2, 1, 1] * 3 + [5] * 4
    assert all(bool(row["scan_details"]) == (details == "1") for row in rows[: len(known)])


@pytest.mark.parametrize("kind", ADDRESSES)
def test_bulk_rows_of_addresses(api: Api, kind: IndicatorType) -> None:
    name, model = BULK[kind]
    known = [of_verdict(kind, verdict).value for verdict in Verdict]
    asked = [*known, UNKNOWN[kind], *INVALID[kind]]
    reply = api.ask(f"/v4/{kind}", method="POST", body={name: asked})
    assert_is(reply, model)
    rows = reply.body["data"]
    assert [row["success"] for row in rows] == [True] * 6 + [False] * len(INVALID[kind])
    assert [row["lookup_results"]["detected_by"] for row in rows[:6]] == [0, 0, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v4/apikey", models.KeyInfo),
        ("/v4/apikey/", models.KeyInfo),
        (f"/v4/apikey/{KEY}", models.KeyInfo),
        ("/v4/apikey/limits", models.LimitsUsed),
        ("/v4/apikey/limits/status", models.LimitsRemaining),
        ("/health", models.Health),
        ("/api/users/me", sandbox.Sender),
        ("/api/system/info", sandbox.System),
        ("/v4/status/version", models.Version),
        ("/v4/status/providers", models.Providers),
        ("/v4/status/feed", models.Feeds),
        ("/v4/filter", models.Filter),
    ],
)
def test_what_is_told_of_the_key_and_the_service(
    api: Api, path: str, model: type[BaseModel]
) -> None:
    assert_is(api.ask(path), model)


def test_how_the_feed_was_read_last(api: Api) -> None:
    [feed] = api.ask("/v4/status/feed").body["feeds"]
    assert (feed["complete"], feed["stale"], feed["stopped"], feed["left"]) == (True, False, "", 0)
    assert feed["last_run"] == feed["last_complete"] > feed["newest_report"] > "2025"
    assert feed["lag_s"] > feed["age_s"]


def test_where_the_filter_is(api: Api) -> None:
    reply = api.ask("/v4/filter/download")
    assert_is(reply, models.FilterLink, 302)
    assert reply.headers["location"] == reply.body["url"]
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/v4/hash/xyz", {}, 400),
        ("GET", "/v4/ip/xyz", {}, 400),
        ("GET", "/v4/domain/xyz", {}, 400),
        ("GET", "/v4/url/mailto:a@b.example", {}, 400),
        ("POST", "/v4/hash", {"body": {}}, 400),
        ("POST", "/v4/hash", {"body": []}, 400),
        ("POST", "/v4/hash", {"body": {"hash": ["0"]}, "includescandetails": "2"}, 400),
        ("POST", "/v4/url/", {"body": {"url": "x"}}, 400),
        ("GET", "/v4/domain/evil.example", {"apikey": ""}, 401),
        ("GET", "/v4/domain/evil.example", {"apikey": "another"}, 401),
        ("GET", "/v4/hash/" + "0" * 32, {}, 404),
        ("GET", "/v4/nothing", {}, 404),
        ("GET", "/v4/apikey/another", {}, 404),
        ("PUT", "/v4/hash", {}, 405),
        ("DELETE", "/docs", {}, 405),
    ],
)
def test_refusals(api: Api, method: str, path: str, sent: dict[str, Any], status: int) -> None:
    reply = api.ask(path, method=method, **sent)
    assert_is(reply, models.Error, status)
    assert str(reply.body["error"]["code"]).startswith(str(404 if status == 405 else status))


def test_the_models_are_strict() -> None:
    version = {"version": "4"}
    models.Version.model_validate(version)
    for broken in ({}, version | {"more": 1}, {"version": 4}, {"version": None}):
        with pytest.raises(ValidationError):
            models.Version.model_validate(broken)


def test_a_row_of_the_sandbox_does_not_pass_for_one_of_another_provider() -> None:
    row = {"assessment": "", "detect_time": "", "update_time": "", "status": 5}
    models.ProviderSource.model_validate({"provider": "blocklist.de", **row})
    with pytest.raises(ValidationError):
        models.ProviderSource.model_validate({"provider": SANDBOX_PROVIDER, **row})


def test_what_is_told_of_keys_with_other_limits() -> None:
    """Pure functions make these bodies: no second key has to be made for it."""
    for minute_limit, daily_limit, expires in itertools.product((0, 10), (0, 4000), (0, 2**40)):
        info = key_info(
            name="n",
            short_digest="0" * 12,
            created=0,
            expires=expires,
            daily_limit=daily_limit,
            minute_limit=minute_limit,
            rights=ALL_RIGHTS,
        )
        models.KeyInfo.model_validate(info)
        models.LimitsRemaining.model_validate(limits_remaining(daily_limit, 0))
    models.LimitsUsed.model_validate(limits_used(0))


def test_only_what_there_is_none_of_may_be_absent() -> None:
    answers = [
        model
        for model in vars(models).values()
        if isinstance(model, type) and issubclass(model, models.ResponseBody)
    ]
    assert len(answers) > 20
    assert {
        (model.__name__, name)
        for model in answers
        for name, field in model.model_fields.items()
        if not field.is_required()
    } == {
        *((body, "sha512") for body in DIGEST_OWNERS),
        *(
            (model.__name__, name)
            for model in (models.Evidence, models.ExplainedEvidence)
            for name in ("name", "flow_id", "sender", "decides", "echo")
        ),
        ("FileReputation", "confidence_level"),
        ("KeyInfo", "limit_reputation"),
        ("KeyInfo", "throttling_limit"),
        ("LimitsRemaining", "reputation_api"),
        ("ProviderResult", "list"),
        *((row, name) for row in PROVIDER_ROWS for name in ("category", "list")),
        *((row, "matched") for row in ("KnownSource", *PROVIDER_ROWS)),
        *(
            (model.__name__, name)
            for model in answers
            if issubclass(model, models.MayBeOverruled)
            for name in ("overruled_by", "overruled_verdict")
        ),
        *(
            (model.__name__, name)
            for model in answers
            if issubclass(model, models.MayBeByAnalyst)
            for name in ("verdict", "reason", "expires")
        ),
        ("IpProviderSource", "network"),
        ("DomainProviderSource", "listed_name"),
    }


def test_a_look_up_imports_no_model() -> None:
    code = "import functions.lookup.app, sys; print([n for n in sys.modules if '.models' in n])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "shared." not in done.stdout
