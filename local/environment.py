"""Environment variables of the local commands: reads, defaults and checks.

The handlers read the same variables as on AWS; this module sets those that AWS would have set,
and rejects wrong values.
"""

import os
import socket
from urllib.parse import urlsplit

from local.errors import LocalError
from local.events import FRONTS, Front

ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"
OBJECTS = "AWS_ENDPOINT_URL_S3"

# Dummy credentials and a region, because botocore signs requests even to an engine that
# checks nothing. Values that the caller has set are not changed.
DEFAULTS = {
    "TABLE_NAME": "ioc-reputation-iocs",
    "STATE_TABLE_NAME": "ioc-reputation-state",
    "REPORT_TABLE_NAME": "ioc-reputation-reports",
    "FILTER_BUCKET": "ioc-reputation-filter",
    "EXPORT_BUCKET": "ioc-reputation-exports",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_EC2_METADATA_DISABLED": "true",
    "FEED_ALLOW_PRIVATE": "true",
    "SANDBOX_ALLOW_PRIVATE": "true",
    "PROVIDERS_ALLOW_PRIVATE": "true",
    "REPUTATION_ALLOW_PRIVATE": "true",
    "WEBHOOK_ALLOW_PRIVATE": "true",
    "EVENT_BUS_NAME": "ioc-reputation-changes",
    "WEBHOOK_SIGNING_KEY": "whsec_bG9jYWwtZGVtby1rZXktb2YtMjQtYnl0ZXM=",
    "POWERTOOLS_SERVICE_NAME": "ioc-reputation",
    "POWERTOOLS_METRICS_NAMESPACE": "ioc-reputation",
}
# Only `up` sets this name. Without a name the stack has no search index.
SEARCH_TABLE = "ioc-reputation-search"
SSM_PARAMETERS = (
    "FEED_API_KEY_PARAMETER",
    "FEED_CA_PARAMETER",
    "SANDBOX_API_KEY_PARAMETER",
    "REPUTATION_API_KEY_PARAMETER",
    "WEBHOOK_SIGNING_KEY_PARAMETER",
)
DEFAULT_REGION = "us-east-1"
DEFAULT_API_KEY = "local-demo-key"
DEFAULT_PORT = 3000
DEFAULT_FRONT = "rest"
DEFAULT_RUN_BUDGET_S = 300.0
CONNECT_TIMEOUT_S = 2.0

# Variables for local use that the template does not set, each with its default and its meaning.
LOCAL_VARIABLES: dict[str, tuple[object, str]] = {
    ENDPOINT: ("", "the DynamoDB to use; `make run` starts one, the other commands need it"),
    OBJECTS: ("", f"where the buckets are; the engine of {ENDPOINT} if empty"),
    "API_KEY": (DEFAULT_API_KEY, "the key that the local API accepts"),
    "PORT": (DEFAULT_PORT, "port of the local API; 0 for any free one"),
    "FRONT": (DEFAULT_FRONT, f"event format of the local API: {' or '.join(FRONTS)}"),
    "RUN_BUDGET_S": (f"{DEFAULT_RUN_BUDGET_S:.0f}", "seconds until a handler's deadline"),
    "FEED_API_KEY": ("", "the key of the feed; `make run` sets it to read its own feed"),
    "FEED_CA_FILE": ("", "a file with the certificate (PEM) of the private CA of the feed"),
    "SANDBOX_API_KEY": ("", "the key of the sandbox"),
    "REPUTATION_API_KEY": ("", "the key of the reputation API at `REPUTATION_URL`"),
    "GEOIP_DATABASE": ("", "the path of a GeoIP database (MMDB), which locates IPs"),
    "PROVIDERS_CATALOG": ("", "a file of declarations of providers; the shipped one if empty"),
    "PROVIDERS_ALLOW_PRIVATE": ("", "`true` reads lists at private addresses and without TLS"),
    "WEBHOOK_SIGNING_KEY": ("", "the key that signs messages to `WEBHOOK_URL`"),
}


