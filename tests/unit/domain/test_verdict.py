import pytest

from shared.domain.errors import InvalidRecord
from shared.domain.verdict import Verdict, overall_verdict, read_parent_verdict, read_verdict


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_is_read_in_any_case(verdict: Verdict) -> None:
    assert read_verdict(verdict.name.lower()) is verdict
    assert read_verdict(verdict.name.title()) is verdict


def test_informational_is_no_threat() -> None:
    assert read_verdict("informational") is Verdict.NO_THREAT
    assert read_parent_verdict("Informational") == "NO_THREAT"


@pytest.mark.parametrize("value", [None, "", "UNKNOWN", "unknown"])
def test_no_verdict(value: object) -> None:
    assert read_verdict(value) is None


@pytest.mark.parametrize("value", ["EVIL", " MALICIOUS", 5, True, ["MALICIOUS"], {}])
def test_an_unheard_of_verdict_is_refused(value: object) -> None:
    with pytest.raises(InvalidRecord):
        read_verdict(value)


@pytest.mark.parametrize(
    ("value", "read"),
    [("malicious", "MALICIOUS"), ("unknown", "UNKNOWN"), ("EVIL", ""), (None, ""), (5, "")],
)
def test_the_verdict_of_a_report_is_a_soft_field(value: object, read: str) -> None:
    assert read_parent_verdict(value) == read


def test_severity_orders_verdicts() -> None:
    assert [verdict.name for verdict in sorted(Verdict)] == [
        "BENIGN",
        "NO_THREAT",
        "SUSPICIOUS",
        "LIKELY_MALICIOUS",
        "MALICIOUS",
    ]


@pytest.mark.parametrize(
    ("said", "overall"),
    [
        ([], None),
        *(([verdict], verdict) for verdict in Verdict),
        ([Verdict.NO_THREAT, Verdict.MALICIOUS, Verdict.SUSPICIOUS], Verdict.MALICIOUS),
        ([Verdict.NO_THREAT, Verdict.SUSPICIOUS], Verdict.SUSPICIOUS),
        ([Verdict.SUSPICIOUS, Verdict.NO_THREAT, Verdict.BENIGN], Verdict.BENIGN),
        ([Verdict.BENIGN, Verdict.NO_THREAT], Verdict.BENIGN),
        ([Verdict.BENIGN, Verdict.LIKELY_MALICIOUS], Verdict.LIKELY_MALICIOUS),
        ([Verdict.MALICIOUS, Verdict.BENIGN, Verdict.SUSPICIOUS], Verdict.MALICIOUS),
    ],
)
def test_the_overall_verdict(said: list[Verdict], overall: Verdict | None) -> None:
    assert overall_verdict(said) is overall
    assert overall_verdict(said[::-1] * 2) is overall
