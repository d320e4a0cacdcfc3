"""Thousands of requests made up from the document, and every answer held against it."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local import openapi
from tests.contract.support import Api

# For each operation that takes anything; what takes nothing is asked a dozen times.
MAX_EXAMPLES = 200
MIN_CASES = 5000
TIMEOUT_S = 1800
# A run keeps one processor busy making up requests; several of them take less time.
_SEARCHES = "v4/(search|ioc|report)"
_EXPORTS = "v4/exports|taxii2"
SHARES = (
    f"^/(?!{_SEARCHES}|{_EXPORTS})(v4|api/reports)",
    f"^/({_SEARCHES}|(?!v4|api/reports|taxii2))",
    f"^/({_EXPORTS})",
)


def run(api: Api, share: str, folder: Path) -> tuple[str, int]:
    """What a run over a share of the paths prints, and its status."""
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("--config-file", os.devnull, "run", openapi.DOCUMENT, "--url", api.base),
            *("--include-path-regex", share, "--header", f"apikey: {api.key}"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", str(MAX_EXAMPLES)),
            # The same requests each time: the number of an example is its seed.
            "--generation-deterministic",
            # A text may have the right type and still be no hash, IP, domain or URL.
            *("--exclude-checks", "positive_data_acceptance"),
            *("--continue-on-failure", "--no-color", "--report", "ndjson"),
            *("--report-ndjson-path", folder / "report.ndjson"),
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return done.stdout, done.returncode


def statuses(report: Path) -> Counter[int]:
    """How often which status was answered."""
    found: Counter[int] = Counter()
    for line in report.read_text(encoding="utf-8").splitlines():
        scenario = json.loads(line).get("ScenarioFinished", {})
        for interaction in scenario.get("recorder", {}).get("interactions", {}).values():
            found[interaction["response"]["status_code"]] += 1
    return found


def test_every_answer_is_as_documented(
    api: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [tmp_path / str(number) for number in range(len(SHARES))]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(len(SHARES)) as pool:
        runs = list(pool.map(run, [api] * len(SHARES), SHARES, folders))
    for said, status in runs:
        assert status == 0, said
    cases = sum(int(re.findall(r"(\d+) generated", said)[0]) for said, _ in runs)
    answered = sum((statuses(folder / "report.ndjson") for folder in folders), Counter())
    with capsys.disabled():
        print(f"\n{cases} requests made up, answered {dict(answered)}")  # noqa: T201
    assert cases >= MIN_CASES
    # Neither all refused nor all found: both halves of the API were reached.
    assert answered[200] > cases / 4
    assert min(answered[status] for status in (304, 400, 401, 404, 405, 406, 415, 422)) > 0
