# ruff: noqa: PLR0917 - compiled functions can't take keyword-only arguments
"""Compiled passes for directions: aim the products anew, and substitute back through a piece."""

import numpy as np

from trainload.solve.elimination import eliminate_rhs, project_rows, solve_states, weigh
from trainload.solve.piece import NOISE, TILE, Piece, Work, compile_pass
from trainload.solve.program import Array


@compile_pass
def correct(p: Piece, k: Work, border: Array, dborder: Array, aim: Array, h: Array) -> None:
    """Set the targets of the products for the next direction and eliminate its right-hand side.

    k.g holds that of the direction computed last, and changes with the targets.

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
    width = C + S + Q
    h[:] = 0.0
    carried = np.zeros(S)
    rest = np.empty((F, R + S, TILE))
    weight, pull = np.empty((F + S, TILE)), np.empty((F + S, TILE))
    for b in range(p.cap.shape[0]):
        weigh(p, k, b, weight, pull)
        for j in range(F + S):
            column = p.column[j]
            x, dx = border[column], dborder[column]
            border_rhs = 0.0
            if aim[0] == 0.0:
                mu, limit = aim[1], aim[2]
                for i in range(TILE):
                    y, slack, z, w, dy = k.y[b, j, i], k.slack[b, j, i], k.z[b, j, i], k.w[b, j, i], k.dy[b, j, i]
                    here = p.cap[b, j, i] >= 0.0
                    capped = here and p.cap[b, j, i] < np.inf
                    cap = p.cap[b, j, i] if capped else 0.0
                    residual = cap * x - y - slack
                    residual = residual if abs(residual) > NOISE * cap * x else 0.0
                    dslack = residual + cap * dx - dy
                    second = -dy * (z + z * dy / y) if here else 0.0
                    second = limit if second > limit else second
                    lift = mu - (second if second > -limit else -limit)
                    second = -dslack * (w + w * dslack / slack)
                    second = limit if second > limit else second
                    press = mu - (second if second > -limit else -limit)
                    bound = (press - slack * w - w * residual) / slack if capped else 0.0
                    k.target_y[b, j, i] = lift - y * z if here else 0.0
                    k.target_slack[b, j, i] = press - slack * w if capped else 0.0
                    k.g[b, j, i] += (lift / y if here else 0.0) - (press / slack if capped else 0.0)
                    border_rhs += cap * bound
            else:
                primal, dual, low, high = aim[1], aim[2], aim[3], aim[4]
                for i in range(TILE):
                    y, slack, z, w, dy = k.y[b, j, i], k.slack[b, j, i], k.z[b, j, i], k.w[b, j, i], k.dy[b, j, i]
                    here = p.cap[b, j, i] >= 0.0
                    capped = here and p.cap[b, j, i] < np.inf
                    cap = p.cap[b, j, i] if capped else 0.0
                    residual = cap * x - y - slack
                    residual = residual if abs(residual) > NOISE * cap * x else 0.0
                    dslack = residual + cap * dx - dy
                    dz = (k.target_y[b, j, i] - z * dy) / y if here else 0.0
                    dw = (k.target_slack[b, j, i] - w * dslack) / slack
                    trial = (y + primal * dy) * (z + dual * dz)
                    lift = low - trial if trial < low else (high - trial if trial > high else 0.0)
                    lift = (lift if lift > -high else -high) if here else 0.0
                    trial = (slack + primal * dslack) * (w + dual * dw)
                    press = low - trial if trial < low else (high - trial if trial > high else 0.0)
                    press = (press if press > -high else -high) if capped else 0.0
                    k.target_y[b, j, i] += lift
                    k.target_slack[b, j, i] += press
                    k.g[b, j, i] += (lift / y if here else 0.0) - press / slack
                    border_rhs += cap * ((k.target_slack[b, j, i] - w * residual) / slack)
            if j < F:
                for i in range(TILE):
                    border_rhs += pull[j, i] * (weight[j, i] * k.g[b, j, i])
                for e in range(p.budget_start[j], p.budget_start[j + 1]):
                    used = 0.0
                    for i in range(TILE):
                        used += p.budget_value[b, e, i] * (weight[j, i] * k.g[b, j, i])
                    h[C + S + p.budget_index[e]] += used
            if column < width:
                h[column] += border_rhs
        project_rows(p, k, b, rest)
        eliminate_rhs(p, k, b, weight, pull, rest, carried, h)


@compile_pass
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
    R, S, F, C, Q, T = p.size[0], p.size[1], p.size[2], p.size[3], p.size[4], p.size[5]
    width, padded = C + S + Q, k.state_columns.shape[2]
    SS = S * S
    out[:] = 0.0
    moving = np.zeros(padded)
    for c in range(width):
        moving[c] = dborder[c]
    v = np.empty((R + S, TILE))
    gradient = np.empty(TILE)
    weight, pull = np.empty((F + S, TILE)), np.empty((F + S, TILE))
    worst = np.zeros((2, TILE))
    ahead, held = np.empty(S), np.empty(S)
    state, factor = k.state_factor, k.row_factor
    for b in range(p.cap.shape[0] - 1, -1, -1):
        weigh(p, k, b, weight, pull)
        for r in range(R):
            for i in range(TILE):
                v[r, i] = k.forward[b, r, i]
            for c in range(width):
                value = dborder[c]
                for i in range(TILE):
                    v[r, i] -= value * k.row_columns[b, r, c, i]
        for t in range(min((b + 1) * TILE, T) - 1 if S > 0 else -1, b * TILE - 1 if S > 0 else -1, -1):
            i = t - b * TILE
            fixed = False
            for s in range(S):
                value = 0.0
                for c8 in range(0, padded, 8):
                    for c in range(c8, c8 + 8):
                        value += k.state_columns[t, s, c] * moving[c]
                held[s] = k.forward[b, R + s, i] - value
                if t + 1 == T:
                    ahead[s] = dborder[width + s]
                else:
                    ahead[s] = p.keep[s] * k.dmultiplier[(t + 1) // TILE, R + s, (t + 1) % TILE]
                ahead[s] -= k.g[b, F + s, i] + pull[F + s, i] * dborder[p.column[F + s]]
            solve_states(S, t, state, held)
            for s in range(S):
                level = weight[F + s, i] * held[s]
                for q in range(S):
                    level -= state[t, SS + s * S + q] * ahead[q]
                k.dy[b, F + s, i] = level
                here = weight[F + s, i] > 0.0
                k.dmultiplier[b, R + s, i] = ahead[s] + level / weight[F + s, i] if here else held[s]
                fixed = fixed or not here
            if fixed:  # a fixed level has no price of its own: its row's multiplier follows from the other levels
                for s in range(S):
                    held[s] = weight[F + s, i] * ahead[s]
                solve_states(S, t, state, held)
                for s in range(S):
                    k.dmultiplier[b, R + s, i] += held[s] if weight[F + s, i] == 0.0 else 0.0
        for r in range(R - 1, -1, -1):
            for i in range(TILE):
                k.dmultiplier[b, r, i] = v[r, i] * factor[b, r * R + r, i]
            for q in range(r + 1, R + S):
                for i in range(TILE):
                    k.dmultiplier[b, r, i] -= factor[b, q * R + r, i] * k.dmultiplier[b, q, i]
        for j in range(F + S):
            x, dx = border[p.column[j]], dborder[p.column[j]]
            if j < F:
                for i in range(TILE):
                    gradient[i] = k.g[b, j, i] + pull[j, i] * dx
                for e in range(p.row_start[j], p.row_start[j + 1]):
                    row, value = p.row_index[e], p.row_value[e]
                    for i in range(TILE):
                        gradient[i] += value * k.dmultiplier[b, row, i]
                for e in range(p.budget_start[j], p.budget_start[j + 1]):
                    value = dborder[C + S + p.budget_index[e]]
                    for i in range(TILE):
                        gradient[i] += p.budget_value[b, e, i] * value
                for i in range(TILE):
                    k.dy[b, j, i] = weight[j, i] * gradient[i]
            first, second, third = 0.0, 0.0, 0.0
            for i in range(TILE):
                y, slack, z, w, dy = k.y[b, j, i], k.slack[b, j, i], k.z[b, j, i], k.w[b, j, i], k.dy[b, j, i]
                here = p.cap[b, j, i] >= 0.0
                capped = here and p.cap[b, j, i] < np.inf
                cap = p.cap[b, j, i] if capped else 0.0
                dslack = cap * x - y - slack
                dslack = (dslack if abs(dslack) > NOISE * cap * x else 0.0) + cap * dx - dy if capped else 0.0
                target = -y * z if predict else k.target_y[b, j, i]
                dz = (target - z * dy) / y if here else 0.0
                target = -slack * w if predict else k.target_slack[b, j, i]
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
