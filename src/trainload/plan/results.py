"""Tables of a plan from its solution: with them anyone can recompute balance, limits, levels and objective."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainload.plan.formulate import Formulation
from trainload.plan.hours import hourly_emission
from trainload.plan.orders import contract_output
from trainload.plan.periods import latest_order, shift_months
from trainload.plan.world import World
from trainload.solve.program import Solution
from trainload.supply.options import Gate, Option
from trainload.supply.schedule import Schedule
from trainload.tables import TABLES

Array = NDArray[np.float64]
LEAST_ORDER_MW = (
    0.5  # an interior point leaves crumbs; they stay in `capacity` and in the ledger, not in the order list
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """MW of an option or gate that arrive in one period, with the dates of its order."""

    owner: Option | Gate
    period: int
    mw: float

    @property
    def name(self) -> str:
        return self.owner.option if isinstance(self.owner, Option) else self.owner.gate


def list_arrivals(formulation: Formulation, solution: Solution) -> list[Arrival]:
    """Return every arrival of at least half a megawatt, in order of owner and period."""
    world, columns = formulation.world, solution.columns
    index = {name: i for i, name in enumerate(formulation.program.border.names)}
    found = []
    for owner in world.supply.owners:
        name = owner.option if isinstance(owner, Option) else owner.gate
        for m in world.in_service(owner):
            column = index.get(f"build[{name},{m}]")
            if column is not None and columns[column] >= LEAST_ORDER_MW:
                found.append(Arrival(owner, m, float(columns[column])))
    return found


def tabulate_orders(formulation: Formulation, solution: Solution, schedule: Schedule) -> pd.DataFrame:
    """Return one row per option or gate and arrival: MW, units, latest order date, arrival odds, critical step."""
    world = formulation.world
    standing = dict(zip(formulation.program.border.names, solution.columns, strict=True))
    rows = []
    for arrival in list_arrivals(formulation, solution):
        owner, name = arrival.owner, arrival.name
        arrive_on = world.periods[arrival.period].starts_on
        order_on = max(latest_order(arrive_on, world.lead_months[name]), world.starts_on)
        p50, p80 = (shift_months(order_on, schedule.lead_months(name, q)) for q in (50, 80))
        if isinstance(owner, Option) and owner.available_on is not None:
            p50, p80 = max(p50, owner.available_on), max(p80, owner.available_on)
        lumpy = owner.unit_mw >= world.scenario.plan.unit_threshold_mw
        rows.append(
            {
                "option": name,
                "owner_kind": "option" if isinstance(owner, Option) else "gate",
                "mw": arrival.mw,
                "units": round(arrival.mw / owner.unit_mw) if lumpy else None,
                "order_on": order_on,
                "arrive_on": arrive_on,
                "arrive_p50_on": p50,
                "arrive_p80_on": p80,
                "end_on": _end_of(world, owner, arrival, standing),
                "critical_step": schedule.critical_step(name),
                "capex_usd": arrival.mw * owner.capex_usd_per_mw,
            }
        )
    table = pd.DataFrame(rows, columns=list(TABLES["orders"]))
    return table.sort_values(["order_on", "arrive_on", "option"], kind="stable", ignore_index=True)


def _end_of(world: World, owner: Option | Gate, arrival: Arrival, standing: Mapping[str, float]) -> date | None:
    """Return the day a rental has gone or a plant's life has ended; None after the horizon."""
    if isinstance(owner, Option) and owner.bridge:
        later = world.periods[arrival.period + 1 :]
        gone = [p.starts_on for p in later if standing.get(f"cap[{arrival.name},{p.index}]", 0.0) < LEAST_ORDER_MW]
        return min(gone, default=owner.return_on)
    end = shift_months(world.periods[arrival.period].starts_on, 12 * owner.lifetime_years)
    return end if end < world.ends_on else None


