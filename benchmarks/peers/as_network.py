"""A benchmark problem as a PyPSA network, as PyPSA's documentation would have it; runs in the peers' environment."""

import numpy as np
import pandas as pd
import pypsa
import xarray as xr
from problems import Problem


def state_network(problem: Problem, *, units: bool = False) -> pypsa.Network:
    """Return the network: one bus, extendable generators and storage units, investment periods or scenarios."""
    network = pypsa.Network()
    n_periods, n_blocks = len(problem.period_weight), len(problem.block_period)
    periods, scenarios = n_periods > 1, n_periods == 1 and n_blocks > 1
    blocks = [slice(problem.block_start[b], problem.block_start[b + 1]) for b in range(n_blocks)]
    first = blocks[0]
    if periods:
        lengths = np.diff(problem.block_start)
        steps = [(int(period), t) for period, n in zip(problem.block_period, lengths, strict=True) for t in range(n)]
        starts = pd.Timestamp("2030-01-01")
        index = pd.MultiIndex.from_tuples(
            [(p, starts + pd.Timedelta(hours=t)) for p, t in steps], names=["period", "timestep"]
        )
        network.set_snapshots(index)
        network.investment_periods = list(range(n_periods))
        network.investment_period_weightings["objective"] = problem.period_weight
        network.investment_period_weightings["years"] = 1.0
        used = slice(0, problem.block_start[-1])
    else:
        network.set_snapshots(pd.date_range("2030-01-01", periods=first.stop - first.start, freq="h"))
        used = first
    network.snapshot_weightings["objective"] = problem.weight[used]
    network.snapshot_weightings["generators"] = problem.weight[used]
    network.snapshot_weightings["stores"] = 1.0

    def series(values: np.ndarray) -> pd.Series:
        return pd.Series(values[used], network.snapshots)

    network.add("Bus", "campus")
    network.add("Load", "campus", bus="campus", p_set=series(problem.load_mw))
    network.add(
        "Generator",
        "unserved",
        bus="campus",
        p_nom=10 * problem.load_mw.max(),
        marginal_cost=float(problem.unserved_usd_per_mwh),
    )
    n_sources = len(problem.sources)
    for p in range(n_periods):
        for j, option in enumerate(problem.options):
            if problem.build_max_mw[p, j] <= 0:
                continue
            common = {
                "bus": "campus",
                "p_nom_extendable": True,
                "p_nom_max": problem.build_max_mw[p, j],
                "capital_cost": problem.fixed_usd_per_mw[p, j],
            }
            if periods:
                common |= {"build_year": p, "lifetime": 100}
            if units and problem.unit_mw[j] > 0:
                common["p_nom_mod"] = problem.unit_mw[j]
            if j < n_sources:
                network.add(
                    "Generator",
                    f"{option}-{p}",
                    p_max_pu=series(problem.available_frac[j]),
                    p_min_pu=problem.must_run_frac[j],
                    marginal_cost=series(problem.variable_usd_per_mwh[j]),
                    **common,
                )
            else:
                s = j - n_sources
                network.add(
                    "StorageUnit",
                    f"{option}-{p}",
                    max_hours=problem.store_hours[s],
                    efficiency_store=problem.store_efficiency_frac[s],
                    efficiency_dispatch=problem.store_efficiency_frac[s],
                    standing_loss=problem.store_loss_frac[s],
                    marginal_cost=problem.store_usd_per_mwh[s],
                    cyclic_state_of_charge=True,
                    cyclic_state_of_charge_per_period=True,
                    **common,
                )
    if scenarios:
        network.set_scenarios({f"w{b}": problem.block_probability[b] for b in range(n_blocks)})
        for b, hours in enumerate(blocks):
            network.c.loads.dynamic.p_set[(f"w{b}", "campus")] = problem.load_mw[hours]
            generators = network.c.generators.dynamic
            for j, option in enumerate(problem.sources):
                generators.p_max_pu[(f"w{b}", f"{option}-0")] = problem.available_frac[j, hours]
                generators.marginal_cost[(f"w{b}", f"{option}-0")] = problem.variable_usd_per_mwh[j, hours]
    return network


def add_carbon_budgets(network: pypsa.Network, problem: Problem) -> None:
    """Add a carbon budget per block to the created model; the grid's carbon changes by the hour."""
    model = network.model
    power = model["Generator-p"]
    dimension = next(d for d in power.dims if d not in ("snapshot", "scenario"))
    periods = len(problem.period_weight) > 1
    for b, period in enumerate(problem.block_period):
        hours = slice(problem.block_start[b], problem.block_start[b + 1])
        chosen = power.sel(scenario=f"w{b}") if "scenario" in power.dims else power
        emitting = {o: j for j, o in enumerate(problem.sources.tolist()) if problem.tco2_per_mwh[j, hours].any()}
        names = [str(g) for g in chosen.coords[dimension].values if str(g).rpartition("-")[0] in emitting]
        chosen = chosen.sel({dimension: names})
        if periods:
            here = network.snapshots[network.snapshots.get_level_values("period") == period]
            chosen = chosen.sel(snapshot=here)
        rates = np.array([problem.tco2_per_mwh[emitting[g.rpartition("-")[0]], hours] for g in names])
        factor = xr.DataArray(
            (rates * problem.weight[hours]).T,
            dims=["snapshot", dimension],
            coords={dimension: names, "snapshot": chosen.coords["snapshot"]},
        )
        model.add_constraints((chosen * factor).sum() <= problem.cap_tco2[b], name=f"carbon_{b}")
