"""The plan: solve the calendar program, hold the largest unit in reserve, make lumpy orders whole, tabulate."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainload.errors import Note, SolverError
from trainload.plan.formulate import Formulation, formulate
from trainload.plan.results import (
    LEAST_ORDER_MW,
    powered_path,
    tabulate_availability,
    tabulate_blocks,
    tabulate_capacity,
    tabulate_emissions,
    tabulate_operation,
    tabulate_orders,
    tabulate_periods,
)
from trainload.plan.summary import summarise_plan
from trainload.plan.world import World
from trainload.solve.check import Check, check_solution
from trainload.solve.lumpy import fix_columns
from trainload.solve.program import Program, Solution
from trainload.supply.schedule import Schedule

Array = NDArray[np.float64]
Progress = Callable[[str, float | None], None]
TOLERANCE = 1e-6
USABLE_RESIDUAL = 1e-5  # relative; anything above the tolerance is reported with the plan
MAX_RESERVE_ROUNDS = 5


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


def make_plan(
    world: World,
    schedule: Schedule,
    *,
    generations: Mapping[date, str] | None = None,
    on_progress: Progress | None = None,
    whole_units: bool = True,
) -> Plan:
    """Return the cheapest plan of a world, checked, with its tables.

    The relaxation is solved first; where the rule asks for it, the largest on-site unit in service is then held in
    reserve (a fixed point: its size depends on what is ordered); last, lumpy orders are made whole.

    Args:
        world: resolved input (see `plan.world.build_world`).
        schedule: simulated lead times, for arrival odds.
        generations: wanted date of each model generation, for the periods table.
        on_progress: called with a message and a share done.
        whole_units: False leaves lumpy orders fractional (a bound, not a plan).

    Raises:
        SolverError: if no solution passes the checks.
    """
    started = time.perf_counter()
    tell = on_progress or (lambda _message, _share: None)
    notes: list[Note] = []
    tell("stating the program", None)
    formulation = formulate(world)
    built = time.perf_counter() - started
    settings = world.scenario.plan
    solver = choose_solver(formulation.program, settings.solver, notes, time_limit_seconds=settings.time_limit_seconds)
    tell(f"solving {formulation.program.n_steps:,} hours", None)
    solution = _demand_answer(formulation.program, solver(formulation.program))
    if world.scenario.rules.largest_unit_reserve:
        formulation, solution = _hold_reserve(formulation, solution, solver, notes, tell)
    if whole_units:
        formulation, solution = _order_whole_units(formulation, solution, solver, notes, tell)
    solution = _drop_crumbs(formulation, solution, solver, tell)
    check = check_solution(formulation.program, solution)
    if not check.passed(TOLERANCE):
        notes.append(Note("plan", f"the solution misses the check's tolerance of {TOLERANCE:g}: {check}", "warning"))
    proven = max(world.scenario.plan.mip_gap_frac if whole_units else 0.0, TOLERANCE)
    status = solution.status if check.gap <= proven or solution.status != "optimal" else "feasible"
    if check.gap > proven:
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
        "build_seconds": round(built, 3),
        "solve_seconds": round(time.perf_counter() - started - built, 3),
    }
    return Plan(formulation, solution, check, tables, powered_path(formulation, solution), figures, tuple(notes))


def choose_solver(
    program: Program, wanted: str, notes: list[Note], *, time_limit_seconds: float | None = None
) -> Callable[[Program], Solution]:
    """Return the solver for a program: the chain where it fits, HiGHS otherwise, with a note where not asked for.

    At a time limit the best plan so far is kept with its proven gap, if it keeps every rule.
    """
    from trainload.solve.highs import solve_with_highs  # noqa: PLC0415  (loads the solver's library)

    def solve_by_highs(p: Program) -> Solution:
        return solve_with_highs(p, time_limit_seconds=time_limit_seconds)

    if wanted == "highs":
        return solve_by_highs
    from trainload.solve.chain import fits_chain, solve_chain  # noqa: PLC0415  (loads the compiler)

    misfit = fits_chain(program)
    if misfit is not None:
        notes.append(Note("solver", f"the chain does not take this program ({misfit}); HiGHS solved it.", "warning"))
        return solve_by_highs

    def solve(p: Program) -> Solution:
        solution = solve_chain(p, time_limit_seconds=time_limit_seconds)
        if solution.status == "optimal":
            return solution
        stopped = f"the chain stopped short ({solution.status}: {solution.message})"
        if solution.status == "time_limit" and check_solution(p, solution).residual <= TOLERANCE:
            notes.append(Note("solver", f"{stopped}; its plan is kept with its gap.", "warning"))
            return solution
        other = solve_by_highs(p)
        taken = other.status in ("optimal", "feasible")
        notes.append(
            Note("solver", f"{stopped}; {'HiGHS took over' if taken else 'HiGHS found no better'}.", "warning")
        )
        return other if taken else solution

    return solve


def _demand_answer(program: Program, solution: Solution) -> Solution:
    """Return a solution that can be used: solved, or stopped with residuals that a planner would not see."""
    usable = solution.status == "failed" and len(solution.columns) and np.isfinite(solution.columns).all()
    if usable and check_solution(program, solution).residual <= USABLE_RESIDUAL:
        return replace(solution, status="feasible")
    if solution.status in ("infeasible", "unbounded", "failed") or not np.isfinite(solution.columns).all():
        raise SolverError("plan", f"{solution.solver} stopped without a plan ({solution.status}): {solution.message}")
    return solution


def _hold_reserve(
    formulation: Formulation,
    solution: Solution,
    solver: Callable[[Program], Solution],
    notes: list[Note],
    tell: Progress,
) -> tuple[Formulation, Solution]:
    """Ask for more firm capacity by the largest on-site unit in service, until what is asked for is there."""
    for _ in range(MAX_RESERVE_ROUNDS):
        wanted = required_reserve(formulation, solution)
        if (wanted <= formulation.world.reserve_frac + 1e-9).all():
            break
        tell("holding the largest unit in reserve", None)
        world = replace(formulation.world, reserve_frac=np.maximum(wanted, formulation.world.reserve_frac))
        formulation = formulate(world)
        solution = _demand_answer(formulation.program, solver(formulation.program))
    if (formulation.world.reserve_frac > 0).any():
        notes.append(
            Note(
                "rules.largest_unit_reserve",
                "load carried by on-site plant keeps its largest unit in reserve, up to "
                f"{formulation.world.reserve_frac.max():.0%} of powered load; the requirement was found by re-solving.",
                "assumption",
            )
        )
    return formulation, solution


def required_reserve(formulation: Formulation, solution: Solution) -> Array:
    """Return (M,) the largest on-site firm unit in service over powered load, at most what on-site plant carries."""
    world = formulation.world
    index = {name: i for i, name in enumerate(formulation.program.border.names)}
    powered = powered_path(formulation, solution)
    wanted = np.zeros(len(world.periods))
    for m in np.flatnonzero(powered > LEAST_ORDER_MW):
        contract, largest = 0.0, 0.0
        for option in world.supply.options:
            column = index.get(f"cap[{option.option},{m}]")
            mw = 0.0 if column is None else float(solution.columns[column])
            if option.delivery == "grid":
                contract += mw
            elif option.delivery == "onsite" and option.firm and mw > 0.5 * option.unit_mw > 0:
                largest = max(largest, min(option.unit_mw, mw))
        carried = max(powered[m] - contract, 0.0)
        wanted[m] = min(largest, carried) / powered[m]
    # rounded up to a hundredth of a percent, so that the next solve does not miss it by a kilowatt
    return np.asarray(np.ceil(wanted * 1e4 - 1e-6) / 1e4)


def _order_whole_units(
    formulation: Formulation,
    solution: Solution,
    solver: Callable[[Program], Solution],
    notes: list[Note],
    tell: Progress,
) -> tuple[Formulation, Solution]:
    if not (formulation.program.border.unit > 0).any():
        return formulation, solution
    from trainload.solve.whole_units import solve_whole_units  # noqa: PLC0415

    settings = formulation.world.scenario.plan
    tell("making lumpy orders whole", None)
    whole = solve_whole_units(
        formulation.program,
        solver,
        gap=settings.mip_gap_frac,
        time_limit_seconds=settings.time_limit_seconds,
        relaxed=solution,
    )
    notes.append(
        Note(
            "plan.units",
            f"orders of units of {settings.unit_threshold_mw:g} MW and more are whole; the cost is proven within "
            f"{whole.gap:.2%} of the best possible.",
            "assumption",
        )
    )
    return formulation, _demand_answer(formulation.program, whole)


def _drop_crumbs(
    formulation: Formulation, solution: Solution, solver: Callable[[Program], Solution], tell: Progress
) -> Solution:
    """Return the plan without the crumbs that an interior point leaves of options it does not want.

    Options ordered for less than half a megawatt in all are closed and the operation is solved again, with lumpy
    orders held; the bound stays that of the whole program. Should that cost more than rounding, the crumbs stay.
    """
    border = formulation.program.border
    closed, held = [], np.flatnonzero(border.unit > 0)
    ordered: dict[str, float] = {}
    for i, name in enumerate(border.names):
        if name.startswith("build["):
            owner = name[6:].rpartition(",")[0]
            ordered[owner] = ordered.get(owner, 0.0) + float(solution.columns[i])
    crumbs = {owner for owner, mw in ordered.items() if mw < LEAST_ORDER_MW}
    for i, name in enumerate(border.names):
        family, _, rest = name.partition("[")
        if family in ("build", "cap", "end") and rest.rpartition(",")[0] in crumbs and border.unit[i] == 0:
            closed.append(i)
    if not closed:
        return solution
    tell("closing what is not wanted and operating again", None)
    columns = np.array([*closed, *held], dtype=np.int64)
    whole = np.round(solution.columns[held] / border.unit[held]) * border.unit[held]
    values = np.concatenate([np.zeros(len(closed)), whole])
    again = solver(fix_columns(formulation.program, columns, values))
    kept = again.status in ("optimal", "feasible") and again.objective <= solution.objective + 1e-6 * abs(
        solution.objective
    )
    if not kept:
        return solution
    # closed options have no say in their own prices: the duals that prove the bound are those of the open program
    return replace(
        again,
        bound=solution.bound,
        solver=solution.solver,
        status=solution.status,
        row_duals=solution.row_duals,
        border_row_duals=solution.border_row_duals,
        budget_duals=solution.budget_duals,
        state_duals=solution.state_duals,
    )


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
