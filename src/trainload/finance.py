"""Annuities, present values, salvage and levelised cost in constant money: plain arithmetic on rates and years.

Convention: a real annual rate r, time in years from the plan's first day, capital paid when it is due, annuities at
the end of each year in service. Fractions of a year are allowed everywhere.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Milestones = Sequence[tuple[float, float]]


def discount(years: ArrayLike, rate_frac: float) -> Floats:
    """Return the present value of 1 paid after `years`: (1 + r)^-years.

    Raises:
        ValueError: the rate is not above -1.
    """
    _require_rate(rate_frac)
    return np.asarray((1.0 + rate_frac) ** -np.asarray(years, dtype=np.float64))


def discount_span(start_years: ArrayLike, end_years: ArrayLike, rate_frac: float) -> Floats:
    """Return the mean present value of 1 spread evenly from `start_years` to `end_years`.

    The mean of (1 + r)^-t: ((1 + r)^-a - (1 + r)^-b) / ((b - a) ln(1 + r)); at r = 0 it is 1, for b = a the value at a.

    Raises:
        ValueError: a span ends before it starts, or the rate is not above -1.
    """
    _require_rate(rate_frac)
    start = np.asarray(start_years, dtype=np.float64)
    width = np.asarray(end_years, dtype=np.float64) - start
    if np.any(width < 0):
        raise ValueError("a span ends before it starts")
    x = width * np.log1p(rate_frac)
    mean = np.where(np.abs(x) < 1e-9, 1.0, -np.expm1(-x) / np.where(np.abs(x) < 1e-9, 1.0, x))
    return np.asarray(discount(start, rate_frac) * mean)


def value_annuity(years: ArrayLike, rate_frac: float) -> Floats:
    """Return the present value of 1 a year, paid at the end of each of `years` years: (1 - (1 + r)^-n) / r; n at r = 0.

    Raises:
        ValueError: negative years, or a rate not above -1.
    """
    _require_rate(rate_frac)
    n = np.asarray(years, dtype=np.float64)
    if np.any(n < 0):
        raise ValueError(f"years must be >= 0, got {n}")
    if abs(rate_frac) < 1e-12:  # the limit; below it the quotient loses its digits
        return n
    return np.asarray(-np.expm1(-n * np.log1p(rate_frac)) / rate_frac)


def annuity_rate(life_years: float, rate_frac: float) -> float:
    """Return the yearly payment that repays 1 with interest over the life (capital recovery factor).

    r / (1 - (1 + r)^-L).

    Raises:
        ValueError: the life is not positive, or the rate not above -1.
    """
    if life_years <= 0:
        raise ValueError(f"life_years must be > 0, got {life_years}")
    return 1.0 / float(value_annuity(life_years, rate_frac))


def value_salvage(service_years: ArrayLike, life_years: float, *, horizon_years: float, rate_frac: float) -> Floats:
    """Return the present value of the annuities that 1 of capital still earns after the horizon.

    An asset in service from `service_years` (s) to s + L has, at h = max(horizon, s), n = max(0, s + L - h) years left:
    annuity_rate(L) * value_annuity(n) * (1 + r)^-h. So the capital less its salvage is the present value of the
    annuities inside the horizon, whatever the asset's life; an asset that arrives after the horizon keeps all value.
    """
    s = np.asarray(service_years, dtype=np.float64)
    h = np.maximum(horizon_years, s)
    left = np.maximum(0.0, s + life_years - h)
    return np.asarray(annuity_rate(life_years, rate_frac) * value_annuity(left, rate_frac) * discount(h, rate_frac))


def value_milestones(milestones: Milestones, *, order_years: float, lead_years: float, rate_frac: float) -> float:
    """Return the present value of 1 of capital paid in shares along the time from order to arrival.

    Args:
        milestones: (share of the capital, share of the lead time after the order at which it is paid).
        order_years: time of the order from the plan's first day; may be negative for money already due.
        lead_years: from order to arrival.
        rate_frac: real rate.

    Raises:
        ValueError: the shares don't sum to 1.
    """
    require_milestones(milestones)
    return sum(float(discount(order_years + when * lead_years, rate_frac)) * share for share, when in milestones)


def require_milestones(milestones: Milestones) -> None:
    """Raise ValueError unless shares are in [0, 1], sum to 1, and fall due between order and arrival."""
    shares = [share for share, _ in milestones]
    if abs(sum(shares) - 1.0) > 1e-9 or any(not 0 <= share <= 1 for share in shares):
        raise ValueError(f"shares of capital must be in [0, 1] and sum to 1, got {shares}")
    if any(not 0 <= when <= 1 for _, when in milestones):
        raise ValueError(f"milestones must fall between order (0) and arrival (1), got {[w for _, w in milestones]}")


def levelise_cost(
    capital: float, yearly: float, *, yearly_output: float, per_output: float, life_years: float, rate_frac: float
) -> float:
    """Return the constant price per unit of output that pays for an asset: (K * annuity_rate + F) / Q + v.

    Args:
        capital: paid on the day service starts.
        yearly: fixed cost a year.
        yearly_output: output a year.
        per_output: cost of one unit of output.
        life_years: life of the asset.
        rate_frac: real rate.

    Returns:
        The price; infinite where there is no output.
    """
    if yearly_output <= 0:
        return float("inf")
    return (capital * annuity_rate(life_years, rate_frac) + yearly) / yearly_output + per_output


def levelise_flows(cost: ArrayLike, output: ArrayLike, *, years: ArrayLike, rate_frac: float) -> float:
    """Return the present value of costs over the present value of outputs, both at the same times.

    Raises:
        ValueError: the arrays differ in shape, or there is no output.
    """
    c, q, t = (np.asarray(x, dtype=np.float64) for x in (cost, output, years))
    if not c.shape == q.shape == t.shape:
        raise ValueError(f"cost, output and years must have one shape, got {c.shape}, {q.shape}, {t.shape}")
    factor = discount(t, rate_frac)
    present_output = float(np.sum(q * factor))
    if present_output <= 0:
        raise ValueError("no output to level the cost over")
    return float(np.sum(c * factor)) / present_output


def _require_rate(rate_frac: float) -> None:
    if not rate_frac > -1:
        raise ValueError(f"rate_frac must be > -1, got {rate_frac}")
