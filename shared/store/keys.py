"""The keys of all tables; only this module builds them.

Stored items use them: never change a key that is in use.
"""

import hashlib
from enum import StrEnum

from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.network import Network
from shared.domain.provider import Subject

MAX_KEY_BYTES = 2048  # limit of DynamoDB for a partition key
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
    KEY_CHANGE = "key-change"
    ANNOTATION_COUNT = "annotations"
    ANNOTATION = "annotation"
    ANNOTATED = "annotated"
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
    """Key of the item of an IOC; a URL too long for a key has a key with its digest."""
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
    """Short digest of an IOC, as ledger entries hold it."""
    return hashlib.sha256(ioc_key(indicator).encode()).digest()[:_IOC_DIGEST_BYTES]


def flow_key(flow_id: str) -> bytes:
    """Short digest of a flow_id: in ledger keys and for pending reports in items."""
    return hashlib.sha256(flow_id.encode()).digest()[:_FLOW_KEY_BYTES]


def report_key(flow: bytes, shard: int | None = None) -> str:
    """Key of a report's ledger entry, or of one shard of an entry too large for one item."""
    suffix = "" if shard is None else f"#{shard:x}"
    return f"{Prefix.REPORT}#{flow.hex()}{suffix}"


def runs_key() -> str:
    """Key of the item that holds the run numbers."""
    return f"{Prefix.RUNS}#"


def feed_key(feed_url: str) -> str:
    """Key of the state of a feed; a digest, because the address may hold secrets."""
    return f"{Prefix.FEED}#{hashlib.sha256(feed_url.encode()).hexdigest()[:32]}"


def feed_runs_key() -> str:
    """Key of the item that describes the last run over each feed."""
    return f"{Prefix.FEED_RUNS}#"


def feed_short_name(feed_url: str) -> str:
    """Short digest of a feed's address, for attribute names in the item of the last runs."""
    return hashlib.sha256(feed_url.encode()).hexdigest()[:16]


def unresolved_key(feed_url: str) -> str:
    """Key of the linked reports of a feed that are not fetched yet."""
    return f"{Prefix.UNRESOLVED}#{hashlib.sha256(feed_url.encode()).hexdigest()[:32]}"


def tries_key(feed_url: str) -> str:
    """Key of the attempts to fetch these reports that have started and not ended."""
    return f"{unresolved_key(feed_url)}#tries"


def quarantine_key(reason: str, record: str) -> str:
    """Key of a rejected record; the same record with the same reason has the same key."""
    text = f"{reason}\n{record}".encode(errors="surrogatepass")
    return f"{Prefix.QUARANTINE}#{hashlib.sha256(text).hexdigest()[:32]}"


def api_key_key(digest: str) -> str:
    """Key of an API key's record, from the SHA-256 of the key in hexadecimal."""
    return f"{Prefix.API_KEY}#{digest}"


def key_change_key(at: int, number: str) -> str:
    """Key of a change of an API key, from its time in milliseconds since the epoch."""
    return f"{Prefix.KEY_CHANGE}#{at}#{number}"


def annotation_count_key(kind: str) -> str:
    """Key of the number of the last annotation of a kind."""
    return f"{Prefix.ANNOTATION_COUNT}#{kind}"


def annotation_key(kind: str, number: int) -> str:
    """Key of an annotation: a change of an override, or a report of a false positive."""
    return f"{Prefix.ANNOTATION}#{kind}#{number}"


def annotated_key(kind: str, indicator: Indicator, key_digest: str) -> str:
    """Key of the only annotation of an API key about an IOC, from the SHA-256 of the key."""
    return f"{Prefix.ANNOTATED}#{kind}#{ioc_digest(indicator).hex()}#{key_digest}"


def quota_key(digest: str, window: str) -> str:
    """Key of the look-ups that an API key made in one time window, from the key's SHA-256."""
    return f"{Prefix.QUOTA}#{digest}#{window}"


def feed_info_key() -> str:
    """Key of the length and last entry of the feed that we publish."""
    return f"{Prefix.FEED_INFO}#"


def feed_entry_key(number: int) -> str:
    """Key of one entry of the feed that we publish; numbers start at 1 and have no gaps."""
    return f"{Prefix.FEED_ENTRY}#{number}"


def published_key(flow_id: str, report_id: str) -> str:
    """Key of a published report."""
    return f"{Prefix.PUBLISHED}#{_report_digests(flow_id, report_id)}"


def intent_key(flow_id: str, report_id: str) -> str:
    """Key of the IOCs of a report that is being published."""
    return f"{Prefix.INTENT}#{_report_digests(flow_id, report_id)}"


def _report_digests(flow_id: str, report_id: str) -> str:
    report = hashlib.sha256(report_id.encode()).hexdigest()[: 2 * _FLOW_KEY_BYTES]
    return f"{flow_key(flow_id).hex()}#{report}"


def history_key(indicator: Indicator) -> str:
    """Key of the scan history of an IOC."""
    return f"{Prefix.HISTORY}#{hashlib.sha256(ioc_key(indicator).encode()).hexdigest()}"


def membership_prefix(indicator: Indicator) -> str:
    """Common prefix of the membership keys of an IOC."""
    return f"{Prefix.MEMBERSHIP}#{ioc_digest(indicator).hex()}#"


def membership_key(indicator: Indicator, flow_id: str) -> str:
    """Key of the reports of one scan that contain an IOC."""
    return membership_prefix(indicator) + flow_key(flow_id).hex()


def sightings_key(indicator: Indicator) -> str:
    """Partition key of the sightings of an IOC."""
    return f"{Prefix.SIGHTINGS}#{ioc_digest(indicator).hex()}"


def days_key() -> str:
    """Partition key of the list of days that have reports."""
    return f"{Prefix.DAYS}#"


def day_key(day: str, shard: int) -> str:
    """Partition key of one shard of the reports of a day, such as 2026-01-05."""
    return f"{Prefix.DAY}#{day}#{shard:x}"


def scan_key(flow: bytes) -> str:
    """Partition key of the positions of a scan's reports."""
    return f"{Prefix.SCAN}#{flow.hex()}"


def providers_key() -> str:
    """Key of the states of the providers."""
    return f"{Prefix.PROVIDERS}#"


def snapshot_key(provider: str, generation: int | None = None, chunk: int = 0) -> str:
    """Key of the state of a provider's stored list, or of one chunk of its entries."""
    if generation is None:
        return f"{Prefix.SNAPSHOT}#{provider}"
    return f"{Prefix.SNAPSHOT}#{provider}#{generation}#{chunk}"


def networks_key(provider: str, generation: int, chunk: int) -> str:
    """Key of one chunk of the networks on a provider's list."""
    return f"{Prefix.NETWORKS}#{provider}#{generation}#{chunk}"