def tabulate_capacity(formulation: Formulation, solution: Solution) -> pd.DataFrame:
    """Return MW in service of each option and gate in each period in which it can be there."""
    world = formulation.world
    index = {name: i for i, name in enumerate(formulation.program.border.names)}
    rows = []
    for owner in world.supply.owners:
        name = owner.option if isinstance(owner, Option) else owner.gate
        kind = "option" if isinstance(owner, Option) else "gate"
        for m in world.in_service(owner):
            column = index.get(f"cap[{name},{m}]")
            if column is not None:
                rows.append((world.periods[m].starts_on, name, kind, float(solution.columns[column])))
    return pd.DataFrame(rows, columns=list(TABLES["capacity"]))


def tabulate_periods(formulation: Formulation, solution: Solution, generations: Mapping[date, str]) -> pd.DataFrame:
    """Return wanted, powered and firm MW of each period, with the generation then wanted."""
    world = formulation.world
    index = {name: i for i, name in enumerate(formulation.program.border.names)}
    rows = []
    for m, period in enumerate(world.periods):
        powered = index.get(f"powered[{m}]")
        firm = sum(
            float(solution.columns[index[f"cap[{o.option},{m}]"]])
            for o in world.supply.options
            if o.powers_campus and f"cap[{o.option},{m}]" in index
        )
        wanted_by = [name for day, name in sorted(generations.items()) if day <= period.starts_on]
        rows.append(
            (
                period.starts_on,
                period.ends_on,
                period.n_hours,
                float(world.wanted_mw[m]),
                0.0 if powered is None else float(solution.columns[powered]),
                firm,
                float(world.reserve_frac[m]) if m < len(world.reserve_frac) else 0.0,
                wanted_by[-1] if wanted_by else "",
            )
        )
    return pd.DataFrame(rows, columns=list(TABLES["periods"]))


def tabulate_blocks(world: World) -> pd.DataFrame:
    """Return which capacity periods each block of hours stands for."""
    rows = [
        (item.name, world.periods[m].starts_on, share, item.group, item.n_months)
        for item in world.blocks
        for m, share in item.periods.items()
    ]
    return pd.DataFrame(rows, columns=list(TABLES["blocks"]))


def powered_path(formulation: Formulation, solution: Solution) -> Array:
    """Return (M,) MW of facility peak with chips delivered."""
    index = {name: i for i, name in enumerate(formulation.program.border.names)}
    return np.array(
        [
            float(solution.columns[index[f"powered[{m}]"]]) if f"powered[{m}]" in index else 0.0
            for m in range(len(formulation.world.periods))
        ]
    )


def tabulate_operation(formulation: Formulation, solution: Solution) -> pd.DataFrame:
    """Return the hourly operation, wide: sources, stores, shedding, contracts and load of each block."""
    world, program = formulation.world, formulation.program
    index = {name: i for i, name in enumerate(program.border.names)}
    frames = []
    for b, item in enumerate(world.blocks):
        block = program.blocks[b]
        data: dict[str, Any] = {
            "block": np.full(len(item.hours), item.name, dtype=object),
            "period_start": world.profiles.hours[item.hours],
            "weight_hours": item.years.weight_hours,
            "load_mw": _load(formulation, solution, b, index),
        }
        for j, name in enumerate(block.flow_names):
            flow = np.maximum(solution.flows[b][j], 0.0)
            if name.startswith("spill_"):
                data["spill_mw"] = data.get("spill_mw", 0.0) + flow
            else:
                data[f"{name}_mw"] = flow
        for s, name in enumerate(block.state_names):
            data[f"{name}_level_mwh"] = np.maximum(solution.levels[b][s], 0.0)
        for option in world.supply.options:
            if option.delivery != "contract":
                continue
            capacity = block_capacity(formulation, solution, option.option, b, index)
            if capacity > 0:
                data[f"{option.option}_mw"] = capacity * contract_output(world, option, item.hours)
        frames.append(pd.DataFrame(data))
    table = pd.concat(frames, ignore_index=True)
    numbers = table.columns.drop(["block", "period_start"])
    return table.fillna(dict.fromkeys(numbers, 0.0))


