"""What presolve leaves of a program: free columns, flows with room, rows and states with something free in them."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trainload.solve.program import Array, IntArray, Program

BoolArray = NDArray[np.bool_]

ROUNDING = 1e-12  # relative size below which room between two limits counts as none
FEASIBLE = 1e-7  # relative violation from which limits count as contradictory


class OutsideGrammarError(Exception):
    """The program holds something that the chain solver does not handle."""


class Contradiction(Exception):  # noqa: N818 (not an error of the caller: the program's answer is "infeasible")
    """The program's limits contradict each other."""


@dataclass(frozen=True, slots=True)
class ForcedRow:
    """A border row that fixed columns; its dual is found last, from their reduced costs."""

    row: int
    columns: IntArray
    coefficients: Array
    side: (
        int  # +1: columns are at their least activity (dual <= 0 suffices), -1: at their largest, 0: one column, solved
    )


@dataclass(frozen=True, slots=True)
class ForcedSteps:
    """Steps at which a block's row holds flows at their floor."""

    row: int  # row of the block; from R on: its states
    flows: IntArray
    coefficients: Array
    steps: BoolArray  # (T,)
    side: int


@dataclass(frozen=True, slots=True)
class Drained:
    """Levels fixed at zero because nothing can use them: of a state from a step on, handed to a block without room."""

    state: int
    block: int
    first: int
    next_block: int


@dataclass(slots=True)
class FreeBlock:
    """What is left of a block, in the program's units."""

    flows: IntArray  # original indices; slacks follow them, one per inequality row
    rows: IntArray  # original indices of rows with anything free in them
    slack_rows: IntArray  # index into ``rows`` of each slack
    states: IntArray  # original indices
    cap: Array  # (flows + slacks + states, T), < 0: fixed at zero, inf: no upper bound; times the column's value
    cap_column: IntArray  # original column, -1: none
    cost: Array  # (flows + slacks, T)
    matrix: Array  # (rows + states, flows + slacks)
    keep: Array
    rhs: Array  # (rows + states, T)
    entries: dict[tuple[int, int], Array]  # (row, original column) -> factors (T,)
    budgets: dict[tuple[int, int], Array]  # (budget, flow) -> coefficients (T,)
    forced: list[ForcedSteps]
    enters: BoolArray  # (states,): the level before the first step is the level handed on by the block before
    leaves: BoolArray  # (states,): the last level is handed on


@dataclass(slots=True)
class FreeProgram:
    """What is left of a program, in the program's units; border arrays keep their original length."""

    program: Program
    free: BoolArray  # (n,)
    value: Array  # (n,): of fixed columns
    cost: Array  # (n,): floors included
    budget_border: Array  # (budgets, n): floors included
    budget_upper: Array
    rows: IntArray  # border rows left
    row_lower: Array  # (m,): fixed columns taken off
    row_upper: Array
    constant: float
    forced_rows: list[ForcedRow]
    drained: list[Drained]
    idle: dict[tuple[int, int], int] = field(default_factory=dict)  # (chain, state) -> side: -1 filled, 1 emptied, 0
    blocks: list[FreeBlock] = field(default_factory=list)
