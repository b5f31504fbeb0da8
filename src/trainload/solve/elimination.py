# ruff: noqa: PLR0917 - compiled functions can't take keyword-only arguments
"""How are the steps of a piece eliminated? Rows by orthogonalisation, states by a recursion in square-root form.

Weights span twenty orders of magnitude, so nothing is found by subtracting Gram matrices. Rows of a step are
orthogonalised in the inner product of the weights (modified Gram-Schmidt), which leaves each flow its state
coefficients after projection; the states follow ``R_t = N_t + keep (theta_level + R_{t-1}^-1)^-1 keep`` with N_t the
Gram matrix of these.

Source: square-root filters, e.g. Kailath, Sayed and Hassibi, Linear Estimation (2000), chapter 12.
"""

import numpy as np

from trainload.solve.piece import DEPENDENT, TILE, Piece, Work, compile_part
from trainload.solve.program import Array


@compile_part
def weigh(p: Piece, k: Work, b: int, weight: Array, pull: Array) -> None:
    """Weights 1 / theta of a tile, 0 where fixed, and pulls cap * w / slack, both (F + S, TILE)."""
    for j in range(p.cap.shape[1]):
        for i in range(TILE):
            here = p.cap[b, j, i] >= 0.0
            cap = p.cap[b, j, i] if here and p.cap[b, j, i] < np.inf else 0.0
            ws = k.w[b, j, i] / k.slack[b, j, i]
            weight[j, i] = 1.0 / (k.z[b, j, i] / k.y[b, j, i] + ws) if here else 0.0
            pull[j, i] = ws * cap


@compile_part
def factor_rows(p: Piece, k: Work, b: int, weight: Array, rest: Array) -> None:
    """Orthogonalise rows and states of a tile in the inner product of the weights (modified Gram-Schmidt).

    ``rest`` (F, R + S, TILE) gets each flow's coefficients less their projection on the rows before, k.row_factor the
    ratios and inverse pivots. A row that depends on those before it gets 1 / D = 0.
    """
    R, S, F = p.size[0], p.size[1], p.size[2]
    factor = k.row_factor
    product = np.empty(TILE)
    full = np.zeros((R, TILE))
    for j in range(F):
        rest[j] = 0.0
        for e in range(p.row_start[j], p.row_start[j + 1]):
            row, value = p.row_index[e], p.row_value[e]
            for i in range(TILE):
                rest[j, row, i] = value
            if row < R:
                for i in range(TILE):
                    full[row, i] += value * value * weight[j, i]
    for q in range(R):
        for i in range(TILE):
            product[i] = 0.0
        for j in range(F):
            for i in range(TILE):
                product[i] += weight[j, i] * (rest[j, q, i] * rest[j, q, i])
        for i in range(TILE):
            factor[b, q * R + q, i] = 1.0 / product[i] if product[i] > DEPENDENT * full[q, i] else 0.0
        for r in range(q + 1, R + S):
            for i in range(TILE):
                product[i] = 0.0
            for j in range(F):
                for i in range(TILE):
                    product[i] += weight[j, i] * (rest[j, r, i] * rest[j, q, i])
            for i in range(TILE):
                product[i] *= factor[b, q * R + q, i]
                factor[b, r * R + q, i] = product[i]
            for j in range(F):
                for i in range(TILE):
                    rest[j, r, i] -= product[i] * rest[j, q, i]


@compile_part
def project_rows(p: Piece, k: Work, b: int, rest: Array) -> None:
    """Fill ``rest`` as `factor_rows` left it, from the ratios it found."""
    R, S, F = p.size[0], p.size[1], p.size[2]
    for j in range(F):
        rest[j] = 0.0
        for e in range(p.row_start[j], p.row_start[j + 1]):
            for i in range(TILE):
                rest[j, p.row_index[e], i] = p.row_value[e]
        for r in range(1, R + S):
            for q in range(min(r, R)):
                for i in range(TILE):
                    rest[j, r, i] -= k.row_factor[b, r * R + q, i] * rest[j, q, i]


