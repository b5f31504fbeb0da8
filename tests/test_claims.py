"""The claims ledger: odds from the forecast of the day, outcomes from the rows."""

from datetime import date

import pandas as pd
import pytest

from trainload.errors import DataError
from trainload.forecast.claims import Claim, judge_claims, load_claims, read_claims
from trainload.forecast.runs import load_frontier_runs
from trainload.tables import check_table


def claim(**changes: object) -> Claim:
    values = {
        "claim": "test", "who": "us", "said_on": date(2024, 10, 21), "target": "run", "year": 2028,
        "threshold": 1000.0, "unit": "MW", "grade": "C", "source": "here",
    }  # fmt: skip
    return Claim(**{**values, **changes})  # type: ignore[arg-type]


def test_the_ledger_holds_the_fields_forecasts_with_source_and_grade() -> None:
    """Proves: Garman, the article, Epoch/EPRI, RAND, Situational Awareness and Anthropic are there."""
    claims = load_claims()
    who = " ".join(c.who for c in claims)
    for name in ("Garman", "article", "EPRI", "RAND", "Situational Awareness", "Anthropic"):
        assert name in who
    assert all(c.source and c.grade in "ABC" for c in claims)


def test_odds_then_know_nothing_later_and_odds_now_do() -> None:
    """Proves: with later rows removed the odds then are the same, and a larger threshold is never likelier.

    If broken: the odds of 2024 know the run of 2026.
    """
    ledger = (claim(), claim(threshold=5000.0), claim(year=2029, threshold=5000.0))
    table = judge_claims(ledger, n_draws=1024)
    check_table("claims", table)
    rows = load_frontier_runs()
    before = rows[rows["released_on"] <= pd.Timestamp("2024-10-21")]
    blind = judge_claims(ledger, runs=before, now=date(2024, 10, 21), n_draws=1024)
    assert list(table["p_then_frac"]) == list(blind["p_then_frac"])
    one, five, later = table["p_then_frac"]
    assert 0 < five <= later <= one < 1


def test_what_happened_is_read_from_the_rows() -> None:
    """Proves: 1 GW campus: reached in March 2026 at 1,092 MW; 1 GW run: open, 307 MW; 2e25 FLOP by 2023: GPT-4.

    A year that is over without the figure is "not reached", with odds of 0. If broken: outcomes are typed in.
    """
    table = judge_claims(
        (
            claim(target="campus", year=2026),
            claim(),
            claim(target="compute", year=2023, said_on=date(2022, 6, 1), threshold=2e25, unit="FLOP"),
            claim(target="run", year=2025, said_on=date(2024, 1, 1)),
        ),
        n_draws=512,
    ).set_index(["target", "year"])
    assert table.loc[("campus", 2026), "happened"] == "reached: Anthropic-Amazon New Carlisle, 1,092 MW, 2026-03"
    assert table.loc[("campus", 2026), "p_now_frac"] == 1
    assert table.loc[("run", 2028), "happened"].startswith("open: largest so far GPT-6 Astra, 307 MW")
    assert table.loc[("compute", 2023), "happened"].startswith("reached: GPT-4 (Mar 2023)")
    assert table.loc[("run", 2025), "happened"].startswith("not reached: largest so far Grok 3, 144 MW")
    assert table.loc[("run", 2025), "p_now_frac"] == 0


def test_every_row_that_cannot_be_judged_is_named() -> None:
    """Proves: wrong target, unit, date, year and missing source come at once with their lines."""
    good = {"claim": "c", "who": "w", "said_on": "2024-01-01", "target": "run", "year": "2026", "threshold": "5",
            "unit": "MW", "grade": "A", "source": "s"}  # fmt: skip
    bad = [{"target": "town"}, {"unit": "GW"}, {"said_on": "soon"}, {"year": "2020"}, {"source": ""}]
    with pytest.raises(DataError) as caught:
        read_claims(pd.DataFrame([good] + [{**good, **change} for change in bad]))
    text = str(caught.value)
    for line in range(3, 8):
        assert f"line {line}" in text
    assert "line 2 " not in text
