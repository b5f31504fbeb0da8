"""Pages beside the report: a front, the alternatives near the cheapest plan, a sweep; each made of one table."""

from collections.abc import Mapping, Sequence

import pandas as pd

from trainload.report import amounts
from trainload.report.contents import Section
from trainload.report.figures import Figure, Listing, safe_field
from trainload.report.marks import amount, end, field, frame, legend_colours, named_rows, paint, tip
from trainload.report.page import render_page
from trainload.report.palette import ACCENT, ACCENT_SOFT, INK, colour_options

MEASURE_LABELS: Mapping[str, str] = {
    "point": "Point",
    "cost_present_usd": "Total cost, present value (USD)",
    "cash_present_usd": "Cash, present value (USD)",
    "usd_per_mwh": "Cost of power (USD/MWh)",
    "first_power_on": "First power",
    "full_power_on": "Full power",
    "p50_1gw_on": "1 GW, P50",
    "tco2": "Emission over the horizon (tCO₂)",
    "unserved_mwh": "Not served (MWh)",
    "unpowered_mwh": "Peak without power (MW × h)",
    "clean_matched_frac": "Matched hourly",
    "gap_frac": "Proven gap",
    "status": "Status",
    "usd_per_unit": "To the next point (USD per unit)",
    "limit": "Limit",
    "folder": "Study",
}
LAST_HEADLINE = "gap_frac"
MILLIONS = ("cost_present_usd", "cash_present_usd")


def list_plans(table: pd.DataFrame, *, key: str, title: str, caption: str) -> Listing:
    """Return a table of plans, one a row, orders last."""
    labels = {**MEASURE_LABELS, **{c: f"{amounts.spell_key(c.removesuffix('_mw'))} (MW)" for c in list_ordered(table)}}
    rows = table.rename(columns=safe_field)
    kinds = dict.fromkeys(MILLIONS, "million")
    return Listing(key, title, rows, caption, labels, kinds)  # type: ignore[arg-type]


def list_ordered(table: pd.DataFrame) -> list[str]:
    """Return the columns of MW ordered, options before gates: those that follow the headlines."""
    columns = list(map(str, table.columns))
    return columns[columns.index(LAST_HEADLINE) + 1 :]


def draw_orders(table: pd.DataFrame, labels: Sequence[str], *, key: str) -> Figure | None:
    """Return what each plan orders, stacked by option; None where none orders anything."""
    columns = [c for c in list_ordered(table) if not c.startswith("gate_") and table[c].max() >= 0.5]
    if not columns:
        return None
    rows = pd.concat(
        [
            pd.DataFrame({"plan": list(labels), "option": amounts.spell_key(c.removesuffix("_mw")), "mw": table[c]})
            for c in columns
        ],
        ignore_index=True,
    )
    options = pd.DataFrame({"option": [c.removesuffix("_mw") for c in columns], "carrier": ""})
    colours = {amounts.spell_key(o): colour for o, colour in colour_options(options).items()}
    tips = tip(("plan", "Plan"), ("option", "Order"), ("mw", "MW", ",.0f"))
    layers = [
        paint(
            "bar",
            {"height": 14},
            make={"gw": "datum.mw / 1000"},
            x=amount("gw", "GW ordered", grid=True, ticks=6, stack="zero"),
            y=named_rows("plan", list(labels)),
            color=legend_colours("option", colours),
            tooltip=tips,
        )
    ]
    title = "What each plan orders"
    return Figure(
        key=key,
        title=title,
        caption="MW ordered over the horizon, by option; contracts elsewhere on the grid included.",
        alt="Stacked bars of MW ordered by option, one bar a plan.",
        spec=frame(rows, height=max(24 * len(labels), 17 * len(columns)) + 60, layers=layers, alt=title),
        listing=Listing(f"{key}-rows", "MW ordered", rows, labels={"plan": "Plan", "option": "Order"}),
    )


