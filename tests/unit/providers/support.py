"""The samples of the shipped lists, served by address."""

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urljoin

from shared.domain.provider import Listing
from shared.formats.lists.declaration import Declaration, load_catalog, read_catalog
from shared.formats.lists.entry import ListContent
from shared.formats.lists.read import read_snapshot

SAMPLES = Path(__file__).parent / "samples"
CATALOG = load_catalog()
# 2025-06-01T08:00:00Z
NOW = 1_748_764_800_000
ADDRESS = "https://list.example/a"

Get = Callable[[str], bytes]


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def documents(declaration: Declaration) -> dict[str, bytes]:
    """Every document that a shipped list is made of."""
    address = declaration.address
    [first] = SAMPLES.glob(f"{declaration.id}.[a-z]*")
    found = {address: first.read_bytes()}
    for number, more in enumerate(declaration.more, start=2):
        found[more] = sample(f"{declaration.id}.{number}{first.suffix}")
    if declaration.format == "misp_feed":
        for number in (1, 2):
            name = f"5a1c0000-0000-4000-8000-{number:012d}.json"
            found[urljoin(address, name)] = sample(f"{declaration.id}-event-{number}.json")
    if declaration.format == "taxii":
        found[f"{address}?next=2%2Fb%2B"] = sample(f"{declaration.id}.2.json")
    return found


def serving(bodies: Mapping[str, bytes]) -> Get:
    return bodies.__getitem__


def declare(form: str, options: str = "", /, **fields: object) -> Declaration:
    """A declaration of one list; fields in TOML's own spelling."""
    told = {
        "name": '"list"',
        "types": '["ip", "domain", "url", "md5", "sha1", "sha256"]',
        "address": f'"{ADDRESS}"',
        "format": f'"{form}"',
        "assessment": '"bad"',
        "every": '"1h"',
        "licence": '"none"',
        "options": f"{{ {options} }}",
        **fields,
    }
    text = "[a-list]\n" + "\n".join(f"{name} = {value}" for name, value in told.items())
    return read_catalog(text)["a-list"]


def read(declaration: Declaration, body: bytes, now: int = NOW) -> ListContent:
    return read_snapshot(declaration, lambda _: body, now)


def values(snapshot: ListContent) -> list[str]:
    return sorted(subject.value for subject in snapshot.entries)


def only(snapshot: ListContent) -> Listing:
    """The listing of a list of one entry."""
    [listing] = snapshot.entries.values()
    return listing
