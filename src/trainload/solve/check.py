"""Is a solution what it claims to be? Plain numpy on the original data, no solver.

Nothing here uses what a solver computed on the way: residuals, objective and bound are recomputed from the program's
arrays, the primal values and the duals alone.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from trainload.errors import Problem, SolverError
from trainload.solve.lumpy import whole_unit_box
from trainload.solve.program import Array, Block, Program, Solution

ROUNDING = 64 * float(np.finfo(np.float64).eps)
"""Allowance for the rounding of a sum, as a share of the sum of its absolute terms (numpy sums pairwise)."""


@dataclass(frozen=True, slots=True)
class LagrangianFunction:
    """A lower bound on the objective as a function of the border columns x, from one set of multipliers.

    ``value(x) = constant + sum_c slope_up[c] max(x_c, 0) + slope_down[c] min(x_c, 0)`` is at most the cheapest
    objective with these columns, whatever x within its rows. It is concave in each x, so its least value over a box is
    taken at the box's ends. Constant and slopes are already lowered by what rounding can have added to them.
    """

    constant: float
    slope_up: Array
    slope_down: Array

    def least_over_box(self, lower: Array, upper: Array) -> float:
        """Return the least value for lower <= x <= upper: a lower bound on the objective over that box."""
        if np.any(lower > upper):
            return float("inf")
        ends = np.minimum(self._terms(lower), self._terms(upper))
        return float(self.constant + ends.sum() - ROUNDING * (abs(self.constant) + np.abs(ends).sum()))

    def _terms(self, x: Array) -> Array:
        terms: Array = self.slope_up * np.maximum(x, 0.0) + self.slope_down * np.minimum(x, 0.0)
        return terms


def lagrangian_function(
    program: Program,
    *,
    row_duals: tuple[Array, ...],
    border_row_duals: Array,
    budget_duals: Array,
    state_duals: tuple[Array, ...] = (),
) -> LagrangianFunction:
    """Return the Lagrangian dual function of the program as a function of its border columns.

    Coupled rows, state recursions, budgets and border rows are priced with the given multipliers (signs as in
    `Solution`; a multiplier of the wrong sign for its inequality is taken as zero). What remains falls apart: each
    flow sits at the cheaper of ``floor x`` and ``cap x``, each level at 0 or its cap, and both are linear in x on
    either side of zero. Any multipliers give a valid bound; the optimal ones give the optimum.

    Source: weak duality, e.g. Bertsekas, Nonlinear Programming (3rd ed.), section 6.1.
    """
    border, n = program.border, len(program.border.names)
    mu = np.where(np.isfinite(border.row_lower), border_row_duals, np.minimum(border_row_duals, 0.0))
    mu = np.where(np.isfinite(border.row_upper), mu, np.maximum(mu, 0.0))
    nu = np.minimum(budget_duals, 0.0)
    active = np.where(mu > 0, border.row_lower, np.where(mu < 0, border.row_upper, 0.0))
    terms = [active * mu, nu * program.budget_upper]
    price = border.cost - border.matrix.T @ mu
    size = np.abs(border.cost) + abs(border.matrix).T @ np.abs(mu)
    if program.budget_matrix is not None:
        price = price - program.budget_matrix.T @ nu
        size = size + abs(program.budget_matrix).T @ np.abs(nu)
    up, down = np.zeros(n), np.zeros(n)
    sigma = state_duals or tuple(np.zeros((len(b.state_names), b.n_steps)) for b in program.blocks)
    following = _following_state_prices(program, sigma)
    for b, block in enumerate(program.blocks):
        senses = np.array([sense == "=" for sense in block.row_sense], dtype=bool)[:, None]
        lam = np.where(senses, row_duals[b], np.minimum(row_duals[b], 0.0))
        priced = lam * block.row_rhs
        terms.append(np.array([priced.sum(), -ROUNDING * np.abs(priced).sum()]))
        for r, factors in enumerate(block.row_border):
            for column, factor in factors.items():
                price[column] -= (lam[r] * factor).sum()
                size[column] += np.abs(lam[r] * factor).sum()
        flow_price, flow_size = _price_flows(block, lam, sigma[b], nu)
        level_price = following[b] - sigma[b]
        level_size = np.abs(following[b]) + np.abs(sigma[b])
        full = np.broadcast_to(block.state_cap[:, None], level_price.shape)
        for columns, (least, most) in (
            (block.flow_cap_column, _cheapest_and_dearest(flow_price, flow_size, block.flow_floor, block.flow_cap)),
            (block.state_cap_column, _cheapest_and_dearest(level_price, level_size, None, full)),
        ):
            tied = columns >= 0
            terms.append(least[~tied])
            np.add.at(up, columns[tied], least[tied])
            np.add.at(down, columns[tied], most[tied])
    everything = np.concatenate(terms)
    constant = float(everything.sum() - ROUNDING * np.abs(everything).sum())
    return LagrangianFunction(
        constant,
        price + up - ROUNDING * (size + np.abs(up)),
        price + down + ROUNDING * (size + np.abs(down)),
    )


def _price_flows(block: Block, lam: Array, sigma: Array, nu: Array) -> tuple[Array, Array]:
    """Return what a unit of each flow costs after all multipliers, and the sum of the absolute terms in it."""
    price = block.flow_cost - block.row_coeff.T @ lam
    size = np.abs(block.flow_cost) + np.abs(block.row_coeff).T @ np.abs(lam)
    if len(block.state_names):
        price += block.state_coeff.T @ sigma
        size += np.abs(block.state_coeff).T @ np.abs(sigma)
    for budget, coeff in block.budget_coeff.items():
        price -= nu[budget] * coeff
        size += abs(nu[budget]) * np.abs(coeff)
    return price, size


def _cheapest_and_dearest(price: Array, size: Array, floor: Array | None, cap: Array) -> tuple[Array, Array]:
    """Return the least and the greatest cost of each line between floor and cap, rounding on the safe side.

    A price that is wrong by rounding alone costs at most that much: a flow whose price is clearly positive stays at its
    floor and adds nothing, however large the price.
    """
    doubt = ROUNDING * size
    at_cap, doubt_cap = price * cap, doubt * np.abs(cap)
    least, most = at_cap - doubt_cap, at_cap + doubt_cap
    if floor is None:
        least, most = np.minimum(least, 0.0), np.maximum(most, 0.0)
    else:
        at_floor, doubt_floor = price * floor, doubt * np.abs(floor)
        least, most = np.minimum(least, at_floor - doubt_floor), np.maximum(most, at_floor + doubt_floor)
    return (
        least.sum(axis=1) - ROUNDING * np.abs(least).sum(axis=1),
        most.sum(axis=1) + ROUNDING * np.abs(most).sum(axis=1),
    )


def lagrangian_bound(
    program: Program,
    *,
    row_duals: tuple[Array, ...],
    border_row_duals: Array,
    budget_duals: Array,
    state_duals: tuple[Array, ...] = (),
) -> float:
    """Return a proven lower bound on the objective from any multipliers: the Lagrangian's least value over the boxes.

    Lumpy columns count as continuous between the whole multiples of their unit inside their box. -inf where a
    multiplier is not finite.
    """
    function = lagrangian_function(
        program,
        row_duals=row_duals,
        border_row_duals=border_row_duals,
        budget_duals=budget_duals,
        state_duals=state_duals,
    )
    bound = function.least_over_box(*whole_unit_box(program))
    return bound if not np.isnan(bound) else -np.inf


def _following_state_prices(program: Program, sigma: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return keep x price of the following step's recursion, in which a step's level stands, per block (S, T)."""
    following = [np.zeros_like(s) for s in sigma]
    for chain in program.chains:
        for place, b in enumerate(chain):
            block, successor = program.blocks[b], chain[(place + 1) % len(chain)]
            following[b][:, :-1] = block.state_keep[:, None] * sigma[b][:, 1:]
            if len(block.state_names):
                following[b][:, -1] = program.blocks[successor].state_keep * sigma[successor][:, 0]
    return tuple(following)


