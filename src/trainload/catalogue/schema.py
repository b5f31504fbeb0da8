"""The schema of the catalogue's CSV tables, and their reader: all problems of a file at once, each with its line."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from trainload.catalogue.records import Figure
from trainload.errors import DataError, Problem
from trainload.units import SUFFIXES, unit_of

# Units of the catalogue that no field inside the package carries.
TABLE_UNITS = frozenset(
    {
        "USD/MW/mile",
        "MMcf/day/GW",
        "MW/year",
        "h/year",
        "tCO2/MMBtu",
        "1/1000 node-days",
        "count",
        "index, 1982-84 = 100",
        "MtCO2e",
        "TWh",
        "% on 2024",
        "%",
    }
)
# Quantities whose suffix alone would say less than their unit.
_QUANTITY_UNITS = {"curtailed_hours_per_year": "h/year", "max_full_load_hours_per_year": "h/year"}
UNITS = frozenset(SUFFIXES.values()) | TABLE_UNITS
GRADES = ("A", "B", "C")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, how its cells are read, whether a cell may be empty."""

    name: str
    kind: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """One parsed row and the line it starts on."""

    line: int
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def figure(self) -> Figure:
        """Return the row's low, mid, high, unit, year, grade, source and note as a `Figure`."""
        v = self.values
        return Figure(
            v["mid"], v["low"], v["high"], v["unit"], v["year"], v["grade"], v["source"], v["note"], v.get("known_on")
        )


def _columns(text: str) -> tuple[Column, ...]:
    """Read ``name:kind`` pairs; a question mark after the kind lets the cell be empty."""
    pairs = (item.split(":") for item in text.split())
    return tuple(Column(name, kind.rstrip("?"), not kind.endswith("?")) for name, kind in pairs)


_PROOF = " grade:grade source:text note:text?"
_FIGURE = " low:number? mid:number high:number? unit:unit year:year known_on:date" + _PROOF

SCHEMA: Mapping[str, tuple[Column, ...]] = MappingProxyType(
    {
        name: _columns(text)
        for name, text in {
            "technologies": "technology:key quantity:key" + _FIGURE,
            "technologies_2024": "technology:key quantity:key" + _FIGURE,
            "technology_labels": "technology:key label:text carrier:key kind:source|store "
            "delivery:onsite|grid|contract firm:flag bridge:flag clean:flag fuel:key availability:key "
            "permits:text status:text",
            "chips": "chip:key label:text vendor:text announced_on:date? release_on:date bf16_flop_per_s:number? "
            "fp8_flop_per_s:number? fp4_flop_per_s:number? memory_gb:number? tdp_w:number? server_power_w:number? "
            "it_power_w:number? measured_w:number? measured_utilisation_frac:number? price_usd:number? aliases:bars? "
            "grade:grade grade_power:grade source:text note:text?",
            "training_runs": "run:text developer:text release_on:date flop:number? chip:text? n_chips:count? "
            "chip_hours:number? utilisation_frac:number? days:number? energy_mwh:number? energy_perimeter:text? "
            "pue:number? tco2:number? it_power_mw:number? rated_facility_mw:number? basis:text from_memory:text?"
            + _PROOF,
            "infrastructure": "asset:key label:text region:text quantity:key" + _FIGURE,
            "demand_parameters": "parameter:key label:text" + _FIGURE,
            "prices": "price:key label:text" + _FIGURE,
            "grid_factors": "region:text measure:key" + _FIGURE,
            "fuels": "fuel:text measure:text" + _FIGURE,
            "technology_lifecycle": "technology:text measure:text" + _FIGURE,
            "companies": "company:text measure:text" + _FIGURE,
            "price_index": "year:year mid:number unit:unit" + _PROOF,
            "deals": "deal:key buyer:text project:text technology:text capacity_mw:number announced_on:date "
            "expected:text latest:text status:text status_on:date slip:text in_article:flag "
            "grade:grade source:text source_2:text?",
            "outcomes": "subject:text planned_on:text planned:text happened:text grade:grade source:text",
            "steps": "owner:key owner_kind:option|gate step:key label:text after:list? p10_months:number "
            "p50_months:number p90_months:number factor:key? loading_frac:number cost_share_frac:number unit:unit "
            "year:year" + _PROOF,
            "gates": "gate:key label:text unit_mw:number max_mw:number low:number? mid:number high:number? unit:unit "
            "lifetime_years:number lead_p10_months:number? lead_p50_months:number? lead_p90_months:number? "
            "contained_in:list? milestones:milestones year:year" + _PROOF,
            "option_limits": "option:key max_mw:number milestones:milestones unit:unit year:year" + _PROOF,
            "cities": "city:text country:text kind:text average_mw:number peak_mw:number? annual_mwh:number? "
            "year:year basis:text? grade:grade grade_peak:grade? source:text",
            "campuses": "campus:text operator:text? users:text? location:text? online_on:date? status:key "
            "state_on:date? known_on:date? facility_mw:number? it_mw:number? chips:text? power_source:text? year:year"
            + _PROOF,
            "claims": "claim:text who:text said_on:date target:run|campus|compute year:year threshold:number unit:unit "
            "grade:grade source:text",
            "frontier_runs": "model:text developer:text released_on:date rank_at_release:count compute_flop:number "
            "chip:text? n_chips:number? training_hours:number? utilisation_frac:number? n_parameters:number? "
            "rated_facility_mw:number? confidence:text year:year" + _PROOF,
        }.items()
    }
)


