"""The report's first line and its key figures."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from trainload.report import amounts
from trainload.report.reading import Reading, StudyLike, read_study


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
    gigawatt (or for the last power added) decides: the others wait for it.
    """
    orders = reading["orders"]
    orders = orders[(orders["mw"] > 0) & orders["order_on"].notna()]
    if orders.empty:
        return None
    contracts = set(reading["options"].loc[reading["options"]["delivery"] == "contract", "option"])
    feeding = orders[~orders["option"].isin(contracts)]
    orders = orders if feeding.empty else feeding
    first = orders[orders["order_on"] == min(orders["order_on"])]
    losses = {str(o): find_month_loss(reading, str(o)) for o in first["option"]}
    valued = {o: v for o, v in losses.items() if v is not None and v > 0}
    if valued:
        option = max(valued, key=lambda o: (valued[o], o))
    else:
        target = amounts.read_date(reading.plan.get("p50_1gw_on"))
        dated = first[first["arrive_p50_on"].notna()]
        in_time = dated[[target is None or day <= target for day in dated["arrive_p50_on"]]]
        pool = in_time if not in_time.empty else first
        option = str(pool.sort_values(["arrive_p50_on", "mw", "option"], kind="stable")["option"].iloc[-1])
    loss = losses.get(option)
    if loss is None:
        loss = find_month_loss(reading, None)
    return GatingOrder(option, reading.name(option), min(first["order_on"]), loss)


def find_month_loss(reading: Reading, owner: str | None) -> float | None:
    """Return what one month of delay of an owner costs, USD; of the whole plan where `owner` is None."""
    values = reading["values"]
    rows = values[values["what"].isin(["one_month_later", "one_month_earlier"]) & (values["unit"] == "USD")]
    if owner is not None:
        rows = rows[(rows["what"] == "one_month_later") & (rows["owner"] == owner)]
        return None if rows.empty else float(rows["value"].iloc[0])
    whole = rows[(rows["what"] == "one_month_later") & rows["owner"].isin(["plan", "all", "programme"])]
    if not whole.empty:
        return float(whole["value"].iloc[0])
    compared = reading["comparison"]
    compared = compared[(compared["measure"] == "one_month_later") & (compared["unit"] == "USD")]
    return None if compared.empty else float(compared["value"].iloc[0])


def write_headline(reading: Reading) -> str:
    """Return the first line: *Order X by DATE or lose $Y a month; 1 GW on P50 (P50) or P80 (P80).*"""
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
    generations = reading["generations"]
    chosen = reading["options"][reading["options"]["chosen_mw"] > 0]
    cost_grade, lead_grade = amounts.worst_grade(chosen["grade_cost"]), amounts.worst_grade(chosen["grade_lead"])

    def add(label: str, value: Any, text: str, detail: str, grade: str = "") -> None:
        if not amounts.is_missing(value):
            found.append(KeyFigure(label, text, detail, grade))

    peak = generations["facility_peak_mw"].max() if not generations.empty else reading["periods"]["wanted_mw"].max()
    add(
        "Power wanted",
        peak,
        amounts.format_power(peak),
        "facility peak of the largest generation",
        amounts.worst_grade(reading["derivation"]["grade"]),
    )
    odds = _pick_odds(reading)
    if odds is not None:
        year, p1, p5 = odds
        add(
            "Odds of a 1 GW run",
            p1,
            amounts.format_odds(p1),
            f"record run by end of {year}; 5 GW: {amounts.format_odds(p5)}",
            "C",
        )
    first = plan.get("first_power_on")
    add("First power", first, amounts.format_month(first), "energised at the campus", lead_grade)
    ordered = reading["orders"]
    capital = float(ordered["capex_usd"].sum()) if not ordered.empty else None
    add("Power capital", capital, amounts.format_usd(capital), f"{len(ordered)} orders, undiscounted", cost_grade)
    cash, shadow = sum_ledger(reading, "cash"), sum_ledger(reading, "shadow")
    add("Power, present value", cash, amounts.format_usd(cash), "cash over the horizon; chips apart", cost_grade)
    add(
        "Cost of power",
        plan.get("usd_per_mwh"),
        f"${amounts.round_digits(float(plan.get('usd_per_mwh') or 0))}/MWh",
        "cash over served MWh, both discounted",
        cost_grade,
    )
    add(
        "Price of missing power",
        shadow,
        amounts.format_usd(shadow),
        "shadow cost: delay and curtailment, never in $/MWh",
        "C",
    )
    add(
        "Emission",
        plan.get("tco2_location"),
        amounts.format_tco2(plan.get("tco2_location")),
        "direct and grid, location-based, horizon",
        cost_grade,
    )
    add(
        "Matched hour by hour",
        plan.get("clean_matched_frac"),
        amounts.format_odds(plan.get("clean_matched_frac")),
        "clean share of load",
        cost_grade,
    )
    return found


def _pick_odds(reading: Reading) -> tuple[int, float, float] | None:
    """Return year and odds of the record run five years after the study's date, or the nearest year there is."""
    rows = reading["forecast"]
    rows = rows[(rows["target"] == "record_run") & (rows["model"] == "trainload")]
    if rows.empty:
        return None
    as_of = amounts.read_date(reading.summary.get("as_of")) or reading.start_on
    row = rows.loc[(rows["year"].astype(float) - (as_of.year + 5)).abs().idxmin()]
    return int(row["year"]), float(row["p_ge_1gw"]), float(row["p_ge_5gw"])


def sum_ledger(reading: Reading, group: str) -> float | None:
    """Return the present value of a group of the ledger, USD."""
    ledger = reading["ledger"]
    part = ledger[ledger["group"] == group]
    return None if ledger.empty else float(part["usd_present"].sum())


def state_headline(study: StudyLike) -> str:
    """Return the report's first line for a study, as the terminal shows it."""
    return write_headline(read_study(study))
