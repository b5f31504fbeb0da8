"""A predictive distribution on a grid, in orders of magnitude, and the proper scores that judge it.

Everything here is arithmetic on log10 values; nothing knows whether they are FLOP or MW.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Predictive:
    """A cumulative distribution: piecewise linear between grid points, with an atom of ``cdf[0]`` at ``grid_oom[0]``.

    Attributes:
        grid_oom: strictly increasing log10 values; the distribution has no mass outside.
        cdf: P(X <= grid point), non-decreasing, ending at 1.
    """

    grid_oom: FloatArray
    cdf: FloatArray

    def __post_init__(self) -> None:
        if self.grid_oom.shape != self.cdf.shape or self.grid_oom.size < 2:
            raise ValueError("grid and cdf must be equally long and hold two points or more")
        if np.any(np.diff(self.grid_oom) <= 0) or np.any(np.diff(self.cdf) < 0) or self.cdf[0] < 0:
            raise ValueError("grid must increase and cdf must not fall")
        if abs(self.cdf[-1] - 1) > 1e-12:
            raise ValueError("cdf must end at 1")

    def quantile_oom(self, levels: Sequence[float] | FloatArray) -> FloatArray:
        """Return the smallest value whose cumulative probability reaches each level."""
        wanted = np.asarray(levels, dtype=float)
        keep = np.r_[True, np.diff(self.cdf) > 0]
        return np.asarray(np.interp(wanted, self.cdf[keep], self.grid_oom[keep]))

    def probability_at_least(self, value_oom: float) -> float:
        """Return P(X >= value); the atom counts as reached."""
        if value_oom <= self.grid_oom[0]:
            return 1.0
        return float(1 - np.interp(value_oom, self.grid_oom, self.cdf))

    def probability_at_most(self, value_oom: float) -> float:
        """Return P(X <= value)."""
        if value_oom < self.grid_oom[0]:
            return 0.0
        return float(np.interp(value_oom, self.grid_oom, self.cdf))

    def blurred(self, sd_oom: float) -> "Predictive":
        r"""Return the distribution of X + N(0, sd^2), exactly.

        With K(z) = z Phi(z) + phi(z), the integral of Phi, a linear piece of slope m from g to g' contributes
        m sd (K((x - g)/sd) - K((x - g')/sd)) and the atom c Phi((x - g0)/sd).
        """
        if sd_oom == 0:
            return self
        reach = 5 * sd_oom
        step = min(0.02, sd_oom / 5)
        low, high = self.grid_oom[0] - reach, self.grid_oom[-1] + reach
        x = np.linspace(low, high, int(np.ceil((high - low) / step)) + 1)
        slope = np.diff(self.cdf) / np.diff(self.grid_oom)
        kink = np.r_[slope, 0.0] - np.r_[0.0, slope]
        z = (x[:, None] - self.grid_oom) / sd_oom
        phi = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
        below = ndtr(z)
        cdf = sd_oom * ((z * below + phi) @ kink) + self.cdf[0] * below[:, 0]
        cdf = np.maximum.accumulate(np.clip(cdf, 0.0, 1.0))
        cdf[-1] = 1.0
        return Predictive(x, cdf)


def point_predictive(value_oom: float) -> Predictive:
    """Return all mass at one value."""
    return Predictive(np.array([value_oom, value_oom + 1e-9]), np.array([1.0, 1.0]))


def sample_predictive(values_oom: FloatArray, *, width_oom: float = 1e-6) -> Predictive:
    """Return equal mass at each value (steps drawn as ramps of ``width_oom``)."""
    values, counts = np.unique(np.asarray(values_oom, dtype=float), return_counts=True)
    share = np.cumsum(counts) / counts.sum()
    grid, cdf = [values[0]], [share[0]]
    for value, before, after in zip(values[1:], share[:-1], share[1:], strict=True):
        if value - width_oom > grid[-1]:
            grid.append(value - width_oom)
            cdf.append(before)
        grid.append(value)
        cdf.append(after)
    grid.append(grid[-1] + width_oom)
    cdf.append(1.0)
    final = np.asarray(cdf)
    final[-2:] = 1.0
    return Predictive(np.asarray(grid), final)


def draws_predictive(values_oom: FloatArray, *, n_points: int = 512) -> Predictive:
    """Return the distribution of many draws, read at `n_points` evenly spaced probabilities."""
    levels = (np.arange(n_points) + 0.5) / n_points
    ordered = np.sort(values_oom)
    place = np.arange(len(ordered)) / max(len(ordered) - 1, 1)
    grid, first = np.unique(np.interp(levels, place, ordered), return_index=True)
    if len(grid) < 2:
        return point_predictive(float(grid[0]))
    # a value that holds several levels is an atom: it reaches the last of them
    last = np.r_[first[1:] - 1, n_points - 1]
    cdf = levels[last]
    cdf[0] = levels[last[0]] if last[0] > 0 else 0.0
    cdf[-1] = 1.0
    return Predictive(grid, cdf)


def column_quantiles(values: FloatArray, levels: Sequence[float]) -> FloatArray:
    """Return each column's quantiles, (levels, columns), linear between order statistics as numpy's default.

    Sorting contiguous columns is ten times as fast as `numpy.quantile` down the rows of a wide table of draws.
    """
    ordered = np.sort(np.ascontiguousarray(values.T), axis=1)
    at = np.asarray(levels, dtype=float) * (ordered.shape[1] - 1)
    left = np.minimum(at.astype(np.intp), max(ordered.shape[1] - 2, 0))
    right = np.minimum(left + 1, ordered.shape[1] - 1)
    share = at - left
    low, high = ordered[:, left], ordered[:, right]
    # between minus infinity ("nothing yet") and a number there is no middle: the lower one stands
    both = np.isfinite(low) & np.isfinite(high)
    step = np.subtract(high, low, out=np.zeros_like(low), where=both)
    return np.asarray(np.where(both | (share < 1), low + share * step, high).T)


def pool_predictives(parts: Sequence[Predictive]) -> Predictive:
    """Return the equal-weight mixture (linear pool) of the parts."""
    grid = np.unique(np.concatenate([part.grid_oom for part in parts]))
    # an atom must not become a ramp that starts at the grid point before it
    starts = np.array([part.grid_oom[0] for part in parts if part.cdf[0] > 0])
    grid = np.unique(np.r_[grid, starts - 1e-9])
    cdf = np.mean([np.interp(grid, p.grid_oom, p.cdf, left=0.0, right=1.0) for p in parts], axis=0)
    cdf[-1] = 1.0
    return Predictive(grid, np.maximum.accumulate(cdf))


def score_crps(forecast: Predictive, truth_oom: float) -> float:
    """Return the continuous ranked probability score, the integral of (F(x) - 1[x >= truth])^2, in the grid's unit.

    Exact for the piecewise-linear F. Source: Gneiting and Raftery (2007), doi:10.1198/016214506000001437.
    """
    grid, cdf = forecast.grid_oom, forecast.cdf
    outside = max(grid[0] - truth_oom, 0.0) + max(truth_oom - grid[-1], 0.0)
    inside = min(max(truth_oom, float(grid[0])), float(grid[-1]))
    points = np.union1d(grid, [inside])
    values = np.interp(points, grid, cdf)
    step = (points[:-1] >= inside).astype(float)
    left, right = values[:-1] - step, values[1:] - step
    return float(outside + np.sum(np.diff(points) * (left * left + left * right + right * right)) / 3)


def score_pinball(quantile_oom: float, truth_oom: float, level: float) -> float:
    """Return the quantile loss max(level (y - q), (level - 1)(y - q))."""
    miss = truth_oom - quantile_oom
    return float(max(level * miss, (level - 1) * miss))


def score_coverage(forecast: Predictive, truth_oom: float, width_frac: float) -> float:
    """Return 1 where the truth lies in the central interval, 0 where not, and the fair share where it lies in an atom.

    The truth's probability integral transform is the interval [F(y-), F(y)]; an atom makes it wide. Counting the part
    of it inside the central levels keeps "the record stood still" from passing as a hit of any interval.
    """
    low, high = (1 - width_frac) / 2, (1 + width_frac) / 2
    upper = forecast.probability_at_most(truth_oom)
    lower = 1 - forecast.probability_at_least(truth_oom)
    if upper - lower < 1e-9:
        return float(low <= upper <= high)
    return float(max(min(upper, high) - max(lower, low), 0.0) / (upper - lower))


def score_brier(probability: float, happened: bool) -> float:
    """Return (p - outcome)^2."""
    return float((probability - float(happened)) ** 2)
