"""What holds it up: orders and arrivals with odds, the steps behind them, and one gate down to its sources."""

from datetime import date
from typing import Any

import pandas as pd

from trainload.report import amounts
from trainload.report.figures import Figure, Listing
from trainload.report.marks import (
    Channel,
    amount,
    either,
    end,
    field,
    frame,
    mark_days,
    moment,
    named_rows,
    paint,
    tip,
    write_days,
)
from trainload.report.palette import ACCENT, ACCENT_SOFT, INK, SOFT_INK, WARN
from trainload.report.reading import Reading, list_rows
from trainload.report.wording import GatingOrder, find_gating_order

MAX_STEP_ROWS = 64
_BAR, _MEDIAN, _P80 = {"height": 11, "cornerRadius": 2}, {"thickness": 3, "size": 15}, {"thickness": 1.5, "size": 11}
_ODDS_DAYS = ("p10_on", "p50_on", "p80_on", "p90_on")


def list_odds_of_orders(reading: Reading) -> pd.DataFrame:
    """Return each order with its dates at P10, P50, P80 and P90.

    The orders table states P50 and P80; P10 and P90 are those of an order on the first day, moved by the days between.
    """
    arrivals = {a["owner"]: a for a in list_rows(reading["arrivals"])}
    gating = find_gating_order(reading)
    rows = []
    for o in list_rows(sort_orders(reading, by="arrive_p50_on")):
        first, moved = arrivals.get(o["option"]), o["order_on"] - reading.start_on if o["order_on"] else None
        ends = [o["arrive_p50_on"], o["arrive_p80_on"]]
        if first and moved is not None:
            ends = [first[c] + moved if first[c] else e for c, e in zip(("p10_on", "p90_on"), ends, strict=True)]
        rows.append(
            {
                "label": f"{reading.name(o['option'])}, {amounts.format_power(o['mw'])}",
                "owner_kind": o["owner_kind"],
                "mw": o["mw"],
                "order_on": o["order_on"],
                "p10_on": ends[0],
                "p50_on": o["arrive_p50_on"],
                "p80_on": o["arrive_p80_on"],
                "p90_on": ends[1],
                "end_on": o["end_on"],
                "critical_step": reading.name_step(o["option"], o["critical_step"]),
                "gating": _is_gating(o, gating),
            }
        )
    table = pd.DataFrame(rows)
    if not table.empty:
        repeat = table.groupby("label").cumcount()
        table["label"] = [t if k == 0 else f"{t} ({k + 1})" for t, k in zip(table["label"], repeat, strict=True)]
    return table


def sort_orders(reading: Reading, *, by: str) -> pd.DataFrame:
    """Return the orders of more than nothing, earliest first."""
    orders = reading["orders"]
    rows = orders[orders["mw"] > 0]
    return rows.sort_values([by, "order_on", "option"], kind="stable", na_position="last").reset_index(drop=True)


def _is_gating(order: dict[str, Any], gating: GatingOrder | None) -> bool:
    return gating is not None and (order["option"], order["order_on"]) == (gating.option, gating.order_on)


def draw_orders(reading: Reading) -> Figure | None:
    """Return the Gantt of what the plan orders: order, P10-P90 of arrival, median, and the order that gates power."""
    rows = list_odds_of_orders(reading)
    if rows.empty:
        return None
    title = "Orders and arrivals, with odds"
    if rows["gating"].any():
        first = rows[rows["gating"]].iloc[0]
        p50, p80 = amounts.format_month(first["p50_on"]), amounts.format_month(first["p80_on"])
        title = (
            f"{first['label']}, gates power: ordered by {amounts.format_date(first['order_on'])}, there {p50} "
            f"(P50) or {p80} (P80)"
        )
    y, colour = named_rows("label"), either("datum.gating", WARN, ACCENT)
    tooltip = tip(
        ("label", "order"),
        ("order_on_text", "latest order"),
        *((f"{c}_text", f"arrives {c[:3].upper()}") for c in _ODDS_DAYS),
        ("critical_step", "step most often last"),
    )
    order = {"filled": True, "fill": "white", "size": 36, "strokeWidth": 1.6}
    layers = [
        *mark_days(_wanted_days(reading)),
        paint(
            "rule",
            {"strokeWidth": 1.5, "opacity": 0.5},
            x=moment("order_on", padding=10),
            x2=end("p50_on"),
            y=y,
            color=colour,
        ),
        paint(
            "bar",
            {**_BAR, "opacity": 0.4},
            x=moment("p10_on"),
            x2=end("p90_on"),
            y=y,
            color=colour,
            tooltip=tooltip,
        ),
        paint("tick", _MEDIAN, x=moment("p50_on"), y=y, color=colour, tooltip=tooltip),
        paint("tick", _P80, x=moment("p80_on"), y=y, color=colour, tooltip=tooltip),
        paint("point", order, x=moment("order_on"), y=y, stroke=colour, tooltip=tooltip),
    ]
    caption = (
        "Circle: latest order date. Bar: arrival P10 to P90; thick tick: median; thin tick: P80. "
        "Red: the order that gates power. Dashed: a generation is wanted."
    )
    labels = {"label": "Order", "owner_kind": "Kind", "gating": "Gates power"}
    return Figure(
        key="orders-gantt",
        title=title,
        caption=caption,
        alt=f"{len(rows)} orders with the odds of their arrival. {title}.",
        spec=frame(
            rows, height=25 * len(rows) + 40, layers=layers, alt=title, make=write_days("order_on", *_ODDS_DAYS)
        ),
        listing=Listing("orders-gantt-rows", "Orders with odds", rows, labels=labels, kinds={"gating": "flag"}),
        grade=_grade_leads(reading),
    )


