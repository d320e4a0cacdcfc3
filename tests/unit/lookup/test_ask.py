"""What an on-demand provider answers: a value of another type costs its row only."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from functions.lookup.on_demand import SKIPPED_S, Asker
from shared.domain.indicator import IndicatorType, parse
from shared.domain.provider import ListingStatus
from tests.unit.client.support import Clock
from tests.unit.providers.support import NOW, declare

DOMAIN = parse(IndicatorType.DOMAIN, "evil.example")
EXPRESSIONS = {
    "listed": "\"contains(tags, 'bad') || length(hits) > `0` || max_by(rows, &score)\"",
    "category": "\"join(', ', tags)\"",
    "assessment": '"to_string(kind)"',
    "detect_time": '"sort(dates)[0]"',
}
GOOD = {"tags": ["bad"], "hits": [], "rows": [], "dates": ["2025-05-01T00:00:00Z"], "kind": "x"}
ODD: list[Any] = [
    *(None, 5, 1e308, True, "text", "", [], {}, [None], [[]], [{}], ["a", 1], [1, "a"]),
    *({"score": "x"}, [{"score": "x"}, {"score": 1}], [{"score": []}], "9" * 400, ["\ud800"]),
]


@dataclass
class Api:
    """A provider that answers `body`."""

    body: bytes
    asked: list[str] = field(default_factory=list)

    def get(self, url: str, _: Mapping[str, str], __: float) -> tuple[int, bytes]:
        self.asked.append(url)
        return 200, self.body


def asker(apis: Mapping[str, Api], clock: Clock) -> Asker:
    options = ", ".join(f"{name} = {text}" for name, text in EXPRESSIONS.items())

    def get(url: str, headers: Mapping[str, str], timeout_s: float) -> tuple[int, bytes]:
        return apis[url.split("/")[2]].get(url, headers, timeout_s)

    declared = {
        name: declare("api", options, address=f'"https://{name}/{{value}}"') for name in apis
    }
    return Asker(declared, lambda _: "", get, ThreadPoolExecutor(2), clock)


def status_of(answer: Any) -> ListingStatus:
    """The status of the row of a provider with this answer."""
    apis = {"odd": Api(json.dumps(answer).encode())}
    return asker(apis, Clock()).ask(["odd"], DOMAIN, NOW)["odd"].status


def test_an_answer_of_the_declared_types() -> None:
    found = asker({"good": Api(json.dumps(GOOD).encode())}, Clock()).ask(["good"], DOMAIN, NOW)
    assert found["good"].status is ListingStatus.LISTED
    assert (found["good"].category, found["good"].assessment) == ("bad", "x")


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_no_value_of_another_type_fails_the_look_up(name: str, value: Any) -> None:
    assert status_of({**GOOD, name: value}) in ListingStatus
    assert status_of(value) in ListingStatus


@pytest.mark.parametrize(
    "answer", [{**GOOD, "tags": 5}, {**GOOD, "tags": ["bad", 1]}, {**GOOD, "dates": {}}, [], "x", 5]
)
def test_an_answer_of_another_type_costs_its_row_and_the_provider_is_skipped_for_a_while(
    answer: Any,
) -> None:
    clock = Clock()
    apis = {"odd": Api(json.dumps(answer).encode()), "good": Api(json.dumps(GOOD).encode())}
    asking = asker(apis, clock)
    for _ in range(3):
        found = asking.ask(["odd", "good"], DOMAIN, NOW)
        assert found["odd"].status is ListingStatus.FAILED
        assert found["good"].status is ListingStatus.LISTED
    assert (len(apis["odd"].asked), len(apis["good"].asked)) == (1, 3)
    clock.now += SKIPPED_S + 1
    asking.ask(["odd"], DOMAIN, NOW)
    assert len(apis["odd"].asked) == 2
