"""The sample feed keeps the rules that its README names."""

import hashlib
import ipaddress
import json
import re

import pytest

from local import feed

PAGES = [json.loads(path.read_bytes()) for path in sorted(feed.PAGES.glob("page-*.json"))]
REPORTS = [report for page in PAGES for report in page["items"]]
IOCS = [
    (kind, entry["data"])
    for report in REPORTS
    for kind, entries in report["iocs"].items()
    for entry in entries
]
NAMES = [report["file"]["name"] for report in REPORTS if "file" in report]
DOCUMENTATION_NETS = [
    ipaddress.ip_network(net)
    for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]
NOT_AN_ADDRESS = "203.0.113.256"


def test_pages_are_linked_and_counted() -> None:
    assert [page["next"] for page in PAGES] == ["?page=2", "?cursor=3", None]
    assert all(page["count"] == len(page["items"]) for page in PAGES)


def test_hosts_are_for_documentation_only() -> None:
    hosts = [
        re.sub(r"^(\w+://)?([^/:]+).*$", r"\2", value)
        for kind, value in IOCS
        if kind in ("domain", "url")
    ]
    assert hosts
    for host in hosts:
        documented = re.search(r"(^|\.)(example(\.(com|net|org))?|test)\.?$", host.lower())
        assert documented or is_documentation_address(host), host


def test_addresses_are_for_documentation_only() -> None:
    addresses = [value for kind, value in IOCS if kind == "ip" and value != NOT_AN_ADDRESS]
    assert addresses
    for address in addresses:
        assert is_documentation_address(address), address


def is_documentation_address(text: str) -> bool:
    address = ipaddress.ip_address(text)
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in net for net in DOCUMENTATION_NETS)


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_hashes_are_those_of_a_readable_text(algorithm: str) -> None:
    names = [*NAMES, "nobody knows", "one digit short"]
    known = {
        hashlib.new(algorithm, f"ioc-reputation sample {name}".encode()).hexdigest()
        for name in names
    }
    found = {value.lower() for kind, value in IOCS if kind == algorithm}
    assert found
    for value in found:
        assert any(digest.startswith(value) for digest in known)


def test_the_samples_are_in_the_feed() -> None:
    assert ("sha256", feed.SAMPLE_HASH.lower()) in IOCS
    assert ("ip", feed.SAMPLE_IP) in IOCS
    assert ("domain", feed.SAMPLE_DOMAIN) in IOCS
    assert ("url", feed.SAMPLE_URL) in IOCS
