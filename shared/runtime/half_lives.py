"""Settings of the half-lives of scores, which look-ups and exports share."""

from collections.abc import Mapping

from shared.domain.indicator_types import HASH_TYPES, IndicatorType
from shared.domain.score import DEFAULT_HALF_LIVES
from shared.runtime.settings import Environment, number

_ADDRESSES = {
    IndicatorType.DOMAIN: "HALF_LIFE_DOMAIN",
    IndicatorType.URL: "HALF_LIFE_URL",
    IndicatorType.IP: "HALF_LIFE_IP",
}


def read_half_lives(env: Environment) -> Mapping[IndicatorType, float]:
    """Read the days in which a score halves, by type; 0 for a type that does not age.

    `HALF_LIFE_HASH` is that of hashes of every type. A setting that is missing or empty has the
    default of `shared.domain.score`.

    Raises:
        SettingsError: a setting is not a whole number.
    """
    names = {**dict.fromkeys(HASH_TYPES, "HALF_LIFE_HASH"), **_ADDRESSES}
    return {
        kind: number(env, name, "days") if env.get(name) else DEFAULT_HALF_LIVES.get(kind, 0)
        for kind, name in names.items()
    }
