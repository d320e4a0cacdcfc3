"""Answers that clients keep."""

from collections.abc import Mapping


def knows(headers: Mapping[str, str], tag: str) -> bool:
    """Whether the client of a request has the answer already that has this ETag.

    Args:
        headers: by lower-case name.
    """
    known = [one.strip() for one in headers.get("if-none-match", "").split(",")]
    return tag in known or known == ["*"]
