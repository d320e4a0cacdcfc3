"""Secrets of functions: in SSM, and for local use in the environment itself."""

from aws_lambda_powertools.utilities.parameters import get_parameter

from shared.runtime.settings import Environment

CACHED_S = 300


class Secret:
    """What the SSM parameter holds that `NAME_PARAMETER` names; without one, `NAME` itself."""

    def __init__(self, env: Environment, name: str) -> None:
        self._value = env.get(name, "")
        self._parameter = env.get(f"{name}_PARAMETER", "")

    def read(self) -> str:
        """The secret, "" for none; one that was changed in SSM is known within five minutes."""
        if not self._parameter:
            return self._value
        return read_parameter(self._parameter)


def read_parameter(name: str) -> str:
    """Return the value of an SSM parameter, decrypted; a change is seen within `CACHED_S`."""
    return str(get_parameter(name, decrypt=True, max_age=CACHED_S))
