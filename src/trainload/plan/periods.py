"""The calendar of a plan: capacity periods (months, then quarters), plan years, and dates between them."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from trainload.units import DAYS_PER_MONTH


@dataclass(frozen=True, slots=True)
class Period:
    """A capacity period: power arrives on its first day; hours are counted from the plan's first hour.

    Attributes:
        year: plan year from 1, counted from the first order date.
        first_hour, end_hour: its hours are ``range(first_hour, end_hour)``.
    """

    index: int
    starts_on: date
    ends_on: date
    year: int
    first_hour: int
    end_hour: int

    @property
    def n_hours(self) -> int:
        return self.end_hour - self.first_hour

    @property
    def n_months(self) -> int:
        return (self.ends_on.year - self.starts_on.year) * 12 + self.ends_on.month - self.starts_on.month


def add_months(day: date, n_months: int) -> date:
    """Return the same day of the month `n_months` later, or the month's last day where there is none."""
    month = day.month - 1 + n_months
    year, month = day.year + month // 12, month % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(day.day, last))


def shift_months(day: date, months: float) -> date:
    """Return the day `months` later (earlier if negative): whole calendar months, then the rest in days, rounded up."""
    whole = int(np.floor(months + 1e-9))
    rest = max(months - whole, 0.0)
    return add_months(day, whole) + timedelta(days=int(np.ceil(rest * DAYS_PER_MONTH - 1e-6)))


def latest_order(arrives_on: date, lead_months: float) -> date:
    """Return the last day on which an order still arrives by `arrives_on`: `shift_months` inverted, rounded down."""
    order_on = add_months(arrives_on, -int(np.ceil(lead_months)))
    while shift_months(order_on + timedelta(days=1), lead_months) <= arrives_on:
        order_on += timedelta(days=1)
    while shift_months(order_on, lead_months) > arrives_on:
        order_on -= timedelta(days=1)
    return order_on


def make_periods(starts_on: date, *, horizon_years: int, monthly_years: int) -> tuple[Period, ...]:
    """Return months for the first `monthly_years` and quarters after them, over the whole horizon."""
    edges = [0]
    while edges[-1] < 12 * horizon_years:
        edges.append(min(edges[-1] + (1 if edges[-1] < 12 * monthly_years else 3), 12 * horizon_years))
    days = [add_months(starts_on, months) for months in edges]
    return tuple(
        Period(
            index=i,
            starts_on=days[i],
            ends_on=days[i + 1],
            year=edges[i] // 12 + 1,
            first_hour=(days[i] - starts_on).days * 24,
            end_hour=(days[i + 1] - starts_on).days * 24,
        )
        for i in range(len(days) - 1)
    )


def find_period(periods: Sequence[Period], day: date) -> int:
    """Return the index of the first period that starts on or after `day`; ``len(periods)`` if there is none."""
    return bisect_left(periods, day, key=lambda period: period.starts_on)


def present_factor(first: date, day: date, wacc_frac: float) -> float:
    """Return what one dollar on `day` is worth on `first`, at a yearly real rate."""
    return float((1.0 + wacc_frac) ** (-(day - first).days / 365.25))


def present_factors(first: date, periods: Sequence[Period], wacc_frac: float) -> NDArray[np.float64]:
    """Return the present value of one dollar spent evenly over each period (its midpoint)."""
    return np.array(
        [present_factor(first, p.starts_on + timedelta(days=p.n_hours / 48), wacc_frac) for p in periods], dtype=float
    )
