"""Which records of the stream become events, and the contents of these."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.changes.change import Reason, bad_indicator_in, change_in
from local.changes import stream_records
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.override import Override
from shared.domain.reputation import Reputation, join_all
from shared.domain.verdict import Verdict
from shared.store.items import IocItem, to_item
from tests.builders import DOMAIN, reputation, sighting, sighting_summary
from tests.changes import KEY, LISTING, SCHEMA, VALIDATOR, State, history, last_word

REPUTATIONS = st.builds(
    reputation,
    seen_at=st.integers(1_700_000_000_000, 1_700_000_000_005),
    verdict=st.sampled_from(Verdict),
    flow_id=st.sampled_from(["a", "b"]),
    report_id=st.sampled_from(["", "r-1"]),
    parent_verdict=st.sampled_from(["", "UNKNOWN"]),
    counted=st.integers(1, 3),
)
STATES = st.one_of(st.none(), st.just(LISTING), REPUTATIONS)


def verdict_of(state: State) -> str | None:
    return state.summary.latest.verdict.name if isinstance(state, Reputation) else None


@given(st.lists(STATES, max_size=12))
def test_there_is_an_event_for_each_change_of_the_verdict_and_for_nothing_else(
    states: list[State],
) -> None:
    verdicts = [None, *map(verdict_of, states)]
    expected = [(old, new) for old, new in pairwise(verdicts) if old != new]
    details = [detail for record in history(states) if (detail := change_in(record))]
    assert [(one["previous_verdict"], one["verdict"]) for one in details] == expected
    assert len({one["id"] for one in details}) == len(details)
    sequences = [one["sequence"] for one in details]
    assert sequences == sorted(set(sequences))
    for detail in details:
        VALIDATOR.validate(detail)


SIGHTINGS = st.builds(
    sighting_summary,
    seen_at=st.integers(1_700_000_000_000, 1_700_000_000_003),
    verdict=st.sampled_from(Verdict),
    flow_id=st.sampled_from(["a", "b", "c"]),
).map(sighting)


@given(st.lists(SIGHTINGS, min_size=1, max_size=8), st.data())
def test_repeats_and_another_order_leave_a_careful_consumer_with_the_last_verdict(
    sightings: list[Any], data: st.DataObject
) -> None:
    states: list[State] = [join_all(sightings[: n + 1]) for n in range(len(sightings))]
    records = history(states)
    came = data.draw(st.permutations([*records, *records]))
    details = [detail for record in came if (detail := change_in(record))]
    assert last_word(details)["verdict"] == verdict_of(states[-1])


@given(REPUTATIONS)
def test_a_record_that_comes_again_is_the_same_event(state: Reputation) -> None:
    [record] = history([state])
    assert change_in(record) == change_in(record)


def test_what_an_event_says() -> None:
    seen = reputation(
        verdict=Verdict.SUSPICIOUS,
        report_id="4c1a",
        parent_verdict="MALICIOUS",
        first_seen=1_700_000_000_000,
        claimed_count=7,
    )
    [record] = history([seen])
    record["dynamodb"]["ApproximateCreationDateTime"] = 1_748_764_801.0
    record["dynamodb"]["SequenceNumber"] = "4421584500000000017450439091"
    detail = change_in(record)
    assert detail
    assert detail.pop("id")
    assert detail == {
        "schema_version": "1.2",
        "sequence": "0000000000004421584500000000017450439091",
        "changed_at": "2025-06-01T08:00:01.000Z",
        "reason": "report",
        "indicator": {"type": "domain", "value": "evil.example"},
        "verdict": "SUSPICIOUS",
        "previous_verdict": None,
        "overruled_by": "",
        "overruled_verdict": None,
        "override": None,
        "reputation": {
            "flow_id": "66b3763be7dbbbdfcd0a6a96",
            "report_id": "4c1a",
            "report_date": "2025-06-01T08:00:00.000Z",
            "report_verdict": "MALICIOUS",
            "first_seen": "2023-11-14T22:13:20.000Z",
            "last_seen": "2025-06-01T08:00:00.000Z",
            "scan_count": 7,
        },
    }


def test_an_ioc_that_is_no_longer_stored_has_no_verdict() -> None:
    *_, record = history([reputation(), None])
    detail = change_in(record)
    assert detail
    VALIDATOR.validate(detail)
    assert (detail["previous_verdict"], detail["verdict"]) == ("MALICIOUS", None)
    assert detail["indicator"] == {"type": "domain", "value": "evil.example"}
    assert detail["reputation"] is None


def override(**facts: Any) -> Override:
    made = Override(1_748_764_801_000, 1, Verdict.BENIGN, "our update server", "Ann", DOMAIN.value)
    return made._replace(**facts)


def change_between(before: IocItem | None, after: IocItem | None) -> dict[str, Any]:
    items = [{} if stored is None else {KEY: to_item(stored)} for stored in (before, after)]
    [record] = stream_records(*items)
    detail = change_in(record)
    assert detail
    VALIDATOR.validate(detail)
    return detail


FIRST = reputation(verdict=Verdict.SUSPICIOUS, flow_id="a")
SECOND = reputation(seen_at=1_748_764_900_000, flow_id="b")
BOTH = join_all([sighting(FIRST.summary), sighting(SECOND.summary)])
DECIDED_AGAIN = FIRST._replace(
    summary=sighting_summary(verdict=Verdict.NO_THREAT, flow_id="a", details="{}")
)
ENDS = 1_748_851_200_000
CLEARED = override(expires=ENDS)
STATES_AND_REASONS: list[tuple[Any, Any, str]] = [
    ((None, None), (FIRST, None), "report"),
    ((FIRST, None), (BOTH, None), "report"),
    ((BOTH, None), (BOTH, CLEARED), "override"),
    ((BOTH, CLEARED), (BOTH, override(id=2, set_at=ENDS, verdict=Verdict.SUSPICIOUS)), "override"),
    ((FIRST, CLEARED), (BOTH, override(id=2, deleted=True)), "override_taken_back"),
    ((BOTH, CLEARED), (BOTH, CLEARED.at(ENDS)), "override_expired"),
    ((FIRST, CLEARED), (BOTH, CLEARED.at(ENDS)), "override_expired"),
    ((BOTH, None), (FIRST, None), "retraction"),
    ((FIRST, None), (DECIDED_AGAIN, None), "retraction"),
    ((BOTH, None), (None, None), "deletion"),
]


@pytest.mark.parametrize(("before", "after", "reason"), STATES_AND_REASONS)
def test_the_reason_is_what_changed_the_item(before: Any, after: Any, reason: str) -> None:
    [record] = stream_records(_item(before, 1), _item(after, 2))
    detail = change_in(record)
    assert detail
    VALIDATOR.validate(detail)
    assert detail["reason"] == reason


def _item(state: tuple[Reputation | None, Override | None], version: int) -> dict[str, Any]:
    known, decided = state
    if known is None:
        return {}
    return {KEY: to_item(IocItem(known, version.to_bytes(8, "big"), override=decided))}


def test_every_reason_is_in_the_schema_and_in_a_case() -> None:
    assert SCHEMA["properties"]["reason"]["enum"] == [*Reason]
    assert {reason for *_, reason in STATES_AND_REASONS} == {*Reason} - {Reason.RETENTION}


def test_an_item_that_a_retraction_has_emptied_has_no_verdict() -> None:
    [record] = stream_records(
        _item((FIRST, None), 1), {KEY: {"pk": {"S": KEY}, "ver": {"B": b"2"}}}
    )
    detail = change_in(record)
    assert detail
    VALIDATOR.validate(detail)
    assert (detail["previous_verdict"], detail["verdict"]) == ("SUSPICIOUS", None)
    assert detail["reason"] == "retraction"


def test_an_item_that_dynamodb_deletes_has_reached_its_retention() -> None:
    [record] = stream_records(_item((FIRST, None), 1), {})
    by_ttl = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    detail = change_in({**record, "userIdentity": by_ttl})
    assert detail
    assert detail["reason"] == "retention"


def test_an_event_has_the_decision_of_the_analyst_that_holds() -> None:
    [record] = stream_records(_item((BOTH, None), 1), _item((BOTH, CLEARED), 2))
    detail = change_in(record)
    assert detail
    assert (detail["verdict"], detail["overruled_by"]) == ("BENIGN", "Analyst")
    assert detail["override"] == {
        "verdict": "BENIGN",
        "reason": "our update server",
        "set_at": "2025-06-01T08:00:01.000Z",
        "expires": "2025-06-02T08:00:00.000Z",
    }
    [record] = stream_records(_item((BOTH, CLEARED), 2), _item((BOTH, CLEARED.at(ENDS)), 3))
    ended = change_in(record)
    assert ended
    assert (ended["verdict"], ended["override"]) == ("MALICIOUS", None)


def test_a_harmless_indicator_is_benign_in_events() -> None:
    loopback = Indicator(IndicatorType.IP, "127.0.0.1")
    before = to_item(IocItem(reputation(loopback, verdict=Verdict.NO_THREAT), b"00000001"))
    after = to_item(IocItem(reputation(loopback), b"00000002"))
    key = after["pk"]["S"]
    [record] = stream_records({key: before}, {key: after})
    detail = change_in(record)
    assert detail
    VALIDATOR.validate(detail)
    assert (detail["previous_verdict"], detail["verdict"]) == ("NO_THREAT", "BENIGN")
    assert detail["overruled_by"] == "special-purpose network 127.0.0.0/8"
    assert detail["overruled_verdict"] == "MALICIOUS"
    [record] = stream_records({key: after}, {key: {**after, "ver": {"B": b"00000003"}}})
    assert change_in(record) is None


def test_a_trusted_indicator_is_benign_in_events() -> None:
    [record] = history([reputation()])
    assert bad_indicator_in(record) == DOMAIN
    detail = change_in(record, {DOMAIN: "Top sites"})
    assert detail
    VALIDATOR.validate(detail)
    assert (detail["verdict"], detail["overruled_by"]) == ("BENIGN", "Top sites")
    worse = history([reputation(verdict=Verdict.SUSPICIOUS), reputation()])[1]
    assert change_in(worse, {DOMAIN: "Top sites"}) is None


def test_no_list_is_asked_about_what_is_not_bad() -> None:
    states: list[State] = [reputation(verdict=Verdict.NO_THREAT), LISTING, None]
    assert [bad_indicator_in(record) for record in history(states)] == [None] * 3


@pytest.mark.parametrize("kind", IndicatorType)
def test_every_type_of_indicator(kind: IndicatorType) -> None:
    value = kind.info.example
    if kind is IndicatorType.URL:
        value += "x" * 3000
    item = to_item(IocItem(reputation(Indicator(kind, value)), b"12345678"))
    [record] = stream_records({}, {item["pk"]["S"]: item})
    detail = change_in(record)
    assert detail
    VALIDATOR.validate(detail)
    assert detail["indicator"] == {"type": kind.value, "value": value}


def test_an_item_with_siblings_is_read_as_lambda_writes_it() -> None:
    digests = [
        Indicator(kind, kind.info.example) for kind in (IndicatorType.MD5, IndicatorType.SHA1)
    ]
    summary = sighting_summary()._replace(siblings=frozenset(digests))
    known = Reputation(Indicator(IndicatorType.SHA256, "A" * 64), summary, 1)
    item = to_item(IocItem(known, b"12345678"))
    [record] = json.loads(json.dumps(stream_records({}, {item["pk"]["S"]: item})))
    assert (change_in(record) or {})["verdict"] == "MALICIOUS"


@pytest.mark.parametrize("key", [KEY, "net#203.0.113.0/28"])
def test_what_providers_say_is_no_event(key: str) -> None:
    listed = {"pk": {"S": key}, **LISTING}
    for before, after in (({}, {key: listed}), ({key: listed}, {})):
        [record] = stream_records(before, after)
        assert change_in(record) is None


@pytest.mark.parametrize(
    "broken",
    [
        {"verdict": "WORSE"},
        {"reputation": None},
        {"id": "1"},
        {"schema_version": "2.0"},
        {"more": 1},
        {"changed_at": "yesterday"},
    ],
)
def test_the_schema_refuses_what_is_no_event(broken: dict[str, Any]) -> None:
    [record] = history([reputation()])
    detail = change_in(record)
    assert detail
    assert VALIDATOR.is_valid(detail)
    assert not VALIDATOR.is_valid(detail | broken)
