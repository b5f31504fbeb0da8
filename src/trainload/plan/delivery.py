"""Constraint families of delivery: powered load, firm capacity, grid tiers, and the budgets of goals and permits."""

import numpy as np
from numpy.typing import NDArray

from trainload.plan.draft import Draft
from trainload.plan.world import World
from trainload.supply.options import Option
from trainload.units import HOURS_PER_YEAR

Array = NDArray[np.float64]


def state_delivery(draft: Draft, world: World) -> None:
    """powered[m] + unpowered[m] = wanted[m], powered never falls while wanted does not: chips come with their power.

    Price (a) is paid on ``unpowered``: wanted compute whose chips are not delivered because there is no power.
    """
    previous = None
    for m, period in enumerate(world.periods):
        wanted = float(world.wanted_mw[m])
        missing = draft.add_column(f"unpowered[{m}]", upper=wanted)
        price = world.idle.programme_usd_per_mwh * world.it_peak_frac
        draft.charge(
            "programme_delay",
            "programme",
            missing,
            year=period.year,
            usd=price * period.n_hours,
            present=float(world.present[m]),
            group="shadow",
            quantity=period.n_hours * world.it_peak_frac,
            unit="MWh IT",
        )
        firm = _firm_columns(draft, world, m)
        if not firm or wanted <= 0 or m < _first_operated(world):
            draft.add_row(f"delivery[{m}]", {missing: 1.0}, lower=wanted, upper=wanted)
            previous = None
            continue
        powered = draft.add_column(f"powered[{m}]", upper=wanted)
        draft.add_row(f"delivery[{m}]", {powered: 1.0, missing: 1.0}, lower=wanted, upper=wanted)
        if previous is not None and wanted >= world.wanted_mw[m - 1]:
            draft.add_row(f"delivery_kept[{m}]", {powered: 1.0, previous: -1.0}, lower=0.0)
        previous = powered


def _first_operated(world: World) -> int:
    """Return the first period that an operation block stands for."""
    return min((m for block in world.blocks for m in block.periods), default=len(world.periods))


def _firm_columns(draft: Draft, world: World, m: int) -> dict[int, float]:
    """Return the capacity columns that count as firm: contract MW of grid service and firm on-site MW."""
    return {
        c: 1.0
        for o in world.supply.options
        if o.powers_campus and (c := draft.column(f"cap[{o.option},{m}]")) is not None
    }


def state_adequacy(draft: Draft, world: World) -> None:
    """contract MW + firm on-site MW >= powered[m] x (1 + reserve[m]): facility peak and, islanded, the largest unit."""
    for m in range(len(world.periods)):
        powered = draft.column(f"powered[{m}]")
        if powered is None:
            continue
        entries = {powered: 1.0 + float(world.reserve_frac[m])}
        entries |= {c: -v for c, v in _firm_columns(draft, world, m).items()}
        draft.add_row(f"adequacy[{m}]", entries, upper=0.0)


def state_block_means(draft: Draft, world: World) -> None:
    """mean[i,group] = sum of share[m] x cap[i,m] over the periods a sampled group stands for (sampled weeks only)."""
    done: set[int] = set()
    for block in world.blocks:
        if len(block.periods) == 1 or block.group in done:
            continue
        done.add(block.group)
        names = [f"cap[{o.option}" for o in world.supply.options] + ["powered["]
        for stem in names:
            parts = {}
            for m, share in block.periods.items():
                column = draft.column(f"{stem},{m}]" if stem != "powered[" else f"powered[{m}]")
                if column is not None:
                    parts[column] = -share
            if not parts:
                continue
            mean = draft.add_column(f"mean[{_stem(stem)},{block.group}]", upper=max(draft.upper[c] for c in parts))
            draft.add_row(f"block_means[{_stem(stem)},{block.group}]", {mean: 1.0, **parts}, lower=0.0, upper=0.0)


def _stem(text: str) -> str:
    return text.removeprefix("cap[").removesuffix("[")


def state_tiers(draft: Draft, world: World) -> None:
    """peak[i,b] <= cap[i,b], peak[i,b] >= minimum_take x cap[i,b]: the demand charge is paid on the monthly peak."""
    for b, block in enumerate(world.blocks):
        for option in world.supply.options:
            if not pays_on_peak(option):
                continue
            capacity = capacity_column(draft, world, option.option, b)
            if capacity is None:
                continue
            peak = draft.add_column(f"peak[{option.option},{b}]", upper=draft.upper[capacity])
            draft.add_row(f"tiers_peak[{option.option},{b}]", {peak: 1.0, capacity: -1.0}, upper=0.0)
            if option.minimum_take_frac:
                entries = {peak: 1.0, capacity: -option.minimum_take_frac}
                draft.add_row(f"tiers_take[{option.option},{b}]", entries, lower=0.0)
            for year, share, present in zip(block.years.years, block.years.shares, block.years.present, strict=True):
                months = block.n_months * share
                draft.charge(
                    "demand_charge",
                    option.option,
                    peak,
                    year=year,
                    usd=option.demand_charge_usd_per_mw_month * months,
                    present=present,
                    quantity=months,
                    unit="MW-months",
                )


