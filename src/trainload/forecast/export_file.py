"""Reading exported tables as they come: encodings, separators, columns by name, units in headers, loose dates."""

import csv
import io
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trainload.errors import DataError, Note, Problem

ATTRIBUTION = "Epoch AI, epoch.ai/data, CC BY 4.0"
_MAX_BYTES = 200_000_000
_MISSING = frozenset({"", "nan", "na", "n/a", "none", "null", "-", "?", "unknown", "unreleased", "withdrawn", "tbd"})


@dataclass(frozen=True, slots=True)
class ImportedTable:
    """What an exported file held, and what was left out of it and why.

    Attributes:
        rows: one row a thing, in the project's own columns; missing values stay missing.
        left_out: line, name, reason.
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


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of text as read, cell by cell, with the subject that errors and notes name."""

    subject: str
    name: str
    cells: pd.DataFrame
    notes: tuple[Note, ...]

    def column(self, header: str) -> "pd.Series[str]":
        return self.cells[header].str.strip()


def read_sheet(path: Path, kind: str) -> Sheet:
    """Return the cells of a CSV file as text.

    UTF-8, UTF-16 and, line by line, Windows-1252 are read; comma, semicolon and tab separate.

    Raises:
        DataError: no such file, a folder, too large, empty, binary, a web page, or no table.
    """
    subject = f"{kind} {path.name}"
    text, notes = _read_text(path, subject)
    header = text.split("\n", 1)[0]
    separator = max((",", ";", "\t"), key=header.count)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.ParserWarning)  # rows longer than the header: judged below
            cells = pd.read_csv(
                io.StringIO(text), sep=separator, dtype=str, keep_default_na=False, engine="c", index_col=False
            )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(subject, Problem("", "is not a CSV table", str(error))) from None
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    for row in reader:
        if len(row) > cells.shape[1] and any(cell.strip() for cell in row[cells.shape[1] :]):
            got = f"{len(row)} cells, {cells.shape[1]} columns"
            fix = "quote texts that hold the separator"
            raise DataError(subject, Problem(f"line {reader.line_num}", "is longer than the header", got, fix))
    if cells.empty:
        raise DataError(subject, Problem("", "has a header and no rows", "0 rows", "export it again"))
    return Sheet(subject, path.name, cells, notes)


def _read_text(path: Path, subject: str) -> tuple[str, tuple[Note, ...]]:
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
        fix = "download the CSV itself, not the page that shows it"
        raise DataError(subject, Problem("", "is a web page", "HTML", fix))
    try:
        return data.decode("utf-8-sig"), ()
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
    return "".join(lines), (Note(subject, text, "warning"),)


def reduce_header(name: str) -> str:
    """Return a column's name in letters and digits, without what stands in brackets."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\(.*?\)", "", name.lower()))


def find_columns(
    sheet: Sheet, aliases: Mapping[str, Sequence[str]], needed: Mapping[str, str]
) -> tuple[dict[str, str], list[Problem]]:
    """Return which header holds each wanted column, whatever the order; a problem for each needed one that is missing.

    Args:
        sheet: the table.
        aliases: wanted column -> reduced headers, the likeliest first; its own name is accepted as well.
        needed: wanted column -> how to call it.
    """
    headers = {str(header): reduce_header(str(header)) for header in sheet.cells.columns}
    found: dict[str, str] = {}
    for name, spellings in aliases.items():
        for spelling in (*spellings, reduce_header(name)):
            match = next((header for header, short in headers.items() if short == spelling), None)
            if match is not None:
                found[name] = match
                break
    shown = ", ".join(list(headers)[:8]) + (", ..." if len(headers) > 8 else "")
    problems = [
        Problem("header", f"no column for {name}", shown, f"call it {title!r}")
        for name, title in needed.items()
        if name not in found
    ]
    return found, problems


def find_scale(header: str, units: Mapping[str, float]) -> tuple[float, Problem | None]:
    """Return the factor to the project's unit from the unit in the header's brackets (none: the first of `units`)."""
    bracket = re.search(r"\(([^)]*)\)\s*$", header)
    unit = re.sub(r"[^a-z0-9]", "", bracket.group(1).lower()) if bracket else ""
    if unit in units:
        return units[unit], None
    known = ", ".join(name for name in units if name)
    return 1.0, Problem("header", f"unit of {header!r}", unit, f"known units: {known}")


def read_numbers(texts: "pd.Series[str]") -> tuple["pd.Series[float]", "pd.Series[bool]"]:
    """Return numbers, and where a text stood that is neither a number nor a word for missing."""
    missing = texts.str.lower().isin(_MISSING)
    numbers = pd.to_numeric(texts.where(~missing), errors="coerce").astype(float)
    numbers = numbers.where(np.isfinite(numbers))
    return numbers, numbers.isna() & ~missing


def read_dates(texts: "pd.Series[str]") -> tuple["pd.Series[pd.Timestamp]", "pd.Series[Any]"]:
    """Return dates and their precision: a day as it is, a month as its 15th, a year as its 1 July."""
    day = texts.str.extract(r"^(\d{4}-\d{1,2}-\d{1,2})(?:[T ].*)?$")[0]
    month = texts.str.extract(r"^(\d{4}-\d{1,2})$")[0]
    year = texts.str.extract(r"^(\d{4})(?:\.0)?$")[0]
    filled = day.fillna(month + "-15").fillna(year + "-07-01")
    dates = pd.to_datetime(filled, format="%Y-%m-%d", errors="coerce")
    precision = pd.Series(np.where(day.notna(), "day", np.where(month.notna(), "month", "year")), index=texts.index)
    return dates, precision


def find_snapshot(path: Path, subject: str, given: date | None) -> tuple[date, tuple[Note, ...]]:
    """Return the day a file describes: as given, else the date in its name, else the day of its last change."""
    if given is not None:
        return given, ()
    found = re.search(r"(20\d\d)[-_]?(\d\d)[-_]?(\d\d)", path.name)
    if found:
        try:
            return date(*(int(part) for part in found.groups())), ()
        except ValueError:
            pass
    changed = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC).date()
    text = f"the file's name holds no date; its last change ({changed}) counts as the day it describes"
    return changed, (Note(subject, text, "assumption"),)


def describe_left_out(left_out: pd.DataFrame) -> Sequence[str]:
    """Return one line for each reason: how many rows, and up to three of them."""
    lines = []
    for reason, group in left_out.groupby("reason", sort=False):
        names = ", ".join(str(name) for name in group.iloc[:, 1].head(3))
        lines.append(f"{len(group)} rows: {reason} ({names}{', ...' if len(group) > 3 else ''})")
    return lines
