"""A chain program solved by HiGHS.

Reference, fallback and master solver: what HiGHS returns goes through the same checks as any other solution.
"""

import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from scipy import sparse

from trainload.errors import Problem, SolverError
from trainload.solve.check import check_solution, lagrangian_bound
from trainload.solve.lumpy import fix_columns
from trainload.solve.program import Array, IntArray, Program, Solution
from trainload.solve.statement import LinearProgram, state_program_as_lp
from trainload.solve.validate import validate_program

Method = Literal["hipo", "ipx", "simplex", "choose"]
Status = Literal["optimal", "feasible", "time_limit", "infeasible", "unbounded", "failed"]

ISOLATE_FROM_COLUMNS = 20_000
"""From this size on HiGHS runs in a child process, so that Ctrl-C ends it at once."""
POLISH_SECONDS = 20.0
"""How long, after a time limit, the operation at an integer incumbent may be solved again."""
GRACE_SECONDS = 5.0
"""How long HiGHS may overrun its own time limit before the watchdog ends it."""


def solve_with_highs(
    program: Program,
    *,
    method: Method = "hipo",
    integer: bool = False,
    time_limit_seconds: float | None = None,
    tolerance: float = 1e-7,
    mip_gap: float = 1e-3,
    n_threads: int = 2,
) -> Solution:
    """Return HiGHS's solution of the program, with duals and a bound proven from them.

    Interior point methods run without crossover; where one stops short of a solution that passes `check_solution`, or
    calls the program infeasible, the dual simplex method takes over. The message says which method really ran, read
    from HiGHS's log: without the ``highspy-extras`` wheel HiGHS accepts the name ``hipo`` and runs its default.

    Args:
        program: what to solve; may go beyond the chain solver's limits on rows and states.
        method: HiPO or IPX interior point, dual simplex, or HiGHS's own choice.
        integer: keep lumpy columns whole, by HiGHS's branch and bound. The bound is then HiGHS's own.
        time_limit_seconds: HiGHS runs in a child process and is ended at this limit plus five seconds, if it has not
            stopped by itself.
        tolerance: relative optimality of interior points; feasibility of the others.
        mip_gap: relative gap at which branch and bound stops.
        n_threads: threads HiGHS may use.

    Returns:
        A solution; ``time_limit`` with the incumbent where one exists, otherwise with NaN in its arrays and an
        objective of infinity.

    Raises:
        SolverError: where the program's arrays are malformed, or the method is none of HiGHS's.
    """
    started = time.perf_counter()
    if method not in get_args(Method):
        fix = f"one of {', '.join(get_args(Method))}"
        raise SolverError("HiGHS", Problem("method", "no such method", str(method), fix))
    validate_program(program, within_grammar=False)
    lp = state_program_as_lp(program, integer=integer)
    if np.any(lp.lower > lp.upper) or np.any(lp.row_lower > lp.row_upper):
        infeasible = _solution_without_values(program, "infeasible", "a lower limit lies above its upper limit")
        return replace(infeasible, solver=f"highs_{method}")
    request = state_request(
        cost=lp.cost,
        lower=lp.lower,
        upper=lp.upper,
        matrix=lp.matrix,
        row_lower=lp.row_lower,
        row_upper=lp.row_upper,
        whole=lp.whole,
        method=method,
        time_limit_seconds=time_limit_seconds,
        tolerance=tolerance,
        mip_gap=mip_gap,
        n_threads=n_threads,
    )
    build_seconds = time.perf_counter() - started
    solution = _read_answer(program, lp, _run(request), integer=integer, tolerance=tolerance)
    # without a basis an interior point's "infeasible" is a guess
    unsure = solution.status == "infeasible" and "interior point" in solution.message
    if (unsure or solution.status in ("failed", "feasible")) and method != "simplex" and not integer:
        request |= {"method": "simplex", "time_limit_seconds": _seconds_left(time_limit_seconds, started)}
        second = _read_answer(program, lp, _run(request), integer=False, tolerance=tolerance)
        solution = replace(second, message=f"{second.message}, after {solution.message}")
    if integer:
        solution = _make_whole(program, solution, method, _seconds_left(time_limit_seconds, started))
    return replace(
        solution,
        solver=f"highs_{method}",
        build_seconds=build_seconds,
        solve_seconds=time.perf_counter() - started - build_seconds,
    )


