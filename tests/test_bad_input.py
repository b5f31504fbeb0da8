"""Bad input: every fault is named with where, what, got and fix; nothing but a TrainloadError ever comes out."""

import json
import os
import random
import string
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainload.catalogue.facts import load_catalogue
from trainload.errors import DataError, ScenarioError, TrainloadError
from trainload.scenario.file import dump_scenario, load_scenario, read_scenario_text
from trainload.scenario.models import Scenario, SeriesFile
from trainload.scenario.series import lay_on_calendar, read_series
from trainload.scenario.template import write_template
from trainload.supply.supply import build_supply

BASE = "name: bad\nas_of: 2026-11-01\n"


def load(folder: Path, text: str | bytes) -> str:
    """Load a scenario that must fail, and return what the error says."""
    path = folder / "bad.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    return str(caught.value)


ONE_FAULT = {
    "wrong key": ("horizon: 12\n", ["line 3", "horizon: no such field", "did you mean horizon_years?"]),
    "wrong unit": ("grid: {max_mw: 2.5 GW}\n", ["line 3", "grid.max_mw", "must be a number (MW)", "2.5 GW"]),
    "wrong date": ("start_on: 2027-02-30\n", ["line 3", "start_on", "day is out of range"]),
    "date as a number": ("start_on: 2027\n", ["start_on", "YYYY-MM-DD", "got 2027"]),
    "date in another form": ("start_on: 1/2/2027\n", ["start_on", "YYYY-MM-DD", "'1/2/2027'"]),
    "time of day": ("start_on: 2027-01-01T06:00:00\n", ["start_on", "without a time of day"]),
    "negative MW": ("grid: {max_mw: -5}\n", ["grid.max_mw", "at least 0 (MW)", "got -5"]),
    "per cent for a fraction": ("rules: {clean_matched_frac: 40}\n", ["at most 1", "got 40", "0.40"]),
    "true for a number": ("grid: {max_mw: true}\n", ["grid.max_mw", "must be a number", "got true"]),
    "infinite": ("grid: {max_mw: .inf}\n", ["grid.max_mw", "finite"]),
    "not a number": ("grid: {max_mw: .nan}\n", ["grid.max_mw"]),
    "too large for a float": ("grid: {max_mw: 1e999}\n", ["grid.max_mw", "finite"]),
    "half a year": ("horizon_years: 2.5\n", ["horizon_years", "whole number (years)", "got 2.5"]),
    "horizon before start": ("start_on: 2020-01-01\n", ["start_on", "must not be before as_of 2026-11-01"]),
    "wanted after the horizon": (
        "programme: {generations: {G1: {wanted_on: 2050-01-01}}}\n",
        ["programme.generations.G1.wanted_on", "before the horizon ends (2038-11-01)"],
    ),
    "unknown chip": (
        "programme: {generations: {G1: {wanted_on: 2030-01-01, chip: gb20}}}\n",
        ["programme.generations.G1.chip", "no such chip", "did you mean gb200"],
    ),
    "unknown option": ("options: {ccgtt: {max_mw: 3}}\n", ["options.ccgtt", "no such option", "did you mean ccgt"]),
    "unknown like": ("options: {mine: {like: solr}}\n", ["options.mine.like", "did you mean solar"]),
    "unknown gate": ("options: {ccgt: {gates: [gas_latral]}}\n", ["no such gate", "did you mean gas_lateral"]),
    "unknown profile": ("options: {solar: {availability: sun}}\n", ["options.solar.availability", "no such avail"]),
    "unknown region": ("site: {grid_region: SRVCC}\n", ["site.grid_region", "did you mean SRVC"]),
    "unknown factor of choice": ("plan: {mode: cheep}\n", ["cheapest, fastest, cleanest", "did you mean cheapest"]),
    "own option half said": ("options: {mine: {kind: source}}\n", ["options.mine", "also needs", "delivery"]),
    "own chip half said": ("chips: {mine: {tdp_w: 700}}\n", ["chips.mine", "bf16_flop_per_s"]),
    "cyclic steps": (
        "gates:\n  line:\n    steps:\n"
        "      a: {p10_months: 1, p50_months: 2, p90_months: 3, after: [b]}\n"
        "      b: {p10_months: 1, p50_months: 2, p90_months: 3, after: [c]}\n"
        "      c: {p10_months: 1, p50_months: 2, p90_months: 3, after: [a]}\n",
        ["gates.line.steps", "in a circle", "a -> b -> c -> a"],
    ),
    "cyclic gates": (
        "gates:\n  gas_tap:\n    steps:\n"
        "      a: {p10_months: 1, p50_months: 2, p90_months: 3, after: ['gate:gas_lateral']}\n"
        "  gas_lateral:\n    steps:\n"
        "      a: {p10_months: 1, p50_months: 2, p90_months: 3, after: ['gate:gas_tap']}\n",
        ["gates: they wait for each other in a circle", "gas_lateral -> gas_tap -> gas_lateral"],
    ),
    "own option without steps": (
        "options: {mine: {kind: source, delivery: onsite, carrier: x, capex_usd_per_mw: 1, steps: {}}}\n",
        ["options.mine", "lead_p10_months, lead_p50_months and lead_p90_months"],
    ),
    "unknown step": (
        "gates: {line: {steps: {permit: {p10_months: 1, p50_months: 2, p90_months: 3, after: [permitt]}}}}\n",
        ["gates.line.steps.permit.after", "no such step", "did you mean permit"],
    ),
    "percentiles out of order": (
        "gates: {line: {steps: {a: {p10_months: 5, p50_months: 2, p90_months: 3}}}}\n",
        ["gates.line.steps.a", "p10_months <= p50_months <= p90_months"],
    ),
    "lead times out of order": (
        "options: {ccgt: {lead_p10_months: 9, lead_p50_months: 5, lead_p90_months: 12}}\n",
        ["options.ccgt.lead_p50_months", "P10 <= P50 <= P90"],
    ),
    "one lead time of three": ("options: {ccgt: {lead_p50_months: 5}}\n", ["lead_p10_months and lead_p90_months"]),
    "least over most": ("options: {ccgt: {min_mw: 9, max_mw: 5}}\n", ["options.ccgt.min_mw", "max_mw"]),
    "nothing named": ("option_set: named\n", ["option_set", "no option is named"]),
    "generations out of order": (
        "programme: {generations: {B: {wanted_on: 2031-01-01}, A: {wanted_on: 2030-01-01}}}\n",
        ["programme.generations.A.wanted_on", "in order"],
    ),
    "goal after the horizon": ("rules: {clean_from_on: 2090-01-01}\n", ["rules.clean_from_on", "horizon"]),
    "uncertain path": ("uncertain: {money.wac: {low: 1, mid: 2, high: 3}}\n", ["did you mean wacc_frac"]),
    "uncertain text": ("uncertain: {name: {low: 1, mid: 2, high: 3}}\n", ["only a number can be uncertain"]),
    "bad variant": ("variants: {v: {grid.max_mw: -1}}\n", ["variant v: grid.max_mw", "at least 0"]),
    "unknown variant path": ("variants: {v: {grd.max_mw: 1}}\n", ["variants.v", "did you mean grid"]),
    "missing weather": ("site: {weather_file: no.csv}\n", ["site.weather_file", "no such file"]),
    "missing series": ("site: {price: {file: no.csv, column: a, unit: USD/MWh}}\n", ["site.price", "no such file"]),
    "heading alone": ("money:\n", ["money", "leave the heading out"]),
    "list for a mapping": ("options: [ccgt]\n", ["options", "key: value"]),
    "name": ("options: {'a b': {like: ccgt}}\n", ["options.a b", "a name must start with a letter"]),
    "given twice": ("seed: 1\nseed: 2\n", ["line 4", "seed: given twice", "line 3"]),
    "tab": ("grid:\n\tmax_mw: 3\n", ["line 4", "indent with spaces, not tabs"]),
    "colon in text": ("title: one: two\n", ["line 3", "not valid YAML", "quote text"]),
    "foreign tag": ("title: !!python/object:os.system ls\n", ["line 3", "unknown YAML tag"]),
    "alias to nothing": ("title: *nobody\n", ["undefined alias"]),
    "second document": ("---\nname: x\n", ["second document"]),
    "endless number": (f"seed: {'9' * 5000}\n", ["line 3", "seed", "not a value"]),
    "alias in itself": ("options: &a {ccgt: *a}\n", ["refers to itself"]),
}


