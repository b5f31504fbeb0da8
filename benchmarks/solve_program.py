"""One run of the chain solver or HiGHS: ``python solve_program.py PROBLEM.npz ENGINE SECONDS THREADS``.

Prints one line of JSON. Time runs from arrays in memory to the checked solution, without imports and compilation: the
chain's kernels are loaded on a problem of a day first.
"""

import json
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from as_program import state_program
from problems import Problem, load_problem

import trainload
from trainload.solve.check import check_solution
from trainload.solve.highs import solve_with_highs
from trainload.solve.program import Program, Solution
from trainload.solve.whole_units import solve_whole_units

TOLERANCE = 1e-7
MIP_GAP = 1e-3


def solve_program(problem_path: str, engine: str, seconds: float, n_threads: int) -> dict[str, object]:
    problem = load_problem(Path(problem_path))
    if engine == "chain":
        solve(state_program(first_day(problem)), engine, seconds, n_threads)
    started = time.perf_counter()
    program = state_program(problem)
    stated = time.perf_counter() - started
    solution = solve(program, engine, seconds, n_threads)
    check = check_solution(program, solution) if np.isfinite(solution.columns).all() else None
    wall = time.perf_counter() - started
    passed = check is not None and check.passed(1e-6)
    return {
        "wall_s": wall,
        "build_s": stated + solution.build_seconds,
        "solve_s": solution.solve_seconds,
        "peak_mb": max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        / 1024,
        "objective_usd": check.objective if check else None,
        "gap": check.gap if check else None,
        "status": solution.status if passed or check is None else f"{solution.status}, but fails the check",
        "version": f"trainload {trainload.__version__}",
        "log_proof": solution.message,
        "n_iterations": solution.n_iterations,
        "n_hours": program.n_steps,
    }


def solve(program: Program, engine: str, seconds: float, n_threads: int) -> Solution:
    """Solve by an engine's name: ``chain`` or ``highs_<method>``; whole units where the program has lumpy columns."""
    lumpy = bool((program.border.unit > 0).any())
    if engine == "chain":
        from trainload.solve.chain import solve_chain  # noqa: PLC0415  (compiles kernels)

        tolerance = 1e-5 if lumpy else TOLERANCE

        def by_chain(p: Program) -> Solution:
            return solve_chain(p, tolerance=tolerance, time_limit_seconds=seconds, n_threads=n_threads)

        if not lumpy:
            return by_chain(program)
        return solve_whole_units(program, by_chain, gap=MIP_GAP, time_limit_seconds=seconds)
    return solve_with_highs(
        program,
        method=engine.removeprefix("highs_"),  # type: ignore[arg-type]
        integer=lumpy,
        time_limit_seconds=seconds,
        tolerance=TOLERANCE,
        mip_gap=MIP_GAP,
        n_threads=n_threads,
    )


def first_day(problem: Problem) -> Problem:
    """Return the problem's first day of each block: the same dimensions, next to no work."""
    hours = np.concatenate([start + np.arange(24) for start in problem.block_start[:-1]])
    n_blocks = len(problem.block_period)
    share = np.array([problem.load_mw[h : h + 24].sum() for h in problem.block_start[:-1]])
    whole = np.add.reduceat(problem.load_mw, problem.block_start[:-1])
    return replace(
        problem,
        block_start=24 * np.arange(n_blocks + 1),
        load_mw=problem.load_mw[hours],
        weight=problem.weight[hours],
        available_frac=problem.available_frac[:, hours],
        variable_usd_per_mwh=problem.variable_usd_per_mwh[:, hours],
        tco2_per_mwh=problem.tco2_per_mwh[:, hours],
        cap_tco2=problem.cap_tco2 * share / whole,
        unit_mw=np.zeros_like(problem.unit_mw),
    )


if __name__ == "__main__":
    print(json.dumps(solve_program(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))))
