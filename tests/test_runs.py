"""Loading runs: own rows, and Epoch AI exports as they come, however they come."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trainload.errors import DataError
from trainload.forecast.runs import (
    RUN_COLUMNS,
    decimal_year,
    describe_left_out,
    hide_later,
    import_runs,
    load_campuses,
    load_cities,
    load_frontier_runs,
    select_frontier,
    trend_arrays,
)

HEADER = "Model,Organization,Publication date,Training compute (FLOP),Training power draw (W)"
ROWS = ["Alpha,OpenAI,2024-03-15,2e25,2e7", "Beta,DeepMind,2024-05,1e25,", "Gamma,xAI,2023,,1e6"]


def write(tmp_path: Path, *lines: str, name: str = "notable_2024-10-18.csv", encoding: str = "utf-8") -> Path:
    path = tmp_path / name
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


def test_an_export_is_read_with_columns_by_name_and_dates_of_any_precision(tmp_path: Path) -> None:
    """Proves: W become MW, a month is its 15th, a year its 1 July, missing compute stays missing.

    If broken: a withdrawn estimate reads as 0 FLOP, or 2e7 W as 2e7 MW.
    """
    got = import_runs(write(tmp_path, HEADER, *ROWS))
    rows = got.rows.set_index("model")
    assert tuple(got.rows.columns) == RUN_COLUMNS
    assert rows.loc["Alpha", "rated_facility_mw"] == pytest.approx(20.0)
    assert rows.loc["Beta", "released_on"] == pd.Timestamp("2024-05-15")
    assert rows.loc["Gamma", "released_on"] == pd.Timestamp("2023-07-01")
    assert list(rows["date_precision"]) == ["year", "day", "month"]  # ordered by date
    assert np.isnan(rows.loc["Gamma", "compute_flop"])
    assert got.snapshot_on == date(2024, 10, 18)
    assert "CC BY 4.0" in got.attribution
    assert got.n_read == 3
    assert got.left_out.empty


def test_columns_may_come_in_any_order_under_older_names(tmp_path: Path) -> None:
    """Proves: "System" and "Developer" are found wherever they stand. If broken: the pull of 2024 can't be read."""
    path = write(tmp_path, "x,Training compute (FLOP),System,Publication date,Developer", "1,3e24,Delta,2022-01-02,A")
    row = import_runs(path).rows.iloc[0]
    assert (row["model"], row["developer"], row["compute_flop"]) == ("Delta", "A", 3e24)


def test_duplicates_plans_and_impossible_rows_are_left_out_with_their_reason(tmp_path: Path) -> None:
    """Proves: the fuller duplicate stays; plans, negative FLOP, dateless and nameless rows go, each with its line."""
    path = write(
        tmp_path,
        HEADER,
        "Alpha,OpenAI,2024-03-15,,",
        "Alpha,OpenAI,2024-03-15,2e25,2e7",
        "Future,OpenAI,2025-01-01,9e26,",
        "Minus,OpenAI,2024-01-01,-5e24,",
        "When,OpenAI,soon,1e24,",
        ",OpenAI,2024-01-01,1e24,",
    )
    got = import_runs(path)
    assert list(got.rows["compute_flop"]) == [2e25]
    why = dict(zip(got.left_out["line"], got.left_out["reason"], strict=True))
    assert why == {
        2: "the same model, developer and date is given by a fuller row",
        4: "dated after the file (2024-10-18)",
        5: "compute is not positive",
        6: "no readable release date",
        7: "no model name",
    }
    assert len(describe_left_out(got.left_out)) == 5


def test_words_for_missing_and_stray_words_in_number_columns(tmp_path: Path) -> None:
    """Proves: "withdrawn" is missing in silence, "lots" is missing with a note. If broken: the file is refused."""
    path = write(tmp_path, HEADER, "A,x,2024-01-01,withdrawn,", "B,x,2024-01-02,lots,", "C,x,2024-01-03,1e24,")
    got = import_runs(path)
    assert got.rows["compute_flop"].notna().sum() == 1
    assert sum("not numbers" in note.text and "'lots'" in note.text for note in got.notes) == 1


@pytest.mark.parametrize(
    ("header", "value", "flop"),
    [("PF-days", 3640, 3640 * 8.64e19), ("petaFLOP", 3.14e8, 3.14e23), ("ZFLOP", 314, 3.14e23)],
)
def test_a_unit_named_in_the_header_is_honoured(tmp_path: Path, header: str, value: float, flop: float) -> None:
    """Proves: GPT-3's 3,640 PF-days are 3.14e23 FLOP. If broken: three orders of magnitude."""
    path = write(tmp_path, f"Model,Publication date,Training compute ({header})", f"GPT-3,2020-05-28,{value}")
    assert import_runs(path).rows.loc[0, "compute_flop"] == pytest.approx(flop)
    assert flop == pytest.approx(3.14e23, rel=2e-3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
        ("", "is empty"),
        (HEADER, "no rows"),
        ("Model,Organization\nAlpha,OpenAI", "no column for released_on"),
        ("Hardware name,Release date\nH100,2022-01-01", "hardware or data-centre table"),
        (HEADER.replace("FLOP", "bananas") + "\n" + ROWS[0], "known units"),
        (HEADER + "\nA,x,2024-01-01,25.3,", "too small to be FLOP"),
        (HEADER + "\nA,x,2024-01-01,1e40,", "too large to be FLOP"),
        (HEADER.replace("(W)", "(GW)") + "\n" + ROWS[0], "too large"),
        (HEADER + "\nA,x,2030-01-01,1e25,", "no row can be used"),
        ("PK\0\0binary", "not text"),
        (HEADER + '\n"A,x,2024-01-01,1e24,', "not a CSV table"),
        (HEADER + "\nA, Inc,x,2024-01-01,1e24,,2", "line 2.*longer than the header"),
    ],
)
def test_a_file_that_is_no_table_of_runs_says_what_it_is(tmp_path: Path, text: str, message: str) -> None:
    """Proves: an error with what, got and fix. If broken: a traceback, or a trend through nonsense."""
    with pytest.raises(DataError, match=message):
        import_runs(write(tmp_path, text))


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    """Proves: both say so. If broken: errno."""
    with pytest.raises(DataError, match="no such file"):
        import_runs(tmp_path / "none.csv")
    with pytest.raises(DataError, match="folder"):
        import_runs(tmp_path)


