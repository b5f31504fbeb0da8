"""Plans whose answer a person can work out, solved by HiGHS on worlds of one day per month."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from make_world import make_gate, make_option, make_world
from trainload.plan.formulate import Formulation, formulate
from trainload.plan.results import powered_path, tabulate_capacity
from trainload.plan.world import World
from trainload.solve.check import check_solution
from trainload.solve.highs import solve_with_highs
from trainload.solve.program import Solution

HOURS_2027 = 8760.0


def solve(world: World) -> tuple[Formulation, Solution]:
    formulation = formulate(world)
    solution = solve_with_highs(formulation.program, method="simplex")
    check = check_solution(formulation.program, solution)
    assert check.residual <= 1e-6
    assert check.objective - check.bound <= 1e-6 * max(1e3, abs(check.objective))  # a plan of nothing costs nothing
    assert formulation.ledger.evaluate(solution).usd_present.sum() == pytest.approx(solution.objective, rel=1e-9)
    return formulation, solution


def ledger_sum(formulation: Formulation, solution: Solution, term: str) -> float:
    table = formulation.ledger.evaluate(solution)
    return float(table.loc[table.term == term, "usd"].sum())


def test_fuel_of_one_source() -> None:
    """Proves: 100 MW all year at 40 USD/MWh costs 100 x 8760 x 40. If broken (8766 h, weights): off by 0.07 %."""
    formulation, solution = solve(make_world([make_option("engine", fuel_cost_usd_per_mwh=40.0)]))
    assert ledger_sum(formulation, solution, "fuel") == pytest.approx(100 * HOURS_2027 * 40.0)
    assert ledger_sum(formulation, solution, "programme_delay") == 0.0


def test_merit_order_follows_the_price() -> None:
    """Proves: the grid serves the hours cheaper than the engine's 60. If broken: one of the two serves all."""
    price = np.where(np.arange(24) < 12, 30.0, 90.0)
    world = make_world(
        [make_option("grid", delivery="grid"), make_option("engine", fuel_cost_usd_per_mwh=60.0)], price=price
    )
    formulation, solution = solve(world)
    assert ledger_sum(formulation, solution, "energy") == pytest.approx(100 * HOURS_2027 / 2 * 30.0)
    assert ledger_sum(formulation, solution, "fuel") == pytest.approx(100 * HOURS_2027 / 2 * 60.0)


def test_lead_time_delays_power_and_is_paid_for() -> None:
    """Proves: Jan-Mar are unpowered at price (a). If broken: power on day one, or price twice."""
    world = make_world([make_option("engine")], lead_months={"engine": 2.5})
    formulation, solution = solve(world)
    assert powered_path(formulation, solution).tolist() == pytest.approx([0, 0, 0, *[100] * 9], abs=1e-6)
    assert ledger_sum(formulation, solution, "programme_delay") == pytest.approx(100 * 285.0 * (31 + 28 + 31) * 24)


def test_idle_price_of_zero_never_builds() -> None:
    """Proves: with nothing to lose the cheapest plan is no plan. If broken: load is forced."""
    world = make_world([make_option("engine", capex_usd_per_mw=1e6)], programme_usd_per_mwh=0.0)
    formulation, solution = solve(world)
    assert powered_path(formulation, solution).max() == pytest.approx(0.0, abs=1e-6)


def test_gate_carries_the_sum_of_what_is_behind_it() -> None:
    """Proves: two options behind a 60 MW gate power 60 MW. If broken (each alone): 100 MW."""
    gate = make_gate("substation", max_mw=60.0)
    options = [make_option(name, gates=("substation",), max_mw=50.0) for name in ("a", "b")]
    formulation, solution = solve(make_world(options, gates=[gate]))
    assert powered_path(formulation, solution) == pytest.approx(np.full(12, 60.0), abs=1e-6)


def test_capital_is_paid_once_and_salvaged() -> None:
    """Proves: one capital payment of 1e6 x 100 and 29 of 30 annuities credited. If broken: charged every period."""
    formulation, solution = solve(make_world([make_option("engine", capex_usd_per_mw=1e6)]))
    assert ledger_sum(formulation, solution, "capital") == pytest.approx(1e8)
    annuity = 0.07 / (1 - 1.07**-30)
    left = 30 - 365 / 365.25
    credited = 1e8 * annuity * (1 - 1.07**-left) / 0.07
    assert ledger_sum(formulation, solution, "salvage") == pytest.approx(-credited, rel=1e-9)


def test_demand_charge_on_monthly_peak_and_minimum_take() -> None:
    """Proves: half the day at 100 MW pays the whole peak each month. If broken: energy is charged."""
    shape = np.where(np.arange(24) < 12, 1.0, 0.5)
    grid = make_option("grid", delivery="grid", demand_charge_usd_per_mw_month=1000.0, minimum_take_frac=0.8)
    formulation, solution = solve(make_world([grid], shape=shape))
    assert ledger_sum(formulation, solution, "demand_charge") == pytest.approx(100 * 1000.0 * 12)


