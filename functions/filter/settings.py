"""Settings of the filter function."""

from shared.runtime.settings import Environment, text


class FilterSettings:
    """What the filter function needs.

    Attributes:
        table_name: the IOC table (`TABLE_NAME`).
        state_table_name: the state table (`STATE_TABLE_NAME`).
        bucket: where the filter is published (`FILTER_BUCKET`).

    Raises:
        SettingsError: one is missing.
    """

    def __init__(self, env: Environment) -> None:
        self.table_name = text(env, "TABLE_NAME")
        self.state_table_name = text(env, "STATE_TABLE_NAME")
        self.bucket = text(env, "FILTER_BUCKET")
