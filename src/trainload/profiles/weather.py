"""A site's weather year, and what a unit of solar or wind capacity makes of it, hour by hour.

TMY3, EPW and NSRDB PSM files are read by pvlib.iotools and put in one form: hours of local standard time from 1 January
00:00, each value the mean or the reading of its hour. Nothing is averaged over hours, so calms and dull weeks stay.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pvlib
from numpy.typing import NDArray

from trainload.errors import DataError, Note, Problem
from trainload.scenario.series import MAX_BYTES

Floats = NDArray[np.float64]

BUNDLED_FILE = Path(pvlib.__file__).parent / "data" / "723170TYA.CSV"
BUNDLED_SOURCE = "NSRDB TMY3 723170 Greensboro Piedmont Triad (NREL), carried by pvlib"
POWER_CURVE_SOURCE = "King, Clifton, Hodge 2014, NREL/TP-5D00-61714: normalised curves of the WIND Toolkit"
# Output over rated power at 0, 1, 2, ... m/s; rated to the cut-out, zero above it.
_ONSHORE_CURVE = (0, 0, 0, 0.0052, 0.0423, 0.1031, 0.1909, 0.3127, 0.4731, 0.6693, 0.8554, 0.9641, 0.9942, 0.9994, 1.0)
_OFFSHORE_CURVE = (0, 0, 0, 0, 0.0281, 0.074, 0.1373, 0.2266, 0.3443, 0.4908, 0.6623, 0.815, 0.9179, 0.9798, 1.0)
CUT_OUT_M_PER_S = {"onshore": 25.0, "offshore": 30.0}
WIND_LOSS_FRAC = 0.10  # wakes, electrical losses, hysteresis; outages are the option's own
HUB_HEIGHT_M = 100.0
STATION_HEIGHT_M = 10.0
SHEAR_DAY = 0.14
SHEAR_NIGHT = 0.30
_LIMITS = {"temp_air": (-70.0, 60.0), "ghi": (0.0, 1500.0), "dni": (0.0, 1400.0), "dhi": (0.0, 1000.0)}


@dataclass(frozen=True, slots=True)
class Weather:
    """One year of hourly weather in local standard time, from 1 January 00:00; 8,760 or 8,784 hours.

    Attributes:
        wind_speed_m_per_s: at 10 m.
        utc_offset_hours: local standard time less UTC.
        source: file or station.
    """

    temperature_c: Floats
    ghi_w_per_m2: Floats
    dni_w_per_m2: Floats
    dhi_w_per_m2: Floats
    wind_speed_m_per_s: Floats
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    utc_offset_hours: float
    source: str
    notes: tuple[Note, ...] = ()

    @property
    def has_leap_day(self) -> bool:
        """Whether the year holds a 29 February."""
        return self.temperature_c.size == 8784


def read_weather(path: Path | None = None) -> Weather:
    """Return the weather year of a TMY3, EPW or PSM file; without a path, the bundled one of Greensboro NC.

    TMY3 stamps end their hour, EPW hours count from 1 to 24, PSM stamps stand within theirs; here all start theirs.

    Raises:
        DataError: the file is missing, too large or of no known form, hours are missing, or values out of range.
    """
    file = BUNDLED_FILE if path is None else path
    subject = f"weather file {file.name}"
    if not file.is_file():
        raise DataError(subject, Problem("", "there is no such file", str(file), "give a TMY3, EPW or PSM file"))
    if file.stat().st_size > MAX_BYTES:
        size = f"{file.stat().st_size / 1e6:.0f} MB"
        raise DataError(subject, Problem("", "is too large for a year of weather", size, "give one year"))
    reader, step_back_hours = _choose_reader(file)
    try:
        table, meta = reader(file)
        columns = {name: table[name] for name in (*_LIMITS, "wind_speed")}
        place = _read_place(meta)
    except Exception as error:
        got = f"{type(error).__name__}: {error}".splitlines()[0][:120]
        raise DataError(
            subject, Problem("", "can't be read as TMY3, EPW or PSM (SAM CSV)", got, "check the file's form")
        ) from error
    stamps = pd.DatetimeIndex(table.index).tz_localize(None) - pd.Timedelta(hours=step_back_hours)
    frame, notes = _order_hours(pd.DataFrame(columns).set_axis(stamps), subject)
    _check_values(frame, subject)
    return Weather(
        temperature_c=frame["temp_air"].to_numpy(dtype=np.float64),
        ghi_w_per_m2=frame["ghi"].to_numpy(dtype=np.float64),
        dni_w_per_m2=frame["dni"].to_numpy(dtype=np.float64),
        dhi_w_per_m2=frame["dhi"].to_numpy(dtype=np.float64),
        wind_speed_m_per_s=frame["wind_speed"].to_numpy(dtype=np.float64),
        latitude_deg=place[0],
        longitude_deg=place[1],
        altitude_m=place[2],
        utc_offset_hours=place[3],
        source=BUNDLED_SOURCE if path is None else file.name,
        notes=notes,
    )


def estimate_solar_output(weather: Weather, *, dc_per_ac: float = 1.3) -> Floats:
    """Return the AC output of one unit of single-axis tracking solar, per unit of AC capacity (0-1).

    Sun at mid-hour; north-south axis, +-60 degrees, backtracking at a ground cover of 0.4; Hay-Davies sky; glass
    reflection (physical model) on the beam; Faiman's cell temperature; PVWatts module (-0.35 %/K), losses (11.4 %, its
    defaults without outages) and inverter (96 %). Source: pvlib, and Dobos 2014, NREL/TP-6A20-62641.
    """
    middle = _mid_hours(weather)
    sun = pvlib.solarposition.get_solarposition(
        middle, weather.latitude_deg, weather.longitude_deg, altitude=weather.altitude_m
    )
    tracker = pvlib.tracking.singleaxis(
        sun["apparent_zenith"], sun["azimuth"], axis_tilt=0, axis_azimuth=180, max_angle=60, backtrack=True, gcr=0.4
    ).fillna({"surface_tilt": 0.0, "surface_azimuth": 180.0, "aoi": 90.0})
    plane = pvlib.irradiance.get_total_irradiance(
        tracker["surface_tilt"],
        tracker["surface_azimuth"],
        sun["apparent_zenith"],
        sun["azimuth"],
        dni=weather.dni_w_per_m2,
        ghi=weather.ghi_w_per_m2,
        dhi=weather.dhi_w_per_m2,
        dni_extra=pvlib.irradiance.get_extra_radiation(middle.day_of_year.to_numpy()),
        model="haydavies",
    ).fillna(0.0)
    through_glass = pvlib.iam.physical(tracker["aoi"].to_numpy())
    effective = plane["poa_direct"].to_numpy() * through_glass + plane["poa_diffuse"].to_numpy()
    cell_c = pvlib.temperature.faiman(plane["poa_global"].to_numpy(), weather.temperature_c, weather.wind_speed_m_per_s)
    losses = pvlib.pvsystem.pvwatts_losses(availability=0) / 100
    dc = pvlib.pvsystem.pvwatts_dc(effective, cell_c, pdc0=dc_per_ac, gamma_pdc=-0.0035) * (1 - losses)
    ac = pvlib.inverter.pvwatts(dc, pdc0=1 / 0.96, eta_inv_nom=0.96)
    return np.asarray(np.clip(np.nan_to_num(ac), 0.0, 1.0), dtype=np.float64)


def estimate_hub_speed(weather: Weather, *, hub_height_m: float = HUB_HEIGHT_M) -> Floats:
    """Return the wind speed at hub height, in m/s, by a power law whose exponent differs between day and night.

    v = v10 (hub / 10)^a with a = 0.14 while the sun stands 10 degrees or more above the horizon, 0.30 while it is 6 or
    more below, linear between: air near the ground mixes by day and is stable at night, so hubs see less of the day's
    peak than a 10 m mast does. Exponents after Irwin 1979 (rural, classes B-D and E). A station's calms stay calms.
    """
    sun = pvlib.solarposition.get_solarposition(
        _mid_hours(weather), weather.latitude_deg, weather.longitude_deg, altitude=weather.altitude_m
    )
    day = np.clip((sun["elevation"].to_numpy() + 6.0) / 16.0, 0.0, 1.0)
    exponent = SHEAR_NIGHT + (SHEAR_DAY - SHEAR_NIGHT) * day
    return np.asarray(weather.wind_speed_m_per_s * (hub_height_m / STATION_HEIGHT_M) ** exponent)


def estimate_wind_output(hub_speed_m_per_s: Floats, *, offshore: bool = False) -> Floats:
    """Return the output of one unit of wind capacity (0-1): the power curve by linear interpolation, less 10 % losses.

    Curves: NREL's normalised ones for the WIND Toolkit, IEC class 2 on shore, cut-out 25 m/s (30 offshore).
    """
    curve = _OFFSHORE_CURVE if offshore else _ONSHORE_CURVE
    cut_out = CUT_OUT_M_PER_S["offshore" if offshore else "onshore"]
    output = np.interp(hub_speed_m_per_s, np.arange(len(curve)), curve)
    return np.asarray(np.where(hub_speed_m_per_s > cut_out, 0.0, output) * (1 - WIND_LOSS_FRAC))


def match_capacity_factor(
    hub_speed_m_per_s: Floats, target_frac: float, *, offshore: bool = False
) -> tuple[Floats, float]:
    """Return the output at a windier place with the same weather, and the factor on the speed that leads to its mean.

    Every hour's speed is multiplied by one factor (a larger shear exponent, or a windier site), found by bisection so
    that the mean output is `target_frac`; the output itself is never scaled, so calms stay calms and storms cut out.

    Raises:
        ValueError: no factor up to 6 reaches the target.
    """
    factors = np.linspace(0.2, 6.0, 30)  # past the best mean, more wind only cuts out
    means = np.array([estimate_wind_output(hub_speed_m_per_s * f, offshore=offshore).mean() for f in factors])
    best = float(means.max())
    if target_frac > best:
        raise ValueError(f"a capacity factor of {target_frac:.2f} can't be reached: {best:.2f} at best")
    low, high = 0.0, float(factors[int(np.argmax(means >= target_frac))])
    for _ in range(40):
        middle = (low + high) / 2
        if estimate_wind_output(hub_speed_m_per_s * middle, offshore=offshore).mean() < target_frac:
            low = middle
        else:
            high = middle
    return estimate_wind_output(hub_speed_m_per_s * high, offshore=offshore), high


def _mid_hours(weather: Weather) -> pd.DatetimeIndex:
    """Return the middle of every hour; the year is 2001 or, with a leap day, 2000: the sun's path is the same."""
    year = 2000 if weather.has_leap_day else 2001
    first = pd.Timestamp(year, 1, 1, 0, 30)
    local = pd.date_range(first, periods=weather.temperature_c.size, freq="h")
    return (local - pd.Timedelta(hours=weather.utc_offset_hours)).tz_localize("UTC")