@dataclass(frozen=True, slots=True)
class Check:
    """What a solution really does, recomputed from the program.

    Errors are max |residual| / max(1, scale) over their family; scale is the largest limit or term of the row, and for
    flows and levels at least the largest right-hand side of their block's rows.
    ``bound`` is recomputed from the duals; where columns are lumpy no set of duals proves all that a search has proven,
    and ``bound`` is the claimed one if it is higher (``bound_from`` says which). ``bound_error`` is how far the claimed
    bound lies above what can be so, relative to the objective. ``whole_error`` is the largest distance of a lumpy
    column from a whole number of units.
    """

    status: str
    balance_error: float
    limit_error: float
    level_error: float
    budget_error: float
    border_error: float
    whole_error: float
    objective: float
    objective_error: float
    bound: float
    bound_from: Literal["duals", "search"]
    bound_error: float

    @property
    def gap(self) -> float:
        return float((self.objective - self.bound) / max(1.0, abs(self.objective)))

    @property
    def residual(self) -> float:
        """Return the worst residual of any family."""
        return max(self.balance_error, self.limit_error, self.level_error, self.budget_error, self.border_error)

    def passed(self, tolerance: float = 1e-6) -> bool:
        """Return whether residuals, objective and bound hold within the tolerance.

        A solution that calls itself optimal must also prove it: its recomputed gap must be within the tolerance. Where
        columns are lumpy the gap is a matter of search and is not judged here.
        """
        errors = [self.residual, self.objective_error, self.bound_error]
        if self.status == "optimal" and np.isnan(self.whole_error):
            errors.append(self.gap)
        return bool(np.isfinite(errors).all() and max(errors) <= tolerance)


