"""When power is there: the dates by which firm capacity reaches a target, with odds from every draw of lead times."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainload.plan.results import LEAST_ORDER_MW
from trainload.plan.world import World
from trainload.supply.options import Option
from trainload.supply.schedule import Schedule
from trainload.tables import TABLES
from trainload.units import DAYS_PER_MONTH

Array = NDArray[np.float64]
PERCENTILES = (50, 80, 95)
FIRST_GIGAWATT_MW = 1000.0


@dataclass(frozen=True, slots=True)
class DatedOrder:
    """MW of an option or gate ordered on one day.

    Attributes:
        scenario: the only scenario that orders it, None where all do.
    """

    owner: str
    order_on: date
    mw: float
    scenario: int | None = None


def tabulate_energisation(
    world: World, schedule: Schedule, orders: dict[str, Sequence[DatedOrder]], nearest: NDArray[np.int64]
) -> pd.DataFrame:
    """Return the dates by which each set of orders has the first gigawatt and the full wanted load.

    Every draw follows the shared orders and those of the scenario that stands for it (`nearest`). Firm MW count from
    their arrival, gates included; a rental counts although it may have gone again.
    """
    full = float(world.wanted_mw.max(initial=0.0))
    targets = [("full power", full)]
    if full > FIRST_GIGAWATT_MW:
        targets.insert(0, ("first GW", FIRST_GIGAWATT_MW))
    rows = []
    for name, listed in orders.items():
        for target, mw in targets:
            days = reach_days(world, schedule, listed, target_mw=mw, nearest=nearest)
            in_time = float((days <= (world.ends_on - world.starts_on).days).mean())
            rows.append((name, target, mw, *(day_of(world, days, q) for q in PERCENTILES), in_time))
    return pd.DataFrame(rows, columns=list(TABLES["energisation"]))


def reach_days(
    world: World,
    schedule: Schedule,
    orders: Sequence[DatedOrder],
    *,
    target_mw: float,
    nearest: NDArray[np.int64],
) -> Array:
    """Return (n_draws,) days from the plan's first day until firm arrivals add up to the target; infinite if never."""
    options = {o.option: o for o in world.supply.options if o.powers_campus}
    counted = [order for order in orders if order.owner in options]
    n_draws = schedule.n_draws
    if not counted:
        return np.full(n_draws, np.inf)
    days = np.array([_arrival_days(world, schedule, options[o.owner], o.order_on) for o in counted])
    everywhere = np.ones(n_draws, dtype=bool)
    sizes = np.array(
        [np.where(everywhere if o.scenario is None else nearest == o.scenario, o.mw, 0.0) for o in counted]
    )
    order = np.argsort(days, axis=0, kind="stable")
    reached = np.cumsum(np.take_along_axis(sizes, order, axis=0), axis=0) >= target_mw - LEAST_ORDER_MW
    first = np.argmax(reached, axis=0)
    found = np.take_along_axis(np.take_along_axis(days, order, axis=0), first[None, :], axis=0)[0]
    return np.asarray(np.where(reached.any(axis=0), found, np.inf))


def _arrival_days(world: World, schedule: Schedule, option: Option, order_on: date) -> Array:
    day = (order_on - world.starts_on).days + schedule.draws(option.option) * DAYS_PER_MONTH
    if option.available_on is not None:
        day = np.maximum(day, (option.available_on - world.starts_on).days)
    return np.asarray(day)


def day_of(world: World, days: Array, percentile: float) -> date | None:
    """Return the day by which this percentage of draws is there; None where that is after the horizon."""
    by_day = float(np.quantile(days, percentile / 100.0, method="inverted_cdf"))
    if not by_day <= (world.ends_on - world.starts_on).days:
        return None
    return world.starts_on + timedelta(days=int(np.ceil(by_day)))
