"""How much power one run, the largest campus and one developer's programme will take, by year, and how sure that is.

A stage: scenario and rows in, `Forecast` out. The algorithms are in `trend`, `rivals`, `joint`, `campuses`, `cadence`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from trainload.chance import normal_stream, uniform_stream
from trainload.errors import DataError, Note, Problem
from trainload.forecast.campuses import CampusModel, draw_campuses, fit_campus_model
from trainload.forecast.joint import (
    JointDraws,
    JointModel,
    ModelName,
    bound_by_campus,
    draw_joint,
    draw_new_frontier,
    fit_joint_model,
)
from trainload.forecast.predictive import FloatArray, column_quantiles
from trainload.forecast.programme import (
    describe_generations,
    draw_streams,
    find_programme_start,
    forecast_programme,
    measure_developers,
)
from trainload.forecast.references import FACILITY_PEAK_PER_RATED, compare_with_cities, follow_article
from trainload.forecast.runs import (
    FRONTIER_SINCE,
    decimal_year,
    decimal_years,
    hide_later,
    import_runs,
    load_campuses,
    load_cities,
    load_frontier_runs,
    select_frontier,
    trend_arrays,
)
from trainload.forecast.trend import TRUTH_NOISE_OOM, release_rate_per_year
from trainload.scenario.models import Scenario
from trainload.tables import TABLES

BASIS = "facility_peak"
CEILING_MW = 100_000.0
DEFAULT_YEARS = 6
# Runs took 0.2-0.3 of the largest campus in 2025-26; log10 of 0.28 and its spread (grade C), for the second opinion.
RUN_SHARE_OOM, RUN_SHARE_SD_OOM = float(np.log10(0.28)), 0.13
LEVELS = (0.10, 0.25, 0.50, 0.75, 0.90)
MODELS: tuple[ModelName, ModelName] = ("trainload", "local_trend")


@dataclass(frozen=True, slots=True)
class ForecastDraws:
    """Joint draws of the main model, (n, years): row i is one consistent future; seeded, row i the same for any n."""

    years: tuple[int, ...]
    record_flop: FloatArray
    record_mw: FloatArray
    record_run_days: FloatArray
    campus_mw: FloatArray
    programme_flop: FloatArray
    programme_mw: FloatArray


@dataclass(frozen=True, slots=True)
class Forecast:
    """Distributions of training power by year.

    Attributes:
        as_of: nothing dated later was known.
        basis: the power definition of every MW here.
        table: wanted power, columns of `tables.TABLES["forecast"]`.
        powered: the same for the programme under the arrival cap; None without one.
        compute: quantiles of FLOP and of run length by target, model and year.
        frontier: a new model among the ten largest, by year of release: quantiles of FLOP and facility-peak MW.
        generations: the programme's drawn generations: dates, FLOP, MW and days.
        cities: the median record run beside places of like average load.
        draws: joint draws of the main model.
        notes: choices, assumptions and limits.
    """

    as_of: date
    basis: str
    table: pd.DataFrame
    powered: pd.DataFrame | None
    compute: pd.DataFrame
    frontier: pd.DataFrame
    generations: pd.DataFrame
    cities: pd.DataFrame
    draws: ForecastDraws
    notes: tuple[Note, ...]


def forecast_power(
    scenario: Scenario,
    *,
    runs: pd.DataFrame | None = None,
    campuses: pd.DataFrame | None = None,
    arrival_cap_mw: FloatArray | Mapping[int, float] | None = None,
    n_draws: int | None = None,
) -> Forecast:
    """Return the forecast of record run, largest campus and programme as known on ``scenario.as_of``.

    Power is facility peak. It is what the trend wants; `arrival_cap_mw` gives the second line, what the programme can
    have. The forecast does not know the plan.

    Args:
        scenario: as_of, seed, horizon, programme, forecast settings.
        runs: rows in `runs.RUN_COLUMNS`; default: the scenario's file, else the catalogue's.
        campuses: rows as `runs.load_campuses`; default: the catalogue's.
        arrival_cap_mw: facility peak that can have arrived by 31 December, by year (mapping), or an array of shape
            (years,) or (draws, years).
        n_draws: default: the scenario's.

    Raises:
        DataError: too few rows are dated before as_of, or none discloses power.
    """
    notes: list[Note] = []
    n = n_draws or scenario.forecast.n_draws
    rows, more = choose_runs(scenario, runs)
    notes += more
    known = hide_later(rows, scenario.as_of)
    origin = decimal_year(scenario.as_of)
    model = _fit(known, origin, scenario.as_of)
    years = forecast_years(scenario)
    horizons = np.array([year + 1.0 - origin for year in years])
    names = [str(year) for year in years]

    campus_model, campus_note = fit_campuses(load_campuses() if campuses is None else campuses, scenario.as_of, model)
    notes.append(campus_note)
    offset = float(np.log10(FACILITY_PEAK_PER_RATED))
    campus_oom: dict[ModelName, FloatArray] = {}
    record: dict[ModelName, JointDraws] = {}
    joint = draw_joint(
        model,
        horizons,
        step_names=names,
        n_draws=n,
        seed=scenario.seed,
        ceiling_oom=float(np.log10(CEILING_MW)) - offset,
    )
    for which in MODELS:
        drawn = joint[which]
        if which == "trainload":
            campus = draw_largest_campus(campus_model, horizons, seed=scenario.seed, n_draws=n)
            if campus is not None:
                floor = model.power.record_oom
                drawn, share = bound_by_campus(drawn, campus - offset, floor_oom=floor)
                notes.append(_campus_bound_note(years, share))
        else:
            campus = None
        if campus is None:
            spread = RUN_SHARE_OOM + RUN_SHARE_SD_OOM * normal_stream(scenario.seed, "forecast:run_share", n)
            now = -np.inf if campus_model is None else campus_model.record_oom
            campus = np.maximum(drawn.power_oom + offset - spread[:, None], now)
            campus = np.minimum(campus, np.log10(CEILING_MW))
        record[which] = drawn
        campus_oom[which] = campus

    start = find_programme_start(scenario, known, offset_oom=offset)
    notes.append(start.note)
    cadence = measure_developers(known)
    streams = draw_streams(scenario.seed, n)
    programmes = {
        which: forecast_programme(start, cadence, record[which], model, horizons_years=horizons, streams=streams)
        for which in MODELS
    }

    wanted, compute_parts = [], []
    draws: ForecastDraws | None = None
    for which in MODELS:
        run_mw = 10 ** (record[which].power_oom + offset)
        campus_mw = 10 ** campus_oom[which]
        programme = programmes[which]
        own_mw = 10 ** (programme.largest_power_oom + offset)
        own_flop = 10**programme.largest_compute_oom
        for target, values in (("record_run", run_mw), ("largest_campus", campus_mw), ("programme", own_mw)):
            wanted.append(_power_rows(target, which, years, values))
        run_flop = 10 ** record[which].compute_oom
        compute_parts.append(_compute_rows("record_run", which, years, run_flop, record[which].run_days))
        compute_parts.append(_compute_rows("programme", which, years, own_flop, None))
        if which == "trainload":
            draws = ForecastDraws(years, run_flop, run_mw, record[which].run_days, campus_mw, own_flop, own_mw)
    assert draws is not None
    article = follow_article(rows, scenario.as_of, years)
    if article is not None:
        wanted.append(article)
    table = pd.concat(wanted, ignore_index=True)[list(TABLES["forecast"])]
    powered = None
    if arrival_cap_mw is not None:
        powered = _cap_programme(draws, arrival_cap_mw)
    notes += _standing_notes(known, model, years, record["trainload"], origin)
    return Forecast(
        scenario.as_of,
        BASIS,
        table,
        powered,
        pd.concat(compute_parts, ignore_index=True),
        _frontier_rows(model, years, horizons, n_draws=min(n, 8192), seed=scenario.seed),
        describe_generations(programmes["trainload"].draws, scenario.as_of, offset_oom=offset),
        compare_with_cities(table, load_cities()),
        draws,
        tuple(notes),
    )


def choose_runs(scenario: Scenario, runs: pd.DataFrame | None) -> tuple[pd.DataFrame, list[Note]]:
    """Return the rows to forecast from: as given, else the scenario's file, else the catalogue's; with notes."""
    if runs is not None:
        return runs, []
    if scenario.forecast.runs is None:
        return load_frontier_runs(), []
    path = scenario.forecast.runs if scenario.folder is None else f"{scenario.folder}/{scenario.forecast.runs}"
    imported = import_runs(path)
    frontier = select_frontier(imported.rows, since=FRONTIER_SINCE)
    text = f"runs from {scenario.forecast.runs} as of {imported.snapshot_on}: {len(frontier)} frontier rows of "
    text += f"{imported.n_read}; {imported.attribution}"
    return frontier, [Note("forecast", text), *imported.notes]


def _fit(known: pd.DataFrame, origin: float, as_of: date) -> JointModel:
    times, compute, power = trend_arrays(known)
    problems = []
    if len(times) < 8:
        problems.append(
            Problem("runs", "too few rows with compute", f"{len(times)} dated to {as_of}", "at least 8; a later as_of")
        )
    if not np.isfinite(power).any():
        problems.append(Problem("runs", "no row discloses power", "0", "add rated_facility_mw (W, kW or MW)"))
    if problems:
        raise DataError("forecast", *problems)
    with_compute = known[known["compute_flop"].notna()].sort_values("released_on", kind="stable")
    hours = with_compute["training_hours"].to_numpy(float)
    return fit_joint_model(times, compute, power, hours, origin_years=origin)


def forecast_years(scenario: Scenario) -> tuple[int, ...]:
    """Return the years that a scenario's forecast covers, from that of as_of on."""
    last = scenario.forecast.last_year or min(scenario.ends_on.year, scenario.as_of.year + DEFAULT_YEARS)
    if last < scenario.as_of.year:
        raise DataError(
            "forecast",
            Problem("forecast.last_year", "is before as_of", f"{last} < {scenario.as_of.year}", "give a later year"),
        )
    return tuple(range(scenario.as_of.year, last + 1))


