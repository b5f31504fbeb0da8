"""The order of the stages: from a scenario to a study folder with its report."""

import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trainload import __version__
from trainload.catalogue.facts import Catalogue, load_catalogue
from trainload.catalogue.vintages import tabulate_vintage_outcomes
from trainload.demand.demand import Demand, estimate_demand
from trainload.errors import Note
from trainload.forecast.claims import judge_claims
from trainload.forecast.forecast import Forecast, forecast_power
from trainload.plan.audit import Audit, audit_tables
from trainload.plan.diagnose import explain_choices, explain_shortfall
from trainload.plan.parameters import tabulate_parameters
from trainload.plan.plan import Plan, choose_solver, make_plan
from trainload.plan.prices import price_idle_compute
from trainload.plan.values import tabulate_values
from trainload.plan.world import World, build_world
from trainload.profiles.profiles import build_profiles
from trainload.scenario.file import LoadedScenario, dump_scenario
from trainload.scenario.models import Scenario
from trainload.study.compare import drop_goals, has_goals, limit_to_base, tabulate_comparison
from trainload.study.folder import REPORT, StudyTables, replacing_folder, require_free, write_study
from trainload.study.sampling_error import measure_sampling_error
from trainload.study.scores import rank_answers, score_forecast
from trainload.supply.schedule import Schedule, simulate_arrivals
from trainload.supply.supply import build_supply
from trainload.tables import TABLES, empty_table

Progress = Callable[[str, float | None], None]


