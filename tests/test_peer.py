"""PyPSA plans the same campus: its recorded objectives against ours (`make peers` records them anew)."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from trainload.solve.check import check_solution
from trainload.solve.highs import solve_with_highs

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture
def bench(monkeypatch):
    """The benchmark's own statements of a problem: what is compared is what is timed."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.syspath_prepend(str(BENCHMARKS / "peers"))
    import as_program  # noqa: PLC0415
    import campus  # noqa: PLC0415

    yield as_program.state_program, campus
    for name in ("as_program", "campus", "problems"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("variant", ["base", "half the carbon", "no stores", "no carbon limit"])
def test_pypsa_agrees(bench, variant):
    """Proves: on one campus and three changes of it our statement costs what PyPSA's does, to 1e-6.

    If broken: without its must-run the reactor makes the campus without stores 6e-3 cheaper, stores that lose nothing
    over time 4e-4, a grid limit that is not kept 2e-4 to 1e-3, a carbon budget without the hours' weights 0.3.
    """
    state_program, campus = bench
    recorded = json.loads(campus.RECORD.read_text(encoding="utf-8"))["found"][variant]
    program = state_program(campus.vary_campus(campus.load_campus(), variant))
    solution = solve_with_highs(program, method="simplex")
    assert check_solution(program, solution).passed(1e-6)
    assert solution.objective == pytest.approx(recorded["objective_usd"], rel=1e-6)
    sizes = dict(zip(program.border.names, solution.columns, strict=True))
    for option, size_mw in recorded["capacity_mw"].items():
        assert sizes[f"{option}_0"] == pytest.approx(size_mw, rel=1e-3, abs=0.5)


def test_the_variants_differ(bench):
    """Proves: the recorded plans are four different ones, and each option is built in one of them or never pays."""
    _, campus = bench
    found = json.loads(campus.RECORD.read_text(encoding="utf-8"))["found"]
    costs = [found[variant]["objective_usd"] for variant in campus.VARIANTS]
    assert len({round(cost) for cost in costs}) == 4
    assert min(costs) == found["no carbon limit"]["objective_usd"]
    built = {o for plan in found.values() for o, size_mw in plan["capacity_mw"].items() if size_mw > 1}
    assert built >= {"grid", "ccgt", "solar", "wind", "smr", "battery_4h", "iron_air_100h"}


def test_the_peers_lock_is_fresh_and_names_no_host():
    """Proves: the lock was compiled from what is asked for, every package with hashes, none with a host."""
    spec = importlib.util.spec_from_file_location("peers_lock", BENCHMARKS / "peers" / "lock.py")
    assert spec is not None
    assert spec.loader is not None
    lock = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lock)
    wanted = (BENCHMARKS / "peers" / "requirements.in").read_text(encoding="utf-8")
    locked = (BENCHMARKS / "peers" / "requirements.txt").read_text(encoding="utf-8")
    assert lock.fingerprint(wanted) in locked.splitlines()[0]
    assert "://" not in locked
    assert "index-url" not in locked
    pinned = [line for line in locked.splitlines() if "==" in line and not line.startswith("#")]
    assert len(pinned) > 20
    assert all(line.rstrip().endswith("\\") for line in pinned)


def test_stored_problems_come_back_unchanged(bench, tmp_path):
    """Proves: the NPZ that every engine reads holds the problem bit for bit."""
    _, campus = bench
    problem = campus.load_campus()
    from problems import load_problem, save_problem  # noqa: PLC0415

    save_problem(problem, tmp_path / "campus.npz")
    again = load_problem(tmp_path / "campus.npz")
    for name in ("load_mw", "available_frac", "tco2_per_mwh", "fixed_usd_per_mw", "sources"):
        assert np.array_equal(getattr(problem, name), getattr(again, name))
