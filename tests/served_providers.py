"""Providers that a test declares, with their lists and answers served on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shared.providers.declaration import read_catalog
from tests.feed_server import FeedServer, page


@contextmanager
def switched_on(catalog: str, answers: dict[str, bytes]) -> Iterator[FeedServer]:
    """Let the handlers know the providers of a catalog, and no others.

    Args:
        catalog: in TOML, with `BASE` for the address of the server.
        answers: what the server answers, by path; what is not there is a 404.
    """
    with FeedServer() as server, pytest.MonkeyPatch.context() as patch:
        # A server on loopback has no certificate that anybody trusts.
        patch.setattr("shared.providers.declaration._is_https", lambda _: True)
        declared = read_catalog(catalog.replace("BASE", f"http://127.0.0.1:{server.port}"))
        for module in ("functions.providers.app", "shared.providers.ask"):
            patch.setattr(f"{module}.load_catalog", lambda: declared)
        patch.setenv("PROVIDERS", ",".join(declared))
        patch.setenv("PROVIDERS_ALLOW_PRIVATE", "true")
        patch.setenv("PROVIDER_KEYS_PATH", "/keys")
        for path, body in answers.items():
            server.answer(path, page(body))
        yield server
