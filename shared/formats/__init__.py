"""Formats of the outside world: bytes to domain objects and back."""
