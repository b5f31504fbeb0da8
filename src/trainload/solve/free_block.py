"""Which flows, rows and states of a block are free? Floors and flows without room are taken out."""

import numpy as np

from trainload.solve.free import (
    FEASIBLE,
    ROUNDING,
    BoolArray,
    Contradiction,
    ForcedSteps,
    FreeBlock,
    FreeProgram,
    OutsideGrammarError,
)
from trainload.solve.program import Array, Block


def free_block(
    left: FreeProgram, block: Block, *, dead: BoolArray, dead_before: BoolArray, idle: dict[int, int]
) -> FreeBlock:
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
    for state, side in idle.items():  # flows the other way are held by the state's own row, step by step
        room[side * block.state_coeff[state] < 0.0] = 0.0

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
    quiet[R:, 0] |= dead & ~np.array(
        [any(k == R + s and f[0] for (k, _), f in entries.items()) for s in range(S)], bool
    )
    empty = quiet & ~any_flow  # the first step of a state that nothing enters included: the level before it is zero
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
    hangs: BoolArray,
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
    block: Block, *, matrix: Array, rhs: Array, scale: Array, senses: tuple[str, ...], quiet: BoolArray, room: Array
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
