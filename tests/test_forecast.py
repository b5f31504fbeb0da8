"""The forecast stage: consistent seeded draws, odds that never fall, nothing later than as_of, every column filled."""

import time
from datetime import date

import numpy as np
import pandas as pd
import pytest

from trainload.errors import DataError
from trainload.forecast.forecast import Forecast, forecast_power
from trainload.forecast.references import FACILITY_PEAK_PER_RATED, compare_with_cities, follow_article
from trainload.forecast.runs import load_campuses, load_cities, load_frontier_runs
from trainload.scenario.models import Scenario
from trainload.tables import TABLES, check_table

YEARS = range(2026, 2033)


def scenario(**changes: object) -> Scenario:
    return Scenario.model_validate({"name": "test", "as_of": date(2026, 11, 1), **changes})


@pytest.fixture(scope="module")
def forecast() -> Forecast:
    return forecast_power(scenario(), n_draws=2048)


def part(table: pd.DataFrame, target: str, model: str) -> pd.DataFrame:
    return table[(table["target"] == target) & (table["model"] == model)].sort_values("year")


def test_the_table_has_the_study_folders_columns_and_every_target_beside_a_second_model(forecast: Forecast) -> None:
    """Proves: report and CLI can read the table. If broken: a column or a target is missing from the study folder."""
    assert list(check_table("forecast", forecast.table).columns) == list(TABLES["forecast"])
    for target in ("record_run", "largest_campus", "programme"):
        for model in ("trainload", "local_trend"):
            rows = part(forecast.table, target, model)
            assert list(rows["year"]) == list(YEARS)
            assert rows.notna().all(axis=None)
    assert forecast.basis == "facility_peak"


def test_odds_of_a_record_never_fall_with_the_year_in_any_model(forecast: Forecast) -> None:
    """Proves: a record stays a record, draw by draw. If broken: P(>= 1 GW) of 2030 lies below that of 2029."""
    for _, rows in forecast.table[forecast.table["model"] != "article"].groupby(["target", "model"]):
        ordered = rows.sort_values("year")
        for column in ("p_ge_1gw", "p_ge_5gw", "p10_mw", "p50_mw", "p90_mw"):
            assert np.all(np.diff(ordered[column]) >= 0), column
    for paths in (forecast.draws.record_mw, forecast.draws.record_flop, forecast.draws.campus_mw):
        assert np.all(np.diff(paths, axis=1) >= 0)


def test_one_draw_is_one_consistent_future(forecast: Forecast) -> None:
    """Proves: no run is longer than nine months (once bent), none passes its campus, no programme passes the record.

    If broken: compute and power are drawn apart, and the median run of 2029 lasts 550 days.
    """
    draws = forecast.draws
    assert np.quantile(draws.record_run_days, 0.999) < 300
    later = slice(1, None)  # in the first weeks the present record stands, whatever the campus
    assert np.all(draws.record_mw[:, later] <= np.maximum(draws.campus_mw[:, later], 1.6 * 306.7) * 1.001)
    first_gigawatt = draws.programme_mw >= 1000
    assert np.all(draws.record_mw[first_gigawatt] >= 1000 * 0.98)


def test_a_draw_does_not_depend_on_how_many_are_drawn_and_a_seed_repeats() -> None:
    """Proves: draw i is the same for any n. If broken: a study with more draws is another study."""
    few = forecast_power(scenario(), n_draws=256).draws
    many = forecast_power(scenario(), n_draws=1024).draws
    for name in ("record_flop", "record_mw", "campus_mw", "programme_mw"):
        np.testing.assert_allclose(getattr(few, name), getattr(many, name)[:256], rtol=1e-12)
    other = forecast_power(scenario(seed=2), n_draws=256).draws
    assert not np.allclose(few.record_mw, other.record_mw)


def test_nothing_later_than_as_of_is_seen_in_any_table() -> None:
    """Proves: as_of hides later rows of runs and campuses. If broken: the 2024 forecast knows the run of 2026."""
    runs, campuses = load_frontier_runs(), load_campuses()
    on = pd.Timestamp("2024-11-01")
    then = scenario(as_of=date(2024, 11, 1))
    whole = forecast_power(then, runs=runs, campuses=campuses, n_draws=512)
    cut = forecast_power(
        then, runs=runs[runs["released_on"] <= on], campuses=campuses[campuses["known_on"] <= on], n_draws=512
    )
    pd.testing.assert_frame_equal(whole.table, cut.table)
    # the record of that day: Gemini 1.0 Ultra, 38.42 MW rated, times 1810/1381
    record = part(whole.table, "record_run", "trainload").iloc[0]
    assert record["p25_mw"] < 38.42 * FACILITY_PEAK_PER_RATED < record["p90_mw"]


def test_the_powered_line_is_the_wanted_one_under_the_arrival_cap(forecast: Forecast) -> None:
    """Proves: the cap cuts draws, not quantiles of nothing. If broken: 'powered' passes what can arrive."""
    cap = dict.fromkeys(YEARS, 800.0)
    capped = forecast_power(scenario(), arrival_cap_mw=cap, n_draws=2048)
    assert capped.powered is not None
    assert capped.powered["p90_mw"].max() == pytest.approx(800.0)
    assert (capped.powered["p_ge_1gw"] == 0).all()
    wanted = part(capped.table, "programme", "trainload").reset_index(drop=True)
    pd.testing.assert_frame_equal(wanted, part(forecast.table, "programme", "trainload").reset_index(drop=True))
    assert (capped.powered["p50_mw"].to_numpy() <= wanted["p50_mw"].to_numpy() + 1e-9).all()
    by_draw = np.full((2048, len(YEARS)), 1e9)
    by_draw[:, :3] = 0.0
    part_capped = forecast_power(scenario(), arrival_cap_mw=by_draw, n_draws=2048).powered
    assert part_capped is not None
    assert (part_capped["p90_mw"].iloc[:3] == 0).all()
    np.testing.assert_allclose(part_capped["p50_mw"].iloc[3:], wanted["p50_mw"].iloc[3:])


