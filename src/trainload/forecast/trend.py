"""Record forecasts from a list of dated releases: kernels on arrays that know no scenario.

The main model treats a record as the best of a Poisson stream of releases scattered around a line; the second opinion
is a local linear trend (Kalman filter). Values are log10; times are decimal years. Naive baselines stand beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from trainload.forecast.predictive import FloatArray, Predictive

# Chosen on origins 2018.0-2022.75 only; see the backtest for what they score there and on the frozen hold-out.
WINDOWS_YEARS = (5.0, 8.0, 20.0)
SLOPE_WEIGHT_FRAC = 0.5
RESIDUAL_SHARE_FRAC = 0.65
SPREAD_SHRINK_FRAC = 0.85
RATE_YEARS = 3.0
TRUTH_NOISE_OOM = 0.15
# Beyond what has been scored, growth is damped: each further year counts 0.8 of the one before (judgement, grade C).
SCORED_YEARS = 3.0
DAMPING_PER_YEAR = 0.8
_GRID_REACH_OOM = 5.0
_N_GRID = 420


@dataclass(frozen=True, slots=True)
class Line:
    """A line through one window of releases: level at the origin, slope, scatter, and how uncertain both are."""

    level_oom: float
    slope_oom_per_year: float
    residual_sd_oom: float
    covariance: FloatArray  # of (level, slope)


@dataclass(frozen=True, slots=True)
class RecordModel:
    """A fitted record-of-releases model at one origin."""

    origin_years: float
    record_oom: float
    rate_per_year: float
    lines: tuple[Line, ...]
    residual_share_frac: float = RESIDUAL_SHARE_FRAC
    spread_shrink_frac: float = SPREAD_SHRINK_FRAC


def impute_power(times_years: FloatArray, compute_oom: FloatArray, power_oom: FloatArray) -> FloatArray:
    """Return power with gaps filled by compute less the straight line through log10(FLOP/MW) of the disclosed rows.

    p = c - y(t), y = least squares over rows that disclose power (about +0.30 OOM a year, scatter 0.5). With fewer
    than three such rows nothing is filled.
    """
    disclosed = np.isfinite(power_oom)
    if disclosed.sum() < 3 or np.ptp(times_years[disclosed]) == 0:
        return power_oom.copy()
    y = np.polynomial.Polynomial.fit(times_years[disclosed], (compute_oom - power_oom)[disclosed], 1)
    return np.where(disclosed, power_oom, compute_oom - y(times_years))


def fit_line(
    times_years: FloatArray,
    values_oom: FloatArray,
    *,
    origin_years: float,
    window_years: float,
    slope_weight_frac: float = SLOPE_WEIGHT_FRAC,
) -> Line:
    """Return the line through a window's mean whose slope is the window's, shrunk toward the slope of all rows.

    b = w b_window + (1 - w) b_all; the residual sd is taken around that line (n - 2 degrees of freedom) and the
    covariance of (level, slope) is s^2 (X'X)^-1. A window with fewer than four rows falls back to all rows.

    Raises:
        ValueError: fewer than four rows, or all on one day.
    """
    if len(times_years) < 4 or np.ptp(times_years) == 0:
        raise ValueError("a line needs at least four releases on more than one day")
    inside = times_years > origin_years - window_years
    if inside.sum() < 4 or np.ptp(times_years[inside]) == 0:
        inside = np.ones(len(times_years), dtype=bool)
    x, y = times_years[inside] - origin_years, values_oom[inside]
    slope_all = _slope(times_years, values_oom)
    slope = slope_weight_frac * _slope(x, y) + (1 - slope_weight_frac) * slope_all
    level = y.mean() - slope * x.mean()
    residual = y - level - slope * x
    sd = max(float(np.sqrt(residual @ residual / (len(x) - 2))), 1e-3)
    design = np.column_stack([np.ones_like(x), x])
    covariance = np.asarray(sd * sd * np.linalg.inv(design.T @ design), dtype=float)
    return Line(float(level), float(slope), sd, covariance)


def _slope(x: FloatArray, y: FloatArray) -> float:
    centred = x - x.mean()
    return float(centred @ y / (centred @ centred))


def release_rate_per_year(times_years: FloatArray, origin_years: float) -> float:
    """Return releases a year over the last three years, never below one."""
    return max(1.0, float(np.sum(times_years >= origin_years - RATE_YEARS)) / RATE_YEARS)


def fit_record_model(
    times_years: FloatArray,
    values_oom: FloatArray,
    *,
    origin_years: float,
    record_oom: float,
    rate_per_year: float,
    windows_years: Sequence[float] = WINDOWS_YEARS,
    slope_weight_frac: float = SLOPE_WEIGHT_FRAC,
    residual_share_frac: float = RESIDUAL_SHARE_FRAC,
    spread_shrink_frac: float = SPREAD_SHRINK_FRAC,
) -> RecordModel:
    """Return the model fitted on rows dated before the origin (the caller has removed later ones)."""
    lines = tuple(
        fit_line(
            times_years, values_oom, origin_years=origin_years, window_years=w, slope_weight_frac=slope_weight_frac
        )
        for w in windows_years
    )
    return RecordModel(origin_years, record_oom, rate_per_year, lines, residual_share_frac, spread_shrink_frac)


def damp_horizons(horizons_years: Sequence[float] | FloatArray) -> FloatArray:
    """Return horizons in years of undamped growth: h up to three years, then 3 + (1 - d^(h - 3)) / (-ln d)."""
    h = np.asarray(horizons_years, dtype=float)
    beyond = np.maximum(h - SCORED_YEARS, 0.0)
    return np.asarray(np.minimum(h, SCORED_YEARS) + (1 - DAMPING_PER_YEAR**beyond) / -np.log(DAMPING_PER_YEAR))


def _upper_tail_integral(z: FloatArray) -> FloatArray:
    """Return the integral of 1 - Phi from z to infinity: phi(z) - z (1 - Phi(z))."""
    return np.asarray(np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi) - z * ndtr(-z))


def _mean_exceedance(z_start: FloatArray, drift: FloatArray) -> FloatArray:
    """Return the mean of 1 - Phi(z_start - drift u) over u in (0, 1): the share of releases that beat the mark."""
    small = np.abs(drift) < 1e-5
    safe = np.where(small, 1.0, drift)
    ratio = (_upper_tail_integral(z_start - safe) - _upper_tail_integral(z_start)) / safe
    return np.where(small, ndtr(-z_start), ratio)


_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_NODE_1, _NODE_2 = (n.ravel() for n in np.meshgrid(_NODES, _NODES))
_NODE_WEIGHT = np.outer(_WEIGHTS, _WEIGHTS).ravel() / _WEIGHTS.sum() ** 2


def _best_release_cdf(model: RecordModel, horizon_years: float, x_oom: FloatArray) -> FloatArray:
    """Return P(best release within the horizon <= x), pooled over windows; no floor, no shrink.

    P = mean over lines of E_(a,b) exp(-L h mean_u SF((x - a - b u)/(f s))), u uniform on (0, h): the number of
    releases above x is Poisson. The expectation over (level, slope) is a 7 x 7 Gauss-Hermite rule.
    """
    total = np.zeros_like(x_oom)
    for line in model.lines:
        root = np.linalg.cholesky(line.covariance)
        level = line.level_oom + root[0, 0] * _NODE_1
        slope = line.slope_oom_per_year + root[1, 0] * _NODE_1 + root[1, 1] * _NODE_2
        sd = model.residual_share_frac * line.residual_sd_oom
        beaten = _mean_exceedance((x_oom[:, None] - level) / sd, slope * horizon_years / sd)
        total += np.exp(-model.rate_per_year * horizon_years * beaten) @ _NODE_WEIGHT
    return total / len(model.lines)


def median_best_release_oom(model: RecordModel, horizon_years: float) -> float:
    """Return the median of the best release within the horizon, not below the present record."""
    x = np.linspace(model.record_oom - 1.0, model.record_oom + _GRID_REACH_OOM, _N_GRID)
    cdf = np.maximum.accumulate(_best_release_cdf(model, horizon_years, x))
    return max(model.record_oom, float(np.interp(0.5, cdf, x)))


def predict_record(model: RecordModel, horizon_years: float, *, noise_oom: float = TRUTH_NOISE_OOM) -> Predictive:
    """Return the distribution of the record at origin + horizon, in log10.

    The best release's quantiles are drawn to 0.85 of their distance from the median, floored at the present record
    (which keeps an atom: nothing new), then blurred by what estimates of the truth are later revised by. Quantiles
    never fall as the horizon grows.

    Raises:
        ValueError: horizon not positive.
    """
    if horizon_years <= 0:
        raise ValueError("horizon_years must be positive")
    median = median_best_release_oom(model, horizon_years)
    grid = np.linspace(model.record_oom, model.record_oom + _GRID_REACH_OOM, _N_GRID)
    cdf = np.maximum.accumulate(
        _best_release_cdf(model, horizon_years, median + (grid - median) / model.spread_shrink_frac)
    )
    cdf = np.clip(cdf, 0.0, 1.0)
    cdf[-1] = 1.0
    return Predictive(grid, cdf).blurred(noise_oom)


def draw_records(
    model: RecordModel,
    horizons_years: Sequence[float],
    *,
    line_uniform: FloatArray,
    line_normals: FloatArray,
    step_uniforms: FloatArray,
) -> FloatArray:
    """Return record paths, log10, shape (n draws, n horizons); each row never falls, each column has the closed form.

    A draw keeps one line (window, level, slope) for its whole path. Inputs are uniforms and normals so that the caller
    can couple targets; the truth's noise is the caller's to add.

    Args:
        model: the fitted model.
        horizons_years: increasing, positive.
        line_uniform: (n,) picks the window.
        line_normals: (n, 2) standard normals for level and slope.
        step_uniforms: (n, n horizons) in (0, 1): large is a high best release.
    """
    level, slope, sd = _draw_lines(model, line_uniform, line_normals)
    knots = np.r_[0.0, np.asarray(horizons_years, dtype=float)]
    best = draw_best_releases(
        level[:, None] + slope[:, None] * knots,
        np.diff(knots),
        sd_oom=model.residual_share_frac * sd,
        rate_per_year=model.rate_per_year,
        step_uniforms=step_uniforms,
    )
    medians = np.array([median_best_release_oom(model, horizon) for horizon in horizons_years])
    return np.asarray(np.maximum(medians + model.spread_shrink_frac * (best - medians), model.record_oom))


def draw_new_release(
    model: RecordModel,
    horizons_years: Sequence[float],
    *,
    line_uniform: FloatArray,
    line_normals: FloatArray,
    scatter_normals: FloatArray,
) -> FloatArray:
    """Return the size of a new frontier release at each horizon, log10, (n, k): the line with its full scatter.

    The record draws releases at 0.65 of the scatter, because they are not independent; a single one has all of it.
    """
    level, slope, sd = _draw_lines(model, line_uniform, line_normals)
    return np.asarray(level[:, None] + slope[:, None] * np.asarray(horizons_years) + sd[:, None] * scatter_normals)


def _draw_lines(
    model: RecordModel, line_uniform: FloatArray, line_normals: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return level, slope and full scatter of each draw's line."""
    pick = np.minimum((line_uniform * len(model.lines)).astype(int), len(model.lines) - 1)
    roots = np.array([np.linalg.cholesky(line.covariance) for line in model.lines])
    level = np.array([line.level_oom for line in model.lines])[pick] + roots[pick, 0, 0] * line_normals[:, 0]
    slope = (
        np.array([line.slope_oom_per_year for line in model.lines])[pick]
        + roots[pick, 1, 0] * line_normals[:, 0]
        + roots[pick, 1, 1] * line_normals[:, 1]
    )
    return level, slope, np.array([line.residual_sd_oom for line in model.lines])[pick]


def draw_best_releases(
    level_oom: FloatArray,
    lengths_years: FloatArray,
    *,
    sd_oom: FloatArray,
    rate_per_year: float,
    step_uniforms: FloatArray,
) -> FloatArray:
    """Return the best release so far at the end of each step, (n, k); minus infinity before the first release.

    Releases come at `rate_per_year`, scattered by `sd_oom` around a level that is linear within each step from
    ``level_oom[:, j]`` to ``level_oom[:, j + 1]``; a step's best inverts exp(-L dt m(x)) = v.
    """
    best = np.empty_like(step_uniforms)
    so_far = np.full(len(step_uniforms), -np.inf)
    for k, length in enumerate(lengths_years):
        drift = (level_oom[:, k + 1] - level_oom[:, k]) / sd_oom
        share = -np.log(step_uniforms[:, k]) / (rate_per_year * length)
        so_far = np.maximum(so_far, level_oom[:, k] + sd_oom * _invert_mean_exceedance(share, drift))
        best[:, k] = so_far
    return best


# The inverse is tabulated on even grids: drift, and ln(-ln share), which spreads both ends of the share.
_DRIFT_FROM, _DRIFT_STEP, _N_DRIFTS = -8.0, 0.25, 193
_DEPTH_FROM, _DEPTH_STEP, _N_DEPTHS = -9.2, 0.03, 408


@cache
def _table_of_inverse() -> FloatArray:
    """Return z_start - drift at which the mean exceedance is the share: rows of ln(-ln share), columns of drift."""
    log_share = -np.exp(_DEPTH_FROM + _DEPTH_STEP * np.arange(_N_DEPTHS))
    table = np.empty((_N_DEPTHS, _N_DRIFTS))
    for j in range(_N_DRIFTS):
        drift = _DRIFT_FROM + _DRIFT_STEP * j
        z = np.linspace(-9.0, 7.0, 1600) + max(drift, 0.0)
        z = np.r_[np.linspace(-9.0, z[0], 800, endpoint=False), z] if drift > 0 else z + drift
        tail = np.log(np.maximum(_mean_exceedance(z, np.full_like(z, drift)), 1e-300))
        order = np.argsort(tail, kind="stable")
        table[:, j] = np.interp(log_share, tail[order], z[order]) - drift
    return table


def _invert_mean_exceedance(share: FloatArray, drift: FloatArray) -> FloatArray:
    """Return z with mean exceedance equal to `share`; minus infinity where `share` > 1 (no release at all).

    Read bilinearly from a table made once: off by 0.0002 standard deviations at the median, 0.03 at most.
    """
    log_share = np.log(np.maximum(share, 1e-300))
    none = log_share >= 0
    depth = np.log(np.where(none, 1.0, -log_share))
    i, u = _place(depth, _DEPTH_FROM, _DEPTH_STEP, _N_DEPTHS)
    j, v = _place(drift, _DRIFT_FROM, _DRIFT_STEP, _N_DRIFTS)
    table = _table_of_inverse()
    low = (1 - v) * table[i, j] + v * table[i, j + 1]
    high = (1 - v) * table[i + 1, j] + v * table[i + 1, j + 1]
    return np.where(none, -np.inf, (1 - u) * low + u * high + drift)


def _place(values: FloatArray, start: float, step: float, n: int) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Return the interval of an even grid that each value lies in and its share of the way through, ends included."""
    at = np.clip((values - start) / step, 0.0, n - 1.0)
    index = np.minimum(at.astype(np.intp), n - 2)
    return index, at - index
