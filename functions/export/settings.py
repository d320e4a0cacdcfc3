"""Settings of the export function."""

from shared.formats.exports.source import Tlp
from shared.runtime.settings import Environment, SettingsError, optional_url, text


class ExportSettings:
    """What the export function needs.

    Attributes:
        table_name: the IOC table (`TABLE_NAME`).
        bucket: where exports are published (`EXPORT_BUCKET`).
        tlp: with whom exports may be shared (`EXPORT_TLP`): clear, green, amber or red.
        sandbox_url: address of the sandbox (`SANDBOX_URL`), where people find its reports; "" for
            none.

    Raises:
        SettingsError: one is missing or cannot be used.
    """

    def __init__(self, env: Environment) -> None:
        self.table_name = text(env, "TABLE_NAME")
        self.bucket = text(env, "EXPORT_BUCKET")
        self.tlp = _tlp(env)
        self.sandbox_url = optional_url(env, "SANDBOX_URL")


def _tlp(env: Environment) -> Tlp:
    try:
        return Tlp(env.get("EXPORT_TLP", "") or Tlp.AMBER)
    except ValueError:
        raise SettingsError("EXPORT_TLP is none of clear, green, amber and red") from None
