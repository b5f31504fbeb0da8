"""What more would be worth: a month, a megawatt, a megawatt-hour, a tonne."""

from collections.abc import Mapping
from datetime import date

import pandas as pd

from trainload.report import amounts
from trainload.report.figures import Figure, Listing, safe_field, safe_key
from trainload.report.marks import amount, field, frame, legend_colours, moment, named_rows, paint
from trainload.report.palette import ACCENT, spread_colours
from trainload.report.reading import Reading, list_rows

WHAT: Mapping[str, str] = {
    "one_month_later": "Cost of one month of delay",
    "one_month_earlier": "Worth of one month earlier",
    "one_more_mw": "Worth of one more MW",
    "hourly_power": "Cost of one more MWh",
    "clean": "Cost of one more MWh matched",
    "co2": "Cost of one tonne less",
}
_ONE_SERIES = frozenset({"hourly_power", "clean", "co2"})
MAX_SERIES, MAX_BARS = 6, 14


def draw_delays(reading: Reading) -> Figure | None:
    """Return what one month of delay of each order would cost."""
    values = reading["values"]
    found = values[(values["what"] == "one_month_later") & (values["unit"] == "USD") & (values["value"].abs() > 0)]
    if found.empty:
        return None
    found = found.sort_values("value", ascending=False, kind="stable").head(MAX_BARS)
    rows = pd.DataFrame(
        {
            "label": [_name_delay(reading, v["owner"], v["period_on"]) for v in list_rows(found)],
            "usd": found["value"].to_numpy(dtype=float),
        }
    )
    x, y = amount("m", "million USD for one month", grid=True, ticks=6), named_rows("label")
    text = field("m", "quantitative", format=",.3~r")
    layers = [
        paint("bar", {"height": 13, "color": ACCENT}, x=x, y=y),
        paint("text", {"align": "left", "dx": 5}, x=x, y=y, text=text),
    ]
    title = f"A month lost on {rows['label'].iloc[0]}, costs {amounts.format_usd(rows['usd'].iloc[0])}"
    caption = (
        "Value of the compute that the power of an order would carry for one month, at the scenario's price "
        "of programme delay; "
        "undiscounted, other orders unchanged. The month is that of the planned arrival."
    )
    return Figure(
        key="delays",
        title=title,
        caption=caption,
        alt=f"Cost of one month of delay by order. {title}.",
        spec=frame(rows, height=24 * len(rows) + 50, layers=layers, alt=title, make={"m": "datum.usd / 1e6"}),
        listing=Listing(
            "delays-rows", "Cost of a month", rows, labels={"label": "What is late", "usd": "Cost of one month (USD)"}
        ),
        grade="C",
    )


def _name_delay(reading: Reading, owner: str, period_on: object) -> str:
    when = "" if amounts.is_missing(period_on) else f", due {amounts.format_month(period_on)}"
    return reading.name(owner) + when


def draw_worths(reading: Reading) -> list[Figure]:
    """Return, for each kind of value that the study gives by period, its course."""
    values = reading["values"].dropna(subset=["period_on", "value"])
    values = values[values["what"] != "one_month_later"]
    figures = []
    for what, unit in dict.fromkeys(zip(values["what"], values["unit"], strict=True)):
        part = values[(values["what"] == what) & (values["unit"] == unit)]
        if part["period_on"].nunique() > 1:
            figures.append(_draw_worth(reading, part, what, unit))
    return figures


def _draw_worth(reading: Reading, part: pd.DataFrame, what: str, unit: str) -> Figure:
    label = WHAT.get(what, amounts.spell_key(what))
    if what in _ONE_SERIES:
        wide = _weigh_blocks(reading, part)
        names = {"value": safe_field(label)}
        colours = {names["value"]: ACCENT}
    else:
        sizes = part["value"].abs().groupby(part["owner"]).sum().sort_values(ascending=False, kind="stable")
        wide = part.pivot_table(index="period_on", columns="owner", values="value", aggfunc="mean")
        wide = wide.reindex(_span(reading, list(wide.index))).fillna(0.0)  # a limit without a row is worth nothing
        names = {o: safe_field(reading.name(o)) for o in sizes.index[:MAX_SERIES]}
        spare = spread_colours(names.values())
        colours = {n: reading.colours.get(o, spare[n]) for o, n in names.items()}
    rows = wide[list(names)].rename(columns=names).reset_index(names="period_on")
    rows.columns = [str(c) for c in rows.columns]
    colour = legend_colours("series", colours, orient="top", symbol="stroke")
    if len(colours) == 1:
        colour["legend"] = None
    line = paint(
        "line",
        {"interpolate": "step-after"},
        fold=(list(colours), "series", "worth"),
        x=moment("period_on", grid=False),
        y=amount("worth", unit, pattern="~s" if part["value"].abs().max() >= 1e4 else "", ticks=5),
        color=colour,
    )
    owners = (
        f" Of {len(part['owner'].unique())} limits the {len(names)} that are worth most."
        if len(names) >= MAX_SERIES
        else ""
    )
    title = label if what in _ONE_SERIES else f"{label}: most for {next(iter(colours))}"
    key = f"worth-{safe_key(what)}"
    return Figure(
        key=key,
        title=title,
        caption=f"By period, {unit}; a shadow price of the plan.{owners}",
        alt=f"{label} by period, {unit}.",
        spec=frame(rows, height=220, layers=[line], alt=title),
        listing=Listing(
            f"{key}-rows", label, rows, labels={n: f"{n} ({unit})" for n in colours} | {"period_on": "From"}
        ),
        width="half",
        grade="C",
    )


def _weigh_blocks(reading: Reading, part: pd.DataFrame) -> pd.DataFrame:
    """Return the mean value of each period, blocks counted with the hours they stand for."""
    hours = reading["operation"].groupby("block")["weight_hours"].sum()
    weight = part["owner"].map(hours).fillna(1.0).astype(float)
    sums = (part["value"] * weight).groupby(part["period_on"]).sum() / weight.groupby(part["period_on"]).sum()
    return sums.to_frame("value")


def _span(reading: Reading, days: list[date]) -> list[date]:
    """Return the periods from the first of these days to the one after the last."""
    periods = [p for p in reading["periods"]["period_on"] if p >= min(days)]
    after = [p for p in periods if p > max(days)]
    return sorted({*days, *(p for p in periods if p <= max(days)), *after[:1]})


def list_values(reading: Reading) -> Listing | None:
    """Return the values that hold for the whole horizon or for one period only."""
    values = reading["values"]
    values = values[values["what"] != "one_month_later"]
    counts = values.groupby("what")["period_on"].nunique()
    single = values[values["what"].isin(counts[counts < 2].index)]
    if single.empty:
        return None
    rows = pd.DataFrame(
        {
            "what": [WHAT.get(w, amounts.spell_key(w)) for w in single["what"]],
            "owner": [reading.name(o) for o in single["owner"]],
            "period_on": list(single["period_on"]),
            "value": single["value"].to_numpy(),
            "unit": single["unit"].to_numpy(),
        }
    )
    labels = {"what": "Value", "owner": "Of", "value": "Amount", "period_on": "From"}
    return Listing("values-rows", "Other values", rows, "Shadow prices: how the plan's cost would change.", labels)
