"""The lock: one set of versions everywhere, fit for the layer, no registry named."""

import re

from tests.infrastructure.support import ROOT, run

# Written so that this file does not match itself.
REGISTRY = re.compile(
    r"py[p]i\.org|python[h]osted|registry\.npm[j]s|deb\.deb[i]an|^--?(extra-)?index|^--find-links",
    re.MULTILINE,
)


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))


def test_layer_installs_the_runtime_lock() -> None:
    shared = (ROOT / "shared" / "requirements.txt").read_text()
    assert shared == (ROOT / "requirements" / "runtime.txt").read_text()


def test_tests_run_on_the_versions_of_the_runtime() -> None:
    assert pins("runtime").items() <= pins("dev").items()
    assert pins("uv").items() <= pins("dev").items()


def test_the_emulated_runtime_brings_the_sdk_that_tests_run_on() -> None:
    tested, brought = pins("dev"), pins("emulator")
    shared = tested.keys() & brought.keys()
    assert shared >= {"boto3", "botocore"}
    assert {name: brought[name] for name in shared} == {name: tested[name] for name in shared}


def test_runtime_lock_means_the_same_on_every_host() -> None:
    # pip reads markers for the host that builds, not for the runtime it builds for.
    assert " ; " not in (ROOT / "requirements" / "runtime.txt").read_text()


def test_runtime_lock_leaves_the_sdk_to_the_runtime() -> None:
    assert not pins("runtime").keys() & {"boto3", "botocore", "s3transfer", "aws-xray-sdk"}


def test_no_tracked_file_names_a_registry() -> None:
    tracked = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    naming = [
        name
        for name in tracked.split("\0")
        if (path := ROOT / name).is_file()
        and REGISTRY.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert naming == []
