"""A chain program stated as one sparse linear program, and solved by HiGHS.

Reference, fallback and master solver: what HiGHS returns goes through the same checks as any other solution.
"""

import pickle
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy import sparse

from trainload.solve.check import check_solution, lagrangian_bound, validate_program, whole_unit_box
from trainload.solve.program import Array, Border, IntArray, Program, Solution

Method = Literal["hipo", "ipx", "simplex", "choose"]
Status = Literal["optimal", "feasible", "time_limit", "infeasible", "unbounded", "failed"]

ISOLATE_FROM_COLUMNS = 20_000
"""From this size on HiGHS runs in a child process, so that Ctrl-C ends it at once."""
GRACE_SECONDS = 5.0
"""How long HiGHS may overrun its own time limit before the watchdog ends it."""


@dataclass(frozen=True, slots=True)
class LinearProgram:
    """minimise cost @ z, row_lower <= matrix @ z <= row_upper, lower <= z <= upper, and where z holds the program.

    Columns: border, then per block its flows (flow-major: ``flow_start[b] + j T + t``) and levels (``level_start[b]``).
    Rows: border, budgets, then per block coupled rows and state recursions (starts as above), then the limits that
    hang on a border column. Scales are powers of ten (of a whole column: its unit): x = column_scale z, and a row's
    dual in the program's terms is its dual here times ``row_scale`` / ``objective_scale``.
    """

    cost: Array
    lower: Array
    upper: Array
    matrix: sparse.csc_matrix
    row_lower: Array
    row_upper: Array
    whole: IntArray  # columns of z that must be whole
    flow_start: IntArray
    level_start: IntArray
    row_start: IntArray
    state_row_start: IntArray
    column_scale: Array
    row_scale: Array
    objective_scale: float

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = self.matrix.shape
        return int(rows), int(columns)


class _Entries:
    """Collects coefficients of a sparse matrix, many at a time."""

    def __init__(self) -> None:
        self.rows: list[IntArray] = []
        self.columns: list[IntArray] = []
        self.values: list[Array] = []

    def add(self, rows: Any, columns: Any, values: Any) -> None:
        """Add coefficients; the three are broadcast against one another."""
        shape = np.broadcast_shapes(np.shape(rows), np.shape(columns), np.shape(values))
        self.rows.append(np.broadcast_to(rows, shape).ravel())
        self.columns.append(np.broadcast_to(columns, shape).ravel())
        self.values.append(np.broadcast_to(values, shape).ravel())

    def add_matrix(self, matrix: sparse.csr_matrix, first_row: int) -> None:
        block = matrix.tocoo()
        self.add(block.row.astype(np.int64) + first_row, block.col.astype(np.int64), block.data)

    def to_columns(self, shape: tuple[int, int]) -> sparse.csc_matrix:
        if not self.rows:
            return sparse.csc_matrix(shape)
        rows, columns = np.concatenate(self.rows), np.concatenate(self.columns)
        return sparse.csc_matrix(sparse.coo_matrix((np.concatenate(self.values), (rows, columns)), shape=shape))


