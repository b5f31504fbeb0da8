"""From a world to a settled plan: reserve found, lumpy orders whole, crumbs closed; long calendars follow a guide.

What takes several solves (the reserve, a first choice of whole units, what is not wanted at all) is settled on sampled
weeks; every hour of a long calendar is then solved twice, relaxed for the bound and with the guide's units whole. Where
the two do not meet within the wanted gap, the search goes on over every hour.
"""

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trainload.errors import Note, SolverError
from trainload.plan.formulate import Formulation, formulate
from trainload.plan.results import LEAST_ORDER_MW, powered_path
from trainload.plan.solvers import Progress, Solver, choose_solver, demand_answer
from trainload.plan.world import World, sample_world
from trainload.solve.lumpy import fix_columns
from trainload.solve.program import Program, Solution
from trainload.solve.whole_units import solve_whole_units

Array = NDArray[np.float64]
LONG_HOURS = 20_000
"""From so many hours on, sampled weeks go ahead."""
MAX_RESERVE_ROUNDS = 5
CLOSED_FAMILIES = ("build", "cap", "end")


@dataclass(frozen=True, slots=True)
class Settled:
    """A solved program: its reserve is there, its lumpy orders are whole (where asked for), its crumbs closed."""

    formulation: Formulation
    solution: Solution
    build_seconds: float


def settle_plan(
    world: World, notes: list[Note], tell: Progress, *, whole_units: bool = True, prove: bool = True
) -> Settled:
    """Return the cheapest plan of a world.

    Args:
        world: resolved input.
        notes: what the reader should know is added here.
        tell: called with a message and None.
        whole_units: False leaves lumpy orders fractional (a bound, not a plan).
        prove: False leaves out, on a long calendar, the solve that only proves how good the plan is; such a plan is for
            comparison, and Ctrl-C ends it. Otherwise Ctrl-C on every hour leaves the plan of the sampled weeks.

    Raises:
        SolverError: if no solution can be used.
    """
    if sum(len(block.hours) for block in world.blocks) < LONG_HOURS:
        return _settle(world, notes, tell, whole_units=whole_units)
    guide = _settle(
        sample_world(world),
        [],
        lambda message, share: tell(f"sampled weeks go ahead: {message}", share),
        whole_units=whole_units,
    )
    try:
        return _follow(world, guide, notes, tell, whole_units=whole_units, prove=prove)
    except KeyboardInterrupt:
        if not prove:
            raise
        tell("interrupted: the plan of the sampled weeks is kept (once more to stop)", None)
        reason = "was interrupted"
    except SolverError as failed:
        reason = f"failed ({failed})"
    notes.append(Note("plan.hours", f"the solve of every hour {reason}; this plan is of the sampled weeks.", "warning"))
    return guide


def _settle(world: World, notes: list[Note], tell: Progress, *, whole_units: bool = True) -> Settled:
    """Solve the relaxation, hold the largest unit in reserve, make lumpy orders whole, close crumbs."""
    formulation, seconds = _state(world)
    solver = _choose(formulation, notes)
    if world.scenario.plan.solver != "highs":
        _announce_compilation(tell)
    tell(f"solving {formulation.program.n_steps:,} hours", None)
    solution = demand_answer(formulation.program, solver(formulation.program))
    formulation, solution = _hold_reserve(formulation, solution, solver, tell)
    if whole_units and (formulation.program.border.unit > 0).any():
        formulation, solution = _order_in_reserve(formulation, solver, notes, tell, relaxed=solution)
    _note_reserve(formulation, notes)
    return Settled(formulation, _drop_crumbs(formulation, solution, solver, tell), seconds)


