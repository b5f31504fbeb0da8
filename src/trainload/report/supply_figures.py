"""From where, and hour by hour: supply against load by period, the worst and the median week, load duration, why not."""

from typing import Any

import numpy as np
import pandas as pd

from trainload.report import amounts
from trainload.report.figures import Figure, Listing, make_spec, safe_field, tip_dates
from trainload.report.palette import ACCENT, INK, SECOND, SOFT_INK, UNSERVED
from trainload.report.reading import Reading

WEEK_HOURS = 168
WEATHER_CARRIERS = ("solar", "wind")
UNSERVED_NAME = "Unserved"


def _legend(names: list[str], colours: list[str], title: str) -> dict[str, Any]:
    """Return a colour scale whose legend runs from the top of the stack to its bottom."""
    return {
        "type": "nominal",
        "scale": {"domain": names[::-1], "range": colours[::-1]},
        "legend": {"title": title, "orient": "right", "symbolType": "square"},
    }


def _stack_names(reading: Reading, options: list[str]) -> dict[str, str]:
    """Return option -> name that Vega can use as a field, each once."""
    names: dict[str, str] = {}
    for option in options:
        name = safe_field(reading.name(option))
        names[option] = name if name not in names.values() else f"{name} {safe_field(option)}"
    return names


def draw_capacity(reading: Reading) -> Figure | None:
    """Return what is in service by period, stacked, with the load that is wanted and the load that is powered."""
    periods, capacity = reading["periods"], reading["capacity"]
    capacity = capacity[capacity["owner_kind"] == "option"]
    if periods.empty:
        return None
    options = [o for o in reading.campus_options if (capacity.loc[capacity["owner"] == o, "mw"] > 0.05).any()]
    names = _stack_names(reading, options)
    wide = capacity.pivot_table(index="period_on", columns="owner", values="mw", aggfunc="sum").reindex(
        list(periods["period_on"])
    )
    rows = periods[["period_on", "ends_on", "wanted_mw", "powered_mw", "firm_mw"]].copy()
    for option in options:
        rows[names[option]] = wide[option].fillna(0.0).to_numpy() if option in wide else 0.0
    rows = pd.concat([rows, rows.iloc[[-1]].assign(period_on=rows["ends_on"].iloc[-1])], ignore_index=True)
    order = {name: i for i, name in enumerate(names.values())}
    colours = [reading.colours[o] for o in options]
    x = {
        "field": "period_on",
        "type": "temporal",
        "scale": {"type": "utc"},
        "axis": {"title": None, "format": "%Y", "tickCount": "year"},
    }
    layers: list[dict[str, Any]] = []
    if names:
        fold = [
            {"fold": list(names.values()), "as": ["series", "mw"]},
            {"calculate": f"{_expr_map(order)}[datum.series]", "as": "level"},
            {"calculate": "datum.mw / 1000", "as": "gw"},
        ]
        y = {"field": "gw", "type": "quantitative", "stack": "zero", "axis": {"title": "GW", "tickCount": 6}}
        layers.append(
            {"transform": fold, "mark": {"type": "area", "interpolate": "step-after", "line": False},
             "encoding": {"x": x, "y": y, "order": {"field": "level", "type": "quantitative", "sort": "ascending"}, "color": {"field": "series", **_legend(list(names.values()), colours, "In service")}}}
        )  # fmt: skip
    lines = [("wanted_mw", "Wanted", WANTED_STYLE), ("powered_mw", "Powered", POWERED_STYLE)]
    for column, label, style in lines:
        layers.append(
            {"transform": [{"calculate": f"datum.{column} / 1000", "as": "gw_line"}],
             "mark": {"type": "line", "interpolate": "step-after", "color": style[0], "strokeWidth": style[1]},
             "encoding": {"x": x, "y": {"field": "gw_line", "type": "quantitative", "axis": {"title": "GW"}},
                          "strokeDash": {"datum": label, "type": "nominal", "scale": {"domain": [item[1] for item in lines], "range": [[5, 3], [1, 0]]},
                                         "legend": {"title": "Load, facility peak", "symbolType": "stroke", "symbolStrokeColor": INK, "symbolStrokeWidth": 2, "symbolSize": 300}}}}
        )  # fmt: skip
    peak = periods.loc[periods["wanted_mw"].idxmax()]
    short = float((periods["wanted_mw"] - periods["powered_mw"]).clip(lower=0).max())
    title = f"{amounts.format_power(peak['wanted_mw'])} wanted from {amounts.format_month(peak['period_on'])}; "
    title += (
        f"at most {amounts.format_power(short)} wait for power" if short > 0.5 else "all of it is powered when wanted"
    )
    alt = f"Capacity in service by period against the load wanted and powered. {title}."
    labels = {name: f"{name} (MW)" for name in names.values()}
    return Figure(
        key="capacity",
        title=title,
        caption="Capacity in service at the campus by period, GW, stores included; contracts elsewhere on the grid are not. Solid line: load powered; dashed: load wanted, both facility peak.",
        alt=alt,
        spec=make_spec(rows, height=360, layers=layers, alt=alt),
        listing=Listing("capacity-rows", "Capacity by period", rows.iloc[:-1], labels=labels),
        grade=amounts.worst_grade(reading["options"].loc[reading["options"]["chosen_mw"] > 0, "grade_lead"]),
    )


