"""The iterations on one scaled problem: measure, factor, predict, correct, step; the best iterate is kept."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from trainload.solve import directions, kernels
from trainload.solve.border import BorderMatrix, BorderState
from trainload.solve.free import FreeProgram
from trainload.solve.piece import join_tiles
from trainload.solve.pieces import Cut, choose_scales, cut_pieces
from trainload.solve.program import Array, Solution
from trainload.solve.restore import restore_solution
from trainload.solve.start import aim_at_equations, guess, move_inside

AMBITION = 0.3
"""Part of Mehrotra's target for the products that is aimed at: corrections keep long calendars well centred."""
MAX_CORRECTIONS = 2
WEAK_STEP = 0.05
"""Centrality corrections are tried where a step is shorter than this: elsewhere they take longer than they save."""
LONGER = 0.3
"""How much longer a step each correction aims at."""
LOOSE = 30.0
"""How many times as far as its own bounds allow the border lets the pieces step, until the merit is ``LOOSE_UNTIL``.

A few columns that meet a bound would else hold up millions of flows; they stay behind inside their bounds, and the
residuals that this leaves are the next direction's to remove.
"""
LOOSE_UNTIL = 1e-3


class Pieces:
    """All pieces with their parts of the border, run in threads."""

    def __init__(self, cuts: tuple[Cut, ...], size: int, n_threads: int) -> None:
        self.cuts, self.size = cuts, size
        self.blocks = [np.zeros((len(cut.where), len(cut.where))) for cut in cuts]
        self._h = [np.zeros(len(cut.where)) for cut in cuts]
        self._sums = [np.zeros(len(cut.where)) for cut in cuts]
        self._out = [np.zeros(5) for _ in cuts]
        where = np.concatenate([np.zeros(0, np.int64), *(cut.where for cut in cuts)])
        self._there = where >= 0
        self._where = where[self._there]
        self._order = sorted(range(len(cuts)), key=lambda i: -cuts[i].work.y.size)
        self._n_threads = n_threads
        self._pool = ThreadPoolExecutor(n_threads) if n_threads > 1 else None

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True)

    def assemble(self, border: Array, before: Array, dborder: Array, step: Array) -> tuple[Array, Array, Array]:
        """Step, factor and predict; return the border's right-hand side, sums for it, (pieces, 5) measures."""
        x, x_before, dx = self._local(border, 1.0), self._local(before, 1.0), self._local(dborder, 0.0)

        def run(i: int) -> None:
            piece, work = self.cuts[i].piece, self.cuts[i].work
            out = self.blocks[i], self._h[i], self._sums[i], self._out[i]
            kernels.assemble(piece, work, x[i], x_before[i], dx[i], step, *out)

        self._run(run)
        return self._total(self._h), self._total(self._sums), np.array(self._out)

    def correct(self, border: Array, dborder: Array, aim: Array) -> Array:
        """Aim anew; return the border's right-hand side."""
        x, dx = self._local(border, 1.0), self._local(dborder, 0.0)

        def run(i: int) -> None:
            cut = self.cuts[i]
            directions.correct(cut.piece, cut.work, x[i], dx[i], aim, self._h[i])

        self._run(run)
        return self._total(self._h)

    def direct(self, border: Array, dborder: Array, *, predict: bool) -> Array:
        """Return (pieces, 5) measures of the direction that belongs to the border's."""
        x, dx = self._local(border, 1.0), self._local(dborder, 0.0)

        def run(i: int) -> None:
            cut = self.cuts[i]
            directions.direct(cut.piece, cut.work, x[i], dx[i], predict, self._out[i])

        self._run(run)
        return np.array(self._out)

    def _run(self, run: Callable[[int], None]) -> None:
        if self._pool is None:
            for i in self._order:
                run(i)
        else:
            left = iter(self._order)  # shared: each thread takes the next piece when it is done with one

            def work() -> None:
                for i in left:
                    run(i)

            for future in [self._pool.submit(work) for _ in range(self._n_threads)]:
                future.result()

    def _local(self, values: Array, closing: float) -> list[Array]:
        padded = np.append(values, 0.0)
        return [np.append(padded[cut.where], closing) for cut in self.cuts]

    def _total(self, parts: list[Array]) -> Array:
        if not self.size:
            return np.zeros(0)
        weights = np.concatenate(parts)[self._there]
        return np.bincount(self._where, weights=weights, minlength=self.size).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Iterate:
    """A copy of what a solution is made of, and how good it was."""

    merit: float
    x: Array
    multipliers: Array
    pieces: tuple[tuple[Array, Array], ...]


