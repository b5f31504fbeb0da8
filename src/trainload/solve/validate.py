"""Is a program well formed? Every fault of its arrays at once, each with its place."""

from collections.abc import Iterator

import numpy as np

from trainload.errors import Problem, SolverError
from trainload.solve.program import MAX_ROWS, MAX_STATES, Block, Program


def validate_program(program: Program, *, within_grammar: bool = True) -> None:
    """Raise a SolverError naming everything malformed in the program's arrays.

    A program that is well formed but has no solution (a lower limit above its upper limit, say) passes: solvers answer
    it with the status ``infeasible``.

    Args:
        program: what is looked at.
        within_grammar: whether more than ``MAX_ROWS`` rows or ``MAX_STATES`` states count as a problem.

    Raises:
        SolverError: with one problem (where, what, got, fix) per fault.
    """
    problems = [
        *_border_problems(program),
        *_chain_problems(program),
        *(p for block in program.blocks for p in _block_problems(program, block, within_grammar)),
        *_budget_problems(program),
    ]
    if problems:
        raise SolverError("the program can't be solved as it stands", *problems)


def _array_problems(
    where: str, what: str, array: object, shape: tuple[int, ...], *, open_ended: bool = False
) -> Iterator[Problem]:
    """Shape and numbers of one array; ``open_ended`` allows infinities, never NaN."""
    if not isinstance(array, np.ndarray):
        yield Problem(where, f"{what}: must be a numpy array of shape {shape}", type(array).__name__)
    elif array.shape != shape:
        yield Problem(where, f"{what}: must have the shape {shape}", str(array.shape))
    elif array.dtype.kind not in "fiu":
        yield Problem(where, f"{what}: must hold real numbers", str(array.dtype))
    else:
        bad = np.isnan(array) if open_ended else ~np.isfinite(array)
        if bad.any():
            first = tuple(int(i) for i in np.argwhere(bad)[0])
            place = ", ".join(str(i) for i in first)
            fix = "give a number" if open_ended else "give a finite number: every column needs a box, every row a limit"
            yield Problem(where, f"{what}[{place}]: {int(bad.sum())} not finite", str(array[first]), fix)


def _border_problems(program: Program) -> Iterator[Problem]:
    border, where = program.border, "border"
    n, m = len(border.names), len(border.row_names)
    for what in ("cost", "lower", "upper", "unit"):
        yield from _array_problems(where, what, getattr(border, what), (n,))
    if isinstance(border.unit, np.ndarray) and border.unit.shape == (n,) and (border.unit < 0).any():
        c = int(np.argmin(border.unit))
        yield Problem(where, f"unit of {border.names[c]}: must be 0 or more", str(border.unit[c]), "0 = continuous")
    for what in ("row_lower", "row_upper"):
        yield from _array_problems(where, what, getattr(border, what), (m,), open_ended=True)
    if border.matrix.shape != (m, n):
        yield Problem(where, f"matrix: must have the shape {(m, n)}", str(border.matrix.shape))
    elif not np.isfinite(border.matrix.data).all():
        yield Problem(where, "matrix: not finite", "NaN or infinity", "give finite coefficients")


def _chain_problems(program: Program) -> Iterator[Problem]:
    n_blocks = len(program.blocks)
    if n_blocks == 0:
        yield Problem("blocks", "a program needs at least one block of steps", "none")
    listed = [b for chain in program.chains for b in chain]
    wrong = sorted({b for b in listed if not 0 <= b < n_blocks})
    if wrong:
        yield Problem("chains", f"block numbers must lie in 0..{n_blocks - 1}", str(wrong))
        return
    counts = np.bincount(np.asarray(listed, dtype=np.int64), minlength=n_blocks)
    for b in np.flatnonzero(counts != 1):
        name = program.blocks[b].name
        yield Problem("chains", f"block {name} must stand in exactly one chain", f"{counts[b]}", "list each block once")
    for k, chain in enumerate(program.chains):
        sizes = {len(program.blocks[b].state_names) for b in chain}
        if len(sizes) > 1:
            yield Problem(f"chain {k}", "its blocks must have the same states, in the same order", f"{sorted(sizes)}")
        if not chain:
            yield Problem(f"chain {k}", "must hold at least one block", "none", "leave the empty chain out")


