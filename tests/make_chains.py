"""Random programs that use every corner of the grammar, some without a solution."""

import numpy as np
from scipy import sparse

from trainload.solve.program import Block, Border, Program


def any_program(seed: int, *, size: float = 1.0, price: float = 1.0) -> Program:
    """A random program: blocks that differ, dark steps, floors, fixed flows, idle states, fixed columns, ranges.

    Load may go unserved and power be spilled in most, not in all of them, so a few have no solution.
    """
    draw = np.random.default_rng(seed)
    n_states, n_rows, n_blocks = int(draw.integers(0, 5)), int(draw.integers(1, 4)), int(draw.integers(1, 5))
    n_columns, n_budgets = int(draw.integers(2, 9)), int(draw.integers(0, 3))
    keep = draw.choice([0.0, 0.9, 0.99, 1.0], n_states, p=[0.1, 0.3, 0.3, 0.3])
    border = _any_border(draw, n_columns, size, price)
    blocks = []
    for b in range(n_blocks):
        idle = draw.random(n_states) < 0.15
        blocks.append(
            _any_block(
                draw,
                f"block{b}",
                n_columns=n_columns,
                n_rows=n_rows,
                keep=keep,
                idle=idle,
                n_budgets=n_budgets,
                size=size,
                price=price,
            )
        )
    order = draw.permutation(n_blocks)
    split = int(draw.integers(0, n_blocks + 1))
    chains = tuple(tuple(int(b) for b in part) for part in (order[:split], order[split:]) if len(part))
    budget_matrix = sparse.csr_matrix(np.where(draw.random((n_budgets, n_columns)) < 0.3, -draw.uniform(1, 9), 0.0))
    n_steps = sum(block.n_steps for block in blocks)
    return Program(
        border,
        tuple(blocks),
        chains,
        tuple(f"budget{q}" for q in range(n_budgets)),
        budget_matrix if draw.random() < 0.8 else None,
        draw.uniform(0.3, 1.5, n_budgets) * n_steps * size,
    )


def _any_border(draw: np.random.Generator, n: int, size: float, price: float) -> Border:
    cost, lower, upper = draw.uniform(0.5, 20.0, n), np.zeros(n), draw.choice([0.5, 3.0, 10.0, 1e4], n)
    cost[draw.random(n) < 0.2] *= 0.0
    at_least = draw.random(n) < 0.2
    lower[at_least] = 0.3 * np.minimum(upper, 3.0)[at_least]
    fixed = draw.random(n) < 0.2
    lower[fixed] = upper[fixed] = draw.choice([0.0, 0.4, 2.0], int(fixed.sum()))
    m = int(draw.integers(0, 5))
    matrix = np.where(draw.random((m, n)) < 0.5, draw.choice([-1.0, 1.0, 2.5], (m, n)), 0.0)
    inside = lower + draw.uniform(0.1, 0.9, n) * (np.minimum(upper, 5.0) - lower)  # the rows leave this point in
    activity = matrix @ inside
    kind = draw.integers(0, 4, m)
    row_lower = np.where(kind == 0, -np.inf, activity - np.where(kind == 3, 0.0, draw.uniform(0, 1, m)))
    row_upper = np.where(kind == 1, np.inf, activity + np.where(kind == 3, 0.0, draw.uniform(0, 1, m)))
    return Border(
        names=tuple(f"x{c}" for c in range(n)),
        cost=cost * price,
        lower=lower * size,
        upper=upper * size,
        unit=np.zeros(n),
        row_names=tuple(f"link{r}" for r in range(m)),
        matrix=sparse.csr_matrix(matrix),
        row_lower=row_lower * size,
        row_upper=row_upper * size,
    )


