"""Pages beside the report: a front, the alternatives near the cheapest plan, a sweep; each made of one table."""

from collections.abc import Mapping, Sequence

import pandas as pd

from trainload.report import amounts
from trainload.report.contents import Section
from trainload.report.figures import Figure, Listing, safe_field
from trainload.report.marks import amount, end, field, frame, legend_colours, named_rows, paint, tip
from trainload.report.page import render_page
from trainload.report.palette import ACCENT, ACCENT_SOFT, INK, SOFT_INK, colour_options

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
    """Return the columns of MW by option and gate: those that follow the headlines."""
    columns = list(map(str, table.columns))
    return columns[columns.index(LAST_HEADLINE) + 1 :]


def draw_orders(table: pd.DataFrame, labels: Sequence[str], *, key: str) -> Figure | None:
    """Return what each plan orders, stacked by option; None where none orders anything."""
    columns = [c for c in list_ordered(table) if table[c].max() >= 0.5]
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
            x=amount("gw", "GW ordered, gates included", grid=True, ticks=6, stack="zero"),
            y=named_rows("plan", list(labels)),
            color=legend_colours("option", colours),
            tooltip=tips,
        )
    ]
    title = "What each plan orders"
    return Figure(
        key=key,
        title=title,
        caption="MW ordered over the horizon, by option and gate. A gate carries what is behind it and adds no power.",
        alt="Stacked bars of MW ordered by option, one bar a plan.",
        spec=frame(rows, height=24 * len(labels) + 60, layers=layers, alt=title),
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


def render_sweep(table: pd.DataFrame, *, paths: Sequence[str], name: str, version: str) -> str:
    """Return the page of a sweep."""
    labels = label_points(table, paths=paths)
    orders = draw_orders(table, labels, key="orders")
    listing = list_plans(table, key="points", title="Every point", caption="One plan a row; dates as planned.")
    items = [item for item in (draw_sweep(table, paths=paths), orders, listing) if item is not None]
    best = labels[int(table["cost_present_usd"].to_numpy().argmin())]
    return render_page(
        [Section("sweep-points", "Points", f"What changes with {amounts.join_words(list(paths))}?", tuple(items))],
        title=f"Sweep: {name}",
        headline=f"{len(table)} plans; the least total cost is at {best}.",
        version=version,
    )


_KEPT = (end, ACCENT_SOFT, INK, SOFT_INK)
