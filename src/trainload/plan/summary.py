"""A plan's headline figures: cost of power, emission, matched share, and the odds of its first gigawatt."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd

from trainload.plan.delivery import goal_share
from trainload.plan.formulate import Formulation
from trainload.plan.periods import latest_order
from trainload.plan.results import LEAST_ORDER_MW, list_arrivals
from trainload.solve.program import Solution
from trainload.supply.options import Option
from trainload.supply.schedule import Schedule

CRUMB = 1e-8  # of the total: what an interior point leaves where the answer is nothing


def summarise_plan(
    formulation: Formulation, solution: Solution, schedule: Schedule, tables: Mapping[str, pd.DataFrame]
) -> dict[str, object]:
    """Return the plan's headline figures, as ``summary.json`` names them."""
    ledger, emissions, periods = tables["ledger"], tables["emissions"], tables["periods"]
    world = formulation.world
    cash = float(ledger.loc[ledger.group == "cash", "usd_present"].sum())
    idle_terms = ledger.term.isin(["programme_delay", "curtailment"])
    total = float(ledger.usd_present.sum())
    idle = float(ledger.loc[idle_terms, "usd_present"].sum())
    by_measure = emissions.groupby("measure")["value"].sum()
    load_mwh, unserved_mwh = float(by_measure.get("load", 0.0)), float(by_measure.get("unserved", 0.0))
    unserved_mwh = unserved_mwh if unserved_mwh > CRUMB * load_mwh else 0.0
    served_present = 0.0
    for b, item in enumerate(world.blocks):
        names = formulation.program.blocks[b].flow_names
        shed = sum(solution.flows[b][j] for j, name in enumerate(names) if name.startswith("unserved_"))
        rows = tables["operation"]["block"] == item.name
        load = tables["operation"].loc[rows, "load_mw"].to_numpy()
        served_present += float(((load - shed) * item.years.weight_hours).sum()) * item.years.present_factor
    powered = periods.loc[periods.powered_mw > LEAST_ORDER_MW]
    reach = reach_dates(formulation, solution, schedule, 1000.0, percentiles=(50.0, 80.0))
    return {
        "usd_per_mwh": cash / served_present if served_present > 0 else None,
        "cash_present_usd": cash,
        "shadow_present_usd": float(ledger.loc[ledger.group == "shadow", "usd_present"].sum()),
        "served_mwh": load_mwh - unserved_mwh,
        "unserved_mwh": unserved_mwh,
        "idle_compute_usd": idle if idle > CRUMB * abs(total) else 0.0,
        "tco2_direct": float(by_measure.get("direct", 0.0)),
        "tco2_location": float(by_measure.get("location", 0.0)),
        "clean_matched_frac": matched_share(formulation, solution, tables["operation"]),
        "first_power_on": None if powered.empty else powered.iloc[0].period_on.isoformat(),
        "p50_1gw_on": reach[0].isoformat() if reach[0] else None,
        "p80_1gw_on": reach[1].isoformat() if reach[1] else None,
    }


def matched_share(formulation: Formulation, solution: Solution, operation: pd.DataFrame) -> float | None:
    """Return the share of load matched hourly by clean supply over the hours in which the goal holds; None without."""
    matched, load = 0.0, 0.0
    for b, item in enumerate(formulation.world.blocks):
        names = formulation.program.blocks[b].flow_names
        if "matched" in names:
            weight = item.years.weight_hours * goal_share(formulation.world, b)
            matched += float(solution.flows[b][names.index("matched")] @ weight)
            load += float(operation.loc[operation.block == item.name, "load_mw"].to_numpy() @ weight)
    return matched / load if load > 0 else None


def reach_dates(
    formulation: Formulation,
    solution: Solution,
    schedule: Schedule,
    target_mw: float,
    *,
    percentiles: Sequence[float],
) -> list[date | None]:
    """Return the dates by which firm capacity reaches `target_mw` with the given chances, under simulated lead times.

    Each order is placed on its planned date; in every draw it arrives after its drawn lead time, and it carries power
    once its gates' MW have arrived as well. None where fewer draws than that reach the target within the horizon.
    """
    world = formulation.world
    start = world.starts_on
    # (days after the start, MW) of every firm order in every draw
    days, sizes = [], []
    for arrival in list_arrivals(formulation, solution):
        option = arrival.owner
        if not isinstance(option, Option) or not option.powers_campus:
            continue
        arrive_on = world.periods[arrival.period].starts_on
        order_on = max(latest_order(arrive_on, world.lead_months[arrival.name]), start)
        lead_days = schedule.draws(arrival.name) * (365.25 / 12)
        day = (order_on - start).days + lead_days
        if option.available_on is not None:
            day = np.maximum(day, (option.available_on - start).days)
        days.append(day)
        sizes.append(arrival.mw)
    if not days or sum(sizes) < target_mw - LEAST_ORDER_MW:
        return [None for _ in percentiles]
    matrix = np.array(days)  # (orders, draws)
    order = np.argsort(matrix, axis=0, kind="stable")
    cumulated = np.cumsum(np.array(sizes)[order], axis=0)
    first = np.argmax(cumulated >= target_mw - LEAST_ORDER_MW, axis=0)
    reached = np.take_along_axis(matrix, np.take_along_axis(order, first[None, :], axis=0), axis=0)[0]
    last_day = (world.ends_on - start).days
    answer: list[date | None] = []
    for percentile in percentiles:
        by_day = float(np.quantile(reached, percentile / 100.0))
        answer.append(start + timedelta(days=int(np.ceil(by_day))) if by_day <= last_day else None)
    return answer
