import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from iocrep.errors import Exit
from iocrep.follow import MAX_SEEN, FeedCursor, Follower
from iocrep.watch import MAX_WAIT_S
from tests.feed_server import FeedServer, page
from tests.integration.iocrep.conftest import Run
from tests.reputation_server import KEY

PATH = "/feed/reports"


@pytest.fixture
def feed() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


def report(number: int, *iocs: tuple[str, str, str]) -> dict[str, Any]:
    found: dict[str, list[dict[str, str]]] = {}
    for kind, value, verdict in iocs or (("domain", f"{number}.example", "MALICIOUS"),):
        found.setdefault(kind, []).append({"data": value, "verdict": verdict})
    return {
        "flow_id": f"flow-{number}",
        "report_id": f"report-{number}",
        "date": "2025-06-01T08:00:00.000Z",
        "verdict": "SUSPICIOUS",
        "iocs": found,
    }


def body(*numbers: int, **more: Any) -> bytes:
    return json.dumps({"items": [report(number) for number in numbers], **more}).encode()


def watch(run: Run, feed: FeedServer, *arguments: str) -> Result:
    own = ("--feed-url", feed.url, "--feed-api-key", "own")
    return run(*own, "watch", "--once", "--json", *arguments)


def flows(done: Result) -> list[str]:
    assert done.exit_code == Exit.NOTHING_BAD, done.output
    return [json.loads(line)["flow_id"] for line in done.stdout.splitlines()]


def test_the_newest_is_last(run: Run, feed: FeedServer) -> None:
    feed.answer(PATH, page(body(3, 2, 1, next="?page=2")))
    assert flows(watch(run, feed)) == ["flow-1", "flow-2", "flow-3"]
    # Of a feed that is seen for the first time the newest page is enough.
    assert feed.asked() == [PATH]
    assert feed.requests[0].headers["x-api-key"] == "own"


def test_a_feed_that_says_where_newer_reports_are_is_followed_there(
    run: Run, feed: FeedServer, tmp_path: Path
) -> None:
    state = ("--state", str(tmp_path / "place"))
    feed.answer(PATH, page(body(2, 1, newer="?cursor=a2"), ETag='W/"2"'))
    feed.answer(
        f"{PATH}?cursor=a2",
        page(b"", status="304 Not Modified"),
        page(body(3, 4, next="?cursor=a4", newer="?cursor=a4"), ETag='W/"5"'),
    )
    feed.answer(
        f"{PATH}?cursor=a4",
        page(body(5, newer="?cursor=a5"), ETag='W/"5"'),
    )
    feed.answer(f"{PATH}?cursor=a5", page(b"", status="304 Not Modified"))
    assert flows(watch(run, feed, *state)) == ["flow-1", "flow-2"]
    assert flows(watch(run, feed, *state)) == []
    assert flows(watch(run, feed, *state)) == ["flow-3", "flow-4", "flow-5"]
    assert flows(watch(run, feed, *state)) == []
    sent = [(one.target, one.headers.get("if-none-match")) for one in feed.requests]
    assert sent == [
        (PATH, None),
        (f"{PATH}?cursor=a2", 'W/"2"'),
        (f"{PATH}?cursor=a2", 'W/"2"'),
        # There is more behind a page that has a next one: to ask for it is not to ask again.
        (f"{PATH}?cursor=a4", None),
        (f"{PATH}?cursor=a5", 'W/"5"'),
    ]


def test_any_other_feed_is_read_back_to_what_was_shown(
    run: Run, feed: FeedServer, tmp_path: Path
) -> None:
    state = ("--state", str(tmp_path / "place"))
    feed.answer(PATH, page(body(2, 1, next="?page=2")), page(body(6, 5, next="?page=2")))
    assert flows(watch(run, feed, *state)) == ["flow-1", "flow-2"]
    feed.answer(f"{PATH}?page=2", page(body(4, 3, next="?page=3")))
    feed.answer(f"{PATH}?page=3", page(body(2, 1, next="?page=4")))
    assert flows(watch(run, feed, *state)) == ["flow-3", "flow-4", "flow-5", "flow-6"]
    assert f"{PATH}?page=4" not in feed.asked()
    feed.answer(PATH, page(body(7, 6)))
    assert flows(watch(run, feed, *state)) == ["flow-7"]


def test_atom_is_followed_too(run: Run, feed: FeedServer, tmp_path: Path) -> None:
    def atom(number: int) -> bytes:
        return (
            '<feed xmlns="http://www.w3.org/2005/Atom"><link rel="previous" href="?cursor=a1"/>'
            f'<entry><content type="application/json">{json.dumps(report(number))}</content>'
            "</entry></feed>"
        ).encode()

    state = ("--state", str(tmp_path / "place"))
    feed.answer(PATH, page(atom(1)))
    feed.answer(f"{PATH}?cursor=a1", page(atom(2)))
    assert flows(watch(run, feed, *state)) == ["flow-1"]
    assert flows(watch(run, feed, *state)) == ["flow-2"]