def state_request(
    *,
    cost: Array,
    lower: Array,
    upper: Array,
    matrix: sparse.csc_matrix,
    row_lower: Array,
    row_upper: Array,
    whole: IntArray,
    method: Method = "choose",
    time_limit_seconds: float | None = None,
    tolerance: float = 1e-7,
    mip_gap: float = 1e-3,
    n_threads: int = 2,
) -> dict[str, Any]:
    """Return what `run_highs` reads: the arrays of one sparse program and the settings, as plain values.

    Plain, because the request travels to a child process as a pickle.
    """
    arrays = {"cost": cost, "lower": lower, "upper": upper, "row_lower": row_lower, "row_upper": row_upper}
    parts = {"start": matrix.indptr, "index": matrix.indices, "value": matrix.data, "whole": whole}
    settings = {"method": method, "time_limit_seconds": time_limit_seconds, "tolerance": tolerance}
    return arrays | parts | settings | {"mip_gap": mip_gap, "n_threads": n_threads}


def _run(request: dict[str, Any]) -> dict[str, Any]:
    isolated = request["time_limit_seconds"] is not None or len(request["cost"]) >= ISOLATE_FROM_COLUMNS
    return _run_in_child(request) if isolated else run_highs(request)


def _make_whole(program: Program, solution: Solution, method: Method, seconds: float | None) -> Solution:
    """Return the integer solution with its lumpy columns exactly whole, operation and duals solved for them."""
    lumpy = np.flatnonzero(program.border.unit > 0)
    if not len(lumpy) or not np.isfinite(solution.columns).all():
        return solution
    unit = program.border.unit[lumpy]
    fixed = fix_columns(program, lumpy, np.round(solution.columns[lumpy] / unit) * unit)
    limit = None if seconds is None else seconds + POLISH_SECONDS
    polished = solve_with_highs(fixed, method=method, time_limit_seconds=limit)
    if not np.isfinite(polished.objective):
        if check_solution(program, solution).residual <= 1e-6:
            return solution
        text = f"{solution.message}; no plan at its units: {polished.message}"
        return _solution_without_values(program, "failed", text, solution.bound)
    bound = min(solution.bound, polished.objective)
    return replace(polished, status=solution.status, bound=bound, message=solution.message)


def _seconds_left(time_limit_seconds: float | None, started: float) -> float | None:
    if time_limit_seconds is None:
        return None
    return max(0.0, time_limit_seconds - (time.perf_counter() - started))


def run_highs(request: dict[str, Any], incumbent_path: Path | None = None) -> dict[str, Any]:
    """Hand the arrays to HiGHS in this process and return its answer as plain arrays and numbers.

    The answer holds ``version``, ``status``, ``columns`` and ``row_duals`` (None where there are none), ``mip_bound``
    (None without whole columns), ``n_iterations`` and ``log``. Better and better incumbents go to ``incumbent_path``.
    """
    import highspy  # noqa: PLC0415  (only where HiGHS runs)

    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(request["cost"]), len(request["row_lower"])
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = request["cost"], request["lower"], request["upper"]
    lp.row_lower_, lp.row_upper_ = request["row_lower"], request["row_upper"]
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = request["start"], request["index"], request["value"]
    integer = len(request["whole"]) > 0
    if integer:
        kinds = [highspy.HighsVarType.kContinuous] * lp.num_col_
        for column in request["whole"]:
            kinds[column] = highspy.HighsVarType.kInteger
        lp.integrality_ = kinds

    with tempfile.TemporaryDirectory(prefix="highs-") as folder:
        log_path = Path(folder) / "highs.log"
        highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        refused = [
            f"{name}={value}"
            for name, value in _options(request, integer, log_path).items()
            if highs.setOptionValue(name, value) != highspy.HighsStatus.kOk
        ]
        if integer and incumbent_path is not None:

            def keep_incumbent(event: Any) -> None:
                _write_whole(incumbent_path, np.asarray(event.data_out.mip_solution))

            highs.cbMipImprovingSolution += keep_incumbent
        highs.passModel(lp)
        _run_until_interrupted(highs)
        log = log_path.read_text(errors="replace") if log_path.exists() else ""
        status = highs.modelStatusToString(highs.getModelStatus())
        values, info = highs.getSolution(), highs.getInfo()
        return {
            "version": highs.version(),
            "status": status,
            "columns": np.array(values.col_value) if values.value_valid else None,
            "row_duals": np.array(values.row_dual) if values.dual_valid else None,
            "n_iterations": int(max(info.ipm_iteration_count, 0) + max(info.simplex_iteration_count, 0)),
            "objective": float(info.objective_function_value),
            "mip_bound": float(info.mip_dual_bound) if integer else None,
            "log": log,
            "refused": refused,
        }


