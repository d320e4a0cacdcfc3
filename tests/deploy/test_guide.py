"""docs/deploy.md, typed word for word by somebody with an empty account: the emulator.

All blocks run in one shell, in their order. What the emulator cannot take unchanged is named
here, with what it takes in its place; everything else is the document's.
"""

import json
import sys

import pytest

from local.feed import SAMPLE_DOMAIN
from tests.deploy.support import ARCH, SAMPLE_IOCS, Account, Environment, User
from tests.docs.markdown import blocks, read
from tests.geoip import geoip_database
from tests.infrastructure.support import ROOT

DOCUMENT = read("docs/deploy.md")
BLOCKS = [block.text for block in blocks(DOCUMENT, "sh")]
IN_PLACE_OF = {
    # The emulator runs the functions on the processor of this machine.
    "make build\n": f"make build ARCH={ARCH}\n",
    # The default feed is on the internet; the sample feed is on this machine.
    "aws lambda invoke ": 'read_sample_feed "$INGEST_FUNCTION"\naws lambda invoke ',
}
READ_SAMPLE_FEED = """#!{python}
import sys
sys.path.insert(0, {root!r})
from tests.deploy.support import Account
Account({environment!r}).read_here(sys.argv[1], {feed_url!r})
"""
# No name of AWS leads to the emulator: see Account.get for what this asks.
CURL = """#!{python}
import argparse, sys
sys.path.insert(0, {root!r})
from tests.deploy.support import Account
parser = argparse.ArgumentParser()
parser.add_argument("-s", action="store_true")
parser.add_argument("-H", action="append", default=[])
parser.add_argument("url")
asked = parser.parse_args()
answer = Account({environment!r}).get(asked.url, dict(one.split(": ", 1) for one in asked.H))
print(answer.text)
"""


def as_typed(block: str) -> str:
    for command, in_its_place in IN_PLACE_OF.items():
        block = block.replace(command, in_its_place)
    return block


@pytest.fixture(scope="module")
def said(user: User, environment: Environment, feed_url: str) -> list[str]:
    """Output of the shell for each block of the document."""
    known = {"python": sys.executable, "root": str(ROOT), "environment": environment}
    user.has("curl", CURL.format(**known))
    geoip_database(user.checkout / "GeoLite2-City.mmdb", {})
    user.has("read_sample_feed", READ_SAMPLE_FEED.format(**known, feed_url=feed_url))
    parts = user.types("".join(f"echo @@@\n{as_typed(one)}" for one in BLOCKS)).split("@@@\n")[1:]
    assert len(parts) == len(BLOCKS)
    return parts


def about(said: list[str], words: str) -> str:
    """Output for the only block that contains these words."""
    (answer,) = [answer for block, answer in zip(BLOCKS, said, strict=True) if words in block]
    return answer


def test_every_exception_is_needed() -> None:
    for command in (*IN_PLACE_OF, "curl "):
        assert any(command in block for block in BLOCKS), command


def test_first_run_reads_the_feed_to_its_end(said: list[str]) -> None:
    run = json.loads(about(said, "cat run.json").rpartition("}\n")[2] or "{}")
    assert run["complete"]
    assert run["iocs_new"] == SAMPLE_IOCS


def test_first_answer_names_the_domain(said: list[str]) -> None:
    health, answer = map(json.loads, about(said, '"$API_URL/health"').splitlines())
    assert health == {"status": "ok"}
    assert answer["address"] == SAMPLE_DOMAIN
    assert answer["lookup_results"]["detected_by"] == 1
    assert "#" in about(said, "aws dynamodb scan")


def test_going_back_is_to_the_version_before(said: list[str]) -> None:
    """The emulator deletes replaced versions, retained or not, so $LATEST is before the last.

    That they are retained, tests/infrastructure/test_deployment.py sees in the template.
    """
    assert '"FunctionVersion": "$LATEST"' in about(said, "update-alias")


def test_production_is_protected_from_deletion(account: Account, said: list[str]) -> None:
    table = account.outputs("ioc-reputation-prod")["IocTableName"]
    described = account.client("dynamodb").describe_table(TableName=table)["Table"]
    assert described["DeletionProtectionEnabled"]


def test_restored_stack_has_the_tables_the_key_and_the_answers(
    account: Account, said: list[str]
) -> None:
    assert json.loads(about(said, "$RESTORED_URL"))["lookup_results"]["detected_by"] == 1
    assert account.outputs("ioc-reputation-restored")["IocTableName"] == (
        "ioc-reputation-restored-iocs"
    )
    assert account.items("ioc-reputation-restored-iocs") == SAMPLE_IOCS


def test_what_was_taken_down_leaves_nothing_behind(account: Account, said: list[str]) -> None:
    there = [
        one["StackName"] for one in account.client("cloudformation").describe_stacks()["Stacks"]
    ]
    assert "ioc-reputation-dev" not in there
    left = account.client("dynamodb").list_tables()["TableNames"]
    assert not [name for name in left if name.startswith("ioc-reputation-dev")]
