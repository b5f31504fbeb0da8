"""A linear program made of chains of steps that share a small border, as plain arrays.

The grammar is closed, so that a structured solver can rely on it::

    minimise   border.cost @ x  +  sum over blocks, flows j, steps t of  flow_cost[j, t] * y[j, t]

    border     row_lower <= border.matrix @ x <= row_upper,   lower <= x <= upper,   x[c] / unit[c] whole if unit[c] > 0
    flows      floor[j, t] * x[cap_column[j]] <= y[j, t] <= cap[j, t] * x[cap_column[j]]
               (cap_column -1: floor[j, t] <= y[j, t] <= cap[j, t])
    rows       sum_j row_coeff[r, j] * y[j, t] + sum_c row_border[r][c][t] * x[c]   (= or <=)   row_rhs[r, t]
    states     level[s, t] = keep[s] * level[s, t-1] + sum_j state_coeff[s, j] * y[j, t]
               0 <= level[s, t] <= state_cap[s] * x[state_cap_column[s]]   (column -1: <= state_cap[s])
    budgets    sum over blocks, j, t of  budget_coeff[j, t] * y[j, t]  +  budget_matrix @ x  <=  budget_upper

A *chain* is a sequence of blocks through which the levels flow; it closes on itself: the level before the first step of
a chain is the level after its last step. Per block there are at most ``MAX_STATES`` states and ``MAX_ROWS`` rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

MAX_STATES = 4
MAX_ROWS = 3


@dataclass(frozen=True, slots=True)
class Border:
    """The shared columns x (n of them) and their rows (m).

    ``unit`` is 0 for a continuous column and the size of one unit for a lumpy one. Every column is boxed.
    ``matrix`` is m x n in CSR form; an equation has row_lower == row_upper; an open side is infinite.
    """

    names: tuple[str, ...]
    cost: Array
    lower: Array
    upper: Array
    unit: Array
    row_names: tuple[str, ...]
    matrix: sparse.csr_matrix
    row_lower: Array
    row_upper: Array


@dataclass(frozen=True, slots=True)
class Block:
    """T consecutive steps with J flows, R coupled rows and S states.

    ``flow_cost`` already holds the weight of each step in the objective. ``flow_floor`` is None where all are zero.
    ``row_border`` holds, per row, the border columns that stand in it: column -> factor[t] (T,).
    ``budget_coeff`` maps the index of a budget to its coefficients (J, T), weights included.
    """

    name: str
    flow_names: tuple[str, ...]
    flow_cost: Array  # (J, T)
    flow_cap_column: IntArray  # (J,)
    flow_cap: Array  # (J, T)
    flow_floor: Array | None  # (J, T)
    row_names: tuple[str, ...]
    row_coeff: Array  # (R, J)
    row_sense: tuple[Literal["=", "<"], ...]
    row_rhs: Array  # (R, T)
    row_border: tuple[Mapping[int, Array], ...]  # R of them
    state_names: tuple[str, ...] = ()
    state_keep: Array = field(default_factory=lambda: np.zeros(0))  # (S,)
    state_coeff: Array = field(default_factory=lambda: np.zeros((0, 0)))  # (S, J)
    state_cap_column: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))  # (S,)
    state_cap: Array = field(default_factory=lambda: np.zeros(0))  # (S,)
    budget_coeff: Mapping[int, Array] = field(default_factory=dict)

    @property
    def n_steps(self) -> int:
        return int(self.flow_cost.shape[1])


@dataclass(frozen=True, slots=True)
class Program:
    """Border, blocks, the chains they form (every block in exactly one) and the budgets over them."""

    border: Border
    blocks: tuple[Block, ...]
    chains: tuple[tuple[int, ...], ...]
    budget_names: tuple[str, ...] = ()
    budget_matrix: sparse.csr_matrix | None = None  # (budgets, n)
    budget_upper: Array = field(default_factory=lambda: np.zeros(0))

    @property
    def n_steps(self) -> int:
        return sum(block.n_steps for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Solution:
    """What a solver found, with duals; nothing here is trusted before `solve.check.check_solution` has passed it.

    ``bound`` is a proven lower bound on the objective (-inf where there is none);
    ``gap`` = (objective - bound) / max(1, |objective|). Duals are the change of the optimal objective per unit of
    right-hand side (so a binding ``<=`` row has a dual <= 0).
    """

    solver: str
    status: Literal["optimal", "feasible", "time_limit", "infeasible", "unbounded", "failed"]
    objective: float
    bound: float
    columns: Array  # (n,)
    flows: tuple[Array, ...]  # per block (J, T)
    levels: tuple[Array, ...]  # per block (S, T), level after the step
    row_duals: tuple[Array, ...]  # per block (R, T)
    border_row_duals: Array  # (m,)
    budget_duals: Array  # (budgets,)
    build_seconds: float = 0.0
    solve_seconds: float = 0.0
    n_iterations: int = 0
    message: str = ""
    state_duals: tuple[Array, ...] = ()  # per block (S, T); the bound can't be recomputed without them

    @property
    def gap(self) -> float:
        return float((self.objective - self.bound) / max(1.0, abs(self.objective)))
