"""What a report is made of: figures (a chart, its rows, its words) and listings (rows alone), and how rows are shown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import pandas as pd

from trainload.report import amounts
from trainload.report.palette import THEME
from trainload.tables import TABLES
from trainload.units import unit_of

Width = Literal["full", "half"]
Kind = Literal["text", "number", "date", "time", "odds", "share", "grade", "source", "flag"]

LABELS: Mapping[str, str] = {
    "wanted_on": "Wanted on", "powered_on": "Powered on", "finish_on": "Finished on", "flop": "Compute", "days": "Run length",
    "finish_unconstrained_on": "Finished, if powered in time", "delay_days": "Delay", "facility_peak_mw": "Facility peak",
    "facility_average_mw": "Facility average", "it_peak_mw": "IT peak", "energy_mwh": "Energy", "cost_usd": "Cost of the run",
    "tco2": "Emission", "capex_usd_per_mw": "Capital", "fixed_usd_per_mw_year": "Fixed cost", "variable_usd_per_mwh": "Variable cost",
    "usd_per_mwh": "Levelised cost", "direct_tco2_per_mwh": "Direct CO₂", "lifecycle_tco2_per_mwh": "Life-cycle CO₂",
    "lead_p50_months": "Lead P50", "lead_p80_months": "Lead P80", "arrive_p50_on": "Arrives P50", "arrive_p80_on": "Arrives P80",
    "chosen_mw": "Ordered", "grade_cost": "Grade, cost", "grade_lead": "Grade, lead", "unit_mw": "Unit size", "max_mw": "Most",
    "p10_months": "P10", "p50_months": "P50", "p90_months": "P90", "finish_p50_months": "Done P50", "finish_p80_months": "Done P80",
    "start_p50_months": "Starts P50", "last_share_frac": "On the critical path", "p10_on": "P10", "p50_on": "P50", "p80_on": "P80",
    "p90_on": "P90", "p95_on": "P95", "order_on": "Latest order", "arrive_on": "Planned arrival", "end_on": "Ends on",
    "critical_step": "Step most often last", "capex_usd": "Capital", "period_on": "From", "ends_on": "Until", "wanted_mw": "Wanted",
    "powered_mw": "Powered", "firm_mw": "Firm and on-site firm", "usd": "USD", "usd_present": "Present value", "p_then_frac": "Odds then",
    "p_now_frac": "Odds now", "said_on": "Said on", "p_ge_1gw": "P(≥ 1 GW)", "p_ge_5gw": "P(≥ 5 GW)", "p10_mw": "P10", "p25_mw": "P25",
    "p50_mw": "P50", "p75_mw": "P75", "p90_mw": "P90", "mw": "Power", "load_mw": "Load", "utilisation_frac": "Utilisation",
    "goodput_frac": "Goodput", "after": "Waits for", "factor": "Common factor",
}  # fmt: skip
_DESCRIPTIONS = {column: text for table in TABLES.values() for column, text in table.items()}


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
        marked: positions of rows set in bold.
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
        for column in self.rows.columns:
            label, unit = name_column(str(column), self.labels)
            kind = self.kind_of(str(column))
            found.append(Header(label, unit, _DESCRIPTIONS.get(str(column), ""), "n" if kind in _RIGHT else ""))
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
        if column == "year":
            return "text"
        return "number" if pd.api.types.is_numeric_dtype(self.rows[column]) else "text"

    @property
    def cells(self) -> list[list[Cell]]:
        """Return what each cell shows, row by row."""
        columns = [[write_cell(v, self.kind_of(str(c))) for v in self.rows[c]] for c in self.rows.columns]
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
    """

    key: str
    title: str
    caption: str
    alt: str
    spec: Mapping[str, Any]
    listing: Listing
    width: Width = "full"
    grade: str = ""


_RIGHT = {"number", "odds", "share", "date", "time"}
_UNIT_TEXT = {"fraction": "%", "count": "", "date": "", "USD/MW/year": "USD/MW/yr"}


