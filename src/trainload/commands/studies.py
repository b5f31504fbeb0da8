"""`trainload run`, `trainload plan` and `trainload report`: studies, their tables and their page."""

# ruff: noqa: PLC0415  (the solvers load after the scenario is known to be sound)

from collections.abc import Sequence
from pathlib import Path

from trainload.commands.scenarios import read_scenario
from trainload.commands.screen import Progress, print_json, print_table


def run_scenario(
    name: str, sets: Sequence[str], *, variant: str | None, out: Path | None, quick: bool, overwrite: bool
) -> None:
    """Run a scenario into a study folder and print what it says in short."""
    loaded = read_scenario(name, sets, variant=variant)
    folder = out or Path("studies") / (loaded.scenario.name if variant is None else f"{loaded.scenario.name}-{variant}")
    from trainload.study.run import run_study

    progress = Progress()
    try:
        result = run_study(loaded, folder, quick=quick, overwrite=overwrite, on_progress=progress)
    finally:
        progress.close()
    print(result.headline)
    for line in result.lines:
        print(line)


def print_plan(
    name: str,
    sets: Sequence[str],
    *,
    variant: str | None,
    out: Path | None,
    quick: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Plan a scenario and print its orders; with `out`, write the study's tables without a report."""
    loaded = read_scenario(name, sets, variant=variant)
    from trainload.study.folder import require_free, save_study
    from trainload.study.run import compute_study

    if out is not None:
        require_free(out, overwrite=overwrite)
    progress = Progress()
    try:
        study = compute_study(loaded, quick=quick, on_progress=progress)
    finally:
        progress.close()
    if out is not None:
        save_study(out, study, overwrite=overwrite)
    if as_json:
        print_json(study.summary)
        return
    plan = study.summary["plan"]
    orders = study.tables["orders"]
    columns = {
        "option": "order",
        "mw": "MW",
        "units": "units",
        "order_on": "by",
        "arrive_p50_on": "arrives P50",
        "arrive_p80_on": "P80",
        "critical_step": "last step",
    }
    print_table([dict(zip(orders.columns, row, strict=True)) for row in orders.itertuples(index=False)], columns)
    print()
    measures = {
        "usd_per_mwh": "USD/MWh of served load",
        "unserved_mwh": "MWh unserved",
        "tco2_direct": "tCO2 direct",
        "tco2_location": "tCO2 location-based",
        "clean_matched_frac": "fraction matched hourly by clean supply",
        "first_power_on": "first power",
        "p50_1gw_on": "1 GW, median",
        "p80_1gw_on": "1 GW, 80 of 100",
        "gap": "proven gap (fraction)",
    }
    print_table(
        [{"what": text, "value": plan.get(key)} for key, text in measures.items()], {"what": "plan", "value": "value"}
    )
    if out is not None:
        print(f"\nTables: {out}")


def rewrite_report(study: Path) -> None:
    """Write a study's report from its tables."""
    from trainload.report.page import write_report

    print(f"Wrote {write_report(study)}")
