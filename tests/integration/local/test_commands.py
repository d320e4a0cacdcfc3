"""What a wrong environment costs: one line and exit status 2, never a traceback."""

import socket
import subprocess

import pytest

from tests.command_line import run_local


def assert_told(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize("command", ["tables", "api"])
def test_no_engine_named(command: str) -> None:
    assert_told(run_local(command, PORT="0"), "AWS_ENDPOINT_URL_DYNAMODB is not set")


@pytest.mark.parametrize("command", ["tables", "ingest", "api", "up"])
def test_no_engine_there(command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        endpoint = f"http://127.0.0.1:{gone.getsockname()[1]}"
    result = run_local(
        command,
        PORT="0",
        FEED_URL="http://127.0.0.1:9/feed",
        AWS_ENDPOINT_URL_DYNAMODB=endpoint,
    )
    assert_told(result, endpoint)


def test_no_sandbox_named(engine: str) -> None:
    assert_told(run_local("poll", AWS_ENDPOINT_URL_DYNAMODB=engine), "SANDBOX_URL is not set")


def test_a_sandbox_that_is_none(engine: str) -> None:
    result = run_local("poll", SANDBOX_URL="ftp://s.example", AWS_ENDPOINT_URL_DYNAMODB=engine)
    assert_told(result, "SANDBOX_URL")


def test_no_feed_named(engine: str) -> None:
    assert_told(run_local("ingest", AWS_ENDPOINT_URL_DYNAMODB=engine), "FEED_URL is not set")


def test_no_tables(engine: str) -> None:
    result = run_local(
        "api", PORT="0", STATE_TABLE_NAME="not-made", AWS_ENDPOINT_URL_DYNAMODB=engine
    )
    assert_told(result, "not-made", "python -m local tables")


@pytest.mark.parametrize("command", ["api", "up"])
def test_the_port_is_taken(command: str, engine: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run_local(command, PORT=port, AWS_ENDPOINT_URL_DYNAMODB=engine)
    assert_told(result, f"port {port}", "set PORT")


@pytest.mark.parametrize("command", ["ingest", "api", "up"])
def test_a_budget_that_is_none(command: str, engine: str) -> None:
    result = run_local(
        command,
        PORT="0",
        FEED_URL="http://127.0.0.1:9/feed",
        RUN_BUDGET_S="soon",
        AWS_ENDPOINT_URL_DYNAMODB=engine,
    )
    assert_told(result, "RUN_BUDGET_S=soon")


def test_tables_says_what_it_did(engine: str) -> None:
    variables = {
        "AWS_ENDPOINT_URL_DYNAMODB": engine,
        "TABLE_NAME": "said-iocs",
        "STATE_TABLE_NAME": "said-state",
        "REPORT_TABLE_NAME": "said-reports",
    }
    first, second = run_local("tables", **variables), run_local("tables", **variables)
    assert first.returncode == second.returncode == 0
    assert first.stdout.count("created") == second.stdout.count("exists") == 3


def test_help_names_every_command() -> None:
    result = run_local("--help")
    assert result.returncode == 0
    for command in ("tables", "ingest", "api", "up", "publish", "poll"):
        assert command in result.stdout