def name_column(column: str, labels: Mapping[str, str]) -> tuple[str, str]:
    """Return heading and unit of a column: from `labels`, the known headings, or its registered suffix."""
    text = labels.get(column) or LABELS.get(column)
    unit = unit_of(column) or ""
    if text is None:
        text = amounts.spell_key(column)
        for suffix in (
            "_" + part for part in (unit.lower().replace("/", "_per_"), "mw", "mwh", "usd", "months", "frac", "on")
        ):
            if column.endswith(suffix) and len(column) > len(suffix):
                text = amounts.spell_key(column[: -len(suffix)])
                break
    stated = re.fullmatch(r"(.*?)\s*\(([^()]*)\)", text)
    if stated and column in labels:
        return stated.group(1), stated.group(2)
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
        return Cell(f"{float(value) * 100:.3g}", "n")
    if kind == "number":
        return Cell(amounts.round_digits(float(value), 4), "n")
    if kind == "flag":
        return Cell("yes" if bool(value) else "no")
    text = str(value)
    if kind == "grade":
        return Cell(text, f"grade g{text.strip()[:1].lower()}")
    if kind == "source":
        href = next((part.rstrip(";,)") for part in text.split() if re.match(r"https?://", part)), "")
        return Cell(re.sub(r"^https?://(www\.)?", "", text), "source", None, href)
    return Cell(text)


def write_csv(rows: pd.DataFrame) -> str:
    """Return rows as CSV: ISO dates, times as ``YYYY-MM-DD HH:MM`` UTC, seven significant digits."""
    shown = rows.copy()
    for column in shown.columns:
        if pd.api.types.is_bool_dtype(shown[column]):
            shown[column] = shown[column].map({True: "true", False: "false"})
        elif pd.api.types.is_datetime64_any_dtype(shown[column]):
            times = pd.to_datetime(shown[column])
            whole_days = bool((times.dropna() == times.dropna().dt.normalize()).all()) and not str(column).startswith(
                "time"
            )
            shown[column] = times.dt.strftime("%Y-%m-%d" if whole_days else "%Y-%m-%d %H:%M")
    return str(shown.to_csv(index=False, float_format="%.7g", lineterminator="\n"))


def parse_types(rows: pd.DataFrame) -> dict[str, str]:
    """Return how the browser reads each column of the rows' CSV."""
    types = {}
    for column in rows.columns:
        name = str(column)
        if name.startswith("time"):
            types[name] = "utc:'%Y-%m-%d %H:%M'"
        elif name.endswith("_on"):
            types[name] = "utc:'%Y-%m-%d'"
        elif pd.api.types.is_bool_dtype(rows[column]):
            types[name] = "boolean"
        else:
            types[name] = "number" if pd.api.types.is_numeric_dtype(rows[column]) else "string"
    return types


def make_spec(
    rows: pd.DataFrame, *, height: int, layers: Sequence[Mapping[str, Any]], alt: str, **rest: Any
) -> dict[str, Any]:
    """Return a Vega-Lite chart as wide as its place, that reads the data set ``rows``."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "description": alt,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit", "contains": "padding", "resize": True},
        "padding": {"left": 4, "right": 4, "top": 6, "bottom": 4},
        "config": dict(THEME),
        "data": {"name": "rows", "format": {"type": "csv", "parse": parse_types(rows)}},
        "layer": list(layers),
        **rest,
    }


def fill_spec(figure: Figure) -> dict[str, Any]:
    """Return the chart with its rows inside, for programs that draw it without the report."""
    return {**figure.spec, "datasets": {"rows": figure.listing.csv}}


def safe_field(label: str) -> str:
    """Return a label that Vega reads as one field name: without the signs it gives a meaning to."""
    return re.sub(r"[.\[\]'\"\\,\r\n]+", " ", label).strip()


def tip(*fields: tuple[str, str, str]) -> list[dict[str, Any]]:
    """Return tooltip entries from (field, title, format); the format ``date`` or ``time`` must be made by `tip_dates`."""
    return [
        {"field": f, "title": t, **({"format": fmt} if fmt else {}), "type": "quantitative" if fmt else "nominal"}
        for f, t, fmt in fields
    ]


def tip_dates(*columns: str, pattern: str = "%-d %b %Y") -> list[dict[str, str]]:
    """Return transforms that write dates as text in UTC, in fields named ``<column>_text``."""
    return [{"calculate": f"datum.{c} ? utcFormat(datum.{c}, '{pattern}') : '–'", "as": f"{c}_text"} for c in columns]


def day_value(day: date) -> dict[str, str]:
    """Return a day as Vega reads it, in UTC."""
    return {"expr": f"utc({day.year},{day.month - 1},{day.day})"}
