"""Events at random at the real handlers: documented answers only, and clean logs.

A sample of them; `FUZZ_REQUESTS=20000` sets the number. With `-s` each part prints the requests
that took the most CPU.
"""

import gzip
import io
import json
import logging
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from functions.annotate import routes as annotate
from functions.lookup import routes as lookup
from functions.publish import routes as publish
from local import openapi
from local.context import LocalContext
from local.events import Response, http_response
from local.handlers import load
from shared.http.api_error import is_sandbox_path, is_taxii_path
from shared.http.routing import find_route
from shared.http.web import SECURITY_HEADERS, read_request
from shared.runtime.observability import logger
from tests.conftest import Store
from tests.contract import fuzzing
from tests.contract.support import KEY, READER_KEY

REQUESTS = int(os.environ.get("FUZZ_REQUESTS") or 8000)
SLOWEST_PRINTED = 5
# Several tests, so that several processes share them.
PARTS = 4
ROUTES: dict[fuzzing.Function, Any] = {
    "annotate": annotate.ROUTES,
    "lookup": lookup.ROUTES,
    "publish": publish.ROUTES,
}
# With the paths of another function, which are refused.
PATHS: dict[fuzzing.Function, Any] = {
    "annotate": annotate.PATHS,
    "lookup": lookup.PATHS,
    "publish": publish.ROUTES,
}
DOCUMENT = json.loads(openapi.DOCUMENT.read_text(encoding="utf-8"))
SECRETS = (KEY, READER_KEY, fuzzing.CANARY)
IDS = ("flow_id", "report_id")
# In a log's line, and in its texts once they are read: DEL, C1 controls and line separators too.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class AsLambdaDoes(logging.Formatter):
    """Makes JSON of what libraries log, as a function with that log format does."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps({"message": super().format(record)})


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """What the functions log and what libraries do, as the log group would get it."""
    written = io.StringIO()
    handler = logger.registered_handler
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(written)
    of_libraries = logging.StreamHandler(written)
    of_libraries.addFilter(lambda record: record.name != logger.name)
    of_libraries.setFormatter(AsLambdaDoes())
    logging.getLogger().addHandler(of_libraries)
    yield written
    logging.getLogger().removeHandler(of_libraries)
    handler.setStream(before)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_answer_is_a_documented_one_and_no_log_tells_what_was_sent(
    filled_store: Store,
    logs: io.StringIO,
    capfd: pytest.CaptureFixture[str],
    pytestconfig: pytest.Config,
    part: int,
) -> None:
    handlers = {function: load(function) for function in ROUTES}
    statuses: Counter[int] = Counter()
    took: list[tuple[float, str]] = []
    for number in range(part, REQUESTS, PARTS):
        function, event = fuzzing.made_up(number)
        started = time.process_time()
        result = handlers[function](event, LocalContext(function, 10))
        cpu_ms = (time.process_time() - started) * 1000
        answer = http_response(result)
        took.append((cpu_ms, f"{cpu_ms:8.1f} ms CPU  {answer.status}  request {number}"))
        wrong = fault_of(function, event, answer)
        assert not wrong, f"request {number} to {function}: {wrong}: {event!r:.2000}"
        statuses[answer.status] += 1
    printed = capfd.readouterr()
    for line in (logs.getvalue() + printed.out + printed.err).splitlines():
        assert not fault_in_log(line), line
    if pytestconfig.getoption("capture") == "no":
        with capfd.disabled():
            slowest = sorted(took, reverse=True)[:SLOWEST_PRINTED]
            sys.stdout.write(f"\npart {part}, {len(took)} requests, the slowest:\n")
            sys.stdout.writelines(f"{line}\n" for _, line in slowest)
    # All of the API was reached, and not by the refusal of a key alone.
    assert statuses[200] > REQUESTS / PARTS / 6, statuses
    assert min(statuses[one] for one in (400, 401, 403, 404, 405, 406, 413, 415, 422)) > 0, statuses


def test_what_fails_inside_is_told_in_one_line_without_what_was_sent(
    filled_store: Store, logs: io.StringIO
) -> None:
    _, made_up = fuzzing.made_up(1)
    event = made_up | {
        "path": "/v4/ip/192.0.2.1",
        "headers": {"apikey": KEY, "x": f"\r\n{fuzzing.CANARY}"},
        "body": fuzzing.CANARY,
        "requestContext": None,
    }
    answer = load("lookup")(event, LocalContext("lookup", 10))
    assert answer["statusCode"] == 500
    assert answer["headers"].items() >= SECURITY_HEADERS.items()
    [line] = logs.getvalue().splitlines()
    assert not fault_in_log(line), line
    assert json.loads(line)["message"] == "request failed"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"message": "fine"}', ""),
        ('{"message": "a\\nb"}', ""),
        ("not JSON", "no JSON object"),
        ("[]", "no JSON object"),
        (f'{{"key": "{KEY}"}}', "tells what was sent"),
        (f'{{"message": "{fuzzing.CANARY}"}}', "tells what was sent"),
        (f'{{"message": "scan report taken", "flow_id": "{fuzzing.CANARY}"}}', ""),
        (f'{{"message": "scan report taken", "sender": "{KEY}"}}', "tells what was sent"),
        (f'{{"message": "published", "flow_id": "{fuzzing.CANARY}"}}', "tells what was sent"),
        ('{"message": "\u2028"}', "a control character"),
    ],
)
def test_faults_in_logs_are_told(line: str, fault: str) -> None:
    assert fault_in_log(line) == fault


def fault_in_log(line: str) -> str:
    """What is wrong with a line of a log, "" for nothing."""
    if CONTROL.search(line):
        return "a control character"
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if isinstance(record, dict) and record.get("message") == "scan report taken":
        # The ids of a published report show in the log who sent it.
        record = {name: value for name, value in record.items() if name not in IDS}
        line = json.dumps(record)
    if any(secret in line for secret in SECRETS):
        return "tells what was sent"
    return "" if isinstance(record, dict) else "no JSON object"


def fault_of(function: fuzzing.Function, event: dict[str, Any], answer: Response) -> str:
    """What is wrong with an answer, "" for nothing."""
    headers = {name.title(): value for name, value in answer.headers}
    if missing := SECURITY_HEADERS.keys() - headers.keys():
        return f"without {missing}"
    if any(name.startswith("Access-Control") for name in headers):
        return "lets scripts of other sites read it"
    if any(secret.encode() in answer.body for secret in (KEY, READER_KEY)):
        return "tells a key"
    request = read_request(event)
    route, _ = find_route(PATHS[function], request.path)
    error = "Refusal" if is_sandbox_path(request.path) else "Error"
    if is_taxii_path(request.path):
        error = "TaxiiError"
    if route is None:
        return _fault_of_body(answer, error) if answer.status in {400, 401, 404} else "a status"
    if route not in ROUTES[function]:
        return _fault_of_body(answer, error) if answer.status in {401, 404, 405} else "a status"
    operation = DOCUMENT["paths"][route.template].get(request.method.lower())
    if operation is not None and request.method in route.methods:
        return _fault_by_document(operation, answer, headers)
    if answer.status == 405 and "Allow" not in headers:
        return "without Allow"
    return _fault_of_body(answer, error) if answer.status in {401, 405} else "a status"


def _fault_by_document(operation: dict[str, Any], answer: Response, headers: dict[str, str]) -> str:
    response = operation["responses"].get(str(answer.status))
    if response is None or answer.status >= 500:
        return f"status {answer.status}"
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][_name(response)]
    content = {kind.partition(";")[0]: one for kind, one in response.get("content", {}).items()}
    if not content:
        return "a body" if answer.body else ""
    media = headers.get("Content-Type", "").partition(";")[0]
    if media not in content:
        return f"the type {media}"
    if not media.endswith("json"):
        return ""
    return _fault_of_body(answer, _name(content[media].get("schema", {})))


def _name(reference: dict[str, str]) -> str:
    return reference.get("$ref", "").rpartition("/")[2]


def _fault_of_body(answer: Response, model: str) -> str:
    packed = ("content-encoding", "gzip") in answer.headers
    try:
        body = json.loads(gzip.decompress(answer.body) if packed else answer.body)
    except ValueError:
        return "no JSON"
    if model and not _validator(model).is_valid(body):
        return f"no {model}: {answer.body[:300]!r}"
    return ""


_validators: dict[str, Any] = {}


def _validator(model: str) -> Any:
    if model not in _validators:
        _validators[model] = jsonschema_rs.Draft202012Validator(
            {"$ref": f"#/components/schemas/{model}", "components": DOCUMENT["components"]}
        )
    return _validators[model]
