"""Duals as answers: held against what a re-solve says."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from make_world import make_gate, make_option, make_world
from trainload.plan.formulate import formulate
from trainload.plan.values import forced_order_costs
from trainload.plan.world import World, sample_world
from trainload.solve.highs import solve_with_highs
from trainload.units import HOURS_PER_YEAR


def make_two_year_world(*, sampled: bool) -> World:
    hours = np.arange(24)
    sun = np.clip(np.sin((hours - 6) / 12 * np.pi), 0.0, None)
    world = make_world(
        [
            make_option("engine", capex_usd_per_mw=1.2e6, fuel_cost_usd_per_mwh=45.0),
            make_option("fuel_cell", capex_usd_per_mw=9e6, fuel_cost_usd_per_mwh=70.0, gates=("lateral",)),
            make_option("battery", kind="store", firm=False, duration_hours=4.0, capex_usd_per_mw=2e6),
            make_option("grid", delivery="grid", max_mw=60.0),
        ],
        gates=[make_gate("lateral", capex_usd_per_mw=3e5)],
        wanted_mw=[100.0] * 12 + [150.0] * 12,
        price=np.where(hours < 16, 35.0, 80.0),
        availability={"solar": sun, "wind": 0.4},
        years=2,
        plan={"sampled_hours": 504},
    )
    return sample_world(world) if sampled else world


def cost_of_forcing(world: World, option: str, m: int) -> float:
    """Return what 1 MW of an option that must arrive in period m adds to the objective, by solving again."""
    objectives = []
    for least in (0.0, 1.0):
        program = formulate(world).program
        lower = program.border.lower.copy()
        lower[program.border.names.index(f"build[{option},{m}]")] = least
        program = replace(program, border=replace(program.border, lower=lower))
        objectives.append(solve_with_highs(program, method="simplex").objective)
    return objectives[1] - objectives[0]


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("option", ["fuel_cell", "battery"])
def test_forced_order_costs_what_a_re_solve_says(option: str, sampled: bool) -> None:
    """Proves: an unwanted MW, and its gate add what solving again with them says, on weeks and on days.

    If broken: the share that a solver books on means of sampled groups, or on a gate nobody orders, is lost.
    """
    world = make_two_year_world(sampled=sampled)
    formulation = formulate(world)
    solution = solve_with_highs(formulation.program, method="simplex")
    plan: Any = type("PlanLike", (), {"formulation": formulation, "solution": solution})
    m = 3
    years = sum(p.n_hours / HOURS_PER_YEAR * world.present[p.index] for p in world.periods[m:])
    expected = cost_of_forcing(world, option, m) / years
    assert expected > 1e4
    assert forced_order_costs(plan, option)[m] == pytest.approx(expected, rel=0.02)