def _choose_reader(file: Path) -> tuple[Callable[[Path], tuple[pd.DataFrame, dict[str, Any]]], float]:
    """Return pvlib's reader for this file, and the hours to take off its stamps."""
    with file.open("rb") as stream:
        head = stream.readline(2000)
    if file.suffix.lower() == ".epw" or head.startswith(b"LOCATION"):
        return pvlib.iotools.read_epw, 0.0
    if head.startswith(b"Source"):
        return pvlib.iotools.read_nsrdb_psm4, 0.0
    return pvlib.iotools.read_tmy3, 1.0


def _read_place(meta: dict[str, Any]) -> tuple[float, float, float, float]:
    def first(*names: str) -> float:
        return float(next(meta[name] for name in names if name in meta))

    return (
        first("latitude", "Latitude"),
        first("longitude", "Longitude"),
        first("altitude", "Elevation"),
        first("TZ", "Time Zone"),
    )


def _order_hours(table: pd.DataFrame, subject: str) -> tuple[pd.DataFrame, tuple[Note, ...]]:
    """Return the rows by hour of the year, whichever years the months come from."""
    index = pd.DatetimeIndex(table.index)
    keys = [index.month, index.day, index.hour]
    notes: tuple[Note, ...] = ()
    grouped = table.groupby(keys)
    sizes = grouped.size()
    if (sizes > 1).all() and sizes.nunique() == 1:
        frame = grouped.mean()
        text = f"{int(sizes.iloc[0])} readings an hour in {subject}: the mean of each hour is used"
        notes = (Note("weather", text),)
    elif (sizes == 1).all():
        frame = table.set_axis(pd.MultiIndex.from_arrays(keys)).sort_index()
    else:
        doubled = sizes[sizes != sizes.mode().iloc[0]].index[0]
        got = f"{int(sizes.loc[doubled])} rows for month {doubled[0]}, day {doubled[1]}, hour {doubled[2]}"
        raise DataError(subject, Problem("", "hours are doubled or missing", got, "give one complete year"))
    if len(frame) not in (8760, 8784):
        raise DataError(
            subject, Problem("", "a year has 8,760 or 8,784 hours", f"{len(frame):,}", "give one complete year")
        )
    return frame, notes


def _check_values(frame: pd.DataFrame, subject: str) -> None:
    problems = []
    for column, (low, high) in (_LIMITS | {"wind_speed": (0.0, 75.0)}).items():
        values = frame[column].to_numpy(dtype=np.float64)
        bad = ~((values >= low) & (values <= high))
        if bad.any():
            month, day, hour = frame.index[int(np.argmax(bad))]
            got = f"{values[bad][0]:g} in {int(bad.sum()):,} hours, first month {month}, day {day}, hour {hour}"
            problems.append(
                Problem(column, f"must be a number from {low:g} to {high:g}", got, "mend or fill these hours")
            )
    if problems:
        raise DataError(subject, *problems)
