from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from iocrep.errors import UsageError
from iocrep.settings import DEFAULTS, SECRET, Settings, read_file, warning

PATH = Path("/etc/iocrep.toml")
API: dict[str, Any] = {"url": "https://api.example/v4", "api_key": "secret"}


def settings(
    flags: Mapping[str, str | None] = {}, environ: Mapping[str, str] = {}, /, **file: Any
) -> Settings:
    return Settings(flags, environ, file, PATH)


def test_the_file_loses_to_the_environment_and_that_to_a_flag() -> None:
    for name in DEFAULTS:
        variable = f"IOCREP_{name.upper()}"
        file: dict[str, Any] = {name: "file"}
        environ, flags = {variable: "environment"}, {name: "flag"}
        assert settings({name: None}, {}, **file).each[name].source == str(PATH)
        assert settings({name: None}, environ, **file).each[name].value == "environment"
        found = settings(flags, environ, **file).each[name]
        assert (found.value, found.source) == ("flag", f"--{name.replace('_', '-')}")


def test_an_empty_variable_is_none() -> None:
    assert (
        settings({}, {"IOCREP_URL": ""}, url="https://file.example").url == "https://file.example"
    )


def test_no_key_is_ever_shown() -> None:
    assert {name for name in DEFAULTS if "key" in name} == SECRET
    for setting in (
        settings(api_key="s").each["api_key"],
        settings(api_key="s" * 99).each["api_key"],
    ):
        assert setting.shown("api_key") == "********"
    assert settings().each["api_key"].shown("api_key") == ""


@pytest.mark.parametrize("name", ["url", "api_key"])
def test_what_is_missing_is_told_with_every_place_to_put_it(name: str) -> None:
    with pytest.raises(UsageError) as error:
        getattr(settings(), name)
    for place in (f"IOCREP_{name.upper()}", str(PATH), f"--{name.replace('_', '-')}"):
        assert place in str(error.value)


def test_the_feed_is_the_services_own_unless_another_is_set() -> None:
    for url in ("https://api.example", "https://api.example/v4", "https://api.example/v4/"):
        assert settings(url=url).feed_url == "https://api.example/feed/reports"
    assert settings(**API, feed_url="https://b.example/f").feed_url == "https://b.example/f"


@pytest.mark.parametrize(
    ("feed", "key"),
    [
        ("https://api.example/feed/reports", "secret"),
        ("https://other.example/feed/reports", ""),
        ("http://api.example/feed/reports", ""),
        ("https://api.example:8443/feed/reports", ""),
    ],
)
def test_the_key_of_the_api_goes_to_no_other_host(feed: str, key: str) -> None:
    assert settings(**API, feed_url=feed).feed_api_key == key
    assert settings(**API, feed_url=feed, feed_api_key="own").feed_api_key == "own"


@pytest.mark.parametrize(
    "feed", ["ftp://a.example/", "http://", "http://[", "http://a.example:x/", "a"]
)
def test_a_feed_that_cannot_be_asked_is_refused(feed: str) -> None:
    for found in (settings(feed_url=feed), settings(**API | {"url": feed})):
        with pytest.raises(UsageError, match="not an http or https address"):
            _ = found.feed_url


def test_a_feed_alone_is_enough() -> None:
    alone = settings(feed_url="https://b.example/f", feed_api_key="own")
    assert (alone.feed_url, alone.feed_api_key) == ("https://b.example/f", "own")


@pytest.mark.parametrize("value", ["soon", "0", "-1", "nan", "1e9"])
def test_a_timeout_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match=r"^timeout \(--timeout\)"):
        _ = settings({"timeout": value}).timeout_s
    assert settings(timeout=5).timeout_s == 5


def test_a_file_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown setting api-key"):
        settings({}, {}, **{"api-key": "secret"})
    with pytest.raises(UsageError, match="url is not a string"):
        settings(url=["a"])
    path = tmp_path / "config.toml"
    assert read_file(path) == {}
    path.write_text("api_key = secret\n")
    with pytest.raises(UsageError, match="cannot be read as TOML") as error:
        read_file(path)
    assert "secret" not in str(error.value)


def test_a_key_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('api_key = "secret"\n')
    for mode, warned in ((0o600, False), (0o640, True), (0o604, True)):
        path.chmod(mode)
        said = warning(path, read_file(path))
        assert bool(said) == warned
        assert "secret" not in said
    assert warning(path, {"url": "https://api.example"}) == ""
