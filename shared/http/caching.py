"""Answers that clients keep."""

from collections.abc import Mapping


def knows(headers: Mapping[str, str], tag: str) -> bool:
    """Whether the client of a request has the answer with this ETag already.

    Weak and strong tags are compared alike (RFC 9110, 13.1.2): a proxy that compresses an answer
    makes its tag a weak one.

    Args:
        headers: by lower-case name.
    """
    known = [one.strip() for one in headers.get("if-none-match", "").split(",")]
    return known == ["*"] or tag.removeprefix("W/") in {one.removeprefix("W/") for one in known}
