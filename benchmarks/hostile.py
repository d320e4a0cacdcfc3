"""Measures CPU and memory of hostile input at every entry point, and the growth of every parser.

Run by hand: `python -m benchmarks.hostile`. A fresh process reads each input as the function does,
with its whole handler imported, and good input after it. It fails if an input takes more than its
share of the function's memory, if the good input is lost, or if a parser is not linear.
"""

import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import hostile_inputs as inputs
from benchmarks.hostile_inputs import ENTRIES, LINES, RECORDS, VALUES, Build
from benchmarks.parsers import PARSERS, growth
from local import environment
from local.template import load_template

# Powertools reads some of it when a handler's module is imported.
environment.prepare()

from functions.ingest.batch import BatchWriter  # noqa: E402
from functions.ingest.resolve import Resolver  # noqa: E402
from functions.ingest.run import Clock, Run, Stores  # noqa: E402
from functions.ingest.store.ledger import Ledger  # noqa: E402
from functions.ingest.store.quarantine import Quarantine  # noqa: E402
from functions.ingest.store.runs import FeedStates, RunLog  # noqa: E402
from functions.ingest.store.unresolved import UnresolvedReports  # noqa: E402
from shared.domain.errors import FeedError, ReputationError  # noqa: E402
from shared.domain.indicator import IndicatorType, parse  # noqa: E402
from shared.domain.provider import ListingStatus  # noqa: E402
from shared.formats.feed.scan_report import report_url  # noqa: E402
from shared.formats.lists.declaration import Declaration, read_catalog  # noqa: E402
from shared.formats.lists.errors import ListError  # noqa: E402
from shared.formats.lists.read import read_snapshot  # noqa: E402
from shared.http.api_error import ApiError  # noqa: E402
from shared.http.fetch import Fetched  # noqa: E402
from shared.http.web import Request  # noqa: E402
from shared.runtime.deadline import Deadline  # noqa: E402
from shared.store.feed_runs import FeedRuns  # noqa: E402
from shared.store.iocs import IocTable  # noqa: E402
from shared.store.keys import ioc_key  # noqa: E402

MEMORY_SHARE = 0.6
MOST_GROWTH = 6.0
NOW = 1_793_600_000_000
# The budget of the ingest function for reading.
READING_S = 233.0
# Inputs measured in parallel; each in a process of its own.
_AT_ONCE = 2
MB = 2**20
PAGE_BYTES = 31 * MB
FEED_URL = "http://feed.example/feed/reports"

_GOOD = b'{"data":"good.example","verdict":"MALICIOUS"}'
_GOOD_REPORT = b'{"flow_id":"good","date":"%s","iocs":{"domain":[' % inputs.DATE + _GOOD + b"]}}"
_GOOD_KEY = ioc_key(parse(IndicatorType.DOMAIN, "good.example"))


class NoStore:
    """A client of a store that holds nothing but the claim of the report in publication.

    Attributes:
        good: whether the good IOC was written.
    """

    good = False

    def __init__(self) -> None:
        self._claims: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        return partial(self._call, name)

    def _call(self, name: str, **arguments: Any) -> dict[str, Any]:
        self.good = self.good or (
            arguments.get("TableName") == "iocs" and _GOOD_KEY in repr(arguments)
        )
        if name == "batch_get_item":
            return {"Responses": {}}
        if name == "transact_write_items":
            for write in arguments["TransactItems"]:
                self._keep_claim(write.get("Update", {}))
        if name == "get_item" and (claim := self._claims.get(arguments["Key"]["pk"]["S"])):
            return {"Item": claim}
        number = {"N": "1"}
        return {"Attributes": {"number": number, "runs": number}} if name == "update_item" else {}

    def _keep_claim(self, update: Mapping[str, Any]) -> None:
        values = update.get("ExpressionAttributeValues", {})
        if ":token" in values:
            claim = {"claim": values[":token"], "claimed": values[":content"]}
            self._claims[update["Key"]["pk"]["S"]] = claim


@dataclass(frozen=True)
class Pages:
    """A feed in memory."""

    bodies: Mapping[str, bytes]

    def get(self, url: str) -> Fetched:
        """Return a page, or fail as a feed without it."""
        if url not in self.bodies:
            raise FeedError("the feed answered with status 404")
        return Fetched(url, self.bodies[url])


