"""One row for a plan: what it costs, emits, leaves unserved and orders, and when it powers what is wanted."""

from datetime import date
from typing import Any

import pandas as pd

from trainload.plan.limiting import measure_plan
from trainload.plan.plan import Plan
from trainload.plan.results import LEAST_ORDER_MW

HEADLINES = (
    "cost_present_usd", "cash_present_usd", "usd_per_mwh", "first_power_on", "full_power_on", "p50_1gw_on", "tco2",
    "unserved_mwh", "unpowered_mwh", "clean_matched_frac", "gap_frac",
)  # fmt: skip


def read_headlines(plan: Plan) -> dict[str, Any]:
    """Return a plan's headline measures and, as ``<option>_mw`` and ``gate_<gate>_mw``, what it orders.

    `cost_present_usd` is the sum of the ledger, cash and shadow, without the slack of limits; dates are those of the
    lead times planned with, `p50_1gw_on` of the simulated ones; None where the horizon ends before.
    """
    figures, periods, orders = plan.figures, plan.tables["periods"], plan.tables["orders"]
    measures = measure_plan(plan.formulation.world, plan.tables)
    reached = periods.loc[periods["powered_mw"] >= float(periods["wanted_mw"].max()) - LEAST_ORDER_MW]
    full: date | None = None
    if len(reached) and float(periods["wanted_mw"].max()) > 0:
        full = reached.iloc[0]["period_on"]
    row: dict[str, Any] = {
        "cost_present_usd": measures.cost_usd,
        "cash_present_usd": figures["cash_present_usd"],
        "usd_per_mwh": figures["usd_per_mwh"],
        "first_power_on": figures["first_power_on"],
        "full_power_on": None if full is None else full.isoformat(),
        "p50_1gw_on": figures["p50_1gw_on"],
        "tco2": measures.tco2,
        "unserved_mwh": measures.unserved_mwh,
        "unpowered_mwh": measures.unpowered_mwh,
        "clean_matched_frac": figures["clean_matched_frac"],
        "gap_frac": figures["gap"],
    }
    for kind, owner, mw in zip(orders["owner_kind"], orders["option"], orders["mw"], strict=True):
        column = f"gate_{owner}_mw" if kind == "gate" else f"{owner}_mw"
        row[column] = row.get(column, 0.0) + float(mw)
    return row


def tabulate_headlines(rows: list[dict[str, Any]], *, first: tuple[str, ...]) -> pd.DataFrame:
    """Return the rows as a table: the columns named `first`, the headlines, then MW ordered by option, else zero."""
    known = (*first, *HEADLINES)
    found = {column for row in rows for column in row} - set(known)
    ordered = sorted(found, key=lambda column: (column.startswith("gate_"), column))
    table = pd.DataFrame(rows, columns=[*known, *ordered])
    return table.fillna(dict.fromkeys(ordered, 0.0))
