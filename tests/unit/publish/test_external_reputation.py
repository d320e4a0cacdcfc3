"""External reputation of IOCs, without the answers of this service."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import responses

from functions.publish.external_reputation import (
    external_evidence,
    external_reputation_of,
    no_external_reputation,
)
from shared.client import Answer, ProviderRow, RowStatus
from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.provider import SANDBOX_PROVIDER
from shared.domain.verdict import Verdict
from tests.builders import DOMAIN
from tests.unit.client.support import BASE, address, client, error, source


def row(provider: str, verdict: Verdict | None) -> ProviderRow:
    return ProviderRow(provider, RowStatus.LISTED, verdict)


@pytest.mark.parametrize(
    "us", [SANDBOX_PROVIDER, SANDBOX_PROVIDER.lower(), SANDBOX_PROVIDER.upper()]
)
def test_we_are_no_witness_for_ourselves(us: str) -> None:
    answer = Answer(
        DOMAIN,
        known=True,
        rows=(
            row(us, Verdict.MALICIOUS),
            row("lists.example", Verdict.SUSPICIOUS),
            row("silent.example", None),
        ),
    )
    expected = [Evidence(EvidenceSource.REPUTATION, Verdict.SUSPICIOUS, "lists.example")]
    assert external_evidence(answer) == expected


def test_nobody_has_nothing_to_say_and_was_not_missing() -> None:
    assert no_external_reputation([DOMAIN]) == {}


@contextmanager
def answering(status: int, body: Any) -> Iterator[None]:
    with responses.RequestsMock() as api:
        api.add(responses.POST, f"{BASE}/domain", json.dumps(body), status=status)
        api.add(responses.GET, f"{BASE}/domain/{DOMAIN.value}", json.dumps(body), status=status)
        api.assert_all_requests_are_fired = False
        yield


def test_what_a_service_says() -> None:
    sources = [
        source(1, "high risk", provider=SANDBOX_PROVIDER),
        source(1, "malware", provider="lists.example"),
        source(0, "trustworthy", provider="allow.example"),
    ]
    with answering(200, {"data": [address(DOMAIN, *sources)], **address(DOMAIN, *sources)}):
        said = external_reputation_of(client())([DOMAIN])
    assert said is not None
    assert {(one.name, one.verdict) for one in said[DOMAIN]} == {
        ("lists.example", Verdict.LIKELY_MALICIOUS),
        ("allow.example", Verdict.BENIGN),
    }


@pytest.mark.parametrize(("status", "body"), [(401, error(401006)), (500, {}), (200, "nothing")])
def test_a_service_that_cannot_be_asked_is_told_from_one_that_says_nothing(
    status: int, body: Any
) -> None:
    with answering(status, body):
        assert external_reputation_of(client(max_retries=0))([DOMAIN]) is None


def test_a_service_that_does_not_accept_an_ioc_has_been_asked() -> None:
    refused = {"address": DOMAIN.value, "success": False, **error(400180)}
    with answering(200, {"data": [refused], **refused}):
        assert external_reputation_of(client(max_retries=0))([DOMAIN]) == {}
