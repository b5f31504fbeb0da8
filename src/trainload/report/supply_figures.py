"""From where: supply against load by period, and why each option is in the plan or not."""

import pandas as pd

from trainload.report import amounts
from trainload.report.figures import Figure, Listing, safe_field
from trainload.report.marks import amount, field, frame, legend_colours, lookup, moment, paint
from trainload.report.palette import INK
from trainload.report.reading import Reading

_LINES = {"wanted_mw": ("Wanted", [5, 3], 1.8), "powered_mw": ("Powered", [1, 0], 2.4)}


def name_stack(reading: Reading, options: list[str]) -> dict[str, str]:
    """Return option -> name that Vega can use as a field, each once."""
    names: dict[str, str] = {}
    for option in options:
        name = safe_field(reading.name(option))
        names[option] = name if name not in names.values() else f"{name} {safe_field(option)}"
    return names


def spread_capacity(reading: Reading) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return one row a period with each campus option's MW in a column of its own name, and the names by option."""
    periods, capacity = reading["periods"], reading["capacity"]
    capacity = capacity[capacity["owner_kind"] == "option"]
    wide = capacity.pivot_table(index="period_on", columns="owner", values="mw", aggfunc="sum")
    wide = wide.reindex(list(periods["period_on"])).fillna(0.0)
    options = [o for o in reading.campus_options if o in wide and (wide[o] > 0.05).any()]
    names = name_stack(reading, options)
    rows = periods[["period_on", "ends_on", "wanted_mw", "powered_mw", "firm_mw"]].copy()
    for option, name in names.items():
        rows[name] = wide[option].round(3).to_numpy()
    return rows, names


def draw_capacity(reading: Reading) -> Figure | None:
    """Return what is in service by period, stacked, with the load that is wanted and the load that is powered."""
    periods = reading["periods"]
    if periods.empty:
        return None
    rows, names = spread_capacity(reading)
    rows = pd.concat([rows, rows.iloc[[-1]].assign(period_on=rows["ends_on"].iloc[-1])], ignore_index=True)
    x = moment("period_on", grid=False)
    layers = []
    if names:
        colours = {names[o]: reading.colours[o] for o in names}
        make = {"level": lookup(names.values(), "series"), "gw": "datum.mw / 1000"}
        layers.append(
            paint(
                "area",
                {"interpolate": "step-after"},
                fold=(list(names.values()), "series", "mw"),
                make=make,
                x=x,
                y=amount("gw", "GW", ticks=6, stack="zero"),
                order=field("level", "quantitative", sort="ascending"),
                color=legend_colours("series", colours, title="In service", flip=True),
            )
        )
    scale = {"domain": [name for name, _, _ in _LINES.values()], "range": [dash for _, dash, _ in _LINES.values()]}
    legend = {"title": "Load, facility peak", "symbolType": "stroke", "symbolStrokeColor": INK, "symbolStrokeWidth": 2}
    for column, (name, _, size) in _LINES.items():
        dash = {"datum": name, "type": "nominal", "scale": scale, "legend": {**legend, "symbolSize": 300}}
        style = {"interpolate": "step-after", "color": INK, "strokeWidth": size}
        make = {"gw_line": f"datum.{column} / 1000"}
        layers.append(paint("line", style, make=make, x=x, y=amount("gw_line", "GW"), strokeDash=dash))
    title = _state_supply(periods)
    caption = (
        "Capacity in service at the campus by period, stores included; contracts elsewhere on the grid are not. "
        "Solid line: load powered, which is what chips are delivered for; dashed: load wanted."
    )
    chosen = reading["options"]["chosen_mw"] > 0
    return Figure(
        key="capacity",
        title=title,
        caption=caption,
        alt=f"Capacity in service by period against the load wanted and powered. {title}.",
        spec=frame(rows, height=360, layers=layers, alt=title),
        listing=Listing(
            "capacity-rows", "Capacity by period", rows.iloc[:-1], labels={n: f"{n} (MW)" for n in names.values()}
        ),
        grade=amounts.worst_grade(reading["options"].loc[chosen, "grade_lead"]),
    )


def _state_supply(periods: pd.DataFrame) -> str:
    peak = periods["wanted_mw"].max()
    title = "No power is wanted"
    if peak > 0:
        since = periods.loc[periods["wanted_mw"] >= peak, "period_on"].iloc[0]
        title = f"{amounts.format_power(peak)} wanted from {amounts.format_month(since)}"
    short = (periods["wanted_mw"] - periods["powered_mw"]).clip(lower=0)
    if short.max() <= 0.5:
        return f"{title}; all of it powered when wanted"
    waits = periods.loc[short > 0.5]
    until = waits["ends_on"].iloc[-1]
    return (
        f"{title}; up to {amounts.format_power(float(short.max()))} wait for power, the last until "
        f"{amounts.format_month(until)}"
    )


def list_options(reading: Reading) -> Listing | None:
    """Return the why-not table: every option, when it could arrive, what it costs and emits, chosen or why not."""
    options = reading["options"]
    if options.empty:
        return None
    rows = options.assign(taken=options["chosen_mw"].fillna(0) > 0.05)
    by = ["taken", "chosen_mw", "usd_per_mwh", "option"]
    rows = rows.sort_values(by, ascending=[False, False, True, True], kind="stable").reset_index(drop=True)
    marked = frozenset(int(i) for i in rows.index[rows["taken"]])
    columns = ["label", "chosen_mw", "reason", "arrive_p50_on", "arrive_p80_on", "usd_per_mwh", "direct_tco2_per_mwh"]
    columns += [
        "lifecycle_tco2_per_mwh",
        "capex_usd_per_mw",
        "unit_mw",
        "max_mw",
        "delivery",
        "grade_cost",
        "grade_lead",
    ]
    rows["chosen_mw"] = rows["chosen_mw"].where(rows["taken"])
    labels = {"label": "Option", "reason": "Chosen, or why not", "delivery": "Where"}
    caption = (
        "Arrival if ordered on the first day, gates included. Levelised cost at the option's own "
        "availability and full use. "
        "Marked: in the plan."
    )
    return Listing(
        "options-rows", "Every option, chosen or not", rows[[*columns, "source"]], caption, labels, marked=marked
    )
