# ruff: noqa: PLR0917 - compiled functions can't take keyword-only arguments
"""Compiled passes of the chain solver over one piece: elimination of its steps, and the directions that follow.

A piece is a run of consecutive steps in scaled units, after presolve (`solve.presolve`)::

    rows      sum_j A[r, j] y[j, t] + sum_c B[r, c, t] x[c]                           = b[r, t]      r < R
    states    level[s, t] - keep[s] level[s, t-1] + sum_j A[R+s, j] y[j, t] + ...     = b[R+s, t]    s < S
    bounds    y[j, t] >= 0 (multiplier z),   slack[j, t] = cap[j, t] * border[column[j]] - y[j, t] >= 0 (multiplier w)

Variables are the F flows (slacks of inequality rows among them) and then the S levels. The *border* of a piece is
``[x (C), level before the first step (S), multipliers of budgets (Q), multipliers of the level handed on (S), 1]``.

Given the border, Newton's system is block tridiagonal in the multipliers of rows. With ``theta = z/y + w/slack`` and
``weight = 1/theta`` the states follow a recursion, N_t being the Gram matrix of the flows' state coefficients after
projection on the rows of step t::

    R_t = N_t + keep (theta_level + R_{t-1}^-1)^-1 keep

Weights span twenty orders of magnitude, so nothing is found by subtracting Gram matrices: rows are orthogonalised
(`solve.elimination`), the recursion runs in square-root form, and a level's own column is carried apart from it.
Element-wise work runs in tiles of steps, so that inner loops are long and vectorise; loops over columns run in eights
for the same reason. The kernels hold no Python objects and release the lock, for threads.

Source: square-root filters, e.g. Kailath, Sayed and Hassibi, Linear Estimation (2000), chapter 12.
"""

import numpy as np

from trainload.solve.elimination import (
    accumulate,
    eliminate_rhs,
    factor_flows,
    factor_rows,
    factor_step,
    share_budgets,
)
from trainload.solve.piece import NOISE, TILE, TINY, Piece, Work, compile_part, compile_pass
from trainload.solve.program import Array


@compile_part
def _take_step(p: Piece, k: Work, b: int, before: Array, dborder: Array, step: Array) -> None:
    """Move the variables of a tile along the direction, from where the border was ``before``."""
    for j in range(p.cap.shape[1]):
        x, dx = before[p.column[j]], dborder[p.column[j]]
        for i in range(TILE):
            y, slack, z, w, dy = k.y[b, j, i], k.slack[b, j, i], k.z[b, j, i], k.w[b, j, i], k.dy[b, j, i]
            here = p.cap[b, j, i] >= 0.0
            capped = here and p.cap[b, j, i] < np.inf
            cap = p.cap[b, j, i] if capped else 0.0
            room = cap * x
            residual = room - y - slack
            residual = residual if abs(residual) > NOISE * room else 0.0
            dslack = residual + cap * dx - dy if capped else 0.0
            dz = (k.target_y[b, j, i] - z * dy) / y if here else 0.0
            dw = (k.target_slack[b, j, i] - w * dslack) / slack if capped else 0.0
            k.y[b, j, i] = y + step[0] * dy
            k.slack[b, j, i] = slack + step[0] * dslack
            k.z[b, j, i] = z + step[1] * dz
            k.w[b, j, i] = w + step[1] * dw


