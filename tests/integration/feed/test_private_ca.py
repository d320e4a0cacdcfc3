"""A sandbox on one's own premises: TLS from a private CA, at an address that is not public."""

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from functions.publish.poll import search_url
from local.handlers import run_timer
from local.ingest import run_once
from shared.domain.errors import FeedError
from shared.formats.feed.scan_report import report_url, scan_url
from shared.http.fetch import FeedClient
from shared.http.private_ca import PrivateCa
from shared.runtime.settings import SettingsError
from tests.builders import raw_ioc, raw_report
from tests.command_line import run_local
from tests.conftest import Store
from tests.fakes import json_page
from tests.feed_server import PATH, FeedServer, page
from tests.ingestion import model, stored
from tests.publishing import feed, names
from tests.scans import REPORT_ID, body_of, raw_scan, raw_scan_report

REPORTS = [raw_report("flow-1", iocs={"domain": [raw_ioc("bad.example")]})]
BODY = json_page(REPORTS)
NOT_TRUSTED = "its certificate is not trusted"
NOT_PUBLIC = "the feed's host has an address that is not on the internet"


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA(organization_name="Private CA")


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def server(ca: trustme.CA) -> Iterator[FeedServer]:
    """A server at a private address with a certificate from the private CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    with FeedServer(tls=context) as running:
        running.answer(PATH, page(BODY))
        yield running


@pytest.fixture
def configured(
    server: FeedServer,
    ca_file: str,
    engine_store: Store,
    fresh_handlers: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Store:
    """The store of handlers that have every setting that the server needs."""
    own = {"FEED_URL": server.url, "FEED_CA_FILE": ca_file, "FEED_ALLOW_PRIVATE": "true"}
    for name, value in {**engine_store.env(), **own}.items():
        monkeypatch.setenv(name, value)
    return engine_store


def test_the_feed_is_read_with_the_settings(configured: Store) -> None:
    assert run_once(60)["complete"]
    assert stored(configured) == model(REPORTS)


@pytest.mark.parametrize(
    ("name", "value", "reason", "connections"),
    [("FEED_CA_FILE", "", NOT_TRUSTED, 1), ("FEED_ALLOW_PRIVATE", "false", NOT_PUBLIC, 0)],
)
def test_the_feed_is_refused_without_either_setting(
    configured: Store,
    server: FeedServer,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    reason: str,
    connections: int,
) -> None:
    monkeypatch.setenv(name, value)
    summary = run_once(60)
    assert not summary["complete"]
    assert reason in summary["stopped"]
    assert (server.connections, server.requests) == (connections, [])
    assert stored(configured) == {}


def test_the_command_reads_it_with_the_settings_and_refuses_it_without(
    configured: Store, server: FeedServer, ca_file: str, engine: str
) -> None:
    """`python -m local ingest`, which allows private addresses unless a setting forbids it."""
    env = {
        **configured.env(),
        "SEARCH_TABLE_NAME": "",
        "AWS_ENDPOINT_URL_DYNAMODB": engine,
        "FEED_URL": server.url,
    }

    def ingest(**variables: str) -> tuple[int, str]:
        ended = run_local("ingest", **env, **variables)
        return ended.returncode, json.loads(ended.stdout)["stopped"]

    status, stopped = ingest()
    assert (status, NOT_TRUSTED in stopped) == (1, True)
    assert ingest(FEED_CA_FILE=ca_file, FEED_ALLOW_PRIVATE="false") == (1, NOT_PUBLIC)
    assert stored(configured) == {}
    assert ingest(FEED_CA_FILE=ca_file) == (0, "")
    assert stored(configured) == model(REPORTS)


def test_the_certificates_come_from_the_parameter_store_on_aws(
    configured: Store, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {"/sandbox/ca": Path(ca_file).read_text(encoding="utf-8")}
    monkeypatch.setattr("shared.runtime.secret.get_parameter", lambda name, **_: kept[name])
    monkeypatch.setenv("FEED_CA_FILE", "")
    monkeypatch.setenv("FEED_CA_PARAMETER", "/sandbox/ca")
    assert run_timer("ingest", 60)["complete"]
    assert stored(configured) == model(REPORTS)


def test_links_of_the_feed_are_followed_with_the_settings(
    configured: Store, server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = server.url.removesuffix(PATH)
    entry = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>urn:1</id><title>a</title>'
        f'<updated>2025-06-01T08:00:00Z</updated><link href="{base}/uploads/flow-1/reports/r/x"/>'
        "</entry></feed>"
    )
    monkeypatch.setenv("FEED_API_KEY", "the-key")
    server.answer(PATH, page(entry.encode()))
    target = report_url(server.url, "flow-1").removeprefix(base)
    server.answer(target, page(scan("flow-1")))
    assert run_once(60)["complete"]
    assert target in server.asked()
    assert stored(configured)


def scan(flow_id: str) -> bytes:
    return body_of(raw_scan(raw_scan_report(), flow_id=flow_id))


@pytest.mark.parametrize("trusted", [True, False])
def test_the_sandbox_is_polled_with_the_settings_only(
    configured: Store, server: FeedServer, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    base = server.url.removesuffix(PATH)
    listed = body_of({"items": [{"id": REPORT_ID, "scan_init": {"id": "a"}}]})
    server.answer(search_url(base, 1).removeprefix(base), page(listed))
    server.answer(scan_url(base, "a").removeprefix(base), page(scan("a")))
    monkeypatch.setenv("SANDBOX_URL", base)
    monkeypatch.setenv("SANDBOX_API_KEY", "the-key")
    if not trusted:
        monkeypatch.setenv("FEED_CA_FILE", "")
    polled = run_timer("publish", 60)
    assert polled["complete"] is trusted
    assert (NOT_TRUSTED in polled["stopped"]) is not trusted
    assert names(feed(configured)) == ([f"a/{REPORT_ID}"] if trusted else [])


def get(server: FeedServer, **options: Any) -> bytes:
    return (
        FeedClient(server.url, "", lambda: 20, allow_private=True, **options).get(server.url).body
    )


def test_only_the_client_that_was_given_the_ca_trusts_it(
    server: FeedServer, ca: trustme.CA
) -> None:
    assert get(server, private_ca=ca.cert_pem.bytes().decode()) == BODY
    with pytest.raises(FeedError, match=NOT_TRUSTED):
        get(server)


def test_the_ca_of_another_is_not_trusted(server: FeedServer) -> None:
    with pytest.raises(FeedError, match=NOT_TRUSTED):
        get(server, private_ca=trustme.CA().cert_pem.bytes().decode())


def test_the_name_is_checked_all_the_same(server: FeedServer, ca: trustme.CA) -> None:
    url = server.url.replace("127.0.0.1", "localhost")
    pem = ca.cert_pem.bytes().decode()
    with pytest.raises(FeedError, match="Hostname mismatch"):
        FeedClient(url, "", lambda: 20, allow_private=True, private_ca=pem).get(url)


def certificates_as_openssl_makes_them(directory: Path) -> tuple[str, Path]:
    """The PEM of a CA without a key usage, and a file with a server's key and certificate."""
    now = datetime.now(UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    ca_name, name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("ca", "server")
    )

    def signed(subject: x509.Name, key: Any, extension: Any, critical: bool) -> bytes:
        builder = x509.CertificateBuilder(
            ca_name, subject, key.public_key(), x509.random_serial_number()
        )
        return (
            builder.not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(extension, critical=critical)
            .sign(keys[0], hashes.SHA256())
            .public_bytes(Encoding.PEM)
        )

    ca = signed(ca_name, keys[0], x509.BasicConstraints(ca=True, path_length=None), critical=True)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    server = signed(name, keys[1], address, critical=False)
    path = directory / "server.pem"
    path.write_bytes(
        keys[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + server
    )
    return ca.decode(), path


def test_a_ca_that_openssl_made_is_trusted_under_python_3_13(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lacks extensions that Python 3.13, which the functions run on, asks for by default."""
    default = ssl.create_default_context

    def strict(**options: Any) -> ssl.SSLContext:
        context = default(**options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    pem, path = certificates_as_openssl_makes_them(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with FeedServer(tls=context) as server:
        server.answer(PATH, page(BODY))
        assert get(server, private_ca=pem) == BODY


@pytest.mark.parametrize("content", ["", "no certificate", "né"])
def test_what_is_not_a_certificate_is_refused_as_a_setting(tmp_path: Path, content: str) -> None:
    path = tmp_path / "ca.pem"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"FEED_CA_FILE names contains no certificate in PEM$"):
        PrivateCa({"FEED_CA_FILE": str(path)}, "FEED_CA").read()


def test_a_file_that_is_missing_is_refused_as_a_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"FEED_CA_FILE names: FileNotFoundError$"):
        PrivateCa({"FEED_CA_FILE": str(tmp_path / "none.pem")}, "FEED_CA").read()
