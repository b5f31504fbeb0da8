"""A developer's programme: where it starts, its drawn generations, and the load path they ask for."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from trainload.chance import normal_stream, uniform_stream
from trainload.errors import Note
from trainload.forecast.cadence import Cadence, ProgrammeDraws, draw_programme, largest_by, measure_cadence
from trainload.forecast.joint import JointDraws, JointModel
from trainload.forecast.predictive import FloatArray, column_quantiles
from trainload.forecast.runs import decimal_year, decimal_years, developer_family
from trainload.scenario.models import Scenario

N_GENERATIONS = 6
# Judgement (grade C): from the end of a run to the model's release, for later training stages and tests.
RELEASE_LAG_DAYS = 120.0
# Length of a run that gives none (grade C): the last record runs took 90 to 100 days.
USUAL_RUN_DAYS = 100.0


@dataclass(frozen=True, slots=True)
class ProgrammeStart:
    """The generation that a programme starts from.

    Attributes:
        compute_oom: log10 FLOP; None where only its power is given.
        power_oom: log10 rated MW; None where only its compute is given.
        elapsed_years: since its release; negative where it is still to come.
        note: which one it is.
    """

    compute_oom: float | None
    power_oom: float | None
    elapsed_years: float
    note: Note


def find_programme_start(scenario: Scenario, known: pd.DataFrame, *, offset_oom: float) -> ProgrammeStart:
    """Return the developer's present generation; else the scenario's first with a size; else the record's.

    Args:
        scenario: its programme names the developer or the generations.
        known: runs dated to as_of.
        offset_oom: log10 of facility peak over rated power.
    """
    rows = known[known["compute_flop"].notna()]
    developer = scenario.programme.developer
    if developer is not None:
        mine = rows[rows["developer"].map(developer_family) == developer_family(developer)]
        if len(mine):
            return _start_at_largest(mine, scenario, f"starts from {developer}'s largest known run,")
    sized = sorted(
        (generation.wanted_on, name)
        for name, generation in scenario.programme.generations.items()
        if generation.flop is not None or generation.facility_peak_mw is not None
    )
    if sized:
        wanted_on, name = sized[0]
        first = scenario.programme.generations[name]
        released = decimal_year(wanted_on) + ((first.run_days or USUAL_RUN_DAYS) + RELEASE_LAG_DAYS) / 365.25
        return ProgrammeStart(
            None if first.flop is None else float(np.log10(first.flop)),
            None if first.facility_peak_mw is None else float(np.log10(first.facility_peak_mw)) - offset_oom,
            decimal_year(scenario.as_of) - released,
            Note(
                "forecast.programme",
                f"starts from generation {name} of the scenario, wanted on {wanted_on} and released a run and "
                f"{RELEASE_LAG_DAYS:.0f} days later; nothing is counted before",
            ),
        )
    who = "" if developer is None else f"{developer} has no run with known compute and "
    return _start_at_largest(rows, scenario, f"{who}no generation with a size is given: starts from the record,")


def _start_at_largest(rows: pd.DataFrame, scenario: Scenario, text: str) -> ProgrammeStart:
    row = rows.iloc[int(np.argmax(rows["compute_flop"].to_numpy(float)))]
    power_mw = float(row["rated_facility_mw"])
    when = pd.Timestamp(row["released_on"])
    note = f"{text} {row['model']} ({when:%Y-%m}, {row['compute_flop']:.2g} FLOP, grade {row['grade']})"
    if not np.isfinite(power_mw):
        note += "; its power is not disclosed and taken at the record run's FLOP per MW"
    return ProgrammeStart(
        float(np.log10(row["compute_flop"])),
        float(np.log10(power_mw)) if np.isfinite(power_mw) else None,
        decimal_year(scenario.as_of) - decimal_year(when.date()),
        Note("forecast.programme", note),
    )


def measure_developers(known: pd.DataFrame) -> Cadence:
    """Return gaps and steps of all developers' generations in these rows; a lab's branches count as one."""
    rows = known[known["compute_flop"].notna()]
    return measure_cadence(
        [developer_family(name) for name in rows["developer"]],
        decimal_years(rows["released_on"]),
        np.log10(rows["compute_flop"].to_numpy(float)),
    )


@dataclass(frozen=True, slots=True)
class ProgrammeForecast:
    """A programme's draws and the largest generation released by each horizon (minus infinity before the first)."""

    draws: ProgrammeDraws
    largest_compute_oom: FloatArray
    largest_power_oom: FloatArray


