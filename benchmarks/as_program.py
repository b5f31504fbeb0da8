"""A benchmark problem in trainload's grammar: what the chain solver and HiGHS are given."""

import numpy as np
from problems import Problem
from scipy import sparse

from trainload.solve.program import Block, Border, Program


def state_program(problem: Problem) -> Program:
    """Capacities and (with several periods) builds as border columns, one chain per block, a carbon budget each."""
    n_periods, n_options = problem.build_max_mw.shape
    n_sources, n_stores = len(problem.sources), len(problem.stores)
    weight = problem.period_weight
    # what is built in a period is paid for in it and in every later one
    cost = problem.fixed_usd_per_mw * np.cumsum(weight[::-1])[::-1][:, None]
    build = problem.build_max_mw
    names = tuple(f"{option}_{p}" for p in range(n_periods) for option in problem.options)
    if n_periods == 1:
        border = Border(
            names=names,
            cost=cost.ravel(),
            lower=np.zeros(n_options),
            upper=build.ravel(),
            unit=problem.unit_mw.copy(),
            row_names=(),
            matrix=sparse.csr_matrix((0, n_options)),
            row_lower=np.zeros(0),
            row_upper=np.zeros(0),
        )
    else:
        n = n_periods * n_options
        eye = sparse.eye_array(n, format="csr")
        before = sparse.eye_array(n, k=-n_options, format="csr")
        border = Border(
            names=names + tuple(f"{name}_built" for name in names),
            cost=np.concatenate([np.zeros(n), cost.ravel()]),
            lower=np.zeros(2 * n),
            upper=np.concatenate([np.cumsum(build, axis=0).ravel(), build.ravel()]),
            unit=np.concatenate([np.zeros(n), np.tile(problem.unit_mw, n_periods)]),
            row_names=names,
            matrix=sparse.csr_matrix(sparse.hstack([eye - before, -eye])),
            row_lower=np.zeros(n),
            row_upper=np.zeros(n),
        )
    blocks = []
    n_flows = n_sources + 1 + 2 * n_stores
    for b, period in enumerate(problem.block_period):
        hours = slice(problem.block_start[b], problem.block_start[b + 1])
        load, step = problem.load_mw[hours], problem.weight[hours]
        n_steps, first = len(load), int(period) * n_options
        charge = n_sources + 1 + 2 * np.arange(n_stores)
        flow_cost, emitted, floor = (np.zeros((n_flows, n_steps)) for _ in range(3))
        cap = np.ones((n_flows, n_steps))
        priced = step * problem.block_probability[b] * weight[period]
        flow_cost[:n_sources] = problem.variable_usd_per_mwh[:, hours] * priced
        flow_cost[n_sources] = float(problem.unserved_usd_per_mwh) * priced
        flow_cost[charge + 1] = problem.store_usd_per_mwh[:, None] * priced
        cap[:n_sources] = problem.available_frac[:, hours]
        cap[n_sources] = load
        floor[:n_sources] = problem.must_run_frac[:, None]
        emitted[:n_sources] = problem.tco2_per_mwh[:, hours] * step
        columns = np.full(n_flows, -1, dtype=np.int64)
        columns[:n_sources] = first + np.arange(n_sources)
        columns[charge] = columns[charge + 1] = first + n_sources + np.arange(n_stores)
        balance, change = np.ones((1, n_flows)), np.zeros((n_stores, n_flows))
        balance[0, charge] = -1.0
        change[np.arange(n_stores), charge] = problem.store_efficiency_frac
        change[np.arange(n_stores), charge + 1] = -1.0 / problem.store_efficiency_frac
        blocks.append(
            Block(
                name=f"block{b}",
                flow_names=(
                    *problem.sources.tolist(),
                    "unserved",
                    *(f"{s}_{way}" for s in problem.stores for way in ("in", "out")),
                ),
                flow_cost=flow_cost,
                flow_cap_column=columns,
                flow_cap=cap,
                flow_floor=floor if problem.must_run_frac.any() else None,
                row_names=("balance",),
                row_coeff=balance,
                row_sense=("=",),
                row_rhs=load[None].copy(),
                row_border=({},),
                state_names=tuple(problem.stores.tolist()),
                state_keep=1.0 - problem.store_loss_frac,
                state_coeff=change,
                state_cap_column=first + n_sources + np.arange(n_stores),
                state_cap=problem.store_hours.copy(),
                budget_coeff={b: emitted},
            )
        )
    n_blocks = len(blocks)
    return Program(
        border=border,
        blocks=tuple(blocks),
        chains=tuple((b,) for b in range(n_blocks)),
        budget_names=tuple(f"carbon_{b}" for b in range(n_blocks)),
        budget_upper=problem.cap_tco2.copy(),
    )
