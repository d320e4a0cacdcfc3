"""Settings of the annotate function."""

from shared.runtime.settings import Environment, text


class AnnotateSettings:
    """Settings of the annotate function.

    Attributes:
        table_name: the IOC table (`TABLE_NAME`).
        state_table_name: the state table (`STATE_TABLE_NAME`).

    Raises:
        SettingsError: a setting is missing.
    """

    def __init__(self, env: Environment) -> None:
        self.table_name = text(env, "TABLE_NAME")
        self.state_table_name = text(env, "STATE_TABLE_NAME")
