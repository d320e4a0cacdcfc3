"""How `iocrep` ends: its exit codes, and errors that say what to do."""

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
)
from shared.domain.errors import FeedError, ReputationError
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


class CannotGoOn(ReputationError):
    """A fault that the caller can mend; the message says how."""

    exit = Exit.FAILED


class NotSetUp(CannotGoOn):
    """The settings or the arguments do not fit."""

    exit = Exit.USAGE


def tell(line: str) -> None:
    """Say something that is not part of the output."""
    typer.echo(line, err=True)


@contextmanager
def errors_told(url: str = "") -> Iterator[None]:
    """Turn errors into a line that says what to do, and an exit code.

    Args:
        url: the API that is asked.
    """
    try:
        yield
    except CannotGoOn as error:
        tell(f"error: {error}")
        raise typer.Exit(error.exit) from None
    except (ReputationApiError, FeedError) as error:
        tell(f"error: {_advice(error, url)}")
        raise typer.Exit(Exit.FAILED) from None
    except OSError as error:
        if error.errno == errno.EPIPE:  # who reads the output has left: typer ends in silence
            raise
        tell(f"error: {error.filename or 'the output'}: {error.strerror}.")
        raise typer.Exit(Exit.FAILED) from None
    except KeyboardInterrupt:
        raise typer.Exit(Exit.INTERRUPTED) from None


def _advice(error: ReputationError, url: str) -> str:
    if isinstance(error, KeyRefused | FeedRefused):
        return f"the key was refused: {error}. `iocrep config show` tells where it comes from."
    if isinstance(error, LimitReached):
        return f"the key has used up its look-ups. {_resets(error.retry_in_s)}"
    if isinstance(error, ApiUnavailable | DeadlinePassed):
        return (
            f"{url} does not answer: {error}. Is the address right, and the service up? "
            "A slow one needs a longer --timeout."
        )
    if isinstance(error, FeedError):
        return (
            f"{error}. `iocrep config show` tells which feed is asked: "
            "feed_url, or /feed/reports of url if that is not set."
        )
    return (
        f"{url} is no such API: {error}. `iocrep config show` tells where the address comes from."
    )


def _resets(seconds: int | None) -> str:
    if seconds is None:
        return "The API does not say when there are more."
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    return f"There are more in {timedelta(seconds=seconds)}, at {at:%Y-%m-%d %H:%M:%S} UTC."
