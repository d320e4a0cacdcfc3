"""The description of the API, read and tried in a browser."""

import json
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page

from tests.e2e.support import Up
from tests.ui.conftest import Seen, browsing, with_key
from tests.ui.test_page import MALICIOUS, violations

_SHOWN = ".part > details:visible"
_ONE_DOMAIN = "#lookupDomain"


@pytest.fixture
def docs(stack: Up, browser: Browser, seen: Seen, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The description, opened; a parameter is the theme."""
    with browsing(browser, seen, stack.base, getattr(request, "param", "light")) as page:
        page.goto(stack.base + "/docs")
        page.wait_for_selector("text=Machine-readable")
        yield page


def test_it_finds_operations_and_models(docs: Page) -> None:
    total = docs.locator(_SHOWN).count()
    docs.keyboard.press("/")
    docs.keyboard.type("false-positive")
    found = docs.locator(_SHOWN).count()
    assert 4 < found < total / 4
    docs.fill("#find", "false-positive domain POST")
    assert docs.locator(f"{_SHOWN} summary code").first.inner_text() == (
        "/v4/ioc/domain/{value}/false-positive"
    )
    docs.fill("#find", "no such words")
    assert docs.locator(".part:visible").count() == 0
    assert docs.inner_text("#found") == "0 found"
    docs.fill("#find", "")
    assert docs.locator(_SHOWN).count() == total


def test_it_tries_an_operation_with_the_key_of_the_page(docs: Page, stack: Up, seen: Seen) -> None:
    docs.click(f"{_ONE_DOMAIN} > summary")
    form = docs.locator(f"{_ONE_DOMAIN} form")
    form.get_by_label("domain").fill(MALICIOUS)
    form.get_by_text("Try it").click()
    # Nothing is sent without a key.
    form.get_by_text("set a key").click()
    with_key(docs)
    docs.click("#to-docs")
    docs.wait_for_selector("text=The forms use the key that is set in this tab.")
    assert not any(MALICIOUS in one for one in seen.asked)
    docs.click(f"{_ONE_DOMAIN} > summary")
    form.get_by_label("domain").fill(MALICIOUS)
    form.get_by_text("Try it").click()
    form.locator("text=Status 200").wait_for()
    assert json.loads(form.locator("pre").inner_text())["address"] == MALICIOUS
    assert f"GET /v4/domain/{MALICIOUS}" in seen.asked


def test_it_sends_a_body_and_shows_a_refusal(docs: Page, stack: Up) -> None:
    docs.goto(stack.base + "/")
    with_key(docs)
    docs.click("#to-docs")
    docs.click("#lookupIps > summary")
    form = docs.locator("#lookupIps form")
    form.get_by_text("Try it").click()
    form.locator("text=Status 200").wait_for()
    assert len(json.loads(form.locator("pre").inner_text())["data"]) > 0
    form.get_by_label("Body").fill("{}")
    form.get_by_text("Try it").click()
    form.locator("text=Status 400").wait_for()
    assert json.loads(form.locator("pre").inner_text())["success"] is False


def test_a_link_opens_what_it_leads_to(docs: Page, stack: Up) -> None:
    docs.goto(f"{stack.base}/docs{_ONE_DOMAIN}")
    docs.reload()
    docs.wait_for_selector(f"{_ONE_DOMAIN} form:visible")


def test_the_theme_is_that_of_the_page(docs: Page, stack: Up) -> None:
    docs.select_option("#theme", "dark")
    docs.click("#to-status")
    docs.wait_for_selector("#status-view:visible")
    assert docs.locator("html").get_attribute("data-theme") == "dark"
    assert docs.input_value("#theme") == "dark"


@pytest.mark.parametrize("docs", ["light", "dark"], indirect=True)
def test_both_themes_are_accessible(docs: Page) -> None:
    for one in ("lookupDomain", "lookupIps", "searchText"):
        docs.click(f"#{one} > summary")
    docs.fill("#find", "look")
    assert violations(docs) == []
    docs.set_viewport_size({"width": 390, "height": 844})
    assert docs.evaluate("document.documentElement.scrollWidth") <= 390


def test_it_is_small_on_the_wire_together_with_the_document(stack: Up) -> None:
    sizes = {
        path: len(
            requests.get(
                stack.base + path, headers={"Accept-Encoding": "gzip"}, stream=True, timeout=300
            ).raw.read(decode_content=False)
        )
        for path in ("/", "/docs", "/openapi.json")
    }
    assert sizes["/docs"] + sizes["/openapi.json"] < 120_000
