"""What it costs: plan beside base case, goals kept beside goals dropped, and the ledger by term and year."""

from collections.abc import Mapping

import pandas as pd

from trainload.report import amounts
from trainload.report.figures import Figure, Kind, Listing, safe_field
from trainload.report.marks import amount, field, frame, legend_colours, lookup, named_rows, paint, tip, zero_line
from trainload.report.palette import ACCENT, colour_terms
from trainload.report.reading import Reading, list_rows

CASES: Mapping[str, str] = {
    "base": "Base case: firm grid only",
    "plan": "Plan",
    "goals_kept": "Goals kept",
    "goals_dropped": "Goals dropped",
}
MEASURES: Mapping[str, str] = {
    "cash_present": "Power: cash, present value",
    "programme_delay_present": "Shadow: compute that waits for power",
    "curtailment_present": "Shadow: curtailed training",
    "slack_present": "Shadow: goals broken",
    "total_present": "Cash and shadow together",
    "power_cost": "Cost of power",
    "chips_and_halls": "Chips and halls: capital",
    "served": "Load served",
    "unserved": "Load not served",
    "first_gw_after": "First gigawatt after",
    "full_power_after": "Full power after",
    "largest_powered": "Largest load powered",
    "direct_emission": "Emission on site",
    "location_emission": "Emission of grid power, location-based",
    "clean_matched": "Load matched hour by hour",
}
TERMS: Mapping[str, str] = {
    "energy": "Grid energy",
    "fuel": "Fuel",
    "capital": "Capital",
    "fixed": "Fixed cost",
    "variable": "Variable cost",
    "rent": "Rent",
    "demand_charge": "Demand charge",
    "minimum_take": "Minimum take",
    "contract": "Contracts",
    "settlement": "Contract settlement",
    "carbon": "Carbon price",
    "salvage": "Salvage value",
    "programme_delay": "Compute that waits for power",
    "curtailment": "Curtailed training",
    "co2_slack": "CO₂ goal broken",
    "clean_slack": "Matching goal broken",
}
MAX_TERMS = 10
NOT_REACHED = "not within the horizon"
_LEAST = {"USD": 1e4, "MWh": 1.0, "tCO2": 1.0, "MW": 1e-3}  # below: the solver's rounding
_UNMEASURED = frozenset({"total_present", "one_month_later"})


def name_term(term: str) -> str:
    """Return a ledger term's name."""
    return TERMS.get(term, amounts.spell_key(term))


def list_comparison(reading: Reading, cases: tuple[str, str], *, key: str, title: str, caption: str) -> Listing | None:
    """Return measures in rows and two cases in columns, with the difference; None where a case is missing."""
    table = reading["comparison"]
    if not all((table["case"] == c).any() for c in cases):
        return None
    rows = []
    for measure, unit in dict.fromkeys(zip(table["measure"], table["unit"], strict=True)):
        part = table[(table["measure"] == measure) & (table["unit"] == unit)].drop_duplicates("case")
        found = part.set_index("case")["value"]
        values = [float(found.get(c, float("nan"))) for c in cases]
        if all(amounts.is_missing(v) or abs(v) < _LEAST.get(unit, 0.0) or v == 0 for v in values):
            continue
        texts = [_read_amount(v, unit, measure) for v in values]
        rows.append([MEASURES.get(measure, amounts.spell_key(measure)), *texts, _read_gap(values[1] - values[0], unit)])
    columns = ["measure", *cases, "gap"]
    labels = {"measure": "Measure", "gap": "Difference"} | {c: CASES[c] for c in cases}
    kinds: dict[str, Kind] = dict.fromkeys([*cases, "gap"], "text")
    return Listing(key, title, pd.DataFrame(rows, columns=columns), caption, labels, kinds)