@compile_part
def factor_flows(R: int, S: int, F: int, weight: Array, rest: Array, spread: Array, own: Array) -> None:
    """Lower triangular factors ``own`` (TILE, S, S) of N_t, the Gram matrices of ``rest`` in the weights."""
    product, size, full = np.empty(TILE), np.empty(TILE), np.zeros((S, TILE))
    for j in range(F):
        for s in range(S):
            for i in range(TILE):
                spread[j, s, i] = rest[j, R + s, i]
                full[s, i] += weight[j, i] * (rest[j, R + s, i] * rest[j, R + s, i])
    for s in range(S):
        for r in range(s, S):
            for i in range(TILE):
                product[i] = 0.0
            for j in range(F):
                for i in range(TILE):
                    product[i] += weight[j, i] * (spread[j, r, i] * spread[j, s, i])
            if r == s:
                for i in range(TILE):
                    size[i] = product[i] if product[i] > DEPENDENT * full[s, i] else 0.0
                    own[i, s, s] = np.sqrt(size[i])
                continue
            for i in range(TILE):
                product[i] = product[i] / size[i] if size[i] > 0.0 else 0.0
                own[i, r, s] = product[i] * own[i, s, s]
            for j in range(F):
                for i in range(TILE):
                    spread[j, r, i] -= product[i] * spread[j, s, i]


@compile_part
def factor_step(
    S: int, t: int, keep: Array, weight: Array, own: Array, carry: Array, array: Array, full: Array, state: Array
) -> None:
    """Take the states of step t into the recursion, by orthogonalising the rows of an array (square-root form).

    The first S rows of ``array`` are factors of ``R_t + weight``, the last S those of what is carried on; what is left
    of these is a factor of ``(theta + R_t^-1)^-1``, returned in ``carry`` (lower triangular).

    Args:
        S: number of states.
        t: step.
        keep: (S,).
        weight: of the levels at this step (S,).
        own: lower triangular factor of N_t.
        carry: in: factor of (theta + R^-1)^-1 of the step before; out: of this step.
        array: scratch (2 S, 3 S).
        full: scratch (2 S,).
        state: out, row t: L below the diagonal and 1 / D on it of R_t + weight; then (theta + R_t^-1)^-1.
    """
    for s in range(S):
        for c in range(S):
            array[s, c] = own[s, c]
            array[s, S + c] = keep[s] * carry[s, c]
            array[s, 2 * S + c] = np.sqrt(weight[s]) if c == s else 0.0
            array[S + s, c] = 0.0
            array[S + s, S + c] = 0.0
            array[S + s, 2 * S + c] = array[s, 2 * S + c]
    for s in range(S):
        full[s] = weight[s]
        for c in range(2 * S):
            full[s] += array[s, c] * array[s, c]
        full[S + s] = weight[s]
    for s in range(2 * S):
        size = 0.0
        for c in range(3 * S):
            size += array[s, c] * array[s, c]
        size = size if size > DEPENDENT * full[s] else 0.0
        inverse = 1.0 / size if size > 0.0 else 0.0
        if s < S:
            state[t, s * S + s] = inverse
        else:
            carry[s - S, s - S] = np.sqrt(size)
        for r in range(s + 1, 2 * S):
            ratio = 0.0
            for c in range(3 * S):
                ratio += array[r, c] * array[s, c]
            ratio *= inverse
            for c in range(3 * S):
                array[r, c] -= ratio * array[s, c]
            if r < S:
                state[t, r * S + s] = ratio
            elif s >= S:
                carry[r - S, s - S] = ratio * carry[s - S, s - S]
    for s in range(S):
        for q in range(s + 1):
            value = 0.0
            for m in range(q + 1):
                value += carry[s, m] * carry[q, m]
            state[t, S * S + s * S + q] = value
            state[t, S * S + q * S + s] = value


@compile_part
def solve_states(S: int, t: int, state: Array, v: Array) -> None:
    """Overwrite v (S,) with (R_t + weight of levels)^-1 v."""
    for s in range(S):
        for q in range(s):
            v[s] -= state[t, s * S + q] * v[q]
    for s in range(S - 1, -1, -1):
        v[s] *= state[t, s * S + s]
        for q in range(s + 1, S):
            v[s] -= state[t, q * S + s] * v[q]