@pytest.mark.parametrize("cap", [np.ones(3), np.full(7, -1.0), np.full(7, np.nan), {2026: 1.0}])
def test_a_cap_that_does_not_fit_is_an_error(cap: object) -> None:
    """Proves: a cap of the wrong years is refused. If broken: it is broadcast in silence."""
    with pytest.raises(DataError, match="arrival_cap_mw"):
        forecast_power(scenario(), arrival_cap_mw=cap, n_draws=256)  # type: ignore[arg-type]


def test_the_article_reaches_five_gigawatts_in_five_years() -> None:
    """Proves: 3 generations x 20 months = 60 months. If broken: the labelled reference is not the article's.

    October 2024 + 60 months = October 2029, so that the end of 2029 stands at 5 GW and the end of 2028 below; the fast
    case (7 months) is there after 21 months, by the end of 2026.
    """
    rows = follow_article(load_frontier_runs(), date(2026, 11, 1), tuple(YEARS))
    assert rows is not None
    by_year = rows.set_index("year")
    assert by_year.loc[2029, "p50_mw"] == pytest.approx(5000)
    assert by_year.loc[2028, "p50_mw"] < 3000
    assert by_year.loc[2026, "p90_mw"] == pytest.approx(5000)
    assert rows[["p_ge_1gw", "p_ge_5gw"]].isna().all(axis=None)
    assert follow_article(load_frontier_runs(), date(2024, 1, 1), (2024,)) is None


def test_cities_are_compared_average_with_average(forecast: Forecast) -> None:
    """Proves: 1 GW of facility peak averages 580 MW, San Francisco's average. If broken: average against peak."""
    cities = compare_with_cities(forecast.table, load_cities()).set_index("what")
    assert cities.loc["1 GW", "facility_average_mw"] == pytest.approx(1000 * 1050 / 1810)
    assert cities.loc["1 GW", "city"].startswith("San Francisco")
    assert (cities["times_city_frac"].between(0.4, 2.5) | (cities["facility_peak_mw"] < 400)).all()


def test_a_programme_starts_from_its_developer_or_its_first_sized_generation() -> None:
    """Proves: the start is the developer's largest run, else the scenario's. If broken: a lab inherits the record."""
    amazon = forecast_power(scenario(programme={"developer": "Amazon"}), n_draws=256)
    first = part(amazon.table, "programme", "trainload").iloc[0]
    assert first["p10_mw"] == pytest.approx(10.93 * FACILITY_PEAK_PER_RATED, rel=1e-3)  # Amazon Titan
    own = {"G1": {"wanted_on": date(2028, 7, 1), "facility_peak_mw": 1000}}
    lab = forecast_power(scenario(programme={"developer": "A new lab", "generations": own}), n_draws=256)
    rows = part(lab.table, "programme", "trainload").set_index("year")
    assert rows.loc[2028, "p90_mw"] == 0  # released in February 2029
    assert rows.loc[2029, "p10_mw"] == pytest.approx(1000)
    assert any("G1" in note.text for note in lab.notes)


def test_a_new_frontier_model_is_smaller_than_the_record_on_average(forecast: Forecast) -> None:
    """Proves: a release is the line with its scatter, the record the best of many. If broken: both are one number."""
    record = part(forecast.table, "record_run", "trainload")["p50_mw"].to_numpy()
    frontier = forecast.frontier
    assert list(frontier["year"]) == list(YEARS)
    assert np.all(frontier["p50_mw"].to_numpy()[1:4] < record[1:4])
    assert np.all(np.diff(frontier["p50_flop"]) > 0)
    assert (frontier["p90_flop"] > 5 * frontier["p10_flop"]).all()


def test_generations_come_later_and_larger(forecast: Forecast) -> None:
    """Proves: the drawn cadence is ordered. If broken: the third generation is wanted before the second."""
    rows = forecast.generations
    assert list(rows["name"]) == [f"next_{k}" for k in range(1, 7)]
    for column in ("wanted_p50_on", "p50_flop", "facility_peak_p50_mw"):
        assert rows[column].is_monotonic_increasing, column


def test_too_few_rows_say_so() -> None:
    """Proves: a forecast from nothing is an error with its fix. If broken: a traceback out of numpy."""
    with pytest.raises(DataError, match="too few rows"):
        forecast_power(scenario(as_of=date(2010, 7, 1)), n_draws=256)
    blind = load_frontier_runs().assign(rated_facility_mw=np.nan)
    with pytest.raises(DataError, match="no row discloses power"):
        forecast_power(scenario(), runs=blind, n_draws=256)


def test_a_hundred_thousand_joint_draws_take_two_seconds_or_less() -> None:
    """Proves: both models, three targets, seven years. If broken: an interactive study stalls."""
    start = time.process_time()
    result = forecast_power(scenario(), n_draws=100_000)
    assert time.process_time() - start <= 2.0 * 1.25  # a quarter for a busy machine
    assert result.draws.record_mw.shape == (100_000, len(YEARS))
