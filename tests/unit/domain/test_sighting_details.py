"""The details of a sighting, packed into a text."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.evidence import Evidence, EvidenceSource, deciding_first
from shared.domain.sighting_details import (
    MAX_DETAIL_BYTES,
    MAX_EVIDENCE,
    MAX_ORIGINS,
    Origin,
    SightingDetails,
    unpack,
)
from shared.domain.verdict import Verdict
from tests.unit.domain.test_evidence import EVIDENCE

TEXTS = st.text(st.characters(codec="utf-8"), max_size=130)
DETAILS = st.builds(
    SightingDetails,
    st.lists(st.builds(Origin, TEXTS, TEXTS), max_size=10).map(tuple),
    st.lists(EVIDENCE, max_size=6).map(tuple),
    TEXTS,
    TEXTS,
    st.integers(0, 2**53),
    TEXTS,
    TEXTS,
    TEXTS,
    TEXTS,
)
FILE = SightingDetails(
    (Origin("INPUT_FILE", "a" * 64), Origin("EXTRACTED_FILE")),
    (
        Evidence(EvidenceSource.REPORT, Verdict.BENIGN, decides=True),
        Evidence(EvidenceSource.YARA, Verdict.SUSPICIOUS, "a rule", "flow", "lab", echo=True),
    ),
    "invoice.docm",
    "docx",
    123,
    "Emotet",
    "emotet",
    "trojan",
    "lab",
)


def test_what_fits_is_read_back() -> None:
    assert unpack(FILE.pack()) == FILE
    assert len(FILE.pack()) < 320


def test_no_details_take_no_space() -> None:
    assert SightingDetails().pack() == ""
    assert unpack("") == SightingDetails()


@given(DETAILS)
def test_packed_details_have_a_limit_and_stay_as_they_are(details: SightingDetails) -> None:
    text = details.pack()
    assert len(text.encode()) <= MAX_DETAIL_BYTES
    read = unpack(text)
    assert read.pack() == text
    assert set(read.origins) <= set(details.origins)
    assert set(read.evidence) <= set(details.evidence)
    assert read.file_size in (0, details.file_size)


def test_the_deciding_evidence_and_the_first_origin_are_kept() -> None:
    evidence = [
        Evidence(EvidenceSource.OSINT, Verdict.MALICIOUS, f"{number}" * 60, decides=number == 7)
        for number in range(9)
    ]
    origins = tuple(Origin(f"ORIGIN_{number}", "b" * 64) for number in range(12))
    details = FILE._replace(evidence=tuple(evidence), origins=origins, file_name="n" * 500)
    read = unpack(details.pack())
    assert read.evidence[0] == evidence[7]
    assert read.origins[0] == origins[0]
    assert read.file_name == "n" * 128
    assert (read.threat_name, read.file_size, read.sender) == ("Emotet", 123, "lab")


def test_more_than_the_limits_is_cut_the_least_important_first() -> None:
    few = SightingDetails(
        tuple(Origin(f"O{number}") for number in range(12)),
        tuple(Evidence(EvidenceSource.OSINT, Verdict.MALICIOUS, f"{n}") for n in range(9)),
    )
    read = unpack(few.pack())
    assert read.origins == few.origins[:MAX_ORIGINS]
    assert list(read.evidence) == deciding_first(few.evidence)[:MAX_EVIDENCE]
