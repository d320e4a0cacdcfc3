"""Settings of the filter function."""

from shared.runtime.settings import Environment, text


class FilterSettings:
    """Settings of the filter function.

    Attributes:
        table_name: the IOC table (`TABLE_NAME`).
        state_table_name: the state table (`STATE_TABLE_NAME`).
        bucket: the bucket of the filter (`FILTER_BUCKET`).

    Raises:
        SettingsError: a setting is missing.
    """

    def __init__(self, env: Environment) -> None:
        self.table_name = text(env, "TABLE_NAME")
        self.state_table_name = text(env, "STATE_TABLE_NAME")
        self.bucket = text(env, "FILTER_BUCKET")