def pays_on_peak(option: Option) -> bool:
    """Return whether an option is billed on its monthly peak."""
    return option.delivery == "grid" and option.demand_charge_usd_per_mw_month > 0


def capacity_column(draft: Draft, world: World, owner: str, block: int) -> int | None:
    """Return the column of an option's capacity in a block: of its period, or the mean of a sampled group."""
    periods = world.blocks[block].periods
    if len(periods) == 1:
        return draft.column(f"cap[{owner},{next(iter(periods))}]")
    return draft.column(f"mean[{owner},{world.blocks[block].group}]")


def powered_column(draft: Draft, world: World, block: int) -> int | None:
    """Return the column of the powered load in a block."""
    periods = world.blocks[block].periods
    if len(periods) == 1:
        return draft.column(f"powered[{next(iter(periods))}]")
    return draft.column(f"mean[powered,{world.blocks[block].group}]")


def state_clean_budget(draft: Draft, world: World) -> None:
    """sum of matched[t] + unmatched >= clean share x sum of load[t] in each year (group of years): priced slack."""
    share = world.scenario.rules.clean_matched_frac
    if share is None:
        return
    for group, blocks in _groups(world).items():
        hours = _hours_with_goal(world, blocks)
        if not hours:
            continue  # a budget of nothing would have a price that means nothing
        slack = draft.add_column(f"unmatched[{group}]", upper=float(world.wanted_mw.max()) * hours + 1.0)
        usd = world.scenario.rules.clean_slack_usd_per_mwh
        _charge_slack(draft, world, blocks, term="clean_slack", slack=slack, usd=usd, unit="MWh")
        columns = {slack: -1.0}
        for b in blocks:
            powered = powered_column(draft, world, b)
            if powered is not None:
                block = world.blocks[b]
                shape = np.asarray(world.profiles.load_shape)[block.hours]
                load = float((shape * block.years.weight_hours * goal_share(world, b)).sum())
                columns[powered] = columns.get(powered, 0.0) + share * load
        draft.add_budget(f"clean[{group}]", upper=0.0, columns=columns)


def state_co2_budget(draft: Draft, world: World) -> None:
    """sum of emission[i,t] x p[i,t] - excess <= cap in each year (group of years): priced slack."""
    cap = world.scenario.rules.co2_cap_tco2_per_year
    if cap is None:
        return
    for group, blocks in _groups(world).items():
        hours = _hours_with_goal(world, blocks)
        if not hours:
            continue
        worst = float(world.wanted_mw.max()) * hours * 2.0 + 1.0
        slack = draft.add_column(f"co2_excess[{group}]", upper=worst)
        usd = world.scenario.rules.co2_slack_usd_per_tco2
        _charge_slack(draft, world, blocks, term="co2_slack", slack=slack, usd=usd, unit="tCO2")
        draft.add_budget(f"co2[{group}]", upper=cap * hours / HOURS_PER_YEAR, columns={slack: -1.0})


def state_run_limits(draft: Draft, world: World) -> None:
    """sum of p[i,t] <= H[i] x cap[i]: equivalent full-load hours a year of a permit or a bridge unit."""
    for option in world.supply.options:
        if option.delivery == "contract" or not np.isfinite(option.max_full_load_hours_per_year):
            continue
        for group, blocks in _groups(world).items():
            columns: dict[int, float] = {}
            for b in blocks:
                capacity = capacity_column(draft, world, option.option, b)
                if capacity is not None:
                    hours = float(world.blocks[b].years.weight_hours.sum())
                    limit = option.max_full_load_hours_per_year * hours / HOURS_PER_YEAR
                    columns[capacity] = columns.get(capacity, 0.0) - limit
            if columns:
                draft.add_budget(f"run_limit[{option.option},{group}]", upper=0.0, columns=columns)


def _groups(world: World) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = {}
    for b, block in enumerate(world.blocks):
        groups.setdefault(block.group, []).append(b)
    return groups


def goal_share(world: World, block: int) -> Array:
    """Return the share (0-1) of each step's weight for which the buyer's goals hold."""
    starts_on = world.scenario.rules.clean_from_on
    item = world.blocks[block]
    if starts_on is None:
        return np.ones(len(item.hours))
    share = sum(s for m, s in item.periods.items() if world.periods[m].starts_on >= starts_on)
    return np.full(len(item.hours), share)


def _hours_with_goal(world: World, blocks: list[int]) -> float:
    return sum(float((world.blocks[b].years.weight_hours * goal_share(world, b)).sum()) for b in blocks)


def _charge_slack(
    draft: Draft, world: World, blocks: list[int], *, term: str, slack: int, usd: float, unit: str
) -> None:
    years = world.blocks[blocks[0]].years
    if len(years.years) == 1:
        shares: tuple[float, ...] = (1.0,)
        present: tuple[float, ...] = (float(np.mean([world.blocks[b].years.present_factor for b in blocks])),)
    else:
        shares, present = years.shares, years.present
    for year, share, worth in zip(years.years, shares, present, strict=True):
        draft.charge(
            term, "rules", slack, year=year, usd=usd * share, present=worth, group="shadow", quantity=share, unit=unit
        )
