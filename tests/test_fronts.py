"""Fronts that can be worked out on paper: two options, a straight line between them, ends that nothing betters."""

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from make_world import make_option, make_world
from test_limits import HOURS_2027, dirty_and_clean, plan_of, slow_or_dear
from trainload.errors import ScenarioError
from trainload.plan.fronts import FrontPoint, mark_points, trace_front
from trainload.plan.limiting import Measures
from trainload.plan.limits import NO_LIMITS

WANTED = 100 * HOURS_2027


def test_front_of_two_options_is_the_line_between_them() -> None:
    """Proves: each tonne avoided costs 30 USD (50 less 20), at every point; from 876,000 t to none, in equal steps.

    If broken: ends that another plan betters, uneven steps, or cost that counts the limit's own slack.
    """
    points = trace_front(dirty_and_clean(money={"wacc_frac": 0.0}), plan_of, "tco2", n_points=5)
    assert [p.status for p in points] == ["front"] * 5
    assert [p.measures.tco2 / WANTED for p in points] == pytest.approx([1.0, 0.75, 0.5, 0.25, 0.0], abs=2e-4)
    for one, next_ in pairwise(points):
        paid = next_.measures.cost_usd - one.measures.cost_usd
        assert paid / (one.measures.tco2 - next_.measures.tco2) == pytest.approx(30.0, rel=2e-3)
    assert all(p.measures.unserved_mwh <= 2e-4 * WANTED for p in points)


@pytest.mark.slow
def test_the_cheap_end_is_the_cleanest_of_the_cheapest() -> None:
    """Proves: of two options at the same price the clean one is taken, and nothing is left to trade.

    If broken: the cheapest plan is any mixture of the two, a weakly dominated point that emits for nothing.
    """
    world = make_world(
        [
            make_option("dirty", variable_usd_per_mwh=20.0, direct_tco2_per_mwh=1.0),
            make_option("clean", variable_usd_per_mwh=20.0),
        ]
    )
    (point,) = trace_front(world, plan_of, "tco2", n_points=4)
    assert point.measures.tco2 <= 1e-3 * WANTED


@pytest.mark.slow
def test_front_of_dates_ends_with_the_earliest_power() -> None:
    """Proves: from July's 181 days without power to the two months that no order can shorten, and 60 MW in between.

    Each MWh of peak that is powered earlier costs 600 less 285 USD. If broken: the last point is not the fastest plan.
    """
    points = trace_front(slow_or_dear("cheapest"), plan_of, "date", n_points=3)
    late, least = 100 * 24 * 181, 100 * 24 * 59 + 40 * 24 * 122
    expected = [late, (late + least) / 2, least]
    assert [p.measures.unpowered_mwh for p in points] == pytest.approx(expected, abs=3e-4 * WANTED)
    assert points[-1].plan.powered_mw.tolist() == pytest.approx([0.0] * 2 + [60.0] * 4 + [100.0] * 6, abs=0.2)


def test_front_of_unserved_load_ends_with_none() -> None:
    """Proves: what is dearer than waiting is bought step by step. If broken: the front ends where money says so."""
    world = make_world([make_option("dear", variable_usd_per_mwh=500.0)])
    points = trace_front(world, plan_of, "unserved", n_points=3)
    assert [p.measures.unserved_mwh for p in points] == pytest.approx([WANTED, WANTED / 2, 0.0], abs=3e-4 * WANTED)


def test_dominated_points_and_duplicates_are_marked() -> None:
    """Proves: a point that another betters, or repeats, is no trade-off; both stay in the list with the reason."""

    def point(cost: float, tco2: float) -> FrontPoint:
        plan: Any = SimpleNamespace()
        return FrontPoint(NO_LIMITS, plan, Measures(0.0, 0.0, tco2, cost))

    points = [point(100.0, 50.0), point(120.0, 40.0), point(125.0, 41.0), point(120.01, 40.01), point(200.0, 0.0)]
    marked = mark_points(points, "tco2")
    assert [p.status for p in marked] == ["front", "front", "dominated", "duplicate", "front"]


def test_a_front_needs_two_points() -> None:
    with pytest.raises(ScenarioError, match="must be 2 to 50, got 1"):
        trace_front(dirty_and_clean(), plan_of, "tco2", n_points=1)
