"""The errors of declared providers."""

from shared.domain.errors import ReputationError


class DeclarationError(ReputationError):
    """A declaration is not valid; the message names the provider and the field."""


class ListError(ReputationError):
    """What a provider sent is not its list; nothing of it is to be used."""
