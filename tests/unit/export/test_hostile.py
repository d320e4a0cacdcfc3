"""Every format with hostile values and tags, read back by the field's own libraries."""

import csv
import json
import re
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import stix2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymisp import MISPEvent

from functions.export.build import publish
from functions.export.report_tags import RESERVED
from functions.export.trust import JudgedIoc
from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.indicator_types import INDICATOR_TYPES
from tests.builders import reputation
from tests.exports import OPTIONS, MemoryBucket

NAMESPACES = st.sampled_from(
    [*RESERVED, *map(str.upper, RESERVED), "\uff54\uff4c\uff50", "t\u200dlp"]
)
TEXTS = st.text(max_size=20) | st.text(st.sampled_from("=+-@;|,\"'\\ \t\r\n\0\u202e\u200b:*#$./"))
TAGS = st.builds("{}:{}".format, NAMESPACES, TEXTS) | TEXTS
VALUES = st.one_of(
    TEXTS,
    st.sampled_from(["evil.example", "=cmd.example", "*.example", "1.0.0.0.0.rpz-client-ip"]),
    st.builds("{}.example".format, TEXTS),
    st.builds("http://evil.example/{}".format, TEXTS),
    st.builds("http://evil.example/{}".format, st.text("'\\;=-|%\"")),
)
HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")

pytestmark = pytest.mark.filterwarnings("error")


def exports(kind: IndicatorType, value: str, tags: frozenset[str]) -> MemoryBucket:
    """The exports of one IOC as it is stored, whether its value is an indicator or not."""
    stored = JudgedIoc(reputation(Indicator(kind, value), tags=tags))
    bucket = MemoryBucket()

    def read(consume: Callable[[list[JudgedIoc]], None]) -> dict[Indicator, str]:
        consume([stored])
        return {}

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
        publish(
            read,
            bucket=bucket,
            options=OPTIONS,
            now=1_750_000_000_000,
            pool=pool,
            folder=Path(folder),
        )
    return bucket


def is_indicator(kind: IndicatorType, value: str) -> bool:
    try:
        return parse(kind, value).value == value
    except InvalidIndicator:
        return False


def check_labels(labels: list[str]) -> None:
    assert labels[0] == "verdict:malicious"
    for label in labels[1:]:
        assert not HIDDEN.search(label)
        assert label.partition(":")[0].strip().lower() not in RESERVED or ":" not in label


@given(st.sampled_from(INDICATOR_TYPES), VALUES, st.frozensets(TAGS, max_size=4))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_every_format_holds_the_indicator_and_no_instruction(
    kind: IndicatorType, value: str, tags: frozenset[str]
) -> None:
    bucket = exports(kind, value, tags)
    held = is_indicator(kind, value)
    text = bucket.text(f"blocklist/{kind}-malicious.txt")
    assert text.lower() == (f"{value}\n".lower() if held and not value.startswith("-") else "")

    bundle = stix2.parse(bucket.text("stix/0001.json"), allow_custom=False, version="2.1")
    indicators = [one for one in bundle.objects if one.type == "indicator"]
    assert [one.name.lower() for one in indicators] == [value.lower()] * held
    for one in indicators:
        check_labels(one.labels)

    rows = list(csv.reader(bucket.text("iocs.csv").splitlines(keepends=True), strict=True))
    assert len(rows) == 1 + held
    assert {len(row) for row in rows} == {len(rows[0])}
    for row in rows:
        assert not HIDDEN.search("".join(row))

    for name in json.loads(bucket.text("misp/manifest.json")):
        event = MISPEvent(strict_validation=False)
        event.from_json(bucket.text(f"misp/{name}.json"))
        assert [tag.name for tag in event.tags] == ["tlp:amber"]
        [attribute] = event.attributes
        assert attribute.value.lower() == value.lower()
        check_labels([tag.name for tag in attribute.tags])
