"""Settings of the export function."""

from shared.formats.exports.source import Tlp
from shared.runtime.settings import Environment, SettingsError, names, optional_url, text


class ExportSettings:
    """Settings of the export function.

    Attributes:
        table_name: the IOC table (`TABLE_NAME`).
        state_table_name: the state table (`STATE_TABLE_NAME`), for the state of the providers.
        providers: ids of the enabled providers (`PROVIDERS`, separated by commas); one of them may
            overrule bad verdicts.
        bucket: the bucket of the exports (`EXPORT_BUCKET`).
        tlp: TLP marking of the exports (`EXPORT_TLP`): clear, green, amber or red.
        sandbox_url: address of the sandbox (`SANDBOX_URL`), for links to its reports; "" for none.

    Raises:
        SettingsError: a setting is missing or not valid.
    """

    def __init__(self, env: Environment) -> None:
        self.table_name = text(env, "TABLE_NAME")
        self.state_table_name = text(env, "STATE_TABLE_NAME")
        self.providers = names(env, "PROVIDERS")
        self.bucket = text(env, "EXPORT_BUCKET")
        self.tlp = _tlp(env)
        self.sandbox_url = optional_url(env, "SANDBOX_URL")


def _tlp(env: Environment) -> Tlp:
    try:
        return Tlp(env.get("EXPORT_TLP", "") or Tlp.AMBER)
    except ValueError:
        raise SettingsError("EXPORT_TLP is not one of clear, green, amber, red") from None
