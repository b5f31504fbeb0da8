"""Numbers, dates and odds as people read them: GW and $bn in sentences, MW and plain digits in tables."""

import math
from datetime import date, datetime
from typing import Any

import pandas as pd

MISSING = "–"
MINUS = "\N{MINUS SIGN}"
LEAST_USD, LEAST_AMOUNT = 0.005, 1e-3  # below: the solver's rounding
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_USD_STEPS = ((1e12, "tn"), (1e9, "bn"), (1e6, "m"), (1e3, "k"))


def is_missing(value: Any) -> bool:
    """Return whether there is no value: None, NaN, NaT or an empty text."""
    if value is None or value is pd.NaT or value is pd.NA:
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, float) and math.isnan(value)


def round_digits(value: float, n_digits: int = 3) -> str:
    """Return the number with `n_digits` significant digits or all before the point, thousands set apart."""
    if not math.isfinite(value):
        return "∞" if value > 0 else MISSING if math.isnan(value) else MINUS + "∞"
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude < -4 or magnitude >= 15:
        mantissa, exponent = f"{abs(value):.{n_digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
        text = f"{mantissa} × 10{str(int(exponent)).translate(_RAISED)}"
    else:
        decimals = max(0, n_digits - 1 - magnitude)
        text = f"{abs(value):,.{decimals}f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
    return (MINUS if value < 0 else "") + text


def format_power(mw: Any) -> str:
    """Return MW as people say it: ``640 MW``, ``1.25 GW``."""
    if is_missing(mw):
        return MISSING
    if abs(mw) < LEAST_AMOUNT:
        return "0 MW"
    return f"{round_digits(mw / 1000)} GW" if abs(mw) >= 999.5 else f"{round_digits(mw)} MW"


def format_energy(mwh: Any) -> str:
    """Return MWh as ``MWh``, ``GWh`` or ``TWh``."""
    if is_missing(mwh):
        return MISSING
    for step, unit in ((1e6, "TWh"), (1e3, "GWh")):
        if abs(mwh) >= step:
            return f"{round_digits(mwh / step)} {unit}"
    return f"{round_digits(mwh) if abs(mwh) >= 1.0 else 0} MWh"


def format_usd(usd: Any) -> str:
    """Return constant USD as ``$1.2bn``, ``$38m``."""
    if is_missing(usd):
        return MISSING
    if abs(usd) < LEAST_USD:
        return "$0"
    sign = MINUS if usd < 0 else ""
    for step, name in _USD_STEPS:
        if abs(usd) >= step:
            return f"{sign}${round_digits(abs(usd) / step)}{name}"
    return f"{sign}${round_digits(abs(usd))}"


def format_tco2(tco2: Any) -> str:
    """Return tonnes of CO2 as ``t``, ``kt`` or ``Mt``."""
    if is_missing(tco2):
        return MISSING
    for step, unit in ((1e6, "Mt"), (1e3, "kt")):
        if abs(tco2) >= step:
            return f"{round_digits(tco2 / step)} {unit} CO₂"
    return f"{round_digits(tco2) if abs(tco2) >= 1.0 else 0} t CO₂"


def format_odds(share: Any) -> str:
    """Return a probability as a percentage; never a certainty, which a count of draws can't give."""
    if is_missing(share):
        return MISSING
    if share < 0.01:
        return "<1%"
    if share > 0.99:
        return ">99%"
    return f"{share * 100:.0f}%"


def read_date(value: Any) -> date | None:
    """Return the day that a table or a summary states, or None."""
    if is_missing(value):
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return date.fromisoformat(str(value)[:10])


def format_date(value: Any) -> str:
    """Return ``1 Mar 2029``."""
    day = read_date(value)
    return MISSING if day is None else f"{day.day} {day:%b %Y}"


def format_month(value: Any) -> str:
    """Return ``Mar 2029``."""
    day = read_date(value)
    return MISSING if day is None else f"{day:%b %Y}"


def join_words(words: list[str]) -> str:
    """Return ``a``, ``a and b``, ``a, b and c``."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1] if words else ""


def spell_key(key: str) -> str:
    """Return an id as words: ``grid_firm`` -> ``Grid firm``."""
    words = key.replace("_", " ").replace(".", " ").strip()
    return words[:1].upper() + words[1:]


def worst_grade(grades: pd.Series) -> str:
    """Return the weakest grade among A, B and C, or an empty text where none is given."""
    letters = {str(g).strip()[:1].upper() for g in grades if not is_missing(g)}
    return next((g for g in "CBA" if g in letters), "")
