"""Training runs: the project's own rows, and exports of Epoch AI as they come.

The own table holds every model that was among the ten largest by training compute at its release (Epoch AI, CC BY
4.0). Its grades: A where Epoch calls its estimate confident or likely, C where speculative, B where read second-hand.
"""

import re
from bisect import bisect_left, insort
from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from trainload.errors import DataError, Note, Problem
from trainload.forecast.export_file import (
    ATTRIBUTION,
    ImportedTable,
    Sheet,
    describe_left_out,
    find_columns,
    find_scale,
    find_snapshot,
    read_dates,
    read_numbers,
    read_sheet,
    reduce_header,
)
from trainload.forecast.predictive import FloatArray

__all__ = ["ImportedRuns", "describe_left_out", "import_runs"]

ImportedRuns = ImportedTable
FRONTIER_SINCE = date(2010, 1, 1)  # trends are fitted on releases from then on
CATALOGUE_SNAPSHOT_ON = date(2026, 10, 7)  # the day to which the own table is known
RUN_COLUMNS = (
    "model",
    "developer",
    "released_on",
    "date_precision",
    "compute_flop",
    "rated_facility_mw",
    "chip",
    "n_chips",
    "training_hours",
    "utilisation_frac",
    "n_parameters",
    "confidence",
    "grade",
    "source",
)
_NUMBERS = ("compute_flop", "rated_facility_mw", "n_chips", "training_hours", "utilisation_frac", "n_parameters")

# Header names as Epoch AI has spelt them over the years, reduced to letters and digits; a unit may follow in brackets.
_ALIASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "model": ("model", "system", "modelname", "name"),
        "developer": ("organization", "organisation", "developer", "company"),
        "released_on": ("publicationdate", "releasedate", "releasedon", "date"),
        "compute_flop": ("trainingcompute", "trainingcomputeflop", "computeflop", "flop", "compute"),
        "rated_facility_mw": ("trainingpowerdraw", "powerdraw", "ratedfacility", "ratedfacilitypower", "facilitypower"),
        "chip": ("traininghardware", "hardware", "chip"),
        "n_chips": ("hardwarequantity", "chipcount", "nchips", "numberofchips"),
        "training_hours": ("trainingtime", "traininghours"),
        "utilisation_frac": ("hardwareutilization", "hardwareutilizationmfu", "mfu", "utilisationfrac", "utilization"),
        "n_parameters": ("parameters", "params", "nparameters"),
        "confidence": ("confidence",),
    }
)
_FLOP_UNITS: Mapping[str, float] = MappingProxyType(
    {"": 1.0, "flop": 1.0, "flops": 1.0, "pflop": 1e15, "petaflop": 1e15, "eflop": 1e18, "exaflop": 1e18}
    | {"zflop": 1e21, "yflop": 1e24, "pfdays": 8.64e19, "pflopsdays": 8.64e19, "petaflopsdays": 8.64e19}
)
_POWER_UNITS: Mapping[str, float] = MappingProxyType({"": 1e-6, "w": 1e-6, "kw": 1e-3, "mw": 1.0, "gw": 1e3})
_HOUR_UNITS: Mapping[str, float] = MappingProxyType({"": 1.0, "hours": 1.0, "h": 1.0, "days": 24.0})
_UNITS = {"compute_flop": _FLOP_UNITS, "rated_facility_mw": _POWER_UNITS, "training_hours": _HOUR_UNITS}
_FAMILIES = (
    ("Google", ("google", "deepmind")),
    ("Meta", ("meta", "facebook")),
    ("Microsoft", ("microsoft",)),
    ("OpenAI", ("openai",)),
    ("Anthropic", ("anthropic",)),
    ("xAI", ("xai", "spacexai")),
    ("Amazon", ("amazon", "aws")),
    ("NVIDIA", ("nvidia",)),
)


def load_frontier_runs() -> pd.DataFrame:
    """Return the catalogue's frontier runs in `RUN_COLUMNS`, ordered by release date."""
    return _as_runs(read_own_table("frontier_runs"))


def load_campuses() -> pd.DataFrame:
    """Return states of AI campuses: one row for each campus and date, operating, building or planned."""
    table = read_own_table("campuses")
    for column in ("state_on", "known_on"):
        table[column] = pd.to_datetime(table[column])
    for column in ("facility_mw", "it_mw"):
        table[column] = pd.to_numeric(table[column])
    return table


def load_cities() -> pd.DataFrame:
    """Return average and peak electric load of cities and countries."""
    table = read_own_table("cities")
    for column in ("average_mw", "peak_mw", "annual_mwh"):
        table[column] = pd.to_numeric(table[column])
    return table


