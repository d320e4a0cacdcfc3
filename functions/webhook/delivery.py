"""One signed POST for a message, after the Standard Webhooks specification.

https://www.standardwebhooks.com: what is signed is id, time and body, so that a receiver can tell
that a message is ours, is recent, and was not there before.
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

# A whole answer, save its body, which is not read.
TIMEOUT_S = 5.0
_KEY_PREFIX = "whsec_"


class NotDelivered(Exception):
    """The webhook did not take a message; the text says why, in words of ours."""


def signing_key(text: str) -> bytes:
    """The bytes of a key as the specification spells it: `whsec_` and base64.

    Raises:
        SettingsError: it is not spelled so, or shorter than 24 bytes.
    """
    try:
        key = base64.b64decode(text.strip().removeprefix(_KEY_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < 24:
        raise SettingsError("the signing key of the webhook is not whsec_ and base64 of 24 bytes")
    return key


def signed_headers(key: bytes, message_id: str, now_s: int, body: bytes) -> dict[str, str]:
    """Headers of a message.

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
    """Connections that are kept between messages, with certificates checked."""
    return PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=certifi.where())


def post(pool: PoolManager, url: str, headers: Mapping[str, str], body: bytes) -> None:
    """Send a message once.

    Raises:
        NotDelivered: there was no answer in time, or none of 2xx; redirects are not followed.
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