def _run_until_interrupted(highs: Any) -> None:
    """Run HiGHS in a thread, so that Ctrl-C reaches Python; HiGHS then stops at its next callback."""
    highs.HandleUserInterrupt = True
    thread = highs.startSolve()
    try:
        while thread.is_alive():
            thread.join(timeout=0.5)
    except KeyboardInterrupt:
        highs.cancelSolve()
        thread.join(timeout=2.0)
        raise


def _options(request: dict[str, Any], integer: bool, log_path: Path) -> dict[str, Any]:
    method, tolerance = request["method"], request["tolerance"]
    options: dict[str, Any] = {
        "log_to_console": False,
        "log_file": str(log_path),
        "threads": int(request["n_threads"]),
        "primal_feasibility_tolerance": min(1e-6, max(1e-9, tolerance)),
        "dual_feasibility_tolerance": min(1e-6, max(1e-9, tolerance)),
        # an interior point that has stalled iterates for ever: sound programs need 40 to 140
        "ipm_iteration_limit": 500,
        "ipm_optimality_tolerance": max(1e-12, min(1e-8, tolerance)),
    }
    if integer:
        options["mip_rel_gap"] = float(request["mip_gap"])
        options["mip_feasibility_tolerance"] = max(1e-9, min(1e-6, tolerance))
        if method in ("hipo", "ipx"):
            options["mip_ipm_solver"] = method
    elif method != "choose":
        options["solver"] = method
    if method in ("hipo", "ipx") and not integer:
        options["run_crossover"] = "off"
    if request["time_limit_seconds"] is not None:
        options["time_limit"] = float(request["time_limit_seconds"])
    return options


def _run_in_child(request: dict[str, Any]) -> dict[str, Any]:
    """Run HiGHS in a child process and end it where it does not stop by itself, keeping its incumbent.

    A module run by name, not a fork: a fork would copy the state of numba's and HiGHS's threads.
    """
    limit = request["time_limit_seconds"]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="highs-") as folder:
        paths = {name: Path(folder) / f"{name}.pickle" for name in ("request", "answer", "incumbent")}
        paths["request"].write_bytes(pickle.dumps(request, protocol=pickle.HIGHEST_PROTOCOL))
        command = [sys.executable, "-m", "trainload.solve.highs", *(str(path) for path in paths.values())]
        command.append(str(os.getpid()))
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as child:
            try:
                _, complaint = child.communicate(timeout=None if limit is None else limit + GRACE_SECONDS)
                timed_out = False
            except subprocess.TimeoutExpired:
                timed_out, complaint = True, b""
            finally:
                child.kill()
        if paths["answer"].exists():
            answer: dict[str, Any] = pickle.loads(paths["answer"].read_bytes())
            return answer
        answer = {"version": "", "status": "child ended", "columns": None, "row_duals": None, "n_iterations": 0}
        answer |= {"mip_bound": -np.inf, "log": complaint.decode(errors="replace")[-400:]}
        if timed_out:
            answer["status"] = "Time limit reached"
            answer["log"] = f"ended by the watchdog after {time.perf_counter() - started:.1f} s"
        if paths["incumbent"].exists():
            answer["columns"] = pickle.loads(paths["incumbent"].read_bytes())
        return answer


def _write_whole(path: Path, content: Any) -> None:
    """Write a pickle so that a reader sees all of it or nothing."""
    draft = path.with_suffix(".part")
    draft.write_bytes(pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL))
    draft.replace(path)


def _which_method_ran(answer: dict[str, Any]) -> str:
    """Return the methods HiGHS's log proves to have run, such as ``HiPO interior point``."""
    log = answer["log"]
    marks = (
        ("Hipo:", "HiPO interior point"),
        ("IPX version", "IPX interior point"),
        ("Running crossover", "crossover"),
        ("dual simplex solver", "dual simplex"),
        ("primal simplex solver", "primal simplex"),
        ("Solving MIP model", "branch and bound"),
    )
    ran = ", then ".join(name for mark, name in marks if mark in log) or "no method beyond presolve"
    refused = answer.get("refused", [])
    return f"{ran} (HiGHS refused {', '.join(refused)})" if refused else ran


