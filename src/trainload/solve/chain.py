"""A structured interior point method for chain programs: every step of a long calendar in seconds.

Primal-dual, infeasible start: Mehrotra's predictor and corrector, and where the step is short Gondzio's centrality
corrections. Newton's system falls apart: steps are eliminated by a recursion over the chain (`solve.kernels`), pieces
give small Schur complements on the columns they touch, and hand-overs, border rows and budgets form one sparse system
(`solve.border`). Work and memory grow with the number of steps; pieces run in threads.

What comes back is judged by `solve.check` on the program's own arrays: it is "optimal" only where residuals and the
proven gap are within the tolerance.

Sources: Mehrotra, On the implementation of a primal-dual interior point method, SIAM J. Optim. 2 (1992); Gondzio,
Multiple centrality corrections in a primal-dual method for linear programming, Comput. Optim. Appl. 6 (1996); Wright,
Primal-Dual Interior-Point Methods, SIAM (1997).
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from trainload.errors import Problem, SolverError
from trainload.solve.check import Check, check_solution, lagrangian_bound
from trainload.solve.compilation import compile_passes
from trainload.solve.free import Contradiction, OutsideGrammarError
from trainload.solve.interior_point import InteriorPoint
from trainload.solve.presolve import presolve
from trainload.solve.program import MAX_ROWS, MAX_STATES, Array, Program, Solution
from trainload.solve.validate import validate_program

Status = Literal["optimal", "feasible", "time_limit", "infeasible", "unbounded", "failed"]

MAX_ITERATIONS = 300
ACCEPTED = 1e-6
"""Relative residuals and gap up to which a solution may call itself optimal."""
STALLED = 30
"""Iterations without a better iterate after which the method gives up."""
SMALL_STEPS = 4_000
"""Up to this many steps one thread is quicker than two."""
MAX_COLUMNS = 128
"""Border columns a block may touch; the work per step grows with their square."""
PROVEN_CONTRADICTION = "its multipliers prove that the limits contradict each other"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the solver stands; the gap is that of the complementary products, not yet a proven one."""

    iteration: int
    objective: float
    gap: float
    primal_residual: float
    dual_residual: float
    seconds: float


def fits_chain(program: Program) -> str | None:
    """Return why the chain solver can't take the program, or None where it can.

    A contradictory program fits: its answer is the status ``infeasible``.

    Raises:
        SolverError: where the program's arrays are malformed.
    """
    misfit = _find_misfit(program)
    if misfit is not None:
        return misfit
    try:
        presolve(program)
    except OutsideGrammarError as outside:
        return str(outside)
    except Contradiction:
        return None
    return None


def _find_misfit(program: Program) -> str | None:
    """Return why the program's dimensions are beyond the chain solver, or None where they are not."""
    validate_program(program, within_grammar=False)
    for block in program.blocks:
        if len(block.row_names) > MAX_ROWS:
            return f"{block.name} has {len(block.row_names)} coupled rows, at most {MAX_ROWS} are handled"
        if len(block.state_names) > MAX_STATES:
            return f"{block.name} has {len(block.state_names)} states, at most {MAX_STATES} are handled"
        touched = {int(c) for c in (*block.flow_cap_column, *block.state_cap_column) if c >= 0}
        touched |= {c for factors in block.row_border for c in factors}
        if len(touched) + len(block.budget_coeff) > MAX_COLUMNS:
            return f"{block.name} touches {len(touched)} columns and {len(block.budget_coeff)} budgets"
    return None


