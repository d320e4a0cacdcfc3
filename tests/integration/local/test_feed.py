from urllib.parse import urljoin

import pytest
import requests

from local.feed import sample_feed


def get(url: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False  # loopback needs no proxy
        return session.get(url, timeout=60)


def test_the_pages_are_read_by_following_next() -> None:
    flow_ids: list[str] = []
    with sample_feed() as first:
        url, following = first, ""
        while following is not None:
            url = urljoin(url, following)
            response = get(url)
            assert response.headers["Content-Type"] == "application/json"
            page = response.json()
            flow_ids += [report["flow_id"] for report in page["items"]]
            following = page["next"]
    assert len(flow_ids) == 21
    assert len(set(flow_ids)) == 20


def test_the_feed_tells_about_itself() -> None:
    with sample_feed() as url:
        info = get(f"{url}/info").json()
    assert info["count"] == 21
    assert info.keys() == {"count", "length", "updated", "download_allowed"}


@pytest.mark.parametrize("target", ["?page=4", "?page=../README", "/nothing"])
def test_what_is_not_there_is_not_found(target: str) -> None:
    with sample_feed() as url:
        assert get(url + target).status_code == 404
