"""Measures the time to the first answer under Lambda's own runtime, and the part of the imports."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.cost import ROOT
from benchmarks.feeds import Feed
from benchmarks.ingestion import Tables, ingest, new_tables
from benchmarks.lookups import event_of
from benchmarks.questions import KEY, single
from local import environment
from local.engine import running_engine
from local.runtime import PYTHON, Instance, running, running_function
from shared.store.api_keys import ApiKeys

# Output of `make build` for this machine, made by `make bench`.
BUILD = ROOT / ".tools" / "bench"
LAYER = BUILD / "SharedLayer" / "python"
REPORTS = 20

BARE = "bare handler"
OURS = "look-up function"
OTHER = "boto3 + Logger + Metrics + resolver + pydantic"

NOTHING = "nothing"
LOOKUP = "functions.lookup.app, client made"
INGEST = "functions.ingest.app, client made"
IMPORTS = {
    NOTHING: "",
    "boto3, client made": "import boto3; boto3.client('dynamodb')",
    "Logger": "from aws_lambda_powertools import Logger; Logger()",
    "Logger, Metrics": "from aws_lambda_powertools import Logger, Metrics; Logger(), Metrics()",
    "resolver": "from aws_lambda_powertools.event_handler import APIGatewayHttpResolver",
    "pydantic": "from pydantic import BaseModel",
    "pydantic_core.Url": "from pydantic_core import Url",
    LOOKUP: "import functions.lookup.app as app; app._service()",
    INGEST: "import functions.ingest.app as app; app._client()",
}
_BARE_HANDLER = "def lambda_handler(event, context):\n    return {'statusCode': 200}\n"


@dataclass(frozen=True)
class Start:
    """One first invocation of an instance, its start included.

    Attributes:
        cpu_ms: CPU milliseconds of the function's process.
        wall_ms: milliseconds until the answer.
    """

    cpu_ms: float
    wall_ms: float


@dataclass(frozen=True)
class Starts:
    """Measurements in turns, round by round.

    Attributes:
        answers: first invocations, by function.
        imports: CPU milliseconds of a process by its imports, its start included.
    """

    answers: Mapping[str, list[Start]]
    imports: Mapping[str, list[float]]


def measure(rounds: int) -> Starts:
    """Measure first answers and imports of the build."""
    with running_engine() as endpoint, tempfile.TemporaryDirectory() as folder:
        os.environ[environment.ENDPOINT] = endpoint
        tables = new_tables()
        assert ingest(tables.client, tables.iocs, tables.state, Feed("first", REPORTS)).complete
        ApiKeys(tables.client, tables.state).put(KEY, "benchmark", now=0)
        return Starts(
            _first_answers(rounds, endpoint, tables, Path(folder)), _imports(rounds, Path(folder))
        )


Started = Callable[[], AbstractContextManager[Instance]]


def _first_answers(
    rounds: int, endpoint: str, tables: Tables, folder: Path
) -> dict[str, list[Start]]:
    event = event_of(single(_stored_hash(tables)))
    found: dict[str, list[Start]] = {BARE: [], OURS: [], OTHER: []}
    starters = _starters(endpoint, tables, folder)
    for number in range(rounds + 1):
        for name, start in starters.items():
            took = _first_answer(start, event)
            if number:  # the first round loads the files into memory
                found[name].append(took)
    return found


def _first_answer(start: Started, event: Mapping[str, Any]) -> Start:
    with start() as instance:
        began = time.perf_counter()
        answer = instance.invoke(event)
        wall = time.perf_counter() - began
        assert answer["statusCode"] == 200, answer
        return Start(instance.cpu_s() * 1000, wall * 1000)


def _starters(endpoint: str, tables: Tables, folder: Path) -> dict[str, Started]:
    (folder / "bare.py").write_text(_BARE_HANDLER, encoding="utf-8")
    shutil.copy(Path(__file__).with_name("reference.py"), folder)
    # Compiled like the build; else every start would compile it again.
    _compile(folder)
    variables = {
        environment.ENDPOINT: endpoint,
        "TABLE_NAME": tables.iocs,
        "POWERTOOLS_SERVICE_NAME": "reference",
        "POWERTOOLS_METRICS_NAMESPACE": "reference",
    }
    named = {
        "IocTable": tables.iocs,
        "StateTable": tables.state,
        "AWS::StackName": "ioc-reputation",
    }
    return {
        BARE: partial(running, folder, LAYER, "bare.lambda_handler", variables, 10),
        OURS: partial(
            running_function, BUILD, "LookupFunction", named, {environment.ENDPOINT: endpoint}
        ),
        OTHER: partial(running, folder, LAYER, "reference.lambda_handler", variables, 10),
    }


def _compile(folder: Path) -> None:
    compile_all = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")
    subprocess.run([PYTHON, *compile_all, folder], check=True)  # noqa: S603


def _stored_hash(tables: Tables) -> str:
    items = tables.client.scan(TableName=tables.iocs)["Items"]
    return next(key for item in items if (key := str(item["pk"]["S"])).startswith("sha256#"))


def _imports(rounds: int, folder: Path) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for number in range(rounds + 1):
        for name, program in IMPORTS.items():
            took = _process_ms(program, folder)
            if number:
                found[name].append(took)
    return found


def _process_ms(program: str, folder: Path) -> float:
    function = "IngestFunction" if "ingest" in program else "LookupFunction"
    variables = {
        **environment.DEFAULTS,
        "AWS_DEFAULT_REGION": environment.DEFAULT_REGION,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",  # the functions recognize Lambda by it
        "PYTHONPATH": f"{BUILD / function}:{LAYER}",
    }
    # The process prints its time itself, because its exit takes half as much again and does not
    # matter.
    timed = f"{program}\nimport time; print(time.process_time())"
    process = subprocess.run(  # noqa: S603
        [PYTHON, "-c", timed], env=variables, cwd=folder, capture_output=True, check=True, text=True
    )
    return float(process.stdout) * 1000
