"""The benchmark's own machinery: what it measures and how it sums up."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import problems  # noqa: PLC0415
    import run  # noqa: PLC0415

    yield problems, run
    for name in ("problems", "run"):
        sys.modules.pop(name, None)


def test_one_engine_on_a_stored_problem(bench, tmp_path):
    """Proves: an engine's process reads the NPZ and reports every field of the results, proven by HiGHS's log."""
    problems, run = bench
    path = tmp_path / "two_days.npz"
    problems.save_problem(problems.make_problem(hours=48), path)
    answer = run.run_engine("highs_hipo", path, 60.0, 1)
    assert set(run.FIELDS) <= set(answer)
    assert answer["status"] == "optimal"
    assert "HiPO" in answer["log_proof"]
    assert answer["gap"] < 1e-6
    assert answer["wall_s"] >= answer["solve_s"] > 0
    assert run.run_engine("highs_nonsense", path, 60.0, 1)["status"].startswith("failed")


def test_the_median_run_counts(bench):
    """Proves: times are medians, status and objective those of the middle run; groups add up, with the worst gap."""
    _, run = bench
    runs = [
        {"wall_s": wall, "build_s": 0.1, "solve_s": wall, "peak_mb": 10.0, "objective_usd": wall, "status": str(wall)}
        for wall in (3.0, 1.0, 2.0)
    ]
    middle = run.summarise(runs)
    assert (middle["wall_s"], middle["objective_usd"], middle["status"], middle["n_runs"]) == (2.0, 2.0, "2.0", 3)
    parts = {
        name: {"chain": dict.fromkeys(run.FIELDS, 1.0) | {"gap": gap, "status": "optimal"}}
        for name, gap in (("a", 1e-4), ("b", 9e-4))
    }
    joined = run.join_group(parts, ["chain"])["chain"]
    assert joined["wall_s"] == 2.0
    assert joined["gap"] == 9e-4
    assert set(joined["problems"]) == {"a", "b"}
    missing = parts | {"c": {"chain": dict.fromkeys(run.FIELDS)}}
    assert run.join_group(missing, ["chain"])["chain"]["wall_s"] is None


def test_cases_of_the_benchmark(bench):
    """Proves: the named cases exist with the sizes they are named for."""
    problems, _ = bench
    for options, stores in ((8, 1), (12, 2), (20, 3)):
        problem = problems.make_problem(**(problems.CASES[f"options_{options}x{stores}"] | {"hours": 48}))
        assert len(problem.options) == options
        assert len(problem.stores) == stores
    growing = problems.make_problem(**(problems.CASES["six_growing"] | {"hours": 48}))
    assert len(growing.block_period) == 6
    assert growing.load_mw[-48:].mean() > 20 * growing.load_mw[:48].mean()
    many = problems.make_problem(**(problems.CASES["scenarios_20"] | {"hours": 48}))
    assert many.block_probability.sum() == pytest.approx(1.0)
    units = problems.make_problem(**problems.CASES["units_1"])
    assert dict(zip(units.options, units.unit_mw, strict=True))["smr"] == 300.0
    assert units.weight[: units.block_start[1]].sum() == pytest.approx(8760.0)
