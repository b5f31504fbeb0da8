"""`trainload catalogue`, `trainload cite` and `trainload runs import`: figures with their sources."""

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from trainload.catalogue.facts import load_catalogue
from trainload.commands.screen import Form, print_json, print_notes, print_table
from trainload.errors import DataError, Problem
from trainload.forecast.export_file import describe_left_out
from trainload.forecast.exports import detect_export, import_export
from trainload.scenario.patch import suggest
from trainload.study.folder import load_study

_KINDS = {"runs": "models", "campuses": "data centres", "chips": "hardware"}
_CELL = 48  # characters of a text cell on screen; --csv gives all


def print_catalogue(table: str | None, key: str | None, *, form: Form) -> None:
    """Print the list of tables, or one table, or the rows of one key."""
    catalogue = load_catalogue()
    if table is None:
        frames = {name: catalogue.table(name) for name in catalogue.table_names}
        rows = [{"table": name, "rows": len(frame), "key": str(frame.columns[0])} for name, frame in frames.items()]
        _print_rows(pd.DataFrame(rows), form)
        return
    if table not in catalogue.table_names:
        fix = suggest(table, catalogue.table_names) or f"tables: {', '.join(catalogue.table_names)}"
        raise DataError("catalogue", Problem("", "no such table", repr(table), fix))
    frame = catalogue.table(table)
    if key is not None:
        keys = frame[frame.columns[0]].astype(str)
        if not (keys.str.lower() == key.lower()).any():
            raise DataError(f"catalogue {table}", Problem("", "no such key", repr(key), suggest(key, list(set(keys)))))
        frame = frame[keys.str.lower() == key.lower()]
    _print_rows(frame, form)


def print_sources(study: Path, *, grade: str | None, form: Form) -> None:
    """Print the figures that a study used, each with its source and grade."""
    tables = load_study(study).tables
    if "sources" not in tables:
        raise DataError(f"study {study}", Problem("sources.csv", "is missing", fix="run the scenario again"))
    frame = tables["sources"]
    if grade is not None:
        frame = frame[frame["grade"] == grade]
    _print_rows(frame, form)
    if form == "text":
        counts = ", ".join(f"{n} of grade {name}" for name, n in frame["grade"].value_counts().sort_index().items())
        print(f"\n{len(frame)} figures: {counts or 'none'}.")
        print("A: read in a source. B: from a named source that was not opened. C: judgement or derived.")


def print_import(file: Path, *, snapshot_on: str | None, form: Form) -> None:
    """Print what an export of models, data centres or hardware holds, what was left out and why."""
    day = None
    if snapshot_on is not None:
        try:
            day = date.fromisoformat(snapshot_on)
        except ValueError:
            problem = Problem("--snapshot-on", "must be a date written YYYY-MM-DD", repr(snapshot_on))
            raise DataError(f"runs file {file.name}", problem) from None
    kind = detect_export(file)
    found = import_export(file, snapshot_on=day)
    if form == "csv":
        found.rows.to_csv(sys.stdout, index=False)
        return
    if form == "json":
        print_json(found)
        return
    print(f"{file.name}: {found.n_read:,} rows of {_KINDS[kind]}, as of {found.snapshot_on}. {found.attribution}")
    known = ""
    if "compute_flop" in found.rows:
        known = f", {int(found.rows['compute_flop'].notna().sum()):,} with training compute"
    print(f"  {len(found.rows):,} read{known}.")
    print(f"  {len(found.left_out):,} left out{':' if len(found.left_out) else '.'}")
    for line in describe_left_out(found.left_out):
        print(f"    {line}")
    print_notes(found.notes)


def _print_rows(frame: pd.DataFrame, form: Form) -> None:
    if form == "csv":
        frame.to_csv(sys.stdout, index=False)
    elif form == "json":
        print_json(frame)
    else:
        columns = [str(name) for name in frame.columns]
        rows = [
            {name: _cut(value) for name, value in zip(columns, values, strict=True)}
            for values in frame.itertuples(index=False, name=None)
        ]
        print_table(rows, _filled(rows, columns))


def _cut(value: object) -> object:
    if isinstance(value, str) and len(value) > _CELL:
        return value[: _CELL - 1] + "…"
    return value


def _filled(rows: Sequence[dict[str, object]], columns: Sequence[str]) -> list[str]:
    """Return the columns that hold anything; empty ones only take room."""
    return [name for name in columns if not rows or any(not _is_empty(row[name]) for row in rows)]


def _is_empty(value: Any) -> bool:
    return value == "" or bool(pd.isna(value))
