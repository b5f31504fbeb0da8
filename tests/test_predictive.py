"""Predictive distributions and their scores, against hand integrals and scoringrules."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainload.forecast.predictive import (
    Predictive,
    column_quantiles,
    draws_predictive,
    point_predictive,
    pool_predictives,
    sample_predictive,
    score_brier,
    score_coverage,
    score_crps,
    score_pinball,
)

UNIFORM = Predictive(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
ATOM = Predictive(np.array([0.0, 1.0]), np.array([0.4, 1.0]))  # 40 % at 0, the rest even on (0, 1)


def test_crps_of_a_uniform_by_hand() -> None:
    """Proves: truth 1/2 scores 1/12, truth 0 scores 1/3, truth 2 scores 1/3 + 1, truth -1 the same.

    If broken: the integral misses the part outside the grid (1/3 for a truth of 2).
    """
    assert score_crps(UNIFORM, 0.5) == pytest.approx(1 / 12)
    assert score_crps(UNIFORM, 0.0) == pytest.approx(1 / 3)
    assert score_crps(UNIFORM, 2.0) == pytest.approx(4 / 3)
    assert score_crps(UNIFORM, -1.0) == pytest.approx(4 / 3)


def test_crps_of_an_atom_by_hand() -> None:
    """Proves: with F = 0.4 + 0.6 x and the truth in the atom, the integral of (0.6 - 0.6 x)^2 is 0.12.

    If broken: the atom is read as a ramp or as nothing (1/3).
    """
    assert score_crps(ATOM, 0.0) == pytest.approx(0.12)
    assert score_crps(point_predictive(2.0), 2.5) == pytest.approx(0.5, abs=1e-6)


def energy_form(values: np.ndarray, truth: float) -> float:
    """CRPS of equally likely values: E|X - y| - E|X - X'| / 2."""
    return float(np.abs(values - truth).mean() - np.abs(values[:, None] - values).mean() / 2)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=1, max_size=9), st.floats(-4, 4))
def test_crps_of_a_sample_is_its_energy_form(values: list[float], truth: float) -> None:
    """Proves: the integral agrees with the expectation form. If broken: a score nobody else can reproduce."""
    rounded = np.round(np.array(values), 3)
    assert score_crps(sample_predictive(rounded), truth) == pytest.approx(energy_form(rounded, truth), abs=2e-5)


@pytest.mark.slow
def test_crps_and_pinball_agree_with_scoringrules() -> None:
    """Proves: our scores are the field's package's. If broken: our own two forms share an error."""
    import scoringrules  # noqa: PLC0415  its import compiles for seconds

    rng = np.random.default_rng(4)
    for truth in (-2.0, 0.1, 1.7):
        values = rng.normal(size=50)
        reference = float(scoringrules.crps_ensemble(truth, values, estimator="nrg", backend="numpy"))
        assert score_crps(sample_predictive(values), truth) == pytest.approx(reference, abs=2e-5)
        assert energy_form(values, truth) == pytest.approx(reference, abs=1e-9)
        for level in (0.1, 0.5, 0.9):
            assert score_pinball(values[0], truth, level) == pytest.approx(
                float(scoringrules.quantile_score(truth, values[0], level, backend="numpy"))
            )


def test_pinball_by_hand() -> None:
    """Proves: a miss of 2 above the 0.9 quantile costs 1.8, below it 0.2. If broken: the sides are swapped."""
    assert score_pinball(1.0, 3.0, 0.9) == pytest.approx(1.8)
    assert score_pinball(3.0, 1.0, 0.9) == pytest.approx(0.2)


