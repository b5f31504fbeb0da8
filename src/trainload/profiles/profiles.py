"""Hourly series on the real calendar: availability, load shape, price, carbon, and the grid's stress.

Hours are UTC, every hour of the horizon, leap days included. One weather year is laid on the calendar and repeated; the
scenario's own series take the place of what is made here. Where no series exist, price, carbon and stress come from a
shape that follows temperature, hour, weekday and sun: an assumption, and a Note says so. What this stage does not do:
it knows no option, no order and no load in MW.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainload.catalogue.facts import Catalogue, Figure, restate_figure
from trainload.demand.power import cooling_ratio, pue_at
from trainload.errors import DataError, Note, Problem
from trainload.profiles.stress import call_curtailments, level_years, shape_carbon, shape_net_load, shape_price
from trainload.profiles.weather import (
    POWER_CURVE_SOURCE,
    Weather,
    estimate_hub_speed,
    estimate_solar_output,
    estimate_wind_output,
    match_capacity_factor,
    read_weather,
)
from trainload.scenario.models import Scenario, SeriesFile
from trainload.scenario.series import HourlySeries, Quantity, lay_on_calendar, read_series

__all__ = ["Profiles", "build_profiles", "call_curtailments", "list_hours"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Lay = Callable[[Floats], Floats]

FAR_KM = 80.0


@dataclass(frozen=True, slots=True)
class Profiles:
    """Hourly series over the horizon, N hours.

    Attributes:
        hours: UTC starts of the hours.
        availability: by profile, 0-1 per unit of capacity, before forced outages: one, solar, wind, wind_offshore,
            solar_offsite and wind_offsite (for contracts elsewhere), and the scenario's own.
        load_shape: campus load per unit of facility peak: training duty x cooling at the hour's temperature / peak
            ratio; or the scenario's own load over its peak.
        it_share: IT power over campus load.
        price_usd_per_mwh: of grid energy, before delivery charges.
        carbon_tco2_per_mwh: the grid's average.
        marginal_tco2_per_mwh: the grid's margin.
        stress: the grid's net load over its mean; the utility calls interruptible load when it is highest.
        load_peak_mw: peak of the scenario's own load series, None without one.
        figures: catalogue or scenario figure behind each level, such as ``price_mean_usd_per_mwh``.
        sources: where each series comes from.
    """

    hours: pd.DatetimeIndex
    availability: Mapping[str, Floats]
    load_shape: Floats
    it_share: Floats
    price_usd_per_mwh: Floats
    carbon_tco2_per_mwh: Floats
    marginal_tco2_per_mwh: Floats
    temperature_c: Floats
    stress: Floats
    load_peak_mw: float | None
    figures: Mapping[str, Figure]
    sources: Mapping[str, str]
    notes: tuple[Note, ...]

    @property
    def n_hours(self) -> int:
        """Hours of the horizon."""
        return len(self.hours)


def build_profiles(scenario: Scenario, catalogue: Catalogue) -> Profiles:
    """Return every hourly series of a scenario.

    Raises:
        DataError: a weather file or series can't be used, or no such grid region.
    """
    build = _Build(scenario, catalogue)
    folder = Path(scenario.folder or ".")
    site = scenario.site
    weather = read_weather(None if site.weather_file is None else folder / site.weather_file)
    build.notes += weather.notes
    build.note_weather(weather)
    hours = list_hours(scenario.first_order_on, scenario.ends_on)
    local = hours + pd.Timedelta(hours=site.utc_offset_hours)
    year_of_plan = _count_years(hours, scenario.first_order_on)

    def lay(values: Floats) -> Floats:
        return _lay_weather(values, weather, hours)

    temperature = lay(weather.temperature_c)
    solar = estimate_solar_output(weather)
    availability = build.availability(weather, solar, lay) | {
        name: build.read(series, folder, hours, quantity="availability", name=f"site.availability.{name}")[0]
        for name, series in site.availability.items()
    }
    load_shape, it_share, peak_mw = build.load(weather, lay, folder, hours)
    stress = shape_net_load(temperature, local, solar=lay(solar))
    price = build.price(stress, folder, hours, year_of_plan)
    carbon, marginal = build.carbon(stress, folder, hours, year_of_plan)
    return Profiles(
        hours=hours,
        availability=MappingProxyType(availability),
        load_shape=load_shape,
        it_share=it_share,
        price_usd_per_mwh=price,
        carbon_tco2_per_mwh=carbon,
        marginal_tco2_per_mwh=marginal,
        temperature_c=temperature,
        stress=stress,
        load_peak_mw=peak_mw,
        figures=MappingProxyType(build.figures),
        sources=MappingProxyType(build.sources),
        notes=tuple(build.notes),
    )


def list_hours(starts_on: date, ends_on: date) -> pd.DatetimeIndex:
    """Return the UTC starts of every hour from the first day to the last, `ends_on` excluded."""
    return pd.date_range(starts_on, ends_on, freq="h", inclusive="left", tz="UTC")


class _Build:
    """What one call of `build_profiles` has found so far."""

    def __init__(self, scenario: Scenario, catalogue: Catalogue) -> None:
        self.scenario = scenario
        self.catalogue = catalogue
        self.figures: dict[str, Figure] = {}
        self.sources: dict[str, str] = {}
        self.notes: list[Note] = []

    def note_weather(self, weather: Weather) -> None:
        """Say which weather is used, and whether it is the site's."""
        site = self.scenario.site
        self.sources["weather"] = weather.source
        text = (
            f"one typical or single year ({weather.source}) is repeated over the horizon: no bad year follows a bad one"
        )
        self.notes.append(Note("weather", text, "limit"))
        away_km = measure_distance_km(
            (site.latitude_deg, site.longitude_deg), (weather.latitude_deg, weather.longitude_deg)
        )
        if away_km > FAR_KM:
            what = (
                "the bundled weather is of Greensboro NC" if site.weather_file is None else "the weather file's place"
            )
            text = f"{what}, {away_km:,.0f} km from the site; give site.weather_file"
            self.notes.append(Note("weather", text, "warning"))
        if abs(weather.utc_offset_hours - site.utc_offset_hours) > 0.01 and site.weather_file is not None:
            text = f"the weather file keeps UTC{weather.utc_offset_hours:+g}, the site UTC{site.utc_offset_hours:+g}"
            self.notes.append(Note("weather", text))

    def availability(self, weather: Weather, solar: Floats, lay: Lay) -> dict[str, Floats]:
        """Return the built-in availability profiles."""
        hub = estimate_hub_speed(weather)
        wind = estimate_wind_output(hub)
        offsite, offsite_factor = self._match(hub, "wind_ppa", offshore=False)
        offshore, offshore_factor = self._match(hub, "wind_offshore", offshore=True)
        self._say(
            "solar",
            f"single-axis tracking at the weather's place: capacity factor {solar.mean():.3f} of AC capacity",
            "pvlib with PVWatts losses, on the weather year",
        )
        self._say(
            "wind",
            f"10 m station wind at 100 m by a power law (0.14 by day, 0.3 at night): capacity factor {wind.mean():.3f};"
            " airport stations see less wind than a wind farm's ridge",
            POWER_CURVE_SOURCE,
        )
        self._say(
            "wind_offsite",
            f"the site's hours at a place where every speed is {offsite_factor:.2f} times as high: capacity factor "
            f"{offsite.mean():.2f} as of a good wind farm, calms kept; the real farm's weather differs",
            POWER_CURVE_SOURCE,
        )
        self._say(
            "wind_offshore",
            f"the site's hours, every speed times {offshore_factor:.2f}: capacity factor {offshore.mean():.2f}",
            POWER_CURVE_SOURCE,
        )
        self._say("solar_offsite", "the sun of the site's weather year", weather.source)
        series = {"solar": solar, "wind": wind, "wind_offshore": offshore, "wind_offsite": offsite}
        laid = {name: lay(values) for name, values in series.items()}
        return {"one": np.ones_like(laid["solar"]), **laid, "solar_offsite": laid["solar"]}

    def _match(self, hub: Floats, technology: str, *, offshore: bool) -> tuple[Floats, float]:
        figure = self.catalogue.technologies[technology].figure("typical_capacity_factor_frac")
        self.figures[f"{technology}.typical_capacity_factor_frac"] = figure
        return match_capacity_factor(hub, figure.value, offshore=offshore)

    def load(
        self, weather: Weather, lay: Lay, folder: Path, hours: pd.DatetimeIndex
    ) -> tuple[Floats, Floats, float | None]:
        """Return load shape, IT share and, for the scenario's own load, its peak in MW."""
        programme = self.scenario.programme
        parameters = self.catalogue.parameters
        if programme.peak_to_it_frac is None:
            self.figures["programme.peak_to_it_frac"] = parameters["peak_to_it_frac"]
        peak_ratio = programme.peak_to_it_frac or parameters["peak_to_it_frac"].value
        pue = programme.pue_annual or self._default_pue(hours)
        if pue > peak_ratio:
            raise DataError(
                f"scenario {self.scenario.name}",
                Problem("programme.pue_annual", "is above the peak ratio", f"{pue:g} > {peak_ratio:g}", "lower it"),
            )
        ratio = cooling_ratio(weather.temperature_c, pue_annual=pue, peak_to_it=peak_ratio)
        laid = lay(ratio)
        text = (
            f"facility over IT power follows the temperature: {ratio.min():.3f} in the cold, {pue:.3f} over the year, "
            f"{peak_ratio:.2f} in the hottest hour; IT draws {programme.duty_frac:.0%} of its peak while training"
        )
        self._say("load_shape", text, "annual PUE and peak ratio of the catalogue or scenario")
        if programme.load is None:
            return programme.duty_frac * laid / peak_ratio, 1.0 / laid, None
        load, _ = self.read(programme.load, folder, hours, quantity="load", name="programme.load")
        peak = float(load.max())
        if peak <= 0:
            raise DataError("series programme.load", Problem("", "holds no load", "0 MW", "give the load in MW"))
        return load / peak, 1.0 / laid, peak

    def _default_pue(self, hours: pd.DatetimeIndex) -> float:
        parameters = self.catalogue.parameters
        year = float(hours[0].year)
        pue = float(
            pue_at(
                year,
                pue_2018=parameters["pue_2018_frac"].value,
                decline_per_year=parameters["pue_decline_per_year"].value,
                floor=parameters["pue_floor_frac"].value,
            )
        )
        text = f"of {year:.0f}, by the line from {parameters['pue_2018_frac'].value:g} in 2018"
        self.figures["programme.pue_annual"] = Figure(
            pue, None, None, "fraction", int(year), "C", parameters["pue_2018_frac"].source, text
        )
        return pue

    def price(self, stress: Floats, folder: Path, hours: pd.DatetimeIndex, year_of_plan: Integers) -> Floats:
        """Return the hourly price of grid energy."""
        site, grid, money = self.scenario.site, self.scenario.grid, self.scenario.money
        growth = grid.price_growth_per_year
        if site.price is not None:
            return self._own_level(site.price, folder, hours, year_of_plan, quantity="price", growth=growth)
        if site.price_mean_usd_per_mwh is not None:
            figure = self._given(site.price_mean_usd_per_mwh, "USD/MWh")
        else:
            figure = restate_figure(pick_latest_price(self.catalogue, "wholesale_us_"), money.price_year)
        self.figures["site.price_mean_usd_per_mwh"] = figure
        text = (
            f"mean {figure.value:.1f} USD/MWh in the first year ({growth:+.1%} a year), shaped by the grid's net load; "
            "the highest 0.3 % of hours carry scarcity prices. No market's real hours: give site.price for those"
        )
        self._say("price", text, figure.source)
        return level_years(shape_price(stress), year_of_plan, mean=figure.value, growth_per_year=growth)

    def carbon(
        self, stress: Floats, folder: Path, hours: pd.DatetimeIndex, year_of_plan: Integers
    ) -> tuple[Floats, Floats]:
        """Return the grid's average and marginal carbon intensity."""
        site, grid = self.scenario.site, self.scenario.grid
        decline = -grid.carbon_decline_per_year
        if site.carbon is not None:
            average = self._own_level(site.carbon, folder, hours, year_of_plan, quantity="carbon", growth=decline)
        else:
            if site.carbon_mean_tco2_per_mwh is not None:
                figure = self._given(site.carbon_mean_tco2_per_mwh, "tCO2/MWh")
            else:
                figure = self._region(site.grid_region)
            self.figures["site.carbon_mean_tco2_per_mwh"] = figure
            text = (
                f"mean {figure.value:.4f} tCO2/MWh ({site.grid_region}, {figure.year}) in the first year, then "
                f"{decline:+.1%} a year, higher when net load is high; the published factor is not aged until then"
            )
            self._say("carbon", text, figure.source)
            average = level_years(shape_carbon(stress), year_of_plan, mean=figure.value, growth_per_year=decline)
        if site.marginal_region is None:
            self._say("marginal", "no marginal region: the average stands for the margin", self.sources["carbon"])
            return average, average
        figure = self._region(site.marginal_region)
        self.figures["site.marginal_tco2_per_mwh"] = figure
        text = f"{figure.value:.3f} tCO2/MWh ({site.marginal_region}, {figure.year}) in every hour: the year's mean"
        self._say("marginal", text, figure.source)
        return average, np.full_like(average, figure.value)

    def read(
        self, series: SeriesFile, folder: Path, hours: pd.DatetimeIndex, *, quantity: Quantity, name: str
    ) -> tuple[Floats, HourlySeries]:
        """Return the scenario's own series on the calendar."""
        offset = self.scenario.site.utc_offset_hours
        read = read_series(series, folder, quantity=quantity, utc_offset_hours=offset, name=name)
        self.notes += read.notes
        self.sources[name.removeprefix("site.")] = read.source
        return lay_on_calendar(read, hours), read

    def _own_level(
        self,
        series: SeriesFile,
        folder: Path,
        hours: pd.DatetimeIndex,
        year_of_plan: Integers,
        *,
        quantity: Quantity,
        growth: float,
    ) -> Floats:
        """Return a series of the scenario's: a typical year grows year by year, a calendar stands as it is."""
        values, read = self.read(series, folder, hours, quantity=quantity, name=f"site.{quantity}")
        if read.kind == "typical_year":
            if growth:
                self.notes.append(Note(quantity, f"the typical year changes by {growth:+.1%} a year after the first"))
            return np.asarray(values * (1.0 + growth) ** year_of_plan)
        if growth:
            text = f"a series on the real calendar stands as it is: {growth:+.1%} a year is not put on top of it"
            self.notes.append(Note(quantity, text))
        return values

    def _region(self, region: str) -> Figure:
        if region not in self.catalogue.grid_factors:
            known = ", ".join(sorted(self.catalogue.grid_factors))
            raise DataError("grid factors", Problem("site", "no such region", region, f"known: {known}"))
        return self.catalogue.grid_factors[region]

    def _given(self, value: float, unit: str) -> Figure:
        year = self.scenario.money.price_year
        return Figure(value, None, None, unit, year, "C", f"scenario {self.scenario.name}", "given there")

    def _say(self, subject: str, text: str, source: str) -> None:
        if subject in self.scenario.site.availability:
            return  # the scenario's own series takes its place
        self.sources[subject] = source
        self.notes.append(Note(f"profile {subject}", text))


