"""Puts events on an EventBridge bus, in order, until one fails."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from functions.changes.change import DETAIL_TYPE, SOURCE
from shared.runtime.observability import logger

# Limit of PutEvents.
MAX_ENTRIES = 10


# `put_events` of boto3's client.
PutEvents = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Event:
    """An event and the stream record that caused it.

    Attributes:
        sequence: number of the record in the stream.
        detail: JSON.
    """

    sequence: str
    detail: str


def put(put_events: PutEvents, bus: str, events: Sequence[Event]) -> str | None:
    """Put events on the bus, in requests of ten, until a request has a failed event.

    Later events of that request may be on the bus already.

    Returns:
        The sequence number of the first failed event; None if all are on the bus.
    """
    for chunk in _chunks(events):
        failed = _put(put_events, bus, chunk)
        if failed is not None:
            number, reason = failed
            logger.error("event failed", extra={"reason": reason})
            return chunk[number].sequence
    return None


def _put(put_events: PutEvents, bus: str, chunk: Sequence[Event]) -> tuple[int, str] | None:
    """Index of the first failed event, and the reason; None if none failed."""
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
    return next(_failed(results), None)


def _failed(results: Iterable[Any]) -> Iterator[tuple[int, str]]:
    for number, result in enumerate(results):
        if "EventId" not in result:
            yield number, result.get("ErrorCode", "")


def _chunks(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    for start in range(0, len(events), MAX_ENTRIES):
        yield events[start : start + MAX_ENTRIES]
