"""Training runs: the project's own rows, and exports of Epoch AI as they come.

The own table holds every model that was among the ten largest by training compute at its release (Epoch AI, CC BY
4.0). Its grades: A where Epoch calls its estimate confident or likely, C where speculative, B where read second-hand.
"""

import csv
import io
import re
import warnings
from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from trainload.errors import DataError, Note, Problem
from trainload.predictive import FloatArray

ATTRIBUTION = "Epoch AI, Data on AI Models, epoch.ai/data, CC BY 4.0"
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
_MAX_BYTES = 200_000_000

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
_MISSING = frozenset({"", "nan", "na", "n/a", "none", "null", "-", "?", "unknown", "unreleased", "withdrawn", "tbd"})
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


@dataclass(frozen=True, slots=True)
class ImportedRuns:
    """What a file of runs held, and what was left out of it and why.

    Attributes:
        rows: one row a model, columns `RUN_COLUMNS`; missing values stay missing.
        left_out: line, model, reason.
        snapshot_on: the day the file describes.
        attribution: whom to name beside any figure made from it.
        notes: choices made while reading.
        n_read: data rows in the file.
    """

    rows: pd.DataFrame
    left_out: pd.DataFrame
    snapshot_on: date
    attribution: str
    notes: tuple[Note, ...]
    n_read: int


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


