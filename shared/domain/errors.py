"""Errors that the project raises on purpose. Only handlers catch their base class."""


class ReputationError(Exception):
    """Base of every error that the project raises on purpose."""


class InvalidIndicator(ReputationError, ValueError):
    """A text is not an indicator of the requested type; the message gives the reason only."""


class InvalidRecord(ReputationError, ValueError):
    """A report or an IOC of a feed breaks a hard rule; the message names the rule."""


class FeedError(ReputationError):
    """A feed page could not be fetched or is not valid; nothing of it was stored."""


class StoreError(ReputationError):
    """The store did not answer, or refused the request, after every retry."""


class FilterNotValid(ReputationError, ValueError):
    """A filter file cannot be trusted; the message gives the reason."""


class FilterOfAnotherVersion(FilterNotValid):
    """A filter file was written by a release with other canonical forms."""
