"""The settings of half-lives."""

import pytest

from shared.domain.indicator_types import HASH_TYPES, IndicatorType
from shared.runtime.half_lives import read_half_lives
from shared.runtime.settings import SettingsError


def test_empty_settings_have_the_defaults() -> None:
    found = read_half_lives({"HALF_LIFE_IP": ""})
    assert {found[kind] for kind in HASH_TYPES} == {0}
    assert found[IndicatorType.DOMAIN] == 90
    assert found[IndicatorType.URL] == 60
    assert found[IndicatorType.IP] == 30


def test_settings_are_days_by_type() -> None:
    found = read_half_lives(
        {
            "HALF_LIFE_HASH": "365",
            "HALF_LIFE_DOMAIN": "9",
            "HALF_LIFE_URL": "8",
            "HALF_LIFE_IP": "0",
        }
    )
    assert {found[kind] for kind in HASH_TYPES} == {365}
    assert found[IndicatorType.DOMAIN] == 9
    assert found[IndicatorType.URL] == 8
    assert found[IndicatorType.IP] == 0


def test_a_setting_that_is_not_a_number_is_named() -> None:
    with pytest.raises(SettingsError, match="HALF_LIFE_URL is not a number of days"):
        read_half_lives({"HALF_LIFE_URL": "-1"})
