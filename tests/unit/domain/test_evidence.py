"""Evidence as feeds show it and as it is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.evidence import Evidence, EvidenceSource, deciding_first, read_evidence
from shared.domain.verdict import Verdict

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
EVIDENCE = st.builds(
    Evidence,
    st.sampled_from(EvidenceSource),
    st.sampled_from(Verdict),
    TEXTS,
    TEXTS,
    TEXTS,
    st.booleans(),
    st.booleans(),
)


def test_fields_without_a_value_are_absent() -> None:
    evidence = Evidence(EvidenceSource.YARA, Verdict.MALICIOUS, "emotet_loader", decides=True)
    assert evidence.to_object() == {
        "source": "yara",
        "verdict": "MALICIOUS",
        "name": "emotet_loader",
        "decides": True,
    }


@given(st.lists(EVIDENCE))
def test_what_is_shown_is_read_back(evidence: list[Evidence]) -> None:
    shown = [one.to_object() for one in evidence]
    assert read_evidence(shown) == deciding_first(evidence)


def test_what_decides_comes_first_and_echoes_last() -> None:
    echo = Evidence(EvidenceSource.OSINT, Verdict.MALICIOUS, echo=True)
    mild = Evidence(EvidenceSource.REPORT, Verdict.NO_THREAT)
    worse = Evidence(EvidenceSource.FILE, Verdict.SUSPICIOUS)
    decides = Evidence(EvidenceSource.REPORT, Verdict.NO_THREAT, decides=True)
    assert deciding_first([echo, mild, worse, decides, mild]) == [decides, worse, mild, echo]


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "yara",
        {},
        {"source": "yara"},
        {"source": "yara", "verdict": "UNKNOWN"},
        {"source": "yara", "verdict": "quite bad"},
        {"source": "rumour", "verdict": "MALICIOUS"},
        {"source": ["yara"], "verdict": "MALICIOUS"},
    ],
)
def test_a_bad_entry_costs_only_itself(entry: object) -> None:
    good = {"source": "file", "verdict": "MALICIOUS"}
    assert read_evidence([entry, good]) == [Evidence(EvidenceSource.FILE, Verdict.MALICIOUS)]


def test_a_bad_field_costs_only_itself() -> None:
    entry = {
        "source": "osint",
        "verdict": "MALICIOUS",
        "name": "x" * 129,
        "flow_id": 7,
        "sender": "a\ud800b",
        "decides": "true",
    }
    assert read_evidence([entry]) == [
        Evidence(EvidenceSource.OSINT, Verdict.MALICIOUS, sender="a?b")
    ]


@pytest.mark.parametrize("value", [None, {}, "yara", 3])
def test_evidence_that_is_not_a_list_is_ignored(value: object) -> None:
    assert read_evidence(value) == []
