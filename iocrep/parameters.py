"""Arguments and options of the commands."""

from pathlib import Path
from typing import Annotated

import typer

from iocrep.settings import FILE_VARIABLE, Settings
from shared.domain.indicator_types import INDICATOR_TYPES, IndicatorType
from shared.domain.verdict import Verdict


def read_verdict(text: str) -> Verdict:
    """Read the name of a verdict, in any case."""
    try:
        return Verdict[text.upper()]
    except KeyError:
        raise typer.BadParameter(f"{text!r} is not a verdict") from None


def _complete_verdict(incomplete: str) -> list[str]:
    names = (one.name.lower() for one in Verdict)
    return [name for name in names if name.startswith(incomplete)]


def _type(text: str) -> IndicatorType:
    if text not in INDICATOR_TYPES:
        raise typer.BadParameter(f"{text!r} is not a type")
    return IndicatorType(text)


VERDICTS = "[" + "|".join(one.name.lower() for one in Verdict) + "]"
Url = Annotated[str | None, typer.Option(help="Address of the API, such as https://host/v4.")]
ApiKey = Annotated[
    str | None,
    typer.Option(
        help="Key of the API. Other users of this machine can see it; prefer IOCREP_API_KEY."
    ),
]
FeedUrl = Annotated[
    str | None, typer.Option(help="Feed that `watch` follows; by default the service's own.")
]
FeedApiKey = Annotated[
    str | None,
    typer.Option(help="Key of that feed; by default the API's, if both have the same host."),
]
Timeout = Annotated[
    float | None,
    typer.Option(min=1, max=3600, help="Seconds that a call may take, with its retries."),
]
Config = Annotated[
    Path | None,
    typer.Option(help="File with settings, in TOML.", envvar=FILE_VARIABLE, show_envvar=True),
]
Indicators = Annotated[
    list[str] | None,
    typer.Argument(
        help="Indicators of any type, defanged or not; - is a list on the standard input."
    ),
]
OneIndicator = Annotated[str, typer.Argument(help="An indicator of any type, defanged or not.")]
OneVerdict = Annotated[
    Verdict,
    typer.Argument(
        help="The verdict.",
        parser=read_verdict,
        metavar=VERDICTS,
        autocompletion=_complete_verdict,
    ),
]
ListFile = Annotated[
    Path | None,
    typer.Option(
        "--file", "-f", help="List with an indicator in each line; - is the standard input."
    ),
]
Extract = Annotated[
    bool, typer.Option("--extract", "-x", help="Find the indicators in a mail or any other text.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object in a line.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="CSV, safe to open in a spreadsheet.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write to this file; needs --json or --csv."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Continue where the last run with this --output stopped.")
]
Batch = Annotated[
    int, typer.Option(min=1, max=1000, help="Indicators in a request; the vendor accepts 50.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only the output and errors.")]
AtLeast = Annotated[
    Verdict | None,
    typer.Option(
        "--verdict",
        help="Only IOCs with this verdict or a worse one.",
        parser=read_verdict,
        metavar=VERDICTS,
        autocompletion=_complete_verdict,
    ),
]
Types = Annotated[
    list[IndicatorType] | None,
    typer.Option(
        "--type",
        help="Only IOCs of this type; may be repeated.",
        parser=_type,
        metavar="[" + "|".join(INDICATOR_TYPES) + "]",
    ),
]
Interval = Annotated[float, typer.Option(min=1, max=86_400, help="Seconds between two polls.")]
Once = Annotated[bool, typer.Option("--once", help="Poll once and end.")]
State = Annotated[
    Path | None,
    typer.Option(
        "--state", help="File with the position in the feed; the next run continues there."
    ),
]


def settings_of(context: typer.Context) -> Settings:
    """Return the settings that the callback of the app read."""
    settings = context.obj
    assert isinstance(settings, Settings)  # noqa: S101  # set by that callback
    return settings