def state_program_as_lp(program: Program, *, integer: bool = False, scale: bool = True) -> LinearProgram:
    """Return the program as one sparse linear program.

    A flow or level that hangs on a fixed border column gets a plain limit, one whose cap and floor are zero is fixed at
    zero; the others get rows ``y - cap x <= 0``, ``y - floor x >= 0``, or one equation where both are equal.

    Args:
        program: a well-formed program (`validate_program`).
        integer: state lumpy columns as whole numbers of units.
        scale: bring quantities and prices near one by powers of ten.
    """
    border, blocks = program.border, program.blocks
    n, m, n_budgets = len(border.names), len(border.row_names), len(program.budget_names)
    sizes = np.array([(len(b.flow_names), len(b.state_names), len(b.row_names), b.n_steps) for b in blocks])
    flows, levels, rows = sizes[:, 0] * sizes[:, 3], sizes[:, 1] * sizes[:, 3], sizes[:, 2] * sizes[:, 3]
    flow_start = n + np.concatenate([[0], np.cumsum(flows + levels)[:-1]])
    level_start = flow_start + flows
    row_start = m + n_budgets + np.concatenate([[0], np.cumsum(rows + levels)[:-1]])
    state_row_start = row_start + rows
    n_columns, n_rows = n + int((flows + levels).sum()), m + n_budgets + int((rows + levels).sum())

    cost, lower, upper = np.zeros(n_columns), np.zeros(n_columns), np.full(n_columns, np.inf)
    cost[:n], lower[:n], upper[:n] = border.cost, border.lower, border.upper
    row_lower, row_upper = np.zeros(n_rows), np.zeros(n_rows)
    row_lower[:m], row_upper[:m] = border.row_lower, border.row_upper
    row_lower[m : m + n_budgets], row_upper[m : m + n_budgets] = -np.inf, program.budget_upper
    entries = _Entries()
    entries.add_matrix(border.matrix, 0)
    if program.budget_matrix is not None:
        entries.add_matrix(program.budget_matrix, m)
    limits = _Limits(n_rows, border, lower, upper)

    for b, block in enumerate(blocks):
        J, S, R, T = (int(size) for size in sizes[b])
        step = np.arange(T)
        flow = flow_start[b] + np.arange(J)[:, None] * T + step
        row = row_start[b] + np.arange(R)[:, None] * T + step
        cost[flow] = block.flow_cost
        for r, sense in enumerate(block.row_sense):
            row_lower[row[r]] = block.row_rhs[r] if sense == "=" else -np.inf
            row_upper[row[r]] = block.row_rhs[r]
            used = np.flatnonzero(block.row_coeff[r])
            entries.add(row[r], flow[used], block.row_coeff[r, used][:, None])
            for column, factor in block.row_border[r].items():
                entries.add(row[r], column, factor)
        for budget, coeff in block.budget_coeff.items():
            used = np.flatnonzero(coeff)
            entries.add(m + budget, flow.ravel()[used], coeff.ravel()[used])
        for j in range(J):
            floor = np.zeros(T) if block.flow_floor is None else block.flow_floor[j]
            limits.add(flow[j], floor, block.flow_cap[j], int(block.flow_cap_column[j]))
        level = level_start[b] + np.arange(S)[:, None] * T + step
        for s in range(S):
            cap = np.full(T, block.state_cap[s])
            limits.add(level[s], np.zeros(T), cap, int(block.state_cap_column[s]))
    _add_state_recursions(program, entries, flow_start, level_start, state_row_start)

    row_lower, row_upper = np.concatenate([row_lower, *limits.lower]), np.concatenate([row_upper, *limits.upper])
    for collected in limits.entries:
        entries.add(*collected)
    matrix = entries.to_columns((len(row_lower), n_columns))
    matrix.eliminate_zeros()
    whole = np.flatnonzero(border.unit > 0) if integer else np.zeros(0, np.int64)
    if integer:
        lower[:n], upper[:n] = whole_unit_box(program)
    column_scale, row_scale, objective_scale = np.ones(n_columns), np.ones(len(row_lower)), 1.0
    if scale:
        column_scale, row_scale, objective_scale = _choose_scales(program, matrix)
    column_scale[whole] = border.unit[whole]
    matrix.data *= row_scale[matrix.indices] * np.repeat(column_scale, np.diff(matrix.indptr))
    if integer:
        lower[whole], upper[whole] = (
            np.round(lower[whole] / border.unit[whole]),
            np.round(upper[whole] / border.unit[whole]),
        )
    continuous = np.ones(n_columns, dtype=bool)
    continuous[whole] = False
    lower[continuous] /= column_scale[continuous]
    upper[continuous] /= column_scale[continuous]
    # limits that cross by rounding only (floor and cap of a fixed column) meet; others stay crossed: infeasible
    lower = np.where((lower > upper) & (lower - upper <= 1e-12 * np.abs(lower)), upper, lower)
    return LinearProgram(
        cost=cost * column_scale * objective_scale,
        lower=lower,
        upper=upper,
        matrix=matrix,
        row_lower=row_lower * row_scale,
        row_upper=row_upper * row_scale,
        whole=whole,
        flow_start=flow_start,
        level_start=level_start,
        row_start=row_start,
        state_row_start=state_row_start,
        column_scale=column_scale,
        row_scale=row_scale,
        objective_scale=objective_scale,
    )


