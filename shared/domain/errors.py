"""The errors that the project raises on purpose; handlers map them, nothing else catches wide."""


class ReputationError(Exception):
    """Base of every error that the project raises on purpose."""


class InvalidIndicator(ReputationError, ValueError):
    """A text is no indicator of the asked type; the message says why, without the text."""


class InvalidRecord(ReputationError, ValueError):
    """A report or an IOC of a feed breaks a hard rule; the message says which one."""


class FeedError(ReputationError):
    """A feed page could not be had or is not valid; nothing of it was taken."""


class StoreError(ReputationError):
    """The store did not answer, or refused, after every retry."""


class FilterNotValid(ReputationError, ValueError):
    """The file of a filter cannot be trusted; the message says why."""


class FilterOfAnotherVersion(FilterNotValid):
    """A filter that another release of the service made, with other canonical forms."""
