"""Settings: from the file, the environment and the flags, each beating the one before."""

import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from iocrep.errors import NotSetUp
from shared.client import ReputationClient

ENVIRONMENT_PREFIX = "IOCREP_"
FILE_VARIABLE = "IOCREP_CONFIG"
# What is needed has no default.
DEFAULTS: Final = {
    "url": "",
    "api_key": "",
    "feed_url": "",
    "feed_api_key": "",
    "timeout": "90",  # a limit by minute is waited out
}
SECRET: Final = frozenset({"api_key", "feed_api_key"})
NOT_SET: Final = "not set"
_READABLE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH


@dataclass(frozen=True, slots=True)
class Setting:
    """A value, "" for none, and where it comes from."""

    value: str
    source: str

    def shown(self, name: str) -> str:
        """The value as it may be shown: a secret never is, not even its length."""
        return "********" if name in SECRET and self.value else self.value


class Settings:
    """All settings.

    Args:
        flags: by name; None for one that was not given.
        environ: the environment.
        file: what the file has, by name.
        path: the file.

    Raises:
        NotSetUp: the file has a setting that there is not, or no text for one.
    """

    def __init__(
        self,
        flags: Mapping[str, str | None],
        environ: Mapping[str, str],
        file: Mapping[str, Any],
        path: Path,
    ) -> None:
        if unknown := sorted(file.keys() - DEFAULTS.keys()):
            raise NotSetUp(f"{path}: there is no setting {unknown[0]}; known are {_names()}.")
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
        """The API, such as `https://host/v4`."""
        return self._needed("url", "no address of the API")

    @property
    def root(self) -> str:
        """The service, which has `/v4`, `/feed` and `/health` under it."""
        return self.url.rstrip("/").removesuffix("/v4")

    @property
    def api_key(self) -> str:
        """The key of the API."""
        return self._needed("api_key", "no API key")

    @property
    def feed_url(self) -> str:
        """The feed; the service's own unless another is set."""
        url = self.each["feed_url"].value or f"{self.root}/feed/reports"
        try:
            parts = urlsplit(url)
            usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise NotSetUp("the address of the feed is no http or https address.")
        return url

    @property
    def feed_api_key(self) -> str:
        """The key of the feed; the API's, but never for a feed on another host. "" for none."""
        own = self.each["feed_api_key"].value
        if own or not self.each["url"].value:
            return own
        same = urlsplit(self.feed_url)[:2] == urlsplit(self.root)[:2]
        return self.each["api_key"].value if same else ""

    @property
    def timeout_s(self) -> float:
        """Seconds that a call may take."""
        setting = self.each["timeout"]
        try:
            seconds = float(setting.value)
        except ValueError:
            seconds = 0.0
        if not 1 <= seconds <= 3600:
            raise NotSetUp(f"timeout ({setting.source}) is not 1 to 3600 seconds.")
        return seconds

    def client(self, batch: int = 1000) -> ReputationClient:
        """A client of the API.

        Args:
            batch: indicators in a request.

        Raises:
            NotSetUp: the address or the key is missing, or cannot be used.
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
            )
        except ValueError as error:
            raise NotSetUp(f"{error}. `iocrep config show` tells where it comes from.") from None

    def _needed(self, name: str, missing: str) -> str:
        value = self.each[name].value
        if not value:
            raise NotSetUp(
                f"{missing}. Set {ENVIRONMENT_PREFIX}{name.upper()}, put {name} into {self.path}, "
                f"or give --{name.replace('_', '-')} before the command."
            )
        return value


def read_file(path: Path) -> dict[str, Any]:
    """What the file has; nothing if it is not there.

    Raises:
        NotSetUp: it cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        # Not the error's own text: it may repeat the line with the key.
        raise NotSetUp(f"{path} cannot be read as TOML ({type(error).__name__}).") from None


def warning(path: Path, file: Mapping[str, Any]) -> str:
    """What is wrong with who may read the file, "" for nothing."""
    if not SECRET & file.keys() or not path.stat().st_mode & _READABLE_BY_OTHERS:
        return ""
    return f"warning: {path} holds a key and others can read it: chmod 600 {path}"


def _text(value: object, name: str, path: Path) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise NotSetUp(f"{path}: {name} is no text.")
    return str(value)


def _names() -> str:
    return ", ".join(DEFAULTS)
