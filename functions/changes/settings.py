"""Settings of the changes function."""

from shared.runtime.settings import Environment, text


class ChangesSettings:
    """What the changes function needs.

    Attributes:
        event_bus_name: the bus that is told of changed verdicts (`EVENT_BUS_NAME`).

    Raises:
        SettingsError: it is missing.
    """

    def __init__(self, env: Environment) -> None:
        self.event_bus_name = text(env, "EVENT_BUS_NAME")
