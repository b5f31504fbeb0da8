"""How much, by when, how sure: fan charts, the odds of 1 and 5 GW, and cities beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from trainload.report import amounts
from trainload.report.figures import Figure, Kind, Listing, Width, safe_key
from trainload.report.marks import Channel, Layer, amount, end, field, fixed, frame, paint, tip
from trainload.report.palette import ACCENT, INK, PAPER, SECOND, SOFT_INK
from trainload.report.reading import Reading, list_rows

TARGETS: Mapping[str, str] = {
    "record_run": "Largest training run",
    "largest_campus": "Largest campus",
    "programme": "This programme's own run",
}
MODELS: Mapping[str, str] = {"trainload": "trainload", "local_trend": "local trend", "article": "article's arithmetic"}
ODDS: Mapping[str, int] = {"p_ge_1gw": 1, "p_ge_5gw": 5}
LEVELS_MW = (1000.0, 5000.0)
MAX_PLACES = 7
POWERED = "#4f7f3f"
_PREFIXES = {"trainload": "", "local_trend": "trend_", "article": "article_"}
_QUANTILES = ("p10_mw", "p25_mw", "p50_mw", "p75_mw", "p90_mw")
_LOG_TICKS = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 1e4, 3e4, 1e5, 3e5, 1e6)
_GW_LABEL = "datum.value >= 1000 ? format(datum.value/1000, '~g') + ' GW' : format(datum.value, '~g') + ' MW'"


def draw_fans(reading: Reading) -> list[Figure]:
    """Return one fan chart for each target of the forecast; the first takes the full width."""
    return [_draw_fan(reading, target, full=i == 0) for i, target in enumerate(_list_targets(reading))]


def _list_targets(reading: Reading) -> list[str]:
    found = set(reading["forecast"]["target"])
    return [t for t in TARGETS if t in found] + sorted(found - set(TARGETS))


def _spread(forecast: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return one row a year with the quantiles and odds of each model in columns of their own."""
    rows = forecast[forecast["target"] == target]
    wide = pd.DataFrame({"year": sorted(rows["year"].unique())}).set_index("year")
    for model in dict.fromkeys(rows["model"]):
        part = rows[rows["model"] == model].drop_duplicates("year").set_index("year")
        for column in ("p10_mw", "p50_mw", "p90_mw") if model == "article" else (*_QUANTILES, *ODDS):
            values = part[column].where(part[column] > 0) if column.endswith("_mw") else part[column]
            if values.notna().any():  # nothing is wanted yet where the power is zero, and a log scale has no zero
                wide[_PREFIXES.get(model, f"{model}_") + column] = values
    return wide.reset_index()


def _draw_fan(reading: Reading, target: str, *, full: bool) -> Figure:
    rows = _spread(reading["forecast"], target)
    name = TARGETS.get(target, amounts.spell_key(target))
    domain = _choose_domain(rows)
    places = _choose_places(reading, domain) if full else []
    x = amount("year", pattern="d", ticks=len(rows) if full else 5, scale={"nice": False, "zero": False})
    x["axis"]["tickMinStep"] = 1
    scale = {"type": "log", "domain": domain, "nice": False, "clamp": True}
    ticks = {"values": [v for v in _LOG_TICKS if domain[0] <= v <= domain[1]], "labelExpr": _GW_LABEL}

    def y(column: str) -> Channel:
        channel = amount(column, "facility peak, log scale", scale=scale)
        return {**channel, "axis": {**channel["axis"], **ticks}}

    layers: list[Layer] = []
    for low, high, opacity in (("p10_mw", "p90_mw", 0.16), ("p25_mw", "p75_mw", 0.3)):
        if low in rows and high in rows:
            style = {"color": ACCENT, "opacity": opacity, "interpolate": "monotone"}
            layers.append(paint("area", style, x=x, y=y(low), y2=end(high)))
    for column, colour, dash, size in (
        ("trend_p10_mw", SECOND, [2, 3], 1.2),
        ("trend_p90_mw", SECOND, [2, 3], 1.2),
        ("trend_p50_mw", SECOND, [7, 4], 2.0),
        ("article_p50_mw", SOFT_INK, [1, 3], 2.0),
        ("p50_mw", ACCENT, [1, 0], 2.8),
        ("powered_p50_mw", POWERED, [1, 0], 2.2),
    ):
        if column in rows:
            style = {"color": colour, "strokeDash": dash, "strokeWidth": size, "interpolate": "monotone"}
            layers.append(paint("line", style, x=x, y=y(column)))
    layers += _mark_levels(domain, places, full=full)
    layers += _name_lines(rows, x, y) if full else []
    layers.append(_make_hover(rows, target, x, y))
    title, alt = f"{name}: {_state_fan(rows)}", _describe_fan(name, rows)
    key = f"fan-{safe_key(target)}"
    return Figure(
        key=key,
        title=title,
        caption=_caption_fan(rows, places) if full else _caption_small(rows),
        alt=alt,
        spec=frame(rows, height=390 if full else 260, layers=layers, alt=alt),
        listing=Listing(f"{key}-rows", f"Forecast: {name.lower()}", rows, labels=_head_columns(rows)),
        width="full" if full else "half",
        grade="C",
    )