@compile_part
def _measure(
    p: Piece,
    k: Work,
    b: int,
    border: Array,
    weight: Array,
    pull: Array,
    K: Array,
    h: Array,
    sums: Array,
    out: Array,
) -> None:
    """Residuals, weights and pulls of a tile, with the predictor's right-hand side."""
    R, S, F, C, Q, T = p.size[0], p.size[1], p.size[2], p.size[3], p.size[4], p.size[5]
    n = min(TILE, T - b * TILE)
    width = C + S + Q
    reduced = np.empty(TILE)
    worst = np.zeros((3, TILE))
    for r in range(R + S):
        for i in range(TILE):
            k.row_residual[b, r, i] = p.rhs[b, r, i]
    for e in range(p.border_row.shape[0]):
        row, x = p.border_row[e], border[p.border_column[e]]
        total = 0.0
        for i in range(TILE):
            k.row_residual[b, row, i] -= p.border_value[b, e, i] * x
            total += p.border_value[b, e, i] * k.multiplier[b, row, i]
        sums[p.border_column[e]] += total
    for j in range(F + S):
        column = p.column[j]
        x = border[column]
        if j < F:
            for i in range(TILE):
                reduced[i] = p.cost[b, j, i]
            for e in range(p.row_start[j], p.row_start[j + 1]):
                row, value = p.row_index[e], p.row_value[e]
                for i in range(TILE):
                    reduced[i] -= value * k.multiplier[b, row, i]
            for e in range(p.budget_start[j], p.budget_start[j + 1]):
                value = border[C + S + p.budget_index[e]]
                for i in range(TILE):
                    reduced[i] -= p.budget_value[b, e, i] * value
        else:
            s = j - F
            for i in range(TILE - 1):
                reduced[i] = p.keep[s] * k.multiplier[b, R + s, i + 1] - k.multiplier[b, R + s, i]
            if (b + 1) * TILE < T:
                reduced[TILE - 1] = p.keep[s] * k.multiplier[b + 1, R + s, 0] - k.multiplier[b, R + s, TILE - 1]
            else:
                reduced[n - 1] = border[width + s] - k.multiplier[b, R + s, n - 1]
        products, costs, pulled, inner, border_rhs = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(TILE):
            y, slack, z, w = k.y[b, j, i], k.slack[b, j, i], k.z[b, j, i], k.w[b, j, i]
            here = p.cap[b, j, i] >= 0.0
            capped = here and p.cap[b, j, i] < np.inf
            cap = p.cap[b, j, i] if capped else 0.0
            zy = z / y if here else 0.0
            ws = w / slack
            inverse = 1.0 / (zy + ws) if here else 0.0
            drawn = ws * cap
            slack_residual = cap * x - y - slack if capped else 0.0
            slack_residual = slack_residual if abs(slack_residual) > NOISE * cap * x else 0.0
            residual = z - w - reduced[i] if here else 0.0
            weight[j, i] = inverse
            pull[j, i] = drawn
            k.g[b, j, i] = residual - z + w + ws * slack_residual
            products += y * z + slack * w
            pulled += cap * w
            inner += drawn * cap * zy * inverse
            border_rhs -= cap * w + drawn * slack_residual
            worst[0, i] = abs(residual) if abs(residual) > worst[0, i] else worst[0, i]
            worst[1, i] = abs(slack_residual) if abs(slack_residual) > worst[1, i] else worst[1, i]
        if j < F:
            for i in range(TILE):
                costs += p.cost[b, j, i] * k.y[b, j, i]
                border_rhs += pull[j, i] * (weight[j, i] * k.g[b, j, i])
            for e in range(p.row_start[j], p.row_start[j + 1]):
                row, value = p.row_index[e], p.row_value[e]
                for i in range(TILE):
                    k.row_residual[b, row, i] -= value * k.y[b, j, i]
            for e in range(p.budget_start[j], p.budget_start[j + 1]):
                used, rhs = 0.0, 0.0
                for i in range(TILE):
                    used += p.budget_value[b, e, i] * k.y[b, j, i]
                    rhs += p.budget_value[b, e, i] * (weight[j, i] * k.g[b, j, i])
                sums[C + S + p.budget_index[e]] += used
                h[C + S + p.budget_index[e]] += rhs
        else:
            s = j - F
            before = border[C + s] if b == 0 else k.y[b - 1, j, TILE - 1]
            k.row_residual[b, R + s, 0] += p.keep[s] * before - k.y[b, j, 0]
            for i in range(1, n):
                k.row_residual[b, R + s, i] += p.keep[s] * k.y[b, j, i - 1] - k.y[b, j, i]
            if b == 0:
                sums[C + s] -= p.keep[s] * k.multiplier[b, R + s, 0]
            if (b + 1) * TILE >= T:
                sums[width + s] -= k.y[b, j, n - 1]
        out[0] += products
        out[4] += costs
        if column < width:
            sums[column] += pulled
            h[column] += border_rhs
            K[column, column] += inner
    for r in range(R + S):
        for i in range(TILE):
            size = abs(k.row_residual[b, r, i])
            worst[2, i] = size if size > worst[2, i] else worst[2, i]
    for i in range(TILE):
        out[1] = max(out[1], worst[0, i])
        out[2] = max(out[2], worst[1, i])
        out[3] = max(out[3], worst[2, i])


