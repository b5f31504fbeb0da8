"""Plan again after a change, at the price of what the change touches.

A workbench keeps every stage before the plan with the parts of the scenario that it reads, and every plan with the
scenario it answers. A changed price, cap or lead time then costs its own stage and the solve; the answer is the one
that a start from nothing gives.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from trainload.errors import Note, ScenarioError
from trainload.plan.limiting import explain_limits
from trainload.plan.modes import apply_mode
from trainload.plan.plan import Plan, make_plan
from trainload.plan.world import World
from trainload.scenario.check import check_scenario
from trainload.scenario.models import Scenario
from trainload.scenario.patch import patch_scenario
from trainload.study.prepare import Prepared, StageShelf, prepare_stages

Progress = Callable[[str, float | None], None]
Patches = Sequence[tuple[str, object]]
UNREAD = ("title", "description", "variants")  # words, and sets of patches that are applied before
MOST_PLANS = 64


def note_unhedged(scenario: Scenario) -> tuple[Note, ...]:
    """Return a note where the scenario asks for a hedge, which only a study of its own makes."""
    if not scenario.plan.lead_scenarios:
        return ()
    text = f"orders are for lead times at P{scenario.plan.lead_percentile:g}; `trainload run` makes the hedge."
    return (Note("plan.lead_scenarios", text, "warning"),)


class Workbench:
    """Plans of one scenario and its changes.

    Args:
        scenario: where every change starts from.
        whole_units: False leaves lumpy orders fractional: quicker, and a bound rather than a plan.
        on_progress: called with a message and, where known, the share done.
    """

    def __init__(self, scenario: Scenario, *, whole_units: bool = True, on_progress: Progress | None = None) -> None:
        self.scenario = scenario
        self._whole_units = whole_units
        self._tell = on_progress or (lambda _message, _share: None)
        self._shelf = StageShelf()
        self._plans: dict[str, Plan] = {}

    @property
    def ran(self) -> tuple[str, ...]:
        """The stages that have run so far, in order; what was reused is not among them."""
        return tuple(self._shelf.ran)

    def change(self, patches: Patches) -> Scenario:
        """Return the scenario with some paths changed, checked in full.

        Raises:
            ScenarioError: an unknown path, a value that its field refuses, or a scenario that can't be.
        """
        scenario = patch_scenario(self.scenario, patches)
        problems = check_scenario(scenario, scenario.model_dump(exclude_unset=True), where=lambda _: "").problems
        if problems:
            raise ScenarioError(f"scenario {scenario.name}", *problems)
        return scenario

    def prepare(self, patches: Patches = ()) -> Prepared:
        """Return the stages before the plan; only those run whose part of the scenario has changed since the last."""
        return prepare_stages(self.change(patches), shelf=self._shelf)

    def solve(self, patches: Patches = ()) -> Plan:
        """Return the plan of the scenario with some paths changed, in the scenario's mode.

        Raises:
            TrainloadError: the change, or a stage with it, can't be used.
        """
        scenario = self.change(patches)
        parts = scenario.model_dump(mode="json", exclude=set(UNREAD))
        key = json.dumps([parts, str(scenario.folder)], sort_keys=True, default=str)
        if key not in self._plans:
            prepared = prepare_stages(scenario, shelf=self._shelf)
            world, notes = apply_mode(prepared.world, lambda case: self.solve_world(case, prepared))
            plan = self.solve_world(world, prepared)
            told = (*note_unhedged(scenario), *prepared.notes, *notes, *explain_limits(world, plan.tables), *plan.notes)
            while len(self._plans) >= MOST_PLANS:
                self._plans.pop(next(iter(self._plans)))
            self._plans[key] = replace(plan, notes=told)
        return self._plans[key]

    def solve_world(self, world: World, prepared: Prepared) -> Plan:
        """Return the plan of a world, such as one with limits, with the lead times of prepared stages."""
        return make_plan(
            world,
            prepared.schedule,
            generations=prepared.generations,
            whole_units=self._whole_units,
            on_progress=self._tell,
        )
