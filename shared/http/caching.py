"""Conditional requests for answers that clients cache."""

from collections.abc import Mapping


def knows(headers: Mapping[str, str], tag: str) -> bool:
    """Whether the client already has the answer with this ETag.

    The comparison ignores the difference between weak and strong tags (RFC 9110, 13.1.2), because
    a proxy that compresses an answer makes its tag weak.

    Args:
        headers: by lower-case name.
    """
    sent = headers.get("if-none-match", "")
    # A tag includes its quotation marks and contains no others, so it is found without splitting.
    return sent.strip() == "*" or tag.removeprefix("W/") in sent
