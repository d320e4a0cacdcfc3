"""The project's own client against the project's own API."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.client import AnswerCache, KeyRefused, ReputationClient, RowStatus, Unanswered
from shared.client.wire import read_address, read_hash
from shared.domain.indicator import HASH_TYPES, Indicator, IndicatorType, parse
from shared.domain.indicator_types import INDICATOR_TYPES
from shared.domain.provider import SANDBOX_PROVIDER
from shared.domain.verdict import Verdict
from tests.contract.support import KEY, Api, of_verdict

UNKNOWN = [
    parse(IndicatorType.MD5, "9" * 32),
    parse(IndicatorType.SHA1, "9" * 40),
    parse(IndicatorType.SHA256, "9" * 64),
    parse(IndicatorType.IP, "192.0.2.200"),
    parse(IndicatorType.IP, "2001:db8::99"),
    parse(IndicatorType.DOMAIN, "never.seen.example"),
    parse(IndicatorType.DOMAIN, "_dmarc.bücher.example"),
    parse(IndicatorType.URL, "http://never.seen.example"),
    parse(IndicatorType.URL, "https://user:pass@never.seen.example:8443/a%20b%2Fc;d=1'(~)*/../$,"),
    parse(IndicatorType.URL, "https://[2001:db8::1]/a?q=%41&r=http://a.example/?s=%252e#f"),
    parse(IndicatorType.URL, "ftp://never.seen.example/%"),
]
KNOWN = {of_verdict(kind, verdict): verdict for kind in INDICATOR_TYPES for verdict in Verdict}


@pytest.fixture
def client(api: Api) -> Iterator[ReputationClient]:
    with ReputationClient(f"{api.base}/v4", KEY) as one:
        yield one


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("kind", INDICATOR_TYPES)
def test_what_is_known(client: ReputationClient, kind: IndicatorType, verdict: Verdict) -> None:
    indicator = of_verdict(kind, verdict)
    answer = client.look_up(indicator)
    assert (answer.indicator, answer.known, answer.complete) == (indicator, True, True)
    assert answer.verdict() is verdict
    assert answer.verdict(excluding=[SANDBOX_PROVIDER.lower()]) is None
    [row] = answer.rows
    assert row.provider == SANDBOX_PROVIDER
    assert (row.status is RowStatus.LISTED) == (verdict >= Verdict.SUSPICIOUS)
    named = kind in HASH_TYPES and verdict >= Verdict.SUSPICIOUS
    assert row.detail == (verdict.name if named else "")


@pytest.mark.parametrize("indicator", UNKNOWN, ids=lambda one: one.value)
def test_what_is_unknown(client: ReputationClient, indicator: Indicator) -> None:
    answer = client.look_up(indicator)
    assert (answer.indicator, answer.known, answer.verdict()) == (indicator, False, None)


def test_many_at_once_are_answered_as_one_by_one(client: ReputationClient) -> None:
    asked = [*UNKNOWN, *KNOWN, *UNKNOWN]
    answers = client.look_up_many(asked)
    assert answers == {one: client.look_up(one) for one in dict.fromkeys(asked)}
    assert {one: answer.verdict() for one, answer in answers.items() if answer.known} == KNOWN


def test_small_requests_are_answered_alike(api: Api, client: ReputationClient) -> None:
    with ReputationClient(api.base, KEY, max_hashes=2, max_addresses=3) as frugal:
        assert frugal.look_up_many(KNOWN) == client.look_up_many(KNOWN)


def test_a_thousand_long_urls_are_answered(client: ReputationClient) -> None:
    urls = [parse(IndicatorType.URL, f"http://a.example/{n:08000}?q") for n in range(1000)]
    assert client.look_up_many(urls).keys() == set(urls)
    assert not client.look_up(urls[0]).known


@pytest.mark.parametrize("indicator", [UNKNOWN[0], UNKNOWN[3]], ids=lambda one: one.value)
def test_a_key_that_is_not_known(api: Api, indicator: Indicator) -> None:
    with ReputationClient(api.base, "another-key", cache=AnswerCache()) as one:
        for _ in range(2):
            with pytest.raises(KeyRefused, match="401006"):
                one.look_up(indicator)
            with pytest.raises(KeyRefused, match="401006"):
                one.look_up_many([indicator])


def test_what_the_api_does_not_accept_costs_itself_only(client: ReputationClient) -> None:
    # Made past `parse`, as an API with other rules than this one's would see it.
    refused = Indicator(IndicatorType.DOMAIN, "no domain")
    known = of_verdict(IndicatorType.DOMAIN, Verdict.MALICIOUS)
    with pytest.raises(Unanswered) as caught:
        client.look_up_many([refused, known])
    assert caught.value.failed.keys() == {refused}
    assert caught.value.answers[known].verdict() is Verdict.MALICIOUS
    with pytest.raises(Unanswered):
        client.look_up(refused)


def test_the_published_examples_of_the_vendor_are_read() -> None:
    golden = Path(__file__).parent / "golden"
    asked = parse(IndicatorType.SHA256, f"{0:064}")
    report = read_hash(asked, (golden / "hash_lookup.json").read_bytes())
    assert report.verdict() is Verdict.MALICIOUS
    url = parse(IndicatorType.URL, "http://example.com.cn")
    outcome = read_address(url, (golden / "url_lookup.json").read_bytes())
    answer = outcome.answers[url]
    assert [row.provider for row in answer.rows if row.status is RowStatus.LISTED] == [
        SANDBOX_PROVIDER,
        "webroot.com",
    ]
    assert answer.verdict() is Verdict.MALICIOUS
    # What is left is a list that names no verdict of its own.
    assert answer.verdict(excluding=[SANDBOX_PROVIDER]) is Verdict.LIKELY_MALICIOUS


def test_the_look_ups_of_the_service_do_without_the_client() -> None:
    code = "import functions.lookup.app, sys; print({'shared.client', 'requests'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
