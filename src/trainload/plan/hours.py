"""Constraint families of the hour: balance, sources, stores, shedding and clean matching."""

import numpy as np
from numpy.typing import NDArray

from trainload.plan.delivery import capacity_column, goal_share, pays_on_peak, powered_column
from trainload.plan.draft import Draft
from trainload.plan.orders import contract_output
from trainload.plan.world import World
from trainload.supply.options import Option

Array = NDArray[np.float64]
MUST_RUN_CARRIERS = frozenset({"nuclear"})


def state_balance(draft: Draft, world: World, b: int) -> None:
    """sum of p[i,t] + discharge - charge + sum of u[k,t] - spill = load[t], load[t] = shape[t] x powered[m]."""
    block = draft.blocks[b]
    block.add_row("balance", "=")
    powered = powered_column(draft, world, b)
    if powered is not None:
        block.add_border_to_row("balance", powered, -np.asarray(world.profiles.load_shape)[world.blocks[b].hours])
    if world.scenario.rules.clean_matched_frac is not None and goal_share(world, b).any():
        block.add_row("matching", "<")


def state_sources(draft: Draft, world: World, b: int) -> None:
    """floor x cap <= p[i,t] <= availability[t] x (1 - forced outage) x cap (the monthly peak, where one is charged).

    What a must-run plant has to produce beyond the load is spilt: spill[i,t] <= floor x cap.
    """
    block, item = draft.blocks[b], world.blocks[b]
    prices = np.asarray(world.profiles.price_usd_per_mwh)[item.hours]
    for option in world.supply.options:
        capacity = capacity_column(draft, world, option.option, b)
        if option.kind != "source" or capacity is None or option.delivery == "contract":
            continue
        if pays_on_peak(option):
            capacity = draft.index[f"peak[{option.option},{b}]"]
        factor = world.availability[option.option][item.hours] * (1.0 - option.forced_outage_frac)
        floor = option.min_output_frac * factor if option.carrier in MUST_RUN_CARRIERS else None
        rows = {"balance": 1.0}
        if option.clean and "matching" in block.row_names:
            rows["matching"] = -1.0
        flow = block.add_flow(option.option, capacity, factor, floor=floor, rows=rows)
        if floor is not None:
            block.add_flow(f"spill_{option.option}", capacity, floor, rows={"balance": -1.0})
        if option.fuel_cost_usd_per_mwh:
            block.charge("fuel", option.option, flow, option.fuel_cost_usd_per_mwh)
        if option.variable_usd_per_mwh:
            block.charge("variable", option.option, flow, option.variable_usd_per_mwh)
        if option.delivery == "grid":
            block.charge("energy", option.option, flow, prices)
        emission = hourly_emission(world, option, item.hours)
        co2_price = world.scenario.money.co2_usd_per_tco2
        if co2_price and emission.any():
            block.charge("carbon", option.option, flow, co2_price * emission)
        _budget_flow(draft, world, b, option=option, flow=flow, emission=emission)


def hourly_emission(world: World, option: Option, hours: NDArray[np.int64]) -> Array:
    """Return tCO2 per MWh in the given hours: at the stack, or the grid's average (location-based)."""
    if option.delivery == "grid":
        return np.asarray(world.profiles.carbon_tco2_per_mwh, dtype=float)[hours]
    return np.full(len(hours), option.direct_tco2_per_mwh)


def _budget_flow(draft: Draft, world: World, b: int, *, option: Option, flow: int, emission: Array) -> None:
    block, item = draft.blocks[b], world.blocks[b]
    weight = item.years.weight_hours
    for index, name in enumerate(draft.budget_names):
        if name == f"co2[{item.group}]" and emission.any():
            block.add_to_budget(index, flow, emission * weight * goal_share(world, b))
        elif name == f"run_limit[{option.option},{item.group}]":
            block.add_to_budget(index, flow, weight)


def state_stores(draft: Draft, world: World, b: int) -> None:
    """level[t] = keep x level[t-1] + eta x charge - discharge / eta <= duration x cap; charge, discharge <= cap.

    eta is the square root of the round trip. A clean store stands in the matching row with its charge against and its
    discharge for it, so that it charges from clean supply only and can't create clean energy.
    """
    block = draft.blocks[b]
    for option in world.supply.options:
        if option.kind != "store":
            continue
        # a store that can't be there yet keeps its place: all blocks of a chain have the same levels
        column = capacity_column(draft, world, option.option, b)
        capacity = -1 if column is None else column
        eta = float(np.sqrt(option.roundtrip_frac))
        clean = "matching" in block.row_names
        usable = 0.0 if column is None else 1.0 - option.forced_outage_frac
        charge = block.add_flow(
            f"{option.option}_charge", capacity, usable, rows={"balance": -1.0, **({"matching": 1.0} if clean else {})}
        )
        discharge = block.add_flow(
            f"{option.option}_discharge",
            capacity,
            usable,
            rows={"balance": 1.0, **({"matching": -1.0} if clean else {})},
        )
        if option.variable_usd_per_mwh:
            block.charge("variable", option.option, discharge, option.variable_usd_per_mwh)
        block.add_state(
            option.option,
            keep=1.0 - option.loss_frac_per_hour,
            inflow={charge: eta, discharge: -1.0 / eta},
            cap_column=capacity,
            cap=0.0 if column is None else option.duration_hours,
        )


def state_shedding(draft: Draft, world: World, b: int) -> None:
    """u[k,t] <= share[k] x load[t]: load shed by tranches of the power-cap curve; then pausing, blackout last."""
    block, item = draft.blocks[b], world.blocks[b]
    powered = powered_column(draft, world, b)
    if powered is None:
        return
    shape = np.asarray(world.profiles.load_shape)[item.hours]
    for tranche in world.idle.tranches:
        flow = block.add_flow(f"unserved_{tranche.name}", powered, tranche.share_frac * shape, rows={"balance": 1.0})
        block.charge("curtailment", tranche.name, flow, tranche.usd_per_mwh, group="shadow")


def state_matching(draft: Draft, world: World, b: int) -> None:
    """matched[t] <= load[t], matched[t] <= clean on-site + contracted output[t] - clean charging + clean discharge."""
    block, item = draft.blocks[b], world.blocks[b]
    powered = powered_column(draft, world, b)
    if "matching" not in block.row_names or powered is None:
        return
    for option in world.supply.options:
        capacity = capacity_column(draft, world, option.option, b)
        if option.delivery == "contract" and option.clean and capacity is not None:
            block.add_border_to_row("matching", capacity, -contract_output(world, option, item.hours))
    shape = np.asarray(world.profiles.load_shape)[item.hours]
    flow = block.add_flow("matched", powered, shape, rows={"matching": 1.0})
    budget = draft.budget_names.index(f"clean[{item.group}]")
    block.add_to_budget(budget, flow, -item.years.weight_hours * goal_share(world, b))
