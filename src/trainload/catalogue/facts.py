"""The catalogue of facts: chips, runs, technologies, steps, gates, deals, cities, prices, grid factors.

Every table is a CSV file in ``trainload/data``; `load_catalogue` reads them against a schema that rejects a row without
unit, year, source or grade, and returns frozen records. Some figures contain others: an all-in lead time contains its
steps, the capital of a grid connection its substation, a rent the owner's capital. Their notes say so; nothing here
adds them up. Money stays in the price year of its source; `convert_usd` and `restate_figure` are the only places where
it is moved to another. `known_on` is the day from which a figure's quotes could be read; those of the 2026 market
count from the start of that year.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, cast

import pandas as pd

from trainload.catalogue.records import (
    Campus,
    Chip,
    City,
    ClaimRecord,
    CompanyFigure,
    Deal,
    Figure,
    FrontierRun,
    GateRecord,
    InfrastructureItem,
    Outcome,
    StepRecord,
    Technology,
    TrainingRun,
)
from trainload.catalogue.schema import SCHEMA, Row, read_table
from trainload.errors import DataError, Note, Problem

__all__ = [
    "Campus",
    "Catalogue",
    "Chip",
    "City",
    "ClaimRecord",
    "CompanyFigure",
    "Deal",
    "Figure",
    "FrontierRun",
    "GateRecord",
    "InfrastructureItem",
    "Outcome",
    "StepRecord",
    "Technology",
    "TrainingRun",
    "convert_usd",
    "list_sources",
    "load_catalogue",
    "restate_figure",
]

PRICE_YEAR = 2026
_DATA = Path(__file__).parent.parent / "data"
_OPTIONAL = frozenset({"claims", "campuses", "cities", "frontier_runs", "steps", "gates"})
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every table as frozen records.

    Attributes:
        vintage_on: the day whose knowledge it holds; None for all of it.
        notes: where a vintage had to use a later figure.
    """

    technologies: Mapping[str, Technology]
    chips: Mapping[str, Chip]
    runs: tuple[TrainingRun, ...]
    frontier_runs: tuple[FrontierRun, ...]
    infrastructure: Mapping[str, InfrastructureItem]
    parameters: Mapping[str, Figure]
    prices: Mapping[str, Figure]
    grid_factors: Mapping[str, Figure]
    fuels: Mapping[str, Figure]
    technology_lifecycle: Mapping[str, Figure]
    companies: tuple[CompanyFigure, ...]
    deals: tuple[Deal, ...]
    outcomes: tuple[Outcome, ...]
    cities: tuple[City, ...]
    campuses: tuple[Campus, ...]
    claims: tuple[ClaimRecord, ...]
    steps: tuple[StepRecord, ...]
    gates: tuple[GateRecord, ...]
    price_index: Mapping[int, float]
    vintage_on: date | None
    notes: tuple[Note, ...]
    folder: Path

    @property
    def table_names(self) -> tuple[str, ...]:
        """Names that `table` knows."""
        return tuple(name for name in SCHEMA if (self.folder / f"{name}.csv").exists())

    def table(self, name: str) -> pd.DataFrame:
        """Return the table as it stands in its file, with parsed dates and numbers.

        Raises:
            DataError: no such table.
        """
        if name not in self.table_names:
            raise DataError("catalogue", Problem("", "no such table", name, f"known: {', '.join(self.table_names)}"))
        columns = SCHEMA[name]
        rows = [
            [_as_cell(row[c.name], c.kind) for c in columns] for row in read_table(name, self.folder / f"{name}.csv")
        ]
        return pd.DataFrame(rows, columns=[column.name for column in columns])

    def chip(self, name: str) -> Chip:
        """Return the chip of this id, label or alias.

        Raises:
            DataError: no such chip, or it was announced after the catalogue's vintage.
        """
        key = name.strip().lower()
        for chip in self.chips.values():
            if key in (chip.name, chip.label.lower(), *(alias.lower() for alias in chip.aliases)):
                return chip
        known = ", ".join(self.chips)
        why = f"no such chip known on {self.vintage_on}" if self.vintage_on else "no such chip"
        raise DataError("catalogue chips", Problem("", why, name, f"known: {known}; or define it under `chips`"))

    def find_figure(self, key: str) -> tuple[str, Figure]:
        """Return what a key such as ``ccgt.capex_usd_per_mw`` or ``prices.coal`` stands for, and its figure.

        Raises:
            DataError: no such key.
        """
        table, _, rest = key.partition(".")
        singles: Mapping[str, Mapping[str, Figure]] = {
            "parameters": self.parameters,
            "prices": self.prices,
            "grid_factors": self.grid_factors,
            "fuels": self.fuels,
            "technology_lifecycle": self.technology_lifecycle,
        }
        if table in singles and rest in singles[table]:
            return f"{table}: {rest}", singles[table][rest]
        owner, _, quantity = (
            rest.rpartition(".") if table in ("technologies", "infrastructure", "chips") else (table, "", rest)
        )
        if table == "chips" and owner in self.chips:
            figure = _chip_figure(self.chips[owner], quantity)
            if figure is not None:
                return f"{self.chips[owner].label}: {quantity}", figure
        if table == "infrastructure" and owner in self.infrastructure:
            item = self.infrastructure[owner]
            if quantity in item.figures:
                return f"{item.label}: {quantity}", item.figures[quantity]
        if owner in self.technologies and quantity in self.technologies[owner].figures:
            technology = self.technologies[owner]
            return f"{technology.label}: {quantity}", technology.figures[quantity]
        raise DataError(
            "catalogue",
            Problem(
                "",
                "no figure under this key",
                key,
                "keys look like ccgt.capex_usd_per_mw, prices.coal, "
                "grid_factors.SRVC, infrastructure.lpt.lead_months or chips.h100.tdp_w",
            ),
        )


