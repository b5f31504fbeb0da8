"""What moves an answer most: one bar an input, from its low to its high side, the widest on top."""

import re
from dataclasses import dataclass

import pandas as pd

from trainload.report import amounts
from trainload.report.figures import Figure, Kind, Listing, safe_key
from trainload.report.marks import amount, end, field, frame, named_rows, paint, tip
from trainload.report.palette import ACCENT, ACCENT_SOFT, INK, SOFT_INK
from trainload.report.reading import Reading, list_rows

MAX_BARS = 12
RESULTS = {"facility_peak_mw": "facility peak", "flop": "compute", "days": "length"}
_POWER = "datum.value >= 1000 ? format(datum.value/1000, '~g') + ' GW' : format(datum.value, '~g') + ' MW'"


@dataclass(frozen=True, slots=True)
class _Answer:
    """One result of the table: whose it is, which, and in which unit."""

    key: str
    subject: str
    measure: str
    unit: str

    def write(self, value: float) -> str:
        """Return a value as people read it."""
        if self.unit == "MW":
            return amounts.format_power(value)
        if self.unit == "fraction":
            return amounts.format_odds(value)
        return f"{amounts.round_digits(value)} {self.unit}"


def draw_forecast_drivers(reading: Reading) -> list[Figure]:
    """Return what moves the record run's median and its odds of 1 GW, each as a chart."""
    return [_draw(reading, answer) for answer in _list_answers(reading) if answer.key.startswith("record_run.")]


def draw_generation_drivers(reading: Reading) -> Figure | None:
    """Return what moves the first generation's result."""
    answers = _list_generation_answers(reading)
    return _draw(reading, answers[0]) if answers else None


def list_generation_drivers(reading: Reading) -> list[Listing]:
    """Return what moves the results of the later generations, one folded table each."""
    return [
        _list(reading, answer, folded=True, title=f"What moves {answer.subject}: {answer.measure}")
        for answer in _list_generation_answers(reading)[1:]
    ]


def _list_generation_answers(reading: Reading) -> list[_Answer]:
    return [a for a in _list_answers(reading) if not a.key.startswith("record_run.")]


def _list_answers(reading: Reading) -> list[_Answer]:
    drivers = reading["drivers"]
    found = []
    for key, unit in dict.fromkeys(zip(drivers["result"], drivers["result_unit"], strict=True)):
        name, _, measure = str(key).rpartition(".")
        if name.startswith("record_run."):
            year = name.removeprefix("record_run.")
            subject = f"the largest run by the end of {year}"
            words = "odds of 1 GW" if measure == "p_ge_1gw" else "median power"
        else:
            subject, words = name, RESULTS.get(measure, amounts.spell_key(measure).lower())
        found.append(_Answer(str(key), subject, words, str(unit)))
    return found


def _draw(reading: Reading, answer: _Answer) -> Figure:
    listing = _list(reading, answer, title=f"What moves {answer.subject}: {answer.measure}")
    rows = listing.rows
    mid = float(rows["result_mid"].iloc[0])
    shown = min(len(rows), MAX_BARS)
    pattern = {"fraction": ".0%", "MW": "", "FLOP": ".1e"}.get(answer.unit, "~g")
    title_x = {"fraction": "probability", "MW": "facility peak"}.get(answer.unit, answer.unit)
    x = amount("result_low", title_x, pattern=pattern, ticks=6, grid=True, scale={"zero": False, "padding": 70})
    if answer.unit == "MW":
        x["axis"]["labelExpr"] = _POWER
    elif answer.unit == "FLOP":
        x["axis"]["labelExpr"] = "replace(format(datum.value, '.1e'), 'e+', 'e')"
    y = named_rows("label", list(rows["label"].head(shown)), labelLimit=330)
    tooltip = tip(
        *(("label", "what"), ("low_setting", "low side"), ("low_text", "result there")),
        *(("high_setting", "high side"), ("high_text", "result there"), ("grade", "grade of the range")),
    )
    top = f"indexof({list(rows['label'].head(shown))!r}, datum.label) >= 0" if len(rows) > shown else ""
    both = f"({top}) && " if top else ""
    ahead = rows.head(shown)
    to_low, to_high = ((ahead[f"result_{side}"] - ahead["result_mid"]).abs() for side in ("low", "high"))
    low, high = "isValid(datum.result_low)", "isValid(datum.result_high)"
    reach = f"({high} ? abs(datum.result_high - datum.result_mid) : 0)"
    longer = f"abs(datum.result_low - datum.result_mid) > {reach}"
    layers = [
        paint(
            "bar",
            {"height": 13, "color": colour},
            where=both + there,
            x={**x, "field": column},
            x2=end("result_mid"),
            y=y,
            tooltip=tooltip,
        )
        for column, there, colour, drawn in (  # where both sides lead the same way, the shorter bar lies on the longer
            ("result_low", f"{low} && {longer}", ACCENT_SOFT, to_low > to_high.fillna(0.0)),
            ("result_high", high, ACCENT, to_high.notna()),
            ("result_low", f"{low} && !({longer})", ACCENT_SOFT, to_low <= to_high.fillna(0.0)),
        )
        if drawn.any()  # a layer without rows has no extent
    ]
    for column, text, there in (("left", "left_text", "datum.left_text"), ("right", "right_text", "datum.right_text")):
        side = {"align": "right", "dx": -5} if column == "left" else {"align": "left", "dx": 5}
        style = {**side, "color": SOFT_INK, "fontSize": 10.5, "baseline": "middle"}
        layers.append(paint("text", style, where=both + there, x={**x, "field": column}, y=y, text=field(text)))
    middle = {"datum": mid, "type": "quantitative"}
    layers.append(paint("rule", {"color": INK, "strokeWidth": 1.2}, values=[{}], x=middle))
    title = _state(answer, rows)
    return Figure(
        key=f"drivers-{safe_key(answer.key)}",
        title=title,
        caption=_caption(answer, mid, n_left_out=len(rows) - shown),
        alt=f"Bars of {answer.measure} of {answer.subject} by input, widest first. {title}.",
        spec=frame(rows, height=25 * shown + 40, layers=layers, alt=title, make=_place_texts(answer)),
        listing=listing,
        grade=amounts.worst_grade(rows["grade"]) or "C",
    )


