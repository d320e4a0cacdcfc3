"""The page of one indicator: its link, its explanation, and the way back."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, Route

from local.environment import DEFAULT_API_KEY
from local.feed import PAGES
from tests.e2e.support import Up
from tests.ui.conftest import Seen, with_key
from tests.ui.sample import IMAGE, digest_of
from tests.ui.test_page import BENIGN, MALICIOUS, look_up, rows, violations
from tests.ui.test_state import held

_LOADED = "#ioc h3:text-is('Related')"
URL = "http://files.example/0.bin?id=0"
FILE = "45F20E63F4726755015FDD5595BD46CCE511A5A952E1B2C1F3CF558FAD18958E"


def go_to(page: Page, kind: str, value: str) -> None:
    page.evaluate("place => { location.hash = place; }", f"#ioc/{kind}/{quote(value, safe='')}")


def body_of(kind: str, value: str, **fields: Any) -> dict[str, Any]:
    body = {"type": kind, "value": value, "verdict": "MALICIOUS", "why": [f"{value} is MALICIOUS."]}
    return body | {"providers": [], "around": [], "report": {}} | fields


def scan(**fields: Any) -> dict[str, Any]:
    empty = {"verdict": "MALICIOUS", "flow_id": "f1", "report_id": "r1", "evidence": [], "file": {}}
    return empty | fields


def test_a_row_leads_to_its_indicator_and_back_to_the_list(opened: Page, seen: Seen) -> None:
    look_up(opened, f"{MALICIOUS} {BENIGN}")
    before = rows(opened)
    opened.click(f"#rows a:has-text('{MALICIOUS}')")
    opened.wait_for_selector(_LOADED)
    assert opened.url.endswith(f"#ioc/domain/{MALICIOUS}")
    assert opened.inner_text("#ioc-title") == MALICIOUS
    assert "Malicious" in opened.inner_text("#ioc .answer")
    assert MALICIOUS in opened.title()
    asked = len(seen.asked)
    opened.go_back()
    opened.wait_for_selector("#search-view:visible")
    assert rows(opened) == before
    # The rows are those that were there: nothing is asked again.
    assert len(seen.asked) == asked


def test_a_link_opens_the_indicator_and_a_reload_renews_it(page: Page, stack: Up) -> None:
    page.goto(f"{stack.base}/#ioc/url/{quote(URL, safe='')}")
    page.wait_for_selector("text=Enter an API key first.")
    with_key(page)
    page.wait_for_selector(_LOADED)
    page.reload()
    page.wait_for_selector(_LOADED)
    assert page.inner_text("#ioc-title") == URL
    assert DEFAULT_API_KEY not in page.url


def test_no_request_line_holds_the_link(opened: Page, stack: Up, seen: Seen) -> None:
    look_up(opened, f"{MALICIOUS} {BENIGN}")
    opened.reload()
    opened.wait_for_selector("#rows tr")
    assert not [one for one in seen.asked if MALICIOUS in one]


def test_a_list_is_there_after_reload_and_back(opened: Page) -> None:
    first, second = f"{MALICIOUS} {BENIGN}", f"{digest_of(1)} {'x ' * 3000} {BENIGN}"
    look_up(opened, first)
    look_up(opened, second)
    opened.reload()
    opened.wait_for_selector(f"#rows >> text={digest_of(1).upper()}")
    assert opened.input_value("#text") == second
    opened.go_back()
    opened.wait_for_selector(f"#rows >> text={MALICIOUS}")
    assert opened.input_value("#text") == first
    assert rows(opened) == {MALICIOUS: "MALICIOUS", BENIGN: "BENIGN"}


def test_a_link_to_a_list_looks_it_up(opened: Page, stack: Up) -> None:
    look_up(opened, f"{MALICIOUS} {BENIGN}")
    link = opened.url
    opened.goto("about:blank")
    opened.goto(link)
    opened.wait_for_selector(f"#rows >> text={MALICIOUS}")
    assert rows(opened) == {MALICIOUS: "MALICIOUS", BENIGN: "BENIGN"}


def test_why_evidence_file_siblings_and_surroundings(opened: Page) -> None:
    sister = {"type": "md5", "value": "A" * 32}
    evidence = [
        {"source": "yara", "name": f"rule {IMAGE}", "verdict": "MALICIOUS", "decides": True},
        {"source": "osint", "name": "Echo list", "verdict": "SUSPICIOUS", "echo": True},
    ]
    latest = scan(
        evidence=evidence,
        file={"name": "a.exe", "type": "exe", "size": 12},
        malware_family="Emotet",
    )
    around = [{"type": "domain", "value": MALICIOUS, "verdict": "SUSPICIOUS"}]
    body = body_of(
        "sha256",
        FILE,
        latest=latest,
        worst=latest,
        siblings=[sister],
        around=around,
        overruled_by="The rule",
        overruled_verdict="MALICIOUS",
    )
    opened.route("**/v4/ioc/hash/*", lambda route: route.fulfill(json=body))
    go_to(opened, "sha256", FILE)
    opened.wait_for_selector("#ioc h3:text-is('Why')")
    assert opened.inner_text("#ioc ul li") == f"{FILE} is MALICIOUS."
    shown = opened.locator("table:has-text('Evidence of') tbody tr").all_inner_texts()
    words = [" ".join(one.replace("\xa0", " ").split()) for one in shown]
    assert words == [
        f"YARA rule rule {IMAGE} ✖ Malicious decided f1",
        "provider asked by the sandbox Echo list ! Suspicious repeats an answer of this service f1",
    ]
    text = opened.inner_text("#ioc")
    assert "Malicious, overruled by The rule" in text
    assert all(fact in text for fact in ("a.exe", "12 bytes", "Emotet"))
    links = opened.eval_on_selector_all("#ioc a[href^='#ioc']", "all => all.map(a => a.hash)")
    assert links == [f"#ioc/md5/{'A' * 32}", f"#ioc/domain/{MALICIOUS}"]
    opened.unroute("**/v4/ioc/hash/*")
    opened.click(f"#ioc a:has-text('{MALICIOUS}')")
    opened.wait_for_selector(_LOADED)
    assert opened.inner_text("#ioc-title") == MALICIOUS


def test_a_text_with_one_indicator_leads_to_its_page(opened: Page) -> None:
    look_up(opened, f"{MALICIOUS} {BENIGN}")
    opened.fill("#text", f" {MALICIOUS}\n")
    opened.press("#text", "Control+Enter")
    opened.wait_for_selector(_LOADED)
    assert opened.inner_text("#ioc-title") == MALICIOUS
    opened.go_back()
    opened.wait_for_selector(f"#rows >> text={BENIGN}")
    assert rows(opened) == {MALICIOUS: "MALICIOUS", BENIGN: "BENIGN"}


def test_an_unknown_indicator_is_shown_as_unknown(opened: Page) -> None:
    go_to(opened, "domain", "unheard.samples.example")
    opened.wait_for_selector("#ioc >> text=Nothing is known of unheard.samples.example")
    assert "Unknown" in opened.inner_text("#ioc .answer")


def test_a_failure_shows_no_verdict(opened: Page) -> None:
    go_to(opened, "domain", MALICIOUS)
    opened.wait_for_selector(_LOADED)
    opened.route("**/v4/ioc/**", lambda route: route.abort())
    go_to(opened, "ip", BENIGN)
    opened.wait_for_selector("#ioc-said.failed >> text=The service does not answer.")
    assert opened.inner_text("#ioc") == ""


def test_a_late_answer_does_not_replace_the_indicator(opened: Page) -> None:
    with held(opened, "**/v4/ioc/*/*") as holding:
        go_to(opened, "domain", MALICIOUS)
        holding.wait_for(1)
        go_to(opened, "ip", BENIGN)
        holding.wait_for(2)
        holding.release(1)
        opened.wait_for_selector("#ioc .answer >> text=Benign")
        holding.release(0)
        opened.wait_for_timeout(500)
    assert opened.inner_text("#ioc-title") == BENIGN
    assert "Benign" in opened.inner_text("#ioc .answer")


def test_the_indicator_and_its_link_can_be_copied(opened: Page) -> None:
    go_to(opened, "url", URL)
    opened.wait_for_selector(_LOADED)
    for button, copied in (
        ("Copy defanged", "hxxp://files[.]example/0[.]bin?id=0"),
        ("Copy link", opened.url),
    ):
        opened.click(f"#ioc button:text-is('{button}')")
        opened.wait_for_selector("#ioc-said >> text=copied")
        opened.wait_for_function(
            "text => navigator.clipboard.readText().then(now => now === text)", arg=copied
        )


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_both_themes_of_an_indicator_are_accessible(opened: Page, tmp_path: Path) -> None:
    go_to(opened, "sha256", digest_of(0).upper())
    opened.wait_for_selector(_LOADED)
    assert violations(opened) == []
    opened.screenshot(path=tmp_path / "indicator.png", full_page=True)
    opened.set_viewport_size({"width": 390, "height": 844})
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390
    opened.screenshot(path=tmp_path / "phone.png", full_page=True)


def test_the_first_result_is_on_the_first_screen_of_a_phone(opened: Page) -> None:
    opened.set_viewport_size({"width": 390, "height": 844})
    look_up(opened, f"{MALICIOUS} {BENIGN} {digest_of(1)} {digest_of(2)} {digest_of(3)}")
    box = opened.locator("#rows tr").first.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 844


def test_the_titles_of_the_table_stay_in_sight(opened: Page) -> None:
    look_up(opened, " ".join(f"unheard-{number}.samples.example" for number in range(80)))
    opened.evaluate("scrollTo(0, document.body.scrollHeight / 2)")
    box = opened.locator("#head").bounding_box()
    assert box is not None
    assert -1 <= box["y"] <= 1


def test_the_first_run_offers_an_example_of_the_sample_feed(opened: Page) -> None:
    opened.click("#example")
    opened.wait_for_selector("#rows >> text=evil.example")
    stored = {
        str(entry["data"]).upper()
        for path in PAGES.glob("page-*.json")
        for report in json.loads(path.read_bytes())["items"]
        for entries in report["iocs"].values()
        for entry in entries
    }
    shown = set(rows(opened))
    assert len(shown) == 5
    assert {value.upper() for value in shown} <= stored
    assert not opened.is_visible("#first-run")


def test_an_indicator_can_be_marked_and_reported(opened: Page) -> None:
    sent: list[Any] = []
    marked: dict[str, Any] = {}

    def answer(route: Route) -> None:
        request = route.request
        end = request.url.rsplit("/", 1)[1]
        if end == MALICIOUS:
            route.fulfill(json=body_of("domain", MALICIOUS, **marked))
            return
        sent.append((request.method, end, request.post_data_json))
        marked.clear()
        if request.method == "PUT":
            marked.update(override={"verdict": "BENIGN", "reason": "Ours."})
        route.fulfill(json={})

    opened.route("**/v4/ioc/**", answer)
    go_to(opened, "domain", MALICIOUS)
    opened.click("#ioc summary:has-text('Mark it')")
    form = opened.locator("#ioc form")
    # Nothing is sent without a reason.
    form.get_by_text("Mark it").click()
    form.get_by_label("Reason").fill("Ours.")
    form.get_by_label("until").fill("2030-01-31")
    form.get_by_text("Mark it").click()
    opened.wait_for_selector("#ioc-said >> text=The indicator is marked.")
    opened.click("#ioc summary:has-text('Mark it')")
    opened.click("text=Remove the mark")
    opened.wait_for_selector("#ioc-said >> text=The mark is removed.")
    assert opened.locator("text=Remove the mark").count() == 0
    opened.click("#ioc summary:has-text('Mark it')")
    form.get_by_label("Reason").fill("A test machine.")
    form.get_by_text("Report a false positive").click()
    opened.wait_for_selector("#ioc-said >> text=The false positive is reported.")
    assert sent == [
        (
            "PUT",
            "verdict",
            {"verdict": "BENIGN", "reason": "Ours.", "expires": "2030-01-31T23:59:59Z"},
        ),
        ("DELETE", "verdict", None),
        ("POST", "false-positive", {"reason": "A test machine."}),
    ]


def test_only_a_key_that_may_mark_is_shown_the_form(opened: Page) -> None:
    rights = ["export", "lookup"]
    opened.route("**/v4/apikey", lambda route: route.fulfill(json={"rights": rights}))
    opened.reload()
    go_to(opened, "domain", MALICIOUS)
    opened.click("#ioc summary:text-is('Report a false positive')")
    assert opened.locator("#ioc form button").all_inner_texts() == ["Report a false positive"]
    assert opened.locator("#ioc form select").count() == 0


def test_a_mark_counts_at_once(opened: Page) -> None:
    """With the service itself, so that the page and the routes agree."""
    value = "host-59.samples.example"
    go_to(opened, "domain", value)
    opened.wait_for_selector("#ioc .answer >> text=Benign")
    for button, verdict in (("Mark it", "No threat"), ("Remove the mark", "Benign")):
        opened.click("#ioc summary:has-text('Mark it')")
        if button == "Mark it":
            opened.get_by_label("Reason").fill("Not of interest.")
            opened.locator("#ioc form select").select_option("NO_THREAT")
        opened.click(f"#ioc button:text-is('{button}')")
        opened.wait_for_selector(f"#ioc .answer >> text={verdict}")
    opened.click("#ioc summary:has-text('Mark it')")
    opened.get_by_label("Reason").fill("A machine of ours.")
    opened.click("#ioc button:text-is('Report a false positive')")
    opened.wait_for_selector("#ioc-said >> text=The false positive is reported.")


def test_a_refused_mark_keeps_the_reason(opened: Page) -> None:
    go_to(opened, "domain", MALICIOUS)
    opened.wait_for_selector(_LOADED)
    refusal = {"error": {"code": 403003, "messages": ["The key lacks the right annotate."]}}
    opened.route("**/verdict", lambda route: route.fulfill(status=403, json=refusal))
    opened.click("#ioc summary:has-text('Mark it')")
    opened.get_by_label("Reason").fill("Ours.")
    opened.click("#ioc button:text-is('Mark it')")
    opened.wait_for_selector("#ioc .failed >> text=The key lacks the right annotate.")
    assert opened.get_by_label("Reason").input_value() == "Ours."
    assert violations(opened) == []


def test_a_key_is_tried_when_it_is_set(page: Page, seen: Seen) -> None:
    page.fill("#key", "wrong")
    page.press("#key", "Enter")
    page.wait_for_selector("text=This key is not known.")
    with_key(page)
    page.wait_for_selector("#key-said >> text=is set.")
    assert "GET /v4/apikey" in seen.asked