def fit_campuses(campuses: pd.DataFrame, as_of: date, model: JointModel) -> tuple[CampusModel | None, Note]:
    """Return the campus model from states seen by as_of, and what it rests on."""
    seen = hide_later(campuses, as_of, column="known_on")
    sized = seen[seen["facility_mw"] > 0]
    operating = sized[(sized["status"] == "operating") & (sized["state_on"] <= pd.Timestamp(as_of))]
    planned = sized[sized["status"] == "planned"]
    slope = float(np.mean([line.slope_oom_per_year for line in model.power.lines]))
    try:
        fitted = fit_campus_model(
            decimal_years(operating["state_on"]),
            np.log10(operating["facility_mw"].to_numpy(float)),
            origin_years=decimal_year(as_of),
            run_slope_oom_per_year=slope,
            planned_times_years=decimal_years(planned["state_on"]),
            planned_oom=np.log10(planned["facility_mw"].to_numpy(float)),
        )
    except ValueError as error:
        text = f"largest campus: {error}; the record run over its usual share (0.28) of a campus stands in"
        return None, Note("forecast.largest_campus", text, "limit")
    text = (
        f"largest campus rests on {fitted.n_records} records since {operating['state_on'].min():%Y} and "
        f"{len(fitted.planned_oom)} larger ones announced (slip P10/P50/P90 of 0.5/4/14 months, grade C); beyond the "
        "last, growth is the mean of announcements' and records'; states are read from imagery and filings, some later"
    )
    return fitted, Note("forecast.largest_campus", text, "limit")