@pytest.mark.parametrize("fault", ONE_FAULT)
def test_each_fault_is_named(fault: str, tmp_path: Path) -> None:
    """Proves: where, what, got and fix stand in the message, and the message is about this fault alone."""
    text, parts = ONE_FAULT[fault]
    message = load(tmp_path, BASE + text)
    for part in parts:
        assert part in message
    assert "problems" not in message
    assert len(message) < 500


def test_deep_values_are_refused(tmp_path: Path) -> None:
    assert "nested too deeply: 20 levels" in load(tmp_path, BASE + "options: " + "{a: " * 40 + "1" + "}" * 40)
    assert "nested too deeply; at most 20" in load(tmp_path, BASE + "options: " + "[" * 1000)


def test_a_chip_of_the_future_is_not_known_then(tmp_path: Path) -> None:
    text = "name: bad\nas_of: 2024-01-01\nprogramme: {generations: {G: {wanted_on: 2030-01-01, chip: vr200}}}\n"
    assert "G.chip: this chip was announced after as_of 2024-01-01, and is not known then" in load(tmp_path, text)


def test_all_problems_come_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    """Proves: fields, YAML values, names and graphs are reported together.

    If broken: a user mends one fault, runs again, and meets the next, five times over.
    """
    text = (
        "nam: x\nas_of: 2026-13-01\nhorizon_years: 12.5\nsite:\n  latitude_deg: 95\n  grid_region: SRV\n"
        "options:\n  ccgtt: {max_mw: -3}\n  own: {kind: source, delivery: onsite, carrier: x, capex_usd_per_mw: 1,\n"
        "    steps: {a: {p10_months: 1, p50_months: 0, p90_months: 3, after: [b]},\n"
        "      b: {p10_months: 1, p50_months: 2, p90_months: 3, after: [a, cc]}}}\n"
        "programme: {generations: {G1: {wanted_on: 2030-01-01, chip: gb20}}}\n"
    )
    message = load(tmp_path, text)
    parts = [
        "line 1  name: is required",
        "line 1  nam: no such field; did you mean name?",
        "line 2  as_of: not a value",
        "line 3  horizon_years: must be a whole number",
        "line 5  site.latitude_deg: must be at most 90",
        "line 6  site.grid_region: no such region",
        "line 8  options.ccgtt: no such option",
        "line 8  options.ccgtt.max_mw: must be at least 0",
        "line 10  options.own.steps.a: p10_months <=",
        "line 11  options.own.steps.b.after: no such step",
        "line 12  programme.generations.G1.chip: no such chip",
    ]
    for part in parts:
        assert part in message
    assert message.startswith(f"scenario bad.yaml has {len(parts)} problems:")
    lines = [int(line.split()[1]) for line in message.splitlines()[1:]]
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "the file is empty"),
        (b"# only a comment\n", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"PK\x03\x04\x00\x00\x08", "not a text file"),
        (bytes(range(1, 256)) * 20, "line"),
        ("name: bad\n".encode("utf-16"), "not a text file"),
        (b"name: bad\nas_of: 2026-11-01\ntitle: caf\xe9\n", "line 3  this is not UTF-8"),
        (b"- a\n- b\n", "`key: value` lines"),
        (b"42\n", "`key: value` lines"),
        (b"<!DOCTYPE html><html></html>", "`key: value` lines"),
        (b"{{{{", "not valid YAML"),
        (b"name: bad\x07\n", "not valid YAML"),
    ],
)
def test_files_that_are_no_scenario(content: bytes, part: str, tmp_path: Path) -> None:
    assert part in load(tmp_path, content)


