"""What a local command says when the environment, not the code, is at fault."""


class LocalError(Exception):
    """A fault that the caller can mend; the message is one line that says how.

    `python -m local` prints it on stderr and exits with status 2, without a traceback.
    """
