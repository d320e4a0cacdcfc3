"""What AWS does between the IOC table and the webhook, as far as it is done here.

The engine has no streams. So the table is read before and after a run, and what differs is handed
to the real handler of the changes function as records of a stream. It puts its events on a bus that
a server on loopback stands for, and they go to the real handler of the webhook function as messages
of its queue. docs/events.md says what this cannot show.
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
# As the template has them.
STREAM_BATCH = 100
QUEUE_BATCH = 5
# On AWS the queue tries for a day.
TRIES = 3
BUDGET_S = 30.0

Items = dict[str, dict[str, Any]]


@contextmanager
def telling_webhook() -> Iterator[None]:
    """Tell WEBHOOK_URL, if there is one, which verdicts the `with` block has changed.

    Raises:
        LocalError: a setting of the webhook cannot be used.
    """
    if not os.environ.get("WEBHOOK_URL"):
        yield
        return
    before = _items()
    yield
    tell(stream_records(before, _items()))


def stream_records(before: Items, after: Items) -> list[dict[str, Any]]:
    """What differs, as a stream with both images tells it; several writes of an item are one.

    Args:
        before, after: items by their key, as the low-level client gives them.
    """
    numbers = count(time.time_ns())
    now_s = int(time.time())
    return [
        _record(key, before.get(key), after.get(key), str(next(numbers)), now_s)
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def tell(records: Sequence[dict[str, Any]]) -> None:
    """Hand records to the changes function, and what comes of them to the webhook function.

    Raises:
        LocalError: a setting of the webhook cannot be used.
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
        print(f"{len(messages)} changes were not taken by WEBHOOK_URL", file=sys.stderr)


class _Bus(BaseHTTPRequestHandler):
    """PutEvents, and nothing else of EventBridge."""

    details: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        """Take events."""
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.details.extend(entry["Detail"] for entry in sent["Entries"])
        taken = [{"EventId": str(uuid.uuid4())} for _ in sent["Entries"]]
        body = json.dumps({"FailedEntryCount": 0, "Entries": taken}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""


@cache
def _bus_endpoint() -> str:
    """Address of a bus that lives as long as this process, as the client of the function does."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Bus)
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def queue_message(detail: str) -> dict[str, Any]:
    """A message of the webhook's queue, as Lambda hands it over."""
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
    """The IOC table, by key; empty where there is none, which the run itself will say."""
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
    """An item as a stream has it in JSON: bytes are base64."""
    return {
        name: {"B": b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in item.items()
    }


def _batches(records: Sequence[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(records), size):
        yield list(records[start : start + size])
