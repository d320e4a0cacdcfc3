"""Errors of the client of a reputation API. Messages contain neither keys nor bodies."""

from collections.abc import Mapping

from shared.client.answers import Answer
from shared.domain.errors import ReputationError
from shared.domain.indicator import Indicator


class ReputationApiError(ReputationError):
    """A look-up failed. The indicator may be known or unknown."""


class KeyRefused(ReputationApiError):
    """The API does not accept the key (401), or not for this request or client (403)."""


class LimitReached(ReputationApiError):
    """The quota of the key is used up (429), and waiting would take longer than the deadline.

    Attributes:
        retry_in_s: seconds until the next look-up is allowed, None if the API does not state it.
    """

    def __init__(self, message: str, retry_in_s: int | None = None):
        super().__init__(message)
        self.retry_in_s = retry_in_s


class ApiUnavailable(ReputationApiError):
    """The API could not be reached, or failed (408, 5xx), after every retry."""


class DeadlinePassed(ReputationApiError):
    """The deadline of the call passed before the answer arrived."""


class UnexpectedAnswer(ReputationApiError):
    """The answer does not have the form of a v4 API, or is about other indicators."""


class RequestRefused(ReputationApiError):
    """The API does not do what was requested; the message is the API's own."""


class Unanswered(ReputationApiError):
    """The API answered, but not about every indicator.

    Attributes:
        failed: the indicators without an answer, with the reason: the API does not accept the
            value, or none of its providers answered.
        answers: the answers about the other indicators.
    """

    def __init__(self, failed: Mapping[Indicator, str], answers: Mapping[Indicator, Answer]):
        super().__init__(f"{len(failed)} of {len(failed) + len(answers)} look-ups have no answer")
        self.failed = failed
        self.answers = answers
