"""HiGHS as reference: the statement as one linear program, its duals, its limits."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from make_programs import make_border, random_program, store_world, two_step_world
from trainload.errors import SolverError
from trainload.solve import highs
from trainload.solve.check import check_solution
from trainload.solve.highs import solve_with_highs
from trainload.solve.statement import state_program_as_lp


@pytest.mark.parametrize("method", ["hipo", "ipx", "simplex", "choose"])
def test_two_steps_by_hand(method):
    """Proves: size 3, cost 35, one more unit of load costs 1 in the first step and 11 in the second.

    If broken: swapped dual signs give -1 and -11, a lost cap gives cost 5.
    """
    solution = solve_with_highs(two_step_world(), method=method)
    assert solution.status == "optimal"
    assert solution.objective == pytest.approx(35.0, rel=1e-7)
    assert solution.columns == pytest.approx([3.0], rel=1e-5)
    assert solution.flows[0] == pytest.approx(np.array([[2.0, 3.0]]), rel=1e-6)
    assert solution.row_duals[0] == pytest.approx(np.array([[1.0, 11.0]]), rel=1e-4)
    assert solution.bound == pytest.approx(35.0, rel=1e-6)


def test_a_leaky_store_by_hand():
    """Proves: cost 8.63889, level 1.25 then 0; energy put in after step one is worth 1 / 0.9, after step two 7.63889.

    If broken: a store that loses nothing costs 1 + 1 / 0.9 + 5 = 7.11.
    """
    solution = solve_with_highs(store_world(), method="simplex")
    assert solution.objective == pytest.approx(1 + 1.25 / 0.9 + 5 * 1.25)
    assert solution.levels[0] == pytest.approx(np.array([[1.25, 0.0]]))
    assert solution.row_duals[0] == pytest.approx(np.array([[1.0, 1.25 / 0.9 + 6.25]]))
    assert solution.state_duals[0] == pytest.approx(np.array([[-1 / 0.9, -(1.25 / 0.9 + 6.25)]]))


def test_duals_are_changes_of_the_objective():
    """Proves: nudging each kind of right-hand side by a little changes the optimum by its dual.

    If broken: a dual scaled or signed wrongly is off by its factor; the values of power would be wrong everywhere.
    """
    program = random_program(3, n_stores=2, n_rows=3)
    base = solve_with_highs(program, method="simplex")
    nudge = 1e-4
    block = program.blocks[1]
    for r, t in ((0, 5), (1, 9), (2, 3)):
        rhs = block.row_rhs.copy()
        rhs[r, t] += nudge
        other = replace(program, blocks=(program.blocks[0], replace(block, row_rhs=rhs)))
        change = (solve_with_highs(other, method="simplex").objective - base.objective) / nudge
        assert change == pytest.approx(base.row_duals[1][r, t], abs=1e-5)
    budget = replace(program, budget_upper=program.budget_upper + nudge)
    change = (solve_with_highs(budget, method="simplex").objective - base.objective) / nudge
    assert change == pytest.approx(base.budget_duals[0], abs=1e-5)
    assert base.budget_duals[0] < -0.1
    for r in range(len(program.border.row_names)):
        up = np.eye(len(program.border.row_names))[r] * nudge
        border = replace(
            program.border, row_lower=program.border.row_lower + up, row_upper=program.border.row_upper + up
        )
        change = (
            solve_with_highs(replace(program, border=border), method="simplex").objective - base.objective
        ) / nudge
        assert change == pytest.approx(base.border_row_duals[r], abs=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_methods_agree_and_prove_it(seed):
    """Proves: HiPO, IPX and simplex give one objective on random programs, and each passes the independent check."""
    program = random_program(
        seed, n_blocks=1 + seed % 3, n_sources=2 + seed % 3, n_stores=seed % 4, n_rows=1 + seed % 3
    )
    solutions = [solve_with_highs(program, method=method) for method in ("simplex", "hipo", "ipx")]
    for solution in solutions:
        assert solution.status == "optimal"
        assert check_solution(program, solution).passed(1e-6)
        assert solution.objective == pytest.approx(solutions[0].objective, rel=1e-6)


@pytest.mark.parametrize(("size", "price"), [(1e-3, 1e6), (1e3, 1e3), (1e6, 1e-4), (1e9, 1.0)])
def test_units_do_not_change_the_answer(size, price):
    """Proves: the same world in other units has the objective times both factors: scaling is undone everywhere."""
    plain = solve_with_highs(random_program(5, n_stores=2, n_rows=3), method="simplex")
    program = random_program(5, n_stores=2, n_rows=3, size=size, price=price)
    other = solve_with_highs(program, method="simplex")
    assert other.objective == pytest.approx(plain.objective * size * price, rel=1e-7)
    assert check_solution(program, other).passed(1e-6)


@pytest.mark.parametrize("method", ["hipo", "simplex"])
@pytest.mark.parametrize("price", [1e9, 1e12])
def test_huge_prices_of_unserved_load(price, method):
    """Proves: a price 12 orders above the others changes nothing where load can be served, and the bound stays tight.

    If broken: HiPO iterates for ever or calls it infeasible; a careless rounding allowance leaves a gap of 0.01.
    """
    program = random_program(0, n_blocks=1, n_sources=2, n_stores=0)
    plain = solve_with_highs(program, method="simplex")
    flow_cost = program.blocks[0].flow_cost.copy()
    flow_cost[program.blocks[0].flow_names.index("unserved")] = price
    huge = replace(program, blocks=(replace(program.blocks[0], flow_cost=flow_cost),))
    assert plain.flows[0][program.blocks[0].flow_names.index("unserved")].max() < 1e-9
    solution = solve_with_highs(huge, method=method)
    assert solution.status == "optimal"
    assert solution.objective == pytest.approx(plain.objective, rel=1e-6)
    assert solution.gap < 1e-6


def test_the_message_says_which_method_ran():
    """Proves: HiPO really runs (the wheel is there) and the message comes from HiGHS's log, not from the request."""
    program = random_program(1, n_stores=2, n_rows=3)
    assert "HiPO interior point" in solve_with_highs(program, method="hipo").message
    assert "IPX interior point" in solve_with_highs(program, method="ipx").message
    chosen = solve_with_highs(program, method="choose").message
    assert "dual simplex" in chosen
    assert "HiPO" not in chosen


