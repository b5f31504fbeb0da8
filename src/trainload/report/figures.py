"""What a report is made of: figures (a chart with its rows and words), listings (rows), and how rows are shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from trainload.report import amounts
from trainload.report.palette import THEME
from trainload.tables import TABLES
from trainload.units import unit_of

Width = Literal["full", "half"]
Kind = Literal["text", "number", "million", "date", "time", "odds", "share", "grade", "source", "flag"]

LABELS: Mapping[str, str] = {
    "after": "Waits for",
    "arrive_on": "Planned arrival",
    "arrive_p50_on": "Arrives P50",
    "arrive_p80_on": "Arrives P80",
    "capex_usd": "Capital",
    "capex_usd_per_mw": "Capital",
    "chosen_mw": "Ordered",
    "cost_usd": "Chips and power of the run",
    "critical_step": "Step most often last",
    "days": "Run length (days)",
    "delay_days": "Delay",
    "direct_tco2_per_mwh": "Direct",
    "end_on": "Ends on",
    "ends_on": "Until",
    "energy_mwh": "Energy",
    "facility_average_mw": "Facility average",
    "facility_peak_mw": "Facility peak",
    "factor": "Common factor",
    "finish_on": "Finished on",
    "finish_p50_months": "Done P50",
    "finish_p80_months": "Done P80",
    "finish_unconstrained_on": "Finished, if powered in time",
    "firm_mw": "Grid and on-site firm",
    "fixed_usd_per_mw_year": "Fixed cost",
    "flop": "Compute",
    "goodput_frac": "Goodput",
    "grade_cost": "Grade, cost",
    "grade_lead": "Grade, lead",
    "it_peak_mw": "IT peak",
    "last_share_frac": "On the critical path",
    "lead_p50_months": "Lead P50",
    "lead_p80_months": "Lead P80",
    "lifecycle_tco2_per_mwh": "Life cycle",
    "load_mw": "Load",
    "max_mw": "Most",
    "mw": "Power",
    "order_on": "Latest order",
    "p_now_frac": "Our odds now",
    "p_then_frac": "Our odds then",
    "period_on": "From",
    "powered_mw": "Powered",
    "powered_on": "Powered on",
    "said_on": "Said on",
    "start_on": "Trains from",
    "start_p50_months": "Starts P50",
    "tco2": "Emission, grid average",
    "unit_mw": "Unit size",
    "usd": "Amount",
    "usd_per_mwh": "Levelised cost",
    "usd_present": "Present value",
    "utilisation_frac": "Utilisation",
    "variable_usd_per_mwh": "Variable cost",
    "wanted_mw": "Wanted",
    "wanted_on": "Wanted on",
    **{f"p{q}_{unit}": f"P{q}" for q in (10, 25, 50, 75, 80, 90, 95) for unit in ("mw", "months", "on")},
}
_DESCRIPTIONS = {column: text for table in TABLES.values() for column, text in table.items()}
MAX_SOURCE = 70
_UNIT_TEXT = {
    "fraction": "%",
    "count": "",
    "date": "",
    "USD/MW/year": "USD/MW/yr",
    "tCO2": "tCO₂",
    "tCO2/MWh": "tCO₂/MWh",
}
_RIGHT = frozenset({"number", "million", "odds", "share", "date", "time"})


@dataclass(frozen=True, slots=True)
class Cell:
    """What a table cell shows; `css` is its class, `level` (0-1) its shade, `href` the address it leads to."""

    text: str
    css: str = ""
    level: float | None = None
    href: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """A column's name, its unit and what it means."""

    label: str
    unit: str
    description: str
    css: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows shown as a table, and given away as the same rows in CSV.

    Attributes:
        rows: as shown; the CSV holds the same rows unrounded.
        labels: column -> heading where `LABELS` does not say it; a unit in brackets at its end is set apart.
        kinds: column -> how its cells are written where the name does not tell.
        marked: positions of rows that stand out.
        folded: shown only when opened.
    """

    key: str
    title: str
    rows: pd.DataFrame
    caption: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    marked: frozenset[int] = frozenset()
    folded: bool = False

    @property
    def headers(self) -> list[Header]:
        """One header a column."""
        found = []
        for column in map(str, self.rows.columns):
            kind = self.kind_of(column)
            label, unit = name_column(column, self.labels)
            unit = f"million {unit}" if kind == "million" else unit
            found.append(Header(label, unit, _DESCRIPTIONS.get(column, ""), "n" if kind in _RIGHT else ""))
        return found

    def kind_of(self, column: str) -> Kind:
        """Return how a column's cells are written."""
        if column in self.kinds:
            return self.kinds[column]
        if column.endswith("_on"):
            return "date"
        if column.startswith("p_") or column.endswith("_frac"):
            return "share"
        if column == "grade" or column.startswith("grade_"):
            return "grade"
        if column == "source":
            return "source"
        if column in ("year", "plan_year"):
            return "text"
        return "number" if pd.api.types.is_numeric_dtype(self.rows[column]) else "text"

    def cells(self, max_rows: int | None = None) -> list[list[Cell]]:
        """Return what each cell of the first rows shows, row by row."""
        rows = self.rows.head(max_rows) if max_rows is not None else self.rows
        kinds = [self.kind_of(str(c)) for c in rows.columns]
        columns = [[write_cell(v, kind) for v in rows[c]] for c, kind in zip(rows.columns, kinds, strict=True)]
        return [list(row) for row in zip(*columns, strict=True)]

    @property
    def csv(self) -> str:
        """Return the same rows as CSV, ISO dates and seven significant digits."""
        return write_csv(self.rows)


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its rows: picture, table and CSV come from the same data frame.

    Attributes:
        title: what it shows, as a finding where one can be computed.
        caption: what is drawn, in which unit, on which basis.
        alt: the finding in words, for readers who don't see the chart.
        spec: Vega-Lite; its data set ``rows`` is the listing's CSV.
        grade: the weakest grade among the figures behind it.
    """

    key: str
    title: str
    caption: str
    alt: str
    spec: Mapping[str, Any]
    listing: Listing
    width: Width = "full"
    grade: str = ""


def name_column(column: str, labels: Mapping[str, str]) -> tuple[str, str]:
    """Return heading and unit of a column: from `labels`, the known headings, or its registered suffix."""
    text = labels.get(column) or LABELS.get(column)
    stated = re.fullmatch(r"(.*?)\s*\(([^()]*)\)", text or "")
    if text and stated:
        return stated.group(1), stated.group(2)
    unit = unit_of("_" + column) or ""
    if text is None:
        text = amounts.spell_key(column)
    return text, _UNIT_TEXT.get(unit, unit)


def write_cell(value: Any, kind: Kind) -> Cell:
    """Return a cell's text and class."""
    if amounts.is_missing(value):
        return Cell(amounts.MISSING, "n none" if kind in _RIGHT else "none")
    if kind == "date":
        return Cell(amounts.format_date(value), "n")
    if kind == "time":
        return Cell(f"{pd.Timestamp(value):%d %b %H:%M}", "n")
    if kind == "odds":
        return Cell(amounts.format_odds(value), "n odds", max(0.0, min(1.0, float(value))))
    if kind == "share":
        return Cell(amounts.round_digits(float(value) * 100, 3), "n")
    if kind == "million":
        return Cell(amounts.round_digits(_drop_noise(float(value) / 1e6, 1e-3), 4), "n")
    if kind == "number":
        return Cell(amounts.round_digits(_drop_noise(float(value), 1e-7), 4), "n")
    if kind == "flag":
        return Cell("yes" if bool(value) else "no")
    text = str(value)
    if kind == "grade":
        return Cell(text, f"grade g{text.strip()[:1].lower()}")
    if kind == "source":
        href = next((part.rstrip(";,)") for part in text.split() if re.match(r"https?://", part)), "")
        shown = re.sub(r"^https?://(www\.)?", "", text)
        return Cell(shown if len(shown) <= MAX_SOURCE else f"{shown[: MAX_SOURCE - 1]}…", "source", None, href)
    return Cell(text, "words" if len(text) > 24 else "")