@compile_part
def _form_columns(p: Piece, k: Work, b: int, weight: Array, pull: Array, rest: Array, fresh: Array) -> None:
    """Border columns of a tile, the rows eliminated: k.row_columns, and in the states fresh (S, width, TILE)."""
    R, S, F, C = p.size[0], p.size[1], p.size[2], p.size[3]
    width = C + S + p.size[4]
    part = np.empty((R + S, TILE))
    moved = np.empty(TILE)
    k.row_columns[b] = 0.0
    fresh[:] = 0.0
    for j in range(F):
        column = p.column[j]
        for e in range(p.budget_start[j] - (1 if column < width else 0), p.budget_start[j + 1]):
            if e < p.budget_start[j]:  # the column of the flow's cap comes first, then its budgets
                c = column
                for i in range(TILE):
                    moved[i] = weight[j, i] * pull[j, i]
            else:
                c = C + S + p.budget_index[e]
                for i in range(TILE):
                    moved[i] = weight[j, i] * p.budget_value[b, e, i]
            for r in range(R):
                for i in range(TILE):
                    k.row_columns[b, r, c, i] += rest[j, r, i] * moved[i]
            for s in range(S):
                for i in range(TILE):
                    fresh[s, c, i] += rest[j, R + s, i] * moved[i]
    for e in range(p.border_row.shape[0]):
        row, c = p.border_row[e], p.border_column[e]
        for r in range(row, R + S if row < R else row + 1):
            for i in range(TILE):
                part[r, i] = p.border_value[b, e, i] if r == row else 0.0
            for q in range(row, min(r, R)):
                for i in range(TILE):
                    part[r, i] -= k.row_factor[b, r * R + q, i] * part[q, i]
            if r < R:
                for i in range(TILE):
                    k.row_columns[b, r, c, i] += part[r, i]
            else:
                for i in range(TILE):
                    fresh[r - R, c, i] += part[r, i]


@compile_part
def _recur(
    p: Piece,
    k: Work,
    b: int,
    weight: Array,
    pull: Array,
    own: Array,
    fresh: Array,
    carry: Array,
    passed: Array,
    batch: Array,
) -> None:
    """Run the states' recursion through a tile.

    Fills k.state_factor and k.state_columns, and the states' lines of ``batch`` with D^-1/2 L^-1 of the border columns,
    what each level's own column adds included. ``carry`` (S, S) and ``passed`` (S, padded width) go to the next tile.
    """
    R, S, F, C, T = p.size[0], p.size[1], p.size[2], p.size[3], p.size[5]
    width = C + S + p.size[4]
    padded = passed.shape[1]
    columns, state = k.state_columns, k.state_factor
    array, full, unit, level = np.empty((2 * S, 3 * S)), np.empty(2 * S), np.zeros(S), np.empty(S)
    for t in range(b * TILE, min((b + 1) * TILE, T)):
        i = t - b * TILE
        for s in range(S):
            for c in range(width):
                columns[t, s, c] = fresh[s, c, i]
        for s in range(S):
            for c8 in range(0, padded if t > 0 else 0, 8):
                for c in range(c8, c8 + 8):
                    columns[t, s, c] += p.keep[s] * passed[s, c]
        for s in range(S if t == 0 else 0):
            columns[0, s, C + s] -= p.keep[s]
        for s in range(S):
            level[s] = weight[F + s, i]
        factor_step(S, t, p.keep, level, own[i], carry, array, full, state)
        for s in range(S):
            for c8 in range(0, padded, 8):
                for c in range(c8, c8 + 8):
                    passed[s, c] = columns[t, s, c]
        for s in range(S):
            for q in range(s):
                for c8 in range(0, padded, 8):
                    for c in range(c8, c8 + 8):
                        passed[s, c] -= state[t, s * S + q] * passed[q, c]
        for s in range(S):
            scale = np.sqrt(state[t, s * S + s])
            for c in range(width):
                batch[c, (R + s) * TILE + i] = scale * passed[s, c]
        for s in range(S):
            if p.column[F + s] < width:
                unit[:] = 0.0
                unit[s] = level[s] * pull[F + s, i]
                for q in range(s, S):
                    for m in range(s, q):
                        unit[q] -= state[t, q * S + m] * unit[m]
                    batch[p.column[F + s], (R + q) * TILE + i] += np.sqrt(state[t, q * S + q]) * unit[q]
        for s in range(S - 1, -1, -1):
            for c8 in range(0, padded, 8):
                for c in range(c8, c8 + 8):
                    passed[s, c] *= state[t, s * S + s]
            for q in range(s + 1, S):
                for c8 in range(0, padded, 8):
                    for c in range(c8, c8 + 8):
                        passed[s, c] -= state[t, q * S + s] * passed[q, c]
        for s in range(S):
            for c8 in range(0, padded, 8):
                for c in range(c8, c8 + 8):
                    passed[s, c] *= level[s]
        for q in range(S):
            if p.column[F + q] < width:
                for s in range(S):
                    passed[s, p.column[F + q]] -= state[t, S * S + s * S + q] * pull[F + q, i]
    for s in range(S):
        for c in range(width):
            passed[s, c] = passed[s, c] if abs(passed[s, c]) > TINY else 0.0


