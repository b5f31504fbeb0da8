"""The order of the stages: from a scenario to a study folder with its report."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from trainload.catalogue.facts import load_catalogue
from trainload.demand.demand import estimate_demand
from trainload.errors import Note
from trainload.forecast.forecast import Forecast, forecast_power
from trainload.plan.plan import Plan, make_plan
from trainload.plan.prices import price_idle_compute
from trainload.plan.values import tabulate_values
from trainload.plan.world import World, build_world
from trainload.profiles.profiles import build_profiles
from trainload.scenario.file import LoadedScenario
from trainload.scenario.models import Scenario
from trainload.study.assemble import Stages, assemble_study
from trainload.study.compare import drop_goals, has_goals, limit_to_base
from trainload.study.folder import REPORT, StudyTables, replacing_folder, require_free, write_study
from trainload.study.months import value_months
from trainload.study.sampling_error import measure_sampling_error
from trainload.study.scores import rank_answers, score_forecast
from trainload.supply.schedule import simulate_arrivals
from trainload.supply.supply import build_supply

Progress = Callable[[str, float | None], None]


@dataclass(frozen=True, slots=True)
class StudyResult:
    """Where a study was written, and what it says in short."""

    folder: Path
    headline: str
    lines: tuple[str, ...]


def run_study(
    loaded: LoadedScenario,
    out: Path,
    *,
    quick: bool = False,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> StudyResult:
    """Run every stage, write the study folder with its report, and return what to tell the user.

    The folder appears whole at the end or not at all.

    Args:
        loaded: the scenario with its defaults.
        out: folder to write.
        quick: sampled weeks instead of every hour of the calendar.
        overwrite: replace a study that is already there.
        on_progress: called with a message and, where known, the share done.

    Raises:
        TrainloadError: input, data or output can't be used.
    """
    from trainload.report.page import write_report  # noqa: PLC0415  (templates load only when a report is written)

    require_free(out, overwrite=overwrite)
    tell = on_progress or (lambda _message, _share: None)
    study = compute_study(loaded, quick=quick, on_progress=tell)
    with replacing_folder(out) as scratch:
        tell("writing tables and report", 0.95)
        write_study(scratch, study)
        write_report(scratch)
    tell("done", 1.0)
    return StudyResult(out, *_terminal_lines(study, out))


def compute_study(loaded: LoadedScenario, *, quick: bool = False, on_progress: Progress | None = None) -> StudyTables:
    """Run every stage of a scenario and return the study's tables."""
    scenario = loaded.scenario
    if quick:
        scenario = scenario.model_copy(update={"plan": scenario.plan.model_copy(update={"hours": "sampled"})})
    stages = run_stages(scenario, on_progress=on_progress)
    return assemble_study(replace(loaded, scenario=scenario), stages)


def run_stages(scenario: Scenario, *, on_progress: Progress | None = None) -> Stages:
    """Run demand, forecast, profiles, supply, schedule and plan in their order."""
    tell = on_progress or (lambda _message, _share: None)
    tell("reading the catalogue", 0.02)
    catalogue = load_catalogue(scenario.as_of)
    tell("forecasting training power", 0.05)
    forecast = forecast_power(scenario)
    tell("estimating demand", 0.10)
    demand = estimate_demand(scenario, catalogue, generations=forecast.generations)
    tell("scoring earlier forecasts", 0.11)
    scores, scoring = score_forecast(scenario)
    tell("ranking what moves the answers", 0.12)
    drivers = rank_answers(scenario, forecast, demand, catalogue)
    tell("laying weather, price and carbon on the calendar", 0.13)
    profiles = build_profiles(scenario, catalogue)
    supply = build_supply(scenario, catalogue)
    tell("simulating lead times", 0.18)
    schedule = simulate_arrivals(supply, n_draws=scenario.n_draws, seed=scenario.seed)
    it_peak_frac = demand.it_peak_frac
    idle = price_idle_compute(scenario, catalogue, it_share_frac=it_peak_frac)
    owners = (*supply.option_ids, *supply.gate_ids)
    world = build_world(
        scenario,
        supply,
        profiles,
        lead_months={o: schedule.lead_months(o, scenario.plan.lead_percentile) for o in owners},
        load_path=demand.load_path,
        idle=idle,
        it_peak_frac=it_peak_frac,
    )
    generations = {g.wanted_on: g.name for g in demand.generations}

    def solve(case: World, what: str, share: float, *, prove: bool = True) -> Plan:
        return make_plan(
            case,
            schedule,
            generations=generations,
            on_progress=lambda message, _: tell(f"{what}: {message}", share),
            prove=prove,
        )

    plan = solve(world, "plan", 0.25)
    sampling: tuple[Note, ...] = ()
    if plan.sampled:
        tell("operating one full year at the plan's capacities", 0.7)
        sampling = (measure_sampling_error(plan).note(),)
    tell("valuing a month of each order that gates power", 0.73)
    values = tabulate_values(plan)
    plan = replace(plan, tables={**plan.tables, "values": values})
    plan = replace(plan, tables={**plan.tables, "values": pd.concat([values, value_months(plan)], ignore_index=True)})
    forecast = cap_forecast(scenario, forecast, plan)
    base_supply = limit_to_base(supply)
    base = None
    if base_supply is not None:
        base = solve(drop_goals(replace(world, supply=base_supply)), "base case", 0.75)
    dropped = solve(drop_goals(world), "goals dropped", 0.82, prove=False) if has_goals(world) else None
    notes = (
        *catalogue.notes,
        *forecast.notes,
        *scoring,
        *demand.notes,
        *profiles.notes,
        *supply.notes,
        *idle.notes,
        *world.notes,
        *plan.notes,
        *sampling,
    )
    return Stages(catalogue, forecast, demand, schedule, world, plan, base, dropped, scores, drivers, notes)


def cap_forecast(scenario: Scenario, forecast: Forecast, plan: Plan) -> Forecast:
    """Return the forecast with a second line for the programme: what it can have of what it wants (model `powered`).

    The cap of a year is the most that the plan has powered by its 31 December; the forecast never sees the plan itself.
    """
    periods = plan.formulation.world.periods
    years = sorted({int(year) for year in forecast.table.year})
    path = [(p.starts_on.year, round(float(mw), 3)) for p, mw in zip(periods, plan.powered_mw, strict=True)]
    cap = {year: max((mw for start, mw in path if start <= year), default=0.0) for year in years}
    powered = forecast_power(scenario, arrival_cap_mw=cap).powered
    if powered is None:
        return forecast
    table = pd.concat([forecast.table, powered.assign(model="powered")], ignore_index=True)
    return replace(forecast, table=table, powered=powered)


def _terminal_lines(study: StudyTables, out: Path) -> tuple[str, tuple[str, ...]]:
    from trainload.report.reading import read_study  # noqa: PLC0415
    from trainload.report.wording import write_headline  # noqa: PLC0415

    plan = study.summary["plan"]
    lines = [
        f"plan: {plan['usd_per_mwh']:.1f} USD/MWh, gap {plan['gap']:.2%}, {plan['hours']:,} hours, {plan['solver']}"
        if plan["usd_per_mwh"] is not None
        else "plan: nothing is powered within the horizon",
        f"report: {out / REPORT}",
    ]
    return write_headline(read_study(study)), tuple(lines)
