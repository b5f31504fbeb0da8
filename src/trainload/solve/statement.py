"""A chain program stated as one sparse linear program, for solvers that know no chains."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from trainload.solve.lumpy import whole_unit_box
from trainload.solve.program import Array, Border, IntArray, Program


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
