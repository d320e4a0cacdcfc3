"""Settings of the lookup function."""

from shared.runtime.half_lives import read_half_lives
from shared.runtime.settings import Environment, names, number, optional_url, text


class LookupSettings:
    """Settings of the lookup function, read from the environment.

    Attributes:
        table_name: the IOC table (`TABLE_NAME`).
        state_table_name: the state table (`STATE_TABLE_NAME`).
        cache_ttl_s: maximum age of a cached IOC record (`CACHE_TTL`, in seconds), 0 for no cache.
        search_table_name: the search index (`SEARCH_TABLE_NAME`), "" for none.
        providers: whether other providers are enabled (`PROVIDERS`).
        filter_bucket: the bucket of the published filter (`FILTER_BUCKET`), "" for none.
        export_bucket: the bucket of the published exports (`EXPORT_BUCKET`), "" for none.
        sandbox_url: address of the scan reports for people (`SANDBOX_URL`), "" for none.
        half_lives: as `shared.runtime.half_lives` reads them.
        summary_provider: name of the row that sums up the others (`SUMMARY_PROVIDER`), "" for no
            such row.
        geoip_database: path of a GeoIP database (`GEOIP_DATABASE`), "" for none.
        max_age_s: how long clients may keep the answer of a single look-up (`LOOKUP_MAX_AGE`, in
            seconds), 0 to ask again each time.

    Raises:
        SettingsError: a setting is missing or not valid.
    """

    def __init__(self, env: Environment) -> None:
        self.table_name = text(env, "TABLE_NAME")
        self.state_table_name = text(env, "STATE_TABLE_NAME")
        self.cache_ttl_s = number(env, "CACHE_TTL", "seconds")
        self.search_table_name = env.get("SEARCH_TABLE_NAME", "")
        self.providers = bool(names(env, "PROVIDERS"))
        self.filter_bucket = env.get("FILTER_BUCKET", "")
        self.export_bucket = env.get("EXPORT_BUCKET", "")
        self.sandbox_url = optional_url(env, "SANDBOX_URL")
        self.half_lives = read_half_lives(env)
        self.summary_provider = env.get("SUMMARY_PROVIDER", "")
        self.geoip_database = env.get("GEOIP_DATABASE", "")
        self.max_age_s = number(env, "LOOKUP_MAX_AGE", "seconds")
