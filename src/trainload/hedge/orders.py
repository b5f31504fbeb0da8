"""The hedge's answer and its orders: as a list with dates, and held in a world at the plan's own lead times."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trainload.errors import Note
from trainload.hedge.energisation import DatedOrder, OrderBook
from trainload.hedge.program import CasePart, LeadCase, is_lumpy
from trainload.hedge.values import Outcome, weigh_outcome
from trainload.plan.orders import owner_name
from trainload.plan.results import LEAST_ORDER_MW
from trainload.plan.solvers import TOLERANCE
from trainload.plan.world import HeldOrders, World
from trainload.scenario.models import PlanSettings
from trainload.supply.scenarios import LeadScenarios

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StepValue:
    """What it is worth to know, before the first order, whether a step will be short or long."""

    step: str
    value_usd: float


@dataclass(frozen=True, slots=True)
class Hedge:
    """Hedged orders, with what they cost beside other policies in the same scenarios.

    Attributes:
        scenarios: the reduced lead times.
        base: world of the deterministic plan, operated on the hedge's hours, with the options that are looked at.
        planned: the case of the plan's own lead times.
        parts: one scenario's program each.
        hedged: the shared orders (RP).
        replayed: the deterministic plan's orders and chips in the same scenarios (EEV).
        rescheduled: the deterministic plan's orders with the chips' dates hedged.
        known_usd: (S,) each scenario's cost with its lead times known in advance (WS).
        relaxed_usd: the hedge without whole units, the basis of what knowing is worth.
        steps: value of knowing single steps, most important first.
        settings: of the plan.
    """

    scenarios: LeadScenarios
    base: World
    planned: LeadCase
    parts: tuple[CasePart, ...]
    hedged: Outcome
    replayed: Outcome
    rescheduled: Outcome
    known_usd: Array
    relaxed_usd: float
    steps: tuple[StepValue, ...]
    settings: PlanSettings
    notes: tuple[Note, ...]

    @property
    def value_of_hedging_usd(self) -> float:
        """Replayed less hedged: the value of the stochastic solution."""
        return self.replayed.objective_usd - self.hedged.objective_usd

    @property
    def value_of_knowing_usd(self) -> float:
        """Hedged less known in advance, both without whole units: the expected value of perfect information."""
        value_usd = float(self.relaxed_usd - weigh_outcome(self.known_usd, self.scenarios.weights, self.settings))
        return value_usd if abs(value_usd) > TOLERANCE * abs(self.relaxed_usd) else 0.0


def hold_orders(hedge: Hedge, world: World) -> World:
    """Return the plan's own world with the hedged orders held, as they arrive at its lead times.

    What arrives is in service at once, or as soon as its gates carry it.
    """
    n_periods = len(world.periods)
    arriving: dict[str, Array] = {}
    for order in list_orders(hedge, hedge.hedged.shared):
        q = _period_of(world, order)
        m = int(hedge.planned.arrives[order.owner][q])
        if m < n_periods:
            arriving.setdefault(order.owner, np.zeros(n_periods))[m] += order.mw
    open_from = {}
    for owner in hedge.base.supply.owners:
        name = owner_name(owner)
        arrives = hedge.planned.arrives[name]
        if not is_lumpy(owner, world) and arrives[0] < n_periods:
            open_from[name] = int(arrives[arrives[0]])
    delivered = np.array([hedge.hedged.shared.get(f"delivered[{m}]", 0.0) for m in range(n_periods)])
    most = {name: np.cumsum(mw) for name, mw in arriving.items()}
    return replace(world, held=HeldOrders(most, _commission(hedge, most), open_from, delivered + 1e-6))


def _commission(hedge: Hedge, arrived: Mapping[str, Array]) -> dict[str, Array]:
    """Return (M,) MW that can be in service by each period: what has arrived, behind gates that have arrived.

    Gates are given to options in their order; what a rental frees when it leaves is not counted.
    """
    n_periods = len(hedge.base.periods)
    nothing = np.zeros(n_periods)
    ready = {g.gate: arrived.get(g.gate, nothing) for g in hedge.base.supply.gates}
    left = {gate: mw.copy() for gate, mw in ready.items()}
    for option in hedge.base.supply.options:
        if option.option not in arrived:
            continue
        able = np.minimum.reduce([arrived[option.option], *(left[gate] for gate in option.gates)])
        # room behind a gate may shrink as others take it: what is in service stays
        able = np.minimum.accumulate(able[::-1])[::-1]
        if is_lumpy(option, hedge.base):
            able = np.floor(able / option.unit_mw + 1e-6) * option.unit_mw
        ready[option.option] = able
        for gate in option.gates:
            left[gate] = left[gate] - able
    return ready


def list_orders(hedge: Hedge, shared: Mapping[str, float]) -> list[DatedOrder]:
    """Return the shared orders of half a megawatt and more in all of their owner, by owner and date."""
    periods, units = (
        hedge.base.periods,
        {owner_name(o): o.unit_mw for o in hedge.base.supply.owners if is_lumpy(o, hedge.base)},
    )
    found: dict[str, list[DatedOrder]] = {}
    for name, value in shared.items():
        family, _, rest = name.rstrip("]").partition("[")
        owner, _, q = rest.rpartition(",")
        if family != "order":
            continue
        mw = round(value / units[owner]) * units[owner] if owner in units else value
        if mw >= 0.01:
            found.setdefault(owner, []).append(DatedOrder(owner, periods[int(q)].starts_on, float(mw)))
    return [o for orders in found.values() if sum(i.mw for i in orders) >= LEAST_ORDER_MW for o in orders]


def list_reorders(hedge: Hedge, outcome: Outcome) -> list[DatedOrder]:
    """Return what single scenarios order again once a lead time is known, on the first day of the latest period."""
    found = []
    for k, (item, values) in enumerate(zip(hedge.parts, outcome.parts, strict=True)):
        names = {name: i for i, name in enumerate(item.part.program.border.names)}
        for owner in hedge.base.supply.owners:
            name, arrives = owner_name(owner), item.case.arrives[owner_name(owner)]
            if is_lumpy(owner, hedge.base) or arrives[0] >= len(arrives):
                continue
            left = 0.0
            for m in range(len(arrives)):
                build = names.get(f"build[{name},{m}]")
                shared = sum(outcome.shared.get(f"order[{name},{q}]", 0.0) for q in np.flatnonzero(arrives == m))
                left += shared
                built = 0.0 if build is None else float(values.columns[build])
                extra, left = max(built - left, 0.0), max(left - built, 0.0)
                placed = np.flatnonzero(arrives == m)
                if extra >= LEAST_ORDER_MW and len(placed) and placed[-1] >= arrives[0]:
                    found.append(DatedOrder(name, hedge.base.periods[int(placed[-1])].starts_on, extra, k))
    return found


def book_orders(hedge: Hedge, outcome: Outcome) -> OrderBook:
    """Return the shared and later orders of an outcome, with the most of each option that is in service at one time."""
    most: dict[str, Array] = {}
    for option in hedge.base.supply.options:
        most[option.option] = np.zeros(len(hedge.parts))
        for k, (item, values) in enumerate(zip(hedge.parts, outcome.parts, strict=True)):
            names = item.part.program.border.names
            served = [
                v for name, v in zip(names, values.columns, strict=True) if name.startswith(f"cap[{option.option},")
            ]
            most[option.option][k] = max(served, default=0.0)
    return OrderBook((*list_orders(hedge, outcome.shared), *list_reorders(hedge, outcome)), most)


def _period_of(world: World, order: DatedOrder) -> int:
    return next(p.index for p in world.periods if p.starts_on == order.order_on)