IOCS = (
    ("domain", "evil.example", "MALICIOUS"),
    ("domain", "maybe.example", "SUSPICIOUS"),
    ("ip", "203.0.113.7", "NO_THREAT"),
)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), [["203.0.113.7", "evil.example", "maybe.example"], ["harmless.example"]]),
        (("--verdict", "suspicious"), [["evil.example", "maybe.example"]]),
        (("--verdict", "MALICIOUS"), [["evil.example"]]),
        (("--type", "ip"), [["203.0.113.7"]]),
        (("--type", "ip", "--type", "domain", "--verdict", "malicious"), [["evil.example"]]),
        (("--type", "url"), []),
    ],
)
def test_only_what_is_wanted_is_printed(
    run: Run, feed: FeedServer, arguments: tuple[str, ...], expected: list[list[str]]
) -> None:
    items = [report(2, ("domain", "harmless.example", "BENIGN")), report(1, *IOCS)]
    feed.answer(PATH, page(json.dumps({"items": items}).encode()))
    lines = watch(run, feed, *arguments).stdout.splitlines()
    found = [sorted(ioc["indicator"] for ioc in json.loads(line)["iocs"]) for line in lines]
    assert found == expected


def test_no_feed_makes_a_harmless_value_bad(run: Run, feed: FeedServer) -> None:
    iocs = (("ip", "127.0.0.1", "MALICIOUS"), ("ip", "198.51.100.7", "MALICIOUS"))
    feed.answer(PATH, page(json.dumps({"items": [report(1, *iocs)]}).encode()))
    [line] = watch(run, feed).stdout.splitlines()
    loopback, ordinary = json.loads(line)["iocs"]
    assert (loopback["verdict"], ordinary["verdict"]) == ("BENIGN", "MALICIOUS")
    assert loopback["overruled_by"] == "special-purpose network 127.0.0.0/8"
    assert "overruled_by" not in ordinary
    [line] = watch(run, feed, "--verdict", "malicious").stdout.splitlines()
    assert [one["indicator"] for one in json.loads(line)["iocs"]] == ["198.51.100.7"]


def test_people_see_lines(run: Run, feed: FeedServer) -> None:
    feed.answer(PATH, page(body(1)))
    done = run("--feed-url", feed.url, "watch", "--once")
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["2025-06-01T08:00:00.000Z", "SUSPICIOUS", "flow-1", "report-1"],
        ["MALICIOUS", "domain", "1.example"],
    ]


def test_a_report_that_cannot_be_read_costs_itself(run: Run, feed: FeedServer) -> None:
    feed.answer(PATH, page(json.dumps({"items": [report(2), {"flow_id": ""}, 7]}).encode()))
    done = watch(run, feed)
    assert flows(done) == ["flow-2"]
    assert done.stderr.count("a report cannot be read: ") == 2


def test_the_key_of_the_api_stays_with_its_host(run: Run, feed: FeedServer) -> None:
    feed.answer(PATH, page(body()))
    assert run("--feed-url", feed.url, "watch", "--once").exit_code == Exit.NOTHING_BAD
    assert "x-api-key" not in feed.requests[0].headers
    # The fake API has another port, so it is another origin; on the same one the key is sent.
    own = run("--url", f"http://127.0.0.1:{feed.port}/v4", "watch", "--once")
    assert own.exit_code == Exit.NOTHING_BAD
    assert feed.requests[-1].headers["x-api-key"] == KEY


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("401 Unauthorized", "the key was refused"),
        ("404 Not Found", "feed_url, or /feed/reports of url"),
    ],
)
def test_an_error_says_what_to_do(run: Run, feed: FeedServer, status: str, said: str) -> None:
    feed.answer(PATH, page(b"{}", status=status))
    done = watch(run, feed)
    assert done.exit_code == Exit.FAILED
    assert said in done.stderr


@pytest.mark.parametrize("content", ["{", "[]", '{"feed": "http://other.example/"}'])
def test_a_place_that_is_none_is_refused(
    run: Run, feed: FeedServer, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "place"
    path.write_text(content)
    done = watch(run, feed, "--state", str(path))
    assert done.exit_code == Exit.FAILED
    assert str(path) in done.stderr
    assert path.read_text() == content
    assert feed.connections == 0


def test_a_feed_that_fails_is_asked_again_later_and_later(
    run: Run, feed: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 8:
            raise KeyboardInterrupt

    broken = page(b"{}", status="404 Not Found")
    feed.answer(PATH, page(body(1)), *[broken] * 6, page(body(2, 1)))
    monkeypatch.setattr("iocrep.watch.time.sleep", sleep)
    done = run("--feed-url", feed.url, "watch", "--json", "--interval", "30")
    assert done.exit_code == Exit.INTERRUPTED
    assert slept == [30, 60, 120, 240, 480, MAX_WAIT_S, MAX_WAIT_S, 30]
    assert [json.loads(line)["flow_id"] for line in done.stdout.splitlines()] == [
        "flow-1",
        "flow-2",
    ]
    assert done.stderr.count("status 404; trying again") == 6


def test_what_is_remembered_does_not_grow(feed: FeedServer) -> None:
    place = FeedCursor(feed.url)
    follower = Follower(place, "", lambda: 60.0)
    for start in range(0, MAX_SEEN + 4000, 2000):
        feed.answer(PATH, page(body(*range(start + 2000, start, -1))))
        assert len(list(follower.poll())) == 2000
    assert len(place.seen) == MAX_SEEN
