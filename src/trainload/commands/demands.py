"""`trainload demand`: a run of the catalogue, a scenario's generations, or a run that does not exist yet."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from trainload.catalogue.facts import Catalogue, TrainingRun, load_catalogue
from trainload.commands.scenarios import read_scenario, states_demand
from trainload.commands.screen import print_json, print_notes, print_table
from trainload.demand.demand import Demand, estimate_demand, tabulate_powers
from trainload.demand.published import estimate_training_run
from trainload.demand.run import RunDemand, estimate_run, solve_days, solve_flop
from trainload.demand.size import RunSpec
from trainload.errors import DataError, Problem
from trainload.forecast.forecast import forecast_power
from trainload.scenario.file import SUFFIXES, list_bundled
from trainload.scenario.models import Precision, Scenario
from trainload.scenario.patch import suggest

_QUANTITIES = {
    "flop": ("training compute", "FLOP"),
    "n_chips": ("chips", ""),
    "days": ("days at full power", "days"),
    "chip_hours": ("chip-hours", "h"),
    "utilisation_frac": ("utilisation while running", "fraction"),
    "goodput_frac": ("goodput", "fraction"),
    "n_islands": ("fault-isolated islands", ""),
    "it_peak_mw": ("IT peak", "MW"),
    "facility_peak_mw": ("facility peak", "MW"),
    "facility_average_mw": ("facility average", "MW"),
    "contracted_mw": ("contracted", "MW"),
    "energy_mwh": ("energy", "MWh"),
    "cost_usd": ("cost: chips' share and energy", "USD"),
    "tco2": ("emission at the grid's average", "tCO2"),
}
# what was published of a run -> what it is compared with
_PUBLISHED = {
    "flop": "flop",
    "n_chips": "n_chips",
    "days": "days",
    "chip_hours": "chip_hours",
    "utilisation_frac": "utilisation_frac",
    "energy_mwh": "energy_mwh",
    "it_power_mw": "it_peak_mw",
    "tco2": "tco2",
}


def print_demand(subject: str, sets: Sequence[str], *, variant: str | None, as_json: bool) -> None:
    """Print the demand of a scenario, or of a run of the catalogue beside what was published of it."""
    if subject in list_bundled() or Path(subject).suffix in SUFFIXES or Path(subject).exists():
        _print_scenario(subject, sets, variant=variant, as_json=as_json)
        return
    if sets or variant:
        problem = Problem("--set" if sets else "--variant", "belongs to a scenario", fix="leave it out for a run")
        raise DataError(f"demand {subject}", problem)
    catalogue = load_catalogue()
    record = find_run(subject, catalogue)
    _print_run(estimate_training_run(record, catalogue), as_json=as_json, published=record)


def print_inverse(
    *,
    mw: float | None,
    days: float | None,
    flop: float | None,
    chip: str | None,
    precision: Precision | None,
    on: str | None,
    as_json: bool,
) -> None:
    """Print the run that two of facility peak, days and FLOP determine.

    Raises:
        DataError: not exactly two of them, or a date that is none.
    """
    subject = "demand"
    given = [name for name, value in (("--mw", mw), ("--days", days), ("--flop", flop)) if value is not None]
    if len(given) != 2:
        fix = "e.g. trainload demand --mw 1000 --days 120, or trainload demand RUN"
        got = " and ".join(given) or "nothing"
        raise DataError(subject, Problem("", "give a run, a scenario, or two of --mw, --days and --flop", got, fix))
    try:
        day = date.today() if on is None else date.fromisoformat(on)
    except ValueError:
        raise DataError(subject, Problem("--on", "must be a date written YYYY-MM-DD", repr(on))) from None
    catalogue = load_catalogue()
    spec = RunSpec(name="this run", chip=chip, precision=precision, on=day, as_of=day, days=days, flop=flop)
    if mw is None:
        result = estimate_run(spec, catalogue)
    elif flop is None and days is not None:
        result = solve_flop(mw, days, catalogue, spec=spec)
    else:
        assert flop is not None
        result = solve_days(flop, mw, catalogue, spec=spec)
    _print_run(result, as_json=as_json)


def find_run(name: str, catalogue: Catalogue) -> TrainingRun:
    """Return the run of this name, or the only one whose name holds it; upper or lower case.

    Raises:
        DataError: none or several; says which could be meant.
    """
    by_name = {run.name.lower(): run for run in catalogue.runs}
    found = by_name.get(name.lower())
    if found is not None:
        return found
    parts = [run.name for key, run in by_name.items() if name.lower() in key]
    if len(parts) == 1:
        return by_name[parts[0].lower()]
    names = [*(run.name for run in catalogue.runs), *list_bundled()]
    guess = f"did you mean {' or '.join(parts[:3])}?" if parts else suggest(name, names)
    fix = guess or "`trainload catalogue training_runs` lists the runs"
    raise DataError("demand", Problem("", "no such run in the catalogue, and no such scenario", repr(name), fix))


def list_demand(scenario: Scenario, catalogue: Catalogue) -> Demand:
    """Return the scenario's demand, with the forecast's medians where it states none itself."""
    drawn = None if states_demand(scenario) else forecast_power(scenario).generations
    return estimate_demand(scenario, catalogue, generations=drawn)


def _print_scenario(subject: str, sets: Sequence[str], *, variant: str | None, as_json: bool) -> None:
    scenario = read_scenario(subject, sets, variant=variant).scenario
    catalogue = load_catalogue(scenario.as_of)
    found = list_demand(scenario, catalogue)
    if as_json:
        print_json(_as_json(scenario, found))
        return
    print(f"{scenario.name}: what each generation asks for, as of {scenario.as_of}.\n")
    columns = {
        "name": "generation",
        "wanted_on": "wanted on",
        "flop": "FLOP",
        "chip": "chip",
        "n_chips": "chips",
        "days": "days",
        "facility_peak_mw": "peak MW",
        "facility_average_mw": "average MW",
        "energy_mwh": "MWh",
        "cost_usd": "USD",
        "tco2": "tCO2",
    }
    print_table([_row_of(generation, columns) for generation in found.generations], columns)
    print("\nThe campus's load path, facility peak:")
    for day, mw in zip(found.load_path.starts_on, found.load_path.facility_peak_mw, strict=True):
        print(f"  from {day}  {mw:,.0f} MW")
    for generation in found.generations:
        print(f"\n{generation.name}, step by step:")
        _print_steps(generation.run)
    print()
    print_notes(found.notes)


def _as_json(scenario: Scenario, found: Demand) -> dict[str, Any]:
    names = ["name", "wanted_on", "chip", "campus_peak_mw", *_QUANTITIES]
    return {
        "scenario": scenario.name,
        "as_of": scenario.as_of,
        "generations": [
            {
                **{name: getattr(g, name, getattr(g.run, name, None)) for name in names},
                "powers": tabulate_powers(g.run),
                "derivation": g.derivation,
            }
            for g in found.generations
        ],
        "load_path": {
            "starts_on": found.load_path.starts_on,
            "facility_peak_mw": found.load_path.facility_peak_mw,
        },
        "notes": found.notes,
    }


def _row_of(record: object, columns: Mapping[str, str]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in columns}


def _print_run(run: RunDemand, *, as_json: bool, published: TrainingRun | None = None) -> None:
    if as_json:
        print_json(
            {
                "name": run.name,
                "chip": run.chip.name,
                "precision": run.precision,
                **{name: getattr(run, name) for name in _QUANTITIES},
                "powers": tabulate_powers(run),
                "published": published,
                "derivation": run.derivation,
                "notes": run.notes,
            }
        )
        return
    print(f"{run.name}: {run.chip.label}, {run.precision}\n")
    rows = [{"what": label, "value": getattr(run, n), "unit": unit} for n, (label, unit) in _QUANTITIES.items()]
    columns = {"what": "quantity", "value": "estimate", "unit": "unit"}
    if published is not None:
        known = {mine: getattr(published, theirs) for theirs, mine in _PUBLISHED.items()}
        for name, row in zip(_QUANTITIES, rows, strict=True):
            row["published"] = known.get(name)
        columns = {"what": "quantity", "value": "estimate", "published": "published", "unit": "unit"}
    print_table(rows, columns)
    if published is not None:
        perimeter = f", energy counts {published.energy_perimeter}" if published.energy_perimeter else ""
        print(f"Published: {published.basis}, grade {published.grade}{perimeter}. {published.source}")
    print("\nThe same run under each named definition of power:")
    names = {
        "definition": "definition",
        "power_w": "W per chip",
        "power_mw": "MW",
        "energy_mwh": "MWh",
        "grade": "grade",
        "formula": "formula",
    }
    print_table([{str(k): v for k, v in row.items()} for row in tabulate_powers(run).to_dict("records")], names)
    print("\nStep by step:")
    _print_steps(run)
    print()
    print_notes(run.notes)


def _print_steps(run: RunDemand) -> None:
    rows = [_row_of(step, {"step": "", "value": "", "unit": "", "grade": "", "formula": ""}) for step in run.derivation]
    print_table(rows, {"step": "quantity", "value": "value", "unit": "unit", "grade": "grade", "formula": "formula"})
