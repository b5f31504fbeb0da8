"""Hourly series: the calendar, local time, sun and wind against hand values, levels, and the utility's calls."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainload.catalogue.facts import Catalogue, load_catalogue
from trainload.errors import DataError
from trainload.profiles.profiles import Profiles, build_profiles, list_hours, measure_distance_km
from trainload.profiles.stress import call_curtailments, level_years, shape_net_load
from trainload.profiles.weather import (
    Weather,
    estimate_hub_speed,
    estimate_solar_output,
    estimate_wind_output,
    match_capacity_factor,
    read_weather,
)
from trainload.scenario.models import Scenario

DAY = date(2027, 1, 1)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def weather() -> Weather:
    return read_weather()


@pytest.fixture(scope="module")
def profiles(catalogue: Catalogue) -> Profiles:
    return build_profiles(Scenario(name="base", as_of=DAY, horizon_years=3), catalogue)


def build(catalogue: Catalogue, **fields: Any) -> Profiles:
    values = {"name": "own", "as_of": DAY, "horizon_years": 2, **fields}
    folder = values.pop("folder", None)
    scenario = Scenario.model_validate(values)
    return build_profiles(scenario.model_copy(update={"folder": folder}) if folder else scenario, catalogue)


def still_air(**fields: Any) -> Weather:
    """A year of 20 degrees, no sun and no wind on the equator at UTC."""
    zero = np.zeros(8760)
    values: dict[str, Any] = {
        "temperature_c": zero + 20.0,
        "ghi_w_per_m2": zero,
        "dni_w_per_m2": zero,
        "dhi_w_per_m2": zero,
        "wind_speed_m_per_s": zero,
        "latitude_deg": 0.0,
        "longitude_deg": 0.0,
        "altitude_m": 0.0,
        "utc_offset_hours": 0.0,
        "source": "test",
    }
    return Weather(**(values | fields))


# calendar


def test_every_hour_of_the_real_calendar(profiles: Profiles) -> None:
    """Proves: 2027-2029 has 26,304 hours, with a 29 February, and every series has one value an hour.

    If broken: three years of 8,760 hours would be 26,280, and every later weekday would be wrong.
    """
    assert profiles.n_hours == 26_304
    assert len(list_hours(date(2027, 1, 1), date(2039, 1, 1))) == 105_192
    leap = (profiles.hours.month == 2) & (profiles.hours.day == 29)
    assert leap.sum() == 24
    series = [
        *profiles.availability.values(),
        profiles.load_shape,
        profiles.it_share,
        profiles.price_usd_per_mwh,
        profiles.carbon_tco2_per_mwh,
        profiles.marginal_tco2_per_mwh,
        profiles.temperature_c,
        profiles.stress,
    ]
    assert {values.shape for values in series} == {(26_304,)}
    assert all(np.isfinite(values).all() for values in series)


def test_weather_is_laid_by_local_time(profiles: Profiles, weather: Weather) -> None:
    """Proves: the year's first local hour is 05:00 UTC on 1 January, and 29 February repeats the 28th.

    If broken: the sun would rise five hours early, and March would be shifted by a day after 2028.
    """
    hours = profiles.hours
    assert profiles.temperature_c[hours.get_loc("2027-01-01 05:00+00:00")] == weather.temperature_c[0]
    assert profiles.temperature_c[hours.get_loc("2028-01-01 04:00+00:00")] == weather.temperature_c[-1]
    feb = hours.get_indexer(pd.date_range("2028-02-28 05:00", periods=24, freq="h", tz="UTC"))
    assert np.array_equal(profiles.temperature_c[feb + 24], profiles.temperature_c[feb])
    march = (31 + 28) * 24
    first_of_march = hours.get_loc("2028-03-01 05:00+00:00")
    assert profiles.temperature_c[first_of_march] == weather.temperature_c[march]


def test_bundled_weather_is_greensboro(weather: Weather) -> None:
    """Proves: the bundled TMY3 is read by hours that start: its first stamp 01:00 is the hour from 00:00.

    If broken: every series would be an hour late.
    """
    assert (weather.latitude_deg, weather.longitude_deg, weather.utc_offset_hours) == (36.1, -79.95, -5.0)
    assert weather.temperature_c.size == 8760
    assert weather.temperature_c.mean() == pytest.approx(14.42, abs=0.01)
    noon = weather.ghi_w_per_m2.reshape(365, 24).mean(axis=0)
    assert noon.argmax() == 12  # solar noon there is at 12:20 local standard time
    assert noon[0] == 0
    assert noon[23] == 0


# sun and wind


def test_solar_output_follows_the_sun(weather: Weather) -> None:
    """Proves: no sun no output, a clear equatorial noon the full AC rating, and Greensboro 0.234 of AC capacity.

    If broken: sun at the hour's start or end would skew the day; DC output unclipped would exceed 1.
    """
    assert estimate_solar_output(still_air()).max() == 0
    day = np.tile(np.repeat([0.0, 1.0, 0.0], [6, 12, 6]), 365)
    sun = {"dni_w_per_m2": 900 * day, "dhi_w_per_m2": 80 * day, "ghi_w_per_m2": 900 * day}
    clear = estimate_solar_output(still_air(**sun)).reshape(365, 24)
    cell_c = 20 + 980 / 25
    by_hand = 1.3 * 0.975 * (1 - 0.0035 * (cell_c - 25)) * 0.886 * 0.96
    assert clear[79, 12] == pytest.approx(by_hand, rel=0.01)  # equinox, the sun overhead
    assert abs(clear[:, 6:12].mean() / clear[:, 12:18].mean() - 1) < 0.05  # noon at 12:00, give or take 16 minutes
    frost = estimate_solar_output(still_air(**sun, temperature_c=np.full(8760, -20.0)))
    assert frost.max() == 1.0
    output = estimate_solar_output(weather)
    assert output.mean() == pytest.approx(0.234, abs=0.002)
    assert output.reshape(365, 24)[:, 0:4].max() == 0


def test_solar_falls_with_heat() -> None:
    """Proves: 30 degrees more cost 30 x 0.35 % of the output. If broken: heat waves would be free."""
    day = np.tile(np.repeat([0.0, 1.0, 0.0], [6, 12, 6]), 365)
    sun = {"dni_w_per_m2": 350 * day, "dhi_w_per_m2": 80 * day, "ghi_w_per_m2": 350 * day}
    cool = estimate_solar_output(still_air(**sun, temperature_c=np.full(8760, 5.0)))
    hot = estimate_solar_output(still_air(**sun, temperature_c=np.full(8760, 35.0)))
    noon = np.arange(12, 8760, 24)
    assert hot[noon] / cool[noon] == pytest.approx(1 - 30 * 0.0035, abs=0.01)


def test_wind_power_curve_by_hand() -> None:
    """Proves: 8 m/s gives 0.4731 x 0.9, 8.5 the middle to 0.6693, over 25 none. If broken: storms would give power."""
    speeds = np.array([0.0, 2.9, 8.0, 8.5, 14.0, 25.0, 25.1])
    expected = np.array([0.0, 0.9 * 0.0052, 0.4731, (0.4731 + 0.6693) / 2, 1.0, 1.0, 0.0]) * 0.9
    assert estimate_wind_output(speeds) == pytest.approx(expected, abs=1e-12)
    assert estimate_wind_output(np.array([29.0]), offshore=True) == pytest.approx(0.9)
    assert estimate_wind_output(np.array([3.0]), offshore=True) == 0


def test_hub_speed_by_day_and_night() -> None:
    """Proves: at 100 m, 5 m/s becomes 5 x 10^0.30 at midnight and 5 x 10^0.14 at noon.

    If broken: hub wind would copy the station's midday peak.
    """
    hub = estimate_hub_speed(still_air(wind_speed_m_per_s=np.full(8760, 5.0)))
    assert hub[0] == pytest.approx(5 * 10**0.30)
    assert hub[12] == pytest.approx(5 * 10**0.14)


def test_a_windier_place_keeps_its_calms(weather: Weather) -> None:
    """Proves: the off-site profile has the asked mean, its calm hours stay calm, full hours stay full, droughts stay.

    If broken: scaling the output to 0.42 would leave the shape of 0.18 and never reach the rated power of good sites.
    """
    hub = estimate_hub_speed(weather)
    output, factor = match_capacity_factor(hub, 0.42)
    assert output.mean() == pytest.approx(0.42, abs=1e-6)
    assert np.array_equal(output, estimate_wind_output(hub * factor))
    assert (output[hub == 0] == 0).all()
    assert output.max() == pytest.approx(0.9)
    assert pd.Series(output).rolling(72).mean().min() < 0.05
    with pytest.raises(ValueError, match="at best"):
        match_capacity_factor(hub, 0.95)


def test_droughts_survive_on_the_calendar(profiles: Profiles, weather: Weather) -> None:
    """Proves: the calendar holds the very hours of the weather year. If broken: averages would hide three calm days."""
    wind = estimate_wind_output(estimate_hub_speed(weather))
    start = profiles.hours.get_loc("2027-01-01 05:00+00:00")
    assert np.array_equal(profiles.availability["wind"][start : start + 8760], wind)
    assert pd.Series(profiles.availability["wind"]).rolling(72).mean().min() < 0.01


# load


def test_load_shape_meets_pue_and_peak(catalogue: Catalogue) -> None:
    """Proves: over the weather year facility over IT averages the annual PUE, and the hottest hour draws duty x peak.

    If broken: PUE and peak ratio confused would size energy 15 % too high or the substation too small.
    """
    own = build(catalogue, programme={"pue_annual": 1.12, "peak_to_it_frac": 1.3, "duty_frac": 0.9}, horizon_years=1)
    assert (1 / own.it_share).mean() == pytest.approx(1.12, abs=0.0005)
    assert own.load_shape.max() == pytest.approx(0.9)
    assert own.load_shape.argmax() == own.temperature_c.argmax()
    assert own.load_shape * own.it_share == pytest.approx(np.full(8760, 0.9 / 1.3))
    with pytest.raises(DataError, match="above the peak ratio"):
        build(catalogue, programme={"pue_annual": 1.4, "peak_to_it_frac": 1.3})


# price and carbon


def test_levels_by_plan_year(profiles: Profiles, catalogue: Catalogue) -> None:
    """Proves: each plan year has exactly its mean: 51 USD/MWh flat, carbon 0.2839 falling by 2 % a year.

    If broken: normalising over the horizon would leave single years off, and peaks priced like nights would be cheap.
    """
    year = profiles.hours.year
    for k, y in enumerate((2027, 2028, 2029)):
        assert profiles.price_usd_per_mwh[year == y].mean() == pytest.approx(51.0)
        assert profiles.carbon_tco2_per_mwh[year == y].mean() == pytest.approx(0.2839 * 0.98**k)
    assert (profiles.marginal_tco2_per_mwh == 0.653).all()
    tight = np.argsort(profiles.stress)[-100:]
    assert profiles.price_usd_per_mwh[tight].mean() > 2 * 51
    grown = build(
        catalogue, site={"price_mean_usd_per_mwh": 40, "marginal_region": None}, grid={"price_growth_per_year": 0.05}
    )
    assert grown.price_usd_per_mwh[grown.hours.year == 2028].mean() == pytest.approx(42)
    assert grown.marginal_tco2_per_mwh is grown.carbon_tco2_per_mwh
    assert grown.figures["site.price_mean_usd_per_mwh"].source == "scenario own"


def test_plan_years_turn_on_the_anniversary(catalogue: Catalogue) -> None:
    """Proves: a plan that starts in July levels July to June. If broken: half years would be levelled as whole ones."""
    own = build(catalogue, as_of=date(2027, 7, 1), grid={"price_growth_per_year": 0.10})
    first = own.hours < pd.Timestamp("2028-07-01", tz="UTC")
    assert own.price_usd_per_mwh[first].mean() == pytest.approx(51)
    assert own.price_usd_per_mwh[~first].mean() == pytest.approx(56.1)


def test_level_years_by_hand() -> None:
    """Proves: shapes (1, 3) and (2, 2) at mean 10 and 50 % growth become (5, 15) and (15, 15)."""
    levelled = level_years(np.array([1.0, 3, 2, 2]), np.array([0, 0, 1, 1]), mean=10, growth_per_year=0.5)
    assert levelled == pytest.approx([5, 15, 15, 15])


def test_net_load_is_tight_on_hot_evenings_and_cold_mornings() -> None:
    """Proves: 35 degrees at 18 h is tighter than at 4 h, than 20 degrees at 18 h, and sun eases it.

    If broken: the utility would call its interruptible load at mild midnights.
    """
    local = pd.DatetimeIndex(["2027-07-05 18:00", "2027-07-05 04:00", "2027-05-03 18:00", "2027-07-05 18:00"])
    hot_evening, hot_night, mild_evening, sunny = shape_net_load(
        np.array([35.0, 35.0, 20.0, 35.0]), local, solar=np.array([0.0, 0.0, 0.0, 0.8])
    )
    assert hot_evening > sunny > hot_night
    assert hot_evening > mild_evening


# the utility's calls


def year_of(stress: dict[int, float], n: int = 8760, year: int = 2027) -> tuple[np.ndarray, pd.DatetimeIndex]:
    values = np.zeros(n)
    for hour, value in stress.items():
        values[hour] = value
    return values, pd.date_range(f"{year}-01-01", periods=n, freq="h", tz="UTC")


def test_calls_by_hand() -> None:
    """Proves: eight hours a year in events of four are the two events around the peaks, not eight single hours.

    If broken: single hours would be called at 1000, 1002, 2000, 2001 and four more anywhere.
    """
    stress, hours = year_of({1000: 5, 1001: 1, 1002: 6, 1003: 2, 2000: 9, 2001: 9, 2002: 1, 2003: 1, 2004: 0.5})
    called = np.flatnonzero(call_curtailments(stress, hours=hours, hours_per_year=8) == 0)
    assert called.tolist() == [1000, 1001, 1002, 1003, 2000, 2001, 2002, 2003]


def test_an_event_is_lengthened_to_meet_the_count() -> None:
    """Proves: six hours are the best event of four and its two tightest neighbours. If broken: 4 or 8 are called."""
    stress, hours = year_of({99: 2, 100: 5, 101: 5, 102: 5, 103: 5, 104: 3, 105: 4, 500: 4.5})
    called = np.flatnonzero(call_curtailments(stress, hours=hours, hours_per_year=6) == 0)
    assert called.tolist() == [100, 101, 102, 103, 104, 105]


def test_calls_are_counted_by_calendar_year() -> None:
    """Proves: a year of 100 called hours has 100, a leap year too, and a half year 50.

    If broken: a horizon of 2.5 years would call 250 hours in its first summer.
    """
    rng = np.random.default_rng(3)
    hours = pd.date_range("2027-01-01", "2029-07-02 12:00", freq="h", inclusive="left", tz="UTC")
    called = call_curtailments(rng.random(len(hours)), hours=hours, hours_per_year=100) == 0
    assert [int(called[hours.year == y].sum()) for y in (2027, 2028, 2029)] == [100, 100, 50]


@given(
    stress=st.lists(st.floats(0, 1), min_size=30, max_size=120),
    per_cent=st.floats(0, 100),
    least=st.integers(1, 9),
)
@settings(max_examples=80, deadline=None)
def test_calls_keep_count_and_length(stress: list[float], per_cent: float, least: int) -> None:
    """Proves: for any stress the count is exact (at least one event where any) and no event is shorter than the least.

    If broken: a contract for four-hour events would be planned with single hours.
    """
    values = np.array(stress)
    hours = pd.date_range("2027-03-01", periods=values.size, freq="h", tz="UTC")
    share = round(per_cent / 100 * values.size)
    available = call_curtailments(values, hours=hours, hours_per_year=share * 8760 / values.size, min_event_hours=least)
    expected = 0 if share == 0 else max(share, min(least, values.size))
    assert int((available == 0).sum()) == expected
    edges = np.flatnonzero(np.diff(np.concatenate([[1.0], available, [1.0]])))
    assert all(end - start >= min(least, values.size) for start, end in edges.reshape(-1, 2))
    if least == 1 and expected:
        assert values[available == 0].sum() == pytest.approx(np.sort(values)[-expected:].sum())


@pytest.mark.parametrize("wrong", [{"hours_per_year": -1.0}, {"hours_per_year": 1.0, "min_event_hours": 0}])
def test_impossible_calls_are_refused(wrong: dict[str, Any]) -> None:
    """Proves: nonsense raises. If broken: a negative count would call nothing without a word."""
    stress, hours = year_of({})
    with pytest.raises(ValueError, match="must be"):
        call_curtailments(stress, hours=hours, **wrong)
    with pytest.raises(ValueError, match="calendar"):
        call_curtailments(stress[:-1], hours=hours, hours_per_year=1)


# the scenario's own series and files


def write_csv(path: Path, values: np.ndarray, times: pd.DatetimeIndex | None = None) -> None:
    table = pd.DataFrame({"value": values})
    if times is not None:
        table.insert(0, "time", times.strftime("%Y-%m-%dT%H:%M:%S"))
    table.to_csv(path, index=False)


def test_own_series_take_the_place_of_shapes(catalogue: Catalogue, tmp_path: Path) -> None:
    """Proves: a typical-year price is laid by local hour and grows, a profile is offered, a load sets the shape.

    If broken: a given series would be read and dropped.
    """
    write_csv(tmp_path / "price.csv", np.arange(8760) / 100)
    write_csv(tmp_path / "tide.csv", np.tile([0.25, 0.75], 4380))
    write_csv(tmp_path / "load.csv", np.tile([150.0, 300.0], 4380))
    own = build(
        catalogue,
        folder=tmp_path,
        site={
            "price": {"file": "price.csv", "column": "value", "unit": "USD/MWh"},
            "availability": {
                "tide": {"file": "tide.csv", "column": "value", "unit": "fraction"},
                "wind": {"file": "tide.csv", "column": "value", "unit": "fraction"},
            },
        },
        programme={"load": {"file": "load.csv", "column": "value", "unit": "MW"}},
        grid={"price_growth_per_year": 0.1},
    )
    at: Callable[[str], int] = own.hours.get_loc  # type: ignore[assignment]
    assert own.price_usd_per_mwh[at("2027-01-01 06:00+00:00")] == pytest.approx(0.01)
    assert own.price_usd_per_mwh[at("2028-01-01 06:00+00:00")] == pytest.approx(0.011)
    assert own.availability["tide"][at("2027-01-01 05:00+00:00")] == 0.25
    assert np.array_equal(own.availability["wind"], own.availability["tide"])
    assert not any(note.subject == "profile wind" for note in own.notes)
    assert own.load_peak_mw == 300
    assert own.load_shape.min() == 0.5
    assert own.sources["price"] == "price.csv, column value"


def test_a_series_on_the_real_calendar_stands_as_it_is(catalogue: Catalogue, tmp_path: Path) -> None:
    """Proves: calendar prices get no growth on top, and a note says so. If broken: a forward curve grows twice."""
    times = pd.date_range("2026-12-31", "2029-01-03", freq="h")
    write_csv(tmp_path / "price.csv", np.full(len(times), 30.0), times)
    spec = {"file": "price.csv", "column": "value", "unit": "USD/MWh", "time_column": "time"}
    own = build(catalogue, folder=tmp_path, site={"price": spec}, grid={"price_growth_per_year": 0.1})
    assert (own.price_usd_per_mwh == 30).all()
    assert any("stands as it is" in note.text for note in own.notes)


def test_places_far_from_their_weather_are_noted(catalogue: Catalogue) -> None:
    """Proves: a Texan site on Greensboro's weather is warned of. If broken: Abilene would be planned under clouds."""
    assert measure_distance_km((0, 0), (0, 90)) == pytest.approx(10_007.5, rel=1e-4)
    texas = build(catalogue, site={"latitude_deg": 32.4, "longitude_deg": -99.8}, horizon_years=1)
    assert any(note.kind == "warning" and "Greensboro" in note.text for note in texas.notes)


