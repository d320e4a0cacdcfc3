"""Removes characters that change how a text is shown or split, but that nobody sees."""

import re

# Controls, and the characters that end a line in Unicode.
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Direction marks, overrides and isolates, zero-width characters, and the byte order mark. Joiners
# (U+200C, U+200D) stay, because some scripts need them.
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


def one_line(text: str) -> str:
    """Replace runs of control characters by a space, and remove bidi and invisible characters."""
    if text.isascii() and text.isprintable():
        return text
    return _INVISIBLE.sub("", _BREAKS.sub(" ", text))
