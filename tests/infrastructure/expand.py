"""Prints a SAM template as CloudFormation sees it, in JSON. Runs under the SAM CLI's Python.

Arguments: the template, then parameters as NAME=VALUE.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse

if __name__ == "__main__":
    template = yaml_parse(Path(sys.argv[1]).read_text(encoding="utf-8"))
    # Managed policies named by their full ARN need no look-up, so nothing here asks AWS.
    no_look_up = SimpleNamespace(load=dict)
    parameters = dict(one.split("=", 1) for one in sys.argv[2:])
    expanded = SamTemplateValidator(
        template, no_look_up, region="us-east-1", parameter_overrides=parameters
    )
    print(json.dumps(yaml_parse(expanded.get_translated_template_if_valid())))
