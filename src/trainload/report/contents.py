"""What the report holds, in reading order: its sections with figures and listings, and how the study was made."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from trainload.report import (
    amounts,
    demand_figures,
    dispatch_figures,
    driver_figures,
    emission_figures,
    forecast_figures,
    hedge_figures,
    money_figures,
    record_listings,
    schedule_figures,
    score_figures,
    supply_figures,
    value_figures,
)
from trainload.report.figures import Figure, Listing
from trainload.report.reading import Reading


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered part of the page: figures and listings in the order they are read."""

    key: str
    title: str
    question: str
    items: tuple[Figure | Listing, ...]
    empty: str = ""


def build_sections(reading: Reading) -> list[Section]:
    """Return the parts of the report in reading order."""
    base = money_figures.list_comparison(
        reading,
        ("base", "plan"),
        key="comparison",
        title="Base case and plan",
        caption=(
            "Base case: firm grid service only, ordered on the first day, for the same wanted load. Cash and "
            "shadow cost stand apart."
        ),
    )
    goals = money_figures.list_comparison(
        reading,
        ("goals_dropped", "goals_kept"),
        key="goals",
        title="What the goals cost",
        caption="The same plan without and with the buyer's own CO₂ cap and hourly matching.",
    )
    return [
        Section(
            "base",
            "Plan and base case",
            "What does the plan change against waiting for firm grid service?",
            _pick(base, money_figures.draw_comparison(reading)),
            "The study holds no base case.",
        ),
        Section(
            "forecast",
            "How much, by when, how sure",
            "How large do training runs and campuses become?",
            _pick(
                *forecast_figures.draw_fans(reading),
                forecast_figures.draw_odds(reading, "record_run", "p_ge_1gw"),
                forecast_figures.draw_odds(reading, "record_run", "p_ge_5gw"),
                forecast_figures.list_odds(reading),
                *driver_figures.draw_forecast_drivers(reading),
                forecast_figures.list_places(reading),
            ),
            "The study holds no forecast.",
        ),
        Section(
            "schedule",
            "What holds it up",
            "What must be ordered when, and which step decides?",
            _pick(
                schedule_figures.draw_orders(reading),
                schedule_figures.draw_steps(reading),
                schedule_figures.list_gate(reading),
                schedule_figures.draw_arrivals(reading),
                schedule_figures.list_steps(reading),
            ),
            "The study holds no schedule.",
        ),
        Section(
            "supply",
            "Supply and load",
            "Does power arrive with the load, and does it carry the worst week?",
            _pick(
                supply_figures.draw_capacity(reading),
                *dispatch_figures.draw_weeks(reading),
                dispatch_figures.draw_duration(reading),
            ),
            "The study holds no plan.",
        ),
        Section(
            "options",
            "Why, and why not",
            "Which options are in the plan, and what keeps the others out?",
            _pick(supply_figures.list_options(reading)),
        ),
        Section(
            "orders",
            "Order list",
            "What to order, how much, until when?",
            _pick(schedule_figures.list_orders(reading)),
            "The plan orders nothing.",
        ),
        Section(
            "costs",
            "Costs",
            "What is paid, and what does missing power cost?",
            _pick(
                money_figures.draw_ledger(reading, "cash"),
                money_figures.draw_ledger(reading, "shadow"),
                money_figures.list_ledger(reading),
            ),
            "The study holds no ledger.",
        ),
        Section(
            "generations",
            "Generations",
            "What does each model generation need and get, and when does it finish?",
            _pick(
                demand_figures.draw_generations(reading),
                demand_figures.list_generations(reading),
                driver_figures.draw_generation_drivers(reading),
                *driver_figures.list_generation_drivers(reading),
                *demand_figures.list_derivations(reading),
            ),
            "The study holds no generations.",
        ),
        Section(
            "emissions",
            "Emissions and goals",
            "What is emitted, how much is matched, and what do the goals cost?",
            _pick(*emission_figures.draw_emissions(reading), goals),
            "The study holds no emissions.",
        ),
        Section(
            "values",
            "What more would be worth",
            "Where would a month, a megawatt or a tonne help most?",
            _pick(
                value_figures.draw_delays(reading),
                *value_figures.draw_worths(reading),
                value_figures.list_values(reading),
            ),
        ),
        Section(
            "hedge",
            "What is it worth to know?",
            "What do uncertain lead times cost, and what would an answer be worth?",
            _pick(
                hedge_figures.draw_knowledge(reading),
                hedge_figures.draw_scenarios(reading),
                hedge_figures.list_energisation(reading),
                hedge_figures.list_hedge_orders(reading),
            ),
        ),
        Section(
            "claims",
            "Claims and outcomes",
            "What was claimed and planned, and what happened?",
            tuple(record_listings.list_claims(reading)),
        ),
        Section(
            "backtest",
            "The forecast's record",
            "How well did forecasts made this way do?",
            _pick(
                *score_figures.draw_scores(reading),
                score_figures.list_backtest(reading),
                score_figures.list_splits(reading),
            ),
        ),
        Section("notes", "Notes", "What did the tool choose, assume or find?", _pick(_list_notes(reading))),
        Section(
            "sources",
            "Sources",
            "Where does each figure come from?",
            _pick(_list_sources(reading), _list_defaults(reading)),
            "The study lists no sources.",
        ),
    ]