def test_an_alias_bomb_is_refused_at_once(tmp_path: Path) -> None:
    """Proves: size is counted before anything is expanded. If broken: 9^11 values, and no memory left."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    started = time.perf_counter()
    assert "aliases expand to more than" in load(tmp_path, "\n".join(lines))
    merged = ["b0: &b0 {x: 1}"] + [
        f"b{i}: &b{i} {{<<: [{', '.join([f'*b{i - 1}'] * 9)}], y{i}: 1}}" for i in range(1, 12)
    ]
    assert "aliases expand to more than" in load(tmp_path, "\n".join(merged))
    assert time.perf_counter() - started < 2


def test_a_hundred_megabytes_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    started = time.perf_counter()
    with pytest.raises(ScenarioError, match=r"at most 250,000 bytes are read, got 100,000,000 bytes"):
        load_scenario(path)
    assert time.perf_counter() - started < 0.5


def test_the_largest_file_that_is_read_ends_soon_and_shows_the_first_problems(tmp_path: Path) -> None:
    text = BASE + "options:\n" + "".join(f"  o{i}: {{max_mw: -1}}\n" for i in range(700))
    message = load(tmp_path, text)
    assert len(message.splitlines()) < 120
    assert "more problems" in message


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    for name, part in (
        (str(tmp_path), "a folder"),
        (str(pipe), "not a regular file"),
        ("/dev/zero", "not a regular file"),
        (str(tmp_path / "none.yaml"), "no such file"),
        ("gigawat", "did you mean gigawatt"),
        ("x" * 5000, "can't be the name"),
        ("a\0b", "no such file"),
        ("", "folder"),
    ):
        with pytest.raises(ScenarioError, match=part):
            load_scenario(name)


def test_set_and_variant_are_named_as_the_place(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(BASE + "variants:\n  low:\n    grid.max_mw: -3\n")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, patches=[("options.ccgt.max_mw", -1), ("optons.x", 3)], variant="lo")
    text = str(caught.value)
    assert "--set options.ccgt.max_mw  options.ccgt.max_mw: must be at least 0 (MW), got -1" in text
    assert "--set optons.x  optons.x: the scenario has no field 'optons'; did you mean options" in text
    assert "--variant  there is no variant 'lo'; did you mean low?" in text
    with pytest.raises(ScenarioError, match=r"line 5  grid.max_mw: must be at least 0"):
        load_scenario(path, variant="low")


# ---- series -------------------------------------------------------------------------------------------------------


def write_series(folder: Path, values: list[Any], *, starts_at: datetime | None = None, name: str = "s.csv") -> Path:
    """Write a column `value`, with a column `time` of consecutive hours where a start is given."""
    path = folder / name
    if starts_at is None:
        path.write_text("value\n" + "".join(f"{v}\n" for v in values))
    else:
        times = [starts_at + timedelta(hours=i) for i in range(len(values))]
        path.write_text(
            "time,value\n" + "".join(f"{t:%Y-%m-%dT%H:%M},{v}\n" for t, v in zip(times, values, strict=True))
        )
    return path


def series_error(path: Path, *, timed: bool = False, unit: str = "USD/MWh", column: str = "value") -> str:
    series = SeriesFile(file=path.name, column=column, unit=unit, time_column="time" if timed else None)
    with pytest.raises(DataError) as caught:
        read_series(series, path.parent, quantity="price", utc_offset_hours=-5)
    return str(caught.value)


def test_a_series_says_what_is_wrong_with_which_row(tmp_path: Path) -> None:
    """Proves: short, holed, wrong column and wrong unit are found, with row numbers as an editor shows them."""
    year: list[Any] = [50.0] * 8760
    assert "8,760 or 8,784 hours, got 8,755 rows" in series_error(write_series(tmp_path, year[:-5]))
    holed = [*year]
    holed[17], holed[4000] = "nan", ""
    message = series_error(write_series(tmp_path, holed))
    assert "row 19  a number is missing, got 'nan'" in message
    assert "row 4002  " in message
    many = series_error(write_series(tmp_path, ["x"] * 8760))
    assert "row 2  a number is missing" in many
    assert "and 8,755 more rows" in many
    path = write_series(tmp_path, year)
    assert "there is no such column, got 'price'; columns: value" in series_error(path, column="price")
    assert "unit can't be used here, got MW; give one of USD/MWh, USD/kWh" in series_error(path, unit="MW")
    assert "must be in" in series_error(write_series(tmp_path, [1e9, *year[1:]]))
    both = series_error(write_series(tmp_path, holed[:-5]), unit="EUR")
    assert "has 4 problems" in both


def test_leap_days_must_match_the_calendar(tmp_path: Path) -> None:
    """Proves: a year with times has a 29 February exactly where the calendar has one.

    If broken: from March on every hour would be a day off.
    """
    start = datetime(2028, 1, 1)
    times = [start + timedelta(hours=i) for i in range(8784)]
    no_leap = [t for t in times if (t.month, t.day) != (2, 29)]
    path = tmp_path / "leap.csv"
    path.write_text("time,value\n" + "".join(f"{t:%Y-%m-%d %H:%M},1\n" for t in no_leap))
    assert "row 1418  29 February 2028 is missing" in series_error(path, timed=True)
    message = series_error(write_series(tmp_path, [1] * 8760, starts_at=start), timed=True)
    assert "2028 has 8,784 hours, got 8,760 rows" in message
    message = series_error(write_series(tmp_path, [1] * 8784, starts_at=datetime(2027, 1, 1)), timed=True)
    assert "2027 has 8,760 hours, got 8,784 rows" in message


def test_hours_must_follow_each_other(tmp_path: Path) -> None:
    """Proves: daylight saving time, gaps, doubled hours and unreadable times are told apart."""
    start = datetime(2027, 1, 1)
    times = [start + timedelta(hours=i) for i in range(8760)]

    def write(lines: list[str]) -> Path:
        path = tmp_path / "t.csv"
        path.write_text("time,value\n" + "".join(f"{line},1\n" for line in lines))
        return path

    texts = [f"{t:%Y-%m-%dT%H:%M}" for t in times]
    spring = texts.index("2027-03-14T02:00")
    autumn = texts.index("2027-11-07T01:00")
    summer = [*texts[:spring], *texts[spring + 1 : autumn], texts[autumn], *texts[autumn:]]
    assert "daylight saving time" in series_error(write(summer), timed=True)
    gap = series_error(write([*texts[:100], *texts[103:]]), timed=True)
    assert "row 102  hours must follow each other, got 2027-01-05 07:00 after 2027-01-05 03:00" in gap
    assert "comes twice or out of order" in series_error(write([*texts[:100], *texts[99:]]), timed=True)
    assert "row 5  must be a time" in series_error(write([*texts[:3], "noon", *texts[4:]]), timed=True)
    half = [f"{t + timedelta(minutes=30):%Y-%m-%dT%H:%M}" for t in times[:24]]
    assert "start on the hour" in series_error(write(half), timed=True)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "the file is empty"),
        (b"a\0b", "a zero byte"),
        (b"<html>", "a web page"),
        (b"value;x\n1;2\n", "separate columns by commas"),
        (b"value,x\n1\n", "another number of columns"),
        (b"value\n\xe9\n", "row 2  this is not UTF-8"),
    ],
)
def test_files_that_are_no_series(content: bytes, part: str, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(content)
    assert part in series_error(path)


def test_a_typical_year_is_laid_on_every_calendar_year_by_local_date(tmp_path: Path) -> None:
    """Proves: value = hour of the local standard year; 29 February takes 28 February's; UTC is shifted by -5 h."""
    path = write_series(tmp_path, list(range(8760)))
    series = SeriesFile(file=path.name, column="value", unit="USD/MWh")
    read = read_series(series, tmp_path, quantity="price", utc_offset_hours=-5)
    assert read.notes[0].text.endswith("29 February takes 28 February's values")
    hours = pd.date_range("2027-01-01T05:00", "2029-01-01T05:00", freq="h", tz="UTC", inclusive="left")
    values = lay_on_calendar(read, hours)
    np.testing.assert_array_equal(values[:8760], np.arange(8760))
    leap = values[8760:]
    np.testing.assert_array_equal(leap[: 59 * 24], np.arange(59 * 24))
    np.testing.assert_array_equal(leap[59 * 24 : 60 * 24], np.arange(58 * 24, 59 * 24))
    np.testing.assert_array_equal(leap[60 * 24 :], np.arange(59 * 24, 8760))
    assert lay_on_calendar(read, hours[:0]).shape == (0,)