def draw_streams(seed: int, n_draws: int) -> tuple[FloatArray, FloatArray]:
    """Return the uniforms that pick each generation's pair and the normals that blur it, (n, generations)."""
    pick = [uniform_stream(seed, f"forecast:programme:pair:{g}", n_draws) for g in range(N_GENERATIONS)]
    blur = [normal_stream(seed, f"forecast:programme:blur:{g}", n_draws) for g in range(N_GENERATIONS)]
    return np.column_stack(pick), np.column_stack(blur)


def forecast_programme(
    start: ProgrammeStart,
    cadence: Cadence,
    record: JointDraws,
    model: JointModel,
    *,
    horizons_years: FloatArray,
    streams: tuple[FloatArray, FloatArray],
) -> ProgrammeForecast:
    """Return drawn generations after `start`, bounded by the record's paths, and the largest by each horizon."""
    n = len(record.compute_oom)
    knots = np.r_[0.0, horizons_years]
    compute = np.column_stack([np.full(n, model.compute.record_oom), record.compute_oom])
    power = np.column_stack([np.full(n, model.power.record_oom), record.power_oom])
    days = np.where(np.isfinite(record.run_days), record.run_days, USUAL_RUN_DAYS)
    ratio = float(np.interp(max(-start.elapsed_years, 0.0), knots, np.median(compute - power, axis=0)))
    start_compute, start_power = start.compute_oom, start.power_oom
    if start_compute is None:
        start_compute = (start_power or 0.0) + ratio
    if start_power is None:
        start_power = start_compute - ratio
    draws = draw_programme(
        cadence,
        start_oom=start_compute,
        elapsed_years=start.elapsed_years,
        horizons_years=knots,
        record_compute_oom=compute,
        record_power_oom=power,
        record_run_days=np.column_stack([days[:, 0], days]),
        pair_uniforms=streams[0],
        jitter_normals=streams[1],
    )
    largest = [
        largest_by(draws, values, horizons_years=horizons_years, start_oom=first, start_years=-start.elapsed_years)
        for values, first in ((draws.compute_oom, start_compute), (draws.power_oom, start_power))
    ]
    return ProgrammeForecast(draws, largest[0], largest[1])


def describe_generations(programme: ProgrammeDraws, as_of: date, *, offset_oom: float) -> pd.DataFrame:
    """Return P10/P50/P90 of each drawn generation; training starts a run and a release lag before the release."""
    levels = (0.10, 0.50, 0.90)
    start_years = programme.release_years - (programme.run_days + RELEASE_LAG_DAYS) / 365.25
    when = np.maximum(column_quantiles(start_years, levels), 0.0)
    flop = 10 ** column_quantiles(programme.compute_oom, levels)
    power_mw = 10 ** (column_quantiles(programme.power_oom, levels) + offset_oom)
    days = column_quantiles(programme.run_days, (0.5,))[0]
    out = []
    for g in range(programme.release_years.shape[1]):
        row: dict[str, object] = {"name": f"next_{g + 1}"}
        for k, tag in enumerate(("p10", "p50", "p90")):
            row[f"wanted_{tag}_on"] = as_of + timedelta(days=round(365.25 * float(when[k, g])))
            row[f"{tag}_flop"] = float(flop[k, g])
            row[f"facility_peak_{tag}_mw"] = float(power_mw[k, g])
        row["run_p50_days"] = float(days[g])
        out.append(row)
    return pd.DataFrame(out)
