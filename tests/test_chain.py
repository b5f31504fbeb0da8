"""The chain solver against HiGHS, against hand-solved worlds, and on input meant to break it."""

import os
import subprocess
import sys

import numpy as np
import pytest

from make_chains import any_program
from make_programs import random_program, store_world, two_step_world
from trainload.solve.chain import Progress, count_processors, solve_chain
from trainload.solve.check import check_solution
from trainload.solve.compilation import is_compiled
from trainload.solve.highs import solve_with_highs
from trainload.solve.program import Program


def compare(program: Program) -> None:
    """The chain answers as HiGHS does, and proves it."""
    reference, solution = solve_with_highs(program, method="simplex"), solve_chain(program, n_threads=1)
    if reference.status == "infeasible":
        assert solution.status == "infeasible", solution.message
        return
    assert reference.status == "optimal"
    assert solution.status == "optimal", solution.message
    assert solution.objective == pytest.approx(reference.objective, rel=1e-6, abs=1e-6)
    assert check_solution(program, solution).passed(1e-6)


def test_two_steps_by_hand():
    """Proves: size 3, cost 35, one more unit of load costs 1 in the first step and 11 in the second.

    If broken: swapped dual signs give -1 and -11, a lost cap gives cost 5.
    """
    solution = solve_chain(two_step_world())
    assert solution.status == "optimal"
    assert solution.objective == pytest.approx(35.0, rel=1e-7)
    assert solution.columns == pytest.approx([3.0], rel=1e-6)
    assert solution.row_duals[0] == pytest.approx(np.array([[1.0, 11.0]]), rel=1e-5)


def test_a_leaky_store_by_hand():
    """Proves: cost 8.63889, level 1.25 then 0; energy put in after step one is worth 1 / 0.9, after step two 7.63889.

    If broken: a store that loses nothing costs 7.11; a store that does not close its circle is full at the end.
    """
    solution = solve_chain(store_world())
    assert solution.objective == pytest.approx(1 + 1.25 / 0.9 + 5 * 1.25)
    assert solution.levels[0] == pytest.approx(np.array([[1.25, 0.0]]), abs=1e-6)
    assert solution.state_duals[0] == pytest.approx(np.array([[-1 / 0.9, -(1.25 / 0.9 + 6.25)]]), rel=1e-5)


def test_a_caller_can_tell_whether_the_first_solve_compiles(tmp_path):
    """Proves: not compiled with an empty cache, compiled after a solve.

    If broken: a planner waits ten seconds without a word, or is told so at every solve.
    """
    solve_chain(two_step_world())
    assert is_compiled()
    ask = "from trainload.solve.compilation import is_compiled; print(is_compiled())"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    asked = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, env=environment, check=True)
    assert asked.stdout.strip() == "False"


@pytest.mark.parametrize("seed", range(20))
def test_random_worlds_agree_with_highs(seed):
    """Proves: sources, stores, peaks, a shared limit, floors, a budget: HiGHS's objective within 1e-6, proven."""
    draw = np.random.default_rng(seed)
    compare(
        random_program(
            seed,
            n_steps=int(draw.integers(2, 60)),
            n_blocks=1 + seed % 4,
            n_sources=int(draw.integers(1, 6)),
            n_stores=seed % 5,
            n_rows=1 + seed % 3,
        )
    )


@pytest.mark.parametrize("seed", range(20))
def test_any_program_agrees_with_highs(seed):
    """Proves: corners of the grammar in random combination, some contradictory: HiGHS's answer, always proven."""
    compare(any_program(seed))


@pytest.mark.parametrize("seed", [1009, 1125, 2066, 2350, 2552])
def test_levels_without_use_leave_no_flow_and_no_gap(seed):
    """Proves: where a level is handed to steps that can neither hold nor use it, what fills it is fixed, and priced.

    If broken: such flows have no interior, multipliers grow past 1e5 and no bound is proven (gaps 1e-6 to 1e+26).
    """
    compare(any_program(seed))


@pytest.mark.parametrize("size", [1e-9, 1e12])
@pytest.mark.parametrize("price", [1e-9, 1.0, 1e9])
def test_scale_changes_nothing(size, price):
    """Proves: with quantities x size and prices x price the cost is that times as high, and as well proven.

    If broken: a badly scaled program fails, or passes a tolerance that means nothing at its scale.
    """
    for seed in range(3000, 3004):
        one, scaled = any_program(seed), any_program(seed, size=size, price=price)
        solution = solve_chain(scaled)
        assert solution.status == solve_chain(one).status
        if solution.status == "optimal":
            assert solution.objective == pytest.approx(solve_chain(one).objective * size * price, rel=2e-6, abs=1e-6)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_stopped_solve_returns_its_best_iterate(n_threads):
    """Proves: at Ctrl-C and at a time limit there is a solution with its own residual and gap, called time_limit.

    If broken: an hour's work is thrown away, or a point that is far off calls itself optimal.
    """
    program = random_program(5, n_steps=3000, n_stores=2)
    best = solve_chain(program, n_threads=n_threads)
    seen: list[Progress] = []

    def interrupt(progress: Progress) -> None:
        seen.append(progress)
        if progress.iteration == 12:
            raise KeyboardInterrupt

    stopped = solve_chain(program, n_threads=n_threads, on_progress=interrupt)
    assert seen[-1].iteration == 12 < best.n_iterations
    out_of_time = solve_chain(program, n_threads=n_threads, time_limit_seconds=1e-9)
    for solution in (stopped, out_of_time):
        assert solution.status == "time_limit"
        check = check_solution(program, solution)
        assert check.bound <= best.objective * (1 + 1e-9)
        assert check.gap > 1e-6 or check.residual > 1e-6
        assert solution.bound == check.bound
    assert stopped.gap < out_of_time.gap


def test_threads_follow_the_processors_at_hand():
    """Proves: a process that may use one processor counts one, whatever the machine has.

    If broken: a container limited to two of 64 processors starts 64 threads.
    """
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system has no processor affinity")
    allowed = os.sched_getaffinity(0)
    assert count_processors() == len(allowed)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert count_processors() == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 300, 25))
def test_many_programs_agree_with_highs(first):
    """Proves: as the two tests above, on 600 programs."""
    for seed in range(1000 + first, 1000 + first + 25):
        draw = np.random.default_rng(seed)
        compare(any_program(seed))
        compare(random_program(seed, n_steps=int(draw.integers(2, 120)), n_stores=seed % 5, n_rows=1 + seed % 3))
