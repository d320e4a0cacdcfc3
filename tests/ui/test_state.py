"""What the page shows always belongs to the text above it, whatever the answers do.

Answers here are slow, fail, come in another order, or come twice.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from tests.ui.conftest import PATIENCE_MS, Seen
from tests.ui.sample import LINES, mixed_text
from tests.ui.test_page import SEARCH, look_up, rows, saved

FIRST, SECOND = "host-0.samples.example", "host-4.samples.example"
THIRD = "host-1.samples.example"
_SEARCH = "**/v4/search"
_NO_ANSWER = "text=The service does not answer."


class Held:
    """Requests that wait until a test lets each of them go on."""

    def __init__(self, page: Page, *, only: Callable[[int], bool] = lambda number: True) -> None:
        self._page = page
        self._only = only
        self._count = 0
        self.routes: list[Route] = []

    def __call__(self, route: Route) -> None:
        number, self._count = self._count, self._count + 1
        if self._only(number):
            self.routes.append(route)
        else:
            route.continue_()

    def wait_for(self, count: int) -> None:
        """Wait until so many requests were held."""
        until = time.monotonic() + PATIENCE_MS / 1000
        while len(self.routes) < count:
            assert time.monotonic() < until, "the page did not ask"
            self._page.wait_for_timeout(20)

    def release(self, number: int) -> None:
        """Let a request go on; one that the page has given up is left alone."""
        self.routes[number].continue_()


@contextmanager
def held(page: Page, address: str, **options: Any) -> Iterator[Held]:
    holding = Held(page, **options)
    page.route(address, holding)
    yield holding
    page.unroute(address, holding)


def press_look_up(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.press("#text", "Control+Enter")


def settle(page: Page) -> None:
    """Give late answers the time to do harm."""
    page.wait_for_selector("#search-view:has(#stop[hidden])")
    page.wait_for_timeout(500)


def test_a_second_press_during_a_look_up_drops_no_answer(opened: Page, seen: Seen) -> None:
    text, verdicts = mixed_text()
    with held(opened, _SEARCH) as holding:
        press_look_up(opened, text)
        holding.wait_for(1)
        opened.press("#text", "Control+Enter")
        holding.release(0)
        holding.wait_for(2)
        opened.press("#text", "Control+Enter")
        holding.release(1)
        opened.wait_for_selector(f"text={LINES} indicators.")
        settle(opened)
    assert rows(opened) == verdicts
    # Nothing was counted twice.
    assert seen.asked.count(SEARCH) == 2


@pytest.mark.parametrize("late_first", [True, False])
def test_another_text_during_a_look_up_gets_its_own_rows(opened: Page, late_first: bool) -> None:
    with held(opened, _SEARCH) as holding:
        press_look_up(opened, f"{FIRST} {THIRD}")
        holding.wait_for(1)
        press_look_up(opened, f"{SECOND} {THIRD}")
        holding.wait_for(2)
        for number in (1, 0) if late_first else (0, 1):
            holding.release(number)
        opened.wait_for_selector(f"#rows >> text={SECOND}")
        settle(opened)
    assert rows(opened) == {SECOND: "BENIGN", THIRD: "LIKELY_MALICIOUS"}
    assert opened.inner_text("#said") == "2 indicators."


@pytest.mark.parametrize(
    "refuse",
    [
        lambda route: route.abort(),
        lambda route: route.fulfill(status=503, json={"error": {"messages": ["Not now."]}}),
        lambda route: route.fulfill(json={"data": None}),
        lambda route: route.fulfill(body="<html>"),
    ],
    ids=["no answer", "status 503", "wrong form", "no JSON"],
)
def test_a_failed_look_up_leaves_no_row_of_the_text_before(
    opened: Page, refuse: Callable[[Route], None]
) -> None:
    look_up(opened, f"{FIRST} {THIRD}")
    opened.route(_SEARCH, refuse)
    press_look_up(opened, f"{SECOND} {THIRD}")
    opened.wait_for_selector("#said.failed")
    assert not opened.is_visible("#results")
    assert FIRST not in opened.inner_text("main")
    opened.unroute(_SEARCH)
    opened.click("#go-on")
    opened.wait_for_selector(f"#rows >> text={SECOND}")
    assert rows(opened) == {SECOND: "BENIGN", THIRD: "LIKELY_MALICIOUS"}


def test_rows_are_marked_when_the_text_has_changed(opened: Page) -> None:
    look_up(opened, f"{FIRST} {THIRD}")
    assert not opened.is_visible("#changed")
    opened.fill("#text", SECOND)
    assert opened.is_visible("#changed")
    opened.fill("#text", f"{FIRST} {THIRD}")
    assert not opened.is_visible("#changed")


def test_go_on_goes_on_with_the_text_that_it_began(opened: Page, seen: Seen) -> None:
    text, verdicts = mixed_text()
    with held(opened, _SEARCH, only=lambda number: number == 1) as holding:
        press_look_up(opened, text)
        holding.wait_for(1)
        holding.routes[0].abort()
        opened.wait_for_selector(_NO_ANSWER)
    opened.fill("#text", SECOND)
    opened.click("#go-on")
    opened.wait_for_selector(f"text={LINES} indicators.")
    assert rows(opened) == verdicts
    assert opened.is_visible("#changed")
    assert seen.asked.count(SEARCH) == 3


def test_an_answer_that_was_lost_is_counted_once(opened: Page) -> None:
    """The service answered, but the answer did not arrive: the page asks for it again."""

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    opened.route(_SEARCH, lose, times=1)
    press_look_up(opened, f"{FIRST} {THIRD} {THIRD}")
    opened.wait_for_selector(_NO_ANSWER)
    opened.click("#go-on")
    opened.wait_for_selector("#rows tr")
    settle(opened)
    counts = {row["value"]: row["count"] for row in json.loads(saved(opened, "#json"))}
    assert counts == {FIRST: 1, THIRD: 2}


def test_stop_keeps_the_rows_and_the_rest_of_the_text(opened: Page) -> None:
    text, verdicts = mixed_text()
    with held(opened, _SEARCH, only=lambda number: number == 1) as holding:
        press_look_up(opened, text)
        holding.wait_for(1)
        opened.press("#text", "Escape")
        opened.wait_for_selector("text=Stopped.")
    shown = rows(opened)
    assert 0 < len(shown) < LINES
    assert shown.items() <= verdicts.items()
    opened.click("#go-on")
    opened.wait_for_selector(f"text={LINES} indicators.")
    assert rows(opened) == verdicts


def test_an_old_status_is_marked_when_it_cannot_be_renewed(opened: Page) -> None:
    opened.click("#to-status")
    opened.wait_for_selector("text=As of")
    before = opened.inner_text("#status")
    opened.route("**/v4/status/feed", lambda route: route.abort())
    opened.click("#refresh")
    opened.wait_for_selector("#status-said.failed >> text=Not renewed. As of")
    assert opened.inner_text("#status") == before


def test_the_newest_request_for_the_status_wins(opened: Page) -> None:
    rows = [
        {"id": name, "provider": name, "types": ["ip"]} for name in ("Older list", "Newer list")
    ]
    facts = {"on_demand": False, "last_success": "", "age_s": 1, "entries": 1, "error": ""}
    with held(opened, "**/v4/status/providers") as holding:
        opened.click("#to-status")
        holding.wait_for(1)
        opened.evaluate("void loadStatus()")
        holding.wait_for(2)
        for number in (1, 0):
            row = rows[number] | facts | {"licence": ""}
            holding.routes[number].fulfill(json={"providers": [row]})
        opened.wait_for_selector("#status >> text=Newer list")
        opened.wait_for_timeout(500)
    assert "Older list" not in opened.inner_text("#status")
