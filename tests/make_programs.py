"""Small programs for the solver tests: worlds solved by hand, and random ones that always have a solution."""

import numpy as np
from scipy import sparse

from trainload.solve.program import Block, Border, Program


def make_border(
    costs: list[float],
    uppers: list[float],
    *,
    lowers: list[float] | None = None,
    units: list[float] | None = None,
    rows: list[tuple[dict[int, float], float, float]] | None = None,
) -> Border:
    """Border columns ``x0, x1, ...``; a row is (coefficients by column, lower, upper)."""
    n, rows = len(costs), rows or []
    matrix = sparse.lil_matrix((len(rows), n))
    for r, (coefficients, _, _) in enumerate(rows):
        for column, value in coefficients.items():
            matrix[r, column] = value
    return Border(
        names=tuple(f"x{c}" for c in range(n)),
        cost=np.array(costs, dtype=float),
        lower=np.array(lowers if lowers is not None else [0.0] * n, dtype=float),
        upper=np.array(uppers, dtype=float),
        unit=np.array(units if units is not None else [0.0] * n, dtype=float),
        row_names=tuple(f"link{r}" for r in range(len(rows))),
        matrix=sparse.csr_matrix(matrix),
        row_lower=np.array([low for _, low, _ in rows], dtype=float),
        row_upper=np.array([high for _, _, high in rows], dtype=float),
    )


def two_step_world() -> Program:
    """One source (10 per unit of size, 1 per unit of output) and a load of 2, then 3.

    By hand: size 3, cost 3 x 10 + 5 x 1 = 35. One more unit of load costs 1 in the first step (the size is there) and
    1 + 10 in the second.
    """
    block = Block(
        name="b",
        flow_names=("source",),
        flow_cost=np.ones((1, 2)),
        flow_cap_column=np.array([0]),
        flow_cap=np.ones((1, 2)),
        flow_floor=None,
        row_names=("balance",),
        row_coeff=np.ones((1, 1)),
        row_sense=("=",),
        row_rhs=np.array([[2.0, 3.0]]),
        row_border=({},),
    )
    return Program(make_border([10.0], [100.0]), (block,), ((0,),))


def store_world() -> Program:
    """A source that gives only in the first of two steps, a leaky store that costs 5 per unit of size, a load of 1, 1.

    By hand: the store must hold 1 / 0.8 = 1.25 after the first step, so it takes 1.25 / 0.9 in and has the size 1.25;
    cost 1 + 1.25 / 0.9 + 5 x 1.25 = 8.638888...
    """
    block = Block(
        name="b",
        flow_names=("source", "charge", "discharge", "unserved"),
        flow_cost=np.array([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [100.0, 100.0]]),
        flow_cap_column=np.array([-1, -1, -1, -1]),
        flow_cap=np.array([[4.0, 0.0], [5.0, 5.0], [5.0, 5.0], [1.0, 1.0]]),
        flow_floor=None,
        row_names=("balance",),
        row_coeff=np.array([[1.0, -1.0, 1.0, 1.0]]),
        row_sense=("=",),
        row_rhs=np.array([[1.0, 1.0]]),
        row_border=({},),
        state_names=("store",),
        state_keep=np.array([0.8]),
        state_coeff=np.array([[0.0, 0.9, -1.0, 0.0]]),
        state_cap_column=np.array([0]),
        state_cap=np.array([1.0]),
    )
    return Program(make_border([5.0], [50.0]), (block,), ((0,),))