def test_rental_pays_rent_only_while_it_stays() -> None:
    """Proves: six months of rent, then the cheaper plant that arrives in July. If broken: rent all year, or capital."""
    rental = make_option("rental", bridge=True, rent_usd_per_mw_month=30_000.0, fuel_cost_usd_per_mwh=50.0)
    plant = make_option("plant", fuel_cost_usd_per_mwh=20.0)
    formulation, solution = solve(make_world([rental, plant], lead_months={"plant": 6.0}))
    assert ledger_sum(formulation, solution, "rent") == pytest.approx(100 * 30_000.0 * 6)
    assert ledger_sum(formulation, solution, "fuel") == pytest.approx(100 * 24 * (181 * 50.0 + 184 * 20.0))


def test_minimum_stay_keeps_a_rental_standing() -> None:
    """Proves: nine months of minimum stay are paid though six are needed. If broken: six."""
    rental = make_option(
        "rental", bridge=True, rent_usd_per_mw_month=1_000.0, min_stay_months=9.0, fuel_cost_usd_per_mwh=50
    )
    plant = make_option("plant", fuel_cost_usd_per_mwh=20.0)
    formulation, solution = solve(make_world([rental, plant], lead_months={"plant": 6.0}))
    assert ledger_sum(formulation, solution, "rent") == pytest.approx(100 * 1_000.0 * 9)


def test_store_moves_cheap_hours_with_its_losses() -> None:
    """Proves: charge = discharge / round trip. If broken: efficiency used twice or not at all."""
    price = np.where(np.arange(24) < 12, 10.0, 100.0)
    store = make_option("store", kind="store", firm=False, duration_hours=1.0, roundtrip_frac=0.8, max_mw=10.0)
    formulation, solution = solve(make_world([make_option("grid", delivery="grid"), store], price=price))
    flows = dict(zip(formulation.program.blocks[0].flow_names, solution.flows[0], strict=True))
    assert flows["store_charge"].sum() == pytest.approx(flows["store_discharge"].sum() / 0.8)
    # level is capped at 10 MWh, of which sqrt(0.8) reaches the bus
    assert flows["store_discharge"].sum() == pytest.approx(10.0 * np.sqrt(0.8))


def test_forced_outage_derates_and_adequacy_does_not() -> None:
    """Proves: 100 MW contract powers 100 MW peak, but hourly output is at most 95. If broken: no shedding."""
    world = make_world([make_option("engine", forced_outage_frac=0.05, max_mw=100.0)])
    formulation, solution = solve(world)
    powered = powered_path(formulation, solution)
    flows = dict(zip(formulation.program.blocks[0].flow_names, solution.flows[0], strict=True))
    assert flows["engine"].max() <= 95.0 + 1e-6
    assert flows["unserved_pause"] == pytest.approx(powered[0] - flows["engine"], abs=1e-6)


def test_co2_budget_moves_energy_and_prices_the_rest() -> None:
    """Proves: the cap limits the dirty engine to a quarter. If broken: no limit, or an infeasible run."""
    dirty = make_option("dirty", direct_tco2_per_mwh=1.0)
    clean = make_option("clean_fuel", fuel_cost_usd_per_mwh=100.0)
    rules = {"co2_cap_tco2_per_year": 0.25 * 100 * 8766.0}
    formulation, solution = solve(make_world([dirty, clean], rules=rules))
    assert ledger_sum(formulation, solution, "fuel") == pytest.approx(100 * 0.75 * HOURS_2027 * 100.0, rel=1e-6)
    table = formulation.ledger.evaluate(solution)
    assert "co2_slack" not in set(table.loc[table.usd.abs() > 1, "term"])


def test_impossible_clean_goal_is_priced_not_infeasible() -> None:
    """Proves: without clean supply the goal's slack pays 500 USD for half the load. If broken: infeasible."""
    formulation, solution = solve(make_world([make_option("engine")], rules={"clean_matched_frac": 0.5}))
    assert ledger_sum(formulation, solution, "clean_slack") == pytest.approx(0.5 * 100 * HOURS_2027 * 500.0)


def test_contract_settles_and_matches_but_does_not_power() -> None:
    """Proves: a PPA pays (price - market) and matches at most the load. If broken: it serves the campus."""
    ppa = make_option(
        "ppa", delivery="contract", firm=False, clean=True, availability="sun", contract_price_usd_per_mwh=60.0
    )
    sun = np.where(np.arange(24) < 12, 1.0, 0.0)
    world = make_world(
        [make_option("grid", delivery="grid"), ppa], availability={"sun": sun}, rules={"clean_matched_frac": 0.5}
    )
    formulation, solution = solve(world)
    assert ledger_sum(formulation, solution, "energy") == pytest.approx(100 * HOURS_2027 * 50.0)
    assert ledger_sum(formulation, solution, "contract") == pytest.approx(0.5 * 100 * HOURS_2027 * 60.0, rel=1e-6)
    assert ledger_sum(formulation, solution, "settlement") == pytest.approx(-0.5 * 100 * HOURS_2027 * 50.0, rel=1e-6)


