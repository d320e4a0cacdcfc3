"""Reading and checking settings from the environment."""

from collections.abc import Mapping

from shared.domain.links import is_web_address

Environment = Mapping[str, str]
SECONDS_A_DAY = 86_400


class SettingsError(ValueError):
    """A setting is missing or not valid; the message names the setting and never its value."""


def text(env: Environment, name: str) -> str:
    """Read a required setting.

    Raises:
        SettingsError: the setting is missing or empty.
    """
    value = env.get(name, "")
    if not value:
        raise SettingsError(f"{name} is not set")
    return value


def url(env: Environment, name: str) -> str:
    """Read a required http or https address.

    Raises:
        SettingsError: the setting is missing or not an http or https address.
    """
    value = text(env, name)
    if not is_web_address(value):
        raise SettingsError(f"{name} is not an http or https address")
    return value


def optional_url(env: Environment, name: str) -> str:
    """Read an optional http or https address, "" for none.

    Raises:
        SettingsError: the setting is not an http or https address.
    """
    return url(env, name) if env.get(name) else ""


def number(env: Environment, name: str, unit: str) -> int:
    """Read a whole number, 0 if the setting is missing or empty.

    Raises:
        SettingsError: the setting is not a whole number.
    """
    value = env.get(name, "") or "0"
    if not value.isdecimal():
        raise SettingsError(f"{name} is not a number of {unit}")
    return int(value)


def days(env: Environment, name: str) -> int:
    """Read a whole number of days as seconds, 0 if the setting is missing or empty.

    Raises:
        SettingsError: the setting is not a whole number.
    """
    return number(env, name, "days") * SECONDS_A_DAY


def names(env: Environment, name: str) -> tuple[str, ...]:
    """Read names separated by commas, each once."""
    parts = (part.strip() for part in env.get(name, "").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def flag(env: Environment, name: str) -> bool:
    """Return whether a setting is "true"."""
    return env.get(name, "") == "true"