class InteriorPoint:
    """The iterations on one scaled problem."""

    def __init__(self, left: FreeProgram, *, n_threads: int) -> None:
        self.left = left
        self.scales = choose_scales(left)
        self.links, self.cuts = cut_pieces(left, self.scales, n_threads=n_threads)
        self.border = BorderState(self.links)
        self.matrix = BorderMatrix(self.border.n_columns, self.links.matrix, [cut.where for cut in self.cuts])
        self.pieces = Pieces(self.cuts, self.border.size, n_threads)
        self.count = guess(self.cuts, self.border)
        self.iteration = 0
        self.stuck = 0
        self.best: Iterate | None = None
        self.best_at = 0
        self._h = np.zeros(0)
        self._before, self._direction = np.zeros(self.border.size), np.zeros(self.border.size)
        self._step = np.zeros(3)
        self.products = self.objective = self.primal_residual = self.dual_residual = np.inf

    @property
    def mu(self) -> float:
        return self.products / max(1, self.count)

    @property
    def gap(self) -> float:
        return self.products / (1.0 + abs(self.objective))

    @property
    def merit(self) -> float:
        return max(self.gap, self.primal_residual, self.dual_residual)

    def start(self) -> None:
        """Move from the guess to the nearest point of the equations that keeps inside the bounds."""
        if not self.measure():
            return
        values, nowhere = self.border.values, np.zeros(self.border.size)
        solve = self.matrix.factorise(self.border.diagonal, self.pieces.blocks)
        aim_at_equations(self.cuts, self.border)
        h = self.pieces.correct(values, nowhere, np.array([1.0, 0.0, 0.0, -np.inf, np.inf]))
        if np.isfinite(self._try(solve(self.border.rhs(h)), values, predict=False)).all():
            move_inside(self.cuts, self.border)
        self.best = None

    def measure(self) -> bool:
        """Take the step decided on, factor there, measure residuals; False where numbers are out of range."""
        self._h, sums, out = self.pieces.assemble(self.border.values, self._before, self._direction, self._step)
        self.border.measure(sums)
        self.products = float(out[:, 0].sum()) + self.border.products
        self.objective = float(out[:, 4].sum() + self.links.cost @ self.border.x)
        self.objective += self.left.constant / self.scales.objective
        self.primal_residual = max(float(out[:, 2:4].max()), self.border.primal_residual)
        self.dual_residual = max(float(out[:, 1].max()), self.border.column_residual)
        if not np.isfinite([self.products, self.objective, self.primal_residual, self.dual_residual]).all():
            return False
        if self.best is None or self.merit < 0.5 * self.best.merit:
            self.best, self.best_at = self.copy(), self.iteration
        return True

    def advance(self, tolerance: float) -> bool:
        """Find a direction and decide on the step along it; False where numbers are out of range or no step is left."""
        border, pieces, mu = self.border, self.pieces, self.mu
        values = border.values
        try:
            solve = self.matrix.factorise(border.diagonal, pieces.blocks)
        except (RuntimeError, ValueError):  # SuperLU: exactly singular; LAPACK: not finite
            return False
        border.predict()
        out = self._try(solve(border.rhs(self._h)), values, predict=True)
        primal, dual = _lengths(out, 1.0)
        after = self.products + primal * out[2] + dual * out[3] + primal * dual * out[4]
        floor = 0.1 * tolerance * (1.0 + abs(self.objective)) / self.count
        target = max(AMBITION * min(1.0, max(after, 0.0) / self.products) ** 3 * mu, floor, 1e-8 * mu)
        limit = 10.0 * mu
        if self.stuck:
            target, limit = mu, 0.0  # back towards the centre
        h = pieces.correct(values, border.d, np.array([0.0, target, limit, 0.0, 0.0]))
        border.correct(target, limit)
        out = self._try(solve(border.rhs(h)), values, predict=False)
        if not np.isfinite(out).all():
            return False
        reach = 0.9995 if mu < 1e-6 else 0.99
        primal, dual = _lengths(out, reach)
        for _ in range(MAX_CORRECTIONS):
            if min(primal, dual) > WEAK_STEP:
                break
            kept = self._keep_direction()
            trial = min(1.0, primal + LONGER), min(1.0, dual + LONGER)
            h = pieces.correct(values, border.d, np.array([1.0, *trial, 0.1 * target, 10.0 * target]))
            border.centre(*trial, 0.1 * target, 10.0 * target)
            out = self._try(solve(border.rhs(h)), values, predict=False)
            longer = _lengths(out, reach)
            gained = longer[0] + longer[1] >= primal + dual + 0.1 * LONGER
            if not (np.isfinite(out).all() and gained and longer[0] >= 0.9 * primal and longer[1] >= 0.9 * dual):
                self._put_back(kept)
                break
            primal, dual = longer
        self.stuck = self.stuck + 1 if max(primal, dual) < 1e-3 else 0
        border.step(primal, dual)
        self._before, self._direction = values, border.d
        self._step = np.array([primal, dual, 1.0])
        self.iteration += 1
        return self.stuck < 5

    def _try(self, d: Array, values: Array, *, predict: bool) -> Array:
        """Return the largest ratios and the sums over all variables for this direction of the border."""
        self.border.direct(d)
        own = self.border.measures()
        if not predict and self.merit > LOOSE_UNTIL:
            own[:2] /= LOOSE
        out = np.vstack([self.pieces.direct(values, d, predict=predict), own])
        return np.concatenate([out[:, :2].max(axis=0), out[:, 2:].sum(axis=0)])

    def _keep_direction(self) -> list[Array]:
        border = self.border
        works = [cut.work for cut in self.cuts]
        return [
            border.target_y,
            border.target_slack,
            border.g,
            border.d,
            *(a.copy() for k in works for a in (k.dy, k.g, k.target_y, k.target_slack, k.dmultiplier)),
        ]

    def _put_back(self, kept: list[Array]) -> None:
        border = self.border
        border.target_y, border.target_slack, border.g, d = kept[:4]
        border.direct(d)
        works = [cut.work for cut in self.cuts]
        for array, copy in zip(
            (a for k in works for a in (k.dy, k.g, k.target_y, k.target_slack, k.dmultiplier)), kept[4:], strict=True
        ):
            array[:] = copy

    def copy(self) -> Iterate:
        return Iterate(
            merit=self.merit,
            x=self.border.x,
            multipliers=self.border.multipliers,
            pieces=tuple(
                (join_tiles(k.y, n), join_tiles(k.multiplier, n))
                for k, n in ((cut.work, cut.last - cut.first) for cut in self.cuts)
            ),
        )

    def restore(self, iterate: Iterate) -> Solution:
        return restore_solution(
            self.left,
            self.scales,
            self.links,
            self.cuts,
            x=iterate.x,
            multipliers=iterate.multipliers,
            iterates=iterate.pieces,
        )


def _lengths(out: Array, reach: float) -> tuple[float, float]:
    """Longest primal and dual step, at most 1, that keep the part ``reach`` of the way to the bounds."""
    return min(1.0, reach / max(float(out[0]), 1e-30)), min(1.0, reach / max(float(out[1]), 1e-30))
