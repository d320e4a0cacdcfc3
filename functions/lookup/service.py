"""What the routes work with, and how they refuse."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from functions.lookup.authentication import KeyRing
from functions.lookup.web import Request, Response
from shared.domain.indicator import Indicator
from shared.domain.reputation import Reputation
from shared.metadefender.errors import ApiError


class Iocs(Protocol):
    """Where reputations are found; `shared.store.iocs.IocTable` is one."""

    def find(self, indicator: Indicator) -> Reputation | None:
        """The reputation of one indicator; raises StoreError."""

    def find_many(self, indicators: Iterable[Indicator]) -> Mapping[Indicator, Reputation]:
        """The reputations that are known of many; raises StoreError."""


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes work with.

    Attributes:
        now: milliseconds since the epoch.
    """

    iocs: Iocs
    keys: KeyRing
    now: Callable[[], int]


Handler = Callable[[Service, Request, str], Response]


class Refused(Exception):
    """A request that cannot be answered; the handler's caller turns it into the answer."""

    def __init__(
        self, error: ApiError, detail: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.detail = detail
        self.headers = headers or {}

    def response(self) -> Response:
        """The answer."""
        return Response(self.error.status, self.error.body(self.detail), self.headers)