def check_solution(program: Program, solution: Solution) -> Check:
    """Recompute residuals, objective and bound of a solution from the program's own arrays.

    Raises:
        SolverError: where the solution's arrays do not fit the program.
    """
    _match_shapes(program, solution)
    x, border = solution.columns, program.border
    balance = limit = level = 0.0
    objective = float(border.cost @ x)
    used, used_size = np.zeros(len(program.budget_names)), np.zeros(len(program.budget_names))
    before = _levels_before(program, solution)
    for b, block in enumerate(program.blocks):
        y, stored = solution.flows[b], solution.levels[b]
        objective += float((block.flow_cost * y).sum())
        balance = max(balance, _balance_error(block, x, y))
        limit = max(limit, _limit_error(block, x, y))
        level = max(level, _level_error(block, x, y, stored, before[b]))
        for budget, coeff in block.budget_coeff.items():
            terms = coeff * y
            used[budget] += terms.sum()
            used_size[budget] += np.abs(terms).sum()
    if program.budget_matrix is not None:
        used += program.budget_matrix @ x
        used_size += abs(program.budget_matrix) @ np.abs(x)
    activity = border.matrix @ x
    size = abs(border.matrix) @ np.abs(x)
    for side in (border.row_lower, border.row_upper):
        size = np.maximum(size, np.where(np.isfinite(side), np.abs(side), 0.0))
    reach = np.maximum(np.abs(border.lower), np.abs(border.upper))
    limit = max(limit, _worst(np.maximum(border.lower - x, x - border.upper), reach))
    bound = lagrangian_bound(
        program,
        row_duals=solution.row_duals,
        border_row_duals=solution.border_row_duals,
        budget_duals=solution.budget_duals,
        state_duals=solution.state_duals,
    )
    lumpy = border.unit > 0
    counts = x[lumpy] / border.unit[lumpy]
    searched = bool(lumpy.any()) and solution.bound > bound
    # no bound, however it was found, may lie above a solution's objective
    proven = objective if searched else bound
    scale = max(1.0, abs(objective))
    overclaimed = (
        [0.0, bound - objective] if solution.bound == -np.inf else [0.0, bound - objective, solution.bound - proven]
    )
    return Check(
        status=solution.status,
        balance_error=balance,
        limit_error=limit,
        level_error=level,
        budget_error=_worst(used - program.budget_upper, np.maximum(np.abs(program.budget_upper), used_size)),
        border_error=_worst(np.maximum(border.row_lower - activity, activity - border.row_upper), size),
        whole_error=float(np.abs(counts - np.round(counts)).max()) if lumpy.any() else float("nan"),
        objective=objective,
        objective_error=_finite(abs(objective - solution.objective) / scale),
        bound=min(solution.bound, objective) if searched else bound,
        bound_from="search" if searched else "duals",
        bound_error=_finite(float(np.max(overclaimed)) / scale),
    )


