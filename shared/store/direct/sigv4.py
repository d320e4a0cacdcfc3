"""AWS signature version 4 for the requests of the direct client.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import time
from collections.abc import Callable
from typing import NamedTuple

_SERVICE = "dynamodb"
_CONTENT_TYPE = "application/x-amz-json-1.0"


class Credentials(NamedTuple):
    """The AWS credentials that sign a request."""

    access_key: str
    secret_key: str
    token: str | None


class Signer:
    """Signs requests to DynamoDB: POST of a JSON body to the path /. Safe for threads.

    Args:
        host: host and port, as in the header Host.
        region: AWS region for which the signature is valid.
        credentials: called for each request, so that they can change.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        host: str,
        region: str,
        credentials: Callable[[], Credentials],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._host = host
        self._region = region
        self._credentials = credentials
        self._now = now
        # Secret and day of the last signing key, and the key.
        self._key: tuple[str, str, bytes] = ("", "", b"")

    def headers(self, target: str, body: bytes) -> dict[str, str]:
        """Return the headers of a request, including its signature."""
        credentials = self._credentials()
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._now()))
        day = moment[:8]
        scope = f"{day}/{self._region}/{_SERVICE}/aws4_request"
        headers = {"Content-Type": _CONTENT_TYPE, "Host": self._host, "X-Amz-Date": moment}
        if credentials.token:
            headers["X-Amz-Security-Token"] = credentials.token
        headers["X-Amz-Target"] = target
        # The signature requires alphabetical order.
        canonical = "".join(f"{name.lower()}:{value}\n" for name, value in headers.items())
        signed = ";".join(headers).lower()
        request = f"POST\n/\n\n{canonical}\n{signed}\n{hashlib.sha256(body).hexdigest()}"
        digest = hashlib.sha256(request.encode()).hexdigest()
        signature = hmac.digest(
            self._signing_key(credentials.secret_key, day),
            f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}".encode(),
            "sha256",
        ).hex()
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={signed}, Signature={signature}"
        )
        return headers

    def _signing_key(self, secret: str, day: str) -> bytes:
        known_secret, known_day, key = self._key
        if (known_secret, known_day) != (secret, day):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, _SERVICE, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = (secret, day, key)
        return key
