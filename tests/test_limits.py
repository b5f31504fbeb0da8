"""Limits and modes on worlds whose answer a person can work out: what is held, what it costs, what can't be held."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from make_world import make_gate, make_option, make_world
from trainload.audit.audit import audit_tables
from trainload.errors import ScenarioError
from trainload.plan.diagnose import explain_choices
from trainload.plan.formulate import formulate
from trainload.plan.limiting import explain_limits, measure_plan
from trainload.plan.limits import NO_LIMITS, Limits
from trainload.plan.modes import apply_mode
from trainload.plan.parameters import tabulate_parameters
from trainload.plan.plan import Plan, make_plan
from trainload.plan.world import World
from trainload.supply.schedule import simulate_arrivals

HOURS_2027 = 8760.0


def plan_of(world: World) -> Plan:
    """Plan a world, and demand that the audit of its tables finds every limit kept or paid for."""
    schedule = simulate_arrivals(world.supply, n_draws=16, seed=1)
    plan = make_plan(world, schedule)
    solved = plan.formulation.world
    tables = {
        **plan.tables,
        "options": explain_choices(plan, schedule),
        "parameters": tabulate_parameters(solved),
    }
    audit = audit_tables(tables, objective_usd=plan.check.objective)
    others = (audit.balance_error, audit.limit_error, audit.level_error, audit.budget_error)
    assert max(others) <= 1e-6, audit.findings
    assert audit.ledger_error <= 1e-3, audit.findings  # of 1 USD or 1 MWh at least: crumbs of an interior point
    return plan


def dirty_and_clean(**settings: Any) -> World:
    """100 MW for a year: dirty at 20 USD and 1 t a MWh, clean at 50 USD and none."""
    return make_world(
        [
            make_option("dirty", variable_usd_per_mwh=20.0, direct_tco2_per_mwh=1.0),
            make_option("clean", variable_usd_per_mwh=50.0),
        ],
        **settings,
    )


def variable_usd(plan: Plan, owner: str) -> float:
    rows = plan.tables["ledger"]
    return float(rows.loc[(rows.term == "variable") & (rows.owner == owner), "usd"].sum())


def test_a_cap_on_emission_moves_as_much_energy_as_it_must() -> None:
    """Proves: 219,000 t of 876,000 leave a quarter of the energy dirty. If broken: no cap, or one by the day."""
    plan = plan_of(replace(dirty_and_clean(), limits=Limits(tco2=0.25 * 100 * HOURS_2027)))
    assert variable_usd(plan, "dirty") == pytest.approx(0.25 * 100 * HOURS_2027 * 20.0, rel=1e-5)
    assert variable_usd(plan, "clean") == pytest.approx(0.75 * 100 * HOURS_2027 * 50.0, rel=1e-5)
    assert explain_limits(plan.formulation.world, plan.tables) == ()


def test_a_cap_on_cost_is_kept_by_shedding_nothing_it_can_power() -> None:
    """Proves: with the cost capped at its least the slack stays empty; below it the slack says by how much.

    If broken: the limit's own slack counts as cost, or present values are left out.
    """
    world = dirty_and_clean()
    least = measure_plan(world, plan_of(world).tables).cost_usd
    kept = plan_of(replace(world, limits=Limits(cost_usd=1.01 * least)))
    assert explain_limits(world, kept.tables) == ()
    missed = plan_of(replace(world, limits=Limits(cost_usd=0.5 * least)))
    assert measure_plan(world, missed.tables).cost_usd == pytest.approx(least, rel=1e-5)
    (note,) = explain_limits(world, missed.tables)
    assert note.subject == "limits.cost_usd" and "exceeded by" in note.text


def test_most_and_least_hold_single_options() -> None:
    """Proves: at most 30 MW dirty, at least 80 MW clean in service. If broken: one is not stated, or on orders only."""
    plan = plan_of(replace(dirty_and_clean(), limits=Limits(most_mw={"dirty": 30.0}, least_mw={"clean": 80.0})))
    standing = plan.tables["capacity"].groupby("owner")["mw"]
    assert standing.max()["dirty"] == pytest.approx(30.0, abs=1e-3)
    assert standing.last()["clean"] >= 80.0 - 1e-3
    assert variable_usd(plan, "dirty") == pytest.approx(30 * HOURS_2027 * 20.0, rel=1e-4)


def test_unserved_load_counts_what_is_shed_and_what_is_not_powered() -> None:
    """Proves: power that isn't worth its price is bought when the limit asks for it.

    Energy at 2,000 USD/MWh is dearer than shedding (900) and than waiting (285): the cheapest plan serves nothing.
    If broken: the limit counts only one of the two, and the plan serves nothing still.
    """
    world = make_world([make_option("dear", variable_usd_per_mwh=2000.0)])
    wanted = 100 * HOURS_2027
    assert measure_plan(world, plan_of(world).tables).unserved_mwh == pytest.approx(wanted, rel=1e-6)
    held = plan_of(replace(world, limits=Limits(unserved_mwh=0.4 * wanted)))
    assert variable_usd(held, "dear") == pytest.approx(0.6 * wanted * 2000.0, rel=1e-5)


def test_full_power_from_a_day_on() -> None:
    """Proves: what is dearer than waiting is bought from July on and not before. If broken: all year, or never."""
    world = make_world([make_option("dear", variable_usd_per_mwh=500.0)])
    plan = plan_of(replace(world, limits=Limits(full_power_on=date(2027, 7, 1))))
    assert plan.powered_mw.tolist() == pytest.approx([0.0] * 6 + [100.0] * 6, abs=1e-3)


def test_a_limit_on_an_unknown_option_says_which_was_meant() -> None:
    with pytest.raises(ScenarioError, match=r"no such option, got 'dirt'; did you mean dirty\?"):
        formulate(replace(dirty_and_clean(), limits=Limits(most_mw={"dirt": 0.0})))


def test_no_limits_leave_the_program_as_it_was() -> None:
    """Proves: a plan without limits is stated without any trace of them. If broken: a column more, cost of nothing."""
    world = dirty_and_clean()
    assert not world.limits and world.limits == NO_LIMITS
    program = formulate(world).program
    assert not [name for name in (*program.border.names, *program.budget_names) if "limit" in name or "over[" in name]


def slow_or_dear(mode: str) -> World:
    """Cheap power in July; dear power, 600 USD against 285 for waiting, from March on behind a gate of 60 MW."""
    return make_world(
        [
            make_option("cheap", variable_usd_per_mwh=20.0),
            make_option("dear", variable_usd_per_mwh=600.0, gates=("line",)),
        ],
        gates=[make_gate("line", max_mw=60.0)],
        lead_months={"cheap": 6.0, "dear": 1.0, "line": 2.0},
        plan={"mode": mode},
    )


def test_fastest_powers_what_can_be_powered_whatever_it_costs() -> None:
    """Proves: 60 MW from March, 100 MW from July; cheapest waits for July. If broken: the gate or the mode is ignored.

    The tolerance is 0.01 % of all that is wanted, 88 MWh, which dear power may be spared: 0.06 MW for two months.
    """
    waits = plan_of(slow_or_dear("cheapest"))
    assert waits.powered_mw.tolist() == pytest.approx([0.0] * 6 + [100.0] * 6, abs=1e-3)
    world, notes = apply_mode(slow_or_dear("fastest"), plan_of)
    plan = plan_of(world)
    assert plan.powered_mw.tolist() == pytest.approx([0.0] * 2 + [60.0] * 4 + [100.0] * 6, abs=0.15)
    least = 100 * 24 * 59 + 40 * 24 * 122
    assert f"{least / 1e6:,.3f} TWh" in notes[0].text
    assert measure_plan(world, plan.tables).unpowered_mwh <= least + 1e-4 * 100 * HOURS_2027 + 1.0
    assert variable_usd(plan, "cheap") == pytest.approx(100 * 24 * 184 * 20.0, rel=1e-3)  # dear power is not kept on


def test_cleanest_serves_no_less_and_then_spares_money() -> None:
    """Proves: all of it clean, none of it shed, and of two clean options the cheaper.

    If broken: nothing is built (no load, no emission), or the dearer clean option is as good.
    """
    world = make_world(
        [
            make_option("dirty", variable_usd_per_mwh=20.0, direct_tco2_per_mwh=1.0),
            make_option("clean", variable_usd_per_mwh=50.0),
            make_option("dearer", variable_usd_per_mwh=70.0),
        ],
        plan={"mode": "cleanest"},
    )
    held, notes = apply_mode(world, plan_of)
    plan = plan_of(held)
    found = measure_plan(held, plan.tables)
    assert found.tco2 <= 1.1e-4 * 100 * HOURS_2027
    assert found.unserved_mwh <= 1.1e-4 * 100 * HOURS_2027
    assert variable_usd(plan, "clean") == pytest.approx(100 * HOURS_2027 * 50.0, rel=1e-3)
    assert variable_usd(plan, "dearer") == pytest.approx(0.0, abs=1.0)
    assert "0.00 MtCO2" in notes[0].text and "0.88 Mt" in notes[0].text


def test_a_whole_unit_is_held_in_reserve_whole() -> None:
    """Proves: 60 MW of a reactor is one of 100 MW when it is whole, and 100 MW are kept in reserve for it.

    If broken: reserve for the fraction, 60 MW, and the audit finds 40 MW of firm capacity missing.
    """
    shape = np.where(np.arange(24) < 1, 1.0, 0.6)
    world = make_world(
        [
            make_option("reactor", unit_mw=100.0, fixed_usd_per_mw_year=3e5, variable_usd_per_mwh=10.0),
            make_option("engines", unit_mw=10.0, fixed_usd_per_mw_year=1e4, variable_usd_per_mwh=100.0),
        ],
        shape=shape,
    )
    plan = plan_of(world)
    standing = plan.tables["capacity"].groupby("owner")["mw"].max()
    assert standing["reactor"] == pytest.approx(100.0)
    assert standing["engines"] == pytest.approx(100.0, abs=0.1)


def test_cheapest_is_left_alone() -> None:
    world = slow_or_dear("cheapest")
    assert apply_mode(world, plan_of) == (world, ())
    assert np.isfinite(plan_of(world).check.objective)
