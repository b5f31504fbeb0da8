"""The largest AI campus: a short series of its own, what is announced, and what its developers have seen slip.

Kernels on arrays; values are log10 of facility MW, times decimal years.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, stdtrit

from trainload.chance import sample_three_point
from trainload.forecast.predictive import FloatArray
from trainload.forecast.trend import SCORED_YEARS, damp_horizons

# Slip of an announced campus, months (grade C, after the deals table: several slipped by five months and more).
SLIP_P10_MONTHS, SLIP_P50_MONTHS, SLIP_P90_MONTHS = 0.5, 4.0, 14.0
# Delivered against announced size, and what nobody announced: orders of magnitude at once and a year (grade C).
PIPELINE_SD_OOM, PIPELINE_SD_OOM_PER_YEAR = 0.05, 0.05
# Beyond the last announcement growth lies between that of the announcements and that of past records (grade C).
FAR_TREND_WEIGHT_FRAC = 0.5
# Shrinkage of the short campus series' slope toward that of record runs.
SLOPE_WEIGHT_FRAC = 0.5


@dataclass(frozen=True, slots=True)
class CampusModel:
    """A line through record campuses, and the announced ones.

    Attributes:
        record_oom: largest operating campus at the origin.
        level_oom: line at the origin.
        slope_oom_per_year: its slope, shrunk.
        residual_sd_oom: scatter of records around it.
        covariance: of (level, slope).
        n_records: rows that the line rests on.
        planned_oom: announced sizes above the record.
        planned_in_years: when they are due, from the origin.
    """

    record_oom: float
    level_oom: float
    slope_oom_per_year: float
    residual_sd_oom: float
    covariance: FloatArray
    n_records: int
    planned_oom: FloatArray
    planned_in_years: FloatArray


def fit_campus_model(
    times_years: FloatArray,
    values_oom: FloatArray,
    *,
    origin_years: float,
    run_slope_oom_per_year: float,
    planned_times_years: FloatArray | None = None,
    planned_oom: FloatArray | None = None,
) -> CampusModel:
    """Return the line through campuses that were the largest when their state was seen.

    b = (b_campus + b_run) / 2: the series is short, and a campus exists to hold runs.

    Raises:
        ValueError: fewer than four records.
    """
    order = np.argsort(times_years, kind="stable")
    times, values = times_years[order], values_oom[order]
    is_record = values > np.r_[-np.inf, np.maximum.accumulate(values)[:-1]]
    times, values = times[is_record], values[is_record]
    if len(values) < 4:
        raise ValueError(f"a campus trend needs four records or more, got {len(values)}")
    x = times - origin_years
    centred = x - x.mean()
    slope = float(centred @ values / (centred @ centred))
    slope = SLOPE_WEIGHT_FRAC * slope + (1 - SLOPE_WEIGHT_FRAC) * run_slope_oom_per_year
    level = float(values.mean() - slope * x.mean())
    residual = values - level - slope * x
    sd = float(np.sqrt(residual @ residual / (len(x) - 2)))
    design = np.column_stack([np.ones_like(x), x])
    covariance = sd * sd * np.linalg.inv(design.T @ design)
    planned = np.empty(0) if planned_oom is None else planned_oom
    due = np.empty(0) if planned_times_years is None else planned_times_years - origin_years
    larger = planned > values[-1]  # the others can't become the largest
    return CampusModel(float(values[-1]), level, slope, sd, covariance, len(values), planned[larger], due[larger])


def draw_campuses(
    model: CampusModel,
    horizons_years: Sequence[float] | FloatArray,
    *,
    line_normals: FloatArray,
    scatter_normal: FloatArray,
    slip_uniforms: FloatArray,
) -> FloatArray:
    """Return paths of the largest campus, log10 MW, (n, k); each row never falls.

    With announcements: the largest that has arrived, each with its own slip and all with one error of size; beyond the
    last, growth goes on at the mean of the announcements' and the line's slope, damped by 20 % a year. Without: the
    line with its scatter.

    Args:
        model: the fitted model.
        horizons_years: increasing.
        line_normals: (n, 2) for level and slope.
        scatter_normal: (n,) for the scatter around the line, kept along a path.
        slip_uniforms: (n, n planned).
    """
    # Student's t by its quantiles: level, slope and scatter are known from a handful of records only
    degrees = model.n_records - 2
    line_t, scatter_t = (np.asarray(stdtrit(degrees, ndtr(z))) for z in (line_normals, scatter_normal))
    root = np.linalg.cholesky(model.covariance + 1e-14 * np.eye(2))
    level = model.level_oom + root[0, 0] * line_t[:, 0]
    slope = model.slope_oom_per_year + root[1, 0] * line_t[:, 0] + root[1, 1] * line_t[:, 1]
    horizons = np.asarray(horizons_years, dtype=float)
    trend = level[:, None] + slope[:, None] * damp_horizons(horizons) + model.residual_sd_oom * scatter_t[:, None]
    trend = np.maximum(trend, model.record_oom)
    if not model.planned_oom.size:
        return np.asarray(np.maximum.accumulate(trend, axis=1))
    slip_years = sample_three_point(SLIP_P10_MONTHS, SLIP_P50_MONTHS, SLIP_P90_MONTHS, slip_uniforms) / 12
    arrival = np.maximum(model.planned_in_years, 0.0) + slip_years
    size_error = (PIPELINE_SD_OOM + PIPELINE_SD_OOM_PER_YEAR * horizons) * scatter_normal[:, None]
    largest = int(np.argmax(model.planned_oom))
    reach_years = max(float(model.planned_in_years[largest]), 1.0)
    announced_slope = max(float(model.planned_oom[largest]) - model.record_oom, 0.0) / reach_years
    far_slope = np.maximum(FAR_TREND_WEIGHT_FRAC * slope + (1 - FAR_TREND_WEIGHT_FRAC) * announced_slope, 0.0)
    far_years = damp_horizons(np.maximum(horizons - reach_years, 0.0) + SCORED_YEARS) - SCORED_YEARS
    path = np.empty_like(trend)
    for k, horizon in enumerate(horizons):
        arrived = np.full(len(path), -np.inf)
        for due, size in zip(arrival.T, model.planned_oom, strict=True):
            arrived = np.where(due <= horizon, np.maximum(arrived, size), arrived)
        path[:, k] = np.maximum(model.record_oom, arrived + size_error[:, k]) + far_slope * far_years[k]
    return np.asarray(np.maximum.accumulate(path, axis=1))
