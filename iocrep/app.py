"""Defines the commands of `iocrep` and the options that they share."""

import os
from pathlib import Path
from typing import Annotated

import typer

from iocrep import parameters
from iocrep.config import config as config_commands
from iocrep.errors import exit_on_error, notice
from iocrep.export import export
from iocrep.lookup import lookup
from iocrep.mark import mark, report_false_positive, unmark
from iocrep.settings import Settings, read_file, warning
from iocrep.sightings import recent, report, sightings
from iocrep.status import status
from iocrep.version import version_text
from iocrep.watch import watch
from iocrep.why import why

app = typer.Typer(
    name="iocrep",
    help="Query an IOC reputation service. Settings: file, environment, options; the last wins.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_show_locals=False,  # the locals contain the key
    rich_markup_mode="markdown",  # wraps paragraphs at the width of the terminal
)


def _version(requested: bool) -> None:
    if requested:
        typer.echo(version_text())
        raise typer.Exit


@app.callback()
def _settings(
    context: typer.Context,
    *,
    url: parameters.Url = None,
    api_key: parameters.ApiKey = None,
    feed_url: parameters.FeedUrl = None,
    feed_api_key: parameters.FeedApiKey = None,
    timeout: parameters.Timeout = None,
    config: parameters.Config = None,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    flags = {
        "url": url,
        "api_key": api_key,
        "feed_url": feed_url,
        "feed_api_key": feed_api_key,
        "timeout": None if timeout is None else str(timeout),
    }
    path = config or Path(typer.get_app_dir("iocrep")) / "config.toml"
    with exit_on_error():
        file = read_file(path)
        if text := warning(path, file):
            notice(text)
        context.obj = Settings(flags, os.environ, file, path)


app.command()(lookup)
app.command()(why)
app.command()(sightings)
app.command()(recent)
app.command()(report)
app.command()(export)
app.command()(mark)
app.command()(unmark)
app.command("report-fp")(report_false_positive)
app.command()(watch)
app.command()(status)
app.add_typer(config_commands, name="config")
