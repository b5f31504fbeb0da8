"""Epoch AI's data centres and hardware, read as they come."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from trainload.errors import DataError
from trainload.forecast.exports import detect_export, import_campuses, import_chips, import_export
from trainload.forecast.forecast import forecast_power
from trainload.scenario.models import Scenario

TIMELINES = """Data center,Date,Construction status,Buildings operational,IT power (MW),Power (MW),H100 equivalents
North,2024-02-09,Land clearing begins,0.0,0.0,0.0,0.0
North,2025-06-23,"Buildings 1-7, operational",7.0,398.0,478.0,300151.6
North,2026-12-01,Buildings 8-9 expected,9.0,600.0,720.0,
South,2026-13-45,typing error,1.0,10,12,
South,2026-01-05,a meter that runs backwards,1.0,10,-12,
South,2026-02-05,,1.0,10,12,
South,2026-02-05,,1.0,10,12,
"""
CENTRES = """Current power (MW),Name,Owner,Users,Address,Current chip types,Energy companies
398,North,Amazon #confident,"Anthropic #confident, Meta #likely",Indiana,Trainium2,AEP
"""
HARDWARE = """TDP (W),Hardware name,Manufacturer,Release date,Tensor-FP16/BF16 performance (FLOP/s),Memory (Byte)
700,NVIDIA H100 SXM5 80GB,NVIDIA,2022-03-22,9.89e14,8e10
-1,Broken,NVIDIA,2023-01-01,1e14,
1000,Future,NVIDIA,2031-01-01,1e16,
700,NVIDIA H100 SXM5 80GB,NVIDIA,2022-03-22,9.89e14,8e10
"""


def folder(tmp_path: Path) -> Path:
    (tmp_path / "data_center_timelines.csv").write_text(TIMELINES, encoding="utf-8")
    (tmp_path / "data_centers.csv").write_text(CENTRES, encoding="utf-8")
    return tmp_path


def test_a_timeline_becomes_states_and_plans(tmp_path: Path) -> None:
    """Proves: facility, not IT, power; zero is building, later than the file is planned and known on its day.

    If broken: 398 MW of IT load passes as the campus, or a hoped-for building as history.
    """
    got = import_campuses(folder(tmp_path), snapshot_on=date(2026, 9, 1))
    north = got.rows[got.rows["campus"] == "North"].set_index("status")
    assert north.loc["operating", "facility_mw"] == 478
    assert north.loc["operating", "it_mw"] == 398
    assert north.loc["planned", "known_on"] == pd.Timestamp("2026-09-01")
    assert north.loc["building", "facility_mw"] == 0
    assert north.loc["operating", "operator"] == "Amazon"
    assert north.loc["operating", "users"] == "Anthropic, Meta (likely)"
    assert list(got.left_out["reason"]) == [
        "no readable date",
        "power is negative",
        "the same campus, date and power is given before",
    ]
    assert "CC BY 4.0" in got.attribution
    alone = import_campuses(tmp_path / "data_center_timelines.csv", snapshot_on=date(2026, 9, 1))
    assert len(alone.rows) == len(got.rows)


def test_imported_campuses_feed_the_forecast(tmp_path: Path) -> None:
    """Proves: the imported rows have what the forecast reads. If broken: only the catalogue's campuses can be used."""
    lines = ["Data center,Date,Power (MW)"] + [f"C{k},{2021 + k}-03-01,{20 * 2**k}" for k in range(6)]
    path = tmp_path / "data_center_timelines_2026-11-01.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    rows = import_campuses(path).rows
    scenario = Scenario.model_validate({"name": "test", "as_of": date(2026, 11, 1)})
    table = forecast_power(scenario, campuses=rows, n_draws=256).table
    first = table[(table["target"] == "largest_campus") & (table["model"] == "trainload")].iloc[0]
    assert first["p10_mw"] >= 640


def test_hardware_is_read_with_its_units(tmp_path: Path) -> None:
    """Proves: bytes become GB, FLOP/s stay, what can't be is left out with its reason."""
    path = tmp_path / "ml_hardware_2026-08-20.csv"
    path.write_text(HARDWARE, encoding="utf-8")
    got = import_chips(path)
    assert len(got.rows) == 1
    chip = got.rows.iloc[0]
    assert (chip["bf16_flop_per_s"], chip["tdp_w"], chip["memory_gb"]) == pytest.approx((9.89e14, 700, 80))
    assert [reason.split(" (")[0] for reason in got.left_out["reason"]] == [
        "tdp_w is not positive",
        "dated after the file",
        "the same name is given before",
    ]


def test_each_export_is_told_by_its_columns(tmp_path: Path) -> None:
    """Proves: one command can read them all. If broken: hardware is read as models with odd names."""
    hardware, models = tmp_path / "h_2026-08-20.csv", tmp_path / "m_2026-08-20.csv"
    hardware.write_text(HARDWARE, encoding="utf-8")
    models.write_text("Model,Publication date,Training compute (FLOP)\nA,2024-01-01,1e24\n", encoding="utf-8")
    centres = folder(tmp_path)
    assert detect_export(hardware) == "chips"
    assert detect_export(models) == "runs"
    assert detect_export(centres) == detect_export(centres / "data_center_timelines.csv") == "campuses"
    assert len(import_export(models).rows) == 1
    assert len(import_export(hardware).rows) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Data center,Date\nA,2024-01-01", "no column for facility_mw"),
        ("Data center,Date,Power (horses)\nA,2024-01-01,5", "known units"),
        ("Data center,Date,Power (MW)\nA,never,5", "no row can be used"),
        ("<html>", "web page"),
    ],
)
def test_a_table_that_is_no_timeline_says_why(tmp_path: Path, text: str, message: str) -> None:
    """Proves: what, got and fix. If broken: a KeyError."""
    path = tmp_path / "data_center_timelines_2026-01-01.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        import_campuses(path)


def test_hardware_in_the_wrong_unit_is_refused(tmp_path: Path) -> None:
    """Proves: TFLOP/s under a FLOP/s header is caught by its size. If broken: chips 1e12 times too slow."""
    path = tmp_path / "ml_hardware_2026-08-20.csv"
    path.write_text(HARDWARE.replace("9.89e14", "989").replace("1e14", "100").replace("1e16", "1"), encoding="utf-8")
    with pytest.raises(DataError, match="can't be FLOP/s"):
        import_chips(path)
