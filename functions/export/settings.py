"""Settings of the export function."""

from shared.domain.verdict import Verdict
from shared.formats.exports.source import Tlp
from shared.runtime.half_lives import read_half_lives
from shared.runtime.settings import Environment, SettingsError, days, names, optional_url, text

# Milder verdicts are harmless, and tools detect every indicator whatever it contains.
INDICATED = ("SUSPICIOUS", "LIKELY_MALICIOUS", "MALICIOUS")


class ExportSettings:
    """Settings of the export function.

    Attributes:
        table_name: the IOC table (`TABLE_NAME`).
        state_table_name: the state table (`STATE_TABLE_NAME`), for the state of the providers.
        providers: ids of the enabled providers (`PROVIDERS`, separated by commas); one of them may
            overrule bad verdicts.
        bucket: the bucket of the exports (`EXPORT_BUCKET`).
        tlp: TLP marking of the exports (`EXPORT_TLP`): clear, green, amber or red.
        least_verdict: the mildest verdict that makes a STIX indicator (`EXPORT_LEAST_VERDICT`):
            SUSPICIOUS, LIKELY_MALICIOUS or MALICIOUS.
        half_lives: days in which a score halves, by type (`HALF_LIFE_*`).
        retention_s: how long an IOC is kept after it was last seen (`TTL`, in days); 0: no limit.
        sandbox_url: address of the sandbox (`SANDBOX_URL`), for links to its reports; "" for none.

    Raises:
        SettingsError: a setting is missing or not valid.
    """

    def __init__(self, env: Environment) -> None:
        self.table_name = text(env, "TABLE_NAME")
        self.state_table_name = text(env, "STATE_TABLE_NAME")
        self.providers = names(env, "PROVIDERS")
        self.bucket = text(env, "EXPORT_BUCKET")
        self.retention_s = days(env, "TTL")
        self.tlp = _tlp(env)
        self.least_verdict = _least_verdict(env)
        self.half_lives = read_half_lives(env)
        self.sandbox_url = optional_url(env, "SANDBOX_URL")


def _tlp(env: Environment) -> Tlp:
    try:
        return Tlp(env.get("EXPORT_TLP", "") or Tlp.AMBER)
    except ValueError:
        raise SettingsError("EXPORT_TLP is not one of clear, green, amber, red") from None


def _least_verdict(env: Environment) -> Verdict:
    name = env.get("EXPORT_LEAST_VERDICT", "") or Verdict.LIKELY_MALICIOUS.name
    if name not in INDICATED:
        raise SettingsError(f"EXPORT_LEAST_VERDICT is not one of {', '.join(INDICATED)}")
    return Verdict[name]
