"""A small scenario through every stage, its folder, and the report made from it."""

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from trainload.audit.audit import audit_tables
from trainload.errors import DataError
from trainload.report.page import render_report
from trainload.scenario.file import LoadedScenario, load_scenario
from trainload.study.assemble import GENERATION_KEYS, PLAN_KEYS
from trainload.study.folder import StudyTables, load_study, replacing_folder, require_free, save_study
from trainload.study.run import compute_study, run_study
from trainload.tables import TABLES, column_kind

SMALL = """
name: small
as_of: 2026-11-01
start_on: 2027-01-01
horizon_years: 6
option_set: named
programme:
  generations:
    G1: {wanted_on: 2029-01-01, facility_peak_mw: 200}
    G2: {wanted_on: 2030-01-01, facility_peak_mw: 500}
options:
  grid_firm: {}
  grid_interruptible: {max_mw: 150}
  engines: {}
  wind_ppa: {}
  battery_4h: {}
rules: {clean_matched_frac: 0.3, clean_from_on: 2030-01-01}
plan: {hours: sampled, sampled_hours: 504}
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedScenario:
    path = tmp_path_factory.mktemp("scenario") / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return load_scenario(path)


@pytest.fixture(scope="module")
def study(loaded: LoadedScenario) -> StudyTables:
    return compute_study(loaded)


def test_report_of_a_loaded_study_is_the_report_of_the_study(study: StudyTables, tmp_path: Path) -> None:
    """Proves: the folder holds all that the report says. If broken: a dtype, a date or a gap changed on the way."""
    folder = save_study(tmp_path / "study", study)
    again = load_study(folder)
    assert again.summary == study.summary
    for name, table in study.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table, check_exact=True)
    assert render_report(again) == render_report(study)


def test_tables_pass_the_audit_before_and_after_the_folder(study: StudyTables, tmp_path: Path) -> None:
    """Proves: balance, limits, levels, budgets and money are recomputed from the files alone. If broken: rounding."""
    folder = save_study(tmp_path / "study", study)
    for tables in (study.tables, load_study(folder).tables):
        audit = audit_tables(tables)
        assert audit.passed(1e-5), audit.findings


def test_a_changed_coefficient_in_the_ledger_is_caught(study: StudyTables) -> None:
    """Proves: the audit recomputes each term by itself. If broken: it reads the ledger it should check."""
    ledger = study.tables["ledger"].copy()
    row = ledger.index[ledger.term == "fuel"][0]
    ledger.loc[row, ["usd", "usd_present"]] *= 1.01
    assert audit_tables({**study.tables, "ledger": ledger}).ledger_error > 1e-4


def test_every_table_follows_its_schema(study: StudyTables) -> None:
    """Proves: columns in order, dates as ISO text, numbers as floats. If broken: a column was lost or renamed."""
    for name, table in study.tables.items():
        assert list(table.columns)[: len(TABLES[name])] == list(TABLES[name])
        for column in table.columns:
            kind = column_kind(str(column))
            if kind == "date":
                assert all(text == "" or date.fromisoformat(text) for text in table[column])
            elif kind == "number":
                assert table[column].dtype == float


def test_summary_keeps_its_contract(study: StudyTables) -> None:
    """Proves: every key of the contract is there and is JSON. If broken: a reader of summary.json fails."""
    summary = json.loads(json.dumps(study.summary, allow_nan=False))
    assert list(summary) == [
        "scenario", "as_of", "seed", "version", "forecast", "generations", "plan", "orders", "hedge", "checks",
    ]  # fmt: skip
    assert set(summary["plan"]) == set(PLAN_KEYS)
    assert all(set(g) == set(GENERATION_KEYS) for g in summary["generations"])
    odds = summary["forecast"]["record_run"]
    assert summary["forecast"]["basis"] == "facility_peak"
    chances = [odds[year]["p_ge_1gw"] for year in sorted(odds)]
    assert chances == sorted(chances), "odds of a record never fall"
    assert set(summary["checks"]) == {"ledger_error", "balance_error", "limit_error", "level_error", "budget_error"}
    assert all(value < 1e-5 for value in summary["checks"].values())


def test_orders_come_in_time_and_whole(study: StudyTables) -> None:
    """Proves: no order before the first day, none arriving before it was placed. If broken: lead times ignored."""
    orders = study.tables["orders"]
    assert len(orders) > 0
    assert (orders.order_on >= "2027-01-01").all()
    assert (orders.arrive_on > orders.order_on).all()
    assert (orders.arrive_p80_on >= orders.arrive_p50_on).all()


def test_plan_beats_the_base_case(study: StudyTables) -> None:
    """Proves: with more options than firm grid the plan is never dearer. If broken: the cases differ in more."""
    totals = study.tables["comparison"].query("measure == 'total_present'").set_index("case").value
    assert totals["goals_dropped"] <= totals["base"] * (1 + 1e-6)
    assert totals["goals_dropped"] <= totals["goals_kept"] * (1 + 1e-6)


def test_sampled_weeks_say_their_error(study: StudyTables) -> None:
    """Proves: one full year was operated and the note gives a finite difference. If broken: nan or no note."""
    notes = study.tables["notes"]
    text = notes.loc[notes.subject == "plan.sampling", "text"]
    assert len(text) == 1
    assert "nan" not in text.iloc[0]


def test_weights_sum_to_the_hours_of_the_years(study: StudyTables) -> None:
    """Proves: sampled weeks stand for every hour of the years with power. If broken: energy is lost or doubled."""
    operation, blocks, periods = (study.tables[k] for k in ("operation", "blocks", "periods"))
    hours = periods.set_index("period_on").hours
    assert operation.weight_hours.sum() == pytest.approx(sum(hours[p] for p in set(blocks.period_on)), rel=1e-9)


def test_ledger_sums_to_the_objective(study: StudyTables) -> None:
    """Proves: the report's ledger is the objective. If broken: a term is counted twice or not at all."""
    total = study.tables["ledger"].usd_present.sum()
    assert total == pytest.approx(study.summary["plan"]["objective_usd"], rel=1e-9)


