"""`iocrep` as a process."""

import sys


def command(*arguments: str) -> list[str]:
    """The command with arguments."""
    return [sys.executable, "-m", "iocrep", *arguments]


# Not getrusage: that begins with what the process had that started this one.
_MEASURED = """
import atexit, pathlib, re, sys
from iocrep.__main__ import main

def tell():
    status = pathlib.Path("/proc/self/status").read_text()
    print(re.search("VmHWM: *([0-9]+)", status.expandtabs())[1], file=sys.stderr)

atexit.register(tell)
main()
"""


def measured(*arguments: str) -> list[str]:
    """The command with arguments; at its end it says on standard error what `memory_kb` reads."""
    return [sys.executable, "-c", _MEASURED, *arguments]


def memory_kb(told: str) -> int:
    """The greatest resident memory of a command that was measured."""
    return int(told.splitlines()[-1])
