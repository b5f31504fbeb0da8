"""What a month is worth: the plan re-solved with one option's lead time a month shorter, everything else the same."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from trainload.plan.formulate import formulate
from trainload.plan.plan import Plan
from trainload.plan.world import World, find_first_periods
from trainload.solve.lumpy import relax_units
from trainload.solve.program import Program, Solution
from trainload.tables import TABLES

MOST_OPTIONS = 4


def value_months(plan: Plan, solve: Callable[[Program], Solution]) -> pd.DataFrame:
    """Return rows of the table `values`: present value of one month earlier, for the orders that gate power.

    Both sides are relaxations (lumpy orders fractional), so that the difference is of one month and not of rounding;
    the plan may change everywhere else. An option and the gates it waits for move together. The options are those
    whose arrival powers load, the largest loss first.
    """
    gating = plan.tables["values"].query("what == 'one_month_later'").groupby("owner")["value"].sum()
    world = plan.formulation.world
    today = solve(relax_units(plan.formulation.program))
    rows = []
    for option in gating.sort_values(ascending=False).index[:MOST_OPTIONS]:
        sooner = solve(relax_units(formulate(shorten_lead(world, str(option), months=1.0)).program))
        if today.status == "optimal" and sooner.status == "optimal":
            worth = max(today.objective - sooner.objective, 0.0)
            rows.append(("one_month_earlier", option, world.starts_on, worth, "USD present"))
    return pd.DataFrame(rows, columns=list(TABLES["values"]))


def shorten_lead(world: World, option: str, *, months: float) -> World:
    """Return the world in which one option and its gates arrive earlier by some months after the same order."""
    moved = {option, *world.supply.option(option).gates}
    leads = {owner: max(lead - months * (owner in moved), 0.0) for owner, lead in world.lead_months.items()}
    return replace(world, lead_months=leads, first_period=find_first_periods(world.supply, world.periods, leads))
