"""Which columns are free? Those that limits or border rows fix are taken out, with the rows that fixed them."""

import numpy as np
from scipy import sparse

from trainload.solve.free import FEASIBLE, ROUNDING, Contradiction, ForcedRow
from trainload.solve.program import Array, Border, IntArray, Program


def limit_columns(program: Program, lower: Array, upper: Array) -> None:
    """A column whose flow has a floor above its cap at some step can't be positive."""
    for block in program.blocks:
        room = block.flow_cap if block.flow_floor is None else block.flow_cap - block.flow_floor
        size = np.abs(block.flow_cap) if block.flow_floor is None else np.abs(block.flow_cap) + np.abs(block.flow_floor)
        for j in np.flatnonzero((room < -FEASIBLE * size).any(axis=1)):
            column = block.flow_cap_column[j]
            if column < 0:
                raise Contradiction(f"{block.name}: the floor of {block.flow_names[j]} lies above its cap")
            upper[column] = min(upper[column], 0.0)
        for s in np.flatnonzero(block.state_cap < 0):
            if block.state_cap_column[s] < 0:
                raise Contradiction(f"{block.name}: the cap of {block.state_names[s]} is negative")
            upper[block.state_cap_column[s]] = min(upper[block.state_cap_column[s]], 0.0)


def fix_columns(border: Border, lower: Array, upper: Array) -> list[ForcedRow]:
    """Fix columns that border rows force to a limit, in place; return those rows in the order in which they did."""
    room = np.maximum(np.abs(lower), np.abs(upper))
    crossed = lower > upper + FEASIBLE * np.maximum(1.0, room)
    if crossed.any():
        raise Contradiction(f"the limits of {border.names[int(np.argmax(crossed))]} cross")
    close = upper - lower <= ROUNDING * room
    upper[close] = lower[close] = np.where(np.abs(lower) <= np.abs(upper), lower, upper)[close]
    matrix = sparse.csr_matrix(border.matrix, dtype=float)
    matrix.eliminate_zeros()
    by_column = matrix.tocsc()
    forced: list[ForcedRow] = []
    done = np.zeros(matrix.shape[0], dtype=bool)
    ask = np.arange(matrix.shape[0])
    while len(ask):
        again: set[int] = set()
        for r in ask:
            part = slice(matrix.indptr[r], matrix.indptr[r + 1])
            columns, values = matrix.indices[part].astype(np.int64), matrix.data[part]
            found = _forced_row(border, int(r), columns=columns, values=values, lower=lower, upper=upper, room=room)
            if found is not None:
                row, value = found
                lower[row.columns] = upper[row.columns] = value
                forced.append(row)
                done[r] = True
                for c in row.columns:
                    again.update(by_column.indices[by_column.indptr[c] : by_column.indptr[c + 1]].tolist())
        ask = np.array(sorted(r for r in again if not done[r]), dtype=np.int64)
    return forced


def _forced_row(
    border: Border, r: int, *, columns: IntArray, values: Array, lower: Array, upper: Array, room: Array
) -> tuple[ForcedRow, Array] | None:
    """Return the columns that row r fixes, and at what, if it does."""
    at_least = np.where(values > 0, lower[columns], upper[columns])
    at_most = np.where(values > 0, upper[columns], lower[columns])
    least, most = float(values @ at_least), float(values @ at_most)
    low, high = float(border.row_lower[r]), float(border.row_upper[r])
    size = float(np.abs(values) @ room[columns])
    size = max(size, *(abs(side) for side in (low, high) if np.isfinite(side)), 1e-300)
    if max(least - high, low - most) > FEASIBLE * max(1.0, size):
        raise Contradiction(f"the row {border.row_names[r]} can't be met within the limits of its columns")
    free = upper[columns] > lower[columns]
    if not free.any():
        return None
    if least >= high - ROUNDING * size:
        return ForcedRow(r, columns[free], values[free], 1), at_least[free]
    if most <= low + ROUNDING * size:
        return ForcedRow(r, columns[free], values[free], -1), at_most[free]
    if low == high and free.sum() == 1:
        value = (low - values[~free] @ lower[columns[~free]]) / values[free]
        return ForcedRow(r, columns[free], values[free], 0), np.clip(value, lower[columns[free]], upper[columns[free]])
    return None
