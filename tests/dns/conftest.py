"""The lists of the real export code, made from a table full of hostile names, and an upstream."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from functions.export.build import publish
from functions.export.trust import JudgedIoc
from shared.domain.indicator import Indicator
from tests.builders import reputation
from tests.dns.names import BLOCKED, HOSTILE, LONG
from tests.dns.servers import Server, upstream
from tests.exports import OPTIONS, MemoryBucket


@pytest.fixture(scope="session")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Name and text of each block list of domains."""
    stored = [JudgedIoc(reputation(one)) for one in (*HOSTILE, *BLOCKED, *LONG)]

    def read(consume: Callable[[list[JudgedIoc]], None]) -> Mapping[Indicator, str]:
        consume(stored)
        return {}

    bucket = MemoryBucket()
    with ThreadPoolExecutor(1) as pool:
        publish(
            read,
            bucket=bucket,
            options=OPTIONS,
            now=1_750_000_000_000,
            pool=pool,
            folder=tmp_path_factory.mktemp("exports"),
        )
    assert bucket.published
    return {
        name.removeprefix("blocklist/domain-malicious."): bucket.text(name)
        for name in bucket.published.files
        if name.startswith("blocklist/domain-malicious.")
    }


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The upstream of every resolver."""
    with upstream(tmp_path_factory.mktemp("upstream")) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for a server's files."""
    return tmp_path