def random_program(
    seed: int,
    *,
    n_steps: int = 24,
    n_blocks: int = 2,
    n_sources: int = 3,
    n_stores: int = 1,
    n_rows: int = 1,
    size: float = 1.0,
    price: float = 1.0,
    lumpy: bool = False,
) -> Program:
    """A random program with every feature of the grammar, feasible because load may go unserved and power be spilled.

    Border: sizes by block (sizes of one block linked to the last by orders), orders, store sizes, one peak per block
    where ``n_rows`` > 1, a priced slack per budget. Rows: balance, then source 0 <= peak, then a shared limit. Blocks
    alternate between one chain through all and one each. ``size`` and ``price`` scale quantities and costs.
    """
    draw = np.random.default_rng(seed)
    n_peaks = n_blocks if n_rows > 1 else 0
    sizes = np.arange(n_blocks * n_sources).reshape(n_blocks, n_sources)
    orders = sizes + sizes.size
    stores = 2 * sizes.size + np.arange(n_stores)
    peaks = 2 * sizes.size + n_stores + np.arange(n_peaks)
    slack = 2 * sizes.size + n_stores + n_peaks
    n = slack + 1
    cost, upper, unit = np.zeros(n), np.full(n, 3.0), np.zeros(n)
    cost[orders] = draw.uniform(2.0, 12.0, orders.shape) * n_steps / 24
    cost[stores] = draw.uniform(0.5, 4.0, n_stores) * n_steps / 24
    cost[peaks] = draw.uniform(1.0, 5.0, n_peaks)
    cost[slack], upper[slack] = 3.0, 4.0 * n_steps * n_blocks
    upper[sizes] = 3.0 * n_blocks
    if lumpy:
        unit[orders[:, 0]] = 0.7
        unit[orders[:, -1]] = 0.4
    rows: list[tuple[dict[int, float], float, float]] = []
    for b in range(n_blocks):
        for j in range(n_sources):
            before = {int(sizes[b - 1, j]): -1.0} if b else {}
            rows.append(({int(sizes[b, j]): 1.0, int(orders[b, j]): -1.0, **before}, 0.0, 0.0))
    rows.append(({int(column): 1.0 for column in orders[:, 0]}, -np.inf, 4.0))
    border = make_border(
        list(cost * price),
        list(upper * size),
        units=list(unit * size),
        rows=[(coefficients, low * size, high * size) for coefficients, low, high in rows],
    )
    names = (*(f"source{j}" for j in range(n_sources)), "unserved", "spill")
    names += tuple(f"{way}{s}" for s in range(n_stores) for way in ("charge", "discharge"))
    J = len(names)
    blocks = []
    for b in range(n_blocks):
        shape = draw.uniform(0.0, 1.0, (n_sources, n_steps))
        shape[0] = 1.0
        if n_sources > 1:
            shape[1, :: max(2, n_steps // 5)] = 0.0
        load = draw.uniform(0.6, 1.4, n_steps) * (1.0 + 0.3 * b)
        flow_cost = np.zeros((J, n_steps))
        flow_cost[:n_sources] = draw.uniform(-0.2, 2.0, (n_sources, n_steps))
        flow_cost[n_sources] = 20.0
        flow_cost[n_sources + 1] = 0.1
        flow_cost[n_sources + 3 :: 2] = 0.02
        cap, floor = np.ones((J, n_steps)), np.zeros((J, n_steps))
        cap[:n_sources] = shape
        cap[n_sources], cap[n_sources + 1] = load * size, 10.0 * size
        if n_sources > 2:
            cap[2] = draw.uniform(0.7, 0.9, n_steps)
            floor[2] = 0.6
        columns = np.full(J, -1)
        columns[:n_sources] = sizes[b]
        coeff, rhs, senses = np.zeros((n_rows, J)), np.zeros((n_rows, n_steps)), ["=", "<", "<"][:n_rows]
        coeff[0, : n_sources + 1], coeff[0, n_sources + 1] = 1.0, -1.0
        factors: list[dict[int, np.ndarray]] = [{} for _ in range(n_rows)]
        rhs[0] = load * size
        keep, state_coeff = draw.uniform(0.95, 1.0, n_stores), np.zeros((n_stores, J))
        for s in range(n_stores):
            charge, discharge = n_sources + 2 + 2 * s, n_sources + 3 + 2 * s
            coeff[0, charge], coeff[0, discharge] = -1.0, 1.0
            state_coeff[s, charge], state_coeff[s, discharge] = 0.9, -1.0 / 0.95
            columns[[charge, discharge]] = stores[s]
        if n_rows > 1:
            coeff[1, 0], factors[1] = 1.0, {int(peaks[b]): np.full(n_steps, -1.0)}
        if n_rows > 2:
            coeff[2, :2], rhs[2] = 1.0, 1.2 * size
        emitted = np.zeros((J, n_steps))
        emitted[0] = draw.uniform(0.2, 0.6, n_steps)
        blocks.append(
            Block(
                name=f"block{b}",
                flow_names=names,
                flow_cost=flow_cost * price,
                flow_cap_column=columns,
                flow_cap=cap,
                flow_floor=floor if n_sources > 2 else None,
                row_names=("balance", "peak", "shared")[:n_rows],
                row_coeff=coeff,
                row_sense=tuple(senses),
                row_rhs=rhs,
                row_border=tuple(factors),
                state_names=tuple(f"store{s}" for s in range(n_stores)),
                state_keep=keep,
                state_coeff=state_coeff,
                state_cap_column=stores.copy(),
                state_cap=np.array([4.0, 20.0, 8.0, 2.0])[:n_stores],
                budget_coeff={0: emitted},
            )
        )
    chains = (tuple(range(n_blocks)),) if seed % 2 else tuple((b,) for b in range(n_blocks))
    budget = sparse.csr_matrix((np.array([-1.0]), (np.array([0]), np.array([slack]))), shape=(1, n))
    return Program(border, tuple(blocks), chains, ("emitted",), budget, np.array([0.15 * n_steps * n_blocks * size]))
