"""Which columns, flows, rows and states of a program are really free? Take the rest out, and put it back afterwards.

Interior points need an interior. Taken out are: fixed columns (lower == upper, or forced by a border row whose other
columns are at their limits), floors (``y = floor x + y'``), flows without room between floor and cap (dark hours, sizes
fixed at zero), flows that a row holds at their floor, states that nothing enters. What remains is stated as in
`solve.kernels`: flows from zero up to ``cap * column``, every row an equation (inequalities get a slack flow).
"""

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from trainload.solve.program import Array, Block, Border, IntArray, Program

ROUNDING = 1e-12  # relative size below which room between two limits counts as none
FEASIBLE = 1e-7  # relative violation from which limits count as contradictory


class OutsideGrammarError(Exception):
    """The program holds something that the chain solver does not handle."""


class Contradiction(Exception):  # noqa: N818 (not an error of the caller: the program's answer is "infeasible")
    """The program's limits contradict each other."""


@dataclass(frozen=True, slots=True)
class ForcedRow:
    """A border row that fixed columns; its dual is found last, from their reduced costs."""

    row: int
    columns: IntArray
    coefficients: Array
    side: (
        int  # +1: columns are at their least activity (dual <= 0 suffices), -1: at their largest, 0: one column, solved
    )


@dataclass(frozen=True, slots=True)
class ForcedSteps:
    """Steps at which a block's row holds flows at their floor."""

    row: int  # row of the block; from R on: its states
    flows: IntArray
    coefficients: Array
    steps: Array  # (T,) bool
    side: int


@dataclass(slots=True)
class FreeBlock:
    """What is left of a block, in the program's units."""

    flows: IntArray  # original indices; slacks follow them, one per inequality row
    rows: IntArray  # original indices of rows with anything free in them
    slack_rows: IntArray  # index into ``rows`` of each slack
    states: IntArray  # original indices
    cap: Array  # (flows + slacks + states, T), < 0: fixed at zero, inf: no upper bound; times the column's value
    cap_column: IntArray  # original column, -1: none
    cost: Array  # (flows + slacks, T)
    matrix: Array  # (rows + states, flows + slacks)
    keep: Array
    rhs: Array  # (rows + states, T)
    entries: dict[tuple[int, int], Array]  # (row, original column) -> factors (T,)
    budgets: dict[tuple[int, int], Array]  # (budget, flow) -> coefficients (T,)
    forced: list[ForcedSteps]
    enters: Array  # (states,) bool: the level before the first step is the level handed on by the block before
    leaves: Array  # (states,) bool: the last level is handed on


@dataclass(slots=True)
class FreeProgram:
    """What is left of a program, in the program's units; border arrays keep their original length."""

    program: Program
    free: Array  # (n,) bool
    value: Array  # (n,): of fixed columns
    cost: Array  # (n,): floors included
    budget_border: Array  # (budgets, n): floors included
    budget_upper: Array
    rows: IntArray  # border rows left
    row_lower: Array  # (m,): fixed columns taken off
    row_upper: Array
    constant: float
    forced_rows: list[ForcedRow]
    blocks: list[FreeBlock] = field(default_factory=list)


def presolve(program: Program) -> FreeProgram:
    """Return what is left of the program.

    Raises:
        Contradiction: where limits contradict each other.
    """
    border = program.border
    lower, upper = border.lower.astype(float), border.upper.astype(float)
    _limit_columns(program, lower, upper)
    forced = _fix_columns(border, lower, upper)
    free = upper > lower
    value = np.where(free, 0.0, lower)
    budget_border = np.zeros((len(program.budget_names), len(lower)))
    if program.budget_matrix is not None:
        budget_border += program.budget_matrix.toarray()
    shift = border.matrix @ value
    touched = (abs(border.matrix) @ free.astype(float)) > 0
    bounded = np.isfinite(border.row_lower) | np.isfinite(border.row_upper)
    taken = np.zeros(len(border.row_names), dtype=bool)
    taken[[f.row for f in forced]] = True
    left = FreeProgram(
        program=program,
        free=free,
        value=value,
        cost=border.cost.astype(float),
        budget_border=budget_border,
        budget_upper=program.budget_upper - budget_border @ value,
        rows=np.flatnonzero(touched & bounded & ~taken),
        row_lower=border.row_lower - shift,
        row_upper=border.row_upper - shift,
        constant=float(border.cost @ value),
        forced_rows=forced,
    )
    for chain in program.chains:
        dead = [_dead_levels(program.blocks[b], lower, upper) for b in chain]
        for place, b in enumerate(chain):
            left.blocks.append(_free_block(left, program.blocks[b], dead[place], dead[place - 1]))
    order = np.argsort([b for chain in program.chains for b in chain])
    left.blocks = [left.blocks[i] for i in order]
    for chain in program.chains:
        _join_states(left, chain)
    return left


