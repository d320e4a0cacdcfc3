"""Chooses the tags of reports that exports carry."""

import unicodedata
from collections.abc import Iterable

from shared.formats.plain_text import one_line

# By tags of these namespaces, tools decide with whom they share an indicator, whether they trust it
# and when they drop it. So no report may set one: the exports set `verdict` and `tlp` themselves.
RESERVED = frozenset(
    {
        "admiralty-scale",
        "estimative-language",
        "false-positive",
        "misp",
        "pap",
        "retention",
        "tlp",
        "verdict",
        "workflow",
    }
)


def exported_tags(tags: Iterable[str]) -> list[str]:
    """Return the tags without reserved namespaces and unprintable characters, sorted."""
    shown = {one_line(tag).strip() for tag in tags}
    return sorted(tag for tag in shown if tag and _namespace(tag) not in RESERVED)


def _namespace(tag: str) -> str:
    """Return the namespace of a machine tag such as `tlp:amber` in any case and width, or ""."""
    name, colon, _ = unicodedata.normalize("NFKC", tag).partition(":")
    visible = "".join(one for one in name if unicodedata.category(one) != "Cf")
    return visible.strip().casefold() if colon else ""
