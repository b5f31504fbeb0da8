"""Everything the program is stated from, resolved once: options with first arrivals, periods, series and blocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from trainload.demand.demand import LoadPath
from trainload.errors import Note
from trainload.plan.limits import NO_LIMITS, Limits
from trainload.plan.periods import Period, find_period, make_periods, present_factors, shift_months
from trainload.plan.prices import IdlePrices
from trainload.plan.sampling import OperationBlock, list_calendar_blocks, sample_weeks
from trainload.profiles.profiles import Profiles
from trainload.profiles.stress import call_curtailments
from trainload.scenario.models import Scenario
from trainload.supply.options import Gate, Option, Supply

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HeldOrders:
    """Orders decided before the plan is made, as they arrive at its lead times.

    Attributes:
        arrived_mw: (M,) by option and gate: all that has arrived by each period; nothing of those not named.
        ready_mw: (M,) of it what can be in service, its gates being there.
        open_from: by option and gate: first period in which an order placed with its lead time known can arrive.
        delivered_mw: (M,) facility peak of the chips on site.
    """

    arrived_mw: Mapping[str, Array]
    ready_mw: Mapping[str, Array]
    open_from: Mapping[str, int]
    delivered_mw: Array


@dataclass(frozen=True, slots=True)
class World:
    """Resolved input of the formulation; frozen, so that a re-solve changes one thing and keeps the rest.

    Attributes:
        lead_months: months from order to arrival at the plan's percentile, by option and gate.
        first_period: first period in which an option or gate can be in service.
        wanted_mw: (M,) facility peak the programme wants in each period.
        availability: (N,) per option: profile x utility's calls, before forced outages.
        it_peak_frac: IT peak over facility peak.
        reserve_frac: (M,) largest-unit reserve as a share of powered load.
        first_powered: first period in which any load can be powered.
        limits: what the plan may not exceed beside the scenario's rules (see `plan.modes`).
        held: orders that are decided already (see `hedge.hedge`), None where all is open.
    """

    scenario: Scenario
    supply: Supply
    profiles: Profiles
    periods: tuple[Period, ...]
    present: Array
    lead_months: Mapping[str, float]
    first_period: Mapping[str, int]
    wanted_mw: Array
    availability: Mapping[str, Array]
    idle: IdlePrices
    it_peak_frac: float
    reserve_frac: Array
    blocks: tuple[OperationBlock, ...]
    chains: tuple[tuple[int, ...], ...]
    notes: tuple[Note, ...] = ()
    limits: Limits = NO_LIMITS
    held: HeldOrders | None = None

    @property
    def starts_on(self) -> date:
        return self.periods[0].starts_on

    @property
    def ends_on(self) -> date:
        return self.periods[-1].ends_on

    def in_service(self, owner: Option | Gate) -> range:
        """Return the periods in which an option or gate can be in service."""
        name = owner.option if isinstance(owner, Option) else owner.gate
        last = len(self.periods)
        if isinstance(owner, Option) and owner.return_on is not None:
            last = min(last, find_period(self.periods, owner.return_on))
        return range(min(self.first_period[name], last), last)


def find_first_periods(supply: Supply, periods: Sequence[Period], lead_months: Mapping[str, float]) -> dict[str, int]:
    """Return the first period in which each option and gate can be in service if ordered on the first day."""
    start = periods[0].starts_on
    first = {}
    for option in supply.options:
        day = shift_months(start, lead_months[option.option])
        if option.available_on is not None:
            day = max(day, option.available_on)
        first[option.option] = find_period(periods, day)
    for gate in supply.gates:
        first[gate.gate] = find_period(periods, shift_months(start, lead_months[gate.gate]))
    return first


def find_first_powered(supply: Supply, first_period: Mapping[str, int], n_periods: int) -> int:
    """Return the first period in which the campus can have any power: an option on site or grid, and its gates."""
    first = [
        max([first_period[o.option], *(first_period[g] for g in o.gates)])
        for o in supply.options
        if o.delivery != "contract" and o.max_mw > 0
    ]
    return min(first, default=n_periods)


def build_world(
    scenario: Scenario,
    supply: Supply,
    profiles: Profiles,
    *,
    lead_months: Mapping[str, float],
    wanted_mw: Array | None = None,
    load_path: LoadPath | None = None,
    idle: IdlePrices,
    it_peak_frac: float,
    reserve_frac: Array | None = None,
) -> World:
    """Return the resolved input of the formulation, with the blocks that `plan.hours` asks for.

    `lead_months` is order to arrival by option and gate at the plan's percentile; the wanted load is given by period
    (`wanted_mw`) or as a `load_path` that is read at each period's first day.
    """
    settings = scenario.plan
    supply, notes = settle_contracts(supply, profiles)
    periods = make_periods(
        scenario.first_order_on, horizon_years=scenario.horizon_years, monthly_years=settings.monthly_years
    )
    if wanted_mw is None:
        if load_path is None:
            raise ValueError("give wanted_mw or load_path")
        wanted_mw = np.asarray(load_path.at([p.starts_on for p in periods]), dtype=float)
    first_period = find_first_periods(supply, periods, lead_months)
    first = max(find_first_powered(supply, first_period, len(periods)), int(np.argmax(wanted_mw > 0)))
    if not (wanted_mw > 0).any():
        first = len(periods)
    first = min(first, len(periods) - 1)  # a program has at least one block, even where nothing can be powered
    present = present_factors(periods[0].starts_on, periods, scenario.money.wacc_frac)
    if settings.hours == "calendar":
        blocks, chains = list_calendar_blocks(periods[first:], present[first:])
    else:
        blocks, chains = sample_weeks(periods[first:], present[first:], profiles, n_hours=settings.sampled_hours)
    availability = {o.option: _hourly_availability(o, profiles, scenario) for o in supply.options}
    return World(
        scenario=scenario,
        supply=supply,
        profiles=profiles,
        periods=periods,
        present=present,
        lead_months=dict(lead_months),
        first_period=first_period,
        wanted_mw=wanted_mw,
        availability=availability,
        idle=idle,
        it_peak_frac=it_peak_frac,
        reserve_frac=np.zeros(len(periods)) if reserve_frac is None else reserve_frac,
        blocks=tuple(blocks),
        chains=tuple(chains),
        notes=notes,
    )


def sample_world(world: World) -> World:
    """Return the world operated on sampled weeks, over the periods that it is operated on now."""
    first = min((m for block in world.blocks for m in block.periods), default=len(world.periods))
    n_hours = world.scenario.plan.sampled_hours
    blocks, chains = sample_weeks(world.periods[first:], world.present[first:], world.profiles, n_hours=n_hours)
    return replace(world, blocks=tuple(blocks), chains=tuple(chains))


def settle_contracts(supply: Supply, profiles: Profiles) -> tuple[Supply, tuple[Note, ...]]:
    """Return the supply with no contract priced below what its output earns on the market.

    A contract settles at the hourly price. A strike below the capture price would be free money, bought without limit;
    no seller offers it, so the strike is then raised to the capture price and the contract costs nothing on balance.
    """
    options, notes = [], []
    for option in supply.options:
        if option.delivery == "contract":
            output = np.asarray(profiles.availability[option.availability], dtype=float)
            capture = float(np.average(profiles.price_usd_per_mwh, weights=output)) if output.any() else 0.0
            if option.contract_price_usd_per_mwh + option.energy_cost_usd_per_mwh < capture:
                strike = capture - option.energy_cost_usd_per_mwh
                notes.append(
                    Note(
                        f"{option.option}.contract_price_usd_per_mwh",
                        f"raised from {option.contract_price_usd_per_mwh:.1f} to {strike:.1f} USD/MWh, what its output "
                        "would earn at the hourly price: nobody sells for less.",
                    )
                )
                option = replace(option, contract_price_usd_per_mwh=strike)  # noqa: PLW2901
        options.append(option)
    return replace(supply, options=tuple(options)), tuple(notes)


def _hourly_availability(option: Option, profiles: Profiles, scenario: Scenario) -> Array:
    """Return availability (N,) in 0-1: the profile, and 0 in the hours that the utility calls."""
    series = np.asarray(profiles.availability[option.availability], dtype=float)
    if option.delivery == "grid" and option.curtailed_hours_per_year > 0:
        called = call_curtailments(
            profiles.stress,
            hours=profiles.hours,
            hours_per_year=option.curtailed_hours_per_year,
            min_event_hours=scenario.grid.min_event_hours,
        )
        series = series * called
    return series
