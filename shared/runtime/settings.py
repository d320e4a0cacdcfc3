"""Reading settings from the environment; what cannot be used is refused with a clear message."""

from collections.abc import Mapping

from shared.domain.links import is_web_address

Environment = Mapping[str, str]


class SettingsError(ValueError):
    """A setting is missing or cannot be used; the message names it, never its value."""


def text(env: Environment, name: str) -> str:
    """A setting that there has to be.

    Raises:
        SettingsError: it is missing or empty.
    """
    value = env.get(name, "")
    if not value:
        raise SettingsError(f"{name} is not set")
    return value


def url(env: Environment, name: str) -> str:
    """An address that there has to be.

    Raises:
        SettingsError: it is missing, or no http or https address.
    """
    value = text(env, name)
    if not is_web_address(value):
        raise SettingsError(f"{name} is no http or https address")
    return value


def optional_url(env: Environment, name: str) -> str:
    """An address, "" for none.

    Raises:
        SettingsError: it is no http or https address.
    """
    return url(env, name) if env.get(name) else ""


def number(env: Environment, name: str, unit: str) -> int:
    """A whole number, 0 for none.

    Raises:
        SettingsError: it is no number of that unit.
    """
    value = env.get(name, "") or "0"
    if not value.isdecimal():
        raise SettingsError(f"{name} is not a number of {unit}")
    return int(value)


def names(env: Environment, name: str) -> tuple[str, ...]:
    """Names with commas between them, each once."""
    parts = (part.strip() for part in env.get(name, "").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def flag(env: Environment, name: str) -> bool:
    """Whether a setting is "true"."""
    return env.get(name, "") == "true"
