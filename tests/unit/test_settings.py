import pytest

from functions.export.settings import ExportSettings
from shared.domain.verdict import Verdict
from shared.runtime import settings
from shared.runtime.secret import Secret
from shared.runtime.settings import SettingsError


def test_texts_names_flags_and_numbers_are_read() -> None:
    env = {"A": "a", "LIST": " a, b,,a ", "FLAG": "true", "COUNT": "60"}
    assert settings.text(env, "A") == "a"
    assert settings.names(env, "LIST") == ("a", "b")
    assert settings.flag(env, "FLAG")
    assert settings.number(env, "COUNT", "seconds") == 60


def test_what_need_not_be_there_is_nothing() -> None:
    for env in ({}, {"A": ""}):
        assert settings.names(env, "A") == ()
        assert settings.optional_url(env, "A") == ""
        assert settings.number(env, "A", "days") == 0
        assert not settings.flag(env, "A")
        assert Secret(env, "A").read() == ""
    assert not settings.flag({"A": "yes"}, "A")


def test_what_cannot_be_used_is_named_and_not_told() -> None:
    env = {"EMPTY": "", "A": "1e3"}
    for name in ("EMPTY", "MISSING"):
        with pytest.raises(SettingsError, match=f"^{name} is not set$"):
            settings.text(env, name)
    with pytest.raises(SettingsError, match=r"^A is not a number of days$"):
        settings.number(env, "A", "days")
    for read in (settings.url, settings.optional_url):
        with pytest.raises(SettingsError, match=r"^A is not an http or https address$"):
            read(env, "A")


EXPORTS = {"TABLE_NAME": "iocs", "STATE_TABLE_NAME": "state", "EXPORT_BUCKET": "exports"}


@pytest.mark.parametrize(("value", "tlp"), [("", "amber"), ("red", "red")])
def test_exports_are_amber_unless_said_otherwise(value: str, tlp: str) -> None:
    env = {**EXPORTS, "EXPORT_TLP": value}
    assert ExportSettings(env).tlp == tlp


def test_a_tlp_that_there_is_not_is_refused() -> None:
    env = {**EXPORTS, "EXPORT_TLP": "white"}
    with pytest.raises(SettingsError, match=r"^EXPORT_TLP is not one of clear, green, amber, red$"):
        ExportSettings(env)


@pytest.mark.parametrize(
    ("value", "verdict"), [("", Verdict.LIKELY_MALICIOUS), ("SUSPICIOUS", Verdict.SUSPICIOUS)]
)
def test_indicators_begin_at_likely_malicious_unless_set(value: str, verdict: Verdict) -> None:
    assert ExportSettings({**EXPORTS, "EXPORT_LEAST_VERDICT": value}).least_verdict is verdict


@pytest.mark.parametrize("value", ["BENIGN", "NO_THREAT", "suspicious", "3"])
def test_no_harmless_verdict_makes_an_indicator(value: str) -> None:
    with pytest.raises(SettingsError, match=r"^EXPORT_LEAST_VERDICT is not one of SUSPICIOUS, "):
        ExportSettings({**EXPORTS, "EXPORT_LEAST_VERDICT": value})


def test_a_secret_is_in_its_parameter_or_else_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "shared.runtime.secret.get_parameter", lambda name, **_: f"what is at {name}"
    )
    assert Secret({"KEY": "here"}, "KEY").read() == "here"
    assert Secret({"KEY": "here", "KEY_PARAMETER": ""}, "KEY").read() == "here"
    there = {"KEY": "here", "KEY_PARAMETER": "/keys/feed"}
    assert Secret(there, "KEY").read() == "what is at /keys/feed"
