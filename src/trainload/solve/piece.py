"""One piece of a chain as the compiled passes see it: its data and its iterate, in tiles of steps.

Arrays over steps are cut into tiles, (tiles, lines, TILE): a pass over a piece then reads memory in order, on which
its speed hangs. The last tile is filled up with steps at which nothing exists.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numba import njit

from trainload.solve.program import Array, IntArray

TILE = 64
DEPENDENT = 1e-29  # a row whose pivot falls below this part of its diagonal depends on the rows before it
NOISE = 1e-15  # a bound's residual below this part of the bound is rounding, which w / slack would blow up
TINY = 1e-180  # products over many steps underflow; denormal numbers are slow
# of what fast-math allows only what keeps the meaning of NaN and infinity
FASTMATH = {"nsz", "arcp", "contract", "afn", "reassoc"}
FLAGS: dict[str, Any] = {
    "nogil": True,
    "cache": True,
    "error_model": "numpy",
    "fastmath": FASTMATH,
    "no_cfunc_wrapper": True,
}
Kernel = TypeVar("Kernel", bound=Callable[..., None])


def compile_pass(function: Kernel) -> Kernel:
    """Return the function compiled at its first call: a pass, which Python calls."""
    compiled: Kernel = njit(**FLAGS)(function)
    return compiled


def compile_part(function: Kernel) -> Kernel:
    """Return a part of a pass: called from compiled code only, which saves half its compilation."""
    compiled: Kernel = njit(**(FLAGS | {"no_cpython_wrapper": True}))(function)
    return compiled


class Piece(NamedTuple):
    """Data of one piece in scaled units; F flows, S levels, R rows, C columns, Q budgets."""

    size: IntArray  # R, S, F, C, Q, number of steps
    cap: Array  # (tiles, F + S, TILE): below 0 the variable is fixed at zero there, infinite: no upper bound
    cost: Array  # (tiles, F, TILE)
    column: IntArray  # (F + S,): index into the border of what the cap multiplies
    row_start: IntArray  # (F + 1,): entries of a flow in rows and states, sorted by flow
    row_index: IntArray
    row_value: Array
    keep: Array  # (S,)
    rhs: Array  # (tiles, R + S, TILE)
    border_row: IntArray  # entries of columns in rows and states
    border_column: IntArray
    border_value: Array  # (tiles, entries, TILE)
    budget_start: IntArray  # (F + 1,): entries of a flow in budgets, sorted by flow
    budget_index: IntArray
    budget_value: Array  # (tiles, entries, TILE)


class Work(NamedTuple):
    """Iterate, direction and factors of one piece."""

    y: Array  # (tiles, F + S, TILE), and so the next seven
    slack: Array
    z: Array
    w: Array
    dy: Array
    target_y: Array  # right-hand side of  z dy + y dz
    target_slack: Array  # right-hand side of  w dslack + slack dw
    g: Array  # right-hand side after elimination of bounds
    multiplier: Array  # (tiles, R + S, TILE), and so the next three
    dmultiplier: Array
    row_residual: Array
    forward: Array  # right-hand side after forward elimination
    row_factor: Array  # (tiles, (R + S) * R, TILE): L of rows and states below the diagonal, 1 / D on it
    row_columns: Array  # (tiles, R, C + S + Q, TILE): border columns in the rows after forward elimination
    state_factor: Array  # (steps, 2 * S * S): L, 1 / D of R_t + weight; (theta + R_t^-1)^-1
    state_columns: Array  # (steps, S, C + S + Q padded to eights): border columns in the states


def cut_tiles(lines: Array, fill: float = 0.0) -> Array:
    """Return (lines, steps) as (tiles, lines, TILE), filled up with ``fill``."""
    n_lines, n_steps = lines.shape
    n_tiles = -(-n_steps // TILE)
    filled = np.full((n_lines, n_tiles * TILE), fill)
    filled[:, :n_steps] = lines
    return np.ascontiguousarray(filled.reshape(n_lines, n_tiles, TILE).transpose(1, 0, 2))


def join_tiles(tiles: Array, n_steps: int) -> Array:
    """Return (tiles, lines, TILE) as (lines, steps)."""
    joined: Array = tiles.transpose(1, 0, 2).reshape(tiles.shape[1], tiles.shape[0] * tiles.shape[2])[:, :n_steps]
    return joined
