"""What the webhook gets, read with the library of the specification, and what counts as taken."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

import functions.webhook.app as webhook
from functions.changes.change import change_in
from functions.webhook.delivery import signed_headers, signing_keys
from local.changes import queue_message
from local.context import LocalContext
from local.environment import DEFAULTS
from shared.runtime.settings import SettingsError
from tests.builders import reputation
from tests.changes import VALIDATOR, history
from tests.feed_server import FeedServer, page

CONTEXT: Any = LocalContext("webhook", 30)
KEY = DEFAULTS["WEBHOOK_SIGNING_KEY"]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[FeedServer]:
    with FeedServer() as server:
        server.answer("/hook", page(b"thanks"))
        monkeypatch.setenv("WEBHOOK_URL", f"http://127.0.0.1:{server.port}/hook")
        monkeypatch.setenv("WEBHOOK_ALLOW_PRIVATE", "true")
        yield server


def change(flow_id: str = "flow") -> str:
    [record] = history([reputation(flow_id=flow_id)])
    return json.dumps(change_in(record))


def deliver(*bodies: str) -> list[int]:
    """The places of the messages that were not taken."""
    messages = [queue_message(body) for body in bodies]
    failures = webhook.lambda_handler({"Records": messages}, CONTEXT)["batchItemFailures"]
    names = [message["messageId"] for message in messages]
    return [names.index(one["itemIdentifier"]) for one in failures]


def test_a_change_arrives_signed(receiver: FeedServer) -> None:
    body = change()
    assert deliver(body) == []
    [request] = receiver.requests
    verified = Webhook(KEY).verify(request.body, dict(request.headers))
    assert verified == json.loads(body)
    VALIDATOR.validate(verified)
    assert request.headers["webhook-id"] == verified["id"]
    assert request.headers["content-type"] == "application/json"
    other = "whsec_" + base64.b64encode(b"another key of 24 bytes!").decode()
    for key, sent in ((other, request.body), (KEY, request.body + b" ")):
        with pytest.raises(WebhookVerificationError):
            Webhook(key).verify(sent, dict(request.headers))


def test_the_signature_is_that_of_the_specification() -> None:
    now = datetime(2026, 1, 5, 10, tzinfo=UTC)
    headers = signed_headers(signing_keys(KEY), "an-id", int(now.timestamp()), b'{"a":1}')
    assert headers["webhook-signature"] == Webhook(KEY).sign("an-id", now, '{"a":1}')


@pytest.mark.parametrize("status", ["302 Found", "400 Bad Request", "410 Gone", "503 Busy"])
def test_what_is_not_taken_is_handed_over_again(receiver: FeedServer, status: str) -> None:
    receiver.answer("/hook", page(b""), page(b"", status=status), page(b"", status="204 None"))
    assert deliver(change("a"), change("b"), change("c")) == [1]
    assert receiver.asked() == ["/hook"] * 3


def test_a_redirect_is_not_followed(receiver: FeedServer) -> None:
    receiver.answer("/hook", page(b"", status="307 There", location="/other"))
    assert deliver(change()) == [0]
    assert receiver.asked() == ["/hook"]


def test_a_webhook_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_URL", "http://127.0.0.1:9/hook")
    assert deliver(change()) == [0]


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"id": 5}', '{"id": "a\\r\\nX-More: 1"}', '{"id": null}']
)
def test_a_message_that_is_no_change_keeps_none_from_its_way(
    receiver: FeedServer, body: str
) -> None:
    assert deliver(body, change()) == [0]
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("key", ["", "whsec_", "whsec_c2hvcnQ=", "no base64!", KEY + "é"])
def test_a_key_that_signs_nothing_is_refused_without_being_told(
    receiver: FeedServer, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("WEBHOOK_SIGNING_KEY", key)
    with pytest.raises(SettingsError, match="whsec_ and base64 of 24 bytes") as refused:
        deliver(change())
    assert key in {"", "whsec_"} or key not in str(refused.value)
    assert receiver.requests == []


def test_while_keys_change_a_message_has_a_signature_of_each(
    receiver: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = "whsec_" + base64.b64encode(b"the next key of 24 bytes").decode()
    monkeypatch.setenv("WEBHOOK_SIGNING_KEY", f"{new} {KEY}\n")
    assert deliver(change()) == []
    [request] = receiver.requests
    for key in (new, KEY):
        assert Webhook(key).verify(request.body, dict(request.headers))
    other = "whsec_" + base64.b64encode(b"another key of 24 bytes!").decode()
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(request.body, dict(request.headers))


def test_three_keys_are_refused(receiver: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_SIGNING_KEY", f"{KEY} {KEY} {KEY}")
    with pytest.raises(SettingsError, match="more than 2 signing keys"):
        deliver(change())


def test_a_key_may_come_with_a_line_break_and_without_its_prefix() -> None:
    bare = KEY.removeprefix("whsec_")
    assert signing_keys(KEY + "\n") == signing_keys(bare) == [base64.b64decode(bare)]


def test_without_an_address_there_is_a_clear_error() -> None:
    with pytest.raises(SettingsError, match="WEBHOOK_URL is not set"):
        deliver(change())