def test_a_leap_typical_year_leaves_its_29_february_out_in_common_years(tmp_path: Path) -> None:
    path = write_series(tmp_path, [i / 1000 for i in range(8784)], starts_at=datetime(2028, 1, 1))
    series = SeriesFile(file=path.name, column="value", unit="USD/kWh", time_column="time", utc_offset_hours=0)
    read = read_series(series, tmp_path, quantity="price", utc_offset_hours=-5)
    hours = pd.date_range("2027-01-01", "2028-01-01", freq="h", tz="UTC", inclusive="left")
    values = lay_on_calendar(read, hours)
    expected = np.r_[np.arange(59 * 24), np.arange(60 * 24, 8784)]
    np.testing.assert_allclose(values, expected)


def test_values_are_scaled_into_their_unit(tmp_path: Path) -> None:
    """Proves: MW of a 250 MW wind farm become an availability; what does not fit is shown after scaling."""
    path = write_series(tmp_path, [50, 250] * 4380)
    series = SeriesFile(file=path.name, column="value", unit="fraction", scale=1 / 250)
    read = read_series(series, tmp_path, quantity="availability", utc_offset_hours=0)
    np.testing.assert_allclose(read.values[:2], [0.2, 1.0])
    wrong = SeriesFile(file=path.name, column="value", unit="fraction", scale=1 / 200)
    with pytest.raises(DataError, match=r"row 3  must be in \[0, 1\] fraction, got 1.25"):
        read_series(wrong, tmp_path, quantity="availability", utc_offset_hours=0)