def count_processors() -> int:
    """Return how many processors this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def solve_chain(
    program: Program,
    *,
    tolerance: float = 1e-7,
    time_limit_seconds: float | None = None,
    n_threads: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Solution:
    """Return the chain solver's solution of the program's relaxation (whole units are not kept whole).

    Args:
        program: what to solve; `fits_chain` tells whether it can be.
        tolerance: relative residuals and proven gap to reach.
        time_limit_seconds: afterwards the best iterate is returned, as on Ctrl-C; compilation does not count.
        n_threads: threads over pieces; by default one where the program is small, else one per processor at hand.
        on_progress: called once per iteration.

    Returns:
        A solution with duals and the bound they prove. ``optimal`` where `check_solution` finds residuals and gap
        within the tolerance, or at least within 1e-6; ``feasible`` where only residuals are; ``time_limit`` where it
        was stopped; ``infeasible`` where presolve or the bound prove it; else ``failed``, with the best iterate.

    Raises:
        SolverError: where the program is malformed or outside the grammar.
    """
    started = time.perf_counter()
    misfit = _find_misfit(program)
    if misfit is not None:
        raise _outside_grammar(misfit)
    if n_threads is None:
        n_threads = 1 if program.n_steps <= SMALL_STEPS else count_processors()
    try:
        left = presolve(program)
    except OutsideGrammarError as outside:
        raise _outside_grammar(str(outside)) from None
    except Contradiction as contradiction:
        return _infeasible(program, str(contradiction), time.perf_counter() - started)
    method = InteriorPoint(left, n_threads=n_threads)
    built = time.perf_counter()
    compile_passes(method.cuts[0], n_processors=count_processors())
    compiled = time.perf_counter() - built
    started, built = started + compiled, built + compiled
    try:
        method.start()
        solution = _iterate(method, started, tolerance, time_limit_seconds, on_progress)
    finally:
        method.pieces.close()
    return replace(
        solution,
        build_seconds=built - started,
        solve_seconds=time.perf_counter() - built,
        n_iterations=method.iteration,
    )


def _outside_grammar(reason: str) -> SolverError:
    return SolverError("the chain solver can't take this program", Problem("", reason, fix="solve it with HiGHS"))


def _iterate(
    method: InteriorPoint,
    started: float,
    tolerance: float,
    time_limit_seconds: float | None,
    on_progress: Callable[[Progress], None] | None,
) -> Solution:
    program = method.left.program
    aim, last, stop = tolerance, 0.0, ""
    tried: list[tuple[Solution, Check]] = []  # the best so far of those that were restored and checked
    try:
        while not stop:
            begun = time.perf_counter()
            if not method.measure():
                stop = "numbers ran out of range"
                break
            if on_progress is not None:
                on_progress(_progress(method, time.perf_counter() - started))
            if method.gap <= aim and method.primal_residual <= aim:
                solution = method.restore(method.copy())
                tried = _better(tried, solution, check_solution(program, solution))
                if _error(tried[0][1]) <= tolerance:
                    return _judge(*tried[0], tolerance, "")
                aim = 0.3 * min(aim, method.gap)
            doubtful = (method.iteration % 10 == 9 or method.stuck > 0) and method.primal_residual > 1e-3
            if doubtful and _contradicts(program, method.restore(method.copy())):
                return _infeasible(program, PROVEN_CONTRADICTION, 0.0)
            if method.iteration >= MAX_ITERATIONS:
                stop = "the iterations are used up"
            elif method.iteration - method.best_at > STALLED and method.best is not None and method.best.merit < 1e-4:
                stop = "no better iterate is found"
            elif not method.advance(min(aim, tolerance / 3)):
                stop = "no step is left"
            now = time.perf_counter()
            last = max(0.5 * last, now - begun)
            if time_limit_seconds is not None and now - started + last > time_limit_seconds:
                stop = "time limit"
    except KeyboardInterrupt:
        method.pieces.close()
        stop = "interrupted"
    return _best_solution(method, tried, tolerance, stop)


def _error(check: Check) -> float:
    error = max(check.residual, check.gap)
    return error if np.isfinite(error) else np.inf


def _better(tried: list[tuple[Solution, Check]], solution: Solution, check: Check) -> list[tuple[Solution, Check]]:
    """Return the better of what was tried before and this solution, as a list of one."""
    return tried if tried and _error(tried[0][1]) <= _error(check) else [(solution, check)]


def _best_solution(method: InteriorPoint, tried: list[tuple[Solution, Check]], tolerance: float, stop: str) -> Solution:
    program = method.left.program
    if method.best is None:
        return replace(_infeasible(program, stop, 0.0), status="failed", bound=-np.inf)
    solution = method.restore(method.best)
    solution, check = _better(tried, solution, check_solution(program, solution))[0]
    if check.residual > ACCEPTED and any(_contradicts(program, s) for s in (solution, method.restore(method.copy()))):
        return _infeasible(program, PROVEN_CONTRADICTION, 0.0)
    return _judge(solution, check, tolerance, stop)


def _judge(solution: Solution, check: Check, tolerance: float, stop: str) -> Solution:
    """Give the solution the status and the bound that the check allows."""
    limit = max(tolerance, ACCEPTED)
    status: Status
    if max(check.residual, check.gap) <= limit:
        status = "optimal"
    elif stop in ("time limit", "interrupted"):
        status = "time_limit"
    else:
        status = "feasible" if check.residual <= limit else "failed"
    message = f"residual {check.residual:.1e}, gap {check.gap:.1e}" + (f"; {stop}" if stop else "")
    return replace(solution, status=status, bound=check.bound, message=message)


def _progress(method: InteriorPoint, seconds: float) -> Progress:
    return Progress(
        iteration=method.iteration,
        objective=method.objective * method.scales.objective,
        gap=method.gap,
        primal_residual=method.primal_residual,
        dual_residual=method.dual_residual,
        seconds=seconds,
    )


def _contradicts(program: Program, solution: Solution) -> bool:
    """Whether the solution's duals prove that no point lies within the limits (Farkas' lemma).

    With all costs zero every feasible point has the objective zero; a positive lower bound leaves none.
    """
    free = tuple(replace(b, flow_cost=np.broadcast_to(0.0, b.flow_cost.shape)) for b in program.blocks)
    border = replace(program.border, cost=np.zeros_like(program.border.cost))
    bound = lagrangian_bound(
        replace(program, border=border, blocks=free),
        row_duals=solution.row_duals,
        border_row_duals=solution.border_row_duals,
        budget_duals=solution.budget_duals,
        state_duals=solution.state_duals,
    )
    return bool(np.isfinite(bound) and bound > 0.0)


def _infeasible(program: Program, message: str, seconds: float) -> Solution:
    """Return a solution without values."""

    def nothing(*shape: int) -> Array:
        return np.full(shape, np.nan)

    blocks = program.blocks
    return Solution(
        solver="chain",
        status="infeasible",
        objective=np.inf,
        bound=np.inf,
        columns=nothing(len(program.border.names)),
        flows=tuple(nothing(*block.flow_cost.shape) for block in blocks),
        levels=tuple(nothing(len(block.state_names), block.n_steps) for block in blocks),
        row_duals=tuple(nothing(len(block.row_names), block.n_steps) for block in blocks),
        border_row_duals=nothing(len(program.border.row_names)),
        budget_duals=nothing(len(program.budget_names)),
        build_seconds=seconds,
        message=message,
    )