def _ingest(bodies: Mapping[str, bytes], *, seconds: float = READING_S) -> tuple[str, bool]:
    client: Any = NoStore()
    ledger = Ledger(client, "state")
    started = time.monotonic()
    left = Deadline(seconds).left
    summary = Run(
        feed_url=FEED_URL,
        fetcher=Pages(bodies),
        resolver=Resolver(
            FEED_URL,
            ledger,
            UnresolvedReports(client, "state", FEED_URL),
            NOW,
            has_key=True,
            sleep=lambda _: None,
        ),
        stores=Stores(
            ledger=ledger,
            run_log=RunLog(client, "state"),
            feed_states=FeedStates(client, "state", FEED_URL),
            feed_runs=FeedRuns(client, "state"),
            quarantine=Quarantine(client, "state", FEED_URL),
        ),
        batch_writer_for=partial(
            BatchWriter,
            IocTable(client, "iocs"),
            ledger,
            NOW,
            pool=ThreadPoolExecutor(16),
            out_of_time=lambda: left() <= 0,
        ),
        clock=Clock(
            now=NOW,
            seconds=lambda: time.monotonic() - started,
            reading_left=left,
            writing_left=left,
        ),
    ).execute()
    facts = f"{summary.sightings:,} sightings, {summary.quarantined:,} rejected"
    return summary.stopped or summary_of(summary.unresolved, facts), client.good


def summary_of(unresolved: int, facts: str) -> str:
    """Describe a complete run."""
    return f"not fetched: {unresolved}" if unresolved else facts


def feed_page(body: bytes) -> tuple[str, bool]:
    """Ingest a hostile page, and a good one after it."""
    good = b'{"items":[' + _GOOD_REPORT + b"]}"
    return _ingest({FEED_URL: body, f"{FEED_URL}?page=2": good})


def linked_report(body: bytes) -> tuple[str, bool]:
    """Ingest a page with a good report and a link to a hostile one."""
    entries = (
        b'<entry><link href="/uploads/a1"/></entry><entry><id>g</id>'
        b'<content type="application/json">' + _GOOD_REPORT + b"</content></entry>"
    )
    page = inputs.atom_page(entries).replace(b'<link rel="next" href="?page=2"/>', b"")
    return _ingest({FEED_URL: page, report_url(FEED_URL, "a1"): body})


def posted_report(body: bytes) -> tuple[str, bool]:
    """Publish a hostile scan report, and a good one after it."""
    outcome = _publish(body)
    good = b'{"domain":[' + _GOOD + b"]}"
    found = _publish(inputs.scan_of_iocs(b'[{"iocs":' + good + b"}]"))
    return outcome, found.startswith("published")


def _publish(body: bytes) -> str:
    from functions.publish.external_reputation import no_external_reputation  # noqa: PLC0415
    from functions.publish.intake import Publisher  # noqa: PLC0415
    from functions.publish.scan import ScanReport, read_scan  # noqa: PLC0415
    from functions.publish.store.feed_log import FeedLog  # noqa: PLC0415
    from functions.publish.store.histories import Histories  # noqa: PLC0415

    client: Any = NoStore()
    publisher = Publisher(
        Histories(client, "reports"),
        FeedLog(client, "reports"),
        no_external_reputation,
        lambda: NOW,
    )
    try:
        reports = read_scan(body, NOW)
        iocs = 0
        for one in reports:
            if not isinstance(one, ScanReport):
                return one.reason
            publisher.publish(one)
            iocs += len(one.iocs)
    except ReputationError as error:
        return str(error)
    return f"published, {iocs:,} IOCs"


def poll(body: bytes) -> tuple[str, bool]:
    """Read a hostile page of the sandbox's list of reports, and a good one after it."""
    from functions.publish.poll import _items  # noqa: PLC0415

    try:
        outcome = f"{len(_items(body)):,} reports"
    except FeedError as error:
        outcome = str(error)
    return outcome, len(_items(b'{"items":[{"id":"r"}]}')) == 1


def _declared(form: str, options: str) -> Declaration:
    address = "https://list.example/{value}" if form == "api" else "https://list.example/a"
    text = f"""[a-list]
name = "a"
types = ["ip", "domain", "url", "md5", "sha1", "sha256"]
address = "{address}"
format = "{form}"
assessment = "bad"
every = "1h"
licence = "none"
options = {{ {options} }}
"""
    return read_catalog(text)["a-list"]


_LISTS = {
    "json_path": ('items = "items", value = "data"', b'{"items":[{"data":"a.example"}]}'),
    "stix_bundle": ("", b'{"type":"bundle","objects":[]}'),
    "misp_feed": ("", b"{}"),
    "misp_warninglist": ("", b'{"list":["a.example"]}'),
    "taxii": ("", b'{"objects":[]}'),
    "json_lines": ('value = "data"', b'{"data":"a.example"}'),
    "csv": ('value = "a"', b"a,b\na.example,1\n"),
    "lines": ("", b"a.example\n"),
}


