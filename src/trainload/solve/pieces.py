"""How is what presolve left scaled, and cut into pieces that share a border?

Scales are powers of two, so that
coefficients, right-hand sides and prices lie near one (geometric equilibration after Ruiz, *A scaling algorithm to
equilibrate both rows and columns norms in matrices*, RAL-TR-2001-034). A state keeps one scale along its chain.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse

from trainload.solve.free import FreeProgram
from trainload.solve.piece import TILE, Piece, Work, cut_tiles
from trainload.solve.program import Array, IntArray

EQUILIBRATION_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class Scales:
    """Powers of two: value = columns (flows, objective) * scaled value; scaled row = rows (budgets) * row."""

    columns: Array  # (n,)
    rows: Array  # (m,): a row's dual = objective * rows * scaled dual
    budgets: Array
    flows: tuple[Array, ...]  # per block (flows + slacks + states)
    block_rows: tuple[Array, ...]  # per block (rows + states)
    objective: float


@dataclass(frozen=True, slots=True)
class Links:
    """The border's own data in scaled units: minimise cost @ x, matrix @ [x, joints] + what pieces add - slack = rhs.

    ``joints`` are levels handed from piece to piece. Rows are those of the border, budgets (times -1) and hand-overs.
    A slack lies between 0 and ``slack_upper``; an equation has none.
    """

    columns: IntArray  # original index of each x
    cost: Array
    lower: Array
    upper: Array
    matrix: sparse.csr_matrix
    rhs: Array
    slack_rows: IntArray
    slack_upper: Array
    row_sign: Array  # of border rows: -1 where turned round
    rows: IntArray  # original index of each border row
    budgets: IntArray  # original index of each budget
    n_joints: int


@dataclass(frozen=True, slots=True)
class Cut:
    """One piece: its block, its steps, and where its border stands in ``[x, joints, rows, budgets, hand-overs]``."""

    block: int
    first: int
    last: int
    piece: Piece
    work: Work
    where: IntArray  # (C + S + Q + S,), -1: not there


def _representatives(left: FreeProgram) -> tuple[IntArray, IntArray, Array, list[IntArray], list[IntArray], int, int]:
    """Largest coefficient of each (row, variable) pair over the steps, with the numbering of rows and variables."""
    program = left.program
    n, m = len(left.free), len(program.border.row_names)
    chain_of = {b: (c, len(program.blocks[b].state_names)) for c, chain in enumerate(program.chains) for b in chain}
    first_state = np.concatenate(
        [[0], np.cumsum([len(program.blocks[chain[0]].state_names) for chain in program.chains])]
    )
    n_variables, n_rows = n + int(first_state[-1]), m + len(left.budget_upper)
    border = left.program.border.matrix.tocoo()
    keep = np.isin(border.row, left.rows) & left.free[border.col]
    rows, variables = [border.row[keep].astype(np.int64)], [border.col[keep].astype(np.int64)]
    values = [border.data[keep]]
    spent = np.nonzero(left.budget_border * left.free)
    rows.append(m + spent[0])
    variables.append(spent[1])
    values.append(left.budget_border[spent])
    of_flows, of_rows = [], []
    for b, block in enumerate(left.blocks):
        n_flows, n_states, n_kept = block.cost.shape[0], len(block.states), len(block.rhs)
        ids = np.concatenate([n_variables + np.arange(n_flows), n + first_state[chain_of[b][0]] + block.states])
        row_ids = n_rows + np.arange(n_kept)
        n_variables += n_flows
        n_rows += n_kept
        k, j = np.nonzero(block.matrix)
        rows.append(row_ids[k])
        variables.append(ids[j])
        values.append(block.matrix[k, j])
        for i in range(n_states):
            rows.append(row_ids[[n_kept - n_states + i]])
            variables.append(ids[[n_flows + i]])
            values.append(np.ones(1))
        for (k_, c), factor in block.entries.items():
            rows.append(row_ids[[k_]])
            variables.append(np.array([c]))
            values.append(np.abs(factor).max(keepdims=True))
        for (q, j_), coeff in block.budgets.items():
            rows.append(np.array([m + q]))
            variables.append(ids[[j_]])
            values.append(np.abs(coeff).max(keepdims=True))
        for v in np.flatnonzero(block.cap_column >= 0):
            most = float(block.cap[v].max())
            if most > 0:
                rows.append(np.array([n_rows, n_rows]))
                variables.append(np.array([ids[v], block.cap_column[v]]))
                values.append(np.array([1.0, most]))
                n_rows += 1
        of_flows.append(ids)
        of_rows.append(row_ids)
    return (
        np.concatenate(rows).astype(np.int64),
        np.concatenate(variables).astype(np.int64),
        np.abs(np.concatenate(values)),
        of_flows,
        of_rows,
        n_rows,
        n_variables,
    )


def choose_scales(left: FreeProgram) -> Scales:
    """Return power-of-two scales for everything presolve left."""
    rows, variables, values, of_flows, of_rows, n_rows, n_variables = _representatives(left)
    there = values > 0
    rows, variables, values = rows[there], variables[there], values[there]
    row_scale, variable_scale = np.ones(n_rows), np.ones(n_variables)
    for _ in range(EQUILIBRATION_ROUNDS):
        size = values * row_scale[rows] * variable_scale[variables]
        most = np.zeros(n_rows)
        np.maximum.at(most, rows, size)
        row_scale /= np.sqrt(np.where(most > 0, most, 1.0))
        size = values * row_scale[rows] * variable_scale[variables]
        most = np.zeros(n_variables)
        np.maximum.at(most, variables, size)
        variable_scale /= np.sqrt(np.where(most > 0, most, 1.0))
    row_scale, variable_scale = _power_of_two(row_scale), _power_of_two(variable_scale)
    quantity = _quantity(left, of_rows, row_scale, of_flows, variable_scale)
    prices = [
        np.abs(block.cost * variable_scale[ids[: len(block.cost)], None]).ravel()
        for block, ids in zip(left.blocks, of_flows, strict=True)
    ]
    price = np.concatenate([*prices, np.abs(left.cost * variable_scale[: len(left.cost)])[left.free]])
    flow_price = np.concatenate(prices) if prices else price
    price = flow_price if flow_price.any() else price
    price = price[price > 0]
    unit = float(_power_of_two(np.exp(np.log(price).mean(keepdims=True)))[0]) if len(price) else 1.0
    n, m = len(left.free), len(left.program.border.row_names)
    block_rows = []
    for block, ids, row_ids in zip(left.blocks, of_flows, of_rows, strict=True):
        scale = row_scale[row_ids].copy()
        n_states = len(block.states)
        if n_states:
            scale[-n_states:] = 1.0 / variable_scale[ids[-n_states:]]  # a level has the coefficient 1 in its own row
        block_rows.append(scale)
    return Scales(
        columns=variable_scale[:n] * quantity,
        rows=row_scale[:m] / quantity,
        budgets=row_scale[m : m + len(left.budget_upper)] / quantity,
        flows=tuple(variable_scale[ids] * quantity for ids in of_flows),
        block_rows=tuple(scale / quantity for scale in block_rows),
        objective=unit * quantity,
    )


def _power_of_two(x: Array) -> Array:
    return np.exp2(np.round(np.log2(x)))


def _quantity(
    left: FreeProgram, of_rows: list[IntArray], row_scale: Array, of_flows: list[IntArray], variable_scale: Array
) -> float:
    """Return the typical size of right-hand sides, or of limits where all right-hand sides are zero."""
    sizes = [
        np.abs(block.rhs).mean(axis=1) * row_scale[ids]
        for block, ids in zip(left.blocks, of_rows, strict=True)
        if len(block.rhs)
    ]
    largest = max((float(size.max()) for size in sizes), default=0.0)
    if largest <= 0.0:
        for block, ids in zip(left.blocks, of_flows, strict=True):
            for v in np.flatnonzero(block.cap_column < 0):
                cap = block.cap[v]
                cap = cap[np.isfinite(cap) & (cap > 0)]
                if len(cap):
                    largest = max(largest, float(cap.mean() / variable_scale[ids[v]]))
    if largest <= 0.0:
        border = left.program.border
        most = (
            np.maximum(np.abs(border.lower), np.abs(border.upper))[left.free]
            / variable_scale[: len(left.free)][left.free]
        )
        largest = float(np.median(most)) if len(most) else 1.0
    return float(_power_of_two(np.array([largest]))[0]) if largest > 0 and np.isfinite(largest) else 1.0


def cut_pieces(left: FreeProgram, scales: Scales, *, n_threads: int = 1) -> tuple[Links, tuple[Cut, ...]]:
    """Return the border's own data and the pieces, in scaled units; long blocks are cut for the threads to share."""
    program = left.program
    columns = np.flatnonzero(left.free)
    place = np.full(len(left.free), -1, dtype=np.int64)
    place[columns] = np.arange(len(columns))
    used = {q for block in left.blocks for q, _ in block.budgets}
    budgets = np.array(
        [q for q in range(len(left.budget_upper)) if q in used or left.budget_border[q, columns].any()], dtype=np.int64
    )
    # where each piece starts, and the hand-overs between pieces
    longest = max(512, -(-program.n_steps // (2 * n_threads))) if n_threads > 1 else program.n_steps
    parts: list[tuple[int, int, int]] = []
    first_part, last_part = {}, {}
    for b, block in enumerate(program.blocks):
        T = block.n_steps
        cuts = np.linspace(0, T, -(-T // longest) + 1).astype(int)
        first_part[b] = len(parts)
        parts += [(b, int(t0), int(t1)) for t0, t1 in pairwise(cuts)]
        last_part[b] = len(parts) - 1
    enter = [np.full(len(left.blocks[b].states), -1, dtype=np.int64) for b, _, _ in parts]
    leave = [np.full(len(left.blocks[b].states), -1, dtype=np.int64) for b, _, _ in parts]
    n_joints = 0
    for chain in program.chains:
        for where, b in enumerate(chain):
            before = chain[where - 1]
            for k in range(first_part[b], last_part[b] + 1):
                previous = k - 1 if k > first_part[b] else last_part[before]
                states = left.blocks[before].states if k == first_part[b] else left.blocks[b].states
                for i, s in enumerate(left.blocks[b].states):
                    if k > first_part[b] or left.blocks[b].enters[i]:
                        enter[k][i] = n_joints
                        leave[previous][int(np.flatnonzero(states == s)[0])] = n_joints
                        n_joints += 1
    links = _link(left, scales, columns, budgets, n_joints)
    offsets = np.array([0, len(columns), len(links.rows), len(budgets)])
    cuts_ = [
        _cut(left, scales, part, place=place, budgets=budgets, offsets=offsets, joints=(enter[k], leave[k], n_joints))
        for k, part in enumerate(parts)
    ]
    return links, tuple(cuts_)


def _link(left: FreeProgram, scales: Scales, columns: IntArray, budgets: IntArray, n_joints: int) -> Links:
    border = left.program.border
    low, high = left.row_lower[left.rows], left.row_upper[left.rows]
    sign = np.where(np.isfinite(low), 1.0, -1.0)
    rhs = np.where(np.isfinite(low), low, -high) * scales.rows[left.rows]
    equal = low == high
    ranged = np.isfinite(low) & np.isfinite(high) & ~equal
    slack_rows = np.flatnonzero(~equal)
    slack_upper = np.where(ranged, (high - low) * scales.rows[left.rows], np.inf)[slack_rows]
    own = sparse.diags_array(sign * scales.rows[left.rows]) @ border.matrix[left.rows][:, columns]
    own = own @ sparse.diags_array(scales.columns[columns])
    spent = -(scales.budgets[budgets, None] * left.budget_border[np.ix_(budgets, columns)]) * scales.columns[columns]
    n_x = len(columns)
    matrix = sparse.block_array(
        [
            [sparse.csr_array(own), sparse.csr_array((len(left.rows), n_joints))],
            [sparse.csr_array(spent), sparse.csr_array((len(budgets), n_joints))],
            [sparse.csr_array((n_joints, n_x)), sparse.eye_array(n_joints)],
        ],
        format="csr",
    )
    return Links(
        columns=columns,
        cost=left.cost[columns] * scales.columns[columns] / scales.objective,
        lower=border.lower[columns] / scales.columns[columns],
        upper=border.upper[columns] / scales.columns[columns],
        matrix=sparse.csr_matrix(matrix),
        rhs=np.concatenate([rhs, -left.budget_upper[budgets] * scales.budgets[budgets], np.zeros(n_joints)]),
        slack_rows=np.concatenate([slack_rows, len(left.rows) + np.arange(len(budgets))]),
        slack_upper=np.concatenate([slack_upper, np.full(len(budgets), np.inf)]),
        row_sign=sign,
        rows=left.rows,
        budgets=budgets,
        n_joints=n_joints,
    )


def _cut(
    left: FreeProgram,
    scales: Scales,
    part: tuple[int, int, int],
    *,
    place: IntArray,
    budgets: IntArray,
    offsets: IntArray,
    joints: tuple[IntArray, IntArray, int],
) -> Cut:
    b, first, last = part
    block = left.blocks[b]
    enter, leave, n_joints = joints
    steps = slice(first, last)
    flow_scale, row_scale = scales.flows[b], scales.block_rows[b]
    n_flows, n_states = block.cost.shape[0], len(block.states)
    n_rows = len(block.rhs) - n_states
    touched = np.unique(
        np.concatenate([block.cap_column[block.cap_column >= 0], [c for _, c in block.entries]]).astype(np.int64)
    )
    here = np.array([i for i, q in enumerate(budgets) if any(q == p for p, _ in block.budgets)], dtype=np.int64)
    C, Q = len(touched), len(here)
    local = np.full(len(left.free), C + n_states + Q + n_states, dtype=np.int64)
    local[touched] = np.arange(C)

    held = np.where(block.cap_column >= 0, scales.columns[block.cap_column], 1.0) / flow_scale
    cap = block.cap[:, steps] * held[:, None]
    cap[block.cap[:, steps] < 0] = -1.0
    column = np.where(block.cap_column >= 0, local[block.cap_column], C + n_states + Q + n_states)
    matrix = block.matrix * row_scale[:, None] * flow_scale[None, :n_flows]
    by_flow = sparse.csr_matrix(matrix.T)
    entries = sorted(block.entries)
    budget_entries = sorted((j, int(np.flatnonzero(budgets[here] == q)[0]), q) for q, j in block.budgets)
    start = np.zeros(n_flows + 1, dtype=np.int64)
    for j, _, _ in budget_entries:
        start[j + 1] += 1
    n_vars, n_kept = n_flows + n_states, n_rows + n_states
    n_steps = last - first
    n_vars, n_kept = n_flows + n_states, n_rows + n_states
    piece = Piece(
        size=np.array([n_rows, n_states, n_flows, C, Q, n_steps], dtype=np.int64),
        cap=cut_tiles(cap, -1.0),
        cost=cut_tiles(block.cost[:, steps] * (flow_scale[:n_flows, None] / scales.objective)),
        column=column.astype(np.int64),
        row_start=by_flow.indptr.astype(np.int64),
        row_index=by_flow.indices.astype(np.int64),
        row_value=by_flow.data.astype(float),
        keep=block.keep,
        rhs=cut_tiles(block.rhs[:, steps] * row_scale[:, None]),
        border_row=np.array([k for k, _ in entries], dtype=np.int64),
        border_column=np.array([local[c] for _, c in entries], dtype=np.int64),
        border_value=_tile_lines(
            [block.entries[k, c][steps] * (row_scale[k] * scales.columns[c]) for k, c in entries], n_steps
        ),
        budget_start=np.cumsum(start),
        budget_index=np.array([i for _, i, _ in budget_entries], dtype=np.int64),
        budget_value=_tile_lines(
            [-block.budgets[q, j][steps] * (flow_scale[j] * scales.budgets[q]) for j, _, q in budget_entries], n_steps
        ),
    )
    tiles, width = -(-n_steps // TILE), C + n_states + Q
    work = Work(
        **{
            name: np.zeros((tiles, n_vars, TILE))
            for name in ("y", "slack", "z", "w", "dy", "target_y", "target_slack", "g")
        },
        **{name: np.zeros((tiles, n_kept, TILE)) for name in ("multiplier", "dmultiplier", "row_residual", "forward")},
        row_factor=np.zeros((tiles, n_rows * n_kept, TILE)),
        row_columns=np.zeros((tiles, n_rows, width, TILE)),
        state_factor=np.zeros((n_steps, 2 * n_states * n_states)),
        state_columns=np.zeros((n_steps, n_states, 8 * (-(-width // 8)))),
    )
    n_x, m, n_b = int(offsets[1]), int(offsets[2]), int(offsets[3])
    base = n_x + n_joints
    where = np.concatenate(
        [
            place[touched],
            np.where(enter >= 0, n_x + enter, -1),
            base + m + here,
            np.where(leave >= 0, base + m + n_b + leave, -1),
        ]
    ).astype(np.int64)
    return Cut(b, first, last, piece, work, where)


def _tile_lines(lines: list[Array], n_steps: int) -> Array:
    return cut_tiles(np.stack(lines) if lines else np.zeros((0, n_steps)))
