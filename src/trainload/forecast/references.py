"""What a forecast is shown beside: the article's own arithmetic, and places of like average load."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from trainload.forecast.runs import decimal_year, hide_later

# Llama 3.1 405B under two definitions: 1,810 W a GPU at facility peak, 1,381 W rated (chip TDP x 1.82 x PUE).
FACILITY_PEAK_PER_RATED = 1810 / 1381
# The same run: 1,050 W a GPU on average (measured node x PUE) over 1,810 W at facility peak.
AVERAGE_PER_FACILITY_PEAK = 1050 / 1810

# The article's arithmetic: Llama gaps of 5 and 9 months (mean 7), GPT-3 to GPT-4 33, three generations to 5 GW.
ARTICLE_ON = date(2024, 10, 21)
ARTICLE_GENERATIONS = 3
ARTICLE_GAPS_MONTHS = (33.0, 20.0, 7.0)  # slow, mean, fast
ARTICLE_GOAL_MW = 5000.0


def follow_article(rows: pd.DataFrame, as_of: date, years: tuple[int, ...]) -> pd.DataFrame | None:
    """Return the article's own arithmetic from the record of its day to 5 GW; no odds, because it gives none.

    Three generations of 20 months (the mean of 7 and 33) are its five years; 33 and 7 months stand as slow and fast.
    """
    before = hide_later(rows, ARTICLE_ON)["rated_facility_mw"].dropna()
    if as_of < ARTICLE_ON or before.empty:
        return None
    start = np.log10(before.max() * FACILITY_PEAK_PER_RATED)
    frame = pd.DataFrame({"target": "record_run", "model": "article", "year": list(years)})
    elapsed_months = np.array([12 * (year + 1.0 - decimal_year(ARTICLE_ON)) for year in years])
    for name, gap in zip(("p10_mw", "p50_mw", "p90_mw"), ARTICLE_GAPS_MONTHS, strict=True):
        share = np.clip(elapsed_months / (ARTICLE_GENERATIONS * gap), 0.0, 1.0)
        frame[name] = 10 ** (start + share * (np.log10(ARTICLE_GOAL_MW) - start))
    for name in ("p25_mw", "p75_mw", "p_ge_1gw", "p_ge_5gw"):
        frame[name] = np.nan
    return frame


def find_nearest_city(average_mw: float, cities: pd.DataFrame) -> "pd.Series[Any]":
    """Return the place whose average load is nearest to this average, in ratio."""
    distance = np.abs(np.log(cities["average_mw"].to_numpy(float)) - np.log(average_mw))
    return cities.iloc[int(np.argmin(distance))]


def compare_with_cities(table: pd.DataFrame, cities: pd.DataFrame) -> pd.DataFrame:
    """Return the median record run of each year, and 1 and 5 GW, beside the place of nearest average load.

    Average is compared with average: a run averages 1,050 / 1,810 of its facility peak.
    """
    main = table[(table["target"] == "record_run") & (table["model"] == "trainload")]
    what = [(f"median record run {int(y)}", mw) for y, mw in zip(main["year"], main["p50_mw"], strict=True)]
    rows = []
    for label, peak_mw in [*what, ("1 GW", 1000.0), ("5 GW", 5000.0)]:
        average_mw = peak_mw * AVERAGE_PER_FACILITY_PEAK
        city = find_nearest_city(average_mw, cities)
        rows.append(
            {
                "what": label,
                "facility_peak_mw": peak_mw,
                "facility_average_mw": average_mw,
                "city": city["city"],
                "city_average_mw": city["average_mw"],
                "times_city_frac": average_mw / float(city["average_mw"]),
                "year": city["year"],
                "grade": city["grade"],
                "source": city["source"],
            }
        )
    return pd.DataFrame(rows)