def _limit_columns(program: Program, lower: Array, upper: Array) -> None:
    """A column whose flow has a floor above its cap at some step can't be positive."""
    for block in program.blocks:
        room = block.flow_cap if block.flow_floor is None else block.flow_cap - block.flow_floor
        size = np.abs(block.flow_cap) if block.flow_floor is None else np.abs(block.flow_cap) + np.abs(block.flow_floor)
        for j in np.flatnonzero((room < -FEASIBLE * size).any(axis=1)):
            column = block.flow_cap_column[j]
            if column < 0:
                raise Contradiction(f"{block.name}: the floor of {block.flow_names[j]} lies above its cap")
            upper[column] = min(upper[column], 0.0)
        for s in np.flatnonzero(block.state_cap < 0):
            if block.state_cap_column[s] < 0:
                raise Contradiction(f"{block.name}: the cap of {block.state_names[s]} is negative")
            upper[block.state_cap_column[s]] = min(upper[block.state_cap_column[s]], 0.0)


def _fix_columns(border: Border, lower: Array, upper: Array) -> list[ForcedRow]:
    """Fix columns that border rows force to a limit, in place; return those rows in the order in which they did."""
    room = np.maximum(np.abs(lower), np.abs(upper))
    crossed = lower > upper + FEASIBLE * np.maximum(1.0, room)
    if crossed.any():
        raise Contradiction(f"the limits of {border.names[int(np.argmax(crossed))]} cross")
    close = upper - lower <= ROUNDING * room
    upper[close] = lower[close] = np.where(np.abs(lower) <= np.abs(upper), lower, upper)[close]
    matrix = sparse.csr_matrix(border.matrix, dtype=float)
    matrix.eliminate_zeros()
    by_column = matrix.tocsc()
    forced: list[ForcedRow] = []
    done = np.zeros(matrix.shape[0], dtype=bool)
    ask = np.arange(matrix.shape[0])
    while len(ask):
        again: set[int] = set()
        for r in ask:
            part = slice(matrix.indptr[r], matrix.indptr[r + 1])
            columns, values = matrix.indices[part], matrix.data[part]
            found = _forced_row(border, int(r), columns=columns, values=values, lower=lower, upper=upper, room=room)
            if found is not None:
                row, value = found
                lower[row.columns] = upper[row.columns] = value
                forced.append(row)
                done[r] = True
                for c in row.columns:
                    again.update(by_column.indices[by_column.indptr[c] : by_column.indptr[c + 1]].tolist())
        ask = np.array(sorted(r for r in again if not done[r]), dtype=np.int64)
    return forced


def _forced_row(
    border: Border, r: int, *, columns: IntArray, values: Array, lower: Array, upper: Array, room: Array
) -> tuple[ForcedRow, Array] | None:
    """Return the columns that row r fixes, and at what, if it does."""
    at_least = np.where(values > 0, lower[columns], upper[columns])
    at_most = np.where(values > 0, upper[columns], lower[columns])
    least, most = float(values @ at_least), float(values @ at_most)
    low, high = float(border.row_lower[r]), float(border.row_upper[r])
    size = float(np.abs(values) @ room[columns])
    size = max(size, *(abs(side) for side in (low, high) if np.isfinite(side)), 1e-300)
    if max(least - high, low - most) > FEASIBLE * max(1.0, size):
        raise Contradiction(f"the row {border.row_names[r]} can't be met within the limits of its columns")
    free = upper[columns] > lower[columns]
    if not free.any():
        return None
    if least >= high - ROUNDING * size:
        return ForcedRow(r, columns[free], values[free], 1), at_least[free]
    if most <= low + ROUNDING * size:
        return ForcedRow(r, columns[free], values[free], -1), at_most[free]
    if low == high and free.sum() == 1:
        value = (low - values[~free] @ lower[columns[~free]]) / values[free]
        return ForcedRow(r, columns[free], values[free], 0), np.clip(value, lower[columns[free]], upper[columns[free]])
    return None


def _dead_levels(block: Block, lower: Array, upper: Array) -> Array:
    """Which levels have no room: (S,) bool."""
    column = block.state_cap_column
    held = np.where(column >= 0, np.maximum(lower, upper)[column] if len(upper) else 0.0, 1.0)
    dead: Array = block.state_cap * held <= 0.0
    return dead


