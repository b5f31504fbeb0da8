"""The record-of-releases model, its rivals, and the joint draws of compute and power."""

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from trainload.forecast.joint import LONGEST_RUN_DAYS, JointModel, bound_by_campus, draw_joint, fit_joint_model
from trainload.forecast.predictive import FloatArray
from trainload.forecast.rivals import (
    draw_local_trend,
    fit_local_trend,
    forecast_baselines,
    forecast_random_walk,
)
from trainload.forecast.runs import load_frontier_runs, trend_arrays
from trainload.forecast.trend import (
    Line,
    RecordModel,
    damp_horizons,
    draw_records,
    fit_line,
    fit_record_model,
    impute_power,
    predict_record,
    release_rate_per_year,
)


def flat_model(*, record: float = -2.0, rate: float = 2.0, slope: float = 0.0) -> RecordModel:
    """One known line: level 0, unit scatter, no shrink."""
    line = Line(0.0, slope, 1.0, 1e-18 * np.eye(2))
    return RecordModel(2020.0, record, rate, (line,), residual_share_frac=1.0, spread_shrink_frac=1.0)


def catalogue_model(origin: float) -> JointModel:
    times, compute, power = trend_arrays(load_frontier_runs())
    keep = times < origin
    hours = load_frontier_runs()["training_hours"].to_numpy(float)
    return fit_joint_model(times[keep], compute[keep], power[keep], hours[keep], origin_years=origin)


def test_the_best_of_a_poisson_stream_by_hand() -> None:
    """Proves: two releases a year for one year around 0: P(best <= x) = exp(-2 (1 - Phi(x))).

    At x = 0 that is exp(-1) = 0.368. If broken: a fixed number of releases would give 0.25.
    """
    forecast = predict_record(flat_model(), 1.0, noise_oom=0.0)
    for x in (0.0, 0.5, 2.0):
        at = float(np.interp(x, forecast.grid_oom, forecast.cdf))
        assert at == pytest.approx(np.exp(-2 * ndtr(-x)), abs=2e-4)


def test_the_closed_form_agrees_with_simulated_releases() -> None:
    """Proves: growth within the horizon and uncertain lines are averaged right. If broken: bias of a tenth of an OOM.

    Oracle: 40,000 simulated histories of Poisson releases around a drawn line, within three standard errors.
    """
    rng = np.random.default_rng(1)
    covariance = np.array([[0.04, 0.01], [0.01, 0.02]])
    model = RecordModel(2020.0, 0.0, 3.0, (Line(0.1, 0.6, 0.5, covariance),), 0.65, 1.0)
    horizon, n = 2.5, 40_000
    lines = rng.multivariate_normal([0.1, 0.6], covariance, size=n)
    count = rng.poisson(3.0 * horizon, size=n)
    u = rng.uniform(0, horizon, size=(n, count.max()))
    values = lines[:, :1] + lines[:, 1:] * u + 0.65 * 0.5 * rng.normal(size=u.shape)
    values[np.arange(count.max()) >= count[:, None]] = -np.inf
    best = np.maximum(values.max(axis=1), 0.0)
    forecast = predict_record(model, horizon, noise_oom=0.0)
    for x in (0.5, 1.0, 1.5, 2.0, 2.5):
        expected = float(np.mean(best <= x))
        assert forecast.probability_at_most(x) == pytest.approx(expected, abs=3 * np.sqrt(0.25 / n) + 1e-3)


def test_draws_have_the_closed_forms_distribution() -> None:
    """Proves: joint draws and the scored closed form are one model. If broken: the report shows unscored odds."""
    times, compute, _ = trend_arrays(load_frontier_runs())
    model = fit_record_model(
        times, compute, origin_years=2026.8, record_oom=27.0, rate_per_year=release_rate_per_year(times, 2026.8)
    )
    n, horizons = 2**14, [0.2, 1.2, 2.2]
    u = np.random.default_rng(3).uniform(size=(n, 7))
    paths = draw_records(model, horizons, line_uniform=u[:, 0], line_normals=ndtri(u[:, 1:3]), step_uniforms=u[:, 3:6])
    assert np.all(np.diff(paths, axis=1) >= 0)
    for k, horizon in enumerate(horizons):
        wanted = predict_record(model, horizon, noise_oom=0.0).quantile_oom([0.25, 0.5, 0.75, 0.9])
        np.testing.assert_allclose(np.quantile(paths[:, k], [0.25, 0.5, 0.75, 0.9]), wanted, atol=0.02)


def test_no_quantile_falls_as_the_horizon_grows() -> None:
    """Proves: odds of a record cannot fall. If broken: P(>= 1 GW) of a later year lies below an earlier one."""
    model = catalogue_model(2024.5).power
    levels = np.linspace(0.02, 0.98, 49)
    before = np.full(49, -np.inf)
    for horizon in (0.05, 0.3, 1.0, 2.0, 3.0, 6.0):
        now = predict_record(model, horizon).quantile_oom(levels)
        assert np.all(now >= before - 1e-9)
        before = now


