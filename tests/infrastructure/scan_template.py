"""Prints the findings of cloudformation-validate. Runs under the Python of .tools/audit."""

import json
import sys

from cloudformation_validate import CompositeEngine

if __name__ == "__main__":
    found = CompositeEngine().validate_template(sys.argv[1]).diagnostics
    # INFO lists possible additions, such as tags, not mistakes.
    print(
        json.dumps(
            [
                (one.rule_id, one.entity.logical_id if one.entity else "", one.message)
                for one in found
                if one.severity.name != "INFO"
            ]
        )
    )
