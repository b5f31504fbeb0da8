"""Which columns, flows, rows and states of a program are really free? Take the rest out, and put it back afterwards.

Interior points need an interior. Taken out are: fixed columns (lower == upper, or forced by a border row whose other
columns are at their limits), floors (``y = floor x + y'``), flows without room between floor and cap (dark hours, sizes
fixed at zero), flows that a row holds at their floor, states that nothing enters. What remains is stated as in
`solve.kernels`: flows from zero up to ``cap * column``, every row an equation (inequalities get a slack flow).
"""

from dataclasses import replace

import numpy as np

from trainload.solve.free import BoolArray, Drained, ForcedSteps, FreeBlock, FreeProgram
from trainload.solve.free_block import free_block
from trainload.solve.free_columns import fix_columns, limit_columns
from trainload.solve.program import Array, Block, IntArray, Program


def presolve(program: Program) -> FreeProgram:
    """Return what is left of the program.

    Raises:
        Contradiction: where limits contradict each other.
    """
    border = program.border
    lower, upper = border.lower.astype(float), border.upper.astype(float)
    limit_columns(program, lower, upper)
    forced = fix_columns(border, lower, upper)
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
        drained=[],
    )
    blocks = dict[int, FreeBlock]()
    for c, chain in enumerate(program.chains):
        idle = dict[int, int]()
        while True:
            trial = replace(left, cost=left.cost.copy(), budget_border=left.budget_border.copy())
            trial.budget_upper = left.budget_upper.copy()
            dead = [_dead_levels(program.blocks[b], lower, upper, idle) for b in chain]
            built = [
                free_block(trial, program.blocks[b], dead=dead[place], dead_before=dead[place - 1], idle=idle)
                for place, b in enumerate(chain)
            ]
            more = _idle_states(built)
            if not more:
                break
            idle |= more
        left = trial
        left.idle |= {(c, s): side for s, side in idle.items()}
        blocks |= dict(zip(chain, built, strict=True))
    left.blocks = [blocks[b] for b in range(len(program.blocks))]
    for chain in program.chains:
        _join_states(left, chain)
    return left


def _idle_states(blocks: list[FreeBlock]) -> dict[int, int]:
    """Return states without a cycle: nothing fills them, or nothing empties them and nothing is lost.

    All their flows stay at zero, and they would make the recursion singular. The side tells which flows are so held:
    -1 those that fill, 1 those that empty, 0 none.
    """
    fills, drains, other = set[int](), set[int](), set[int]()
    for block in blocks:
        first = len(block.rhs) - len(block.states)
        alive = (block.cap[: block.matrix.shape[1]] >= 0).any(axis=1)
        for i, s in enumerate(block.states):
            row = block.matrix[first + i] * alive
            if block.rhs[first + i].any() or any(k == first + i for k, _ in block.entries):
                other.add(int(s))
            if (row < 0).any():
                fills.add(int(s))
                if block.keep[i] < 1.0:
                    other.add(int(s))
            if (row > 0).any():
                drains.add(int(s))
    states = {int(s) for block in blocks for s in block.states}
    return {s: (-1 if s in fills else 1 if s in drains else 0) for s in states - other - (fills & drains)}


def _dead_levels(block: Block, lower: Array, upper: Array, idle: dict[int, int]) -> BoolArray:
    """Which levels have no room, or stay at zero: (S,) bool."""
    column = block.state_cap_column
    held = np.where(column >= 0, np.maximum(lower, upper)[column] if len(upper) else 0.0, 1.0)
    dead: BoolArray = block.state_cap * held <= 0.0
    dead[list(idle)] = True
    return dead


def _join_states(left: FreeProgram, chain: tuple[int, ...]) -> None:
    """Settle which levels are handed from block to block; a level handed to a block without its state ends at zero."""
    blocks = [left.blocks[b] for b in chain]
    for place, after in enumerate(blocks):
        before = blocks[place - 1]
        for i, s in enumerate(after.states):
            after.enters[i] = s in before.states
    for place, b in enumerate(chain):
        for s in range(len(left.program.blocks[b].state_names)):
            _empty_before(left, chain, place, s)


def _empty_before(left: FreeProgram, chain: tuple[int, ...], place: int, s: int) -> None:
    """Where block ``place`` can't hold what is handed to it, the state ends at zero in the blocks before."""
    for back in range(len(chain) + 1):
        b = chain[(place - back) % len(chain)]
        after, before = left.blocks[b], left.blocks[chain[(place - back - 1) % len(chain)]]
        here = np.flatnonzero(after.states == s)
        if len(here):
            row = len(after.rhs) - len(after.states) + int(here[0])
            level = len(after.cap) - len(after.states) + int(here[0])
            moves = after.cap[level, 0] >= 0 or any(k == row and f[0] for (k, _), f in after.entries.items())
            alive = after.cap[: after.matrix.shape[1], 0] >= 0
            if moves or after.rhs[row, 0] != 0.0 or (alive & (after.matrix[row] > 0)).any():
                return
            after.enters[here[0]] = False
            _forbid_filling(left.program.blocks[b], after, row, s, steps=np.array([0]))
        there = np.flatnonzero(before.states == s)
        if not len(there):
            return
        before.leaves[there[0]] = False
        if left.program.blocks[b].state_keep[s] == 0.0:
            return
        level = len(before.cap) - len(before.states) + int(there[0])
        row = len(before.rhs) - len(before.states) + int(there[0])
        drains = before.cap[: before.matrix.shape[1]][before.matrix[row] > 0]
        stays = (drains >= 0).any(axis=0) | (before.rhs[row] != 0.0)
        for (k, _), factor in before.entries.items():
            if k == row:
                stays |= factor != 0
        t = len(stays) - 1
        before.cap[level, t] = -1.0
        while t > 0 and not stays[t] and before.keep[there[0]] != 0.0:
            t -= 1
            before.cap[level, t] = -1.0
        earlier = chain[(place - back - 1) % len(chain)]
        steps = np.arange(t if not stays[t] else t + 1, len(stays))
        _forbid_filling(left.program.blocks[earlier], before, row, s, steps=steps)
        left.drained.append(Drained(int(s), earlier, t, b))
        if t > 0 or stays[0]:
            return


def _forbid_filling(block: Block, left: FreeBlock, row: int, s: int, *, steps: IntArray) -> None:
    """Hold flows that fill state ``s`` at zero in steps where nothing takes up or holds what they bring."""
    for j in np.flatnonzero(left.matrix[row] < 0):
        filled = steps[left.cap[j, steps] >= 0]
        if not len(filled):
            continue
        left.cap[j, filled] = -1.0
        held = np.zeros(block.n_steps, dtype=bool)
        held[filled] = True
        flow = left.flows[j : j + 1]
        left.forced.append(ForcedSteps(len(block.row_names) + s, flow, -block.state_coeff[s, flow], held, -1))
