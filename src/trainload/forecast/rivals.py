"""Rivals of the record model: a local linear trend as second opinion, and the naive baselines beside every score.

Kernels on arrays: values are log10, times decimal years, rows dated before the origin only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainload.forecast.predictive import FloatArray, Predictive, point_predictive, pool_predictives, sample_predictive
from trainload.forecast.trend import (
    RESIDUAL_SHARE_FRAC,
    draw_best_releases,
    fit_record_model,
    predict_record,
    release_rate_per_year,
)

# Standard deviations a year (square root of year for the first two) over which the local trend is averaged.
_LEVEL_NOISE = (0.0, 0.1, 0.2, 0.4)
_SLOPE_NOISE = (0.02, 0.06, 0.12, 0.25)
_SCATTER = (0.3, 0.45, 0.6, 0.8)
# A release record is known from the first rank-1 row of the catalogue on: ranks there count earlier rows as well.
FIRST_RECORD_YEARS = 2013.0


@dataclass(frozen=True, slots=True)
class LocalTrend:
    """A filtered local linear trend at one origin, averaged over noise settings by their likelihood.

    Attributes:
        weight_frac: (m,) posterior weight of each setting.
        mean: (m, 2) filtered level and slope at the origin.
        covariance: (m, 2, 2) of them.
        level_noise_oom: (m,) random walk of the level, per square root of a year.
        slope_noise_oom: (m,) random walk of the slope.
        scatter_oom: (m,) scatter of a release around the level.
        record_oom: present record.
        rate_per_year: releases a year.
    """

    weight_frac: FloatArray
    mean: FloatArray
    covariance: FloatArray
    level_noise_oom: FloatArray
    slope_noise_oom: FloatArray
    scatter_oom: FloatArray
    record_oom: float
    rate_per_year: float


def fit_local_trend(
    times_years: FloatArray,
    values_oom: FloatArray,
    *,
    origin_years: float,
    record_oom: float,
    rate_per_year: float,
) -> LocalTrend:
    """Return the Kalman-filtered local linear trend of irregularly dated releases.

    level' = level + slope dt + N(0, q1^2 dt), slope' = slope + N(0, q2^2 dt), value = level + N(0, r^2); 64 settings
    of (q1, q2, r) run side by side and are weighted by their likelihood. Source: Harvey (1989), Forecasting,
    Structural Time Series Models and the Kalman Filter, ch. 2 and 3.
    """
    q1, q2, r = (g.ravel() for g in np.meshgrid(_LEVEL_NOISE, _SLOPE_NOISE, _SCATTER, indexing="ij"))
    m = len(r)
    order = np.argsort(times_years, kind="stable")
    times, values = times_years[order], values_oom[order]
    mean = np.tile([values[0], 0.5], (m, 1))
    covariance = np.tile(np.diag([4.0, 0.5**2]), (m, 1, 1))
    log_likelihood = np.zeros(m)
    now = times[0]
    for time, value in zip(times, values, strict=True):
        mean, covariance = _advance(mean, covariance, time - now, q1, q2)
        now = time
        spread = covariance[:, 0, 0] + r * r
        miss = value - mean[:, 0]
        log_likelihood -= 0.5 * (np.log(spread) + miss * miss / spread)
        gain = covariance[:, :, 0] / spread[:, None]
        mean = mean + gain * miss[:, None]
        covariance = covariance - gain[:, :, None] * covariance[:, None, 0, :]
    mean, covariance = _advance(mean, covariance, origin_years - now, q1, q2)
    weight = np.exp(log_likelihood - log_likelihood.max())
    return LocalTrend(weight / weight.sum(), mean, covariance, q1, q2, r, record_oom, rate_per_year)


def _advance(
    mean: FloatArray, covariance: FloatArray, dt_years: float, q1: FloatArray, q2: FloatArray
) -> tuple[FloatArray, FloatArray]:
    step = np.array([[1.0, dt_years], [0.0, 1.0]])
    grown = step @ covariance @ step.T
    grown[:, 0, 0] += q1 * q1 * dt_years + q2 * q2 * dt_years**3 / 3
    grown[:, 0, 1] += q2 * q2 * dt_years**2 / 2
    grown[:, 1, 0] += q2 * q2 * dt_years**2 / 2
    grown[:, 1, 1] += q2 * q2 * dt_years
    return mean @ step.T, grown


def draw_local_trend(
    model: LocalTrend,
    horizons_years: Sequence[float],
    *,
    setting_uniform: FloatArray,
    state_normals: FloatArray,
    walk_normals: FloatArray,
    step_uniforms: FloatArray,
) -> FloatArray:
    """Return record paths of the local trend, log10, (n, k); each row never falls.

    The level walks from horizon to horizon; the record is the best of Poisson releases around it, at 0.65 of their
    scatter as in the main model (independent draws at full scatter over-forecast records).

    Args:
        model: the filtered trend.
        horizons_years: increasing, positive.
        setting_uniform: (n,) picks the noise setting.
        state_normals: (n, 2) for level and slope at the origin.
        walk_normals: (n, k, 2) for the walks of each step.
        step_uniforms: (n, k) for the best release of each step.
    """
    pick = np.minimum(
        np.searchsorted(np.cumsum(model.weight_frac), setting_uniform, side="right"), len(model.weight_frac) - 1
    )
    roots = np.linalg.cholesky(model.covariance + 1e-12 * np.eye(2))[pick]
    level = model.mean[pick, 0] + roots[:, 0, 0] * state_normals[:, 0]
    slope = model.mean[pick, 1] + roots[:, 1, 0] * state_normals[:, 0] + roots[:, 1, 1] * state_normals[:, 1]
    q1, q2 = model.level_noise_oom[pick], model.slope_noise_oom[pick]
    lengths = np.diff(np.r_[0.0, np.asarray(horizons_years, dtype=float)])
    levels = [level]
    for k, dt in enumerate(lengths):
        turn = q2 * np.sqrt(dt) * walk_normals[:, k, 1]
        # the slope's walk moves the level by half its end value on average
        level = level + (slope + turn / 2) * dt + q1 * np.sqrt(dt) * walk_normals[:, k, 0]
        slope = slope + turn
        levels.append(level)
    best = draw_best_releases(
        np.column_stack(levels),
        lengths,
        sd_oom=RESIDUAL_SHARE_FRAC * model.scatter_oom[pick],
        rate_per_year=model.rate_per_year,
        step_uniforms=step_uniforms,
    )
    return np.maximum(best, model.record_oom)


def forecast_persistence(record_oom: float) -> Predictive:
    """Return the present record, for certain."""
    return point_predictive(record_oom)


def forecast_random_walk(
    times_years: FloatArray, values_oom: FloatArray, *, origin_years: float, horizon_years: float
) -> Predictive:
    """Return the present record plus the increments over the same horizon seen in the last eight years.

    Increments are taken at quarterly starts, from 2013 on, that end before the origin.
    """
    record = float(values_oom.max())
    first = max(origin_years - 8, FIRST_RECORD_YEARS)
    starts = np.arange(first, origin_years - horizon_years + 1e-9, 0.25)
    known = [s for s in starts if np.any(times_years < s)]
    if not known:
        return point_predictive(record)
    increments = [values_oom[times_years < s + horizon_years].max() - values_oom[times_years < s].max() for s in known]
    return sample_predictive(record + np.array(increments))


def forecast_ols(
    times_years: FloatArray,
    values_oom: FloatArray,
    *,
    origin_years: float,
    horizon_years: float,
    window_years: float,
) -> Predictive:
    """Return the field's standard: a log-linear trend through the ten largest, coming releases scattered around it.

    The record is the best of the releases expected in the horizon, each an independent draw at the full residual
    scatter, with the uncertainty of level and slope.
    """
    keep = _ten_largest(times_years, values_oom)
    times, values = times_years[keep], values_oom[keep]
    if len(times) < 4 or np.ptp(times) == 0:
        return point_predictive(float(values_oom.max()))
    model = fit_record_model(
        times,
        values,
        origin_years=origin_years,
        record_oom=float(values_oom.max()),
        rate_per_year=release_rate_per_year(times, origin_years),
        windows_years=(window_years,),
        slope_weight_frac=1.0,
        residual_share_frac=1.0,
        spread_shrink_frac=1.0,
    )
    return predict_record(model, horizon_years, noise_oom=0.0)


def _ten_largest(times_years: FloatArray, values_oom: FloatArray) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Return which rows were among the ten largest at their release."""
    order = np.argsort(times_years, kind="stable")
    keep = np.zeros(len(values_oom), dtype=bool)
    for k, index in enumerate(order):
        keep[index] = np.sum(values_oom[order[:k]] > values_oom[index]) < 10
    return keep


def forecast_baselines(
    times_years: FloatArray, values_oom: FloatArray, *, origin_years: float, horizon_years: float
) -> dict[str, Predictive]:
    """Return every naive baseline: persistence, random_walk, ols_2010, ols_5, and mix (random walk with ols_5).

    Args:
        times_years: dates of disclosed rows before the origin, from 2010 on.
        values_oom: their values.
        origin_years: the origin.
        horizon_years: how far ahead.
    """
    walk = forecast_random_walk(times_years, values_oom, origin_years=origin_years, horizon_years=horizon_years)
    recent, long = (
        forecast_ols(
            times_years, values_oom, origin_years=origin_years, horizon_years=horizon_years, window_years=window
        )
        for window in (5.0, 100.0)
    )
    return {
        "persistence": forecast_persistence(float(values_oom.max())),
        "random_walk": walk,
        "ols_2010": long,
        "ols_5": recent,
        "mix": pool_predictives([walk, recent]),
    }
