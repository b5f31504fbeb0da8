"""Developers' own generations, and the largest campus."""

import numpy as np
import pytest
from scipy.special import ndtri

from trainload.forecast.cadence import Cadence, draw_programme, largest_by, measure_cadence
from trainload.forecast.campuses import draw_campuses, fit_campus_model
from trainload.forecast.programme import measure_developers
from trainload.forecast.runs import developer_family, load_frontier_runs


def test_a_generation_is_a_step_of_twice_the_developers_own_maximum() -> None:
    """Proves: 1 -> 1.5 -> 8 units is one generation of x8 after two years; another lab's runs do not count.

    If broken: the 1.5 counts (gap 1), or B's 100 units make A's 8 no step.
    """
    cadence = measure_cadence(
        ["A", "B", "A", "A"], np.array([2020.0, 2020.5, 2021.0, 2022.0]), np.log10([1.0, 100.0, 1.5, 8.0])
    )
    assert cadence.gap_years.tolist() == [2.0]
    assert cadence.step_oom == pytest.approx([np.log10(8)])


def test_the_catalogues_cadence_is_about_a_year_and_a_factor_of_eight() -> None:
    """Proves: median gap 12 months (10-90 %: 2-25), median step 6.6x in rows since 2010; about 15 and 7.6 since 2017.

    If broken: labs' branches (Google Brain, DeepMind) count as labs of their own.
    """
    cadence = measure_developers(load_frontier_runs())
    assert cadence.n_generations >= 35
    low, middle, high = 12 * np.quantile(cadence.gap_years, [0.1, 0.5, 0.9])
    assert 10 < middle < 14
    assert low < 3
    assert 20 < high < 32
    assert 5 < 10 ** np.median(cadence.step_oom) < 9
    assert developer_family("Google Brain") == developer_family("DeepMind") == "Google"
    assert developer_family("Facebook AI Research") == "Meta"
    assert developer_family("University of Toronto") == "University of Toronto"


def programme(elapsed: float = 0.0, *, record: float = 99.0) -> tuple[Cadence, dict[str, np.ndarray]]:
    cadence = Cadence(np.array([0.5, 1.0, 2.0]), np.array([0.4, 0.8, 1.2]))
    n, knots = 3000, np.array([0.0, 1.0, 2.0, 4.0, 8.0])
    u = np.random.default_rng(0).uniform(size=(n, 4))
    drawn = draw_programme(
        cadence,
        start_oom=25.0,
        elapsed_years=elapsed,
        horizons_years=knots,
        record_compute_oom=np.full((n, 5), record),
        record_power_oom=np.full((n, 5), 2.0),
        record_run_days=np.full((n, 5), 90.0),
        pair_uniforms=u[:, :2],
        jitter_normals=0 * ndtri(u[:, 2:]),
    )
    by = largest_by(drawn, drawn.compute_oom, horizons_years=np.array([0.25, 1.5]), start_oom=25.0)
    return cadence, {"release": drawn.release_years, "compute": drawn.compute_oom, "power": drawn.power_oom, "by": by}


def test_gaps_and_steps_are_drawn_as_observed_pairs() -> None:
    """Proves: each third of the draws takes one observed pair, gap and step together. If broken: drawn apart."""
    _, drawn = programme()
    first = drawn["release"][:, 0]
    for gap, step in ((0.5, 0.4), (1.0, 0.8), (2.0, 1.2)):
        mine = np.isclose(first, gap)
        assert mine.mean() == pytest.approx(1 / 3, abs=0.03)
        np.testing.assert_allclose(drawn["compute"][mine, 0], 25.0 + step)
    assert np.all(drawn["by"][:, 0] == 25.0)  # nothing is released in the first quarter
    assert np.all(drawn["by"][first <= 1.5, 1] > 25.0)


def test_the_first_gap_is_longer_than_what_has_elapsed() -> None:
    """Proves: 0.8 years after the last release only gaps of 1 and 2 years remain: 0.2 or 1.2 to go.

    If broken: a third of the draws releases in the past.
    """
    _, drawn = programme(0.8)
    assert set(np.round(np.unique(drawn["release"][:, 0]), 6)) == {0.2, 1.2}
    _, late = programme(5.0)  # longer than any gap seen: as soon as can be
    assert np.all(late["release"][:, 0] == pytest.approx(0.08))


def test_no_developer_passes_the_record_and_power_follows_its_flop_per_mw() -> None:
    """Proves: a record of 10^25.5 bounds the step; power is the record's less the same gap in compute."""
    _, drawn = programme(record=25.5)
    assert drawn["compute"].max() == pytest.approx(25.5)
    behind = 25.5 - drawn["compute"][:, 0]
    np.testing.assert_allclose(drawn["power"][:, 0], 2.0 - behind)


def test_a_cadence_needs_two_generations() -> None:
    """Proves: no pair, no programme. If broken: an index error."""
    empty = measure_cadence(["A"], np.array([2020.0]), np.array([20.0]))
    with pytest.raises(ValueError, match="cadence"):
        draw_programme(
            empty,
            start_oom=1.0,
            elapsed_years=0.0,
            horizons_years=np.array([0.0, 1.0]),
            record_compute_oom=np.ones((1, 2)),
            record_power_oom=np.ones((1, 2)),
            record_run_days=np.ones((1, 2)),
            pair_uniforms=np.ones((1, 1)) / 2,
            jitter_normals=np.zeros((1, 1)),
        )


def test_the_campus_line_is_shrunk_toward_the_runs_slope() -> None:
    """Proves: records on a slope of 0.5 with runs at 0.3 give 0.4; rows below the record are not records.

    If broken: a site seen small after the record drags the line down.
    """
    times = np.array([2022.0, 2023.0, 2023.5, 2024.0, 2025.0])
    values = np.array([1.0, 1.5, 1.2, 2.0, 2.5])
    model = fit_campus_model(times, values, origin_years=2026.0, run_slope_oom_per_year=0.3)
    assert model.n_records == 4
    assert model.slope_oom_per_year == pytest.approx(0.4)
    assert model.record_oom == 2.5
    with pytest.raises(ValueError, match="four records"):
        fit_campus_model(times[:3], values[:3], origin_years=2026.0, run_slope_oom_per_year=0.3)


def test_announced_campuses_arrive_late_and_lead_the_near_years() -> None:
    """Proves: a campus due in a year with a slip of 0.5/4/14 months stands at year 2 in most draws, not all.

    If broken: announcements count on their day (100 %) or not at all (0 %).
    """
    times = np.array([2022.0, 2023.0, 2024.0, 2025.0])
    model = fit_campus_model(
        times,
        np.array([1.0, 1.5, 2.0, 2.5]),
        origin_years=2026.0,
        run_slope_oom_per_year=0.3,
        planned_times_years=np.array([2027.0]),
        planned_oom=np.array([3.2]),
    )
    n = 4000
    u = np.random.default_rng(5).uniform(size=(n, 4))
    horizons = [0.9, 1.0 + 4 / 12, 2.0, 5.0]
    paths = draw_campuses(
        model, horizons, line_normals=ndtri(u[:, :2]), scatter_normal=0 * u[:, 2], slip_uniforms=u[:, 3:]
    )
    assert np.all(np.diff(paths, axis=1) >= 0)
    assert np.all(paths[:, 0] == 2.5)
    assert np.mean(paths[:, 1] > 3.0) == pytest.approx(0.5, abs=0.03)
    assert 0.8 < np.mean(paths[:, 2] > 3.0) < 0.95
    assert np.median(paths[:, 3]) > 3.2
