"""Where people find what the sandbox has."""

from urllib.parse import quote, urlsplit


def report_link(sandbox_url: str) -> str:
    """Where a person finds a report, with `{flow_id}` and `{report_id}` in it; "" for nowhere."""
    if not sandbox_url:
        return ""
    base = urlsplit(sandbox_url)._replace(path="", query="", fragment="").geturl()
    return quote(base, safe=":/[]") + "/uploads/{flow_id}/reports/{report_id}/overview"