def _as_cell(value: Any, kind: str) -> Any:
    """Return a parsed cell as a table shows it: lists as text."""
    if kind == "milestones":
        return ";".join(f"{share:g}@{when:g}" for share, when in value)
    return {"list": ";", "bars": "|"}[kind].join(value) if kind in ("list", "bars") else value


def _chip_figure(chip: Chip, quantity: str) -> Figure | None:
    units = {"_flop_per_s": "FLOP/s", "_w": "W", "_gb": "GB", "_usd": "USD"}
    unit = next((unit for suffix, unit in units.items() if quantity.endswith(suffix)), None)
    value = getattr(chip, quantity, None) if unit else None
    if unit is None or value is None:
        return None
    grade = chip.grade_power if quantity.endswith("_w") else chip.grade
    return Figure(value, None, None, unit, chip.release_on.year, grade, chip.source, chip.note, chip.announced_on)


def list_sources(keys: Iterable[str], *, catalogue: Catalogue | None = None) -> pd.DataFrame:
    """Return one row for each key: key, figure, value, low, high, unit, year, grade, source, note.

    Raises:
        DataError: a key that the catalogue does not hold; all of them at once.
    """
    catalogue = catalogue or load_catalogue()
    rows: list[tuple[object, ...]] = []
    problems: list[Problem] = []
    for key in keys:
        try:
            label, f = catalogue.find_figure(key)
        except DataError as error:
            problems.extend(error.problems)
            continue
        rows.append((key, label, f.value, f.low, f.high, f.unit, f.year, f.grade, f.source, f.note))
    if problems:
        raise DataError("sources", *problems)
    columns = ["key", "figure", "value", "low", "high", "unit", "year", "grade", "source", "note"]
    return pd.DataFrame(rows, columns=columns)


def convert_usd(value: float, from_year: int, to_year: int = PRICE_YEAR, *, folder: Path = _DATA) -> float:
    """Return money of one price year in another: value x index(to) / index(from).

    The index is US CPI-U (`price_index.csv`: grade B to 2025, C after it).

    Raises:
        DataError: a year that the index does not hold.
    """
    index = _read_price_index(folder)
    missing = [year for year in (from_year, to_year) if year not in index]
    if missing:
        span = f"{min(index)}-{max(index)}"
        raise DataError(
            "price_index.csv", *(Problem("", "no price index for this year", str(y), f"known: {span}") for y in missing)
        )
    return value * index[to_year] / index[from_year]


def restate_figure(figure: Figure, price_year: int = PRICE_YEAR, *, folder: Path = _DATA) -> Figure:
    """Return a money figure in constant USD of `price_year`, its note saying so; other figures unchanged."""
    if not figure.unit.startswith("USD") or figure.year == price_year:
        return figure
    factor = convert_usd(1.0, figure.year, price_year, folder=folder)
    note = f"stated in {figure.year} USD, times {factor:.3f} (CPI-U) for {price_year} USD"
    return replace(figure.scale(factor, unit=figure.unit, note=note), year=price_year)


