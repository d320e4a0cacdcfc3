"""The one logger and the one metrics object; service and namespace come from the environment."""

from aws_lambda_powertools import Logger, Metrics

logger = Logger()
metrics = Metrics()
