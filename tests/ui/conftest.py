"""The local stack with a feed of its own, and a browser.

What the page must never do, whoever works with it, is looked at after each test.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from local.environment import DEFAULT_API_KEY
from tests.e2e.support import Up
from tests.ui.sample import feed

# Chromium has no sandbox for root, and asks its maker for this and that unless it is told not to.
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
# A failed request is in the console whatever a page does.
_FAILED_REQUEST = "Failed to load resource"
SANDBOX = "https://sandbox.example"
# Far beyond what anything takes; a machine that is busy is no failure.
PATIENCE_MS = 120_000


@dataclass
class Seen:
    """What a page did; all of it has to stay empty but for `asked`."""

    asked: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def stack() -> Iterator[Up]:
    with feed() as url:
        up = Up(FEED_URL=url, SANDBOX_URL=SANDBOX)
        yield up
        up.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def page(stack: Up, browser: Browser, seen: Seen, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page, opened in a browser that knows nothing yet; a parameter is the theme."""
    context = browser.new_context(
        color_scheme=getattr(request, "param", "light"),
        permissions=["clipboard-read", "clipboard-write"],
        viewport={"width": 1280, "height": 900},
    )
    context.set_default_timeout(PATIENCE_MS)
    # A violation of the policy is an error in the console, too.
    context.on("console", lambda message: _listen(seen, message))
    context.on("weberror", lambda error: seen.complaints.append(str(error.error)))
    context.on("dialog", lambda dialog: seen.complaints.append(f"dialog {dialog.message}"))
    context.on("request", lambda asked: _follow(seen, stack.base, asked))
    page = context.new_page()
    page.goto(stack.base + "/")
    yield page
    context.close()
    assert seen.elsewhere == []
    assert seen.complaints == []


def _listen(seen: Seen, message: Any) -> None:
    if message.type in {"error", "warning"} and _FAILED_REQUEST not in message.text:
        seen.complaints.append(message.text)


def _follow(seen: Seen, base: str, request: Any) -> None:
    seen.asked.append(f"{request.method} {request.url.removeprefix(base)}")
    if not request.url.startswith((f"{base}/", "data:image/", f"blob:{base}/")):
        seen.elsewhere.append(request.url)


@pytest.fixture
def opened(page: Page) -> Page:
    """The page, with the key typed in."""
    return with_key(page)


def with_key(page: Page) -> Page:
    """The same page, after the key was typed in."""
    page.fill("#key", DEFAULT_API_KEY)
    page.press("#key", "Enter")
    return page
