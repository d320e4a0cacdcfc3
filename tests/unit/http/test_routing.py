"""The route of a path."""

import pytest

from shared.http.routing import Route, find_route

ROUTES: tuple[Route[str], ...] = (
    Route("/v4/ip", {"POST": ""}),
    Route("/v4/ip/{ip:path}", {"GET": ""}),
    Route("/v4/hash/{hash}", {"GET": ""}),
    Route("/v4/hash/{hash}/badge", {"GET": ""}),
    Route("/v4/url/{url:any}", {"GET": ""}),
    Route("/v4/ioc/url/{value:any}/sightings", {"GET": ""}),
    Route("/", {"GET": ""}),
)


@pytest.mark.parametrize(
    ("path", "route", "value"),
    [
        ("/", "/", ""),
        ("////", "/", ""),
        ("/v4/ip", "/v4/ip", ""),
        ("//v4///ip//", "/v4/ip", ""),
        ("/v4/ip/2001:db8::7", "/v4/ip/{ip:path}", "2001:db8::7"),
        ("/v4/ip//192.0.2.0/24//", "/v4/ip/{ip:path}", "192.0.2.0/24"),
        ("/v4/hash/a/", "/v4/hash/{hash}", "a"),
        ("/v4/hash/a//badge", "/v4/hash/{hash}/badge", "a"),
        ("/v4/url/http://x//y//", "/v4/url/{url:any}", "http://x//y//"),
        ("/v4/url//x", "/v4/url/{url:any}", "x"),
        ("/v4/ioc/url/http://x//sightings/", "/v4/ioc/url/{value:any}/sightings", "http://x/"),
        (
            "/v4/ioc/url/http://x/sightings/sightings",
            "/v4/ioc/url/{value:any}/sightings",
            "http://x/sightings",
        ),
    ],
)
def test_the_route_of_a_path_and_its_value(path: str, route: str, value: str) -> None:
    found, in_path = find_route(ROUTES, path)
    assert found is not None
    assert (found.path, in_path) == (route, value)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "v4/ip",
        "/v4",
        "/v4/ipx/1",
        "/v4/hash",
        "/v4/hash/a/b",
        "/v4/hash/a/badge/b",
        "/v4/url",
        "/v4/ioc/url/sightings",
        "/v4/ioc/url/http://x",
        "/" * 8000 + "x",
        "/v4/hash" + "/a" * 4000,
    ],
)
def test_a_path_without_a_route(path: str) -> None:
    assert find_route(ROUTES, path) == (None, "")
