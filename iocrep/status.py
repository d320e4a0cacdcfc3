"""The command `iocrep status` shows the health of the service, its providers and the quota."""

import json

import typer
from pydantic import BaseModel, ValidationError
from requests.utils import get_environ_proxies
from rich.table import Table

from iocrep import parameters
from iocrep.errors import Exit, exit_on_error
from iocrep.formats import console, plain
from shared.client import ReputationClient, UnexpectedAnswer
from shared.domain.errors import FeedError
from shared.http.fetch import FeedClient


class _Provider(BaseModel):
    provider: str
    types: list[str]
    age_s: int
    entries: int
    error: str


class _Providers(BaseModel):
    providers: list[_Provider] = []


class _Key(BaseModel):
    nickname: str = ""
    limit_reputation: int | None = None
    throttling_limit: int | None = None
    expiration_date: str = ""


class _Left(BaseModel):
    reputation_api: int | None = None


class _Status(BaseModel):
    """What the command shows.

    Attributes:
        health: "ok", or "unknown" if the API has no page for it, like the vendor's.
        providers: empty if the API has no page for them.
    """

    url: str
    health: str
    key: _Key
    left: _Left
    providers: list[_Provider]


def status(context: typer.Context, as_json: parameters.AsJson = False) -> None:
    """Show whether the service answers, the state of its providers, and the quota of the key.

    The exit code is 0 if the service answers and accepts the key, else 1.

    Example: iocrep status
    """
    settings = parameters.settings_of(context)
    with exit_on_error(settings.each["url"].value), settings.client() as client:
        found = _query(client, settings.url, settings.root, settings.timeout_s)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        _show(found)
    raise typer.Exit(Exit.NOTHING_BAD)


def _query(client: ReputationClient, url: str, root: str, timeout_s: float) -> _Status:
    try:
        key = _Key.model_validate(client.read("apikey"))
        left = _Left.model_validate(client.read("apikey/limits/status"))
        try:
            providers = _Providers.model_validate(client.read("status/providers")).providers
        except UnexpectedAnswer:  # the vendor's API has no such page
            providers = []
    except ValidationError:
        raise UnexpectedAnswer(
            "its answer about the key or the providers has an unexpected form"
        ) from None
    return _Status(
        url=url, health=health_of(root, timeout_s), key=key, left=left, providers=providers
    )


def health_of(root: str, timeout_s: float) -> str:
    """Return the health that a service states of itself; "unknown" if it states none.

    Args:
        root: address of the service without `/v4`.
        timeout_s: how long to wait for an answer, in seconds.
    """
    try:
        client = FeedClient(
            root, "", lambda: timeout_s, allow_private=True, proxies=get_environ_proxies(root)
        )
        return str(json.loads(client.get(f"{root}/health").body)["status"])
    except (FeedError, ValueError, KeyError, TypeError):
        return "unknown"


def _show(found: _Status) -> None:
    out = console()
    facts = Table(show_header=False, box=None, pad_edge=False)
    for name, value in (
        ("Service", found.url),
        ("Health", found.health),
        ("Key", found.key.nickname),
        ("Expires", found.key.expiration_date or "never"),
        ("Look-ups a day", _number(found.key.limit_reputation)),
        ("Left today", _number(found.left.reputation_api)),
        ("Look-ups a minute", _number(found.key.throttling_limit)),
    ):
        facts.add_row(name, plain(value))
    out.print(facts)
    if found.providers:
        table = Table(box=None, pad_edge=False)
        for column in ("Provider", "Types", "Entries", "Age", "Error"):
            table.add_column(column)
        for one in found.providers:
            age = "never" if one.age_s < 0 else f"{one.age_s / 3600:.1f} h"
            table.add_row(
                plain(one.provider),
                plain(", ".join(one.types)),
                f"{one.entries:,}",
                age,
                plain(one.error),
            )
        out.print()
        out.print(table)


def _number(value: int | None) -> str:
    return "no limit" if value is None else f"{value:,}"
