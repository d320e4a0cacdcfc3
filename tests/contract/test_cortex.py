"""Analyzers of Cortex as it runs them: jobs of `cortexutils` that read the real answers.

An analyzer that fails while it sums up an answer reports an empty summary and no error.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from cortexutils.analyzer import Analyzer

from local.feed import SAMPLE_HASH
from shared.domain.indicator import IndicatorType
from shared.domain.verdict import Verdict
from tests.contract.support import Api, of_verdict

LABELS = {0: "safe", 1: "malicious", 2: "suspicious"}
OF_HASH = {
    Verdict.BENIGN: ("safe", "No Threat Detected"),
    Verdict.NO_THREAT: ("safe", "No Threat Detected"),
    Verdict.SUSPICIOUS: ("suspicious", "Suspicious"),
    Verdict.LIKELY_MALICIOUS: ("malicious", "Infected"),
    Verdict.MALICIOUS: ("malicious", "Infected"),
}


class ReputationAnalyzer(Analyzer):  # type: ignore[misc]
    """Labels an observable as the analyzers of MetaDefender do: by result or by detections."""

    def __init__(self, job: Path, api: Api) -> None:
        super().__init__(str(job))
        self._api = api

    def run(self) -> None:
        self.report(self._api.look_up(self.data_type, self.get_data()).body)

    def summary(self, raw: Any) -> Any:
        if self.data_type == "hash":
            scan = raw["scan_results"]
            level = LABELS[scan["scan_all_result_i"]]
            value = scan["scan_all_result_a"]
        else:
            found = raw["lookup_results"]
            level = "suspicious" if found["detected_by"] else "safe"
            value = f"{found['detected_by']}/{len(found['sources'])}"
            assert raw["success"]
        return {"taxonomies": [self.build_taxonomy(level, "MDCloud", "Report", value)]}


def job(api: Api, folder: Path, kind: str, value: str) -> Any:
    """The output of one job; the key is in its input, as in that of Cortex."""
    (folder / "input").mkdir()
    (folder / "output").mkdir()
    asked = {"dataType": kind, "data": value, "config": {"url": f"{api.base}/v4", "key": api.key}}
    (folder / "input" / "input.json").write_text(json.dumps(asked))
    ReputationAnalyzer(folder, api).run()
    return json.loads((folder / "output" / "output.json").read_text())


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize(
    "kind", [IndicatorType.SHA256, IndicatorType.IP, IndicatorType.DOMAIN, IndicatorType.URL]
)
def test_a_job_labels_every_verdict(
    api: Api, tmp_path: Path, kind: IndicatorType, verdict: Verdict
) -> None:
    output = job(api, tmp_path, kind.info.route, of_verdict(kind, verdict).value)
    assert output["success"]
    [taxonomy] = output["summary"]["taxonomies"]
    label = taxonomy["level"], taxonomy["value"]
    if kind is IndicatorType.SHA256:
        assert label == OF_HASH[verdict]
    else:
        bad = verdict >= Verdict.SUSPICIOUS
        assert label == (("suspicious", "1/1") if bad else ("safe", "0/1"))


def test_a_job_offers_the_other_digests_of_a_file_as_observables(api: Api, tmp_path: Path) -> None:
    info = api.look_up("hash", SAMPLE_HASH).body["file_info"]
    observables = job(api, tmp_path, "hash", SAMPLE_HASH)["artifacts"]
    digests = {one["data"] for one in observables if one["dataType"] == "hash"}
    assert digests == {info["md5"], info["sha1"]}