WANTED_STYLE, POWERED_STYLE = (INK, 1.6), (INK, 2.4)


def _expr_map(values: dict[str, int]) -> str:
    """Return a Vega expression of an object that maps names to numbers."""
    return "{" + ", ".join(f"'{name}': {value}" for name, value in values.items()) + "}"


def find_weeks(reading: Reading) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Return the worst and the median week of the operation, 168 consecutive hours each.

    Worst: most unserved energy; where nothing is unserved, the most load left after sun and wind. Median: the week
    whose load left after sun and wind is the median among weeks with at least half of the worst week's load.
    """
    operation = reading["operation"]
    if operation.empty:
        return None
    frame = operation.assign(
        unserved=operation[[c for c in operation.columns if c.startswith("unserved_")]].sum(axis=1),
        residual=operation["load_mw"] - operation[_weather_columns(reading)].sum(axis=1),
        position=operation.groupby("block", sort=False).cumcount(),
    )
    frame["week"] = frame["position"] // WEEK_HOURS
    weeks = frame.groupby(["block", "week"], sort=False).agg(
        n=("load_mw", "size"), load=("load_mw", "sum"), unserved=("unserved", "sum"), residual=("residual", "sum")
    )
    weeks = weeks[(weeks["n"] == min(WEEK_HOURS, int(weeks["n"].max()))) & (weeks["load"] > 0)]
    if weeks.empty:
        return None
    ranked = weeks.assign(short=weeks["unserved"].round(3)).sort_values(
        ["short", "residual"], ascending=False, kind="stable"
    )
    worst = ranked.index[0]
    like = weeks[weeks["load"] >= 0.5 * weeks.loc[worst, "load"]].sort_values("residual", kind="stable")
    median = like.index[len(like) // 2]
    chosen = [frame[(frame["block"] == b) & (frame["week"] == w)] for b, w in (worst, median)]
    return chosen[0][list(operation.columns)], chosen[1][list(operation.columns)]


def _weather_columns(reading: Reading) -> list[str]:
    options = reading["options"]
    campus = set(reading.campus_options)
    return [f"{o}_mw" for o, c in zip(options["option"], options["carrier"], strict=True)
            if o in campus and any(w in str(c).lower() for w in WEATHER_CARRIERS) and f"{o}_mw" in reading["operation"].columns]  # fmt: skip


def draw_weeks(reading: Reading) -> list[Figure]:
    """Return the dispatch of the worst and of the median week."""
    weeks = find_weeks(reading)
    if weeks is None:
        return []
    return [_draw_week(reading, weeks[0], "worst"), _draw_week(reading, weeks[1], "median")]


def _draw_week(reading: Reading, week: pd.DataFrame, which: str) -> Figure:
    sources: list[str] = []
    stores: list[str] = []
    for option in reading.campus_options:
        if f"{option}_discharge_mw" in week:
            stores.append(option)
        elif f"{option}_mw" in week:
            sources.append(option)
    active = [o for o in sources if (week[f"{o}_mw"] > 0.5).any()]
    used_stores = [o for o in stores if (week[f"{o}_discharge_mw"] > 0.5).any() or (week[f"{o}_charge_mw"] > 0.5).any()]
    names = _stack_names(reading, [*active, *used_stores])
    rows = pd.DataFrame(
        {"time": week["period_start"].dt.tz_localize(None).to_numpy(), "load_mw": week["load_mw"].to_numpy()}
    )
    colours, up, down = {}, [], []
    for option in active:
        rows[names[option]] = week[f"{option}_mw"].to_numpy()
        up.append(names[option])
        colours[names[option]] = reading.colours[option]
    for option in used_stores:
        discharge, charge = f"{names[option]} discharging", f"{names[option]} charging"
        rows[discharge], rows[charge] = (
            week[f"{option}_discharge_mw"].to_numpy(),
            -week[f"{option}_charge_mw"].to_numpy(),
        )
        up.append(discharge)
        down.append(charge)
        colours[discharge] = colours[charge] = reading.colours[option]
    unserved = week[[c for c in week.columns if c.startswith("unserved_")]].sum(axis=1).to_numpy()
    if (unserved > 0.5).any():
        rows[UNSERVED_NAME] = unserved
        up.append(UNSERVED_NAME)
        colours[UNSERVED_NAME] = UNSERVED
    rows = rows.round({c: 2 for c in rows.columns if c != "time"})
    order = {name: i for i, name in enumerate([*up, *down])}
    x = {
        "field": "time",
        "type": "temporal",
        "scale": {"type": "utc"},
        "axis": {"title": None, "format": "%a %-d %b", "tickCount": {"interval": "day", "step": 1}, "grid": True},
    }
    shown = [*up]
    fold = [
        {"fold": [*up, *down], "as": ["series", "mw"]},
        {"calculate": f"{_expr_map(order)}[datum.series]", "as": "level"},
        {"calculate": "datum.mw / 1000", "as": "gw"},
        {"calculate": "replace(datum.series, / charging$/, ' discharging')", "as": "shown"},
    ]
    y = {"field": "gw", "type": "quantitative", "axis": {"title": "GW", "tickCount": 6}}
    layers: list[dict[str, Any]] = [
        {"transform": fold, "mark": {"type": "area", "interpolate": "step-after"},
         "encoding": {"x": x, "y": {**y, "stack": "zero"}, "detail": {"field": "series"}, "order": {"field": "level", "type": "quantitative", "sort": "ascending"},
                      "color": {"field": "shown", **_legend(shown, [colours[n] for n in shown], "Output")}}},
        {"transform": [{"calculate": "datum.load_mw / 1000", "as": "load_gw"}], "mark": {"type": "line", "interpolate": "step-after", "color": INK, "strokeWidth": 1.8}, "encoding": {"x": x, "y": {**y, "field": "load_gw"}}},
        {"mark": {"type": "rule", "color": SOFT_INK, "strokeWidth": 1}, "encoding": {"y": {"datum": 0}}},
    ]  # fmt: skip
    begin, energy, missing = rows["time"].iloc[0], float(rows["load_mw"].sum()), float(unserved.sum())
    share = (
        f"{amounts.format_energy(missing)} of {amounts.format_energy(energy)} unserved"
        if missing > 0.5
        else f"all {amounts.format_energy(energy)} served"
    )
    title = f"{which.capitalize()} week, from {begin.day} {begin:%b %Y}: {share}"
    alt = f"Hourly dispatch of the {which} week, stacked by source, with storage charging below zero. {title}."
    how = ("most unserved energy, or most load left after sun and wind where nothing is unserved"
           if which == "worst" else "the median of load left after sun and wind, among weeks with at least half of the worst week's load")  # fmt: skip
    labels = {c: f"{c} (MW)" for c in rows.columns if c not in ("time", "load_mw")} | {"time": "Hour (UTC)"}
    return Figure(
        key=f"week-{which}",
        title=title,
        caption=f"Hourly output at the campus, GW, UTC; charging below zero; black line: load with chips delivered. {which.capitalize()}: {how}.",
        alt=alt,
        spec=make_spec(rows, height=330, layers=layers, alt=alt),
        listing=Listing(
            f"week-{which}-rows", f"Hours of the {which} week", rows, labels=labels, kinds={"time": "time"}
        ),
        grade=amounts.worst_grade(reading["options"].loc[reading["options"]["option"].isin(active), "grade_cost"]),
    )


def draw_duration(reading: Reading) -> Figure | None:
    """Return the load-duration curve of the year with most load: load, what sun and wind leave of it, grid import."""
    operation = reading["operation"]
    if operation.empty:
        return None
    year = operation["period_start"].dt.year
    energy = (operation["load_mw"] * operation["weight_hours"]).groupby(year).sum()
    busiest = int(energy.idxmax())
    part = operation[year == busiest]
    weights = part["weight_hours"].to_numpy()
    grid = set(reading["options"].loc[reading["options"]["delivery"] == "grid", "option"])
    unserved = part[[c for c in part.columns if c.startswith("unserved_")]].sum(axis=1)
    curves = {
        "Load": part["load_mw"],
        "Load less sun and wind": part["load_mw"] - part[_weather_columns(reading)].sum(axis=1),
        "Grid import": part[[f"{o}_mw" for o in reading.campus_options if o in grid and f"{o}_mw" in part]].sum(axis=1),
        "Served": part["load_mw"] - unserved,
    }
    if float(unserved.sum()) <= 0.5:
        del curves["Served"]
    points = np.linspace(0.0, 1.0, 201)
    rows = pd.DataFrame({"share": points})
    for name, series in curves.items():
        values = series.to_numpy(dtype=float)
        order = np.argsort(-values, kind="stable")
        reach = (np.cumsum(weights[order]) - 0.5 * weights[order]) / weights.sum()
        rows[name] = np.round(np.interp(points, reach, values[order]), 2)
    rows["share"] = np.round(rows["share"], 4)
    names = list(curves)
    colours = {"Load": INK, "Load less sun and wind": SECOND, "Grid import": "#8494a8", "Served": ACCENT}
    layers = [
        {"transform": [{"fold": names, "as": ["series", "mw"]}, {"calculate": "datum.mw / 1000", "as": "gw"}],
         "mark": {"type": "line", "strokeWidth": 2.2},
         "encoding": {"x": {"field": "share", "type": "quantitative", "axis": {"title": "share of the year's hours with at least this much", "format": ".0%"}},
                      "y": {"field": "gw", "type": "quantitative", "axis": {"title": "GW"}},
                      "color": {"field": "series", "type": "nominal", "scale": {"domain": names, "range": [colours[n] for n in names]}, "legend": {"title": None, "orient": "right", "symbolType": "stroke", "symbolStrokeWidth": 3}}}}
    ]  # fmt: skip
    top, factor = (
        float(part["load_mw"].max()),
        float(np.average(part["load_mw"], weights=weights) / max(part["load_mw"].max(), 1e-9)),
    )
    title = f"Load of {busiest}: peak {amounts.format_power(top)}, {amounts.format_odds(factor)} of it on average"
    alt = f"Load-duration curve. {title}."
    return Figure(
        key="load-duration",
        title=title,
        caption="Each curve sorted on its own from its highest hour down; every hour counts with the hours it stands for.",
        alt=alt,
        spec=make_spec(rows, height=280, layers=layers, alt=alt),
        listing=Listing("load-duration-rows", "Load duration", rows, labels={"share": "Share of hours (%)"} | {n: f"{n} (MW)" for n in names}, kinds={"share": "share"}),
    )  # fmt: skip


def list_options(reading: Reading) -> Listing:
    """Return the why-not table: every option, when it could arrive, what it costs and emits, chosen or why not."""
    options = reading["options"]
    rows = (
        options.assign(taken=options["chosen_mw"].fillna(0) > 0.05)
        .sort_values(
            ["taken", "chosen_mw", "usd_per_mwh", "option"], ascending=[False, False, True, True], kind="stable"
        )
        .reset_index(drop=True)
    )
    columns = [
        "label",
        "chosen_mw",
        "reason",
        "arrive_p50_on",
        "arrive_p80_on",
        "usd_per_mwh",
        "direct_tco2_per_mwh",
        "lifecycle_tco2_per_mwh",
        "capex_usd_per_mw",
        "unit_mw",
        "max_mw",
        "delivery",
        "grade_cost",
        "grade_lead",
        "source",
    ]
    marked = frozenset(int(i) for i in rows.index[rows["taken"]])
    labels = {"label": "Option", "chosen_mw": "Ordered (MW)", "reason": "Chosen, or why not", "delivery": "Where"}
    caption = "Arrival if ordered on the first day, gates included. Levelised cost at the option's own availability and full use. Bold: in the plan."
    return Listing("options", "Every option, chosen or not", rows[columns], caption, labels, marked=marked)