def _drop_noise(value: float, least: float) -> float:
    """Return zero for what is only a solver's rounding."""
    return 0.0 if abs(value) < least else value


def write_csv(rows: pd.DataFrame) -> str:
    """Return rows as CSV: ISO dates, hours as ``YYYY-MM-DD HH:MM`` UTC, ``true`` and ``false``, seven digits."""
    shown = rows.copy()
    for column in shown.columns:
        if pd.api.types.is_bool_dtype(shown[column]):
            shown[column] = shown[column].map({True: "true", False: "false"})
        elif pd.api.types.is_datetime64_any_dtype(shown[column]):
            shown[column] = pd.to_datetime(shown[column]).dt.strftime("%Y-%m-%d %H:%M")
    return str(shown.to_csv(index=False, float_format="%.7g", lineterminator="\n"))


def fill_spec(figure: Figure) -> dict[str, Any]:
    """Return the chart with its rows inside, for programs that draw it without the report."""
    return {**figure.spec, "config": dict(THEME), "datasets": {"rows": figure.listing.csv}}


def safe_field(label: str) -> str:
    """Return a label that Vega reads as one field name: without the signs it gives a meaning to."""
    return re.sub(r"\s+", " ", re.sub(r"[.\[\]'\"\\,\r\n]+", " ", label)).strip()


def safe_key(text: str) -> str:
    """Return a text as an element's id."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
