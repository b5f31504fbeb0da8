"""The checks must catch a solution that lies, whatever the lie."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from make_programs import random_program, store_world, two_step_world
from trainload.errors import SolverError
from trainload.solve.check import check_solution, lagrangian_bound, lagrangian_function
from trainload.solve.highs import solve_with_highs
from trainload.solve.program import Program, Solution
from trainload.solve.validate import validate_program


@cache
def solved(seed: int) -> tuple[Program, Solution]:
    program = random_program(seed, n_stores=2, n_rows=3)
    return program, solve_with_highs(program, method="simplex")


def test_a_true_optimum_passes():
    """Proves: the optimum of random worlds has no residual above 1e-9 and a gap its duals prove.

    If broken: a sign slip in any family makes a residual or the gap of order one.
    """
    for seed in range(4):
        program, solution = solved(seed)
        check = check_solution(program, solution)
        assert check.passed(1e-7)
        assert check.residual <= 1e-9
        assert abs(check.gap) <= 1e-9


def test_hand_solved_bound():
    """Proves: with the duals worked out by hand (1 and 11) the bound is the optimum, 35; with none it is 0."""
    program = two_step_world()
    none = np.zeros(0)
    right = (np.array([[1.0, 11.0]]),)
    assert lagrangian_bound(program, row_duals=right, border_row_duals=none, budget_duals=none) == pytest.approx(35.0)
    nothing = (np.zeros((1, 2)),)
    assert lagrangian_bound(program, row_duals=nothing, border_row_duals=none, budget_duals=none) == pytest.approx(
        0.0, abs=1e-9
    )
    # a size of 3 then costs 35 whatever else is chosen, a size of 2 at least 35 too: the column's price is nil
    function = lagrangian_function(program, row_duals=right, border_row_duals=none, budget_duals=none)
    assert function.slope_up == pytest.approx([0.0], abs=1e-9)


def broken_solutions(program: Program, solution: Solution) -> dict[str, tuple[str, Solution]]:
    """Name -> (the error that must show, the solution with one lie in it)."""

    def with_flow(flow: str, step: int, change: float) -> Solution:
        flows = [y.copy() for y in solution.flows]
        flows[0][program.blocks[0].flow_names.index(flow), step] += change
        return replace(solution, flows=tuple(flows))

    levels = [level.copy() for level in solution.levels]
    levels[1][0, 7] += 0.01
    below_zero = [level - 0.01 - level.min() for level in solution.levels]
    capped = with_flow("source0", 3, 10.0)
    floored = with_flow("source2", 5, -1.0)
    columns = solution.columns.copy()
    columns[-1] = -1.0
    orders = solution.columns.copy()
    orders[len(program.blocks) * 3] += 0.01
    return {
        "wrong objective": ("objective_error", replace(solution, objective=solution.objective * (1 - 1e-5))),
        "missing power": ("balance_error", with_flow("spill", 4, 0.01)),
        "a level that jumps": ("level_error", replace(solution, levels=tuple(levels))),
        "a level below zero": ("level_error", replace(solution, levels=tuple(below_zero))),
        "a cap not kept": ("limit_error", capped),
        "a floor not kept": ("limit_error", floored),
        "a broken budget": ("budget_error", replace(solution, columns=columns)),
        "a broken link": ("border_error", replace(solution, columns=orders)),
        "a bound too high": ("bound_error", replace(solution, bound=solution.objective * (1 + 1e-5))),
        "missing numbers": ("balance_error", with_flow("spill", 4, np.nan)),
    }


@pytest.mark.parametrize("lie", list(broken_solutions(*solved(1))))
def test_each_lie_is_caught(lie):
    """Proves: each family of error shows under its own name and the check fails.

    If broken: a wrong plan reaches the reader with a certificate.
    """
    program, solution = solved(1)
    family, liar = broken_solutions(program, solution)[lie]
    check = check_solution(program, liar)
    assert getattr(check, family) > 1e-6
    assert not check.passed(1e-6)


def test_a_claimed_optimum_without_duals_fails():
    """Proves: 'optimal' without duals that prove it is not believed; 'feasible' with no bound claimed is."""
    program, solution = solved(2)
    bare = replace(
        solution,
        row_duals=tuple(np.zeros_like(d) for d in solution.row_duals),
        state_duals=(),
        border_row_duals=np.zeros_like(solution.border_row_duals),
        budget_duals=np.zeros_like(solution.budget_duals),
    )
    assert not check_solution(program, bare).passed(1e-6)
    assert check_solution(program, replace(bare, status="feasible", bound=-np.inf)).passed(1e-6)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 3), spread=st.floats(0.0, 30.0), draw_seed=st.integers(0, 2**32 - 1))
def test_no_multipliers_prove_more_than_the_optimum(seed, spread, draw_seed):
    """Proves: whatever the multipliers, the bound is at most the optimum: it is a certificate.

    If broken: a dropped term or a wrong box gives bounds above the optimum for some draw.
    """
    program, solution = solved(seed)
    draw = np.random.default_rng(draw_seed)

    def shaken(dual: np.ndarray) -> np.ndarray:
        return dual + spread * draw.normal(size=dual.shape) * draw.uniform(size=dual.shape) ** 4

    bound = lagrangian_bound(
        program,
        row_duals=tuple(shaken(d) for d in solution.row_duals),
        border_row_duals=shaken(solution.border_row_duals),
        budget_duals=shaken(solution.budget_duals),
        state_duals=tuple(shaken(d) for d in solution.state_duals),
    )
    assert bound <= solution.objective + 1e-9 * abs(solution.objective)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 3), share=st.floats(1e-5, 1.0))
def test_a_bound_above_the_optimum_never_passes(seed, share):
    """Proves: a feasible but dearer solution with a bound between the optimum and its own cost is caught."""
    program, solution = solved(seed)
    columns = solution.columns.copy()
    slack = len(columns) - 1
    room = (program.border.upper[slack] - columns[slack]) * 0.5
    columns[slack] += room  # buying more slack than needed is feasible, and dearer
    dearer = solution.objective + program.border.cost[slack] * room
    claim = solution.objective + share * (dearer - solution.objective)
    liar = replace(solution, columns=columns, objective=dearer, bound=claim, status="feasible")
    check = check_solution(program, liar)
    assert check.residual <= 1e-9
    assert not check.passed(1e-6)


def test_lagrangian_function_cuts_below_the_cost_of_fixed_columns():
    """Proves: at other sizes the function stays below the true cost there: it is a valid cut for whole units."""
    program = store_world()
    solution = solve_with_highs(program, method="simplex")
    function = lagrangian_function(
        program,
        row_duals=solution.row_duals,
        border_row_duals=solution.border_row_duals,
        budget_duals=solution.budget_duals,
        state_duals=solution.state_duals,
    )
    for size in (0.0, 0.5, 1.25, 2.0, 9.0):
        at = np.array([size])
        fixed = replace(program, border=replace(program.border, lower=at, upper=at))
        true_cost = solve_with_highs(fixed, method="simplex").objective
        assert function.least_over_box(at, at) <= true_cost + 1e-9
    assert function.least_over_box(np.array([1.25]), np.array([1.25])) == pytest.approx(8.638888888888, abs=1e-9)


def test_all_faults_of_a_program_are_named_at_once():
    """Proves: shapes, NaN, column numbers, chains and senses are found together, each with its place."""
    good = store_world()
    flow_cost = good.blocks[0].flow_cost.copy()
    flow_cost[1, 1] = np.nan
    block = replace(
        good.blocks[0],
        flow_cost=flow_cost,
        flow_cap=np.ones((4, 3)),
        flow_cap_column=np.array([-1, -1, -1, 7]),
        row_sense=(">",),
        state_cap=np.array([np.inf]),
        budget_coeff={0: np.ones((4, 2))},
    )
    border = replace(good.border, unit=np.array([-1.0]))
    with pytest.raises(SolverError) as caught:
        validate_program(Program(border, (block,), ((0,), (0,))))
    text = str(caught.value)
    for piece in (
        "flow_cost[1, 1]: 1 not finite, got nan",
        "flow_cap: must have the shape (4, 2), got (4, 3)",
        "border columns run from 0 to 0, got -1..7",
        "row_sense",
        "state_cap[0]: 1 not finite, got inf",
        "no such budget",
        "unit of x0: must be 0 or more, got -1.0",
        "block b must stand in exactly one chain, got 2",
    ):
        assert piece in text


def test_limits_of_the_grammar():
    """Proves: four rows are refused for the chain solver and allowed for HiGHS."""
    program = two_step_world()
    block = replace(
        program.blocks[0],
        row_names=("a", "b", "c", "d"),
        row_coeff=np.ones((4, 1)),
        row_sense=("=", "<", "<", "<"),
        row_rhs=np.repeat(program.blocks[0].row_rhs, 4, axis=0),
        row_border=({}, {}, {}, {}),
    )
    wide = replace(program, blocks=(block,))
    with pytest.raises(SolverError, match="at most 3 coupled rows"):
        validate_program(wide)
    validate_program(wide, within_grammar=False)
    assert solve_with_highs(wide, method="simplex").objective == pytest.approx(35.0)


def test_blocks_without_steps_and_programs_without_blocks_are_refused():
    """Proves: zero hours are an error that says so, never an empty plan of cost 0."""
    program = two_step_world()
    with pytest.raises(SolverError, match="at least one block"):
        validate_program(replace(program, blocks=(), chains=()))
    empty = replace(program.blocks[0], flow_cost=np.ones((1, 0)), flow_cap=np.ones((1, 0)), row_rhs=np.ones((1, 0)))
    with pytest.raises(SolverError, match="at least one step"):
        validate_program(replace(program, blocks=(empty,)))


def test_a_solution_of_another_program_is_refused():
    """Proves: shapes that do not fit are named, not broadcast."""
    program, solution = solved(1)
    with pytest.raises(SolverError, match="flows: must have the shapes"):
        check_solution(two_step_world(), solution)
    with pytest.raises(SolverError, match="columns: must hold"):
        check_solution(program, replace(solution, columns=solution.columns[:-1]))
