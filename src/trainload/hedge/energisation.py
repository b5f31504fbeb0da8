"""When power is there: the dates by which firm capacity reaches a target, with odds from every draw of lead times."""

from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class OrderBook:
    """The orders of one policy.

    Attributes:
        orders: shared ones, and those of single scenarios.
        most_mw: (S,) most MW of each option in service at one time, by scenario: what replaces a rental that has gone,
            or can't be used, does not add to it.
    """

    orders: Sequence[DatedOrder]
    most_mw: Mapping[str, Array]


def tabulate_energisation(
    world: World, schedule: Schedule, books: Mapping[str, OrderBook], nearest: NDArray[np.int64]
) -> pd.DataFrame:
    """Return the dates by which each policy has the first gigawatt and the full wanted load.

    Every draw follows the shared orders and those of the scenario that stands for it (`nearest`). Firm MW count from
    their arrival, gates included; a rental is kept as long as it is needed.
    """
    full = float(world.wanted_mw.max(initial=0.0))
    targets = [("full power", full)]
    if full > FIRST_GIGAWATT_MW:
        targets.insert(0, ("first GW", FIRST_GIGAWATT_MW))
    rows = []
    for name, book in books.items():
        for target, mw in targets:
            days = reach_days(world, schedule, book, target_mw=mw, nearest=nearest)
            in_time = float((days <= (world.ends_on - world.starts_on).days).mean())
            rows.append((name, target, mw, *(day_of(world, days, q) for q in PERCENTILES), in_time))
    return pd.DataFrame(rows, columns=list(TABLES["energisation"]))


def reach_days(
    world: World, schedule: Schedule, book: OrderBook, *, target_mw: float, nearest: NDArray[np.int64]
) -> Array:
    """Return (n_draws,) days from the plan's first day until firm arrivals add up to the target; infinite if never."""
    days, sizes = [], []
    for option in world.supply.options:
        orders = sorted((o for o in book.orders if o.owner == option.option), key=lambda o: o.order_on)
        if not option.powers_campus or not orders:
            continue
        most = book.most_mw[option.option]
        so_far = np.zeros(len(most))
        for order in orders:
            placed = np.array([order.scenario is None or order.scenario == k for k in range(len(most))])
            counted = np.clip(most - so_far, 0.0, np.where(placed, order.mw, 0.0))
            so_far += counted
            days.append(_arrival_days(world, schedule, option, order.order_on))
            sizes.append(counted[nearest])
    if not days:
        return np.full(schedule.n_draws, np.inf)
    order_of_arrival = np.argsort(np.array(days), axis=0, kind="stable")
    arrived = np.cumsum(np.take_along_axis(np.array(sizes), order_of_arrival, axis=0), axis=0)
    reached = arrived >= target_mw - LEAST_ORDER_MW
    first = np.argmax(reached, axis=0)
    found = np.take_along_axis(np.take_along_axis(np.array(days), order_of_arrival, axis=0), first[None, :], axis=0)[0]
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
