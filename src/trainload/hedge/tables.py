"""Tables of a hedge, and the plan that follows it: hedged orders in the plan's own world, dated as they were placed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, cast

import numpy as np
import pandas as pd

from trainload.hedge.energisation import DatedOrder, tabulate_energisation
from trainload.hedge.orders import Hedge, book_orders, hold_orders, list_orders
from trainload.hedge.program import is_lumpy
from trainload.hedge.values import weigh_outcome
from trainload.plan.orders import owner_name
from trainload.plan.periods import shift_months
from trainload.plan.plan import Plan, make_plan
from trainload.plan.solvers import Progress
from trainload.plan.world import World
from trainload.supply.options import Gate, Option
from trainload.supply.schedule import Schedule
from trainload.tables import TABLES

HEDGE_KEYS = (
    "scenarios", "distance_months", "spread_kept_frac", "expected_usd", "bound_usd", "gap", "deterministic_usd",
    "rescheduled_usd", "value_of_hedging_usd", "value_of_knowing_usd", "steps", "hedged", "deterministic",
)  # fmt: skip
CRUMB_MW = 0.05  # less than this beside a hedged order is a solver's rounding


def follow_hedge(
    hedge: Hedge,
    world: World,
    schedule: Schedule,
    *,
    generations: Mapping[date, str] | None = None,
    on_progress: Progress | None = None,
) -> Plan:
    """Return the plan that holds the hedged orders and operates them at the plan's own lead times.

    Its ordinary tables are those of one future, the planned one: chips arrive by the hedge's dates and follow power, so
    that price (b) stands in the hedge's tables only. What could be ordered again once a lead time is known stays open.

    Args:
        hedge: the hedged orders (see `hedge.hedge.hedge_plan`).
        world: of the deterministic plan.
        schedule: simulated lead times.
        generations: wanted date of each model generation.
        on_progress: called with a message and a share done.

    Raises:
        SolverError: if a program has no usable solution.
    """
    followed = make_plan(hold_orders(hedge, world), schedule, generations=generations, on_progress=on_progress)
    tables = {
        **followed.tables,
        **tabulate_hedge(hedge, schedule),
        "orders": redate_orders(followed.tables["orders"], hedge, schedule),
    }
    figures = {**followed.figures, "hedge": summarise_hedge(hedge, tables["energisation"])}
    for row in tables["energisation"].to_dict("records"):
        if row["orders"] == "hedged" and row["target"] == "first GW":
            figures |= {f"{q}_1gw_on": row[f"{q}_on"].isoformat() if row[f"{q}_on"] else None for q in ("p50", "p80")}
    return replace(followed, tables=tables, figures=figures, notes=(*followed.notes, *hedge.notes))


def tabulate_hedge(hedge: Hedge, schedule: Schedule) -> dict[str, pd.DataFrame]:
    """Return the tables hedge, hedge_scenarios, hedge_leads, hedge_orders and energisation."""
    names = [item.case.name for item in hedge.parts]
    books = {
        "hedged": book_orders(hedge, hedge.hedged),
        "deterministic": book_orders(hedge, hedge.replayed),
    }
    kinds = {owner_name(o): "gate" if isinstance(o, Gate) else "option" for o in hedge.base.supply.owners}
    scenarios = pd.DataFrame(
        {
            "scenario": names,
            "weight_frac": hedge.scenarios.weights,
            "hedged_usd": hedge.hedged.costs_usd,
            "deterministic_usd": hedge.replayed.costs_usd,
            "known_usd": hedge.known_usd,
            "hedged_idle_usd": hedge.hedged.idle_usd,
            "deterministic_idle_usd": hedge.replayed.idle_usd,
        }
    )
    leads = [
        (name, owner, kinds[owner], float(hedge.scenarios.lead_months[owner][k]))
        for k, name in enumerate(names)
        for owner in kinds
    ]
    return {
        "hedge": _tabulate_measures(hedge),
        "hedge_scenarios": scenarios[list(TABLES["hedge_scenarios"])],
        "hedge_leads": pd.DataFrame(leads, columns=list(TABLES["hedge_leads"])),
        "hedge_orders": _tabulate_orders(hedge, schedule, books["hedged"].orders),
        "energisation": tabulate_energisation(hedge.base, schedule, books, hedge.scenarios.nearest),
    }


def summarise_hedge(hedge: Hedge, energisation: pd.DataFrame) -> dict[str, object]:
    """Return the hedge's part of ``summary.json``."""
    dates: dict[str, dict[str, object]] = {"hedged": {}, "deterministic": {}}
    for row in energisation.to_dict("records"):
        key = "first_gw" if row["target"] == "first GW" else "full_power"
        for q in ("p50", "p80", "p95"):
            dates[str(row["orders"])][f"{q}_{key}_on"] = row[f"{q}_on"]
    return {
        "scenarios": hedge.scenarios.n_scenarios,
        "distance_months": hedge.scenarios.distance_months,
        "spread_kept_frac": hedge.scenarios.spread_kept_frac,
        "expected_usd": hedge.hedged.objective_usd,
        "bound_usd": hedge.hedged.bound_usd,
        "gap": hedge.hedged.gap,
        "deterministic_usd": hedge.replayed.objective_usd,
        "rescheduled_usd": hedge.rescheduled.objective_usd,
        "value_of_hedging_usd": hedge.value_of_hedging_usd,
        "value_of_knowing_usd": hedge.value_of_knowing_usd,
        "steps": [{"step": s.step, "value_usd": s.value_usd} for s in hedge.steps],
        **dates,
    }


