"""What does an iterate say about the program as it was stated? Unscale, put back what presolve took out.

Duals of rows that presolve used up are found here, last taken first: a border row that fixed columns gets the dual that
leaves none of them a reduced cost of the wrong sign, a step at which a row held flows at their floor likewise. So the
proven bound loses nothing to presolve.
"""

from collections.abc import Sequence

import numpy as np

from trainload.solve.check import lagrangian_function
from trainload.solve.free import ROUNDING, Drained, FreeBlock, FreeProgram
from trainload.solve.pieces import Cut, Links, Scales
from trainload.solve.program import Array, Block, IntArray, Solution

PRICING_ROUNDS = 4


def restore_solution(
    left: FreeProgram,
    scales: Scales,
    links: Links,
    cuts: Sequence[Cut],
    *,
    x: Array,
    multipliers: Array,
    iterates: Sequence[tuple[Array, Array]],
) -> Solution:
    """Return the solution, still without status and bound.

    Args:
        left: what presolve left.
        scales: its scales.
        links: the border in scaled units.
        cuts: the pieces.
        x: free columns, scaled.
        multipliers: of border rows, budgets and hand-overs, scaled.
        iterates: per piece y (flows, slacks, levels; T) and row multipliers, scaled.
    """
    program = left.program
    border = program.border
    columns = left.value.copy()
    columns[links.columns] = np.clip(
        x * scales.columns[links.columns], border.lower[links.columns], border.upper[links.columns]
    )
    border_duals = np.zeros(len(border.row_names))
    m = len(links.rows)
    border_duals[links.rows] = multipliers[:m] * links.row_sign * scales.rows[links.rows] * scales.objective
    budget_duals = np.zeros(len(program.budget_names))
    budget_duals[links.budgets] = -multipliers[m : m + len(links.budgets)] * (
        scales.budgets[links.budgets] * scales.objective
    )
    budget_duals = np.minimum(budget_duals, 0.0)
    flows, levels, row_duals, state_duals = [], [], [], []
    for block in program.blocks:
        T = block.n_steps
        flows.append(_floor_flows(block, columns))
        levels.append(np.zeros((len(block.state_names), T)))
        row_duals.append(np.zeros((len(block.row_names), T)))
        state_duals.append(np.zeros((len(block.state_names), T)))
    for cut, (y, multiplier) in zip(cuts, iterates, strict=True):
        b, free = cut.block, left.blocks[cut.block]
        n_flows, n_own, n_rows = len(free.flows), free.cost.shape[0], len(free.rows)
        value = np.maximum(y, 0.0) * scales.flows[b][:, None]
        held = np.where(free.cap_column >= 0, columns[free.cap_column], 1.0) if len(columns) else np.ones(len(y))
        value = np.minimum(value, np.maximum(free.cap[:, cut.first : cut.last], 0.0) * held[:, None])
        flows[b][free.flows, cut.first : cut.last] += value[:n_flows]
        levels[b][free.states, cut.first : cut.last] = value[n_own:]
        dual = multiplier * (scales.block_rows[b] * scales.objective)[:, None]
        row_duals[b][free.rows, cut.first : cut.last] = dual[:n_rows]
        state_duals[b][free.states, cut.first : cut.last] = dual[n_rows:]
    for b, block in enumerate(program.blocks):
        for r, sense in enumerate(block.row_sense):
            if sense == "<":
                np.minimum(row_duals[b][r], 0.0, out=row_duals[b][r])
    for _ in range(PRICING_ROUNDS):  # what one price settles may unsettle another
        changed = _price_idle_states(left, row_duals, state_duals, budget_duals)
        for drained in reversed(left.drained):
            changed |= _price_drained_levels(left, drained, state_duals)
        for b, block in enumerate(program.blocks):
            changed |= _price_forced_steps(block, left.blocks[b], row_duals[b], state_duals[b], budget_duals)
        if not changed:
            break
    solution = Solution(
        solver="chain",
        status="failed",
        objective=_objective(left, columns, flows),
        bound=-np.inf,
        columns=columns,
        flows=tuple(flows),
        levels=tuple(levels),
        row_duals=tuple(row_duals),
        border_row_duals=border_duals,
        budget_duals=budget_duals,
        state_duals=tuple(state_duals),
    )
    _price_forced_rows(left, solution)
    return solution


def _floor_flows(block: Block, columns: Array) -> Array:
    if block.flow_floor is None:
        return np.zeros(block.flow_cost.shape)
    held = np.where(block.flow_cap_column >= 0, columns[block.flow_cap_column] if len(columns) else 0.0, 1.0)
    floor: Array = block.flow_floor * held[:, None]
    return floor


