"""Streams keyed by seed and name: repeatable, stratified, independent; distributions through three points."""

from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import beta, kstest

from trainload.chance import (
    Spread,
    correlated_normal_stream,
    correlated_uniform_stream,
    draw_spreads,
    normal_stream,
    random_generator,
    sample_pert,
    sample_three_point,
    sample_two_piece_normal,
    uniform_stream,
)

P = np.array([0.1, 0.5, 0.9])
PINNED = [0.29134139826055616, 0.7141930597135797, 0.1252221801551059]


def test_a_draw_depends_on_seed_name_and_index_only() -> None:
    """Proves: draw i is the same for any n, and another name or seed gives other draws.

    If broken: asking for more draws, or for one more uncertain path, would change every earlier result.
    """
    long = uniform_stream(7, "lead.ccgt", 10_000)
    for n in (1, 255, 256, 257, 4096, 9_999):
        np.testing.assert_array_equal(uniform_stream(7, "lead.ccgt", n), long[:n])
    assert not np.any(uniform_stream(8, "lead.ccgt", 10_000) == long)
    assert not np.any(uniform_stream(7, "lead.gt", 10_000) == long)


def test_the_streams_are_pinned() -> None:
    """Proves: the same numbers on every machine and version. If broken: a published seed gives another plan."""
    np.testing.assert_allclose(uniform_stream(1, "pinned", 3), PINNED, rtol=0, atol=1e-15)


@pytest.mark.parametrize("k", [8, 9, 12, 14])
def test_the_first_2_to_the_k_draws_hold_one_point_in_each_equal_interval(k: int) -> None:
    """Proves: stratification of every prefix of 2^k. If broken: percentiles of 8,192 draws scatter ten times more."""
    draws = uniform_stream(3, "a", 2**k)
    np.testing.assert_array_equal(np.sort((draws * 2**k).astype(int)), np.arange(2**k))


def test_the_mean_is_far_closer_than_random_sampling() -> None:
    """Proves: what stratification is for. If broken: the error would be about 0.0045, that of 4,096 random draws."""
    errors = [abs(uniform_stream(s, "m", 4096).mean() - 0.5) for s in range(20)]
    assert max(errors) < 1e-5


def test_streams_are_independent_of_each_other() -> None:
    """Proves: correlations between streams scatter as those of independent permutations, 1/sqrt(n), around zero.

    If broken: with one Sobol dimension and no shuffling, correlations would scatter over [-1, 1].
    """
    n = 1024
    draws = np.array([uniform_stream(5, f"path{i}", n) for i in range(60)])
    correlations = np.corrcoef(draws)[np.triu_indices(60, 1)]
    assert abs(correlations.mean()) < 4 / np.sqrt(n * len(correlations))
    assert 0.9 < correlations.std() * np.sqrt(n) < 1.1
    counts, _, _ = np.histogram2d(draws[0], draws[1], bins=8, range=[[0, 1], [0, 1]])
    chi_squared = ((counts - n / 64) ** 2 / (n / 64)).sum()
    assert chi_squared < 90  # 49 degrees of freedom: 99.97 %


def test_the_same_draw_of_many_names_is_uniform() -> None:
    """Proves: no index is special. If broken: the first draw of every path would be alike (all early, all late)."""
    for i in (0, 3):
        assert kstest([uniform_stream(1, f"name{k}", i + 1)[i] for k in range(1500)], "uniform").pvalue > 0.001


def test_common_factors_move_names_together_by_the_product_of_their_loadings() -> None:
    """Proves: correlation 0.8 * 0.5 = 0.4 between scores, 0 without a factor, and standard normal margins."""
    n = 16_384
    first = correlated_normal_stream(1, "a", n, factor="turbines", loading_frac=0.8)
    second = correlated_normal_stream(1, "b", n, factor="turbines", loading_frac=0.5)
    other = correlated_normal_stream(1, "c", n, factor="transformers", loading_frac=0.8)
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(0.4, abs=0.02)
    assert np.corrcoef(first, other)[0, 1] == pytest.approx(0.0, abs=0.025)
    assert first.std() == pytest.approx(1.0, abs=0.02)
    np.testing.assert_array_equal(
        correlated_normal_stream(1, "a", 10, factor=None, loading_frac=0.8), normal_stream(1, "a", 10)
    )
    uniform = correlated_uniform_stream(1, "a", n, factor="turbines", loading_frac=1.0)
    same = correlated_uniform_stream(1, "z", n, factor="turbines", loading_frac=1.0)
    np.testing.assert_allclose(uniform, same)


