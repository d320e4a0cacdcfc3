"""Web addresses: which are usable, and where the sandbox shows a report."""

from urllib.parse import quote, urlsplit


def is_web_address(url: str) -> bool:
    """Whether a text is an http or https address with a host, without a user name or password."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return False
    # Keys go into a header; what is before an @ would end up in logs.
    return bool(usable) and "@" not in parts.netloc


def report_link(sandbox_url: str) -> str:
    """Return the address of a report's page, with placeholders `{flow_id}` and `{report_id}`.

    Args:
        sandbox_url: address of the sandbox, of which path and query are ignored; "" if it has none.

    Returns:
        "" without an address of the sandbox.
    """
    if not sandbox_url:
        return ""
    base = urlsplit(sandbox_url)._replace(path="", query="", fragment="").geturl()
    return quote(base, safe=":/[]") + "/uploads/{flow_id}/reports/{report_id}/overview"
