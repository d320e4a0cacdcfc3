"""Handler of the annotate function: answers the requests with which people decide verdicts."""

import os
import time
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.annotate.routes import Service, respond
from functions.annotate.settings import AnnotateSettings
from shared.http.authentication import KeyRing
from shared.http.quota import Quota
from shared.http.respond import guarded
from shared.runtime.observability import logged
from shared.store.annotations import AnnotationLog
from shared.store.api_keys import ApiKeys
from shared.store.client import dynamodb_client
from shared.store.iocs import IocTable
from shared.store.overrides import Overrides
from shared.store.quotas import QuotaCounters


@logged
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request.

    Args:
        event: of the REST API.
        context: not used.

    Returns:
        The answer, errors included.
    """
    return guarded(event, lambda request: respond(_service(), request))


@cache
def _service() -> Service:
    settings = AnnotateSettings(os.environ)
    client = dynamodb_client()
    log = AnnotationLog(client, settings.state_table_name)
    return Service(
        keys=KeyRing(ApiKeys(client, settings.state_table_name), time.monotonic),
        quota=Quota(QuotaCounters(client, settings.state_table_name), _now_ms),
        overrides=Overrides(IocTable(client, settings.table_name), log, _now_ms),
        log=log,
        now=_now_ms,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
