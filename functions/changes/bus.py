"""Puts events on a bus of EventBridge, in order, as far as it takes them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from functions.changes.change import DETAIL_TYPE, SOURCE
from shared.runtime.observability import logger

# What PutEvents takes at once.
MAX_ENTRIES = 10


# `put_events` of boto3's client.
PutEvents = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Event:
    """An event, and the record that it comes from.

    Attributes:
        sequence: number of the record in the stream.
        detail: JSON.
    """

    sequence: str
    detail: str


def put(put_events: PutEvents, bus: str, events: Sequence[Event]) -> str | None:
    """Put events on the bus, until one is not taken.

    Those behind it in the same ten may have been taken.

    Returns:
        The record of the first that was not taken; None when all are on the bus.
    """
    for chunk in _chunks(events):
        refused = _put(put_events, bus, chunk)
        if refused is not None:
            number, reason = refused
            logger.error("event not taken", extra={"reason": reason})
            return chunk[number].sequence
    return None


def _put(put_events: PutEvents, bus: str, chunk: Sequence[Event]) -> tuple[int, str] | None:
    """The place of the first that was not taken, and why; None for all taken."""
    entries = [
        {
            "EventBusName": bus,
            "Source": SOURCE,
            "DetailType": DETAIL_TYPE,
            "Detail": event.detail,
        }
        for event in chunk
    ]
    try:
        results = put_events(Entries=entries)["Entries"]
    except ClientError as error:
        return 0, error.response.get("Error", {}).get("Code", "")
    except BotoCoreError as error:
        return 0, type(error).__name__
    return next(_refused(results), None)


def _refused(results: Iterable[Any]) -> Iterator[tuple[int, str]]:
    for number, result in enumerate(results):
        if "EventId" not in result:
            yield number, result.get("ErrorCode", "")


def _chunks(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    for start in range(0, len(events), MAX_ENTRIES):
        yield events[start : start + MAX_ENTRIES]