def _finite(value: float) -> float:
    return value if np.isfinite(value) else float("inf")


def _worst(residual: Array, scale: Array | float) -> float:
    """Return the largest residual / max(1, scale), 0 for none, infinity where a number is missing."""
    if residual.size == 0:
        return 0.0
    return _finite(float(np.max(np.maximum(residual, 0.0) / np.maximum(1.0, scale))))


def _largest(array: Array) -> Array:
    """Return the largest absolute value of each line."""
    largest: Array = np.abs(array).max(axis=-1)
    return largest


def _balance_error(block: Block, x: Array, y: Array) -> float:
    worst = 0.0
    for r, sense in enumerate(block.row_sense):
        activity = block.row_coeff[r] @ y
        scale = max(_largest(block.row_rhs[r]), _largest(block.row_coeff[r][:, None] * y).max(initial=0.0))
        for column, factor in block.row_border[r].items():
            activity = activity + factor * x[column]
            scale = max(scale, _largest(factor) * abs(x[column]))
        residual = activity - block.row_rhs[r]
        worst = max(worst, _worst(np.abs(residual) if sense == "=" else residual, float(scale)))
    return worst


def _limit_error(block: Block, x: Array, y: Array) -> float:
    held = np.where(block.flow_cap_column >= 0, x[block.flow_cap_column] if len(x) else 0.0, 1.0)[:, None]
    cap = block.flow_cap * held
    floor = block.flow_floor * held if block.flow_floor is not None else np.zeros_like(cap)
    scale = np.maximum(np.maximum(_largest(cap), _largest(floor)), np.abs(block.row_rhs).max(initial=0.0))[:, None]
    return _worst(np.maximum(floor - y, y - cap), scale)


def _level_error(block: Block, x: Array, y: Array, level: Array, before: Array) -> float:
    if not len(block.state_names):
        return 0.0
    cap = block.state_cap * np.where(block.state_cap_column >= 0, x[block.state_cap_column] if len(x) else 0.0, 1.0)
    residual = level - block.state_keep[:, None] * before - block.state_coeff @ y
    terms = (np.abs(block.state_coeff) @ np.abs(y)).max(axis=1)
    load = np.abs(block.row_rhs).max(initial=0.0)
    scale = np.maximum(np.maximum(np.abs(cap), _largest(level)), np.maximum(terms, load))[:, None]
    return max(_worst(np.abs(residual), scale), _worst(np.maximum(-level, level - cap[:, None]), scale))


def _levels_before(program: Program, solution: Solution) -> list[Array]:
    """Return the level before each step, per block; before a chain's first step stands its last."""
    before = [np.roll(level, 1, axis=1) for level in solution.levels]
    for chain in program.chains:
        for place, b in enumerate(chain):
            before[b][:, 0] = solution.levels[chain[place - 1]][:, -1]
    return before


def _match_shapes(program: Program, solution: Solution) -> None:
    blocks = program.blocks
    expected = {
        "flows": [block.flow_cost.shape for block in blocks],
        "levels": [(len(block.state_names), block.n_steps) for block in blocks],
        "row_duals": [(len(block.row_names), block.n_steps) for block in blocks],
    }
    problems = [
        Problem(f"solution of {solution.solver}", f"{what}: must have the shapes {shapes}", f"{got}")
        for what, shapes in expected.items()
        if (got := [array.shape for array in getattr(solution, what)]) != shapes
    ]
    for what, length in (
        ("columns", len(program.border.names)),
        ("border_row_duals", len(program.border.row_names)),
        ("budget_duals", len(program.budget_names)),
    ):
        if (shape := getattr(solution, what).shape) != (length,):
            problems.append(Problem(f"solution of {solution.solver}", f"{what}: must hold {length}", str(shape)))
    if solution.state_duals and [s.shape for s in solution.state_duals] != expected["levels"]:
        problems.append(Problem(f"solution of {solution.solver}", "state_duals: must have the shapes of the levels"))
    if problems:
        raise SolverError("the solution does not fit the program", *problems)