def _any_block(
    draw: np.random.Generator,
    name: str,
    *,
    n_columns: int,
    n_rows: int,
    keep: np.ndarray,
    idle: np.ndarray,
    n_budgets: int,
    size: float,
    price: float,
) -> Block:
    S, T, n_sources = len(keep), int(draw.integers(1, 40)), int(draw.integers(1, 7))
    J = n_sources + 2 * S + 2
    unserved, spilled = J - 2, J - 1
    load = draw.uniform(0.3, 1.7, T) * draw.uniform(0.5, 3.0)
    cost = np.zeros((J, T))
    cost[:n_sources] = draw.uniform(-0.3, 3.0, (n_sources, T))
    cost[unserved], cost[spilled] = draw.choice([15.0, 200.0]), draw.choice([0.0, 0.1])
    cap, floor = np.ones((J, T)), np.zeros((J, T))
    column = draw.integers(0, n_columns, J)
    column[[unserved, spilled]] = -1
    cap[unserved] = load * (1.0 if draw.random() < 0.9 else 0.7)
    cap[spilled] = 20.0
    for j in range(n_sources):
        kind = draw.integers(0, 6)
        if kind == 0:  # dark at times
            cap[j] = np.clip(draw.normal(0.3, 0.5, T), 0.0, 1.0)
        elif kind == 1:  # must run
            floor[j], cap[j] = 0.5, draw.uniform(0.5, 1.0, T)
        elif kind == 2:  # fixed
            floor[j] = cap[j] = draw.uniform(0.0, 0.6, T)
        elif kind == 3:  # of given size
            column[j], cap[j] = -1, draw.uniform(0.0, 0.8, T)
        elif kind == 4:  # of given size, must run at times
            column[j], cap[j] = -1, 0.5
            floor[j] = np.where(draw.random(T) < 0.5, 0.3, 0.0)
    coeff, rhs = np.zeros((n_rows, J)), np.zeros((n_rows, T))
    coeff[0], coeff[0, spilled], rhs[0] = 1.0, -1.0, load
    senses = ["="]
    state_coeff = np.zeros((S, J))
    for s in range(S):
        into, out = n_sources + 2 * s, n_sources + 2 * s + 1
        coeff[0, into], coeff[0, out] = -1.0, 1.0
        state_coeff[s, into], state_coeff[s, out] = draw.uniform(0.7, 1.0), -1.0 / draw.uniform(0.7, 1.0)
        if idle[s]:
            cap[[into, out]] = 0.0
    factors: list[dict[int, np.ndarray]] = [{} for _ in range(n_rows)]
    for r in range(1, n_rows):
        senses.append("<")
        chosen = draw.random(J - 2) < 0.4
        coeff[r, : J - 2] = np.where(chosen, draw.choice([1.0, 1.0, 0.5, -1.0], J - 2), 0.0)
        if draw.random() < 0.5:
            factors[r] = {int(draw.integers(0, n_columns)): -draw.uniform(0.5, 2.0, T)}
            rhs[r] = draw.choice([0.0, 1.0]) * size
        else:
            rhs[r] = np.where(draw.random(T) < 0.1, 0.0, draw.uniform(0.0, 2.5, T)) * size
    state_cap = np.where(idle, 0.0, draw.choice([1.0, 4.0, 50.0], S))
    state_column = np.where(draw.random(S) < 0.8, draw.integers(0, n_columns, S), -1)
    free = column < 0
    cap[free] *= size
    floor[free] *= size
    rhs[0] *= size
    state_cap = np.where(state_column < 0, state_cap * size, state_cap)
    emitted = {q: draw.uniform(0.0, 1.0, (J, T)) * (draw.random(J) < 0.3)[:, None] for q in range(n_budgets)}
    return Block(
        name=name,
        flow_names=tuple(f"flow{j}" for j in range(J)),
        flow_cost=cost * price,
        flow_cap_column=column,
        flow_cap=cap,
        flow_floor=floor if floor.any() else None,
        row_names=tuple(f"row{r}" for r in range(n_rows)),
        row_coeff=coeff,
        row_sense=tuple(senses),
        row_rhs=rhs,
        row_border=tuple(factors),
        state_names=tuple(f"state{s}" for s in range(S)),
        state_keep=keep.copy(),
        state_coeff=state_coeff,
        state_cap_column=state_column,
        state_cap=state_cap,
        budget_coeff=emitted,
    )
