"""The commands with which people correct verdicts: `mark`, `unmark` and `report-fp`."""

import json
from collections.abc import Callable
from typing import Annotated, Any

import typer

from iocrep import parameters
from iocrep.errors import UsageError, exit_on_error
from iocrep.formats import printable
from iocrep.lists import parse_any
from shared.client import ReputationClient
from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import Indicator

Reason = Annotated[str, typer.Option(help="Why, in your words; the record of changes keeps it.")]
Expires = Annotated[
    str, typer.Option(help="When the verdict ends, such as 2027-01-31; by default it has no end.")
]


def mark(
    context: typer.Context,
    indicator: parameters.OneIndicator,
    verdict: parameters.OneVerdict,
    *,
    reason: Reason,
    expires: Expires = "",
    as_json: parameters.AsJson = False,
) -> None:
    """Set the verdict of an indicator by hand. The key needs the right `annotate`.

    It holds for all digests of a file, until it expires or is taken back.

    Example: iocrep mark intranet.example BENIGN --reason "ours"
    """
    done = _request(
        context, indicator, lambda client, one: client.set_verdict(one, verdict, reason, expires)
    )
    until = f" until {done['expires']}" if done.get("expires") else ""
    _print(done, f"{done['value']} is {done['verdict']} by {done['by']}{until}.", as_json=as_json)


def unmark(
    context: typer.Context, indicator: parameters.OneIndicator, as_json: parameters.AsJson = False
) -> None:
    """Take back the verdict that was set by hand. The key needs the right `annotate`.

    Example: iocrep unmark intranet.example
    """
    done = _request(context, indicator, lambda client, one: client.unset_verdict(one))
    text = f"The mark {done['verdict']} of {done['value']} is removed."
    _print(done, text, as_json=as_json)


def report_false_positive(
    context: typer.Context,
    indicator: parameters.OneIndicator,
    *,
    reason: Reason,
    as_json: parameters.AsJson = False,
) -> None:
    """Report that an indicator is wrongly called bad, for an analyst to decide.

    Example: iocrep report-fp intranet.example --reason "our own portal"
    """
    done = _request(
        context, indicator, lambda client, one: client.report_false_positive(one, reason)
    )
    again = " It replaces your earlier report." if done.get("repeated") else ""
    _print(done, f"{done['value']} is reported as a false positive.{again}", as_json=as_json)


def _request(
    context: typer.Context,
    indicator: str,
    request: Callable[[ReputationClient, Indicator], Any],
) -> Any:
    settings = parameters.settings_of(context)
    with exit_on_error(settings.each["url"].value), settings.client() as client:
        try:
            return request(client, parse_any(indicator).indicator)
        except InvalidIndicator as error:
            raise UsageError(f"{indicator!r} is not an indicator: {error}.") from None


def _print(done: Any, text: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(done) if as_json else printable(text))
