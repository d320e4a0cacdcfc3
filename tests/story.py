"""The story of docs/story.md: a false alarm from the feed to its end, and what every consumer gets.

`.venv/bin/python -m tests.story` plays it and writes the page. Handlers, API, command line, webhook
and exports are the real ones; only the clock is set, because the story takes a week.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from unittest.mock import patch

import requests
from taxii2client.v21 import Collection, Server, as_pages

from local.buckets import make_bucket
from local.changes import deliver, stream_records
from local.engine import running_engine
from local.environment import DEFAULT_REGION, DEFAULTS, ENDPOINT, OBJECTS
from local.handlers import load_gateway, run_timer
from shared.store.api_keys import ALL_RIGHTS, DEFAULT_RIGHTS, ApiKeys
from tests.builders import raw_ioc, raw_report
from tests.command_line import ROOT, TIMEOUT_S, environment
from tests.conftest import Store, new_store
from tests.contract.support import Api, serving
from tests.fakes import json_page
from tests.feed_server import PATH, FeedServer, page

PAGE: Final = ROOT / "docs" / "story.md"
NAME: Final = "updates.customer.example"
CHANGES: Final = "/v4/iocs/changes?verdict=MALICIOUS"
BLOCK_LIST, RPZ = "blocklist/domain-malicious.txt", "blocklist/domain-malicious.rpz"
REPEATS: Final = 1000
EXPIRES: Final = "2026-01-12T12:00:00.000Z"
ANALYST, CLIENT = "a" * 32, "c" * 32
HOOK = "/hook"

# What each consumer gets of one state, by its name in the table of the page.
Consumers = dict[str, str]


@dataclass
class Shown:
    """A command as the page shows it, and what it printed."""

    command: str
    output: str


@dataclass
class Story:
    """What happened.

    Attributes:
        shown: the commands, in their order.
        consumers: what consumers get, by state.
        events: bodies that came to the webhook, by state.
    """

    shown: list[Shown] = field(default_factory=list)
    consumers: dict[str, Consumers] = field(default_factory=dict)
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


class Clock:
    """A clock that moves only when it is set."""

    def __init__(self) -> None:
        self._now_ns = 0

    def set(self, moment: str) -> None:
        self._now_ns = int(datetime.fromisoformat(moment).timestamp()) * 10**9

    def time_ns(self) -> int:
        return self._now_ns

    def time(self) -> float:
        return self._now_ns / 10**9


class _Player:
    """Plays the story against a served API.

    Args:
        store: empty tables that the environment names.
        server: of the feed and the webhook.
    """

    def __init__(self, store: Store, api: Api, server: FeedServer, clock: Clock) -> None:
        self.story = Story()
        self._store = store
        self._api = api
        self._server = server
        self._clock = clock
        self._collection: Collection | None = None
        self._added_after = ""
        self._list: set[str] = set()
        self._since = ""
        self._scans = 0
        self._before = self._images()
        self._events: list[dict[str, Any]] = []

    def at(self, moment: str) -> None:
        """Set the clock; instances of functions that ran before have ended."""
        # Imported after the environment is set, as handlers are.
        import functions.lookup.app as lookup

        self._clock.set(moment)
        lookup._service.cache_clear()
        lookup._exports.cache_clear()

    def feed(self, scans: int) -> None:
        """The feed shows reports that call the domain malicious, and ingestion reads it."""
        reports = [
            raw_report(
                f"66b3763be7dbbbdfcd{self._scans + number:06x}",
                date=self._clock.time() - 60,
                iocs={"domain": [raw_ioc(NAME, "MALICIOUS")]},
            )
            for number in range(scans)
        ]
        self._scans += scans
        self._server.answer(PATH, page(json_page(reports)))
        summary = run_timer("ingest", 300)
        assert summary["complete"], summary
        assert summary["reports"] == scans
        self._notify()

    def iocrep(self, *arguments: str, key: str = CLIENT) -> None:
        """Run the command line, and keep what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "iocrep", *arguments],
            cwd=ROOT,
            env=environment(IOCREP_URL=f"{self._api.base}/v4", IOCREP_API_KEY=key, COLUMNS="120"),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert "rror" not in done.stderr, done.stderr
        self._notify()
        lines = [line.rstrip() for line in done.stdout.rstrip().splitlines()]
        words = [f'"{one}"' if " " in one else one for one in arguments]
        self.story.shown.append(Shown(" ".join(["iocrep", *words]), "\n".join(lines)))

    def curl(self, path: str, key: str) -> None:
        """Ask the API, and keep the answer."""
        answer = requests.get(f"{self._api.base}{path}", headers={"apikey": key}, timeout=TIMEOUT_S)
        assert answer.ok, answer.text
        self.story.shown.append(
            Shown(f'curl -H "apikey: $KEY" $URL{path}', json.dumps(answer.json(), indent=2))
        )

    def consumers(self, state: str) -> None:
        """Export once, and keep what every consumer gets since the last state."""
        run_timer("export", 300)
        self._notify()
        events, self._events = self._events, []
        self.story.events[state] = events
        found = self._json(f"/v4/domain/{NAME}")["lookup_results"]["detected_by"]
        self.story.consumers[state] = {
            "`detected_by` of a look-up": str(found),
            f"`{BLOCK_LIST}`": self._listed(BLOCK_LIST),
            f"`{RPZ}`": self._listed(RPZ),
            "`to_ids` in MISP": self._to_ids(),
            f"`{CHANGES}`, followed": self._followed(),
            "STIX over TAXII": _cell(self._taxii()),
            "webhook": _cell(
                f"{one['previous_verdict'] or 'none'} to {one['verdict']}, `{one['reason']}`"
                for one in events
            ),
        }

    def _notify(self) -> None:
        """Send what has changed to the webhook, as the stream of the table does."""
        after = self._images()
        self._server.requests.clear()
        deliver(stream_records(self._before, after))
        self._before = after
        self._events += [
            json.loads(one.body) for one in self._server.requests if one.target == HOOK
        ]

    def _images(self) -> dict[str, Any]:
        return {item["pk"]["S"]: item for item in self._store.items()}

    def _get(self, path: str) -> requests.Response:
        headers = {"apikey": CLIENT}
        return requests.get(f"{self._api.base}{path}", headers=headers, timeout=TIMEOUT_S)

    def _json(self, path: str) -> Any:
        answer = self._get(path)
        assert answer.ok, answer.text
        return answer.json()

    def _listed(self, name: str) -> str:
        answer = self._get(f"/v4/exports/{name}")
        # A list without entries is not published.
        assert answer.status_code in {200, 404}
        found = answer.ok and any(NAME in line for line in answer.text.splitlines())
        return "listed" if found else "not listed"

    def _to_ids(self) -> str:
        found = [
            attribute["to_ids"]
            for event in self._json("/v4/exports/misp/manifest.json")
            for attribute in self._json(f"/v4/exports/misp/{event}.json")["Event"]["Attribute"]
            if attribute["value"] == NAME
        ]
        return _cell(json.dumps(one) for one in found)

    def _followed(self) -> str:
        """Whether a client holds the domain that applies the changes since its last visit."""
        more = True
        while more:
            since = f"&since={self._since}" if self._since else ""
            answer = self._json(f"{CHANGES}{since}")
            self._list |= {one["value"] for one in answer["added"]}
            self._list -= {one["value"] for one in answer["removed"]}
            self._since, more = answer["cursor"], answer["more"]
        return "listed" if NAME in self._list else "not listed"

    def _taxii(self) -> Iterator[str]:
        """What a client gets that asks for what was added since its last visit."""
        if self._collection is None:
            server = Server(f"{self._api.base}/taxii2/", user="any", password=CLIENT)
            [self._collection] = server.default.collections
        query = {"added_after": self._added_after} if self._added_after else {}
        for one in as_pages(self._collection.get_objects, **query):
            for thing in one.get("objects", []):
                self._added_after = max(self._added_after, thing.get("modified", ""))
                if thing["type"] == "indicator":
                    yield f"`{thing['id']}`" + (" revoked" if thing.get("revoked") else "")