def _follow(
    world: World, guide: Settled, notes: list[Note], tell: Progress, *, whole_units: bool, prove: bool
) -> Settled:
    """Solve every hour with the reserve, the whole units and the closed options that the sampled weeks found."""
    formulation, seconds = _state(replace(world, reserve_frac=guide.formulation.world.reserve_frac))
    program, solver = formulation.program, _choose(formulation, notes)
    whole = np.flatnonzero(program.border.unit > 0) if whole_units else np.zeros(0, np.int64)
    relaxed, unwanted = None, find_crumbs(guide.formulation.program, guide.solution)
    if prove or not len(whole):
        relaxed = _bound(program, solver, notes, tell)
    if relaxed is not None:
        unwanted &= find_crumbs(program, relaxed)
    solution = relaxed
    held, values = _hold_columns(program, whole, _values_at(guide, program, whole), unwanted)
    if len(whole) or solution is None:
        tell(f"solving {program.n_steps:,} hours with what the weeks chose", None)
        solution = solver(fix_columns(program, held, values))
        if relaxed is not None and len(whole):
            solution = _order_whole_units(formulation, solver, notes, relaxed=relaxed, incumbent=solution)
            held, values = _hold_columns(program, whole, solution.columns[whole], unwanted)
    bound = solution.bound if relaxed is not None else -np.inf
    solution = replace(demand_answer(program, solution), bound=bound)

    def solve_held(p: Program) -> Solution:
        return replace(solver(fix_columns(p, held, values)), bound=bound)

    formulation, solution = _hold_reserve(formulation, solution, solve_held, tell)
    _note_reserve(formulation, notes)
    solution = _drop_crumbs(formulation, solution, solver, tell)
    return Settled(formulation, solution if relaxed is None else price_by(relaxed, solution), seconds)


def _bound(program: Program, solver: Solver, notes: list[Note], tell: Progress) -> Solution | None:
    """Return the solution with nothing held, which proves how good a plan can be; None, with a note, if stopped."""
    tell(f"solving {program.n_steps:,} hours", None)
    try:
        return demand_answer(program, solver(program))
    except SolverError as stopped:
        text = f"how good the plan is could not be proven within the time limit ({stopped})."
        notes.append(Note("plan", text, "warning"))
        return None


def _state(world: World) -> tuple[Formulation, float]:
    """Return the program of a world and how long it took to state, seconds."""
    started = time.perf_counter()
    return formulate(world), time.perf_counter() - started


def _announce_compilation(tell: Progress) -> None:
    from trainload.solve.compilation import is_compiled  # noqa: PLC0415  (loads the compiler)

    if not is_compiled():
        tell("compiling the solver, once, which takes some ten seconds", None)


def _choose(formulation: Formulation, notes: list[Note]) -> Solver:
    settings = formulation.world.scenario.plan
    return choose_solver(formulation.program, settings.solver, notes, time_limit_seconds=settings.time_limit_seconds)


def _hold_reserve(
    formulation: Formulation, solution: Solution, solver: Solver, tell: Progress
) -> tuple[Formulation, Solution]:
    """Ask for more firm capacity by the largest on-site unit in service, until what is asked for is there."""
    if not formulation.world.scenario.rules.largest_unit_reserve:
        return formulation, solution
    for _ in range(MAX_RESERVE_ROUNDS):
        wanted = required_reserve(formulation, solution)
        if (wanted <= formulation.world.reserve_frac + 1e-9).all():
            break
        tell("holding the largest unit in reserve", None)
        world = replace(formulation.world, reserve_frac=np.maximum(wanted, formulation.world.reserve_frac))
        formulation = formulate(world)
        solution = demand_answer(formulation.program, solver(formulation.program))
    return formulation, solution


def _order_in_reserve(
    formulation: Formulation, solver: Solver, notes: list[Note], tell: Progress, *, relaxed: Solution
) -> tuple[Formulation, Solution]:
    """Make lumpy orders whole and hold the largest of them in reserve: a whole unit is more than its fraction was."""
    world, rounds = formulation.world, 0
    while True:
        tell("making lumpy orders whole", None)
        said: list[Note] = []
        solution = _order_whole_units(formulation, solver, said, relaxed=relaxed)
        wanted, rounds = required_reserve(formulation, solution), rounds + 1
        held = (wanted <= world.reserve_frac + 1e-9).all() or not world.scenario.rules.largest_unit_reserve
        if held or rounds == MAX_RESERVE_ROUNDS:
            notes += said
            return formulation, solution
        world = replace(world, reserve_frac=np.maximum(wanted, world.reserve_frac))
        formulation = formulate(world)
        relaxed = demand_answer(formulation.program, solver(formulation.program))


