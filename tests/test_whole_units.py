"""Whole units: found by hand, by enumeration and by branch and bound; proven by the gap."""

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from make_programs import make_border, random_program, two_step_world
from trainload.errors import SolverError
from trainload.solve.check import check_solution
from trainload.solve.highs import solve_with_highs
from trainload.solve.lumpy import fix_columns, relax_units
from trainload.solve.master import Master
from trainload.solve.program import Program, Solution
from trainload.solve.whole_units import UnitProgress, solve_whole_units


def solve(program: Program) -> Solution:
    assert not (program.border.unit > 0).any()
    return solve_with_highs(program, method="simplex")


def test_by_hand():
    """Proves: a load of 3 from units of 2 takes two of them: cost 4 x 10 + 5 = 45, proven.

    If broken: rounding to the nearest unit gives 2 and no plan; the relaxed cost is 35.
    """
    program = replace(two_step_world(), border=make_border([10.0], [99.0], units=[2.0]))
    solution = solve_whole_units(program, solve)
    assert solution.status == "optimal"
    assert solution.columns == pytest.approx([4.0])
    assert solution.objective == pytest.approx(45.0)
    assert 44.9 < solution.bound <= 45.0
    assert check_solution(program, solution).passed(1e-6)


def enumerate_optimum(program: Program) -> float:
    """Return the least cost over every combination of units."""
    border = program.border
    lumpy = np.flatnonzero(border.unit > 0)
    counts = [range(int(border.upper[c] / border.unit[c] + 1e-9) + 1) for c in lumpy]
    return min(
        solve(fix_columns(program, lumpy, np.array(k) * border.unit[lumpy])).objective
        for k in itertools.product(*counts)
    )


def test_against_every_combination():
    """Proves: within the gap the plan is as cheap as the best of all combinations, and the bound lies below it."""
    program = random_program(5, n_steps=8, n_blocks=2, n_sources=2, lumpy=True)
    border = program.border
    upper = np.where(border.unit > 0, 2 * border.unit, border.upper)
    program = replace(program, border=replace(border, upper=upper))
    best = enumerate_optimum(program)
    solution = solve_whole_units(program, solve, gap=1e-6)
    assert solution.objective == pytest.approx(best, rel=2e-6)
    assert solution.bound <= best * (1 + 1e-9)


@pytest.mark.parametrize("seed", [2])
def test_against_branch_and_bound(seed):
    """Proves: on random programs with every feature the plan is within 1e-4 of HiGHS's own branch and bound."""
    program = random_program(seed, n_steps=12, n_blocks=3, n_sources=3, n_stores=2, n_rows=3, lumpy=True)
    solution = solve_whole_units(program, solve, gap=1e-4)
    reference = solve_with_highs(program, method="choose", integer=True, mip_gap=1e-5)
    assert solution.status == "optimal"
    assert solution.gap <= 1e-4
    assert solution.objective <= reference.objective * (1 + 1.2e-4)
    assert solution.bound <= reference.objective * (1 + 1e-9)
    relaxed = solve(relax_units(program))
    assert solution.bound >= relaxed.bound
    check = check_solution(program, solution)
    assert check.passed(1e-6)
    assert check.whole_error < 1e-9
    assert check.bound_from == "search"