def _read_amount(value: float, unit: str, measure: str = "") -> str | None:
    """Return an amount with its unit as people read it."""
    if amounts.is_missing(value):
        return NOT_REACHED if measure.endswith("_after") else None
    formats = {
        "USD": amounts.format_usd,
        "MW": amounts.format_power,
        "MWh": amounts.format_energy,
        "tCO2": amounts.format_tco2,
    }
    if unit in formats:
        return formats[unit](value if abs(value) >= _LEAST[unit] else 0.0)
    if unit == "fraction":
        return f"{amounts.round_digits(value * 100)}%"
    if unit.startswith("USD/"):
        return f"{amounts.format_usd(value)}{unit[3:]}"
    return f"{amounts.round_digits(value)} {unit}".strip()


def _read_gap(value: float, unit: str) -> str | None:
    if amounts.is_missing(value):
        return None
    if abs(value) < max(_LEAST.get(unit, 0.0), 1e-6):
        return "0"
    text = _read_amount(value, unit)
    return f"+{text}" if text and value > 0 else text


def draw_comparison(reading: Reading) -> Figure | None:
    """Return the dollar measures of base case and plan beside each other."""
    table = reading["comparison"]
    dollars = table[(table["unit"] == "USD") & table["case"].isin(["base", "plan"])].dropna(subset=["value"])
    if dollars["case"].nunique() < 2:
        return None
    totals = dollars[dollars["measure"] == "total_present"].set_index("case")["value"]
    shown = dollars[~dollars["measure"].isin(_UNMEASURED)]
    large = shown.groupby("measure")["value"].transform(lambda v: v.abs().max()) >= _LEAST["USD"]
    rows = pd.DataFrame(
        {
            "measure": [MEASURES.get(m, amounts.spell_key(m)) for m in shown.loc[large, "measure"]],
            "case": [CASES[c] for c in shown.loc[large, "case"]],
            "usd": shown.loc[large, "value"].to_numpy(dtype=float),
        }
    )
    cases = {CASES["base"]: "#a9b4bf", CASES["plan"]: ACCENT}
    x = amount("bn", "billion USD", grid=True, ticks=6)
    y, offset = named_rows("measure"), {"field": "case", "sort": list(cases)}
    colour = legend_colours("case", cases, orient="top")
    colour["legend"]["offset"] = 8
    beside = {"align": "left", "dx": 5, "fontSize": 11}
    layers = [
        paint("bar", {"height": 13}, x=x, y=y, yOffset=offset, color=colour),
        paint("text", beside, x=x, y=y, yOffset=offset, text=field("text")),
    ]
    make = {"bn": "datum.usd / 1e9", "text": "abs(datum.usd) < 5e5 ? '0' : format(datum.usd / 1e9, '.3~r')"}
    title = "Plan and base case, power and chips"
    if len(totals) == 2:
        gap = float(totals["base"] - totals["plan"])
        word = "less" if gap >= 0 else "more"
        title = (
            f"Cash and shadow cost together, the plan costs {amounts.format_usd(abs(gap))} {word} than waiting "
            "for firm grid service"
        )
    caption = (
        "Cash is paid; shadow cost is the value of compute without power, never inside $/MWh. Power and "
        "shadow cost are present "
        "values over the horizon; chips and halls are capital for the load that is powered, and not part of "
        "the plan's objective."
    )
    chosen = reading["options"]["chosen_mw"] > 0
    return Figure(
        key="comparison-chart",
        title=title,
        caption=caption,
        alt=f"Base case and plan in billion USD by kind of cost. {title}.",
        spec=frame(rows, height=46 * rows["measure"].nunique() + 60, layers=layers, alt=title, make=make),
        listing=Listing("comparison-chart-rows", "Base case and plan", rows, kinds={"usd": "million"}),
        grade=amounts.worst_grade(reading["options"].loc[chosen, "grade_cost"]),
    )


