"""`python -m local web`: puts the pages of the lookup function together from their parts."""

import re
from pathlib import Path
from typing import TextIO

from functions.lookup import documentation

FUNCTION = Path(documentation.__file__).parent
PARTS = FUNCTION / "web"
# Markup by the file that the lookup function serves. It names its style and script.
PAGES = {"page.html": "index.html", "docs.html": "docs.html"}
_STYLES = re.compile(r'(?:<link rel="stylesheet" href="[a-z]+\.css">\n)+')
_SCRIPT = re.compile(r'<script src="([a-z]+\.js)"></script>')


def command(out: TextIO) -> int:
    """Write the pages to the files that the lookup function serves.

    Returns:
        0, the exit status.
    """
    for name in PAGES:
        (FUNCTION / name).write_text(text(name), encoding="utf-8")
        print(f"functions/lookup/{name}", file=out)
    return 0


def text(name: str) -> str:
    """One page, with its style and script in it, as written to the file `name`."""
    markup = _packed(PAGES[name])
    # Given as functions: a replacement text would need its backslashes doubled.
    styled = _STYLES.sub(
        lambda links: "".join(
            ("<style>\n", *map(_packed, re.findall(r'href="(.+?)"', links[0])), "</style>\n")
        ),
        markup,
    )
    return _SCRIPT.sub(lambda script: f"<script>\n{_packed(script[1])}</script>", styled)


def _packed(name: str) -> str:
    """A part without indentation, empty lines and lines of comment, which browsers skip.

    So no text of a part may run over several lines.
    """
    lines = (line.strip() for line in (PARTS / name).read_text(encoding="utf-8").splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("//"))
