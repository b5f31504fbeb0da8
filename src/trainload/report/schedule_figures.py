"""What holds it up: orders and arrivals with odds, the steps behind them, and one gate down to its sources."""

from typing import Any

import pandas as pd

from trainload.report import amounts
from trainload.report.figures import Figure, Listing, day_value, make_spec, tip_dates
from trainload.report.wording import find_gating_order
from trainload.report.palette import ACCENT, ACCENT_SOFT, INK, SOFT_INK, WARN
from trainload.report.reading import Reading

MAX_STEP_ROWS = 60


def _time(column: str, **axis: Any) -> dict[str, Any]:
    return {
        "field": column,
        "type": "temporal",
        "scale": {"type": "utc"},
        "axis": {"title": None, "format": "%Y", "grid": True, **axis},
    }


def _rows_axis(field: str) -> dict[str, Any]:
    return {"field": field, "type": "nominal", "sort": None, "title": None, "axis": {"labelColor": INK, "grid": False}}


def plot_orders(reading: Reading) -> pd.DataFrame:
    """Return each order with its dates at P10, P50, P80 and P90: arrivals moved by the days between first day and order."""
    orders, arrivals = reading["orders"], reading["arrivals"].set_index("owner")
    gating = find_gating_order(reading)
    rows = []
    for o in orders.sort_values(
        ["arrive_p50_on", "order_on", "option"], kind="stable", na_position="last"
    ).itertuples():
        shift = o.order_on - reading.start_on if o.order_on else None
        first = arrivals.loc[o.option] if o.option in arrivals.index and shift is not None else None
        p10, p90 = ((first[c] + shift) if first is not None and first[c] else None for c in ("p10_on", "p90_on"))
        label = f"{reading.name(o.option)}, {amounts.format_power(o.mw)}"
        rows.append(
            [
                label,
                o.option,
                o.owner_kind,
                o.mw,
                o.order_on,
                p10,
                o.arrive_p50_on,
                o.arrive_p80_on,
                p90,
                o.end_on,
                o.critical_step,
                bool(gating is not None and o.option == gating.option and o.order_on == gating.order_on),
            ]
        )
    columns = [
        "label",
        "option",
        "owner_kind",
        "mw",
        "order_on",
        "p10_on",
        "p50_on",
        "p80_on",
        "p90_on",
        "end_on",
        "critical_step",
        "gating",
    ]
    table = pd.DataFrame(rows, columns=columns)
    same = table.groupby("label").cumcount()
    table["label"] = [label if k == 0 else f"{label} ({k + 1})" for label, k in zip(table["label"], same, strict=True)]
    return table


