"""Settings of the changes function."""

from shared.runtime.settings import Environment, text


class ChangesSettings:
    """Settings of the changes function.

    Attributes:
        event_bus_name: the bus for changes of verdicts (`EVENT_BUS_NAME`).

    Raises:
        SettingsError: the setting is missing.
    """

    def __init__(self, env: Environment) -> None:
        self.event_bus_name = text(env, "EVENT_BUS_NAME")
