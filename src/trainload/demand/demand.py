"""Stage: a scenario's generations as chips, MW, MWh and days, and the load path that they ask the campus for.

What a generation leaves open is chosen here, each choice a `Note`: chip and precision by date, utilisation, length of
the run, islands. Knows nothing of supply: `Demand.finish` takes the power that a plan found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainload.catalogue.facts import Catalogue, Figure
from trainload.demand.chips import ProjectedChip, choose_chip, resolve_chip
from trainload.demand.finish import Finish, compute_by_period, finish_dates
from trainload.demand.published import compare_published_energy, estimate_training_run
from trainload.demand.run import RunDemand, estimate_run, solve_days, solve_flop
from trainload.demand.size import DerivationStep, RunSpec
from trainload.errors import DataError, Note, Problem, ScenarioError
from trainload.scenario.models import Generation, Scenario
from trainload.scenario.series import lay_on_calendar, read_series
from trainload.tables import TABLES

__all__ = [
    "Demand",
    "DerivationStep",
    "Finish",
    "GenerationDemand",
    "LoadPath",
    "RunDemand",
    "RunSpec",
    "compare_published_energy",
    "estimate_demand",
    "estimate_run",
    "estimate_training_run",
    "finish_dates",
    "solve_days",
    "solve_flop",
    "tabulate_derivation",
    "tabulate_powers",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LoadPath:
    """Wanted facility peak of the campus: a step function, zero before its first day.

    Attributes:
        starts_on: rising days.
        facility_peak_mw: wanted from each of those days on.
    """

    starts_on: tuple[date, ...]
    facility_peak_mw: Floats

    def at(self, days: Sequence[date]) -> Floats:
        """Return the wanted facility peak on each day."""
        starts = np.array([day.toordinal() for day in self.starts_on])
        index = np.searchsorted(starts, [day.toordinal() for day in days], side="right") - 1
        return np.where(index >= 0, self.facility_peak_mw[np.maximum(index, 0)], 0.0)


@dataclass(frozen=True, slots=True)
class GenerationDemand:
    """One generation of the programme with everything resolved.

    Attributes:
        campus_peak_mw: facility peak of the campus that it asks for: its own over its share of the campus.
        run: the run behind it, with powers under every definition and the derivation.
    """

    name: str
    wanted_on: date
    flop: float
    chip: str
    n_chips: float
    days: float
    facility_peak_mw: float
    campus_peak_mw: float
    facility_average_mw: float
    it_peak_mw: float
    energy_mwh: float
    utilisation_frac: float
    goodput_frac: float
    cost_usd: float
    tco2: float
    run: RunDemand

    @property
    def derivation(self) -> tuple[DerivationStep, ...]:
        """Its steps in order."""
        return self.run.derivation


@dataclass(frozen=True, slots=True)
class Demand:
    """What the programme wants.

    Attributes:
        it_peak_frac: IT rating over facility peak.
        derivation: columns of ``tables.TABLES["derivation"]``.
        figures: catalogue figures used, by key.
        delay: shares of load used when `finish` turns shed load into lost compute.
    """

    generations: tuple[GenerationDemand, ...]
    load_path: LoadPath
    it_peak_frac: float
    derivation: pd.DataFrame
    figures: Mapping[str, Figure]
    notes: tuple[Note, ...]
    gpu_share_frac: float
    idle_floor_frac: float

    def finish(self, periods: pd.DataFrame, operation: pd.DataFrame) -> tuple[Finish, ...]:
        """Return when each generation finishes under a plan's tables `periods` and `operation`."""
        if not self.generations:
            return ()
        starts = [day.date() for day in pd.to_datetime(periods["period_on"])]
        compute = compute_by_period(
            periods, operation, gpu_share_frac=self.gpu_share_frac, idle_floor_frac=self.idle_floor_frac
        )
        return finish_dates(
            self.generations,
            starts_on=starts,
            ends_on=pd.to_datetime(periods["ends_on"]).iloc[-1].date(),
            powered_mw=periods["powered_mw"].to_numpy(float),
            compute_frac=compute,
        )


