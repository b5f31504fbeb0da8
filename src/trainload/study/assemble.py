"""From stage results to a study: its tables, its summary and its manifest."""

import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pandas as pd

from trainload import __version__
from trainload.audit.audit import Audit, audit_tables
from trainload.catalogue.facts import Catalogue, load_catalogue
from trainload.catalogue.vintages import tabulate_vintage_outcomes
from trainload.demand.demand import Demand
from trainload.errors import Note
from trainload.forecast.claims import judge_claims
from trainload.forecast.forecast import Forecast
from trainload.plan.diagnose import explain_choices, explain_shortfall
from trainload.plan.parameters import tabulate_parameters
from trainload.plan.plan import Plan
from trainload.plan.world import World
from trainload.scenario.file import LoadedScenario, dump_scenario
from trainload.scenario.models import Scenario
from trainload.study.compare import tabulate_comparison
from trainload.study.folder import StudyTables
from trainload.supply.schedule import Schedule
from trainload.tables import TABLES, empty_table

Progress = Callable[[str, float | None], None]


GENERATION_KEYS = (
    "name", "flop", "facility_peak_mw", "facility_average_mw", "energy_mwh", "chips", "days", "wanted_on",
    "powered_on", "start_on", "finish_on", "delay_days",
)  # fmt: skip
PLAN_KEYS = (
    "solver", "status", "hours", "objective_usd", "bound_usd", "gap", "build_seconds", "solve_seconds", "peak_mb",
    "usd_per_mwh", "unserved_mwh", "idle_compute_usd", "tco2_direct", "tco2_location", "clean_matched_frac",
    "first_power_on", "p50_1gw_on", "p80_1gw_on",
)  # fmt: skip


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
                "start_on": f.start_on,
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
            "hedge": plan.figures.get("hedge"),
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
