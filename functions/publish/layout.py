"""Writes a report in the vendor's layout, which `shared.formats.feed.vendor_layout` reads."""

import re
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from shared.domain.indicator_types import INDICATOR_TYPES

ATOM = "http://www.w3.org/2005/Atom"
_ELEMENTS = {kind.value: kind.info.feed_element for kind in INDICATOR_TYPES}
_SPACE = " \t\n"
_PRESERVED = {"{http://www.w3.org/XML/1998/namespace}space": "preserve"}
# XML 1.0 forbids most of these characters, and its readers turn a carriage return into a line feed.
_NOT_IN_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_safe(text: str) -> str:
    """Remove the characters that XML cannot represent."""
    return _NOT_IN_XML.sub("", text)


def add_details(content: Element, item: Mapping[str, Any]) -> None:
    """Write a report into the content of an entry, with every field of the JSON page."""
    details = add(content, "details")
    for name, value in item.items():
        if name != "iocs":
            _add_value(details, name, value)
    iocs = add(details, "iocs")
    containers: dict[str, Element] = {}
    for kind, entries in item["iocs"].items():
        container, child = _ELEMENTS[kind]
        if container not in containers:
            containers[container] = add(iocs, container)
        for entry in entries:
            value = add(containers[container], "value")
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
    clean = {key: xml_safe(value) for key, value in attributes.items()}
    element = SubElement(parent, f"{{{ATOM}}}{name}", clean)
    element.text = xml_safe(text) or None
    if text.strip(_SPACE) != text:
        element.attrib.update(_PRESERVED)
    return element
