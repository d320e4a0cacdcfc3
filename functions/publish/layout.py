"""Writes a report in the vendor's layout, which `shared.formats.feed.vendor_layout` reads."""

import re
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement

ATOM = "http://www.w3.org/2005/Atom"
# By type of IOC: the container, and the child that holds the value.
_PLACES = {
    "md5": ("hashes", "md5"),
    "sha1": ("hashes", "sha1"),
    "sha256": ("hashes", "sha256"),
    "ip": ("ips", "ip"),
    "domain": ("domains", "url"),
    "url": ("urls", "url"),
}
_SPACE = " \t\n"
_PRESERVED = {"{http://www.w3.org/XML/1998/namespace}space": "preserve"}
# XML 1.0 has no spelling for most of these, and its readers make a line feed of a carriage return.
_NOT_SPELLED = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def spellable(text: str) -> str:
    """A text without the characters that XML cannot spell."""
    return _NOT_SPELLED.sub("", text)


def add_details(content: Element, item: Mapping[str, Any]) -> None:
    """Put a report into the content of an entry, with everything that the JSON page has of it."""
    details = add(content, "details")
    for name, value in item.items():
        if name != "iocs":
            _add_value(details, name, value)
    iocs = add(details, "iocs")
    containers: dict[str, Element] = {}
    for kind, entries in item["iocs"].items():
        place, child = _PLACES[kind]
        if place not in containers:
            containers[place] = add(iocs, place)
        for entry in entries:
            value = add(containers[place], "value")
            add(value, child, entry["data"])
            for name, field in entry.items():
                if name != "data":
                    _add_value(value, name, field)


def _add_value(parent: Element, name: str, value: object) -> None:
    if isinstance(value, Mapping):
        element = add(parent, name)
        for key, field in value.items():
            _add_value(element, key, field)
    elif isinstance(value, list):
        element = add(parent, name)
        for one in value:
            _add_value(element, "value", one)
    elif isinstance(value, bool):
        add(parent, name, "true" if value else "false")
    elif value is not None:
        add(parent, name, str(value))


def add(parent: Element, name: str, text: str = "", **attributes: str) -> Element:
    """Add an element of the Atom namespace."""
    clean = {key: spellable(value) for key, value in attributes.items()}
    element = SubElement(parent, f"{{{ATOM}}}{name}", clean)
    element.text = spellable(text) or None
    if text.strip(_SPACE) != text:
        element.attrib.update(_PRESERVED)
    return element
