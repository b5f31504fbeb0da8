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
from numba import njit

from trainload.solve.elimination import accumulate, eliminate_rhs, factor_flows, factor_rows, factor_step, share_budgets
from trainload.solve.piece import FASTMATH, NOISE, TILE, TINY, Piece, Work
from trainload.solve.program import Array


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FASTMATH)
def _weigh(
    p: Piece,
    k: Work,
    t0: int,
    n: int,
    border: Array,
    dborder: Array,
    step: Array,
    K: Array,
    h: Array,
    sums: Array,
    out: Array,
) -> None:
    """Take the last step, then residuals and weights of n steps from t0 on, with the predictor's right-hand side."""
    R, S, F, C, Q = p.size[0], p.size[1], p.size[2], p.size[3], p.size[4]
    T = p.rhs.shape[1]
    width = C + S + Q
    reduced = np.empty(TILE)
    worst = np.zeros((3, TILE))
    moved = step[2] > 0.0
    for r in range(R + S):
        for i in range(n):
            k.row_residual[r, t0 + i] = p.rhs[r, t0 + i]
    for e in range(p.border_row.shape[0]):
        row, x = p.border_row[e], border[p.border_column[e]]
        total = 0.0
        for i in range(n):
            k.row_residual[row, t0 + i] -= p.border_value[e, t0 + i] * x
            total += p.border_value[e, t0 + i] * k.multiplier[row, t0 + i]
        sums[p.border_column[e]] += total
    for j in range(F + S):
        column = p.column[j]
        x, dx = border[column], dborder[column]
        if j < F:
            for i in range(n):
                reduced[i] = p.cost[j, t0 + i]
            for e in range(p.row_start[j], p.row_start[j + 1]):
                row, value = p.row_index[e], p.row_value[e]
                for i in range(n):
                    reduced[i] -= value * k.multiplier[row, t0 + i]
            for e in range(p.budget_start[j], p.budget_start[j + 1]):
                value = border[C + S + p.budget_index[e]]
                for i in range(n):
                    reduced[i] -= p.budget_value[e, t0 + i] * value
        else:
            s = j - F
            for i in range(n):
                later = p.keep[s] * k.multiplier[R + s, t0 + i + 1] if t0 + i + 1 < T else border[width + s]
                reduced[i] = later - k.multiplier[R + s, t0 + i]
        if moved:
            for i in range(n):
                t = t0 + i
                y, slack, z, w, dy = k.y[j, t], k.slack[j, t], k.z[j, t], k.w[j, t], k.dy[j, t]
                here = p.cap[j, t] >= 0.0
                capped = here and p.cap[j, t] < np.inf
                cap = p.cap[j, t] if capped else 0.0
                before = cap * (x - step[0] * dx)
                dslack = before - y - slack
                dslack = (dslack if abs(dslack) > NOISE * before else 0.0) + cap * dx - dy if capped else 0.0
                dz = (k.target_y[j, t] - z * dy) / y if here else 0.0
                dw = (k.target_slack[j, t] - w * dslack) / slack if capped else 0.0
                k.y[j, t] = y + step[0] * dy
                k.slack[j, t] = slack + step[0] * dslack
                k.z[j, t] = z + step[1] * dz
                k.w[j, t] = w + step[1] * dw
        products, costs, pulled, inner, border_rhs = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(n):
            t = t0 + i
            y, slack, z, w = k.y[j, t], k.slack[j, t], k.z[j, t], k.w[j, t]
            here = p.cap[j, t] >= 0.0
            capped = here and p.cap[j, t] < np.inf
            cap = p.cap[j, t] if capped else 0.0
            zy = z / y if here else 0.0
            ws = w / slack
            weight = 1.0 / (zy + ws) if here else 0.0
            pull = ws * cap
            slack_residual = cap * x - y - slack if capped else 0.0
            slack_residual = slack_residual if abs(slack_residual) > NOISE * cap * x else 0.0
            residual = z - w - reduced[i] if here else 0.0
            g = residual - z + w + ws * slack_residual
            k.weight[j, t] = weight
            k.pull[j, t] = pull
            k.dual_residual[j, t] = residual
            k.g[j, t] = g
            products += y * z + slack * w * (1.0 if capped else 0.0)
            pulled += cap * w
            inner += pull * cap * zy * weight
            border_rhs -= cap * w + pull * slack_residual
            worst[0, i] = abs(residual) if abs(residual) > worst[0, i] else worst[0, i]
            worst[1, i] = abs(slack_residual) if abs(slack_residual) > worst[1, i] else worst[1, i]
        if j < F:
            for i in range(n):
                costs += p.cost[j, t0 + i] * k.y[j, t0 + i]
                border_rhs += k.pull[j, t0 + i] * k.weight[j, t0 + i] * k.g[j, t0 + i]
            for e in range(p.row_start[j], p.row_start[j + 1]):
                row, value = p.row_index[e], p.row_value[e]
                for i in range(n):
                    k.row_residual[row, t0 + i] -= value * k.y[j, t0 + i]
            for e in range(p.budget_start[j], p.budget_start[j + 1]):
                used, rhs = 0.0, 0.0
                for i in range(n):
                    used += p.budget_value[e, t0 + i] * k.y[j, t0 + i]
                    rhs += p.budget_value[e, t0 + i] * (k.weight[j, t0 + i] * k.g[j, t0 + i])
                sums[C + S + p.budget_index[e]] += used
                h[C + S + p.budget_index[e]] += rhs
        else:
            s = j - F
            for i in range(n):
                before = k.y[j, t0 + i - 1] if t0 + i > 0 else border[C + s]
                k.row_residual[R + s, t0 + i] += p.keep[s] * before - k.y[j, t0 + i]
            if t0 == 0:
                sums[C + s] -= p.keep[s] * k.multiplier[R + s, 0]
            if t0 + n == T:
                sums[width + s] -= k.y[j, T - 1]
        out[0] += products
        out[4] += costs
        if column < width:
            sums[column] += pulled
            h[column] += border_rhs
            K[column, column] += inner
    for r in range(R + S):
        for i in range(n):
            size = abs(k.row_residual[r, t0 + i])
            worst[2, i] = size if size > worst[2, i] else worst[2, i]
    for i in range(n):
        out[1] = max(out[1], worst[0, i])
        out[2] = max(out[2], worst[1, i])
        out[3] = max(out[3], worst[2, i])


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FASTMATH)
def assemble(
    p: Piece, k: Work, border: Array, dborder: Array, step: Array, K: Array, h: Array, sums: Array, out: Array
) -> None:
    """Take the last step, factor the piece, and return its Schur complement on the border for the predictor.

    Args:
        p: the piece.
        k: its work arrays.
        border: the border after the step, with its closing 1.
        dborder: the direction that was stepped along (closing 0).
        step: primal and dual step length, and 1 if a step is to be taken (0 at the start).
        K: out, (C + S + Q + S) squared: Schur complement, symmetric (columns positive, multipliers negative).
        h: out, its right-hand side without the border's own residuals.
        sums: out, what the piece adds to the border: reduced costs of columns, use of budgets, minus the last level.
        out: out, sum of products, largest residual of duals, bounds and rows, cost.
    """
    R, S, F, C, Q = p.size[0], p.size[1], p.size[2], p.size[3], p.size[4]
    T = p.rhs.shape[1]
    width = C + S + Q
    SS = S * S
    padded = k.columns.shape[2]
    K[:, :] = 0.0
    h[:] = 0.0
    sums[:] = 0.0
    out[:] = 0.0
    rest = np.empty((F, R + S, TILE))
    share = np.empty((Q, TILE))
    direct_part = np.empty((R + S, TILE))
    carried = np.zeros(S)
    gram = np.zeros((padded, padded))
    batch = np.zeros((((R + S) * TILE + 3) // 4 * 4, padded))
    spread, own = np.empty((F, S, TILE)), np.zeros((TILE, S, S))
    carry, array, passed = np.zeros((S, S)), np.zeros((2 * S, 3 * S)), np.zeros((S, padded))
    weight, unit, full = np.zeros(S), np.zeros(S), np.zeros(2 * S)
    columns, state = k.columns, k.state_factor
    if step[2] > 0.0:
        for r in range(R + S):
            for t in range(T):
                k.multiplier[r, t] += step[1] * k.dmultiplier[r, t]
    for t0 in range(0, T, TILE):
        n = min(TILE, T - t0)
        _weigh(p, k, t0, n, border, dborder, step, K, h, sums, out)
        factor_rows(p, k, t0, n, rest)
        columns[t0 : t0 + n] = 0.0
        for j in range(F):
            column = p.column[j]
            for r in range(R + S):
                if column < width:
                    for i in range(n):
                        columns[t0 + i, r, column] += rest[j, r, i] * (k.weight[j, t0 + i] * k.pull[j, t0 + i])
                for e in range(p.budget_start[j], p.budget_start[j + 1]):
                    q = C + S + p.budget_index[e]
                    for i in range(n):
                        columns[t0 + i, r, q] += rest[j, r, i] * (k.weight[j, t0 + i] * p.budget_value[e, t0 + i])
        for e in range(p.border_row.shape[0]):
            row, column = p.border_row[e], p.border_column[e]
            for i in range(n):
                direct_part[row, i] = p.border_value[e, t0 + i]
                columns[t0 + i, row, column] += direct_part[row, i]
            for r in range(row + 1, R + S if row < R else row + 1):
                for i in range(n):
                    direct_part[r, i] = 0.0
                for q in range(row, min(r, R)):
                    for i in range(n):
                        direct_part[r, i] -= k.row_factor[r * R + q, t0 + i] * direct_part[q, i]
                for i in range(n):
                    columns[t0 + i, r, column] += direct_part[r, i]
        if Q > 0:
            share_budgets(p, k, t0, n, rest, share, K)
        factor_flows(R, S, F, t0, n, k.weight, rest, spread, own)
        for i in range(n):
            t = t0 + i
            for r in range(R):  # rows: D^-1/2 times the columns; the budgets' part is in K already
                scale = np.sqrt(k.row_factor[r * R + r, t])
                for c8 in range(0, padded, 8):
                    for c in range(c8, c8 + 8):
                        batch[i * (R + S) + r, c] = scale * columns[t, r, c]
                for c in range(C + S, width):
                    batch[i * (R + S) + r, c] = 0.0
            if S == 0:
                continue
            if t == 0:
                for s in range(S):
                    columns[0, R + s, C + s] -= p.keep[s]
            else:
                for s in range(S):
                    for c8 in range(0, padded, 8):
                        for c in range(c8, c8 + 8):
                            columns[t, R + s, c] += p.keep[s] * passed[s, c]
            for s in range(S):
                weight[s] = k.weight[F + s, t]
            factor_step(S, t, p.keep, weight, own[i], carry, array, full, state)
            for s in range(S):
                for c8 in range(0, padded, 8):
                    for c in range(c8, c8 + 8):
                        passed[s, c] = columns[t, R + s, c]
            for s in range(S):
                for q in range(s):
                    for c8 in range(0, padded, 8):
                        for c in range(c8, c8 + 8):
                            passed[s, c] -= state[t, s * S + q] * passed[q, c]
            # the Schur complement takes D^-1/2 L^-1 of (columns + what each level's own column adds)
            for s in range(S):
                scale = np.sqrt(state[t, s * S + s])
                for c8 in range(0, padded, 8):
                    for c in range(c8, c8 + 8):
                        batch[i * (R + S) + R + s, c] = scale * passed[s, c]
            for s in range(S):
                if p.column[F + s] < width:
                    for q in range(S):
                        unit[q] = 0.0
                    unit[s] = weight[s] * k.pull[F + s, t]
                    for q in range(s, S):
                        for m in range(s, q):
                            unit[q] -= state[t, q * S + m] * unit[m]
                        batch[i * (R + S) + R + q, p.column[F + s]] += np.sqrt(state[t, q * S + q]) * unit[q]
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
                        passed[s, c] *= weight[s]
            for q in range(S):
                if p.column[F + q] < width:
                    for s in range(S):
                        passed[s, p.column[F + q]] -= state[t, SS + s * S + q] * k.pull[F + q, t]
            if i == 0:
                for s in range(S):
                    for c in range(width):
                        if abs(passed[s, c]) < TINY:
                            passed[s, c] = 0.0
        rows = n * (R + S)
        while rows % 4 != 0:
            batch[rows, :] = 0.0
            rows += 1
        accumulate(batch, rows, width, gram)
        eliminate_rhs(p, k, t0, n, rest, carried, h)
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
            K[width + s, width + q] = -state[T - 1, SS + s * S + q]
