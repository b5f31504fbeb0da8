"""Programs joined into one: their own columns side by side, shared columns before them, and rows that link the two.

::

    minimise   shared.cost @ z  +  sum over parts k of  weight[k] * cost_k(x_k, y_k)
    subject to each part's own program, the rows of ``shared``, and per part
               link_lower <= link_shared @ z + link_own @ x_k <= link_upper

With a ``Tail`` the sum of the parts' costs is ``(1 - w) mean + w * mean of the worst share``, after Rockafellar and
Uryasev, Optimization of conditional value-at-risk, Journal of Risk 2 (2000): one budget a part holds its cost below a
common threshold plus an excess. The joined program keeps the closed grammar of `solve.program`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from trainload.errors import Problem, SolverError
from trainload.solve.program import Array, Block, Border, Program, Solution


@dataclass(frozen=True, slots=True)
class Part:
    """One program of several, its weight in the objective, and the rows that tie its columns to the shared ones."""

    name: str
    weight: float
    program: Program
    link_names: tuple[str, ...]
    link_shared: sparse.csr_matrix  # (links, shared columns)
    link_own: sparse.csr_matrix  # (links, own columns)
    link_lower: Array
    link_upper: Array


@dataclass(frozen=True, slots=True)
class Tail:
    """How much the worst parts weigh.

    Attributes:
        weight_frac: share of the objective that is the mean cost of the worst parts; the rest is the mean of all.
        tail_frac: weight (of all parts' together) that counts as the worst.
        lower, upper: box that holds the cost of every part.
    """

    weight_frac: float
    tail_frac: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Joined:
    """The joined program and where its parts lie in it."""

    program: Program
    parts: tuple[Part, ...]
    n_shared: int
    first_columns: tuple[int, ...]
    first_blocks: tuple[int, ...]

    def shared_columns(self, solution: Solution) -> Array:
        """Return the values of the shared columns, in the order in which they were given."""
        return solution.columns[: self.n_shared]

    def take_part(self, solution: Solution, index: int) -> Solution:
        """Return a part's own values as a solution of its program, with its own cost as objective and no duals."""
        part, column, block = self.parts[index], self.first_columns[index], self.first_blocks[index]
        border, blocks = part.program.border, part.program.blocks
        columns = solution.columns[column : column + len(border.names)]
        flows = solution.flows[block : block + len(blocks)]
        cost = float(border.cost @ columns)
        cost += sum(float((b.flow_cost * y).sum()) for b, y in zip(blocks, flows, strict=True))
        return Solution(
            solver=solution.solver,
            status=solution.status,
            objective=cost,
            bound=-np.inf,
            columns=columns,
            flows=flows,
            levels=solution.levels[block : block + len(blocks)],
            row_duals=tuple(np.zeros((len(b.row_names), b.n_steps)) for b in blocks),
            border_row_duals=np.zeros(len(border.row_names)),
            budget_duals=np.zeros(len(part.program.budget_names)),
        )

    def part_costs(self, solution: Solution) -> Array:
        """Return (parts,) each part's own cost, unweighted."""
        return np.array([self.take_part(solution, k).objective for k in range(len(self.parts))])


def extend_border(
    program: Program, names: Sequence[str], *, cost: Array, upper: Array, unit: Array | None = None
) -> Program:
    """Return the program with more border columns, between 0 and ``upper``, that stand in no row yet."""
    border, n_new = program.border, len(names)
    n = len(border.names) + n_new
    widened = replace(
        border,
        names=(*border.names, *names),
        cost=np.concatenate([border.cost, cost]),
        lower=np.concatenate([border.lower, np.zeros(n_new)]),
        upper=np.concatenate([border.upper, upper]),
        unit=np.concatenate([border.unit, np.zeros(n_new) if unit is None else unit]),
        matrix=_widen(border.matrix, n, at=0),
    )
    budgets = None if program.budget_matrix is None else _widen(program.budget_matrix, n, at=0)
    return replace(program, border=widened, budget_matrix=budgets)


def join_programs(parts: Sequence[Part], shared: Border, *, tail: Tail | None = None) -> Joined:
    """Return the parts joined over the shared columns; see the module for the program that results.

    Args:
        parts: at least one, weights positive; their programs are not changed.
        shared: columns that all parts see, with their own cost and rows.
        tail: weigh the worst parts; None minimises the weighted mean.

    Raises:
        SolverError: links that do not fit their columns, weights that are not positive, or a tail outside (0, 1].
    """
    _check(parts, shared, tail)
    n_tail = 0 if tail is None else 1 + len(parts)
    n_shared = len(shared.names)
    first_columns = n_shared + n_tail + _starts([len(p.program.border.names) for p in parts])
    first_blocks = _starts([len(p.program.blocks) for p in parts])
    first_budgets = _starts([len(p.program.budget_names) for p in parts])
    mean_weight = 1.0 if tail is None else 1.0 - tail.weight_frac
    scale = 1.0 if tail is None else max(abs(tail.lower), abs(tail.upper), 1.0) / 1e3
    n, n_budgets = int(first_columns[-1]), int(first_budgets[-1])
    borders = [shared, *([_tail_border(parts, tail, scale)] if tail is not None else []), *(_own_borders(parts))]
    weights = [1.0] * (len(borders) - len(parts)) + [mean_weight * p.weight for p in parts]
    rows = [_widen(shared.matrix, n, at=0)]
    rows += [_widen(p.program.border.matrix, n, at=int(c)) for p, c in zip(parts, first_columns, strict=False)]
    rows += [
        sparse.csr_matrix(_widen(p.link_shared, n, at=0) + _widen(p.link_own, n, at=int(c)))
        for p, c in zip(parts, first_columns, strict=False)
    ]
    border = Border(
        names=tuple(name for b in borders for name in b.names),
        cost=np.concatenate([b.cost * w for b, w in zip(borders, weights, strict=True)]),
        lower=np.concatenate([b.lower for b in borders]),
        upper=np.concatenate([b.upper for b in borders]),
        unit=np.concatenate([b.unit for b in borders]),
        row_names=(
            *shared.row_names,
            *(f"{p.name}:{name}" for p in parts for name in p.program.border.row_names),
            *(f"{p.name}:{name}" for p in parts for name in p.link_names),
        ),
        matrix=sparse.csr_matrix(sparse.vstack(rows)),
        row_lower=np.concatenate(
            [shared.row_lower, *(p.program.border.row_lower for p in parts), *(p.link_lower for p in parts)]
        ),
        row_upper=np.concatenate(
            [shared.row_upper, *(p.program.border.row_upper for p in parts), *(p.link_upper for p in parts)]
        ),
    )
    blocks = tuple(
        _place_block(
            block,
            part,
            column=int(first_columns[k]),
            budget=int(first_budgets[k]),
            weight=mean_weight * part.weight,
            cost_budget=None if tail is None else (n_budgets + k, scale),
        )
        for k, part in enumerate(parts)
        for block in part.program.blocks
    )
    budget_rows = [
        _widen(p.program.budget_matrix, n, at=int(c))
        if p.program.budget_matrix is not None
        else sparse.csr_matrix((len(p.program.budget_names), n))
        for p, c in zip(parts, first_columns, strict=False)
    ]
    names = [f"{p.name}:{name}" for p in parts for name in p.program.budget_names]
    uppers = [p.program.budget_upper for p in parts]
    if tail is not None:
        budget_rows += [
            _cost_row(p, (n_shared, n_shared + 1 + k), n, column=int(first_columns[k]), scale=scale)
            for k, p in enumerate(parts)
        ]
        names += [f"{p.name}:cost" for p in parts]
        uppers.append(np.zeros(len(parts)))
    program = Program(
        border=border,
        blocks=blocks,
        chains=tuple(
            tuple(int(first_blocks[k]) + b for b in chain) for k, p in enumerate(parts) for chain in p.program.chains
        ),
        budget_names=tuple(names),
        budget_matrix=sparse.csr_matrix(sparse.vstack(budget_rows)) if names else None,
        budget_upper=np.concatenate(uppers),
    )
    return Joined(program, tuple(parts), n_shared, _ints(first_columns), _ints(first_blocks))


def weigh_costs(costs: Array, weights: Array, *, weight_frac: float = 0.0, tail_frac: float = 1.0) -> float:
    """Return (1 - weight_frac) x weighted mean + weight_frac x mean of the worst ``tail_frac`` of the weight."""
    share = weights / weights.sum()
    mean = float(share @ costs)
    if weight_frac == 0.0:
        return mean
    order = np.argsort(-costs, kind="stable")
    left = np.clip(tail_frac - (np.cumsum(share[order]) - share[order]), 0.0, share[order])
    return (1.0 - weight_frac) * mean + weight_frac * float(left @ costs[order]) / tail_frac


def _check(parts: Sequence[Part], shared: Border, tail: Tail | None) -> None:
    problems = []
    if not parts:
        problems.append(Problem("parts", "must hold at least one program", "none"))
    for part in parts:
        expected = (len(part.link_names), len(shared.names)), (len(part.link_names), len(part.program.border.names))
        got = part.link_shared.shape, part.link_own.shape
        if got != expected:
            problems.append(Problem(part.name, f"links must have the shapes {expected}", str(got)))
        if not (np.isfinite(part.weight) and part.weight > 0):
            problems.append(Problem(part.name, "weight must be positive", str(part.weight), "leave the part out"))
    if tail is not None and not (0 < tail.tail_frac <= 1 and 0 <= tail.weight_frac <= 1 and tail.lower <= tail.upper):
        problems.append(Problem("tail", "needs 0 < tail <= 1, 0 <= weight <= 1 and lower <= upper", str(tail)))
    if problems:
        raise SolverError("programs can't be joined", *problems)


def _own_borders(parts: Sequence[Part]) -> list[Border]:
    return [replace(b, names=tuple(f"{p.name}:{n}" for n in b.names)) for p in parts for b in (p.program.border,)]


def _tail_border(parts: Sequence[Part], tail: Tail, scale: float) -> Border:
    """Return the threshold and one excess a part, in units of ``scale``."""
    total = sum(p.weight for p in parts)
    n = 1 + len(parts)
    return Border(
        names=("threshold", *(f"{p.name}:excess" for p in parts)),
        cost=tail.weight_frac * scale * np.array([total, *(p.weight / tail.tail_frac for p in parts)]),
        lower=np.array([tail.lower / scale, *np.zeros(len(parts))]),
        upper=np.array([tail.upper / scale, *np.full(len(parts), (tail.upper - tail.lower) / scale)]),
        unit=np.zeros(n),
        row_names=(),
        matrix=sparse.csr_matrix((0, n)),
        row_lower=np.zeros(0),
        row_upper=np.zeros(0),
    )


def _cost_row(part: Part, above: tuple[int, int], n: int, *, column: int, scale: float) -> sparse.csr_matrix:
    """Return the budget row cost / scale - threshold - excess (columns ``above``), as far as it lies on the border."""
    own = part.program.border.cost
    columns = np.concatenate([above, column + np.flatnonzero(own)])
    values = np.concatenate([[-1.0, -1.0], own[own != 0.0] / scale])
    return sparse.csr_matrix((values, (np.zeros(len(columns), dtype=np.int64), columns)), shape=(1, n))


def _place_block(
    block: Block, part: Part, *, column: int, budget: int, weight: float, cost_budget: tuple[int, float] | None
) -> Block:
    """Return the block with its columns and budgets where the joined program has them, its cost weighted."""
    budgets = {budget + k: coeff for k, coeff in block.budget_coeff.items()}
    if cost_budget is not None:
        budgets[cost_budget[0]] = block.flow_cost / cost_budget[1]
    return replace(
        block,
        name=f"{part.name}:{block.name}",
        flow_cost=block.flow_cost * weight,
        flow_cap_column=np.where(block.flow_cap_column >= 0, block.flow_cap_column + column, -1),
        state_cap_column=np.where(block.state_cap_column >= 0, block.state_cap_column + column, -1),
        row_border=tuple({column + c: factor for c, factor in factors.items()} for factors in block.row_border),
        budget_coeff=budgets,
    )


def _widen(matrix: sparse.csr_matrix, n_columns: int, *, at: int) -> sparse.csr_matrix:
    """Return the matrix with its columns moved to ``at`` of ``n_columns``."""
    matrix = sparse.csr_matrix(matrix)
    return sparse.csr_matrix((matrix.data, matrix.indices + at, matrix.indptr), shape=(matrix.shape[0], n_columns))


def _starts(lengths: Sequence[int]) -> Array:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _ints(values: Array) -> tuple[int, ...]:
    return tuple(int(v) for v in values)
