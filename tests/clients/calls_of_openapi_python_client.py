"""Calls the service with the client of openapi-python-client; prints the class of each answer."""

import json
import sys
from importlib import import_module
from typing import Any

from ioc_reputation_client import AuthenticatedClient, models  # type: ignore[import-not-found]

base, key, known = sys.argv[1:4]
client = AuthenticatedClient(base, key, prefix="", auth_header_name="apikey")


def name_of(operation: str, *values: str, **options: Any) -> str:
    module = import_module(f"ioc_reputation_client.api.{operation}")
    answer = module.sync_detailed(*values, client=client, **options)
    if answer.status_code != 200:
        return str(int(answer.status_code))
    return type(answer.parsed).__name__


UNKNOWN = "0" * 32
HASHES = models.BulkHashRequest(hash_=[known, UNKNOWN, "x"])
DOMAINS = models.BulkDomainRequest(fqdn=["evil.example", "x"])
URLS = models.BulkUrlRequest(url=["http://evil.example/", "x"])
ANSWERS = {
    "hash": name_of("hashes.lookup_hash", known),
    "unknown hash": name_of("hashes.lookup_hash", UNKNOWN),
    "hashes": name_of("hashes.lookup_hashes", body=HASHES),
    "file reputation": name_of("hashes.lookup_file_reputation", known),
    "ip": name_of("i_ps.lookup_ip", "203.0.113.7"),
    "unknown ip": name_of("i_ps.lookup_ip", "192.0.2.1"),
    "ips": name_of("i_ps.lookup_ips", body=models.BulkIpRequest(address=["203.0.113.7", "x"])),
    "domain": name_of("domains.lookup_domain", "evil.example"),
    "domains": name_of("domains.lookup_domains", body=DOMAINS),
    "url": name_of("ur_ls.lookup_url", "http://evil.example/?a=1"),
    "urls": name_of("ur_ls.lookup_urls", body=URLS),
    "search": name_of("search.search_text", body=models.SearchRequest(text=f"a {known}")),
    "recent": name_of("search.list_recent_iocs"),
    "feed": name_of("service.get_feed_status"),
    "providers": name_of("service.list_providers"),
    "version": name_of("service.get_api_version"),
    "key": name_of("key.get_key"),
    "used": name_of("key.get_key_use"),
    "left": name_of("key.get_key_rest"),
}
json.dump(ANSWERS, sys.stdout)
