"""`trainload sweep`, `front` and `alternatives`: plans beside each other."""

# ruff: noqa: PLC0415  (the solvers load after the scenario is known to be sound)

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pandas as pd

from trainload.commands.scenarios import read_scenario
from trainload.commands.screen import Progress, print_json, print_notes, print_table
from trainload.errors import Problem, ScenarioError
from trainload.scenario.models import Scenario
from trainload.scenario.yaml_tree import parse_value


def set_quick(scenario: Scenario) -> Scenario:
    """Return the scenario on sampled weeks."""
    return scenario.model_copy(update={"plan": scenario.plan.model_copy(update={"hours": "sampled"})})


def read_vary(texts: Sequence[str]) -> dict[str, list[object]]:
    """Return the values of each ``--vary PATH=v1,v2,...``.

    Raises:
        ScenarioError: all that can't be read, with their text.
    """
    vary: dict[str, list[object]] = {}
    problems = []
    for text in texts:
        path, sign, given = (part.strip() for part in text.partition("="))
        where = f"--vary {text[:60]}"
        if not sign or not path or not given:
            fix = "give a path and its values, e.g. --vary money.gas_usd_per_mmbtu=3,5,8"
            problems.append(Problem(where, "must be PATH=VALUE,VALUE,...", fix=fix))
            continue
        if path in vary:
            problems.append(Problem(where, "this path is varied twice", fix="give all its values at once"))
            continue
        try:
            values = parse_value(given if given.startswith("[") else f"[{given}]")
        except ValueError as error:
            problems.append(Problem(where, f"not YAML values: {error}", fix="put texts in quotes"))
            continue
        vary[path] = values if isinstance(values, list) else [values]
    if problems:
        raise ScenarioError("sweep", *problems)
    return vary


def sweep_scenario(
    name: str,
    vary: Sequence[str],
    sets: Sequence[str],
    *,
    variant: str | None,
    out: Path | None,
    quick: bool,
    relaxed: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Plan a scenario at every combination of the values and print a row for each."""
    paths = read_vary(vary)
    scenario = read_scenario(name, sets, variant=variant).scenario
    from trainload.study.folder import require_free
    from trainload.study.sweep import SWEEP, run_sweep, save_sweep

    if out is not None:
        require_free(out, overwrite=overwrite, holds=SWEEP, what="sweep")
    progress, started = Progress(), time.perf_counter()
    try:
        swept = run_sweep(
            set_quick(scenario) if quick else scenario, paths, whole_units=not relaxed, on_progress=progress
        )
    finally:
        progress.close()
    table = swept.table
    if out is not None:
        save_sweep(out, swept, scenario=scenario, paths=tuple(paths), overwrite=overwrite)
    if as_json:
        print_json(table)
        return
    headers = {
        **{path: path for path in paths},
        "cost_present_usd": "USD, present",
        "usd_per_mwh": "USD/MWh",
        "first_power_on": "first power",
        "full_power_on": "full power",
        "tco2": "tCO2",
        "unserved_mwh": "MWh unserved",
        "gap_frac": "gap",
    }
    print_table(_rows(table), headers)
    print_notes(n for n in swept.notes if n.kind == "warning" or n.subject.startswith(("plan", "limits")))
    print(f"\n{len(table)} plans in {time.perf_counter() - started:.0f} s")
    if out is not None:
        print(f"Tables and page: {out}")


def trace_scenario(
    name: str,
    of: Literal["tco2", "date", "unserved"],
    sets: Sequence[str],
    *,
    variant: str | None,
    out: Path | None,
    n_points: int,
    quick: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Trace a scenario's front between cost and another measure into a folder, and print its points."""
    loaded = read_scenario(name, sets, variant=variant)
    from trainload.study.front import PAGE, run_front

    scenario = set_quick(loaded.scenario) if quick else loaded.scenario
    folder = out or Path("studies") / f"{scenario.name}-front-{of}"
    progress = Progress()
    try:
        front = run_front(
            replace(loaded, scenario=scenario),
            of,
            folder,
            n_points=n_points,
            overwrite=overwrite,
            on_progress=progress,
        )
    finally:
        progress.close()
    if as_json:
        print_json(front.table)
        return
    headers = {
        "point": "point",
        "status": "status",
        "cost_present_usd": "USD, present",
        "cash_present_usd": "of it cash",
        "tco2": "tCO2",
        "unpowered_mwh": "MW x h unpowered",
        "unserved_mwh": "MWh unserved",
        "full_power_on": "full power",
        "usd_per_unit": "USD per unit to the next",
    }
    print_table(_rows(front.table), headers)
    print_notes(front.notes)
    print(f"\nStudies and page: {front.folder / PAGE}")


def read_share(text: str) -> float:
    """Return the share of ``2%`` or ``0.02``.

    Raises:
        ScenarioError: it is neither.
    """
    stated = text.strip()
    try:
        value = float(stated.removesuffix("%"))
    except ValueError:
        problem = Problem("--slack", "must be a share", repr(text[:40]), "e.g. 2% or 0.02")
        raise ScenarioError("alternatives", problem) from None
    return value / 100.0 if stated.endswith("%") else value


def search_scenario(
    name: str,
    slack: str,
    sets: Sequence[str],
    *,
    variant: str | None,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Print what else would be nearly as cheap as the cheapest plan; with `out`, write the table and a page."""
    slack_frac = read_share(slack)
    scenario = read_scenario(name, sets, variant=variant).scenario
    from trainload.plan.alternatives import require_slack
    from trainload.study.alternatives import TABLE, save_alternatives, search_alternatives
    from trainload.study.folder import require_free

    require_slack(slack_frac)
    if out is not None:
        require_free(out, overwrite=overwrite, holds=TABLE, what="search for alternatives")
    progress = Progress()
    try:
        study = search_alternatives(scenario, slack_frac=slack_frac, on_progress=progress)
    finally:
        progress.close()
    if out is not None:
        save_alternatives(out, study, scenario=scenario, overwrite=overwrite)
    if as_json:
        print_json(study.table)
        return
    headers = {
        "owner": "option, gate, carrier",
        "cheapest_mw": "cheapest MW",
        "least_mw": "least",
        "most_mw": "most",
        "avoidable": "avoidable",
        "avoid_frac": "dearer without",
    }
    print_table(_rows(study.table), headers)
    print()
    for line in study.words:
        print(line)
    print_notes(study.notes)
    if out is not None:
        print(f"\nTable and page: {out}")


def _rows(table: pd.DataFrame) -> list[dict[str, object]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