def draw_orders(reading: Reading) -> Figure | None:
    """Return the Gantt of what the plan orders: order, P10-P90 of arrival, median, and the order that gates power."""
    rows = plot_orders(reading)
    if rows.empty:
        return None
    gating = rows[rows["gating"]]
    title = "Orders and arrivals, with odds"
    if not gating.empty:
        g = gating.iloc[0]
        title = f"{reading.name(g['option'])} gates power: ordered {amounts.format_date(g['order_on'])}, there {amounts.format_month(g['p50_on'])} (P50) or {amounts.format_month(g['p80_on'])} (P80)"
    y = _rows_axis("label")
    colour = {"condition": {"test": "datum.gating", "value": WARN}, "value": ACCENT}
    tooltip = [
        {"field": f, "type": "nominal", "title": t}
        for f, t in (
            ("label", "order"),
            ("order_on_text", "latest order"),
            ("p10_on_text", "P10"),
            ("p50_on_text", "P50"),
            ("p80_on_text", "P80"),
            ("p90_on_text", "P90"),
            ("critical_step", "step most often last"),
        )
    ]
    wanted = [
        {"on": day_value(g.wanted_on), "name": str(g.name)} for g in reading["generations"].itertuples() if g.wanted_on
    ]
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "rule", "strokeWidth": 1.5}, "encoding": {"x": _time("order_on"), "x2": {"field": "p50_on"}, "y": y, "color": colour, "opacity": {"value": 0.45}}},
        {"transform": [{"filter": "isValid(datum.p10_on) && isValid(datum.p90_on)"}], "mark": {"type": "bar", "height": 11, "cornerRadius": 2},
         "encoding": {"x": _time("p10_on"), "x2": {"field": "p90_on"}, "y": y, "color": colour, "opacity": {"value": 0.35}, "tooltip": tooltip}},
        {"mark": {"type": "point", "filled": False, "size": 34, "strokeWidth": 1.6}, "encoding": {"x": _time("order_on"), "y": y, "color": colour, "tooltip": tooltip}},
        {"mark": {"type": "tick", "thickness": 3, "size": 15}, "encoding": {"x": _time("p50_on"), "y": y, "color": colour, "tooltip": tooltip}},
        {"mark": {"type": "tick", "thickness": 1.5, "size": 11}, "encoding": {"x": _time("p80_on"), "y": y, "color": colour, "tooltip": tooltip}},
        *_draw_wanted(wanted),
    ]  # fmt: skip
    alt = f"{len(rows)} orders with their arrival odds. {title}."
    return Figure(
        key="orders-gantt",
        title=title,
        caption="Circle: latest order date. Bar: arrival P10 to P90; thick tick: median; thin tick: P80. Red: the order that gates power. Dashed: a generation is wanted.",
        alt=alt,
        spec=make_spec(rows, height=max(120, 25 * len(rows) + 40), layers=layers, alt=alt, transform=tip_dates("order_on", "p10_on", "p50_on", "p80_on", "p90_on")),
        listing=Listing("orders-gantt-rows", "Orders with odds", rows.drop(columns="option"), labels={"label": "Order", "owner_kind": "Kind", "gating": "Gates power", "mw": "Power (MW)"}, kinds={"gating": "flag"}),
        grade=_grade_leads(reading),
    )  # fmt: skip


