"""People's work with the page, done by a browser."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stix2
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route

from local.environment import DEFAULT_API_KEY
from tests.e2e.support import Up
from tests.ui.conftest import SANDBOX, Seen, with_key
from tests.ui.sample import FORMULA, IMAGE, LINES, digest_of, mixed_text

SEARCH = "POST /v4/search"
MALICIOUS = "host-0.samples.example"
BENIGN = "198.51.100.4"
# One row: a text with nothing but one indicator would lead to the page of that indicator.
ONE_ROW = f"{MALICIOUS} 10.0.0.0/8"
_READ = """rows => rows.map(row => [
    row.querySelector("code").textContent,
    row.querySelector(".verdict").lastChild.textContent.toUpperCase().replace(" ", "_"),
])"""
_IDLE = "#search-view:has(#stop[hidden]) #rows tr"


def look_up(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.press("#text", "Control+Enter")
    page.wait_for_selector(_IDLE)


def rows(page: Page) -> dict[str, str]:
    """The verdict of each indicator that the table shows, as a reader sees it."""
    return dict(
        page.eval_on_selector_all(
            "#rows > tr:not(.more)",
            _READ,
        )
    )


def saved(page: Page, button: str) -> str:
    with page.expect_download() as download:
        page.click(button)
    return Path(download.value.path()).read_bytes().decode()


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['impact']} {one['id']}: {one['help']}" for one in found]


def test_300_pasted_lines_have_the_right_verdicts(opened: Page, seen: Seen) -> None:
    text, verdicts = mixed_text()
    assert text.count("\n") + 1 == len(verdicts) == LINES
    opened.evaluate("text => navigator.clipboard.writeText(text)", text)
    opened.focus("#text")
    opened.keyboard.press("Control+V")
    opened.click("#go")
    opened.wait_for_selector(_IDLE)
    assert opened.inner_text("#said") == f"{LINES} indicators."
    assert rows(opened) == verdicts
    # Piece by piece, which is what makes the progress.
    assert seen.asked.count(SEARCH) == 2
    assert opened.input_value("#text").count("\n") == text.count("\n")
    assert "10.0.0.0/8" in opened.locator("#missed").text_content()


def test_rows_come_worst_first_and_a_title_turns_them(opened: Page) -> None:
    look_up(opened, f"{BENIGN} nothing.samples.example {MALICIOUS}")
    assert list(rows(opened).values()) == ["MALICIOUS", "BENIGN", "UNKNOWN"]
    opened.click("#by-value button")
    assert list(rows(opened)) == sorted(rows(opened))
    assert opened.get_attribute("#by-value", "aria-sort") == "ascending"
    opened.click("#by-value button")
    assert list(rows(opened)) == sorted(rows(opened), reverse=True)


def test_a_filter_shows_and_saves_less(opened: Page) -> None:
    look_up(opened, mixed_text()[0])
    opened.uncheck("#verdicts label:has(.MALICIOUS) input")
    assert "MALICIOUS" not in rows(opened).values()
    opened.select_option("#kind", "ip")
    opened.fill("#filter", "100.4")
    shown = rows(opened)
    assert BENIGN in shown
    assert all("100.4" in value for value in shown)
    assert {one["value"] for one in json.loads(saved(opened, "#json"))} == set(shown)


def test_the_keyboard_is_enough(page: Page) -> None:
    page.keyboard.type(DEFAULT_API_KEY)
    page.keyboard.press("Enter")
    page.wait_for_selector("#text:focus")
    page.keyboard.type(f"{MALICIOUS} {BENIGN}")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(_IDLE)
    page.keyboard.press("Tab")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "filter"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#rows [aria-expanded]')"):
            break
    page.keyboard.press("ArrowDown")
    page.wait_for_selector(f"[aria-label='Details of {BENIGN}']:focus")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_selector("tr.more h3:text-is('Related')")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == (
        f"Details of {MALICIOUS}"
    )
    page.keyboard.press("Enter")
    assert page.locator("tr.more").count() == 0


def test_details_show_sightings_relatives_and_the_report(opened: Page) -> None:
    look_up(opened, ONE_ROW)
    opened.click("#rows [aria-expanded]")
    opened.wait_for_selector("tr.more h3:text-is('Related')")
    assert opened.locator("tr.more svg circle").count() == 1
    text = opened.inner_text("tr.more")
    assert digest_of(0).upper() in text
    assert "198.51.100.0" in text
    links = opened.eval_on_selector_all(
        "tr.more a[target]:not(table:has-text('Evidence of') a)",
        "links => links.map(link => link.href)",
    )
    flow = "66b3763be7dbbbdfcd0c0000"
    report = "4c1a0000-0000-4000-8000-000000000000"
    # Of the sighting, and of each of its three relatives.
    assert links == [
        f"{SANDBOX}/uploads/{flow}",
        *[f"{SANDBOX}/uploads/{flow}/reports/{report}/overview"] * 4,
    ]


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_both_themes_are_accessible(page: Page, tmp_path: Path) -> None:
    assert violations(page) == []
    opened = with_key(page)
    look_up(opened, f"{mixed_text()[0]}\n{MALICIOUS}")
    opened.click("#rows [aria-expanded]")
    opened.wait_for_selector("tr.more h3:text-is('Related')")
    opened.screenshot(path=tmp_path / "search.png", full_page=True)
    assert violations(opened) == []
    opened.click("#to-status")
    opened.wait_for_selector("text=As of")
    opened.screenshot(path=tmp_path / "status.png", full_page=True)
    assert violations(opened) == []


def test_the_switch_is_stronger_than_the_system(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.select_option("#theme", "dark")
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark


@pytest.mark.parametrize("width", [360, 768])
def test_a_narrow_screen_does_not_scroll_sideways(opened: Page, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 800})
    look_up(opened, f"{digest_of(0)} http://files.example/{'a' * 400}")
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


def test_a_narrow_screen_shows_verdict_indicator_and_details_side_by_side(opened: Page) -> None:
    opened.set_viewport_size({"width": 360, "height": 800})
    look_up(opened, f"{MALICIOUS} {digest_of(0)}")
    opened.click(f"[aria-label='Details of {MALICIOUS}']")
    opened.wait_for_selector("tr.more h3:text-is('Related')")
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_into_the_text(opened: Page, encoding: str) -> None:
    buffer = f"{MALICIOUS}\r\n{BENIGN}\r\n".encode(encoding)
    opened.set_input_files(
        "#file", {"name": "list.txt", "mimeType": "text/plain", "buffer": buffer}
    )
    opened.wait_for_selector("#said:has-text('list.txt is read. Look it up.')")
    look_up(opened, opened.input_value("#text"))
    assert rows(opened) == {MALICIOUS: "MALICIOUS", BENIGN: "BENIGN"}


def test_what_is_pasted_is_never_read_as_html(opened: Page) -> None:
    hostile = (
        f"{IMAGE} <script>alert(2)</script> http://files.example/{IMAGE}\n"
        f'"><svg onload=alert(3)> evil[.]example/"><iframe src=javascript:alert(4)> 1.2.3.4/8\n'
    )
    look_up(opened, f"{hostile} {MALICIOUS}")
    opened.click("#missed summary")
    for button in opened.locator("#rows [aria-expanded]").all():
        button.click()
    opened.wait_for_selector("tr.more h3:text-is('Related')")
    assert opened.locator(".tag", has_text=IMAGE).count() > 0
    assert opened.locator("img, iframe, main script, [onerror], [onload]").count() == 0


def test_status_counts_by_type_and_verdict(opened: Page) -> None:
    opened.click("#to-status")
    opened.wait_for_selector("text=As of")
    table = opened.locator("table", has_text="By type and verdict")
    cells = table.locator("tbody tr").all_inner_texts()
    assert [cell.split() for cell in cells] == [
        [kind, "12", "12", "12", "12", "12"] for kind in ("ip", "domain", "url", "sha256")
    ]
    assert opened.locator("#status svg[role=img] rect").count() > 28
    assert "None is switched on." in opened.inner_text("#status")


def _status_row(name: str, **facts: Any) -> dict[str, Any]:
    row = {"id": name, "provider": name, "types": ["ip"], "on_demand": False, "last_success": ""}
    return row | {"age_s": -1, "entries": 0, "error": "", "licence": ""} | facts


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_status_shows_how_providers_stand(opened: Page) -> None:
    rows = [
        _status_row("Full list", entries=2000, age_s=7200, licence=IMAGE),
        _status_row("Half a list", entries=1000, age_s=90, error="status 503"),
        _status_row("Somebody to ask", on_demand=True),
    ]
    opened.route("**/v4/status/providers", lambda route: route.fulfill(json={"providers": rows}))
    opened.click("#to-status")
    opened.wait_for_selector("text=As of")
    table = opened.locator("table", has_text="State of each provider")
    full, half, asked = table.locator("tbody tr").all()
    assert full.locator("td").all_inner_texts() == (
        ["Full list", "ip", "2000", "2 hours ago", "\u2714 fine", IMAGE]
    )
    assert half.locator("td").all_inner_texts()[2:5] == (
        ["1000", "1 minute ago", "\u2716 status 503"]
    )
    assert "asked at look-up" in asked.inner_text()
    widths = [bar.get_attribute("width") for bar in table.locator("rect").all()]
    assert widths == ["100", "50"]
    assert violations(opened) == []


def test_details_show_what_each_provider_says(opened: Page) -> None:
    times = {"detect_time": "", "update_time": ""}
    sources = [
        {"provider": "Lists it", "assessment": "high risk", "category": "botnet", "status": 1},
        {"provider": "Trusts it", "assessment": "trustworthy", "status": 0},
        {"provider": "Is down", "assessment": "", "status": 3},
        {"provider": "Never heard of it", "assessment": "", "status": 5},
    ]
    engines = {
        "Names it": {"scan_result_i": 1, "threat_found": "Emotet", "def_time": ""},
        "Finds nothing": {"scan_result_i": 5, "threat_found": "", "def_time": ""},
    }
    place = {"text": "x", "offset": 0, "count": 1, "verdict": "LIKELY_MALICIOUS"}
    results = {"sources": [one | times for one in sources]}
    found = [
        place | {"type": "ip", "value": "192.0.2.1", "report": {"lookup_results": results}},
        place | {"type": "md5", "value": "A" * 32, "report": {"scan_details": engines}},
    ]
    answer = {"data": found, "not_understood": [], "rest": None}
    opened.route("**/v4/search", lambda route: route.fulfill(json=answer))
    look_up(opened, "anything")
    for button in opened.locator("#rows [aria-expanded]").all():
        button.click()
    said = opened.locator(
        "tr.more table:has-text('Verdict of each provider') tbody tr"
    ).all_inner_texts()
    assert [" ".join(one.split()) for one in said] == [
        "Lists it high risk, botnet",
        "Trusts it trustworthy",
        "Is down did not answer",
        "Never heard of it knows nothing",
        "Names it Emotet",
        "Finds nothing knows nothing",
    ]
    assert "Lists it, Trusts it" in opened.inner_text("#rows tr:first-child")


def test_a_long_text_is_read_to_its_end(opened: Page, seen: Seen) -> None:
    """The service counts characters, of which JavaScript takes some for two."""
    text = "\U0001f600 " * 50 + "\n" + " ".join(f"r{n}.samples.example" for n in range(1100))
    look_up(opened, text)
    opened.wait_for_selector("text=1100 indicators.")
    assert seen.asked.count(SEARCH) == 2
    assert opened.inner_text("#shown") == "all 1100"
    assert len(rows(opened)) == 500
    opened.click("#more")
    opened.click("#more")
    assert len(rows(opened)) == 1100
    assert not opened.is_visible("#more")
    assert {one["count"] for one in json.loads(saved(opened, "#json"))} == {1}


def test_copying_takes_what_is_shown(opened: Page) -> None:
    look_up(opened, f"{MALICIOUS} http://files.example/0.bin?id=0 {digest_of(0)}")
    opened.check("#defanged")
    opened.click("#copy")
    opened.wait_for_selector("text=copied 3")
    assert opened.evaluate("navigator.clipboard.readText()").splitlines() == [
        "host-0[.]samples[.]example",
        "hxxp://files[.]example/0[.]bin?id=0",
        digest_of(0).upper(),
    ]


def test_a_saved_csv_holds_no_formula(opened: Page) -> None:
    look_up(opened, f"{MALICIOUS} {ONE_ROW}")
    [row] = csv.DictReader(io.StringIO(saved(opened, "#csv"), newline=""))
    assert (row["verdict"], row["type"], row["value"]) == ("MALICIOUS", "domain", MALICIOUS)
    assert (row["count"], row["providers"]) == ("2", "MetaDefender Sandbox")
    # The tags of the sample begin with one.
    assert row["tags"].startswith(f"'{FORMULA};")


def test_a_saved_bundle_is_stix_and_always_the_same(opened: Page) -> None:
    text, verdicts = mixed_text()
    look_up(opened, text)
    bundle = saved(opened, "#stix")
    parsed: Any = stix2.parse(bundle, allow_custom=False)
    known = [value for value, verdict in verdicts.items() if verdict != "UNKNOWN"]
    assert len(parsed.objects) == len(known)
    assert {one.name.upper() for one in parsed.objects} == {value.upper() for value in known}
    assert len({one.id for one in parsed.objects}) == len(known)
    look_up(opened, text)
    assert saved(opened, "#stix") == bundle


def test_a_pattern_quotes_what_it_holds(opened: Page) -> None:
    value = "http://files.example/it's\\here"
    found = {"type": "url", "value": value, "text": value, "offset": 0, "count": 1}
    row = found | {"verdict": "MALICIOUS", "report": {"lookup_results": {"sources": []}}}
    answer = {
        "data": [row],
        "not_understood": [{"text": "?", "offset": 0, "reason": "?"}],
        "rest": None,
    }
    opened.route("**/v4/search", lambda route: route.fulfill(json=answer))
    look_up(opened, "anything")
    [indicator] = stix2.parse(saved(opened, "#stix")).objects
    assert indicator.pattern == "[url:value = 'http://files.example/it\\'s\\\\here']"


def test_the_key_is_kept_by_this_tab_only(opened: Page, stack: Up, seen: Seen) -> None:
    look_up(opened, ONE_ROW)
    assert opened.evaluate("sessionStorage.getItem('apikey')") == DEFAULT_API_KEY
    assert DEFAULT_API_KEY not in opened.evaluate("JSON.stringify(localStorage) + document.cookie")
    assert DEFAULT_API_KEY not in opened.content() + opened.url + "".join(seen.asked)
    other = opened.context.new_page()
    other.goto(stack.base + "/")
    assert other.evaluate("sessionStorage.length") == 0
    opened.click("#forget")
    assert opened.evaluate("sessionStorage.length") == 0


def test_a_key_that_is_not_known_is_asked_for_again(page: Page) -> None:
    page.fill("#key", "wrong")
    page.press("#key", "Enter")
    page.fill("#text", MALICIOUS)
    page.press("#text", "Control+Enter")
    page.wait_for_selector("text=This key is not known.")
    page.fill("#key", DEFAULT_API_KEY)
    page.press("#key", "Enter")
    look_up(page, ONE_ROW)
    assert rows(page) == {MALICIOUS: "MALICIOUS"}


def _refusal(status: int, number: int, message: str, **headers: str) -> dict[str, Any]:
    body = {"success": False, "error": {"code": number, "messages": [message]}}
    return {"status": status, "json": body, "headers": headers}


def test_a_quota_stops_it_and_it_goes_on_from_there(opened: Page, seen: Seen) -> None:
    text, verdicts = mixed_text()
    refusal = _refusal(429, 429000, "Used up.", **{"retry-after": "7"})
    opened.route(
        "**/v4/search",
        lambda route: (
            route.fulfill(**refusal) if seen.asked.count(SEARCH) == 2 else route.continue_()
        ),
    )
    look_up(opened, text)
    opened.wait_for_selector("text=Used up. Try again in 7 seconds.")
    assert 0 < len(rows(opened)) < LINES
    opened.click("#go-on")
    opened.wait_for_selector(f"text={LINES} indicators.")
    assert rows(opened) == verdicts
    assert seen.asked.count(SEARCH) == 3


def test_without_a_search_index_it_says_so(opened: Page) -> None:
    refusal = _refusal(404, 404000, "There is no search index.")
    opened.route("**/v4/ioc/**/sightings", lambda route: route.fulfill(**refusal))
    opened.route("**/v4/iocs/**", lambda route: route.fulfill(**refusal))
    look_up(opened, ONE_ROW)
    opened.click("#rows [aria-expanded]")
    opened.wait_for_selector("tr.more >> text=keeps no search index")
    opened.click("#to-status")
    opened.wait_for_selector("#status >> text=keeps no search index")
    assert "None is switched on." in opened.inner_text("#status")


def _feed_row(name: str, **facts: Any) -> dict[str, Any]:
    moment = "2026-01-05T10:00:00.000Z"
    row = {"feed": name, "last_run": moment, "age_s": 300, "complete": True, "stopped": ""}
    row |= {"failures": 0, "left": 0, "last_complete": moment, "newest_report": moment}
    return row | {"lag_s": 7200, "stale": False} | facts


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_status_shows_how_each_feed_was_read(opened: Page) -> None:
    feeds = [
        _feed_row("good.example"),
        _feed_row(
            "down.example:8080",
            age_s=90,
            complete=False,
            stopped=f"the feed {IMAGE}",
            failures=4,
            left=-1,
            last_complete="",
            newest_report="",
            lag_s=-1,
            stale=True,
        ),
        _feed_row("long.example", complete=False, stopped="time is up", failures=1, left=812),
    ]
    opened.route("**/v4/status/feed", lambda route: route.fulfill(json={"feeds": feeds}))
    opened.click("#to-status")
    opened.wait_for_selector("text=As of")
    table = opened.locator("table", has_text="How each feed was read last")
    good, down, long = [
        row.locator("td").all_inner_texts() for row in table.locator("tbody tr").all()
    ]
    assert good == [
        "good.example",
        "\u2714 up to date",
        "2026-01-05 10:00 (5 minutes ago)",
        "\u2714 complete",
        "2026-01-05 10:00",
        "2 hours old",
        "0",
    ]
    assert down[1:] == [
        "\u2716 stale",
        "2026-01-05 10:00 (1 minute ago)",
        f"\u2716 the feed {IMAGE}, 4 runs in a row",
        "never",
        "none was read",
        "not stated by the feed",
    ]
    assert (long[1], long[3], long[6]) == ("\u2714 up to date", "\u2716 time is up", "812")
    assert violations(opened) == []


def test_status_shows_the_run_that_there_was(opened: Page, stack: Up) -> None:
    opened.click("#to-status")
    opened.wait_for_selector("text=As of")
    rows = opened.locator("table", has_text="How each feed was read last").locator("tbody tr")
    feeds = [row.locator("td").all_inner_texts() for row in rows.all()]
    assert len(feeds) > 0
    for feed in feeds:
        assert feed[0].startswith("127.0.0.1:")
        assert (feed[1], feed[3], feed[6]) == ("\u2714 up to date", "\u2714 complete", "0")
        assert feed[2].endswith("ago)")


def _answering(body: Any) -> Callable[[Route], None]:
    return lambda route: route.fulfill(json=body)


def test_status_lists_the_false_positives_that_wait(opened: Page) -> None:
    row = {"type": "domain", "reason": IMAGE, "by": "soc"}
    reported = [
        row | {"value": value, "at": f"2026-01-0{day}T10:00:00.000Z"}
        for value, day in (("waits.example", 7), ("again.example", 6), ("decided.example", 5))
    ]
    change = {"action": "set", "type": "domain", "verdict": "BENIGN", "reason": "", "by": "soc"}
    changes = [
        change | {"value": value, "at": f"2026-01-0{day}T10:00:00.000Z"}
        for value, day in (("decided.example", 6), ("again.example", 5))
    ]
    answers = {"false-positives": reported, "overrides": changes}
    for name, rows in answers.items():
        opened.route(f"**/v4/{name}?*", _answering({"data": rows, "next_cursor": None}))
    opened.click("#to-status")
    table = opened.locator("table", has_text="2 wait for a decision")
    table.wait_for()
    assert table.locator("tbody td:nth-child(3)").all_inner_texts() == (
        ["waits.example", "again.example"]
    )
    assert violations(opened) == []


def test_status_without_the_right_to_mark_asks_for_no_reports(opened: Page, seen: Seen) -> None:
    opened.route("**/v4/apikey", lambda route: route.fulfill(json={"rights": ["lookup"]}))
    opened.reload()
    opened.click("#to-status")
    opened.wait_for_selector("text=As of")
    assert not any("false-positives" in one for one in seen.asked)
    assert "False positives" not in opened.inner_text("#status")


def test_before_the_first_run_status_says_so(opened: Page) -> None:
    opened.route("**/v4/status/feed", lambda route: route.fulfill(json={"feeds": []}))
    opened.click("#to-status")
    opened.wait_for_selector("#status >> text=No run of ingestion has ended yet.")
    assert opened.locator("table", has_text="How each feed").count() == 0


def test_status_that_cannot_be_had_says_why(opened: Page) -> None:
    refusal = _refusal(503, 503001, "The store does not answer.")
    opened.route("**/v4/status/feed", lambda route: route.fulfill(**refusal))
    opened.click("#to-status")
    opened.wait_for_selector("#status-said.failed >> text=The store does not answer.")
    assert opened.locator("#status").inner_text() == ""
    opened.unroute("**/v4/status/feed")
    opened.click("#refresh")
    opened.wait_for_selector("text=How each feed was read last")


def test_whatever_a_report_saw_links_to_it(opened: Page) -> None:
    report = f"{SANDBOX}/uploads/66b3763be7dbbbdfcd0c0000"
    look_up(opened, f"{MALICIOUS} unheard-0.samples.example")
    [scan] = opened.locator("#rows > tr:not(.more) a[target]").all()
    assert scan.get_attribute("href") == report
    assert scan.get_attribute("aria-label") == f"Scan report of {MALICIOUS}"
    opened.click("#rows [aria-expanded]")
    opened.wait_for_selector("tr.more h3:text-is('Related')")
    related = opened.locator("tr.more table", has_text="more in the scan")
    for row in related.locator("tbody tr").all():
        link = row.locator("a[target]").get_attribute("href") or ""
        assert link.startswith(f"{report}/reports/")
        assert row.locator("time").inner_text() == "2025-05-01 08:00"
    assert related.locator("tbody tr").count() == 3
    assert "leads to its current verdict" in opened.inner_text("tr.more")
    opened.click("#to-status")
    opened.wait_for_selector("text=As of")
    newest = opened.locator("table", has_text="What reports said of them").locator("tbody tr")
    assert newest.count() == 20
    assert newest.first.locator("time").inner_text() == "2025-05-28 08:00"
    for row in newest.all():
        assert (row.locator("a[target]").get_attribute("href") or "").startswith(
            f"{SANDBOX}/uploads/66b3"
        )


def test_without_a_sandbox_there_is_no_link(page: Page, stack: Up) -> None:
    page.route(f"{stack.base}/", _without_sandbox)
    page.reload()
    opened = with_key(page)
    look_up(opened, ONE_ROW)
    opened.click("#rows [aria-expanded]")
    opened.wait_for_selector("tr.more h3:text-is('Related')")
    assert opened.locator("#rows a[target]").count() == 0
    assert "66b3763be7dbbbdfcd0c0000" in opened.inner_text("tr.more")


def _without_sandbox(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace(SANDBOX, ""))
