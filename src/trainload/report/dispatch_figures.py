"""Hour by hour: the worst and the median week, and the load-duration curve."""

import numpy as np
import pandas as pd

from trainload.report import amounts
from trainload.report.figures import Figure, Listing
from trainload.report.marks import amount, field, frame, legend_colours, lookup, moment, paint, zero_line
from trainload.report.palette import ACCENT, INK, SECOND, UNSERVED
from trainload.report.reading import Reading
from trainload.report.supply_figures import name_stack

WEEK_HOURS = 168
LEAST_MW = 0.5
_WEATHER = ("solar", "wind")
_UNSERVED = "Unserved"
_RULES = {
    "worst": "the most unserved energy or, where nothing is unserved, the most load left after sun and wind",
    "median": "the median of load left after sun and wind, among weeks with at least half of the worst week's load",
}


def find_weeks(reading: Reading) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Return the worst and the median week of the operation, 168 consecutive hours each.

    Worst: most unserved energy; where nothing is unserved, the most load left after sun and wind. Median: the week
    whose load left after sun and wind is the median among weeks with at least half of the worst week's load.
    """
    operation = reading["operation"]
    if operation.empty:
        return None
    position = operation.groupby("block", sort=False).cumcount()
    figures = pd.DataFrame(
        {
            "block": operation["block"],
            "week": position // WEEK_HOURS,
            "load": operation["load_mw"],
            "unserved": _sum_unserved(operation),
            "residual": operation["load_mw"] - operation[_weather_columns(reading)].sum(axis=1),
        }
    )
    groups = figures.groupby(["block", "week"], sort=False)
    weeks = groups[["load", "unserved", "residual"]].sum().assign(n=groups.size())
    weeks = weeks[(weeks["n"] == min(WEEK_HOURS, int(weeks["n"].max()))) & (weeks["load"] > LEAST_MW)]
    if weeks.empty:
        return None
    ranked = weeks.assign(short=weeks["unserved"].round(1))
    worst = ranked.sort_values(["short", "residual"], ascending=False, kind="stable").index[0]
    like = weeks[weeks["load"] >= 0.5 * weeks.loc[worst, "load"]].sort_values("residual", kind="stable")
    chosen = [groups.get_group(key).index for key in (worst, like.index[(len(like) - 1) // 2])]
    return operation.loc[chosen[0]], operation.loc[chosen[1]]


def _sum_unserved(operation: pd.DataFrame) -> pd.Series:
    return operation[[c for c in operation.columns if c.startswith("unserved_")]].sum(axis=1)


def _weather_columns(reading: Reading) -> list[str]:
    """Return the columns of the campus's own sun and wind."""
    options, columns = reading["options"].set_index("option"), reading["operation"].columns
    carriers = {o: str(options.loc[o, "carrier"]).lower() for o in reading.campus_options}
    return [f"{o}_mw" for o, c in carriers.items() if f"{o}_mw" in columns and any(w in c for w in _WEATHER)]


def draw_weeks(reading: Reading) -> list[Figure]:
    """Return the dispatch of the worst and of the median week."""
    weeks = find_weeks(reading)
    return [] if weeks is None else [_draw_week(reading, w, which) for w, which in zip(weeks, _RULES, strict=True)]


def spread_week(reading: Reading, week: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str], list[str]]:
    """Return one row an hour with each series in a column, the colours of what is shown in stack order, and charging.

    Storage that charges is below zero.
    """
    stores = [o for o in reading.campus_options if f"{o}_discharge_mw" in week]
    sources = [o for o in reading.campus_options if f"{o}_mw" in week and o not in stores]
    sources = [o for o in sources if (week[f"{o}_mw"] > LEAST_MW).any()]
    stores = [o for o in stores if (week[[f"{o}_discharge_mw", f"{o}_charge_mw"]] > LEAST_MW).any(axis=None)]
    names = name_stack(reading, [*sources, *stores])
    rows = pd.DataFrame({"time": week["period_start"].dt.tz_localize(None), "load_mw": week["load_mw"].round(2)})
    colours, charging = {}, []
    for option in sources:
        rows[names[option]] = week[f"{option}_mw"].round(2)
        colours[names[option]] = reading.colours[option]
    for option in stores:
        out, into = f"{names[option]} discharging", f"{names[option]} charging"
        rows[out], rows[into] = week[f"{option}_discharge_mw"].round(2), -week[f"{option}_charge_mw"].round(2)
        colours[out] = reading.colours[option]
        charging.append(into)
    unserved = _sum_unserved(week).round(2)
    if (unserved > LEAST_MW).any():
        rows[_UNSERVED] = unserved
        colours[_UNSERVED] = UNSERVED
    return rows.reset_index(drop=True), colours, charging


