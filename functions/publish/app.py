"""Handler of the publish function: wiring, requests of the REST API, and the timer's poll."""

import os
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.publish.external_reputation import ask_nobody, ask_service
from functions.publish.intake import Ask, Publisher
from functions.publish.poll import Poller
from functions.publish.routes import Service, respond
from functions.publish.settings import PublishSettings
from functions.publish.store.feed_log import FeedLog
from functions.publish.store.histories import Histories
from shared.client import AnswerCache, ReputationClient
from shared.domain.links import report_link
from shared.http.authentication import KeyRing
from shared.http.fetch import FeedClient
from shared.http.respond import guarded
from shared.runtime.deadline import time_left
from shared.runtime.observability import failures_by_kind, logged, logger, metrics
from shared.store.api_keys import ApiKeys
from shared.store.client import dynamodb_client

# The end of the time is kept free, for what is under way to end.
SPARE_S = 7.0
# A REST API waits 29 seconds for a function.
ASK_S = 8.0


@logged
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request, or poll the sandbox.

    Args:
        event: of the REST API; anything else is the timer's.
        context: tells the time that is left for a poll.

    Returns:
        The answer, errors included; of a poll its summary.

    Raises:
        SettingsError: the function is not configured.
        Failed: a poll failed for a reason that nobody expected.
    """
    if "requestContext" in event:
        return guarded(event, lambda request: respond(_service(), request))
    with failures_by_kind("poll failed"):
        return _poll(context)


def _poll(context: LambdaContext) -> dict[str, Any]:
    polled = _poller(time_left(context, SPARE_S)).poll()
    metrics.add_metric(name="poll_complete", unit=MetricUnit.Count, value=polled.complete)
    metrics.flush_metrics()
    log = logger.info if polled.complete else logger.error
    log("poll ended", extra={"summary": polled.as_dict()})
    return polled.as_dict()


@cache
def _settings() -> PublishSettings:
    return PublishSettings(os.environ)


@cache
def _client() -> Any:
    return dynamodb_client()


def _service() -> Service:
    settings = _settings()
    return Service(
        keys=_keys(),
        log=FeedLog(_client(), settings.report_table_name),
        publisher=_publisher(),
        now=_now_ms,
        report_link=report_link(settings.sandbox_url),
    )


@cache
def _keys() -> KeyRing:
    return KeyRing(ApiKeys(_client(), _settings().state_table_name), time.monotonic)


def _publisher() -> Publisher:
    table = _settings().report_table_name
    return Publisher(Histories(_client(), table), FeedLog(_client(), table), _ask(), _now_ms)


def _ask() -> Ask:
    settings = _settings()
    if not settings.reputation_url:
        return ask_nobody
    key = settings.reputation_api_key.read()
    return ask_service(_reputation_client(settings.reputation_url, key))


@cache
def _reputation_client(url: str, key: str) -> ReputationClient:
    # The vendor takes 50 addresses at a time, and hashes as we do.
    return ReputationClient(url, key, cache=AnswerCache(), deadline_s=ASK_S, max_addresses=50)


def _poller(remaining: Callable[[], float]) -> Poller:
    settings = _settings()
    return Poller(
        settings.sandbox_url,
        FeedClient(
            settings.sandbox_url,
            settings.sandbox_api_key.read(),
            remaining,
            allow_private=settings.sandbox_allow_private,
            private_ca=settings.sandbox_ca.read(),
        ),
        FeedLog(_client(), settings.report_table_name),
        _publisher(),
        _now_ms,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