def estimate_demand(
    scenario: Scenario, catalogue: Catalogue, *, generations: Mapping[str, Generation] | pd.DataFrame | None = None
) -> Demand:
    """Return chips, MW, MWh and days of each generation, and the campus's load path.

    Args:
        scenario: its programme, chips, site and money.
        catalogue: as known on the scenario's date.
        generations: the forecast's, used where the scenario names none or leaves one without FLOP and MW; a mapping by
            name, or the forecast's table of drawn generations, of which the medians are taken.

    Raises:
        ScenarioError: no generations and no load, or figures of a generation that contradict each other.
        DataError: an unknown chip, or a load series that can't be read.
    """
    notes: list[Note] = []
    named, more = _list_generations(scenario, generations)
    notes += more
    if not named and scenario.programme.load is None:
        fix = "add programme.generations, each with wanted_on and flop or facility_peak_mw, or programme.load"
        raise ScenarioError(
            f"scenario {scenario.name}", Problem("programme.generations", "says nothing of what to train", "none", fix)
        )
    problems: list[Problem] = []
    demands: list[GenerationDemand] = []
    figures: dict[str, Figure] = {}
    for name, generation in sorted(named.items(), key=lambda item: item[1].wanted_on):
        try:
            demand, more = _estimate_generation(name, generation, scenario, catalogue, figures=figures)
        except (ScenarioError, DataError) as error:
            problems += [replace(p, where=f"programme.generations.{name} {p.where}".strip()) for p in error.problems]
            continue
        demands.append(demand)
        notes += more
    if problems:
        raise ScenarioError(f"scenario {scenario.name}", *problems)
    if scenario.programme.load is not None:
        path, more = _path_of_series(scenario)
    else:
        path, more = _path_of_generations(demands)
    notes += more
    figures |= {f"parameters.{name}": catalogue.parameters[name] for name in _USED}
    ratio = scenario.programme.peak_to_it_frac or catalogue.parameters["peak_to_it_frac"].value
    rows = [(d.name, s) for d in demands for s in d.derivation]
    return Demand(
        generations=tuple(demands),
        load_path=path,
        it_peak_frac=1.0 / ratio,
        derivation=tabulate_derivation(rows),
        figures=figures,
        notes=tuple(dict.fromkeys(notes)),
        gpu_share_frac=scenario.delay.gpu_share_frac,
        idle_floor_frac=scenario.delay.idle_floor_frac,
    )


# Parameters behind every estimate, for the list of sources.
_USED = (
    "peak_to_it_frac", "pue_2018_frac", "pue_decline_per_year", "pue_floor_frac", "failure_rate", "chips_per_node",
    "checkpoint_async_seconds", "restart_async_seconds", "island_chips", "run_days", "chip_wait_months",
    "chip_cadence_months", "utilisation_bf16_frac", "utilisation_fp8_frac", "server_over_tdp_frac",
    "network_over_server_frac", "node_load_frac", "all_in_pue_frac", "contract_margin_frac", "server_life_years",
)  # fmt: skip


def _list_generations(
    scenario: Scenario, forecast: Mapping[str, Generation] | pd.DataFrame | None
) -> tuple[dict[str, Generation], list[Note]]:
    """Return every generation with FLOP or MW: the scenario's, completed or replaced by the forecast's."""
    given = scenario.programme.generations
    drawn = _read_forecast(forecast)
    drawn = {name: g for name, g in drawn.items() if g.wanted_on < scenario.ends_on}
    if not given:
        if drawn and scenario.programme.load is None:
            text = f"{len(drawn)} generations from the forecast's medians: the scenario names none"
            return drawn, [Note("programme.generations", text, "default")]
        return {}, []
    notes: list[Note] = []
    named: dict[str, Generation] = {}
    problems: list[Problem] = []
    for name, generation in sorted(given.items(), key=lambda item: item[1].wanted_on):
        if generation.flop is not None or generation.facility_peak_mw is not None:
            named[name] = generation
            continue
        if not drawn:
            where = f"programme.generations.{name}"
            problems.append(Problem(where, "has neither flop nor facility_peak_mw", "neither", "give one of them"))
            continue
        key, near = min(drawn.items(), key=lambda item: abs((item[1].wanted_on - generation.wanted_on).days))
        size = {"flop": near.flop} if near.facility_peak_mw is None else {"facility_peak_mw": near.facility_peak_mw}
        named[name] = generation.model_copy(update=size)
        text = f"size of the forecast's generation {key} (wanted {near.wanted_on}), the nearest in time"
        notes.append(Note(f"programme.generations.{name}", text, "default"))
    if problems:
        raise ScenarioError(f"scenario {scenario.name}", *problems)
    return named, notes


