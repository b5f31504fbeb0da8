"""The workbench: what it reuses is what a start from nothing would give, for every part of the scenario."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from trainload.errors import ScenarioError
from trainload.plan.formulate import formulate
from trainload.scenario.file import load_scenario, read_scenario_text
from trainload.scenario.models import Scenario
from trainload.solve.program import Program
from trainload.study.prepare import READS, StageShelf, prepare_stages
from trainload.study.workbench import Workbench

T = TypeVar("T")

SMALL = """
name: small
as_of: 2026-11-01
start_on: 2027-01-01
horizon_years: 4
n_draws: 512
programme:
  generations:
    G1: {wanted_on: 2029-01-01, facility_peak_mw: 300}
grid: {max_mw: 200}
forecast: {n_draws: 256}
option_set: named
options:
  grid_firm: {enabled: true}
  gt_aero: {enabled: true}
  rental_turbines: {enabled: true}
plan: {hours: sampled, sampled_hours: 168, monthly_years: 1}
"""
LEADS = ("lead_p10_months", "lead_p50_months", "lead_p90_months")


def leads(owner: str, *months: float) -> list[tuple[str, Any]]:
    return [(f"{owner}.{name}", value) for name, value in zip(LEADS, months, strict=True)]


# one change in every part of a scenario that a person writes
CHANGES: dict[str, list[tuple[str, Any]]] = {
    "name": [("name", "other")],
    "title": [("title", "Another title")],
    "description": [("description", "words")],
    "as_of": [("as_of", "2026-10-01")],
    "start_on": [("start_on", "2027-04-01")],
    "horizon_years": [("horizon_years", 5)],
    "seed": [("seed", 2)],
    "n_draws": [("n_draws", 1024)],
    "site": [("site.utc_offset_hours", -8)],
    "programme": [("programme.generations.G1.facility_peak_mw", 250)],
    "forecast": [("forecast.n_draws", 300)],
    "option_set": [("option_set", "catalogue")],
    "options": [*leads("options.gt_aero", 30, 40, 50)],
    "gates": [*leads("gates.substation_765", 60, 70, 80)],
    "chips": [("chips.own.like", "gb300")],
    "grid": [("grid.max_mw", 150)],
    "money": [("money.gas_usd_per_mmbtu", 9.0)],
    "rules": [("rules.co2_cap_tco2_per_year", 5e5)],
    "delay": [("delay.programme_usd_per_mwh", 150.0)],
    "plan": [("plan.lead_percentile", 80.0)],
    "uncertain": [("uncertain", {"grid.max_mw": {"low": 100, "mid": 150, "high": 200}})],
    "variants": [("variants", {"late": {"grid.max_mw": 100}})],
}


@pytest.fixture(scope="module")
def bench() -> Workbench:
    workbench = Workbench(read_scenario_text(SMALL), whole_units=False)
    workbench.solve()
    return workbench


def test_every_part_of_a_scenario_is_changed_in_some_test() -> None:
    """Proves: a new section can't be added without saying here that reuse was tried on it."""
    assert set(CHANGES) == set(Scenario.model_fields) - {"folder"}


QUICK = {"money", "options"}


def state(workbench: Workbench, patches: list[tuple[str, Any]]) -> Program:
    return formulate(workbench.prepare(patches).world).program


@pytest.mark.parametrize(
    "part", [part if part in QUICK else pytest.param(part, marks=pytest.mark.slow) for part in sorted(CHANGES)]
)
def test_reused_program_equals_the_program_from_nothing(part: str, bench: Workbench) -> None:
    """Proves: after any change the workbench states the very program that a fresh one states, number by number.

    If broken: a stage keeps what it should have run again, and a price or a lead time is that of another scenario.
    """
    bench.prepare()
    again, fresh = (state(workbench, CHANGES[part]) for workbench in (bench, Workbench(bench.scenario)))
    assert again.border.names == fresh.border.names and again.border.row_names == fresh.border.row_names
    for field in ("cost", "lower", "upper", "unit", "row_lower", "row_upper"):
        np.testing.assert_array_equal(getattr(again.border, field), getattr(fresh.border, field))
    assert (again.border.matrix != fresh.border.matrix).nnz == 0
    np.testing.assert_array_equal(again.budget_upper, fresh.budget_upper)
    for ours, theirs in zip(again.blocks, fresh.blocks, strict=True):
        for field in ("flow_cost", "flow_cap", "row_coeff", "state_cap"):
            np.testing.assert_array_equal(getattr(ours, field), getattr(theirs, field))
        for mine, other in zip(ours.row_border, theirs.row_border, strict=True):
            assert set(mine) == set(other)
            assert all((mine[column] == other[column]).all() for column in mine)


