"""Settings of the other providers."""

from shared.runtime.settings import Environment, flag, names, text


class ProviderSettings:
    """Settings for refreshing and querying providers.

    Attributes:
        providers: ids of the enabled providers (`PROVIDERS`, separated by commas).
        key_path: prefix of their API keys in SSM (`PROVIDER_KEYS_PATH`): `<path>/<id>`.
        catalog: catalog file instead of the shipped one (`PROVIDERS_CATALOG`).
        allow_private: whether private addresses and plain HTTP are allowed, for local use only
            (`PROVIDERS_ALLOW_PRIVATE`, "true" if so).
        table_name: the IOC table (`TABLE_NAME`).
        state_table_name: the state table (`STATE_TABLE_NAME`).

    Raises:
        SettingsError: a required setting is missing.
    """

    def __init__(self, env: Environment) -> None:
        self.providers = names(env, "PROVIDERS")
        self.key_path = env.get("PROVIDER_KEYS_PATH", "")
        self.catalog = env.get("PROVIDERS_CATALOG", "")
        self.allow_private = flag(env, "PROVIDERS_ALLOW_PRIVATE")
        self.table_name = text(env, "TABLE_NAME")
        self.state_table_name = text(env, "STATE_TABLE_NAME")
