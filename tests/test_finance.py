"""Annuities, salvage and levelised cost against sums a person can do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainload.finance import (
    annuity_rate,
    discount,
    discount_span,
    levelise_cost,
    levelise_flows,
    require_milestones,
    value_annuity,
    value_milestones,
    value_salvage,
)


def test_annuity_is_the_sum_of_its_payments() -> None:
    """Proves: three payments at 7 % are worth 0.934579 + 0.873439 + 0.816298 = 2.624316.

    If broken: paying at the start of each year would give 2.808018.
    """
    assert value_annuity(3, 0.07) == pytest.approx(2.624316, abs=1e-6)
    assert value_annuity(3, 0.0) == 3.0
    assert annuity_rate(30, 0.07) == pytest.approx(0.0805864, abs=1e-7)  # textbook table, 7 % over 30 years


def test_discount_of_two_years() -> None:
    """Proves: 1 after two years at 10 % is worth 1 / 1.21. If broken: a simple rate would give 1 / 1.2."""
    assert discount([0, 2], 0.10) == pytest.approx([1.0, 1 / 1.21])


def test_a_span_is_the_mean_of_its_days() -> None:
    """Proves: money spread over a span is discounted by the mean over the span, not by the factor of its start or end.

    If broken: the start's factor would give 0.873439, the end's 0.816298; the mean of 3,650 slices is 0.844546.
    """
    slices = np.linspace(2, 3, 3651)
    middle = (slices[1:] + slices[:-1]) / 2
    assert discount_span(2, 3, 0.07) == pytest.approx(np.mean(discount(middle, 0.07)), rel=1e-8)
    assert discount_span(2, 2, 0.07) == pytest.approx(discount(2, 0.07))
    assert discount_span(2, 9, 0.0) == 1.0


@given(
    service=st.floats(0, 30),
    life=st.floats(1, 60),
    horizon=st.floats(1, 30),
    rate=st.floats(0.0, 0.2),
)
def test_capital_less_salvage_is_what_the_horizon_uses(
    service: float, life: float, horizon: float, rate: float
) -> None:
    """Proves: for any asset, capital at service start less salvage = annuities that fall inside the horizon.

    If broken: a long-lived asset would be charged for years nobody plans (year-1 cost taken for lifetime cost).
    """
    years_inside = min(max(horizon - service, 0.0), life)
    inside = annuity_rate(life, rate) * float(value_annuity(years_inside, rate)) * float(discount(service, rate))
    spent = float(discount(service, rate))
    salvage = float(value_salvage(service, life, horizon_years=horizon, rate_frac=rate))
    assert spent - salvage == pytest.approx(inside, abs=1e-9)


def test_milestones_cost_interest_before_arrival() -> None:
    """Proves: 20 % at the order and 80 % at an arrival two years later, at 10 %: 0.2 + 0.8 / 1.21 = 0.861157.

    If broken: all at the order would give 1, all at arrival 0.826446.
    """
    value = value_milestones(((0.2, 0.0), (0.8, 1.0)), order_years=0.0, lead_years=2.0, rate_frac=0.10)
    assert value == pytest.approx(0.2 + 0.8 / 1.21)
    later = value_milestones(((0.2, 0.0), (0.8, 1.0)), order_years=1.0, lead_years=2.0, rate_frac=0.10)
    assert later == pytest.approx(value / 1.1)


@pytest.mark.parametrize("milestones", [((0.5, 0.0),), ((1.2, 0.0), (-0.2, 1.0)), ((1.0, 1.5),)])
def test_milestones_that_do_not_add_up_are_refused(milestones: tuple[tuple[float, float], ...]) -> None:
    """Proves: capital is paid once and between order and arrival. If broken: part of a plant would be free."""
    with pytest.raises(ValueError, match="must"):
        require_milestones(milestones)


def test_levelised_cost_of_a_gas_plant() -> None:
    """Proves: 2,400,000 of capital at 7 % over 30 years, 36,000 a year, 8,766 h at 60 %, 25 a unit: 68.6 in all.

    If broken: capital charged again every year would give 488.
    """
    price = levelise_cost(2_400_000, 36_000, yearly_output=8766 * 0.6, per_output=25.0, life_years=30, rate_frac=0.07)
    assert price == pytest.approx((2_400_000 * 0.0805864 + 36_000) / 5259.6 + 25, rel=1e-6)
    assert levelise_cost(1, 1, yearly_output=0, per_output=0, life_years=1, rate_frac=0.07) == float("inf")


def test_levelised_flows_equal_levelised_cost() -> None:
    """Proves: the price from a stream of flows equals the closed formula. If broken: outputs were not discounted."""
    years = np.arange(0, 31)
    cost = np.where(years == 0, 1000.0, 20.0)
    output = np.where(years == 0, 0.0, 10.0)
    closed = levelise_cost(1000, 20, yearly_output=10, per_output=0, life_years=30, rate_frac=0.07)
    assert levelise_flows(cost, output, years=years, rate_frac=0.07) == pytest.approx(closed)
    with pytest.raises(ValueError, match="no output"):
        levelise_flows([1.0], [0.0], years=[0.0], rate_frac=0.07)


@pytest.mark.parametrize(
    "call", [lambda: discount(1, -1.0), lambda: value_annuity(-1, 0.1), lambda: annuity_rate(0, 0.1)]
)
def test_impossible_rates_and_lives_are_refused(call: object) -> None:
    """Proves: nonsense raises instead of returning NaN. If broken: a NaN would reach the ledger."""
    with pytest.raises(ValueError, match="must be"):
        call()  # type: ignore[operator]
