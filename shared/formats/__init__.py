"""Formats of other systems: bytes to domain objects and back."""
