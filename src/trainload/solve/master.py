"""The integer master of a search over whole units: the border of a program, and cuts for what its blocks cost.

A cut is the Lagrangian function of the blocks (`solve.check.lagrangian_function`) from one solve's duals: it lies below
their cost wherever the border columns stand, so that the master's optimum is a proven bound. Blocks that share no chain
and no budget have a cut each.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from trainload.solve.check import lagrangian_function
from trainload.solve.highs import run_highs, state_request
from trainload.solve.lumpy import whole_unit_box
from trainload.solve.program import Array, Border, IntArray, Program, Solution

Rows = tuple[Any, Array, Array]


@dataclass(frozen=True, slots=True)
class Piece:
    """Blocks that share a budget or a chain, as a program with a free border: one cut per solve each."""

    program: Program
    blocks: IntArray
    budgets: IntArray


def split_into_pieces(program: Program) -> tuple[list[Piece], IntArray]:
    """Return the pieces of the program, and the budgets that hold no block (rows of the border in all but name)."""
    n_blocks, n_budgets, n = len(program.blocks), len(program.budget_names), len(program.border.names)
    ends = [(chain[0], b) for chain in program.chains for b in chain]
    ends += [(b, n_blocks + k) for b, block in enumerate(program.blocks) for k in block.budget_coeff]
    rows, columns = np.array(ends, dtype=np.int64).reshape(-1, 2).T
    size = n_blocks + n_budgets
    graph = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    n_parts, part = csgraph.connected_components(graph, directed=False)
    free = Border(
        names=program.border.names,
        cost=np.zeros(n),
        lower=program.border.lower,
        upper=program.border.upper,
        unit=np.zeros(n),
        row_names=(),
        matrix=sparse.csr_matrix((0, n)),
        row_lower=np.zeros(0),
        row_upper=np.zeros(0),
    )
    pieces = []
    for k in range(n_parts):
        blocks = np.flatnonzero(part[:n_blocks] == k)
        budgets = np.flatnonzero(part[n_blocks:] == k)
        if not len(blocks):
            continue
        block_place = {int(b): i for i, b in enumerate(blocks)}
        budget_place = {int(b): i for i, b in enumerate(budgets)}
        piece = Program(
            border=free,
            blocks=tuple(
                replace(block, budget_coeff={budget_place[i]: c for i, c in block.budget_coeff.items()})
                for block in (program.blocks[b] for b in blocks)
            ),
            chains=tuple(
                tuple(block_place[b] for b in chain) for chain in program.chains if chain and chain[0] in block_place
            ),
            budget_names=tuple(program.budget_names[i] for i in budgets),
            budget_matrix=None if program.budget_matrix is None else program.budget_matrix[budgets],
            budget_upper=program.budget_upper[budgets],
        )
        pieces.append(Piece(piece, blocks, budgets))
    held = np.concatenate([piece.budgets for piece in pieces]) if pieces else np.zeros(0, np.int64)
    return pieces, np.setdiff1d(np.arange(n_budgets), held)


class Master:
    """minimise border cost + cost of each piece, over the border's own rows and the cuts seen so far.

    Lumpy columns count units, the others are scaled by their reach; costs by the first cut's.
    """

    def __init__(self, program: Program) -> None:
        border = program.border
        self.pieces, border_budgets = split_into_pieces(program)
        self.n, self.n_pieces = len(border.names), len(self.pieces)
        self.lumpy = np.flatnonzero(border.unit > 0)
        lower, upper = whole_unit_box(program)
        reach = np.maximum(np.abs(lower), np.abs(upper))
        self.scale = np.where(border.unit > 0, border.unit, np.where(reach > 0, reach, 1.0))
        self.cost = border.cost * self.scale
        self.box = lower, upper
        matrix, row_lower, row_upper = border.matrix, border.row_lower, border.row_upper
        if len(border_budgets) and program.budget_matrix is not None:
            matrix = sparse.csr_matrix(sparse.vstack([matrix, program.budget_matrix[border_budgets]]))
            row_lower = np.concatenate([row_lower, np.full(len(border_budgets), -np.inf)])
            row_upper = np.concatenate([row_upper, program.budget_upper[border_budgets]])
        scaled = sparse.csr_matrix(matrix @ sparse.diags_array(self.scale))
        largest = np.maximum(abs(scaled).max(axis=1).toarray().ravel(), 1e-300) if scaled.shape[0] else np.zeros(0)
        self.rows = sparse.csr_matrix(sparse.diags_array(1.0 / largest) @ scaled) if len(largest) else scaled
        self.row_lower, self.row_upper = row_lower / largest, row_upper / largest
        self.weight = _distance_weights(border, self.lumpy) * self.scale
        self.cut_piece: list[int] = []
        self.cut_slope: list[Array] = []
        self.cut_constant: list[float] = []
        self.excluded: list[IntArray] = []

    def add_cuts(self, solution: Solution) -> None:
        """Add one cut per piece from a solution's duals: cost of the piece >= constant + slope @ x."""
        lower, upper = self.box
        for k, piece in enumerate(self.pieces):
            duals = [solution.row_duals[b] for b in piece.blocks]
            state_duals = tuple(solution.state_duals[b] for b in piece.blocks) if solution.state_duals else ()
            budget_duals = solution.budget_duals[piece.budgets]
            if not all(np.isfinite(d).all() for d in (*duals, *state_duals, budget_duals)):
                continue
            function = lagrangian_function(
                piece.program,
                row_duals=tuple(duals),
                border_row_duals=np.zeros(0),
                budget_duals=budget_duals,
                state_duals=state_duals,
            )
            constant, slope = function.constant, function.slope_up.copy()
            slope[upper <= 0] = function.slope_down[upper <= 0]
            # a column that may take both signs has a concave piece: its chord lies below it
            across = (lower < 0) & (upper > 0)
            at_lower, at_upper = function.slope_down * lower, function.slope_up * upper
            slope[across] = (at_upper - at_lower)[across] / (upper - lower)[across]
            constant += float((at_lower - slope * lower)[across].sum())
            self.cut_piece.append(k)
            self.cut_slope.append(slope * self.scale)
            self.cut_constant.append(constant)

    def exclude(self, counts: IntArray) -> None:
        """Never return this combination of units again: it has no plan."""
        self.excluded.append(counts)

    def lowest(self, seconds: float, gap: float) -> tuple[str, float, Array | None]:
        """Return HiGHS's status, a proven bound and the point of the master's optimum."""
        if not self.cut_piece:
            return "no cuts", -np.inf, None
        price = self._price()
        cost = np.concatenate([self.cost / price, np.ones(self.n_pieces)])
        status, bound, z = self._solve(cost, [], seconds, gap)
        return status, bound * price, z

    def nearest(self, centre: Array, level: float, seconds: float) -> Array | None:
        """Return the point nearest to the centre whose cost by the cuts is at most the level, None where none is.

        Distance counts units, over lumpy columns and those that stand in a row with them.
        """
        watched = np.flatnonzero(self.weight > 0)
        n_all = self.n + self.n_pieces
        cost = np.concatenate([np.zeros(n_all), self.weight[watched]])
        ones = sparse.csr_matrix(
            (np.ones(len(watched)), (np.arange(len(watched)), watched)), shape=(len(watched), n_all)
        )
        eye = sparse.eye_array(len(watched), format="csr")
        at = centre[watched] / self.scale[watched]
        # distance >= x - centre, distance >= centre - x
        extra: list[Rows] = [
            (sparse.hstack([ones, -eye]), np.full(len(watched), -np.inf), at),
            (sparse.hstack([ones, eye]), at, np.full(len(watched), np.inf)),
        ]
        if np.isfinite(level) and self.cut_piece:
            price = self._price()
            total = np.concatenate([self.cost / price, np.ones(self.n_pieces), np.zeros(len(watched))])
            extra.append((sparse.csr_matrix(total[None]), np.array([-np.inf]), np.array([level / price])))
        _, _, z = self._solve(cost, extra, seconds, 0.1)
        return z

    def _price(self) -> float:
        """Return the scale of costs in the master, so that its optimum is of the order of a thousand."""
        sizes = [abs(constant) for constant in self.cut_constant] + list(np.abs(self.cost))
        return max(1e-300, float(max(sizes)) / 1e3)

    def _solve(self, cost: Array, extra: list[Rows], seconds: float, gap: float) -> tuple[str, float, Array | None]:
        """Minimise over border columns (in units), pieces' costs and further columns >= 0; return columns unscaled."""
        n, n_columns, price = self.n, len(cost), self._price()
        lower, upper = np.zeros(n_columns), np.full(n_columns, np.inf)
        lower[:n], upper[:n] = self.box[0] / self.scale, self.box[1] / self.scale
        lower[n : n + self.n_pieces] = -np.inf
        whole = self.lumpy
        lower[whole], upper[whole] = np.round(lower[whole]), np.round(upper[whole])
        parts: list[Rows] = [(self.rows, self.row_lower, self.row_upper), *extra]
        if self.cut_piece:
            n_cuts = len(self.cut_piece)
            pieces = (-np.ones(n_cuts), (np.arange(n_cuts), np.array(self.cut_piece)))
            cuts = sparse.hstack(
                [
                    sparse.csr_matrix(np.array(self.cut_slope) / price),
                    sparse.csr_matrix(pieces, (n_cuts, self.n_pieces)),
                ]
            )
            parts.append((cuts, np.full(n_cuts, -np.inf), -np.array(self.cut_constant) / price))
        columns = n_columns
        for counts in self.excluded:
            rows, columns = self._exclusion_rows(counts, columns)
            parts.append(rows)
        n_new = columns - n_columns
        # of the three columns an exclusion adds per lumpy column the last is the switch
        switches = n_columns + np.arange(n_new).reshape(len(self.excluded), 3, len(self.lumpy))[:, 2].ravel()
        cost = np.concatenate([cost, np.zeros(n_new)])
        lower, upper = np.concatenate([lower, np.zeros(n_new)]), np.concatenate([upper, np.full(n_new, np.inf)])
        upper[switches] = 1.0
        whole = np.concatenate([whole, switches])
        matrix = sparse.vstack([_widen(rows, columns) for rows, _, _ in parts])
        request = state_request(
            cost=cost,
            lower=lower,
            upper=upper,
            matrix=sparse.csc_matrix(matrix),
            row_lower=np.concatenate([low for _, low, _ in parts]),
            row_upper=np.concatenate([high for _, _, high in parts]),
            whole=whole,
            time_limit_seconds=seconds,
            tolerance=1e-9,
            mip_gap=gap,
        )
        answer = run_highs(request)
        bound = -np.inf
        if answer["status"] in ("Optimal", "Time limit reached"):
            bound = answer["objective"] if answer["mip_bound"] is None else answer["mip_bound"]
        if answer["columns"] is None or not np.isfinite(answer["columns"]).all():
            return str(answer["status"]), bound, None
        x = answer["columns"][:n].copy()
        x[self.lumpy] = np.round(x[self.lumpy])
        return str(answer["status"]), bound, x * self.scale

    def _exclusion_rows(self, counts: IntArray, first: int) -> tuple[Rows, int]:
        """Rows that keep the counts at least one unit away from a point, and the number of columns then.

        count - point = more - less, a switch allows only one of the two, and all of them together are at least 1.
        """
        size = len(self.lumpy)
        steps = np.arange(size)
        more, less, switch = first + steps, first + size + steps, first + 2 * size + steps
        reach = np.round((self.box[1] - self.box[0])[self.lumpy] / self.scale[self.lumpy]) + 1.0
        rows = np.concatenate([steps, steps, steps, size + steps, size + steps, 2 * size + steps, 2 * size + steps])
        columns = np.concatenate([self.lumpy, more, less, more, switch, less, switch])
        one = np.ones(size)
        values = np.concatenate([one, -one, one, one, -reach, one, reach])
        matrix = sparse.csr_matrix((values, (rows, columns)), shape=(3 * size + 1, first + 3 * size)).tolil()
        matrix[3 * size, more] = 1.0
        matrix[3 * size, less] = 1.0
        free = np.full(size, -np.inf)
        low = np.concatenate([counts, free, free, [1.0]])
        high = np.concatenate([counts, np.zeros(size), reach, [np.inf]])
        return (sparse.csr_matrix(matrix), low, high), first + 3 * size


