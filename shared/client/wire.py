"""Reads the bodies of a MetaDefender Cloud v4 API. Pure.

Fields that are not needed are ignored, the others are read strictly: a body of another form raises
`UnexpectedAnswer`. Each row is read by `status` (IP, domain, URL) or `scan_result_i` (hash):

    ======  ======  ===========  ==========  ===================
    status  result  assessment   status is   verdict
    ======  ======  ===========  ==========  ===================
    0               trustworthy  TRUSTED     BENIGN
    0               other        NOT_LISTED  none
    1               suspicious   LISTED      SUSPICIOUS
    1               other        LISTED      LIKELY_MALICIOUS
    3                            FAILED      none
    5                            NOT_LISTED  none
            0                    NOT_LISTED  NO_THREAT
            1                    LISTED      LIKELY_MALICIOUS
            2                    LISTED      SUSPICIOUS
    other   other                OTHER       none
    ======  ======  ===========  ==========  ===================

A row with a verdict of its own, as this service gives, has that one instead, unless its status is
FAILED or OTHER.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shared.client.answers import Answer, ProviderRow, RowStatus, Seen
from shared.client.errors import UnexpectedAnswer
from shared.domain.errors import FeedError, InvalidIndicator, InvalidRecord
from shared.domain.indicator import Indicator, parse_query
from shared.domain.verdict import Verdict, read_verdict
from shared.formats import strict_json
from shared.formats.strict_json import JsonLimits

# The answer to a full bulk request has some 10,000 rows of ten fields.
LIMITS = JsonLimits(size=8 * 1024 * 1024, containers=200_000, parts=1_000_000)
# Room for about 280 million indicators.
MAX_FILTER_BYTES = 512 * 1024 * 1024
# A client holds a file in memory while it checks the digest.
MAX_EXPORT_BYTES = 1024 * 1024 * 1024
_UNKNOWN_HASH = 5
_NOT_DECIDED = (RowStatus.OTHER, None)
_BY_RESULT: Mapping[int, tuple[RowStatus, Verdict | None]] = {
    0: (RowStatus.NOT_LISTED, Verdict.NO_THREAT),
    1: (RowStatus.LISTED, Verdict.LIKELY_MALICIOUS),
    2: (RowStatus.LISTED, Verdict.SUSPICIOUS),
}
_BY_STATUS: Mapping[int, tuple[RowStatus, Verdict | None]] = {
    0: (RowStatus.NOT_LISTED, None),
    1: (RowStatus.LISTED, Verdict.LIKELY_MALICIOUS),
    3: (RowStatus.FAILED, None),
    5: (RowStatus.NOT_LISTED, None),
}
_BY_STATUS_AND_ASSESSMENT: Mapping[tuple[int, str], tuple[RowStatus, Verdict | None]] = {
    (0, "trustworthy"): (RowStatus.TRUSTED, Verdict.BENIGN),
    (1, "suspicious"): (RowStatus.LISTED, Verdict.SUSPICIOUS),
}


@dataclass(frozen=True, slots=True)
class Reply:
    """The results of a request about several indicators.

    Attributes:
        failed: the indicators that the API could not answer, with the reason.
    """

    answers: dict[Indicator, Answer] = field(default_factory=dict)
    failed: dict[Indicator, str] = field(default_factory=dict)


def _own_verdict(value: object) -> Verdict | None:
    try:
        return read_verdict(value)
    except InvalidRecord:
        return None


def _texts(value: object) -> tuple[str, ...]:
    rows = value if isinstance(value, list) else []
    return tuple(one for one in rows if isinstance(one, str))


# Optional fields: a value that is not a text is read as "".
_Text = Annotated[str, BeforeValidator(lambda value: value if isinstance(value, str) else "")]
_Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
_Score = Annotated[int | None, BeforeValidator(lambda value: value if type(value) is int else None)]
_OwnVerdict = Annotated[Verdict | None, BeforeValidator(_own_verdict)]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True)


class _Result(_Shape):
    """The fields that rows of all types share; only this service sends them."""

    verdict: _OwnVerdict = None
    overruled_by: _Text = ""
    score: _Score = None
    valid_until: _Text = ""
    flow_id: _Text = ""
    first_seen: _Text = ""
    last_seen: _Text = ""
    scan_count: _Score = None
    origin: _Text = ""
    tags: _Texts = ()

    @property
    def seen(self) -> Seen | None:
        if not self.flow_id:
            return None
        return Seen(
            self.first_seen,
            self.last_seen,
            self.scan_count or 0,
            self.tags,
            self.origin,
            self.flow_id,
        )


class _Source(_Result):
    provider: str
    status: int
    assessment: _Text = ""
    category: _Text = ""

    def row(self) -> ProviderRow:
        by_status = _BY_STATUS.get(self.status, _NOT_DECIDED)
        key = self.status, self.assessment.strip().lower()
        status, verdict = _BY_STATUS_AND_ASSESSMENT.get(key, by_status)
        verdict = _verdict(status, self.verdict, verdict)
        return ProviderRow(
            self.provider,
            status,
            verdict,
            self.assessment,
            self.category,
            self.overruled_by,
            self.score,
            self.valid_until,
            self.seen,
        )


class _LookupResults(_Shape):
    sources: list[_Source]


class _Address(_Shape):
    address: str
    lookup_results: _LookupResults | None = None
    success: bool = True
    error: Any = None


class _Addresses(_Shape):
    data: list[_Address]


class _Engine(_Result):
    scan_result_i: int
    threat_found: _Text = ""

    def row(self, name: str) -> ProviderRow:
        status, verdict = _BY_RESULT.get(self.scan_result_i, _NOT_DECIDED)
        verdict = _verdict(status, self.verdict, verdict)
        return ProviderRow(
            name,
            status,
            verdict,
            detail=self.threat_found,
            overruled_by=self.overruled_by,
            score=self.score,
            valid_until=self.valid_until,
            seen=self.seen,
        )


class _ScanResults(_Shape):
    scan_details: dict[str, _Engine]
    scan_all_result_i: int


class _Hash(_Shape):
    scan_results: _ScanResults


class _HashRow(_Shape):
    hash: str
    scan_result_i: int
    scan_details: dict[str, _Engine] | None = None
    error: Any = None


class _Hashes(_Shape):
    data: list[_HashRow]


class _ErrorCode(_Shape):
    code: int = Field(ge=0, le=999_999)
    messages: list[str] = []


class _Error(_Shape):
    error: _ErrorCode


class FilterOffer(_Shape):
    """The metadata of an API's filter.

    Attributes:
        sha256: SHA-256 of the file.
        size: size of the file in bytes.
    """

    sha256: str
    size: int = Field(gt=0, le=MAX_FILTER_BYTES)


class ExportedFile(_Shape):
    """A file that the API exports.

    Attributes:
        size: of the file in bytes.
        sha256: SHA-256 of the file.
    """

    name: str
    size: int = Field(ge=0, le=MAX_EXPORT_BYTES)
    sha256: str
    media_type: str


class _Exports(_Shape):
    files: list[ExportedFile]


class _FilterLink(_Shape):
    url: str = Field(pattern="^https?://")


_Model = TypeVar("_Model", bound=_Shape)


def read_hash(asked: Indicator, body: bytes) -> Answer:
    """Read the answer to a look-up of a known hash."""
    results = _read(_Hash, body).scan_results
    return _known_hash(asked, results.scan_all_result_i, results.scan_details)


def read_hashes(asked: Sequence[Indicator], body: bytes) -> Reply:
    """Read the answers to a bulk look-up of hashes."""
    found = Reply()
    rows = _read(_Hashes, body).data
    values = [row.hash.upper() for row in rows]
    for indicator, row in _matched(asked, rows, {one.value: one for one in asked}, values):
        if row.error is not None:
            found.failed[indicator] = "the API does not accept it"
        elif row.scan_result_i == _UNKNOWN_HASH:
            found.answers[indicator] = unknown(indicator)
        else:
            details = row.scan_details or {}
            found.answers[indicator] = _known_hash(indicator, row.scan_result_i, details)
    return found


def read_address(asked: Indicator, body: bytes) -> Reply:
    """Read the answer to a look-up of an IP, domain or URL."""
    return _addresses([asked], [_read(_Address, body)])


def read_addresses(asked: Sequence[Indicator], body: bytes) -> Reply:
    """Read the answers to a bulk look-up of indicators that are all IPs, domains or URLs."""
    return _addresses(asked, _read(_Addresses, body).data)


def read_error_code(body: bytes) -> int | None:
    """Read the API's error code, None if the body has none."""
    try:
        return _Error.model_validate_json(body).error.code
    except ValidationError:
        return None


