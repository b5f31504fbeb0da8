# ruff: noqa: PLR0917 - compiled functions can't take keyword-only arguments
"""How are the steps of a piece eliminated? Rows by orthogonalisation, states by a recursion in square-root form.

Weights span twenty orders of magnitude, so nothing is found by subtracting Gram matrices. Rows of a step are
orthogonalised in the inner product of the weights (modified Gram-Schmidt), which leaves each flow its state
coefficients after projection; the states follow ``R_t = N_t + keep (theta_level + R_{t-1}^-1)^-1 keep`` with N_t the
Gram matrix of these.
"""

import numpy as np
from numba import njit

from trainload.solve.piece import DEPENDENT, FASTMATH, TILE, Piece, Work
from trainload.solve.program import Array


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FASTMATH)
def factor_rows(p: Piece, k: Work, t0: int, n: int, rest: Array) -> None:
    """Orthogonalise rows and states of n steps from t0 on in the inner product of the weights (modified Gram-Schmidt).

    ``rest`` (F, R + S, TILE) gets each flow's coefficients less their projection on the rows before, k.row_factor the
    ratios and inverse pivots. A row that depends on those before it gets 1 / D = 0.
    """
    R, S, F = p.size[0], p.size[1], p.size[2]
    product = np.empty(TILE)
    full = np.zeros((R, TILE))
    for j in range(F):
        for r in range(R + S):
            for i in range(n):
                rest[j, r, i] = 0.0
        for e in range(p.row_start[j], p.row_start[j + 1]):
            row, value = p.row_index[e], p.row_value[e]
            for i in range(n):
                rest[j, row, i] = value
            if row < R:
                for i in range(n):
                    full[row, i] += value * value * k.weight[j, t0 + i]
    for q in range(R):
        for i in range(n):
            product[i] = 0.0
        for j in range(F):
            for i in range(n):
                product[i] += k.weight[j, t0 + i] * (rest[j, q, i] * rest[j, q, i])
        for i in range(n):
            k.row_factor[q * R + q, t0 + i] = 1.0 / product[i] if product[i] > DEPENDENT * full[q, i] else 0.0
        for r in range(q + 1, R + S):
            for i in range(n):
                product[i] = 0.0
            for j in range(F):
                for i in range(n):
                    product[i] += k.weight[j, t0 + i] * (rest[j, r, i] * rest[j, q, i])
            for i in range(n):
                product[i] *= k.row_factor[q * R + q, t0 + i]
                k.row_factor[r * R + q, t0 + i] = product[i]
            for j in range(F):
                for i in range(n):
                    rest[j, r, i] -= product[i] * rest[j, q, i]


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FASTMATH)
def project_rows(p: Piece, k: Work, t0: int, n: int, rest: Array) -> None:
    """Fill ``rest`` as `factor_rows` left it, from the ratios it found."""
    R, S, F = p.size[0], p.size[1], p.size[2]
    for j in range(F):
        for r in range(R + S):
            for i in range(n):
                rest[j, r, i] = 0.0
        for e in range(p.row_start[j], p.row_start[j + 1]):
            for i in range(n):
                rest[j, p.row_index[e], i] = p.row_value[e]
        for r in range(1, R + S):
            for q in range(min(r, R)):
                for i in range(n):
                    rest[j, r, i] -= k.row_factor[r * R + q, t0 + i] * rest[j, q, i]


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FASTMATH)
def factor_flows(
    R: int, S: int, F: int, t0: int, n: int, weight: Array, rest: Array, spread: Array, own: Array
) -> None:
    """Lower triangular factors ``own`` (TILE, S, S) of N_t, the Gram matrices of ``rest`` in the weights."""
    product, size, full = np.empty(TILE), np.empty(TILE), np.zeros((S, TILE))
    for j in range(F):
        for s in range(S):
            for i in range(n):
                spread[j, s, i] = rest[j, R + s, i]
                full[s, i] += weight[j, t0 + i] * (rest[j, R + s, i] * rest[j, R + s, i])
    for s in range(S):
        for r in range(s, S):
            for i in range(n):
                product[i] = 0.0
            for j in range(F):
                for i in range(n):
                    product[i] += weight[j, t0 + i] * (spread[j, r, i] * spread[j, s, i])
            if r == s:
                for i in range(n):
                    size[i] = product[i] if product[i] > DEPENDENT * full[s, i] else 0.0
                    own[i, s, s] = np.sqrt(size[i])
                continue
            for i in range(n):
                product[i] = product[i] / size[i] if size[i] > 0.0 else 0.0
                own[i, r, s] = product[i] * own[i, s, s]
            for j in range(F):
                for i in range(n):
                    spread[j, r, i] -= product[i] * spread[j, s, i]


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FASTMATH)
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


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FASTMATH)
def solve_states(S: int, t: int, state: Array, v: Array) -> None:
    """Overwrite v (S,) with (R_t + weight of levels)^-1 v."""
    for s in range(S):
        for q in range(s):
            v[s] -= state[t, s * S + q] * v[q]
    for s in range(S - 1, -1, -1):
        v[s] *= state[t, s * S + s]
        for q in range(s + 1, S):
            v[s] -= state[t, q * S + s] * v[q]


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FASTMATH)
def eliminate_rhs(p: Piece, k: Work, t0: int, n: int, rest: Array, carried: Array, h: Array) -> None:
    """Forward elimination of the right-hand side (k.row_residual, k.g) over n steps from t0 on.

    Adds its part of the border's, ``C' M^-1 rhs`` with C the border's columns, to h (C + S + Q + S,); ``carried`` (S,)
    goes from tile to tile.
    """
    R, S, F, C, Q = p.size[0], p.size[1], p.size[2], p.size[3], p.size[4]
    tau, solved, total = np.empty(R + S), np.empty(S), np.zeros(k.columns.shape[2])
    last = p.rhs.shape[1] - 1
    width = C + S + Q
    SS = S * S
    forward, factor, state, columns = k.forward, k.row_factor, k.state_factor, k.columns
    for r in range(R + S):
        for i in range(n):
            forward[r, t0 + i] = k.row_residual[r, t0 + i]
        for q in range(min(r, R)):
            for i in range(n):
                forward[r, t0 + i] -= factor[r * R + q, t0 + i] * forward[q, t0 + i]
    for j in range(F):
        for r in range(R + S):
            for i in range(n):
                forward[r, t0 + i] -= rest[j, r, i] * (k.weight[j, t0 + i] * k.g[j, t0 + i])
    for t in range(t0, t0 + n):
        for r in range(R):
            tau[r] = forward[r, t] * factor[r * R + r, t]
        for s in range(S):
            forward[R + s, t] += p.keep[s] * carried[s]
            solved[s] = forward[R + s, t]
            tau[R + s] = solved[s] - k.weight[F + s, t] * k.g[F + s, t]
        solve_states(S, t, state, solved)
        solve_states(S, t, state, tau[R:])
        for s in range(S):
            carried[s] = k.weight[F + s, t] * solved[s]
            for q in range(S):
                carried[s] += state[t, SS + s * S + q] * k.g[F + q, t]
            if p.column[F + s] < width:
                h[p.column[F + s]] += k.pull[F + s, t] * carried[s]
            if t == last:
                h[width + s] -= carried[s]
        for r in range(R + S):
            value = tau[r]
            for c8 in range(0, columns.shape[2], 8):
                for c in range(c8, c8 + 8):
                    total[c] += value * columns[t, r, c]
    for c in range(width):
        h[c] += total[c]


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FASTMATH)
def accumulate(batch: Array, n: int, width: int, gram: Array) -> None:
    """Add batch[:n]' batch[:n] to the lower triangle of gram; n is a multiple of four."""
    for b in range(0, n, 4):
        for i in range(width):
            a0, a1, a2, a3 = batch[b, i], batch[b + 1, i], batch[b + 2, i], batch[b + 3, i]
            if a0 == 0.0 and a1 == 0.0 and a2 == 0.0 and a3 == 0.0:
                continue
            for c8 in range(0, i + 1, 8):
                for c in range(c8, c8 + 8):
                    gram[i, c] += a0 * batch[b, c] + a1 * batch[b + 1, c] + a2 * batch[b + 2, c] + a3 * batch[b + 3, c]


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FASTMATH)
def share_budgets(p: Piece, k: Work, t0: int, n: int, rest: Array, share: Array, K: Array) -> None:
    """Add the rows' part of the budgets' Schur complement to the lower triangle of K, as products of residuals.

    A flow's share in a budget, less its projection on the rows, is ``e - sum_r rest_r (row r's product with e) / D_r``.
    """
    R, S, F, C, Q = p.size[0], p.size[1], p.size[2], p.size[3], p.size[4]
    width = C + S + Q
    for j in range(F):
        for q in range(Q):
            for i in range(n):
                share[q, i] = 0.0
        for e in range(p.budget_start[j], p.budget_start[j + 1]):
            for i in range(n):
                share[p.budget_index[e], i] += p.budget_value[e, t0 + i]
        for q in range(Q):
            for r in range(R):
                for i in range(n):
                    share[q, i] -= rest[j, r, i] * (k.row_factor[r * R + r, t0 + i] * k.columns[t0 + i, r, C + S + q])
        for q in range(Q):
            for m in range(q + 1):
                value = 0.0
                for i in range(n):
                    value += k.weight[j, t0 + i] * (share[q, i] * share[m, i])
                K[C + S + q, C + S + m] -= value
            if p.column[j] < width:
                value = 0.0
                for i in range(n):
                    value += k.pull[j, t0 + i] * (k.weight[j, t0 + i] * share[q, i])
                K[C + S + q, p.column[j]] -= value
    if p.border_row.shape[0] == 0:
        return
    part = np.empty((R, n))
    for e in range(p.border_row.shape[0]):
        row = p.border_row[e]
        for r in range(row, R):
            for i in range(n):
                part[r, i] = p.border_value[e, t0 + i] if r == row else 0.0
            for q in range(row, r):
                for i in range(n):
                    part[r, i] -= k.row_factor[r * R + q, t0 + i] * part[q, i]
            for q in range(Q):
                value = 0.0
                for i in range(n):
                    value += part[r, i] * (k.row_factor[r * R + r, t0 + i] * k.columns[t0 + i, r, C + S + q])
                K[C + S + q, p.border_column[e]] += value