GENERATION_KEYS = (
    "name", "flop", "facility_peak_mw", "facility_average_mw", "energy_mwh", "chips", "days", "wanted_on",
    "powered_on", "finish_on", "delay_days",
)  # fmt: skip
PLAN_KEYS = (
    "solver", "status", "hours", "objective_usd", "bound_usd", "gap", "build_seconds", "solve_seconds", "peak_mb",
    "usd_per_mwh", "unserved_mwh", "idle_compute_usd", "tco2_direct", "tco2_location", "clean_matched_frac",
    "first_power_on", "p50_1gw_on", "p80_1gw_on",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StudyResult:
    """Where a study was written, and what it says in short."""

    folder: Path
    headline: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stages:
    """Results of every stage of one scenario, before they become tables."""

    catalogue: Catalogue
    forecast: Forecast
    demand: Demand
    schedule: Schedule
    world: World
    plan: Plan
    base: Plan | None
    goals_dropped: Plan | None
    backtest: pd.DataFrame
    drivers: pd.DataFrame
    notes: tuple[Note, ...]


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

    def solve(case: World, what: str, share: float) -> Plan:
        return make_plan(
            case, schedule, generations=generations, on_progress=lambda message, _: tell(f"{what}: {message}", share)
        )

    plan = solve(world, "plan", 0.25)
    sampling: tuple[Note, ...] = ()
    if scenario.plan.hours == "sampled":
        tell("operating one full year at the plan's capacities", 0.7)
        solver = choose_solver(plan.formulation.program, scenario.plan.solver, [])
        sampling = (measure_sampling_error(plan, solver).note(),)
    base_supply = limit_to_base(supply)
    base = None
    if base_supply is not None:
        base = solve(drop_goals(replace(world, supply=base_supply)), "base case", 0.75)
    dropped = solve(drop_goals(world), "goals dropped", 0.82) if has_goals(world) else None
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


def assemble_study(loaded: LoadedScenario, stages: Stages) -> StudyTables:
    """Turn stage results into the study's tables, summary and manifest, with the audit of the tables."""
    scenario, plan, world = loaded.scenario, stages.plan, stages.world
    generations = tabulate_generations(stages)
    cases = {"plan": plan, "base": stages.base}
    if stages.goals_dropped is not None:
        cases |= {"goals_kept": plan, "goals_dropped": stages.goals_dropped}
    shortfall = explain_shortfall(plan, stages.schedule)
    tables: dict[str, pd.DataFrame] = {
        **plan.tables,
        "forecast": stages.forecast.table,
        "generations": generations,
        "derivation": stages.demand.derivation,
        "options": explain_choices(plan, stages.schedule),
        "steps": stages.schedule.steps_table(),
        "arrivals": stages.schedule.arrivals_table(world.starts_on),
        "parameters": tabulate_parameters(world),
        "values": tabulate_values(plan),
        "comparison": tabulate_comparison({k: v for k, v in cases.items() if v is not None}, stages.catalogue),
        "sources": tabulate_sources(stages),
        "backtest": stages.backtest,
        "drivers": stages.drivers,
        "claims": tabulate_claims(scenario),
        "outcomes": tabulate_outcomes(scenario),
        "notes": tabulate_notes((*loaded.notes, *stages.notes, *shortfall)),
    }
    audit = audit_tables(tables, objective_usd=plan.check.objective)
    summary = summarise(scenario, stages, generations, audit)
    return StudyTables.of(summary, write_manifest(loaded, stages.catalogue), tables)


def tabulate_generations(stages: Stages) -> pd.DataFrame:
    """Return the generations with the dates that the plan's power gives them."""
    finishes = {f.name: f for f in stages.demand.finish(stages.plan.tables["periods"], stages.plan.tables["operation"])}
    rows = []
    for g in stages.demand.generations:
        f = finishes[g.name]
        rows.append(
            {
                "name": g.name,
                "wanted_on": g.wanted_on,
                "flop": g.flop,
                "chip": g.chip,
                "chips": g.n_chips,
                "days": g.days,
                "facility_peak_mw": g.facility_peak_mw,
                "facility_average_mw": g.facility_average_mw,
                "it_peak_mw": g.it_peak_mw,
                "energy_mwh": g.energy_mwh,
                "utilisation_frac": g.utilisation_frac,
                "goodput_frac": g.goodput_frac,
                "cost_usd": g.cost_usd,
                "tco2": g.tco2,
                "powered_on": f.powered_on,
                "finish_on": f.finish_on,
                "finish_unconstrained_on": f.finish_unconstrained_on,
                "delay_days": f.delay_days,
            }
        )
    return pd.DataFrame(rows, columns=list(TABLES["generations"]))


def tabulate_notes(notes: tuple[Note, ...]) -> pd.DataFrame:
    """Return the notes, each once, warnings first."""
    rank = {"warning": 0, "limit": 1, "assumption": 2, "default": 3}
    unique = sorted(dict.fromkeys(notes), key=lambda note: rank[note.kind])
    return pd.DataFrame([asdict(note) for note in unique], columns=list(TABLES["notes"]))


def tabulate_sources(stages: Stages) -> pd.DataFrame:
    """Return every catalogue figure the study used, with unit, year, grade and source."""
    figures = {**stages.world.supply.figures, **stages.demand.figures, **stages.world.profiles.figures}
    figures |= {
        f"prices.{k}": stages.catalogue.prices[k] for k in ("ai_cloud_revenue", "dc_tco", "servers_annual", "dc_capex")
    }
    rows = [
        (key, key, f.value, f.low, f.high, f.unit, f.year, f.grade, f.source, f.note)
        for key, f in sorted(figures.items())
    ]
    return pd.DataFrame(rows, columns=list(TABLES["sources"]))


def is_of_the_past(scenario: Scenario) -> bool:
    """Return whether today's catalogue knows what became of plans of that day: half a year or more ago."""
    newest = max((run.released_on for run in load_catalogue().frontier_runs), default=scenario.as_of)
    return (newest - scenario.as_of).days > 180


def tabulate_claims(scenario: Scenario) -> pd.DataFrame:
    """Return the claims ledger, with our odds then and now; empty for a study of the present."""
    return judge_claims(seed=scenario.seed) if is_of_the_past(scenario) else empty_table("claims")


def tabulate_outcomes(scenario: Scenario) -> pd.DataFrame:
    """Return what was planned as of the study's date beside what happened; empty for a study of the present."""
    outcomes = load_catalogue().outcomes if is_of_the_past(scenario) else ()
    rows = [(o.subject, o.planned, o.happened, o.grade, o.source) for o in outcomes]
    table = pd.DataFrame(rows, columns=list(TABLES["outcomes"]))
    return pd.concat([table, tabulate_vintage_outcomes(scenario.as_of)], ignore_index=True) if rows else table


def summarise(scenario: Scenario, stages: Stages, generations: pd.DataFrame, audit: Audit) -> dict[str, Any]:
    """Return ``summary.json``: a contract; null where not computed."""
    plan = stages.plan
    forecast: dict[str, Any] = {"basis": "facility_peak"}
    ours = stages.forecast.table.query("model == 'trainload'")
    for target in ("record_run", "largest_campus", "programme"):
        forecast[target] = {
            f"{row.year:.0f}": {
                "p10_mw": row.p10_mw,
                "p50_mw": row.p50_mw,
                "p90_mw": row.p90_mw,
                "p_ge_1gw": row.p_ge_1gw,
                "p_ge_5gw": row.p_ge_5gw,
            }
            for row in ours.loc[ours.target == target].itertuples()
        }
    orders = plan.tables["orders"]
    summary: dict[str, Any] = _json_ready(
        {
            "scenario": scenario.name,
            "as_of": scenario.as_of,
            "seed": scenario.seed,
            "version": __version__,
            "forecast": forecast,
            "generations": [{k: row[k] for k in GENERATION_KEYS} for row in generations.to_dict("records")],
            "plan": {k: {**plan.figures, "peak_mb": measure_peak_mb()}.get(k) for k in PLAN_KEYS},
            "orders": orders[
                ["option", "mw", "units", "order_on", "arrive_p50_on", "arrive_p80_on", "critical_step"]
            ].to_dict("records"),
            "checks": {
                "ledger_error": audit.ledger_error,
                "balance_error": audit.balance_error,
                "limit_error": audit.limit_error,
                "level_error": audit.level_error,
                "budget_error": audit.budget_error,
            },
        }
    )
    return summary


def _json_ready(value: Any) -> Any:
    """Return the value with dates as ISO text, numpy numbers as Python's, and NaN as null."""
    if isinstance(value, Mapping):
        return {str(k): _json_ready(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_json_ready(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if hasattr(value, "isoformat"):
        return value.isoformat()[:10]
    return value


def measure_peak_mb() -> float | None:
    """Return the process's peak memory in MB, where the system tells."""
    try:
        import resource  # noqa: PLC0415  (not on Windows)
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024.0**2 if platform.system() == "Darwin" else 1024.0), 1)


def write_manifest(loaded: LoadedScenario, catalogue: Catalogue) -> dict[str, Any]:
    """Return what is needed to repeat the study: scenario, seed, versions, defaults."""
    scenario = loaded.scenario
    return {
        "scenario": dump_scenario(scenario),
        "file": loaded.path.name,
        "variant": loaded.variant,
        "patches": [[path, value] for path, value in loaded.patches],
        "seed": scenario.seed,
        "version": __version__,
        "versions": {name: _version(name) for name in ("numpy", "scipy", "pandas", "numba", "highspy", "pvlib")},
        "python": platform.python_version(),
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "price_year": scenario.money.price_year,
        "start_on": scenario.first_order_on.isoformat(),
        "ends_on": scenario.ends_on.isoformat(),
        "title": scenario.title,
        "description": scenario.description,
        "places": [
            {"name": c.city, "average_mw": c.average_mw, "peak_mw": c.peak_mw, "grade": c.grade, "source": c.source}
            for c in catalogue.cities
        ],
        "defaults": [asdict(default) for default in loaded.defaults],
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


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