def read_table(name: str, path: Path) -> tuple[Row, ...]:
    """Return the rows of one table, every cell parsed as its schema says.

    Raises:
        DataError: the file is missing or unreadable, a column is missing or unknown, a cell can't be parsed, a unit,
            year, source or grade is missing, low <= mid <= high does not hold, or a unit is not that of its quantity.
    """
    if not path.is_file():
        raise DataError("catalogue", Problem(path.name, "table is missing", "", "restore the file"))
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = _read_lines(file)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError("catalogue", Problem(path.name, "is not a CSV file in UTF-8", str(error))) from None
    header = lines[0][1] if lines else []
    columns = SCHEMA[name]
    expected = [column.name for column in columns]
    problems = [
        Problem(f"{path.name} line 1", "a column is missing", c, f"columns: {', '.join(expected)}")
        for c in expected
        if c not in header
    ]
    problems += [Problem(f"{path.name} line 1", "no such column", c) for c in header if c not in expected]
    if problems:
        raise DataError("catalogue", *problems)
    rows: list[Row] = []
    for line, cells in lines[1:]:
        where = f"{path.name} line {line}"
        if len(cells) != len(header):
            problems.append(
                Problem(where, f"needs {len(header)} cells", str(len(cells)), "quote cells that hold a comma")
            )
            continue
        raw = dict(zip(header, cells, strict=True))
        values: dict[str, Any] = {}
        for column in columns:
            try:
                values[column.name] = _parse(raw[column.name].strip(), column)
            except ValueError as error:
                problems.append(Problem(where, f"{column.name} {error}", raw[column.name] or "nothing", _fix(column)))
        if len(values) == len(columns):
            problems.extend(_check_row(name, where, values))
        rows.append(Row(line, MappingProxyType(values)))
    if problems:
        raise DataError("catalogue", *problems)
    return tuple(rows)


def _read_lines(file: Any) -> list[tuple[int, list[str]]]:
    """Return (first line number, cells) of every row that is not blank."""
    reader = csv.reader(file)
    lines: list[tuple[int, list[str]]] = []
    start = 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            lines.append((start, cells))
        start = reader.line_num + 1
    return lines


def _fix(column: Column) -> str:
    fixes = {
        "unit": f"one of: {', '.join(sorted(UNITS))}",
        "grade": "A read in a source, B named source not opened, C judgement or derived",
        "date": "write YYYY-MM-DD",
        "year": "write a year such as 2026",
        "flag": "write yes or no",
        "key": "letters, digits, _ . -",
        "milestones": "write share@time;share@time, the shares adding up to 1",
    }
    if column.name == "source":
        return "name where the row was read"
    return fixes.get(column.kind, "write a number" if column.kind in ("number", "count") else "")


def _parse(text: str, column: Column) -> Any:
    kind = column.kind
    if text == "":
        if column.required:
            raise ValueError("is missing")
        return () if kind in ("list", "bars") else "" if kind == "text" else None
    if kind in ("list", "bars"):
        return tuple(part.strip() for part in text.split(";" if kind == "list" else "|") if part.strip())
    if kind == "number":
        value = float(text)
        if not abs(value) < float("inf"):
            raise ValueError("must be finite")
        return value
    if kind == "count":
        if not text.isdigit():
            raise ValueError("must be a whole number")
        return int(text)
    if kind == "year":
        if not (text.isdigit() and 1950 <= int(text) <= 2100):
            raise ValueError("must be a year")
        return int(text)
    if kind == "date":
        return date.fromisoformat(text)
    if kind == "flag":
        if text not in ("yes", "no"):
            raise ValueError("must be yes or no")
        return text == "yes"
    if kind == "milestones":
        pairs = tuple((float(a), float(b)) for a, b in (part.split("@") for part in text.split(";")))
        if abs(sum(share for share, _ in pairs) - 1) > 1e-9:
            raise ValueError("shares must add up to 1")
        return pairs
    choices = {"unit": UNITS, "grade": GRADES}.get(kind) or (tuple(kind.split("|")) if "|" in kind else None)
    if choices is not None and text not in choices:
        raise ValueError("is not one of the known values")
    if kind == "key" and not all(character.isalnum() or character in "_.-" for character in text):
        raise ValueError("is not a key")
    return text


def _check_row(name: str, where: str, values: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with cells that are well-formed one by one."""
    problems: list[Problem] = []
    if "mid" in values and "low" in values:
        low, mid, high = values["low"], values["mid"], values["high"]
        if (low is not None and low > mid) or (high is not None and high < mid):
            got = f"{low}, {mid}, {high}"
            problems.append(Problem(where, "low <= mid <= high must hold", got, "swap the values"))
    quantity = values.get("quantity") or values.get("parameter")
    expected = _QUANTITY_UNITS.get(quantity, unit_of(quantity)) if quantity else None
    if expected is not None and values["unit"] != expected:
        problems.append(Problem(where, f"unit of {quantity}", values["unit"], f"write {expected}"))
    if name == "steps" and not values["p10_months"] <= values["p50_months"] <= values["p90_months"]:
        problems.append(Problem(where, "p10_months <= p50_months <= p90_months must hold", "", "swap the values"))
    return problems
