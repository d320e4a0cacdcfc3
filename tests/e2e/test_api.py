"""`python -m local api`: the API by itself, on an engine that is there already."""

import re
import signal
import subprocess
import sys

from local.engine import running_engine
from local.feed import SAMPLE_HASH, sample_feed
from tests.command_line import ROOT, TIMEOUT_S, environment, run_local
from tests.e2e.support import ask


def test_the_api_answers_what_was_ingested_before() -> None:
    with running_engine() as engine, sample_feed() as feed:
        variables = {"AWS_ENDPOINT_URL_DYNAMODB": engine, "FEED_URL": feed}
        assert run_local("tables", **variables).returncode == 0
        assert run_local("ingest", **variables).returncode == 0
        process = subprocess.Popen(
            [sys.executable, "-m", "local", "api"],
            cwd=ROOT,
            env=environment(PORT="0", API_KEY="mine", AWS_ENDPOINT_URL_DYNAMODB=engine),
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            said = re.match(r"API on (http://\S+)", process.stdout.readline())
            assert said is not None
            assert ask(said[1], f"/v4/hash/{SAMPLE_HASH}", key="mine").status == 200
            assert ask(said[1], f"/v4/hash/{SAMPLE_HASH}", key="local-demo-key").status == 401
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT_S) == 0
        finally:
            process.kill()
            process.communicate()
