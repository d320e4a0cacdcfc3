"""Links to the web pages of the sandbox."""

from urllib.parse import quote, urlsplit


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