def provider_list(form: str) -> Callable[[bytes], tuple[str, bool]]:
    """Return a reader of a hostile list and a good one after it."""
    options, good = _LISTS[form]
    declaration = _declared(form, options)

    def read(body: bytes) -> str:
        try:
            content = read_snapshot(declaration, lambda _: body, NOW)
        except (ListError, FeedError) as error:
            return str(error)
        return f"{len(content.entries):,} entries, {content.rejected.total():,} rejected"

    def both(body: bytes) -> tuple[str, bool]:
        return read(body), "entries" in read(good)

    return both


def on_demand_answer(body: bytes) -> tuple[str, bool]:
    """Read a hostile answer of an on-demand provider, and a good one after it."""
    from functions.lookup.on_demand import Asker  # noqa: PLC0415

    declaration = _declared("api", 'listed = "a"')
    indicator = parse(IndicatorType.DOMAIN, "evil.example")

    def ask(answer: bytes) -> ListingStatus:
        asker = Asker(
            {"a-list": declaration},
            lambda _: "",
            lambda *_: (200, answer),
            ThreadPoolExecutor(1),
            time.monotonic,
        )
        return asker.ask(["a-list"], indicator, NOW)["a-list"].status

    return ask(body).name, ask(b'{"a":true}') is ListingStatus.LISTED


def request_body(body: bytes) -> tuple[str, bool]:
    """Read a hostile body of a bulk look-up, and a good one after it."""
    from functions.lookup.bulk import read_body  # noqa: PLC0415
    from shared.http import errors  # noqa: PLC0415

    def read(sent: bytes) -> str:
        request = Request("POST", "/v4/hash", "", {}, sent)
        try:
            return f"{len(read_body(request, dict, errors.NOT_JSON, errors.BODY_NO_OBJECT))} fields"
        except ApiError as error:
            return str(error)

    return read(body), read(b'{"hash":[]}') == "1 fields"


def search_text(body: bytes) -> tuple[str, bool]:
    """Search a hostile text for indicators, and a good one after it."""
    return _search(body.decode())


def mail(body: bytes) -> tuple[str, bool]:
    """Search a hostile mail for indicators, and a good text after it."""
    from shared.formats.mail import read_mail  # noqa: PLC0415

    return _search(read_mail(body))


def _search(text: str) -> tuple[str, bool]:
    from functions.lookup.bulk import MAX_ITEMS  # noqa: PLC0415
    from functions.lookup.search import MAX_CHARS  # noqa: PLC0415
    from shared.domain.extract import extract  # noqa: PLC0415

    found = extract(text[:MAX_CHARS], most=MAX_ITEMS).found
    return f"{len(found):,} indicators", len(extract("evil.example", most=5).found) == 1


@dataclass(frozen=True)
class Entry:
    """A way into the system.

    Attributes:
        function: logical name of the function in the template.
        size: its limit for a body, in bytes.
        read: reads a hostile body; returns the outcome, and whether good input after it was read.
        kinds: its bodies by shape.
    """

    function: str
    size: int
    read: Callable[[bytes], tuple[str, bool]]
    kinds: Mapping[str, Build]


def _wrapped(kinds: Mapping[str, Build], wrap: Callable[[bytes], bytes]) -> dict[str, Build]:
    def build(one: Build, size: int) -> bytes:
        return wrap(one(size))

    return {name: partial(build, one) for name, one in kinds.items()}


_SOME = (
    "nested lists",
    "nested objects",
    "empty objects",
    "one long number",
    "objects with a key, as many as allowed",
    "short strings, as many as allowed",
)
_FEW = {name: VALUES[name] for name in _SOME}
_REPORTS = {
    name: one for name, one in RECORDS.items() if "record" not in name and "reports" not in name
}


def _field(value: bytes) -> bytes:
    return b'{"a":' + value + b"}"


def _items(value: bytes) -> bytes:
    return b'{"items":' + value + b"}"


