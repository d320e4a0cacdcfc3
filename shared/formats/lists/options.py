"""What a declaration can say about its format: one model for each."""

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
        ValueError: it is none.
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
    """Options of a format; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Lines(Options):
    """Columns are counted from 1; without a separator the whole line is the value."""

    comment: Character = "#"
    separator: Character | None = None
    column: Count = 1
    date: Count | None = None
    category: Count | None = None


class Csv(Options):
    """Columns by name; `columns` names them where the file does not."""

    value: StrictStr | tuple[StrictStr, ...]
    date: StrictStr | None = None
    assessment: StrictStr | None = None
    category: StrictStr | None = None
    only: Mapping[StrictStr, tuple[StrictStr, ...]] = Field(default_factory=dict)
    columns: tuple[StrictStr, ...] = ()
    separator: Character = ","
    comment: Character = "#"


class JsonLines(Options):
    """Expressions over the object of one line; `end` holds for the last one, which is no entry."""

    value: Expression
    date: Expression | None = None
    assessment: Expression | None = None
    category: Expression | None = None
    end: Expression | None = None


class JsonPath(Options):
    """`items` gives the entries of the document, the others look into one."""

    items: Expression
    value: Expression
    date: Expression | None = None
    assessment: Expression | None = None
    category: Expression | None = None


class MispFeed(Options):
    """How many events, the newest first."""

    max_events: Annotated[StrictInt, Field(ge=1, le=1000)] = 200


class Taxii(Options):
    """How many pages a collection may have."""

    max_pages: Annotated[StrictInt, Field(ge=1, le=1000)] = 50


class Api(Options):
    """An API that is asked at look-up time; expressions over its JSON answer.

    Attributes:
        budget_ms: how long an answer may take.
        keep, keep_unknown: how long an answer may be repeated, seconds; the second is for one
            that knows nothing.
    """

    listed: Expression
    trusted: Expression | None = None
    assessment: Expression | None = None
    category: Expression | None = None
    detect_time: Expression | None = None
    budget_ms: Annotated[StrictInt, Field(ge=1, le=5000)] = 500
    keep: Seconds = 86_400
    keep_unknown: Seconds = 3600


# By format. A format without options of its own has none.
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
