"""Constraint families of orders, capacity in service, gates and rentals, with what they cost to own."""

from datetime import date

import numpy as np
from numpy.typing import NDArray

from trainload.finance import annuity_rate, value_annuity
from trainload.plan.draft import Draft
from trainload.plan.periods import find_period, present_factor, shift_months
from trainload.plan.world import World
from trainload.supply.options import Gate, Option
from trainload.units import HOURS_PER_YEAR

Array = NDArray[np.float64]
HELD_SLACK_MW = 0.01  # sums of orders are exact to a solver's rounding only


def state_orders(draft: Draft, world: World) -> None:
    """build[i,m] <= max[i]: MW that arrive on the first day of period m; whole units where a unit is lumpy.

    The order date is the arrival less the lead time at the plan's percentile, so an arrival exists only from
    ``first order date + lead`` on. Capital is paid at milestones between order and arrival; the annuities that
    remain at the horizon's end are credited as salvage.
    """
    for owner in world.supply.owners:
        name = owner_name(owner)
        lumpy = owner.unit_mw if owner.unit_mw >= world.scenario.plan.unit_threshold_mw else 0.0
        upper = largest_capacity(owner, world)
        for m in world.in_service(owner):
            if upper <= 0:
                continue
            column = draft.add_column(f"build[{name},{m}]", upper=upper, unit=lumpy)
            _charge_capital(draft, world, owner, column, m)


def largest_capacity(owner: Option | Gate, world: World) -> float:
    """Return the box of an option's or gate's capacity, MW: its own limit, or what the programme could ever use."""
    useful = 3.0 * float(world.wanted_mw.max(initial=0.0)) + owner.unit_mw
    most = min(owner.max_mw, useful) if np.isfinite(owner.max_mw) else useful
    if owner.unit_mw >= world.scenario.plan.unit_threshold_mw:
        most = owner.unit_mw * np.floor(most / owner.unit_mw + 1e-9)
    return float(most)


def _charge_capital(draft: Draft, world: World, owner: Option | Gate, column: int, m: int) -> None:
    if owner.capex_usd_per_mw <= 0:
        return
    name, wacc = owner_name(owner), owner.wacc_frac
    arrives_on = world.periods[m].starts_on
    lead = world.lead_months[name]
    for share, when in owner.milestones or ((1.0, 1.0),):
        paid_on = max(shift_months(arrives_on, -lead * (1.0 - when)), world.starts_on)
        draft.charge(
            "capital",
            name,
            column,
            year=year_of(world, paid_on),
            usd=share * owner.capex_usd_per_mw,
            quantity=share,
            present=present_factor(world.starts_on, paid_on, world.scenario.money.wacc_frac),
        )
    years_left = owner.lifetime_years - (world.ends_on - arrives_on).days / 365.25
    if years_left > 0:
        annuity = owner.capex_usd_per_mw * annuity_rate(owner.lifetime_years, wacc)
        draft.charge(
            "salvage",
            name,
            column,
            year=world.periods[-1].year,
            usd=-annuity * float(value_annuity(years_left, wacc)),
            present=present_factor(world.starts_on, world.ends_on, world.scenario.money.wacc_frac),
        )


def state_arrivals(draft: Draft, world: World) -> None:
    """cap[i,m] = cap[i,m-1] + build[i,m] - end[i,m] - build[i, m - lifetime]: MW in service."""
    for owner in world.supply.owners:
        name, previous = owner_name(owner), None
        upper = largest_capacity(owner, world)
        if upper <= 0:
            continue
        retiring = _list_retiring(owner, world)
        for m in world.in_service(owner):
            capacity = draft.add_column(f"cap[{name},{m}]", upper=upper)
            entries = {capacity: 1.0, draft.index[f"build[{name},{m}]"]: -1.0}
            if previous is not None:
                entries[previous] = -1.0
            if isinstance(owner, Option) and owner.bridge:
                entries[draft.add_column(f"end[{name},{m}]", upper=upper)] = 1.0
            for old in retiring.get(m, ()):
                entries[draft.index[f"build[{name},{old}]"]] = 1.0
            draft.add_row(f"arrivals[{name},{m}]", entries, lower=0.0, upper=0.0)
            previous = capacity
            _charge_standing(draft, world, owner, capacity, m)
        if isinstance(owner, Option) and owner.min_mw > 0 and previous is not None:
            draft.add_row(f"arrivals_min[{name}]", {previous: 1.0}, lower=min(owner.min_mw, upper))


def _list_retiring(owner: Option | Gate, world: World) -> dict[int, list[int]]:
    """Return, by the period at whose start they end their life, the periods of arrival."""
    retiring: dict[int, list[int]] = {}
    if isinstance(owner, Option) and owner.bridge:
        return retiring
    for old in world.in_service(owner):
        ends_on = shift_months(world.periods[old].starts_on, 12 * owner.lifetime_years)
        retiring.setdefault(find_period(world.periods, ends_on), []).append(old)
    return retiring


