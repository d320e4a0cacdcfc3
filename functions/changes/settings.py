"""Settings of the changes function."""

from shared.runtime.settings import Environment, names, text


class ChangesSettings:
    """Settings of the changes function.

    Attributes:
        event_bus_name: the bus for changes of verdicts (`EVENT_BUS_NAME`).
        providers: ids of the enabled providers (`PROVIDERS`, separated by commas); one of them may
            overrule bad verdicts.
        table_name: the IOC table (`TABLE_NAME`), for the lists of these providers.
        state_table_name: the state table (`STATE_TABLE_NAME`), for their state.

    Raises:
        SettingsError: the setting is missing.
    """

    def __init__(self, env: Environment) -> None:
        self.event_bus_name = text(env, "EVENT_BUS_NAME")
        self.providers = names(env, "PROVIDERS")
        self.table_name = text(env, "TABLE_NAME")
        self.state_table_name = text(env, "STATE_TABLE_NAME")
