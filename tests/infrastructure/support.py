"""What the tests of this layer share: the checkout, its commands, and what a build leaves."""

import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

Template = dict[str, Any]

# Folders of functions/, each with a function of the template.
FUNCTIONS = (
    "annotate",
    "changes",
    "export",
    "filter",
    "ingest",
    "lookup",
    "providers",
    "publish",
    "webhook",
)


def run(*command: str | Path, stdin: str = "") -> str:
    """What a command of the checkout prints; a failure shows all of it."""
    # Under `make test`, what belongs to that make must not reach another one.
    inherited = {
        k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    }
    done = subprocess.run(
        command,
        cwd=ROOT,
        input=stdin,
        env=inherited | {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}"
    return done.stdout


class Artifacts:
    """What `make build` made for one architecture."""

    def __init__(self, arch: str, folder: Path) -> None:
        log = run("make", "build", f"ARCH={arch}", f"BUILD_DIR={folder}")
        self.folder = folder
        self.compiled = "built without .pyc" not in log
        self.layer = folder / "SharedLayer"
        self.functions = {name: folder / f"{name.capitalize()}Function" for name in FUNCTIONS}
