"""What explains a verdict: one answer with everything that is known, and matches around."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from functions.lookup.routes import respond
from functions.lookup.service import Service
from local.openapi_models.explanation import Explanation
from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.provider import IocRecord, Subject
from shared.domain.reputation import OF_REPORT, Reputation
from shared.domain.sighting_details import Origin, SightingDetails
from shared.domain.verdict import Verdict
from shared.http.authentication import KeyRing
from shared.http.web import Request, Response
from shared.store.api_keys import ALL_RIGHTS, ApiKey, digest_of
from tests.builders import reputation, sighting_summary
from tests.ingestion import NOW
from tests.unit.lookup.test_routes import KEY, FakeIocs, quota

HOST = parse(IndicatorType.DOMAIN, "cdn.evil.example")
REGISTRABLE = parse(IndicatorType.DOMAIN, "evil.example")
DIRECTORY = parse(IndicatorType.URL, "http://cdn.evil.example/kit/")
ASKED = parse(IndicatorType.URL, "http://cdn.evil.example/kit/login.html?a=1")
LOCAL = parse(IndicatorType.DOMAIN, "printer.local")
DETAILS = SightingDetails(
    origins=(Origin("INPUT_FILE"), Origin("URL_RENDER", "ab" * 32)),
    evidence=(
        Evidence(EvidenceSource.YARA, Verdict.MALICIOUS, "kit_login", decides=True),
        Evidence(EvidenceSource.OSINT, Verdict.MALICIOUS, "MetaDefender Sandbox", echo=True),
    ),
    sender="soc-paris",
)


class Reading(FakeIocs):
    def __init__(self, known: Mapping[Indicator, Reputation]) -> None:
        super().__init__(known)
        self.batches: list[list[str]] = []

    def find_many(
        self,
        indicators: Iterable[Indicator],
        covering: Mapping[Indicator, Sequence[Subject]] | None = None,
    ) -> Mapping[Indicator, IocRecord]:
        asked = list(indicators)
        self.batches.append([one.value for one in asked])
        return super().find_many(asked, covering)


class Keys:
    def __init__(self, record: ApiKey) -> None:
        self._record = record

    def find(self, digest: str) -> ApiKey | None:
        return self._record if digest == self._record.digest else None


def service(known: Mapping[Indicator, Reputation], **fields: Any) -> tuple[Service, Reading]:
    iocs = Reading(known)
    record = ApiKey(digest_of(KEY), "test", **fields)
    ring = KeyRing(Keys(record), lambda: 0.0)
    return Service(iocs=iocs, keys=ring, quota=quota(), now=lambda: NOW), iocs


def get(asked: Service, path: str, **headers: str) -> Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return respond(asked, Request("GET", path, "", {"apikey": KEY, **names}))


def known(*indicators: Indicator, **fields: Any) -> dict[Indicator, Reputation]:
    return {one: reputation(one, **fields) for one in indicators}


def detailed(indicator: Indicator) -> dict[Indicator, Reputation]:
    plain = reputation(indicator)
    latest = plain.summary.latest._replace(details=DETAILS.pack())
    return {indicator: plain._replace(summary=plain.summary._replace(latest=latest, worst=latest))}


PATH = "/v4/ioc/url/http%3A%2F%2Fcdn.evil.example%2Fkit%2Flogin.html%3Fa%3D1"


def test_everything_known_and_around_is_one_batch_read() -> None:
    asked, iocs = service(detailed(ASKED) | known(REGISTRABLE, verdict=Verdict.SUSPICIOUS))
    body = get(asked, PATH).body
    Explanation.model_validate(body)
    assert len(iocs.batches) == 1
    assert len(iocs.batches[0]) <= 12
    assert (body["verdict"], body["around"]) == (
        "MALICIOUS",
        [{"type": "domain", "value": "evil.example", "verdict": "SUSPICIOUS"}],
    )
    assert body["latest"]["origins"] == [
        {"type": "INPUT_FILE"},
        {"type": "URL_RENDER", "identifier": "ab" * 32},
    ]
    assert body["why"][0] == f"{ASKED.value} is MALICIOUS."
    assert "YARA rule “kit_login” found MALICIOUS; this decided." in body["why"]
    assert (
        "Provider “MetaDefender Sandbox” answered the sandbox MALICIOUS; this repeats an answer of "
        "this service, so it does not count." in body["why"]
    )
    assert body["why"][-1] == "Around it, domain evil.example is SUSPICIOUS."
    assert body["report"]["lookup_results"]["detected_by"] == 1


def test_only_a_key_that_may_annotate_sees_who_sent_the_report() -> None:
    plain, _ = service(detailed(ASKED))
    annotator, _ = service(detailed(ASKED), rights=ALL_RIGHTS)
    assert "soc-paris" not in str(get(plain, PATH).body)
    assert get(annotator, PATH).body["latest"]["sender"] == "soc-paris"


def test_an_unknown_indicator_is_found_if_something_around_it_is() -> None:
    asked, _ = service(known(HOST))
    body = get(asked, PATH).body
    assert (body["verdict"], [one["value"] for one in body["around"]]) == ("UNKNOWN", [HOST.value])
    nothing, _ = service({})
    refused = get(nothing, PATH)
    assert (refused.status, refused.body["error"]["code"]) == (404, 404001)


def test_a_worst_sighting_of_the_same_scan_is_explained() -> None:
    """A report that was corrected has one flow_id and two verdicts."""
    bad = reputation(HOST, seen_at=NOW - 2000, flow_id="a" * 24)
    corrected = sighting_summary(seen_at=NOW - 1000, verdict=Verdict.NO_THREAT, flow_id="a" * 24)
    both = bad._replace(summary=bad.summary.join(corrected))
    asked, _ = service({HOST: both})
    why = get(asked, f"/v4/ioc/domain/{HOST.value}").body["why"]
    assert why[0] == f"{HOST.value} is NO_THREAT."
    assert [one for one in why if one.startswith("In the worst scan") and "MALICIOUS" in one]


def test_an_inherited_verdict_rests_on_its_report() -> None:
    asked, _ = service(known(HOST, source=OF_REPORT, parent_verdict="MALICIOUS"))
    body = get(asked, f"/v4/ioc/domain/{HOST.value}").body
    assert body["latest"]["evidence"] == [
        {"source": "report", "verdict": "MALICIOUS", "decides": True}
    ]
    assert "The report states MALICIOUS for it; this decided." not in body["why"]
    assert "It inherits the verdict of its report; this decided." in body["why"]


def test_a_digest_of_several_files_is_explained_by_its_worst_scan() -> None:
    md5 = parse(IndicatorType.MD5, "a" * 32)
    files = frozenset(parse(IndicatorType.SHA256, letter * 64) for letter in "bc")
    bad = reputation(md5, seen_at=NOW - 2000, siblings=files)
    clean = sighting_summary(seen_at=NOW - 1000, verdict=Verdict.NO_THREAT, flow_id="b" * 24)
    both = bad._replace(summary=bad.summary.join(clean), counted=2)
    asked, _ = service({md5: both})
    body = get(asked, f"/v4/ioc/hash/{md5.value}").body
    assert body["verdict"] == "MALICIOUS"
    assert (
        "Several files have this digest: its verdict is the one of the worst scan." in body["why"]
    )
    assert body["why"][-1].startswith("Other digests of these files: sha256 B")


def test_the_name_and_the_threat_of_a_file_are_named() -> None:
    sha256 = parse(IndicatorType.SHA256, "b" * 64)
    details = SightingDetails(file_name="invoice.exe", threat_name="emotet").pack()
    asked, _ = service(known(sha256, details=details))
    why = get(asked, f"/v4/ioc/hash/{sha256.value}").body["why"]
    assert "The report names the file “invoice.exe”, and the threat “emotet”." in why


def test_what_overrules_is_named() -> None:
    asked, _ = service(known(LOCAL))
    body = get(asked, f"/v4/ioc/domain/{LOCAL.value}").body
    assert (body["verdict"], body["overruled_by"]) == ("BENIGN", "local name")
    assert "“local name” overrules the verdict MALICIOUS" in body["why"][0]


def test_a_harmless_value_is_explained_although_nothing_states_anything() -> None:
    asked, _ = service({})
    body = get(asked, "/v4/ioc/ip/10.0.0.1").body
    assert (body["verdict"], "special-purpose network 10.0.0.0/8" in body["why"][1]) == (
        "UNKNOWN",
        True,
    )


@pytest.mark.parametrize("path", ["/v4/ioc/hash/xyz", "/v4/ioc/ip/xyz", "/v4/ioc/url/mailto%3Aa"])
def test_what_is_not_an_indicator_is_refused(path: str) -> None:
    asked, _ = service({})
    assert get(asked, path).status == 400


LOOK_UP = PATH.replace("/ioc/", "/")


def test_matches_are_rows_of_their_own_and_only_on_request() -> None:
    iocs = known(DIRECTORY) | known(REGISTRABLE, verdict=Verdict.SUSPICIOUS)
    asked, reading = service(iocs)
    plain = get(asked, LOOK_UP).body["lookup_results"]
    assert (plain["detected_by"], len(plain["sources"]), reading.batches) == (0, 1, [])
    results = get(asked, LOOK_UP, x_match="Parents").body["lookup_results"]
    assert results["sources"][0] == plain["sources"][0]
    assert [
        (row["matched"], row["status"], row["assessment"]) for row in results["sources"][1:]
    ] == [
        (DIRECTORY.value, 1, "high risk"),
        (REGISTRABLE.value, 5, ""),
    ]
    assert results["detected_by"] == 1
    assert [len(batch) for batch in reading.batches] == [6]


def test_what_is_overruled_or_good_is_no_match() -> None:
    url = parse(IndicatorType.URL, "http://127.0.0.1/a")
    address = parse(IndicatorType.IP, "127.0.0.1")
    asked, _ = service(known(address))
    path = "/v4/url/http%3A%2F%2F127.0.0.1%2Fa"
    results = get(asked, path, x_match="parents").body["lookup_results"]
    assert (results["detected_by"], len(results["sources"])) == (0, 1)
    assert url not in known(address)
    good, _ = service(known(HOST, verdict=Verdict.BENIGN))
    assert len(get(good, LOOK_UP, x_match="parents").body["lookup_results"]["sources"]) == 1


def test_of_a_url_without_a_scheme_the_worse_answer_counts() -> None:
    https = parse(IndicatorType.URL, "https://cdn.evil.example/kit/")
    asked, _ = service(known(https))
    bare = "/v4/url/cdn.evil.example%2Fkit%2F"
    assert get(asked, bare, x_match="parents").body["address"] == https.value
    assert get(asked, bare.replace("/v4/", "/v4/ioc/")).body["value"] == https.value


def test_each_request_counts_as_one_look_up() -> None:
    asked, _ = service(known(ASKED), daily_limit=1)
    assert get(asked, PATH).status == 200
    assert get(asked, PATH).status == 429
    assert replace(asked).quota is asked.quota
