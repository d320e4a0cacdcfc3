"""Reads the OSINT results of a scan report, and finds those that only repeat this service. Pure.

A sandbox that asks this service, directly or through another, gets our own answer into its reports.
As evidence that answer would confirm itself for ever. So a result is read again without the rows
that this service computes; what is left is evidence, and the rest is an echo.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from functions.publish.layout import xml_safe
from shared.client import Answer, ProviderRow, UnexpectedAnswer, wire
from shared.domain.errors import FeedError, InvalidIndicator, InvalidRecord
from shared.domain.evidence import MAX_EVIDENCE_TEXT_BYTES, Evidence, EvidenceSource
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.indicator_types import HASH_TYPES, INDICATOR_TYPES, TYPE_BY_HASH_DIGITS
from shared.domain.provider import OWN_PROVIDERS, SUMMARY_PROVIDERS
from shared.domain.verdict import Verdict, overall_verdict, verdict_of
from shared.formats import strict_json

Json = Mapping[str, Any]
# What a result or a signal is about: an indicator, or a text that is none.
Resource = Indicator | str

_OSINT_TYPES = {kind.info.osint_type: kind for kind in INDICATOR_TYPES}


def can_be_echo(verdict: Verdict | None) -> bool:
    """Whether a verdict can come from an answer of this service; an unknown IOC has NO_THREAT."""
    return verdict is not None and verdict is not Verdict.NO_THREAT


def supports(evidence: Verdict, verdict: Verdict) -> bool:
    """Whether two verdicts point in the same direction: both bad, or equal."""
    return evidence is verdict or min(evidence, verdict) >= Verdict.SUSPICIOUS


def standing(
    stated: Verdict, echoes: Iterable[Verdict], rest: Collection[Verdict]
) -> Verdict | None:
    """What is left of a verdict without the echoes that support it.

    Args:
        stated: the verdict that a report states.
        echoes: verdicts of the report that only repeat this service.
        rest: the other verdicts that can have led to `stated`.

    Returns:
        `stated` if no echo supports it, or if the rest does; else the worst of the rest that points
        in its direction, None if nothing does.
    """
    if not can_be_echo(stated) or not any(supports(one, stated) for one in echoes):
        return stated
    worst = max((one for one in rest if supports(one, stated)), default=None)
    return None if worst is None else min(worst, stated)


def resource_of(text: str, kind: IndicatorType | None = None) -> Resource:
    """Read what a result or a signal is about.

    Args:
        kind: its type, None if the report does not state one.
    """
    stripped = text.strip()
    kinds = [kind] if kind else _possible_kinds(stripped)
    for one in kinds:
        try:
            return parse(one, stripped)
        except InvalidIndicator:
            continue
    return stripped.casefold()


def _possible_kinds(text: str) -> list[IndicatorType]:
    if "://" in text:
        return [IndicatorType.URL]
    if len(text) in TYPE_BY_HASH_DIGITS:
        return [TYPE_BY_HASH_DIGITS[len(text)], IndicatorType.DOMAIN]
    return [IndicatorType.IP, IndicatorType.DOMAIN]


@dataclass(frozen=True, slots=True)
class OsintResult:
    """What one OSINT provider answered about one resource.

    Attributes:
        provider: its name, "" without a valid one.
        verdict: what is evidence, None if nothing is.
        echo: the verdict that the report states for an answer of this service, None if the result
            does not come from here, or if `verdict` supports what it states.
    """

    resource: Resource
    provider: str
    verdict: Verdict | None
    echo: Verdict | None

    def evidence(self) -> list[Evidence]:
        """The result as evidence: what counts, and what only repeats this service."""
        rows = [(self.verdict, False), (self.echo, True)]
        return [
            Evidence(EvidenceSource.OSINT, verdict, self.provider, echo=echo)
            for verdict, echo in rows
            if verdict is not None
        ]


class OsintResults:
    """The OSINT results of a report, by resource."""

    def __init__(self, report: Json) -> None:
        self._by_resource: defaultdict[Resource, list[OsintResult]] = defaultdict(list)
        for raw in _raw_results(report):
            result = _read_result(raw)
            if result is not None:
                self._by_resource[result.resource].append(result)

    def about(self, resource: Resource) -> list[OsintResult]:
        """The results about one resource."""
        return self._by_resource.get(resource, [])

    def all(self) -> Iterator[OsintResult]:
        """The results about all resources."""
        for results in self._by_resource.values():
            yield from results

    def verdict_of_signal(self, stated: Verdict, resource: Resource | None) -> Verdict | None:
        """What is left of the verdict of a signal that repeats the results about a resource."""
        results = self.about(resource) if resource is not None else []
        return standing(
            stated,
            [one.echo for one in results if one.echo is not None],
            [one.verdict for one in results if one.verdict is not None],
        )


def _read_result(raw: Json) -> OsintResult | None:
    kind = _OSINT_TYPES.get(name) if isinstance(name := raw.get("type"), str) else None
    text = raw.get("resource")
    if kind is None or not isinstance(text, str):
        return None
    resource = resource_of(text, kind)
    provider = raw.get("osintProvider")
    label = ""
    if isinstance(provider, str):
        encoded = provider.encode(errors="replace")
        label = xml_safe(provider) if len(encoded) <= MAX_EVIDENCE_TEXT_BYTES else ""
    stated = stated_verdict(raw)
    data = _answer(raw.get("data"))
    if not (_names_this_service(data) or _names_this_service(provider)):
        return OsintResult(resource, label, stated, None)
    left = None
    if isinstance(resource, Indicator) and not _names_this_service(provider):
        left = _without_own_rows(resource, data)
    if stated is None or not can_be_echo(stated):
        return OsintResult(resource, label, left, None)
    heard = left is not None and supports(left, stated) and left >= stated
    return OsintResult(resource, label, left, None if heard else stated)


def _answer(data: object) -> object:
    """The answer of a provider, which a report can hold as an object or as its text."""
    if not isinstance(data, str) or not data.lstrip().startswith(("{", "[")):
        return data
    try:
        return strict_json.parse(data, "the answer", strict_json.SMALL)
    except FeedError:
        return data


def _without_own_rows(indicator: Indicator, data: object) -> Verdict | None:
    """The verdict of an answer without the rows that this service computes."""
    try:
        body = json.dumps(data).encode()
        if indicator.type in HASH_TYPES:
            return _foreign_verdict(wire.read_hash(indicator, body))
        answers = wire.read_address(indicator, body).answers
    except (UnexpectedAnswer, RecursionError):
        return None
    return _foreign_verdict(answers[indicator]) if indicator in answers else None


def _foreign_verdict(answer: Answer) -> Verdict | None:
    return overall_verdict(
        row.verdict for row in foreign_rows(answer.rows) if row.verdict is not None
    )


def foreign_rows(rows: Collection[ProviderRow]) -> list[ProviderRow]:
    """The rows of an answer that this service did not compute.

    Its own are those of the sandbox and of an analyst, what it overruled, and, where the answer has
    one of these, a row that sums up the others.
    """
    own = {name.casefold() for name in OWN_PROVIDERS}
    if any(row.provider.casefold() in own for row in rows):
        own |= {name.casefold() for name in SUMMARY_PROVIDERS}
    return [row for row in rows if row.provider.casefold() not in own and not row.overruled_by]


def _names_this_service(data: object) -> bool:
    """Whether an answer, of any form, can have a row that this service computed."""
    own = {name.casefold() for name in OWN_PROVIDERS}
    # No recursion: a report may be nested deeper than Python's stack allows.
    left = [data]
    while left:
        one = left.pop()
        if isinstance(one, str) and one.casefold() in own:
            return True
        if isinstance(one, list):
            left += one
        elif isinstance(one, Mapping):
            if one.get("overruled_by"):
                return True
            left += [*one.keys(), *one.values()]
    return False


def _raw_results(report: Json) -> Iterator[Json]:
    resources = report.get("resources")
    for resource in resources.values() if isinstance(resources, Mapping) else []:
        if isinstance(resource, Mapping):
            yield from mappings(resource.get("results"))


def stated_verdict(record: Json) -> Verdict | None:
    """The verdict of a file, a rule, a signal or a result: a string, or an object with one.

    Returns:
        None if the verdict is missing, UNKNOWN or not valid.
    """
    inner = record.get("verdict")
    try:
        return verdict_of(inner if isinstance(inner, Mapping) else record)
    except InvalidRecord:
        return None


def mappings(value: object) -> list[Json]:
    """The objects in a list; none for any other JSON value."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