def draw_sweep(table: pd.DataFrame, *, paths: Sequence[str]) -> Figure:
    """Return the total cost at each point: a line where one number is varied, bars otherwise."""
    labels = label_points(table, paths=paths)
    rows = pd.DataFrame({"plan": labels, "usd": table["cost_present_usd"], "cash": table["cash_present_usd"]})
    make = {"bn": "datum.usd / 1e9", "cash_bn": "datum.cash / 1e9"}
    tips = tip(("plan", "Point"), ("bn", "Total, billion USD", ".4~g"), ("cash_bn", "Cash, billion USD", ".4~g"))
    least, most = float(table["cost_present_usd"].min()), float(table["cost_present_usd"].max())
    title = f"Total cost from {amounts.format_usd(least)} to {amounts.format_usd(most)}"
    if len(paths) == 1 and pd.api.types.is_numeric_dtype(table[paths[0]]):
        rows["value"] = table[paths[0]].astype(float)
        x = {"field": "value", "type": "quantitative", "scale": {"zero": False}, "axis": {"title": paths[0]}}
        y = amount("bn", "billion USD, present value", ticks=6, scale={"zero": False})
        layers = [
            paint("line", {"color": ACCENT}, x=x, y=y),
            paint("point", {"color": ACCENT, "filled": True, "size": 50}, x=x, y=y, tooltip=tips),
        ]
        height = 300
    else:
        x = amount("bn", "billion USD, present value", grid=True, ticks=6)
        y = named_rows("plan", labels)
        layers = [
            paint("bar", {"height": 12, "color": ACCENT}, x=x, y=y, tooltip=tips),
            paint("text", {"align": "left", "dx": 5}, x=x, y=y, text=field("bn", "quantitative", format=".4~g")),
        ]
        height = 24 * len(rows) + 50
    return Figure(
        key="sweep",
        title=title,
        caption="Present value of all terms of the ledger: cash, and the shadow prices of missing power and goals.",
        alt=title,
        spec=frame(rows, height=height, layers=layers, alt=title, make=make),
        listing=Listing(
            "sweep-rows", "Cost by point", rows, labels={"plan": "Point", "usd": "Total (USD)", "cash": "Cash (USD)"}
        ),
    )


def label_points(table: pd.DataFrame, *, paths: Sequence[str]) -> list[str]:
    """Return each point's values in words, the last name of each path before them."""
    names = [path.rpartition(".")[2] for path in paths]
    return [
        ", ".join(f"{name} {value}" for name, value in zip(names, row, strict=True))
        for row in table[list(paths)].itertuples(index=False, name=None)
    ]


def render_sweep(
    table: pd.DataFrame,
    *,
    paths: Sequence[str],
    name: str,
    version: str,
    notes: Sequence[tuple[str, str]] = (),
) -> str:
    """Return the page of a sweep."""
    labels = label_points(table, paths=paths)
    orders = draw_orders(table, labels, key="orders")
    listing = list_plans(table, key="points", title="Every point", caption="One plan a row; dates as planned.")
    items = [item for item in (draw_sweep(table, paths=paths), orders, listing) if item is not None]
    best = labels[int(table["cost_present_usd"].to_numpy().argmin())]
    return render_page(
        [Section("sweep-points", "Points", f"What changes with {amounts.join_words(list(paths))}?", tuple(items))],
        title=f"Sweep: {name}",
        facts=(("Varied", amounts.join_words(list(paths))), ("Plans", str(len(table))), *notes),
        headline=f"{len(table)} plans; the least total cost is at {best}.",
        version=version,
    )


# of what: the column, what it is called, its unit as people read it, and USD per one of what
FRONT_MEASURES: Mapping[str, tuple[str, str, float, str, str]] = {
    "tco2": ("tco2", "Emission over the horizon", 1e6, "Mt CO₂", "tonne of CO₂ avoided"),
    "date": ("unpowered_mwh", "Wanted peak without power", 1e6, "TW × h", "MWh of peak powered earlier"),
    "unserved": ("unserved_mwh", "Wanted load not served", 1e6, "TWh", "MWh served"),
}


