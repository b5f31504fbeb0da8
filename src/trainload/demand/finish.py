"""When each generation finishes training, given the power that the campus gets and what of its load is shed.

FLOP accrues in proportion to powered facility MW (chips are delivered with the power they need), less what is lost
while running load is curtailed. One run at a time, in the order they are wanted; unfinished work is a backlog that the
next generation waits for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from trainload.demand.power import compute_at_load

Floats = NDArray[np.float64]


class Wanted(Protocol):
    """What `finish_dates` needs of a generation."""

    @property
    def name(self) -> str: ...
    @property
    def wanted_on(self) -> date: ...
    @property
    def days(self) -> float: ...
    @property
    def campus_peak_mw(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Finish:
    """When one generation is powered, starts and finishes; None where that lies after the given path.

    Attributes:
        powered_on: first day with all the power it wants.
        start_on: first day on which it trains.
        finish_unconstrained_on: with all its power from `wanted_on`, nothing shed and no backlog before it.
        delay_days: `finish_on` less `finish_unconstrained_on`.
        done_frac: share of its FLOP delivered by the end of the path.
    """

    name: str
    powered_on: date | None
    start_on: date | None
    finish_on: date | None
    finish_unconstrained_on: date
    delay_days: float | None
    done_frac: float


def finish_dates(
    generations: Sequence[Wanted],
    *,
    starts_on: Sequence[date],
    ends_on: date,
    powered_mw: ArrayLike,
    compute_frac: ArrayLike = 1.0,
) -> tuple[Finish, ...]:
    """Return when each generation finishes.

    Rate of work = min(1, powered / wanted campus peak) x compute share, in days of the full fleet; a generation needs
    `days` of them. It starts on `wanted_on`, or when the one before it has finished.

    Args:
        generations: in any order; trained in the order of `wanted_on`.
        starts_on: first day of each span of the path, rising.
        ends_on: first day after the last span.
        powered_mw: facility peak of the campus whose chips are delivered and powered, one a span.
        compute_frac: share of full compute that curtailment leaves, one a span or one for all.

    Raises:
        ValueError: dates that do not rise, or lengths that do not match.
    """
    begins = np.array([day.toordinal() for day in starts_on], dtype=np.float64)
    edges = np.append(begins, float(ends_on.toordinal()))
    if len(begins) == 0 or np.any(np.diff(edges) <= 0):
        raise ValueError(f"starts_on must rise to ends_on ({ends_on})")
    powered = np.broadcast_to(np.asarray(powered_mw, dtype=np.float64), begins.shape)
    compute = np.broadcast_to(np.asarray(compute_frac, dtype=np.float64), begins.shape)
    out: list[Finish] = []
    free_at = -np.inf
    for generation in sorted(generations, key=lambda g: g.wanted_on):
        wanted_at = float(generation.wanted_on.toordinal())
        rate = np.minimum(1.0, powered / generation.campus_peak_mw) * compute
        begin = max(wanted_at, free_at)
        # Work done up to each edge, counted from `begin`.
        worked = np.concatenate(
            [[0.0], np.cumsum(rate * np.clip(edges[1:] - np.maximum(edges[:-1], begin), 0.0, None))]
        )
        done = min(1.0, float(worked[-1]) / generation.days)
        finish_at = None
        if worked[-1] >= generation.days * (1.0 - 1e-12):
            k = int(np.searchsorted(worked, generation.days * (1.0 - 1e-12)))
            span_start = max(edges[k - 1], begin)
            finish_at = float(span_start + (generation.days - worked[k - 1]) / rate[k - 1])
        enough = np.flatnonzero(powered >= generation.campus_peak_mw * (1.0 - 1e-6))
        enough = enough[edges[1:][enough] > wanted_at]
        powered_at = max(float(edges[enough[0]]), wanted_at) if enough.size else None
        working = np.flatnonzero((rate > 0) & (edges[1:] > begin))
        start_at = max(float(edges[working[0]]), begin) if working.size else None
        unconstrained_at = wanted_at + generation.days
        out.append(
            Finish(
                name=generation.name,
                powered_on=_day(powered_at),
                start_on=_day(start_at) if np.isfinite(begin) else None,
                finish_on=_day(finish_at, up=True),
                finish_unconstrained_on=_must(_day(unconstrained_at, up=True)),
                delay_days=None if finish_at is None else max(0.0, finish_at - unconstrained_at),
                done_frac=done,
            )
        )
        free_at = np.inf if finish_at is None else finish_at
    return tuple(out)


def compute_by_period(
    periods: pd.DataFrame, operation: pd.DataFrame, *, gpu_share_frac: float, idle_floor_frac: float
) -> Floats:
    """Return the share of full compute left by curtailment in each period, from a plan's hourly table.

    Served share of an hour = 1 - sum of its ``unserved_*_mw`` / load; compute by `power.compute_at_load`; the mean over
    the period's hours by load and weight. A period without hours of its own takes the mean of its calendar year's, and
    one before the first powered hour 1.

    Args:
        periods: columns ``period_on`` and ``ends_on``.
        operation: columns ``period_start``, ``weight_hours``, ``load_mw`` and ``unserved_<tranche>_mw``.
        gpu_share_frac: of facility load above the idle floor, as in the scenario.
        idle_floor_frac: facility load that remains when training pauses.
    """
    n = len(periods)
    if operation.empty:
        return np.ones(n)
    shed_columns = [c for c in operation.columns if c.startswith("unserved_") and c.endswith("_mw")]
    load = operation["load_mw"].to_numpy(float)
    shed = operation[shed_columns].to_numpy(float).sum(axis=1) if shed_columns else np.zeros(len(load))
    served = np.clip(1.0 - np.divide(shed, load, out=np.zeros_like(load), where=load > 0), 0.0, 1.0)
    share = compute_at_load(served, gpu_share_frac=gpu_share_frac, idle_floor_frac=idle_floor_frac)
    weight = load * operation["weight_hours"].to_numpy(float)
    hours = pd.to_datetime(operation["period_start"], utc=True).dt.tz_localize(None).to_numpy()
    starts = pd.to_datetime(periods["period_on"]).to_numpy()
    index = np.clip(np.searchsorted(starts, hours, side="right") - 1, 0, n - 1)
    lost = np.bincount(index, weights=weight * (1.0 - share), minlength=n)
    total = np.bincount(index, weights=weight, minlength=n)
    years = pd.to_datetime(periods["period_on"]).dt.year.to_numpy()
    by_year = {year: (lost[years == year].sum(), total[years == year].sum()) for year in np.unique(years)}
    result = np.ones(n)
    for k in range(n):
        a, b = (lost[k], total[k]) if total[k] > 0 else by_year[years[k]]
        result[k] = 1.0 - a / b if b > 0 else 1.0
    return result


def _day(ordinal: float | None, *, up: bool = False) -> date | None:
    """Return the day of an ordinal with decimals; a finish during a day counts for its end."""
    if ordinal is None or not np.isfinite(ordinal):
        return None
    whole = int(np.ceil(ordinal - 1e-9)) if up else int(np.floor(ordinal + 1e-9))
    return date.min + timedelta(days=whole - 1)


def _must(day: date | None) -> date:
    if day is None:
        raise ValueError("a finite date was expected")
    return day
