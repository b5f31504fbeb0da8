"""How much, by when, how sure: fan charts, odds, cities, the record of the forecast, and what others claimed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from trainload.report import amounts
from trainload.report.figures import Figure, Listing, Width, make_spec, safe_field, tip
from trainload.report.palette import ACCENT, INK, SECOND, SOFT_INK
from trainload.report.reading import Reading

TARGETS: Mapping[str, str] = {
    "record_run": "Largest training run",
    "largest_campus": "Largest campus",
    "programme": "This programme's own run",
}
MODELS: Mapping[str, str] = {
    "trainload": "trainload",
    "local_trend": "local trend (second model)",
    "article": "article's arithmetic (reference)",
}
_PREFIXES = {"trainload": "", "local_trend": "trend_", "article": "article_"}
_QUANTILES = ("p10_mw", "p25_mw", "p50_mw", "p75_mw", "p90_mw")
_ODDS = ("p_ge_1gw", "p_ge_5gw")


def draw_fans(reading: Reading) -> list[Figure]:
    """Return one fan chart for each target of the forecast; the first takes the full width."""
    forecast = reading["forecast"]
    found = [t for t in (*TARGETS, *forecast["target"].unique()) if (forecast["target"] == t).any()]
    targets = list(dict.fromkeys(found))
    return [_draw_fan(reading, target, width="full" if i == 0 else "half") for i, target in enumerate(targets)]


def _spread(forecast: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return one row a year with the quantiles and odds of each model in columns of their own."""
    rows = forecast[forecast["target"] == target]
    wide = pd.DataFrame({"year": sorted(rows["year"].unique())}).set_index("year")
    for model in dict.fromkeys(rows["model"]):
        prefix = _PREFIXES.get(model, f"{model}_")
        part = rows[rows["model"] == model].set_index("year")
        columns = ["p50_mw", *_ODDS] if model == "article" else [*_QUANTILES, *_ODDS]
        for column in columns:
            if not part[column].isna().all():
                wide[prefix + column] = part[column]
    return wide.reset_index()


