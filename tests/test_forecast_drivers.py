"""What moves the forecast most."""

from datetime import date

import pandas as pd
import pytest

from trainload.errors import DataError
from trainload.forecast.drivers import rank_forecast_drivers
from trainload.forecast.forecast import forecast_power
from trainload.forecast.references import FACILITY_PEAK_PER_RATED
from trainload.scenario.models import Scenario

SCENARIO = Scenario.model_validate({"name": "test", "as_of": date(2026, 11, 1)})


@pytest.fixture(scope="module")
def drivers() -> pd.DataFrame:
    return rank_forecast_drivers(SCENARIO, year=2028, n_draws=512).set_index("driver")


def test_the_middle_is_the_forecast_itself(drivers: pd.DataFrame) -> None:
    """Proves: the tornado turns around the published median. If broken: it explains another forecast."""
    table = forecast_power(SCENARIO, n_draws=512).table
    row = table[(table["target"] == "record_run") & (table["model"] == "trainload") & (table["year"] == 2028)].iloc[0]
    assert drivers["at_mid_mw"].unique() == pytest.approx([row["p50_mw"]])
    assert drivers["odds_mid"].unique() == pytest.approx([row["p_ge_1gw"]])


def test_each_side_moves_the_way_its_name_says(drivers: pd.DataFrame) -> None:
    """Proves: rated power is 1381/1810 of facility peak exactly; more releases, shorter runs, no bound mean more MW."""
    rated = drivers.loc["definition"]
    assert rated["at_low_mw"] == pytest.approx(rated["at_mid_mw"] / FACILITY_PEAK_PER_RATED)
    for name in ("disclosure", "run_length", "efficiency", "scatter"):
        row = drivers.loc[name]
        assert row["at_low_mw"] < row["at_mid_mw"] < row["at_high_mw"], name
        assert row["odds_low"] <= row["odds_high"], name
    assert drivers.loc["campus", "at_high_mw"] >= drivers.loc["campus", "at_mid_mw"]


def test_the_widest_comes_first_and_each_has_a_grade(drivers: pd.DataFrame) -> None:
    """Proves: ranked by swing, with source and grade. If broken: the report's tornado is out of order."""
    assert drivers["swing_oom"].is_monotonic_decreasing
    assert drivers[["grade", "source", "label"]].ne("").all(axis=None)


def test_a_year_outside_the_forecast_is_an_error() -> None:
    """Proves: the year is checked. If broken: an index error."""
    with pytest.raises(DataError, match="is not forecast"):
        rank_forecast_drivers(SCENARIO, year=2060, n_draws=256)