def draw_largest_campus(
    model: CampusModel | None, horizons: FloatArray, *, seed: int, n_draws: int
) -> FloatArray | None:
    """Return paths of the largest campus, log10 MW, half coupled with the record run's growth; None without a model."""
    if model is None:
        return None
    shared = [normal_stream(seed, f"forecast:compute:{name}", n_draws) for name in ("level", "slope")]
    # half of the run's own uncertainty is shared: the same growth fills campuses and runs (grade C)
    lines = [
        0.5 * z + np.sqrt(0.75) * normal_stream(seed, f"forecast:campus:{name}", n_draws)
        for z, name in zip(shared, ("level", "slope"), strict=True)
    ]
    slips = [uniform_stream(seed, f"forecast:campus:slip:{k}", n_draws) for k in range(len(model.planned_oom))]
    path = draw_campuses(
        model,
        horizons,
        line_normals=np.column_stack(lines),
        scatter_normal=normal_stream(seed, "forecast:campus:scatter", n_draws),
        slip_uniforms=np.column_stack(slips) if slips else np.empty((n_draws, 0)),
    )
    return np.minimum(path, np.log10(CEILING_MW))


def _power_rows(target: str, model: str, years: tuple[int, ...], values_mw: FloatArray) -> pd.DataFrame:
    quantiles = column_quantiles(values_mw, LEVELS)
    frame = pd.DataFrame({"target": target, "model": model, "year": list(years)})
    for level, row in zip(LEVELS, quantiles, strict=True):
        frame[f"p{round(100 * level)}_mw"] = row
    frame["p_ge_1gw"] = (values_mw >= 1000).mean(axis=0)
    frame["p_ge_5gw"] = (values_mw >= 5000).mean(axis=0)
    return frame


def _compute_rows(
    target: str, model: str, years: tuple[int, ...], values_flop: FloatArray, run_days: FloatArray | None
) -> pd.DataFrame:
    frame = pd.DataFrame({"target": target, "model": model, "year": list(years)})
    for level, row in zip(LEVELS, column_quantiles(values_flop, LEVELS), strict=True):
        frame[f"p{round(100 * level)}_flop"] = row
    days = np.full((3, len(years)), np.nan) if run_days is None else column_quantiles(run_days, (0.1, 0.5, 0.9))
    for name, row in zip(("p10", "p50", "p90"), days, strict=True):
        frame[f"{name}_run_days"] = row
    return frame


