"""Calls the service with the client of openapi-generator; prints the class of each answer."""

import json
import sys
from collections.abc import Callable
from typing import Any

import ioc_reputation as client  # type: ignore[import-not-found]

base, key, known = sys.argv[1:4]
api = client.ApiClient(client.Configuration(host=base), header_name="apikey", header_value=key)
hashes, ips = client.HashesApi(api), client.IPsApi(api)
domains, urls = client.DomainsApi(api), client.URLsApi(api)
service, own_key = client.ServiceApi(api), client.KeyApi(api)


def name_of(call: Callable[[], Any]) -> str:
    try:
        return type(call()).__name__
    except client.ApiException as refused:
        return str(refused.status)


UNKNOWN = "0" * 32
ANSWERS: dict[str, Callable[[], Any]] = {
    "hash": lambda: hashes.lookup_hash(known),
    "unknown hash": lambda: hashes.lookup_hash(UNKNOWN),
    "hashes": lambda: hashes.lookup_hashes(client.BulkHashRequest(hash=[known, UNKNOWN, "x"])),
    "file reputation": lambda: hashes.lookup_file_reputation(known),
    "ip": lambda: ips.lookup_ip("203.0.113.7"),
    "unknown ip": lambda: ips.lookup_ip("192.0.2.1"),
    "ips": lambda: ips.lookup_ips(client.BulkIpRequest(address=["203.0.113.7", "x"])),
    "domain": lambda: domains.lookup_domain("evil.example"),
    "domains": lambda: domains.lookup_domains(client.BulkDomainRequest(fqdn=["evil.example", "x"])),
    "url": lambda: urls.lookup_url("http://evil.example/?a=1"),
    "urls": lambda: urls.lookup_urls(client.BulkUrlRequest(url=["http://evil.example/", "x"])),
    "search": lambda: client.SearchApi(api).search_text(client.SearchRequest(text=f"a {known}")),
    "recent": client.SearchApi(api).list_recent_iocs,
    "feed": service.get_feed_status,
    "providers": service.list_providers,
    "version": service.get_api_version,
    "key": own_key.get_key,
    "used": own_key.get_key_use,
    "left": own_key.get_key_rest,
}
json.dump({asked: name_of(call) for asked, call in ANSWERS.items()}, sys.stdout)
