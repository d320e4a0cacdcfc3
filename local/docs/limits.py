"""The limits of the service in figures, computed from the code, and the pages that quote them."""

import inspect
from dataclasses import dataclass

from functions.annotate.bodies import MAX_BULK, MAX_REASON_CHARS
from functions.changes.bus import MAX_ENTRIES as MAX_BUS_ENTRIES
from functions.filter import app as filter_app
from functions.ingest import feed_reader, resolve, run
from functions.ingest.store.quarantine import KEPT_FOR, MAX_RECORD_CHARS
from functions.ingest.store.unresolved import MAX_WAITING
from functions.lookup import bulk, search
from functions.lookup.feed_status_body import STALE_MS
from functions.lookup.filters import LINK_S
from functions.publish import feed, media
from functions.publish.history import MAX_RECENT
from functions.publish.intake import MAX_EVIDENCE
from functions.publish.store.feed_log import MAX_ENTRY_BYTES
from functions.webhook.delivery import TIMEOUT_S
from iocrep import follow, lists
from local.changes import TRIES
from local.template import load_template
from shared.client import AnswerCache, ReputationClient
from shared.client.client import MAX_BODY_BYTES, MAX_CHUNK_BYTES
from shared.client.local_filter import _SKEW_S, LocalFilter
from shared.domain import canonical
from shared.domain.reputation import MAX_TAG_BYTES, MAX_TAGS
from shared.formats.bloom_filter import FALSE_POSITIVE_RATE
from shared.formats.feed.report import (
    MAX_FLOW_ID_CHARS,
    MAX_ORIGIN_BYTES,
    MAX_REPORT_ID_BYTES,
    MAX_SIGHTINGS,
)
from shared.formats.lists.options import MispFeed, Taxii
from shared.formats.lists.read import MAX_ENTRIES, MAX_TEXT_BYTES
from shared.http.authentication import CACHED_S
from shared.http.fetch import MAX_PAGE_BYTES
from shared.http.web import MAX_REQUEST_BYTES
from shared.store.api_keys import DEFAULT_DAILY_LIMIT
from shared.store.keys import MAX_KEY_BYTES


@dataclass(frozen=True)
class Limit:
    """A limit in figures.

    Attributes:
        of: the part of the service that has it.
        what: what it bounds.
        value: figure and unit, as the pages quote it.
        pages: pages below `docs` that quote the value.
    """

    of: str
    what: str
    value: str
    pages: tuple[str, ...] = ()


def _mb(size: float) -> str:
    return f"{size / 2**20:g} MB"


def _decimal_mb(size: float) -> str:
    return f"{size / 10**6:g} MB"


def _default(of: object, name: str) -> float:
    """The default of a parameter of a class."""
    value = inspect.signature(of).parameters[name].default  # type: ignore[arg-type]
    return float(value)


_RESOURCES = load_template()["Resources"]
_QUEUE = _RESOURCES["WebhookQueue"]["Properties"]
_STREAM = _RESOURCES["ChangesStreamMapping"]["Properties"]
_PROMISED_S = _QUEUE["VisibilityTimeout"] * _QUEUE["RedrivePolicy"]["maxReceiveCount"]

