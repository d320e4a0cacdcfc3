"""A run reports every entry that it did not understand."""

from collections.abc import Sequence
from typing import Any

import pytest

from functions.ingest import batch
from shared.domain import verdict
from shared.domain.errors import FeedError
from shared.domain.indicator import IndicatorType, parse
from shared.domain.reputation import OF_REPORT
from shared.domain.verdict import Verdict
from shared.formats.feed.scan_report import report_url
from shared.http.fetch import FeedRefused
from shared.store.feed_runs import FeedRuns
from tests.builders import linking_page, raw_ioc, raw_report, scan_report
from tests.conftest import Store
from tests.fakes import FEED_URL, FakeFeed, json_feed, page_url
from tests.ingestion import ingest, model, stored

API_URL = FEED_URL.replace("/feed/", "/api/feed/")
CLEAN = raw_report("clean", iocs={})
SILENT = raw_report("silent", iocs={"domain": [raw_ioc(verdict=None)]})


def without(raw: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name not in names}


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([{"id": "a", "indicators": []}], "flow_id is not a text of 1 to 128 characters"),
        ([without(CLEAN, "date")] * 3, "date cannot be read or does not exist"),
        ([without(CLEAN, "iocs"), without(SILENT, "iocs")], "iocs is missing"),
        ([without(CLEAN, "iocs"), *[without(CLEAN, "date")] * 2], "date cannot be read"),
        (["a text"], "report is not an object"),
    ],
)
def test_a_run_that_understands_no_entry_is_incomplete(
    moto_store: Store, entries: Sequence[object], reason: str
) -> None:
    for failures in (1, 2):
        summary = ingest(moto_store, json_feed(entries))
        assert (summary.complete, summary.feed_failed) == (False, True)
        assert summary.feed_failures == failures
        assert summary.stopped.startswith(
            f"0 of {len(entries)} entries of the feed were understood: {reason}"
        )


def test_the_reason_names_the_element_or_the_fields(moto_store: Store) -> None:
    """Entries of an unknown layout, in Atom and in JSON; the names are the feed's, and cut."""
    content = (
        '<content type="application/xml"><analysis><host>evil.example</host></analysis></content>'
    )
    atom = linking_page("a", "b").replace(b"</entry>", f"{content}</entry>".encode())
    summary = ingest(moto_store, FakeFeed({FEED_URL: atom}))
    assert (summary.complete, summary.not_understood) == (False, 2)
    assert "understood: entry/content/analysis contains no list of IOCs" in summary.stopped
    [run] = FeedRuns(moto_store.client, moto_store.state_table).read()
    assert run.stopped == summary.stopped
    entry: dict[str, Any] = {"uuid": "a", "observables": [], "x" * 1000: 1}
    summary = ingest(moto_store, json_feed([entry | {str(n): n for n in range(1000)}]))
    assert summary.stopped.endswith(f"has the fields uuid, observables, {'x' * 20}, 0, 1, 2")


@pytest.mark.parametrize("entries", [[], [CLEAN], [SILENT], [CLEAN, {"id": "a"}]])
def test_one_entry_that_is_understood_is_enough(
    moto_store: Store, entries: Sequence[object]
) -> None:
    for _ in range(2):
        assert ingest(moto_store, json_feed(entries)).complete


def test_a_reason_for_stopping_does_not_hide_that_nothing_was_understood(moto_store: Store) -> None:
    feed = json_feed([{"id": "a"}, {"id": "b"}], page_size=1)
    feed.pages[page_url(2)] = b"broken"
    summary = ingest(moto_store, feed)
    assert summary.stopped.startswith("the page is neither JSON nor Atom; 0 of 1 entries")