@pytest.mark.parametrize("part", [pytest.param("delay", marks=pytest.mark.slow), "money"])
def test_reused_plan_equals_the_plan_from_nothing(part: str, bench: Workbench) -> None:
    """Proves: so is the plan; and without the change the first plan is given back. If broken: plans get mixed up."""
    before = bench.solve()
    again = bench.solve(CHANGES[part])
    fresh = Workbench(bench.change(CHANGES[part]), whole_units=False).solve()
    assert again.check.objective == pytest.approx(fresh.check.objective, rel=1e-9)
    assert again is not before and bench.solve() is before
    for name in ("orders", "ledger", "periods"):
        pd.testing.assert_frame_equal(again.tables[name], fresh.tables[name], check_exact=False, rtol=1e-6, atol=1e-6)
    assert again.notes == fresh.notes
    assert bench.solve() is before


def test_only_what_a_change_touches_runs_again() -> None:
    """Proves: a new price of delay runs neither weather nor lead times. If broken: each point costs a whole run."""
    workbench = Workbench(read_scenario_text(SMALL), whole_units=False)
    workbench.prepare()
    n_ran = len(workbench.ran)
    workbench.prepare([("rules.co2_cap_tco2_per_year", 1e5)])
    assert workbench.ran[n_ran:] == ()
    workbench.prepare(leads("options.gt_aero", 30, 40, 50))
    assert workbench.ran[n_ran:] == ("supply", "schedule")


class Recorder(StageShelf):
    """Runs every stage and notes which parts of the scenario it reads."""

    def __init__(self, seen: set[str]) -> None:
        super().__init__()
        self.seen, self.read = seen, dict[str, set[str]]()

    def recall(self, stage: str, scenario: Scenario, make: Callable[[], T], **_: Any) -> T:
        self.seen.clear()
        made = make()
        self.read[stage] = set(self.seen)
        return made


def watch(model: BaseModel, seen: set[str], *, prefix: str = "") -> Any:
    """Return the model as an instance of a class that notes each field that is read, sections by their own fields."""
    kind = type(model)
    fields = set(kind.model_fields)

    def get(self: Any, attribute: str) -> Any:
        value = object.__getattribute__(self, attribute)
        if attribute in fields and (prefix or not isinstance(value, BaseModel)):
            seen.add(f"{prefix}{attribute}")
        elif attribute.startswith("model_") and prefix:  # a section taken whole
            seen.add(prefix.removesuffix("."))
        return value

    watched = type("Watched", (kind,), {"__getattribute__": get})
    values = {name: getattr(model, name) for name in fields}
    inner = {
        name: watch(value, seen, prefix=f"{name}.") if isinstance(value, BaseModel) and not prefix else value
        for name, value in values.items()
    }
    return watched.model_construct(set(model.model_fields_set), **inner)


@pytest.mark.parametrize("name", ["gigawatt", pytest.param("garman", marks=pytest.mark.slow)])
def test_stages_read_no_more_than_they_say(name: str) -> None:
    """Proves: each stage reads only the parts of a scenario that `READS` lists for it; a recorder looks on.

    If broken: a part that is read but not listed changes, and the stage's old result is taken for the new one.
    """
    seen: set[str] = set()
    recorder = Recorder(seen)
    prepare_stages(watch(load_scenario(name).scenario, seen), shelf=recorder)
    assert set(recorder.read) == set(READS)
    unlisted = {
        stage: sorted(path for path in read if not {path, path.partition(".")[0]} & set(READS[stage]))
        for stage, read in recorder.read.items()
    }
    assert {stage: paths for stage, paths in unlisted.items() if paths} == {}
    assert {"site.latitude_deg", "money.price_year"} <= recorder.read["profiles"]  # the recorder sees into sections


@pytest.mark.parametrize(
    ("patch", "says"),
    [
        (("grid.max_mv", 1), "has no field 'max_mv'; did you mean max_mw"),
        (("grid.max_mw", "much"), "grid.max_mw: must be a number"),
        (("options.gt_aero.like", "gt_areo"), "gt_areo"),
    ],
)
def test_a_bad_change_is_named_with_its_path(patch: tuple[str, Any], says: str, bench: Workbench) -> None:
    with pytest.raises(ScenarioError, match=says):
        bench.solve([patch])
