"""Providers that a test declares, with their lists and answers served on loopback."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from shared.formats.lists.declaration import read_catalog
from tests.feed_server import FeedServer, page


@contextmanager
def served_providers(
    catalog: str, answers: Mapping[str, bytes], folder: Path
) -> Iterator[tuple[FeedServer, dict[str, str]]]:
    """Serve the documents of a catalog.

    Args:
        catalog: in TOML, with `BASE` for the address of the server.
        answers: what the server answers, by path; what is not there is a 404.
        folder: where the catalog is written to.

    Yields:
        The server, and the settings that switch the providers on.
    """
    with FeedServer() as server:
        for path, body in answers.items():
            server.answer(path, page(body))
        text = catalog.replace("BASE", f"http://127.0.0.1:{server.port}")
        file = folder / "catalog.toml"
        file.write_text(text, encoding="utf-8")
        yield (
            server,
            {
                "PROVIDERS": ",".join(read_catalog(text, plain_http=True)),
                "PROVIDERS_ALLOW_PRIVATE": "true",
                "PROVIDERS_CATALOG": str(file),
                "PROVIDER_KEYS_PATH": "/keys",
            },
        )