ENTRY_POINTS: Mapping[str, Entry] = {
    "feed page, JSON": Entry(
        "IngestFunction", PAGE_BYTES, feed_page, _wrapped({**VALUES, **RECORDS}, inputs.page)
    ),
    "feed page, Atom": Entry(
        "IngestFunction", PAGE_BYTES, feed_page, _wrapped(ENTRIES, inputs.atom_page)
    ),
    "linked report": Entry(
        "IngestFunction",
        PAGE_BYTES,
        linked_report,
        _wrapped(_FEW, inputs.scan) | _wrapped(_REPORTS, inputs.scan_of_iocs),
    ),
    "posted report": Entry(
        "PublishFunction",
        PAGE_BYTES,
        posted_report,
        _wrapped(_FEW, inputs.scan) | _wrapped(_REPORTS, inputs.scan_of_iocs),
    ),
    "poll": Entry("PublishFunction", 4 * MB - 64, poll, _wrapped(_FEW, _items)),
    "list, JSON": Entry(
        "ProvidersFunction", PAGE_BYTES, provider_list("json_path"), _wrapped(_FEW, _items)
    ),
    "list, STIX": Entry(
        "ProvidersFunction",
        PAGE_BYTES,
        provider_list("stix_bundle"),
        _wrapped(_FEW, lambda value: b'{"type":"bundle","objects":' + value + b"}"),
    ),
    "list, MISP": Entry(
        "ProvidersFunction",
        PAGE_BYTES,
        provider_list("misp_warninglist"),
        _wrapped(_FEW, lambda value: b'{"list":' + value + b"}"),
    ),
    "list, JSON lines": Entry(
        "ProvidersFunction",
        PAGE_BYTES,
        provider_list("json_lines"),
        _wrapped(LINES, bytes)
        | {"lines of lists": lambda size: inputs.many(b"[" * 30_000 + b"\n", size)},
    ),
    "list, CSV": Entry(
        "ProvidersFunction",
        PAGE_BYTES,
        provider_list("csv"),
        _wrapped(LINES, lambda lines: b"a,b\n" + lines),
    ),
    "list, lines": Entry("ProvidersFunction", PAGE_BYTES, provider_list("lines"), LINES),
    "on-demand answer": Entry(
        "LookupFunction",
        256 * 1024,
        on_demand_answer,
        _wrapped(_FEW, _field),
    ),
    "body of a bulk look-up": Entry(
        "LookupFunction",
        4 * MB - 64,
        request_body,
        _wrapped(_FEW, _field),
    ),
    "body of a search": Entry("LookupFunction", 4 * MB, search_text, LINES),
    "mail to search": Entry("LookupFunction", 4 * MB - 64, mail, inputs.MAILS),
}


def measure(entry: str, body: bytes) -> dict[str, object]:
    """Read one input in this process, which has to be a fresh one."""
    point = ENTRY_POINTS[entry]
    # The memory of the whole function counts.
    importlib.import_module(f"functions.{point.function.removesuffix('Function').lower()}.app")
    started = time.process_time()
    outcome, good = point.read(body)
    cpu_s = time.process_time() - started
    # Not ru_maxrss, which begins with the memory of the process that started this one.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak_mb = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    facts = {"size": len(body), "cpu_s": cpu_s, "peak_mb": peak_mb}
    return {**facts, "outcome": outcome, "good": good}


def main() -> None:
    """Print both tables; the exit code is 1 if a limit is exceeded."""
    worst, lost = 0.0, 0
    print("| Entry point | Input | MB | CPU s | Memory MB | Share | Good input | Outcome |")
    print("|---|---|---|---|---|---|---|---|")
    cases = [(name, kind) for name, point in ENTRY_POINTS.items() for kind in point.kinds]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for (name, kind), found in zip(cases, pool.map(_in_fresh_process, cases), strict=True):
            memory_mb = _memory_mb(ENTRY_POINTS[name].function)
            share = found["peak_mb"] / memory_mb
            worst, lost = max(worst, share), lost + (not found["good"])
            cells = (
                name,
                kind,
                f"{found['size'] / MB:.1f}",
                f"{found['cpu_s']:.1f}",
                f"{found['peak_mb']:.0f}",
                f"{share:.0%}",
                "stored" if found["good"] else "LOST",
                found["outcome"],
            )
            print("| " + " | ".join(cells) + " |", flush=True)
    print(f"\nMost memory: {worst:.0%} of the function's.")
    print("\n| Parser | CPU at n, ms | CPU at 4n, ms | Ratio |\n|---|---|---|---|")
    steepest = 0.0
    for name in PARSERS:
        small, large = growth(name)
        steepest = max(steepest, large / small)
        print(f"| {name} | {small * 1e3:.1f} | {large * 1e3:.1f} | {large / small:.1f} |")
    print(f"\nHighest ratio: {steepest:.1f}; 4 is linear.")
    sys.exit(worst > MEMORY_SHARE or lost > 0 or steepest > MOST_GROWTH)


def _memory_mb(function: str) -> int:
    template = load_template()
    memory = template["Resources"][function]["Properties"]["MemorySize"]
    if isinstance(memory, Mapping):
        memory = template["Parameters"][memory["Ref"]]["Default"]
    return int(memory)


def _in_fresh_process(case: tuple[str, str]) -> dict[str, Any]:
    entry, kind = case
    point = ENTRY_POINTS[entry]
    with tempfile.NamedTemporaryFile() as file:
        # Built here: building it takes more memory than reading it.
        file.write(point.kinds[kind](point.size))
        file.flush()
        command = [sys.executable, "-m", "benchmarks.hostile", entry, file.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{entry}, {kind}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]).read_bytes())))
    else:
        main()
