"""The command line `iocrep`: a client of this service. See docs/cli.md.

A package of its own, because `shared` goes into the Lambda layer whole and this must not.
"""
