"""The certificates of a private certificate authority (CA), for an on-premises sandbox."""

import ssl
from pathlib import Path

from shared.http.tls import tls_context
from shared.runtime.secret import read_parameter
from shared.runtime.settings import Environment, SettingsError


class PrivateCa:
    """The certificates of a private CA, as PEM.

    `NAME_PARAMETER` names the SSM parameter that holds them; without one, `NAME_FILE` names a file.
    """

    def __init__(self, env: Environment, name: str) -> None:
        self._name = name
        self._parameter = env.get(f"{name}_PARAMETER", "")
        self._file = env.get(f"{name}_FILE", "")

    def read(self) -> str:
        """Return the certificates, "" if none are configured.

        Raises:
            SettingsError: the file cannot be read, or the source contains no certificate.
        """
        if self._parameter:
            source, pem = f"{self._name}_PARAMETER", read_parameter(self._parameter)
        elif self._file:
            source, pem = f"{self._name}_FILE", self._read_file()
        else:
            return ""
        try:
            tls_context(pem or "empty")
        except (ssl.SSLError, TypeError, ValueError):
            raise SettingsError(f"what {source} names contains no certificate in PEM") from None
        return pem

    def _read_file(self) -> str:
        try:
            return Path(self._file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = type(error).__name__
            raise SettingsError(f"the file that {self._name}_FILE names: {reason}") from None