def _cell(parts: Any) -> str:
    return ", ".join(parts) or "nothing"


def play(store: Store) -> Story:
    """Play the story on empty tables that the environment names."""
    clock = Clock()
    clock.set("2026-01-05T08:00:00+00:00")
    keys = ApiKeys(store.client, store.state_table)
    keys.put(ANALYST, "Ann", 0, rights=ALL_RIGHTS)
    keys.put(CLIENT, "help desk", 0, rights=DEFAULT_RIGHTS)
    make_bucket(os.environ["EXPORT_BUCKET"])
    with ExitStack() as stack:
        server = stack.enter_context(FeedServer())
        server.answer(HOOK, page(b""))
        names = {"FEED_URL": server.url, "WEBHOOK_URL": f"http://127.0.0.1:{server.port}{HOOK}"}
        stack.enter_context(patch.dict(os.environ, names))
        api = stack.enter_context(serving(load_gateway()))
        stack.enter_context(patch("time.time_ns", clock.time_ns))
        stack.enter_context(patch("time.time", clock.time))
        player = _Player(store, api, server, clock)

        player.feed(1)
        player.consumers("Called MALICIOUS")
        player.iocrep("lookup", NAME)

        player.at("2026-01-05T09:10:00+00:00")
        player.iocrep("report-fp", NAME, "--reason", "our update server")
        player.curl("/v4/false-positives", ANALYST)

        player.at("2026-01-05T09:30:00+00:00")
        reason = ("--reason", "the update server of the customer")
        player.iocrep("mark", NAME, "BENIGN", *reason, "--expires", EXPIRES, key=ANALYST)
        player.iocrep("lookup", NAME)
        player.at("2026-01-05T10:00:00+00:00")
        player.consumers("Overridden")

        player.at("2026-01-09T10:00:00+00:00")
        player.feed(REPEATS)
        player.consumers("Repeated 1,000 times")
        player.iocrep("lookup", NAME)

        player.at("2026-01-12T12:00:00+00:00")
        player.consumers("Expired")
        player.iocrep("lookup", NAME)
    return player.story


