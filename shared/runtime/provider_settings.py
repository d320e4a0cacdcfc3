"""Settings of the providers beside the sandbox."""

from shared.runtime.settings import Environment, flag, names, text


class ProviderSettings:
    """What it takes to refresh providers, and to ask them.

    Attributes:
        providers: ids of the providers that are switched on (`PROVIDERS`, with commas).
        key_path: where their API keys are in SSM (`PROVIDER_KEYS_PATH`): `<path>/<id>`.
        catalog: file with their declarations in place of the shipped one (`PROVIDERS_CATALOG`).
        allow_private: whether they may be at addresses that are not on the internet, and do
            without TLS (`PROVIDERS_ALLOW_PRIVATE`, "true" if so), for local use only.
        table_name: the IOC table (`TABLE_NAME`).
        state_table_name: the state table (`STATE_TABLE_NAME`).

    Raises:
        SettingsError: one is missing.
    """

    def __init__(self, env: Environment) -> None:
        self.providers = names(env, "PROVIDERS")
        self.key_path = env.get("PROVIDER_KEYS_PATH", "")
        self.catalog = env.get("PROVIDERS_CATALOG", "")
        self.allow_private = flag(env, "PROVIDERS_ALLOW_PRIVATE")
        self.table_name = text(env, "TABLE_NAME")
        self.state_table_name = text(env, "STATE_TABLE_NAME")