def test_mixed_encodings_and_separators_are_read_with_a_note(tmp_path: Path) -> None:
    """Proves: a Windows line in a UTF-8 file keeps its accent and is noted; semicolons, UTF-16 and BOM are read."""
    path = tmp_path / "mixed_2024-10-18.csv"
    path.write_bytes(f"{HEADER}\nÉtoile,A,2024-01-01,1e24,\n".encode() + "Ébène,B,2024-01-02,1e24,".encode("cp1252"))
    got = import_runs(path)
    assert list(got.rows["model"]) == ["Étoile", "Ébène"]
    assert any("1 lines are not UTF-8" in note.text for note in got.notes)
    semicolons = write(tmp_path, *(line.replace(",", ";") for line in (HEADER, *ROWS)))
    assert len(import_runs(semicolons).rows) == 3
    for encoding in ("utf-16", "utf-8-sig"):
        assert len(import_runs(write(tmp_path, HEADER, *ROWS, encoding=encoding)).rows) == 3


def test_a_hundred_thousand_rows_are_read_and_ranked(tmp_path: Path) -> None:
    """Proves: size is no trouble. If broken: quadratic ranks take minutes."""
    n = 100_000
    rng = np.random.default_rng(0)
    dates = pd.Timestamp("2010-01-01") + pd.to_timedelta(rng.integers(0, 5000, n), unit="D")
    table = pd.DataFrame(
        {"Model": np.arange(n).astype(str), "Publication date": dates.strftime("%Y-%m-%d"),
         "Training compute (FLOP)": 10 ** rng.uniform(16, 25, n)}
    )  # fmt: skip
    path = tmp_path / "all_2024-10-18.csv"
    table.to_csv(path, index=False)
    got = import_runs(path)
    assert len(got.rows) == n
    assert 10 < len(select_frontier(got.rows)) < 500


def test_ranks_count_earlier_and_same_day_rows_with_more_compute() -> None:
    """Proves: 5, 3, 4 units in this order rank 1, 2, 2; equal rows share a rank. If broken: later rows count."""
    rows = load_frontier_runs().head(4).copy()
    rows["released_on"] = pd.to_datetime(["2020-01-01", "2020-02-01", "2020-03-01", "2020-03-01"])
    rows["compute_flop"] = [5e20, 3e20, 4e20, 4e20]
    assert list(select_frontier(rows)["rank_at_release"]) == [1, 2, 2, 2]
    assert list(select_frontier(rows, n_largest=1)["compute_flop"]) == [5e20]


def test_the_catalogues_rows_are_complete_and_hidden_by_date() -> None:
    """Proves: 125 frontier runs with source and grade, records right, as_of hides. If broken: the wrong table ships."""
    rows = load_frontier_runs()
    assert len(rows) == 125
    assert rows[["source", "grade"]].ne("").all(axis=None)
    assert rows["compute_flop"].gt(0).all()
    then = hide_later(rows, date(2024, 11, 1))
    assert then["released_on"].max() <= pd.Timestamp("2024-11-01")
    assert then.loc[then["compute_flop"].idxmax(), "model"] == "Gemini 1.0 Ultra"
    times, compute, power = trend_arrays(rows)
    assert times[-1] == pytest.approx(decimal_year(date(2026, 9, 3)))
    assert (compute.max(), np.nanmax(power)) == pytest.approx((27.0, np.log10(234.0)))
    assert np.isfinite(power).sum() == 54
    assert (load_cities()["average_mw"] < load_cities()["peak_mw"]).all()
    campuses = load_campuses()
    assert (
        campuses.loc[campuses["facility_mw"].where(campuses["status"] == "operating").idxmax(), "campus"]
        == "Colossus 2"
    )
    assert (campuses.loc[campuses["status"] == "planned", "known_on"] >= pd.Timestamp("2026-05-01")).all()


def test_decimal_years_by_hand() -> None:
    """Proves: 1 January is .0, 2 July of a common year 182/365, leap years 366 days."""
    assert decimal_year(date(2023, 1, 1)) == 2023.0
    assert decimal_year(date(2023, 7, 2)) == pytest.approx(2023 + 182 / 365)
    assert decimal_year(date(2024, 12, 31)) == pytest.approx(2024 + 365 / 366)
