"""The Python client: `from iocrep.client import Client`. docs/client.md has examples."""

from shared.client import (
    Answer,
    AnswerCache,
    ApiUnavailable,
    DeadlinePassed,
    KeyRefused,
    LimitReached,
    ProviderRow,
    ReputationApiError,
    RequestRefused,
    RowStatus,
    Seen,
    Unanswered,
    UnexpectedAnswer,
)
from shared.client import ReputationClient as Client
from shared.client.local_filter import LocalFilter
from shared.domain.indicator import Indicator, IndicatorType, parse, parse_hash, parse_query
from shared.domain.verdict import Verdict

__all__ = [
    "Answer",
    "AnswerCache",
    "ApiUnavailable",
    "Client",
    "DeadlinePassed",
    "Indicator",
    "IndicatorType",
    "KeyRefused",
    "LimitReached",
    "LocalFilter",
    "ProviderRow",
    "ReputationApiError",
    "RequestRefused",
    "RowStatus",
    "Seen",
    "Unanswered",
    "UnexpectedAnswer",
    "Verdict",
    "parse",
    "parse_hash",
    "parse_query",
]
