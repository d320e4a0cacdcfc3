"""Settings of the functions, from the environment; read once, refused with a clear message."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

SECONDS_A_DAY = 86_400


class SettingsError(ValueError):
    """A setting is missing or cannot be used; the message names it, never its value."""


@dataclass(frozen=True, slots=True)
class LookupSettings:
    """What the lookup function needs.

    Attributes:
        table_name: the IOC table (`TABLE_NAME`).
        state_table_name: the state table (`STATE_TABLE_NAME`).
        cache_ttl_s: how old an IOC kept in memory may be (`CACHE_TTL`, in seconds), 0 to keep none.
        search_table_name: the search index (`SEARCH_TABLE_NAME`), "" for none.
        providers: how to ask the providers beside the sandbox; None where there are none.
        filter_bucket: the bucket of the published filter (`FILTER_BUCKET`), "" for none.
        export_bucket: the bucket of the published exports (`EXPORT_BUCKET`), "" for none.
        sandbox_url: where people find the reports of scans (`SANDBOX_URL`), "" for nowhere.
    """

    table_name: str
    state_table_name: str
    cache_ttl_s: int
    search_table_name: str
    providers: "ProviderSettings | None"
    filter_bucket: str
    export_bucket: str
    sandbox_url: str

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            SettingsError: one is missing or cannot be used.
        """
        return cls(
            _text(env, "TABLE_NAME"),
            _text(env, "STATE_TABLE_NAME"),
            cache_ttl_s=_number(env, "CACHE_TTL", "seconds"),
            search_table_name=env.get("SEARCH_TABLE_NAME", ""),
            providers=ProviderSettings.from_env(env) if _names(env, "PROVIDERS") else None,
            filter_bucket=env.get("FILTER_BUCKET", ""),
            export_bucket=env.get("EXPORT_BUCKET", ""),
            sandbox_url=_optional_url(env, "SANDBOX_URL"),
        )


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """What the ingest function needs.

    Attributes:
        feed_url: the first page of the feed (`FEED_URL`).
        feed_api_key: key of the feed (`FEED_API_KEY`), for local use only.
        feed_api_key_parameter: name of the SSM parameter that holds it
            (`FEED_API_KEY_PARAMETER`).
        feed_allow_private: whether the feed may be at an address that is not on the internet
            (`FEED_ALLOW_PRIVATE`, "true" if so), for local use only.
        table_name: the IOC table (`TABLE_NAME`).
        state_table_name: the state table (`STATE_TABLE_NAME`).
        search_table_name: the search index (`SEARCH_TABLE_NAME`), "" for none.
        retention_s: how long an IOC is kept after it was last seen (`TTL`, in days), 0 for ever.
    """

    feed_url: str
    feed_api_key: str
    feed_api_key_parameter: str
    feed_allow_private: bool
    table_name: str
    state_table_name: str
    search_table_name: str
    retention_s: int

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            SettingsError: one is missing or cannot be used.
        """
        return cls(
            feed_url=_url(env, "FEED_URL"),
            feed_api_key=env.get("FEED_API_KEY", ""),
            feed_api_key_parameter=env.get("FEED_API_KEY_PARAMETER", ""),
            feed_allow_private=env.get("FEED_ALLOW_PRIVATE", "") == "true",
            table_name=_text(env, "TABLE_NAME"),
            state_table_name=_text(env, "STATE_TABLE_NAME"),
            retention_s=_number(env, "TTL", "days") * SECONDS_A_DAY,
            search_table_name=env.get("SEARCH_TABLE_NAME", ""),
        )


@dataclass(frozen=True, slots=True)
class PublishSettings:
    """What the publish function needs.

    Attributes:
        report_table_name: the table of published reports (`REPORT_TABLE_NAME`).
        state_table_name: the state table, for the API keys (`STATE_TABLE_NAME`).
        sandbox_url: address of the sandbox (`SANDBOX_URL`): people find its reports there, and
            the timer fetches them; "" for none.
        sandbox_api_key: key of the sandbox (`SANDBOX_API_KEY`), for local use only.
        sandbox_api_key_parameter: name of the SSM parameter that holds it
            (`SANDBOX_API_KEY_PARAMETER`).
        sandbox_allow_private: whether the sandbox may be at an address that is not on the
            internet (`SANDBOX_ALLOW_PRIVATE`, "true" if so).
        reputation_url: address of a reputation API to ask (`REPUTATION_URL`), "" for none.
        reputation_api_key: its key (`REPUTATION_API_KEY`), for local use only.
        reputation_api_key_parameter: name of the SSM parameter that holds it
            (`REPUTATION_API_KEY_PARAMETER`).
    """

    report_table_name: str
    state_table_name: str
    sandbox_url: str
    sandbox_api_key: str
    sandbox_api_key_parameter: str
    sandbox_allow_private: bool
    reputation_url: str
    reputation_api_key: str
    reputation_api_key_parameter: str

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            SettingsError: one is missing or cannot be used.
        """
        return cls(
            report_table_name=_text(env, "REPORT_TABLE_NAME"),
            state_table_name=_text(env, "STATE_TABLE_NAME"),
            sandbox_url=_optional_url(env, "SANDBOX_URL"),
            sandbox_api_key=env.get("SANDBOX_API_KEY", ""),
            sandbox_api_key_parameter=env.get("SANDBOX_API_KEY_PARAMETER", ""),
            sandbox_allow_private=env.get("SANDBOX_ALLOW_PRIVATE", "") == "true",
            reputation_url=_optional_url(env, "REPUTATION_URL"),
            reputation_api_key=env.get("REPUTATION_API_KEY", ""),
            reputation_api_key_parameter=env.get("REPUTATION_API_KEY_PARAMETER", ""),
        )


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What the providers function needs.

    Attributes:
        providers: ids of the providers that are switched on (`PROVIDERS`, with commas).
        key_path: where their API keys are in SSM (`PROVIDER_KEYS_PATH`): `<path>/<id>`.
        catalog: file with their declarations in place of the shipped one (`PROVIDERS_CATALOG`).
        allow_private: whether they may be at addresses that are not on the internet, and do
            without TLS (`PROVIDERS_ALLOW_PRIVATE`, "true" if so), for local use only.
        table_name: the IOC table (`TABLE_NAME`).
        state_table_name: the state table (`STATE_TABLE_NAME`).
    """

    providers: tuple[str, ...]
    key_path: str
    catalog: str
    allow_private: bool
    table_name: str
    state_table_name: str

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            SettingsError: one is missing.
        """
        return cls(
            providers=_names(env, "PROVIDERS"),
            key_path=env.get("PROVIDER_KEYS_PATH", ""),
            catalog=env.get("PROVIDERS_CATALOG", ""),
            allow_private=env.get("PROVIDERS_ALLOW_PRIVATE", "") == "true",
            table_name=_text(env, "TABLE_NAME"),
            state_table_name=_text(env, "STATE_TABLE_NAME"),
        )