def _cap_programme(draws: ForecastDraws, arrival_cap_mw: FloatArray | Mapping[int, float]) -> pd.DataFrame:
    """Return the programme's power that can be had: the lesser of wanted and arrived, draw by draw."""
    n, k = draws.programme_mw.shape
    if isinstance(arrival_cap_mw, Mapping):
        missing = [year for year in draws.years if year not in arrival_cap_mw]
        if missing:
            raise DataError("forecast", Problem("arrival_cap_mw", "years are missing", ", ".join(map(str, missing))))
        cap = np.array([float(arrival_cap_mw[year]) for year in draws.years])
    else:
        cap = np.asarray(arrival_cap_mw, dtype=float)
    if cap.shape not in ((k,), (n, k)):
        fix = f"give ({k},) or ({n}, {k}): one value a year, or one a draw and year"
        raise DataError("forecast", Problem("arrival_cap_mw", "wrong shape", str(cap.shape), fix))
    if not np.all(np.isfinite(cap)) or np.any(cap < 0):
        raise DataError("forecast", Problem("arrival_cap_mw", "must be finite and not negative"))
    cap = np.maximum.accumulate(np.broadcast_to(cap, (n, k)), axis=1)
    return _power_rows("programme", "trainload", draws.years, np.minimum(draws.programme_mw, cap))


def _frontier_rows(
    model: JointModel, years: tuple[int, ...], horizons: FloatArray, *, n_draws: int, seed: int
) -> pd.DataFrame:
    names = [str(year) for year in years]
    drawn = draw_new_frontier(model, horizons, step_names=names, n_draws=n_draws, seed=seed)
    frame = pd.DataFrame({"year": list(years)})
    for unit, values in (
        ("flop", 10**drawn.compute_oom),
        ("mw", 10**drawn.power_oom * FACILITY_PEAK_PER_RATED),
    ):
        for level, row in zip(LEVELS, column_quantiles(values, LEVELS), strict=True):
            frame[f"p{round(100 * level)}_{unit}"] = row
    return frame


def _campus_bound_note(years: tuple[int, ...], share: FloatArray) -> Note:
    shown = ", ".join(f"{y} {s:.0%}" for y, s in zip(years, share, strict=True))
    text = (
        f"a run was bent to the largest campus of the same draw in: {shown}; a run over several campuses could pass it"
    )
    return Note("forecast.record_run", text, "limit")


def _standing_notes(
    known: pd.DataFrame, model: JointModel, years: tuple[int, ...], record: JointDraws, origin: float
) -> list[Note]:
    times, _, power = trend_arrays(known)
    last, before = (
        int(np.sum((times >= origin - end) & (times < origin - begin))) for begin, end in ((0.0, 1.0), (2.0, 3.0))
    )
    disclosed = np.isfinite(power)
    notes = [
        Note(
            "forecast",
            "power is facility peak: rated power (chips x TDP x 1.82 x PUE) x 1,810/1,381, the ratio of both for "
            "Llama 3.1 405B (grade C for other chips); a run averages 1,050/1,810 of it",
        ),
        Note(
            "forecast.record_run",
            f"truth noise of {TRUTH_NOISE_OOM} OOM is included: estimates of past records were revised by that much",
        ),
        Note(
            "forecast.record_run",
            f"disclosure: {last} frontier rows in the last year against {before} two years earlier, "
            f"{release_rate_per_year(times[disclosed], origin):.1f} a year disclose power; missing is not small, so "
            "the record among all runs may lie above the record among known runs",
            "limit",
        ),
        Note(
            "forecast.record_run",
            "scored at one to three years ahead only; beyond, growth is damped by 20 % a year (judgement, grade C), "
            f"and no run or campus passes {CEILING_MW / 1000:.0f} GW, about all announced US behind-the-meter gas",
            "limit",
        ),
    ]
    if model.efficiency is not None:
        shown = ", ".join(f"{y} {s:.0%}" for y, s in zip(years, record.bound_share_frac, strict=True))
        notes.append(
            Note(
                "forecast.record_run",
                "runs longer than nine months were split into less compute and more power (evenly, grade C) in this "
                f"share of draws: {shown}; efficiency line through {model.efficiency.n_runs} record runs",
            )
        )
    else:
        notes.append(
            Note("forecast.record_run", "too few record runs give their length: run length is not bounded", "limit")
        )
    return notes