def draw_front(table: pd.DataFrame, *, of: str) -> Figure:
    """Return cost against the measure, one mark a point that is on the front, joined by a line."""
    column, name, size, unit, _ = FRONT_MEASURES[of]
    shown = table[table["status"] == "front"]
    rows = pd.DataFrame(
        {
            "point": [f"{p:.0f}" for p in shown["point"]],
            "measure": shown[column] / size,
            "usd": shown["cost_present_usd"],
            "cash": shown["cash_present_usd"],
            "full_power": [amounts.format_month(day) for day in shown["full_power_on"]],
        }
    )
    start, end_ = rows.iloc[0], rows.iloc[-1]
    more = float(end_["usd"] - start["usd"])
    most, least = (amounts.round_digits(float(row["measure"])) for row in (start, end_))
    title = f"From {most} to {least} {unit} for {amounts.format_usd(more)} more"
    if len(rows) == 1:
        title = "Nothing to trade: one plan is best by both"
    x = {
        "field": "measure",
        "type": "quantitative",
        "scale": {"zero": False, "nice": True},
        "axis": {"title": f"{name} ({unit})", "grid": True, "tickCount": 6},
    }
    y = amount("bn", "billion USD, present value", grid=True, ticks=6, scale={"zero": False})
    tips = tip(
        ("point", "Point"),
        ("measure", f"{name} ({unit})", ",.4~g"),
        ("bn", "Total, billion USD", ".4~g"),
        ("cash_bn", "Cash, billion USD", ".4~g"),
        ("full_power", "Full power"),
    )
    above = {"dy": -11, "dx": 4, "align": "left", "color": INK}
    layers = [
        paint("line", {"color": ACCENT_SOFT}, x=x, y=y, order=field("measure", "quantitative")),
        paint("point", {"color": ACCENT, "filled": True, "size": 70, "opacity": 1}, x=x, y=y, tooltip=tips),
        paint("text", above, x=x, y=y, text=field("point")),
    ]
    return Figure(
        key="front",
        title=title,
        caption=(
            "Each mark is a plan with a study of its own; none is bettered by another in both. Total cost: cash, and "
            "the shadow prices of missing power and goals, present value."
        ),
        alt=f"Total cost against {name.lower()}. {title}.",
        spec=frame(
            rows,
            height=340,
            layers=layers,
            alt=title,
            make={"bn": "datum.usd / 1e9", "cash_bn": "datum.cash / 1e9"},
        ),
        listing=Listing(
            "front-rows",
            "The front",
            rows,
            labels={
                "point": "Point",
                "measure": f"{name} ({unit})",
                "usd": "Total (USD)",
                "cash": "Cash (USD)",
                "full_power": "Full power",
            },
        ),
    )


def render_front(
    table: pd.DataFrame, *, of: str, name: str, version: str, notes: Sequence[tuple[str, str]] = ()
) -> str:
    """Return the page of a front: the curve, what each plan orders, and every point with its study."""
    _, measure, _, _, unit = FRONT_MEASURES[of]
    shown = table[table["status"] == "front"].reset_index(drop=True)
    labels = [f"Point {p:.0f}" for p in shown["point"]]
    prices = shown["usd_per_unit"].dropna()
    headline = "The cheapest plan is the best by this measure too: nothing to trade."
    if len(prices):
        least, most = amounts.format_usd(float(prices.iloc[0])), amounts.format_usd(float(prices.iloc[-1]))
        headline = f"A {unit} costs {least} over the first step, {most} over the last."
    left_out = table[table["status"] != "front"]
    said = "" if left_out.empty else f" {len(left_out)} of them bettered or repeated by another, and not drawn."
    caption = f"Each point has a folder with its own report.{said} USD per unit: per {unit}, up to the next point."
    listing = list_plans(table, key="points", title="Every point", caption=caption)
    items = [i for i in (draw_front(table, of=of), draw_orders(shown, labels, key="orders"), listing) if i is not None]
    question = f"What does less of it cost? {measure} against total cost."
    return render_page(
        [Section("front-points", "Front", question, tuple(items))],
        title=f"Front: {name}",
        headline=headline,
        facts=(("Made with", f"trainload {version}"), *notes),
        version=version,
    )


