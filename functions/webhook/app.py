"""Handler of the webhook function: delivers each message of its queue to the webhook."""

import json
import os
import re
import time
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from urllib3 import PoolManager

from functions.webhook.delivery import NotDelivered, post, signed_headers, signing_keys
from functions.webhook.settings import WebhookSettings
from shared.http.egress import pool_manager
from shared.runtime.observability import failures_by_kind, logged, logger

_ID = re.compile(r"[0-9a-f]{32}")


@logged
@failures_by_kind("deliveries failed")
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Deliver each message of a batch once.

    Args:
        event: messages of an SQS queue; a body is the detail of a change event.
        context: of the invocation.

    Returns:
        The messages that were not delivered; the queue retries them later.

    Raises:
        SettingsError: the function is not configured.
        Failed: an unexpected error.
    """
    settings = WebhookSettings(os.environ)
    keys = signing_keys(settings.signing_key.read())
    pool = _pool(settings.allow_private, settings.private_ca.read())
    failed = []
    for record in event["Records"]:
        body: str = record["body"]
        try:
            headers = signed_headers(keys, _change_id(body), int(time.time()), body.encode())
            post(pool, settings.url, headers, body.encode())
        except NotDelivered as error:
            logger.warning("not delivered", extra={"reason": str(error)})
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _change_id(body: str) -> str:
    try:
        change_id = json.loads(body)["id"]
    except (ValueError, KeyError, TypeError):
        change_id = None
    # The id goes into a header, so its form is checked.
    if not isinstance(change_id, str) or not _ID.fullmatch(change_id):
        raise NotDelivered("the message is not a change of a verdict")
    return change_id


@cache
def _pool(allow_private: bool, private_ca: str) -> PoolManager:
    """Connections that are reused between messages."""
    return pool_manager(allow_private=allow_private, private_ca=private_ca)
