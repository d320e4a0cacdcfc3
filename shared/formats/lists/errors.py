"""Errors of declarations and lists."""

from shared.domain.errors import ReputationError


class DeclarationError(ReputationError):
    """A declaration is not valid; the message names the provider and the field."""


class ListError(ReputationError):
    """A provider did not send a valid list; nothing of it must be used."""