LIMITS = (
    Limit("requests", "items of a bulk request", f"{bulk.MAX_ITEMS:,} items", ("api", "contract")),
    Limit("requests", "body of a bulk request", _mb(bulk.MAX_BODY_BYTES)),
    Limit("requests", "body of any request", f"{MAX_REQUEST_BYTES:,} bytes"),
    Limit("requests", "text to search", f"{search.MAX_CHARS:,} characters"),
    Limit("requests", "overrides of a bulk request", f"{MAX_BULK} overrides", ("overrides",)),
    Limit("requests", "reason of an override", f"{MAX_REASON_CHARS:,} characters"),
    Limit(
        "keys", "look-ups a day of a new key", f"{DEFAULT_DAILY_LIMIT:,} look-ups", ("operations",)
    ),
    Limit("keys", "a disabled key still works for", f"{CACHED_S:.0f} seconds", ("operations",)),
    Limit("indicators", "URL", f"{canonical.MAX_URL_BYTES:,} bytes", ("indicators",)),
    Limit("indicators", "domain name", f"{canonical.MAX_DOMAIN_BYTES} bytes", ("indicators",)),
    Limit("indicators", "label", f"{canonical.MAX_LABEL_BYTES} characters", ("indicators",)),
    Limit("indicators", "key of DynamoDB", f"{MAX_KEY_BYTES:,} bytes", ("indicators",)),
    Limit("the feed", "page, decompressed", _mb(MAX_PAGE_BYTES), ("feed",)),
    Limit("the feed", "`flow_id`", f"{MAX_FLOW_ID_CHARS} characters", ("feed",)),
    Limit("the feed", "`report_id`", f"{MAX_REPORT_ID_BYTES} bytes", ("feed",)),
    Limit("the feed", "tag", f"{MAX_TAG_BYTES} bytes", ("feed",)),
    Limit("the feed", "tags of an indicator", f"{MAX_TAGS} tags", ("feed",)),
    Limit("the feed", "origin", f"{MAX_ORIGIN_BYTES} bytes", ("feed",)),
    Limit("the feed", "IOCs of a report", f"{MAX_SIGHTINGS:,} IOCs", ("ingestion",)),
    Limit("the feed", "requests of a run", f"{run.MAX_REQUESTS} requests", ("ingestion",)),
    Limit(
        "the feed",
        "pages that are always read whole",
        f"{feed_reader.LONG_FEED_PAGES} pages",
        ("ingestion",),
    ),
    Limit(
        "the feed",
        "known reports in a row that end a run",
        f"{feed_reader.KNOWN_STREAK} reports",
        ("ingestion",),
    ),
    Limit(
        "the feed", "pages passed over in a run", f"{feed_reader.MAX_SKIPPED} pages", ("ingestion",)
    ),
    Limit(
        "the feed",
        "time between two reads of the whole feed",
        f"{feed_reader.SWEEP_EVERY_MS // 3_600_000} hours",
        ("ingestion",),
    ),
    Limit(
        "the feed", "linked reports fetched in a run", f"{resolve.MAX_FETCHES} reports", ("feed",)
    ),
    Limit(
        "the feed",
        "linked reports fetched in a second",
        f"{resolve.FETCHES_A_SECOND} reports",
        ("feed",),
    ),
    Limit("the feed", "linked reports that wait", f"{MAX_WAITING} reports", ("feed",)),
    Limit("the feed", "stale after", f"{STALE_MS // 3_600_000} hours", ("contract", "runbook")),
    Limit("quarantine", "records kept for", f"{KEPT_FOR.days} days", ("ingestion", "operations")),
    Limit("quarantine", "record", f"{MAX_RECORD_CHARS:,} characters", ("ingestion",)),
    Limit("quarantine", "stored by a run", f"{run.MAX_QUARANTINED:,} records", ("operations",)),
    Limit(
        "publishing", "scan report, decompressed", _mb(media.MAX_REPORT_BYTES), ("published-feed",)
    ),
    Limit("publishing", "entry of the feed, compressed", f"{MAX_ENTRY_BYTES // 1024} KB"),
    Limit(
        "publishing",
        "reports of a page, unless asked",
        f"{feed.DEFAULT_LIMIT} reports",
        ("published-feed",),
    ),
    Limit("publishing", "reports of a page", f"{feed.MAX_LIMIT} reports", ("published-feed",)),
    Limit("publishing", "page in JSON", _decimal_mb(feed.MAX_PAGE_BYTES), ("published-feed",)),
    Limit("publishing", "page in Atom", _decimal_mb(feed.MAX_ATOM_BYTES), ("published-feed",)),
    Limit("publishing", "evidence shown for an IOC", f"{MAX_EVIDENCE} entries", ("verdicts",)),
    Limit("publishing", "earlier reports that count", f"{MAX_RECENT} reports", ("data-model",)),
    Limit("providers", "entries of a list", f"{MAX_ENTRIES:,} entries", ("providers",)),
    Limit("providers", "text of an entry", f"{MAX_TEXT_BYTES} bytes", ("providers",)),
    Limit(
        "providers",
        "events of a MISP feed, unless set",
        f"{MispFeed().max_events} events",
        ("providers",),
    ),
    Limit(
        "providers",
        "pages of a TAXII collection, unless set",
        f"{Taxii().max_pages} pages",
        ("providers",),
    ),
    Limit("events", "answer of a webhook", f"{TIMEOUT_S:.0f} seconds", ("events",)),
    Limit(
        "events",
        "time between two tries",
        f"{_QUEUE['VisibilityTimeout'] // 60} minutes",
        ("events",),
    ),
    Limit("events", "webhook is tried for", f"{_PROMISED_S // 3600} hours", ("events",)),
    Limit(
        "events",
        "record of the stream is tried for",
        f"{_STREAM['MaximumRecordAgeInSeconds'] // 3600} hours",
        ("events",),
    ),
    Limit(
        "events",
        "tries of a record of the stream",
        f"{_STREAM['MaximumRetryAttempts']} tries",
        ("events",),
    ),
    Limit("events", "tries of a local run", f"{TRIES} tries", ("events",)),
    Limit("events", "events in a request to the bus", f"{MAX_BUS_ENTRIES} events"),
    Limit("the filter", "false positives", f"{FALSE_POSITIVE_RATE:.1%}", ("filter",)),
    Limit(
        "the filter",
        "run",
        f"{_RESOURCES['FilterFunction']['Properties']['Timeout'] // 60} minutes",
        ("filter",),
    ),
    Limit("the filter", "kept of it for writing", f"{filter_app.SPARE_S:.0f} seconds", ("filter",)),
    Limit(
        "the filter", "address to download it is valid for", f"{LINK_S // 60} minutes", ("filter",)
    ),
    Limit(
        "the filter",
        "age that clients accept",
        f"{_default(LocalFilter, 'max_age_s') / 86_400:g} days",
        ("filter",),
    ),
    Limit(
        "the filter",
        "clients look for a new one after",
        f"{_default(LocalFilter, 'refresh_s') / 60:g} minutes",
        ("filter",),
    ),
    Limit(
        "the filter",
        "date in the future that clients accept",
        f"{_SKEW_S // 60} minutes",
        ("filter",),
    ),
    Limit(
        "the client",
        "indicators of a request",
        f"{_default(ReputationClient, 'max_hashes'):,.0f} indicators",
        ("client",),
    ),
    Limit("the client", "request", _mb(MAX_CHUNK_BYTES), ("client",)),
    Limit("the client", "answer", _mb(MAX_BODY_BYTES), ("client",)),
    Limit(
        "the client",
        "known answer is cached for",
        f"{_default(AnswerCache, 'known_s') / 60:g} minutes",
        ("client",),
    ),
    Limit(
        "the client",
        "unknown answer is cached for",
        f"{_default(AnswerCache, 'unknown_s') / 60:g} minutes",
        ("client",),
    ),
    Limit(
        "the client",
        "answers in the cache",
        f"{_default(AnswerCache, 'max_entries'):,.0f} answers",
        ("client",),
    ),
    Limit(
        "the command line",
        "lines read before a look-up",
        f"{lists.MAX_CHUNK_LINES:,} lines",
        ("cli",),
    ),
    Limit(
        "the command line",
        "pages that `watch` reads at once",
        f"{follow.MAX_PAGES} pages",
        ("cli",),
    ),
    Limit(
        "the command line",
        "reports that `watch` remembers",
        f"{follow.MAX_SEEN:,} reports",
        ("cli",),
    ),
)
