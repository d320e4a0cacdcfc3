"""How people spell an indicator so that nobody clicks it, and the plain form of each spelling.

The one list for look-ups and for searches in text; docs/indicators.md shows it. The patterns are
verbose ones and ignore case.
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
    """The plain form of a spelling.

    Args:
        kind: the group of `SCHEME` or `IN_HOST` that matched.
        text: what it matched.
    """
    if kind != "scheme":
        return _PLAIN[kind]
    name = re.split(r"[\[(]?:", text.lower().replace("[s]", "s").replace("(s)", "s"))[0].strip()
    if name.startswith("f"):
        return "ftp://"
    return "https://" if name.endswith("s") else "http://"
