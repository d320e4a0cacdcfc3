"""The command `iocrep why` explains the verdict of one indicator."""

import json
import shutil
import sys
import textwrap
from typing import Any

import typer

from iocrep import parameters
from iocrep.errors import Exit, UsageError, exit_on_error
from iocrep.formats import printable
from iocrep.lists import parse_any
from shared.client import UnexpectedAnswer
from shared.domain.errors import InvalidIndicator

_EXITS = {
    "SUSPICIOUS": Exit.SUSPICIOUS,
    "LIKELY_MALICIOUS": Exit.MALICIOUS,
    "MALICIOUS": Exit.MALICIOUS,
}


def why(
    context: typer.Context, indicator: parameters.OneIndicator, as_json: parameters.AsJson = False
) -> None:
    """Explain the verdict of an indicator: the evidence, the providers, and what is around it.

    The exit code is that of the verdict, as for `iocrep lookup`.

    Example: iocrep why evil.example
    """
    settings = parameters.settings_of(context)
    with exit_on_error(settings.each["url"].value), settings.client() as client:
        try:
            asked = parse_any(indicator).indicator
        except InvalidIndicator as error:
            raise UsageError(f"{indicator!r} is not an indicator: {error}.") from None
        found = client.explain(asked)
    if found is None:
        text = json.dumps(None) if as_json else f"Nothing is known of {asked.value} and around it."
        typer.echo(printable(text))
        raise typer.Exit(Exit.NOTHING_BAD)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo("\n".join(map(_wrapped, _sentences(found))))
    raise typer.Exit(_EXITS.get(found["verdict"], Exit.NOTHING_BAD))


def _wrapped(sentence: str) -> str:
    """The sentence at the width of the terminal; in one line if the output is something else."""
    text = printable(sentence)
    if not sys.stdout.isatty():
        return text
    # Indicators stay whole, so that they can be copied.
    width = shutil.get_terminal_size().columns
    indent = "  " if text.startswith("- ") else ""
    return textwrap.fill(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _sentences(found: Any) -> list[str]:
    try:
        first, *others = map(str, found["why"])
    except (TypeError, KeyError, ValueError):
        raise UnexpectedAnswer("the explanation has an unexpected form") from None
    return [first, *(f"- {sentence}" for sentence in others)]