@pytest.fixture
def state_case(monkeypatch):
    """States a case of the benchmark: six periods of growing load, turbines in units of 550, reactors of 300 MW."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parent.parent / "benchmarks"))
    import as_program  # noqa: PLC0415
    import problems  # noqa: PLC0415

    yield lambda **changes: as_program.state_program(problems.make_problem(**(problems.UNITS | changes)))
    for name in ("as_program", "problems"):
        sys.modules.pop(name, None)


def test_reactors_of_growing_periods(state_case):
    """Proves: on a plan that does build reactors the cost is within 1e-3 of branch and bound, in a handful of solves.

    If broken: rounding each period's order by itself costs several times the gap.
    """
    program = state_case(
        typical_days=1,
        seed=4,
        fixed_factor={"smr": 0.6},
        load_mw=(200.0, 1500.0, 3000.0, 5000.0),
        cap_tco2_per_mwh=(0.3, 0.2, 0.1, 0.04),
    )
    calls = []

    def counted(p: Program) -> Solution:
        calls.append(p)
        return solve(p)

    solution = solve_whole_units(program, counted, gap=1e-3)
    assert solution.gap <= 1e-3
    assert len(calls) <= 8
    reference = solve_with_highs(program, method="choose", integer=True, mip_gap=1e-4)
    assert solution.objective <= reference.objective * (1 + 1.1e-3)
    assert solution.bound <= reference.objective
    built = dict(zip(program.border.names, solution.columns, strict=True))
    reactors = [built[f"smr_{p}_built"] / 300.0 for p in range(4)]
    assert sum(reactors) >= 1
    assert reactors == pytest.approx(np.round(reactors))


@pytest.mark.slow
@pytest.mark.parametrize("k", range(1, 6))
def test_reactors_with_the_chain_solver(state_case, k):
    """Proves: six periods of 24 days each reach a proven gap of 1e-3 with reactors built, solved by the chain."""
    from trainload.solve.chain import solve_chain  # noqa: PLC0415  (compiles kernels)

    program = state_case(seed=1000 * k, fixed_factor={"smr": 0.56 + 0.03 * k})
    solution = solve_whole_units(program, lambda p: solve_chain(p, tolerance=1e-5), gap=1e-3)
    assert solution.status == "optimal"
    assert check_solution(program, solution).passed(1e-5)
    built = dict(zip(program.border.names, solution.columns, strict=True))
    assert sum(built[f"smr_{p}_built"] for p in range(6)) >= 300.0


def test_cuts_lie_below_the_cost_everywhere():
    """Proves: the master's bound at fixed units never exceeds the true cost there, and equals it where it was solved.

    If broken: a cut that cuts off the best plan, so a 'proven' gap that is not.
    """
    program = random_program(1, n_steps=24, n_blocks=2, n_sources=3, n_stores=1, n_rows=3, lumpy=True)
    lumpy = np.flatnonzero(program.border.unit > 0)
    unit = program.border.unit[lumpy]
    master = Master(program)
    master.add_cuts(solve(relax_units(program)))
    points = [np.array(k) for k in itertools.islice(itertools.product(range(3), repeat=len(lumpy)), 0, 81, 8)]
    solved = solve(fix_columns(program, lumpy, points[3] * unit))
    master.add_cuts(solved)
    for point in points:
        values = point * unit
        there = Master(fix_columns(program, lumpy, values))
        there.cut_piece, there.cut_constant = master.cut_piece, master.cut_constant
        there.cut_slope = [slope / master.scale * there.scale for slope in master.cut_slope]
        bound = there.lowest(10.0, 1e-9)[1]
        true_cost = solve(fix_columns(program, lumpy, values)).objective
        assert bound <= true_cost * (1 + 1e-7)
        if point is points[3]:
            assert bound == pytest.approx(true_cost, rel=1e-6)


def test_nothing_lumpy_is_one_solve():
    """Proves: without lumpy columns the solver is called once and its answer returned as it is."""
    calls = []

    def counted(program: Program) -> Solution:
        calls.append(program)
        return solve(program)

    assert solve_whole_units(two_step_world(), counted).objective == pytest.approx(35.0)
    assert len(calls) == 1


def test_a_relaxed_solution_in_hand_saves_a_solve():
    """Proves: handing over the relaxed solution gives the same plan with one call less."""
    program = random_program(4, n_steps=12, n_blocks=2, lumpy=True)
    calls = []

    def counted(p: Program) -> Solution:
        calls.append(p)
        return solve(p)

    plain = solve_whole_units(program, counted)
    n_plain = len(calls)
    given = solve_whole_units(program, counted, relaxed=solve(relax_units(program)))
    assert len(calls) == 2 * n_plain - 1
    assert given.objective == pytest.approx(plain.objective, rel=1e-9)


def test_a_time_limit_still_gives_a_plan_with_its_gap():
    """Proves: with no time at all there is an incumbent of whole units and an honest gap, status 'time_limit'."""
    program = random_program(8, n_steps=12, n_blocks=3, n_sources=3, n_stores=2, n_rows=3, lumpy=True)
    solution = solve_whole_units(program, solve, gap=1e-9, time_limit_seconds=0.0)
    assert solution.status == "time_limit"
    assert np.isfinite(solution.objective)
    assert solution.gap > 1e-9
    check = check_solution(program, solution)
    assert check.passed(1e-6)
    assert check.whole_error < 1e-9


def test_an_interrupt_returns_the_best_plan_so_far():
    """Proves: Ctrl-C during the third solve returns the incumbent with its gap; during the first it is passed on."""
    program = random_program(8, n_steps=12, n_blocks=3, n_sources=3, n_stores=2, n_rows=3, lumpy=True)
    calls = []

    def interrupted_at(n: int):
        def solver(p: Program) -> Solution:
            calls.append(p)
            if len(calls) == n:
                raise KeyboardInterrupt
            return solve(p)

        return solver

    solution = solve_whole_units(program, interrupted_at(3), gap=1e-9)
    assert "interrupted" in solution.message
    assert solution.status == "feasible"
    assert check_solution(program, solution).passed(1e-6)
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        solve_whole_units(program, interrupted_at(1))


def test_progress_never_goes_back():
    """Proves: incumbent costs fall, bounds rise, and the last report holds the answer's gap."""
    reports: list[UnitProgress] = []
    program = random_program(2, n_steps=12, n_blocks=3, n_sources=3, n_stores=2, n_rows=3, lumpy=True)
    solution = solve_whole_units(program, solve, gap=1e-5, on_progress=reports.append)
    assert len(reports) >= 2
    for before, after in itertools.pairwise(reports):
        assert after.objective <= before.objective
        assert after.bound >= before.bound
        assert after.seconds >= before.seconds
    assert reports[-1].gap == pytest.approx(solution.gap, abs=1e-9)


