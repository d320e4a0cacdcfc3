"""Runs the built artifacts under Lambda's own runtime, on this machine and without Docker.

The emulator of the runtime's API comes with the SAM CLI. `.tools/emulator` holds what the runtime
adds to the artifacts, its client and the SDK, for the Python that they are built for. An artifact
and its layer stay in the build directory: LAMBDA_TASK_ROOT and PYTHONPATH name their paths instead
of /var/task and /opt/python.
"""

import http.client
import json
import os
import platform
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from local.engine import free_port
from local.errors import LocalError
from local.template import function_definition

TOOLS = Path(__file__).parent.parent / ".tools"
PYTHON = TOOLS / "emulator" / "bin" / "python"
INVOKE = "/2015-03-31/functions/function/invocations"
START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0
POLL_S = 0.01
SETTLED_S = 0.05
# Another process can bind a free port before the emulator does.
ATTEMPTS = 3
# Time for the emulator to report that an invocation took too long.
_PATIENCE_S = 30.0
_ERROR = {"errorMessage", "errorType"}


class FunctionError(Exception):
    """The function failed: in its start, in its handler, or by its timeout.

    Attributes:
        kind: the class of the exception, or Lambda's name of the error.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


@dataclass(frozen=True)
class Instance:
    """One instance of a function. It starts at its first invocation, and runs one at a time.

    Attributes:
        port: port of 127.0.0.1 at which it is invoked.
        timeout_s: limit of an invocation, in seconds.
    """

    port: int
    timeout_s: int
    _emulator: subprocess.Popen[bytes]
    _log: IO[bytes]

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """Invoke the function with an event, and return its result.

        Raises:
            FunctionError: the function failed.
            OSError: the emulator does not answer.
        """
        wait_s = self.timeout_s + _PATIENCE_S
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=wait_s)
        with closing(connection):
            connection.request("POST", INVOKE, json.dumps(event))
            body = connection.getresponse().read()
        try:
            answer = json.loads(body)
        except ValueError:
            # A timeout and an exit of the runtime are reported as a sentence, not as JSON.
            raise FunctionError("Emulator", body.decode("utf-8", "replace").strip()) from None
        if isinstance(answer, dict) and answer.keys() >= _ERROR:
            raise FunctionError(answer["errorType"], answer["errorMessage"])
        return answer

    def pid(self) -> int:
        """Return the id of the function's process.

        Raises:
            LocalError: it has not been invoked yet, or has ended.
        """
        runtime = next(iter(_children(self._emulator.pid)), None)
        if runtime is None:
            raise LocalError("the function is not running")
        return runtime

    def cpu_s(self) -> float:
        """Return the CPU seconds that the function has used so far, its start included.

        Raises:
            LocalError: it has not been invoked yet, or has ended.
        """
        # The CPU clock of another process, with the id of clock_getcpuclockid(3): it counts
        # nanoseconds, /proc only hundredths of a second.
        return time.clock_gettime((~self.pid() << 3) | 2)

    def log(self) -> str:
        """Return the output of the function and the emulator so far."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode("utf-8", "replace")


@contextmanager
def running_function(
    build: Path, logical_id: str, values: Mapping[str, str], variables: Mapping[str, str]
) -> Iterator[Instance]:
    """Run a function of a build for the duration of the `with` block.

    Args:
        build: output of `make build`, for the processor of this machine.
        logical_id: name of the function in the template.
        values: values of the template's references; see `function_definition`.
        variables: environment variables in addition to the template's; they take precedence.

    Yields:
        The running instance.

    Raises:
        TemplateError: the template lacks the function, or a value that it needs.
        LocalError: the emulator is not installed or does not start.
    """
    function = function_definition(logical_id, values, build / "template.yaml")
    environment = {
        **function.environment,
        **variables,
        "AWS_LAMBDA_FUNCTION_NAME": logical_id,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_LOG_FORMAT": function.log_format,
        "AWS_LAMBDA_LOG_LEVEL": function.log_level,
    }
    layer = build / "SharedLayer" / "python"
    with running(
        build / logical_id, layer, function.handler, environment, function.timeout_s
    ) as instance:
        yield instance


@contextmanager
def running(
    code: Path, layer: Path, handler: str, environment: Mapping[str, str], timeout_s: int
) -> Iterator[Instance]:
    """Run any handler as Lambda does, for the duration of the `with` block.

    Args:
        code: directory that Lambda has at /var/task.
        layer: directory that Lambda has at /opt/python.
        handler: dotted path of the handler.
        environment: the function's variables; it does not inherit those of this process.
        timeout_s: limit of an invocation, in seconds.

    Yields:
        The running instance.

    Raises:
        LocalError: the emulator is not installed or does not start.
    """
    program = emulator()
    task = str(code.resolve())
    variables = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "LAMBDA_TASK_ROOT": task,
        # The runtime's SDK comes last, from the interpreter's own packages.
        "PYTHONPATH": f"{task}:{layer.resolve()}",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_s),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        "_HANDLER": handler,
        **environment,
    }
    with tempfile.TemporaryFile() as log:
        process, port = _start(program, handler, variables, log)
        try:
            yield Instance(port, timeout_s, process, log)
        finally:
            _stop(process)


def emulator() -> Path:
    """Return the path of the program that emulates the runtime's API.

    Raises:
        LocalError: the program, or the runtime's Python, is not installed.
    """
    arch = "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
    name = f"samcli/local/rapid/aws-lambda-rie-{arch}"
    program = next((TOOLS / "sam").glob(f"lib/python3*/site-packages/{name}"), None)
    if program is None or not PYTHON.exists():
        raise LocalError("the runtime is not installed: run `make .tools/emulator/.ready`")
    return program


def _start(
    program: Path, handler: str, environment: Mapping[str, str], log: IO[bytes]
) -> tuple[subprocess.Popen[bytes], int]:
    for _ in range(ATTEMPTS):
        port, api = free_port(), free_port()
        process = subprocess.Popen(  # noqa: S603  # a fixed program with our own arguments
            [
                program,
                *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
                *("--runtime-api-address", f"127.0.0.1:{api}"),
                *(PYTHON, "-m", "awslambdaric", handler),
            ],
            cwd=environment["LAMBDA_TASK_ROOT"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if _listens(process, (port, api)):
            return process, port
        _stop(process)
    raise LocalError("the emulator does not start")


def _listens(process: subprocess.Popen[bytes], ports: Iterable[int]) -> bool:
    deadline = time.monotonic() + START_TIMEOUT_S
    for port in ports:
        while not _accepts(port):
            if process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
    # If another process has taken a port, that process accepts, and the emulator ends soon.
    try:
        process.wait(SETTLED_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), START_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the emulator, and the runtime with it."""
    runtimes = _children(process.pid) if process.poll() is None else []
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        for runtime in runtimes:
            with suppress(ProcessLookupError):
                os.kill(runtime, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    """Return the ids of a process's children; none if it has ended."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that ends meanwhile
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found
