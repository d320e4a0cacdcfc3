"""A thousand hashes in one request: rows in order, and as few reads as there can be."""

import functions.lookup.app as lookup  # noqa: F401