class TestLinks:
    def test_reports_that_are_known_behind_links_are_understood(self, moto_store: Store) -> None:
        feed = FakeFeed({FEED_URL: linking_page("a")})
        feed.pages[report_url(FEED_URL, "a")] = scan_report("a")
        for _ in range(3):
            assert ingest(moto_store, feed, has_key=True).complete

    def test_without_a_key_the_reason_says_so(self, moto_store: Store) -> None:
        summary = ingest(moto_store, FakeFeed({FEED_URL: linking_page("a", "b")}))
        assert summary.stopped == (
            "0 of 2 entries of the feed were understood: they only link to their reports, "
            "and fetching those needs a key of the feed"
        )

    def test_a_sandbox_that_gives_no_report_is_named_as_the_reason(self, moto_store: Store) -> None:
        summary = ingest(moto_store, FakeFeed({FEED_URL: linking_page("a")}), has_key=True)
        assert summary.stopped.endswith(
            "and those could not be fetched: the feed answered with status 404"
        )
        assert (summary.unresolved, summary.unresolved_long) == (1, 0)

    def test_what_was_read_is_stored_before_a_link_is_followed(self, moto_store: Store) -> None:
        """So it is stored, too, if the report behind the link ends the process."""
        seen: list[int] = []

        class Watching(FakeFeed):
            def get(self, url: str) -> Any:
                if "/api/scan/" in url:
                    seen.append(len(stored(moto_store)))
                return super().get(url)

        pages = json_feed([raw_report("on-a-page")]).pages
        pages[FEED_URL] = pages[FEED_URL].replace(b'"next": null', b'"next": "?page=2"')  # type: ignore[union-attr]
        pages[page_url(2)] = linking_page("a", "b")
        pages |= {report_url(FEED_URL, one): scan_report(one) for one in "ab"}
        assert ingest(moto_store, Watching(pages), has_key=True).complete
        assert seen == [1, 2], "and each report before the next one is fetched"


class TestAdvice:
    HTML = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head></html>"

    @pytest.mark.parametrize(
        ("page", "reason"),
        [
            (HTML, "the address answers with a web page, not with a feed"),
            (FeedRefused("the feed answered with status 401"), "status 401"),
            (FeedRefused("the feed answered with status 403"), "status 403"),
        ],
    )
    def test_the_reason_says_what_to_try(
        self, moto_store: Store, page: bytes | FeedError, reason: str
    ) -> None:
        summary = ingest(moto_store, FakeFeed({FEED_URL: page}))
        assert summary.stopped.partition(": try ")[0].endswith(reason)
        assert summary.stopped.endswith(
            ": try a key (FeedApiKeyParameter, locally FEED_API_KEY) or the address "
            f"{API_URL} (FeedUrl, locally FEED_URL)"
        )
        with_key = ingest(moto_store, FakeFeed({FEED_URL: page}), has_key=True)
        assert ": try another key or the address" in with_key.stopped

    def test_other_failures_come_without_advice(self, moto_store: Store) -> None:
        for page in (b"", b'{"items": 1}', FeedError("the feed answered with status 503")):
            assert "try" not in ingest(moto_store, FakeFeed({FEED_URL: page})).stopped

    @pytest.mark.parametrize("page", [HTML, FeedRefused("the feed answered with status 403")])
    def test_nor_does_a_page_behind_good_ones(
        self, moto_store: Store, page: bytes | FeedError
    ) -> None:
        feed = json_feed([CLEAN, SILENT], page_size=1)
        feed.pages[page_url(2)] = page
        assert "try" not in ingest(moto_store, feed).stopped