def _charge_standing(draft: Draft, world: World, owner: Option | Gate, column: int, m: int) -> None:
    """Enter fixed cost, rent and contract settlement of one MW in service over period m."""
    period, present, name = world.periods[m], float(world.present[m]), owner_name(owner)
    if isinstance(owner, Gate):
        return
    years = period.n_hours / HOURS_PER_YEAR
    if owner.fixed_usd_per_mw_year:
        draft.charge(
            "fixed",
            name,
            column,
            year=period.year,
            usd=owner.fixed_usd_per_mw_year * years,
            present=present,
            quantity=years,
            unit="MW-years",
        )
    if owner.rent_usd_per_mw_month:
        draft.charge(
            "rent",
            name,
            column,
            year=period.year,
            usd=owner.rent_usd_per_mw_month * period.n_months,
            present=present,
            quantity=period.n_months,
            unit="MW-months",
        )
    if owner.delivery == "contract":
        output = contract_output(world, owner, np.arange(period.first_hour, period.end_hour))
        price = np.asarray(world.profiles.price_usd_per_mwh)[period.first_hour : period.end_hour]
        mwh = float(output.sum())
        paid = (owner.contract_price_usd_per_mwh + owner.energy_cost_usd_per_mwh) * mwh
        draft.charge("contract", name, column, year=period.year, usd=paid, present=present, quantity=mwh, unit="MWh")
        draft.charge(
            "settlement",
            name,
            column,
            year=period.year,
            usd=-float((output * price).sum()),
            present=present,
            quantity=mwh,
            unit="MWh",
        )


def contract_output(world: World, option: Option, hours: NDArray[np.int64]) -> Array:
    """Return the expected output of one contracted MW in the given hours: availability x (1 - forced outage)."""
    return world.availability[option.option][hours] * (1.0 - option.forced_outage_frac)


def state_gates(draft: Draft, world: World) -> None:
    """sum of cap[i,m] over the options behind gate g <= cap[g,m]: a minimum over a chain is linear, no big-M."""
    for gate in world.supply.gates:
        behind = [o for o in world.supply.options if gate.gate in o.gates]
        for m in range(len(world.periods)):
            entries = {c: 1.0 for o in behind if (c := draft.column(f"cap[{o.option},{m}]")) is not None}
            carried = draft.column(f"cap[{gate.gate},{m}]")
            if carried is not None:
                entries[carried] = -1.0
            if set(entries) - {carried}:
                draft.add_row(f"gates[{gate.gate},{m}]", entries, upper=0.0)


def state_grid_limit(draft: Draft, world: World) -> None:
    """sum of cap[i,m] over all tiers of grid service <= the site's limit."""
    limit = world.scenario.grid.max_mw
    if limit is None:
        return
    for m in range(len(world.periods)):
        entries = {
            c: 1.0
            for o in world.supply.options
            if o.delivery == "grid" and (c := draft.column(f"cap[{o.option},{m}]")) is not None
        }
        draft.add_row(f"grid_limit[{m}]", entries, upper=limit)


def state_bridge_limits(draft: Draft, world: World) -> None:
    """A rental stays at least min_stay and at most max_stay months; what arrived earlier than that must be gone."""
    for option in world.supply.options:
        if not option.bridge:
            continue
        span, name = world.in_service(option), option.option
        for m in span:
            capacity = draft.column(f"cap[{name},{m}]")
            if capacity is None:
                continue
            start = world.periods[m].starts_on
            if np.isfinite(option.max_stay_months):
                recent = [
                    q
                    for q in span
                    if q <= m and shift_months(world.periods[q].starts_on, option.max_stay_months) > start
                ]
                entries = {capacity: 1.0, **{draft.index[f"build[{name},{q}]"]: -1.0 for q in recent}}
                draft.add_row(f"bridge_stay_max[{name},{m}]", entries, upper=0.0)
            ripe = [
                q for q in span if q <= m and shift_months(world.periods[q].starts_on, option.min_stay_months) <= start
            ]
            entries = {draft.index[f"end[{name},{q}]"]: 1.0 for q in span if q <= m}
            entries |= {draft.index[f"build[{name},{q}]"]: -1.0 for q in ripe}
            draft.add_row(f"bridge_stay_min[{name},{m}]", entries, upper=0.0)


def state_held(draft: Draft, world: World) -> None:
    """Orders decided before (see `hedge.hedge`): what is in service has arrived, what is ready is in service.

    ready[i,m] <= sum of build[i,k] over k <= m <= arrived[i,m]; the upper side until the period from which an order
    placed with its lead time known can arrive. powered[m] <= delivered[m]: chips come by the dates decided.
    """
    if world.held is None:
        return
    nothing = np.zeros(len(world.periods))
    for owner in world.supply.owners:
        name = owner_name(owner)
        arrived, ready = world.held.arrived_mw.get(name, nothing), world.held.ready_mw.get(name, nothing)
        open_from = world.held.open_from.get(name, len(world.periods))
        so_far: dict[int, float] = {}
        for m in world.in_service(owner):
            column = draft.column(f"build[{name},{m}]")
            if column is None:
                continue
            so_far[column] = 1.0
            least, most = float(ready[m]) - HELD_SLACK_MW, float(arrived[m]) + HELD_SLACK_MW
            if m < open_from:
                draft.upper[column] = min(draft.upper[column], most)
            if m < open_from or least > 0:
                draft.add_row(f"held[{name},{m}]", so_far, lower=least, upper=most if m < open_from else np.inf)
    for m, delivered in enumerate(world.held.delivered_mw):
        powered = draft.column(f"powered[{m}]")
        if powered is not None:
            draft.upper[powered] = min(draft.upper[powered], float(delivered))


def owner_name(owner: Option | Gate) -> str:
    """Return the id of an option or gate."""
    return owner.option if isinstance(owner, Option) else owner.gate


def year_of(world: World, day: date) -> int:
    """Return the plan year of a day; the last one for days after the horizon."""
    return next((p.year for p in world.periods if p.starts_on <= day < p.ends_on), world.periods[-1].year)
