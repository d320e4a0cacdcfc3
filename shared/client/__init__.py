"""Client of MetaDefender Cloud v4 reputation APIs. See docs/client.md."""

from shared.client.answers import Answer, ProviderRow, RowStatus, Seen
from shared.client.cache import AnswerCache
from shared.client.client import ReputationClient
from shared.client.errors import (
    ApiUnavailable,
    DeadlinePassed,
    KeyRefused,
    LimitReached,
    ReputationApiError,
    RequestRefused,
    Unanswered,
    UnexpectedAnswer,
)

__all__ = [
    "Answer",
    "AnswerCache",
    "ApiUnavailable",
    "DeadlinePassed",
    "KeyRefused",
    "LimitReached",
    "ProviderRow",
    "ReputationApiError",
    "ReputationClient",
    "RequestRefused",
    "RowStatus",
    "Seen",
    "Unanswered",
    "UnexpectedAnswer",
]