def draw_ranges(table: pd.DataFrame, *, slack_frac: float) -> Figure | None:
    """Return the least, the most and the cheapest plan's MW of each option as a range; None where there is none."""
    shown = table[(table["kind"] == "option") & (table[["most_mw", "cheapest_mw"]].max(axis=1) >= 1.0)]
    if shown.empty:
        return None
    rows = shown[["label", "least_mw", "cheapest_mw", "most_mw"]].reset_index(drop=True)
    make = {name: f"datum.{name}_mw / 1000" for name in ("least", "cheapest", "most")}
    y = named_rows("label")
    tips = tip(
        ("label", "Option"),
        ("least_mw", "Least, MW", ",.0f"),
        ("cheapest_mw", "Cheapest plan, MW", ",.0f"),
        ("most_mw", "Most, MW", ",.0f"),
    )
    layers = [
        paint(
            "bar",
            {"height": 11, "color": ACCENT_SOFT},
            x=amount("least", "GW in service", grid=True, ticks=6),
            x2=end("most"),
            y=y,
            tooltip=tips,
        ),
        paint(
            "tick",
            {"thickness": 3, "size": 17, "color": INK},
            x=amount("cheapest", "GW in service", grid=True, ticks=6),
            y=y,
            tooltip=tips,
        ),
    ]
    n_needed = int((~table.loc[table["kind"] == "option", "avoidable"].astype(bool)).sum())
    title = f"Within {100 * slack_frac:.3g} % of the least cost {n_needed} of {len(shown)} options are needed"
    return Figure(
        key="ranges",
        title=title,
        caption=(
            "Bar: from the least to the most that a plan within the slack has in service; mark: the cheapest plan. "
            "Each end is a plan of its own: two options can't both be at an end."
        ),
        alt=f"Range of MW of each option. {title}.",
        spec=frame(rows, height=24 * len(rows) + 50, layers=layers, alt=title, make=make),
        listing=Listing(
            "ranges-rows",
            "Ranges",
            rows,
            labels={"label": "Option", "least_mw": "Least", "cheapest_mw": "Cheapest plan", "most_mw": "Most"},
        ),
    )


def _head_alternatives(table: pd.DataFrame, *, slack_frac: float) -> str:
    used = table[(table["kind"] == "option") & (table["cheapest_mw"] > 0)]
    n_avoidable = int(used["avoidable"].astype(bool).sum()) or "none"
    share = f"{100 * slack_frac:.3g} %"
    if used.empty:
        return f"The cheapest plan builds nothing; what could be built within {share} is below."
    return f"Within {share} of the least cost {n_avoidable} of the cheapest plan's {len(used)} options can be avoided."


def render_alternatives(
    table: pd.DataFrame,
    *,
    words: Sequence[str],
    name: str,
    slack_frac: float,
    version: str,
    notes: Sequence[tuple[str, str]] = (),
) -> str:
    """Return the page of what else would be nearly as cheap."""
    labels = {
        "owner": "Id",
        "label": "Option, gate or carrier",
        "least_mw": "Least",
        "cheapest_mw": "Cheapest plan",
        "most_mw": "Most",
        "avoidable": "Can be avoided",
        "avoid_frac": "Dearer without",
    }
    columns = ["label", "kind", "cheapest_mw", "least_mw", "most_mw", "avoidable", "avoid_frac"]
    caption = (
        "MW in service at a time. Most: from the day the cheapest plan is fully powered. Dearer without: the cheapest "
        "plan that has none of it, against the cheapest of all. A carrier is all its options together."
    )
    listing = Listing(
        "owners", "Every option, gate and carrier", table[columns], caption, labels, kinds={"avoidable": "flag"}
    )
    items = tuple(item for item in (draw_ranges(table, slack_frac=slack_frac), listing) if item is not None)
    return render_page(
        [Section("ranges-all", "Alternatives", "What else would be nearly as cheap, and what can be avoided?", items)],
        title=f"Alternatives: {name}",
        headline=_head_alternatives(table, slack_frac=slack_frac),
        description=" ".join(words),
        facts=(("Made with", f"trainload {version}"), *notes),
        version=version,
    )