def test_clean_store_cannot_create_clean_energy() -> None:
    """Proves: matched MWh never exceed clean MWh less losses. If broken: a store makes grid energy clean."""
    sun = np.where(np.arange(24) < 6, 1.0, 0.0)
    solar = make_option("solar", firm=False, clean=True, availability="sun", max_mw=400.0)
    store = make_option("store", kind="store", firm=False, duration_hours=24.0, roundtrip_frac=0.8, max_mw=400.0)
    world = make_world(
        [make_option("grid", delivery="grid"), solar, store],
        availability={"sun": sun},
        rules={"clean_matched_frac": 0.9},
    )
    formulation, solution = solve(world)
    flows = dict(zip(formulation.program.blocks[0].flow_names, solution.flows[0], strict=True))
    lost = flows["store_charge"].sum() - flows["store_discharge"].sum()
    assert flows["matched"].sum() <= flows["solar"].sum() - lost + 1e-6
    assert (flows["store_charge"] <= flows["solar"] + flows["store_discharge"] + 1e-6).all()


def test_run_hours_limit_a_permit() -> None:
    """Proves: 100 h/yr of full load at most. If broken: the backup runs all year."""
    backup = make_option("backup", max_full_load_hours_per_year=100.0)
    engine = make_option("engine", fuel_cost_usd_per_mwh=200.0)
    formulation, solution = solve(make_world([backup, engine], wanted_mw=50.0))
    table = formulation.ledger.evaluate(solution)
    run = sum(
        float((solution.flows[b][list(block.flow_names).index("backup")] * years.weight_hours).sum())
        for b, (block, years) in enumerate(zip(formulation.program.blocks, formulation.ledger.blocks, strict=True))
    )
    capacity = tabulate_capacity(formulation, solution)
    most = capacity.loc[capacity.owner == "backup", "mw"].max()
    assert run <= most * 100.0 * (HOURS_2027 / 8766.0) + 1e-3
    assert table.usd_present.sum() > 0


def with_option(world_options: list[Any], **changes: Any) -> float:
    return solve(make_world(world_options, **changes))[1].objective


def test_moves() -> None:
    """Proves: an added option is never dearer; all costs x2, objective x2; a looser cap never dearer."""
    engine = make_option("engine", capex_usd_per_mw=1e6, fuel_cost_usd_per_mwh=40.0)
    other = make_option("other", capex_usd_per_mw=2e6, fuel_cost_usd_per_mwh=10.0)
    alone = with_option([engine])
    assert with_option([engine, other]) <= alone * (1 + 1e-9)
    double = make_option("engine", capex_usd_per_mw=2e6, fuel_cost_usd_per_mwh=80.0)
    assert with_option([double]) == pytest.approx(2 * alone, rel=1e-9)
    tight = make_option("dirty", direct_tco2_per_mwh=1.0)
    caps = [with_option([tight, engine], rules={"co2_cap_tco2_per_year": cap}) for cap in (0.0, 1e5, 1e6)]
    assert caps[0] >= caps[1] >= caps[2]


def test_higher_idle_price_never_means_later_power() -> None:
    """Proves: dearer delay brings power no later. If broken: the price has the wrong sign."""
    slow = make_option("slow", fuel_cost_usd_per_mwh=20.0)
    fast = make_option("fast", fuel_cost_usd_per_mwh=200.0)
    world = {"lead_months": {"slow": 6.0}}
    first = []
    for price in (50.0, 150.0, 285.0, 900.0):
        formulation, solution = solve(make_world([slow, fast], programme_usd_per_mwh=price, **world))
        first.append(int(np.argmax(powered_path(formulation, solution) > 1.0)))
    assert first == sorted(first, reverse=True)
    assert first[0] > first[-1]


def test_dates_of_a_leap_year() -> None:
    """Proves: 2028 has 8,784 hours in the ledger. If broken: 8,760."""
    world = make_world([make_option("engine", fuel_cost_usd_per_mwh=1.0)], years=2)
    formulation, solution = solve(world)
    table = formulation.ledger.evaluate(solution)
    by_year = table.loc[table.term == "fuel"].set_index("year").quantity
    assert by_year[1] == pytest.approx(100 * 8760.0)
    assert by_year[2] == pytest.approx(100 * 8784.0)
    assert world.ends_on == date(2029, 1, 1)
