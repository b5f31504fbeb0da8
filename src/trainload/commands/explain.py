"""`trainload explain`: one number, how it follows, from which figures, and what moves it most."""

from collections.abc import Sequence
from typing import Any, get_args

import pandas as pd

from trainload.catalogue.facts import load_catalogue
from trainload.commands.demands import find_run, list_demand
from trainload.commands.scenarios import read_scenario
from trainload.commands.screen import print_json, print_notes, print_table, show_value
from trainload.demand.drivers import Result, rank_drivers
from trainload.demand.published import estimate_training_run
from trainload.demand.run import RunDemand
from trainload.errors import DataError, Problem
from trainload.forecast.drivers import rank_forecast_drivers
from trainload.forecast.forecast import forecast_power
from trainload.scenario.patch import suggest
from trainload.units import unit_of

RESULTS: tuple[Result, ...] = get_args(Result)
# result of a run -> the step of its derivation that states it
_STEPS = {
    "flop": "compute",
    "n_chips": "chips",
    "days": "days",
    "facility_peak_mw": "power (facility_peak)",
    "facility_average_mw": "facility average",
    "energy_mwh": "energy",
    "cost_usd": "energy cost",
    "tco2": "emission",
    "goodput_frac": "goodput",
}
_MEASURES = ("p10_mw", "p25_mw", "p50_mw", "p75_mw", "p90_mw", "p_ge_1gw", "p_ge_5gw")
_N_DRIVERS = 12


def explain_demand(key: str, scenario: str, sets: Sequence[str], *, as_json: bool) -> None:
    """Explain a generation's or a run's result.

    Args:
        key: ``GENERATION.RESULT`` or ``RUN.RESULT``, such as ``G1.energy_mwh`` or ``LLaMA-65B.tco2``.
        scenario: whose generations are meant.
        sets: changes of it.
        as_json: print JSON.

    Raises:
        DataError: no such generation, run or result.
    """
    name, _, result = key.rpartition(".")
    if result not in RESULTS or not name:
        fix = suggest(result, RESULTS) or f"results: {', '.join(RESULTS)}"
        raise DataError(f"explain {key}", Problem("", "must be NAME.RESULT, e.g. G1.energy_mwh", repr(key), fix))
    found = read_scenario(scenario, sets, variant=None).scenario
    catalogue = load_catalogue(found.as_of)
    runs = {g.name: g.run for g in list_demand(found, catalogue).generations}
    if name in runs:
        run, subject = runs[name], f"{name} of {found.name}"
    else:
        catalogue = load_catalogue()
        try:
            record = find_run(name, catalogue)
        except DataError as error:
            fix = f"generations of {found.name}: {', '.join(runs)}; or a run: {error.problems[0].fix}"
            problem = Problem("", "no such generation, and no such run of the catalogue", repr(name), fix)
            raise DataError(f"explain {key}", problem) from error
        run = estimate_training_run(record, catalogue)
        subject = run.name
    drivers = rank_drivers(run.spec, catalogue, result=result).head(_N_DRIVERS)
    value = float(getattr(run, result))
    if as_json:
        print_json(
            {
                "key": key,
                "value": value,
                "unit": _unit(result),
                "derivation": run.derivation,
                "drivers": drivers,
                "notes": run.notes,
            }
        )
        return
    step = _formula(run, result)
    print(f"{subject}: {result} = {show_value(value)} {_unit(result)}\n{step}\n\nIt follows from:")
    columns = {
        "step": "quantity",
        "value": "value",
        "unit": "unit",
        "grade": "grade",
        "formula": "how",
        "source": "source",
    }
    print_table([{name: getattr(s, name) for name in columns} for s in run.derivation], columns)
    print(f"\nWhat moves it most, each figure alone from its low to its high ({result}):")
    _print_drivers(
        drivers,
        {
            "label": "figure",
            "low": "low",
            "high": "high",
            "at_low": "at low",
            "at_mid": "now",
            "at_high": "at high",
            "swing_frac": "widest change",
            "grade": "grade",
            "source": "source",
        },
    )
    print()
    print_notes(run.notes)


def explain_forecast(key: str, scenario: str, sets: Sequence[str], *, as_json: bool) -> None:
    """Explain a figure of the forecast.

    Args:
        key: ``TARGET.YEAR.MEASURE`` as in summary.json, such as ``record_run.2029.p50_mw``.
        scenario: as of whose date, with whose programme.
        sets: changes of it.
        as_json: print JSON.

    Raises:
        DataError: no such target, year or measure.
    """
    parts = key.removeprefix("forecast.").split(".")
    example = "must be TARGET.YEAR.MEASURE, e.g. record_run.2029.p50_mw"
    if len(parts) != 3 or not parts[1].isdigit():
        raise DataError(f"explain {key}", Problem("", example, repr(key)))
    target, year, measure = parts[0], int(parts[1]), parts[2]
    found = read_scenario(scenario, sets, variant=None).scenario
    result = forecast_power(found)
    table = result.table
    for what, given, known in (
        ("target", target, [str(t) for t in table["target"].unique()]),
        ("year", str(year), [str(y) for y in table["year"].unique()]),
        ("measure", measure, list(_MEASURES)),
    ):
        if given not in known:
            problem = Problem("", f"no such {what}", repr(given), suggest(given, known) or f"known: {', '.join(known)}")
            raise DataError(f"explain {key}", problem)
    rows = table[(table["target"] == target) & (table["year"] == year)]
    values = {str(row["model"]): row[measure] for row in rows.to_dict("records")}
    drivers = rank_forecast_drivers(found, year=year) if target == "record_run" else None
    if as_json:
        print_json(
            {
                "key": key,
                "values": values,
                "as_of": result.as_of,
                "basis": result.basis,
                "drivers": drivers,
                "notes": result.notes,
            }
        )
        return
    unit = "of 1" if measure.startswith("p_ge") else f"MW, {result.basis}"
    print(f"{target}, by 31 December {year}, {measure} ({unit}), as known on {result.as_of}:")
    print_table([{"model": k, "value": v} for k, v in values.items()], {"model": "model", "value": "value"})
    print("\nThe gap between trainload and local_trend is part of the answer; article is a reference, no forecast.")
    if drivers is not None:
        print("\nWhat moves the record run most, each choice alone to its low and high side (median MW):")
        _print_drivers(
            drivers,
            {
                "label": "choice or input",
                "low": "low side",
                "high": "high side",
                "at_low_mw": "at low",
                "at_mid_mw": "now",
                "at_high_mw": "at high",
                "odds_low": ">= 1 GW low",
                "odds_high": "high",
                "grade": "grade",
                "source": "source",
            },
        )
    print()
    print_notes(result.notes)


def _formula(run: RunDemand, result: Result) -> str:
    steps = {step.step: step for step in run.derivation}
    if result == "cost_usd":
        return "= chips' share + energy cost"
    step = steps.get(_STEPS[result])
    return f"= {step.formula} (grade {step.grade})" if step else ""


def _unit(result: Result) -> str:
    return unit_of(result) or ""


def _print_drivers(drivers: pd.DataFrame, columns: dict[str, str]) -> None:
    rows: list[dict[str, Any]] = [{str(k): v for k, v in row.items()} for row in drivers.to_dict("records")]
    print_table(rows, columns)
