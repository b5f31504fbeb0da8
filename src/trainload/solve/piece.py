"""One piece of a chain as the compiled passes see it: its data, its iterate, and constants of the passes."""

from typing import NamedTuple

from trainload.solve.program import Array, IntArray

TILE = 64
DEPENDENT = 1e-29  # a row whose pivot falls below this part of its diagonal depends on the rows before it
NOISE = 1e-15  # a bound's residual below this part of the bound is rounding, which w / slack would blow up
TINY = 1e-180  # products of many W underflow; denormal numbers are slow
FASTMATH = {"nsz", "arcp", "contract", "afn", "reassoc"}  # NaN and infinity keep their meaning


class Piece(NamedTuple):
    """Data of one piece in scaled units; F flows, S levels, R rows, T steps, C columns, Q budgets."""

    size: IntArray  # R, S, F, C, Q
    cap: Array  # (F + S, T): below 0 the variable is fixed at zero there, infinite: no upper bound
    cost: Array  # (F, T)
    column: IntArray  # (F + S,): index into the border of what the cap multiplies
    row_start: IntArray  # (F + 1,): entries of a flow in rows and states, sorted by flow
    row_index: IntArray
    row_value: Array
    keep: Array  # (S,)
    rhs: Array  # (R + S, T)
    border_row: IntArray  # entries of columns in rows and states
    border_column: IntArray
    border_value: Array  # (entries, T)
    budget_start: IntArray  # (F + 1,): entries of a flow in budgets, sorted by flow
    budget_index: IntArray
    budget_value: Array  # (entries, T)


class Work(NamedTuple):
    """Iterate, direction and factors of one piece."""

    y: Array  # (F + S, T), and so the next ten
    slack: Array
    z: Array
    w: Array
    dy: Array
    target_y: Array  # right-hand side of  z dy + y dz
    target_slack: Array  # right-hand side of  w dslack + slack dw
    weight: Array  # 1 / theta, 0 where fixed
    pull: Array  # cap * w / slack: how a column moves its flows
    dual_residual: Array
    g: Array  # right-hand side after elimination of bounds
    multiplier: Array  # (R + S, T)
    dmultiplier: Array  # (R + S, T)
    row_residual: Array  # (R + S, T)
    forward: Array  # (R + S, T): right-hand side after forward elimination
    columns: Array  # (T, R + S, C + S + Q, padded to eights): border columns after forward elimination
    row_factor: Array  # ((R + S) * R, T): L of rows and states below the diagonal, 1 / D on it
    state_factor: Array  # (T, 2 * S * S): L, 1 / D of R_t + weight; (theta + R_t^-1)^-1