def _note_reserve(formulation: Formulation, notes: list[Note]) -> None:
    reserve_frac = formulation.world.reserve_frac
    if (reserve_frac > 0).any():
        notes.append(
            Note(
                "rules.largest_unit_reserve",
                "load carried by on-site plant keeps its largest unit in reserve, up to "
                f"{reserve_frac.max():.0%} of powered load; the requirement was found by re-solving.",
                "assumption",
            )
        )


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
    solver: Solver,
    notes: list[Note],
    *,
    relaxed: Solution,
    incumbent: Solution | None = None,
) -> Solution:
    settings = formulation.world.scenario.plan
    whole = solve_whole_units(
        formulation.program,
        solver,
        gap=settings.mip_gap_frac,
        time_limit_seconds=settings.time_limit_seconds,
        relaxed=relaxed,
        incumbent=incumbent,
    )
    notes.append(
        Note(
            "plan.units",
            f"orders of units of {settings.unit_threshold_mw:g} MW and more are whole; the cost is proven within "
            f"{whole.gap:.2%} of the best possible.",
            "assumption",
        )
    )
    return demand_answer(formulation.program, whole)


def find_crumbs(program: Program, solution: Solution) -> set[str]:
    """Return the options and gates ordered for less than half a megawatt in all: an interior point's crumbs."""
    ordered: dict[str, float] = {}
    for i, name in enumerate(program.border.names):
        if name.startswith("build["):
            owner = _owner_of(name)
            ordered[owner] = ordered.get(owner, 0.0) + float(solution.columns[i])
    return {owner for owner, mw in ordered.items() if mw < LEAST_ORDER_MW}


def _owner_of(name: str) -> str:
    return name.partition("[")[2].rpartition(",")[0]


def _values_at(guide: Settled, program: Program, columns: NDArray[np.int64]) -> Array:
    """Return the guide's values of some columns of another program, by name."""
    at = dict(zip(guide.formulation.program.border.names, guide.solution.columns, strict=True))
    return np.array([at[program.border.names[i]] for i in columns])


def _hold_columns(
    program: Program, whole: NDArray[np.int64], values: Array, unwanted: set[str]
) -> tuple[NDArray[np.int64], Array]:
    """Return columns and values that keep lumpy columns at the nearest whole units and unwanted owners at nothing."""
    border = program.border
    closed = [
        i
        for i, name in enumerate(border.names)
        if name.partition("[")[0] in CLOSED_FAMILIES and _owner_of(name) in unwanted and border.unit[i] == 0
    ]
    units = np.round(values / border.unit[whole]) * border.unit[whole]
    return np.array([*closed, *whole], dtype=np.int64), np.concatenate([np.zeros(len(closed)), units])


def _drop_crumbs(formulation: Formulation, solution: Solution, solver: Solver, tell: Progress) -> Solution:
    """Return the plan without the crumbs that an interior point leaves of options it does not want.

    They are closed and the operation is solved again, with lumpy orders held; the bound stays that of the whole
    program. Should that cost more than rounding, the crumbs stay.
    """
    program = formulation.program
    whole = np.flatnonzero(program.border.unit > 0)
    left = {
        owner
        for i, name in enumerate(program.border.names)
        if name.startswith(("build[", "cap[")) and solution.columns[i] > 0 and program.border.unit[i] == 0
        for owner in [_owner_of(name)]
    }
    crumbs = find_crumbs(program, solution)
    if not crumbs & left:
        return solution
    tell("closing what is not wanted and operating again", None)
    again = solver(fix_columns(program, *_hold_columns(program, whole, solution.columns[whole], crumbs)))
    kept = again.status in ("optimal", "feasible") and again.objective <= solution.objective + 1e-6 * abs(
        solution.objective
    )
    if not kept:
        return solution
    again = replace(again, bound=solution.bound, solver=solution.solver, status=solution.status)
    return price_by(solution, again)


def price_by(open_solution: Solution, solution: Solution) -> Solution:
    """Return a solution with the duals of another, in which every option was open.

    Closed options have no say in their own prices: what one more MW of them is worth only the open program's duals say.
    """
    return replace(
        solution,
        row_duals=open_solution.row_duals,
        border_row_duals=open_solution.border_row_duals,
        budget_duals=open_solution.budget_duals,
        state_duals=open_solution.state_duals,
    )
