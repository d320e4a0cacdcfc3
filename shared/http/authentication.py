"""Authentication by an API key in a header, checked by the function itself.

An authorizer of API Gateway could not answer in the shape that clients of this API read.
"""

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Protocol

from shared.http import errors
from shared.http.api_error import ApiError
from shared.runtime.clock import now_ms
from shared.runtime.ttl_cache import TtlCache
from shared.store.api_keys import ApiKey, Right, digest_of

CACHED_S = 60.0
# Long enough that a client which repeats an unknown key costs few reads, and short enough that a
# new key which was tried too early works at once.
UNKNOWN_CACHED_S = 2.0
_MAX_CACHED = 1000
# Clients of the v4 API send the first, clients of the sandbox's own API the second. All paths
# accept both, so a client of both APIs needs only one.
_HEADERS = ("apikey", "x-api-key")


def key_in(headers: Mapping[str, str]) -> str:
    """Read the key of a request, "" if it has none.

    TAXII clients and firewalls support neither header and send the key as the password of basic
    authentication, with any user name. A few clients send it as `Authorization: apikey KEY`.

    Args:
        headers: by lower-case name.
    """
    key = next((headers[name] for name in _HEADERS if headers.get(name)), "")
    return key or _credentials(headers.get("authorization", ""))


def _credentials(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "apikey":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(credentials, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def require(right: Right | None, key: ApiKey) -> None:
    """Check that a key has a right; None for no right.

    Raises:
        ApiError: it does not have it; the message names the right.
    """
    if right is not None and right not in key.rights:
        raise ApiError(errors.RIGHT_MISSING, right)


class Keys(Protocol):
    """Finds keys, such as `shared.store.api_keys.ApiKeys`."""

    def find(self, digest: str) -> ApiKey | None:
        """The key with this digest, even if it is disabled or expired; raises StoreError."""


class KeyRing:
    """Finds keys; known ones are cached for a minute, unknown ones for two seconds. Thread-safe.

    Args:
        clock: seconds, monotonic, for the age of cached keys.
        now: milliseconds since the epoch, for the expiry of keys.
    """

    def __init__(
        self,
        keys: Keys,
        clock: Callable[[], float],
        now: Callable[[], int] = now_ms,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._now = now
        # By digest, so that memory holds a key only during its request. Unknown keys have a cache
        # of their own, so that a flood of them does not displace the known ones.
        self._known = TtlCache[str, ApiKey](_MAX_CACHED, clock)
        self._unknown = TtlCache[str, bool](_MAX_CACHED, clock)

    def find(self, key: str) -> ApiKey | None:
        """Find the record of `key`, None if the key is unknown, disabled or expired.

        A new key works at once, or two seconds after it was tried too early. Disabling a key takes
        effect within a minute, expiry at once.

        Raises:
            StoreError: the store failed, and the key is not cached.
        """
        record = self._record(digest_of(key))
        return record if record and record.is_valid(self._now()) else None

    def _record(self, digest: str) -> ApiKey | None:
        record = self._known.get(digest)
        if record is not None or self._unknown.get(digest):
            return record
        # The age counts from before the read.
        asked = self._clock()
        record = self._keys.find(digest)
        if record is None:
            self._unknown.put(digest, value=True, ends=asked + UNKNOWN_CACHED_S)
        else:
            self._known.put(digest, record, asked + CACHED_S)
        return record
