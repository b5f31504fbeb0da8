"""Colours of carriers (after PyPSA's), the order in which supply is stacked, and the charts' common look."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

INK, SOFT_INK, RULE, PAPER = "#16202c", "#5a6675", "#dde2e8", "#ffffff"
ACCENT, ACCENT_SOFT, SECOND, WARN = "#0b4f6c", "#7fb0c6", "#b4542a", "#b3261e"
UNSERVED = "#c1121f"

# Stack order from the bottom; ids of the catalogue's options.
OPTION_COLOURS: Mapping[str, str] = {
    "grid_firm": "#55657a",
    "grid_conditional": "#8494a8",
    "grid_interruptible": "#b7c2cf",
    "nuclear_restart": "#c2336b",
    "nuclear_large": "#d9477f",
    "smr_bwrx300": "#e879a3",
    "smr_xe100": "#efa0bf",
    "smr_kairos": "#f4bdd2",
    "microreactor": "#f9d6e4",
    "geothermal": "#9c6b94",
    "coal_existing": "#454545",
    "coal_to_gas": "#7a6a5d",
    "ccgt": "#a85522",
    "ccgt_ccs": "#7c4a2d",
    "gt_frame": "#c9702f",
    "gt_aero": "#e0986c",
    "engines": "#eab08a",
    "fuel_cells": "#c9a24b",
    "rental_turbines": "#f3cda9",
    "diesel": "#8c7b6b",
    "wind": "#235ebc",
    "wind_ppa": "#4a7fd0",
    "wind_offshore": "#6895dd",
    "solar": "#f9d002",
    "solar_ppa": "#fbe268",
    "battery_4h": "#7fc24d",
    "iron_air_100h": "#4f8f2f",
}
CARRIER_COLOURS: Mapping[str, tuple[str, ...]] = {
    "grid": ("#55657a", "#8494a8", "#b7c2cf"),
    "nuclear": ("#c2336b", "#e879a3", "#f4bdd2"),
    "uranium": ("#c2336b", "#e879a3", "#f4bdd2"),
    "geothermal": ("#9c6b94", "#c3a0bd"),
    "coal": ("#454545", "#7a7a7a"),
    "gas": ("#a85522", "#c9702f", "#e0986c", "#f3cda9"),
    "diesel": ("#8c7b6b", "#b3a596"),
    "wind": ("#235ebc", "#6895dd"),
    "solar": ("#f9d002", "#fbe268"),
    "battery": ("#7fc24d", "#4f8f2f"),
}
SPARE_COLOURS = ("#2a9d8f", "#8d6cab", "#6d8f5e", "#b08d57", "#5f9ea0", "#a3606b")

SERIES_COLOURS = (
    *("#0b4f6c", "#b4542a", "#6d8f5e", "#c9a24b", "#8d6cab", "#5f9ea0", "#a3606b"),
    *("#7a8794", "#2a9d8f", "#c98b6b", "#44546a", "#9fb8a0", "#d9b8a6", "#b9a7cf"),
)
TERM_COLOURS: Mapping[str, str] = {
    "Grid energy": "#55657a",
    "Demand charge": "#8494a8",
    "Minimum take": "#b7c2cf",
    "Fuel": "#a85522",
    "Capital": "#0b4f6c",
    "Fixed cost": "#5f9ea0",
    "Variable cost": "#9fc3c4",
    "Rent": "#f3cda9",
    "Contracts": "#235ebc",
    "Contract settlement": "#9db9e0",
    "Carbon price": "#454545",
    "Salvage value": "#6d8f5e",
    "Compute that waits for power": "#8d6cab",
    "Curtailed training": "#c1121f",
    "CO₂ goal broken": "#454545",
    "Matching goal broken": "#c9a24b",
}

THEME: Mapping[str, Any] = {
    "background": PAPER,
    "font": "Inter, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": SOFT_INK,
        "titleColor": SOFT_INK,
        "labelFontSize": 11.5,
        "titleFontSize": 11.5,
        "titleFontWeight": "normal",
        "gridColor": "#e9edf1",
        "domainColor": "#aab4bf",
        "tickColor": "#aab4bf",
        "tickSize": 4,
        "labelPadding": 5,
        "labelLimit": 230,
    },
    "axisY": {
        "domain": False,
        "ticks": False,
        "titleAngle": 0,
        "titleAlign": "left",
        "titleAnchor": "end",
        "titleBaseline": "bottom",
        "titleX": 0,
        "titleY": -10,
    },
    "axisX": {"grid": False},
    "legend": {
        "labelColor": INK,
        "titleColor": SOFT_INK,
        "labelFontSize": 11.5,
        "titleFontSize": 11.5,
        "titleFontWeight": "normal",
        "symbolSize": 110,
        "symbolStrokeWidth": 0,
        "labelLimit": 190,
        "rowPadding": 3,
    },
    "text": {"color": INK, "fontSize": 11.5},
    "line": {"strokeWidth": 2},
    "range": {"category": [ACCENT, SECOND, "#6d8f5e", "#8d6cab", "#b08d57", "#5a6675"]},
}


def order_options(options: pd.DataFrame) -> list[str]:
    """Return the option ids in stack order: known ones as in the palette, others by carrier after their relatives."""
    known = list(OPTION_COLOURS)
    carriers = list(CARRIER_COLOURS)

    def rank(row: Any) -> tuple[float, str]:
        if row.option in OPTION_COLOURS:
            return (known.index(row.option), "")
        carrier = _match_carrier(str(row.carrier))
        relatives = [known.index(o) for o, c in OPTION_COLOURS.items() if c in CARRIER_COLOURS.get(carrier, ())]
        return (
            max(relatives) + 0.5 if relatives else len(known) + carriers.index(carrier) if carrier else 1e3,
            row.option,
        )

    rows = list(options.itertuples(index=False))
    return [str(row.option) for row in sorted(rows, key=rank)]


def colour_options(options: pd.DataFrame) -> dict[str, str]:
    """Return a colour for every option: its own, else the next shade of its carrier, else a spare one."""
    colours: dict[str, str] = {}
    used: dict[str, int] = {}
    for row in options.itertuples(index=False):
        option = str(row.option)
        if option in OPTION_COLOURS:
            colours[option] = OPTION_COLOURS[option]
            continue
        carrier = _match_carrier(str(row.carrier))
        shades = CARRIER_COLOURS.get(carrier, SPARE_COLOURS)
        colours[option] = shades[used.get(carrier, 0) % len(shades)]
        used[carrier] = used.get(carrier, 0) + 1
    return colours


def _match_carrier(carrier: str) -> str:
    lowered = carrier.lower()
    return next((name for name in CARRIER_COLOURS if name in lowered), "")


def spread_colours(names: Iterable[str]) -> dict[str, str]:
    """Return distinct colours for series that have no carrier."""
    return {name: SERIES_COLOURS[i % len(SERIES_COLOURS)] for i, name in enumerate(names)}


def colour_terms(names: Iterable[str]) -> dict[str, str]:
    """Return the colour of each cost term by its name: always the same for known terms."""
    spare = [c for c in SERIES_COLOURS if c not in TERM_COLOURS.values()]
    unknown = [n for n in names if n not in TERM_COLOURS]
    return {n: TERM_COLOURS.get(n) or spare[unknown.index(n) % len(spare)] for n in names}
