"""Sends a message as one signed POST, by the Standard Webhooks specification.

See https://www.standardwebhooks.com. The signature covers id, time and body, so a receiver can
check that a message is authentic, recent and not a repetition.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence

from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from shared.runtime.settings import SettingsError

# For the whole answer without its body, which is not read.
TIMEOUT_S = 5.0
_KEY_PREFIX = "whsec_"
_MIN_KEY_BYTES = 24
_MAX_KEYS = 2


class NotDelivered(Exception):
    """The webhook did not accept a message; the text is the reason, without the answer itself."""


def signing_keys(text: str) -> list[bytes]:
    """Decode the signing keys: each `whsec_` and base64, as in the specification.

    Args:
        text: one key, or while keys are rotated two, separated by white space.

    Raises:
        SettingsError: there is no key, there are more than two, or one has another form or less
            than 24 bytes.
    """
    keys = [_signing_key(one) for one in text.split() or [""]]
    if len(keys) > _MAX_KEYS:
        raise SettingsError(f"the webhook has more than {_MAX_KEYS} signing keys")
    return keys


def _signing_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix(_KEY_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < _MIN_KEY_BYTES:
        raise SettingsError("the signing key of the webhook is not whsec_ and base64 of 24 bytes")
    return key


def signed_headers(
    keys: Sequence[bytes], message_id: str, now_s: int, body: bytes
) -> dict[str, str]:
    """Return the headers of a message, with one signature for each key.

    A receiver accepts a message if one of the signatures is of the key that it has, so both sides
    can change the key at different times.

    Args:
        now_s: seconds since the epoch.
    """
    signed = b".".join([message_id.encode(), str(now_s).encode(), body])
    signatures = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)) for key in keys]
    return {
        "Content-Type": "application/json",
        "User-Agent": "ioc-reputation",
        "webhook-id": message_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": " ".join(f"v1,{one.decode()}" for one in signatures),
    }


def post(pool: PoolManager, url: str, headers: Mapping[str, str], body: bytes) -> None:
    """Send a message once, without following redirects.

    Raises:
        NotDelivered: the address of the webhook is not allowed, no answer came in time, or its
            status is not 2xx.
    """
    try:
        response = pool.request(
            "POST",
            url,
            body=body,
            headers=dict(headers),
            timeout=Timeout(total=TIMEOUT_S),
            retries=False,
            redirect=False,
            preload_content=False,
        )
    except HTTPError as error:
        raise NotDelivered(type(error).__name__) from None
    response.close()
    if not 200 <= response.status < 300:
        raise NotDelivered(f"status {response.status}")