def _list(reading: Reading, answer: _Answer, *, title: str, folded: bool = False) -> Listing:
    drivers = reading["drivers"]
    part = drivers[drivers["result"] == answer.key]
    order = ["label", "low_setting", "result_low", "result_mid", "result_high", "high_setting", "grade", "source"]
    unit = {"fraction": "%"}.get(answer.unit, answer.unit)
    labels = {
        "label": "Input or choice",
        "low_setting": "Low side",
        "high_setting": "High side",
        "result_low": f"Result at the low side ({unit})",
        "result_mid": f"Result of the study ({unit})",
        "result_high": f"Result at the high side ({unit})",
    }
    numbers = ("result_low", "result_mid", "result_high")
    kinds: dict[str, Kind] = dict.fromkeys(numbers, "share") if answer.unit == "fraction" else {}
    caption = "Each input alone, all others as in the study; grade and source are those of the range."
    return Listing(
        f"drivers-{safe_key(answer.key)}-rows",
        title,
        part[order].reset_index(drop=True),
        caption,
        labels,
        kinds,
        folded=folded,
    )


def _place_texts(answer: _Answer) -> dict[str, str]:
    """Return where the sides' names stand, left and right of each bar; of two on one side the outer is named."""
    low = "(isValid(datum.result_low) ? datum.result_low : datum.result_mid)"
    high = "(isValid(datum.result_high) ? datum.result_high : datum.result_mid)"
    write = {
        "MW": "format(X, ',.3~r') + ' MW'",
        "fraction": "format(X, '.0%')",
        "FLOP": "format(X, '.2e') + ' FLOP'",
    }.get(answer.unit, f"format(X, ',.3~r') + ' {answer.unit}'")
    return {
        "left": f"min({low}, {high}, datum.result_mid)",
        "right": f"max({low}, {high}, datum.result_mid)",
        "left_text": "datum.left == datum.result_mid ? '' : "
        "datum.left == datum.result_low ? datum.low_setting : datum.high_setting",
        "right_text": "datum.right == datum.result_mid ? '' : "
        "datum.right == datum.result_high ? datum.high_setting : datum.low_setting",
        **{
            f"{side}_text": f"isValid(datum.result_{side}) ? {write.replace('X', f'datum.result_{side}')} : '–'"
            for side in ("low", "high")
        },
    }


def _state(answer: _Answer, rows: pd.DataFrame) -> str:
    """Return the widest input and how far it moves the answer."""
    widest = list_rows(rows)[0]
    ends = [widest[c] for c in ("result_low", "result_mid", "result_high") if not amounts.is_missing(widest[c])]
    least, most = answer.write(min(ends)), answer.write(max(ends))
    label = re.split("[:,]", str(widest["label"]), maxsplit=1)[0]
    subject = answer.subject[:1].upper() + answer.subject[1:]
    return f"{subject}: {answer.measure} moves from {least} to {most} with one input alone ({label})"


def _caption(answer: _Answer, mid: float, *, n_left_out: int) -> str:
    parts = [
        f"Each input alone from its low side (light) to its high side (dark), all others unchanged; upright line: the "
        f"study's own {answer.measure}, {answer.write(mid)}. Named at the bars' ends: the setting that leads there.",
        "Inputs that move together are not joined, so the bars don't add up.",
    ]
    if answer.key.startswith("record_run."):
        parts.append("Shown for the year in which the odds of 1 GW are nearest to even.")
    elif answer.unit in ("FLOP", "days"):
        parts.append(f"The scenario states the power; what it leaves open is the {answer.measure}.")
    if n_left_out:
        parts.append(f"The {n_left_out} that move it least are in the table only.")
    return " ".join(parts)
