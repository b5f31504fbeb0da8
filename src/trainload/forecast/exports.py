"""Epoch AI's other exports as they come: data centres with their timelines, and machine-learning hardware."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from trainload.errors import DataError, Note, Problem
from trainload.forecast.export_file import (
    ATTRIBUTION,
    ImportedTable,
    Sheet,
    find_columns,
    find_scale,
    find_snapshot,
    read_dates,
    read_numbers,
    read_sheet,
    reduce_header,
)
from trainload.forecast.runs import import_runs

TIMELINES, DATA_CENTRES = "data_center_timelines.csv", "data_centers.csv"
ExportKind = Literal["runs", "campuses", "chips"]

_POWER: Mapping[str, float] = MappingProxyType({"": 1.0, "mw": 1.0, "w": 1e-6, "kw": 1e-3, "gw": 1e3})
_SPEED: Mapping[str, float] = MappingProxyType({"": 1.0, "flops": 1.0, "ops": 1.0, "tflops": 1e12, "pflops": 1e15})
_BYTES: Mapping[str, float] = MappingProxyType({"": 1e-9, "byte": 1e-9, "bytes": 1e-9, "gb": 1.0})
_WATTS: Mapping[str, float] = MappingProxyType({"": 1.0, "w": 1.0, "kw": 1e3})
_USD: Mapping[str, float] = MappingProxyType({"": 1.0, "usd": 1.0})

_TIMELINE_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "campus": ("datacenter", "datacentre", "name", "site"),
        "state_on": ("date",),
        "facility_mw": ("power", "facilitypower", "totalpower"),
        "it_mw": ("itpower",),
        "note": ("constructionstatus", "status"),
    }
)
_CENTRE_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "campus": ("name", "datacenter"),
        "operator": ("owner",),
        "users": ("users",),
        "location": ("address",),
        "chips": ("currentchiptypes", "allchiptypes"),
        "power_source": ("energycompanies",),
    }
)
_CHIP_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "label": ("hardwarename", "name"),
        "vendor": ("manufacturer", "vendor"),
        "release_on": ("releasedate",),
        "bf16_flop_per_s": ("tensorfp16bf16performance", "bf16performance", "fp16performance"),
        "fp8_flop_per_s": ("tensorfp8performance", "fp8performance"),
        "fp4_flop_per_s": ("tensorfp4performance", "fp4performance"),
        "tdp_w": ("tdp",),
        "memory_gb": ("memorysizeperboard", "memory", "memorysize"),
        "price_usd": ("releaseprice", "price"),
    }
)
_CHIP_UNITS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "bf16_flop_per_s": _SPEED,
        "fp8_flop_per_s": _SPEED,
        "fp4_flop_per_s": _SPEED,
        "tdp_w": _WATTS,
        "memory_gb": _BYTES,
        "price_usd": _USD,
    }
)


def detect_export(path: str | Path) -> ExportKind:
    """Return which of the exports a file (or a folder of data centres) is, by its columns."""
    path = Path(path)
    if path.is_dir():
        return "campuses"
    headers = {reduce_header(str(header)) for header in read_sheet(path, "file").cells.columns}
    if "hardwarename" in headers and "trainingcompute" not in headers:
        return "chips"
    return "campuses" if "datacenter" in headers and "date" in headers else "runs"


def import_export(path: str | Path, *, snapshot_on: date | None = None) -> ImportedTable:
    """Return the rows of whichever export it is: models, data centres or hardware."""
    readers = {"runs": import_runs, "campuses": import_campuses, "chips": import_chips}
    return readers[detect_export(path)](path, snapshot_on=snapshot_on)


def import_campuses(path: str | Path, *, snapshot_on: date | None = None) -> ImportedTable:
    """Return dated states of data centres: operating (power seen by the file's date), building, or planned.

    Args:
        path: ``data_center_timelines.csv``, or the folder that holds it; ``data_centers.csv`` beside it gives owner
            and users.
        snapshot_on: the day the file describes; default: a date in its name, else the day it was last changed.

    Raises:
        DataError: no table, a needed column missing, an unknown unit, or no row left.
    """
    path = Path(path)
    file = path / TIMELINES if path.is_dir() else path
    sheet = read_sheet(file, "data centres")
    snapshot, snapshot_notes = find_snapshot(file, sheet.subject, snapshot_on)
    needed = {"campus": "Data center", "state_on": "Date", "facility_mw": "Power (MW)"}
    rows, problems = _read_columns(sheet, _TIMELINE_COLUMNS, needed, {"facility_mw": _POWER, "it_mw": _POWER})
    if problems:
        raise DataError(sheet.subject, *problems)
    rows["state_on"], _ = read_dates(rows["state_on"])
    reasons = pd.Series("", index=rows.index)
    reasons[rows["campus"] == ""] = "no name"
    reasons[rows["state_on"].isna() & (reasons == "")] = "no readable date"
    reasons[(rows["facility_mw"] < 0) & (reasons == "")] = "power is negative"
    reasons[rows["facility_mw"].isna() & (reasons == "")] = "no power given"
    repeated = rows.duplicated(["campus", "state_on", "facility_mw"]) & (reasons == "")
    reasons[repeated] = "the same campus, date and power is given before"
    day = pd.Timestamp(snapshot)
    later = rows["state_on"] > day
    rows["status"] = np.where(later, "planned", np.where(rows["facility_mw"] > 0, "operating", "building"))
    rows["known_on"] = rows["state_on"].where(~later, day)
    rows["grade"] = np.where(later, "C", "B")
    rows["source"] = f"{ATTRIBUTION}, {sheet.name}, {snapshot}"
    rows = _join_owners(rows, file.parent / DATA_CENTRES)
    notes = (*sheet.notes, *snapshot_notes, Note(sheet.subject, f"states after {snapshot} are plans, not history"))
    return _keep(rows, reasons, "campus", snapshot, notes)


def _join_owners(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return rows with operator, users, place, chips and power source where the other table has them."""
    extra = [name for name in _CENTRE_COLUMNS if name != "campus"]
    if not path.is_file():
        return rows.assign(**dict.fromkeys(extra, ""))
    sheet = read_sheet(path, "data centres")
    centres = _read_columns(sheet, _CENTRE_COLUMNS, {"campus": "Name"}, {})[0].drop(columns="line")
    for name in ("operator", "users"):
        # Epoch marks how sure it is: "Meta #confident", "OpenAI #likely"; certain ones need no mark
        centres[name] = centres[name].str.replace(" #confident", "").str.replace(r" #(\w+)", r" (\1)", regex=True)
    return rows.merge(centres.drop_duplicates("campus"), on="campus", how="left").fillna(dict.fromkeys(extra, ""))


def import_chips(path: str | Path, *, snapshot_on: date | None = None) -> ImportedTable:
    """Return accelerators of ``ml_hardware.csv``: dense FLOP/s by precision, TDP, memory and price.

    Raises:
        DataError: no table, a needed column missing, an unknown unit, or no row left.
    """
    path = Path(path)
    sheet = read_sheet(path, "hardware file")
    snapshot, snapshot_notes = find_snapshot(path, sheet.subject, snapshot_on)
    needed = {"label": "Hardware name", "bf16_flop_per_s": "Tensor-FP16/BF16 performance (FLOP/s)", "tdp_w": "TDP (W)"}
    rows, problems = _read_columns(sheet, _CHIP_COLUMNS, needed, _CHIP_UNITS)
    if not problems:
        speed = rows["bf16_flop_per_s"].dropna()
        if len(speed) and not 1e9 < speed.median() < 1e17:
            fix = "give FLOP/s, or name the unit in the header"
            problems.append(Problem("bf16_flop_per_s", "can't be FLOP/s", f"median {speed.median():.3g}", fix))
    if problems:
        raise DataError(sheet.subject, *problems)
    rows["release_on"], _ = read_dates(rows["release_on"])
    reasons = pd.Series("", index=rows.index)
    reasons[rows["label"] == ""] = "no name"
    for name in ("bf16_flop_per_s", "tdp_w"):
        reasons[(rows[name] <= 0) & (reasons == "")] = f"{name} is not positive"
    reasons[(rows["release_on"] > pd.Timestamp(snapshot)) & (reasons == "")] = f"dated after the file ({snapshot})"
    reasons[rows.duplicated("label") & (reasons == "")] = "the same name is given before"
    rows["grade"] = "A"
    rows["source"] = f"{ATTRIBUTION}, {sheet.name}, {snapshot}"
    return _keep(rows, reasons, "label", snapshot, (*sheet.notes, *snapshot_notes))


def _read_columns(
    sheet: Sheet,
    aliases: Mapping[str, Sequence[str]],
    needed: Mapping[str, str],
    units: Mapping[str, Mapping[str, float]],
) -> tuple[pd.DataFrame, list[Problem]]:
    """Return the wanted columns: text, or numbers in the project's unit where `units` names them."""
    columns, problems = find_columns(sheet, aliases, needed)
    rows = pd.DataFrame(index=sheet.cells.index)
    for name in aliases:
        if name not in columns:
            rows[name] = np.nan if name in units else ""
        elif name in units:
            scale, problem = find_scale(columns[name], units[name])
            if problem is not None:
                problems.append(problem)
            rows[name] = read_numbers(sheet.column(columns[name]))[0] * scale
        else:
            rows[name] = sheet.column(columns[name])
    rows["line"] = np.arange(2, len(rows) + 2)
    return rows, problems


def _keep(
    rows: pd.DataFrame, reasons: "pd.Series[str]", name: str, snapshot: date, notes: tuple[Note, ...]
) -> ImportedTable:
    used = reasons == ""
    if not used.any():
        raise DataError("import", Problem("", "no row can be used", f"{len(rows)} rows, {reasons.iloc[0]}"))
    left_out = pd.DataFrame({"line": rows["line"], name: rows[name], "reason": reasons})[~used]
    kept = rows[used].drop(columns="line").reset_index(drop=True)
    return ImportedTable(kept, left_out.reset_index(drop=True), snapshot, ATTRIBUTION, notes, len(rows))
