"""The hedge as a stage: reduced scenarios, values in their order, and a plan that follows the orders and is audited."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from make_supply import make_step
from make_world import make_gate, make_option, make_world
from test_study import SMALL
from trainload.audit.audit import audit_tables
from trainload.hedge.energisation import DatedOrder, OrderBook, day_of, reach_days
from trainload.hedge.hedge import hedge_plan
from trainload.hedge.orders import Hedge, hold_orders, list_orders
from trainload.hedge.tables import HEDGE_KEYS, follow_hedge
from trainload.plan.diagnose import explain_choices
from trainload.plan.parameters import tabulate_parameters
from trainload.plan.plan import Plan, make_plan
from trainload.plan.world import World, find_first_periods
from trainload.report.page import render_report
from trainload.scenario.file import load_scenario
from trainload.study.folder import load_study, save_study
from trainload.study.run import compute_study, hedge_orders
from trainload.supply.options import Supply
from trainload.supply.scenarios import LeadScenarios, reduce_leads
from trainload.supply.schedule import Schedule, simulate_arrivals
from trainload.tables import TABLES, normalise_table


def make_uncertain_supply() -> Supply:
    """A cheap plant behind a slow gate, dear engines and a rental; two of them follow one market."""
    market = {"factor": "market", "loading": 0.7}
    plant = make_option(
        "plant", capex_usd_per_mw=1e6, gates=("line",), unit_mw=0.0,
        steps=(make_step("plant", step="slot", months=(4.0, 7.0, 14.0), **market),),
    )  # fmt: skip
    engines = make_option(
        "engines", capex_usd_per_mw=2e6, variable_usd_per_mwh=60.0, unit_mw=10.0,
        steps=(make_step("engines", step="slot", months=(3.0, 5.0, 9.0), **market),),
    )  # fmt: skip
    rental = make_option(
        "rental", bridge=True, rent_usd_per_mw_month=40_000.0, variable_usd_per_mwh=80.0, min_stay_months=3.0,
        steps=(make_step("rental", step="fleet", months=(1.0, 2.0, 4.0)),),
    )  # fmt: skip
    line = make_gate("line", capex_usd_per_mw=1e5, steps=(make_step("line", step="build", months=(3.0, 6.0, 15.0)),))
    return Supply(options=(plant, engines, rental), gates=(line,))


def make_uncertain_world(schedule: Schedule, supply: Supply, **plan: object) -> World:
    leads = {owner: schedule.lead_months(owner, 50) for owner in schedule.owners}
    world = make_world(
        supply.options, gates=supply.gates, wanted_mw=[0.0] * 3 + [100.0] * 21, lead_months=leads, years=2,
        plan={"lead_scenarios": 3, **plan},
    )  # fmt: skip
    return replace(world, first_period=find_first_periods(supply, world.periods, leads))


@pytest.fixture(scope="module")
def schedule() -> Schedule:
    return simulate_arrivals(make_uncertain_supply(), n_draws=512, seed=3)


@pytest.fixture(scope="module")
def planned(schedule: Schedule) -> tuple[World, Plan]:
    world = make_uncertain_world(schedule, make_uncertain_supply())
    return world, make_plan(world, schedule)


@pytest.fixture(scope="module")
def hedge(schedule: Schedule, planned: tuple[World, Plan]) -> Hedge:
    return hedge_plan(planned[1], schedule)


@pytest.fixture(scope="module")
def followed(schedule: Schedule, planned: tuple[World, Plan], hedge: Hedge) -> Plan:
    return follow_hedge(hedge, planned[0], schedule)


def reduce_here(schedule: Schedule, n: int) -> LeadScenarios:
    return reduce_leads(schedule, n, importance={"plant": 100.0, "engines": 20.0}, horizon_months=24.0)


def test_scenarios_keep_weights_and_means(schedule: Schedule) -> None:
    """Proves: weights sum to 1, every owner's mean lead time is that of all draws, and draws stand in one scenario.

    If broken: medoids in place of means would shift the mean of what the metric does not watch.
    """
    reduced = reduce_here(schedule, 5)
    assert reduced.n_scenarios == 5
    assert reduced.weights.sum() == pytest.approx(1.0, abs=1e-12)
    for owner in schedule.owners:
        mean = float(schedule.draws(owner).mean())
        assert float(reduced.weights @ reduced.lead_months[owner]) == pytest.approx(mean, rel=1e-12)
    assert np.bincount(reduced.nearest) / 512 == pytest.approx(reduced.weights)
    assert (np.diff(reduced.lead_months["plant"] * 100 + reduced.lead_months["engines"] * 20) > 0).all()


def test_more_scenarios_lie_nearer(schedule: Schedule) -> None:
    """Proves: the distance falls and the spread kept rises with the number of scenarios; all draws kept lose nothing.

    If broken: forward selection that takes the wrong draw, or a distance of something else.
    """
    found = [reduce_here(schedule, n) for n in (1, 3, 9, 27)]
    assert (np.diff([f.distance_months for f in found]) < 0).all()
    assert (np.diff([f.spread_kept_frac for f in found]) > 0).all()
    assert found[0].spread_kept_frac == pytest.approx(0.0, abs=1e-9)
    every = reduce_here(schedule, 512)
    assert every.distance_months == pytest.approx(0.0, abs=1e-12)
    assert reduce_here(schedule, 9).distance_months == found[2].distance_months


def test_two_clusters_are_found() -> None:
    """Proves: of draws at 2 and at 10 months, 3 to 1, the reduction keeps both with their weights, distance zero.

    If broken: the weights would be one half each, or a scenario at 4 months in between.
    """
    supply = Supply(options=(make_option("plant"),), gates=())
    drawn = simulate_arrivals(supply, n_draws=256, seed=1)
    months = np.where(np.arange(256) % 4 == 0, 10.0, 2.0)
    graph = replace(drawn._options["plant"], arrival=months)
    schedule = replace(drawn, _options={"plant": graph})
    reduced = reduce_leads(schedule, 4, importance={"plant": 1.0}, horizon_months=36.0)
    assert reduced.lead_months["plant"] == pytest.approx([2.0, 10.0])
    assert reduced.weights == pytest.approx([0.75, 0.25])
    assert reduced.distance_months == pytest.approx(0.0, abs=1e-12)


def test_scenarios_are_refused_without_sense(schedule: Schedule) -> None:
    """Proves: no scenarios, and weights that do not sum to one, are errors. If broken: costs of half a world."""
    with pytest.raises(ValueError, match="something important"):
        reduce_leads(schedule, 3, importance={}, horizon_months=36.0)
    reduced = reduce_here(schedule, 2)
    with pytest.raises(ValueError, match="sum to 1"):
        replace(reduced, weights=np.array([0.5, 0.6]))


def test_known_costs_least_and_replayed_most(hedge: Hedge) -> None:
    """Proves: WS <= RP <= EEV, and knowing one step is worth between nothing and knowing all.

    If broken: groups that share with each other, or a replay that orders anew, break the chain of inequalities.
    """
    slack = 1e-6 * hedge.hedged.objective_usd
    known = float(hedge.scenarios.weights @ hedge.known_usd)
    assert known <= hedge.relaxed_usd + slack
    assert hedge.relaxed_usd <= hedge.hedged.objective_usd + slack
    assert hedge.hedged.objective_usd <= hedge.rescheduled.objective_usd + slack
    assert hedge.rescheduled.objective_usd <= hedge.replayed.objective_usd + slack
    assert hedge.value_of_hedging_usd > 0
    assert hedge.steps
    assert all(-slack <= s.value_usd <= hedge.value_of_knowing_usd + slack for s in hedge.steps)
    assert (hedge.hedged.costs_usd >= hedge.known_usd - slack).all()


def test_the_plan_follows_the_hedge_and_its_tables_are_sound(
    schedule: Schedule, planned: tuple[World, Plan], hedge: Hedge, followed: Plan
) -> None:
    """Proves: the plan orders what the hedge shares on the day it says; the audit recomputes it from its tables.

    If broken: orders at other dates or sizes, an order list that differs from capacity, chips before their day.
    """
    world, _ = planned
    tables = {
        **followed.tables,
        "parameters": tabulate_parameters(world),
        "options": explain_choices(followed, schedule),
    }
    audit = audit_tables(tables, objective_usd=followed.check.objective)
    worst = max(audit.ledger_error, audit.balance_error, audit.limit_error, audit.level_error, audit.budget_error)
    assert worst < 1e-6, audit.worst
    held = hold_orders(hedge, world).held
    assert held is not None
    placed = followed.tables["orders"].groupby(["option", "order_on"])["mw"].sum()
    starts = [p.starts_on for p in world.periods]
    shared = [o for o in list_orders(hedge, hedge.hedged.shared) if o.mw > 1.0]
    assert sum(o.mw for o in shared) > 100.0
    for order in shared:
        assert hedge.planned.arrives[order.owner][starts.index(order.order_on)] < len(starts)
        assert placed.get((order.owner, order.order_on), 0.0) == pytest.approx(order.mw, abs=0.2)
    powered = followed.tables["periods"]["powered_mw"].to_numpy()
    assert (powered <= held.delivered_mw + 1e-3).all()


def test_tables_of_the_hedge_keep_their_schema(followed: Plan) -> None:
    """Proves: five tables with their columns, through the folder's normal form; the summary has its keys.

    If broken: a study with a hedge could not be saved, or its report would miss a column.
    """
    for name in ("hedge", "hedge_scenarios", "hedge_leads", "hedge_orders", "energisation"):
        table = normalise_table(name, followed.tables[name])
        assert list(table.columns) == list(TABLES[name])
        assert len(table)
    assert set(followed.figures["hedge"]) == set(HEDGE_KEYS)  # type: ignore[call-overload]
    measured = followed.tables["hedge"].set_index("measure")["value"]
    assert measured["value_of_hedging"] == pytest.approx(measured["deterministic"] - measured["hedged"])
    assert (followed.tables["hedge_scenarios"]["weight_frac"].sum()) == pytest.approx(1.0)


def test_full_power_comes_with_its_last_order(schedule: Schedule) -> None:
    """Proves: the day a target is reached is the arrival of the order that completes it, draw by draw, with odds.

    60 MW ordered on the first day and 40 MW in March: 100 MW are there with the later of the two.
    If broken: the earlier date, or an order of another scenario counted.
    """
    supply = make_uncertain_supply()
    world = make_uncertain_world(schedule, supply)
    first, later = world.periods[0].starts_on, world.periods[2].starts_on
    nearest = np.arange(512) % 2
    orders = [
        DatedOrder("plant", first, 60.0),
        DatedOrder("engines", later, 40.0),
        DatedOrder("rental", first, 40.0, 1),
    ]
    book = OrderBook(orders, {o: np.full(2, 500.0) for o in ("plant", "engines", "rental")})
    days = reach_days(world, schedule, book, target_mw=100.0, nearest=nearest)
    month = 365.25 / 12
    plant = schedule.draws("plant") * month
    engines = (later - first).days + schedule.draws("engines") * month
    rental = schedule.draws("rental") * month
    expected = np.where(nearest == 1, np.maximum(plant, np.minimum(engines, rental)), np.maximum(plant, engines))
    assert days == pytest.approx(expected)
    assert day_of(world, days, 95) is None or day_of(world, days, 95) >= day_of(world, days, 50)  # type: ignore[operator]
    assert np.isinf(reach_days(world, schedule, book, target_mw=200.0, nearest=nearest)).all()
    assert day_of(world, np.full(512, np.inf), 50) is None


def test_a_rental_that_is_rented_again_counts_once(schedule: Schedule) -> None:
    """Proves: 40 MW rented twice, never more than 40 MW at a time, are 40 MW and not 80.

    If broken: full power of 80 MW would seem to be there with the second rental.
    """
    world = make_uncertain_world(schedule, make_uncertain_supply())
    orders = [DatedOrder("rental", world.periods[m].starts_on, 40.0) for m in (0, 6)]
    nearest = np.zeros(512, dtype=np.int64)
    for most, reached in ((40.0, False), (80.0, True)):
        book = OrderBook(orders, {"rental": np.array([most])})
        days = reach_days(world, schedule, book, target_mw=80.0, nearest=nearest)
        assert np.isfinite(days).all() == reached


def test_a_hedge_that_fails_leaves_the_plan_with_a_warning(
    schedule: Schedule, planned: tuple[World, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proves: where no solver answers, the deterministic plan stands and the reader is told.

    If broken: minutes of work end in an error, or a plan that was not hedged passes for one that was.
    """
    world, plan = planned
    stopped = SimpleNamespace(status="failed", columns=np.zeros(0), solver="test", message="out of time")
    monkeypatch.setattr("trainload.hedge.values.choose_solver", lambda *_args, **_kwargs: lambda _program: stopped)
    prepared: Any = SimpleNamespace(schedule=schedule, generations={})
    kept, notes = hedge_orders(prepared, plan, world)
    assert kept is plan
    assert [note.kind for note in notes] == ["warning"]
    assert "not hedged" in notes[0].text


@pytest.mark.slow
def test_a_study_with_a_hedge_is_saved_loaded_and_told(tmp_path: Path) -> None:
    """Proves: through all of `run`, with sampled hours, goals and grid tiers, folder and report hold the hedge.

    If broken: a table missing from the folder, an audit that fails with held orders, or a report without the section.
    """
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    patches = [("plan.lead_scenarios", 3), ("plan.scenario_hours", 504), ("plan.cvar_weight_frac", 0.3)]
    study = compute_study(load_scenario(path, patches=patches), quick=True)
    hedge = study.summary["hedge"]
    assert hedge["scenarios"] == 3
    assert hedge["expected_usd"] <= hedge["rescheduled_usd"] * (1 + 1e-6)
    assert hedge["rescheduled_usd"] <= hedge["deterministic_usd"] * (1 + 1e-6)
    assert all(value < 1e-5 for value in study.summary["checks"].values())
    again = load_study(save_study(tmp_path / "study", study))
    assert again.summary["hedge"] == hedge
    assert "What is it worth to know?" in render_report(again)
