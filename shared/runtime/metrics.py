"""The metrics object; service and namespace come from the environment."""

from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

metrics = Metrics()


@contextmanager
def success_counted(name: str) -> Iterator[None]:
    """Publish a metric with that name: 1 if the block succeeds, 0 if it raises."""
    done = False
    try:
        yield
        done = True
    finally:
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=int(done))
        metrics.flush_metrics()
