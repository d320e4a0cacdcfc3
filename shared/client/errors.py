"""What goes wrong between a client and a reputation API; messages hold no key and no body."""

from collections.abc import Mapping

from shared.client.answers import Answer
from shared.domain.errors import ReputationError
from shared.domain.indicator import Indicator


class ReputationApiError(ReputationError):
    """A look-up has no answer, which never means that the indicator is unknown."""


class KeyRefused(ReputationApiError):
    """The API does not accept the key (401), or not from here (403)."""


class LimitReached(ReputationApiError):
    """The key has used up its look-ups (429), and waiting for more takes too long.

    Attributes:
        retry_in_s: seconds until there are more, None if the API does not say.
    """

    def __init__(self, message: str, retry_in_s: int | None = None):
        super().__init__(message)
        self.retry_in_s = retry_in_s


class ApiUnavailable(ReputationApiError):
    """The API could not be reached, or failed (408, 5xx), after every retry."""


class DeadlinePassed(ReputationApiError):
    """The time of the call was used up before the answer was here."""


class UnexpectedAnswer(ReputationApiError):
    """What came back is no answer of such an API, or none to what was asked."""


class Unanswered(ReputationApiError):
    """Some indicators have no answer of their own, though the API answers.

    Attributes:
        failed: these, and why: the API does not accept the value, or none of its providers
            could be asked.
        answers: what was learned of the others.
    """

    def __init__(self, failed: Mapping[Indicator, str], answers: Mapping[Indicator, Answer]):
        super().__init__(f"{len(failed)} of {len(failed) + len(answers)} look-ups have no answer")
        self.failed = failed
        self.answers = answers