class TestInheritVerdict:
    DOMAIN = parse(IndicatorType.DOMAIN, "evil.example")

    def test_iocs_without_a_verdict_take_that_of_the_report(self, moto_store: Store) -> None:
        iocs = [raw_ioc(), raw_ioc("own.example", "BENIGN"), raw_ioc("unsure.example", "UNKNOWN")]
        report = raw_report(verdict="Low Risk", iocs={"domain": iocs})
        del iocs[0]["verdict"]
        off = ingest(moto_store, json_feed([report]))
        assert (off.iocs_new, off.without_verdict) == (1, 2)
        assert self.DOMAIN not in stored(moto_store)
        on = ingest(moto_store, json_feed([report]), inherit_verdict=True)
        assert (on.complete, on.iocs_new, on.without_verdict) == (True, 1, 1), "it reached the old"
        found = {one.value: known for one, known in stored(moto_store).items()}
        inherited, own = (found[one].summary.latest for one in ("evil.example", "own.example"))
        assert (inherited.verdict, inherited.source) == (Verdict.SUSPICIOUS, OF_REPORT)
        assert (own.verdict, own.source) == (Verdict.BENIGN, "")
        assert {known.counted for known in found.values()} == {1}
        [item] = [one for one in moto_store.items() if one["pk"]["S"] == "domain#evil.example"]
        assert item["source"] == {"S": "report"}
        assert ingest(moto_store, json_feed([report]), inherit_verdict=True).known == 1

    @pytest.mark.parametrize("verdict", ["UNKNOWN", None, "", "odd"])
    def test_a_report_without_a_verdict_gives_none(
        self, moto_store: Store, verdict: object
    ) -> None:
        report = SILENT | {"verdict": verdict}
        summary = ingest(moto_store, json_feed([report]), inherit_verdict=True)
        assert (summary.complete, summary.iocs_new, summary.without_verdict) == (True, 0, 1)

    def test_a_verdict_of_its_own_decides_over_an_inherited_one_of_later_severity(
        self, moto_store: Store
    ) -> None:
        later = raw_report("later", date="2025-06-02", iocs={"domain": [raw_ioc(verdict="BENIGN")]})
        feed = json_feed([SILENT, later])
        assert ingest(moto_store, feed, inherit_verdict=True).complete
        latest = stored(moto_store)[self.DOMAIN].summary.latest
        assert (latest.flow_id, latest.source) == ("later", "")


class TestWhatTheReaderLearns:
    """docs/adr/0020."""

    NEW_NAMES = ("CONFIRMED_THREAT", "HIGH_RISK")

    def reports(self) -> list[dict[str, Any]]:
        return [
            raw_report(
                f"flow-{number}",
                date=f"2025-06-{number + 1:02}",
                iocs={
                    "domain": [
                        raw_ioc("known.example"),
                        raw_ioc("shared.example", self.NEW_NAMES[number % 2]),
                        raw_ioc(f"{number}.example", "Confirmed Threat"),
                    ]
                },
            )
            for number in range(8)
        ]

    def as_the_old_reader_did(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, *, version: int
    ) -> None:
        with monkeypatch.context() as old:
            for name in self.NEW_NAMES:
                old.delitem(verdict._CANONICAL, name)
            old.setattr("functions.ingest.batch._READER_VERSION", version)
            summary = ingest(store, json_feed(self.reports(), page_size=3))
        assert (summary.complete, summary.quarantined) == (True, 16)
        assert {one.value for one in stored(store)} == {"known.example"}

    def test_a_new_version_reads_again_what_the_feed_shows(
        self, moto_store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.as_the_old_reader_did(moto_store, monkeypatch, version=batch._READER_VERSION - 1)
        assert ingest(moto_store, json_feed(self.reports(), page_size=3)).known == 0
        assert stored(moto_store) == model(self.reports())

    def test_reingest_brings_what_was_missed_with_exact_counts(
        self, moto_store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.as_the_old_reader_did(moto_store, monkeypatch, version=batch._READER_VERSION)
        feed = json_feed(self.reports(), page_size=3)
        assert ingest(moto_store, feed).known == 8, "without a new version all is known"
        for _ in range(2):
            assert ingest(moto_store, feed, again_since=0).complete
            assert stored(moto_store) == model(self.reports())
        assert stored(moto_store)[parse(IndicatorType.DOMAIN, "shared.example")].counted == 8