def test_a_calendar_series_is_used_as_it_stands_and_must_cover_the_hours(tmp_path: Path) -> None:
    """Proves: offsets in the file are honoured, and a short file is refused rather than repeated."""
    path = tmp_path / "c.csv"
    times = [datetime(2026, 12, 1, tzinfo=UTC) + timedelta(hours=i) for i in range(24 * 100)]
    path.write_text("time,value\n" + "".join(f"{t.isoformat()},{i}\n" for i, t in enumerate(times)))
    series = SeriesFile(file=path.name, column="value", unit="USD/MWh", time_column="time")
    read = read_series(series, tmp_path, quantity="price", utc_offset_hours=-5)
    assert read.kind == "calendar"
    hours = pd.date_range("2027-01-01", periods=48, freq="h", tz="UTC")
    np.testing.assert_array_equal(lay_on_calendar(read, hours), np.arange(31 * 24, 33 * 24))
    with pytest.raises(DataError, match="ends before the horizon does"):
        lay_on_calendar(read, pd.date_range("2027-03-01", periods=24 * 30, freq="h", tz="UTC"))
    text = BASE + "site: {price: {file: c.csv, column: value, unit: USD/MWh, time_column: time}}\n"
    message = load(tmp_path, text)
    assert "site.price (c.csv): starts after the horizon does" in message
    assert "ends before the horizon does" in message