def measure_distance_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return the great-circle distance of two places, given as (latitude, longitude) in degrees."""
    lat_a, lon_a, lat_b, lon_b = map(radians, (*a, *b))
    chord = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin((lon_b - lon_a) / 2) ** 2
    return 2 * 6371.0 * asin(sqrt(chord))


def pick_latest_price(catalogue: Catalogue, prefix: str) -> Figure:
    """Return the figure of the latest year among those prices whose key starts so and that the vintage knew."""
    day = catalogue.vintage_on
    found = {key: figure for key, figure in catalogue.prices.items() if key.startswith(prefix)}
    known = [f for f in found.values() if day is None or (f.known_on is not None and f.known_on <= day)]
    return max(known or found.values(), key=lambda figure: figure.year)


def _lay_weather(values: Floats, weather: Weather, hours: pd.DatetimeIndex) -> Floats:
    series = HourlySeries(
        values=values,
        unit="",
        kind="typical_year",
        starts_at=None,
        utc_offset_hours=weather.utc_offset_hours,
        has_leap_day=weather.has_leap_day,
        source=weather.source,
    )
    return lay_on_calendar(series, hours)


def _count_years(hours: pd.DatetimeIndex, starts_on: date) -> Integers:
    """Return the year of the plan, from 0, of every hour: it turns on the anniversary of the first day."""
    turned = (hours.month > starts_on.month) | ((hours.month == starts_on.month) & (hours.day >= starts_on.day))
    return np.asarray(hours.year - starts_on.year - np.where(turned, 0, 1), dtype=np.int64)