def test_units_without_a_plan_are_left_behind():
    """Proves: where load can't go unserved, unit counts that can't carry it are excluded and the search goes on."""
    world = two_step_world()
    source = world.blocks[0]
    block = replace(
        source,
        flow_names=("a", "b"),
        flow_cost=np.ones((2, 2)),
        flow_cap_column=np.array([0, 1]),
        flow_cap=np.ones((2, 2)),
        row_coeff=np.ones((1, 2)),
    )
    # cheap units of 0.9 (three at most), dear units of 0.5: 3 = 2.7 + 0.5
    program = Program(make_border([10.0, 11.0], [2.7, 5.0], units=[0.9, 0.5]), (block,), ((0,),))
    solution = solve_whole_units(program, solve, gap=1e-6)
    assert solution.columns == pytest.approx([2.7, 0.5])
    assert solution.objective == pytest.approx(27 + 5.5 + 5)
    none = replace(program, border=make_border([10.0, 11.0], [2.7, 0.0], units=[0.9, 0.5]))
    nothing = solve_whole_units(none, solve, gap=1e-6)
    assert nothing.status == "infeasible"
    assert nothing.objective == np.inf


def test_fixing_outside_the_box_is_refused():
    """Proves: a value outside its column's box is named; a fixed column counts as no longer lumpy."""
    program = replace(two_step_world(), border=make_border([10.0], [4.0], units=[2.0]))
    assert fix_columns(program, np.array([0]), np.array([2.0])).border.unit[0] == 0.0
    with pytest.raises(SolverError, match=r"x0 fixed outside 0.0..4.0, got 6.0"):
        fix_columns(program, np.array([0]), np.array([6.0]))
