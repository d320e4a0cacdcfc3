"""Secrets of functions, from SSM or, for local use, from the environment."""

from aws_lambda_powertools.utilities.parameters import get_parameter

from shared.runtime.settings import Environment

CACHED_S = 300


class Secret:
    """A secret: the SSM parameter that `NAME_PARAMETER` names, or else the value of `NAME`."""

    def __init__(self, env: Environment, name: str) -> None:
        self._value = env.get(name, "")
        self._parameter = env.get(f"{name}_PARAMETER", "")

    def read(self) -> str:
        """Return the secret, "" for none; a change in SSM takes effect within five minutes."""
        if not self._parameter:
            return self._value
        return read_parameter(self._parameter)


def read_parameter(name: str) -> str:
    """Return the decrypted value of an SSM parameter, cached for `CACHED_S` seconds."""
    return str(get_parameter(name, decrypt=True, max_age=CACHED_S))
