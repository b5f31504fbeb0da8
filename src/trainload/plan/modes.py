"""What is sought first: least cost, the earliest power, or the least emission; the second aim is always least cost.

A mode is lexicographic: what is sought first is found by a plan of its own, and then held within `TOLERANCE_FRAC` while
the cheapest plan is sought. `cheapest` leaves the world as it is.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from trainload.errors import Note
from trainload.plan.limiting import measure_plan, wanted_of_block
from trainload.plan.limits import Limits
from trainload.plan.world import World

if TYPE_CHECKING:
    from trainload.plan.plan import Plan

TOLERANCE_FRAC = 1e-4  # of all that is wanted, or of the least emission: what the second aim may give away
Solve = Callable[[World], "Plan"]


def apply_mode(world: World, solve: Solve) -> tuple[World, tuple[Note, ...]]:
    """Return the world held to what the scenario's mode seeks first, with notes that state it.

    Args:
        world: with the scenario's `plan.mode`.
        solve: makes a checked plan of a world; called once for `fastest`, twice for `cleanest`.
    """
    mode = world.scenario.plan.mode
    if mode == "fastest":
        return hold_earliest(world, solve)
    if mode == "cleanest":
        return hold_cleanest(world, solve)
    return world, ()


def hold_earliest(world: World, solve: Solve) -> tuple[World, tuple[Note, ...]]:
    """Return the world whose plans power the wanted load as early as any can, at the planned percentile.

    The time-weighted unpowered load (MW wanted without power, times hours) is minimised. It depends on orders,
    arrivals, gates and reserve alone, so the plan that finds it operates one hour of each block.
    """
    first = solve(replace(thin_hours(world), limits=replace(world.limits, unpowered_mwh=0.0)))
    least = measure_plan(first.formulation.world, first.tables).unpowered_mwh
    hours = np.array([p.n_hours for p in world.periods], dtype=float)
    most = least + TOLERANCE_FRAC * float(world.wanted_mw @ hours)
    note = Note(
        "plan.mode",
        f"fastest: at least {least / 1e6:,.3f} TWh of wanted facility peak has no power, whatever is ordered on the "
        f"first day (lead times at their P{world.scenario.plan.lead_percentile:g}); the cheapest plan within "
        f"{TOLERANCE_FRAC:.2%} of all that is wanted is shown.",
        "assumption",
    )
    return replace(world, limits=replace(world.limits, unpowered_mwh=most)), (note,)


def hold_cleanest(world: World, solve: Solve) -> tuple[World, tuple[Note, ...]]:
    """Return the world whose plans emit as little as any that serves no less load than the cheapest plan serves."""
    cheapest = solve(world)
    served = hold_service(world, measure_plan(world, cheapest.tables).unserved_mwh)
    first = solve(replace(world, limits=replace(served, tco2=0.0)))
    least = measure_plan(world, first.tables).tco2
    dear = measure_plan(world, cheapest.tables)
    most = least + TOLERANCE_FRAC * max(dear.tco2, least)
    note = Note(
        "plan.mode",
        f"cleanest: {least / 1e6:,.2f} MtCO2 over the horizon is the least with no less load served than in the "
        f"cheapest plan, which emits {dear.tco2 / 1e6:,.2f} Mt (on site, and grid power location-based); the cheapest "
        f"plan within {TOLERANCE_FRAC:.2%} of that is shown.",
        "assumption",
    )
    return replace(world, limits=replace(served, tco2=most)), (note,)


def hold_service(world: World, unserved_mwh: float) -> Limits:
    """Return the world's limits with no more load left unserved than that, within the tolerance."""
    wanted = sum(
        float(np.asarray(world.profiles.load_shape)[item.hours] @ item.years.weight_hours) * wanted_of_block(world, b)
        for b, item in enumerate(world.blocks)
    )
    return replace(world.limits, unserved_mwh=unserved_mwh + TOLERANCE_FRAC * wanted)


def thin_hours(world: World) -> World:
    """Return the world with one hour of each block operated, which stands for all of them."""
    blocks = tuple(
        replace(
            item,
            hours=item.hours[:1],
            years=replace(item.years, weight_hours=np.array([float(item.years.weight_hours.sum())])),
        )
        for item in world.blocks
    )
    return replace(world, blocks=blocks)