def test_an_unknown_region_is_named(catalogue: Catalogue) -> None:
    """Proves: a wrong grid region is a `DataError` with the known ones. If broken: a KeyError traceback."""
    with pytest.raises(DataError, match="SRVC"):
        build(catalogue, site={"grid_region": "Atlantis"}, horizon_years=1)


def write_epw(path: Path, temperature_c: np.ndarray) -> None:
    header = ["LOCATION,Test,NC,USA,made,000000,35.0,-80.0,-5.0,200.0"]
    header += ["DESIGN CONDITIONS,0", "TYPICAL/EXTREME PERIODS,0", "GROUND TEMPERATURES,0"]
    header += [
        "HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0",
        "COMMENTS 1,",
        "COMMENTS 2,",
        "DATA PERIODS,1,1,Data,Sunday, 1/ 1,12/31",
    ]
    stamps = pd.date_range("2001-01-01", periods=8760, freq="h")
    rows = [
        f"2001,{s.month},{s.day},{s.hour + 1},60,?,{t:.1f},5,50,98000,0,0,300,100,80,40,0,0,0,0,180,3.0"
        + ",5,5,20,7000,0,999999999,10,0.1,0,88,0.2,0,1"
        for s, t in zip(stamps, temperature_c, strict=True)
    ]
    path.write_text("\n".join([*header, *rows]) + "\n")


