"""Declarations of providers, and the reader of their lists."""
