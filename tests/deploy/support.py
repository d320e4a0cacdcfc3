"""An emulator of AWS on this machine, and what a user has who deploys to it."""

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import boto3
import requests

from local.engine import free_port
from local.template import http_routes, load_template
from tests.infrastructure.support import ROOT, run

ARCH = "aarch64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
EMULATOR = ROOT / ".tools" / "ministack" / "bin"
# Far beyond any expected time; a busy machine must not fail a test.
PATIENCE_S = 300

SAMPLE_IOCS = 38  # in the sample feed, as `make run` reports, too

Environment = dict[str, str]


@contextmanager
def running_emulator(folder: Path) -> Iterator[Environment]:
    """Run ministack on 127.0.0.1 for the length of the `with` block.

    Args:
        folder: where it, and the functions that it runs, keep their files.

    Yields:
        All that a client of it has in its environment: endpoint, credentials, region.
    """
    port = str(free_port())
    settings = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "STATE_DIR": str(folder),
        "GATEWAY_PORT": port,
        "BIND_HOST": "127.0.0.1",
        "LAMBDA_EXECUTOR": "local",
        "AUTH": "true",  # roles grant what they grant, and nothing else
    }
    endpoint = f"http://127.0.0.1:{port}"
    with (folder / "ministack.log").open("wb") as log:
        # A group of its own: the functions that it runs end with it.
        process = subprocess.Popen(
            [EMULATOR / "ministack"],
            cwd=folder,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_until(lambda: process.poll() is not None or _healthy(endpoint))
            assert process.poll() is None, (folder / "ministack.log").read_text()
            yield {
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_DEFAULT_REGION": "eu-central-1",
            }
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _healthy(endpoint: str) -> bool:
    try:
        return requests.get(f"{endpoint}/_ministack/health", timeout=5).ok
    except requests.ConnectionError:
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until something holds; fails when it never does."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)


def metric_math() -> list[str]:
    """The alarms on several metrics, by their logical ids."""
    return [
        name
        for name, one in load_template()["Resources"].items()
        if "Metrics" in one.get("Properties", {})
    ]


class User:
    """Somebody with a clone, and with nothing in the environment but a way to the account.

    Attributes:
        checkout: the clone.
    """

    def __init__(self, folder: Path, environment: Environment) -> None:
        self.checkout = folder / "checkout"
        self._programs = folder / "bin"
        self._programs.mkdir()
        self._environment = environment | {
            "HOME": str(folder),
            "PATH": f"{self._programs}:{os.environ['PATH']}",
            # The clone's .venv is that of the tests, which make must not rebuild.
            "PYTEST_VERSION": os.environ["PYTEST_VERSION"],
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "1",  # the emulator is quick
        }
        self._clone()
        self._leave_out_metric_math()
        self._name_the_methods()
        self.has("aws", f'#!/bin/sh\nexec {EMULATOR / "aws"} "$@"\n')

    def _clone(self) -> None:
        """The files, with their dates, or make would begin anew; and the tools of this checkout."""
        for name in run("git", "ls-files", "-z", "-co", "--exclude-standard").split("\0"):
            if name and (ROOT / name).is_file():
                (self.checkout / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.checkout / name)
        for tools in (".venv", ".tools"):
            (self.checkout / tools).symlink_to(ROOT / tools)

    def _leave_out_metric_math(self) -> None:
        """The emulator takes no alarm on several metrics, nor then a dashboard that names one."""
        path = self.checkout / "template.yaml"
        text = path.read_text(encoding="utf-8")
        for name in (*metric_math(), "WatchDashboard"):
            text, found = re.subn(rf"(?m)^  {name}:\n(?:(?:    .*)?\n)+", "", text)
            assert found == 1, name
        path.write_text(text, encoding="utf-8")

    def _name_the_methods(self) -> None:
        """The emulator passes over a route for any method: each one gets two of them instead."""
        path = self.checkout / "template.yaml"
        text = path.read_text(encoding="utf-8")
        text, found = re.subn(
            r"(?m)^( +)(\w+): (\{Type: Api, .*), Method: ANY\}\}$",
            r"\1\2Get: \3, Method: GET}}\n\1\2Post: \3, Method: POST}}",
            text,
        )
        assert found == sum(method == "ANY" for _, method in http_routes())
        # Another function has the POST of this path.
        text, found = re.subn(r"(?m)^ +IocPost: .*\n", "", text)
        assert found == 1
        path.write_text(text, encoding="utf-8")

    def has(self, program: str, text: str) -> None:
        """Let the user have a program on the path."""
        path = self._programs / program
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def types(self, script: str) -> str:
        """Run a script in bash at the top of the clone, and return its output."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.checkout,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


class Account:
    """The account behind the emulator, as the user's credentials see it."""

    def __init__(self, environment: Environment) -> None:
        self._options = {
            "endpoint_url": environment["AWS_ENDPOINT_URL"],
            "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
            "region_name": environment["AWS_DEFAULT_REGION"],
        }

    def client(self, service: str) -> Any:
        return cast("Any", boto3.client)(service, **self._options)

    def outputs(self, stack: str) -> dict[str, str]:
        """The outputs of a stack by their names."""
        (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        assert found["StackStatus"].endswith("_COMPLETE"), found
        return _outputs(found)

    def resources(self, stack: str) -> dict[str, str]:
        """The physical ids of a stack's resources by their logical ones."""
        pages = self.client("cloudformation").describe_stack_resources(StackName=stack)
        return {
            one["LogicalResourceId"]: one["PhysicalResourceId"] for one in pages["StackResources"]
        }

    def items(self, table: str) -> int:
        """How many items a table has."""
        counted: int = self.client("dynamodb").scan(TableName=table, Select="COUNT")["Count"]
        return counted

    def invoke(self, function: str, event: Any) -> Any:
        """What a function gives back."""
        answer = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        return payload

    def get(self, url: str, headers: dict[str, str]) -> requests.Response:
        """GET an address of a stack, by its API or its function URL, from the emulator.

        The name of the host is in the path there, because no name of AWS leads to this machine.
        """
        parts = urlsplit(url)
        name, _, service = parts.netloc.partition(".")
        service = service.partition(".")[0]
        assert service in {"execute-api", "lambda-url"}, url
        target = f"{self._options['endpoint_url']}/_aws/{service}/{name}{parts.path}"
        query = f"?{parts.query}" if parts.query else ""
        return requests.get(target + query, headers=headers, timeout=PATIENCE_S)

    def read_here(self, function: str, feed_url: str) -> None:
        """Let the ingest function of a stack read a feed that is on this machine.

        By default the template takes feeds on the internet only.
        """
        functions = self.client("lambda")
        found = functions.get_function_configuration(FunctionName=function)["Environment"]
        assert found["Variables"]["FEED_ALLOW_PRIVATE"] == "false"
        found["Variables"] |= {"FEED_URL": feed_url, "FEED_ALLOW_PRIVATE": "true"}
        functions.update_function_configuration(FunctionName=function, Environment=found)


def _outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