class _Limits:
    """Collects the rows that hold flows and levels between multiples of a border column."""

    def __init__(self, first_row: int, border: Border, lower: Array, upper: Array) -> None:
        self.next_row = first_row
        self.border = border
        self.column_lower, self.column_upper = lower, upper
        self.lower: list[Array] = []
        self.upper: list[Array] = []
        self.entries: list[tuple[Any, Any, Any]] = []

    def add(self, z: IntArray, floor: Array, cap: Array, column: int) -> None:
        """Limit columns z to floor x <= z <= cap x, by a plain limit where x is a number, else by rows."""
        ends = (self.border.lower[column], self.border.upper[column]) if column >= 0 else (1.0, 1.0)
        if ends[0] == ends[1]:
            self.column_lower[z], self.column_upper[z] = floor * ends[0], cap * ends[0]
            return
        self.column_lower[z] = np.minimum(floor * ends[0], floor * ends[1])
        nothing = (cap == 0) & (floor == 0)
        self.column_upper[z[nothing]] = 0.0
        equal = (cap == floor) & ~nothing
        self._add_rows(z[equal], cap[equal], column, 0.0, 0.0)
        free = ~equal & ~nothing
        self._add_rows(z[free], cap[free], column, -np.inf, 0.0)
        # y >= 0 is already the column's own limit where the floor is zero
        held = free & (floor != 0)
        self._add_rows(z[held], floor[held], column, 0.0, np.inf)

    def _add_rows(self, z: IntArray, factor: Array, column: int, low: float, high: float) -> None:
        rows = self.next_row + np.arange(len(z))
        self.entries += [(rows, z, np.ones(len(z))), (rows, column, -factor)]
        self.lower.append(np.full(len(z), low))
        self.upper.append(np.full(len(z), high))
        self.next_row += len(z)


def _add_state_recursions(
    program: Program, entries: _Entries, flow_start: IntArray, level_start: IntArray, row_start: IntArray
) -> None:
    """level[t] - keep level[t-1] - sum coeff y = 0, where a chain's first step follows its last."""
    for chain in program.chains:
        for place, b in enumerate(chain):
            block, previous = program.blocks[b], chain[place - 1]
            T, step = block.n_steps, np.arange(block.n_steps)
            for s in range(len(block.state_names)):
                row, level = row_start[b] + s * T + step, level_start[b] + s * T + step
                last = level_start[previous] + (s + 1) * program.blocks[previous].n_steps - 1
                before = np.concatenate([[last], level[:-1]])
                entries.add(row, level, 1.0)
                entries.add(row, before, -block.state_keep[s])
                used = np.flatnonzero(block.state_coeff[s])
                flow = flow_start[b] + used[:, None] * T + step
                entries.add(row, flow, -block.state_coeff[s, used][:, None])


