"""Handler of the publish function: answers requests of the REST API and polls on a timer."""

import os
import time
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.publish.external_reputation import external_reputation_of, no_external_reputation
from functions.publish.intake import (
    ExternalReputation,
    Publisher,
    TrustedBy,
    no_trusted_lists,
)
from functions.publish.poll import Poller
from functions.publish.routes import Service, respond
from functions.publish.settings import PublishSettings
from functions.publish.store.feed_log import FeedLog
from functions.publish.store.histories import Histories
from shared.client import AnswerCache, ReputationClient
from shared.domain.indicator import Indicator
from shared.domain.links import report_link
from shared.domain.verdict import Verdict
from shared.http.authentication import KeyRing
from shared.http.fetch import FeedClient
from shared.http.respond import guarded
from shared.runtime.clock import now_ms
from shared.runtime.deadline import Deadline
from shared.runtime.metrics import metrics
from shared.runtime.observability import failures_by_kind, logged, logger
from shared.store.api_keys import ApiKeys
from shared.store.client import dynamodb_client
from shared.store.iocs import IocTable
from shared.store.trusted_lists import TrustedLists

# Time at the end of an invocation that a poll leaves for the current report.
SPARE_S = 7.0
# For the external reputation of a report. A REST API waits 29 seconds for a function.
REPUTATION_DEADLINE_S = 8.0


@logged
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request, or poll the sandbox.

    Args:
        event: a request of the REST API; anything else is a call by the timer.
        context: of the invocation; limits the time of a poll.

    Returns:
        The answer, errors included, or the summary of the poll.

    Raises:
        SettingsError: the function is not configured.
        Failed: a poll failed with an unexpected error.
    """
    if "requestContext" in event:
        return guarded(event, lambda request: respond(_service(), request))
    with failures_by_kind("poll failed"):
        return _poll(context)


def _poll(context: LambdaContext) -> dict[str, Any]:
    left = Deadline(context.get_remaining_time_in_millis() / 1000 - SPARE_S).left
    polled = _poller(left).poll()
    metrics.add_metric(name="poll_complete", unit=MetricUnit.Count, value=polled.complete)
    if polled.private:
        metrics.add_metric(name="publish_private", unit=MetricUnit.Count, value=polled.private)
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
        now=now_ms,
        report_link=report_link(settings.sandbox_url),
    )


@cache
def _keys() -> KeyRing:
    return KeyRing(ApiKeys(_client(), _settings().state_table_name), time.monotonic)


def _publisher() -> Publisher:
    table = _settings().report_table_name
    return Publisher(
        Histories(_client(), table),
        FeedLog(_client(), table),
        _external_reputation(),
        now_ms,
        _trusted_by(),
        _overridden_by,
        publish_private=_settings().publish_private,
    )


def _trusted_by() -> TrustedBy:
    settings = _settings()
    if not settings.providers:
        return no_trusted_lists
    lists = TrustedLists(_client(), settings.table_name, settings.state_table_name, now_ms)
    return lists.trusting


def _overridden_by(indicators: Collection[Indicator]) -> Mapping[Indicator, Verdict]:
    now = now_ms()
    found = IocTable(_client(), _settings().table_name).find_many(indicators)
    return {
        one: known.override.verdict
        for one, known in found.items()
        if known.override is not None and known.override.is_active(now)
    }


def _external_reputation() -> ExternalReputation:
    settings = _settings()
    if not settings.reputation_url:
        return no_external_reputation
    return external_reputation_of(
        _reputation_client(
            settings.reputation_url,
            settings.reputation_api_key.read(),
            settings.reputation_allow_private,
            settings.private_ca.read(),
        )
    )


@cache
def _reputation_client(
    url: str, key: str, allow_private: bool, private_ca: str
) -> ReputationClient:
    return ReputationClient(
        url,
        key,
        cache=AnswerCache(),
        deadline_s=REPUTATION_DEADLINE_S,
        # The vendor's API accepts 50 addresses in a request, and as many hashes as this service.
        max_addresses=50,
        allow_private=allow_private,
        private_ca=private_ca,
    )


def _poller(remaining: Callable[[], float]) -> Poller:
    settings = _settings()
    return Poller(
        settings.sandbox_url,
        FeedClient(
            settings.sandbox_url,
            settings.sandbox_api_key.read(),
            remaining,
            allow_private=settings.sandbox_allow_private,
            private_ca=settings.private_ca.read(),
        ),
        FeedLog(_client(), settings.report_table_name),
        _publisher(),
        now_ms,
        remaining,
    )
