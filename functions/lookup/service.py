"""What the routes work with."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from functions.lookup.quota import Caller, Quota
from shared.domain.indicator import Indicator
from shared.domain.reputation import Reputation
from shared.http.authentication import KeyRing
from shared.http.refused import Refused
from shared.http.web import Request, Response
from shared.metadefender import errors


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
    quota: Quota
    now: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way through the routes.

    Attributes:
        value: what the path asks for, percent-encoded; "" where it asks for nothing.
        caller: who asks; None on a route that is open to all.
    """

    request: Request
    value: str
    caller: Caller | None

    def identified(self) -> Caller:
        """Who asks.

        Raises:
            Refused: nobody who is known, which a route that is not open has seen to before.
        """
        if self.caller is None:
            raise Refused(errors.NO_KEY)
        return self.caller


Handler = Callable[[Service, Call], Response]
