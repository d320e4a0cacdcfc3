"""`python -m local feed`: the sample feed by itself."""

import re
import signal
import subprocess
import sys

from tests.command_line import ROOT, TIMEOUT_S, environment, run_local
from tests.e2e.support import ask


def test_the_sample_feed_is_served_until_a_signal() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "local", "feed", "--port", "0"],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = re.match(r"sample feed at (http://[^/]+)(\S+)", process.stdout.readline())
        assert said is not None
        assert ask(said[1], said[2]).body["items"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_S) == 0
    finally:
        process.kill()
        process.communicate()


def test_an_address_of_another_machine_is_refused() -> None:
    done = run_local("feed", "--host", "192.0.2.1")
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot listen on 192.0.2.1:8080: ")
