"""Providers beside the sandbox: their declarations, and how their data is read."""