@pytest.mark.parametrize(
    ("p10", "p50", "p90"), [(18, 30, 48), (1, 1, 5), (2, 2, 2), (0.1, 20, 21), (0, 3, 9), (0, 0, 4), (0, 0, 0)]
)
def test_three_points_are_met_exactly(p10: float, p50: float, p90: float) -> None:
    """Proves: the distribution goes through P10, P50 and P90, never falls with u and is never negative."""
    np.testing.assert_allclose(sample_three_point(p10, p50, p90, P), [p10, p50, p90], rtol=1e-12, atol=1e-12)
    grid = sample_three_point(p10, p50, p90, np.linspace(1e-6, 1 - 1e-6, 2001))
    assert np.all(np.diff(grid) >= 0)
    assert np.all(grid >= 0)


def test_three_points_by_hand() -> None:
    """Proves: the two-piece lognormal. At the normal quantile 2 * 1.2816, 10 -> 20 becomes 10 -> 40."""
    u = NormalDist().cdf(2 * NormalDist().inv_cdf(0.9))
    assert sample_three_point(5, 10, 20, np.array([u]))[0] == pytest.approx(40, rel=1e-9)
    assert sample_two_piece_normal(-4, 0, 2, np.array([u, 1 - u])) == pytest.approx([4, -8], rel=1e-9)


@pytest.mark.parametrize("points", [(3, 2, 4), (1, 5, 4), (-1, 2, 3), (1, 2, np.inf), (np.nan, 2, 3)])
def test_points_out_of_order_are_refused(points: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="must hold"):
        sample_three_point(*points, P)


def test_pert_is_the_beta_of_its_definition() -> None:
    """Proves: PERT(2, 5, 14) = 2 + 12 Beta(2, 4), mean (2 + 4 * 5 + 14) / 6 = 6."""
    u = (np.arange(4000) + 0.5) / 4000
    sample = sample_pert(2, 5, 14, u)
    np.testing.assert_allclose(sample, 2 + 12 * beta(2, 4).ppf(u), rtol=1e-9)
    assert sample.mean() == pytest.approx(6, abs=1e-3)
    np.testing.assert_array_equal(sample_pert(3, 3, 3, u), 3.0)


def test_spreads_are_drawn_each_by_its_name() -> None:
    """Proves: adding an uncertain path changes no other. If broken: a sensitivity would mix with a new seed."""
    one = {"a": Spread(1, 2, 4)}
    two = {"b": Spread(-3, 0, 3), "a": Spread(1, 2, 4), "c": Spread(0, 1, 2, "pert")}
    np.testing.assert_array_equal(draw_spreads(one, 500, 3)["a"], draw_spreads(two, 500, 3)["a"])
    drawn = draw_spreads(two, 4096, 3)
    np.testing.assert_allclose(np.quantile(drawn["b"], P), [-3, 0, 3], atol=0.01)
    assert drawn["c"].min() >= 0
    assert drawn["c"].max() <= 2


def test_generators_are_keyed_by_seed_and_name() -> None:
    assert random_generator(1, "a").random() == random_generator(1, "a").random()
    assert random_generator(1, "a").random() != random_generator(1, "b").random()


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="loading_frac"):
        correlated_normal_stream(1, "a", 3, factor="f", loading_frac=1.2)
    with pytest.raises(ValueError, match="n must be"):
        uniform_stream(1, "a", -1)
    assert uniform_stream(1, "a", 0).shape == (0,)
