"""Scores of earlier forecasts as known on a study's date, and what moves its answers."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from trainload.catalogue.facts import load_catalogue
from trainload.demand.demand import estimate_demand
from trainload.forecast.forecast import forecast_power
from trainload.forecast.runs import load_frontier_runs
from trainload.scenario.models import Scenario
from trainload.study.scores import find_telling_year, rank_answers, score_forecast
from trainload.tables import TABLES

GENERATIONS = {
    "by_compute": {"wanted_on": "2024-01-01", "flop": 1e26},
    "by_power": {"wanted_on": "2025-01-01", "facility_peak_mw": 100.0},
}


def make_scenario(as_of: date, **more: object) -> Scenario:
    return Scenario.model_validate({"name": "test", "as_of": as_of, **more})


def test_nothing_after_the_study_date_is_scored() -> None:
    """Proves: as of March 2019 outcomes end in March 2019: one-year forecasts of 2018 alone, none two years ahead.

    If broken: a study of the past would know how its forecast turned out.
    """
    scores, notes = score_forecast(make_scenario(date(2019, 3, 31)))
    assert list(scores.columns) == list(TABLES["backtest"])
    assert scores["truth_on"].unique().tolist() == [date(2019, 3, 31)]
    recent = scores[scores["split"] != "early"]
    assert set(recent["horizon_years"]) == {1} and recent["n_forecasts"].eq(1).all()
    assert "holdout" not in set(scores["split"]) and "campus" not in set(scores["target"])
    assert any("another regime" in note.text for note in notes)


def test_too_early_a_date_leaves_the_table_empty_with_a_note() -> None:
    """Proves: as of 2013 there is nothing to score and the study goes on. If broken: a crash, or scores of nothing."""
    scores, notes = score_forecast(make_scenario(date(2013, 1, 1)))
    assert scores.empty and list(scores.columns) == list(TABLES["backtest"])
    assert [note.kind for note in notes] == ["limit"] and "2013-01-01" in notes[0].text


def test_a_runs_file_of_the_scenario_is_scored_in_place_of_the_catalogue(tmp_path: Path) -> None:
    """Proves: scores follow the user's own file. If broken: they describe the catalogue's runs instead."""
    rows = load_frontier_runs()
    rows = rows[rows["released_on"] < pd.Timestamp(2019, 7, 1)]
    told = pd.DataFrame(
        {
            "Model": rows["model"],
            "Organization": rows["developer"],
            "Publication date": rows["released_on"].dt.strftime("%Y-%m-%d"),
            "Training compute (FLOP)": rows["compute_flop"] * 10 ** (0.2 * (rows["released_on"].dt.year - 2010)),
            "Training power draw (W)": rows["rated_facility_mw"] * 1e6,
        }
    )
    told.to_csv(tmp_path / "runs.csv", index=False)
    scenario = make_scenario(date(2019, 7, 1), forecast={"runs": str(tmp_path / "runs.csv")})
    own, _ = score_forecast(scenario)
    catalogue, _ = score_forecast(make_scenario(date(2019, 7, 1)))
    keys = ["target", "horizon_years", "split", "model"]
    both = own.merge(catalogue, on=keys, suffixes=("", "_catalogue"))
    still = both[(both["target"] == "compute") & (both["model"] == "persistence")]
    assert (still["crps_oom"] > still["crps_oom_catalogue"] + 0.1).all() and len(still) > 0


def test_each_generation_has_drivers_of_what_it_leaves_open() -> None:
    """Proves: given FLOP the peak is ranked, given the peak the FLOP, each around its own value; widest first."""
    scenario = make_scenario(date(2023, 6, 1), programme={"generations": GENERATIONS}, forecast={"last_year": 2028})
    catalogue = load_catalogue(scenario.as_of)
    forecast = forecast_power(scenario)
    demand = estimate_demand(scenario, catalogue, generations=forecast.generations)
    drivers = rank_answers(scenario, forecast, demand, catalogue)
    year = find_telling_year(forecast)
    assert list(dict.fromkeys(drivers["result"])) == [
        f"record_run.{year}.p50_mw", f"record_run.{year}.p_ge_1gw", "by_compute.facility_peak_mw", "by_power.flop",
    ]  # fmt: skip
    first, second = demand.generations
    for key, value in (("by_compute.facility_peak_mw", first.facility_peak_mw), ("by_power.flop", second.flop)):
        part = drivers[drivers["result"] == key]
        assert part["result_mid"].unique() == pytest.approx([value])
        swing = part[["result_low", "result_high"]].sub(value).abs().max(axis=1)
        assert swing.is_monotonic_decreasing and swing.gt(0).all()
    settings = drivers.loc[drivers["driver"] == "island_chips", ["low_setting", "high_setting"]]
    assert settings.drop_duplicates().to_numpy().tolist() == [["8,192", "32,768"]]
