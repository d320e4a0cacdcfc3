import json
import subprocess
import sys
from pathlib import Path

import pytest

from iocrep.errors import Exit
from tests.command_line import TIMEOUT_S, environment
from tests.integration.iocrep.conftest import Run
from tests.reputation_server import KEY, ReputationServer

PROVIDER = {
    "provider": "URLhaus",
    "types": ["url"],
    "age_s": 7200,
    "entries": 12_345,
    "error": "status 503",
    "id": "urlhaus",
}


@pytest.fixture
def told(server: ReputationServer) -> ReputationServer:
    server.pages = {
        "/health": {"status": "ok"},
        "/v4/apikey": {"nickname": "soc", "limit_reputation": 4000, "expiration_date": ""},
        "/v4/apikey/limits/status": {"reputation_api": 3999},
        "/v4/status/providers": {"providers": [PROVIDER]},
    }
    return server


def test_people_see_how_it_stands(run: Run, told: ReputationServer) -> None:
    done = run("status")
    assert done.exit_code == Exit.NOTHING_BAD
    lines = [line.split() for line in done.stdout.splitlines()]
    for expected in (
        ["Service", told.url],
        ["Health", "ok"],
        ["Key", "soc"],
        ["Expires", "never"],
        ["Look-ups", "a", "day", "4,000"],
        ["Left", "today", "3,999"],
        ["Look-ups", "a", "minute", "no", "limit"],
        ["URLhaus", "url", "12,345", "2.0", "h", "status", "503"],
    ):
        assert expected in lines


def test_programs_read_it(run: Run, told: ReputationServer) -> None:
    found = json.loads(run("status", "--json").stdout)
    assert found["health"] == "ok"
    assert found["key"]["limit_reputation"] == 4000
    assert found["left"]["reputation_api"] == 3999
    assert found["providers"][0]["entries"] == 12_345


def test_an_api_that_has_no_health_and_no_providers_is_fine(
    run: Run, told: ReputationServer
) -> None:
    del told.pages["/health"], told.pages["/v4/status/providers"]
    done = run("status")
    assert done.exit_code == Exit.NOTHING_BAD
    assert "unknown" in done.stdout
    assert "URLhaus" not in done.stdout


def test_a_stranger_is_no_such_api(run: Run, told: ReputationServer) -> None:
    told.pages["/v4/apikey"] = ["another", "form"]
    done = run("status")
    assert done.exit_code == Exit.FAILED
    assert "is not a reputation API" in done.stderr


def test_config_tells_where_each_value_comes_from(
    run: Run, environ: dict[str, str], server: ReputationServer
) -> None:
    path = Path(environ["IOCREP_CONFIG"])
    path.write_text('url = "http://file.example"\nfeed_url = "http://feed.example/"\n')
    done = run("--timeout", "5", "config", "show")
    assert done.exit_code == Exit.NOTHING_BAD
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["url", server.url, "IOCREP_URL"] in rows
    assert ["api_key", "********", "IOCREP_API_KEY"] in rows
    assert ["timeout", "5.0", "--timeout"] in rows
    assert KEY not in done.output
    assert "http://feed.example/" in done.stdout


def test_a_file_that_others_can_read_is_warned_of(run: Run, environ: dict[str, str]) -> None:
    path = Path(environ["IOCREP_CONFIG"])
    path.write_text(f'api_key = "{KEY}"\n')
    path.chmod(0o644)
    done = run("lookup", "a.example")
    assert f"chmod 600 {path}" in done.stderr
    assert KEY not in done.output
    path.write_text("api_key = nonsense\n")
    assert run("lookup", "a.example").exit_code == Exit.USAGE


def test_completion_is_typers_own(run: Run) -> None:
    done = run("--show-completion", "bash")
    assert done.exit_code == 0
    assert "_IOCREP_COMPLETE" in done.stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("iocrep watch --verdict ", ["benign", "no_threat", "suspicious", "likely_malicious"]),
        ("iocrep watch --verdict l", ["likely_malicious"]),
        ("iocrep mark evil.example s", ["suspicious"]),
        ("iocrep watch --type sha", ["sha1", "sha256", "sha512"]),
    ],
)
def test_completion_offers_the_values(words: str, offered: list[str]) -> None:
    at = str(len(words.split()) if words.endswith(" ") else len(words.split()) - 1)
    asked = {"_IOCREP_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": at}
    done = subprocess.run(
        [sys.executable, "-c", "import sys, iocrep.__main__ as m; sys.argv = ['iocrep']; m.main()"],
        env=environment(**asked),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    found = done.stdout.split()
    assert found[: len(offered)] == offered
    assert not any(one.isdigit() for one in found)
