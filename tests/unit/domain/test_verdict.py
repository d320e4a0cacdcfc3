import pytest

from shared.domain.errors import InvalidRecord
from shared.domain.verdict import (
    FIELDS,
    UNKNOWN,
    Verdict,
    overall_verdict,
    parent_verdict_of,
    read_parent_verdict,
    read_verdict,
    verdict_of,
)


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


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("TRUSTED", "BENIGN"),
        ("UNDETERMINED", UNKNOWN),
        ("NO_THREAT_DETECTED", "NO_THREAT"),
        ("LOW_RISK", "SUSPICIOUS"),
        ("HIGH_RISK", "LIKELY_MALICIOUS"),
        ("CONFIRMED_THREAT", "MALICIOUS"),
        ("LIKELY_MALICIOUS", "LIKELY_MALICIOUS"),
        ("NO_THREAT", "NO_THREAT"),
    ],
)
def test_separators_are_equal_in_the_names_of_the_sandbox(name: str, verdict: str) -> None:
    for spelling in (name, name.replace("_", " ").title(), name.replace("_", "-").lower()):
        assert read_parent_verdict(spelling) == verdict
        assert read_parent_verdict(None, None, spelling) == verdict
        assert read_verdict(spelling) == (None if verdict == UNKNOWN else Verdict[verdict])


@pytest.mark.parametrize(
    ("level", "verdict"),
    [
        (-1, "BENIGN"),
        (-0.5, "BENIGN"),
        (0, UNKNOWN),
        (0.1, "NO_THREAT"),
        (0.25, "NO_THREAT"),
        (0.49, "NO_THREAT"),
        (0.5, "SUSPICIOUS"),
        (0.75, "LIKELY_MALICIOUS"),
        (0.99, "LIKELY_MALICIOUS"),
        (1, "MALICIOUS"),
        (1.0, "MALICIOUS"),
    ],
)
@pytest.mark.parametrize("value", [None, "", "DREADFUL", 7])
def test_the_level_decides_where_the_verdict_does_not(
    level: float, verdict: str, value: object
) -> None:
    record = {"verdict": value, "threatLevel": level, "verdictLabel": "trusted"}
    assert parent_verdict_of(record) == verdict
    assert verdict_of(record) == (None if verdict == UNKNOWN else Verdict[verdict])


def test_a_known_verdict_is_not_overruled_by_its_level() -> None:
    assert verdict_of({"verdict": "BENIGN", "threatLevel": 1}) is Verdict.BENIGN
    assert verdict_of({"verdict": "UNKNOWN", "threatLevel": 1}) is None


@pytest.mark.parametrize("level", [None, True, "1", 2, -1.1, float("nan"), float("inf"), [1]])
def test_what_is_no_level_is_ignored(level: object) -> None:
    assert verdict_of({"threatLevel": level}) is None
    assert verdict_of({"threatLevel": level, "verdictLabel": "high_risk"}) is (
        Verdict.LIKELY_MALICIOUS
    )
    with pytest.raises(InvalidRecord):
        verdict_of({"verdict": "DREADFUL", "threatLevel": level})
    with pytest.raises(InvalidRecord):
        verdict_of({"verdictLabel": "DREADFUL", "threatLevel": level})


def test_the_fields_are_named_in_the_order_of_the_arguments() -> None:
    assert FIELDS == ("verdict", "threatLevel", "verdictLabel")


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
