"""The command line `iocrep` and the Python client. See docs/cli.md and docs/client.md.

A package of its own, because all of `shared` goes into the Lambda layer and this must not.
"""