@compile_pass
def assemble(
    p: Piece,
    k: Work,
    border: Array,
    before: Array,
    dborder: Array,
    step: Array,
    K: Array,
    h: Array,
    sums: Array,
    out: Array,
) -> None:
    """Take the last step, factor the piece, and return its Schur complement on the border for the predictor.

    Args:
        p: the piece.
        k: its work arrays.
        border: the border after the step, with its closing 1.
        before: the border before the step, with its closing 1.
        dborder: the direction that was stepped along (closing 0).
        step: primal and dual step length, and 1 if a step is to be taken (0 at the start).
        K: out, (C + S + Q + S) squared: Schur complement, symmetric (columns positive, multipliers negative).
        h: out, its right-hand side without the border's own residuals.
        sums: out, what the piece adds to the border: reduced costs of columns, use of budgets, minus the last level.
        out: out, sum of products, largest residual of duals, bounds and rows, cost.
    """
    R, S, F, C, Q, T = p.size[0], p.size[1], p.size[2], p.size[3], p.size[4], p.size[5]
    tiles = p.cap.shape[0]
    width, padded = C + S + Q, k.state_columns.shape[2]
    K[:, :] = 0.0
    h[:] = 0.0
    sums[:] = 0.0
    out[:] = 0.0
    weight, pull = np.empty((F + S, TILE)), np.empty((F + S, TILE))
    rest, spread, own = np.empty((F, R + S, TILE)), np.empty((F, S, TILE)), np.zeros((TILE, S, S))
    carried, carry, passed = np.zeros(S), np.zeros((S, S)), np.zeros((S, padded))
    gram = np.zeros((padded, padded))
    # strides of an odd number of cache lines: lines don't fall on one another
    batch, fresh = np.zeros((padded, (R + S) * TILE + 8)), np.zeros((S, width, TILE + 8))
    if step[2] > 0.0:
        for b in range(tiles):
            for r in range(R + S):
                for i in range(TILE):
                    k.multiplier[b, r, i] += step[1] * k.dmultiplier[b, r, i]
    for b in range(tiles):
        if step[2] > 0.0:
            _take_step(p, k, b, before, dborder, step)
        _measure(p, k, b, border, weight, pull, K, h, sums, out)
        factor_rows(p, k, b, weight, rest)
        _form_columns(p, k, b, weight, pull, rest, fresh)
        if Q > 0:
            share_budgets(p, k, b, weight, pull, rest, K)
        for r in range(R):  # D^-1/2 times the columns; the budgets' part is in K already
            for c in range(C):
                for i in range(TILE):
                    batch[c, r * TILE + i] = np.sqrt(k.row_factor[b, r * R + r, i]) * k.row_columns[b, r, c, i]
        if S > 0:
            factor_flows(R, S, F, weight, rest, spread, own)
            if T - b * TILE < TILE:
                batch[:, R * TILE :] = 0.0
            _recur(p, k, b, weight, pull, own, fresh, carry, passed, batch)
        accumulate(batch, width, gram)
        eliminate_rhs(p, k, b, weight, pull, rest, carried, h)
    for i in range(width):
        for c in range(i + 1):
            K[i, c] += gram[i, c]
            if c < i:
                K[c, i] = K[i, c]
    for s in range(S):
        for c in range(width):
            K[width + s, c] = -passed[s, c]
            K[c, width + s] = -passed[s, c]
        for q in range(S):
            K[width + s, width + q] = -k.state_factor[T - 1, S * S + s * S + q]
