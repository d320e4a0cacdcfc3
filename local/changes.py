"""Sends verdict changes of a local run to WEBHOOK_URL, instead of AWS's stream, bus and queue.

The engine has no streams. So this module reads the table before and after a run, and passes the
differences as stream records to the real handler of the changes function. That puts its events on
a bus, which a server on loopback replaces, and the real handler of the webhook function receives
them as messages of its queue. docs/events.md lists the differences from AWS.
"""

import json
import os
import sys
import time
import uuid
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import Any, ClassVar, Literal

from botocore.exceptions import ClientError

from local.context import LocalContext
from local.errors import LocalError
from local.handlers import load
from shared.runtime.settings import SettingsError
from shared.store.client import dynamodb_client

BUS_ENDPOINT = "AWS_ENDPOINT_URL_EVENTBRIDGE"
# The values of the template.
STREAM_BATCH = 100
QUEUE_BATCH = 5
# On AWS the queue retries for a day.
TRIES = 3
BUDGET_S = 30.0

Items = dict[str, dict[str, Any]]


@contextmanager
def notifying_webhook() -> Iterator[None]:
    """Send the verdicts that the `with` block changes to WEBHOOK_URL, if it is set.

    Raises:
        LocalError: a setting of the webhook is wrong.
    """
    if not os.environ.get("WEBHOOK_URL"):
        yield
        return
    before = _items()
    yield
    deliver(stream_records(before, _items()))


def stream_records(before: Items, after: Items) -> list[dict[str, Any]]:
    """Return the differences as records of a stream with both images, one record an item.

    Args:
        before: items by key, as the low-level client returns them.
        after: the same items later.
    """
    numbers = count(time.time_ns())
    now_s = int(time.time())
    return [
        _record(key, before.get(key), after.get(key), str(next(numbers)), now_s)
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def deliver(records: Sequence[dict[str, Any]]) -> None:
    """Pass stream records to the changes function, and its events to the webhook function.

    Failed deliveries are retried; stderr names the number of those that still fail.

    Raises:
        LocalError: a setting of the webhook is wrong.
    """
    os.environ[BUS_ENDPOINT] = _bus_endpoint()
    _Bus.details.clear()
    for batch in _batches(records, STREAM_BATCH):
        _invoke("changes", {"Records": batch})
    messages = [queue_message(detail) for detail in _Bus.details]
    for _ in range(TRIES):
        failed: set[str] = set()
        for batch in _batches(messages, QUEUE_BATCH):
            result = _invoke("webhook", {"Records": batch})
            failed |= {one["itemIdentifier"] for one in result["batchItemFailures"]}
        messages = [message for message in messages if message["messageId"] in failed]
    if messages:
        print(f"WEBHOOK_URL did not accept {len(messages)} changes", file=sys.stderr)


class _Bus(BaseHTTPRequestHandler):
    """A server that implements only PutEvents of EventBridge."""

    details: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        """Store the events of a request."""
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.details.extend(entry["Detail"] for entry in sent["Entries"])
        accepted = [{"EventId": str(uuid.uuid4())} for _ in sent["Entries"]]
        body = json.dumps({"FailedEntryCount": 0, "Entries": accepted}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@cache
def _bus_endpoint() -> str:
    """Start the bus and return its address; it runs until this process ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Bus)
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def queue_message(detail: str) -> dict[str, Any]:
    """Return a message of the webhook's queue, as Lambda passes it to the function."""
    return {
        "messageId": str(uuid.uuid4()),
        "body": detail,
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
    }


def _invoke(function: Literal["changes", "webhook"], event: dict[str, Any]) -> Any:
    try:
        return load(function)(event, LocalContext(function, BUDGET_S))
    except SettingsError as error:
        raise LocalError(f"the {function} function: {error}") from error


def _items() -> Items:
    """Read the items of the IOC table by key; empty without the table, which the run reports."""
    client = dynamodb_client()
    pages = client.get_paginator("scan").paginate(
        TableName=os.environ["TABLE_NAME"], ConsistentRead=True
    )
    try:
        return {item["pk"]["S"]: dict(item) for page in pages for item in page["Items"]}
    except ClientError:
        return {}


def _record(
    key: str,
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
    number: str,
    now_s: int,
) -> dict[str, Any]:
    images = {"OldImage": old, "NewImage": new}
    kind = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    return {
        "eventID": uuid.uuid4().hex,
        "eventName": kind,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "dynamodb": {
            "ApproximateCreationDateTime": now_s,
            "Keys": {"pk": {"S": key}},
            "SequenceNumber": number,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
            **{name: _image(item) for name, item in images.items() if item is not None},
        },
    }


def _image(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item as a stream's JSON holds it: bytes are base64."""
    return {name: _value(value) for name, value in item.items()}


def _value(value: Mapping[str, Any]) -> Mapping[str, Any]:
    if "B" in value:
        return {"B": b64encode(value["B"]).decode()}
    if "BS" in value:
        return {"BS": [b64encode(one).decode() for one in value["BS"]]}
    return value


def _batches(records: Sequence[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(records), size):
        yield list(records[start : start + size])
