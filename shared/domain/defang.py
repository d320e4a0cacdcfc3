"""Patterns of defanged spellings, and the plain form of each.

Look-ups and extraction from text both use this list; docs/indicators.md shows it. Compile the
patterns with `re.VERBOSE` and `re.IGNORECASE`.
"""

import re

_OPEN, _CLOSE = r"[\[({]", r"[\])}]"
_SLASHES = rf"{_OPEN}?(?://|\\\\|\\/\\/|/){_CLOSE}?"
SCHEME = rf"""
    (?P<scheme>
        (?:h(?:tt|xx|\*\*|__)p(?:s|\[s\]|\(s\))?|f[tx]ps?|meow)
        [ ]?(?:{_OPEN}:{_CLOSE}[ ]?{_SLASHES} | {_OPEN}:(?://|\\\\){_CLOSE} | :{_SLASHES}) )
"""
IN_HOST = rf"""
    (?P<dot> [ \t]?{_OPEN}{{1,2}}[ ]?(?:\.|dot)[ ]?{_CLOSE}{{1,2}}[ \t]?
        | (?<=\w)\[\.(?=\w) | (?<=\w)\.\](?=\w) | (?<=\w)\\\.(?=\w) )
  | (?P<spelt> (?<=\w)[ ]dot[ ](?=\w) )
  | (?P<colon> \[:\] | \{{:\}} )
  | (?P<at> [ ]?{_OPEN}(?:@|at){_CLOSE}[ ]? )
  | (?P<slash> \[/\] | \\/ )
"""
_PLAIN = {"dot": ".", "spelt": ".", "colon": ":", "at": "@", "slash": "/"}


def plain(kind: str, text: str) -> str:
    """Return the plain form of a defanged spelling.

    Args:
        kind: name of the group of `SCHEME` or `IN_HOST` that matched.
        text: the text that it matched.
    """
    if kind != "scheme":
        return _PLAIN[kind]
    name = re.split(r"[\[(]?:", text.lower().replace("[s]", "s").replace("(s)", "s"))[0].strip()
    if name.startswith("f"):
        return "ftp://"
    return "https://" if name.endswith("s") else "http://"
