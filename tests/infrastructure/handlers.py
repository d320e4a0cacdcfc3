"""Prints the actions that CloudFormation's handlers ask for, by type of resource, in JSON.

The schemas are those that cfn-lint carries. Runs under the SAM CLI's Python.
"""

import json
import sys
from pathlib import Path

import cfnlint

SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas"


def actions(kind: str, files: dict[str, str]) -> list[str]:
    """What creating, reading, changing and deleting a resource of a type takes."""
    schema = json.loads((SCHEMAS / "resources" / f"{files[kind]}.json").read_bytes())
    handlers = (schema["handlers"].get(one, {}) for one in ("create", "read", "update", "delete"))
    return sorted({action for handler in handlers for action in handler.get("permissions", [])})


if __name__ == "__main__":
    files = json.loads((SCHEMAS / "providers" / "us-east-1.json").read_bytes())
    print(json.dumps({kind: actions(kind, files) for kind in sys.argv[1:]}))
