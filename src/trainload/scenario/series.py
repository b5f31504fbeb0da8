"""Hourly series from CSV files: read with every fault named by its row, and laid on the real calendar.

A file holds either a typical year (8,760 or 8,784 rows, or one calendar year with its times), which is repeated, or the
real calendar, which must cover the whole horizon. Hours are in local standard time: the file's own offsets where its
times carry them, else `utc_offset_hours`, else the site's.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from trainload.errors import DataError, Note, Problem
from trainload.scenario.models import SeriesFile

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Quantity = Literal["price", "carbon", "load", "availability", "temperature"]

# quantity -> unit a file may give -> factor to the package's own unit, which stands first
UNITS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "price": {"USD/MWh": 1.0, "USD/kWh": 1000.0},
        "carbon": {"tCO2/MWh": 1.0, "kg/MWh": 0.001, "g/kWh": 0.001},
        "load": {"MW": 1.0, "kW": 0.001, "GW": 1000.0},
        "availability": {"fraction": 1.0, "percent": 0.01},
        "temperature": {"C": 1.0},
    }
)
_LIMITS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "price": (-20_000.0, 100_000.0),
        "carbon": (0.0, 3.0),
        "load": (0.0, 100_000.0),
        "availability": (0.0, 1.0),
        "temperature": (-90.0, 65.0),
    }
)
MAX_BYTES = 60_000_000  # thirty calendar years of hours with a dozen columns
_HOUR = timedelta(hours=1)
_SHOWN = 5  # rows named one by one before the rest is counted


@dataclass(frozen=True, slots=True)
class HourlySeries:
    """One checked column.

    Attributes:
        values: in the package's unit of the quantity, one an hour.
        unit: that unit.
        kind: a typical year is repeated, a calendar is used as it stands.
        starts_at: start of the first hour in UTC; None for a typical year, which starts at 1 January 00:00 local.
        utc_offset_hours: local standard time less UTC.
        has_leap_day: a typical year of 8,784 hours.
        source: file and column, for the report.
    """

    values: Floats
    unit: str
    kind: Literal["typical_year", "calendar"]
    starts_at: datetime | None
    utc_offset_hours: float
    has_leap_day: bool
    source: str
    notes: tuple[Note, ...] = ()


def read_series(
    series: SeriesFile, folder: Path, *, quantity: Quantity, utc_offset_hours: float, name: str = ""
) -> HourlySeries:
    """Read one column of an hourly CSV.

    Args:
        series: file, column and unit, as in the scenario.
        folder: folder of the scenario file, which relative paths start from.
        quantity: what the values are; sets the allowed units and range.
        utc_offset_hours: the site's, used where neither the file's times nor the series give one.
        name: what the error calls the series, such as ``site.price``.

    Raises:
        DataError: a missing file or column, a wrong unit, values that are not numbers or out of range, hours missing,
            doubled or out of step, a year without its 29 February; all of the file's faults at once, with rows.
    """
    subject = f"series {name or quantity} ({series.file})"
    units = UNITS[quantity]
    problems: list[Problem] = []
    if series.unit not in units:
        problems.append(Problem("", "unit can't be used here", series.unit, f"give one of {', '.join(units)}"))
    path = folder / series.file
    header, rows = _read_rows(path, subject)
    columns = {label.strip(): i for i, label in enumerate(header)}
    wanted = [series.column] + ([series.time_column] if series.time_column is not None else [])
    for column in wanted:
        if column not in columns:
            found = ", ".join(list(columns)[:12]) or "none"
            fix = "separate columns by commas" if len(columns) == 1 and ";" in header[0] else f"columns: {found}"
            problems.append(Problem("row 1", "there is no such column", repr(column), fix))
    if any(column not in columns for column in wanted):
        raise DataError(subject, *problems)
    problems += _ragged(rows, len(header))
    raw = [row[columns[series.column]] if len(row) > columns[series.column] else "" for row in rows]
    values, faults = _numbers(raw, quantity, units.get(series.unit, 1.0) * series.scale)
    problems += faults
    offset = utc_offset_hours if series.utc_offset_hours is None else series.utc_offset_hours
    starts_at: datetime | None = None
    kind: Literal["typical_year", "calendar"] = "typical_year"
    if series.time_column is None:
        if len(rows) not in (8760, 8784):
            problems.append(
                Problem(
                    "",
                    "a file without a time column holds 8,760 or 8,784 hours",
                    f"{len(rows):,} rows",
                    "name its time column, or complete the year",
                )
            )
    else:
        texts = [row[columns[series.time_column]] if len(row) > columns[series.time_column] else "" for row in rows]
        starts_at, kind, faults = _calendar(texts, offset)
        problems += faults
    if problems:
        raise DataError(subject, *problems)
    notes = _year_notes(name or quantity, series.file, len(values)) if kind == "typical_year" else ()
    return HourlySeries(
        values=values,
        unit=next(iter(units)),
        kind=kind,
        starts_at=starts_at,
        utc_offset_hours=offset,
        has_leap_day=kind == "typical_year" and len(values) == 8784,
        source=f"{series.file}, column {series.column}",
        notes=notes,
    )


def lay_on_calendar(series: HourlySeries, hours: "pd.DatetimeIndex") -> Floats:
    """Return the series' value in each hour.

    A typical year is looked up by local month, day and hour; without a leap day of its own, 29 February takes 28
    February's values.

    Args:
        series: as read.
        hours: starts of hours, in UTC.

    Raises:
        DataError: a calendar series does not cover the hours.
    """
    minute = np.timedelta64(1, "m")
    starts = _utc_minutes(hours)
    if series.starts_at is not None and len(starts):
        check_coverage(series, _to_datetime(starts[0]), _to_datetime(starts[-1]) + _HOUR)
        first = np.datetime64(series.starts_at.astimezone(UTC).replace(tzinfo=None), "m")
        index: NDArray[np.int64] = ((starts - first) // (60 * minute)).astype(np.int64)
        return np.asarray(series.values[index], dtype=np.float64)
    local = (starts + round(series.utc_offset_hours * 60) * minute).astype("datetime64[h]")
    year = local.astype("datetime64[Y]")
    hour_of_year = (local - year.astype("datetime64[h]")).astype(np.int64)
    years = year.astype(np.int64) + 1970
    leap = (years % 4 == 0) & ((years % 100 != 0) | (years % 400 == 0))
    after_28_february = hour_of_year >= 59 * 24
    shift = 24 * (~leap & after_28_february) if series.has_leap_day else -24 * (leap & after_28_february)
    return np.asarray(series.values[hour_of_year + shift], dtype=np.float64)


def check_coverage(series: HourlySeries, starts_at: datetime, ends_at: datetime) -> None:
    """Raise `DataError` where a calendar series does not cover [starts_at, ends_at), both in UTC."""
    if series.kind != "calendar" or series.starts_at is None:
        return
    last = series.starts_at + _HOUR * len(series.values)
    problems = []
    if series.starts_at > starts_at:
        problems.append(Problem("", "starts after the horizon does", f"{series.starts_at:%Y-%m-%d %H:%M} UTC"))
    if last < ends_at:
        problems.append(Problem("", "ends before the horizon does", f"{last:%Y-%m-%d %H:%M} UTC"))
    if problems:
        fix = f"cover {starts_at:%Y-%m-%d} to {ends_at:%Y-%m-%d}, or give one typical year"
        raise DataError(f"series {series.source}", *(Problem(p.where, p.what, p.got, fix) for p in problems))


def _read_rows(path: Path, subject: str) -> tuple[list[str], list[list[str]]]:
    try:
        if not path.is_file():
            what = "this is a folder, not a file" if path.is_dir() else "there is no such file"
            raise DataError(subject, Problem("", what, str(path), "paths are relative to the scenario file"))
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DataError(subject, Problem("", f"at most {MAX_BYTES:,} bytes are read", f"{size:,} bytes"))
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        raise DataError(subject, Problem("", "can't be read", str(error)[:120])) from error
    if not raw.strip():
        raise DataError(subject, Problem("", "the file is empty"))
    if b"\0" in raw:
        raise DataError(subject, Problem("", "this is not a CSV file", "a zero byte"))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = raw[: error.start].count(b"\n") + 1
        raise DataError(subject, Problem(f"row {row}", "this is not UTF-8", fix="save the file as UTF-8")) from error
    if text.lstrip()[:1] == "<":
        raise DataError(subject, Problem("row 1", "this is a web page, not a CSV file", fix="download the data itself"))
    try:
        rows = list(csv.reader(text.splitlines()))
    except csv.Error as error:
        raise DataError(subject, Problem("", "not a CSV file", str(error))) from error
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
    return rows[0], rows[1:]


def _ragged(rows: Sequence[Sequence[str]], width: int) -> list[Problem]:
    wrong = [i for i, row in enumerate(rows) if row and len(row) != width]
    return _listed(wrong, lambda i: ("has another number of columns than row 1", f"{len(rows[i])} for {width}"))


def _numbers(raw: Sequence[str], quantity: Quantity, factor: float) -> tuple[Floats, list[Problem]]:
    values = np.empty(len(raw))
    for i, text in enumerate(raw):
        try:
            values[i] = float(text)
        except ValueError:
            values[i] = np.nan
    values *= factor
    bad = [int(i) for i in np.flatnonzero(~np.isfinite(values))]
    problems = _listed(
        bad, lambda i: ("a number is missing", repr(raw[i].strip()[:20]) if raw[i].strip() else "nothing")
    )
    low, high = _LIMITS[quantity]
    with np.errstate(invalid="ignore"):
        outside = [int(i) for i in np.flatnonzero((values < low) | (values > high)) if np.isfinite(values[i])]
    own = next(iter(UNITS[quantity]))
    problems += _listed(outside, lambda i: (f"must be in [{low:g}, {high:g}] {own}", f"{values[i]:.6g}"))
    return values, problems


def _calendar(
    texts: Sequence[str], offset: float
) -> tuple[datetime | None, Literal["typical_year", "calendar"], list[Problem]]:
    times: list[datetime | None] = []
    zone = timedelta(hours=offset)
    for text in texts:
        try:
            time = datetime.fromisoformat(text.strip())
        except ValueError:
            times.append(None)
            continue
        # local clock time without a zone: kept naive UTC plus offset, so that differences are whole hours
        times.append(time.astimezone(UTC) if time.tzinfo else (time - zone).replace(tzinfo=UTC))
    unread = [i for i, time in enumerate(times) if time is None]
    if unread:
        return (
            None,
            "calendar",
            _listed(unread, lambda i: ("must be a time like 2027-01-01T00:00", repr(texts[i][:30]))),
        )
    read = [time for time in times if time is not None]
    if not read:
        return None, "calendar", [Problem("", "the file has no rows")]
    steps = [(i, read[i] - read[i - 1]) for i in range(1, len(read))]
    wrong = [(i, step) for i, step in steps if step != _HOUR]
    if wrong:
        return None, "calendar", _step_problems(wrong, read, zone)
    local = read[0] + zone
    if local.minute or local.second:
        return None, "calendar", [Problem("row 2", "hours must start on the hour", texts[0])]
    whole_year = (local.month, local.day, local.hour) == (1, 1, 0)
    if whole_year and len(read) == _hours_of(local.year):
        return None, "typical_year", []
    if whole_year and len(read) in (8760, 8784):
        what = f"{local.year} has {_hours_of(local.year):,} hours"
        return (
            None,
            "calendar",
            [Problem("", what, f"{len(read):,} rows", "complete the year, with or without 29 February")],
        )
    return read[0], "calendar", []


def _step_problems(wrong: Sequence[tuple[int, timedelta]], read: Sequence[datetime], zone: timedelta) -> list[Problem]:
    places = [f"{read[i] + zone:%m}" for i, _ in wrong]
    summer_time = len(wrong) <= 2 * (1 + (read[-1] - read[0]).days // 365) and set(places) <= {"03", "10", "11"}
    problems: list[Problem] = []
    for i, step in wrong[:_SHOWN]:
        here = read[i] + zone
        before = read[i - 1] + zone
        if (before.month, before.day, here.month, here.day) == (2, 28, 3, 1):
            fix = "a calendar with times needs it; or leave time_column out for a typical year"
            problems.append(Problem(f"row {i + 2}", f"29 February {here.year} is missing", fix=fix))
            continue
        hours = step / _HOUR
        fix = "this looks like daylight saving time: give local standard time" if summer_time else ""
        what = "hours must follow each other" if hours > 0 else "an hour comes twice or out of order"
        problems.append(Problem(f"row {i + 2}", what, f"{here:%Y-%m-%d %H:%M} after {before:%Y-%m-%d %H:%M}", fix))
    if len(wrong) > _SHOWN:
        problems.append(Problem("", f"and {len(wrong) - _SHOWN:,} more rows out of step"))
    return problems


def _listed(rows: Sequence[int], describe: Callable[[int], tuple[str, str]]) -> list[Problem]:
    problems = [Problem(f"row {i + 2}", *describe(i)) for i in rows[:_SHOWN]]
    if len(rows) > _SHOWN:
        problems.append(Problem("", f"and {len(rows) - _SHOWN:,} more rows: {describe(rows[0])[0]}"))
    return problems


def _year_notes(name: str, file: str, n_rows: int) -> tuple[Note, ...]:
    if n_rows == 8784:
        text = f"{file} is a leap year, repeated in every year; its 29 February is left out in common years"
    else:
        text = f"{file} is one year, repeated in every year; 29 February takes 28 February's values"
    return (Note(name, text),)


def _hours_of(year: int) -> int:
    return 8784 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 8760


def _utc_minutes(hours: "pd.DatetimeIndex") -> "NDArray[np.datetime64]":
    naive = hours.tz_convert("UTC").tz_localize(None) if hours.tz is not None else hours
    return naive.to_numpy().astype("datetime64[m]")


def _to_datetime(minute: np.datetime64) -> datetime:
    return datetime.fromtimestamp(int(minute.astype("datetime64[s]").astype(np.int64)), tz=UTC)
