"""The registered unit suffixes: one unit per quantity inside the package, spelt in the name of every physical float."""

from collections.abc import Mapping
from types import MappingProxyType

SUFFIXES: Mapping[str, str] = MappingProxyType(
    {
        "_mw": "MW",
        "_mwh": "MWh",
        "_w": "W",
        "_usd": "USD",
        "_usd_per_mw": "USD/MW",
        "_usd_per_mw_year": "USD/MW/year",
        "_usd_per_mw_month": "USD/MW/month",
        "_usd_per_mwh": "USD/MWh",
        "_usd_per_mmbtu": "USD/MMBtu",
        "_usd_per_tco2": "USD/tCO2",
        "_usd_per_mile": "USD/mile",
        "_mmbtu_per_mwh": "MMBtu/MWh (higher heating value)",
        "_tco2": "tCO2",
        "_tco2_per_mwh": "tCO2/MWh",
        "_tco2_per_year": "tCO2/year",
        "_seconds": "s",
        "_hours": "h",
        "_days": "days",
        "_months": "months",
        "_years": "years",
        "_hours_per_year": "h/year",
        "_per_year": "1/year",
        "_per_hour": "1/h",
        "_per_minute": "1/min",
        "_flop": "FLOP",
        "_flop_per_s": "FLOP/s",
        "_gb": "GB",
        "_gb_per_s": "GB/s",
        "_mb": "MB",
        "_frac": "fraction",
        "_oom": "orders of magnitude",
        "_deg": "degrees",
        "_c": "°C",
        "_m_per_s": "m/s",
        "_w_per_m2": "W/m²",
        "_miles": "miles",
        "_m": "m",
        "_km": "km",
        "_acres_per_mw": "acres/MW",
    }
)

HOURS_PER_YEAR = 8766.0  # the mean calendar year, 365.25 days; hourly sums use the real calendar instead
HOURS_PER_MONTH = HOURS_PER_YEAR / 12
DAYS_PER_MONTH = 365.25 / 12


def unit_of(name: str) -> str | None:
    """Return the unit that a field's name is or ends in, the longest suffix first; None where it names no unit."""
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if f"_{name}".endswith(suffix):
            return SUFFIXES[suffix]
    if name.startswith("n_"):
        return "count"
    if name.endswith("_on"):
        return "date"
    return None
