"""A verdict that changes by ingestion arrives at the webhook of the local stack."""

import json
from collections.abc import Iterator

import pytest
from standardwebhooks import Webhook

from local.engine import running_engine
from local.environment import DEFAULTS
from tests.builders import raw_ioc, raw_report
from tests.changes import VALIDATOR
from tests.command_line import run_local
from tests.fakes import json_page
from tests.feed_server import PATH, FeedServer, Request, page

HOOK = "/hook"


@pytest.fixture
def server() -> Iterator[FeedServer]:
    """A server of the feed and the webhook."""
    with FeedServer() as both:
        both.answer(HOOK, page(b""))
        yield both


@pytest.fixture
def variables(server: FeedServer) -> Iterator[dict[str, str]]:
    with running_engine() as engine:
        found = {
            "AWS_ENDPOINT_URL_DYNAMODB": engine,
            "FEED_URL": server.url,
            "WEBHOOK_URL": f"http://127.0.0.1:{server.port}{HOOK}",
        }
        assert run_local("tables", **found).returncode == 0
        yield found


def taken(server: FeedServer) -> list[Request]:
    """What came to the webhook since the last time."""
    found = [request for request in server.requests if request.target == HOOK]
    server.requests.clear()
    return found


def serve(server: FeedServer, *reports: object) -> None:
    server.answer(PATH, page(json_page(reports)))


def test_a_change_arrives_once_and_a_page_that_comes_again_tells_nothing(
    server: FeedServer, variables: dict[str, str]
) -> None:
    first = raw_report("flow-1", iocs={"domain": [raw_ioc(verdict="SUSPICIOUS")]})
    serve(server, first)
    assert run_local("ingest", **variables).returncode == 0
    [new] = taken(server)
    assert json.loads(new.body)["previous_verdict"] is None

    worse = raw_report(
        "flow-2", date="2025-06-02T08:00:00Z", report_id="4c1a", iocs={"domain": [raw_ioc()]}
    )
    serve(server, worse, first)
    done = run_local("ingest", **variables)
    assert done.returncode == 0, done.stderr
    [request] = taken(server)
    body = Webhook(DEFAULTS["WEBHOOK_SIGNING_KEY"]).verify(request.body, dict(request.headers))
    VALIDATOR.validate(body)
    assert body["indicator"] == {"type": "domain", "value": "evil.example"}
    assert (body["previous_verdict"], body["verdict"]) == ("SUSPICIOUS", "MALICIOUS")
    assert body["reputation"]["flow_id"] == "flow-2"
    assert body["reputation"]["report_id"] == "4c1a"
    assert body["reputation"]["scan_count"] == 2

    assert run_local("ingest", **variables).returncode == 0
    assert run_local("reingest", "--since", "2020-01-01", **variables).returncode == 0
    assert taken(server) == []


def test_a_webhook_that_stumbles_is_tried_again_with_the_same_id(
    server: FeedServer, variables: dict[str, str]
) -> None:
    serve(server, raw_report())
    server.answer(HOOK, page(b"", status="503 Busy"), page(b""))
    assert run_local("ingest", **variables).returncode == 0
    first, second = taken(server)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


def test_a_webhook_that_is_down_does_not_fail_the_run(
    server: FeedServer, variables: dict[str, str]
) -> None:
    serve(server, raw_report())
    server.answer(HOOK, page(b"", status="503 Busy"))
    done = run_local("ingest", **variables)
    assert done.returncode == 0
    assert "WEBHOOK_URL did not accept 1 changes" in done.stderr


def test_a_key_that_signs_nothing_is_told_in_one_line(
    server: FeedServer, variables: dict[str, str]
) -> None:
    serve(server, raw_report())
    done = run_local("ingest", **variables, WEBHOOK_SIGNING_KEY="short")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: the webhook function: the signing key")
    assert "Traceback" not in done.stderr
