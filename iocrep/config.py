"""`iocrep config`: where the settings come from."""

import typer
from rich.table import Table

from iocrep import parameters
from iocrep.formats import console, plain

config = typer.Typer(help="Settings, and where they come from.", no_args_is_help=True)


@config.callback()
def _group() -> None:
    """Settings, and where they come from."""


@config.command()
def show(context: typer.Context) -> None:
    """Tell each setting and where it comes from; keys are masked."""
    settings = parameters.settings_of(context)
    table = Table(box=None, pad_edge=False)
    for column in ("Setting", "Value", "From"):
        table.add_column(column, overflow="fold")
    for name, setting in settings.each.items():
        table.add_row(name, plain(setting.shown(name)), plain(setting.source))
    out = console()
    there = "" if settings.path.exists() else " (not there)"
    out.print(plain(f"File: {settings.path}{there}"), soft_wrap=True)
    out.print(table)
