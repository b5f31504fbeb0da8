"""The report's first line and its key figures."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from trainload.report import amounts
from trainload.report.reading import Reading, StudyLike, list_rows, read_study

LEAST_TOTAL_USD = 1e4  # below: the solver's rounding


@dataclass(frozen=True, slots=True)
class GatingOrder:
    """The order to place first: `loss_usd` is what one month of delay costs, None where it was not computed."""

    option: str
    name: str
    order_on: date
    loss_usd: float | None


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One figure of the strip under the headline."""

    label: str
    value: str
    detail: str
    grade: str = ""


def find_gating_order(reading: Reading) -> GatingOrder | None:
    """Return the order with the earliest latest-order date; among equals the one whose delay costs most.

    Where the study has no values of a month of delay, the one that arrives last but still in time for the first
    gigawatt decides: the others wait for it. Contracts elsewhere on the grid feed no campus and gate nothing.
    """
    orders = reading["orders"]
    orders = orders[(orders["mw"] > 0) & orders["order_on"].notna()]
    contracts = set(reading["options"].loc[reading["options"]["delivery"] == "contract", "option"])
    feeding = orders[~orders["option"].isin(contracts)]
    if feeding.empty:
        return None
    rows = list_rows(feeding[feeding["order_on"] == min(feeding["order_on"])])
    losses = [find_month_loss(reading, r["option"], r["arrive_on"]) for r in rows]
    valued = [(loss, i) for i, loss in enumerate(losses) if loss is not None and loss > 0]
    if valued:
        loss, i = max(valued, key=lambda item: (item[0], -item[1]))
        return GatingOrder(rows[i]["option"], reading.name(rows[i]["option"]), rows[i]["order_on"], loss)
    target = amounts.read_date(reading.plan.get("p50_1gw_on")) or date.max
    dated = [r for r in rows if r["arrive_p50_on"] is not None]
    in_time = [r for r in dated if r["arrive_p50_on"] <= target] or dated or rows
    last = max(in_time, key=lambda r: (r["arrive_p50_on"] or date.min, r["mw"], r["option"]))
    return GatingOrder(last["option"], reading.name(last["option"]), last["order_on"], None)


def find_month_loss(reading: Reading, owner: str, arrive_on: date | None) -> float | None:
    """Return what one month of delay of an order costs, USD: the value of the period in which it arrives."""
    values = reading["values"]
    rows = list_rows(
        values[(values["what"] == "one_month_later") & (values["unit"] == "USD") & (values["owner"] == owner)]
    )
    if not rows:
        return None
    if arrive_on is None:
        return float(max(r["value"] for r in rows))
    return float(min(rows, key=lambda r: abs(((r["period_on"] or arrive_on) - arrive_on).days))["value"])


def write_headline(reading: Reading) -> str:
    """Return the first line: what to order by when, what a month costs, and when the first gigawatt comes."""
    gating = find_gating_order(reading)
    p50, p80 = (amounts.read_date(reading.plan.get(k)) for k in ("p50_1gw_on", "p80_1gw_on"))
    if p50 is not None:
        power = f"1 GW on {amounts.format_date(p50)} (P50)" + (
            f" or {amounts.format_date(p80)} (P80)" if p80 else ", and not within the horizon at P80"
        )
    elif _wants_gigawatt(reading):
        power = "1 GW is not reached within the horizon"
    else:
        first = amounts.read_date(reading.plan.get("first_power_on"))
        power = f"first power on {amounts.format_date(first)}" if first else "no power within the horizon"
    if gating is None:
        return f"Nothing is worth ordering; {power}."
    loss = (
        f" or lose {amounts.format_usd(gating.loss_usd)} a month"
        if gating.loss_usd is not None and gating.loss_usd > 0
        else ""
    )
    name = (
        gating.name
        if gating.name[1:2].isupper() or gating.name.split(" ")[0].isupper()
        else gating.name[:1].lower() + gating.name[1:]
    )
    return f"Order {name} by {amounts.format_date(gating.order_on)}{loss}; {power}."


def _wants_gigawatt(reading: Reading) -> bool:
    wanted = pd.concat([reading["periods"]["wanted_mw"], reading["generations"]["facility_peak_mw"]])
    return bool((wanted >= 1000).any())