def _draw_wanted(wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return dashed lines on the days that generations are wanted, named at the top."""
    layers: list[dict[str, Any]] = []
    for item in wanted:
        x = {"datum": item["on"], "type": "temporal"}
        layers.append(
            {"mark": {"type": "rule", "strokeDash": [4, 3], "color": SOFT_INK, "strokeWidth": 1}, "encoding": {"x": x}}
        )
        layers.append(
            {
                "mark": {
                    "type": "text",
                    "text": item["name"],
                    "align": "left",
                    "dx": 4,
                    "dy": -4,
                    "baseline": "bottom",
                    "color": SOFT_INK,
                    "fontSize": 10.5,
                },
                "encoding": {"x": x, "y": {"value": 0}},
            }
        )
    return layers


def _grade_leads(reading: Reading) -> str:
    options, steps = reading["options"], reading["steps"]
    ordered = set(reading.ordered)
    grades = pd.concat(
        [options.loc[options["option"].isin(ordered), "grade_lead"], steps.loc[steps["owner"].isin(ordered), "grade"]]
    )
    return amounts.worst_grade(grades)


def draw_arrivals(reading: Reading) -> Figure | None:
    """Return when every option and gate would arrive if it were ordered on the first day."""
    arrivals = reading["arrivals"].sort_values(["p50_on", "owner"], kind="stable").reset_index(drop=True)
    if arrivals.empty:
        return None
    chosen = set(reading.ordered)
    rows = arrivals.assign(
        label=[
            reading.name(o) + (" (gate)" if k == "gate" else "")
            for o, k in zip(arrivals["owner"], arrivals["owner_kind"], strict=True)
        ],
        ordered=[o in chosen for o in arrivals["owner"]],
    )[["label", "owner", "owner_kind", "ordered", "p10_on", "p50_on", "p80_on", "p90_on", "p95_on"]]
    options = rows[rows["owner_kind"] == "option"]
    first, last = (options.iloc[0], options.iloc[-1]) if not options.empty else (rows.iloc[0], rows.iloc[-1])
    title = f"Ordered on {amounts.format_date(reading.start_on)}, {first['label']} comes first ({amounts.format_month(first['p50_on'])}, P50) and {last['label']} last ({amounts.format_month(last['p50_on'])})"
    y = _rows_axis("label")
    colour = {"condition": {"test": "datum.ordered", "value": ACCENT}, "value": "#a9b4bf"}
    tooltip = [
        {"field": f, "type": "nominal", "title": t}
        for f, t in (
            ("label", "option or gate"),
            ("p10_on_text", "P10"),
            ("p50_on_text", "P50"),
            ("p80_on_text", "P80"),
            ("p90_on_text", "P90"),
            ("p95_on_text", "P95"),
        )
    ]
    wanted = [
        {"on": day_value(g.wanted_on), "name": str(g.name)} for g in reading["generations"].itertuples() if g.wanted_on
    ]
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "bar", "height": 11, "cornerRadius": 2}, "encoding": {"x": _time("p10_on"), "x2": {"field": "p90_on"}, "y": y, "color": colour, "opacity": {"value": 0.5}, "tooltip": tooltip}},
        {"mark": {"type": "tick", "thickness": 3, "size": 15}, "encoding": {"x": _time("p50_on"), "y": y, "color": colour, "tooltip": tooltip}},
        {"mark": {"type": "tick", "thickness": 1.5, "size": 11}, "encoding": {"x": _time("p80_on"), "y": y, "color": colour, "tooltip": tooltip}},
        *_draw_wanted(wanted),
    ]  # fmt: skip
    alt = f"Arrival odds of {len(rows)} options and gates. {title}."
    return Figure(
        key="arrivals-gantt",
        title=title,
        caption="Bar: P10 to P90; thick tick: median; thin tick: P80. Dark: in the plan; grey: not ordered. Order to power, gates included.",
        alt=alt,
        spec=make_spec(rows, height=max(120, 20 * len(rows) + 40), layers=layers, alt=alt, transform=tip_dates("p10_on", "p50_on", "p80_on", "p90_on", "p95_on")),
        listing=Listing("arrivals-gantt-rows", "Arrival if ordered on the first day", rows.drop(columns="owner"), labels={"label": "Option or gate", "owner_kind": "Kind", "ordered": "In the plan"}, kinds={"ordered": "flag"}),
        grade=_grade_leads(reading),
    )  # fmt: skip


def draw_steps(reading: Reading) -> Figure | None:
    """Return the steps of everything the plan orders, with the critical path and how often each step is on it."""
    steps = reading["steps"]
    gating = find_gating_order(reading)
    owners = [o for o in reading.ordered if (steps["owner"] == o).any()]
    if gating is not None and gating.option in owners:
        owners = [gating.option, *(o for o in owners if o != gating.option)]
    kept: list[str] = []
    for owner in owners:
        if sum((steps["owner"] == o).sum() + 1 for o in [*kept, owner]) <= MAX_STEP_ROWS:
            kept.append(owner)
    if not kept:
        return None
    parts = []
    for owner in kept:
        part = steps[steps["owner"] == owner].sort_values(["start_p50_months", "finish_p50_months"], kind="stable")
        head = {"owner": owner, "label": reading.name(owner), "is_owner": True, "start_p50_months": 0.0, "finish_p50_months": part["finish_p50_months"].max(),
                "finish_p80_months": part["finish_p80_months"].max(), "critical": False, "owner_kind": part["owner_kind"].iloc[0]}  # fmt: skip
        parts += [pd.DataFrame([head]), part.assign(is_owner=False)]
    rows = pd.concat(parts, ignore_index=True)
    rows["is_owner"], rows["critical"] = rows["is_owner"].astype(bool), rows["critical"].astype(bool)
    rows = rows[
        [
            "owner",
            "label",
            "is_owner",
            "start_p50_months",
            "finish_p50_months",
            "finish_p80_months",
            "last_share_frac",
            "critical",
            "p10_months",
            "p50_months",
            "p90_months",
            "factor",
            "grade",
            "source",
        ]
    ]
    own = steps[steps["owner"] == kept[0]]
    worst = own.loc[own["last_share_frac"].astype(float).fillna(0).idxmax()]
    title = f"{reading.name(kept[0])}: {worst['label']} is on the critical path in {amounts.format_odds(worst['last_share_frac'])} of draws"
    y = {"field": "row", "type": "nominal", "sort": None, "title": None,
         "axis": {"grid": False, "labelExpr": "split(datum.value, '|')[1]", "labelFontWeight": {"condition": {"test": "substring(datum.value, 0, 1) == '#'", "value": "bold"}, "value": "normal"},
                  "labelColor": {"condition": {"test": "substring(datum.value, 0, 1) == '#'", "value": INK}, "value": SOFT_INK}}}  # fmt: skip
    x = {"field": "start_p50_months", "type": "quantitative", "axis": {"title": "months after the order", "grid": True}}
    colour = {
        "condition": [{"test": "datum.is_owner", "value": INK}, {"test": "datum.critical", "value": WARN}],
        "value": ACCENT_SOFT,
    }
    tooltip: list[dict[str, Any]] = [
        {"field": f, "type": "nominal", "title": t}
        for f, t in (
            ("label", "step"),
            ("duration", "duration P10 / P50 / P90, months"),
            ("factor", "common factor"),
            ("share", "on the critical path"),
            ("grade", "grade"),
        )
    ]
    layers: list[dict[str, Any]] = [
        {"transform": [{"filter": "!datum.is_owner"}], "mark": {"type": "bar", "height": 10, "cornerRadius": 2}, "encoding": {"x": x, "x2": {"field": "finish_p50_months"}, "y": y, "color": colour, "tooltip": tooltip}},
        {"transform": [{"filter": "!datum.is_owner"}], "mark": {"type": "rule", "strokeWidth": 1.6}, "encoding": {"x": {**x, "field": "finish_p50_months"}, "x2": {"field": "finish_p80_months"}, "y": y, "color": colour}},
        {"transform": [{"filter": "datum.is_owner"}], "mark": {"type": "rule", "strokeWidth": 2}, "encoding": {"x": x, "x2": {"field": "finish_p50_months"}, "y": y, "color": colour}},
        {"transform": [{"filter": "!datum.is_owner && isValid(datum.last_share_frac)"}], "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 10.5, "color": SOFT_INK},
         "encoding": {"x": {**x, "field": "finish_p80_months"}, "y": y, "text": {"field": "share"}}},
    ]  # fmt: skip
    transform = [
        {"calculate": "(datum.is_owner ? '#' : '') + datum.owner + '|' + datum.label", "as": "row"},
        {"calculate": "isValid(datum.last_share_frac) ? format(datum.last_share_frac, '.0%') : ''", "as": "share"},
        {
            "calculate": "isValid(datum.p50_months) ? format(datum.p10_months, '.1f') + ' / ' + format(datum.p50_months, '.1f') + ' / ' + format(datum.p90_months, '.1f') : ''",
            "as": "duration",
        },
    ]
    alt = f"Steps of {len(kept)} ordered options and gates, in months after the order. {title}."
    left_out = len(owners) - len(kept)
    caption = "Bar: median start to median finish; thin line: to the P80 finish. Red: most frequent critical path. The percentage is the share of draws in which the step lies on it."
    if left_out:
        caption += f" {left_out} further orders are in the table of all steps."
    return Figure(
        key="steps-gantt",
        title=title,
        caption=caption,
        alt=alt,
        spec=make_spec(rows, height=17 * len(rows) + 40, layers=layers, alt=alt, transform=transform),
        listing=Listing(
            "steps-gantt-rows",
            "Steps of what is ordered",
            rows,
            labels={"label": "Step", "owner": "Option or gate", "is_owner": "Whole lead"},
            kinds={"critical": "flag", "is_owner": "flag"},
        ),
        grade=_grade_leads(reading),
    )


def list_gate(reading: Reading) -> Listing | None:
    """Return one gate, or else the order that gates power, expanded to its steps with their sources."""
    steps = reading["steps"]
    gating = find_gating_order(reading)
    gates = [o for o in reading.ordered if ((steps["owner"] == o) & (steps["owner_kind"] == "gate")).any()]
    candidates = (
        ([gating.option] if gating is not None and gating.option in gates else [])
        + gates
        + ([gating.option] if gating is not None else [])
    )
    if not candidates or not (steps["owner"] == candidates[0]).any():
        return None
    rows = steps[steps["owner"] == candidates[0]].reset_index(drop=True)
    names = dict(zip(rows["step"], rows["label"], strict=True))
    rows["after"] = [
        "; ".join(names.get(s, s) for s in str(a).split(";")) if not amounts.is_missing(a) else "the order"
        for a in rows["after"]
    ]
    columns = [
        "label",
        "after",
        "p10_months",
        "p50_months",
        "p90_months",
        "finish_p50_months",
        "finish_p80_months",
        "last_share_frac",
        "factor",
        "grade",
        "source",
    ]
    marked = frozenset(i for i, critical in enumerate(rows["critical"]) if critical)
    return Listing(
        "gate",
        f"{reading.name(candidates[0])}, step by step",
        rows[columns],
        "Durations of each step alone, and when it is done after the order. Bold: on the most frequent critical path.",
        {"label": "Step"},
        marked=marked,
    )


def list_orders(reading: Reading) -> Listing:
    """Return the order list: what to order, how much, until when, what arrives when."""
    orders = (
        reading["orders"]
        .sort_values(["order_on", "arrive_p50_on", "option"], kind="stable", na_position="last")
        .reset_index(drop=True)
    )
    gating = find_gating_order(reading)
    rows = orders.assign(option=[reading.name(o) for o in orders["option"]])
    rows = rows[
        [
            "option",
            "owner_kind",
            "mw",
            "units",
            "order_on",
            "arrive_p50_on",
            "arrive_p80_on",
            "end_on",
            "critical_step",
            "capex_usd",
        ]
    ]
    marked = frozenset(
        i
        for i, (o, d) in enumerate(zip(orders["option"], orders["order_on"], strict=True))
        if gating is not None and (o, d) == (gating.option, gating.order_on)
    )
    labels = {
        "option": "Order",
        "owner_kind": "Kind",
        "mw": "Power (MW)",
        "units": "Units (whole)",
        "capex_usd": "Capital, undiscounted (USD)",
    }
    return Listing(
        "orders",
        "Order list",
        rows,
        "Latest order dates of the plan. Bold: the order that gates power.",
        labels,
        marked=marked,
    )


def list_steps(reading: Reading) -> Listing:
    """Return every step of every option and gate."""
    steps = reading["steps"].copy()
    steps["owner"] = [reading.name(o) for o in steps["owner"]]
    columns = [
        "owner",
        "owner_kind",
        "label",
        "after",
        "factor",
        "p10_months",
        "p50_months",
        "p90_months",
        "finish_p50_months",
        "finish_p80_months",
        "last_share_frac",
        "critical",
        "grade",
        "source",
    ]
    return Listing(
        "all-steps",
        "All steps of all options and gates",
        steps[columns],
        labels={"owner": "Option or gate", "label": "Step", "owner_kind": "Kind"},
        kinds={"critical": "flag"},
        folded=True,
    )