def _draw_fan(reading: Reading, target: str, *, width: Width) -> Figure:
    rows = _spread(reading["forecast"], target)
    name = TARGETS.get(target, amounts.spell_key(target))
    full = width == "full"
    columns = [c for c in rows.columns if c.endswith("_mw")]
    values = rows[columns].to_numpy(dtype=float)
    values = values[np.isfinite(values) & (values > 0)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (100.0, 1000.0)
    domain = [10 ** np.floor(np.log10(low) * 2) / 1 if low <= 0 else _round_down(low), max(_round_up(high), 7000.0)]
    last = rows.iloc[-1]
    crossing = _first_year(rows, "p50_mw", 1000.0)
    title = f"{name}: " + _state_fan(last, crossing)
    text = {"p10_mw": "P10", "p50_mw": "P50", "p90_mw": "P90"}
    tooltip = [
        {"field": "year", "type": "quantitative", "title": "31 December", "format": "d"},
        *tip(*((c, f"{t} (MW)", ",.0f") for c, t in text.items() if c in rows)),
        *tip(*((c, t, ".0%") for c, t in (("p_ge_1gw", "P(≥ 1 GW)"), ("p_ge_5gw", "P(≥ 5 GW)")) if c in rows)),
        *tip(*((c, t, fmt) for c, t, fmt in (("trend_p50_mw", "second model P50 (MW)", ",.0f"),
                                            ("trend_p_ge_1gw", "second model P(≥ 1 GW)", ".0%")) if c in rows)),
    ]  # fmt: skip
    x = {
        "field": "year",
        "type": "quantitative",
        "scale": {"nice": False, "zero": False},
        "axis": {"format": "d", "title": None, "tickMinStep": 1, "tickCount": len(rows) if full else 5},
    }
    y_scale = {"type": "log", "domain": domain, "nice": False, "clamp": True}
    y_axis = {
        "title": "facility peak, log scale",
        "labelExpr": "datum.value >= 1000 ? format(datum.value/1000, '~g') + ' GW' : format(datum.value, '~g') + ' MW'",
        "values": [v for v in (10, 30, 100, 300, 1000, 3000, 10000, 30000, 100000) if domain[0] <= v <= domain[1]],
    }

    def y(column: str) -> dict[str, Any]:
        return {"field": column, "type": "quantitative", "scale": y_scale, "axis": y_axis}

    layers: list[dict[str, Any]] = []
    if "p10_mw" in rows:
        bands = [("p10_mw", "p90_mw", 0.16), ("p25_mw", "p75_mw", 0.3)]
        layers += [
            {"mark": {"type": "area", "color": ACCENT, "opacity": opacity, "interpolate": "monotone"},
             "encoding": {"x": x, "y": y(a), "y2": {"field": b}}}
            for a, b, opacity in bands
        ]  # fmt: skip
    for column, colour, dash, size in (
        ("trend_p10_mw", SECOND, [2, 3], 1.2),
        ("trend_p90_mw", SECOND, [2, 3], 1.2),
        ("trend_p50_mw", SECOND, [7, 4], 2),
        ("article_p50_mw", SOFT_INK, [1, 4], 2),
        ("p50_mw", ACCENT, [1, 0], 2.8),
    ):
        if column in rows:
            mark = {"type": "line", "color": colour, "strokeDash": dash, "strokeWidth": size, "interpolate": "monotone"}
            layers.append({"mark": mark, "encoding": {"x": x, "y": y(column)}})
    layers += _draw_levels(domain, places=_choose_places(reading, domain) if full else [])
    layers += _draw_labels(rows, x=x, y_scale=y_scale, full=full)
    hover = {
        "name": f"hover_{target}",
        "select": {"type": "point", "on": "pointerover", "nearest": True, "clear": "pointerout", "encodings": ["x"]},
    }
    layers.append(
        {"mark": {"type": "point", "filled": True, "size": 60, "color": ACCENT},
         "params": [hover],
         "encoding": {"x": x, "y": y("p50_mw"), "tooltip": tooltip,
                      "opacity": {"condition": {"param": hover["name"], "value": 1, "empty": False}, "value": 0}}}
    )  # fmt: skip
    alt = (
        f"{name}, facility peak by year: median {amounts.format_power(rows['p50_mw'].iloc[0])} at the end of {rows['year'].iloc[0]}, "
        f"{amounts.format_power(last['p50_mw'])} at the end of {last['year']:.0f}."
    )
    caption = "Facility peak, MW, record by 31 December of each year. Dark line: median; bands: P25–P75 and P10–P90."
    if "trend_p50_mw" in rows:
        caption += (
            " Dashed: a second, different model (median, P10 and P90); the gap between the two is part of the answer."
        )
    if "article_p50_mw" in rows:
        caption += " Dotted: the article's arithmetic, a reference."
    if full and _choose_places(reading, domain):
        caption += " At the right: peak load of cities and countries, peak beside peak."
    return Figure(
        key=f"fan-{target.replace('_', '-')}",
        title=title,
        caption=caption,
        alt=alt,
        spec=make_spec(rows, height=380 if full else 270, layers=layers, alt=alt),
        listing=Listing(
            f"fan-{target.replace('_', '-')}-rows", f"Forecast: {name.lower()}", rows, labels=_head_columns(rows)
        ),
        width=width,
        grade="C",
    )


def _round_down(value: float) -> float:
    return float(max(v for v in (1, 3, 10, 30, 100, 300, 1000, 3000, 1e4) if v <= max(value, 1)))


def _round_up(value: float) -> float:
    return float(min((v for v in (1e3, 2e3, 3e3, 5e3, 1e4, 2e4, 3e4, 5e4, 1e5, 3e5, 1e6) if v >= value), default=value))


def _first_year(rows: pd.DataFrame, column: str, level_mw: float) -> int | None:
    above = rows.loc[rows[column] >= level_mw, "year"]
    return None if above.empty else int(above.iloc[0])


def _state_fan(last: pd.Series, crossing: int | None) -> str:
    year = f"{last['year']:.0f}"
    odds = ", ".join(
        f"{amounts.format_odds(last[c])} for {level} GW"
        for c, level in (("p_ge_1gw", 1), ("p_ge_5gw", 5))
        if c in last and not amounts.is_missing(last[c])
    )
    when = f"the median passes 1 GW in {crossing}" if crossing else f"the median stays below 1 GW to {year}"
    return f"{when}; odds by {year}: {odds}" if odds else when


def _draw_levels(domain: Sequence[float], *, places: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines of 1 and 5 GW and the marks of places at the right edge."""
    lines = [
        {"mw": mw, "text": text} for mw, text in ((1000.0, "1 GW"), (5000.0, "5 GW")) if domain[0] < mw < domain[1]
    ]
    y = {"field": "mw", "type": "quantitative"}
    layers: list[dict[str, Any]] = [
        {"data": {"values": lines}, "mark": {"type": "rule", "color": INK, "strokeWidth": 1, "strokeDash": [5, 3], "opacity": 0.7}, "encoding": {"y": y}},
        {"data": {"values": lines}, "mark": {"type": "text", "align": "left", "baseline": "bottom", "dx": 4, "dy": -3, "fontWeight": 600},
         "encoding": {"x": {"value": 0}, "y": y, "text": {"field": "text"}}},
    ]  # fmt: skip
    if places:
        layers += [
            {"data": {"values": list(places)}, "mark": {"type": "rule", "color": SOFT_INK, "strokeWidth": 1.2},
             "encoding": {"x": {"value": {"expr": "width"}}, "x2": {"value": {"expr": "width + 7"}}, "y": y}},
            {"data": {"values": list(places)}, "mark": {"type": "text", "align": "left", "baseline": "middle", "dx": 11, "color": SOFT_INK, "fontSize": 10.5},
             "encoding": {"x": {"value": {"expr": "width"}}, "y": y, "text": {"field": "text"}}},
        ]  # fmt: skip
    return layers


def _draw_labels(
    rows: pd.DataFrame, *, x: Mapping[str, Any], y_scale: Mapping[str, Any], full: bool
) -> list[dict[str, Any]]:
    """Return the names of the lines, written beside them where there is room."""
    if not full or len(rows) < 3:
        return []
    row = rows.iloc[-2]
    named = [
        ("p50_mw", "median", ACCENT),
        ("trend_p50_mw", "second model", SECOND),
        ("article_p50_mw", "article", SOFT_INK),
        ("p90_mw", "P90", ACCENT),
        ("p10_mw", "P10", ACCENT),
    ]
    marks: list[dict[str, Any]] = []
    taken: list[float] = []
    for column, text, colour in named:
        if column not in rows or amounts.is_missing(row[column]) or row[column] <= 0:
            continue
        if any(abs(np.log10(row[column] / other)) < 0.07 for other in taken):
            continue
        taken.append(float(row[column]))
        marks.append({"year": float(row["year"]), "mw": float(row[column]), "text": text, "colour": colour})
    return [
        {"data": {"values": marks}, "mark": {"type": "text", "align": "right", "baseline": "bottom", "dy": -5, "dx": -2, "fontSize": 11, "fontWeight": 600},
         "encoding": {"x": {**x, "field": "year"}, "y": {"field": "mw", "type": "quantitative", "scale": y_scale}, "text": {"field": "text"},
                      "color": {"field": "colour", "type": "nominal", "scale": None}}}
    ]  # fmt: skip


def _choose_places(reading: Reading, domain: Sequence[float]) -> list[dict[str, Any]]:
    """Return up to seven places inside the chart whose names don't collide, those near 1 and 5 GW first."""
    found = []
    for place in reading.manifest.get("places") or []:
        mw = place.get("peak_mw")
        if not amounts.is_missing(mw) and domain[0] < float(mw) < domain[1]:
            found.append((float(mw), str(place.get("name", ""))))
    found.sort(key=lambda item: min(abs(np.log10(item[0] / level)) for level in (1000.0, 5000.0)))
    chosen: list[tuple[float, str]] = []
    for mw, name in found:
        if len(chosen) < 7 and all(abs(np.log10(mw / other)) > 0.075 for other, _ in chosen):
            chosen.append((mw, name))
    return [
        {"mw": mw, "text": safe_field(f"{name.split('(')[0].strip()} {amounts.format_power(mw)}")}
        for mw, name in sorted(chosen)
    ]


def _head_columns(rows: pd.DataFrame) -> dict[str, str]:
    """Return headings that say the model where it is not ours."""
    heads = {}
    names = {"trend_": "second model ", "article_": "article "}
    for column in rows.columns:
        for prefix, words in names.items():
            if str(column).startswith(prefix):
                rest = str(column)[len(prefix) :]
                heads[str(column)] = (
                    f"{rest[:3].upper()}, {words.strip()} (MW)"
                    if rest.endswith("_mw")
                    else f"P(≥ {rest[5]} GW), {words.strip()} (%)"
                )
    return (
        heads
        | {c: f"{c[:3].upper()} (MW)" for c in _QUANTILES}
        | {"p_ge_1gw": "P(≥ 1 GW) (%)", "p_ge_5gw": "P(≥ 5 GW) (%)"}
    )


def list_odds(reading: Reading) -> Listing:
    """Return the odds of 1 and 5 GW by year, target and model, shaded by probability."""
    forecast = reading["forecast"]
    rows = []
    years = sorted(forecast["year"].unique())
    for target in dict.fromkeys([t for t in TARGETS if (forecast["target"] == t).any()] + list(forecast["target"])):
        for column, level in (("p_ge_1gw", "≥ 1 GW"), ("p_ge_5gw", "≥ 5 GW")):
            for model in dict.fromkeys(forecast["model"]):
                part = forecast[(forecast["target"] == target) & (forecast["model"] == model)].set_index("year")
                if model == "article" or part.empty or part[column].isna().all():
                    continue
                rows.append(
                    [
                        TARGETS.get(target, amounts.spell_key(target)),
                        level,
                        MODELS.get(model, model),
                        *(part[column].reindex(years)),
                    ]
                )
    names = [str(y) for y in years]
    table = pd.DataFrame(rows, columns=["target", "level", "model", *names])
    labels = {"target": "Target", "level": "At least", "model": "Model"} | {n: n for n in names}
    kinds: dict[str, Any] = dict.fromkeys(names, "odds")
    return Listing(
        "odds",
        "Odds by 31 December",
        table,
        "Probability that the record by 31 December of the year is at least this large.",
        labels,
        kinds,
    )


def list_places(reading: Reading) -> Listing | None:
    """Return the campus and its generations beside cities, average with average and peak with peak."""
    places = reading.manifest.get("places") or []
    generations = reading["generations"]
    if not places or generations.empty:
        return None
    rows = []
    for g in generations.itertuples():
        near = [p for p in places if not amounts.is_missing(p.get("average_mw"))]
        if not near or amounts.is_missing(g.facility_average_mw) or g.facility_average_mw <= 0:
            continue
        best = min(near, key=lambda p: abs(np.log(float(p["average_mw"]) / g.facility_average_mw)))
        rows.append(
            [
                g.name,
                g.facility_average_mw,
                best["name"],
                float(best["average_mw"]),
                g.facility_average_mw / float(best["average_mw"]),
                best.get("grade"),
                best.get("source"),
            ]
        )
    columns = ["name", "facility_average_mw", "place", "average_mw", "ratio", "grade", "source"]
    labels = {
        "name": "Generation",
        "place": "Nearest place",
        "average_mw": "Its average load (MW)",
        "ratio": "Ratio (×)",
    }
    return Listing("places", "Beside cities, average with average", pd.DataFrame(rows, columns=columns), labels=labels)


def list_claims(reading: Reading) -> list[Listing]:
    """Return what was claimed, with odds then and now, and what happened; empty where the study has none."""
    found = []
    claims, outcomes = reading["claims"], reading["outcomes"]
    if not claims.empty:
        labels = {
            "who": "By whom",
            "threshold": "Amount",
            "p_then_frac": "Our odds then",
            "p_now_frac": "Our odds now",
            "happened": "What happened so far",
        }
        found.append(Listing("claims", "Claims ledger", claims, "What was said, for which target and year, and its probability as of then and as of this study.",
                             labels, {"p_then_frac": "odds", "p_now_frac": "odds"}))  # fmt: skip
    if not outcomes.empty:
        labels = {"subject": "Subject", "planned": "Planned, as of the study's date", "happened": "What happened"}
        found.append(Listing("outcomes", "What was planned, and what happened", outcomes, labels=labels))
    return found


def list_backtest(reading: Reading) -> Listing | None:
    """Return the scores of rolling-origin forecasts beside naive ones, where the summary carries them."""
    targets = (reading.summary.get("backtest") or {}).get("targets") or {}
    rows = [
        [
            target,
            int(horizon),
            MODELS.get(model, amounts.spell_key(model)),
            *(score.get(k) for k in ("crps", "cov50", "cov80", "bias", "n")),
        ]
        for target, part in targets.items()
        for horizon, by_model in (part.get("horizons") or {}).items()
        for model, score in (by_model.get("models") or {}).items()
    ]
    if not rows:
        return None
    columns = ["target", "horizon", "model", "crps", "cov50", "cov80", "bias", "n"]
    labels = {
        "horizon": "Horizon (years)",
        "crps": "CRPS (OOM)",
        "cov50": "Inside 50% interval (%)",
        "cov80": "Inside 80% interval (%)",
        "bias": "Bias (OOM)",
        "n": "Forecasts",
    }
    table = pd.DataFrame(rows, columns=columns)
    marked = frozenset(i for i, m in enumerate(table["model"]) if m == "trainload")
    caption = "Rolling origins: fitted with runs dated before each origin only, then scored. CRPS in orders of magnitude, smaller is better."
    return Listing(
        "backtest",
        "How earlier forecasts of this kind scored",
        table,
        caption,
        labels,
        {"cov50": "share", "cov80": "share"},
        marked,
    )


def draw_odds(reading: Reading, target: str, level: str, *, width: Width = "half") -> Figure | None:
    """Return the odds of one level by year, one line a model."""
    forecast = reading["forecast"]
    part = forecast[(forecast["target"] == target) & forecast["model"].isin(["trainload", "local_trend"])].dropna(
        subset=[level]
    )
    if part.empty:
        return None
    wide = part.pivot_table(index="year", columns="model", values=level).reset_index()
    wide.columns = [str(c) for c in wide.columns]
    name, gw = TARGETS.get(target, target), level[5]
    layers: list[dict[str, Any]] = []
    x = {
        "field": "year",
        "type": "quantitative",
        "scale": {"zero": False, "nice": False},
        "axis": {"format": "d", "title": None, "tickMinStep": 1, "tickCount": 6},
    }
    for model, colour, dash in (("local_trend", SECOND, [7, 4]), ("trainload", ACCENT, [1, 0])):
        if model in wide:
            y = {
                "field": model,
                "type": "quantitative",
                "scale": {"domain": [0, 1]},
                "axis": {"format": ".0%", "title": "probability", "tickCount": 5},
            }
            layers.append(
                {
                    "mark": {
                        "type": "line",
                        "color": colour,
                        "strokeDash": dash,
                        "strokeWidth": 2.4,
                        "point": {"color": colour, "size": 28},
                        "tooltip": True,
                    },
                    "encoding": {"x": x, "y": y},
                }
            )
    end = wide.iloc[-1]
    both = [amounts.format_odds(end[m]) for m in ("trainload", "local_trend") if m in wide]
    alt = f"Probability that the {name.lower()} reaches {gw} GW, by year: {both[0]} at the end of {end['year']:.0f}."
    labels = {m: f"{MODELS[m]} (%)" for m in ("trainload", "local_trend")}
    listing = Listing(
        f"odds-{target}-{gw}-rows".replace("_", "-"),
        alt,
        wide,
        labels=labels,
        kinds={"trainload": "share", "local_trend": "share"},
    )
    return Figure(
        key=f"odds-{target}-{gw}".replace("_", "-"),
        title=f"{name}, odds of {gw} GW: " + " or ".join(both) + f" by {end['year']:.0f}, by model",
        caption="Solid: trainload; dashed: second model.",
        alt=alt,
        spec=make_spec(wide, height=200, layers=layers, alt=alt),
        listing=listing,
        width=width,
        grade="C",
    )
