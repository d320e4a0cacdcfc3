"""Settings of the ingest function."""

from shared.http.private_ca import PrivateCa
from shared.runtime.secret import Secret
from shared.runtime.settings import Environment, days, flag, text, url


class IngestSettings:
    """Settings of the ingest function, read from the environment.

    Attributes:
        feed_url: address of the first page of the feed (`FEED_URL`).
        feed_api_key: API key of the feed (`FEED_API_KEY_PARAMETER`, `FEED_API_KEY`).
        feed_allow_private: whether the feed may have a private address
            (`FEED_ALLOW_PRIVATE`, "true" if so).
        feed_ca: a private CA of the feed (`FEED_CA_PARAMETER`, `FEED_CA_FILE`).
        inherit_verdict: whether IOCs without a verdict inherit that of their report
            (`INHERIT_VERDICT`, "true" if so).
        publish_private: whether reports of private scans are stored (`PUBLISH_PRIVATE`, "true" if
            so).
        table_name: the IOC table (`TABLE_NAME`).
        state_table_name: the state table (`STATE_TABLE_NAME`).
        search_table_name: the search index (`SEARCH_TABLE_NAME`), "" for none.
        retention_s: how long an IOC is kept after it was last seen (`TTL`, in days); 0: no limit.

    Raises:
        SettingsError: a setting is missing or not valid.
    """

    def __init__(self, env: Environment) -> None:
        self.feed_url = url(env, "FEED_URL")
        self.feed_api_key = Secret(env, "FEED_API_KEY")
        self.feed_allow_private = flag(env, "FEED_ALLOW_PRIVATE")
        self.feed_ca = PrivateCa(env, "FEED_CA")
        self.inherit_verdict = flag(env, "INHERIT_VERDICT")
        self.publish_private = flag(env, "PUBLISH_PRIVATE")
        self.table_name = text(env, "TABLE_NAME")
        self.state_table_name = text(env, "STATE_TABLE_NAME")
        self.search_table_name = env.get("SEARCH_TABLE_NAME", "")
        self.retention_s = days(env, "TTL")