def test_blurring_adds_the_noise_and_keeps_the_mean() -> None:
    """Proves: U(0, 1) + N(0, 0.15) has mean 1/2 and variance 1/12 + 0.0225; the atom spreads into a normal.

    If broken: the convolution drops the atom (40 % of the mass would be missing below the median).
    """
    blurred = UNIFORM.blurred(0.15)
    middle = 0.5 * (blurred.grid_oom[1:] + blurred.grid_oom[:-1])
    weight = np.diff(blurred.cdf)
    assert weight @ middle == pytest.approx(0.5, abs=1e-4)
    assert weight @ (middle - 0.5) ** 2 == pytest.approx(1 / 12 + 0.15**2, rel=2e-3)
    assert ATOM.blurred(1e-3).probability_at_most(0.01) == pytest.approx(0.4 + 0.006, abs=1e-3)
    assert UNIFORM.blurred(0.0) is UNIFORM


def test_coverage_counts_an_atom_by_its_share() -> None:
    """Proves: truth in an atom of 40 % spans levels 0 to 0.4, of which 0.3 / 0.4 lie within 10-90 %.

    If broken: every "nothing happened" passes as a hit of every interval.
    """
    assert score_coverage(ATOM, 0.0, 0.8) == pytest.approx(0.75)
    assert score_coverage(UNIFORM, 0.85, 0.8) == 1
    assert score_coverage(UNIFORM, 0.95, 0.8) == 0
    assert score_coverage(point_predictive(1.0), 2.0, 0.8) == 0


def test_pool_quantiles_odds_and_brier_by_hand() -> None:
    """Proves: the mixture of U(0, 1) and an atom at 1 has half its mass at 1. If broken: the atom becomes a ramp."""
    pooled = pool_predictives([UNIFORM, point_predictive(1.0)])
    assert pooled.probability_at_most(0.999999) == pytest.approx(0.5, abs=1e-5)
    assert pooled.probability_at_least(0.999999) == pytest.approx(0.5, abs=1e-5)
    assert UNIFORM.quantile_oom([0.1, 0.5]) == pytest.approx([0.1, 0.5])
    assert ATOM.quantile_oom([0.2, 0.7]) == pytest.approx([0.0, 0.5])
    assert score_brier(0.3, True) == pytest.approx(0.49)


def test_draws_become_the_distribution_they_came_from() -> None:
    """Proves: 512 quantiles of normal draws score like the draws. If broken: a bias in every published score."""
    draws = np.random.default_rng(0).normal(size=1200)
    mine = score_crps(draws_predictive(draws), 0.3)
    assert mine == pytest.approx(energy_form(draws, 0.3), rel=5e-3)
    floored = draws_predictive(np.maximum(draws, 0.0))
    assert floored.probability_at_most(0.0) == pytest.approx(0.5, abs=0.05)
    assert draws_predictive(np.ones(10)).quantile_oom([0.5])[0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("grid", "cdf"), [([0.0, 0.0], [0.0, 1.0]), ([0.0, 1.0], [0.5, 0.4]), ([0.0, 1.0], [0.0, 0.9]), ([0.0], [1.0])]
)
def test_a_distribution_that_is_none_is_refused(grid: list[float], cdf: list[float]) -> None:
    """Proves: grid increases, cdf does not fall and ends at 1. If broken: scores of nonsense."""
    with pytest.raises(ValueError, match="must"):
        Predictive(np.array(grid), np.array(cdf))


def test_column_quantiles_are_numpys() -> None:
    """Proves: the fast form is the usual definition, also where columns hold infinities. If broken: shifted medians."""
    draws = np.random.default_rng(1).normal(size=(501, 3))
    levels = (0.0, 0.1, 0.25, 0.5, 0.9, 1.0)
    np.testing.assert_allclose(column_quantiles(draws, levels), np.quantile(draws, levels, axis=0))
    nothing_yet = np.array([[-np.inf], [-np.inf], [1.0]])
    assert column_quantiles(nothing_yet, (0.1, 1.0)).tolist() == [[-np.inf], [1.0]]
    assert column_quantiles(np.array([[2.0]]), (0.5,)).tolist() == [[2.0]]