def _draw_week(reading: Reading, week: pd.DataFrame, which: str) -> Figure:
    rows, colours, charging = spread_week(reading, week)
    series = [*colours, *charging]
    x = moment("time", pattern="%a %-d %b", every="day")
    make = {
        "level": lookup(series, "series"),
        "gw": "datum.mw / 1000",
        "shown": "replace(datum.series, / charging$/, ' discharging')",
    }
    stack = paint(
        "area",
        {"interpolate": "step-after"},
        fold=(series, "series", "mw"),
        make=make,
        x=x,
        y=amount("gw", "GW", ticks=6, stack="zero"),
        detail=field("series"),
        order=field("level", "quantitative", sort="ascending"),
        color=legend_colours("shown", colours, title="Output", flip=True),
    )
    style = {"interpolate": "step-after", "color": INK, "strokeWidth": 1.8}
    load = paint("line", style, make={"load_gw": "datum.load_mw / 1000"}, x=x, y=amount("load_gw", "GW"))
    begin, energy = pd.Timestamp(rows["time"].iloc[0]), float(rows["load_mw"].sum())
    missing = float(rows[_UNSERVED].sum()) if _UNSERVED in rows else 0.0
    served = f"all {amounts.format_energy(energy)} served"
    if missing > LEAST_MW:
        served = f"{amounts.format_energy(missing)} of {amounts.format_energy(energy)} unserved"
    title = f"The {which} week, from {amounts.format_date(begin)}: {served}"
    labels = {c: f"{c} (MW)" for c in series} | {"time": "Hour (UTC)"}
    used = reading["options"]["label"].isin(list(colours))
    return Figure(
        key=f"week-{which}",
        title=title,
        caption=(
            "Hourly output at the campus, UTC; charging below zero in the store's colour; black line: load. "
            f"{which.capitalize()}: {_RULES[which]}.{_say_sampled(reading)}"
        ),
        alt=f"Hourly dispatch stacked by source, storage charging below zero. {title}.",
        spec=frame(rows, height=330, layers=[stack, load, zero_line()] if series else [load, zero_line()], alt=title),
        listing=Listing(
            f"week-{which}-rows", f"Hours of the {which} week", rows, labels=labels, kinds={"time": "time"}
        ),
        grade=amounts.worst_grade(reading["options"].loc[used, "grade_cost"]),
    )


def _say_sampled(reading: Reading) -> str:
    """Return a sentence on sampled weeks, where an hour of the operation stands for more than itself."""
    if (reading["operation"]["weight_hours"] == 1.0).all():
        return ""
    return " Sampled weeks: each stands for several periods, and its load is their mean."


def draw_duration(reading: Reading) -> Figure | None:
    """Return the load-duration curve of the year with most load: load, what sun and wind leave of it, grid import."""
    operation, options = reading["operation"], reading["options"]
    if operation.empty or operation["load_mw"].max() < LEAST_MW:
        return None
    years = operation["period_start"].dt.year
    energy = (operation["load_mw"] * operation["weight_hours"]).groupby(years).sum()
    year = int(energy.index[int(energy.to_numpy().argmax())])
    part = operation[years == year]
    grid = set(options.loc[options["delivery"] == "grid", "option"])
    imports = [f"{o}_mw" for o in reading.campus_options if o in grid and f"{o}_mw" in part]
    unserved = _sum_unserved(part)
    curves = {"Load": part["load_mw"]}
    if float(unserved.sum()) > LEAST_MW:
        curves["Served"] = part["load_mw"] - unserved
    weather = part[_weather_columns(reading)].sum(axis=1)
    if weather.max() > LEAST_MW:
        curves["Load less sun and wind"] = part["load_mw"] - weather
    if imports:
        curves["Grid import"] = part[imports].sum(axis=1)
    rows = _sort_curves(curves, part["weight_hours"].to_numpy(dtype=float))
    colours = {"Load": INK, "Served": ACCENT, "Load less sun and wind": SECOND, "Grid import": "#8494a8"}
    line = paint(
        "line",
        {"strokeWidth": 2.2},
        fold=(list(curves), "series", "mw"),
        make={"gw": "datum.mw / 1000"},
        x=amount("share", "share of the year's hours with at least this much", pattern=".0%"),
        y=amount("gw", "GW", ticks=6),
        color=legend_colours("series", {n: colours[n] for n in curves}, symbol="stroke"),
    )
    top = float(part["load_mw"].max())
    factor = float(np.average(part["load_mw"], weights=part["weight_hours"]) / top)
    title = f"Load of {year}: peak {amounts.format_power(top)}, on average {factor:.0%} of it"
    labels = {"share": "Share of hours (%)"} | {n: f"{n} (MW)" for n in curves}
    return Figure(
        key="load-duration",
        title=title,
        caption=(
            "The year with most load. Each curve is sorted on its own from its highest hour down; every hour "
            "counts with the hours it stands for."
        ),
        alt=f"Load-duration curve. {title}.",
        spec=frame(rows, height=270, layers=[line], alt=title),
        listing=Listing("load-duration-rows", "Load duration", rows, labels=labels, kinds={"share": "share"}),
    )


def _sort_curves(curves: dict[str, pd.Series], weights: np.ndarray) -> pd.DataFrame:
    """Return each curve at 101 shares of the hours, from its highest hour down."""
    points = np.linspace(0.0, 1.0, 101)
    rows = pd.DataFrame({"share": np.round(points, 4)})
    for name, series in curves.items():
        values = series.to_numpy(dtype=float)
        order = np.argsort(-values, kind="stable")
        reach = (np.cumsum(weights[order]) - 0.5 * weights[order]) / weights.sum()
        rows[name] = np.round(np.interp(points, reach, values[order]), 2)
    return rows
