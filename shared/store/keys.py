"""The keys of all tables: the only place that builds them.

They are written to disk: never change one that is in use.
"""

import hashlib
from enum import StrEnum

from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.network import Network
from shared.domain.provider import Subject

MAX_KEY_BYTES = 2048  # of a DynamoDB partition key
_FLOW_KEY_BYTES = 10
_IOC_DIGEST_BYTES = 12


class Prefix(StrEnum):
    """First part of a key; in the IOC table it is the indicator's type."""

    LONG_URL = "url-sha256"
    NETWORK = "net"
    REPORT = "report"
    RUNS = "runs"
    FEED = "feed"
    FEED_RUNS = "feed-runs"
    UNRESOLVED = "unresolved"
    QUARANTINE = "quarantine"
    API_KEY = "key"
    QUOTA = "quota"
    FEED_INFO = "info"
    FEED_ENTRY = "entry"
    PUBLISHED = "published"
    INTENT = "intent"
    HISTORY = "ioc"
    MEMBERSHIP = "seen"
    PROVIDERS = "providers"
    SNAPSHOT = "snapshot"
    NETWORKS = "networks"
    SIGHTINGS = "sightings"
    DAYS = "days"
    DAY = "day"
    SCAN = "scan"


def ioc_key(indicator: Indicator) -> str:
    """Key of the one item of an IOC; that of a URL too long for a key is made of its digest."""
    key = f"{indicator.type}#{indicator.value}"
    if indicator.type is IndicatorType.URL and len(key) > MAX_KEY_BYTES:
        return f"{Prefix.LONG_URL}#{hashlib.sha256(indicator.value.encode()).hexdigest()}"
    return key


def subject_key(subject: Subject) -> str:
    """Key of the item of an IOC, or of a network that a provider lists."""
    if isinstance(subject, Network):
        return f"{Prefix.NETWORK}#{subject.value}"
    return ioc_key(subject)


def ioc_digest(indicator: Indicator) -> bytes:
    """Short name of an IOC inside the ledger entry of one report."""
    return hashlib.sha256(ioc_key(indicator).encode()).digest()[:_IOC_DIGEST_BYTES]


def flow_key(flow_id: str) -> bytes:
    """Short name of a report: it keys the ledger, and marks a report as pending in an item."""
    return hashlib.sha256(flow_id.encode()).digest()[:_FLOW_KEY_BYTES]


def report_key(flow: bytes, shard: int | None = None) -> str:
    """Key of a report's ledger entry, or of one shard of an entry too large for one item."""
    suffix = "" if shard is None else f"#{shard:x}"
    return f"{Prefix.REPORT}#{flow.hex()}{suffix}"


def runs_key() -> str:
    """Key of the item that numbers the runs."""
    return f"{Prefix.RUNS}#"


def feed_key(feed_url: str) -> str:
    """Key of a feed's position; its address may hold what should not stand in a key."""
    return f"{Prefix.FEED}#{hashlib.sha256(feed_url.encode()).hexdigest()[:32]}"


def feed_runs_key() -> str:
    """Key of how the last run over each feed went."""
    return f"{Prefix.FEED_RUNS}#"


def feed_short_name(feed_url: str) -> str:
    """Name of a feed in that item."""
    return hashlib.sha256(feed_url.encode()).hexdigest()[:16]


def unresolved_key(feed_url: str) -> str:
    """Key of the reports of a feed that are still to be fetched."""
    return f"{Prefix.UNRESOLVED}#{hashlib.sha256(feed_url.encode()).hexdigest()[:32]}"


def tries_key(feed_url: str) -> str:
    """Key of the tries at these reports that have begun and not ended."""
    return f"{unresolved_key(feed_url)}#tries"


def quarantine_key(reason: str, record: str) -> str:
    """Key of a rejected record: the same record for the same reason is kept once."""
    text = f"{reason}\n{record}".encode(errors="surrogatepass")
    return f"{Prefix.QUARANTINE}#{hashlib.sha256(text).hexdigest()[:32]}"


def api_key_key(digest: str) -> str:
    """Key of an API key's record, from the SHA-256 of the key in hexadecimal."""
    return f"{Prefix.API_KEY}#{digest}"


def quota_key(digest: str, window: str) -> str:
    """Key of what an API key has used in one window of time, from the key's SHA-256."""
    return f"{Prefix.QUOTA}#{digest}#{window}"


def feed_info_key() -> str:
    """Key of what our own feed says of itself: its length and its last entry."""
    return f"{Prefix.FEED_INFO}#"


def feed_entry_key(number: int) -> str:
    """Key of one entry of our own feed; entries are numbered from 1 without a gap."""
    return f"{Prefix.FEED_ENTRY}#{number}"


def published_key(flow_id: str, report_id: str) -> str:
    """Key of what is published of one report."""
    return f"{Prefix.PUBLISHED}#{_report_digests(flow_id, report_id)}"


def intent_key(flow_id: str, report_id: str) -> str:
    """Key of the IOCs of a report that is about to be published."""
    return f"{Prefix.INTENT}#{_report_digests(flow_id, report_id)}"


def _report_digests(flow_id: str, report_id: str) -> str:
    report = hashlib.sha256(report_id.encode()).hexdigest()[: 2 * _FLOW_KEY_BYTES]
    return f"{flow_key(flow_id).hex()}#{report}"


def history_key(indicator: Indicator) -> str:
    """Key of the scans in which an IOC was seen."""
    return f"{Prefix.HISTORY}#{hashlib.sha256(ioc_key(indicator).encode()).hexdigest()}"


def membership_prefix(indicator: Indicator) -> str:
    """What the keys of the scans that hold an IOC begin with."""
    return f"{Prefix.MEMBERSHIP}#{ioc_digest(indicator).hex()}#"


def membership_key(indicator: Indicator, flow_id: str) -> str:
    """Key of the reports of one scan that hold an IOC."""
    return membership_prefix(indicator) + flow_key(flow_id).hex()


def sightings_key(indicator: Indicator) -> str:
    """Partition of the sightings of an IOC."""
    return f"{Prefix.SIGHTINGS}#{ioc_digest(indicator).hex()}"


def days_key() -> str:
    """Partition of the names of days on which something was seen."""
    return f"{Prefix.DAYS}#"


def day_key(day: str, shard: int) -> str:
    """Partition of a part of the reports of a day, such as 2026-01-05."""
    return f"{Prefix.DAY}#{day}#{shard:x}"


def scan_key(flow: bytes) -> str:
    """Partition of where the reports of a scan are."""
    return f"{Prefix.SCAN}#{flow.hex()}"


def providers_key() -> str:
    """Key of how the providers stand."""
    return f"{Prefix.PROVIDERS}#"


def snapshot_key(provider: str, generation: int | None = None, chunk: int = 0) -> str:
    """Key of where a provider's list stands, or of one chunk of what was on it."""
    if generation is None:
        return f"{Prefix.SNAPSHOT}#{provider}"
    return f"{Prefix.SNAPSHOT}#{provider}#{generation}#{chunk}"


def networks_key(provider: str, generation: int, chunk: int) -> str:
    """Key of one chunk of the networks on a provider's list."""
    return f"{Prefix.NETWORKS}#{provider}#{generation}#{chunk}"
