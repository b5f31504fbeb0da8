"""Sweeps, fronts and alternatives from end to end on a small scenario: tables, folders, pages, commands, bad input."""

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from test_workbench import SMALL
from trainload.cli import app
from trainload.commands.tradeoffs import read_share, read_vary
from trainload.errors import DataError, ScenarioError
from trainload.scenario.file import load_scenario, read_scenario_text
from trainload.study.folder import load_study
from trainload.study.front import FRONT, PAGE, run_front
from trainload.study.sweep import Sweep, list_points, run_sweep, save_sweep
from trainload.study.workbench import Workbench

GAS = "money.gas_usd_per_mmbtu"


@pytest.fixture(scope="module")
def sweep() -> Sweep:
    return run_sweep(
        read_scenario_text(SMALL), {GAS: [3, 6], "delay.programme_usd_per_mwh": [200.0]}, whole_units=False
    )


def test_a_sweep_gives_the_plan_of_each_point(sweep: Sweep) -> None:
    """Proves: each row is the plan of its own values, dear gas dearer. If broken: rows repeat or are shifted by one."""
    table = sweep.table
    assert table[GAS].tolist() == [3, 6]
    bench = Workbench(read_scenario_text(SMALL), whole_units=False)
    for _, row in table.iterrows():
        plan = bench.solve([(GAS, row[GAS]), ("delay.programme_usd_per_mwh", 200.0)])
        assert row["cost_present_usd"] == pytest.approx(plan.check.objective, rel=1e-9)
        orders = plan.tables["orders"]
        for option, mw in orders.loc[orders.owner_kind == "option"].groupby("option")["mw"].sum().items():
            assert row[f"{option}_mw"] == pytest.approx(mw, rel=1e-9)
    assert table["cost_present_usd"].is_monotonic_increasing
    assert table["full_power_on"].notna().all()
    # what every plan has to say stands once
    assert len({(note.subject, note.text) for note in sweep.notes}) == len(sweep.notes)


def test_a_sweep_is_saved_with_its_page(sweep: Sweep, tmp_path: Path) -> None:
    """Proves: the same table comes back from the folder; the page holds it and the folder isn't overwritten unasked."""
    scenario, out, table = read_scenario_text(SMALL), tmp_path / "sweep", sweep.table
    save_sweep(out, sweep, scenario=scenario, paths=[GAS])
    pd.testing.assert_frame_equal(pd.read_csv(out / "sweep.csv")[["point", GAS, "tco2"]], table[["point", GAS, "tco2"]])
    page = (out / "sweep.html").read_text(encoding="utf-8")
    assert GAS in page and "Total cost from" in page
    with pytest.raises(DataError, match="holds a sweep; add --overwrite"):
        save_sweep(out, sweep, scenario=scenario, paths=[GAS])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(DataError, match="is not empty and holds no sweep"):
        save_sweep(tmp_path / "mine", sweep, scenario=scenario, paths=[GAS], overwrite=True)


def test_points_are_all_combinations_and_variants_are_sets() -> None:
    scenario = read_scenario_text(SMALL + "variants: {late: {grid.max_mw: 100, money.wacc_frac: 0.05}}\n")
    points = list_points(scenario, {"variant": ["late"], GAS: [3, 5]})
    assert [p.patches for p in points] == [
        (("grid.max_mw", 100), ("money.wacc_frac", 0.05), (GAS, 3)),
        (("grid.max_mw", 100), ("money.wacc_frac", 0.05), (GAS, 5)),
    ]


