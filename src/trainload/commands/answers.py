"""`trainload demand`, `trainload forecast` and `trainload backtest`: one stage each, printed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pandas as pd

from trainload.commands.scenarios import read_scenario
from trainload.commands.screen import print_json, print_notes, print_table
from trainload.forecast.backtest import HORIZONS_YEARS, TARGETS, Target, backtest
from trainload.forecast.forecast import forecast_power
from trainload.forecast.runs import import_runs

_TARGET_LABELS = {
    "record_run": "record run: the largest training run by the end of the year",
    "largest_campus": "largest campus: the largest facility by the end of the year",
    "programme": "programme: this developer's own largest generation by the end of the year",
}


def print_forecast(name: str, sets: Sequence[str], *, variant: str | None, as_json: bool) -> None:
    """Print percentiles and odds of each target by year, from both models."""
    loaded = read_scenario(name, sets, variant=variant)
    found = forecast_power(loaded.scenario)
    if as_json:
        print_json(
            {
                "scenario": loaded.scenario.name,
                "as_of": found.as_of,
                "seed": loaded.scenario.seed,
                "basis": found.basis,
                "table": found.table,
                "compute": found.compute,
                "generations": found.generations,
                "notes": found.notes,
            }
        )
        return
    print(f"Training power as known on {found.as_of}; MW are {found.basis}.")
    columns = {
        "year": "year",
        "model": "model",
        "p10_mw": "P10 MW",
        "p50_mw": "P50 MW",
        "p90_mw": "P90 MW",
        "p_ge_1gw": ">= 1 GW",
        "p_ge_5gw": ">= 5 GW",
    }
    for target, rows in found.table.groupby("target", sort=False):
        print(f"\n{_TARGET_LABELS.get(str(target), str(target))}")
        print_table([_earned_digits(row) for row in rows.to_dict("records")], columns)
    print()
    print_notes(found.notes)


def _earned_digits(row: Mapping[Any, Any]) -> dict[str, str]:
    """Return a row of the forecast as text: MW to two significant digits, odds in whole per cent."""
    shown = {"year": str(row["year"]), "model": str(row["model"])}
    for name in ("p10_mw", "p50_mw", "p90_mw"):
        shown[name] = f"{float(f'{row[name]:.2g}'):,.0f}"
    for name in ("p_ge_1gw", "p_ge_5gw"):
        odds = row[name]
        if pd.isna(odds):
            shown[name] = ""
        else:
            shown[name] = "< 1 %" if odds < 0.01 else "> 99 %" if odds > 0.99 else f"{odds:.0%}".replace("%", " %")
    return shown


def print_backtest(
    *,
    runs: Path | None,
    truth: Path | None,
    targets: Sequence[str] | None,
    origins: Sequence[float] | None,
    horizons: Sequence[int] | None,
    as_json: bool,
) -> None:
    """Print the scores of the forecast and of the naive baselines, by target and horizon."""
    before = None if runs is None else import_runs(runs)
    after = None if truth is None else import_runs(truth)
    found = backtest(
        None if before is None else before.rows,
        target=cast(Sequence[Target], targets or TARGETS),
        origins=origins,
        horizons=horizons or HORIZONS_YEARS,
        truth=None if after is None else after.rows,
        truth_on=None if after is None else after.snapshot_on,
    )
    if as_json:
        print_json(found.to_json())
        return
    print(f"Forecasts scored against what was known on {found.truth_on}; trainload {found.version}. OOM: log10 units.")
    columns = {
        "model": "model",
        "crps": "CRPS OOM",
        "pinball": "pinball OOM",
        "cov50": "50 % holds",
        "cov80": "80 % holds",
        "bias": "bias OOM",
        "n": "forecasts",
    }
    for (target, split, horizon), rows in found.scores.groupby(["target", "split", "horizon"], sort=False):
        print(f"\n{target}, {horizon} year{'' if horizon == 1 else 's'} ahead, origins: {split}")
        print_table(cast(list[dict[str, Any]], rows.to_dict("records")), columns)
    print()
    print_notes(found.notes)
