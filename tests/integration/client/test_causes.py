"""Errors of connections name their cause and the host."""

import ssl

import pytest
import trustme

from shared.client import ApiUnavailable, DeadlinePassed, ReputationClient
from shared.domain.indicator import IndicatorType, parse
from tests.feed_server import FeedServer, reset, stall

IP = parse(IndicatorType.IP, "203.0.113.7")


def cause(url: str, **options: float) -> str:
    once = {"max_retries": 0, "read_timeout_s": 0.2, **options}
    with (
        ReputationClient(url, "key", **once) as client,  # type: ignore[arg-type]
        pytest.raises(ApiUnavailable) as error,
    ):
        client.look_up(IP)
    assert not isinstance(error.value, DeadlinePassed)
    return str(error.value)


def test_host_without_an_address() -> None:
    assert cause("http://nowhere.invalid:81") == "nowhere.invalid has no address"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_untrusted_certificate(host: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(host).configure_cert(context)
    with FeedServer(tls=context) as server:
        assert cause(f"https://{host}:{server.port}") == (
            f"TLS certificate of {host} is not trusted: unable to get local issuer certificate"
        )


def test_server_that_closes_the_connection_or_is_silent() -> None:
    with FeedServer() as server:
        place = f"127.0.0.1:{server.port}"
        path = f"/v4/ip/{IP.value}"
        server.answer(path, reset())
        assert cause(f"http://{place}") == f"{place} closed the connection"
        server.answer(path, stall())
        assert cause(f"http://{place}") == f"no answer from {place} in time"