@pytest.mark.parametrize(
    ("vary", "says"),
    [
        ({}, "nothing to vary"),
        ({GAS: []}, "has no values"),
        ({GAS: [3, 3]}, "a value stands twice"),
        ({GAS: list(range(201))}, "at most 200 points, got 201"),
        ({"variant": ["lte"]}, "no such variant, got 'lte'; choose from none"),
        ({"money.gas": [3]}, "has no field 'gas'; did you mean gas_usd_per_mmbtu"),
        ({GAS: [3, "cheap"]}, r"money.gas_usd_per_mmbtu: must be a number \(USD/MMBtu\), got 'cheap'"),
        ({"grid.max_mw": [-1, -2]}, "grid.max_mw: must be at least 0"),
    ],
)
def test_what_can_t_be_swept_is_said_before_anything_is_solved(vary: dict[str, list[object]], says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        run_sweep(read_scenario_text(SMALL), vary)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a.b=1,2.5", [1, 2.5]),
        ("a=x, y", ["x", "y"]),
        ("a=null,3", [None, 3]),
        ("a=[1, 2]", [1, 2]),
        ("a=true", [True]),
    ],
)
def test_values_are_read_as_yaml(text: str, values: list[object]) -> None:
    assert list(read_vary([text]).values()) == [values]


@pytest.mark.parametrize("texts", [["a"], ["a="], ["=1"], ["a=1", "a=2"], ["a=[1"]])
def test_values_that_can_t_be_read_are_named(texts: list[str]) -> None:
    with pytest.raises(ScenarioError, match="--vary"):
        read_vary(texts)


def test_a_share_is_a_percentage_or_a_fraction() -> None:
    assert (read_share("2%"), read_share(" 2.5 %"), read_share("0.02")) == pytest.approx((0.02, 0.025, 0.02))
    with pytest.raises(ScenarioError, match="must be a share, got 'much'"):
        read_share("much")


@pytest.fixture(scope="module")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenarios") / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


@pytest.mark.slow
def test_a_front_is_a_folder_of_studies(small_file: Path, tmp_path: Path) -> None:
    """Proves: each point has a sound study of its own, less emission costs more. If broken: one plan, many names."""
    out = tmp_path / "front"
    front = run_front(load_scenario(small_file), "tco2", out, n_points=3)
    read_back = pd.read_csv(out / FRONT)
    assert len(read_back) == len(front.table) >= 2
    assert (out / PAGE).is_file()
    for _, row in read_back.iterrows():
        study = load_study(out / str(row["folder"]))
        checks = dict(study.summary["checks"])
        assert checks.pop("ledger_error") < 1e-4  # terms of a few dollars are held to a floor of one unit
        assert max(checks.values()) < 1e-5
        assert study.summary["plan"]["usd_per_mwh"] == pytest.approx(row["usd_per_mwh"])
        assert (out / str(row["folder"]) / "report.html").is_file()
    shown = read_back[read_back["status"] == "front"]
    assert shown["tco2"].is_monotonic_decreasing and shown["cost_present_usd"].is_monotonic_increasing


@pytest.mark.slow
def test_alternatives_from_the_command_line(small_file: Path, tmp_path: Path) -> None:
    """Proves: what the cheapest plan needs is said in words, and the page is written."""
    out = tmp_path / "near"
    done = CliRunner().invoke(app, ["alternatives", str(small_file), "--slack", "2%", "--out", str(out)])
    assert done.exit_code == 0, done.output
    found = pd.read_csv(out / "alternatives.csv")
    assert {"owner", "least_mw", "most_mw", "avoidable"} <= set(found.columns)
    assert (found["least_mw"] <= found["cheapest_mw"] + 0.1).all()
    assert "can't" in done.output or "can be avoided" in done.output
    assert "Within 2 %" in (out / "alternatives.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ["sweep", "--vary", "grid.max_mv=1,2"],
        ["sweep", "--vary", "grid.max_mw"],
        ["front", "--points", "1"],
        ["alternatives", "--slack", "0"],
        ["alternatives", "--slack", "x"],
    ],
)
def test_bad_input_ends_with_a_message(arguments: list[str], small_file: Path, tmp_path: Path) -> None:
    """Proves: exit code 2 and one line, never a traceback, and nothing is written."""
    out = tmp_path / "out"
    done = CliRunner().invoke(app, [arguments[0], str(small_file), *arguments[1:], "--out", str(out)])
    assert done.exit_code == 2
    assert "Traceback" not in done.output and not out.exists()
