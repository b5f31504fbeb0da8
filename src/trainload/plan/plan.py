"""The plan: the settled program, checked, with its tables and figures."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainload.errors import Note
from trainload.plan.formulate import Formulation
from trainload.plan.results import (
    powered_path,
    tabulate_availability,
    tabulate_blocks,
    tabulate_capacity,
    tabulate_emissions,
    tabulate_operation,
    tabulate_orders,
    tabulate_periods,
)
from trainload.plan.settle import settle_plan
from trainload.plan.solvers import TOLERANCE, Progress
from trainload.plan.summary import summarise_plan
from trainload.plan.world import World
from trainload.solve.check import Check, check_solution
from trainload.solve.program import Solution
from trainload.supply.schedule import Schedule

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked plan.

    Attributes:
        tables: orders, capacity, periods, operation, availability, ledger, emissions, values (see `trainload.tables`).
        powered_mw: (M,) facility peak with chips delivered, by capacity period.
        figures: the plan part of ``summary.json``.
    """

    formulation: Formulation
    solution: Solution
    check: Check
    tables: Mapping[str, pd.DataFrame]
    powered_mw: Array
    figures: Mapping[str, object]
    notes: tuple[Note, ...]

    @property
    def sampled(self) -> bool:
        """Whether operation is on sampled weeks and not on every hour."""
        return any(len(block.periods) > 1 for block in self.formulation.world.blocks)


def make_plan(
    world: World,
    schedule: Schedule,
    *,
    generations: Mapping[date, str] | None = None,
    on_progress: Progress | None = None,
    whole_units: bool = True,
    prove: bool = True,
) -> Plan:
    """Return the cheapest plan of a world, checked, with its tables.

    Args:
        world: resolved input (see `plan.world.build_world`).
        schedule: simulated lead times, for arrival odds.
        generations: wanted date of each model generation, for the periods table.
        on_progress: called with a message and a share done.
        whole_units: False leaves lumpy orders fractional (a bound, not a plan).
        prove: False spares a long calendar the solve that only proves how good the plan is.

    Raises:
        SolverError: if no solution passes the checks.
    """
    started = time.perf_counter()
    tell = on_progress or (lambda _message, _share: None)
    notes: list[Note] = []
    settled = settle_plan(world, notes, tell, whole_units=whole_units, prove=prove)
    formulation, solution = settled.formulation, settled.solution
    check = check_solution(formulation.program, solution)
    if not check.passed(TOLERANCE):
        notes.append(Note("plan", f"the solution misses the check's tolerance of {TOLERANCE:g}: {check}", "warning"))
    proven = max(world.scenario.plan.mip_gap_frac if whole_units else 0.0, TOLERANCE)
    status = solution.status if check.gap <= proven or solution.status != "optimal" else "feasible"
    if check.gap > proven and prove:
        notes.append(Note("plan", f"the cost is proven only within {check.gap:.2%} of the best possible.", "warning"))
    tables = tabulate_plan(formulation, solution, schedule, generations or {})
    figures = summarise_plan(formulation, solution, schedule, tables)
    figures |= {
        "solver": solution.solver,
        "status": status,
        "hours": formulation.program.n_steps,
        "objective_usd": check.objective,
        "bound_usd": check.bound if np.isfinite(check.bound) else None,
        "gap": check.gap if np.isfinite(check.bound) else None,
        "build_seconds": round(settled.build_seconds, 3),
        "solve_seconds": round(time.perf_counter() - started - settled.build_seconds, 3),
    }
    return Plan(formulation, solution, check, tables, powered_path(formulation, solution), figures, tuple(notes))


def tabulate_plan(
    formulation: Formulation, solution: Solution, schedule: Schedule, generations: Mapping[date, str]
) -> dict[str, pd.DataFrame]:
    """Return the plan's tables by name."""
    return {
        "orders": tabulate_orders(formulation, solution, schedule),
        "capacity": tabulate_capacity(formulation, solution),
        "periods": tabulate_periods(formulation, solution, generations),
        "blocks": tabulate_blocks(formulation.world),
        "operation": tabulate_operation(formulation, solution),
        "availability": tabulate_availability(formulation),
        "ledger": formulation.ledger.evaluate(solution),
        "emissions": tabulate_emissions(formulation, solution),
    }