@dataclass(frozen=True, slots=True)
class FilterSettings:
    """What the filter function needs.

    Attributes:
        table_name: the IOC table (`TABLE_NAME`).
        state_table_name: the state table (`STATE_TABLE_NAME`).
        bucket: where the filter is published (`FILTER_BUCKET`).
    """

    table_name: str
    state_table_name: str
    bucket: str

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            SettingsError: one is missing.
        """
        return cls(
            _text(env, "TABLE_NAME"), _text(env, "STATE_TABLE_NAME"), _text(env, "FILTER_BUCKET")
        )


@dataclass(frozen=True, slots=True)
class ChangesSettings:
    """What the changes function needs.

    Attributes:
        event_bus_name: the bus that is told of changed verdicts (`EVENT_BUS_NAME`).
    """

    event_bus_name: str

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            SettingsError: one is missing.
        """
        return cls(event_bus_name=_text(env, "EVENT_BUS_NAME"))


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """What the webhook function needs.

    Attributes:
        url: where changes are sent to (`WEBHOOK_URL`).
        signing_key: what they are signed with (`WEBHOOK_SIGNING_KEY`), for local use only.
        signing_key_parameter: name of the SSM parameter that holds it
            (`WEBHOOK_SIGNING_KEY_PARAMETER`).
    """

    url: str
    signing_key: str
    signing_key_parameter: str

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            SettingsError: one is missing or cannot be used.
        """
        return cls(
            url=_url(env, "WEBHOOK_URL"),
            signing_key=env.get("WEBHOOK_SIGNING_KEY", ""),
            signing_key_parameter=env.get("WEBHOOK_SIGNING_KEY_PARAMETER", ""),
        )


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """What the export function needs.

    Attributes:
        table_name: the IOC table (`TABLE_NAME`).
        bucket: where exports are published (`EXPORT_BUCKET`).
        tlp: with whom exports may be shared (`EXPORT_TLP`): clear, green, amber or red.
        sandbox_url: address of the sandbox (`SANDBOX_URL`), where people find its reports; "" for
            none.
    """

    table_name: str
    bucket: str
    tlp: str
    sandbox_url: str

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            SettingsError: one is missing or cannot be used.
        """
        return cls(
            _text(env, "TABLE_NAME"),
            _text(env, "EXPORT_BUCKET"),
            _tlp(env),
            _optional_url(env, "SANDBOX_URL"),
        )


def _tlp(env: Mapping[str, str]) -> str:
    value = env.get("EXPORT_TLP", "") or "amber"
    if value not in {"clear", "green", "amber", "red"}:
        raise SettingsError("EXPORT_TLP is none of clear, green, amber and red")
    return value


def _names(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    parts = (part.strip() for part in env.get(name, "").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _text(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "")
    if not value:
        raise SettingsError(f"{name} is not set")
    return value


def _url(env: Mapping[str, str], name: str) -> str:
    value = _text(env, name)
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    # A user's name and password have no place in it: the key goes into a header.
    if not usable or "@" in parts.netloc:
        raise SettingsError(f"{name} is no http or https address")
    return value


def _optional_url(env: Mapping[str, str], name: str) -> str:
    return _url(env, name) if env.get(name) else ""


def _number(env: Mapping[str, str], name: str, unit: str) -> int:
    value = env.get(name, "") or "0"
    if not value.isdecimal():
        raise SettingsError(f"{name} is not a number of {unit}")
    return int(value)