def _wanted_days(reading: Reading) -> list[tuple[date, str]]:
    return [(g["wanted_on"], str(g["name"])) for g in list_rows(reading["generations"]) if g["wanted_on"]]


def _grade_leads(reading: Reading) -> str:
    options, steps, ordered = reading["options"], reading["steps"], set(reading.ordered)
    grades = [
        options.loc[options["option"].isin(ordered), "grade_lead"],
        steps.loc[steps["owner"].isin(ordered), "grade"],
    ]
    return amounts.worst_grade(pd.concat(grades))


def draw_arrivals(reading: Reading) -> Figure | None:
    """Return when every option and gate would arrive if it were ordered on the first day."""
    arrivals = reading["arrivals"].sort_values(["p50_on", "owner"], kind="stable").reset_index(drop=True)
    if arrivals.empty:
        return None
    chosen = set(reading.ordered)
    gates = [" (gate)" if k == "gate" else "" for k in arrivals["owner_kind"]]
    rows = arrivals[["owner_kind", "p10_on", "p50_on", "p80_on", "p90_on", "p95_on"]].copy()
    rows.insert(0, "label", [reading.name(o) + g for o, g in zip(arrivals["owner"], gates, strict=True)])
    rows.insert(2, "ordered", [o in chosen for o in arrivals["owner"]])
    options = rows[rows["owner_kind"] == "option"]
    edges = (options if len(options) else rows).iloc[[0, -1]]
    named = [f"{r['label']} ({amounts.format_month(r['p50_on'])}, P50)" for r in list_rows(edges)]
    title = f"If ordered on {amounts.format_date(reading.start_on)}: {named[0]} first, {named[1]} last"
    y, colour = named_rows("label"), either("datum.ordered", ACCENT, "#a9b4bf")
    tooltip = tip(("label", "option or gate"), *((f"{c}_text", c[:3].upper()) for c in (*_ODDS_DAYS, "p95_on")))
    layers = [
        *mark_days(_wanted_days(reading)),
        paint(
            "bar",
            {**_BAR, "opacity": 0.5},
            x=moment("p10_on", padding=10),
            x2=end("p90_on"),
            y=y,
            color=colour,
            tooltip=tooltip,
        ),
        paint("tick", _MEDIAN, x=moment("p50_on"), y=y, color=colour, tooltip=tooltip),
        paint("tick", _P80, x=moment("p80_on"), y=y, color=colour, tooltip=tooltip),
    ]
    labels = {"label": "Option or gate", "owner_kind": "Kind", "ordered": "In the plan"}
    return Figure(
        key="arrivals-gantt",
        title=title,
        caption=(
            "Order to power, gates included. Bar: P10 to P90; thick tick: median; thin tick: P80. Blue: in the "
            "plan; grey: not ordered."
        ),
        alt=f"Odds of arrival of {len(rows)} options and gates. {title}.",
        spec=frame(rows, height=20 * len(rows) + 40, layers=layers, alt=title, make=write_days(*_ODDS_DAYS, "p95_on")),
        listing=Listing(
            "arrivals-gantt-rows", "Arrival if ordered on the first day", rows, labels=labels, kinds={"ordered": "flag"}
        ),
        grade=amounts.worst_grade(reading["options"]["grade_lead"]),
    )