def _read_answer(
    program: Program, lp: LinearProgram, answer: dict[str, Any], *, integer: bool, tolerance: float
) -> Solution:
    """Turn HiGHS's columns and duals into a Solution whose status follows from our own check of it."""
    ran = f"HiGHS {answer['version']}: {_which_method_ran(answer)}, {answer['n_iterations']} iterations"
    said = str(answer["status"])
    if said in ("Infeasible", "Primal infeasible or unbounded"):
        # every column is boxed, so it cannot be unbounded
        return _solution_without_values(program, "infeasible", ran)
    stopped: Status = "time_limit" if said in ("Time limit reached", "Interrupted by user") else "failed"
    n, blocks = len(program.border.names), program.blocks
    duals = _split_row_duals(program, lp, answer["row_duals"])
    bound = lagrangian_bound(program, **duals)
    if integer and answer["mip_bound"] is not None:
        bound = max(bound, answer["mip_bound"] / lp.objective_scale)
    if answer["columns"] is None or len(answer["columns"]) != lp.shape[1]:
        text = f"{ran}; HiGHS says: {said}; {answer['log'][-200:].strip()}"
        return _solution_without_values(program, stopped, text, bound)
    z = answer["columns"] * lp.column_scale
    solution = Solution(
        solver="highs",
        status="feasible",
        objective=np.nan,
        bound=bound,
        columns=z[:n].copy(),
        flows=tuple(_cut(z, at, len(b.flow_names), b.n_steps) for at, b in zip(lp.flow_start, blocks, strict=True)),
        levels=tuple(_cut(z, at, len(b.state_names), b.n_steps) for at, b in zip(lp.level_start, blocks, strict=True)),
        n_iterations=answer["n_iterations"],
        **duals,
    )
    check = check_solution(program, solution)
    # branch and bound keeps its rows less exactly; `_make_whole` solves the operation again
    if check.residual > (1e-4 if integer else max(1e-6, 10 * tolerance)):
        text = f"{ran}; HiGHS says: {said}; worst relative residual {check.residual:.1e}"
        return _solution_without_values(program, stopped, text, bound)
    solution = replace(solution, objective=check.objective, message=ran)
    if said == "Optimal" and (integer or solution.gap <= max(1e-6, 10 * tolerance)):
        return replace(solution, status="optimal")
    status: Status = "time_limit" if stopped == "time_limit" else "feasible"
    return replace(solution, status=status, message=f"{ran}; HiGHS says: {said}")


def _cut(z: Array, start: int, n_lines: int, n_steps: int) -> Array:
    lines: Array = z[start : start + n_lines * n_steps].reshape(n_lines, n_steps).copy()
    return lines


def _split_row_duals(program: Program, lp: LinearProgram, row_duals: Array | None) -> dict[str, Any]:
    """Return the duals in the program's own units, by family; zeros where HiGHS gave none."""
    m, n_budgets = len(program.border.row_names), len(program.budget_names)
    duals = np.zeros(lp.shape[0])
    if row_duals is not None and len(row_duals) == lp.shape[0] and np.isfinite(row_duals).all():
        duals = row_duals * lp.row_scale / lp.objective_scale
    places = list(zip(program.blocks, lp.row_start, lp.state_row_start, strict=True))
    return {
        "row_duals": tuple(_cut(duals, at, len(b.row_names), b.n_steps) for b, at, _ in places),
        "border_row_duals": duals[:m].copy(),
        "budget_duals": duals[m : m + n_budgets].copy(),
        "state_duals": tuple(_cut(duals, at, len(b.state_names), b.n_steps) for b, _, at in places),
    }


def _solution_without_values(program: Program, status: Status, message: str, bound: float = -np.inf) -> Solution:
    """Return a Solution that holds no plan: NaN in every array, an objective of infinity."""
    blocks = program.blocks
    return Solution(
        solver="highs",
        status=status,
        objective=np.inf,
        bound=np.inf if status == "infeasible" else bound,
        columns=np.full(len(program.border.names), np.nan),
        flows=tuple(np.full(b.flow_cost.shape, np.nan) for b in blocks),
        levels=tuple(np.full((len(b.state_names), b.n_steps), np.nan) for b in blocks),
        row_duals=tuple(np.full((len(b.row_names), b.n_steps), np.nan) for b in blocks),
        border_row_duals=np.full(len(program.border.row_names), np.nan),
        budget_duals=np.full(len(program.budget_names), np.nan),
        message=message,
        state_duals=tuple(np.full((len(b.state_names), b.n_steps), np.nan) for b in blocks),
    )


def _serve(request_path: str, answer_path: str, incumbent_path: str, parent: str) -> None:
    """Child process: read the request, run HiGHS, write the answer; end with the parent, however that ends."""
    threading.Thread(target=_end_with_parent, args=(int(parent),), daemon=True).start()
    request = pickle.loads(Path(request_path).read_bytes())
    _write_whole(Path(answer_path), run_highs(request, Path(incumbent_path)))


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    _serve(*sys.argv[1:5])
