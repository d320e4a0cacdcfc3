"""The emulator, and a stack in it whose timer runs every minute, for the whole layer."""

from collections.abc import Iterator

import pytest

from local.feed import sample_feed
from tests.deploy.support import ARCH, Account, Environment, User, running_emulator
from tests.infrastructure.support import run

STACK = "ioc-reputation-timed"


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """What a client of the emulator has in its environment."""
    if not run("make", "--silent", "-C", "shared", "runtime-python").strip():
        pytest.skip("no Python 3.13 on this machine")
    run("make", ".tools/sam/.ready", ".tools/ministack/.ready")
    with running_emulator(tmp_path_factory.mktemp("emulator")) as environment:
        yield environment


@pytest.fixture(scope="session")
def account(environment: Environment) -> Account:
    return Account(environment)


@pytest.fixture(scope="session")
def feed_url() -> Iterator[str]:
    """The sample feed, on this machine."""
    with sample_feed() as url:
        yield url


@pytest.fixture(scope="session")
def user(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> User:
    return User(tmp_path_factory.mktemp("user"), environment)


@pytest.fixture(scope="session", autouse=True)
def stack(account: Account, user: User, feed_url: str) -> str:
    """The name of a stack, made by the real `sam deploy` from the template as it is.

    It is made before anything else, so that its timer's first minute passes meanwhile.
    """
    user.types(f"make build ARCH={ARCH}")
    user.types(
        f".tools/sam/bin/sam deploy --config-env dev --stack-name {STACK} --parameter-overrides"
        " Stage=dev FunctionUrl=true LookupReservedConcurrency=5 'Schedule=\"rate(1 minute)\"'"
    )
    account.read_here(account.outputs(STACK)["IngestFunctionName"], feed_url)
    return STACK
