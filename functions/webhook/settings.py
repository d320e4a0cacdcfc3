"""Settings of the webhook function."""

from shared.runtime.secret import Secret
from shared.runtime.settings import Environment, url


class WebhookSettings:
    """Settings of the webhook function.

    Attributes:
        url: address of the webhook (`WEBHOOK_URL`).
        signing_key: key that signs the messages (`WEBHOOK_SIGNING_KEY_PARAMETER`,
            `WEBHOOK_SIGNING_KEY`).

    Raises:
        SettingsError: a setting is missing or not valid.
    """

    def __init__(self, env: Environment) -> None:
        self.url = url(env, "WEBHOOK_URL")
        self.signing_key = Secret(env, "WEBHOOK_SIGNING_KEY")