def prepare() -> None:
    """Set the variables that AWS would set for the handlers, unless they are set."""
    for name, value in DEFAULTS.items():
        os.environ[name] = os.environ.get(name) or value
    # Local commands read keys from FEED_API_KEY and the like and a CA from FEED_CA_FILE, never
    # from the Parameter Store of a real account.
    for name in SSM_PARAMETERS:
        os.environ[name] = ""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = region
    _bypass_proxy_for_loopback()


def _bypass_proxy_for_loopback() -> None:
    """Extend NO_PROXY, because botocore sends even requests to loopback through a proxy."""
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        if hosts == ["*"]:
            continue
        missing = [host for host in ("127.0.0.1", "localhost") if host not in hosts]
        os.environ[name] = ",".join(hosts + missing)


def engine_endpoint() -> str:
    """Return the DynamoDB endpoint after a test connection.

    Raises:
        LocalError: it is not set (a local command must never reach a real account by
            accident), is not an HTTP address, or does not accept connections.
    """
    endpoint = os.environ.get(ENDPOINT, "")
    if not endpoint:
        raise LocalError(f"{ENDPOINT} is not set: set it to a local DynamoDB, or use `make run`")
    host, port = _host_and_port(ENDPOINT, endpoint)
    try:
        socket.create_connection((host, port), CONNECT_TIMEOUT_S).close()
    except OSError as error:
        raise LocalError(f"cannot connect to {ENDPOINT}={endpoint}: {error}") from error
    return endpoint


def set_objects_endpoint(endpoint: str) -> None:
    """Set AWS_ENDPOINT_URL_S3 to the engine, which serves buckets too, unless it is set."""
    os.environ[OBJECTS] = os.environ.get(OBJECTS) or endpoint


def require_feed_url() -> str:
    """Return FEED_URL.

    Raises:
        LocalError: it is not set or is not an HTTP address.
    """
    feed_url = os.environ.get("FEED_URL", "")
    if not feed_url:
        raise LocalError("FEED_URL is not set: set it to the first page of the feed")
    _host_and_port("FEED_URL", feed_url)
    return feed_url


def _host_and_port(name: str, url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise LocalError(f"{name}={url} is not an address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise LocalError(f"{name}={url} is not an http or https address")
    return parts.hostname, port or (443 if parts.scheme == "https" else 80)


def table_names() -> dict[str, str]:
    """Return the table names by logical id in template.yaml.

    The name of the report table is "" if it is not set, because not every stack publishes.
    """
    search = search_table()
    return {
        "IocTable": os.environ["TABLE_NAME"],
        "StateTable": os.environ["STATE_TABLE_NAME"],
        "ReportTable": os.environ.get("REPORT_TABLE_NAME", ""),
    } | ({"SearchTable": search} if search else {})


def search_table() -> str:
    """Return the name of the search index table; "" if there is none."""
    return os.environ.get("SEARCH_TABLE_NAME", "")


def api_key() -> str:
    """Return the key that the local API accepts."""
    return os.environ.get("API_KEY") or DEFAULT_API_KEY


def port() -> int:
    """Return the port of the API; 0 for any free one.

    Raises:
        LocalError: PORT is not a port number.
    """
    text = os.environ.get("PORT") or str(DEFAULT_PORT)
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise LocalError(f"PORT={text} is not a port: use a number from 0 to 65535")
    return int(text)


def front() -> Front:
    """Return the front whose event format the local API uses.

    Raises:
        LocalError: FRONT does not name a front.
    """
    name = os.environ.get("FRONT") or DEFAULT_FRONT
    if name not in FRONTS:
        raise LocalError(f"FRONT={name} is not a front: use {' or '.join(FRONTS)}")
    return FRONTS[name]


def run_budget_s() -> float:
    """Return the seconds until the deadline of a handler's invocation.

    Raises:
        LocalError: RUN_BUDGET_S is not a positive number.
    """
    text = os.environ.get("RUN_BUDGET_S") or str(DEFAULT_RUN_BUDGET_S)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise LocalError(f"RUN_BUDGET_S={text} is not a positive number of seconds")
    return seconds