def block_capacity(
    formulation: Formulation, solution: Solution, owner: str, block: int, index: Mapping[str, int]
) -> float:
    """Return MW of an owner (or `powered`) in a block: of its period, or the mean of what a sampled week stands for."""
    total = 0.0
    for m, share in formulation.world.blocks[block].periods.items():
        name = f"powered[{m}]" if owner == "powered" else f"cap[{owner},{m}]"
        if name in index:
            total += share * float(solution.columns[index[name]])
    return total


def _load(formulation: Formulation, solution: Solution, block: int, index: Mapping[str, int]) -> Array:
    shape = np.asarray(formulation.world.profiles.load_shape)[formulation.world.blocks[block].hours]
    return shape * block_capacity(formulation, solution, "powered", block, index)


def tabulate_availability(formulation: Formulation) -> pd.DataFrame:
    """Return what the limits of `operation` need by hour: availability after outages, price, carbon, load shape."""
    world = formulation.world
    profiles = world.profiles
    frames = []
    for item in world.blocks:
        data: dict[str, object] = {
            "block": np.full(len(item.hours), item.name, dtype=object),
            "period_start": profiles.hours[item.hours],
            "load_shape_frac": np.asarray(profiles.load_shape)[item.hours],
            "price_usd_per_mwh": np.asarray(profiles.price_usd_per_mwh)[item.hours],
            "carbon_tco2_per_mwh": np.asarray(profiles.carbon_tco2_per_mwh)[item.hours],
        }
        for option in world.supply.options:
            series = world.availability[option.option][item.hours] * (1.0 - option.forced_outage_frac)
            data[f"{option.option}_available_frac"] = series
        frames.append(pd.DataFrame(data))
    return pd.concat(frames, ignore_index=True)


def tabulate_emissions(formulation: Formulation, solution: Solution) -> pd.DataFrame:
    """Return tCO2 and MWh by plan year and option: direct, location-based, life-cycle; load, served and matched MWh."""
    world = formulation.world
    index = {name: i for i, name in enumerate(formulation.program.border.names)}
    totals: dict[tuple[int, str, str], float] = {}

    def add(years: object, measure: str, owner: str, value: float) -> None:
        for year, share in years:  # type: ignore[attr-defined]
            key = (year, measure, owner)
            totals[key] = totals.get(key, 0.0) + value * share

    options = {o.option: o for o in world.supply.options}
    for b, item in enumerate(world.blocks):
        weight = item.years.weight_hours
        years = tuple(zip(item.years.years, item.years.shares, strict=True))
        for j, name in enumerate(formulation.program.blocks[b].flow_names):
            mwh = solution.flows[b][j] * weight
            option = options.get(name)
            if option is not None:
                emitted = float((hourly_emission(world, option, item.hours) * mwh).sum())
                add(years, "location" if option.delivery == "grid" else "direct", name, emitted)
                add(years, "lifecycle", name, float((_lifecycle(world, option, item.hours) * mwh).sum()))
                add(years, "generation", name, float(mwh.sum()))
            elif name == "matched":
                add(years, "matched", "clean", float(mwh.sum()))
            elif name.startswith("unserved_"):
                add(years, "unserved", name.removeprefix("unserved_"), float(mwh.sum()))
        for option in world.supply.options:
            if option.delivery == "contract":
                capacity = block_capacity(formulation, solution, option.option, b, index)
                if capacity > LEAST_ORDER_MW:
                    mwh = float((capacity * contract_output(world, option, item.hours) * weight).sum())
                    add(years, "contracted", option.option, mwh)
        add(years, "load", "campus", float((_load(formulation, solution, b, index) * weight).sum()))
    units = {"direct": "tCO2", "location": "tCO2", "lifecycle": "tCO2"}
    rows = [(y, m, o, v, units.get(m, "MWh")) for (y, m, o), v in sorted(totals.items())]
    return pd.DataFrame(rows, columns=list(TABLES["emissions"]))


def _lifecycle(world: World, option: Option, hours: NDArray[np.int64]) -> Array:
    if option.delivery == "grid":
        # the grid's life cycle adds 8 to 15 % to its direct factor (technologies: grid_firm); the midpoint is used
        return hourly_emission(world, option, hours) * 1.115
    return np.full(len(hours), option.lifecycle_tco2_per_mwh)