def _pick(*items: Figure | Listing | None) -> tuple[Figure | Listing, ...]:
    """Return what is there; a half-width figure without a neighbour takes the full width."""
    kept: list[Figure | Listing] = []
    waiting = False
    present: list[Figure | Listing | None] = [item for item in items if item is not None]
    for item in [*present, None]:
        half = isinstance(item, Figure) and item.width == "half"
        if waiting and not half and isinstance(kept[-1], Figure):
            kept[-1] = replace(kept[-1], width="full")
        waiting = half and not waiting
        if item is not None:
            kept.append(item)
    return tuple(kept)


def _list_notes(reading: Reading) -> Listing | None:
    notes = reading["notes"]
    if notes.empty:
        return None
    rank = {"warning": 0, "limit": 1, "assumption": 2, "default": 3}
    rows = notes.assign(rank=[rank.get(str(k), 4) for k in notes["kind"]]).sort_values("rank", kind="stable")[
        ["kind", "subject", "text"]
    ]
    return Listing("notes-rows", "Notes", rows.reset_index(drop=True), "Warnings first.", {"text": "Note"})


def _list_sources(reading: Reading) -> Listing | None:
    sources = reading["sources"]
    if sources.empty:
        return None
    columns = ["key", "figure", "value", "low", "high", "unit", "year", "grade", "source", "note"]
    same = (sources["figure"] == sources["key"]).all()
    rows = sources[[c for c in columns if c != "figure" or not same]]
    caption = "Grade A: read in a source. B: from a named source that was not opened. C: judgement or derived."
    return Listing("sources-rows", "Sources of the figures used", rows, caption)


def _list_defaults(reading: Reading) -> Listing | None:
    defaults = reading.manifest.get("defaults") or []
    if isinstance(defaults, Mapping):
        defaults = [{"path": k, "value": v} for k, v in defaults.items()]
    if not defaults:
        return None
    rows = pd.DataFrame([d if isinstance(d, Mapping) else {"default": str(d)} for d in defaults])
    rows = rows.map(lambda v: json.dumps(v, sort_keys=True, default=str) if isinstance(v, list | dict) else v)
    rows.columns = [str(c) for c in rows.columns]
    kinds: dict[str, Any] = {c: "text" for c in rows.columns if c not in ("grade", "source")}
    return Listing(
        "defaults", "Defaults used", rows.astype(object), "Values the scenario does not give.", kinds=kinds, folded=True
    )


def list_facts(reading: Reading) -> list[tuple[str, str]]:
    """Return how the study was computed: versions, seed, solver, gap, checks, hashes."""
    plan, summary = reading.plan, reading.summary
    facts: list[tuple[str, str]] = []

    def add(label: str, value: Any) -> None:
        if not amounts.is_missing(value):
            facts.append((label, str(value)))

    add("Scenario", summary.get("scenario"))
    add("As of", amounts.format_date(summary.get("as_of")) if summary.get("as_of") else None)
    add("First order date", amounts.format_date(reading.start_on))
    add("trainload", summary.get("version"))
    add("Seed", summary.get("seed"))
    add("Solver", " ".join(str(v) for v in (plan.get("solver"), plan.get("status")) if v) or None)
    for label, key, unit in (
        ("Hours planned", "hours", "h"),
        ("Objective", "objective_usd", "USD"),
        ("Proven bound", "bound_usd", "USD"),
        ("Build", "build_seconds", "s"),
        ("Solve", "solve_seconds", "s"),
        ("Peak memory", "peak_mb", "MB"),
    ):
        if not amounts.is_missing(plan.get(key)):
            add(
                label,
                amounts.format_usd(plan[key]) if unit == "USD" else f"{amounts.round_digits(float(plan[key]))} {unit}",
            )
    if not amounts.is_missing(plan.get("gap")):
        add("Gap", f"{amounts.round_digits(100 * float(plan['gap']))}%")
    for key, value in (summary.get("checks") or {}).items():
        add(f"Check: {key.replace('_', ' ')}", None if value is None else f"{float(value):.1e}")
    for group in ("versions", "hashes"):
        for key, value in (reading.manifest.get(group) or {}).items():
            add(f"{key}" if group == "versions" else f"SHA-256 of {key}", value)
    return list(dict.fromkeys(facts))