def _objective(left: FreeProgram, columns: Array, flows: Sequence[Array]) -> float:
    program = left.program
    costs = [float(np.einsum("jt,jt->", block.flow_cost, y)) for block, y in zip(program.blocks, flows, strict=True)]
    return float(program.border.cost @ columns) + sum(costs)


def _price_idle_states(
    left: FreeProgram, row_duals: Sequence[Array], state_duals: Sequence[Array], budget_duals: Array
) -> bool:
    """Move the price of a state that stays empty by one constant, so that no flow it is idle for wants to rise."""
    changed = False
    for (c, s), side in left.idle.items():
        constant = 0.0
        for b in left.program.chains[c] if side else ():
            block = left.program.blocks[b]
            flows = np.flatnonzero(side * block.state_coeff[s] < 0.0)
            if not len(flows):
                continue
            price = flow_prices(block, flows, row_duals[b], state_duals[b], budget_duals)
            floor = 0.0 if block.flow_floor is None else block.flow_floor[flows]
            price = np.where(block.flow_cap[flows] > floor, price / block.state_coeff[s, flows][:, None], 0.0)
            constant = min(constant, -float(price.max())) if side > 0 else max(constant, -float(price.min()))
        for b in left.program.chains[c]:
            state_duals[b][s] += constant
        changed |= constant != 0.0
    return changed


def flow_prices(block: Block, flows: IntArray, row_duals: Array, state_duals: Array, budget_duals: Array) -> Array:
    """Reduced costs of some flows of a block, (flows, T)."""
    price = block.flow_cost[flows] - block.row_coeff[:, flows].T @ row_duals
    if len(block.state_names):
        price += block.state_coeff[:, flows].T @ state_duals
    for q, coeff in block.budget_coeff.items():
        price -= budget_duals[q] * coeff[flows]
    result: Array = price
    return result


def _price_drained_levels(left: FreeProgram, drained: Drained, state_duals: Sequence[Array]) -> bool:
    """Raise the duals that follow a level fixed at zero until it does not want to rise."""
    s, block, following = drained.state, left.program.blocks[drained.block], left.program.blocks[drained.next_block]
    duals, after = state_duals[drained.block][s], state_duals[drained.next_block][s]
    before = duals[drained.first + 1 :].copy(), float(after[0])
    for t in range(drained.first + 1, block.n_steps):
        duals[t] = max(duals[t], duals[t - 1] / block.state_keep[s])
    after[0] = max(after[0], duals[-1] / following.state_keep[s])
    return bool((duals[drained.first + 1 :] > before[0]).any() or after[0] > before[1])


def _price_forced_steps(
    block: Block, left: FreeBlock, row_duals: Array, state_duals: Array, budget_duals: Array
) -> bool:
    """Where a row held flows at their floor, lower (or raise) its dual until none of them wants to rise."""
    R = len(block.row_names)
    changed = False
    for forced in reversed(left.forced):
        steps = np.flatnonzero(forced.steps)
        price = block.flow_cost[np.ix_(forced.flows, steps)] - block.row_coeff[:, forced.flows].T @ row_duals[:, steps]
        if len(block.state_names):
            price += block.state_coeff[:, forced.flows].T @ state_duals[:, steps]
        for q, coeff in block.budget_coeff.items():
            price -= budget_duals[q] * coeff[np.ix_(forced.flows, steps)]
        change = price / forced.coefficients[:, None]
        change = np.minimum(change.min(axis=0), 0.0) if forced.side > 0 else np.maximum(change.max(axis=0), 0.0)
        duals = row_duals if forced.row < R else state_duals
        duals[forced.row if forced.row < R else forced.row - R, steps] += change
        changed |= bool((np.abs(change) > ROUNDING * (1.0 + np.abs(price).max(initial=0.0))).any())
    return changed


def _price_forced_rows(left: FreeProgram, solution: Solution) -> None:
    """Give border rows that fixed columns the dual that leaves none of these a reduced cost of the wrong sign."""
    if not left.forced_rows:
        return
    program = left.program
    function = lagrangian_function(
        program,
        row_duals=solution.row_duals,
        border_row_duals=solution.border_row_duals,
        budget_duals=solution.budget_duals,
        state_duals=solution.state_duals,
    )
    slope = np.where(left.value >= 0, function.slope_up, function.slope_down)
    matrix = program.border.matrix.tocsr()
    duals = solution.border_row_duals
    for forced in reversed(left.forced_rows):
        ratio = slope[forced.columns] / forced.coefficients
        if forced.side > 0:
            change = min(0.0, float(ratio.min()))
        elif forced.side < 0:
            change = max(0.0, float(ratio.max()))
        else:
            change = float(ratio[0])
        duals[forced.row] += change
        part = slice(matrix.indptr[forced.row], matrix.indptr[forced.row + 1])
        slope[matrix.indices[part]] -= matrix.data[part] * change