def test_options_that_highs_refuses_are_named():
    """Proves: a method HiGHS does not have is an error; an option it refuses stands in the message.

    If broken: HiGHS silently keeps its default and the message praises a method that never ran.
    """
    with pytest.raises(SolverError, match="no such method, got barrier; one of hipo, ipx, simplex, choose"):
        solve_with_highs(two_step_world(), method="barrier")
    lp = state_program_as_lp(two_step_world())
    parts = {
        name: getattr(lp, name) for name in ("cost", "lower", "upper", "matrix", "row_lower", "row_upper", "whole")
    }
    answer = highs.run_highs(highs.state_request(**parts, method="barrier"))
    assert answer["refused"] == ["solver=barrier"]


def test_statement_is_scaled_and_small():
    """Proves: dark steps need no row, fixed sizes need none at all, and coefficients lie within five powers of ten."""
    program = random_program(0, n_blocks=1, n_sources=2, n_stores=0)
    dark = int((program.blocks[0].flow_cap[1] == 0).sum())
    lp = state_program_as_lp(program)
    n_steps = program.n_steps
    assert lp.shape == (len(program.border.row_names) + 1 + n_steps + 2 * n_steps - dark, 5 + 4 * n_steps)
    assert (lp.upper == 0).sum() == dark
    border = program.border
    fixed = replace(program, border=replace(border, lower=border.upper / 2, upper=border.upper / 2))
    assert state_program_as_lp(fixed).shape[0] == len(border.row_names) + 1 + n_steps
    big = state_program_as_lp(random_program(0, size=1e6, price=1e6))
    assert np.abs(big.matrix.data).max() / np.abs(big.matrix.data).min() < 1e5
    assert 1e-3 < np.abs(big.cost[big.cost != 0]).max() < 1e4


def test_statement_is_quick():
    """Proves: a year of 8,760 steps (over 100,000 columns) is stated in well under a second."""
    program = random_program(2, n_steps=8760, n_blocks=1, n_sources=6, n_stores=2, n_rows=3)
    started = time.perf_counter()
    lp = state_program_as_lp(program)
    assert lp.shape[1] > 100_000
    assert time.perf_counter() - started < 3.0


def infeasible_programs():
    world = two_step_world()
    crossed = replace(world, border=make_border([10.0], [1.0], lowers=[2.0]))
    short = replace(world, border=make_border([10.0], [2.5]))
    rows = replace(world, border=make_border([10.0], [9.0], rows=[({0: 1.0}, 5.0, 4.0)]))
    must_run = replace(world.blocks[0], flow_floor=np.full((1, 2), 2.0), flow_cap_column=np.array([-1]))
    return {"box": crossed, "size": short, "row": rows, "floor": replace(world, blocks=(must_run,))}


