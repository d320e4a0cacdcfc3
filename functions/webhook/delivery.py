"""Sends a message as one signed POST, by the Standard Webhooks specification.

See https://www.standardwebhooks.com. The signature covers id, time and body, so a receiver can
check that a message is authentic, recent and not a repetition.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

import certifi
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from shared.runtime.settings import SettingsError

# For the whole answer without its body, which is not read.
TIMEOUT_S = 5.0
_KEY_PREFIX = "whsec_"


class NotDelivered(Exception):
    """The webhook did not accept a message; the text is the reason, without the answer itself."""


def signing_key(text: str) -> bytes:
    """Decode a signing key in the form of the specification: `whsec_` and base64.

    Raises:
        SettingsError: the key has another form, or less than 24 bytes.
    """
    try:
        key = base64.b64decode(text.strip().removeprefix(_KEY_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < 24:
        raise SettingsError("the signing key of the webhook is not whsec_ and base64 of 24 bytes")
    return key


def signed_headers(key: bytes, message_id: str, now_s: int, body: bytes) -> dict[str, str]:
    """Return the headers of a message, with its signature.

    Args:
        now_s: seconds since the epoch.
    """
    signed = b".".join([message_id.encode(), str(now_s).encode(), body])
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return {
        "Content-Type": "application/json",
        "User-Agent": "ioc-reputation",
        "webhook-id": message_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": f"v1,{signature}",
    }


def http_pool() -> PoolManager:
    """Return a pool that reuses connections between messages and checks certificates."""
    return PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=certifi.where())


def post(pool: PoolManager, url: str, headers: Mapping[str, str], body: bytes) -> None:
    """Send a message once, without following redirects.

    Raises:
        NotDelivered: no answer came in time, or its status is not 2xx.
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