def test_study_scores_its_forecast_and_ranks_what_moves_it(study: StudyTables) -> None:
    """Proves: compute and power are scored at 1-3 years beside simple methods, and each answer has its drivers.

    If broken: the report shows odds without their record, or a tornado that turns around another number.
    """
    scores, drivers = study.tables["backtest"], study.tables["drivers"]
    cells = scores[scores["split"] == "pooled"].groupby("target")["horizon_years"].agg(set)
    assert cells["compute"] == cells["power"] == {1.0, 2.0, 3.0}
    assert {"trainload", "local_trend", "mix", "persistence"} <= set(scores["model"])
    assert scores["truth_on"].max() <= "2026-11-01" and scores["crps_oom"].gt(0).all()
    medians = drivers[drivers["result"].str.endswith(".p50_mw")]
    year = medians["result"].iloc[0].split(".")[1]
    odds = drivers.loc[drivers["result"] == f"record_run.{year}.p_ge_1gw", "result_mid"]
    told = study.summary["forecast"]["record_run"]
    assert medians["result_mid"].unique() == pytest.approx([told[year]["p50_mw"]])
    assert odds.unique() == pytest.approx([told[year]["p_ge_1gw"]])
    assert min(abs(o["p_ge_1gw"] - 0.5) for o in told.values()) == abs(told[year]["p_ge_1gw"] - 0.5)
    peak = drivers.loc[drivers["result"] == "G1.flop", "result_mid"]
    assert peak.unique() == pytest.approx([study.summary["generations"][0]["flop"]]), "G1 states its peak, not its FLOP"
    assert drivers["grade"].isin(["A", "B", "C"]).all() and drivers["source"].ne("").all()


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    """Proves: Ctrl-C while writing leaves no folder and keeps the old one. If broken: a half-written study."""
    target = tmp_path / "study"
    with pytest.raises(KeyboardInterrupt), replacing_folder(target) as scratch:
        (scratch / "half").write_text("x", encoding="utf-8")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_study_is_never_replaced(tmp_path: Path) -> None:
    """Proves: a user's folder is safe, with or without overwrite. If broken: data loss."""
    (tmp_path / "thesis.txt").write_text("x", encoding="utf-8")
    for overwrite in (False, True):
        with pytest.raises(DataError, match="holds no study"):
            require_free(tmp_path, overwrite=overwrite)


def test_run_writes_a_folder_with_its_report(
    loaded: LoadedScenario, tmp_path: Path, monkeypatch: Any, study: Any
) -> None:
    """Proves: `run` ends in a whole folder and says so. If broken: no report, or a second run destroys the first."""
    monkeypatch.setattr("trainload.study.run.compute_study", lambda *_args, **_kwargs: study)
    result = run_study(loaded, tmp_path / "out")
    assert (result.folder / "report.html").stat().st_size < 2_000_000
    assert result.headline.startswith("Order ")
    with pytest.raises(DataError, match="overwrite"):
        run_study(loaded, tmp_path / "out")
    assert not math.isnan(float((result.folder / "summary.json").stat().st_size))
