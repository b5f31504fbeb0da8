"""What uncertain lead times cost: the hedge beside the plan at one percentile, and what it is worth to know."""

import pandas as pd

from trainload.report import amounts
from trainload.report.figures import Figure, Listing
from trainload.report.marks import amount, field, frame, named_rows, paint, tip
from trainload.report.palette import ACCENT, ACCENT_SOFT, SECOND
from trainload.report.reading import Reading, list_rows

POLICIES = {
    "known_usd": ("every lead time known", ACCENT_SOFT),
    "hedged_usd": ("hedged orders", ACCENT),
    "deterministic_usd": ("orders of the plan at one percentile", SECOND),
}


def draw_knowledge(reading: Reading) -> Figure | None:
    """Return what it is worth to hedge, to know one step's date, and to know every date."""
    found = reading["hedge"]
    if found.empty:
        return None
    rows = [
        {"label": _name_worth(reading, row), "usd": float(row["value"])}
        for what in ("value_of_moving_chips", "value_of_hedging_orders", "value_of_knowing_step", "value_of_knowing")
        for row in list_rows(found[found["measure"] == what].sort_values("value", ascending=False, kind="stable"))
    ]
    table = pd.DataFrame(rows)
    measured = {str(row["measure"]): float(row["value"]) for row in list_rows(found) if not row["subject"]}
    room = {"domain": [min(0.0, 1.12e-6 * table["usd"].min()), max(1e-6, 1.12e-6 * table["usd"].max())]}  # for text
    x = amount("m", "million USD, present value", grid=True, ticks=6, scale=room)
    y = named_rows("label", labelLimit=400)
    layers = [
        paint("bar", {"height": 13, "color": ACCENT}, x=x, y=y),
        paint("text", {"align": "left", "dx": 5}, x=x, y=y, text=field("m", "quantitative", format=",.3~r")),
    ]
    knowing = amounts.format_usd(measured["value_of_knowing"])
    hedging = amounts.format_usd(measured["value_of_hedging"])
    title = f"To hedge against late arrivals is worth {hedging}; to know every date would be worth {knowing} more"
    return Figure(
        key="knowledge",
        title=title,
        caption=(
            f"Over {measured['scenarios']:.0f} scenarios of lead times, {_name_basis(measured)}. Hedging: cost of the "
            "orders and chips' dates that suit one percentile, replayed, less cost of the hedged ones. Knowing: cost "
            "of the hedged orders less that with the answer known before the first order, units not whole on either "
            "side. Steps move together, so their values don't add up."
        ),
        alt=f"Bars of what hedging and knowing are worth. {title}.",
        spec=frame(table, height=24 * len(table) + 50, layers=layers, alt=title, make={"m": "datum.usd / 1e6"}),
        listing=Listing(
            "knowledge-rows",
            "What is it worth to know?",
            table,
            labels={"label": "What", "usd": "Worth (USD)"},
        ),
        grade="C",
    )


def _name_worth(reading: Reading, row: dict[str, object]) -> str:
    if row["measure"] == "value_of_moving_chips":
        return "To hedge: other dates for the chips"
    if row["measure"] == "value_of_hedging_orders":
        return "To hedge: other orders as well"
    if row["measure"] == "value_of_knowing":
        return "To know every lead time"
    owner, _, step = str(row["subject"]).rpartition(".")
    name = reading.name_step(owner.removeprefix("gate:"), step)
    return f"To know, short or long: {reading.name(owner.removeprefix('gate:'))}, {str(name).lower()}"


def _name_basis(measured: dict[str, float]) -> str:
    if measured.get("tail_weight", 0.0) > 0:
        return f"the worst {measured['tail']:.0%} weighing {measured['tail_weight']:.0%} of the objective"
    return "in the mean"


def draw_scenarios(reading: Reading) -> Figure | None:
    """Return what each scenario costs with the hedged orders, the deterministic ones, and all known."""
    found = reading["hedge_scenarios"]
    if found.empty:
        return None
    rows = pd.DataFrame(
        [
            {
                "label": f"{row['scenario']} ({float(row['weight_frac']):.0%})",
                "policy": name,
                "usd": float(row[column]),
            }
            for row in list_rows(found)
            for column, (name, _) in POLICIES.items()
        ]
    )
    y = named_rows("label")
    x = amount("bn", "billion USD, present value", grid=True, ticks=6, scale={"zero": False, "padding": 20})
    told = tip(("label", "scenario"), ("policy", "with"), ("bn", "billion USD", ",.2f"))
    layers = [
        paint(
            "point",
            {"size": 75, "filled": True, "color": colour},
            where=f"datum.policy == '{name}'",
            x=x,
            y=y,
            tooltip=told,
        )
        for name, colour in POLICIES.values()
    ]
    worst = list_rows(found.sort_values("hedged_usd"))[-1]
    gained = float(worst["deterministic_usd"]) - float(worst["hedged_usd"])
    title = f"In the dearest scenario the hedge saves {amounts.format_usd(gained)}"
    if gained < 0:
        title = f"In the dearest scenario the hedge costs {amounts.format_usd(-gained)} more"
    return Figure(
        key="lead-scenarios",
        title=title,
        caption=(
            "Cost of each scenario of lead times, quickest first, its probability in brackets. Light: every lead time "
            "known; dark: hedged orders; red-brown: orders of the plan at one percentile. Price of idle chips included."
        ),
        alt=f"Cost by scenario of lead times for three policies. {title}.",
        spec=frame(rows, height=26 * len(found) + 50, layers=layers, alt=title, make={"bn": "datum.usd / 1e9"}),
        listing=Listing(
            "lead-scenarios-rows",
            "Scenarios of lead times",
            rows,
            labels={"label": "Scenario (probability)", "policy": "With", "usd": "Cost (USD)"},
            kinds={"usd": "million"},
        ),
        grade="C",
    )


def list_energisation(reading: Reading) -> Listing | None:
    """Return the dates of the first gigawatt and of full power, from all draws."""
    found = reading["energisation"]
    if found.empty:
        return None
    labels = {"orders": "Orders", "target": "Reached", "target_mw": "Firm power", "in_time_frac": "Within the horizon"}
    caption = "From every draw of the lead times; a draw follows the later orders of the scenario that stands for it."
    return Listing("energisation-rows", "When power is there", found, caption, labels)


def list_hedge_orders(reading: Reading) -> Listing | None:
    """Return the orders that all scenarios share, and what single ones order once lead times are known."""
    found = reading["hedge_orders"]
    if found.empty:
        return None
    rows = found.drop(columns=["owner_kind"]).assign(
        option=[reading.name(o) for o in found["option"]],
        scenario=[s or "all" for s in found["scenario"].fillna("")],
    )
    labels = {"option": "What", "scenario": "Scenario", "order_on": "Order on", "arrive_p95_on": "Arrives P95"}
    caption = "`all`: to order whatever happens. Others: ordered once the lead time is known, in that scenario only."
    return Listing("hedge-orders-rows", "Hedged orders", rows, caption, labels, folded=True)
