"""Exit codes of `iocrep`, and error messages that state what to do."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import IntEnum

import typer

from shared.client import (
    ApiUnavailable,
    DeadlinePassed,
    KeyRefused,
    LimitReached,
    ReputationApiError,
    RequestRefused,
)
from shared.domain.errors import FeedError, ReputationError
from shared.http.failure import cause_of
from shared.http.fetch import FeedRefused


class Exit(IntEnum):
    """Exit codes; docs/cli.md has the table."""

    NOTHING_BAD = 0
    FAILED = 1
    USAGE = 2  # typer's own
    NOT_ALL_ANSWERED = 3
    SUSPICIOUS = 10
    MALICIOUS = 20
    INTERRUPTED = 130


class CommandError(ReputationError):
    """An error that the user can correct; the message states how."""

    exit = Exit.FAILED


class UsageError(CommandError):
    """A setting or an argument is not valid."""

    exit = Exit.USAGE


def notice(line: str) -> None:
    """Print a line to standard error."""
    typer.echo(line, err=True)


@contextmanager
def exit_on_error(url: str = "") -> Iterator[None]:
    """Turn an error into a message that states what to do, and an exit code.

    Args:
        url: address of the API, for messages.
    """
    try:
        yield
    except CommandError as error:
        notice(f"error: {error}")
        raise typer.Exit(error.exit) from None
    except RequestRefused as error:
        text = "".join(char for char in str(error) if char.isprintable())
        notice(f"error: {text}")
        raise typer.Exit(Exit.FAILED) from None
    except (ReputationApiError, FeedError) as error:
        notice(f"error: {_advice(error, url)}")
        raise typer.Exit(Exit.FAILED) from None
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader closed the output: typer ends without a message
            raise
        notice(f"error: {error.filename or 'the output'}: {error.strerror}.")
        raise typer.Exit(Exit.FAILED) from None
    except KeyboardInterrupt:
        raise typer.Exit(Exit.INTERRUPTED) from None


def _advice(error: ReputationError, url: str) -> str:
    if isinstance(error, KeyRefused | FeedRefused):
        return f"the key was refused: {error}. `iocrep config show` shows where it comes from."
    if isinstance(error, LimitReached):
        return f"the key has used up its look-ups. {_resets(error.retry_in_s)}"
    if isinstance(error, DeadlinePassed):
        return f"{url} does not answer: {error}. A slow service needs a longer --timeout."
    if isinstance(error, ApiUnavailable):
        return f"{url} does not answer: {error}. Check the address and the service."
    if isinstance(error, FeedError):
        cause = f" ({cause_of(error.__cause__, url)})" if error.__cause__ else ""
        return (
            f"{error}{cause}. `iocrep config show` shows the address of the feed: "
            "feed_url, or /feed/reports of url if that is not set."
        )
    return (
        f"{url} is not a reputation API: {error}. "
        "`iocrep config show` shows where the address comes from."
    )


def _resets(seconds: int | None) -> str:
    if seconds is None:
        return "The API does not state when more are available."
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    return f"More are available in {timedelta(seconds=seconds)}, at {at:%Y-%m-%d %H:%M:%S} UTC."
