from collections.abc import Iterator

import pytest

from local.engine import running_engine


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """The endpoint of an embedded DynamoDB, shared by the tests: name tables apart."""
    with running_engine() as endpoint:
        yield endpoint