def _caption_small(rows: pd.DataFrame) -> str:
    text = "As above: median, P25–P75, P10–P90; dashed: the second model."
    if "powered_p50_mw" in rows:
        text += " Green: the median of what the plan's power lets it have."
    return text


def _choose_domain(rows: pd.DataFrame) -> list[float]:
    values = rows[[c for c in rows.columns if c.endswith("_mw")]].to_numpy(dtype=float)
    values = values[np.isfinite(values) & (values > 0)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (300.0, 3000.0)
    floor = max((v for v in _LOG_TICKS if v <= low), default=low)
    steps = (2e3, 3e3, 5e3, 7e3, 1e4, 1.5e4, 2e4, 3e4, 5e4, 7e4, 1e5, 2e5, 3e5, 1e6)
    return [min(floor, 300.0), max(min((v for v in steps if v >= high), default=high), 7000.0)]


def _state_fan(rows: pd.DataFrame) -> str:
    last = rows.iloc[-1]
    year = f"{last['year']:.0f}"
    if "p50_mw" not in rows:
        return f"to {year}"
    above = rows.loc[rows["p50_mw"] >= LEVELS_MW[0], "year"]
    when = f"the median passes 1 GW in {above.iloc[0]:.0f}" if len(above) else f"the median stays below 1 GW to {year}"
    if len(above) == len(rows):
        when = f"the median is above 1 GW from {above.iloc[0]:.0f} on"
    odds = [f"{amounts.format_odds(last[c])} for {gw} GW" for c, gw in ODDS.items() if c in rows]
    return f"{when}; odds by {year}: " + ", ".join(odds) if odds else when


def _describe_fan(name: str, rows: pd.DataFrame) -> str:
    if "p50_mw" not in rows:
        return f"{name}, facility peak by year."
    first, last = rows.iloc[0], rows.iloc[-1]
    words = [f"{amounts.format_power(r['p50_mw'])} at the end of {r['year']:.0f}" for r in (first, last)]
    return f"{name}, facility peak by year. Median {words[0]} and {words[1]}."


def _caption_fan(rows: pd.DataFrame, places: Sequence[Mapping[str, Any]]) -> str:
    parts = ["Facility peak, record by 31 December of each year. Solid line: median; bands: P25–P75 and P10–P90."]
    if "trend_p50_mw" in rows:
        parts.append(
            "Dashed: a second, different model, with its P10 and P90; the gap between the two is part of the answer."
        )
    if "article_p50_mw" in rows:
        parts.append("Dotted: the article's own arithmetic, a labelled reference without odds.")
    if places:
        parts.append("At the right edge: peak load of cities and countries, peak beside peak.")
    return " ".join(parts)


def _mark_levels(domain: Sequence[float], places: Sequence[Mapping[str, Any]], *, full: bool) -> list[Layer]:
    """Return the lines of 1 and 5 GW and the marks of places at the right edge."""
    lines = [{"mw": mw, "text": f"{mw / 1000:.0f} GW"} for mw in LEVELS_MW if domain[0] < mw < domain[1]]
    y, text = field("mw", "quantitative"), field("text")
    dashed = {"color": INK, "strokeWidth": 1, "strokeDash": [5, 3], "opacity": 0.7}
    side = {"align": "left", "dx": 4} if full else {"align": "right", "dx": -2}
    name = {**side, "baseline": "bottom", "dy": -3, "fontWeight": 600}
    at = fixed(0) if full else fixed({"expr": "width"})
    layers = [
        paint("rule", dashed, values=lines, y=y),
        paint("text", name, values=lines, x=at, y=y, text=text),
    ]
    if places:
        edge, out = fixed({"expr": "width"}), fixed({"expr": "width + 6"})
        beside = {"align": "left", "baseline": "middle", "dx": 10, "color": SOFT_INK, "fontSize": 10.5}
        layers.append(paint("rule", {"color": SOFT_INK, "strokeWidth": 1.2}, values=places, x=edge, x2=out, y=y))
        layers.append(paint("text", beside, values=places, x=edge, y=y, text=text))
    return layers


def _name_lines(rows: pd.DataFrame, x: Channel, y: Any) -> list[Layer]:
    """Return the lines' names, each at a year of its own so that they don't meet."""
    names = [
        ("p50_mw", "median", ACCENT, 0.7),
        ("trend_p50_mw", "second model", SECOND, 0.5),
        ("article_p50_mw", "article", SOFT_INK, 0.3),
        ("p90_mw", "P90", ACCENT, 0.85),
        ("p10_mw", "P10", ACCENT, 0.85),
    ]
    layers = []
    for column, text, colour, share in names:
        if column not in rows:
            continue
        row: dict[str, Any] = list_rows(rows)[min(int(share * len(rows)), len(rows) - 1)]
        if amounts.is_missing(row[column]):
            continue
        value = [{"year": row["year"], column: row[column]}]
        style = {"text": text, "align": "center", "baseline": "middle", "fontSize": 11, "fontWeight": 600}
        halo = {**style, "stroke": PAPER, "strokeWidth": 4, "opacity": 0.85, "color": PAPER}
        layers += [paint("text", s, values=value, x=x, y=y(column)) for s in (halo, {**style, "color": colour})]
    return layers


def _make_hover(rows: pd.DataFrame, target: str, x: Channel, y: Any) -> Layer:
    """Return points that appear under the pointer, with the year's figures."""
    base = next(c for c in ("p50_mw", "trend_p50_mw", *rows.columns[1:]) if c in rows)
    wanted = [
        ("p10_mw", "P10, MW", ",.0f"),
        ("p50_mw", "P50, MW", ",.0f"),
        ("p90_mw", "P90, MW", ",.0f"),
        ("p_ge_1gw", "P(≥ 1 GW)", ".0%"),
        ("p_ge_5gw", "P(≥ 5 GW)", ".0%"),
        ("trend_p50_mw", "second model P50, MW", ",.0f"),
        ("trend_p_ge_1gw", "second model P(≥ 1 GW)", ".0%"),
        ("article_p50_mw", "article, MW", ",.0f"),
    ]
    hover = f"hover_{safe_key(target).replace('-', '_')}"
    shown = {"condition": {"param": hover, "value": 1, "empty": False}, "value": 0}
    tooltip = tip(("year", "31 December", "d"), *(w for w in wanted if w[0] in rows))
    layer = paint(
        "point", {"filled": True, "size": 60, "color": ACCENT}, x=x, y=y(base), tooltip=tooltip, opacity=shown
    )
    select = {"type": "point", "on": "pointerover", "nearest": True, "clear": "pointerout", "encodings": ["x"]}
    return {**layer, "params": [{"name": hover, "select": select}]}


def _choose_places(reading: Reading, domain: Sequence[float]) -> list[dict[str, Any]]:
    """Return places inside the chart whose names don't collide, those near 1 and 5 GW first."""
    found = []
    for place in reading.places:
        mw = float("nan") if amounts.is_missing(place.get("peak_mw")) else float(place["peak_mw"])
        if domain[0] < mw < domain[1]:
            found.append((mw, str(place.get("name", "")).split("(")[0].strip()))
    found.sort(key=lambda item: (min(abs(np.log10(item[0] / level)) for level in LEVELS_MW), item[1]))
    gap = 0.045 * np.log10(domain[1] / domain[0])
    chosen: list[tuple[float, str]] = []
    for mw, name in found:
        if len(chosen) < MAX_PLACES and all(abs(np.log10(mw / other)) > gap for other, _ in chosen):
            chosen.append((mw, name))
    return [{"mw": mw, "text": f"{name}, {amounts.format_power(mw)}"} for mw, name in sorted(chosen)]


def _head_columns(rows: pd.DataFrame) -> dict[str, str]:
    """Return headings with the unit, and the model where it is not ours."""
    heads = {}
    for column in map(str, rows.columns[1:]):
        prefix = next((p for p in ("trend_", "article_", "powered_") if column.startswith(p)), "")
        rest = column.removeprefix(prefix)
        model = {"trend_": ", second model", "article_": ", article", "powered_": ", as powered"}.get(prefix, "")
        heads[column] = f"P(≥ {ODDS[rest]} GW){model} (%)" if rest in ODDS else f"{rest[:3].upper()}{model} (MW)"
    return heads


def draw_odds(reading: Reading, target: str, column: str, *, width: Width = "half") -> Figure | None:
    """Return the odds of one level by year, one line a model."""
    forecast = reading["forecast"]
    part = forecast[(forecast["target"] == target) & forecast["model"].isin(["trainload", "local_trend"])]
    part = part.dropna(subset=[column])
    if part.empty:
        return None
    rows = part.pivot_table(index="year", columns="model", values=column).reset_index()
    rows.columns = [str(c) for c in rows.columns]
    models = [m for m in ("local_trend", "trainload") if m in rows]
    x = amount("year", pattern="d", ticks=6, scale={"zero": False, "nice": False})
    layers = []
    for model in models:
        colour, dash = (ACCENT, [1, 0]) if model == "trainload" else (SECOND, [7, 4])
        style = {"color": colour, "strokeDash": dash, "strokeWidth": 2.4, "point": {"color": colour, "size": 28}}
        y = amount(model, "probability", pattern=".0%", ticks=5, scale={"domain": [0, 1]})
        tooltip = tip(("year", "31 December", "d"), (model, MODELS[model], ".1%"))
        layers.append(paint("line", style, x=x, y=y, tooltip=tooltip))
    last, name, gw = rows.iloc[-1], TARGETS.get(target, amounts.spell_key(target)), ODDS[column]
    both = [f"{amounts.format_odds(last[m])} ({MODELS[m]})" for m in models[::-1]]
    title = f"{name}: odds of {gw} GW by {last['year']:.0f} are " + " or ".join(both)
    key = f"odds-{safe_key(target)}-{gw}"
    return Figure(
        key=key,
        title=title,
        caption=(
            "Probability that the record by 31 December is at least this large. Solid: trainload; dashed: the "
            "second model."
        ),
        alt=f"Probability by year. {title}.",
        spec=frame(rows, height=190, layers=layers, alt=title),
        listing=Listing(
            f"{key}-rows",
            title,
            rows,
            labels={m: f"{MODELS[m]} (%)" for m in models},
            kinds=dict.fromkeys(models, "share"),
        ),
        width=width,
        grade="C",
    )


def list_odds(reading: Reading) -> Listing | None:
    """Return the odds of 1 and 5 GW by year, target and model, shaded by probability."""
    forecast = reading["forecast"]
    years = sorted(forecast["year"].unique())
    rows = []
    for target in _list_targets(reading):
        for column, gw in ODDS.items():
            for model in dict.fromkeys(forecast["model"]):
                part = forecast[(forecast["target"] == target) & (forecast["model"] == model)]
                odds = part.drop_duplicates("year").set_index("year")[column]
                if model != "article" and odds.notna().any():
                    name = TARGETS.get(target, amounts.spell_key(target))
                    rows.append([name, f"{gw} GW", MODELS.get(model, model), *odds.reindex(years)])
    if not rows:
        return None
    names = [str(y) for y in years]
    kinds: dict[str, Kind] = dict.fromkeys(names, "odds")
    labels = {"level": "At least"} | {n: n for n in names}
    table = pd.DataFrame(rows, columns=["target", "level", "model", *names])
    caption = (
        "Probability that the record by 31 December of the year is at least this large. One run and one campus "
        "are different targets."
    )
    return Listing("odds", "Odds of 1 and 5 GW", table, caption, labels, kinds)


def list_places(reading: Reading) -> Listing | None:
    """Return each generation beside the place of nearest average load, average with average."""
    places = [p for p in reading.places if not amounts.is_missing(p.get("average_mw")) and p["average_mw"] > 0]
    rows = []
    for g in list_rows(reading["generations"]):
        average = g["facility_average_mw"]
        if not places or amounts.is_missing(average) or average <= 0:
            continue
        best = min(places, key=lambda p: abs(np.log(float(p["average_mw"]) / average)))
        near = float(best["average_mw"])
        rows.append([g["name"], average, best["name"], near, average / near, best.get("grade"), best.get("source")])
    if not rows:
        return None
    columns = ["name", "facility_average_mw", "place", "average_mw", "ratio", "grade", "source"]
    labels = {
        "name": "Generation",
        "place": "Nearest place",
        "average_mw": "Its average load (MW)",
        "ratio": "Ratio (×)",
    }
    table = pd.DataFrame(rows, columns=columns)
    return Listing("places", "Beside cities, average with average", table, labels=labels)
