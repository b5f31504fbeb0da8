"""Which solver answers a program, and what of its answers can be used."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from trainload.errors import Note, SolverError
from trainload.solve.check import check_solution
from trainload.solve.program import Program, Solution

Solver = Callable[[Program], Solution]
Progress = Callable[[str, float | None], None]
TOLERANCE = 1e-6
USABLE_RESIDUAL = 1e-5  # relative; anything above the tolerance is reported with the plan


def choose_solver(
    program: Program, wanted: str, notes: list[Note], *, time_limit_seconds: float | None = None
) -> Solver:
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
        if solution.status == "time_limit":
            if check_solution(p, solution).residual <= TOLERANCE:
                notes.append(Note("solver", f"{stopped}; its plan is kept with its gap.", "warning"))
            elif "interrupted" in solution.message:
                raise KeyboardInterrupt
            return solution  # HiGHS would need more time than there was
        other = solve_by_highs(p)
        taken = other.status in ("optimal", "feasible")
        notes.append(
            Note("solver", f"{stopped}; {'HiGHS took over' if taken else 'HiGHS found no better'}.", "warning")
        )
        return other if taken else solution

    return solve


def demand_answer(program: Program, solution: Solution) -> Solution:
    """Return a solution that can be used: solved, or stopped with residuals that a planner would not see.

    Raises:
        SolverError: where there is none.
    """
    finite = len(solution.columns) > 0 and bool(np.isfinite(solution.columns).all())
    keeps_rules = finite and check_solution(program, solution).residual <= USABLE_RESIDUAL
    if solution.status == "failed" and keeps_rules:
        return replace(solution, status="feasible")
    unusable = solution.status in ("infeasible", "unbounded", "failed") or not finite
    if unusable or (solution.status == "time_limit" and not keeps_rules):
        raise SolverError("plan", f"{solution.solver} stopped without a plan ({solution.status}): {solution.message}")
    return solution