def draw_ledger(reading: Reading, group: str) -> Figure | None:
    """Return a group of the ledger, cash or shadow, by plan year, stacked by term."""
    ledger = reading["ledger"]
    part = ledger[ledger["group"] == group]
    if part["usd"].abs().sum() < _LEAST["USD"]:
        return None
    sizes = part["usd"].abs().groupby(part["term"]).sum().sort_values(ascending=False, kind="stable")
    kept = list(sizes.index[:MAX_TERMS])
    names = {t: safe_field(name_term(t)) for t in kept}
    labelled = part.assign(shown=[names.get(t, "Other terms") for t in part["term"]])
    wide = labelled.pivot_table(index="year", columns="shown", values="usd", aggfunc="sum")
    years = list(range(1, int(ledger["year"].max()) + 1))
    order = [*names.values(), *(["Other terms"] if "Other terms" in wide else [])]
    rows = wide.reindex(years)[order].fillna(0.0).round(0).reset_index(names="plan_year")
    rows.columns = [str(c) for c in rows.columns]
    colours = colour_terms(order)
    bars = paint(
        "bar",
        {"width": {"band": 0.7}},
        fold=(order, "term", "usd"),
        make={"bn": "datum.usd / 1e9", "level": lookup(order, "term")},
        x={**field("plan_year", "ordinal"), "axis": {"title": "plan year", "labelAngle": 0}},
        y=amount("bn", "billion USD a year, undiscounted", ticks=6, stack="zero"),
        order=field("level", "quantitative", sort="ascending"),
        color=legend_colours("term", colours, flip=True),
        tooltip=tip(("term", "term"), ("plan_year", "plan year"), ("usd", "USD", ",.4s")),
    )
    kind = "Cash" if group == "cash" else "Shadow cost"
    title = (
        f"{kind}: {amounts.format_usd(float(part['usd_present'].sum()))} present value; largest term: "
        f"{order[0].lower()}"
    )
    caption = (
        "What is paid for power, constant USD, by plan year from the first order."
        if group == "cash"
        else (
            "What missing power and broken goals are worth: not paid, and never inside $/MWh. The prices are the "
            "reader's to set."
        )
    )
    chosen = reading["options"]["chosen_mw"] > 0
    return Figure(
        key=f"ledger-{group}",
        title=title,
        caption=caption,
        alt=f"{kind} by plan year and term. {title}.",
        spec=frame(rows, height=270, layers=[bars, zero_line()], alt=title),
        listing=Listing(
            f"ledger-{group}-rows",
            f"{kind} by year",
            rows,
            labels={n: f"{n} (USD)" for n in order},
            kinds=dict.fromkeys(order, "million"),
        ),
        grade=amounts.worst_grade(reading["options"].loc[chosen, "grade_cost"]) if group == "cash" else "C",
    )


def list_ledger(reading: Reading) -> Listing | None:
    """Return the ledger by term and owner: amounts, undiscounted and present value, with each group's total."""
    ledger = reading["ledger"]
    if ledger.empty:
        return None
    keys = ["group", "term", "owner", "unit"]
    summed = ledger.groupby(keys, as_index=False, dropna=False)[["quantity", "usd", "usd_present"]].sum()
    summed = summed.sort_values(["group", "usd_present", *keys[1:]], ascending=[True, False, True, True, True])
    summed["owner"] = [reading.name(o) for o in summed["owner"]]
    summed["term"] = [name_term(t) for t in summed["term"]]
    rows: list[dict[str, object]] = []
    for group in dict.fromkeys(summed["group"]):
        part = summed[summed["group"] == group]
        total = {
            "group": group,
            "term": "All terms",
            "usd": part["usd"].sum(),
            "usd_present": part["usd_present"].sum(),
        }
        rows += [*list_rows(part), total]
    columns = ["group", "term", "owner", "quantity", "unit", "usd", "usd_present"]
    table = pd.DataFrame(rows, columns=columns)
    marked = frozenset(i for i, term in enumerate(table["term"]) if term == "All terms")
    labels = {
        "group": "Kind",
        "owner": "Of",
        "quantity": "Amount",
        "unit": "Unit of it",
        "usd": "Over the horizon (USD)",
    }
    kinds: dict[str, Kind] = {"quantity": "number", "usd": "million", "usd_present": "million"}
    caption = (
        "Each term is stated once; the sum of the present values is the plan's objective. Cash and shadow cost "
        "are never added in $/MWh."
    )
    return Listing(
        "ledger-rows",
        "Cost ledger by term",
        table,
        caption,
        labels | {"usd_present": "Present value (USD)"},
        kinds,
        marked,
    )
