"""Changes of verdicts, from a table's stream to a webhook, through the parts that the template has.

The emulator has streams, mappings, buses, rules and queues of its own, so what local/changes.py
imitates is done by others here.
"""

from collections.abc import Iterator

import pytest
from standardwebhooks import Webhook

from local.environment import DEFAULTS
from tests.changes import VALIDATOR
from tests.deploy.support import SAMPLE_IOCS, Account, User, wait_until
from tests.feed_server import FeedServer, page

STACK = "ioc-reputation-told"
PARAMETER = "/ioc-reputation/webhook"
KEY = DEFAULTS["WEBHOOK_SIGNING_KEY"]


@pytest.fixture(scope="module")
def webhook() -> Iterator[FeedServer]:
    """A receiver that takes everything."""
    with FeedServer() as server:
        server.answer("/hook", page(b""))
        yield server


@pytest.fixture(scope="module")
def ingest(account: Account, user: User, feed_url: str, webhook: FeedServer) -> str:
    """Name of the ingest function of a stack with a webhook."""
    account.client("ssm").put_parameter(Name=PARAMETER, Type="SecureString", Value=KEY)
    user.types(
        f".tools/sam/bin/sam deploy --config-env dev --stack-name {STACK} --parameter-overrides"
        " Stage=dev 'Schedule=\"rate(1 day)\"' ChangeEvents=true"
        f" WebhookUrl=https://webhook.example/hook WebhookSigningKeyParameter={PARAMETER}"
    )
    outputs = account.outputs(STACK)
    account.read_here(outputs["IngestFunctionName"], feed_url)
    # The template takes an address with TLS only, and the receiver is on this machine.
    functions = account.client("lambda")
    name = outputs["WebhookFunctionName"]
    found = functions.get_function_configuration(FunctionName=name)["Environment"]
    found["Variables"]["WEBHOOK_URL"] = f"http://127.0.0.1:{webhook.port}/hook"
    found["Variables"]["WEBHOOK_ALLOW_PRIVATE"] = "true"
    functions.update_function_configuration(FunctionName=name, Environment=found)
    return outputs["IngestFunctionName"]


def test_each_change_reaches_the_webhook_once(
    account: Account, ingest: str, webhook: FeedServer
) -> None:
    assert account.invoke(ingest, {})["iocs_new"] == SAMPLE_IOCS
    wait_until(lambda: len(webhook.requests) >= SAMPLE_IOCS)
    told = [Webhook(KEY).verify(one.body, dict(one.headers)) for one in webhook.requests]
    for detail in told:
        VALIDATOR.validate(detail)
    indicators = {(one["indicator"]["type"], one["indicator"]["value"]) for one in told}
    assert len(indicators) == len({one["id"] for one in told}) == SAMPLE_IOCS
    assert {one["previous_verdict"] for one in told} == {None}


def test_an_ioc_that_goes_is_the_next_and_only_change(
    account: Account, ingest: str, webhook: FeedServer
) -> None:
    assert account.invoke(ingest, {})["iocs_new"] == 0
    before = len(webhook.requests)
    table = account.outputs(STACK)["IocTableName"]
    account.client("dynamodb").delete_item(
        TableName=table, Key={"pk": {"S": "domain#evil.example"}}
    )
    wait_until(lambda: len(webhook.requests) > before)
    [request] = webhook.requests[before:]
    detail = Webhook(KEY).verify(request.body, dict(request.headers))
    VALIDATOR.validate(detail)
    assert detail["indicator"] == {"type": "domain", "value": "evil.example"}
    assert (detail["previous_verdict"], detail["verdict"]) == ("MALICIOUS", None)