@lru_cache(maxsize=4)
def _read_price_index(folder: Path) -> Mapping[int, float]:
    rows = read_table("price_index", folder / "price_index.csv")
    return MappingProxyType({row["year"]: row["mid"] for row in rows})


@lru_cache(maxsize=8)
def load_catalogue(vintage_on: date | None = None, *, folder: Path = _DATA) -> Catalogue:
    """Return the catalogue, optionally as it could be known on a day.

    With `vintage_on`, runs, chips, deals and campus states that were announced later are left out, and each figure is
    the newest that was known on that day. Where only a later one exists it is used and both its own note and
    `Catalogue.notes` say so.

    Args:
        vintage_on: the day, such as the scenario's `as_of`; None for everything.
        folder: folder of the CSV tables.

    Raises:
        DataError: a table is missing or a row breaks its schema; all rows of all tables at once.
    """
    problems: list[Problem] = []
    tables: dict[str, tuple[Row, ...]] = {}
    for name in SCHEMA:
        path = folder / f"{name}.csv"
        if name in _OPTIONAL and not path.exists():
            tables[name] = ()
            continue
        try:
            tables[name] = read_table(name, path)
        except DataError as error:
            problems.extend(error.problems)
    if problems:
        raise DataError("catalogue", *problems)
    hidden: list[Note] = []

    def known(name: str, *columns: str) -> tuple[Row, ...]:
        if vintage_on is None:
            return tables[name]
        dates = [next((row[column] for column in columns if row[column] is not None), None) for row in tables[name]]
        kept = tuple(row for row, day in zip(tables[name], dates, strict=True) if day is None or day <= vintage_on)
        if len(kept) < len(tables[name]):
            text = f"{len(tables[name]) - len(kept)} of {len(tables[name])} rows are later than {vintage_on}: left out"
            hidden.append(Note(f"catalogue.{name}", text, "limit"))
        return kept

    technologies, notes = _build_technologies(tables, vintage_on)
    parameters, parameter_notes = _pick_figures("parameters", tables["demand_parameters"], "parameter", vintage_on)
    prices, price_notes = _pick_figures("prices", tables["prices"], "price", vintage_on)
    grid, grid_notes = _pick_figures("grid_factors", tables["grid_factors"], "region", vintage_on)
    return Catalogue(
        technologies=technologies,
        chips=MappingProxyType({row["chip"]: _build_chip(row) for row in known("chips", "announced_on", "release_on")}),
        runs=tuple(_build(TrainingRun, row, name=row["run"]) for row in known("training_runs", "release_on")),
        frontier_runs=tuple(_build(FrontierRun, row) for row in known("frontier_runs", "released_on")),
        infrastructure=_build_infrastructure(tables["infrastructure"], vintage_on),
        parameters=parameters,
        prices=prices,
        grid_factors=grid,
        fuels=_pick_figures("fuels", tables["fuels"], "fuel", None)[0],
        technology_lifecycle=_pick_figures("technology_lifecycle", tables["technology_lifecycle"], "technology", None)[
            0
        ],
        companies=tuple(
            CompanyFigure(row["company"], row["measure"], row.figure()) for row in known("companies", "known_on")
        ),
        deals=tuple(_hide_status(_build(Deal, row), vintage_on) for row in known("deals", "announced_on")),
        outcomes=tuple(_build(Outcome, row) for row in tables["outcomes"]),
        cities=tuple(_build(City, row) for row in tables["cities"]),
        campuses=tuple(_build(Campus, row) for row in known("campuses", "known_on", "state_on", "online_on")),
        claims=tuple(_build(ClaimRecord, row) for row in tables["claims"]),
        steps=tuple(_build_step(row) for row in tables["steps"]),
        gates=tuple(_build_gate(row) for row in tables["gates"]),
        price_index=MappingProxyType({row["year"]: row["mid"] for row in tables["price_index"]}),
        vintage_on=vintage_on,
        notes=(*hidden, *notes, *parameter_notes, *price_notes, *grid_notes),
        folder=folder,
    )


def _build(record: Callable[..., _R], row: Row, **extra: object) -> _R:
    """Return the record whose fields are named like the row's columns."""
    fields = cast(Any, record).__dataclass_fields__
    return record(**{name: row.values[name] for name in fields if name in row.values}, **extra)


