"""The page and /docs below a stage, as on the default address of a REST API."""

import shlex
from collections.abc import Iterator
from urllib.parse import urldefrag, urlsplit

import pytest
import requests
from playwright.sync_api import Browser, Page

from local.environment import DEFAULT_API_KEY
from shared.http.errors import NO_SUCH_ENDPOINT
from tests.ui.conftest import STAGE, Seen, browsing, origin_of, with_key
from tests.ui.sample import digest_of
from tests.ui.test_page import MALICIOUS, look_up, rows

_LINKS = "links => links.map(link => link.href)"


@pytest.fixture
def visitor(staged: str, browser: Browser, seen: Seen) -> Iterator[Page]:
    """A browser that may ask for nothing outside of the stage."""
    with browsing(browser, seen, staged) as page:
        yield page


def broken_links(page: Page, staged: str) -> list[str]:
    """The links of a page to this host that lead outside of the stage, or nowhere."""
    found = page.eval_on_selector_all("a", _LINKS)
    assert found
    broken = []
    for link in found:
        address, fragment = urldefrag(link)
        if address == urldefrag(page.url)[0]:
            # A view of the page, or an element of it.
            views = (
                fragment.split("/")[0] in {"search", "status", "list", "ioc"}
                or page.locator(f"[id='{fragment}']").count()
            )
            ok = bool(views)
        elif link and origin_of(link) != origin_of(staged):
            ok = True
        else:
            ok = (
                urlsplit(link).path.startswith(f"/{STAGE}/")
                and requests.get(address, timeout=300).ok
            )
        if not ok:
            broken.append(link)
    return broken


@pytest.mark.parametrize("end", ["", "/", "/?from=mail", "//"])
def test_the_page_works_below_a_stage(visitor: Page, staged: str, seen: Seen, end: str) -> None:
    visitor.goto(staged + end)
    with_key(visitor)
    look_up(visitor, f"{MALICIOUS} {digest_of(1)}")
    assert rows(visitor) == {MALICIOUS: "MALICIOUS", digest_of(1).upper(): "LIKELY_MALICIOUS"}
    visitor.click(f"[aria-label='Details of {MALICIOUS}']")
    visitor.wait_for_selector("text=Related")
    assert broken_links(visitor, staged) == []
    visitor.click("#to-status")
    visitor.wait_for_selector("#status table")
    assert {"POST /v4/search", "GET /v4/status/feed"} <= set(seen.asked)
    visitor.click("#to-docs")
    visitor.wait_for_selector("h1:has-text('IOC reputation')")
    assert visitor.url == f"{staged}/docs"


@pytest.mark.parametrize("end", ["", "/", "?from=mail"])
def test_the_description_works_below_a_stage(visitor: Page, staged: str, end: str) -> None:
    visitor.goto(f"{staged}/docs{end}")
    visitor.wait_for_selector("text=Machine-readable")
    assert broken_links(visitor, staged) == []
    visitor.click("text=openapi.json")
    assert visitor.url == f"{staged}/openapi.json"


def test_every_command_of_the_description_asks_below_the_stage(visitor: Page, staged: str) -> None:
    visitor.goto(f"{staged}/docs")
    visitor.wait_for_selector("text=Machine-readable")
    shown = visitor.eval_on_selector_all("pre", "all => all.map(one => one.textContent)")
    commands = [shlex.split(one) for one in shown if one.startswith("curl ")]
    assert len(commands) > 40
    refused = []
    for curl, silent, *words in commands:
        assert (curl, silent) == ("curl", "-s")
        address = words.pop()
        assert address.startswith(f"{staged}/"), address
        options = list(zip(words[::2], words[1::2], strict=True))
        headers = dict(one.split(": ", 1) for name, one in options if name == "-H")
        if "apikey" in headers:
            headers["apikey"] = DEFAULT_API_KEY
        answer = requests.request(
            dict(options).get("-X", "GET"),
            address.replace("YOUR_KEY", DEFAULT_API_KEY),
            headers=headers,
            data=dict(options).get("-d"),
            timeout=300,
            allow_redirects=False,
        )
        # The sample that an example names, or the file, may not be in this store.
        missing = answer.status_code == 404 and NO_SUCH_ENDPOINT.message not in answer.text
        if answer.status_code not in {200, 302} and not missing:
            refused.append(f"{answer.status_code} {address}")
    assert refused == []