def _widen(matrix: sparse.csr_matrix, n_columns: int) -> sparse.csr_matrix:
    """Return the matrix with empty columns added on the right."""
    matrix = sparse.csr_matrix(matrix)
    return sparse.csr_matrix((matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], n_columns))


def _distance_weights(border: Border, lumpy: IntArray) -> Array:
    """Return the weight of each border column in the distance between two points: 1 per unit's worth.

    Columns in a row with a lumpy one (what orders add up to) weigh as many units as they can move it; lumpy columns
    themselves a quarter, so that the same total a period earlier or later is near.
    """
    weight = np.zeros(len(border.names))
    matrix = sparse.csr_matrix(border.matrix)
    is_lumpy = border.unit > 0
    for r in range(matrix.shape[0]):
        columns = matrix.indices[matrix.indptr[r] : matrix.indptr[r + 1]]
        values = np.abs(matrix.data[matrix.indptr[r] : matrix.indptr[r + 1]])
        moved = values[is_lumpy[columns]] * border.unit[columns[is_lumpy[columns]]]
        if moved.size and moved.max() > 0:
            others = columns[~is_lumpy[columns]]
            weight[others] = np.maximum(weight[others], values[~is_lumpy[columns]] / moved.max())
    weight[lumpy] = 0.25 / border.unit[lumpy]
    return weight