@compile_part
def eliminate_rhs(p: Piece, k: Work, b: int, weight: Array, pull: Array, rest: Array, carried: Array, h: Array) -> None:
    """Forward elimination of the right-hand side (k.row_residual, k.g) of a tile.

    Adds its part of the border's, ``C' M^-1 rhs`` with C the border's columns, to h (C + S + Q + S,); ``carried`` (S,)
    goes from tile to tile.
    """
    R, S, F, C, Q, T = p.size[0], p.size[1], p.size[2], p.size[3], p.size[4], p.size[5]
    t0 = b * TILE
    tau, solved, total, moved = np.empty(S), np.empty(S), np.zeros(k.state_columns.shape[2]), np.empty(TILE)
    width = C + S + Q
    SS = S * S
    forward, factor, state, columns = k.forward, k.row_factor, k.state_factor, k.state_columns
    for r in range(R + S):
        for i in range(TILE):
            forward[b, r, i] = k.row_residual[b, r, i]
        for q in range(min(r, R)):
            for i in range(TILE):
                forward[b, r, i] -= factor[b, r * R + q, i] * forward[b, q, i]
    for j in range(F):
        for i in range(TILE):
            moved[i] = weight[j, i] * k.g[b, j, i]
        for r in range(R + S):
            for i in range(TILE):
                forward[b, r, i] -= rest[j, r, i] * moved[i]
    for r in range(R):
        for i in range(TILE):
            moved[i] = forward[b, r, i] * factor[b, r * R + r, i]
        for c in range(width):
            value = 0.0
            for i in range(TILE):
                value += moved[i] * k.row_columns[b, r, c, i]
            h[c] += value
    if S == 0:
        return
    for t in range(t0, min(t0 + TILE, T)):
        i = t - t0
        for s in range(S):
            forward[b, R + s, i] += p.keep[s] * carried[s]
            solved[s] = forward[b, R + s, i]
            tau[s] = solved[s] - weight[F + s, i] * k.g[b, F + s, i]
        solve_states(S, t, state, solved)
        solve_states(S, t, state, tau)
        for s in range(S):
            carried[s] = weight[F + s, i] * solved[s]
            for q in range(S):
                carried[s] += state[t, SS + s * S + q] * k.g[b, F + q, i]
            if p.column[F + s] < width:
                h[p.column[F + s]] += pull[F + s, i] * carried[s]
            if t == T - 1:
                h[width + s] -= carried[s]
        for s in range(S):
            value = tau[s]
            for c8 in range(0, columns.shape[2], 8):
                for c in range(c8, c8 + 8):
                    total[c] += value * columns[t, s, c]
    for c in range(width):
        h[c] += total[c]


@compile_part
def accumulate(batch: Array, width: int, gram: Array) -> None:
    """Add batch batch' to the lower triangle of gram, in two by two blocks; batch (width rounded up to even, steps)."""
    for i in range(0, width, 2):
        for c in range(0, i + 1, 2):
            s00, s01, s10, s11 = 0.0, 0.0, 0.0, 0.0
            for b in range(batch.shape[1]):
                s00 += batch[i, b] * batch[c, b]
                s01 += batch[i, b] * batch[c + 1, b]
                s10 += batch[i + 1, b] * batch[c, b]
                s11 += batch[i + 1, b] * batch[c + 1, b]
            gram[i, c] += s00
            gram[i, c + 1] += s01
            gram[i + 1, c] += s10
            gram[i + 1, c + 1] += s11


@compile_part
def share_budgets(p: Piece, k: Work, b: int, weight: Array, pull: Array, rest: Array, K: Array) -> None:
    """Add the rows' part of the budgets' Schur complement to the lower triangle of K, as products of residuals.

    A flow's share in a budget, less its projection on the rows, is ``e - sum_r rest_r (row r's product with e) / D_r``.
    """
    R, S, F, C, Q = p.size[0], p.size[1], p.size[2], p.size[3], p.size[4]
    width = C + S + Q
    share = np.empty((Q, TILE))
    spent = np.empty((Q, R, TILE))
    for q in range(Q):
        for r in range(R):
            for i in range(TILE):
                spent[q, r, i] = k.row_factor[b, r * R + r, i] * k.row_columns[b, r, C + S + q, i]
    for j in range(F):
        share[:] = 0.0
        for e in range(p.budget_start[j], p.budget_start[j + 1]):
            for i in range(TILE):
                share[p.budget_index[e], i] += p.budget_value[b, e, i]
        for q in range(Q):
            for r in range(R):
                for i in range(TILE):
                    share[q, i] -= rest[j, r, i] * spent[q, r, i]
        for q in range(Q):
            for m in range(q + 1):
                value = 0.0
                for i in range(TILE):
                    value += weight[j, i] * (share[q, i] * share[m, i])
                K[C + S + q, C + S + m] -= value
            if p.column[j] < width:
                value = 0.0
                for i in range(TILE):
                    value += pull[j, i] * (weight[j, i] * share[q, i])
                K[C + S + q, p.column[j]] -= value
    part = np.empty((R, TILE))
    for e in range(p.border_row.shape[0]):
        row = p.border_row[e]
        for r in range(row, R):
            for i in range(TILE):
                part[r, i] = p.border_value[b, e, i] if r == row else 0.0
            for q in range(row, r):
                for i in range(TILE):
                    part[r, i] -= k.row_factor[b, r * R + q, i] * part[q, i]
            for q in range(Q):
                value = 0.0
                for i in range(TILE):
                    value += part[r, i] * spent[q, r, i]
                K[C + S + q, p.border_column[e]] += value