def write_psm(path: Path, temperature_c: np.ndarray, minutes: tuple[int, ...]) -> None:
    names = "Source,Location ID,City,State,Country,Latitude,Longitude,Time Zone,Elevation,Local Time Zone"
    lines = [names, "NSRDB,1,-,-,-,35.0,-80.0,-5,200,-5"]
    lines += ["Year,Month,Day,Hour,Minute,GHI,DNI,DHI,Temperature,Wind Speed"]
    stamps = pd.date_range("2001-01-01", periods=8760, freq="h")
    lines += [
        f"2001,{s.month},{s.day},{s.hour},{minute},100,80,40,{t:.1f},3.0"
        for s, t in zip(stamps, temperature_c, strict=True)
        for minute in minutes
    ]
    path.write_text("\n".join(lines) + "\n")


def test_epw_and_psm_files_give_the_same_year(tmp_path: Path) -> None:
    """Proves: one year written as EPW (hours 1-24), hourly PSM and half-hourly PSM comes back the same, hour for hour.

    If broken: EPW's hour 1 would be read as 01:00, an hour late.
    """
    temperature = np.round(15 + 10 * np.sin(np.arange(8760) / 8760 * 2 * np.pi) + np.arange(8760) % 24 / 10, 1)
    write_epw(tmp_path / "year.epw", temperature)
    write_psm(tmp_path / "hourly.csv", temperature, (30,))
    write_psm(tmp_path / "half.csv", temperature, (0, 30))
    for name in ("year.epw", "hourly.csv", "half.csv"):
        read = read_weather(tmp_path / name)
        assert read.temperature_c == pytest.approx(temperature), name
        assert (read.latitude_deg, read.longitude_deg, read.altitude_m, read.utc_offset_hours) == (35, -80, 200, -5)
        assert read.ghi_w_per_m2[0] == 100
        assert read.wind_speed_m_per_s[0] == 3
        assert bool(read.notes) == (name == "half.csv")


