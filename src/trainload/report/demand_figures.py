"""What each generation needs, when it gets it, and how its figures follow step by step."""

import pandas as pd

from trainload.report import amounts
from trainload.report.figures import Figure, Listing, make_spec, tip_dates
from trainload.report.palette import ACCENT, ACCENT_SOFT, INK, WARN
from trainload.report.reading import Reading


def list_generations(reading: Reading) -> Listing:
    """Return power, chips, energy and dates of each generation."""
    generations = reading["generations"]
    columns = ["name", "wanted_on", "flop", "chip", "chips", "facility_peak_mw", "facility_average_mw", "energy_mwh", "days", "utilisation_frac",
               "goodput_frac", "powered_on", "finish_on", "delay_days", "cost_usd", "tco2"]  # fmt: skip
    labels = {
        "name": "Generation",
        "chips": "Chips (count)",
        "cost_usd": "Chips and power of the run (USD)",
        "tco2": "Emission, grid average (tCO2)",
    }
    return Listing("generations", "Generations", generations[columns], labels=labels)


def draw_generations(reading: Reading) -> Figure | None:
    """Return when each generation trains, as powered and as it would with power in time."""
    rows = reading["generations"][
        ["name", "wanted_on", "powered_on", "finish_on", "finish_unconstrained_on", "delay_days", "facility_peak_mw"]
    ].dropna(subset=["wanted_on"])
    if rows.empty:
        return None
    rows = rows.reset_index(drop=True)
    late = rows["delay_days"].fillna(0)
    worst = rows.loc[late.idxmax()]
    if late.max() >= 1:
        title = (
            f"{worst['name']} loses most: {amounts.round_digits(float(late.max()))} days later than with power in time"
        )
    elif rows["finish_on"].notna().all():
        title = "Every generation finishes as if power had been there in time"
    else:
        title = "Not every generation finishes within the horizon"
    y = {
        "field": "name",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"labelFontWeight": 600, "labelColor": INK},
    }

    def x(column: str) -> dict[str, object]:
        return {
            "field": column,
            "type": "temporal",
            "scale": {"type": "utc"},
            "axis": {"title": None, "format": "%Y", "grid": True},
        }

    tooltip = [
        {"field": f, "type": "nominal", "title": t}
        for f, t in (("name", "generation"), ("wanted_on_text", "wanted"), ("powered_on_text", "powered"), ("finish_on_text", "finished"),
                     ("finish_unconstrained_on_text", "finished, if powered in time"), ("delay_days", "delay, days"))
    ]  # fmt: skip
    layers = [
        {"mark": {"type": "bar", "height": 8, "yOffset": -9, "color": ACCENT_SOFT}, "encoding": {"x": x("wanted_on"), "x2": {"field": "finish_unconstrained_on"}, "y": y, "tooltip": tooltip}},
        {"transform": [{"filter": "isValid(datum.powered_on) && isValid(datum.finish_on)"}], "mark": {"type": "bar", "height": 14, "yOffset": 5, "color": ACCENT},
         "encoding": {"x": x("powered_on"), "x2": {"field": "finish_on"}, "y": y, "tooltip": tooltip}},
        {"transform": [{"filter": "datum.delay_days >= 1 && isValid(datum.finish_on)"}, {"calculate": "'+' + format(datum.delay_days, ',.0f') + ' days'", "as": "late"}],
         "mark": {"type": "text", "align": "left", "dx": 7, "dy": 5, "color": WARN, "fontWeight": 600}, "encoding": {"x": x("finish_on"), "y": y, "text": {"field": "late"}}},
        {"transform": [{"calculate": "datum.facility_peak_mw >= 1000 ? format(datum.facility_peak_mw/1000, '.3~g') + ' GW' : format(datum.facility_peak_mw, '.3~g') + ' MW'", "as": "size"}],
         "mark": {"type": "text", "align": "right", "dx": -7, "dy": -3}, "encoding": {"x": x("wanted_on"), "y": y, "text": {"field": "size"}}},
    ]  # fmt: skip
    alt = f"Training time of {len(rows)} generations. {title}."
    transforms = tip_dates("wanted_on", "powered_on", "finish_on", "finish_unconstrained_on")
    return Figure(
        key="generation-dates",
        title=title,
        caption="Light bar: training with power from the wanted day; dark bar: as powered by the plan. The number on the left is the facility peak.",
        alt=alt,
        spec=make_spec(rows, height=max(110, 52 * len(rows) + 30), layers=layers, alt=alt, transform=transforms),
        listing=Listing("generation-dates-rows", "Dates of the generations", rows, labels={"name": "Generation"}),
        grade="C",
    )


def list_derivations(reading: Reading) -> list[Listing]:
    """Return one listing a generation: every step from compute to MW, with formula, grade and source."""
    derivation = reading["derivation"]
    found = []
    for index, name in enumerate(dict.fromkeys(derivation["generation"])):
        rows = derivation[derivation["generation"] == name].drop(columns="generation").reset_index(drop=True)
        rows["value"] = [_round_text(v) for v in rows["value"]]
        labels = {"step": "Quantity", "value": "Value", "formula": "How it follows"}
        found.append(
            Listing(f"derivation-{index + 1}", f"{name}: from compute to power", rows, labels=labels, folded=True)
        )
    return found


def _round_text(value: object) -> object:
    """Return a number as people read it; text as it stands."""
    if amounts.is_missing(value):
        return None
    number = pd.to_numeric(pd.Series([value]), errors="coerce").iloc[0]
    if pd.isna(number):
        return value
    if abs(number) >= 1e12:
        mantissa, exponent = f"{number:.3g}".split("e") if "e" in f"{number:.3g}" else (f"{number:.3g}", "0")
        return f"{mantissa} × 10^{int(exponent)}"
    return amounts.round_digits(float(number), 4)