def read_error_text(body: bytes) -> str:
    """Read the API's error messages as one text, "" if the body has none."""
    try:
        return " ".join(_Error.model_validate_json(body).error.messages)
    except ValidationError:
        return ""


def read_filter_offer(body: bytes) -> FilterOffer:
    """Read the metadata of the API's filter."""
    return _read(FilterOffer, body)


def read_exports(body: bytes) -> list[ExportedFile]:
    """Read the list of exported files."""
    return _read(_Exports, body).files


def read_link(body: bytes) -> str:
    """Read the address of a file, such as that of the filter."""
    return _read(_FilterLink, body).url


def unknown(indicator: Indicator) -> Answer:
    """Build the answer about an unknown indicator, without rows of providers."""
    return Answer(indicator, known=False, rows=())


def _read(model: type[_Model], body: bytes) -> _Model:
    try:
        strict_json.check(body, "the answer", LIMITS)
    except FeedError as error:
        raise UnexpectedAnswer(str(error)) from None
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        # Only the kind of the error: its text and location repeat received data.
        kind = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise UnexpectedAnswer(f"the answer has another form: {kind['type']}") from None


def _known_hash(asked: Indicator, overall: int, details: Mapping[str, _Engine]) -> Answer:
    if not details and overall in _BY_RESULT:
        raise UnexpectedAnswer("the answer has a result without the engines behind it")
    return Answer(asked, known=True, rows=tuple(one.row(name) for name, one in details.items()))


