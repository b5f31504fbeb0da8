"""What moves the forecast of the record run most: each choice and uncertain input to its low and high side in turn."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from trainload.errors import DataError, Problem
from trainload.forecast.forecast import (
    CEILING_MW,
    choose_runs,
    draw_largest_campus,
    fit_campuses,
    forecast_years,
)
from trainload.forecast.joint import (
    LONGEST_RUN_DAYS,
    JointModel,
    ModelName,
    bound_by_campus,
    draw_joint,
    fit_joint_model,
)
from trainload.forecast.predictive import FloatArray
from trainload.forecast.references import FACILITY_PEAK_PER_RATED
from trainload.forecast.runs import decimal_year, hide_later, load_campuses, trend_arrays
from trainload.forecast.trend import TRUTH_NOISE_OOM
from trainload.scenario.models import Scenario


@dataclass(frozen=True, slots=True)
class _Case:
    """Settings of one evaluation; the defaults are the forecast's own."""

    windows_years: tuple[float, ...] | None = None
    slope_weight_frac: float | None = None
    change: Callable[[JointModel], JointModel] = lambda model: model
    noise_oom: float = TRUTH_NOISE_OOM
    longest_run_days: float = LONGEST_RUN_DAYS
    bound: bool = True
    which: ModelName = "trainload"
    definition_ratio: float = FACILITY_PEAK_PER_RATED


def rank_forecast_drivers(
    scenario: Scenario,
    *,
    year: int,
    runs: pd.DataFrame | None = None,
    campuses: pd.DataFrame | None = None,
    n_draws: int = 4096,
) -> pd.DataFrame:
    """Return how far each driver's low and high side move the median record run and its odds, the widest first.

    Everything else stays, on the same draws. One-sided drivers leave the other side empty.

    Args:
        scenario: as for `forecast.forecast_power`.
        year: by 31 December of which.
        runs: default: the scenario's or the catalogue's.
        campuses: default: the catalogue's.
        n_draws: for each evaluation.

    Returns:
        Columns driver, label, low, high (what was set), at_low_mw, at_mid_mw, at_high_mw (medians), odds_low, odds_mid,
        odds_high (of 1 GW), swing_oom (widest move of the median), grade, source.

    Raises:
        DataError: the year is not one the forecast covers.
    """
    years = forecast_years(scenario)
    if year not in years:
        raise DataError("forecast", Problem("year", "is not forecast", str(year), f"{years[0]} to {years[-1]}"))
    rows, _ = choose_runs(scenario, runs)
    known = hide_later(rows, scenario.as_of)
    states = load_campuses() if campuses is None else campuses
    horizons = np.array([y + 1.0 - decimal_year(scenario.as_of) for y in years])

    def evaluate(case: _Case) -> tuple[float, float]:
        values = _draw_record_mw(case, scenario, known, states, years=years, horizons=horizons, n_draws=n_draws)
        at = values[:, years.index(year)]
        return float(np.median(at)), float(np.mean(at >= 1000.0))

    mid, odds_mid = evaluate(_Case())
    out = []
    for driver, label, low, high, grade, source in _drivers():
        row: dict[str, object] = {"driver": driver, "label": label}
        moves = [0.0]
        for side, given in (("low", low), ("high", high)):
            text, value, odds = "", float("nan"), float("nan")
            if given is not None:
                text = given[0]
                value, odds = evaluate(given[1])
                moves.append(abs(float(np.log10(value / mid))))
            row |= {side: text, f"at_{side}_mw": value, f"odds_{side}": odds}
        row |= {"at_mid_mw": mid, "odds_mid": odds_mid, "swing_oom": max(moves), "grade": grade, "source": source}
        out.append(row)
    columns = ["driver", "label", "low", "high", "at_low_mw", "at_mid_mw", "at_high_mw", "odds_low", "odds_mid"]
    columns += ["odds_high", "swing_oom", "grade", "source"]
    ranked = pd.DataFrame(out)[columns]
    return ranked.sort_values("swing_oom", ascending=False, kind="stable").reset_index(drop=True)


