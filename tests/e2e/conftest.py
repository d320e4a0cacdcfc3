from collections.abc import Iterator

import pytest

from tests.e2e.support import Up


@pytest.fixture(scope="session")
def up() -> Iterator[Up]:
    """The whole local stack with the sample feed ingested."""
    stack = Up()
    yield stack
    stack.stop()
