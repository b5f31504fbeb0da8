"""Alternatives that can be worked out on paper: what can be avoided within the slack, and what can't."""

import numpy as np
import pytest

from make_world import make_gate, make_option, make_world
from test_limits import HOURS_2027
from trainload.errors import ScenarioError
from trainload.plan.alternatives import Alternatives, Range, find_alternatives, require_slack
from trainload.plan.plan import Plan, make_plan
from trainload.plan.world import World
from trainload.supply.schedule import simulate_arrivals


def two_near_and_one_far() -> World:
    """100 MW behind one substation: gas at 50 USD/MWh, the grid at 50.50, diesel at 100; waiting costs 285.

    The cheapest plan is all gas; 100 USD per MW and year keep what is not needed from standing. Each MW moved to the
    grid costs 1 % more of its energy, to diesel 100 %.
    """
    return make_world(
        [
            make_option("gas", variable_usd_per_mwh=50.0, gates=("substation",), fixed_usd_per_mw_year=100.0),
            make_option(
                "grid",
                variable_usd_per_mwh=50.5,
                gates=("substation",),
                fixed_usd_per_mw_year=100.0,
                carrier="grid",
            ),
            make_option(
                "diesel",
                variable_usd_per_mwh=100.0,
                gates=("substation",),
                fixed_usd_per_mw_year=100.0,
                carrier="diesel",
            ),
        ],
        gates=[make_gate("substation")],
        money={"wacc_frac": 0.0},
    )


def relaxed(world: World) -> Plan:
    return make_plan(world, simulate_arrivals(world.supply, n_draws=16, seed=1), whole_units=False)


def ranges_of(found: Alternatives) -> dict[str, Range]:
    return {item.owner: item for item in found.ranges}


@pytest.mark.slow
def test_what_is_one_per_cent_dearer_can_replace_all_of_it() -> None:
    """Proves: within 2 % gas can be avoided (the grid costs 1 % more), the substation can't.

    If broken: nothing is avoidable, or everything, or the budget is not on the whole cost.
    """
    found = ranges_of(find_alternatives(relaxed(two_near_and_one_far()), slack_frac=0.02))
    gas, substation = found["gas"], found["substation"]
    assert gas.cheapest_mw == pytest.approx(100.0, abs=0.1)
    assert gas.avoidable and gas.least_mw == 0.0
    assert gas.avoid_frac == pytest.approx(0.01, rel=1e-3)
    assert not substation.avoidable
    # without the substation all 876,000 MWh wait at 285 USD instead of 50: 4.7 times the cost more
    assert substation.avoid_frac == pytest.approx((285.0 - 50.0) / 50.0, rel=1e-3)
    assert np.isnan(substation.most_mw)


def test_a_smaller_slack_moves_only_what_it_pays_for() -> None:
    """Proves: half a per cent moves half of the energy to the grid: gas is needed, 50 MW at least.

    The slack of a gate below: each MW unpowered costs 470 % of its energy, so 0.5 / 470 of the 100 MW could wait.
    If broken: the least is of a single month, or of what is left of a mean.
    """
    found = ranges_of(find_alternatives(relaxed(two_near_and_one_far()), slack_frac=0.005))
    assert not found["gas"].avoidable
    assert found["gas"].least_mw == pytest.approx(50.0, abs=0.2)
    assert found["gas"].avoid_frac == pytest.approx(0.01, rel=1e-3)
    assert found["substation"].least_mw == pytest.approx(100.0 * (1 - 0.005 / 4.7), abs=0.2)
    assert found["grid"].cheapest_mw == 0.0 and found["grid"].avoidable and found["grid"].avoid_frac == 0.0
    assert found["diesel"].avoid_frac == 0.0


def test_the_most_of_an_option_is_what_the_budget_buys() -> None:
    """Proves: capital of 438,000 USD/MW and no energy saved: 2 % of 43.8 million buys two idle MW.

    If broken: the most is the option's own limit, or the budget is spent twice.
    """
    world = make_world(
        [
            make_option("gas", variable_usd_per_mwh=50.0),
            make_option("idle", variable_usd_per_mwh=50.0, capex_usd_per_mw=438_000.0, lifetime_years=1.0),
        ],
        money={"wacc_frac": 0.0},
    )
    found = ranges_of(find_alternatives(relaxed(world), slack_frac=0.02))
    assert found["idle"].most_mw == pytest.approx(0.02 * 100 * HOURS_2027 * 50.0 / 438_000.0, rel=2e-3)


@pytest.mark.slow
def test_a_carrier_is_avoided_only_as_a_whole() -> None:
    """Proves: two gas plants replace each other, and both together need the grid, 10 % dearer: gas can't be avoided.

    If broken: a carrier is as avoidable as its options are one by one.
    """
    world = make_world(
        [
            make_option("turbine", variable_usd_per_mwh=50.0),
            make_option("engine", variable_usd_per_mwh=50.2),
            make_option("grid", variable_usd_per_mwh=55.0, carrier="grid"),
        ],
        money={"wacc_frac": 0.0},
    )
    found = ranges_of(find_alternatives(relaxed(world), slack_frac=0.02))
    assert found["turbine"].avoidable and found["engine"].avoidable
    gas = found["carrier:gas"]
    assert not gas.avoidable
    assert gas.least_mw == pytest.approx(80.0, abs=0.5)
    assert gas.avoid_frac == pytest.approx(0.10, rel=1e-3)


@pytest.mark.parametrize("slack_frac", [0.0, -0.1, 1.5, float("nan")])
def test_a_slack_that_means_nothing_is_refused(slack_frac: float) -> None:
    with pytest.raises(ScenarioError, match="--slack"):
        require_slack(slack_frac)
