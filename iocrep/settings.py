"""Settings from the file, the environment and the flags; the later source wins."""

import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies

from iocrep.errors import UsageError
from shared.client import ReputationClient
from shared.domain.links import is_web_address

ENVIRONMENT_PREFIX = "IOCREP_"
FILE_VARIABLE = "IOCREP_CONFIG"
# Required settings have no default.
DEFAULTS: Final = {
    "url": "",
    "api_key": "",
    "feed_url": "",
    "feed_api_key": "",
    "timeout": "90",  # long enough to wait for the next minute of a limit
}
SECRET: Final = frozenset({"api_key", "feed_api_key"})
NOT_SET: Final = "not set"
_READABLE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH


@dataclass(frozen=True, slots=True)
class Setting:
    """A value, "" for none, and its source."""

    value: str
    source: str

    def shown(self, name: str) -> str:
        """The value for display; a secret is masked, including its length."""
        return "********" if name in SECRET and self.value else self.value


class Settings:
    """All settings.

    Args:
        flags: values by name; None for a flag that was not given.
        environ: the environment.
        file: values in the file by name.
        path: of the file.

    Raises:
        UsageError: the file has an unknown setting, or a value that is not a string or a number.
    """

    def __init__(
        self,
        flags: Mapping[str, str | None],
        environ: Mapping[str, str],
        file: Mapping[str, Any],
        path: Path,
    ) -> None:
        if unknown := sorted(file.keys() - DEFAULTS.keys()):
            raise UsageError(
                f"{path}: unknown setting {unknown[0]}; known are {', '.join(DEFAULTS)}."
            )
        self.path = path
        self.each: dict[str, Setting] = {}
        for name, default in DEFAULTS.items():
            variable, flag = ENVIRONMENT_PREFIX + name.upper(), flags.get(name)
            if flag is not None:
                setting = Setting(flag, f"--{name.replace('_', '-')}")
            elif environ.get(variable):
                setting = Setting(environ[variable], variable)
            elif name in file:
                setting = Setting(_text(file[name], name, path), str(path))
            else:
                setting = Setting(default, "default" if default else NOT_SET)
            self.each[name] = setting

    @property
    def url(self) -> str:
        """Address of the API, such as `https://host/v4`."""
        return self._needed("url", "no address of the API")

    @property
    def root(self) -> str:
        """Address of the service, above `/v4`, `/feed` and `/health`."""
        return self.url.rstrip("/").removesuffix("/v4")

    @property
    def api_key(self) -> str:
        """The key of the API."""
        return self._needed("api_key", "no API key")

    @property
    def feed_url(self) -> str:
        """Address of the feed; by default that of the service."""
        url = self.each["feed_url"].value or f"{self.root}/feed/reports"
        if not is_web_address(url):
            raise UsageError("the address of the feed is not an http or https address.")
        return url

    @property
    def feed_api_key(self) -> str:
        """Key of the feed; by default the API's if both have the same origin, else ""."""
        own = self.each["feed_api_key"].value
        if own or not self.each["url"].value:
            return own
        same = urlsplit(self.feed_url)[:2] == urlsplit(self.root)[:2]
        return self.each["api_key"].value if same else ""

    @property
    def timeout_s(self) -> float:
        """The most seconds for a call."""
        setting = self.each["timeout"]
        try:
            seconds = float(setting.value)
        except ValueError:
            seconds = 0.0
        if not 1 <= seconds <= 3600:
            raise UsageError(f"timeout ({setting.source}) is not 1 to 3600 seconds.")
        return seconds

    def client(self, batch: int = 1000) -> ReputationClient:
        """Return a client of the API; it uses the proxy that the environment names.

        Args:
            batch: the most indicators in a request.

        Raises:
            UsageError: the address or the key is missing or not valid.
        """
        timeout_s = self.timeout_s
        try:
            return ReputationClient(
                self.url,
                self.api_key,
                deadline_s=timeout_s,
                read_timeout_s=timeout_s,
                max_hashes=batch,
                max_addresses=batch,
                proxies=get_environ_proxies(self.url),
            )
        except ValueError as error:
            raise UsageError(f"{error}. `iocrep config show` shows where it comes from.") from None

    def _needed(self, name: str, missing: str) -> str:
        value = self.each[name].value
        if not value:
            raise UsageError(
                f"{missing}. Set {ENVIRONMENT_PREFIX}{name.upper()}, put {name} into {self.path}, "
                f"or give --{name.replace('_', '-')} before the command."
            )
        return value


def read_file(path: Path) -> dict[str, Any]:
    """Read the values in the file; empty if it does not exist.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        # The error's own text is omitted, because it may contain the line with the key.
        raise UsageError(f"{path} cannot be read as TOML ({type(error).__name__}).") from None


def warning(path: Path, file: Mapping[str, Any]) -> str:
    """A warning if others can read a file with a key, else ""."""
    if not SECRET & file.keys() or not path.stat().st_mode & _READABLE_BY_OTHERS:
        return ""
    return f"warning: {path} contains a key and others can read it: chmod 600 {path}"


def _text(value: object, name: str, path: Path) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UsageError(f"{path}: {name} is not a string.")
    return str(value)