def written(text: str, story: Story) -> str:
    """Replace the blocks and the table of a page by those of a story, in their order."""
    made = [_block("", f"$ {one.command}\n{one.output}") for one in story.shown]
    override, expired = (
        _block("json", json.dumps(story.events[state][0], indent=2))
        for state in ("Overridden", "Expired")
    )
    blocks = iter([*made[:5], override, *made[5:], expired])
    text = re.sub(r"^```.*?^```\n", lambda _: next(blocks), text, flags=re.DOTALL | re.MULTILINE)
    table = _table(story.consumers)
    return re.sub(r"(^\|.*\n)+", lambda _: table, text, flags=re.MULTILINE)


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```\n"


def _table(consumers: dict[str, Consumers]) -> str:
    names = next(iter(consumers.values())).keys()
    rows = [["Consumer", *consumers], ["---"] * (len(consumers) + 1)]
    rows += [[name, *(state[name] for state in consumers.values())] for name in names]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> None:
    """Play the story on an engine in memory, and write its outputs into the page."""
    with running_engine() as engine:
        os.environ.update(DEFAULTS)
        os.environ.update({ENDPOINT: engine, OBJECTS: engine, "POWERTOOLS_LOG_LEVEL": "ERROR"})
        os.environ.update(AWS_REGION=DEFAULT_REGION, AWS_DEFAULT_REGION=DEFAULT_REGION)
        store = new_store()
        os.environ.update(store.env())
        story = play(store)
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), story), encoding="utf-8")


if __name__ == "__main__":
    main()
