"""The reference for the first answer: a look-up function written by the libraries' guides.

It runs as a separate function on the same layer. It checks neither key nor quota, and reads one
spelling of one type of IOC.
"""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

logger = Logger()
metrics = Metrics()
api = APIGatewayRestResolver()
client = boto3.client("dynamodb")


class Answer(BaseModel):
    """The record of a hash."""

    sha256: str
    verdict: int
    first: int
    last: int


@api.get("/v4/hash/<sha256>")
def look_up(sha256: str) -> dict[str, Any]:
    """Answer GET /v4/hash/{sha256}."""
    found = client.get_item(
        TableName=os.environ["TABLE_NAME"], Key={"pk": {"S": f"sha256#{sha256.upper()}"}}
    )
    metrics.add_metric(name="lookups", unit=MetricUnit.Count, value=1)
    if "Item" not in found:
        raise NotFoundError("not known")
    numbers = {name: int(found["Item"][name]["N"]) for name in ("verdict", "first", "last")}
    return Answer(sha256=sha256, **numbers).model_dump()


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    return api.resolve(event, context)
