"""Settings of the webhook function."""

from shared.runtime.secret import Secret
from shared.runtime.settings import Environment, url


class WebhookSettings:
    """What the webhook function needs.

    Attributes:
        url: where changes are sent to (`WEBHOOK_URL`).
        signing_key: what they are signed with (`WEBHOOK_SIGNING_KEY_PARAMETER`,
            `WEBHOOK_SIGNING_KEY`).

    Raises:
        SettingsError: one is missing or cannot be used.
    """

    def __init__(self, env: Environment) -> None:
        self.url = url(env, "WEBHOOK_URL")
        self.signing_key = Secret(env, "WEBHOOK_SIGNING_KEY")
