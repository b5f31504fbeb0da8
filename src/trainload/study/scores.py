"""How far a study's answers can be trusted: how earlier forecasts scored, and which inputs move its results most."""

from collections.abc import Hashable, Mapping
from datetime import date
from functools import cache
from typing import Any

import pandas as pd

from trainload.catalogue.facts import Catalogue
from trainload.demand.demand import Demand
from trainload.demand.drivers import Result, rank_drivers
from trainload.errors import DataError, Note
from trainload.forecast.backtest import Backtest, Target, backtest
from trainload.forecast.drivers import rank_forecast_drivers
from trainload.forecast.forecast import Forecast, choose_runs
from trainload.forecast.runs import CATALOGUE_SNAPSHOT_ON, hide_later, load_campuses
from trainload.scenario.models import Scenario
from trainload.tables import TABLES, empty_table
from trainload.units import unit_of

SCORED: tuple[Target, ...] = ("compute", "power", "campus")
# A generation that states its peak leaves its compute to be found, and one that states both its length.
GENERATION_RESULTS: tuple[Result, ...] = ("facility_peak_mw", "flop", "days")
LEAST_SWING_FRAC = 1e-3  # below: the draws' own noise
_MAX_DRAWS = 4096  # for each of some twenty evaluations
_RESULT_COLUMNS = ("result_low", "result_mid", "result_high")
_COLUMNS = {
    "horizon": "horizon_years",
    "crps": "crps_oom",
    "pinball": "pinball_oom",
    "cov50": "cov50_frac",
    "cov80": "cov80_frac",
    "bias": "bias_oom",
    "crps_less_mix": "crps_less_mix_oom",
    "crps_less_mix_se": "crps_less_mix_se_oom",
    "n": "n_forecasts",
}


def score_forecast(scenario: Scenario) -> tuple[pd.DataFrame, tuple[Note, ...]]:
    """Return how forecasts made this way scored over rolling origins before the scenario's date, with notes.

    Only rows dated to ``scenario.as_of`` are used, as fit and as outcome. With too few of them the table is empty and a
    note says so. A runs file of the scenario's own takes the catalogue's place.
    """
    own = None if scenario.forecast.runs is None else choose_runs(scenario, None)[0]
    try:
        if own is None:
            scored = _score_catalogue(scenario.as_of, scenario.seed)
        else:
            scored = _score(own, scenario.as_of, truth_on=None, seed=scenario.seed)
    except DataError as error:
        text = f"no earlier forecast can be scored on what was known on {scenario.as_of}: {error.problems[0].what}"
        return empty_table("backtest"), (Note("backtest", text, "limit"),)
    table = scored.scores.rename(columns=_COLUMNS).assign(truth_on=scored.truth_on)
    return table[list(TABLES["backtest"])], scored.notes


@cache
def _score_catalogue(as_of: date, seed: int) -> Backtest:
    """Return the scores on the catalogue's runs; the same for every study of that day."""
    rows, _ = choose_runs(Scenario.model_validate({"name": "catalogue", "as_of": as_of}), None)
    return _score(rows, as_of, truth_on=min(as_of, CATALOGUE_SNAPSHOT_ON), seed=seed)


def _score(rows: pd.DataFrame, as_of: date, *, truth_on: date | None, seed: int) -> Backtest:
    return backtest(
        hide_later(rows, as_of),
        target=SCORED,
        truth_on=truth_on,
        campuses=hide_later(load_campuses(), as_of, column="state_on"),
        seed=seed,
    )


def rank_answers(scenario: Scenario, forecast: Forecast, demand: Demand, catalogue: Catalogue) -> pd.DataFrame:
    """Return what moves the study's main answers most, one input at a time, the widest first within each answer.

    The answers: the record run's median and its odds of 1 GW in the year in which these are nearest to even; and of
    each generation the first of `GENERATION_RESULTS` that its scenario leaves open.

    Returns:
        The table ``drivers``.
    """
    rows = _rank_record(scenario, find_telling_year(forecast))
    for generation in demand.generations:
        for result in GENERATION_RESULTS:
            ranked = rank_drivers(generation.run.spec, catalogue, result=result)
            if not ranked.empty:
                rows += [_row_of_run(f"{generation.name}.{result}", result, row) for row in ranked.to_dict("records")]
                break
    return pd.DataFrame(rows, columns=list(TABLES["drivers"]))


def find_telling_year(forecast: Forecast) -> int:
    """Return the year in which the record run's odds of 1 GW are nearest to even: where inputs matter most for them."""
    rows = forecast.table.query("target == 'record_run' and model == 'trainload'")
    odds = dict(zip(rows["year"].astype(int), rows["p_ge_1gw"].astype(float), strict=True))
    return min(odds, key=lambda year: abs(odds[year] - 0.5))


def _rank_record(scenario: Scenario, year: int) -> list[dict[str, object]]:
    ranked = rank_forecast_drivers(scenario, year=year, n_draws=min(scenario.forecast.n_draws, _MAX_DRAWS))
    found: list[dict[str, object]] = []
    for measure, unit, (low, mid, high) in (
        ("p50_mw", "MW", ("at_low_mw", "at_mid_mw", "at_high_mw")),
        ("p_ge_1gw", "fraction", ("odds_low", "odds_mid", "odds_high")),
    ):
        swing = pd.concat([(ranked[side] - ranked[mid]).abs() for side in (low, high)], axis=1).max(axis=1)
        widest_first = ranked.assign(swing=swing).sort_values("swing", ascending=False, kind="stable")
        moved = widest_first[widest_first["swing"] > LEAST_SWING_FRAC * widest_first[mid]]
        key = f"record_run.{year}.{measure}"
        found += [_row_of_record(key, unit, (low, mid, high), row) for row in moved.to_dict("records")]
    return found


def _row_of_record(
    key: str, unit: str, columns: tuple[str, str, str], row: Mapping[Hashable, Any]
) -> dict[str, object]:
    return {
        "result": key,
        "driver": row["driver"],
        "label": row["label"],
        "low_setting": row["low"],
        "high_setting": row["high"],
        **{name: row[column] for name, column in zip(_RESULT_COLUMNS, columns, strict=True)},
        "result_unit": unit,
        "grade": row["grade"],
        "source": row["source"],
    }


def _row_of_run(key: str, result: Result, row: Mapping[Hashable, Any]) -> dict[str, object]:
    return {
        "result": key,
        "driver": row["parameter"],
        "label": row["label"],
        "low_setting": _write_setting(row["low"], row["unit"]),
        "high_setting": _write_setting(row["high"], row["unit"]),
        "result_low": row["at_low"],
        "result_mid": row["at_mid"],
        "result_high": row["at_high"],
        "result_unit": unit_of(result),
        "grade": row["grade"],
        "source": row["source"],
    }


def _write_setting(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if value >= 1000.0 else f"{value:.3g}"
    return number if unit in ("fraction", "count") else f"{number} {unit}"