def _draw_record_mw(
    case: _Case,
    scenario: Scenario,
    known: pd.DataFrame,
    states: pd.DataFrame,
    *,
    years: tuple[int, ...],
    horizons: FloatArray,
    n_draws: int,
) -> FloatArray:
    """Return the record run's MW by year, as `forecast_power` does, under one case's settings."""
    times, compute, power = trend_arrays(known)
    ordered = known[known["compute_flop"].notna()].sort_values("released_on", kind="stable")
    settings: dict[str, object] = {}
    if case.windows_years is not None:
        settings["windows_years"] = case.windows_years
    if case.slope_weight_frac is not None:
        settings["slope_weight_frac"] = case.slope_weight_frac
    origin = decimal_year(scenario.as_of)
    hours = ordered["training_hours"].to_numpy(float)
    model = case.change(fit_joint_model(times, compute, power, hours, origin_years=origin, **settings))  # type: ignore[arg-type]
    offset = float(np.log10(FACILITY_PEAK_PER_RATED))
    drawn = draw_joint(
        model,
        horizons,
        step_names=[str(y) for y in years],
        n_draws=n_draws,
        seed=scenario.seed,
        noise_oom=case.noise_oom,
        ceiling_oom=float(np.log10(CEILING_MW)) - offset,
        longest_run_days=case.longest_run_days,
    )[case.which]
    campus_model, _ = fit_campuses(states, scenario.as_of, model)
    campus = draw_largest_campus(campus_model, horizons, seed=scenario.seed, n_draws=n_draws)
    if case.bound and campus is not None and case.which == "trainload":
        drawn, _ = bound_by_campus(drawn, campus - offset, floor_oom=model.power.record_oom)
    return np.asarray(10**drawn.power_oom * case.definition_ratio)


def _scale_rate(model: JointModel, power: float) -> JointModel:
    return replace(model, power=replace(model.power, rate_per_year=power))


def _disclosed_rate(model: JointModel) -> float:
    """Return the rate of disclosed releases: the model's is the geometric mean of it and of all releases' rate."""
    return max(1.0, model.power.rate_per_year**2 / model.compute.rate_per_year)


def _shift_record(model: JointModel, oom: float) -> JointModel:
    return replace(model, power=replace(model.power, record_oom=model.power.record_oom + oom))


def _bend_efficiency(model: JointModel, oom_per_year: float) -> JointModel:
    if model.efficiency is None:
        return model
    slope = model.efficiency.slope_oom_per_year + oom_per_year
    return replace(model, efficiency=replace(model.efficiency, slope_oom_per_year=slope))


def _share(model: JointModel, share: float) -> JointModel:
    return replace(
        model,
        compute=replace(model.compute, residual_share_frac=share),
        power=replace(model.power, residual_share_frac=share),
    )


_Side = tuple[str, _Case] | None


def _drivers() -> list[tuple[str, str, _Side, _Side, str, str]]:
    """Return driver, label, low side, high side, grade and source of the range."""
    own = "range by judgement"
    scores = "the project's backtest"
    return [
        (
            "growth",
            "growth: of all years, or of the last five alone",
            ("all years", _Case(slope_weight_frac=0.0)),
            ("last five years", _Case(windows_years=(5.0,), slope_weight_frac=1.0)),
            "C",
            scores,
        ),
        (
            "model",
            "the second model: a local trend",
            None,
            ("local trend", _Case(which="local_trend")),
            "C",
            scores,
        ),
        (
            "disclosure",
            "releases that count: those that disclose power, or all",
            ("disclosed", _Case(change=lambda m: _scale_rate(m, _disclosed_rate(m)))),
            ("all", _Case(change=lambda m: _scale_rate(m, m.compute.rate_per_year))),
            "C",
            "frontier runs of the catalogue",
        ),
        (
            "run_length",
            "longest run: twelve months, or six",
            ("12 months", _Case(longest_run_days=365.0)),
            ("6 months", _Case(longest_run_days=183.0)),
            "C",
            own,
        ),
        (
            "efficiency",
            "growth of FLOP per MW and second",
            ("+0.05 OOM a year", _Case(change=lambda m: _bend_efficiency(m, 0.05))),
            ("-0.05 OOM a year", _Case(change=lambda m: _bend_efficiency(m, -0.05))),
            "C",
            own,
        ),
        (
            "record",
            "power of the present record",
            ("-0.15 OOM", _Case(change=lambda m: _shift_record(m, -0.15))),
            ("+0.30 OOM", _Case(change=lambda m: _shift_record(m, 0.30))),
            "B",
            "its chip count is a lower bound (Epoch AI, CC BY 4.0)",
        ),
        (
            "scatter",
            "how independent releases are",
            ("0.50 of scatter", _Case(change=lambda m: _share(m, 0.50))),
            ("0.80 of scatter", _Case(change=lambda m: _share(m, 0.80))),
            "C",
            scores,
        ),
        (
            "campus",
            "a run may span several campuses",
            None,
            ("no bound", _Case(bound=False)),
            "C",
            own,
        ),
        (
            "definition",
            "rated power instead of facility peak",
            ("rated", _Case(definition_ratio=1.0)),
            None,
            "A",
            "Llama 3.1 405B: 1,381 W against 1,810 W a GPU",
        ),
        (
            "truth_noise",
            "noise of the truth",
            ("none", _Case(noise_oom=0.0)),
            ("0.20 OOM", _Case(noise_oom=0.20)),
            "C",
            "revisions of past records",
        ),
    ]
