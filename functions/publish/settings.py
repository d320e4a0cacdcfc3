"""Settings of the publish function."""

from shared.http.private_ca import PrivateCa
from shared.runtime.secret import Secret
from shared.runtime.settings import Environment, flag, names, optional_url, text


class PublishSettings:
    """Settings of the publish function.

    Attributes:
        report_table_name: the table of published reports (`REPORT_TABLE_NAME`).
        state_table_name: the state table, for the API keys (`STATE_TABLE_NAME`).
        sandbox_url: address of the sandbox (`SANDBOX_URL`), for links to its reports and for the
            poll; "" for none.
        sandbox_api_key: its key (`SANDBOX_API_KEY_PARAMETER`, `SANDBOX_API_KEY`).
        sandbox_allow_private: whether the sandbox may have a private address
            (`SANDBOX_ALLOW_PRIVATE`, "true" if so).
        private_ca: the private CA of the sandbox, the feed and the reputation API
            (`FEED_CA_PARAMETER`, `FEED_CA_FILE`).
        reputation_url: address of the reputation API for external reputation (`REPUTATION_URL`), ""
            for none.
        reputation_allow_private: whether it may have an address that is not on the internet
            (`REPUTATION_ALLOW_PRIVATE`, "true" if so).
        reputation_api_key: its key (`REPUTATION_API_KEY_PARAMETER`, `REPUTATION_API_KEY`).
        providers: ids of the enabled providers (`PROVIDERS`, separated by commas); one of them may
            overrule bad verdicts.
        table_name: the IOC table (`TABLE_NAME`), for the lists of these providers.
        publish_private: whether reports of private scans are published (`PUBLISH_PRIVATE`, "true"
            if so).

    Raises:
        SettingsError: a setting is missing or not valid.
    """

    def __init__(self, env: Environment) -> None:
        self.report_table_name = text(env, "REPORT_TABLE_NAME")
        self.state_table_name = text(env, "STATE_TABLE_NAME")
        self.sandbox_url = optional_url(env, "SANDBOX_URL")
        self.sandbox_api_key = Secret(env, "SANDBOX_API_KEY")
        self.sandbox_allow_private = flag(env, "SANDBOX_ALLOW_PRIVATE")
        self.private_ca = PrivateCa(env, "FEED_CA")
        self.reputation_url = optional_url(env, "REPUTATION_URL")
        self.reputation_allow_private = flag(env, "REPUTATION_ALLOW_PRIVATE")
        self.reputation_api_key = Secret(env, "REPUTATION_API_KEY")
        self.providers = names(env, "PROVIDERS")
        self.table_name = text(env, "TABLE_NAME")
        self.publish_private = flag(env, "PUBLISH_PRIVATE")
