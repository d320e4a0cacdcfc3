"""Block lists for firewalls and DNS, one for each type, minimum verdict and minimum score."""

from collections.abc import Iterator

from shared.domain.indicator import Indicator
from shared.domain.indicator_types import INDICATOR_TYPES, IndicatorType
from shared.domain.public_suffix import is_public_suffix
from shared.domain.score import STEPS
from shared.domain.verdict import Verdict
from shared.formats.exports.source import (
    ExportFile,
    IocSource,
    Options,
    as_tools_write,
    name_with_step,
)

# Block lists contain only what a scan found suspicious or worse.
VERDICTS = (Verdict.MALICIOUS, Verdict.LIKELY_MALICIOUS, Verdict.SUSPICIOUS)
_TEXT = "text/plain; charset=utf-8"
# A DNS name has at most 255 bytes, and the name of the zone is part of it.
_LONGEST_IN_A_ZONE = 200
# Programs take a line that begins with it for an option.
_OPTION = "-"


def files(source: IocSource, _options: Options) -> Iterator[ExportFile]:
    """Yield the lists as text, one value a line; for domains also as hosts file and DNS zone."""
    for verdict in VERDICTS:
        for step in (0, *STEPS):
            for kind in INDICATOR_TYPES:
                yield _file(kind, verdict, step, "txt", _plain(source, kind, verdict, step))
            kind = IndicatorType.DOMAIN
            yield _file(kind, verdict, step, "hosts", _hosts(source, verdict, step))
            yield _file(kind, verdict, step, "rpz", _zone(source, verdict, step))


def _file(
    kind: IndicatorType, verdict: Verdict, step: int, ending: str, lines: Iterator[str]
) -> ExportFile:
    name = name_with_step(f"blocklist/{kind}-{verdict.name.lower()}.{ending}", step)
    return ExportFile(name, _TEXT, lines)


def _plain(source: IocSource, kind: IndicatorType, verdict: Verdict, step: int) -> Iterator[str]:
    for ioc in source.by_value(kind, verdict, step):
        if not (ioc.indicator.value.startswith(_OPTION) or _denies_strangers(ioc.indicator)):
            yield f"{as_tools_write(ioc.indicator)}\n"


def _denies_strangers(indicator: Indicator) -> bool:
    """Whether tools that also deny what is below a domain would deny the names of many owners."""
    return indicator.type is IndicatorType.DOMAIN and is_public_suffix(indicator.value)


def _hosts(source: IocSource, verdict: Verdict, step: int) -> Iterator[str]:
    for ioc in source.by_value(IndicatorType.DOMAIN, verdict, step):
        yield f"0.0.0.0 {ioc.indicator.value}\n"


def _zone(source: IocSource, verdict: Verdict, step: int) -> Iterator[str]:
    """A response policy zone (RPZ) that blocks the domains, but not their subdomains."""
    # It grows with removals, too, which leave no row behind.
    serial = source.last_move(IndicatorType.DOMAIN) // 1000
    yield "$TTL 300\n"
    yield f"@ SOA localhost. root.localhost. {serial} 3600 600 86400 300\n"
    yield "@ NS localhost.\n"
    for ioc in source.by_value(IndicatorType.DOMAIN, verdict, step):
        if len(ioc.indicator.value) <= _LONGEST_IN_A_ZONE:
            yield f"{ioc.indicator.value} CNAME .\n"