def list_key_figures(reading: Reading) -> list[KeyFigure]:
    """Return the strip of key figures; what a study did not compute is left out."""
    plan, found = reading.plan, []
    generations, options, orders = reading["generations"], reading["options"], reading["orders"]
    chosen = options[options["chosen_mw"] > 0]
    cost_grade, lead_grade = amounts.worst_grade(chosen["grade_cost"]), amounts.worst_grade(chosen["grade_lead"])

    def add(label: str, value: Any, text: str, detail: str, grade: str = "") -> None:
        if not amounts.is_missing(value):
            found.append(KeyFigure(label, text, detail, grade))

    wanted = generations["facility_peak_mw"] if len(generations) else reading["periods"]["wanted_mw"]
    peak = float(wanted.max()) if len(wanted) else None
    demand_grade = amounts.worst_grade(reading["derivation"]["grade"])
    add("Power wanted", peak, amounts.format_power(peak), "facility peak of the largest generation", demand_grade)
    odds = _pick_odds(reading)
    if odds is not None:
        year, p1, p5 = odds
        add(
            "Odds of a 1 GW run",
            p1,
            amounts.format_odds(p1),
            f"by the end of {year}; 5 GW: {amounts.format_odds(p5)}",
            "C",
        )
    first = plan.get("first_power_on")
    add("First power", first, amounts.format_month(first), "first load powered at the campus", lead_grade)
    capital = float(orders["capex_usd"].sum()) if len(orders) else None
    add("Capital for power", capital, amounts.format_usd(capital), f"{len(orders)} orders, undiscounted", cost_grade)
    mwh, cash = plan.get("usd_per_mwh"), sum_ledger(reading, "cash")
    detail = f"{amounts.format_usd(cash)} cash over served MWh, both discounted"
    add("Cost of power", mwh, f"{amounts.format_usd(mwh)}/MWh", detail, cost_grade)
    shadow = sum_ledger(reading, "shadow")
    shadow = 0.0 if shadow is not None and abs(shadow) < LEAST_TOTAL_USD else shadow
    add("Price of missing power", shadow, amounts.format_usd(shadow), "idle compute, shadow cost, never in $/MWh", "C")
    chips = _find_measure(reading, "plan", "chips_and_halls")
    add(
        "Chips and halls",
        chips,
        amounts.format_usd(chips),
        "capital for the load powered, beside the cost of power",
        "C",
    )
    tonnes = [plan.get(k) for k in ("tco2_direct", "tco2_location")]
    total = None if any(map(amounts.is_missing, tonnes)) else float(sum(t for t in tonnes if t is not None))
    share = plan.get("clean_matched_frac")
    matched = "" if amounts.is_missing(share) else f"; {amounts.format_odds(share)} matched hour by hour"
    add("Emission", total, amounts.format_tco2(total), f"on site and grid, location-based{matched}", cost_grade)
    return found


def _find_measure(reading: Reading, case: str, measure: str) -> float | None:
    rows = reading["comparison"]
    rows = rows[(rows["case"] == case) & (rows["measure"] == measure)]
    return None if rows.empty else float(rows["value"].iloc[0])


def _pick_odds(reading: Reading) -> tuple[int, float, float] | None:
    """Return year and odds of the record run five years after the study's date, or the nearest year there is."""
    rows = reading["forecast"]
    rows = rows[(rows["target"] == "record_run") & (rows["model"] == "trainload")]
    if rows.empty:
        return None
    as_of = amounts.read_date(reading.summary.get("as_of")) or reading.start_on
    row = min(list_rows(rows), key=lambda r: abs(r["year"] - (as_of.year + 5)))
    return int(row["year"]), float(row["p_ge_1gw"]), float(row["p_ge_5gw"])


def sum_ledger(reading: Reading, group: str) -> float | None:
    """Return the present value of a group of the ledger, USD."""
    ledger = reading["ledger"]
    part = ledger[ledger["group"] == group]
    return None if ledger.empty else float(part["usd_present"].sum())


def state_headline(study: StudyLike) -> str:
    """Return the report's first line for a study, as the terminal shows it."""
    return write_headline(read_study(study))