@pytest.mark.parametrize("method", ["hipo", "simplex"])
@pytest.mark.parametrize("kind", list(infeasible_programs()))
def test_infeasible_is_a_status(kind, method):
    """Proves: a contradictory program is 'infeasible' with no plan, never an exception and never 'optimal'."""
    solution = solve_with_highs(infeasible_programs()[kind], method=method)
    assert solution.status == "infeasible"
    assert np.isnan(solution.columns).all()
    assert solution.objective == np.inf


def test_malformed_arrays_raise():
    """Proves: NaN in a price is refused before HiGHS sees it."""
    world = two_step_world()
    block = replace(world.blocks[0], flow_cost=np.array([[1.0, np.nan]]))
    with pytest.raises(SolverError, match=r"flow_cost\[0, 1\]"):
        solve_with_highs(replace(world, blocks=(block,)))


def test_whole_units():
    """Proves: with units of 2 the size is 4 (cost 45), not 3; the bound reaches the cost."""
    world = two_step_world()
    lumpy = replace(world, border=make_border([10.0], [99.0], units=[2.0]))
    solution = solve_with_highs(lumpy, integer=True)
    assert solution.status == "optimal"
    assert solution.columns == pytest.approx([4.0])
    assert solution.objective == pytest.approx(45.0)
    assert solution.bound == pytest.approx(45.0, rel=1e-3)
    assert check_solution(lumpy, solution).passed(1e-6)
    assert solve_with_highs(lumpy, method="simplex").objective == pytest.approx(35.0)


def test_a_time_limit_in_a_child_process():
    """Proves: with a limit HiGHS runs apart and gives the same answer; with too short a one it says 'time_limit'."""
    program = random_program(1, n_stores=2, n_rows=3)
    plain = solve_with_highs(program, method="ipx")
    limited = solve_with_highs(program, method="ipx", time_limit_seconds=60.0)
    assert limited.status == "optimal"
    assert limited.objective == pytest.approx(plain.objective, rel=1e-9)
    long = random_program(1, n_steps=3000, n_stores=2, n_rows=3)
    started = time.perf_counter()
    stopped = solve_with_highs(long, method="simplex", time_limit_seconds=0.2)
    assert time.perf_counter() - started < 20.0
    assert stopped.status == "time_limit"
    assert not stopped.objective < np.inf


def test_the_watchdog_ends_a_child_that_does_not_stop(monkeypatch):
    """Proves: a HiGHS that ignores its limit is ended from outside; the status says so."""
    monkeypatch.setattr(highs, "GRACE_SECONDS", -59.5)
    long = random_program(1, n_steps=3000, n_stores=2, n_rows=3)
    started = time.perf_counter()
    stopped = solve_with_highs(long, method="simplex", time_limit_seconds=60.0)
    assert time.perf_counter() - started < 20.0
    assert stopped.status == "time_limit"
    assert "watchdog" in stopped.message


@pytest.mark.parametrize("ending", ["ctrl-c", "killed parent"])
def test_no_highs_is_left_behind(tmp_path, ending):
    """Proves: an interrupt during a long solve, or the death of the parent, ends HiGHS within seconds.

    If broken: HiGHS runs on in the background, holding the machine.
    """
    script = tmp_path / "long.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from make_programs import random_program\n"
        "from trainload.solve.highs import solve_with_highs\n"
        "print('ready', flush=True)\n"
        "solve_with_highs(random_program(1, n_steps=6000, n_stores=3, n_rows=3), time_limit_seconds=100)\n"
    )
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.7)
        if ending == "ctrl-c":
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.kill()
        try:
            assert process.wait(timeout=20) != 0
        finally:
            process.kill()
    deadline = time.perf_counter() + 15
    while time.perf_counter() < deadline and group_is_alive(process.pid):
        time.sleep(0.05)
    assert not group_is_alive(process.pid)


def group_is_alive(group: int) -> bool:
    if Path("/proc/self/stat").exists():
        # a process that has ended but that nobody has waited for (state Z) still counts for killpg
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                state, _, process_group = stat.read_text().rpartition(")")[2].split()[:3]
                if int(process_group) == group and state != "Z":
                    return True
        return False
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