def test_series_of_the_wrong_kind_are_found_by_check(tmp_path: Path) -> None:
    write_series(tmp_path, [0.5] * 8759 + [1.2])
    text = BASE + "site: {availability: {wind: {file: s.csv, column: value, unit: fraction}}}\n"
    message = load(tmp_path, text)
    assert "line 3  site.availability.wind (s.csv, row 8761): must be in [0, 1] fraction" in message


def test_a_gate_that_is_left_out_is_not_waited_for() -> None:
    """Proves: `enabled: false` takes a gate out of options' and of other gates' step graphs, with a note."""
    text = BASE + (
        "gates:\n  gas_tap: {enabled: false}\n  gas_lateral:\n    steps:\n"
        "      a: {p10_months: 1, p50_months: 2, p90_months: 3, after: ['gate:gas_tap']}\n"
    )
    supply = build_supply(read_scenario_text(text), load_catalogue())
    assert "gas_tap" not in supply.gate_ids
    assert all("gate:gas_tap" not in step.after for gate in supply.gates for step in gate.steps)
    assert any("does not wait for gas_tap" in note.text for note in supply.notes)


# ---- random files -------------------------------------------------------------------------------------------------

TEMPLATE = write_template("fuzz", as_of=datetime(2026, 1, 1).date())
SEEDS = (
    TEMPLATE,
    TEMPLATE.replace("#", ""),
    dump_scenario(load_scenario("gigawatt").scenario),
    dump_scenario(load_scenario("garman").scenario),
)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.dates().map(str),
    st.text(max_size=8),
    st.sampled_from(["5e25", "ccgt", "gate:substation", "-1", "1e999", "2027-02-30", "[", "{a: 1}", "~", "*a", "&a"]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(string.ascii_letters, min_size=1, max_size=6), st.integers(), max_size=3),
)


