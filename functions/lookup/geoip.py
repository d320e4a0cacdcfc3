"""Reads where an IP address is from a GeoIP database of MaxMind's format (MMDB)."""

from collections.abc import Mapping
from functools import cached_property

import maxminddb
from maxminddb import MODE_MMAP, Reader

from functions.lookup.geo_info import Body, geo_info, no_geo_info
from shared.domain.indicator import Indicator
from shared.runtime.observability import logger

# What the reader raises for a damaged file.
_DAMAGED = (maxminddb.InvalidDatabaseError, OSError, RecursionError, TypeError, ValueError)
_ONLY_IPV4 = 4


class GeoIpDatabase:
    """A GeoIP database; one that is missing or damaged locates nothing and breaks no look-up.

    Args:
        path: of the file. It is opened at the first address, so that other look-ups start as fast
            as without it, and stays open.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._warned = False

    def locate(self, indicator: Indicator) -> Body:
        """The field `geo_info` for an IP, with the country "Unknown" if the file has no place."""
        reader = self._reader
        if reader is None:
            return no_geo_info()
        if ":" in indicator.value and reader.metadata().ip_version == _ONLY_IPV4:
            return no_geo_info()
        try:
            record = reader.get(indicator.value)
        except _DAMAGED as error:
            self._warn(error)
            return no_geo_info()
        return geo_info(record if isinstance(record, Mapping) else {})

    @cached_property
    def _reader(self) -> Reader | None:
        try:
            # Not the reader in C, which is faster: a damaged file can end its process.
            return maxminddb.open_database(self._path, MODE_MMAP)
        except _DAMAGED as error:
            self._warn(error)
            return None

    def _warn(self, error: Exception) -> None:
        """Log a fault of the file once, not at every look-up."""
        if not self._warned:
            self._warned = True
            logger.warning(
                "GeoIP database cannot be read",
                extra={"path": self._path, "error": type(error).__name__, "reason": str(error)},
            )
