"""What it emits, year by year, and how much of the load is matched hour by hour with clean supply."""

from collections.abc import Mapping

import pandas as pd

from trainload.report import amounts
from trainload.report.figures import Figure, Listing
from trainload.report.marks import amount, field, frame, legend_colours, lookup, paint
from trainload.report.palette import INK
from trainload.report.reading import Reading

STACKED: Mapping[str, tuple[str, str]] = {
    "location": ("Grid power, location-based", "#8494a8"),
    "direct": ("On site, direct", "#a85522"),
}
_LIFECYCLE, _TONNES = "Life cycle", "million tCO₂ a year"
_YEAR = {"field": "plan_year", "type": "ordinal", "axis": {"title": "plan year", "labelAngle": 0}}


def draw_emissions(reading: Reading) -> list[Figure]:
    """Return emissions by year, and the share of load matched where the study has it."""
    table = reading["emissions"]
    if table.empty:
        return []
    wide = table.pivot_table(index="year", columns="measure", values="value", aggfunc="sum")
    wide = wide.reindex(range(1, int(table["year"].max()) + 1)).fillna(0.0)
    grade = amounts.worst_grade(reading["options"].loc[reading["options"]["chosen_mw"] > 0, "grade_cost"])
    found = [_draw_tonnes(wide, grade), _draw_matching(wide, grade)]
    return [figure for figure in found if figure is not None]


def _draw_tonnes(wide: pd.DataFrame, grade: str) -> Figure | None:
    stacked = [m for m in STACKED if m in wide]
    if not stacked:
        return None
    rows = pd.DataFrame({"plan_year": wide.index})
    for measure in stacked:
        rows[STACKED[measure][0]] = wide[measure].round(1).to_numpy()
    names = {STACKED[m][0]: STACKED[m][1] for m in stacked}
    stack = paint(
        "bar",
        {"width": {"band": 0.7}},
        fold=(list(names), "measure", "tco2"),
        make={"mt": "datum.tco2 / 1e6", "level": lookup(names, "measure")},
        x=_YEAR,
        y=amount("mt", _TONNES, ticks=5, stack="zero"),
        order=field("level", "quantitative", sort="ascending"),
        color=legend_colours("measure", names, orient="top"),
    )
    layers, caption = [stack], "Bars: stack emission on site, and grid power at the grid's own average factor."
    if "lifecycle" in wide:
        rows[_LIFECYCLE] = wide["lifecycle"].round(1).to_numpy()
        style = {"color": INK, "filled": True, "size": 34, "shape": "diamond"}
        layers.append(
            paint("point", style, make={"all": f"datum['{_LIFECYCLE}'] / 1e6"}, x=_YEAR, y=amount("all", _TONNES))
        )
        caption += " Diamond: life cycle, which includes fuel supply and construction."
    total = float(wide[stacked].sum().sum())
    title = f"{amounts.format_tco2(total)} over the horizon, on site and location-based"
    labels = {n: f"{n} (tCO₂)" for n in [*names, _LIFECYCLE]}
    return Figure(
        key="emissions-chart",
        title=title,
        caption=caption,
        alt=f"Emissions by plan year. {title}.",
        spec=frame(rows, height=250, layers=layers, alt=title),
        listing=Listing("emissions-rows", "Emissions by year", rows, labels=labels),
        width="half",
        grade=grade,
    )


def _draw_matching(wide: pd.DataFrame, grade: str) -> Figure | None:
    if "matched" not in wide or "load" not in wide or wide["load"].sum() <= 0:
        return None
    rows = pd.DataFrame(
        {"plan_year": wide.index, "matched_mwh": wide["matched"].to_numpy(), "load_mwh": wide["load"].to_numpy()}
    )
    rows["matched_frac"] = (rows["matched_mwh"] / rows["load_mwh"].where(rows["load_mwh"] > 0)).astype(float)
    y = amount("matched_frac", "share of load", pattern=".0%", ticks=5, scale={"domain": [0, 1]})
    bars = paint("bar", {"color": "#6d8f5e", "width": {"band": 0.7}}, where="isValid(datum.matched_frac)", x=_YEAR, y=y)
    share = float(rows["matched_mwh"].sum() / rows["load_mwh"].sum())
    title = f"{share:.0%} of load matched hour by hour with clean supply"
    return Figure(
        key="matching",
        title=title,
        caption=(
            "In every hour no more than the load counts; only owned or contracted clean supply counts; a store "
            "creates none."
        ),
        alt=f"Share of load matched, by plan year. {title}.",
        spec=frame(rows, height=250, layers=[bars], alt=title),
        listing=Listing(
            "matching-rows",
            "Hourly matching",
            rows,
            labels={"matched_mwh": "Matched (MWh)", "load_mwh": "Load (MWh)", "matched_frac": "Matched (%)"},
        ),
        width="half",
        grade=grade,
    )
