"""A module for misp-modules: what the reputation service says of an attribute.

Copy it beside the modules of your own; docs/integrations/misp.md tells how.
"""

import json
from urllib.parse import quote

import requests

TIMEOUT_S = 10
HASH_NOT_FOUND = 404003
ROUTES = {
    "md5": "hash",
    "sha1": "hash",
    "sha256": "hash",
    "ip-src": "ip",
    "ip-dst": "ip",
    "domain": "domain",
    "hostname": "domain",
    "url": "url",
    "link": "url",
    # Of two parts, one of which the service knows.
    "filename|md5": "hash",
    "filename|sha1": "hash",
    "filename|sha256": "hash",
    "ip-src|port": "ip",
    "ip-dst|port": "ip",
    "hostname|port": "domain",
}

mispattributes = {"input": list(ROUTES), "output": ["text"]}
moduleinfo = {
    "version": "1.2",
    "author": "IOC reputation",
    "description": "Ask a self-hosted IOC reputation service.",
    "module-type": ["expansion", "hover"],
    "name": "IOC reputation",
}
moduleconfig = ["url", "apikey"]


def handler(q=False):
    """Answer a question of MISP, which is JSON."""
    if q is False:
        return False
    request = json.loads(q)
    config = request.get("config") or {}
    if not config.get("url") or not config.get("apikey"):
        return {"error": "Set url (such as https://.../v4) and apikey of the module."}
    kind = next((name for name in ROUTES if request.get(name)), None)
    if kind is None:
        return {"error": "The attribute is of no type that the service knows."}
    route, value = ROUTES[kind], _known_part(kind, request[kind])
    address = f"{config['url'].rstrip('/')}/{route}"
    headers = {"apikey": config["apikey"]}
    try:
        if route == "url":
            # In a path a gateway may change a URL; in a body none does.
            body = {"url": [value]}
            answer = requests.post(address, headers=headers, json=body, timeout=TIMEOUT_S)
        else:
            address = f"{address}/{quote(value, safe='')}"
            answer = requests.get(address, headers=headers, timeout=TIMEOUT_S)
        body = answer.json()
    except requests.RequestException as error:
        return {"error": f"The service did not answer: {type(error).__name__}"}
    if answer.status_code != 200:
        error = body.get("error") or {"code": 0, "messages": [f"status {answer.status_code}"]}
        if error["code"] == HASH_NOT_FOUND:
            return _texts(["not known"])
        return {"error": "; ".join(error["messages"])}
    if route == "hash":
        return _texts(_hash(body))
    row = body["data"][0] if route == "url" else body
    if row.get("error"):
        return {"error": "; ".join(row["error"]["messages"])}
    return _texts(_address(row))


def _known_part(kind, value):
    if kind.startswith("filename|"):
        return value.rpartition("|")[2]
    return value.partition("|")[0] if kind.endswith("|port") else value


def _hash(body):
    engines = body["scan_results"]["scan_details"]
    return [
        _line(name, engine.get("verdict") or engine["threat_found"], engine)
        for name, engine in engines.items()
        if engine["scan_result_i"] != 5
    ]


def _address(body):
    sources = body["lookup_results"]["sources"]
    return [
        _line(source["provider"], source.get("verdict") or source["assessment"], source)
        for source in sources
        if source.get("verdict") or source["assessment"]
    ]


def _line(provider, verdict, said):
    scan = f", scan {said['flow_id']}, last seen {said['last_seen']}" if "flow_id" in said else ""
    return f"{provider}: {verdict or 'no threat'}{scan}"


def _texts(lines):
    return {"results": [{"types": ["text"], "values": lines or ["not known"]}]}


def introspection():
    """What it takes and gives."""
    return mispattributes


def version():
    """What it is, and what it has to be configured with."""
    return moduleinfo | {"config": moduleconfig}
