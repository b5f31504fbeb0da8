"""Long calendars: sampled weeks go ahead, every hour is solved with what they found, and the answer is the same."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from make_world import make_option, make_world
from trainload.errors import Note, SolverError
from trainload.plan import settle
from trainload.plan.sampling import list_calendar_blocks
from trainload.plan.settle import Settled, find_crumbs, required_reserve, settle_plan
from trainload.plan.world import World
from trainload.solve.check import check_solution

GAP = 0.005


def make_calendar_world(**settings: Any) -> World:
    """One year, every hour: whole turbines of 120 MW, small engines, dear fuel cells, sun, and a price that varies."""
    hours = np.arange(24)
    sun = np.clip(np.sin((hours - 6) / 12 * np.pi), 0.0, None)
    world = make_world(
        [
            make_option("turbine", unit_mw=120.0, capex_usd_per_mw=1.5e6, fuel_cost_usd_per_mwh=30.0, wacc_frac=0.07),
            make_option("engine", unit_mw=18.0, capex_usd_per_mw=1.2e6, fuel_cost_usd_per_mwh=45.0),
            make_option("fuel_cell", capex_usd_per_mw=9e6, fuel_cost_usd_per_mwh=70.0),
            make_option("solar", firm=False, availability="solar", capex_usd_per_mw=0.5e6),
            make_option("grid", delivery="grid", max_mw=100.0, demand_charge_usd_per_mw_month=9e3),
        ],
        wanted_mw=[200.0] * 6 + [500.0] * 6,
        price=np.where(hours < 16, 35.0, 80.0),
        availability={"solar": sun, "wind": 0.4},
        plan={"hours": "calendar", "sampled_hours": 504, "mip_gap_frac": GAP, **settings},
    )
    blocks, chains = list_calendar_blocks(world.periods, world.present)
    return replace(world, blocks=tuple(blocks), chains=tuple(chains))


@pytest.fixture
def short_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "LONG_HOURS", 1_000)


def settle_quietly(world: World, **options: Any) -> tuple[Settled, list[Note]]:
    notes: list[Note] = []
    return settle_plan(world, notes, lambda _message, _share: None, **options), notes


@pytest.mark.usefixtures("short_is_long")
def test_guided_plan_is_as_good_as_the_plan_without_a_guide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: with a guide, every hour is planned, within the gap of the plan found without one, and proven.

    If broken: the guide's weeks are tabulated as every hour, or its units are taken although others are better.
    """
    world = make_calendar_world()
    guided, _ = settle_quietly(world)
    monkeypatch.setattr(settle, "LONG_HOURS", 1_000_000)
    alone, _ = settle_quietly(world)
    assert guided.formulation.program.n_steps == alone.formulation.program.n_steps == 8760
    one, other = (check_solution(s.formulation.program, s.solution) for s in (guided, alone))
    assert max(one.residual, other.residual) <= 1e-6
    assert one.whole_error <= 1e-9
    assert one.bound <= other.objective * (1 + 1e-7)
    assert other.bound <= one.objective * (1 + 1e-7)
    assert one.gap <= GAP
    assert abs(one.objective - other.objective) <= GAP * other.objective


@pytest.mark.usefixtures("short_is_long")
def test_guided_plan_keeps_the_reserve_and_has_no_crumbs() -> None:
    """Proves: the largest unit in service is held in reserve every month; what is not wanted is exactly nothing."""
    guided, notes = settle_quietly(make_calendar_world())
    wanted = required_reserve(guided.formulation, guided.solution)
    assert wanted.max() > 0
    assert (wanted <= guided.formulation.world.reserve_frac + 1e-9).all()
    program = guided.formulation.program
    assert "fuel_cell" in find_crumbs(program, guided.solution)
    built = [guided.solution.columns[i] for i, name in enumerate(program.border.names) if "fuel_cell" in name]
    assert built == [0.0] * len(built)
    assert [note.subject for note in notes].count("plan.units") == 1


@pytest.mark.usefixtures("short_is_long")
def test_unproven_plan_costs_the_same_and_claims_nothing() -> None:
    """Proves: without the proving solve the plan is there and its bound is not. If broken: a gap nobody has proven."""
    world = make_calendar_world()
    proven, _ = settle_quietly(world)
    unproven, notes = settle_quietly(world, prove=False)
    assert unproven.solution.bound == -np.inf
    assert unproven.solution.objective == pytest.approx(proven.solution.objective, rel=GAP)
    assert not [note for note in notes if note.subject == "plan.units"]


@pytest.mark.usefixtures("short_is_long")
@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SolverError("plan", "no memory")])
def test_stopped_on_the_long_calendar_the_weeks_are_the_plan(
    monkeypatch: pytest.MonkeyPatch, stop: BaseException
) -> None:
    """Proves: Ctrl-C or a failure on every hour leaves the weeks' plan, and says so. If broken: no plan at all."""
    choose: Callable[..., Any] = settle.choose_solver

    def choose_until_long(program: Any, *args: Any, **options: Any) -> Any:
        if program.n_steps > 1_000:
            raise stop
        return choose(program, *args, **options)

    monkeypatch.setattr(settle, "choose_solver", choose_until_long)
    left, notes = settle_quietly(make_calendar_world())
    assert left.formulation.program.n_steps <= 504
    assert all(len(block.periods) == 12 for block in left.formulation.world.blocks)
    assert [note.kind for note in notes if note.subject == "plan.hours"] == ["warning"]


@pytest.mark.usefixtures("short_is_long")
def test_relaxed_plan_of_a_long_calendar_is_its_bound() -> None:
    """Proves: fractional units cost no more than whole ones. If broken: the guide's units are held all the same."""
    world = make_calendar_world()
    whole, _ = settle_quietly(world)
    relaxed, _ = settle_quietly(world, whole_units=False)
    assert relaxed.solution.objective <= whole.solution.objective * (1 + 1e-7)
    assert isinstance(relaxed.formulation.ledger.evaluate(relaxed.solution), pd.DataFrame)


@pytest.mark.usefixtures("short_is_long")
def test_without_time_for_the_proof_every_hour_is_planned_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: where the proving solve ends at the time limit, the plan of every hour stands, unproven, and says so."""
    choose: Callable[..., Any] = settle.choose_solver

    def choose_slow(program: Any, *args: Any, **options: Any) -> Any:
        solve = choose(program, *args, **options)

        def solve_slowly(p: Any) -> Any:
            solution = solve(p)
            if p is program and p.n_steps > 1_000:  # nothing is held in it
                return replace(solution, status="time_limit", columns=solution.columns + 50.0)
            return solution

        return solve_slowly

    monkeypatch.setattr(settle, "choose_solver", choose_slow)
    left, notes = settle_quietly(make_calendar_world())
    assert left.formulation.program.n_steps == 8760
    assert left.solution.bound == -np.inf
    assert check_solution(left.formulation.program, left.solution).residual <= 1e-6
    assert [note.kind for note in notes if note.subject == "plan"] == ["warning"]