def read_own_table(name: str) -> pd.DataFrame:
    """Return a table of the package's data folder as text, cell by cell."""
    path = files("trainload").joinpath("data", f"{name}.csv")
    with path.open("r", encoding="utf-8") as file:
        return pd.read_csv(file, dtype=str, keep_default_na=False)


def _as_runs(table: pd.DataFrame) -> pd.DataFrame:
    rows = pd.DataFrame({name: table.get(name, pd.Series("", index=table.index)) for name in RUN_COLUMNS})
    for name in _NUMBERS:
        rows[name] = pd.to_numeric(rows[name].replace("", None))
    rows["released_on"] = pd.to_datetime(rows["released_on"])
    rows["date_precision"] = "day"
    return rows.sort_values("released_on", kind="stable").reset_index(drop=True)


def hide_later(rows: pd.DataFrame, as_of: date, *, column: str = "released_on") -> pd.DataFrame:
    """Return the rows dated on or before `as_of`."""
    return rows[rows[column] <= pd.Timestamp(as_of)].reset_index(drop=True)


def decimal_years(dates: "pd.Series[pd.Timestamp]") -> FloatArray:
    """Return year + (day of year - 1) / days in the year."""
    index = pd.DatetimeIndex(dates)
    length = np.where(index.is_leap_year, 366.0, 365.0)
    return np.asarray(index.year + (index.day_of_year - 1) / length, dtype=float)


def decimal_year(day: date) -> float:
    """Return one date as year + (day of year - 1) / days in the year."""
    return float(decimal_years(pd.Series([pd.Timestamp(day)]))[0])


def select_frontier(rows: pd.DataFrame, *, n_largest: int = 10, since: date | None = None) -> pd.DataFrame:
    """Return rows with compute that were among the `n_largest` at their release, with `rank_at_release` (1 = record).

    Rank counts releases of the same day or earlier with strictly more compute, plus one.
    """
    known = rows[rows["compute_flop"].notna()].sort_values("released_on", kind="stable").reset_index(drop=True)
    earlier: list[float] = []
    ranks: list[int] = []
    for _, day in known.groupby("released_on", sort=True):
        values = day["compute_flop"].to_numpy(float)
        for value in values:
            insort(earlier, -value)
        ranks.extend(bisect_left(earlier, -value) + 1 for value in values)
    known["rank_at_release"] = ranks
    keep = known["rank_at_release"] <= n_largest
    if since is not None:
        keep &= known["released_on"] >= pd.Timestamp(since)
    return known[keep].reset_index(drop=True)


def developer_family(name: str) -> str:
    """Return the lab that a developer's name belongs to (Google Brain and DeepMind are Google), else the name."""
    lower = name.lower()
    for family, marks in _FAMILIES:
        if any(re.match(rf"{mark}\b", lower) or re.search(rf"\b{mark}\b", lower) for mark in marks):
            return family
    return name