def list_step_rows(reading: Reading) -> tuple[pd.DataFrame, int]:
    """Return the steps of what is ordered, each owner's whole lead before them, and how many orders found no room."""
    steps, gating = reading["steps"], find_gating_order(reading)
    owners = [o for o in reading.ordered if (steps["owner"] == o).any()]
    if gating is not None and gating.option in owners:
        owners = [gating.option, *(o for o in owners if o != gating.option)]
    parts: list[pd.DataFrame] = []
    left_out = 0
    for owner in owners:
        part = steps[steps["owner"] == owner].sort_values(["start_p50_months", "finish_p50_months"], kind="stable")
        if sum(map(len, parts)) + len(part) + 1 > MAX_STEP_ROWS:
            left_out += 1
            continue
        whole = {"owner": owner, "step": "whole", "label": reading.name(owner), "whole": True, "critical": False}
        whole |= {"start_p50_months": 0.0} | {c: part[c].max() for c in ("finish_p50_months", "finish_p80_months")}
        parts += [pd.DataFrame([whole]), part.assign(whole=False)]
    columns = ["owner", "step", "label", "whole", "start_p50_months", "finish_p50_months", "finish_p80_months"]
    columns += ["last_share_frac", "critical", "p10_months", "p50_months", "p90_months", "factor", "grade", "source"]
    if not parts:
        return pd.DataFrame(columns=columns), left_out
    rows = pd.concat(parts, ignore_index=True)[columns]
    return rows.astype({"whole": bool, "critical": bool}), left_out


def draw_steps(reading: Reading) -> Figure | None:
    """Return the steps of everything the plan orders, with the critical path and how often each step is on it."""
    rows, left_out = list_step_rows(reading)
    if rows.empty:
        return None
    key = "(datum.whole ? '#' : '') + datum.owner + '|' + datum.step + '|' + datum.label"
    order = [f"{'#' if r['whole'] else ''}{r['owner']}|{r['step']}|{r['label']}" for r in list_rows(rows)]
    head = "substring(datum.value, 0, 1) == '#'"
    y = named_rows("row", order, labelExpr="split(datum.value, '|')[2]", labelColor=either(head, INK, SOFT_INK))
    y["axis"]["labelFontWeight"] = either(head, "bold", "normal")

    def x(column: str) -> Channel:
        return amount(column, "months after the order", grid=True, ticks=10)

    colour: Channel = {
        "condition": [{"test": "datum.whole", "value": INK}, {"test": "datum.critical", "value": WARN}],
        "value": ACCENT_SOFT,
    }
    tooltip = tip(
        ("label", "step"),
        ("duration", "duration P10 / P50 / P90, months"),
        ("share", "on the critical path"),
        ("factor", "common factor"),
        ("grade", "grade"),
    )
    step, beside = "!datum.whole", {"align": "left", "dx": 6, "fontSize": 10.5, "color": SOFT_INK}
    first, finish, late = x("start_p50_months"), end("finish_p50_months"), end("finish_p80_months")
    layers = [
        paint(
            "bar", {"height": 10, "cornerRadius": 2}, where=step, x=first, x2=finish, y=y, color=colour, tooltip=tooltip
        ),
        paint("rule", {"strokeWidth": 1.6}, where=step, x=x("finish_p50_months"), x2=late, y=y, color=colour),
        paint("rule", {"strokeWidth": 2}, where="datum.whole", x=first, x2=finish, y=y, color=colour),
        paint("rule", {"strokeWidth": 1}, where="datum.whole", x=x("finish_p50_months"), x2=late, y=y, color=colour),
        paint("text", beside, where=step, x=x("finish_p80_months"), y=y, text=field("share")),
    ]
    durations = " + ' / ' + ".join(f"format(datum.p{q}_months, '.1f')" for q in (10, 50, 90))
    make = {
        "row": key,
        "share": "isValid(datum.last_share_frac) ? format(datum.last_share_frac, '.0%') : ''",
        "duration": f"isValid(datum.p50_months) ? {durations} : ''",
    }
    caption = (
        "Bar: median start to median finish; thin line: to the P80 finish. Red: most frequent critical path. "
        "The percentage is the share of draws in which the step lies on it. Dark line: the whole lead."
    )
    if left_out:
        caption += f" {left_out} further orders: see the table of all steps."
    title = _state_steps(reading, rows)
    labels = {"label": "Step", "owner": "Option or gate", "whole": "Whole lead", "step": "Id"}
    return Figure(
        key="steps-gantt",
        title=title,
        caption=caption,
        alt=f"Steps of what is ordered, in months after the order. {title}.",
        spec=frame(rows, height=17 * len(rows) + 40, layers=layers, alt=title, make=make),
        listing=Listing(
            "steps-gantt-rows",
            "Steps of what is ordered",
            rows,
            labels=labels,
            kinds={"critical": "flag", "whole": "flag"},
        ),
        grade=_grade_leads(reading),
    )