def _read_forecast(forecast: Mapping[str, Generation] | pd.DataFrame | None) -> dict[str, Generation]:
    if forecast is None:
        return {}
    if not isinstance(forecast, pd.DataFrame):
        return dict(forecast)
    return {
        str(row["name"]): Generation(
            wanted_on=pd.Timestamp(row["wanted_p50_on"]).date(),
            facility_peak_mw=float(row["facility_peak_p50_mw"]),
            run_days=float(row["run_p50_days"]),
        )
        for row in forecast.to_dict("records")
    }


def _estimate_generation(
    name: str, generation: Generation, scenario: Scenario, catalogue: Catalogue, *, figures: dict[str, Figure]
) -> tuple[GenerationDemand, list[Note]]:
    programme = scenario.programme
    notes: list[Note] = []
    projected: ProjectedChip | None = None
    if generation.chip is not None:
        chip = resolve_chip(generation.chip, catalogue, scenario.chips)
    else:
        chip, projected, note = choose_chip(catalogue, generation.wanted_on, as_of=scenario.as_of)
        notes.append(replace(note, subject=f"programme.generations.{name}.chip"))
    own = scenario.chips.get(generation.chip or "")
    carbon, proof, more = _find_carbon(scenario, catalogue, generation.wanted_on, figures)
    notes += more
    spec = RunSpec(
        name=name,
        chip=chip,
        on=generation.wanted_on,
        as_of=scenario.as_of,
        flop=generation.flop,
        days=generation.run_days,
        power_mw=generation.facility_peak_mw,
        utilisation_frac=generation.utilisation_frac,
        precision=generation.precision,
        n_islands=generation.n_islands,
        pue_annual=programme.pue_annual,
        peak_to_it_frac=programme.peak_to_it_frac,
        duty_frac=programme.duty_frac,
        energy_usd_per_mwh=scenario.site.price_mean_usd_per_mwh,
        carbon_tco2_per_mwh=carbon,
        chip_cost_usd=None if own is None else own.price_usd,
        chip_wacc_frac=scenario.money.chip_wacc_frac,
        proof=("C", "scenario"),
        carbon_proof=proof,
    )
    run = estimate_run(spec, catalogue)
    if generation.utilisation_frac is None and None not in (
        generation.flop,
        generation.facility_peak_mw,
        generation.run_days,
    ):
        text = f"utilisation of {run.utilisation_frac:.3f} implied by flop, facility_peak_mw and run_days together"
        notes.append(
            Note(f"programme.generations.{name}", text, "warning" if run.utilisation_frac < 0.05 else "assumption")
        )
    if projected is not None:
        run = replace(run, derivation=(*run.derivation, *_spread_steps(spec, projected, catalogue)))
    for quantity in ("bf16_flop_per_s", "fp8_flop_per_s", "it_power_w"):
        key = f"chips.{chip.name}.{quantity}"
        if chip.name in catalogue.chips and getattr(chip, quantity) is not None:
            figures[key] = catalogue.find_figure(key)[1]
    notes += [replace(n, subject=f"programme.generations.{name}") for n in run.notes]
    return (
        GenerationDemand(
            name=name,
            wanted_on=generation.wanted_on,
            flop=run.flop,
            chip=run.chip.name,
            n_chips=run.n_chips,
            days=run.days,
            facility_peak_mw=run.facility_peak_mw,
            campus_peak_mw=run.facility_peak_mw / programme.run_share_frac,
            facility_average_mw=run.facility_average_mw,
            it_peak_mw=run.it_peak_mw,
            energy_mwh=run.energy_mwh,
            utilisation_frac=run.utilisation_frac,
            goodput_frac=run.goodput_frac,
            cost_usd=run.cost_usd,
            tco2=run.tco2,
            run=run,
        ),
        notes,
    )


def _spread_steps(spec: RunSpec, projected: ProjectedChip, catalogue: Catalogue) -> list[DerivationStep]:
    """Return what the spread of a projected chip does: FLOP for a given power, power for a given FLOP."""
    steps: list[DerivationStep] = []
    for label, chip in (("10th", projected.low), ("90th", projected.high)):
        other = estimate_run(replace(spec, chip=chip), catalogue)
        text = f"with the {label} percentile of the projected chip's FLOP/s per W"
        if spec.flop is None:
            steps.append(DerivationStep(f"compute, chip P{label[:2]}", other.flop, "FLOP", text, "C", chip.source))
        else:
            mw = other.facility_peak_mw
            steps.append(DerivationStep(f"power (facility_peak), chip P{label[:2]}", mw, "MW", text, "C", chip.source))
    return steps