def test_the_line_mixes_its_windows_slope_with_the_long_one() -> None:
    """Proves: slope 1 in the window and 0.2 over all rows give (1 + s_all) / 2 through the window's mean.

    If broken: the recent slope alone carries the forecast, the trap that plain five-year trends fall into.
    """
    x = np.arange(2010.0, 2020.0, 0.5)
    y = np.where(x < 2015, 0.0, x - 2015)
    all_slope = np.polyfit(x, y, 1)[0]
    line = fit_line(x, y, origin_years=2020.0, window_years=5.0)
    assert line.slope_oom_per_year == pytest.approx(0.5 * (1.0 + all_slope))
    centre = x[x > 2015].mean()
    value = line.level_oom + line.slope_oom_per_year * (centre - 2020)
    assert value == pytest.approx(y[x > 2015].mean())
    exact = fit_line(x, 3 + 0.4 * (x - 2020), origin_years=2020.0, window_years=8.0)
    assert (exact.level_oom, exact.slope_oom_per_year) == pytest.approx((3.0, 0.4))


@pytest.mark.parametrize("times", [[2020.0, 2021.0, 2022.0], [2020.0] * 6])
def test_a_line_needs_four_releases_on_two_days(times: list[float]) -> None:
    """Proves: an impossible fit is an error. If broken: a division by zero becomes a forecast."""
    with pytest.raises(ValueError, match="four releases"):
        fit_line(np.array(times), np.arange(len(times)) * 1.0, origin_years=2023.0, window_years=5.0)


def test_undisclosed_power_is_imputed_from_compute_by_date() -> None:
    """Proves: disclosed rows with FLOP/MW of 1e18 growing tenfold a year give 10^(c - 18 - t)."""
    times = np.array([0.0, 1.0, 2.0, 3.0])
    compute = np.array([20.0, 21.0, 22.5, 24.0])
    power = np.array([2.0, 2.0, np.nan, 3.0])  # c - p = 18, 19, ?, 21
    filled = impute_power(times, compute, power)
    assert filled == pytest.approx([2.0, 2.0, 2.5, 3.0])
    too_few = np.array([2.0, np.nan, np.nan, 3.0])
    np.testing.assert_array_equal(impute_power(times, compute, too_few), too_few)


def test_growth_is_damped_only_beyond_what_was_scored() -> None:
    """Proves: three years count as three, the fourth as 0.896 (mean of 0.8^u over a year). If broken: scores change."""
    assert damp_horizons([0.5, 3.0]) == pytest.approx([0.5, 3.0])
    assert damp_horizons([4.0])[0] == pytest.approx(3 + 0.2 / -np.log(0.8))
    assert damp_horizons([100.0])[0] == pytest.approx(3 + 1 / -np.log(0.8), rel=1e-6)


def test_the_local_trend_finds_a_straight_line_and_a_bend() -> None:
    """Proves: the filter follows a change of slope that a single line averages away.

    Slope 0.3 for ten years, then 1.0 for four: the filtered slope is near 1, the line's over all near 0.45.
    """
    rng = np.random.default_rng(2)
    times = np.arange(2010.0, 2024.0, 0.2)
    straight = 20 + 0.6 * (times - 2010) + 0.3 * rng.normal(size=len(times))
    model = fit_local_trend(times, straight, origin_years=2024.0, record_oom=28.0, rate_per_year=5.0)
    slope = float(model.weight_frac @ model.mean[:, 1])
    assert slope == pytest.approx(0.6, abs=0.1)
    bent = 20 + 0.3 * (times - 2010) + 0.7 * np.maximum(times - 2020, 0) + 0.1 * rng.normal(size=len(times))
    model = fit_local_trend(times, bent, origin_years=2024.0, record_oom=28.0, rate_per_year=5.0)
    assert float(model.weight_frac @ model.mean[:, 1]) > 0.8
    u = rng.uniform(size=(500, 9))
    paths = draw_local_trend(
        model,
        [1.0, 2.0],
        setting_uniform=u[:, 0],
        state_normals=ndtri(u[:, 1:3]),
        walk_normals=ndtri(u[:, 3:7]).reshape(500, 2, 2),
        step_uniforms=u[:, 7:9],
    )
    assert np.all(np.diff(paths, axis=1) >= 0)
    assert np.all(paths >= 28.0)


