"""Options of a declaration for its format: one model per format."""

import re
from collections.abc import Mapping
from typing import Annotated

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
)

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_INTERVAL = re.compile(r"([1-9][0-9]{0,5})([smhd])")


def seconds(text: object) -> int:
    """Read an interval such as `30m`.

    Raises:
        ValueError: the text is not an interval.
    """
    found = _INTERVAL.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise ValueError('not an interval such as "30m", "1h" or "1d"')
    return int(found[1]) * _UNITS_S[found[2]]


def _compiles(expression: str) -> str:
    try:
        jmespath.compile(expression)
    except JMESPathError as error:
        raise ValueError("not a JMESPath expression") from error
    return expression


def _is_interval(text: str) -> str:
    seconds(text)
    return text


Seconds = Annotated[int, BeforeValidator(seconds)]
Interval = Annotated[StrictStr, AfterValidator(_is_interval)]
Expression = Annotated[StrictStr, AfterValidator(_compiles)]
Character = Annotated[StrictStr, Field(min_length=1, max_length=1)]
Count = Annotated[StrictInt, Field(ge=1)]


class Options(BaseModel):
    """Options of a format; unknown options are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Lines(Options):
    """Options of `lines`: columns, from 1; without a separator the whole line is the value."""

    comment: Character = "#"
    separator: Character | None = None
    column: Count = 1
    date: Count | None = None
    category: Count | None = None


class Csv(Options):
    """Options of `csv`: columns by name; `columns` names them if the file has no header.

    Rows behind the first `max_rows` are not read, as those of the less known in a list of sites.
    """

    value: StrictStr | tuple[StrictStr, ...]
    date: StrictStr | None = None
    assessment: StrictStr | None = None
    category: StrictStr | None = None
    only: Mapping[StrictStr, tuple[StrictStr, ...]] = Field(default_factory=dict)
    columns: tuple[StrictStr, ...] = ()
    separator: Character = ","
    comment: Character = "#"
    max_rows: Count | None = None


class JsonLines(Options):
    """Options of `json_lines`: expressions on the object of a line.

    `end` is true for the last object only, which is not an entry.
    """

    value: Expression
    date: Expression | None = None
    assessment: Expression | None = None
    category: Expression | None = None
    end: Expression | None = None


class JsonPath(Options):
    """Options of `json_path`: `items` finds the entries in a document, the others read an entry."""

    items: Expression
    value: Expression
    date: Expression | None = None
    assessment: Expression | None = None
    category: Expression | None = None


class MispFeed(Options):
    """Options of `misp_feed`: how many of the newest events to read."""

    max_events: Annotated[StrictInt, Field(ge=1, le=1000)] = 200


class Taxii(Options):
    """Options of `taxii`: the maximum number of pages of a collection."""

    max_pages: Annotated[StrictInt, Field(ge=1, le=1000)] = 50


class Api(Options):
    """Options of `api`, an on-demand provider: expressions on its JSON answer.

    Attributes:
        budget_ms: maximum time for an answer, milliseconds.
        keep, keep_unknown: seconds to store an answer; the latter for an indicator that is not
            listed.
    """

    listed: Expression
    trusted: Expression | None = None
    assessment: Expression | None = None
    category: Expression | None = None
    detect_time: Expression | None = None
    budget_ms: Annotated[StrictInt, Field(ge=1, le=5000)] = 500
    keep: Seconds = 86_400
    keep_unknown: Seconds = 3600


# Models by format; `Options` itself for a format without options.
OPTIONS: Mapping[str, type[Options]] = {
    "lines": Lines,
    "csv": Csv,
    "json_lines": JsonLines,
    "json_path": JsonPath,
    "misp_feed": MispFeed,
    "misp_warninglist": Options,
    "stix_bundle": Options,
    "taxii": Taxii,
    "api": Api,
}
