"""Measures CPU and memory of reading hostile Atom pages of growing size.

Run by hand: `python -m benchmarks.hostile_xml`. A fresh process reads each page as the ingest
function does, up to its sightings. The cost is linear if the CPU time grows no more than the size
of the page; most pages are refused early, and then it does not grow.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from local import environment
from local.template import load_template

# Powertools reads some of it when a handler's module is imported.
environment.prepare()

import functions.ingest.app  # noqa: E402, F401  # the memory of the function counts, too
from shared.domain.errors import FeedError  # noqa: E402
from shared.formats.feed.reader import read_page  # noqa: E402
from shared.formats.feed.report import read_report  # noqa: E402

SIZES_MB = (1, 4, 16, 31)
MEMORY_SHARE = 0.6
NOW = 1_793_600_000_000

_HEAD = b'<feed xmlns="http://www.w3.org/2005/Atom">'
_ENTRY = (
    b"<entry><id>urn:1</id><updated>2026-11-01T08:00:00Z</updated>"
    b'<content type="application/xml">%s</content></entry>'
)


def _many(one: bytes, size: int) -> bytes:
    return one * (size // len(one))


def _numbered(pattern: bytes, size: int) -> bytes:
    first = 10**6
    return b"".join(pattern % one for one in range(first, first + size // len(pattern % first)))


def _iocs(inner: bytes) -> bytes:
    return _ENTRY % (b"<details><iocs>%s</iocs></details>" % inner)


PAGES: dict[str, Callable[[int], bytes]] = {
    "author": lambda size: b"<author>" + b"a" * size + b"</author>",
    "authors": lambda size: _many(b"<author>a@" + b"a" * 1000 + b"</author>", size),
    "deep nesting": lambda size: _many(b"<a>", size // 2) + _many(b"</a>", size // 2),
    "elements": lambda size: _many(b"<a/>", size),
    "names of elements": lambda size: _numbered(b"<a%d/>", size),
    "attributes of one element": lambda size: b"<a " + _numbered(b' a%d=""', size) + b"/>",
    "attributes of many": lambda size: _numbered(b'<a a%d=""/>', size),
    "long attribute": lambda size: b'<a a="' + b"a" * size + b'"/>',
    "namespaces": lambda size: _numbered(b'<a xmlns:a%d="urn:a"/>', size),
    "long namespace": lambda size: (
        b'<a xmlns="' + b"a" * 200_000 + b'">' + _many(b"<b/>", size) + b"</a>"
    ),
    "text": lambda size: b"<a>" + b"a" * size + b"</a>",
    "text of emoji and letters": lambda size: (
        b"<a>" + "\U0001f600".encode() + b"a" * size + b"</a>"
    ),
    "line feeds": lambda size: b"<a>" + b"\n" * size + b"</a>",
    "references": lambda size: b"<a>" + _many(b"&#38;", size) + b"</a>",
    "CDATA": lambda size: b"<a><![CDATA[" + b"a" * size + b"]]></a>",
    "many CDATA": lambda size: b"<a>" + _many(b"<![CDATA[a]]>", size) + b"</a>",
    "comment": lambda size: b"<!--" + b"a" * size + b"-->",
    "comments": lambda size: _many(b"<!-- a -->", size),
    "processing instruction": lambda size: b"<?a " + b"a" * size + b"?>",
    "processing instructions": lambda size: _many(b"<?a a?>", size),
    "empty IOCs": lambda size: _iocs(b"<ips>" + _many(b"<value/>", size) + b"</ips>"),
    "IOCs": lambda size: _iocs(
        _numbered(b"<value><ip>::%d</ip><verdict>BENIGN</verdict></value>", size)
    ),
    "IOCs of unknown types": lambda size: _iocs(_numbered(b"<a>%d.example</a>", size)),
    "digests and metadata": lambda size: _iocs(
        b"<value>" + _numbered(b"<md5/><b%d/><md5>a</md5>", size) + b"</value>"
    ),
    "escaped elements": lambda size: _ENTRY % (b"<![CDATA[" + _many(b"<a/>", size) + b"]]>"),
    "JSON": lambda size: _ENTRY % (b"<![CDATA[{" + b'"a":[' + _many(b"{},", size) + b"0]}]]>"),
    "entries": lambda size: _many(_ENTRY % b"<iocs/>", size),
    "entries without content": lambda size: _many(b"<entry/>", size),
}


def page(kind: str, size: int) -> bytes:
    """Return a hostile page of about `size` bytes."""
    return _HEAD + PAGES[kind](size) + b"</feed>"


def measure(kind: str, megabytes: int) -> dict[str, object]:
    """Read one page in this process, which has to be a fresh one."""
    body = page(kind, megabytes * 2**20)
    outcome = "read"
    started = time.process_time()
    try:
        reports = [read_report(raw, NOW) for raw in read_page(body).reports]
        outcome = f"read, {sum(len(one.sightings) for one in reports):,} sightings"
    except FeedError as error:
        outcome = str(error)
    cpu_s = time.process_time() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu_s": cpu_s, "peak_mb": peak_mb, "outcome": outcome}


def main() -> None:
    """Print a table; the exit code is 1 if a page exceeds its share of the memory."""
    function = load_template()["Resources"]["IngestFunction"]["Properties"]
    memory_mb = int(function["MemorySize"])
    times = " | ".join(f"{size} MB: CPU s" for size in SIZES_MB)
    print(f"| Page | {times} | growth | MB | Outcome |")
    print(f"|---|{'---|' * (len(SIZES_MB) + 3)}")
    worst = 0.0
    for kind in PAGES:
        found = [_in_fresh_process(kind, size) for size in SIZES_MB]
        seconds = [one["cpu_s"] for one in found]
        peak = max(one["peak_mb"] for one in found)
        worst = max(worst, peak)
        growth = seconds[2] / max(seconds[1], 0.001)
        times = " | ".join(f"{one:.2f}" for one in seconds)
        outcome = found[-1]["outcome"]
        print(f"| {kind} | {times} | {growth:.1f} | {peak:.0f} | {outcome} |", flush=True)
    print(
        f"\nMost memory: {worst:.0f} MB, {worst / memory_mb:.0%} of the function's {memory_mb} MB."
    )
    print("Growth is the CPU of 16 MB over that of 4 MB; 4 is linear.")
    sys.exit(worst > MEMORY_SHARE * memory_mb)


def _in_fresh_process(kind: str, megabytes: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.hostile_xml", kind, str(megabytes)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
