"""Scan reports as the sandbox makes them, both vintages, with defaults for what a test skips."""

import json
from typing import Any

from functions.publish.scan import RejectedReport, ScanReport, read_scan
from shared.domain.provider import SANDBOX_PROVIDER
from tests.ingestion import NOW

FLOW_ID = "66b3763be7dbbbdfcd0a6a96"
REPORT_ID = "4c1a0000-0000-4000-8000-000000000001"


def digests(letter: str) -> dict[str, str]:
    """The hashes of a file, all of one hexadecimal digit."""
    return {"MD5": letter * 32, "SHA-1": letter * 40, "SHA-256": letter * 64}


def raw_file(
    letter: str,
    verdict: object = None,
    *inner: object,
    level: float | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """A file that was analysed, with the ones that came out of it."""
    return {
        "submitName": f"{letter}.exe",
        "digests": digests(letter),
        "verdict": {"verdict": verdict, "threatLevel": level, "confidence": 1},
        "extractedFiles": list(inner),
        **fields,
    }


def scan_ioc(data: object, verdict: object = None, **fields: Any) -> dict[str, Any]:
    """An IOC; without a verdict as the older reports have it."""
    said = {} if verdict is None else {"verdict": verdict}
    origins = [{"type": "VBA_EMULATION", "identifier": "a" * 64}]
    return {"data": data, "origins": origins, "isInteresting": False, **said, **fields}


def osint(
    kind: str, resource: str, verdict: object, data: object = None, provider: object = "LISTS"
) -> dict[str, Any]:
    """What an OSINT provider answered."""
    return {
        "resource": resource,
        "origin": {"type": "INPUT_FILE", "identifier": "a" * 64},
        "type": kind,
        "osintProvider": provider,
        "data": {} if data is None else data,
        "verdict": verdict,
        "tags": [],
        "lookupTime": 12,
    }


def address_data(address: str, *providers: tuple[str, int, str]) -> dict[str, Any]:
    """The answer for an address: each provider with its status and assessment."""
    sources = [
        {"provider": name, "status": status, "assessment": assessment}
        for name, status, assessment in providers
    ]
    return {"address": address, "lookup_results": {"detected_by": 1, "sources": sources}}


def hash_data(**engines: int) -> dict[str, Any]:
    """The answer for a hash: each engine with its result; `us` means this service."""
    details = {
        SANDBOX_PROVIDER if name == "us" else name: {"scan_result_i": result}
        for name, result in engines.items()
    }
    return {"scan_results": {"scan_details": details, "scan_all_result_i": max(engines.values())}}


def signal_group(identifier: str, verdict: str, file: str = "a" * 64) -> dict[str, Any]:
    """A group of one signal that was found in a file."""
    signal = {"originPath": "file.extendedData", "originIdentifier": file}
    stated = {"verdict": verdict, "confidence": 1}
    return {
        "identifier": identifier,
        "description": "A signal",
        "verdict": stated,
        "signals": [signal],
    }


def osint_signals(*resources: str, verdict: str = "MALICIOUS") -> dict[str, Any]:
    """The group that OSINT results about these resources set."""
    signals = [
        {
            "signalReadable": f'OSINT provider "LISTS" detected resource "{one}"',
            "additionalInfo": one,
            "originPath": "osint.results.verdict",
            "originIdentifier": "a" * 64,
        }
        for one in resources
    ]
    group = signal_group("I000", verdict)
    return {**group, "description": "OSINT source detected malicious resource", "signals": signals}


def yara_match(rule: str, verdict: str) -> dict[str, Any]:
    """A YARA rule that matches a file."""
    return {"ruleName": rule, "strength": 0.75, "verdict": {"verdict": verdict, "confidence": 1}}


def raw_scan_report(
    iocs: object = None, *, files: Any = None, results: Any = (), **fields: Any
) -> dict[str, Any]:
    """One report of a scan."""
    tag = {"name": "peexe", "synonyms": [], "descriptions": [], "verdict": {}}
    file = raw_file("a", "MALICIOUS") if files is None else files
    return {
        "finalVerdict": {"verdict": "MALICIOUS", "threatLevel": 1, "confidence": 1},
        "allTags": [{"source": "MEDIA_TYPE", "isRootTag": True, "tag": tag}],
        "overallState": "success",
        "resources": {
            "file": file,
            "osint": {"results": list(results), "relatedTaskType": "OSINT_EXTENDED"},
        },
        "iocs": {"domain": [scan_ioc("evil.example", "MALICIOUS")]} if iocs is None else iocs,
        "file": {"name": "a.exe", "hash": "a" * 64, "type": "pe"},
        "created_date": "06/03/2025, 08:00:00",
        **fields,
    }


def raw_scan(*reports: object, flow_id: object = FLOW_ID, **fields: Any) -> dict[str, Any]:
    """A scan with these reports, named by number."""
    named = {f"{REPORT_ID[:-1]}{number}": one for number, one in enumerate(reports, 1)}
    return {"flowId": flow_id, "allFinished": True, "reports": named, **fields}


def body_of(raw: object) -> bytes:
    """It as the sandbox sends it."""
    return json.dumps(raw).encode()


def read_raw(raw: object) -> list[ScanReport | RejectedReport]:
    """It, read."""
    return read_scan(body_of(raw), NOW)


def read_one(*arguments: Any, flow_id: str = FLOW_ID, **fields: Any) -> ScanReport:
    """A scan with one report, read; the arguments are those of `raw_scan_report`."""
    [report] = read_raw(raw_scan(raw_scan_report(*arguments, **fields), flow_id=flow_id))
    assert isinstance(report, ScanReport)
    return report
