"""Compute, power and run length of the record run drawn together, so that one draw is one consistent future.

Kernels on arrays: compute is log10 FLOP, power log10 rated facility MW, times decimal years.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr

from trainload.chance import normal_stream, uniform_stream
from trainload.forecast.predictive import FloatArray
from trainload.forecast.rivals import LocalTrend, draw_local_trend, fit_local_trend
from trainload.forecast.trend import (
    SLOPE_WEIGHT_FRAC,
    TRUTH_NOISE_OOM,
    WINDOWS_YEARS,
    RecordModel,
    damp_horizons,
    draw_new_release,
    draw_records,
    fit_record_model,
    impute_power,
    release_rate_per_year,
)

LONGEST_RUN_DAYS = 274.0  # nine months: beyond it newer chips and algorithms overtake the run (Epoch AI; grade B)
_CAP_SOFTNESS_OOM = 0.1
_EFFICIENCY_WINDOW_YEARS = 8.0
_EFFICIENCY_DRIFT_OOM_PER_YEAR = 0.05
SECONDS_PER_DAY = 86400.0

ModelName = Literal["trainload", "local_trend"]


@dataclass(frozen=True, slots=True)
class Efficiency:
    """log10 FLOP per rated MW and second of record runs: chips, precision, utilisation and overhead in one line."""

    level_oom: float
    slope_oom_per_year: float
    residual_sd_oom: float
    n_runs: int


@dataclass(frozen=True, slots=True)
class JointModel:
    """Both models of compute and power at one origin, their coupling and the efficiency that ties them."""

    origin_years: float
    compute: RecordModel
    power: RecordModel
    compute_rival: LocalTrend
    power_rival: LocalTrend
    coupling_frac: float
    efficiency: Efficiency | None


@dataclass(frozen=True, slots=True)
class JointDraws:
    """Paths of the record, (n, k): log10 FLOP, log10 rated MW, run length; and how often the cap on length bound."""

    compute_oom: FloatArray
    power_oom: FloatArray
    run_days: FloatArray
    bound_share_frac: FloatArray


@dataclass(frozen=True, slots=True)
class ReleaseDraws:
    """A new frontier model, (n, k): log10 FLOP and log10 rated MW of a model that is among the ten largest."""

    compute_oom: FloatArray
    power_oom: FloatArray


def fit_joint_model(
    times_years: FloatArray,
    compute_oom: FloatArray,
    power_oom: FloatArray,
    run_hours: FloatArray,
    *,
    origin_years: float,
    windows_years: Sequence[float] = WINDOWS_YEARS,
    slope_weight_frac: float = SLOPE_WEIGHT_FRAC,
) -> JointModel:
    """Return the models fitted on rows dated before the origin; power and hours may hold NaN.

    Power is imputed where undisclosed; its release rate is the geometric mean of the rates of disclosed and of all
    rows. The record of power is the largest disclosed.

    Raises:
        ValueError: fewer than four rows, or none that discloses power.
    """
    disclosed = np.isfinite(power_oom)
    if not disclosed.any():
        raise ValueError("no row discloses power")
    rate = release_rate_per_year(times_years, origin_years)
    rate_power = float(np.sqrt(rate * release_rate_per_year(times_years[disclosed], origin_years)))
    filled = impute_power(times_years, compute_oom, power_oom)
    usable = np.isfinite(filled)
    times_power, values_power = times_years[usable], filled[usable]
    series = (
        (times_years, compute_oom, float(compute_oom.max()), rate),
        (times_power, values_power, float(power_oom[disclosed].max()), rate_power),
    )
    main = [
        fit_record_model(
            times,
            values,
            origin_years=origin_years,
            record_oom=record,
            rate_per_year=releases,
            windows_years=windows_years,
            slope_weight_frac=slope_weight_frac,
        )
        for times, values, record, releases in series
    ]
    rivals = [
        fit_local_trend(times, values, origin_years=origin_years, record_oom=record, rate_per_year=releases)
        for times, values, record, releases in series
    ]
    return JointModel(
        origin_years,
        compute=main[0],
        power=main[1],
        compute_rival=rivals[0],
        power_rival=rivals[1],
        coupling_frac=_residual_correlation(times_years[disclosed], compute_oom[disclosed], power_oom[disclosed]),
        efficiency=_fit_efficiency(times_years, compute_oom, power_oom, run_hours, origin_years),
    )


def _residual_correlation(times_years: FloatArray, compute_oom: FloatArray, power_oom: FloatArray) -> float:
    """Return the correlation of compute and power around their own lines, in [0, 0.95]; 0.6 with under six rows."""
    if len(times_years) < 6 or np.ptp(times_years) == 0:
        return 0.6
    x = times_years - times_years.mean()
    residuals = [v - v.mean() - x * (x @ v / (x @ x)) for v in (compute_oom, power_oom)]
    return float(np.clip(np.corrcoef(*residuals)[0, 1], 0.0, 0.95))


def _fit_efficiency(
    times_years: FloatArray,
    compute_oom: FloatArray,
    power_oom: FloatArray,
    run_hours: FloatArray,
    origin_years: float,
) -> Efficiency | None:
    """Return the line through power records of the last eight years whose length is known; None with under three."""
    order = np.argsort(times_years, kind="stable")
    power = np.where(np.isfinite(power_oom), power_oom, -np.inf)[order]
    record = power > np.r_[-np.inf, np.maximum.accumulate(power)[:-1]]
    hours, times = run_hours[order], times_years[order]
    keep = record & np.isfinite(hours) & (times > origin_years - _EFFICIENCY_WINDOW_YEARS)
    if keep.sum() < 3:
        return None
    value = compute_oom[order][keep] - power[keep] - np.log10(hours[keep] * 3600)
    x = times[keep] - origin_years
    centred = x - x.mean()
    slope = float(centred @ value / (centred @ centred))
    level = float(value.mean() - slope * x.mean())
    residual = value - level - slope * x
    sd = float(np.sqrt(residual @ residual / max(len(x) - 2, 1)))
    return Efficiency(level, slope, max(sd, 0.1), int(keep.sum()))


def draw_joint(
    model: JointModel,
    horizons_years: Sequence[float] | FloatArray,
    *,
    step_names: Sequence[str],
    n_draws: int,
    seed: int,
    noise_oom: float = TRUTH_NOISE_OOM,
    ceiling_oom: float = np.inf,
    longest_run_days: float = LONGEST_RUN_DAYS,
) -> dict[ModelName, JointDraws]:
    """Return consistent draws of the record's compute, power and run length by both models, on the same streams.

    Lines and each step's best release of compute and power share a Gaussian copula with the correlation of their
    residuals. Each path carries one truth noise. Where the implied run would be longer than nine months the excess is
    split evenly: less compute, more power. Growth beyond three years is damped.

    Args:
        model: fitted at the origin.
        horizons_years: increasing, positive.
        step_names: one name a horizon (a year); streams are keyed by it.
        n_draws: draw i is the same whatever n is.
        seed: of all streams.
        noise_oom: truth noise.
        ceiling_oom: log10 MW that no run passes; compute is cut with it.
        longest_run_days: cap on the run's length.
    """
    horizons = np.asarray(horizons_years, dtype=float)
    growth_years = damp_horizons(horizons).tolist()
    rho = model.coupling_frac
    own = np.sqrt(1 - rho * rho)

    def pair(name: str) -> tuple[FloatArray, FloatArray]:
        shared = normal_stream(seed, f"forecast:compute:{name}", n_draws)
        return shared, rho * shared + own * normal_stream(seed, f"forecast:power:{name}", n_draws)

    window = uniform_stream(seed, "forecast:window", n_draws)
    states = [pair("level"), pair("slope")]
    steps = [pair(f"release:{name}") for name in step_names]
    walks = [[pair(f"walk:{kind}:{name}") for kind in ("level", "slope")] for name in step_names]
    paths: dict[ModelName, list[FloatArray]] = {"trainload": [], "local_trend": []}
    for target, name in enumerate(("compute", "power")):
        lines = np.column_stack([state[target] for state in states])
        uniforms = np.clip(ndtr(np.column_stack([step[target] for step in steps])), 1e-12, 1 - 1e-12)
        noise = noise_oom * normal_stream(seed, f"forecast:{name}:noise", n_draws)[:, None]
        main = draw_records(
            (model.compute, model.power)[target],
            growth_years,
            line_uniform=window,
            line_normals=lines,
            step_uniforms=uniforms,
        )
        rival = draw_local_trend(
            (model.compute_rival, model.power_rival)[target],
            growth_years,
            setting_uniform=window,
            state_normals=lines,
            walk_normals=np.stack([np.column_stack([walk[target] for walk in step]) for step in walks], axis=1),
            step_uniforms=uniforms,
        )
        paths["trainload"].append(main + noise)
        paths["local_trend"].append(rival + noise)
    efficiency = _draw_efficiency(model.efficiency, horizons, n_draws=n_draws, seed=seed)
    return {
        which: _reconcile(compute, power, efficiency, ceiling_oom=ceiling_oom, longest_run_days=longest_run_days)
        for which, (compute, power) in paths.items()
    }


def draw_new_frontier(
    model: JointModel,
    horizons_years: Sequence[float] | FloatArray,
    *,
    step_names: Sequence[str],
    n_draws: int,
    seed: int,
) -> ReleaseDraws:
    """Return draws of a new frontier model released at each horizon, its compute and power coupled as residuals are."""
    growth_years = damp_horizons(horizons_years).tolist()
    rho = model.coupling_frac
    own = np.sqrt(1 - rho * rho)
    window = uniform_stream(seed, "forecast:window", n_draws)
    shared = {
        name: normal_stream(seed, f"forecast:compute:{name}", n_draws)
        for name in ("level", "slope", *(f"new:{step}" for step in step_names))
    }
    out = []
    for target in ("compute", "power"):
        z = shared
        if target == "power":
            z = {k: rho * v + own * normal_stream(seed, f"forecast:power:{k}", n_draws) for k, v in shared.items()}
        out.append(
            draw_new_release(
                model.compute if target == "compute" else model.power,
                growth_years,
                line_uniform=window,
                line_normals=np.column_stack([z["level"], z["slope"]]),
                scatter_normals=np.column_stack([z[f"new:{step}"] for step in step_names]),
            )
        )
    return ReleaseDraws(out[0], out[1])


def _draw_efficiency(
    efficiency: Efficiency | None, horizons_years: FloatArray, *, n_draws: int, seed: int
) -> FloatArray | None:
    """Return log10 FLOP per rated MW and second, (n, k), its level and its growth uncertain."""
    if efficiency is None:
        return None
    level = normal_stream(seed, "forecast:efficiency:level", n_draws)[:, None]
    slope = normal_stream(seed, "forecast:efficiency:slope", n_draws)[:, None]
    growth = efficiency.slope_oom_per_year + _EFFICIENCY_DRIFT_OOM_PER_YEAR * slope
    return np.asarray(efficiency.level_oom + efficiency.residual_sd_oom * level + growth * horizons_years)


def _reconcile(
    compute: FloatArray,
    power: FloatArray,
    efficiency: FloatArray | None,
    *,
    ceiling_oom: float,
    longest_run_days: float,
) -> JointDraws:
    """Bend draws whose run would be too long, keep paths from falling, and read off the run's length.

    With l = log10 days = c - p - efficiency, the allowed l' = cap - s ln(1 + exp((cap - l)/s)) is l well below the cap
    and never above it; half of l - l' is taken from compute and half given to power.
    """
    if efficiency is None:
        over = np.maximum(power - ceiling_oom, 0.0)
        nothing = np.zeros(compute.shape[1])
        bounded = np.maximum.accumulate(compute - over, axis=1)
        return JointDraws(bounded, power - over, np.full_like(compute, np.nan), nothing)
    cap = np.log10(longest_run_days)
    length = compute - power - efficiency - np.log10(SECONDS_PER_DAY)
    excess = length - cap + _CAP_SOFTNESS_OOM * np.logaddexp(0.0, (cap - length) / _CAP_SOFTNESS_OOM)
    power = np.maximum.accumulate(power + excess / 2, axis=1)
    compute = np.maximum.accumulate(compute - excess / 2, axis=1)
    over = np.maximum(power - ceiling_oom, 0.0)
    power = power - over
    compute = np.maximum.accumulate(compute - over, axis=1)
    days = 10 ** np.minimum(compute - power - efficiency - np.log10(SECONDS_PER_DAY), 6.0)
    return JointDraws(compute, power, days, np.mean(length > cap, axis=0))


def bound_by_campus(draws: JointDraws, campus_oom: FloatArray, *, floor_oom: float) -> tuple[JointDraws, FloatArray]:
    """Return draws whose run fits the largest campus of the same draw, and the share of draws bent in each year.

    Power bends softly below max(campus, present record); compute is cut by as much, since the run's length is not
    free. Paths still never fall.

    Args:
        draws: the run's paths.
        campus_oom: (n, k) log10 of the largest campus, in the run's power definition.
        floor_oom: present record of power, which the bound can't undercut.
    """
    bound = np.maximum(campus_oom, floor_oom + 2 * _CAP_SOFTNESS_OOM)
    gap = (bound - draws.power_oom) / _CAP_SOFTNESS_OOM
    allowed = bound - _CAP_SOFTNESS_OOM * np.logaddexp(0.0, gap)
    power = np.maximum.accumulate(allowed, axis=1)
    cut = draws.power_oom - power
    compute = np.maximum.accumulate(draws.compute_oom - cut, axis=1)
    days = draws.run_days * 10 ** ((compute - draws.compute_oom) + cut)
    return JointDraws(compute, power, days, draws.bound_share_frac), np.mean(gap < 0, axis=0)