def _free_block(left: FreeProgram, block: Block, dead: Array, dead_before: Array) -> FreeBlock:
    """Take floors, fixed columns and flows without room out of one block; adds its share to the border's arrays."""
    J, T, R, S = len(block.flow_names), block.n_steps, len(block.row_names), len(block.state_names)
    column = block.flow_cap_column
    hangs = np.zeros(J, dtype=bool)
    hangs[column >= 0] = left.free[column[column >= 0]]
    held = np.ones(J)
    fixed = (column >= 0) & ~hangs
    held[fixed] = left.value[column[fixed]]
    floor = block.flow_floor if block.flow_floor is not None else np.zeros((1, 1))
    room = (block.flow_cap - floor) * held[:, None]
    size = (np.abs(block.flow_cap) + np.abs(floor)) * np.abs(held[:, None])
    if (room < -FEASIBLE * np.maximum(1.0, size)).any():
        j = int(np.argmax((room < -FEASIBLE * np.maximum(1.0, size)).any(axis=1)))
        raise Contradiction(f"{block.name}: the floor of {block.flow_names[j]} lies above its cap")
    room[room <= ROUNDING * size] = 0.0

    matrix = np.vstack([block.row_coeff.reshape(R, J), -block.state_coeff.reshape(S, J)])
    rhs = np.vstack([block.row_rhs.reshape(R, T), np.zeros((S, T))])
    scale = np.abs(rhs).max(axis=1)
    entries: dict[tuple[int, int], Array] = {}
    for r, factors in enumerate(block.row_border):
        for c, factor in factors.items():
            if left.free[c]:
                entries[r, c] = factor.astype(float)
            else:
                rhs[r] -= factor * left.value[c]
                scale[r] = max(scale[r], float(np.abs(factor * left.value[c]).max()))
    if block.flow_floor is not None:
        _take_floors(left, block, matrix=matrix, rhs=rhs, scale=scale, entries=entries, hangs=hangs, held=held)
    entries = {key: factor for key, factor in entries.items() if factor.any()}

    senses = (*block.row_sense, *("=" * S))
    quiet = np.ones((R + S, T), dtype=bool)  # no column stands in this row at this step
    for (r, _), factor in entries.items():
        quiet[r] &= factor == 0.0
    level = np.ones((R + S, T), dtype=bool)  # no level stands in this row at this step
    for s in range(S):
        level[R + s] = dead[s]
        level[R + s, 0] = dead[s] and (dead_before[s] or block.state_keep[s] == 0.0)
    quiet &= level
    forced = _force_flows(block, matrix=matrix, rhs=rhs, scale=scale, senses=senses, quiet=quiet, room=room)

    alive = room > 0.0
    flows = np.flatnonzero(alive.any(axis=1))
    any_flow = (np.abs(matrix) > 0).astype(float) @ alive > 0
    empty = quiet & ~any_flow
    for k in range(R + S):
        excess = np.abs(rhs[k]) if senses[k] == "=" else -rhs[k]
        if (excess[empty[k]] > FEASIBLE * max(1.0, scale[k])).any():
            name = (*block.row_names, *block.state_names)[k]
            t = int(np.flatnonzero(empty[k] & (excess > FEASIBLE * max(1.0, scale[k])))[0])
            raise Contradiction(f"{block.name}: {name} can't be met at step {t}")
        rhs[k, empty[k]] = 0.0
        bare = ~any_flow[k] & ~empty[k] & level[k]
        if senses[k] == "=" and bare.any():
            name = (*block.row_names, *block.state_names)[k]
            raise OutsideGrammarError(
                f"{block.name}: the equation {name} holds border columns but no flow at {int(bare.sum())} steps"
            )
    rows = np.array([r for r in range(R) if not empty[r].all()], dtype=np.int64)
    states = np.array([s for s in range(S) if not empty[R + s].all()], dtype=np.int64)
    slack_rows = np.array([i for i, r in enumerate(rows) if senses[r] == "<"], dtype=np.int64)
    kept = np.concatenate([rows, R + states])
    n_flows, n_slacks = len(flows), len(slack_rows)
    cap = np.empty((n_flows + n_slacks + len(states), T))
    cap[:n_flows] = np.where(alive[flows], room[flows], -1.0)
    cap[n_flows : n_flows + n_slacks] = np.where(empty[rows[slack_rows]], -1.0, np.inf)
    cap_column = np.full(len(cap), -1, dtype=np.int64)
    cap_column[:n_flows] = np.where(hangs[flows], column[flows], -1)
    for i, s in enumerate(states):
        c = int(block.state_cap_column[s])
        loose = c >= 0 and left.free[c]
        most = block.state_cap[s] * (1.0 if loose or c < 0 else left.value[c])
        cap[n_flows + n_slacks + i] = most if not dead[s] and most > 0 else -1.0
        cap_column[n_flows + n_slacks + i] = c if loose else -1
    reduced = np.zeros((len(kept), n_flows + n_slacks))
    reduced[:, :n_flows] = matrix[np.ix_(kept, flows)]
    reduced[slack_rows, n_flows + np.arange(n_slacks)] = 1.0
    place = {int(k): i for i, k in enumerate(kept)}
    budgets = {
        (q, i): coeff[j].astype(float)
        for q, coeff in block.budget_coeff.items()
        for i, j in enumerate(flows)
        if coeff[j].any()
    }
    return FreeBlock(
        flows=flows,
        rows=rows,
        slack_rows=slack_rows,
        states=states,
        cap=cap,
        cap_column=cap_column,
        cost=np.vstack([block.flow_cost[flows], np.zeros((n_slacks, T))]),
        matrix=reduced,
        keep=block.state_keep[states].astype(float),
        rhs=rhs[kept],
        entries={(place[k], c): factor for (k, c), factor in entries.items()},
        budgets=budgets,
        forced=forced,
        enters=np.ones(len(states), dtype=bool),
        leaves=np.ones(len(states), dtype=bool),
    )