def select_frontier(rows: pd.DataFrame, *, n_largest: int = 10) -> pd.DataFrame:
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
    return known[known["rank_at_release"] <= n_largest].reset_index(drop=True)


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
    text, notes = _read_text(path)
    raw = _parse_csv(path, text)
    snapshot, snapshot_note = _snapshot_date(path, snapshot_on)
    notes.extend(snapshot_note)
    columns, problems = _find_columns(raw, path)
    scales: dict[str, float] = {}
    for name, scale_of in _UNITS.items():
        if name in columns:
            unit = _bracketed_unit(columns[name])
            if unit in scale_of:
                scales[name] = scale_of[unit]
            else:
                known = ", ".join(u for u in scale_of if u)
                problems.append(Problem("header", f"unit of {columns[name]!r}", unit, f"known units: {known}"))
    if problems:
        raise DataError(f"runs file {path.name}", *problems)
    rows = pd.DataFrame({name: raw[columns[name]].str.strip() if name in columns else "" for name in RUN_COLUMNS})
    rows["line"] = np.arange(2, len(raw) + 2)
    reasons = pd.Series("", index=rows.index)

    for name in _NUMBERS:
        numbers, unreadable = _to_numbers(rows[name])
        rows[name] = numbers * scales.get(name, 1.0)
        if unreadable.any():
            examples = ", ".join(repr(v) for v in raw.loc[unreadable, columns[name]].head(3))
            notes.append(
                Note(
                    "runs file",
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
    _check_scale(path, rows)

    rows["released_on"], rows["date_precision"] = _to_dates(rows["released_on"])
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
        raise DataError(
            f"runs file {path.name}", Problem("", "no row can be used", f"{len(rows)} rows, {reasons.iloc[0]}")
        )
    imprecise = int((rows.loc[used, "date_precision"] != "day").sum())
    if imprecise:
        notes.append(
            Note("runs file", f"{imprecise} release dates give a month or a year only; mid-month or mid-year used")
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
    return ImportedRuns(kept, left_out.reset_index(drop=True), snapshot, ATTRIBUTION, tuple(notes), len(raw))


def _read_text(path: Path) -> tuple[str, list[Note]]:
    """Return the file's text; UTF-8 first, Windows-1252 for lines that are not."""
    subject = f"runs file {path.name}"
    if not path.exists():
        raise DataError(subject, Problem("", "no such file", str(path), "check the path"))
    if path.is_dir():
        raise DataError(subject, Problem("", "is a folder", str(path), "name a CSV file in it"))
    if path.stat().st_size > _MAX_BYTES:
        raise DataError(subject, Problem("", "too large", f"{path.stat().st_size / 1e6:.0f} MB", "at most 200 MB"))
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", errors="replace").encode()
    if not data.strip():
        raise DataError(subject, Problem("", "is empty", "0 rows", "export the table again"))
    if b"\0" in data[:100_000]:
        raise DataError(subject, Problem("", "is not text", "binary data", "give a CSV file (unpack archives first)"))
    if re.match(rb"\s*(<!doctype|<html|<\?xml|<head|<body)", data.lstrip(b"\xef\xbb\xbf")[:200], re.IGNORECASE):
        raise DataError(
            subject, Problem("", "is a web page", "HTML", "download the CSV itself, not the page that shows it")
        )
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        pass
    lines, n_other = [], 0
    for line in data.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            lines.append(line.decode("cp1252", errors="replace"))
            n_other += 1
    text = f"{n_other} lines are not UTF-8 and were read as Windows-1252; check names with accents"
    return "".join(lines), [Note("runs file", text, "warning")]


def _parse_csv(path: Path, text: str) -> pd.DataFrame:
    header = text.split("\n", 1)[0]
    separator = max((",", ";", "\t"), key=header.count)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.ParserWarning)  # rows longer than the header: judged below
            raw = pd.read_csv(
                io.StringIO(text), sep=separator, dtype=str, keep_default_na=False, engine="c", index_col=False
            )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"runs file {path.name}", Problem("", "is not a CSV table", str(error))) from None
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    for row in reader:
        if len(row) > raw.shape[1] and any(cell.strip() for cell in row[raw.shape[1] :]):
            got = f"{len(row)} cells, {raw.shape[1]} columns"
            fix = "quote texts that hold the separator"
            raise DataError(
                f"runs file {path.name}", Problem(f"line {reader.line_num}", "is longer than the header", got, fix)
            )
    if raw.empty:
        raise DataError(f"runs file {path.name}", Problem("", "has a header and no rows", "0 rows", "export it again"))
    return raw


def _reduce(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\(.*?\)", "", name.lower()))


def _bracketed_unit(header: str) -> str:
    found = re.search(r"\(([^)]*)\)\s*$", header)
    return re.sub(r"[^a-z0-9]", "", found.group(1).lower()) if found else ""


def _find_columns(raw: pd.DataFrame, path: Path) -> tuple[dict[str, str], list[Problem]]:
    reduced = {str(column): _reduce(str(column)) for column in raw.columns}
    found: dict[str, str] = {}
    for name, aliases in _ALIASES.items():
        # a bare "Model" or "Organization" wins over a longer name; the own suffixed spelling is accepted too
        for alias in (*aliases, _reduce(name)):
            match = next((column for column, short in reduced.items() if short == alias), None)
            if match is not None:
                found[name] = match
                break
    needed = {"model": "Model", "released_on": "Publication date", "compute_flop": "Training compute (FLOP)"}
    shown = ", ".join(str(c) for c in raw.columns[:8]) + (", ..." if raw.shape[1] > 8 else "")
    problems = [
        Problem("header", f"no column for {name}", shown, f"call it {title!r}")
        for name, title in needed.items()
        if name not in found
    ]
    if problems and any(_reduce(str(c)) in ("hardwarename", "datacenter") for c in raw.columns):
        problems.append(Problem("", "this looks like a hardware or data-centre table of Epoch AI", path.name))
    return found, problems


def _to_numbers(texts: "pd.Series[str]") -> tuple["pd.Series[float]", "pd.Series[bool]"]:
    """Return numbers and where a text that is neither a number nor a word for missing stood."""
    missing = texts.str.lower().isin(_MISSING)
    numbers = pd.to_numeric(texts.where(~missing), errors="coerce").astype(float)
    numbers = numbers.where(np.isfinite(numbers))
    return numbers, numbers.isna() & ~missing


def _check_scale(path: Path, rows: pd.DataFrame) -> None:
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
        raise DataError(f"runs file {path.name}", *problems)


def _to_dates(texts: "pd.Series[str]") -> tuple["pd.Series[pd.Timestamp]", "pd.Series[Any]"]:
    """Return dates and their precision; a month is its 15th, a year its 1 July."""
    day = texts.str.extract(r"^(\d{4}-\d{1,2}-\d{1,2})(?:[T ].*)?$")[0]
    month = texts.str.extract(r"^(\d{4}-\d{1,2})$")[0]
    year = texts.str.extract(r"^(\d{4})(?:\.0)?$")[0]
    filled = day.fillna(month + "-15").fillna(year + "-07-01")
    dates = pd.to_datetime(filled, format="%Y-%m-%d", errors="coerce")
    precision = pd.Series(np.where(day.notna(), "day", np.where(month.notna(), "month", "year")), index=texts.index)
    return dates, precision


def _mark_duplicates(rows: pd.DataFrame, reasons: "pd.Series[str]") -> "pd.Series[str]":
    """Mark all but the fullest row of each (model, developer, date)."""
    filled = rows[list(_NUMBERS)].notna().sum(axis=1)
    order = rows.assign(filled=filled)[reasons == ""].sort_values(["filled", "line"], ascending=[False, True])
    repeated = order.duplicated(["model", "developer", "released_on"], keep="first")
    marked = reasons.copy()
    marked.loc[order.index[repeated]] = "the same model, developer and date is given by a fuller row"
    return marked


def _snapshot_date(path: Path, given: date | None) -> tuple[date, list[Note]]:
    if given is not None:
        return given, []
    found = re.search(r"(20\d\d)[-_]?(\d\d)[-_]?(\d\d)", path.name)
    if found:
        try:
            return date(*(int(part) for part in found.groups())), []
        except ValueError:
            pass
    changed = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC).date()
    text = f"the file's name holds no date; its last change ({changed}) counts as the day it describes"
    return changed, [Note("runs file", text, "assumption")]


def trend_arrays(rows: pd.DataFrame) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return times (decimal years), log10 FLOP and log10 rated facility MW of rows with compute, by date."""
    known = rows[rows["compute_flop"].notna()].sort_values("released_on", kind="stable")
    times = decimal_years(known["released_on"])
    compute = np.log10(known["compute_flop"].to_numpy(float))
    power = np.log10(known["rated_facility_mw"].to_numpy(float))
    return times, compute, power


def describe_left_out(left_out: pd.DataFrame) -> Sequence[str]:
    """Return one line for each reason: how many rows, and up to three of them."""
    lines = []
    for reason, group in left_out.groupby("reason", sort=False):
        names = ", ".join(str(name) for name in group["model"].head(3))
        lines.append(f"{len(group)} rows: {reason} ({names}{', ...' if len(group) > 3 else ''})")
    return lines
