"""A short way to write Vega-Lite: channels, layers, and the frame that every chart shares."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from trainload.report.palette import INK, SOFT_INK

Channel = dict[str, Any]
Layer = dict[str, Any]


def frame(
    rows: pd.DataFrame, *, height: int, alt: str, layers: Sequence[Layer], make: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return a chart as wide as its place that reads the data set ``rows``; `make` adds fields by expressions."""
    spec: dict[str, Any] = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "description": alt,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit", "contains": "padding", "resize": True},
        "padding": {"left": 2, "right": 6, "top": 6, "bottom": 4},
        "data": {"name": "rows", "format": {"type": "csv", "parse": parse_types(rows)}},
        "layer": list(layers),
    }
    if make:
        spec["transform"] = [{"calculate": expression, "as": name} for name, expression in make.items()]
    return spec


def parse_types(rows: pd.DataFrame) -> dict[str, str]:
    """Return how the browser reads each column of the rows' CSV."""
    types = {}
    for column in rows.columns:
        name = str(column)
        if name == "time":
            types[name] = "utc:'%Y-%m-%d %H:%M'"
        elif name.endswith("_on"):
            types[name] = "utc:'%Y-%m-%d'"
        elif pd.api.types.is_bool_dtype(rows[column]):
            types[name] = "boolean"
        else:
            types[name] = "number" if pd.api.types.is_numeric_dtype(rows[column]) else "string"
    return types


def paint(
    mark: str,
    style: Mapping[str, Any] | None = None,
    *,
    where: str = "",
    fold: tuple[Sequence[str], str, str] | None = None,
    make: Mapping[str, str] | None = None,
    values: Sequence[Mapping[str, Any]] | None = None,
    **channels: Any,
) -> Layer:
    """Return a layer of one kind of mark.

    Args:
        mark: Vega-Lite's name of the mark.
        style: properties of the mark that don't depend on data.
        where: expression that keeps a row.
        fold: columns to stack into long form, with the names of the key and the value field.
        make: fields to add, by expressions; after `where` and `fold`.
        values: rows of the layer's own, in place of the chart's.
        channels: encodings; None is left out.
    """
    transform: list[dict[str, Any]] = [{"filter": where}] if where else []
    if fold is not None:
        transform.append({"fold": list(fold[0]), "as": [fold[1], fold[2]]})
    transform += [{"calculate": expression, "as": name} for name, expression in (make or {}).items()]
    layer: Layer = {"mark": {"type": mark, **(style or {})}}
    if values is not None:
        layer["data"] = {"values": [dict(v) for v in values]}
    if transform:
        layer["transform"] = transform
    layer["encoding"] = {name: channel for name, channel in channels.items() if channel is not None}
    return layer


def amount(
    field: str,
    title: str | None = None,
    *,
    pattern: str = "",
    ticks: int | None = None,
    grid: bool | None = None,
    **more: Any,
) -> Channel:
    """Return a channel of a quantity, its axis titled with the unit."""
    axis: dict[str, Any] = {"title": title}
    if pattern:
        axis["format"] = pattern
    if ticks is not None:
        axis["tickCount"] = ticks
    if grid is not None:
        axis["grid"] = grid
    return {"field": field, "type": "quantitative", "axis": axis, **more}


def moment(field: str, *, pattern: str = "%Y", every: str = "year", grid: bool = True, padding: int = 0) -> Channel:
    """Return a channel of days or hours in UTC."""
    scale = {"type": "utc", **({"padding": padding} if padding else {})}
    axis = {"title": None, "format": pattern, "tickCount": every, "grid": grid, "labelOverlap": True}
    return {"field": field, "type": "temporal", "scale": scale, "axis": axis}


def named_rows(field: str, order: Sequence[str] | None = None, **axis: Any) -> Channel:
    """Return a channel with one row a name, in the order of the data or as given."""
    channel: Channel = {"field": field, "type": "nominal", "sort": None, "title": None}
    if order is not None:
        channel["scale"] = {"domain": list(order)}
    return {**channel, "axis": {"labelColor": INK, "grid": False, "labelLimit": 250, **axis}}


def field(name: str, kind: str = "nominal", **more: Any) -> Channel:
    """Return a channel without an axis of its own."""
    return {"field": name, "type": kind, **more}


def end(name: str) -> Channel:
    """Return the second end of a range."""
    return {"field": name}


def fixed(value: Any) -> Channel:
    """Return a channel that no data moves."""
    return {"value": value}


def either(test: str, value: Any, otherwise: Any) -> Channel:
    """Return a channel with one value where an expression holds and another elsewhere."""
    return {"condition": {"test": test, "value": value}, "value": otherwise}


def legend_colours(
    name: str,
    colours: Mapping[str, str],
    *,
    title: str | None = None,
    orient: str = "right",
    symbol: str = "square",
    flip: bool = False,
) -> Channel:
    """Return the colour channel of a series; `flip` turns the legend so that it runs as a stack does, top first."""
    names = list(colours)[::-1] if flip else list(colours)
    legend: dict[str, Any] = {"title": title, "orient": orient, "symbolType": symbol}
    if symbol == "stroke":
        legend |= {"symbolStrokeWidth": 3, "symbolSize": 160}
    if orient == "top":
        legend |= {"offset": 24, "columns": 3, "labelLimit": 240}
    scale = {"domain": names, "range": [colours[n] for n in names]}
    return {"field": name, "type": "nominal", "scale": scale, "legend": legend}


def lookup(order: Iterable[str], field_name: str) -> str:
    """Return an expression that gives a name its place in an order."""
    return "{" + ", ".join(f"'{name}': {i}" for i, name in enumerate(order)) + "}[datum." + field_name + "]"


def tip(*fields: tuple[str, str] | tuple[str, str, str]) -> list[dict[str, Any]]:
    """Return tooltip entries from (field, title) for texts and (field, title, format) for numbers."""
    entries = []
    for item in fields:
        entry: dict[str, Any] = {"field": item[0], "title": item[1], "type": "nominal"}
        if len(item) == 3:
            entry |= {"type": "quantitative", "format": item[2]}
        entries.append(entry)
    return entries


def write_days(*columns: str) -> dict[str, str]:
    """Return fields ``<column>_text`` with days written in UTC, for tooltips."""
    return {f"{c}_text": f"datum.{c} ? utcFormat(datum.{c}, '%-d %b %Y') : '–'" for c in columns}


def mark_days(days: Sequence[tuple[date, str]]) -> list[Layer]:
    """Return dashed upright lines on named days, the names above the chart."""
    layers = []
    for day, name in days:
        x = {"datum": {"expr": f"utc({day.year},{day.month - 1},{day.day})"}, "type": "temporal"}
        line = {"strokeDash": [4, 3], "color": SOFT_INK, "strokeWidth": 1, "opacity": 0.7}
        layers.append(paint("rule", line, values=[{}], x=x))
        style = {"text": name, "align": "center", "dy": -3, "baseline": "bottom", "color": SOFT_INK, "fontSize": 10.5}
        layers.append(paint("text", style, values=[{}], x=x, y=fixed(0)))
    return layers


def zero_line() -> Layer:
    """Return the line at zero."""
    return paint("rule", {"color": SOFT_INK, "strokeWidth": 1}, values=[{}], y={"datum": 0})
