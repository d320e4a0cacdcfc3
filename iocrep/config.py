"""The command `iocrep config` shows the settings and their sources."""

import typer
from rich.table import Table

from iocrep import parameters
from iocrep.formats import console, plain

config = typer.Typer(help="Show the settings and their sources.", no_args_is_help=True)


@config.callback()
def _group() -> None:
    """Show the settings and their sources."""


@config.command()
def show(context: typer.Context) -> None:
    """Show each setting and where it comes from; keys are masked.

    Example: iocrep --url https://api.metadefender.com/v4 config show
    """
    settings = parameters.settings_of(context)
    table = Table(box=None, pad_edge=False)
    for column in ("Setting", "Value", "From"):
        table.add_column(column, overflow="fold")
    for name, setting in settings.each.items():
        table.add_row(name, plain(setting.shown(name)), plain(setting.source))
    out = console()
    state = "" if settings.path.exists() else " (does not exist)"
    out.print(plain(f"File: {settings.path}{state}"), soft_wrap=True)
    out.print(table)
