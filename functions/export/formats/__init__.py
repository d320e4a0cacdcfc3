"""Formats that exports alone write."""
