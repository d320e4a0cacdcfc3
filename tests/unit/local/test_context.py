import time

from local.context import LocalContext


def test_the_budget_runs_down_to_zero_and_no_further() -> None:
    context = LocalContext("lookup", budget_s=0.05)
    assert 0 < context.get_remaining_time_in_millis() <= 50
    time.sleep(0.06)
    assert context.get_remaining_time_in_millis() == 0


def test_every_invocation_has_an_id_of_its_own() -> None:
    first, second = LocalContext("lookup", 1), LocalContext("lookup", 1)
    assert first.aws_request_id != second.aws_request_id
    assert first.invoked_function_arn.endswith(":function:lookup")
