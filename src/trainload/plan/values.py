"""Duals as answers: what one more MWh, MW or tonne is worth, and what a month of delay costs."""

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainload.plan.results import LEAST_ORDER_MW, list_arrivals
from trainload.solve.check import lagrangian_function
from trainload.supply.options import Option
from trainload.tables import TABLES
from trainload.units import HOURS_PER_MONTH, HOURS_PER_YEAR

if TYPE_CHECKING:
    from trainload.plan.plan import Plan

Array = NDArray[np.float64]
ValueRow = tuple[str, str, date, float, str]
LEAST_VALUE_USD_PER_MW = 1.0


def reduced_costs(plan: "Plan") -> Array:
    """Return (n,) what one more unit of each border column adds to the objective, USD of present value per unit."""
    solution = plan.solution
    function = lagrangian_function(
        plan.formulation.program,
        row_duals=solution.row_duals,
        border_row_duals=solution.border_row_duals,
        budget_duals=solution.budget_duals,
        state_duals=solution.state_duals,
    )
    return function.slope_up


def forced_order_costs(plan: "Plan", option: str) -> Array:
    """Return what one MW forced in would add a year, by period of arrival, USD per MW and year of service.

    The reduced cost of the arrival, of the capacity it keeps in service afterwards and of its share in the means of
    sampled groups, the same for the gates it needs (how a solver splits them is arbitrary, their sum is not), over the
    present value of the years in service. Arrivals in the last year are left out unless there are no others. Empty
    where nothing can arrive.
    """
    world = plan.formulation.world
    costs = dict(zip(plan.formulation.program.border.names, reduced_costs(plan), strict=True))
    span = [m for m in range(len(world.periods)) if f"build[{option},{m}]" in costs]
    years = np.array([world.periods[m].n_hours / HOURS_PER_YEAR * world.present[m] for m in span])
    shares = {block.group: block.periods for block in world.blocks if len(block.periods) > 1}
    added = np.zeros(len(span))
    for owner in (option, *world.supply.option(option).gates):
        standing = np.array([costs.get(f"cap[{owner},{m}]", 0.0) for m in span])
        for group, periods in shares.items():
            mean = costs.get(f"mean[{owner},{group}]", 0.0)
            standing += mean * np.array([periods.get(m, 0.0) for m in span])
        added += [costs.get(f"build[{owner},{m}]", 0.0) for m in span]
        added += np.cumsum(standing[::-1])[::-1]
    costs_per_year = added / np.cumsum(years[::-1])[::-1]
    lasting = [i for i, m in enumerate(span) if world.periods[m].year < world.periods[-1].year]
    return np.asarray(costs_per_year[lasting] if lasting else costs_per_year)


def tabulate_values(plan: "Plan") -> pd.DataFrame:
    """Return the values of power, of limits, of goals and of a month, long.

    - ``hourly_power``: mean over a period of the cost of one more MWh, USD/MWh of that year.
    - ``one_more_mw``: present value of one more MW that a gate or the site's grid limit could carry in a period.
    - ``clean`` and ``co2``: cost of one more MWh matched or one tonne less, USD of that year.
    - ``one_month_later``: price (a) of the MW that an order powers, for one month; undiscounted.
    """
    rows = [*_power_rows(plan), *_limit_rows(plan), *_goal_rows(plan), *_month_rows(plan)]
    return pd.DataFrame(rows, columns=list(TABLES["values"]))


def _power_rows(plan: "Plan") -> list[ValueRow]:
    world, rows = plan.formulation.world, []
    for b, item in enumerate(world.blocks):
        weight = item.years.weight_hours
        powered = plan.tables["operation"].loc[plan.tables["operation"].block == item.name, "load_mw"].to_numpy()
        if powered.max(initial=0.0) < LEAST_ORDER_MW:
            continue
        value = plan.solution.row_duals[b][0] / (weight * item.years.present_factor)
        first = min(item.periods)
        mean = float(np.average(value, weights=weight))
        rows.append(("hourly_power", item.name, world.periods[first].starts_on, mean, "USD/MWh"))
    return rows


def _limit_rows(plan: "Plan") -> list[ValueRow]:
    world, border, rows = plan.formulation.world, plan.formulation.program.border, []
    for i, name in enumerate(border.row_names):
        family, _, rest = name.partition("[")
        if family not in ("gates", "grid_limit"):
            continue
        owner, _, period = rest.rstrip("]").rpartition(",")
        worth = -float(plan.solution.border_row_duals[i])
        if worth > LEAST_VALUE_USD_PER_MW:
            starts_on = world.periods[int(period)].starts_on
            rows.append(("one_more_mw", owner or "grid", starts_on, worth, "USD/MW"))
    return rows


def _goal_rows(plan: "Plan") -> list[ValueRow]:
    world, rows = plan.formulation.world, []
    for k, name in enumerate(plan.formulation.program.budget_names):
        family, _, group = name.rstrip("]").partition("[")
        if family not in ("clean", "co2"):
            continue
        members = [item for item in world.blocks if item.group == int(group)]
        present = float(np.mean([item.years.present_factor for item in members]))
        first = min(m for item in members for m in item.periods)
        unit = "USD/MWh" if family == "clean" else "USD/tCO2"
        value = -float(plan.solution.budget_duals[k]) / present
        rows.append((family, "rules", world.periods[first].starts_on, value, unit))
    return rows


def _month_rows(plan: "Plan") -> list[ValueRow]:
    world, rows = plan.formulation.world, []
    price = world.idle.programme_usd_per_mwh * world.it_peak_frac * HOURS_PER_MONTH
    for arrival in list_arrivals(plan.formulation, plan.solution):
        owner, m = arrival.owner, arrival.period
        if not isinstance(owner, Option) or not owner.powers_campus:
            continue
        before = plan.powered_mw[m - 1] if m else 0.0
        gained = min(arrival.mw, max(float(plan.powered_mw[m] - before), 0.0))
        if gained > LEAST_ORDER_MW:
            rows.append(("one_month_later", arrival.name, world.periods[m].starts_on, gained * price, "USD"))
    return rows
