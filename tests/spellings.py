# ruff: noqa: T201
"""Random spellings of indicators, weighted to what moves keys: `%`, dots, `xn--` and digits.

The gate reads a sample. By hand, with any number:

    .venv/bin/python -m tests.spellings 1000000
"""

import random
import sys
from collections import Counter
from collections.abc import Iterator

from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import MAX_URL_BYTES, IndicatorType, parse, parse_query

_PIECES = (
    *(
        "%",
        "%",
        "%%",
        "%2",
        "%25",
        "%2e",
        "%2E",
        "%32",
        "%34",
        "%41",
        "%7e",
        "%2f",
        "%c3%a9",
        "%ff",
    ),
    *(".", ".", "..", "./", "/", "/../", "/./", "?", "#", "@", ":", ":80", "-", "_", "~", "\\"),
    *("xn--", "XN--", "xn--a", "xn--bcher-kva", "xN--", "%78n--", "rpz-"),
    *"0123456789abefx",
    *("0x", "é", "ß", "①", "\u00ad", "\u200d", "。", " ", "[", "]", "(.)", "[.]", "hxxp"),
)
_STARTS = ("http://", "https://", "ftp://", "HTTP://evil.example/", "http://xn--a.", "http:", "")
# What is known to be easy to get wrong.
_FIXED = (
    "http://evil.example/%%341",
    "http://evil.example/%%32e%%32e",
    "http://evil.example/?%%32e",
)


def texts(number: int, seed: int) -> Iterator[tuple[IndicatorType, str]]:
    """So many texts, each with the type to read it as; the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311
    for text in _FIXED[:number]:
        yield IndicatorType.URL, text
    for _ in range(number - len(_FIXED)):
        body = "".join(rng.choices(_PIECES, k=rng.randint(1, 14)))
        kind = rng.choices((IndicatorType.URL, IndicatorType.DOMAIN, IndicatorType.IP), (7, 2, 1))[
            0
        ]
        if kind is IndicatorType.DOMAIN and rng.random() < 0.5:
            body += ".example"
        yield kind, (rng.choice(_STARTS) if kind is IndicatorType.URL else "") + body


def fault_of(kind: IndicatorType, text: str) -> str:
    """What is wrong with the canonical form of a text, "" for nothing or for no indicator."""
    try:
        first = parse(kind, text)
    except InvalidIndicator:
        return ""
    try:
        if parse(kind, first.value) != first:
            return "not idempotent"
        # Clients ask for what answers have shown.
        if parse_query(kind, first.value).indicator != first:
            return "asked for, it is another one"
    except InvalidIndicator as error:
        return f"its canonical form is refused: {error}"
    return "" if first.value.isascii() and len(first.value) <= MAX_URL_BYTES else "its form"


def main(number: int) -> int:
    """Read so many texts, and print how many are indicators and what is wrong."""
    counted: Counter[str] = Counter()
    faults = 0
    for kind, text in texts(number, seed=1):
        fault = fault_of(kind, text)
        faults += bool(fault)
        if fault and faults <= 20:
            print(f"{kind} {text!a}: {fault}")
        try:
            parse(kind, text)
            counted["indicators"] += 1
        except InvalidIndicator:
            counted["refused"] += 1
    print(f"{number} texts, {dict(counted)}, {faults} faults")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
