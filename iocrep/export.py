"""The command `iocrep export` lists the exports of the service, and downloads one."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from iocrep import parameters
from iocrep.errors import exit_on_error
from iocrep.formats import console, plain

Name = Annotated[
    str, typer.Argument(help="A file, such as blocklist/domain-malicious.txt; none to list all.")
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write to this file, which is replaced when complete."),
]


def export(
    context: typer.Context,
    name: Name = "",
    *,
    output: Output = None,
    as_json: parameters.AsJson = False,
) -> None:
    """List the exports, or download one: block lists, hosts, RPZ, CSV, STIX, MISP.

    The SHA-256 of a file is checked.

    Example: iocrep export blocklist/domain-malicious.txt -o domains.txt
    """
    settings = parameters.settings_of(context)
    with exit_on_error(settings.each["url"].value), settings.client() as client:
        if not name:
            files = [one.model_dump() for one in client.exports()]
            if as_json:
                typer.echo("".join(json.dumps(one) + "\n" for one in files), nl=False)
                return
            table = Table(box=None, pad_edge=False)
            table.add_column("File", overflow="fold")
            table.add_column("Bytes", justify="right", no_wrap=True)
            for one in files:
                table.add_row(plain(one["name"]), f"{one['size']:,}")
            console().print(table)
            return
        content = client.export(name)
        if output is None:
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
            return
        new = output.with_name(output.name + ".new")
        new.write_bytes(content)
        new.replace(output)
