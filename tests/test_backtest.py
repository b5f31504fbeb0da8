"""The backtest: its bars, its honesty (nothing later is used), and its published form."""

import json
import time
from datetime import date

import numpy as np
import pandas as pd
import pytest

from trainload.errors import DataError
from trainload.forecast.backtest import BASELINES, Backtest, backtest, bootstrap_se
from trainload.forecast.runs import ImportedRuns, load_frontier_runs

ORIGINS = tuple(np.arange(2018.0, 2025.76, 0.25))


@pytest.fixture(scope="module")
def scored() -> Backtest:
    start = time.process_time()
    result = backtest(origins=ORIGINS)
    assert time.process_time() - start < 8.0
    return result


def test_the_bars_are_reached_on_every_origin_that_truth_allows(scored: Backtest) -> None:
    """Proves: CRPS (OOM) of the shipped joint forecast, n = 32/28/24, is within the bars set beforehand.

    Measured: compute 0.174/0.140/0.163, power 0.138/0.124/0.138. If broken: a change made the forecast worse.
    """
    bars = {"compute": (0.20, 0.16, 0.19), "power": (0.16, 0.15, 0.15)}
    for target, limits in bars.items():
        for horizon, limit, n in zip((1, 2, 3), limits, (32, 28, 24), strict=True):
            cell = scored.cell(target, horizon, "trainload")  # type: ignore[arg-type]
            assert cell["n"] == n
            assert cell["crps"] <= limit, (target, horizon, cell["crps"])


def test_intervals_hold_about_as_often_as_they_say(scored: Backtest) -> None:
    """Proves: 80 % coverage pooled over targets and horizons lies in 70-95 %, 50 % in 40-75 %.

    If broken: intervals of coefficients instead of predictions (25-80 % of the time for the field's standard).
    """
    rows = scored.forecasts[scored.forecasts["model"] == "trainload"]
    assert 0.70 <= rows["cov80"].mean() <= 0.95
    assert 0.40 <= rows["cov50"].mean() <= 0.75


def test_it_beats_the_mix_and_the_recent_trend(scored: Backtest) -> None:
    """Proves: clearly better than the mix pooled, and in no cell of three blocks or more worse by a standard error."""
    for target in ("compute", "power"):
        better = []
        for horizon in (1, 2, 3):
            cell = scored.cell(target, horizon, "trainload")  # type: ignore[arg-type]
            better.append(cell["crps_less_mix"])
            if cell["n_blocks"] >= 3:
                assert cell["crps_less_mix"] <= cell["crps_less_mix_se"]
            assert cell["crps"] < scored.cell(target, horizon, "persistence")["crps"]  # type: ignore[arg-type]
        assert np.mean(better) < -0.05
    mean = scored.forecasts.groupby(["target", "model"])["crps"].mean()
    for target in ("compute", "power"):
        assert all(mean[target, "trainload"] < mean[target, rival] for rival in (*BASELINES, "local_trend"))
        assert mean[target, "local_trend"] < mean[target, "mix"]  # the second opinion is no straw man


def test_odds_of_a_hundred_megawatts_are_scored_beside_the_baselines(scored: Backtest) -> None:
    """Proves: Brier scores of P(>= 100 MW) are finite, below the mix's, and absent for compute."""
    power = scored.forecasts[scored.forecasts["target"] == "power"].groupby("model")["brier_100mw"].mean()
    assert power["trainload"] < power["mix"]
    assert scored.forecasts.loc[scored.forecasts["target"] == "compute", "brier_100mw"].isna().all()


def test_anyone_can_recompute_the_scores_from_the_published_forecasts(scored: Backtest) -> None:
    """Proves: JSON has ours under `trainload` and enough quantiles: twice the mean pinball loss is the CRPS within 3 %.

    If broken: scores must be believed.
    """
    published = json.loads(json.dumps(scored.to_json(), allow_nan=False))
    levels = np.array(published["quantile_levels"])
    assert scored.to_json(with_forecasts=False) == {**scored.to_json(), "origins": []}
    cell = published["targets"]["power"]["horizons"]["2"]["models"]["trainload"]
    assert {"crps", "cov50", "cov80", "bias", "n"} <= set(cell)
    mine = [
        o for o in published["origins"] if o["target"] == "power" and o["model"] == "trainload" and o["horizon"] == 2
    ]
    assert len(mine) == cell["n"] == 28
    losses = []
    for row in mine:
        miss = row["truth"] - np.array(row["quantiles"])
        losses.append(2 * np.mean(np.maximum(levels * miss, (levels - 1) * miss)))
    assert np.mean(losses) == pytest.approx(cell["crps"], rel=0.03)
    assert set(published["targets"]["compute"]["horizons"]["1"]["splits"]) == {"tuning", "holdout"}


