"""A stack with the type `sha512` switched on, from the feed to the exports, and one without it."""

import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

import pytest
import requests

from local.engine import running_engine
from local.environment import DEFAULT_API_KEY
from tests.command_line import ROOT, command, environment, run_local
from tests.feed_server import PATH, FeedServer, page

# Of the two, the feed has the first.
KNOWN, UNKNOWN = "AB" * 64, "CD" * 64
PAGE = {
    "items": [
        {
            "flow_id": "flow-1",
            "date": "2026-01-01T00:00:00Z",
            "verdict": "MALICIOUS",
            "iocs": {
                "sha512": [{"data": KNOWN.lower(), "verdict": "MALICIOUS", "origins": []}],
                "domain": [{"data": "evil.example", "verdict": "MALICIOUS", "origins": []}],
            },
        }
    ]
}


class Stack:
    """The local API after one run of ingestion.

    Attributes:
        base: address of the API.
        feed: address of the feed.
        variables: of the local commands.
    """

    def __init__(self, base: str, feed: str, variables: dict[str, str]) -> None:
        self.base, self.feed, self.variables = base, feed, variables

    def get(self, path: str) -> requests.Response:
        return requests.get(self.base + path, headers={"apikey": DEFAULT_API_KEY}, timeout=30)

    def post(self, path: str, body: object) -> requests.Response:
        headers = {"apikey": DEFAULT_API_KEY}
        return requests.post(self.base + path, json=body, headers=headers, timeout=30)

    def iocrep(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments),
            env=environment(IOCREP_URL=self.base, IOCREP_API_KEY=DEFAULT_API_KEY, **self.variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@contextmanager
def stack(**more: str) -> Iterator[Stack]:
    with running_engine() as engine, FeedServer() as feed:
        feed.answer(PATH, page(json.dumps(PAGE).encode()))
        variables = {
            "AWS_ENDPOINT_URL_DYNAMODB": engine,
            "FEED_URL": feed.url,
            "EXPORT_BUCKET": "exports",
            **more,
        }
        for step in ("tables", "ingest", "export"):
            done = run_local(step, **variables)
            assert done.returncode == 0, done.stderr
        with subprocess.Popen(
            [sys.executable, "-m", "local", "api"],
            cwd=ROOT,
            env=environment(PORT="0", **variables),
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            base = process.stdout.readline().split()[2]
            yield Stack(base, feed.url, variables)
            process.terminate()


@pytest.fixture(scope="module")
def on() -> Iterator[Stack]:
    with stack(SHA512="true") as found:
        yield found


@pytest.fixture(scope="module")
def off() -> Iterator[Stack]:
    with stack() as found:
        yield found


def test_single_look_ups(on: Stack) -> None:
    known = on.get(f"/v4/hash/{KNOWN.lower()}")
    assert known.status_code == 200
    assert known.json()["file_info"]["sha512"] == KNOWN
    assert known.json()["scan_results"]["scan_all_result_a"] == "Infected"
    unknown = on.get(f"/v4/hash/{UNKNOWN}")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, 404003)


def test_bulk_look_ups(on: Stack) -> None:
    rows = on.post("/v4/hash", {"hash": [KNOWN, UNKNOWN]}).json()["data"]
    assert [row["hash"] for row in rows] == [KNOWN, UNKNOWN]
    assert rows[0]["scan_result_i"] == 1


def test_extraction_and_the_page(on: Stack) -> None:
    [row] = on.post("/v4/search", {"text": f"dropper: {KNOWN}"}).json()["data"]
    assert (row["type"], row["value"], row["verdict"]) == ("sha512", KNOWN, "MALICIOUS")
    [types] = re.findall(r'id="types" content="(.*?)"', on.get("/").text)
    assert json.loads(unquote(types))["sha512"]["on"] is True


def test_exports(on: Stack) -> None:
    content = on.get("/v4/exports/iocs.csv").text
    assert ["sha512", KNOWN] in [row[:2] for row in csv.reader(content.splitlines())]
    assert KNOWN.lower() in on.get("/v4/exports/stix/0001.json").text
    assert on.get("/v4/exports/blocklist/sha512-malicious.txt").text.split()[-1] == KNOWN.lower()


def test_the_command_line(on: Stack) -> None:
    [row] = csv.DictReader(on.iocrep("lookup", "--csv", KNOWN).stdout.splitlines())
    assert (row["type"], row["verdict"]) == ("sha512", "MALICIOUS")
    followed = on.iocrep("--feed-url", on.feed, "watch", "--once", "--json", "--type", "sha512")
    assert [one["indicator"] for one in json.loads(followed.stdout)["iocs"]] == [KNOWN]


def test_off_it_is_not_a_hash(off: Stack) -> None:
    refused = off.get(f"/v4/hash/{KNOWN}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 400064)
    assert off.get("/v4/domain/evil.example").json()["lookup_results"]["detected_by"] == 1
    assert off.post("/v4/search", {"text": KNOWN}).json()["data"] == []
    assert KNOWN not in off.get("/v4/exports/iocs.csv").text
    assert off.get("/v4/exports/blocklist/sha512-malicious.txt").status_code == 404
    watch = off.iocrep("watch", "--once", "--type", "sha512")
    assert (watch.returncode, "is not a type" in watch.stderr) == (2, True)
