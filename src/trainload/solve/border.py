"""The border's own Newton system: columns, hand-overs, border rows and budgets, after every piece is eliminated.

Unknowns are ``[x, joints, multipliers of rows]``; the matrix is symmetric and quasi-definite::

    [ K_xx + theta      -G'            ]
    [ -G            K_mm - 1/theta_p   ]

with K the sum of the pieces' Schur complements. It is equilibrated, factorised with a tiny regularisation (dense where
small, SuperLU in a fixed order without pivoting where large, with pivoting where that proves inaccurate) and refined
against the matrix without it.
"""

from collections.abc import Callable

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import splu

from trainload.solve.free import BoolArray
from trainload.solve.pieces import Links
from trainload.solve.program import Array, IntArray

DENSE_UP_TO = 160
LEAST_LEFT, KEPT = 1e-4, 0.1
"""A variable that a step would leave with less than this part of itself, or nothing, keeps that part."""
REGULARISATION = 1e-11
REFINEMENTS = 4
ACCURATE = 1e-7
"""Relative residual above which the border's solution is found again with pivoting."""
UNSTABLE = 3
"""Factorisations without pivoting that may prove inaccurate before pivoting is the rule."""


class BorderMatrix:
    """Sparsity and numbers of the border's matrix; the pattern is found once, the numbers replaced every iteration."""

    def __init__(self, n_columns: int, links: sparse.csr_matrix, where: list[IntArray]) -> None:
        self.size = n_columns + links.shape[0]
        self.n_columns = n_columns
        own = links.tocoo()
        diagonal = np.arange(self.size)
        rows: list[IntArray] = [np.concatenate([own.row + n_columns, own.col]), diagonal]
        columns: list[IntArray] = [np.concatenate([own.col, own.row + n_columns]), diagonal]
        self._links = np.concatenate([-own.data, -own.data])
        self._taken: list[BoolArray] = []
        for place in where:
            i, j = np.meshgrid(place, place, indexing="ij")
            taken = (i >= 0) & (j >= 0)
            self._taken.append(taken)
            rows.append(i[taken])
            columns.append(j[taken])
        key = np.concatenate(columns).astype(np.int64) * self.size + np.concatenate(rows)
        unique, self._position = np.unique(key, return_inverse=True)
        self._row = (unique % self.size).astype(np.int32)
        self._column = (unique // self.size).astype(np.int32)
        counts = np.bincount(self._column, minlength=self.size)
        self._start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        self._diagonal = np.flatnonzero(self._row == self._column)
        self._order: IntArray | None = None
        self._n_unstable = 0

    def factorise(self, diagonal: Array, blocks: list[Array]) -> Callable[[Array], Array]:
        """Return a solver of the matrix with this diagonal (theta; -1/theta of rows) and these blocks added."""
        parts = [self._links, diagonal, *(K[taken] for K, taken in zip(blocks, self._taken, strict=True))]
        data = np.bincount(self._position, np.concatenate(parts), len(self._row)).astype(np.float64)
        if not np.isfinite(data).all():
            raise ValueError("the border's matrix is not finite")
        if not self.size:
            return np.copy
        scale = np.ones(self.size)
        for _ in range(4):
            most = np.maximum.reduceat(np.abs(data) * scale[self._row] * scale[self._column], self._start[:-1])
            scale = scale / np.sqrt(np.where(most > 0, most, 1.0))
        data = data * (scale[self._row] * scale[self._column])
        exact = sparse.csc_matrix((data, self._row, self._start), shape=(self.size, self.size))
        regular = data.copy()
        regular[self._diagonal] += np.where(np.arange(self.size) < self.n_columns, REGULARISATION, -REGULARISATION)
        if self.size <= DENSE_UP_TO:
            dense = np.zeros((self.size, self.size))
            dense[self._row, self._column] = regular
            solve_once = _factor_dense(dense)
        else:
            matrix = sparse.csc_matrix((regular, self._row, self._start), shape=(self.size, self.size))
            solve_once = self._factor_in_order(matrix) if self._n_unstable < UNSTABLE else _factor_pivoting(matrix)

        def solve(rhs: Array) -> Array:
            nonlocal solve_once
            b = rhs * scale
            x, error = _refine(solve_once, exact, b)
            if error > ACCURATE and self.size > DENSE_UP_TO and self._n_unstable < UNSTABLE:
                pivoting = _factor_pivoting(sparse.csc_matrix((regular, self._row, self._start), shape=exact.shape))
                other, error_pivoting = _refine(pivoting, exact, b)
                if error_pivoting < error:
                    self._n_unstable += 1
                    x, solve_once = other, pivoting
            solved: Array = x * scale
            return solved

        return solve

    def _factor_in_order(self, matrix: sparse.csc_matrix) -> Callable[[Array], Array]:
        """Factorise without pivoting, in an order of little fill that is found once.

        A regularised quasi-definite matrix has such a factorisation in any order (Vanderbei, Symmetric quasidefinite
        matrices, SIAM J. Optim. 5, 1995); what it loses in accuracy refinement has to restore.
        """
        symmetric = {"SymmetricMode": True}
        if self._order is None:
            found = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=symmetric)
            self._order = np.argsort(found.perm_c)
            place = found.perm_c.astype(np.int64)
            key = place[self._column] * self.size + place[self._row]
            self._sorted = np.argsort(key, kind="stable")
            ordered = key[self._sorted]
            self._ordered_row = (ordered % self.size).astype(np.int32)
            counts = np.bincount(ordered // self.size, minlength=self.size)
            self._ordered_start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        order = self._order
        parts = (matrix.data[self._sorted], self._ordered_row, self._ordered_start)
        lu = splu(
            sparse.csc_matrix(parts, shape=matrix.shape),
            permc_spec="NATURAL",
            diag_pivot_thresh=0.0,
            options=symmetric,
        )

        def solve(b: Array) -> Array:
            x = np.empty(len(b))
            x[order] = lu.solve(b[order])
            return x

        return solve


def _factor_dense(dense: Array) -> Callable[[Array], Array]:
    factor, pivots, _ = linalg.lapack.dgetrf(dense, overwrite_a=True)

    def solve(b: Array) -> Array:
        x: Array = linalg.lapack.dgetrs(factor, pivots, b)[0]
        return x

    return solve


def _factor_pivoting(matrix: sparse.csc_matrix) -> Callable[[Array], Array]:
    solve: Callable[[Array], Array] = splu(matrix, permc_spec="COLAMD", diag_pivot_thresh=1e-3).solve
    return solve


def _refine(solve: Callable[[Array], Array], exact: sparse.csc_matrix, b: Array) -> tuple[Array, float]:
    """Solve with iterative refinement; return the solution and its relative residual."""
    largest = float(np.abs(b).max(initial=0.0))
    if largest == 0.0:
        return np.zeros_like(b), 0.0
    x = solve(b)
    residual = b - exact @ x
    size = float(np.abs(residual).max())
    for _ in range(REFINEMENTS):
        if size <= 1e-15 * largest:
            break
        better = x + solve(residual)
        residual = b - exact @ better
        smaller = float(np.abs(residual).max())
        if not smaller < size:
            break
        x, size = better, smaller
    return x, size / largest if np.isfinite(size) else np.inf


class BorderState:
    """Iterate and direction of the border: columns x, slacks of rows, hand-overs, multipliers; scaled.

    Columns and slacks are one list of bounded variables ``y >= 0`` (x = lower + y) with ``slack = upper - y >= 0``.
    """

    def __init__(self, links: Links) -> None:
        self.links = links
        self.n_x = len(links.columns)
        self.n_columns = self.n_x + links.n_joints
        n = self.n_x + len(links.slack_rows)
        self.upper = np.concatenate([links.upper - links.lower, links.slack_upper])
        self.capped = np.isfinite(self.upper)
        self.y, self.slack, self.z, self.w = np.ones(n), np.ones(n), np.ones(n), np.where(self.capped, 1.0, 0.0)
        self.joints = np.zeros(links.n_joints)
        self.multipliers = np.zeros(links.matrix.shape[0])
        self.n_products = n + int(self.capped.sum())
        self.size = self.n_columns + len(self.multipliers)

    @property
    def x(self) -> Array:
        x: Array = self.links.lower + self.y[: self.n_x]
        return x

    @property
    def values(self) -> Array:
        return np.concatenate([self.x, self.joints, self.multipliers])

    @property
    def products(self) -> float:
        return float(self.y @ self.z + self.slack @ self.w)

    @property
    def diagonal(self) -> Array:
        diagonal = np.zeros(self.size)
        diagonal[: self.n_x] = self.theta[: self.n_x]
        diagonal[self.n_columns + self.links.slack_rows] = -1.0 / self.theta[self.n_x :]
        return diagonal

    def guess(self, product: float, small: float) -> None:
        """Half way into the room of each variable, at most one and at least ``small``; all products alike."""
        upper = np.where(self.capped, self.upper, 2.0)
        self.y = np.maximum(np.minimum(0.5 * upper, 1.0), small)
        self.slack = np.where(self.capped, np.maximum(upper - self.y, small), 1.0)
        self.z = product / self.y
        self.w = np.where(self.capped, product / self.slack, 0.0)
        self.joints[:] = 0.5

    def aim_at_equations(self) -> None:
        """Right-hand side whose direction leads to the nearest point of the equations."""
        self.dual_residual, self.joint_residual = np.zeros_like(self.y), np.zeros_like(self.joints)
        self.target_y, self.target_slack = np.zeros_like(self.y), np.zeros_like(self.y)

    def move_inside(self, least: float) -> None:
        """Take the full step, but keep a part of every variable."""
        self.y = np.maximum(self.y + self.dy, least * self.y)
        self.slack = np.where(self.capped, np.maximum(self.slack + self.dslack, least * self.slack), 1.0)
        self.joints = self.joints + self.d[self.n_x : self.n_columns]

    def measure(self, sums: Array) -> None:
        """Residuals and weights, given what the pieces add to each row of the border."""
        links, n_x = self.links, self.n_x
        pulled = sums[: self.n_columns] + links.matrix.T @ self.multipliers
        self.joint_residual = pulled[n_x:]
        self.dual_residual = np.concatenate([pulled[:n_x] - links.cost, -self.multipliers[links.slack_rows]])
        self.dual_residual += self.z - self.w
        upper = np.where(self.capped, self.upper, 0.0)
        residual = upper - self.y - self.slack
        self.slack_residual = np.where(self.capped & (np.abs(residual) > 1e-15 * upper), residual, 0.0)
        self.row_residual = links.rhs - links.matrix @ np.concatenate([self.x, self.joints]) - sums[self.n_columns :]
        self.row_residual[links.slack_rows] += self.y[n_x:]
        self.theta = self.z / self.y + self.w / self.slack

    @property
    def primal_residual(self) -> float:
        largest = np.abs(self.row_residual).max(initial=0.0), np.abs(self.slack_residual).max(initial=0.0)
        return float(max(largest))

    @property
    def column_residual(self) -> float:
        relative = np.abs(self.dual_residual[: self.n_x]) / (1.0 + np.abs(self.links.cost))
        return float(max(relative.max(initial=0.0), np.abs(self.joint_residual).max(initial=0.0)))

    def predict(self) -> None:
        self.target_y, self.target_slack = -self.y * self.z, -self.slack * self.w

    def correct(self, mu: float, limit: float) -> None:
        self.target_y = mu - self.y * self.z - np.clip(self.dy * self.dz, -limit, limit)
        second = np.clip(self.dslack * self.dw, -limit, limit)
        self.target_slack = np.where(self.capped, mu - self.slack * self.w - second, 0.0)

    def centre(self, primal: float, dual: float, low: float, high: float) -> None:
        trial = (self.y + primal * self.dy) * (self.z + dual * self.dz)
        self.target_y = self.target_y + np.maximum(np.clip(trial, low, high) - trial, -high)
        trial = (self.slack + primal * self.dslack) * (self.w + dual * self.dw)
        change = np.maximum(np.clip(trial, low, high) - trial, -high)
        self.target_slack = self.target_slack + np.where(self.capped, change, 0.0)

    def rhs(self, h: Array) -> Array:
        """Right-hand side of the border's system, h from the pieces."""
        n_x = self.n_x
        bound = (self.target_slack - self.w * self.slack_residual) / self.slack
        self.g = self.dual_residual + self.target_y / self.y - bound
        b = h.copy()
        b[:n_x] += self.g[:n_x]
        b[n_x : self.n_columns] += self.joint_residual
        b[self.n_columns :] -= self.row_residual
        b[self.n_columns + self.links.slack_rows] -= self.g[n_x:] / self.theta[n_x:]
        return b

    def direct(self, d: Array) -> None:
        """Take the solution of the system as direction."""
        n_x = self.n_x
        self.d = d
        dslack = (self.g[n_x:] - d[self.n_columns + self.links.slack_rows]) / self.theta[n_x:]
        self.dy = np.concatenate([d[:n_x], dslack])
        self.dslack = np.where(self.capped, self.slack_residual - self.dy, 0.0)
        self.dz = (self.target_y - self.z * self.dy) / self.y
        self.dw = (self.target_slack - self.w * self.dslack) / self.slack

    def measures(self) -> Array:
        """Largest -dy/y and -dz/z; sums of dy z, y dz and dy dz, as `kernels.direct` gives them."""
        capped = self.capped
        return np.array(
            [
                max(np.max(-self.dy / self.y, initial=0.0), np.max(-self.dslack / self.slack, initial=0.0)),
                max(np.max(-self.dz / self.z, initial=0.0), np.max(-self.dw[capped] / self.w[capped], initial=0.0)),
                self.dy @ self.z + self.dslack @ self.w,
                self.y @ self.dz + self.slack @ self.dw,
                self.dy @ self.dz + self.dslack @ self.dw,
            ]
        )

    def step(self, primal: float, dual: float) -> None:
        """Move along the direction; what would leave its bounds stays inside at a part of what it was."""
        self.y = _stay_inside(self.y, self.y + primal * self.dy)
        self.slack = _stay_inside(self.slack, self.slack + primal * self.dslack)
        self.z = _stay_inside(self.z, self.z + dual * self.dz)
        self.w = np.where(self.capped, _stay_inside(self.w, self.w + dual * self.dw), 0.0)
        self.joints = self.joints + primal * self.d[self.n_x : self.n_columns]
        self.multipliers = self.multipliers + dual * self.d[self.n_columns :]


def _stay_inside(before: Array, after: Array) -> Array:
    return np.where(after > LEAST_LEFT * before, after, KEPT * before)
