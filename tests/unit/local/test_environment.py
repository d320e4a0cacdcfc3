import os

import pytest

from local import environment
from local.errors import LocalError
from local.events import FUNCTION_URL, REST


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    regions = ("AWS_REGION", "AWS_DEFAULT_REGION")
    proxies = ("NO_PROXY", "no_proxy")
    for name in (*environment.DEFAULTS, *regions, *proxies, *environment.SSM_PARAMETERS):
        monkeypatch.setenv(name, "")  # so that monkeypatch restores what prepare() sets
        monkeypatch.delenv(name)


def test_what_is_missing_is_filled_in_and_what_is_set_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TABLE_NAME", "mine")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    environment.prepare()
    assert environment.table_names() == {
        "IocTable": "mine",
        "StateTable": "ioc-reputation-state",
        "ReportTable": "ioc-reputation-reports",
    }
    assert os.environ["AWS_REGION"] == "eu-central-1"
    assert os.environ["AWS_ACCESS_KEY_ID"]


@pytest.mark.parametrize("name", environment.SSM_PARAMETERS)
def test_no_key_is_asked_from_an_account(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "/of/an/account")
    environment.prepare()
    assert os.environ[name] == ""


@pytest.mark.parametrize(
    ("before", "after"),
    [("", "127.0.0.1,localhost"), ("a.test", "a.test,127.0.0.1,localhost"), ("*", "*")],
)
def test_loopback_never_goes_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    monkeypatch.setenv("NO_PROXY", before)
    environment.prepare()
    assert os.environ["NO_PROXY"] == after


@pytest.mark.parametrize("port", ["65536", "-1", "http", "٣", "30 00"])
def test_a_port_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(LocalError, match="PORT="):
        environment.port()


def test_an_empty_port_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    assert environment.port() == 3000


@pytest.mark.parametrize("seconds", ["0", "-5", "soon", "inf", "nan"])
def test_a_budget_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, seconds: str) -> None:
    monkeypatch.setenv("RUN_BUDGET_S", seconds)
    with pytest.raises(LocalError, match="RUN_BUDGET_S="):
        environment.run_budget_s()


@pytest.mark.parametrize("endpoint", ["", "127.0.0.1:8000", "ftp://h", "http://", "http://h:x"])
def test_an_endpoint_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
    with pytest.raises(LocalError, match="AWS_ENDPOINT_URL_DYNAMODB"):
        environment.engine_endpoint()


@pytest.mark.parametrize("feed_url", ["", "feed/reports", "file:///feed", "http://[::1"])
def test_a_feed_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, feed_url: str) -> None:
    monkeypatch.setenv("FEED_URL", feed_url)
    with pytest.raises(LocalError, match="FEED_URL"):
        environment.require_feed_url()


def test_the_front_is_that_of_the_template_unless_another_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FRONT", "")
    assert environment.front() is REST
    monkeypatch.setenv("FRONT", "function-url")
    assert environment.front() is FUNCTION_URL
    monkeypatch.setenv("FRONT", "http-api")
    with pytest.raises(LocalError, match="rest or function-url"):
        environment.front()
