"""What a month is worth: the plan re-solved with one option's lead time a month shorter, everything else the same."""

from dataclasses import replace

import pandas as pd

from trainload.errors import Note
from trainload.plan.formulate import formulate
from trainload.plan.plan import Plan
from trainload.plan.settle import LONG_HOURS
from trainload.plan.solvers import choose_solver
from trainload.plan.world import World, find_first_periods, sample_world
from trainload.solve.lumpy import relax_units
from trainload.tables import TABLES

MOST_OPTIONS = 4


def value_months(plan: Plan) -> pd.DataFrame:
    """Return rows of the table `values`: present value of one month earlier, for the orders that gate power.

    Both sides are relaxations (lumpy orders fractional), so that the difference is of one month and not of rounding;
    the plan may change everywhere else. An option and the gates it waits for move together. The options are those
    whose arrival powers load, the largest loss first; orders that were hedged are open again. Operation is on sampled
    weeks, for a long calendar too.
    """
    gating = plan.tables["values"].query("what == 'one_month_later'").groupby("owner")["value"].sum()
    world = replace(plan.formulation.world, held=None)
    if plan.formulation.program.n_steps >= LONG_HOURS:
        world = sample_world(world)
    program = relax_units(formulate(world).program)
    solve = choose_solver(program, world.scenario.plan.solver, [])
    today = solve(program)
    rows = []
    for option in gating.sort_values(ascending=False).index[:MOST_OPTIONS]:
        sooner = solve(relax_units(formulate(shorten_lead(world, str(option), months=1.0)).program))
        if today.status == "optimal" and sooner.status == "optimal":
            worth = max(today.objective - sooner.objective, 0.0)
            rows.append(("one_month_earlier", option, world.starts_on, worth, "USD present"))
    return pd.DataFrame(rows, columns=list(TABLES["values"]))


def note_months(plan: Plan) -> tuple[Note, ...]:
    """Return what a reader should know of these values on a long calendar."""
    if plan.formulation.program.n_steps < LONG_HOURS:
        return ()
    text = "the worth of one month earlier is that of two re-solves on sampled weeks, not on every hour."
    return (Note("values.one_month_earlier", text, "assumption"),)


def shorten_lead(world: World, option: str, *, months: float) -> World:
    """Return the world in which one option and its gates arrive earlier by some months after the same order."""
    moved = {option, *world.supply.option(option).gates}
    leads = {owner: max(lead - months * (owner in moved), 0.0) for owner, lead in world.lead_months.items()}
    return replace(world, lead_months=leads, first_period=find_first_periods(world.supply, world.periods, leads))