def paths_of(data: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in data.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from paths_of(value, (*path, key))


def outcome(text: str | bytes) -> Scenario | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        try:
            return load_scenario(path).scenario
        except TrainloadError as error:
            assert error.problems
            return None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(st.data())
def test_random_values_anywhere_give_a_scenario_or_an_error_of_ours(data: st.DataObject) -> None:
    """Proves: whatever stands at whatever path, loading ends in a valid scenario or a TrainloadError.

    If broken: a user sees a traceback of pydantic, ruamel or our own.
    """
    full = {
        "name": "fuzz",
        "as_of": "2026-01-01",
        "programme": {"generations": {"G1": {"wanted_on": "2030-01-01", "chip": "gb300"}}},
        "options": {"ccgt": {"max_mw": 5, "gates": ["substation"], "steps": {"a": {"p10_months": 1}}}},
        "gates": {"line": {"lead_p50_months": 3}},
        "site": {"price": {"file": "a", "column": "b", "unit": "MW"}, "availability": {}},
        "variants": {"v": {"grid.max_mw": 3}},
        "uncertain": {"grid.max_mw": {"low": 1, "mid": 2, "high": 3}},
        "plan": {"mode": "cheapest"},
    }
    for path in data.draw(st.lists(st.sampled_from(list(paths_of(full))), min_size=1, max_size=4)):
        here: Any = full
        for key in path[:-1]:
            here = here.get(key) if isinstance(here, dict) else None
        if isinstance(here, dict):
            here[path[-1]] = data.draw(ODD)
            if data.draw(st.booleans()):
                here[data.draw(st.text(max_size=5))] = data.draw(ODD)
    found = outcome(_as_yaml(full))
    if found is not None:
        assert outcome(dump_scenario(found)) is not None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(st.integers(0, 2**32), st.sampled_from(range(len(SEEDS))))
def test_damaged_files_give_a_scenario_or_an_error_of_ours(seed: int, which: int) -> None:
    """Proves: the same for text with characters lost, doubled, swapped and cut."""
    chance = random.Random(seed)
    text = list(SEEDS[which][:4000])
    for _ in range(chance.randint(1, 12)):
        place = chance.randrange(len(text))
        kind = chance.randrange(4)
        if kind == 0:
            del text[place : place + chance.randint(1, 9)]
        elif kind == 1:
            text.insert(place, chance.choice(":#-{}[]&*!|>'\"%@`,?\t\n 0é\u2028\ud800\x00"))
        elif kind == 2:
            text[place] = chance.choice(string.printable)
        else:
            other = chance.randrange(len(text))
            text[place:place] = text[other : other + 30]
    outcome("".join(text))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.binary(max_size=300))
def test_random_bytes_give_an_error_of_ours(content: bytes) -> None:
    assert outcome(content) is None


def _as_yaml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)  # JSON is YAML 1.2
