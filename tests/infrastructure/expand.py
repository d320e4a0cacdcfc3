"""Prints SAM templates as CloudFormation sees them, in JSON. Runs under the SAM CLI's Python.

On stdin is a JSON array of jobs, `{"template": path, "parameters": {name: value}, "second": number,
"lint": bool}`; the second is the time of the deployment.
Printed is an array with one `{"template": ..., "findings": [...]}` for each: with `lint`, the
template is the one of a stack with these parameters, without conditions, and the findings are
the errors of cfn-lint in it, as `[rule, message]`.
"""

import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import samtranslator.model.apigateway
from cfnlint.api import ManualArgs, lint
from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse

from tests.infrastructure.concrete import concrete


def expand(path: str, parameters: dict[str, str]) -> dict[str, Any]:
    """The template after SAM's transform."""
    template = yaml_parse(Path(path).read_text(encoding="utf-8"))
    # Managed policies named by their full ARN need no look-up, so nothing here asks AWS.
    no_look_up = SimpleNamespace(load=dict)
    validator = SamTemplateValidator(
        template, no_look_up, region="us-east-1", parameter_overrides=parameters
    )
    expanded: dict[str, Any] = yaml_parse(validator.get_translated_template_if_valid())
    return expanded


def errors(template: dict[str, Any]) -> list[tuple[str, str]]:
    """What cfn-lint finds wrong in a template; warnings are left to `sam validate --lint`."""
    found = lint(json.dumps(template), config=ManualArgs(regions=["us-east-1"]))
    return [(one.rule.id, one.message) for one in found if one.rule.id.startswith("E")]


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Do one job."""
    samtranslator.model.apigateway.time = SimpleNamespace(time=lambda: job["second"])
    template = expand(job["template"], job["parameters"])
    if not job["lint"]:
        return {"template": template, "findings": []}
    template = concrete(template, job["parameters"])
    return {"template": template, "findings": errors(template)}


if __name__ == "__main__":
    logging.disable()
    print(json.dumps([run(job) for job in json.load(sys.stdin)]))
