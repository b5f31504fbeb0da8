"""The order of the stages: from a scenario to a study folder with its report."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from trainload.errors import Note, SolverError
from trainload.forecast.forecast import Forecast, forecast_power
from trainload.hedge.hedge import hedge_plan
from trainload.hedge.tables import follow_hedge
from trainload.plan.limiting import explain_limits
from trainload.plan.modes import apply_mode
from trainload.plan.plan import Plan, make_plan
from trainload.plan.values import tabulate_values
from trainload.plan.world import World
from trainload.scenario.file import LoadedScenario
from trainload.scenario.models import Scenario
from trainload.study.assemble import Stages, assemble_study
from trainload.study.compare import drop_goals, has_goals, limit_to_base
from trainload.study.folder import REPORT, StudyTables, replacing_folder, require_free, write_study
from trainload.study.months import note_months, value_months
from trainload.study.prepare import Prepared, prepare_stages
from trainload.study.sampling_error import measure_sampling_error
from trainload.study.scores import rank_answers, score_forecast

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
    return finish_stages(prepare_stages(scenario, on_progress=on_progress), on_progress=on_progress)


def finish_stages(prepared: Prepared, *, on_progress: Progress | None = None) -> Stages:
    """Score the forecast, plan in the scenario's mode, and value what was planned."""
    shared = share_stages(prepared, on_progress=on_progress)
    mode = prepared.scenario.plan.mode
    first = make_planner(prepared, f"{mode} first", share=0.22, on_progress=on_progress)
    world, notes = apply_mode(prepared.world, first)
    plan = make_planner(prepared, "plan", share=0.25, on_progress=on_progress)(world)
    if prepared.scenario.plan.lead_scenarios:
        plan, unhedged = hedge_orders(prepared, plan, world, on_progress=on_progress)
        notes = (*notes, *unhedged)
    dropped = None
    if has_goals(world):
        drop = make_planner(prepared, "goals dropped", share=0.82, on_progress=on_progress, prove=False)
        dropped = drop(drop_goals(world))
    return describe_plan(prepared, plan, shared=shared, dropped=dropped, notes=notes, on_progress=on_progress)


def hedge_orders(
    prepared: Prepared, plan: Plan, world: World, *, on_progress: Progress | None = None
) -> tuple[Plan, tuple[Note, ...]]:
    """Return the plan that follows the hedged orders; the plan as it is, with a note, where no hedge can be found."""
    tell = on_progress or (lambda _message, _share: None)

    def tell_hedge(message: str, _share: float | None) -> None:
        tell(f"hedge: {message}", 0.5)

    try:
        hedge = hedge_plan(plan, prepared.schedule, on_progress=tell_hedge)
        followed = follow_hedge(
            hedge, world, prepared.schedule, generations=prepared.generations, on_progress=tell_hedge
        )
    except SolverError as stopped:
        text = f"orders are not hedged and this plan is of one percentile: {stopped}"
        return plan, (Note("plan.lead_scenarios", text, "warning"),)
    return followed, ()


@dataclass(frozen=True, slots=True)
class Shared:
    """What every plan of the same prepared stages is shown beside: the forecast's scores and the base case."""

    backtest: pd.DataFrame
    drivers: pd.DataFrame
    base: Plan | None
    notes: tuple[Note, ...]


def make_planner(
    prepared: Prepared, what: str, *, share: float, on_progress: Progress | None = None, prove: bool = True
) -> Callable[[World], Plan]:
    """Return how a world of these stages is planned; `what` and `share` stand before each message."""
    tell = on_progress or (lambda _message, _share: None)

    def solve(world: World) -> Plan:
        return make_plan(
            world,
            prepared.schedule,
            generations=prepared.generations,
            on_progress=lambda message, _: tell(f"{what}: {message}", share),
            prove=prove,
        )

    return solve


def share_stages(prepared: Prepared, *, on_progress: Progress | None = None) -> Shared:
    """Score the forecast, rank what moves the answers, and plan the base case."""
    tell = on_progress or (lambda _message, _share: None)
    tell("scoring earlier forecasts", 0.19)
    scores, scoring = score_forecast(prepared.scenario)
    tell("ranking what moves the answers", 0.20)
    drivers = rank_answers(prepared.scenario, prepared.forecast, prepared.demand, prepared.catalogue)
    base_supply = limit_to_base(prepared.supply)
    base = None
    if base_supply is not None:
        alone = drop_goals(replace(prepared.world, supply=base_supply))
        base = make_planner(prepared, "base case", share=0.21, on_progress=on_progress, prove=False)(alone)
    return Shared(scores, drivers, base, scoring)


def describe_plan(
    prepared: Prepared,
    plan: Plan,
    *,
    shared: Shared,
    dropped: Plan | None = None,
    notes: tuple[Note, ...] = (),
    months: bool = True,
    on_progress: Progress | None = None,
) -> Stages:
    """Return everything that a study of one plan holds: its sampling error, its values, its effect on the forecast.

    Args:
        prepared: the stages before the plan.
        plan: of their world, or of that world with limits.
        shared: what it is shown beside.
        dropped: the plan without the buyer's goals.
        notes: what is to be said of the plan's world.
        months: False leaves out the value of a month earlier, which takes several solves.
        on_progress: called with a message and the share done.
    """
    tell = on_progress or (lambda _message, _share: None)
    world = replace(prepared.world, limits=plan.formulation.world.limits)
    sampling: tuple[Note, ...] = ()
    if plan.sampled:
        tell("operating one full year at the plan's capacities", 0.7)
        sampling = (measure_sampling_error(plan).note(),)
    tell("valuing a month of each order that gates power", 0.73)
    values = tabulate_values(plan)
    plan = replace(plan, tables={**plan.tables, "values": values})
    if months:
        values = pd.concat([values, value_months(plan)], ignore_index=True)
        plan = replace(plan, tables={**plan.tables, "values": values})
    told = (
        *prepared.notes,
        *shared.notes,
        *notes,
        *explain_limits(world, plan.tables),
        *plan.notes,
        *note_months(plan),
        *_warn_of("comparison.base", shared.base),
        *_warn_of("comparison.goals_dropped", dropped),
        *sampling,
    )
    return Stages(
        prepared.catalogue,
        cap_forecast(prepared.scenario, prepared.forecast, plan),
        prepared.demand,
        prepared.schedule,
        world,
        plan,
        shared.base,
        dropped,
        shared.backtest,
        shared.drivers,
        told,
    )


def _warn_of(case: str, plan: Plan | None) -> tuple[Note, ...]:
    """Return the warnings of a plan that another is compared with."""
    notes = plan.notes if plan is not None else ()
    return tuple(replace(n, subject=f"{case}: {n.subject}") for n in notes if n.kind == "warning")


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
    gap = "no proven gap" if plan["gap"] is None else f"gap {plan['gap']:.2%}"
    lines = [
        f"plan: {plan['usd_per_mwh']:.1f} USD/MWh, {gap}, {plan['hours']:,} hours, {plan['solver']}"
        if plan["usd_per_mwh"] is not None
        else "plan: nothing is powered within the horizon",
        f"report: {out / REPORT}",
    ]
    return write_headline(read_study(study)), tuple(lines)