def import_runs(path: str | Path, *, snapshot_on: date | None = None) -> ImportedRuns:
    """Return the runs of an Epoch AI export (notable, frontier, large-scale or all models) or a table like it.

    Columns are found by name in any order; a unit in brackets after the name is honoured. Days, months and years are
    read (a month counts as its 15th, a year as its 1 July). Rows without compute stay, with compute missing; rows
    that cannot be used at all are left out with a reason.

    Args:
        path: a CSV file with a header.
        snapshot_on: the day the file describes; default: a date in its name, else the day it was last changed.

    Raises:
        DataError: not a CSV table, a needed column missing, a unit unknown, or no row left.
    """
    path = Path(path)
    sheet = read_sheet(path, "runs file")
    snapshot, snapshot_notes = find_snapshot(path, sheet.subject, snapshot_on)
    notes = [*sheet.notes, *snapshot_notes]
    columns, scales = _find_run_columns(sheet)
    rows = pd.DataFrame(
        {name: sheet.column(columns[name]) if name in columns else "" for name in RUN_COLUMNS}, index=sheet.cells.index
    )
    rows["line"] = np.arange(2, len(rows) + 2)
    reasons = pd.Series("", index=rows.index)

    for name in _NUMBERS:
        numbers, unreadable = read_numbers(rows[name])
        rows[name] = numbers * scales.get(name, 1.0)
        if unreadable.any():
            examples = ", ".join(repr(v) for v in sheet.cells.loc[unreadable, columns[name]].head(3))
            notes.append(
                Note(
                    sheet.subject,
                    f"{int(unreadable.sum())} values of {columns[name]!r} are not numbers and count as "
                    f"missing: {examples}",
                    "warning",
                )
            )
        negative = rows[name] <= 0
        if name == "compute_flop":
            reasons[negative & (reasons == "")] = "compute is not positive"
        else:
            rows.loc[negative, name] = np.nan
    _check_scale(sheet.subject, rows)

    rows["released_on"], rows["date_precision"] = read_dates(rows["released_on"])
    reasons[(rows["model"] == "") & (reasons == "")] = "no model name"
    reasons[rows["released_on"].isna() & (reasons == "")] = "no readable release date"
    reasons[(rows["released_on"] > pd.Timestamp(snapshot)) & (reasons == "")] = f"dated after the file ({snapshot})"
    rows["developer"] = rows["developer"].str.split(",").str[0].str.strip()
    rows["confidence"] = rows["confidence"].str.lower()
    rows["grade"] = np.where(rows["confidence"].isin(["confident", "likely"]), "A", "C")
    rows["source"] = f"{ATTRIBUTION}, {path.name}, {snapshot}"
    reasons = _mark_duplicates(rows, reasons)

    used = reasons == ""
    if not used.any():
        raise DataError(sheet.subject, Problem("", "no row can be used", f"{len(rows)} rows, {reasons.iloc[0]}"))
    imprecise = int((rows.loc[used, "date_precision"] != "day").sum())
    if imprecise:
        notes.append(
            Note(sheet.subject, f"{imprecise} release dates give a month or a year only; mid-month or mid-year used")
        )
    without = int(rows.loc[used, "compute_flop"].isna().sum())
    if without:
        notes.append(
            Note(
                "runs file",
                f"{without} of {int(used.sum())} models have no compute estimate; missing is not small",
                "limit",
            )
        )
    left_out = pd.DataFrame({"line": rows["line"], "model": rows["model"], "reason": reasons})[~used]
    kept = rows.loc[used, list(RUN_COLUMNS)].sort_values("released_on", kind="stable").reset_index(drop=True)
    return ImportedRuns(kept, left_out.reset_index(drop=True), snapshot, ATTRIBUTION, tuple(notes), len(rows))


def _find_run_columns(sheet: Sheet) -> tuple[dict[str, str], dict[str, float]]:
    """Return header and scale of each column; every problem of the header at once."""
    needed = {"model": "Model", "released_on": "Publication date", "compute_flop": "Training compute (FLOP)"}
    columns, problems = find_columns(sheet, _ALIASES, needed)
    if problems and any(reduce_header(str(c)) in ("hardwarename", "datacenter") for c in sheet.cells.columns):
        problems.append(Problem("", "this looks like a hardware or data-centre table of Epoch AI", sheet.name))
    scales: dict[str, float] = {}
    for name, units in _UNITS.items():
        if name in columns:
            scales[name], problem = find_scale(columns[name], units)
            if problem is not None:
                problems.append(problem)
    if problems:
        raise DataError(sheet.subject, *problems)
    return columns, scales


def _check_scale(subject: str, rows: pd.DataFrame) -> None:
    """Refuse a compute or power column that cannot be in the unit it says."""
    problems = []
    compute = rows["compute_flop"].dropna()
    if len(compute) and compute.median() < 1e6:
        fix = "give FLOP, or name the unit in the header; log10 values are not read"
        problems.append(Problem("compute", "is too small to be FLOP", f"median {compute.median():.3g}", fix))
    if len(compute) and compute.max() > 1e32:
        problems.append(Problem("compute", "is too large to be FLOP", f"largest {compute.max():.3g}", "check the unit"))
    power = rows["rated_facility_mw"].dropna()
    if len(power) and power.max() > 1e5:
        problems.append(Problem("power", "is too large", f"largest {power.max():.3g} MW", "name the unit: W, kW or MW"))
    if problems:
        raise DataError(subject, *problems)


def _mark_duplicates(rows: pd.DataFrame, reasons: "pd.Series[str]") -> "pd.Series[str]":
    """Mark all but the fullest row of each (model, developer, date)."""
    filled = rows[list(_NUMBERS)].notna().sum(axis=1)
    order = rows.assign(filled=filled)[reasons == ""].sort_values(["filled", "line"], ascending=[False, True])
    repeated = order.duplicated(["model", "developer", "released_on"], keep="first")
    marked = reasons.copy()
    marked.loc[order.index[repeated]] = "the same model, developer and date is given by a fuller row"
    return marked


def trend_arrays(rows: pd.DataFrame) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return times (decimal years), log10 FLOP and log10 rated facility MW of rows with compute, by date."""
    known = rows[rows["compute_flop"].notna()].sort_values("released_on", kind="stable")
    times = decimal_years(known["released_on"])
    compute = np.log10(known["compute_flop"].to_numpy(float))
    power = np.log10(known["rated_facility_mw"].to_numpy(float))
    return times, compute, power
