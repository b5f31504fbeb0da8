"""Whole units: lumpy columns of a program as whole multiples of their unit, with a proven gap.

The relaxed program and every program with fixed units are linear and go to the caller's solver. Their duals give cuts:
Lagrangian functions of the border columns that lie below the cost of operation wherever the columns stand. A small
integer master over the border (HiGHS) holds the cuts; its optimum is a bound, and the point nearest to the best plan
that the cuts still allow to be clearly better is the next to try (a level method, so that the points do not jump).

Source: Benders (1962), doi 10.1007/BF01386316; level method: Lemaréchal, Nemirovskii, Nesterov (1995),
doi 10.1007/BF01585555.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from trainload.solve.check import check_solution
from trainload.solve.lumpy import fix_columns, relax_units
from trainload.solve.master import Master
from trainload.solve.program import Array, Program, Solution
from trainload.solve.validate import validate_program

LEVEL = 0.3
"""Where between bound and incumbent the next point is sought: 0 = at the bound, as in Benders; 1 = at the incumbent."""
RESIDUAL = 1e-6
"""Largest relative residual of a plan that counts as an incumbent."""
MASTER_SLACK = 1e-7
"""Share by which the master's bound is lowered for HiGHS's own tolerances."""


@dataclass(frozen=True, slots=True)
class UnitProgress:
    """Where the search stands after a solve."""

    seconds: float
    n_solves: int
    objective: float
    bound: float
    gap: float


def solve_whole_units(
    program: Program,
    solve: Callable[[Program], Solution],
    *,
    gap: float = 1e-3,
    time_limit_seconds: float = 600.0,
    on_progress: Callable[[UnitProgress], None] | None = None,
    relaxed: Solution | None = None,
    incumbent: Solution | None = None,
) -> Solution:
    """Return the best plan found with lumpy columns at whole multiples of their unit, and a proven bound.

    Args:
        program: where no column is lumpy, one call of ``solve`` answers.
        solve: solves a program without lumpy columns and returns duals with it; called with the relaxed program, then
            with fixed units.
        gap: (objective - bound) / max(1, |objective|) at which the search ends.
        time_limit_seconds: no new solve is started after this time, except the one that makes a first plan.
        on_progress: called after every solve and whenever the master has raised the bound.
        relaxed: the solution of ``relax_units(program)``, where the caller has it already.
        incumbent: a solution with whole units that the caller has already; the search starts from it.

    Returns:
        The solution at the best units, its ``bound`` proven by the relaxed program and the master; status ``optimal``
        where the gap is reached, else ``time_limit`` or ``feasible``; ``infeasible`` where no whole units fit.
        Ctrl-C ends the search with the best plan so far, where there is one.
    """
    validate_program(program, within_grammar=False)
    if not (program.border.unit > 0).any():
        return solve(program)
    search = _Search(program, solve, gap, time_limit_seconds, on_progress)
    try:
        search.run(relaxed, incumbent)
    except KeyboardInterrupt:
        if search.best is None:
            raise
        search.ended = "interrupted"
    return search.answer()


class _Search:
    """The state of one search: cuts, tried points, incumbent and bound."""

    def __init__(
        self,
        program: Program,
        solve: Callable[[Program], Solution],
        gap: float,
        time_limit_seconds: float,
        on_progress: Callable[[UnitProgress], None] | None,
    ) -> None:
        self.started = time.perf_counter()
        self.program, self.solve, self.gap = program, solve, gap
        self.time_limit_seconds, self.on_progress = time_limit_seconds, on_progress
        self.lumpy = np.flatnonzero(program.border.unit > 0)
        self.unit = program.border.unit[self.lumpy]
        self.master = Master(program)
        self.tried: dict[tuple[int, ...], float] = {}
        self.tried_late = False
        self.best: Solution | None = None
        self.root: Solution | None = None
        self.bound, self.n_solves, self.n_iterations = -np.inf, 0, 0
        self.build_seconds = self.solver_seconds = 0.0
        self.ended: Literal["gap", "time", "exhausted", "infeasible", "interrupted"] = "exhausted"

    def seconds(self) -> float:
        return time.perf_counter() - self.started

    def seconds_per_solve(self) -> float:
        return self.solver_seconds / max(1, self.n_solves)

    def objective(self) -> float:
        return self.best.objective if self.best is not None else np.inf

    def is_closed(self) -> bool:
        return self.best is not None and self.objective() - self.bound <= self.gap * max(1.0, abs(self.objective()))

    def run(self, relaxed: Solution | None, incumbent: Solution | None) -> None:
        root = relaxed
        if root is None:
            root = self._solve(relax_units(self.program))
        self.root = root
        self.bound = root.bound
        self._report()
        if root.status == "infeasible":
            self.ended = "infeasible"
            return
        self.master.add_cuts(root)
        if incumbent is not None:
            self._take(incumbent, self.program)
            self._report()
        centre = root.columns if np.isfinite(root.columns).all() else None
        while True:
            point = self._next_point(centre)
            if point is None:
                return
            late = self.seconds() > self.time_limit_seconds
            if late and (self.best is not None or self.tried_late):
                self.ended = "time"
                return
            self.tried_late = late
            self._try(point)
            self._report()
            if self.is_closed():
                self.ended = "gap"
                return
            centre = self.best.columns if self.best is not None else centre

    def _next_point(self, centre: Array | None) -> Array | None:
        """Return the border columns to try next, or None where the search has ended (``ended`` says why)."""
        seconds = max(1.0, min(0.2 * self.time_limit_seconds, self.time_limit_seconds - self.seconds()))
        # the nearest point is a guess: not worth much longer than what it saves, a solve
        brief = min(seconds, max(1.0, 2.0 * self.seconds_per_solve()))
        if self.best is None and centre is not None and not self.tried:
            # the whole units nearest to the relaxed plan, not column by column but with what they add up to
            near = self.master.nearest(centre, np.inf, brief)
            if near is not None:
                return near
        lowest = self._lowest(seconds, self._master_gap())
        if lowest is not None and self._key(lowest) in self.tried and not self.is_closed():
            lowest = self._lowest(seconds, 1e-9)
        if self.is_closed():
            self.ended = "gap"
            return None
        if self.ended == "infeasible":
            return None
        if self.best is not None and centre is not None and np.isfinite(self.bound):
            level = self.bound + LEVEL * (self.objective() - self.bound)
            near = self.master.nearest(centre, level, brief)
            if near is not None and self._key(near) not in self.tried:
                return near
        if lowest is None or self._key(lowest) in self.tried:
            # a point tried is one where the cuts are exact: within the tolerances nothing better is left
            self.ended = "time" if lowest is None else "exhausted"
            return None
        return lowest

    def _master_gap(self) -> float:
        """Return how exactly the master is solved: a fraction of the gap there is, and of the gap wanted at the end."""
        if self.best is None:
            return self.gap
        there_is = (self.objective() - self.bound) / max(1.0, abs(self.objective()))
        return float(np.clip(0.2 * there_is, 0.1 * self.gap, 0.01)) if np.isfinite(there_is) else self.gap

    def _lowest(self, seconds: float, gap: float) -> Array | None:
        """Solve the master: raise the bound and return its best point."""
        status, bound, point = self.master.lowest(seconds, gap)
        if status == "Infeasible":
            # with a plan in hand: every other combination is excluded
            self.ended = "infeasible" if self.best is None else "exhausted"
            return None
        lowered = bound - MASTER_SLACK * max(1.0, abs(bound))
        if lowered > self.bound:
            self.bound = lowered
            self._report()
        return point

    def _key(self, point: Array) -> tuple[int, ...]:
        return tuple(int(k) for k in np.round(point[self.lumpy] / self.unit))

    def _try(self, point: Array) -> None:
        key = self._key(point)
        fixed = fix_columns(self.program, self.lumpy, np.array(key) * self.unit)
        solution = self._solve(fixed)
        self.tried[key] = np.inf
        self._take(solution, fixed)
        if not np.isfinite(self.tried[key]):
            self.master.exclude(np.array(key))

    def _take(self, solution: Solution, program: Program) -> None:
        """Learn from a solution of the program with these units: a cut, and a plan where it keeps every rule."""
        if np.isfinite(solution.objective) and np.isfinite(solution.columns).all():
            check = check_solution(program, solution)
            if np.nanmax([check.residual, check.whole_error]) <= RESIDUAL:
                self.tried[self._key(solution.columns)] = check.objective
                if check.objective < self.objective():
                    self.best = replace(solution, objective=check.objective)
        self.master.add_cuts(solution)

    def _solve(self, program: Program) -> Solution:
        started = time.perf_counter()
        solution = self.solve(program)
        self.n_solves += 1
        self.n_iterations += solution.n_iterations
        self.build_seconds += solution.build_seconds
        self.solver_seconds += time.perf_counter() - started
        return solution

    def _report(self) -> None:
        if self.on_progress is not None:
            objective = self.objective()
            gap = (objective - self.bound) / max(1.0, abs(objective)) if np.isfinite(objective) else np.inf
            self.on_progress(UnitProgress(self.seconds(), self.n_solves, objective, self.bound, gap))

    def answer(self) -> Solution:
        """Return the incumbent with the proven bound, or the relaxed solution's shell where there is no plan."""
        found = self.best if self.best is not None else self.root
        assert found is not None
        bound = min(self.bound, self.objective())
        relative = (self.objective() - bound) / max(1.0, abs(self.objective())) if self.best is not None else np.inf
        status: Literal["optimal", "feasible", "time_limit", "infeasible", "failed"]
        if self.best is None:
            status = "infeasible" if self.ended == "infeasible" else "failed"
        elif self.is_closed():
            status = "optimal"
        else:
            status = "time_limit" if self.ended == "time" else "feasible"
        text = f"{len(self.lumpy)} lumpy columns, {self.n_solves} solves, gap {relative:.1e}, ended by {self.ended}"
        if self.best is None:
            found = replace(found, objective=np.inf, columns=np.full_like(found.columns, np.nan))
        return replace(
            found,
            solver=f"whole_units({found.solver})",
            status=status,
            bound=bound,
            build_seconds=self.build_seconds,
            solve_seconds=self.seconds() - self.build_seconds,
            n_iterations=self.n_iterations,
            message=f"{text}; last solve: {found.message}" if found.message else text,
        )