def _addresses(asked: Sequence[Indicator], rows: Sequence[_Address]) -> Reply:
    found = Reply()
    by_value = {one.value: one for one in asked}
    values = [
        row.address if row.address in by_value else _canonical(asked[0], row.address)
        for row in rows
    ]
    for indicator, row in _matched(asked, rows, by_value, values):
        if row.error is not None or not row.success:
            found.failed[indicator] = "the API does not accept it"
            continue
        if row.lookup_results is None:
            raise UnexpectedAnswer("a row of the answer has no results")
        sources = tuple(source.row() for source in row.lookup_results.sources)
        if sources and all(one.status is RowStatus.FAILED for one in sources):
            found.failed[indicator] = "no provider answered"
            continue
        known = any(one.verdict is not None for one in sources)
        found.answers[indicator] = Answer(indicator, known, sources)
    return found


_Row = TypeVar("_Row")


def _matched(
    asked: Sequence[Indicator],
    rows: Sequence[_Row],
    by_value: Mapping[str, Indicator],
    values: Sequence[str],
) -> list[tuple[Indicator, _Row]]:
    """Pair each row with its indicator; there must be one row per indicator, in any order."""
    if len(rows) != len(asked) or set(values) != by_value.keys():
        raise UnexpectedAnswer("the answer is not about the requested indicators")
    return [(by_value[value], row) for value, row in zip(values, rows, strict=True)]


def _canonical(like: Indicator, echo: str) -> str:
    """Return the canonical form of the value in an answer; "" if it is not such an indicator."""
    try:
        return parse_query(like.type, echo).indicator.value
    except InvalidIndicator:
        return ""


def _verdict(status: RowStatus, own: Verdict | None, implied: Verdict | None) -> Verdict | None:
    return implied if own is None or status in {RowStatus.FAILED, RowStatus.OTHER} else own