def _take_floors(
    left: FreeProgram,
    block: Block,
    *,
    matrix: Array,
    rhs: Array,
    scale: Array,
    entries: dict[tuple[int, int], Array],
    hangs: Array,
    held: Array,
) -> None:
    """Substitute y = floor x + y' in rows, states, budgets and objective."""
    assert block.flow_floor is not None
    for j in np.flatnonzero(block.flow_floor.any(axis=1)):
        floor, column = block.flow_floor[j], int(block.flow_cap_column[j])
        for k in np.flatnonzero(matrix[:, j]):
            if hangs[j]:
                entries[int(k), column] = entries.get((int(k), column), 0.0) + matrix[k, j] * floor
            else:
                rhs[k] -= matrix[k, j] * floor * held[j]
                scale[k] = max(scale[k], float(np.abs(matrix[k, j] * floor * held[j]).max()))
        cost = float(block.flow_cost[j] @ floor)
        if hangs[j]:
            left.cost[column] += cost
        else:
            left.constant += cost * held[j]
        for q, coeff in block.budget_coeff.items():
            if hangs[j]:
                left.budget_border[q, column] += coeff[j] @ floor
            else:
                left.budget_upper[q] -= (coeff[j] @ floor) * held[j]


def _force_flows(
    block: Block, *, matrix: Array, rhs: Array, scale: Array, senses: tuple[str, ...], quiet: Array, room: Array
) -> list[ForcedSteps]:
    """Take the room (in place) of flows that a row holds at their floor; again until no row does."""
    forced: list[ForcedSteps] = []
    changed = True
    while changed:
        changed = False
        alive = room > 0.0
        for k, sense in enumerate(senses):
            if not quiet[k].any():
                continue
            rising, falling = np.flatnonzero(matrix[k] > 0), np.flatnonzero(matrix[k] < 0)
            up, down = alive[rising].any(axis=0), alive[falling].any(axis=0)
            small = ROUNDING * scale[k]
            for side, flows, steps in (
                (1, rising, quiet[k] & up & ~down & (rhs[k] <= small)),
                (-1, falling, quiet[k] & down & ~up & (rhs[k] >= -small) & (sense == "=")),
            ):
                if not steps.any():
                    continue
                if (side * rhs[k, steps] < -FEASIBLE * max(1.0, scale[k])).any():
                    name = (*block.row_names, *block.state_names)[k]
                    t = int(np.flatnonzero(steps & (side * rhs[k] < -FEASIBLE * max(1.0, scale[k])))[0])
                    raise Contradiction(f"{block.name}: {name} can't be met at step {t}")
                room[np.ix_(flows, np.flatnonzero(steps))] = 0.0
                alive = room > 0.0
                forced.append(ForcedSteps(k, flows, matrix[k, flows], steps, side))
                changed = True
    return forced


def _join_states(left: FreeProgram, chain: tuple[int, ...]) -> None:
    """Settle which levels are handed from block to block; a level handed to a block without its state ends at zero."""
    for place, b in enumerate(chain):
        before, after = left.blocks[chain[place - 1]], left.blocks[b]
        for i, s in enumerate(after.states):
            after.enters[i] = s in before.states
        for i, s in enumerate(before.states):
            if s not in after.states:
                before.leaves[i] = False
                if left.program.blocks[b].state_keep[s] != 0.0:
                    before.cap[len(before.cap) - len(before.states) + i, -1] = -1.0