def test_rows_after_the_origin_change_nothing_but_the_truth() -> None:
    """Proves: pseudo-real-time. If broken: the forecast of 2022 has seen GPT-4.

    All rows from 2022 on are multiplied by 1,000: forecasts stay to the last digit, truths move by three orders.
    """
    rows = load_frontier_runs()
    later = rows.copy()
    mark = later["released_on"] >= pd.Timestamp("2022-01-01")
    later.loc[mark, ["compute_flop", "rated_facility_mw"]] *= 1000
    now, then = (backtest(r, origins=[2020.0, 2022.0], horizons=[2], truth_on=date(2026, 10, 7)) for r in (rows, later))
    for a, b in zip(now.forecasts.to_dict("records"), then.forecasts.to_dict("records"), strict=True):
        np.testing.assert_array_equal(a["quantiles"], b["quantiles"])
        moved = b["truth"] - a["truth"]
        assert moved == pytest.approx(3.0 if a["origin"] == 2022.0 else 0.0)


def test_a_real_vintage_is_scored_against_a_later_table() -> None:
    """Proves: `runs` OLD against `truth` NEW. If broken: an old file is its own truth and persistence is perfect."""
    rows = load_frontier_runs()
    old = rows[rows["released_on"] < pd.Timestamp("2024-10-18")]
    file = ImportedRuns(old, pd.DataFrame(), date(2024, 10, 18), "", (), len(old))
    new = ImportedRuns(rows, pd.DataFrame(), date(2026, 10, 7), "", (), len(rows))
    result = backtest(file, truth=new, horizons=[1])
    assert result.truth_on == date(2026, 10, 7)
    assert result.forecasts["origin"].unique() == pytest.approx([2024.795], abs=1e-3)  # the file's own day
    ours = result.cell("compute", 1, "trainload", split="holdout")
    assert ours["n"] == 1
    assert ours["crps"] < result.cell("compute", 1, "persistence", split="holdout")["crps"]
    alone = backtest(file, horizons=[1])  # the catalogue is the truth
    assert alone.cell("compute", 1, "trainload", split="holdout")["crps"] == pytest.approx(ours["crps"])
    own_truth = backtest(old, origins=[2022.0], horizons=[1])
    assert any("last release" in note.text for note in own_truth.notes)


def test_the_campus_is_scored_on_what_little_there_is() -> None:
    """Proves: five one-year forecasts since 2024.75, said to mean little. If broken: five points look like proof."""
    result = backtest(target="campus")
    cell = result.cell("campus", 1, "trainload")
    assert 3 <= cell["n"] <= 8
    assert cell["crps"] < result.cell("campus", 1, "persistence")["crps"]
    assert np.isnan(cell["crps_less_mix_se"])
    assert any("mean little" in note.text for note in result.notes)


def test_origins_before_2018_are_kept_apart_as_another_regime() -> None:
    """Proves: 2014.5-2017.75 is a split of its own. If broken: pooled scores are of another period."""
    result = backtest(origins=[2016.0, 2018.0, 2023.0], horizons=[1])
    n = result.scores[result.scores["model"] == "trainload"].set_index(["target", "split"])["n"]
    assert n["power", "pooled"] == 2
    assert n["power", "early"] == n["power", "tuning"] == n["power", "holdout"] == 1
    assert any(note.kind == "warning" and "another regime" in note.text for note in result.notes)


def test_the_block_bootstrap_is_the_textbook_error_for_blocks_of_one() -> None:
    """Proves: sd/sqrt(n) for independent differences, more where neighbours agree, none with too few blocks."""
    x = np.random.default_rng(0).normal(size=400)
    assert bootstrap_se(x, block=1) == pytest.approx(x.std() / 20, rel=0.06)
    repeated = np.repeat(x[:100], 4)
    assert bootstrap_se(repeated, block=8) > 1.6 * bootstrap_se(repeated, block=1)
    assert np.isnan(bootstrap_se(x[:10], block=8))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "money"}, "no such target"),
        ({"horizons": [0]}, "whole years"),
        ({"origins": [2030.0]}, "none can be scored"),
    ],
)
def test_what_cannot_be_scored_is_an_error(settings: dict[str, object], message: str) -> None:
    """Proves: wrong settings say what is allowed. If broken: an empty table of scores."""
    with pytest.raises(DataError, match=message):
        backtest(**settings)  # type: ignore[arg-type]
