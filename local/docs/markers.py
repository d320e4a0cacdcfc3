"""Finds the generated parts of a document, and makes them anew.

A part stands between two markers, and the code makes all of it:

    <!-- generated: routes -->
    <!-- end -->
"""

import re
from collections.abc import Callable, Mapping

from local.errors import LocalError

# Returns the text of a part, with a line feed at its end.
Maker = Callable[[], str]

_PART = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[\w-]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL
)


def generate(text: str, parts: Mapping[str, Maker]) -> str:
    """Return a document with its generated parts made anew.

    Raises:
        LocalError: a marker has no end, or names a part that is not in `parts`.
    """
    if text.count("<!-- generated: ") != text.count("<!-- end -->"):
        raise LocalError("a generated part has no `<!-- end -->`")

    def make(part: re.Match[str]) -> str:
        if part["name"] not in parts:
            raise LocalError(f"the code makes no part {part['name']}")
        return part["begin"] + parts[part["name"]]() + part["end"]

    return _PART.sub(make, text)