def _state_steps(reading: Reading, rows: pd.DataFrame) -> str:
    """Return which step holds up most: its median length times the share of draws in which it is critical."""
    owner = rows["owner"].iloc[0]
    own = list_rows(rows[(rows["owner"] == owner) & ~rows["whole"]].dropna(subset=["last_share_frac", "p50_months"]))
    if not own:
        return f"{reading.name(owner)}, step by step"
    worst = max(own, key=lambda step: step["last_share_frac"] * step["p50_months"])
    months, share = amounts.round_digits(worst["p50_months"], 2), amounts.format_odds(worst["last_share_frac"])
    label = str(worst["label"])[:1].lower() + str(worst["label"])[1:]
    return f"{reading.name(owner)}: {label} takes {months} months (P50) and is on the critical path in {share} of draws"


def _rank_gates(reading: Reading) -> list[str]:
    """Return the gates to show, best first: those the gating order waits for, the slowest first; then all ordered."""
    steps, gating = reading["steps"], find_gating_order(reading)
    finish = steps.groupby("owner")["finish_p50_months"].max()
    ordered = [o for o in reading.ordered if ((steps["owner"] == o) & (steps["owner_kind"] == "gate")).any()]
    if gating is None:
        return ordered
    waits = ";".join(str(a) for a in steps.loc[steps["owner"] == gating.option, "after"] if a).split(";")
    behind = {w.removeprefix("gate:") for w in waits if w.startswith("gate:")} | {gating.option}
    first = sorted((o for o in ordered if o in behind), key=lambda o: (-float(finish[o]), o))
    return [*first, *ordered, gating.option]


def list_gate(reading: Reading) -> Listing | None:
    """Return one gate, or else the order that gates power, expanded to its steps with their sources."""
    steps = reading["steps"]
    owner = next((o for o in _rank_gates(reading) if (steps["owner"] == o).any()), None)
    if owner is None:
        return None
    rows = steps[steps["owner"] == owner].reset_index(drop=True)
    waits = [[] if amounts.is_missing(a) else str(a).split(";") for a in rows["after"]]
    rows["after"] = ["; ".join(reading.name_wait(owner, s) for s in w) or "the order" for w in waits]
    rows["factor"] = [_spell_factor(f) for f in rows["factor"]]
    columns = ["label", "after", "p10_months", "p50_months", "p90_months", "finish_p50_months", "finish_p80_months"]
    columns += ["last_share_frac", "factor", "grade", "source"]
    marked = frozenset(i for i, critical in enumerate(rows["critical"]) if critical)
    caption = (
        "Duration of each step alone, and when it is done after the order. Marked: on the most frequent critical path."
    )
    return Listing(
        "gate", f"{reading.name(owner)}, step by step", rows[columns], caption, {"label": "Step"}, marked=marked
    )


def _spell_factor(factor: object) -> str:
    return "" if amounts.is_missing(factor) else amounts.spell_key(str(factor)).lower()


def list_orders(reading: Reading) -> Listing | None:
    """Return the order list: what to order, how much, until when, what arrives when."""
    orders, gating = sort_orders(reading, by="order_on"), find_gating_order(reading)
    if orders.empty:
        return None
    columns = [
        "option",
        "owner_kind",
        "mw",
        "units",
        "order_on",
        "arrive_p50_on",
        "arrive_p80_on",
        "capex_usd",
        "end_on",
    ]
    rows = orders[columns].copy()
    rows["critical_step"] = [reading.name_step(o["option"], o["critical_step"]) for o in list_rows(orders)]
    rows["option"] = [reading.name(o) for o in orders["option"]]
    marked = frozenset(i for i, o in enumerate(list_rows(orders)) if _is_gating(o, gating))
    labels = {"option": "Order", "owner_kind": "Kind", "mw": "Power (MW)", "units": "Units (whole)"}
    labels["capex_usd"] = "Capital, undiscounted (USD)"
    caption = (
        "Latest order dates of the plan. Marked: the order that gates power. A gate is ordered once and carries "
        "MW for the options behind it."
    )
    return Listing("orders-rows", "What to order, until when", rows, caption, labels, {"capex_usd": "million"}, marked)


def list_steps(reading: Reading) -> Listing | None:
    """Return every step of every option and gate."""
    steps = reading["steps"]
    if steps.empty:
        return None
    columns = ["owner", "owner_kind", "label", "factor", "p10_months", "p50_months", "p90_months", "finish_p50_months"]
    columns += ["finish_p80_months", "last_share_frac", "critical", "grade", "source"]
    names, factors = [reading.name(o) for o in steps["owner"]], [_spell_factor(f) for f in steps["factor"]]
    rows = steps[columns].assign(owner=names, factor=factors)
    labels = {"owner": "Option or gate", "label": "Step", "owner_kind": "Kind"}
    return Listing(
        "all-steps", "All steps of all options and gates", rows, labels=labels, kinds={"critical": "flag"}, folded=True
    )