def _find_carbon(
    scenario: Scenario, catalogue: Catalogue, on: date, figures: dict[str, Figure]
) -> tuple[float, tuple[str, str], list[Note]]:
    """Return the grid's average factor in the year of the run: the site's, falling as the scenario says."""
    years = max(0.0, (on - scenario.first_order_on).days / 365.25)
    fall = (1.0 - scenario.grid.carbon_decline_per_year) ** years
    if scenario.site.carbon_mean_tco2_per_mwh is not None:
        return scenario.site.carbon_mean_tco2_per_mwh * fall, ("C", "scenario"), []
    region = scenario.site.grid_region
    if region not in catalogue.grid_factors:
        known = ", ".join(sorted(catalogue.grid_factors))
        raise ScenarioError(
            f"scenario {scenario.name}", Problem("site.grid_region", "no grid factor for it", region, f"known: {known}")
        )
    figure = catalogue.grid_factors[region]
    figures[f"grid_factors.{region}"] = figure
    decline = scenario.grid.carbon_decline_per_year
    text = f"{region} {figure.value:.3f} tCO2/MWh ({figure.year}), falling {decline:.0%} a year"
    return figure.value * fall, (figure.grade, figure.source), [Note("demand.tco2", text, "default")]


def _path_of_generations(demands: Sequence[GenerationDemand]) -> tuple[LoadPath, list[Note]]:
    """Return the rising step function through the generations' campus peaks."""
    notes: list[Note] = []
    days: list[date] = []
    peaks: list[float] = []
    for demand in demands:
        if peaks and demand.campus_peak_mw < peaks[-1] * (1.0 - 1e-9):
            text = (
                f"wants {demand.campus_peak_mw:,.0f} MW, less than the {peaks[-1]:,.0f} MW before it: the load path "
                "stays, the campus keeps its chips"
            )
            notes.append(Note(f"programme.generations.{demand.name}", text))
            continue
        if days and days[-1] == demand.wanted_on:
            peaks[-1] = demand.campus_peak_mw
            continue
        days.append(demand.wanted_on)
        peaks.append(demand.campus_peak_mw)
    return LoadPath(tuple(days), np.array(peaks)), notes


def _path_of_series(scenario: Scenario) -> tuple[LoadPath, list[Note]]:
    """Return the rising monthly maxima of an hourly load series as the load path."""
    if scenario.programme.load is None:
        raise ValueError("the scenario has no load series")
    folder = Path(scenario.folder) if scenario.folder is not None else Path()
    offset = scenario.site.utc_offset_hours
    series = read_series(
        scenario.programme.load, folder, quantity="load", utc_offset_hours=offset, name="programme.load"
    )
    local = pd.date_range(scenario.first_order_on, scenario.ends_on, freq="h", inclusive="left")
    hours = (local - pd.Timedelta(hours=offset)).tz_localize("UTC")
    monthly = pd.Series(lay_on_calendar(series, hours), index=local).resample("MS").max()
    rising = monthly.cummax()
    kept = rising[rising.diff().fillna(1.0) > 0]
    days = tuple(max(stamp.date(), scenario.first_order_on) for stamp in kept.index)
    text = f"from the hourly load series {series.source}: monthly maxima, never falling"
    return LoadPath(days, np.asarray(kept.to_numpy(), dtype=np.float64)), [*series.notes, Note("programme.load", text)]


def tabulate_derivation(rows: Sequence[tuple[str, DerivationStep]]) -> pd.DataFrame:
    """Return (run or generation, step) pairs as the study's table `derivation`."""
    return pd.DataFrame(
        [(name, s.step, s.value, s.unit, s.formula, s.grade, s.source) for name, s in rows],
        columns=list(TABLES["derivation"]),
    )


def tabulate_powers(run: RunDemand) -> pd.DataFrame:
    """Return the run's W per chip, MW and MWh under every named definition."""
    return pd.DataFrame(
        [(p.definition, p.power_w, p.power_mw, p.energy_mwh, p.formula, p.grade) for p in run.powers.values()],
        columns=["definition", "power_w", "power_mw", "energy_mwh", "formula", "grade"],
    )
