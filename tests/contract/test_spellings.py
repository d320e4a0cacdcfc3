"""Two hundred ways to write ten indicators: each finds its one item, over a real connection.

At a REST API a URL that is not encoded and has a query is refused: what arrives there of the query
does not show how it was written.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.events import FUNCTION_URL
from local.handlers import load_gateway
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.store.iocs import IocTable
from shared.store.items import IocItem
from tests.builders import reputation
from tests.conftest import Store
from tests.contract.support import Api, Reply, serving


def spellings() -> Iterator[tuple[str, Indicator]]:
    """Request targets and what they find."""
    found: Indicator | None = None
    text = Path(__file__).with_name("spellings.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("/"):
            assert found is not None
            yield line, found
        elif line and not line.startswith("#"):
            kind, _, value = line.partition(" ")
            found = Indicator(IndicatorType(kind), value)


SPELLINGS = list(spellings())
FLOWS = {indicator: f"flow-{number}" for number, (_, indicator) in enumerate(SPELLINGS)}


@pytest.fixture(scope="module", autouse=True)
def _stored(filled_store: Store) -> None:
    table = IocTable(filled_store.client, filled_store.table)
    for indicator, flow_id in FLOWS.items():
        assert table.write(IocItem(reputation(indicator, flow_id=flow_id), b"12345678"), None)


def test_there_are_two_hundred_of_ten() -> None:
    assert len({target for target, _ in SPELLINGS}) == 200
    assert set(Counter(indicator for _, indicator in SPELLINGS).values()) == {20}
    assert all(parse(one.type, one.value) == one for one in FLOWS)


@pytest.fixture(scope="module")
def function_url(filled_store: Store) -> Iterator[Api]:
    with serving(load_gateway(), FUNCTION_URL) as served:
        yield served


@pytest.mark.parametrize(("target", "indicator"), SPELLINGS)
def test_every_spelling_finds_its_item_at_a_function_url(
    function_url: Api, target: str, indicator: Indicator
) -> None:
    assert_found(function_url.ask(target), indicator)


@pytest.mark.parametrize(("target", "indicator"), SPELLINGS)
def test_every_spelling_finds_its_item_or_is_refused_at_a_rest_api(
    api: Api, target: str, indicator: Indicator
) -> None:
    reply = api.ask(target)
    if "?" in target:
        assert (reply.status, reply.body["error"]["code"]) == (400, 400180)
        assert "percent-encode the whole URL, or ask with POST" in reply.text
    else:
        assert_found(reply, indicator)


def assert_found(reply: Reply, indicator: Indicator) -> None:
    assert reply.status == 200, reply.text
    [source] = reply.body["lookup_results"]["sources"]
    assert source.get("flow_id") == FLOWS[indicator], reply.body["address"]