def _block_problems(program: Program, block: Block, within_grammar: bool) -> Iterator[Problem]:
    where, n = f"block {block.name}", len(program.border.names)
    if not isinstance(block.flow_cost, np.ndarray) or block.flow_cost.ndim != 2 or block.flow_cost.shape[1] == 0:
        got = getattr(block.flow_cost, "shape", type(block.flow_cost).__name__)
        yield Problem(where, "flow_cost: must have the shape (flows, steps) with at least one step", str(got))
        return
    J, T, R, S = len(block.flow_names), block.n_steps, len(block.row_names), len(block.state_names)
    yield from _array_problems(where, "flow_cost", block.flow_cost, (J, T))
    yield from _array_problems(where, "flow_cap", block.flow_cap, (J, T))
    if block.flow_floor is not None:
        yield from _array_problems(where, "flow_floor", block.flow_floor, (J, T))
    yield from _array_problems(where, "row_coeff", block.row_coeff, (R, J))
    yield from _array_problems(where, "row_rhs", block.row_rhs, (R, T))
    for what, columns, length in (
        ("flow_cap_column", block.flow_cap_column, J),
        ("state_cap_column", block.state_cap_column, S),
    ):
        yield from _array_problems(where, what, columns, (length,))
        if columns.shape == (length,) and columns.dtype.kind not in "iu":
            yield Problem(where, f"{what}: must hold whole numbers", str(columns.dtype))
        elif columns.size and (columns.min() < -1 or columns.max() >= n):
            got = f"{columns.min()}..{columns.max()}"
            yield Problem(where, f"{what}: border columns run from 0 to {n - 1}", got, "-1 = no column")
    if len(block.row_sense) != R or any(sense not in ("=", "<") for sense in block.row_sense):
        yield Problem(where, f"row_sense: must hold {R} of '=' or '<'", str(block.row_sense))
    if len(block.row_border) != R:
        yield Problem(where, f"row_border: must hold {R} mappings, one per row", str(len(block.row_border)))
    for row, factors in zip(block.row_names, block.row_border, strict=False):
        for column, factor in factors.items():
            if not 0 <= column < n:
                yield Problem(where, f"row_border of {row}: border columns run from 0 to {n - 1}", str(column))
            yield from _array_problems(where, f"row_border of {row}, column {column}", factor, (T,))
    yield from _array_problems(where, "state_keep", block.state_keep, (S,))
    yield from _array_problems(where, "state_cap", block.state_cap, (S,))
    if S:
        yield from _array_problems(where, "state_coeff", block.state_coeff, (S, J))
    for budget, coeff in block.budget_coeff.items():
        if not 0 <= budget < len(program.budget_names):
            got = f"{budget} of {len(program.budget_names)}"
            yield Problem(where, "budget_coeff: no such budget", got, "name it in budget_names")
        yield from _array_problems(where, f"budget_coeff[{budget}]", coeff, (J, T))
    if within_grammar and R > MAX_ROWS:
        yield Problem(
            where, f"at most {MAX_ROWS} coupled rows per step", str(R), "solve with HiGHS, which has no limit"
        )
    if within_grammar and S > MAX_STATES:
        yield Problem(where, f"at most {MAX_STATES} states per step", str(S), "HiGHS has no such limit")


def _budget_problems(program: Program) -> Iterator[Problem]:
    n, n_budgets = len(program.border.names), len(program.budget_names)
    yield from _array_problems("budgets", "budget_upper", program.budget_upper, (n_budgets,))
    matrix = program.budget_matrix
    if matrix is not None and matrix.shape != (n_budgets, n):
        yield Problem("budgets", f"budget_matrix: must have the shape {(n_budgets, n)}", str(matrix.shape))
    elif matrix is not None and not np.isfinite(matrix.data).all():
        yield Problem("budgets", "budget_matrix: not finite", "NaN or infinity", "give finite coefficients")
