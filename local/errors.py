"""Error of the local commands when the environment is wrong, not the code."""


class LocalError(Exception):
    """A fault that the caller can correct; the message is one line that states how.

    `python -m local` prints it on stderr and exits with status 2, without a traceback.
    """