def test_a_kalman_step_by_hand() -> None:
    """Proves: with one observation the filtered level is the precision-weighted mean of prior and datum.

    Prior level equals the first value, so two equal values leave the level there whatever the noise. If broken: the
    gain has the wrong sign or the prior is not the first value.
    """
    model = fit_local_trend(
        np.array([2020.0, 2020.0]), np.array([5.0, 5.0]), origin_years=2020.0, record_oom=5.0, rate_per_year=1.0
    )
    np.testing.assert_allclose(model.mean[:, 0], 5.0)
    np.testing.assert_allclose(model.mean[:, 1], 0.5)
    r2, prior = model.scatter_oom**2, 4.0
    np.testing.assert_allclose(model.covariance[:, 0, 0], 1 / (1 / prior + 2 / r2), rtol=1e-9)


def test_the_random_walk_uses_past_increments_only() -> None:
    """Proves: a record that doubled every year is forecast to double. If broken: increments reach past the origin."""
    times = np.arange(2013.0, 2021.0, 0.25)
    values = 0.3 * np.floor(times - 2013.0)
    forecast = forecast_random_walk(times, values, origin_years=2021.0, horizon_years=1.0)
    assert forecast.quantile_oom([0.1, 0.9]) == pytest.approx([values.max() + 0.3] * 2, abs=1e-5)
    every = forecast_baselines(times, values, origin_years=2021.0, horizon_years=2.0)
    assert set(every) == {"persistence", "random_walk", "ols_2010", "ols_5", "mix"}
    assert every["persistence"].quantile_oom([0.5])[0] == pytest.approx(values.max())
    assert every["mix"].quantile_oom([0.5])[0] >= values.max()


def test_a_run_is_never_longer_than_nine_months_and_both_sides_pay() -> None:
    """Proves: where compute outgrows power the excess length is split. If broken: runs of 550 days by 2029."""
    model = catalogue_model(2026.8)
    assert model.efficiency is not None
    horizons = [0.2, 1.2, 2.2, 3.2]
    names = ["2026", "2027", "2028", "2029"]
    bent = draw_joint(model, horizons, step_names=names, n_draws=2048, seed=1)["trainload"]
    assert bent.run_days.max() <= LONGEST_RUN_DAYS * 1.02
    free = JointModel(
        model.origin_years,
        model.compute,
        model.power,
        model.compute_rival,
        model.power_rival,
        model.coupling_frac,
        None,
    )
    loose = draw_joint(free, horizons, step_names=names, n_draws=2048, seed=1)["trainload"]
    assert np.isnan(loose.run_days).all()
    assert np.median(bent.power_oom[:, 3]) > np.median(loose.power_oom[:, 3])
    assert np.median(bent.compute_oom[:, 3]) < np.median(loose.compute_oom[:, 3])
    assert bent.bound_share_frac[3] > bent.bound_share_frac[0]
    for paths in (bent.compute_oom, bent.power_oom):
        assert np.all(np.diff(paths, axis=1) >= -1e-12)


def test_compute_and_power_are_coupled_as_their_residuals_are() -> None:
    """Proves: a draw with much compute tends to much power. If broken: independent draws (correlation 0)."""
    model = catalogue_model(2024.0)
    assert 0.3 < model.coupling_frac < 0.9
    draws = draw_joint(model, [1.0], step_names=["a"], n_draws=4096, seed=1)["trainload"]
    assert np.corrcoef(draws.compute_oom[:, 0], draws.power_oom[:, 0])[0, 1] > 0.3


def test_a_run_bends_to_its_campus_and_takes_its_compute_along() -> None:
    """Proves: power stays below the campus, compute falls by as much, length stays. If broken: chips without power."""
    model = catalogue_model(2026.8)
    draws = draw_joint(model, [1.2, 2.2], step_names=["2027", "2028"], n_draws=512, seed=1)["trainload"]
    campus = np.full((512, 2), 2.8)
    bent, share = bound_by_campus(draws, campus, floor_oom=model.power.record_oom)
    assert bent.power_oom.max() < 2.8 + 1e-9
    cut = draws.power_oom - bent.power_oom
    clear = np.all(cut > 0, axis=1)  # where nothing is held up by its own past
    np.testing.assert_allclose((draws.compute_oom - bent.compute_oom)[clear, 0], cut[clear, 0], atol=1e-9)
    np.testing.assert_allclose(bent.run_days[clear, 0], draws.run_days[clear, 0], rtol=1e-9)
    assert share[1] == pytest.approx(np.mean(draws.power_oom[:, 1] > 2.8))


def test_without_disclosed_power_there_is_no_joint_model() -> None:
    """Proves: a table without power is refused. If broken: NaN becomes a record."""
    times = np.arange(2015.0, 2020.0, 0.25)
    nothing: FloatArray = np.full(len(times), np.nan)
    with pytest.raises(ValueError, match="power"):
        fit_joint_model(times, times - 1990, nothing, nothing, origin_years=2020.0)
