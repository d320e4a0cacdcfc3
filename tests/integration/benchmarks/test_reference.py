from importlib import import_module
from types import SimpleNamespace

import pytest

from benchmarks.lookups import event_of
from benchmarks.questions import single
from tests.conftest import Store


def test_the_reference_answers_the_events_that_the_benchmark_sends(
    moto_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABLE_NAME", moto_store.table)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "reference")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "reference")
    key = f"sha256#{'A' * 64}"
    facts = {name: {"N": "2"} for name in ("verdict", "first", "last")}
    moto_store.boto3.put_item(TableName=moto_store.table, Item={"pk": {"S": key}, **facts})
    reference = import_module("benchmarks.reference")
    context = SimpleNamespace(
        function_name="reference",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:reference",
        aws_request_id="1",
    )
    answer = reference.lambda_handler(event_of(single(key)), context)
    assert answer["statusCode"] == 200, answer