def _choose_scales(program: Program, matrix: sparse.csc_matrix) -> tuple[Array, Array, float]:
    """Return powers of ten that bring quantities, row coefficients and prices near one.

    All hourly quantities share one scale (the largest right-hand side), so that balance rows keep their coefficients.
    """
    n = len(program.border.names)
    load = max((float(np.abs(b.row_rhs).max(initial=0.0)) for b in program.blocks), default=0.0)
    if load == 0.0:
        load = max((float(np.abs(b.flow_cap).max(initial=0.0)) for b in program.blocks), default=0.0)
    quantity = _power_of_ten(load)
    column_scale = np.full(matrix.shape[1], quantity)
    column_scale[:n] /= _power_of_ten(_column_factors(program))
    largest = abs(matrix).multiply(column_scale).max(axis=1).toarray().ravel()
    row_scale = 1.0 / _power_of_ten(largest)
    prices = np.concatenate([np.abs(b.flow_cost[b.flow_cost != 0]) for b in program.blocks])
    price = float(np.median(prices)) if prices.size else float(np.abs(program.border.cost).max(initial=0.0))
    return column_scale, row_scale, 0.1 / (_power_of_ten(price) * quantity)


def _column_factors(program: Program) -> Array:
    """Return the typical (geometric mean) flow limit or row term per unit of each border column, 1 for none."""
    logs, counts = np.zeros(len(program.border.names)), np.zeros(len(program.border.names))
    for block in program.blocks:
        tied = [(c, np.abs(block.flow_cap[j]).max()) for j, c in enumerate(block.flow_cap_column) if c >= 0]
        tied += [(c, np.abs(f).max()) for factors in block.row_border for c, f in factors.items()]
        for column, factor in tied:
            if factor > 0:
                logs[column] += np.log10(factor)
                counts[column] += 1
    factors: Array = 10.0 ** (logs / np.maximum(counts, 1))
    return factors


def _power_of_ten(value: Any) -> Any:
    """Return the power of ten nearest to a positive value, 1 for zero."""
    value = np.asarray(value, dtype=np.float64)
    power = 10.0 ** np.round(np.log10(np.where(value > 0, value, 1.0)))
    return float(power) if power.ndim == 0 else power