def _tabulate_measures(hedge: Hedge) -> pd.DataFrame:
    settings, weights = hedge.settings, hedge.scenarios.weights
    rows: list[tuple[str, str, float, str]] = [
        ("hedged", "", hedge.hedged.objective_usd, "USD present"),
        ("hedged_bound", "", hedge.hedged.bound_usd, "USD present"),
        ("hedged_relaxed", "", hedge.relaxed_usd, "USD present"),
        ("hedged_mean", "", float(weights @ hedge.hedged.costs_usd), "USD present"),
        ("deterministic", "", hedge.replayed.objective_usd, "USD present"),
        ("deterministic_mean", "", float(weights @ hedge.replayed.costs_usd), "USD present"),
        ("rescheduled", "", hedge.rescheduled.objective_usd, "USD present"),
        ("known", "", weigh_outcome(hedge.known_usd, weights, settings), "USD present"),
        ("value_of_hedging", "", hedge.value_of_hedging_usd, "USD present"),
        ("value_of_moving_chips", "", hedge.replayed.objective_usd - hedge.rescheduled.objective_usd, "USD present"),
        ("value_of_hedging_orders", "", hedge.rescheduled.objective_usd - hedge.hedged.objective_usd, "USD present"),
        ("value_of_knowing", "", hedge.value_of_knowing_usd, "USD present"),
        *(("value_of_knowing_step", s.step, s.value_usd, "USD present") for s in hedge.steps),
        ("scenarios", "", float(hedge.scenarios.n_scenarios), "count"),
        ("distance", "", hedge.scenarios.distance_months, "months"),
        ("spread_kept", "", hedge.scenarios.spread_kept_frac, "fraction"),
        ("tail_weight", "", settings.cvar_weight_frac, "fraction"),
        ("tail", "", settings.cvar_tail_frac, "fraction"),
    ]
    return pd.DataFrame(rows, columns=list(TABLES["hedge"]))


def _tabulate_orders(hedge: Hedge, schedule: Schedule, orders: Sequence[DatedOrder]) -> pd.DataFrame:
    owners = {owner_name(o): o for o in hedge.base.supply.owners}
    rows = []
    for order in orders:
        owner = owners[order.owner]
        rows.append(
            {
                "option": order.owner,
                "owner_kind": "gate" if isinstance(owner, Gate) else "option",
                "scenario": "" if order.scenario is None else hedge.parts[order.scenario].case.name,
                "order_on": order.order_on,
                "mw": order.mw,
                "units": round(order.mw / owner.unit_mw) if is_lumpy(owner, hedge.base) else None,
                **{f"arrive_p{q}_on": _arrival_on(owner, schedule, order.order_on, q) for q in (50, 80, 95)},
            }
        )
    table = pd.DataFrame(rows, columns=list(TABLES["hedge_orders"]))
    return table.sort_values(["scenario", "order_on", "option"], kind="stable", ignore_index=True)


def _arrival_on(owner: Option | Gate, schedule: Schedule, order_on: date, percentile: float) -> date:
    day = shift_months(order_on, schedule.lead_months(owner_name(owner), percentile))
    return max(day, owner.available_on) if isinstance(owner, Option) and owner.available_on is not None else day


def redate_orders(orders: pd.DataFrame, hedge: Hedge, schedule: Schedule) -> pd.DataFrame:
    """Return the order list with the days on which hedged orders are placed, one row for each.

    What arrives is taken from the hedged orders in the order of their dates; an arrival that none of them explains was
    ordered again once its lead time was known and keeps its latest date.
    """
    owners = {owner_name(o): o for o in hedge.base.supply.owners}
    starts = [p.starts_on for p in hedge.base.periods]
    queues: dict[str, list[tuple[date, float, date]]] = {}
    for order in sorted(list_orders(hedge, hedge.hedged.shared), key=lambda o: o.order_on):
        m = int(hedge.planned.arrives[order.owner][starts.index(order.order_on)])
        if m < len(starts):
            queues.setdefault(order.owner, []).append((order.order_on, order.mw, starts[m]))
    rows: list[dict[str, Any]] = []
    for row in cast(list[dict[str, Any]], orders.sort_values("arrive_on", kind="stable").to_dict("records")):
        name, left, queue = str(row["option"]), float(row["mw"]), queues.get(str(row["option"]), [])
        pieces: list[tuple[date, float]] = []
        while left > CRUMB_MW and queue and queue[0][2] <= row["arrive_on"]:
            order_on, mw, arrives_on = queue.pop(0)
            pieces.append((order_on, min(left, mw)))
            if mw - left > CRUMB_MW:
                queue.insert(0, (order_on, mw - left, arrives_on))
            left -= min(left, mw)
        if not pieces or left > CRUMB_MW:
            pieces.append((row["order_on"], left))
        else:
            pieces[-1] = (pieces[-1][0], pieces[-1][1] + left)
        for order_on, mw in pieces:
            share = mw / float(row["mw"])
            dates = {f"arrive_p{q}_on": _arrival_on(owners[name], schedule, order_on, q) for q in (50, 80)}
            units = row["units"]
            counted = None if units is None or np.isnan(units) else round(units * share)
            amounts = {"mw": mw, "units": counted, "capex_usd": row["capex_usd"] * share}
            rows.append({**row, "order_on": order_on, **amounts, **dates})
    table = pd.DataFrame(rows, columns=list(TABLES["orders"]))
    return table.sort_values(["order_on", "arrive_on", "option"], kind="stable", ignore_index=True)
