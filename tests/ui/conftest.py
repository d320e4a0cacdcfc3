"""The local stack with a feed of its own, and a browser.

Each test ends with a check of what the page must never do.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import functions.annotate.app as annotate
import functions.lookup.app as lookup
import functions.publish.app as publish
from local.buckets import make_bucket
from local.environment import (
    DEFAULT_API_KEY,
    DEFAULT_REGION,
    DEFAULTS,
    ENDPOINT,
    OBJECTS,
    SEARCH_TABLE,
)
from local.handlers import load_gateway
from tests.contract.support import serving_stage
from tests.e2e.support import Up
from tests.ui.sample import feed

# Chromium has no sandbox for root, and contacts its maker unless flags forbid it.
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
# A failed request is in the console whatever a page does.
_FAILED_REQUEST = "Failed to load resource"
SANDBOX = "https://sandbox.example"
STAGE = "live"
# Far beyond any expected time; a busy machine must not fail a test.
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


@pytest.fixture(scope="session")
def staged(stack: Up) -> Iterator[str]:
    """The same data at the default address of a REST API: its URL, with a stage in the path."""
    region = {"AWS_DEFAULT_REGION": DEFAULT_REGION, "AWS_REGION": DEFAULT_REGION}
    names = DEFAULTS | region | {ENDPOINT: stack.engine, OBJECTS: stack.engine}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (
            names | {"SEARCH_TABLE_NAME": SEARCH_TABLE, "SANDBOX_URL": SANDBOX}
        ).items():
            patch.setenv(name, value)
        # Made here, because each test has an environment of its own.
        make_bucket()
        make_bucket(os.environ["EXPORT_BUCKET"])
        assert lookup._service().filters()
        assert lookup._service().exports()
        publish._service()
        annotate._service()
        with serving_stage(load_gateway(), STAGE) as api:
            yield api.base
    for cached in (
        *(annotate._service, lookup._service),
        *(publish._settings, publish._client, publish._keys),
    ):
        cached.cache_clear()


@pytest.fixture
def page(stack: Up, browser: Browser, seen: Seen, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page, opened in a browser that knows nothing yet; a parameter is the theme."""
    with browsing(browser, seen, stack.base, getattr(request, "param", "light")) as page:
        page.goto(stack.base + "/")
        yield page


@contextmanager
def browsing(browser: Browser, seen: Seen, base: str, theme: Any = "light") -> Iterator[Page]:
    """A browser that knows nothing yet, and may ask for nothing but what is below `base`."""
    context = browser.new_context(
        color_scheme=theme,
        permissions=["clipboard-read", "clipboard-write"],
        viewport={"width": 1280, "height": 900},
    )
    context.set_default_timeout(PATIENCE_MS)
    # A violation of the policy is an error in the console, too.
    context.on("console", lambda message: _listen(seen, message))
    context.on("weberror", lambda error: seen.complaints.append(str(error.error)))
    context.on("dialog", lambda dialog: seen.complaints.append(f"dialog {dialog.message}"))
    context.on("request", lambda asked: _follow(seen, base, asked))
    yield context.new_page()
    context.close()
    assert seen.elsewhere == []
    assert seen.complaints == []


def _listen(seen: Seen, message: Any) -> None:
    if message.type in {"error", "warning"} and _FAILED_REQUEST not in message.text:
        seen.complaints.append(message.text)


def _follow(seen: Seen, base: str, request: Any) -> None:
    seen.asked.append(f"{request.method} {request.url.removeprefix(base)}")
    below = request.url == base or request.url.startswith(f"{base}/")
    if not below and not request.url.startswith(("data:image/", f"blob:{origin_of(base)}/")):
        seen.elsewhere.append(request.url)


def origin_of(address: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


@pytest.fixture
def opened(page: Page) -> Page:
    """The page, with the key typed in."""
    return with_key(page)


def with_key(page: Page) -> Page:
    """The same page, after the key was typed in."""
    page.fill("#key", DEFAULT_API_KEY)
    page.press("#key", "Enter")
    return page