# ----------------------------------------------------------------------------------------------------------- solving


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

    Interior point methods run without crossover; where one stops short of a solution that passes `check_solution`, the
    dual simplex method takes over. The message says which method really ran, read from HiGHS's log:
    without the ``highspy-extras`` wheel HiGHS accepts the name ``hipo`` and runs its default.

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
        SolverError: where the program's arrays are malformed.
    """
    started = time.perf_counter()
    validate_program(program, within_grammar=False)
    lp = state_program_as_lp(program, integer=integer)
    if np.any(lp.lower > lp.upper) or np.any(lp.row_lower > lp.row_upper):
        infeasible = _solution_without_values(program, "infeasible", "a lower limit lies above its upper limit")
        return replace(infeasible, solver=f"highs_{method}")
    request: dict[str, Any] = {
        "cost": lp.cost,
        "lower": lp.lower,
        "upper": lp.upper,
        "row_lower": lp.row_lower,
        "row_upper": lp.row_upper,
        "start": lp.matrix.indptr,
        "index": lp.matrix.indices,
        "value": lp.matrix.data,
        "whole": lp.whole,
        "method": method,
        "time_limit_seconds": time_limit_seconds,
        "tolerance": tolerance,
        "mip_gap": mip_gap,
        "n_threads": n_threads,
    }
    build_seconds = time.perf_counter() - started
    solution = _read_answer(program, lp, _run(request), integer=integer, tolerance=tolerance)
    if solution.status == "failed" and method != "simplex" and not integer:
        request |= {"method": "simplex", "time_limit_seconds": _seconds_left(time_limit_seconds, started)}
        second = _read_answer(program, lp, _run(request), integer=False, tolerance=tolerance)
        solution = replace(second, message=f"{second.message}, after {solution.message}")
    return replace(
        solution,
        solver=f"highs_{method}",
        build_seconds=build_seconds,
        solve_seconds=time.perf_counter() - started - build_seconds,
    )


def _run(request: dict[str, Any]) -> dict[str, Any]:
    isolated = request["time_limit_seconds"] is not None or len(request["cost"]) >= ISOLATE_FROM_COLUMNS
    return _run_in_child(request) if isolated else _run_highs(request, incumbent_path=None)


def _seconds_left(time_limit_seconds: float | None, started: float) -> float | None:
    if time_limit_seconds is None:
        return None
    return max(0.0, time_limit_seconds - (time.perf_counter() - started))


def _run_highs(request: dict[str, Any], incumbent_path: Path | None) -> dict[str, Any]:
    """Hand the arrays to HiGHS and return its answer as plain arrays and numbers."""
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
        for name, value in _options(request, integer, log_path).items():
            highs.setOptionValue(name, value)
        if integer and incumbent_path is not None:

            def keep_incumbent(event: Any) -> None:
                _write_whole(incumbent_path, np.asarray(event.data_out.mip_solution))

            highs.cbMipImprovingSolution += keep_incumbent
        highs.passModel(lp)
        highs.HandleKeyboardInterrupt = incumbent_path is None
        highs.solve()
        log = log_path.read_text(errors="replace") if log_path.exists() else ""
        status = highs.modelStatusToString(highs.getModelStatus())
        values, info = highs.getSolution(), highs.getInfo()
        return {
            "version": highs.version(),
            "status": status,
            "columns": np.array(values.col_value) if values.value_valid else None,
            "row_duals": np.array(values.row_dual) if values.dual_valid else None,
            "n_iterations": int(max(info.ipm_iteration_count, 0) + max(info.simplex_iteration_count, 0)),
            "mip_bound": float(info.mip_dual_bound) if integer else None,
            "log": log,
        }


def _options(request: dict[str, Any], integer: bool, log_path: Path) -> dict[str, Any]:
    method, tolerance = request["method"], request["tolerance"]
    options: dict[str, Any] = {
        "log_to_console": False,
        "log_file": str(log_path),
        "threads": int(request["n_threads"]),
        "primal_feasibility_tolerance": min(1e-6, max(1e-9, tolerance)),
        "dual_feasibility_tolerance": min(1e-6, max(1e-9, tolerance)),
        "ipm_optimality_tolerance": max(1e-12, min(1e-8, tolerance)),
    }
    if integer:
        options["mip_rel_gap"] = float(request["mip_gap"])
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
    """Return the methods HiGHS's log proves, in order, such as ``HiPO interior point``."""
    log = answer["log"]
    marks = (
        ("Hipo:", "HiPO interior point"),
        ("IPX version", "IPX interior point"),
        ("Running crossover", "crossover"),
        ("dual simplex solver", "dual simplex"),
        ("primal simplex solver", "primal simplex"),
        ("Solving MIP model", "branch and bound"),
    )
    found = sorted((log.index(mark), name) for mark, name in marks if mark in log)
    return ", then ".join(name for _, name in found) or "no method beyond presolve"


def _read_answer(
    program: Program, lp: LinearProgram, answer: dict[str, Any], *, integer: bool, tolerance: float
) -> Solution:
    """Turn HiGHS's columns and duals into a Solution whose status follows from our own check of it."""
    ran = f"HiGHS {answer['version']}: {_which_method_ran(answer)}, {answer['n_iterations']} iterations"
    said = str(answer["status"])
    if said in ("Infeasible", "Primal infeasible or unbounded"):
        # every column is boxed, so it cannot be unbounded
        return _solution_without_values(program, "infeasible", ran)
    stopped: Status = "time_limit" if "limit" in said or "nterrupt" in said else "failed"
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
    if check.residual > max(1e-6, 10 * tolerance):
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


def _serve(request_path: str, answer_path: str, incumbent_path: str) -> None:
    """Child process: read the request, run HiGHS, write the answer."""
    request = pickle.loads(Path(request_path).read_bytes())
    _write_whole(Path(answer_path), _run_highs(request, Path(incumbent_path)))


if __name__ == "__main__":
    _serve(*sys.argv[1:4])
