"""Everything that stands before a plan: the stages from catalogue to lead times, and the world that they make.

Each stage is kept with the parts of the scenario that it reads (`READS`) and with the stages it follows from, so that a
changed scenario runs only what the change touches. A test holds `READS` to what the stages do read.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel

from trainload.catalogue.facts import Catalogue, load_catalogue
from trainload.demand.demand import Demand, estimate_demand
from trainload.errors import Note
from trainload.forecast.forecast import Forecast, forecast_power
from trainload.plan.prices import IdlePrices, price_idle_compute
from trainload.plan.world import World, build_world
from trainload.profiles.profiles import Profiles, build_profiles
from trainload.scenario.models import Scenario
from trainload.supply.options import Supply
from trainload.supply.schedule import Schedule, simulate_arrivals
from trainload.supply.supply import build_supply

Progress = Callable[[str, float | None], None]
T = TypeVar("T")

CALENDAR = ("as_of", "start_on", "horizon_years")
# The parts of a scenario that each stage reads itself, whatever it takes over from the stages before it.
READS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "catalogue": ("as_of",),
        "forecast": (*CALENDAR, "name", "seed", "programme", "forecast", "folder"),
        "demand": (
            *CALENDAR,
            "name",
            "programme",
            "site",
            "chips",
            "money.chip_wacc_frac",
            "money.price_year",
            "grid.carbon_decline_per_year",
            "delay.gpu_share_frac",
            "delay.idle_floor_frac",
            "delay.tranches",
            "folder",
        ),
        "profiles": (
            *CALENDAR,
            "name",
            "programme.peak_to_it_frac",
            "programme.pue_annual",
            "programme.duty_frac",
            "programme.load",
            "site",
            "grid.price_growth_per_year",
            "grid.carbon_decline_per_year",
            "money.price_year",
            "folder",
        ),
        "supply": ("name", "option_set", "options", "gates", "money", "site", "grid"),
        "schedule": ("n_draws", "seed"),
        "prices": ("delay",),
    }
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Results of every stage before the plan."""

    scenario: Scenario
    catalogue: Catalogue
    forecast: Forecast
    demand: Demand
    profiles: Profiles
    supply: Supply
    schedule: Schedule
    world: World
    notes: tuple[Note, ...]

    @property
    def generations(self) -> dict[Any, str]:
        """Name of each generation by its wanted date."""
        return {g.wanted_on: g.name for g in self.demand.generations}


class StageShelf:
    """The last result of each stage, with what it was made from."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, object]] = {}
        self.ran: list[str] = []

    def recall(
        self,
        stage: str,
        scenario: Scenario,
        make: Callable[[], T],
        *,
        after: tuple[str, ...] = (),
        given: object = None,
    ) -> T:
        """Return the stage's kept result where nothing that it reads has changed, else make it anew.

        Args:
            stage: its name in `READS`.
            scenario: of which the parts in `READS` count.
            make: runs the stage.
            after: stages whose results it takes over whole.
            given: what it takes over of others, where that is less.
        """
        parts = [_read_part(scenario, path) for path in READS[stage]]
        key = json.dumps([parts, repr(given), [self._kept[name][0] for name in after]], sort_keys=True, default=str)
        kept = self._kept.get(stage)
        if kept is None or kept[0] != key:
            self._kept.pop(stage, None)
            kept = self._kept[stage] = (key, make())
            self.ran.append(stage)
        return kept[1]  # type: ignore[return-value]


def _read_part(scenario: Scenario, path: str) -> object:
    """Return one part of a scenario as plain data."""
    name, _, inner = path.partition(".")
    part = getattr(scenario, name)
    part = getattr(part, inner) if inner else part
    return _to_plain(part)


def _to_plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(key): _to_plain(item) for key, item in value.items()}
    return value


def prepare_stages(
    scenario: Scenario, *, on_progress: Progress | None = None, shelf: StageShelf | None = None
) -> Prepared:
    """Run catalogue, forecast, demand, profiles, supply and lead times, and build the world of the plan.

    Args:
        scenario: as read and patched.
        on_progress: called with a message and the share done.
        shelf: keeps each stage's result; with the shelf of an earlier scenario only what differs is run.

    Raises:
        TrainloadError: a stage can't use its input.
    """
    tell = on_progress or (lambda _message, _share: None)
    recall = (shelf or StageShelf()).recall
    tell("reading the catalogue", 0.02)
    catalogue = recall("catalogue", scenario, lambda: load_catalogue(scenario.as_of))
    tell("forecasting training power", 0.05)
    forecast = recall("forecast", scenario, lambda: forecast_power(scenario), after=("catalogue",))
    tell("estimating demand", 0.10)
    demand = recall(
        "demand",
        scenario,
        lambda: estimate_demand(scenario, catalogue, generations=forecast.generations),
        after=("catalogue", "forecast"),
    )
    tell("laying weather, price and carbon on the calendar", 0.13)
    profiles = recall("profiles", scenario, lambda: build_profiles(scenario, catalogue), after=("catalogue",))
    supply = recall("supply", scenario, lambda: build_supply(scenario, catalogue), after=("catalogue",))
    tell("simulating lead times", 0.18)
    schedule = recall(
        "schedule",
        scenario,
        lambda: simulate_arrivals(supply, n_draws=scenario.n_draws, seed=scenario.seed),
        given=[(o.option, o.steps, o.gates, o.available_on) for o in supply.options]
        + [(g.gate, g.steps) for g in supply.gates],
    )
    idle = recall(
        "prices",
        scenario,
        lambda: price_idle_compute(scenario, catalogue, it_share_frac=demand.it_peak_frac),
        after=("catalogue", "demand"),
    )
    world = assemble_world(scenario, supply, profiles, schedule=schedule, demand=demand, idle=idle)
    notes = (
        *catalogue.notes,
        *forecast.notes,
        *demand.notes,
        *profiles.notes,
        *supply.notes,
        *idle.notes,
        *world.notes,
    )
    return Prepared(scenario, catalogue, forecast, demand, profiles, supply, schedule, world, notes)


def assemble_world(
    scenario: Scenario,
    supply: Supply,
    profiles: Profiles,
    *,
    schedule: Schedule,
    demand: Demand,
    idle: IdlePrices,
) -> World:
    """Return the world of the plan, with every lead time at the scenario's percentile."""
    owners = (*supply.option_ids, *supply.gate_ids)
    return build_world(
        scenario,
        supply,
        profiles,
        lead_months={o: schedule.lead_months(o, scenario.plan.lead_percentile) for o in owners},
        load_path=demand.load_path,
        idle=idle,
        it_peak_frac=demand.it_peak_frac,
    )
