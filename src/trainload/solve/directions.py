# ruff: noqa: PLR0917 - compiled functions can't take keyword-only arguments
"""Compiled passes for directions: aim the products anew, and substitute back through a piece."""

import numpy as np
from numba import njit

from trainload.solve.elimination import eliminate_rhs, project_rows, solve_states
from trainload.solve.piece import FASTMATH, NOISE, TILE, Piece, Work
from trainload.solve.program import Array


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FASTMATH)
def correct(p: Piece, k: Work, border: Array, dborder: Array, aim: Array, h: Array) -> None:
    """Set the targets of the products for the next direction and eliminate its right-hand side.

    Args:
        p: the piece.
        k: its work arrays; ``dy`` holds the direction computed last.
        border: the border, with its closing 1.
        dborder: the border's part of the direction computed last (closing 0).
        aim: kind 0, mu, limit: products to ``mu - dy dz``, that term cut at +-limit (Mehrotra's corrector);
            kind 1, primal and dual trial step, lowest and highest product: outliers at the trial point are drawn
            to the interval (Gondzio's correction), added to the targets in force.
        h: out, right-hand side of the border without its own residuals.
    """
    R, S, F, C, Q = p.size[0], p.size[1], p.size[2], p.size[3], p.size[4]
    T = p.rhs.shape[1]
    width = C + S + Q
    h[:] = 0.0
    carried = np.zeros(S)
    rest = np.empty((F, R + S, TILE))
    for t0 in range(0, T, TILE):
        n = min(TILE, T - t0)
        for j in range(F + S):
            column = p.column[j]
            x, dx = border[column], dborder[column]
            border_rhs = 0.0
            if aim[0] == 0.0:
                mu, limit = aim[1], aim[2]
                for i in range(n):
                    t = t0 + i
                    y, slack, z, w, dy = k.y[j, t], k.slack[j, t], k.z[j, t], k.w[j, t], k.dy[j, t]
                    here = p.cap[j, t] >= 0.0
                    capped = here and p.cap[j, t] < np.inf
                    cap = p.cap[j, t] if capped else 0.0
                    dslack = cap * x - y - slack
                    dslack = (dslack if abs(dslack) > NOISE * cap * x else 0.0) + cap * dx - dy
                    dz = -z - z * dy / y if here else 0.0
                    dw = -w - w * dslack / slack
                    second = dy * dz
                    second = limit if second > limit else second
                    second = -limit if second < -limit else second
                    k.target_y[j, t] = mu - y * z - second if here else 0.0
                    second = dslack * dw
                    second = limit if second > limit else second
                    second = -limit if second < -limit else second
                    k.target_slack[j, t] = mu - slack * w - second if capped else 0.0
            else:
                primal, dual, low, high = aim[1], aim[2], aim[3], aim[4]
                for i in range(n):
                    t = t0 + i
                    y, slack, z, w, dy = k.y[j, t], k.slack[j, t], k.z[j, t], k.w[j, t], k.dy[j, t]
                    here = p.cap[j, t] >= 0.0
                    capped = here and p.cap[j, t] < np.inf
                    cap = p.cap[j, t] if capped else 0.0
                    dslack = cap * x - y - slack
                    dslack = (dslack if abs(dslack) > NOISE * cap * x else 0.0) + cap * dx - dy
                    dz = (k.target_y[j, t] - z * dy) / y if here else 0.0
                    dw = (k.target_slack[j, t] - w * dslack) / slack
                    trial = (y + primal * dy) * (z + dual * dz)
                    change = low - trial if trial < low else (high - trial if trial > high else 0.0)
                    change = change if change > -high else -high
                    k.target_y[j, t] += change if here else 0.0
                    trial = (slack + primal * dslack) * (w + dual * dw)
                    change = low - trial if trial < low else (high - trial if trial > high else 0.0)
                    change = change if change > -high else -high
                    k.target_slack[j, t] += change if capped else 0.0
            for i in range(n):
                t = t0 + i
                y, slack, w = k.y[j, t], k.slack[j, t], k.w[j, t]
                here = p.cap[j, t] >= 0.0
                capped = here and p.cap[j, t] < np.inf
                cap = p.cap[j, t] if capped else 0.0
                residual = cap * x - y - slack
                residual = residual if abs(residual) > NOISE * cap * x else 0.0
                bound = (k.target_slack[j, t] - w * residual) / slack if capped else 0.0
                k.g[j, t] = k.dual_residual[j, t] + k.target_y[j, t] / y - bound if here else 0.0
                border_rhs += cap * bound
            if j < F:
                for i in range(n):
                    border_rhs += k.pull[j, t0 + i] * (k.weight[j, t0 + i] * k.g[j, t0 + i])
                for e in range(p.budget_start[j], p.budget_start[j + 1]):
                    used = 0.0
                    for i in range(n):
                        used += p.budget_value[e, t0 + i] * (k.weight[j, t0 + i] * k.g[j, t0 + i])
                    h[C + S + p.budget_index[e]] += used
            if column < width:
                h[column] += border_rhs
        project_rows(p, k, t0, n, rest)
        eliminate_rhs(p, k, t0, n, rest, carried, h)


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FASTMATH)
def direct(p: Piece, k: Work, border: Array, dborder: Array, predict: bool, out: Array) -> None:
    """Back substitution: the direction of flows, levels and multipliers for a given direction of the border.

    Args:
        p: the piece.
        k: its work arrays.
        border: the border, with its closing 1.
        dborder: the direction of the border (closing 0).
        predict: products are aimed at zero (the predictor) and not at the targets.
        out: out, largest -dy/y and -dz/z over all bounds; sums of dy z, y dz and dy dz.
    """
    R, S, F, C, Q = p.size[0], p.size[1], p.size[2], p.size[3], p.size[4]
    T = p.rhs.shape[1]
    width = C + S + Q
    SS = S * S
    padded = k.columns.shape[2]
    out[:] = 0.0
    moving = np.zeros(padded)
    moving[:width] = dborder[:width]
    v = np.empty((R + S, TILE))
    gradient = np.empty(TILE)
    worst = np.zeros((2, TILE))
    ahead, held = np.empty(S), np.empty(S)
    state, factor = k.state_factor, k.row_factor
    for block in range((T - 1) // TILE, -1, -1):
        t0 = block * TILE
        n = min(TILE, T - t0)
        for i in range(n):
            for r in range(R + S):
                value = 0.0
                for c8 in range(0, padded, 8):
                    for c in range(c8, c8 + 8):
                        value += k.columns[t0 + i, r, c] * moving[c]
                v[r, i] = k.forward[r, t0 + i] - value
        if S > 0:
            for i in range(n - 1, -1, -1):
                t = t0 + i
                for s in range(S):
                    ahead[s] = p.keep[s] * k.dmultiplier[R + s, t + 1] if t + 1 < T else dborder[width + s]
                    ahead[s] -= k.g[F + s, t] + k.pull[F + s, t] * dborder[p.column[F + s]]
                    held[s] = v[R + s, i]
                solve_states(S, t, state, held)
                fixed = False
                for s in range(S):
                    level = k.weight[F + s, t] * held[s]
                    for q in range(S):
                        level -= state[t, SS + s * S + q] * ahead[q]
                    k.dy[F + s, t] = level
                    weight = k.weight[F + s, t]
                    k.dmultiplier[R + s, t] = ahead[s] + level / weight if weight > 0.0 else held[s]
                    fixed = fixed or weight == 0.0
                if fixed:  # a fixed level has no price of its own: its row's multiplier follows from the other levels
                    for s in range(S):
                        held[s] = k.weight[F + s, t] * ahead[s]
                    solve_states(S, t, state, held)
                    for s in range(S):
                        k.dmultiplier[R + s, t] += held[s] if k.weight[F + s, t] == 0.0 else 0.0
        for r in range(R - 1, -1, -1):
            for i in range(n):
                k.dmultiplier[r, t0 + i] = v[r, i] * factor[r * R + r, t0 + i]
            for q in range(r + 1, R + S):
                for i in range(n):
                    k.dmultiplier[r, t0 + i] -= factor[q * R + r, t0 + i] * k.dmultiplier[q, t0 + i]
        for j in range(F + S):
            x, dx = border[p.column[j]], dborder[p.column[j]]
            if j < F:
                for i in range(n):
                    gradient[i] = k.g[j, t0 + i] + k.pull[j, t0 + i] * dx
                for e in range(p.row_start[j], p.row_start[j + 1]):
                    row, value = p.row_index[e], p.row_value[e]
                    for i in range(n):
                        gradient[i] += value * k.dmultiplier[row, t0 + i]
                for e in range(p.budget_start[j], p.budget_start[j + 1]):
                    value = dborder[C + S + p.budget_index[e]]
                    for i in range(n):
                        gradient[i] += p.budget_value[e, t0 + i] * value
                for i in range(n):
                    k.dy[j, t0 + i] = k.weight[j, t0 + i] * gradient[i]
            first, second, third = 0.0, 0.0, 0.0
            for i in range(n):
                t = t0 + i
                y, slack, z, w, dy = k.y[j, t], k.slack[j, t], k.z[j, t], k.w[j, t], k.dy[j, t]
                here = p.cap[j, t] >= 0.0
                capped = here and p.cap[j, t] < np.inf
                cap = p.cap[j, t] if capped else 0.0
                dslack = cap * x - y - slack
                dslack = (dslack if abs(dslack) > NOISE * cap * x else 0.0) + cap * dx - dy if capped else 0.0
                target = -y * z if predict else k.target_y[j, t]
                dz = (target - z * dy) / y if here else 0.0
                target = -slack * w if predict else k.target_slack[j, t]
                dw = (target - w * dslack) / slack if capped else 0.0
                first += dy * z + dslack * w
                second += y * dz + (slack * dw if capped else 0.0)
                third += dy * dz + dslack * dw
                ratio = -dy / y
                worst[0, i] = ratio if ratio > worst[0, i] else worst[0, i]
                ratio = -dslack / slack
                worst[0, i] = ratio if ratio > worst[0, i] else worst[0, i]
                ratio = -dz / z
                worst[1, i] = ratio if ratio > worst[1, i] else worst[1, i]
                ratio = -dw / w
                worst[1, i] = ratio if ratio > worst[1, i] else worst[1, i]
            out[2] += first
            out[3] += second
            out[4] += third
    for i in range(TILE):
        out[0] = max(out[0], worst[0, i])
        out[1] = max(out[1], worst[1, i])
