"""What it costs and emits: plan beside base case, the ledger by term and year, emissions, and what more would be worth."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from trainload.report import amounts
from trainload.report.figures import Figure, Listing, Width, make_spec, safe_field
from trainload.report.palette import ACCENT, INK, SECOND, SOFT_INK, spread_colours
from trainload.report.reading import Reading

CASES: Mapping[str, str] = {
    "base": "Base case: firm grid only",
    "plan": "Plan",
    "goals_kept": "Goals kept",
    "goals_dropped": "Goals dropped",
}
MEASURES: Mapping[str, str] = {
    "cash_usd": "Power, cash (present value)",
    "shadow_usd": "Price of missing power, shadow (present value)",
    "chips_usd": "Chips (capital)",
    "total_usd": "Cash and shadow",
    "usd_per_mwh": "Cost of power",
    "first_power_months": "First power after the first order",
    "tco2_location": "Emission, location-based",
    "tco2_direct": "Emission, direct",
    "unserved_mwh": "Load not served",
    "idle_compute_usd": "Idle compute",
}
WHAT: Mapping[str, str] = {
    "one_month_later": "Cost of one month of delay",
    "one_month_earlier": "Worth of one month earlier",
    "one_more_mw": "Worth of one more MW",
    "power": "Worth of one more MWh",
    "co2_price": "Price of carbon at the cap",
}
MAX_TERMS = 9


def list_comparison(reading: Reading, cases: tuple[str, ...], *, key: str, title: str, caption: str) -> Listing | None:
    """Return measures in rows and cases in columns, with the difference where there are two."""
    table = reading["comparison"]
    table = table[table["case"].isin(cases)]
    found = [c for c in cases if (table["case"] == c).any()]
    if len(found) < 2:
        return None
    rows = []
    for measure, unit in dict.fromkeys(zip(table["measure"], table["unit"], strict=True)):
        part = (
            table[(table["measure"] == measure) & (table["unit"] == unit)]
            .drop_duplicates("case")
            .set_index("case")["value"]
        )
        values = [float(part[c]) if c in part and not amounts.is_missing(part[c]) else None for c in found]
        gap = values[1] - values[0] if len(values) == 2 and None not in values else None  # type: ignore[operator]
        rows.append(
            [
                MEASURES.get(measure, amounts.spell_key(measure)),
                *(_read_amount(v, unit) for v in values),
                _read_amount(gap, unit, signed=True),
                unit,
            ]
        )
    columns = ["measure", *found, "gap", "unit"]
    labels = {"measure": "Measure", "gap": "Difference", "unit": "Unit of the CSV's figures"} | {
        c: CASES[c] for c in found
    }
    shown = pd.DataFrame(rows, columns=columns).drop(columns="unit")
    kinds: dict[str, Any] = dict.fromkeys([*found, "gap"], "text")
    return Listing(key, title, shown, caption, labels, kinds)


def _read_amount(value: float | None, unit: str, *, signed: bool = False) -> str | None:
    """Return an amount with its unit as people read it."""
    if value is None:
        return None
    formats = {
        "USD": amounts.format_usd,
        "MW": amounts.format_power,
        "MWh": amounts.format_energy,
        "tCO2": amounts.format_tco2,
    }
    if unit in formats:
        text = formats[unit](value)
    elif unit == "fraction":
        text = f"{amounts.round_digits(value * 100)}%"
    elif unit.startswith("USD/"):
        text = f"${amounts.round_digits(value)}{unit[3:]}".replace("$" + amounts.MINUS, amounts.MINUS + "$")
    else:
        text = f"{amounts.round_digits(value)} {unit}".strip()
    return f"+{text}" if signed and value > 0 else text


def draw_comparison(reading: Reading) -> Figure | None:
    """Return the dollar measures of base case and plan beside each other."""
    table = reading["comparison"]
    table = table[
        table["case"].isin(["base", "plan"]) & (table["unit"] == "USD") & (table["measure"] != "one_month_later")
    ]
    if table["case"].nunique() < 2:
        return None
    rows = pd.DataFrame({
        "measure": [MEASURES.get(m, amounts.spell_key(m)) for m in table["measure"]],
        "case": [CASES[c] for c in table["case"]],
        "usd": table["value"].astype(float).to_numpy(),
    })  # fmt: skip
    sums = {
        c: float(
            rows.loc[(rows["case"] == CASES[c]) & ~rows["measure"].str.startswith(("Chips", "Cash and")), "usd"].sum()
        )
        for c in ("base", "plan")
    }
    gap = sums["base"] - sums["plan"]
    title = f"The plan costs {amounts.format_usd(abs(gap))} {'less' if gap >= 0 else 'more'} than waiting for firm grid service, power and idle compute together"
    cases = [CASES["base"], CASES["plan"]]
    y = {
        "field": "measure",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"labelColor": INK, "labelLimit": 260},
    }
    offset = {"field": "case", "sort": cases}
    x = {
        "field": "bn",
        "type": "quantitative",
        "axis": {"title": "billion USD, present value where stated", "grid": True, "tickCount": 6},
    }
    layers = [
        {"mark": {"type": "bar", "height": 13}, "encoding": {"x": x, "y": y, "yOffset": offset, "color": {"field": "case", "type": "nominal", "scale": {"domain": cases, "range": ["#a9b4bf", ACCENT]}, "legend": {"title": None, "orient": "top", "symbolType": "square"}}}},
        {"mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 11}, "encoding": {"x": x, "y": y, "yOffset": offset, "text": {"field": "text"}}},
    ]  # fmt: skip
    transform = [
        {"calculate": "datum.usd / 1e9", "as": "bn"},
        {"calculate": "format(datum.usd / 1e9, '.3~g')", "as": "text"},
    ]
    alt = f"Base case and plan in billion USD by kind of cost. {title}."
    return Figure(
        key="comparison-chart",
        title=title,
        caption="Cash and shadow cost apart, power beside chips. Shadow cost is the value of compute that waits for power; it is never inside $/MWh.",
        alt=alt,
        spec=make_spec(rows, height=48 * rows["measure"].nunique() + 60, layers=layers, alt=alt, transform=transform),
        listing=Listing("comparison-chart-rows", "Base case and plan", rows, labels={"usd": "Amount (USD)"}),
        grade=amounts.worst_grade(reading["options"].loc[reading["options"]["chosen_mw"] > 0, "grade_cost"]),
    )


def draw_ledger(reading: Reading, group: str, *, width: Width = "full") -> Figure | None:
    """Return a group of the ledger by plan year, stacked by term."""
    ledger = reading["ledger"]
    part = ledger[(ledger["group"] == group) & (ledger["usd"].abs() > 0.5)]
    if part.empty:
        return None
    sizes = (
        part.groupby("term")["usd"].apply(lambda s: float(s.abs().sum())).sort_values(ascending=False, kind="stable")
    )
    kept = list(sizes.index[:MAX_TERMS])
    labelled = part.assign(shown=[t if t in kept else "other" for t in part["term"]])
    wide = (
        labelled.pivot_table(index="year", columns="shown", values="usd", aggfunc="sum")
        .reindex(range(1, int(ledger["year"].max()) + 1))
        .fillna(0.0)
    )
    names = {t: safe_field(amounts.spell_key(t)) for t in [*kept, *(["other"] if "other" in wide else [])]}
    rows = wide[list(names)].rename(columns=names).reset_index()
    rows = rows.rename(columns={"year": "plan_year"})
    rows.columns = [str(c) for c in rows.columns]
    colours = spread_colours(names.values())
    order = list(names.values())
    level = "{" + ", ".join(f"'{n}': {i}" for i, n in enumerate(order)) + "}"
    layers = [
        {"transform": [{"fold": order, "as": ["term", "usd"]}, {"calculate": "datum.usd / 1e9", "as": "bn"}, {"calculate": f"{level}[datum.term]", "as": "level"}, {"filter": "datum.usd != 0"}],
         "mark": {"type": "bar", "width": {"band": 0.72}},
         "encoding": {"x": {"field": "plan_year", "type": "ordinal", "axis": {"title": "plan year, from the first order", "labelAngle": 0}},
                      "y": {"field": "bn", "type": "quantitative", "axis": {"title": "billion USD a year, undiscounted", "tickCount": 6}},
                      "order": {"field": "level", "type": "quantitative", "sort": "ascending"},
                      "color": {"field": "term", "type": "nominal", "scale": {"domain": order[::-1], "range": [colours[n] for n in order[::-1]]}, "legend": {"title": None, "orient": "right", "symbolType": "square"}},
                      "tooltip": [{"field": "term", "type": "nominal"}, {"field": "plan_year", "type": "ordinal", "title": "year"}, {"field": "usd", "type": "quantitative", "title": "USD", "format": ",.3s"}]}},
        {"mark": {"type": "rule", "color": SOFT_INK, "strokeWidth": 1}, "encoding": {"y": {"datum": 0}}},
    ]  # fmt: skip
    total, first = float(part["usd_present"].sum()), names[kept[0]].lower()
    kind = "Cash" if group == "cash" else "Shadow cost"
    title = f"{kind}: {amounts.format_usd(total)} present value, {first} the largest term"
    alt = f"{kind} by plan year and term. {title}."
    return Figure(
        key=f"ledger-{group}",
        title=title,
        caption=("What is paid for power, constant USD." if group == "cash" else "What missing power costs in idle compute and broken goals: not paid, and never inside $/MWh."),
        alt=alt,
        spec=make_spec(rows, height=270, layers=layers, alt=alt),
        listing=Listing(f"ledger-{group}-rows", f"{kind} by year", rows, labels={n: f"{n} (USD)" for n in order} | {"plan_year": "Plan year"}),
        width=width,
        grade=amounts.worst_grade(reading["options"].loc[reading["options"]["chosen_mw"] > 0, "grade_cost"]) if group == "cash" else "C",
    )  # fmt: skip


def list_ledger(reading: Reading) -> Listing:
    """Return the ledger by term and owner: amounts, undiscounted and present value."""
    ledger = reading["ledger"]
    summed = ledger.groupby(["group", "term", "owner", "unit"], as_index=False, sort=False, dropna=False)[
        ["quantity", "usd", "usd_present"]
    ].sum()
    summed["owner"] = [reading.name(o) for o in summed["owner"]]
    summed["term"] = [amounts.spell_key(str(t)) for t in summed["term"]]
    summed = summed.sort_values(["group", "usd_present"], ascending=[True, False], kind="stable")
    totals = (
        summed.groupby("group", as_index=False)[["usd", "usd_present"]]
        .sum()
        .assign(term="All terms", owner=None, unit=None, quantity=None)
    )
    rows = (
        pd.concat(
            [
                part
                for g in dict.fromkeys(summed["group"])
                for part in (summed[summed["group"] == g].astype(object), totals[totals["group"] == g].astype(object))
            ],
            ignore_index=True,
        )
        if len(summed)
        else summed
    )
    rows = rows[["group", "term", "owner", "quantity", "unit", "usd", "usd_present"]]
    marked = frozenset(int(i) for i in rows.index[rows["term"] == "All terms"])
    labels = {
        "group": "Kind",
        "owner": "Of",
        "quantity": "Amount",
        "unit": "Unit of the amount",
        "usd": "Sum over the horizon (USD)",
        "usd_present": "Present value (USD)",
    }
    return Listing(
        "ledger",
        "Cost ledger by term",
        rows,
        "Each term is stated once; the objective is the sum of the present values.",
        labels,
        {"quantity": "number", "usd": "number", "usd_present": "number"},
        marked,
    )


def draw_emissions(reading: Reading) -> list[Figure]:
    """Return emissions by year under each accounting, and the share of load matched hour by hour."""
    table = reading["emissions"]
    if table.empty:
        return []
    years = table.groupby(["year", "measure"], as_index=False)["value"].sum()
    wide = years.pivot_table(index="year", columns="measure", values="value", aggfunc="sum").fillna(0.0)
    figures = []
    names = {"direct": "Direct", "location": "Direct and grid, location-based", "lifecycle": "Life cycle"}
    kept = [m for m in names if m in wide]
    if kept:
        rows = (
            wide[kept].rename(columns={m: names[m] for m in kept}).reset_index().rename(columns={"year": "plan_year"})
        )
        rows.columns = [str(c) for c in rows.columns]
        shown = [names[m] for m in kept]
        layers = [
            {"transform": [{"fold": shown, "as": ["measure", "tco2"]}, {"calculate": "datum.tco2 / 1e6", "as": "mt"}],
             "mark": {"type": "line", "point": {"size": 26}, "strokeWidth": 2.2},
             "encoding": {"x": {"field": "plan_year", "type": "ordinal", "axis": {"title": "plan year", "labelAngle": 0}}, "y": {"field": "mt", "type": "quantitative", "axis": {"title": "million tCO₂ a year", "tickCount": 5}},
                          "color": {"field": "measure", "type": "nominal", "scale": {"domain": shown, "range": [INK, SECOND, "#6d8f5e"][: len(shown)]}, "legend": {"title": None, "orient": "top", "columns": 2, "symbolType": "stroke", "symbolStrokeWidth": 3, "labelLimit": 220}}}}
        ]  # fmt: skip
        total = float(wide[kept].sum().get("location", wide[kept[0]].sum()))
        title = (
            f"{amounts.format_tco2(total)} over the horizon, location-based"
            if "location" in kept
            else f"{amounts.format_tco2(total)} over the horizon"
        )
        alt = f"Emissions by plan year. {title}."
        labels = {n: f"{n} (tCO2)" for n in shown} | {"plan_year": "Plan year"}
        figures.append(
            Figure(
                "emissions",
                title,
                "Emission by plan year. Location-based: the grid's own average factor.",
                alt,
                make_spec(rows, height=240, layers=layers, alt=alt),
                Listing("emissions-rows", "Emissions by year", rows, labels=labels),
                "half",
                "B",
            )
        )
    if "matched" in wide and "load" in wide:
        rows = pd.DataFrame(
            {"plan_year": wide.index, "matched_mwh": wide["matched"].to_numpy(), "load_mwh": wide["load"].to_numpy()}
        )
        rows["matched_frac"] = [
            m / load if load > 0 else None for m, load in zip(rows["matched_mwh"], rows["load_mwh"], strict=True)
        ]
        rows["matched_frac"] = rows["matched_frac"].astype(float)
        layers = [
            {"mark": {"type": "bar", "color": "#6d8f5e", "width": {"band": 0.7}},
             "encoding": {"x": {"field": "plan_year", "type": "ordinal", "axis": {"title": "plan year", "labelAngle": 0}}, "y": {"field": "matched_frac", "type": "quantitative", "scale": {"domain": [0, 1]}, "axis": {"title": "share of load", "format": ".0%", "tickCount": 5}}}}
        ]  # fmt: skip
        overall = float(rows["matched_mwh"].sum() / max(rows["load_mwh"].sum(), 1e-9))
        title = f"{amounts.format_odds(overall)} of load matched hour by hour with clean supply"
        figures.append(
            Figure(
                "matching",
                title,
                "In every hour no more than the load counts; only owned or contracted clean supply; a store creates none.",
                title,
                make_spec(rows, height=240, layers=layers, alt=title),
                Listing(
                    "matching-rows",
                    "Hourly matching",
                    rows,
                    labels={
                        "plan_year": "Plan year",
                        "matched_mwh": "Matched (MWh)",
                        "load_mwh": "Load (MWh)",
                        "matched_frac": "Matched (%)",
                    },
                ),
                "half",
                "B",
            )
        )
    return figures


def draw_delays(reading: Reading) -> Figure | None:
    """Return what one month of delay of each option, gate or step would cost."""
    values = reading["values"]
    rows = values[values["what"].isin(["one_month_later"]) & (values["unit"] == "USD") & (values["value"].abs() > 0)]
    if rows.empty:
        return None
    rows = rows.sort_values("value", ascending=False, kind="stable").head(15)
    rows = pd.DataFrame({"owner": [reading.name(o) for o in rows["owner"]], "usd": rows["value"].to_numpy()})
    x = {
        "field": "m",
        "type": "quantitative",
        "axis": {"title": "million USD for one month", "grid": True, "tickCount": 6},
    }
    y = {"field": "owner", "type": "nominal", "sort": None, "title": None, "axis": {"labelColor": INK}}
    layers = [
        {"mark": {"type": "bar", "height": 13, "color": ACCENT}, "encoding": {"x": x, "y": y}},
        {
            "mark": {"type": "text", "align": "left", "dx": 5},
            "encoding": {"x": x, "y": y, "text": {"field": "m", "format": ",.3~r"}},
        },
    ]
    title = f"A month lost on {rows['owner'].iloc[0]} costs {amounts.format_usd(rows['usd'].iloc[0])}"
    alt = f"Cost of one month of delay by what is late. {title}."
    return Figure("delays", title, "Change of the plan's cost, cash and shadow, if this lead time is one month longer and everything else is planned again.", alt,
                  make_spec(rows, height=24 * len(rows) + 50, layers=layers, alt=alt, transform=[{"calculate": "datum.usd / 1e6", "as": "m"}]),
                  Listing("delays-rows", "Cost of a month", rows, labels={"owner": "What is late", "usd": "Cost of one month (USD)"}), "full", "C")  # fmt: skip


def draw_worths(reading: Reading) -> list[Figure]:
    """Return, for each kind of value that the study gives by period, its course by owner."""
    values = reading["values"].dropna(subset=["period_on", "value"])
    figures = []
    for what, unit in dict.fromkeys(zip(values["what"], values["unit"], strict=True)):
        part = values[(values["what"] == what) & (values["unit"] == unit)]
        top = (
            part.groupby("owner", dropna=False)["value"]
            .apply(lambda s: float(s.abs().sum()))
            .sort_values(ascending=False, kind="stable")
            .index[:6]
        )
        wide = (
            part[part["owner"].isin(list(top))]
            .pivot_table(index="period_on", columns="owner", values="value", aggfunc="sum")
            .fillna(0.0)
        )
        if wide.empty or len(wide) < 2:
            continue
        names = {o: safe_field(reading.name(o)) for o in top if o in wide}
        rows = wide[list(names)].rename(columns=names).reset_index()
        rows.columns = [str(c) for c in rows.columns]
        shown = list(names.values())
        layers = [
            {"transform": [{"fold": shown, "as": ["series", "worth"]}], "mark": {"type": "line", "interpolate": "step-after"},
             "encoding": {"x": {"field": "period_on", "type": "temporal", "scale": {"type": "utc"}, "axis": {"title": None, "format": "%Y"}},
                          "y": {"field": "worth", "type": "quantitative", "axis": {"title": unit, "format": "~s", "tickCount": 5}},
                          "color": {"field": "series", "type": "nominal", "scale": {"domain": shown, "range": [reading.colours.get(o, c) for o, c in zip(names, spread_colours(shown).values(), strict=True)]}, "legend": {"title": None, "orient": "top", "columns": 2, "symbolType": "stroke", "symbolStrokeWidth": 3}}}}
        ]  # fmt: skip
        label = WHAT.get(what, amounts.spell_key(what))
        alt = f"{label} by period, {unit}, for {amounts.join_words(shown)}."
        figures.append(Figure(f"worth-{what}".replace("_", "-").replace(" ", "-"), label, f"By period, {unit}; the {len(shown)} largest.", alt, make_spec(rows, height=230, layers=layers, alt=alt),
                              Listing(f"worth-{what}-rows".replace("_", "-").replace(" ", "-"), label, rows, labels={n: f"{n} ({unit})" for n in shown}), "half"))  # fmt: skip
    return figures


def list_values(reading: Reading) -> Listing | None:
    """Return all values that hold for the whole horizon."""
    values = reading["values"]
    rows = values[values["period_on"].isna()]
    if rows.empty:
        return None
    rows = pd.DataFrame(
        {
            "what": [WHAT.get(w, amounts.spell_key(str(w))) for w in rows["what"]],
            "owner": [reading.name(o) for o in rows["owner"]],
            "value": rows["value"].to_numpy(),
            "unit": rows["unit"].to_numpy(),
        }
    )
    return Listing(
        "values",
        "Values over the horizon",
        rows,
        "Shadow prices: how the plan's cost would change.",
        {"what": "Value", "owner": "Of", "value": "Amount"},
    )