def test_weather_files_that_cannot_be_used(tmp_path: Path) -> None:
    """Proves: a missing, binary or foreign file, a hole, a short year and an absurd value are `DataError`s.

    If broken: a traceback, or NaN in the plan.
    """
    fine = np.full(8760, 20.0)
    holed, hot = fine.copy(), fine.copy()
    holed[77], hot[100] = np.nan, 99.0
    write_psm(tmp_path / "holed.csv", holed, (30,))
    write_psm(tmp_path / "hot.csv", hot, (30,))
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)) * 50)
    (tmp_path / "prose.csv").write_text("to be, or not to be\n" * 20)
    (tmp_path / "empty.csv").write_text("")
    write_psm(tmp_path / "short.csv", fine, (30,))
    lines = (tmp_path / "short.csv").read_text().splitlines()
    (tmp_path / "short.csv").write_text("\n".join(lines[:8000]))
    (tmp_path / "doubled.csv").write_text("\n".join([*lines, lines[-1]]))
    for name, text in {
        "none.csv": "no such file",
        "binary.csv": "can't be read",
        "prose.csv": "can't be read",
        "empty.csv": "can't be read",
        "short.csv": "8,760",
        "doubled.csv": "doubled",
        "holed.csv": "temp_air",
        "hot.csv": "month 1, day 5, hour 4",
    }.items():
        with pytest.raises(DataError, match=text):
            read_weather(tmp_path / name)
    with pytest.raises(DataError, match="no such file"):
        read_weather(tmp_path)
