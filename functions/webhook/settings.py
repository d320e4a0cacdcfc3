"""Settings of the webhook function."""

from shared.http.private_ca import PrivateCa
from shared.runtime.secret import Secret
from shared.runtime.settings import Environment, flag, url


class WebhookSettings:
    """Settings of the webhook function.

    Attributes:
        url: address of the webhook (`WEBHOOK_URL`).
        allow_private: whether it may have an address that is not on the internet
            (`WEBHOOK_ALLOW_PRIVATE`, "true" if so).
        private_ca: the private CA of the webhook, the feed and the sandbox (`FEED_CA_PARAMETER`,
            `FEED_CA_FILE`).
        signing_key: key that signs the messages, or two while keys are rotated
            (`WEBHOOK_SIGNING_KEY_PARAMETER`, `WEBHOOK_SIGNING_KEY`).

    Raises:
        SettingsError: a setting is missing or not valid.
    """

    def __init__(self, env: Environment) -> None:
        self.url = url(env, "WEBHOOK_URL")
        self.allow_private = flag(env, "WEBHOOK_ALLOW_PRIVATE")
        self.private_ca = PrivateCa(env, "FEED_CA")
        self.signing_key = Secret(env, "WEBHOOK_SIGNING_KEY")
