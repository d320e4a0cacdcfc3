"""The command lines as processes."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Ends a process that hangs; a slow disk alone may hold one up for a minute.
TIMEOUT_S = 300


def environment(**variables: str) -> dict[str, str]:
    """Only what a process needs to start: no setting of this machine gets in."""
    names = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")
    return {name: os.environ[name] for name in names if name in os.environ} | variables


def run_local(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m local` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "local", *arguments],
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def command(*arguments: str) -> list[str]:
    """`iocrep` with arguments."""
    return [sys.executable, "-m", "iocrep", *arguments]


# Not getrusage: that begins with what the process had that started this one.
_MEASURED = """
import atexit, pathlib, re, sys
from iocrep.__main__ import main

def report_memory():
    status = pathlib.Path("/proc/self/status").read_text()
    print(re.search("VmHWM: *([0-9]+)", status.expandtabs())[1], file=sys.stderr)

atexit.register(report_memory)
main()
"""


def measured(*arguments: str) -> list[str]:
    """`iocrep` with arguments; at its end it writes to standard error what `memory_kb` reads."""
    return [sys.executable, "-c", _MEASURED, *arguments]


def memory_kb(told: str) -> int:
    """The greatest resident memory of a command that was measured."""
    return int(told.splitlines()[-1])