def _hide_status(deal: Deal, vintage_on: date | None) -> Deal:
    """Return the deal without what was seen of it after the day."""
    if vintage_on is None or deal.status_on <= vintage_on:
        return deal
    hidden = f"later than {vintage_on}: hidden"
    return replace(deal, latest=hidden, status=hidden, slip=hidden)


def _build_chip(row: Row) -> Chip:
    values = dict(row.values)
    announced = values.pop("announced_on")
    name = values.pop("chip")
    return Chip(name=name, announced_on=announced or values["release_on"], **values)


def _build_step(row: Row) -> StepRecord:
    return _build(StepRecord, row)


def _build_gate(row: Row) -> GateRecord:
    lead = (row["lead_p10_months"], row["lead_p50_months"], row["lead_p90_months"])
    return GateRecord(
        gate=row["gate"],
        label=row["label"],
        unit_mw=row["unit_mw"],
        max_mw=row["max_mw"],
        capex=row.figure(),
        lifetime_years=row["lifetime_years"],
        lead_target=None if None in lead else cast("tuple[float, float, float]", lead),
        contained_in=row["contained_in"],
        milestones=row["milestones"],
        grade=row["grade"],
        source=row["source"],
        note=row["note"],
    )


def _pick_figure(rows: Iterable[Row], vintage_on: date | None) -> tuple[Figure, bool]:
    """Return the newest figure known on the day, else the earliest known after it and True."""
    dated = sorted(rows, key=lambda row: row["known_on"])
    before = [row for row in dated if vintage_on is None or row["known_on"] <= vintage_on]
    if before:
        return before[-1].figure(), False
    figure = dated[0].figure()
    text = f"known on {figure.known_on}, later than {vintage_on}: no earlier figure in the catalogue"
    return replace(figure, note=f"{figure.note}; {text}" if figure.note else text), True


def _pick_figures(
    table: str, rows: tuple[Row, ...], key: str, vintage_on: date | None
) -> tuple[Mapping[str, Figure], list[Note]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    picked = {name: _pick_figure(group, vintage_on) for name, group in groups.items()}
    late = [name for name, (_, is_late) in picked.items() if is_late]
    text = f"no figure known on {vintage_on}; a later one is used for: {', '.join(late)}"
    notes = [Note(f"catalogue.{table}", text, "limit")] if late else []
    return MappingProxyType({name: figure for name, (figure, _) in picked.items()}), notes


def _build_technologies(
    tables: Mapping[str, tuple[Row, ...]], vintage_on: date | None
) -> tuple[Mapping[str, Technology], list[Note]]:
    rows = tables["technologies"] if vintage_on is None else tables["technologies"] + tables["technologies_2024"]
    groups: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        groups.setdefault(row["technology"], {}).setdefault(row["quantity"], []).append(row)
    labels = {row["technology"]: row for row in tables["technology_labels"]}
    lost = sorted(groups.keys() ^ labels.keys())
    if lost:
        raise DataError(
            "catalogue technologies",
            *(Problem("technology_labels.csv", "needs one row for each technology and no other", key) for key in lost),
        )
    notes: list[Note] = []
    technologies: dict[str, Technology] = {}
    for key, label in labels.items():
        picked = {quantity: _pick_figure(group, vintage_on) for quantity, group in groups[key].items()}
        late = [quantity for quantity, (_, is_late) in picked.items() if is_late]
        if late:
            text = f"no figure known on {vintage_on}; a later one is used for {', '.join(late)}"
            notes.append(Note(f"technologies.{key}", text, "limit"))
        figures = MappingProxyType({quantity: figure for quantity, (figure, _) in picked.items()})
        technologies[key] = _build(Technology, label, figures=figures)
    return MappingProxyType(technologies), notes


def _build_infrastructure(rows: tuple[Row, ...], vintage_on: date | None) -> Mapping[str, InfrastructureItem]:
    groups: dict[str, dict[str, list[Row]]] = {}
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row["asset"], row)
        groups.setdefault(row["asset"], {}).setdefault(row["quantity"], []).append(row)
    return MappingProxyType(
        {
            asset: InfrastructureItem(
                asset,
                first[asset]["label"],
                first[asset]["region"],
                MappingProxyType({q: _pick_figure(group, vintage_on)[0] for q, group in figures.items()}),
            )
            for asset, figures in groups.items()
        }
    )
