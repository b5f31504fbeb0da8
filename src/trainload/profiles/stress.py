"""The grid's stress by hour, what follows from it - price, carbon - and the hours in which the utility calls load off.

Stated assumptions for a scenario without series of its own: the grid is tight on hot afternoons that turn to evening
and on cold mornings, prices are high when it is tight, and peaks are met by burning more.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Shape of the grid's load over its mean in mild weather: judgement, near the response of large systems in the US South.
COOLING_PER_C, COOLING_FROM_C = 0.022, 18.0
HEATING_PER_C, HEATING_BELOW_C = 0.012, 12.0
WEEKEND_FALL = 0.06
SOLAR_SHARE = 0.25  # solar capacity of the grid over its mean load
PRICE_SLOPE = 1.6  # ln(price) per unit of net load over its mean
SCARCITY_SHARE, SCARCITY_FACTOR = 0.003, 6.0
CARBON_SLOPE = 0.4
# Activity by local hour, over the daily mean: a low at 4, a broad evening peak.
_ACTIVITY_PERCENT = np.array(
    [-12.0, -15, -17, -18, -17, -13, -5, 1, 4, 5, 6, 6, 6, 6, 6, 7, 9, 12, 13, 11, 8, 3, -3, -8]
)


def shape_net_load(temperature_c: Floats, local: pd.DatetimeIndex, *, solar: Floats) -> Floats:
    """Return the grid's load less its solar output, over its mean, in every hour.

    load = 1 + 0.022 max(T - 18, 0) + 0.012 max(12 - T, 0) + activity(local hour), 6 % lower at weekends; less 0.25 of
    the solar output. A stated assumption of where the grid is tight: hot afternoons turned evening, cold mornings.
    """
    hour = np.asarray(local.hour)
    weekend = np.asarray(local.day_of_week) >= 5
    load = (
        1.0
        + COOLING_PER_C * np.maximum(temperature_c - COOLING_FROM_C, 0.0)
        + HEATING_PER_C * np.maximum(HEATING_BELOW_C - temperature_c, 0.0)
        + _ACTIVITY_PERCENT[hour] / 100
        - WEEKEND_FALL * weekend
    )
    net = load - SOLAR_SHARE * solar
    return np.asarray(net / net.mean())


def shape_price(stress: Floats) -> Floats:
    """Return the price over its mean: exp(1.6 (stress - 1)), times up to 6 in the 0.3 % of hours of highest stress.

    Before it is scaled to its mean by `level_years`. Real nodal prices show such a tail; the sums are an assumption.
    """
    rank = np.empty(stress.size)
    rank[np.argsort(stress, kind="stable")] = (np.arange(stress.size) + 0.5) / stress.size
    scarcity = np.clip((rank - (1 - SCARCITY_SHARE)) / SCARCITY_SHARE, 0.0, 1.0)
    return np.asarray(np.exp(PRICE_SLOPE * (stress - 1.0)) * (1.0 + (SCARCITY_FACTOR - 1.0) * scarcity**2))


def shape_carbon(stress: Floats) -> Floats:
    """Return the carbon intensity over its mean: 1 + 0.4 (stress - 1), at least 0.2: peaks are met by burning more."""
    return np.maximum(1.0 + CARBON_SLOPE * (stress - 1.0), 0.2)


def level_years(shape: Floats, year_of_plan: NDArray[np.int64], *, mean: float, growth_per_year: float) -> Floats:
    """Return the shape scaled so that plan year k (from 0) has the mean `mean` x (1 + growth)^k."""
    means = np.bincount(year_of_plan, weights=shape) / np.bincount(year_of_plan)
    return np.asarray(shape / means[year_of_plan] * mean * (1.0 + growth_per_year) ** year_of_plan)


def call_curtailments(
    stress: Floats, *, hours: pd.DatetimeIndex, hours_per_year: float, min_event_hours: int = 4
) -> Floats:
    """Return 1 where service is available and 0 in the hours that the utility calls.

    In each calendar year (UTC) exactly round(`hours_per_year`) hours are called; a year that the horizon holds only in
    part gets its share by hours, rounded. They are the hours of highest stress in events of at least `min_event_hours`
    consecutive hours: step by step either a new event of that length is opened where the mean stress is highest, or an
    event is lengthened by the adjacent hour, whichever has the higher stress (mean), until the count is met. Where the
    count is less than one event, one whole event is called; where it is 0, none. Events don't cross the turn of a year.

    Args:
        stress: (N,) higher is tighter.
        hours: (N,) UTC starts of the same hours.
        hours_per_year: called hours of a full year.
        min_event_hours: shortest event.

    Raises:
        ValueError: lengths differ, or negative hours.
    """
    if len(hours) != stress.size:
        raise ValueError(f"stress has {stress.size} hours, the calendar {len(hours)}")
    if hours_per_year < 0 or min_event_hours < 1:
        raise ValueError(
            f"hours_per_year must be >= 0 and min_event_hours >= 1, got {hours_per_year}, {min_event_hours}"
        )
    available = np.ones(stress.size)
    years = np.asarray(hours.year)
    for year in np.unique(years):
        inside = np.flatnonzero(years == year)
        full = 8784 if pd.Timestamp(int(year), 1, 1).is_leap_year else 8760
        count = round(hours_per_year * inside.size / full)
        available[inside[_pick_events(stress[inside], count, min_event_hours)]] = 0.0
    return available


def _pick_events(stress: Floats, count: int, least: int) -> NDArray[np.int64]:
    """Return the indices of the called hours of one year."""
    n = stress.size
    least = min(least, n)
    count = min(n, max(count, least)) if count > 0 else 0
    called = np.zeros(n, dtype=bool)
    sums = np.concatenate([[0.0], np.cumsum(stress)])
    windows = (sums[least:] - sums[:-least]) / least  # mean stress of the event that starts at each hour
    free = np.ones(windows.size, dtype=bool)
    edges: set[int] = set()
    left = count
    order = iter(np.argsort(-windows, kind="stable"))
    best = next(order, None)
    while left > 0:
        while best is not None and not free[best]:
            best = next(order, None)
        edge = max(edges, key=lambda i: (stress[i], -i)) if edges else None
        opens = best is not None and left >= least and (edge is None or windows[best] > stress[edge])
        if opens and best is not None:
            new = np.arange(best, best + least)
        elif edge is not None:
            new = np.array([edge])
        else:
            break
        called[new] = True
        left -= new.size
        edges.difference_update(new.tolist())
        edges.update(i for i in (int(new[0]) - 1, int(new[-1]) + 1) if 0 <= i < n and not called[i])
        free[max(0, int(new[0]) - least + 1) : int(new[-1]) + 1] = False
    return np.flatnonzero(called)
