"""What each generation needs, when it gets it, and how its figures follow step by step."""

import pandas as pd

from trainload.report import amounts
from trainload.report.figures import Figure, Listing
from trainload.report.marks import end, field, frame, moment, named_rows, paint, tip, write_days
from trainload.report.palette import ACCENT, ACCENT_SOFT, WARN
from trainload.report.reading import Reading, list_rows


def draw_generations(reading: Reading) -> Figure | None:
    """Return when each generation trains, as powered and as it would with power in time."""
    columns = [
        "name",
        "facility_peak_mw",
        "wanted_on",
        "powered_on",
        "start_on",
        "finish_on",
        "finish_unconstrained_on",
        "delay_days",
    ]
    rows = reading["generations"][columns].dropna(subset=["wanted_on"]).reset_index(drop=True)
    if rows["finish_unconstrained_on"].isna().all():
        return None
    sizes = [amounts.format_power(mw) for mw in rows["facility_peak_mw"]]
    rows.insert(0, "label", [f"{n}, {s}" for n, s in zip(rows["name"], sizes, strict=True)])
    y = named_rows("label", labelFontWeight=600)
    tooltip = tip(
        ("name", "generation"),
        ("wanted_on_text", "wanted"),
        ("start_on_text", "trains from"),
        ("powered_on_text", "all its power"),
        ("finish_on_text", "finished"),
        ("finish_unconstrained_on_text", "finished, if powered in time"),
        ("delay_days", "delay, days", ",.0f"),
    )
    free, trained = {"height": 8, "yOffset": -9, "color": ACCENT_SOFT}, {"height": 14, "yOffset": 5, "color": ACCENT}
    full = {"orient": "vertical", "size": 14, "thickness": 2, "yOffset": 5, "color": "white"}
    late = {"align": "left", "dx": 7, "dy": 5, "color": WARN, "fontWeight": 600}
    span, real = "isValid(datum.finish_unconstrained_on)", "isValid(datum.start_on) && isValid(datum.finish_on)"
    start, finish = moment("wanted_on", padding=12), moment("finish_on", padding=12)
    layers = [paint("bar", free, where=span, x=start, x2=end("finish_unconstrained_on"), y=y, tooltip=tooltip)]
    if (rows["start_on"].notna() & rows["finish_on"].notna()).any():
        layers.append(
            paint("bar", trained, where=real, x=moment("start_on"), x2=end("finish_on"), y=y, tooltip=tooltip)
        )
        while_training = "datum.start_on < datum.powered_on && datum.powered_on < datum.finish_on"
        if ((rows["start_on"] < rows["powered_on"]) & (rows["powered_on"] < rows["finish_on"])).any():
            layers.append(paint("tick", full, where=while_training, x=moment("powered_on"), y=y, tooltip=tooltip))
    if ((rows["delay_days"] >= 1) & rows["finish_on"].notna()).any():
        behind = "datum.delay_days >= 1 && isValid(datum.finish_on)"
        layers.append(paint("text", late, where=behind, x=finish, y=y, text=field("late")))
    make = write_days("wanted_on", "powered_on", "start_on", "finish_on", "finish_unconstrained_on")
    make["late"] = "'+' + format(datum.delay_days, ',.0f') + ' days'"
    title = _state_delay(rows)
    return Figure(
        key="generation-dates",
        title=title,
        caption=(
            "Light bar: training with power from the wanted day on; dark bar: as powered by the plan, with part of its "
            "power up to the white line. Sizes are facility peaks."
        ),
        alt=f"Training time of {len(rows)} generations. {title}.",
        spec=frame(rows, height=max(110, 50 * len(rows) + 20), layers=layers, alt=title, make=make),
        listing=Listing(
            "generation-dates-rows", "Dates of the generations", rows.copy(), labels={"label": "Generation"}
        ),
        grade=amounts.worst_grade(reading["derivation"]["grade"]) or "C",
    )


def _state_delay(rows: pd.DataFrame) -> str:
    delays = rows["delay_days"].fillna(-1.0)
    missing = list(rows.loc[rows["finish_on"].isna(), "name"])
    if delays.max() >= 1:
        worst = max(list_rows(rows), key=lambda r: r["delay_days"] if r["delay_days"] >= 0 else -1.0)
        title = (
            f"{worst['name']} finishes {amounts.round_digits(float(delays.max()))} days later than with power in time"
        )
        return title + (f"; {amounts.join_words(missing)} not within the horizon" if missing else "")
    if missing:
        return f"{amounts.join_words(missing)}: not finished within the horizon"
    return "Every generation finishes as if its power had been there in time"


def list_generations(reading: Reading) -> Listing | None:
    """Return power, chips, energy and dates of each generation."""
    columns = [
        "name",
        "wanted_on",
        "start_on",
        "powered_on",
        "finish_on",
        "delay_days",
        "flop",
        "chip",
        "chips",
        "facility_peak_mw",
        "facility_average_mw",
        "it_peak_mw",
        "energy_mwh",
        "days",
        "utilisation_frac",
        "goodput_frac",
        "cost_usd",
        "tco2",
    ]
    rows = reading["generations"][columns].round({"delay_days": 1})  # a solver's rounding is no delay
    if rows.empty:
        return None
    labels = {
        "name": "Generation",
        "flop": "Compute (FLOP)",
        "chips": "Chips (count)",
        "cost_usd": "Chips and power (USD)",
        "tco2": "Emission, grid average (tCO₂)",
    }
    return Listing(
        "generations-rows", "Power, chips, energy and dates", rows, labels=labels, kinds={"cost_usd": "million"}
    )


def list_derivations(reading: Reading) -> list[Listing]:
    """Return one listing a generation: every step from compute to MW, with formula, grade and source."""
    derivation = reading["derivation"]
    labels = {"step": "Quantity", "value": "Value", "formula": "How it follows"}
    found = []
    for index, name in enumerate(dict.fromkeys(derivation["generation"])):
        rows = derivation[derivation["generation"] == name].drop(columns="generation").reset_index(drop=True)
        title = f"{name}: from compute to power, step by step"
        found.append(Listing(f"derivation-{index + 1}", title, rows, labels=labels, folded=True))
    return found
