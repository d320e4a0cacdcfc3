"""The API keys of providers, which are stored in SSM."""

from aws_lambda_powertools.utilities.parameters import get_parameter
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from shared.domain.errors import ReputationError
from shared.formats.lists.declaration import Declaration

KEYS_CACHED_S = 300


class KeyNotReadable(ReputationError):
    """The API key of a provider cannot be read."""


def provider_key(path: str, declaration: Declaration) -> str:
    """Read the API key of a provider, "" if it needs none.

    Args:
        path: prefix of the SSM parameters; the key is at `<path>/<id>`.

    Raises:
        KeyNotReadable: the provider needs a key, and it cannot be read.
    """
    if not declaration.key:
        return ""
    try:
        key = get_parameter(f"{path}/{declaration.id}", decrypt=True, max_age=KEYS_CACHED_S)
    except GetParameterError:
        raise KeyNotReadable("the API key of the provider cannot be read") from None
    return str(key)
