"""Where DynamoDB is, and the credentials to use there."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import botocore

from shared.store.direct.sigv4 import Credentials

_ON_LAMBDA = "AWS_LAMBDA_INITIALIZATION_TYPE"
_LEFT_TO_BOTO3 = (
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "https_proxy",
    "http_proxy",
)


class Endpoint(NamedTuple):
    """Address of DynamoDB and the credentials to use there."""

    url: str
    region: str
    credentials: Callable[[], Credentials]

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self | None:
        """Read the environment variables; return None if only boto3 can find the endpoint."""
        region = env.get("AWS_DEFAULT_REGION") or env.get("AWS_REGION")
        named = env.get("AWS_ENDPOINT_URL_DYNAMODB") or env.get("AWS_ENDPOINT_URL")
        if not region or any(env.get(name) for name in _LEFT_TO_BOTO3):
            return None
        if named:
            endpoint = named if urlsplit(named).path in {"", "/"} else None
        else:
            endpoint = public_endpoint(region) if _ON_LAMBDA in env else None
        credentials = _credentials(env) if endpoint else None
        if endpoint is None or credentials is None:
            return None
        return cls(endpoint, region, credentials)


def public_endpoint(region: str) -> str | None:
    """Return the address of DynamoDB in a region, from botocore's list; None if unknown."""
    listed = Path(botocore.__file__).parent / "data" / "partitions.json"
    for partition in json.loads(listed.read_bytes())["partitions"]:
        if region in partition["regions"] or re.match(partition["regionRegex"], region):
            return f"https://dynamodb.{region}.{partition['outputs']['dnsSuffix']}"
    return None


def _credentials(env: Mapping[str, str]) -> Callable[[], Credentials] | None:
    key, secret = env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        # Lambda stops an environment before its credentials expire.
        fixed = Credentials(key, secret, env.get("AWS_SESSION_TOKEN"))
        return lambda: fixed
    import boto3  # noqa: PLC0415 - slow, and only needed for its chain of credentials

    found = boto3.Session().get_credentials()
    if found is None:
        return None

    def refreshed() -> Credentials:
        frozen = found.get_frozen_credentials()
        return Credentials(frozen.access_key or "", frozen.secret_key or "", frozen.token)

    return refreshed
