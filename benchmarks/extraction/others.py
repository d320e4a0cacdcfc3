"""Runs other extractors on the texts; needs the Python of .tools/extraction.

It reads a JSON array of texts, and writes a JSON object: for each extractor an array with one
array of pairs (type and value) for each text.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any

Pairs = Iterable[tuple[str, str]]

# The usual approach after refanging: one plain pattern for each type.
_PLAIN = {
    "url": re.compile(r"\b(?:https?|ftp)://[^\s<>\"']+", re.IGNORECASE),
    "ip": re.compile(r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b|\b(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}\b"),
    "domain": re.compile(r"\b(?:[a-z0-9_-]{1,63}\.)+[a-z]{2,24}\b", re.IGNORECASE),
    "hash": re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\b", re.IGNORECASE),
}
_IOC_FINDER = {"urls": "url", "domains": "domain", "ipv4s": "ip", "ipv6s": "ip"} | dict.fromkeys(
    ("md5s", "sha1s", "sha256s"), "hash"
)
_IOCSEARCHER = {"url": "url", "fqdn": "domain", "ip4": "ip", "ip6": "ip"} | dict.fromkeys(
    ("md5", "sha1", "sha256"), "hash"
)


def _ioc_fanger(text: str) -> Pairs:
    ioc_fanger = import_module("ioc_fanger")

    plain = ioc_fanger.fang(text)
    urls = [match[0].rstrip(".,;:!?)]}") for match in _PLAIN["url"].finditer(plain)]
    yield from (("url", url) for url in urls)
    rest = _PLAIN["url"].sub(" ", plain)
    for kind in ("ip", "domain", "hash"):
        yield from ((kind, match[0]) for match in _PLAIN[kind].finditer(rest))


def _ioc_finder(text: str) -> Pairs:
    found = import_module("ioc_finder").find_iocs(
        text,
        parse_domain_from_url=False,
        parse_from_url_path=False,
        parse_address_from_cidr=False,
        parse_domain_from_email_address=True,
    )
    for name, kind in _IOC_FINDER.items():
        yield from ((kind, value) for value in found.get(name, []))


@cache
def _searcher() -> Any:
    return import_module("iocsearcher.searcher").Searcher()


def _iocsearcher(text: str) -> Pairs:
    for one in _searcher().search_data(text):
        if one.name in _IOCSEARCHER:
            yield _IOCSEARCHER[one.name], one.value


EXTRACTORS: dict[str, tuple[str, Callable[[str], Pairs]]] = {
    "ioc-fanger": ("ioc-fanger", _ioc_fanger),
    "ioc-finder": ("ioc-finder", _ioc_finder),
    "iocsearcher": ("iocsearcher", _iocsearcher),
}


def main() -> None:
    """Read the texts, and write the indicators found in them."""
    texts = json.load(sys.stdin)
    found = {
        f"{name} {version(package)}": [sorted(set(extract(text))) for text in texts]
        for name, (package, extract) in EXTRACTORS.items()
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
