"""What else would be nearly as cheap: the least and the most of each option within a slack of the least cost.

Modelling to generate alternatives: the cost becomes a budget, and each option in turn is made as small and as large as
the budget lets it. An option whose least is nothing can be avoided; one whose least is above that is needed.

Source: Brill, Chang and Hopkins (1982), doi 10.1287/mnsc.28.3.221; for power systems Neumann and Brown (2021),
doi 10.1016/j.epsr.2020.106690.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trainload.errors import Note, Problem, ScenarioError, SolverError
from trainload.plan.formulate import formulate
from trainload.plan.limits import Limits
from trainload.plan.orders import owner_name
from trainload.plan.plan import Plan
from trainload.plan.results import LEAST_ORDER_MW
from trainload.plan.solvers import TOLERANCE, choose_solver
from trainload.solve.check import check_solution
from trainload.solve.lumpy import relax_units
from trainload.solve.program import Program, Solution
from trainload.supply.options import Option

MOST_SLACK_FRAC = 1.0
SOLVED_MW, NEAR_FRAC = 0.05, 1e-6  # an extreme is known when its bound is that near


@dataclass(frozen=True, slots=True)
class Range:
    """What a plan within the slack may hold of an option, a gate, or all options of a carrier; MW in service.

    Attributes:
        kind: ``option``, ``gate`` or ``carrier``.
        cheapest_mw: the most that the cheapest plan has in service at a time.
        least_mw: of what it has in service at most, the least; for a carrier summed over its options.
        most_mw: the most that can stand from the day on which the cheapest plan is fully powered, or its own first day
            if later (a rental: in the period in which the cheapest plan has most of it); NaN for a gate or a carrier.
        avoid_frac: what the cheapest plan without it costs more, as a share of the least cost; zero where the cheapest
            plan has none, NaN where no plan that is known does without it.
    """

    owner: str
    label: str
    kind: str
    carrier: str
    cheapest_mw: float
    least_mw: float
    most_mw: float
    avoid_frac: float

    @property
    def avoidable(self) -> bool:
        """Whether a plan within the slack does without it."""
        return self.least_mw < LEAST_ORDER_MW


@dataclass(frozen=True, slots=True)
class Alternatives:
    """Ranges of every option and gate that can be in service, within a slack of the least cost.

    Attributes:
        cost_usd: the least cost, cash and shadow, present value, lumpy orders fractional.
        slack_frac: what a plan may cost more.
    """

    cost_usd: float
    slack_frac: float
    ranges: tuple[Range, ...]
    notes: tuple[Note, ...]


def find_alternatives(
    plan: Plan, *, slack_frac: float = 0.02, on_progress: Callable[[str, float | None], None] | None = None
) -> Alternatives:
    """Return the least and the most of each option within a slack of the least cost, and what can be avoided.

    Every extreme is a solve of the plan's own program, its reserve as found and its lumpy orders fractional, with the
    cost as a hard budget.

    Args:
        plan: relaxed (``make_plan(..., whole_units=False)``), of a world without limits.
        slack_frac: of the least cost.
        on_progress: called with a message and the share done.

    Raises:
        ScenarioError: the slack is not above 0 and at most 1.
        SolverError: an extreme can't be solved.
    """
    require_slack(slack_frac)
    tell = on_progress or (lambda _message, _share: None)
    search = _Search(plan, slack_frac)
    owners = [owner for owner in plan.formulation.world.supply.owners if search.columns(owner_name(owner))]
    carriers = _list_carriers([owner for owner in owners if isinstance(owner, Option)])
    ranges = []
    n_all = len(owners) + len(carriers)
    for n, owner in enumerate(owners):
        name = owner_name(owner)
        tell(f"the least and the most of {name}", n / n_all)
        held = search.cheapest(name)
        ranges.append(
            Range(
                owner=name,
                label=owner.label,
                kind="option" if isinstance(owner, Option) else "gate",
                carrier=owner.carrier if isinstance(owner, Option) else "",
                cheapest_mw=held,
                least_mw=search.least([name]),
                most_mw=search.most(owner) if isinstance(owner, Option) else float("nan"),
                avoid_frac=search.avoid([name]),
            )
        )
    for n, (carrier, names) in enumerate(carriers.items(), start=len(owners)):
        tell(f"the least of {carrier}, all options together", n / n_all)
        ranges.append(
            Range(
                owner=f"carrier:{carrier}",
                label=f"all {carrier}",
                kind="carrier",
                carrier=carrier,
                cheapest_mw=sum(search.cheapest(name) for name in names),
                least_mw=search.least(names),
                most_mw=float("nan"),
                avoid_frac=search.avoid(names),
            )
        )
    return Alternatives(plan.check.objective, slack_frac, tuple(ranges), tuple(search.notes))


def require_slack(slack_frac: float) -> None:
    """Raise `ScenarioError` where a slack means nothing."""
    if not 0.0 < slack_frac <= MOST_SLACK_FRAC:
        problem = Problem("--slack", "must be more than 0 and at most 100 %", f"{slack_frac:%}")
        raise ScenarioError("alternatives", problem)


def _list_carriers(options: Sequence[Option]) -> dict[str, list[str]]:
    """Return the options of each carrier that has several which power or match the campus."""
    carriers: dict[str, list[str]] = {}
    for option in options:
        carriers.setdefault(option.carrier, []).append(option.option)
    return {carrier: names for carrier, names in carriers.items() if len(names) > 1}


class _Search:
    """Extremes of one plan's program under a budget on its cost."""

    def __init__(self, plan: Plan, slack_frac: float) -> None:
        self.world, self.cost_usd, self.slack_frac = plan.formulation.world, plan.check.objective, slack_frac
        self.budget_usd = self.cost_usd + slack_frac * abs(self.cost_usd)
        self.full_from = int(np.argmax(plan.powered_mw >= plan.powered_mw.max() - LEAST_ORDER_MW))
        self.notes: list[Note] = []
        self._standing = dict(zip(plan.formulation.program.border.names, plan.solution.columns, strict=True))
        self._avoided: dict[tuple[str, ...], float] = {}

    def columns(self, owner: str) -> list[int]:
        """Return the periods in which an owner can be in service."""
        return [m for m in range(len(self.world.periods)) if f"cap[{owner},{m}]" in self._standing]

    def cheapest(self, owner: str) -> float:
        """Return the most that the cheapest plan has in service at a time, MW; crumbs are nothing."""
        most = max(float(self._standing[f"cap[{owner},{m}]"]) for m in self.columns(owner))
        return most if most >= LEAST_ORDER_MW else 0.0

    def least(self, owners: Sequence[str]) -> float:
        """Return the least sum over the owners of what each has in service at most, MW."""
        if self.avoid(owners) <= self.slack_frac:
            return 0.0
        program = self._state(Limits(cost_usd=self.budget_usd, most_mw=dict.fromkeys(owners, 0.0)))
        aim = {f"over[most_mw:{owner}]": 1.0 for owner in owners}
        return max(self._solve(aim_at(program, aim)).objective, 0.0)

    def most(self, option: Option) -> float:
        """Return the most that can be in service, MW; not what is had for the last month and its salvage value."""
        span = self.columns(option.option)
        period = min(max(span[0], self.full_from), span[-1])
        if option.bridge:
            period = max(span, key=lambda m: (round(float(self._standing[f"cap[{option.option},{m}]"]), 3), -m))
        program = self._state(Limits(cost_usd=self.budget_usd))
        return -self._solve(aim_at(program, {f"cap[{option.option},{period}]": -1.0})).objective

    def avoid(self, owners: Sequence[str]) -> float:
        """Return what the cheapest plan without the owners costs more, as a share; NaN where none does without."""
        key = tuple(owners)
        if key not in self._avoided:
            self._avoided[key] = self._cost_without(owners)
        return self._avoided[key]

    def _cost_without(self, owners: Sequence[str]) -> float:
        if all(self.cheapest(owner) == 0.0 for owner in owners):
            return 0.0
        families = ("build", "cap", "end")
        closed = {f"{family}[{owner},{m}]" for family in families for owner in owners for m in self.columns(owner)}
        solution = self._answer(close_columns(self._state(Limits()), closed))
        if solution.status == "infeasible":
            return float("nan")
        return max(solution.objective - self.cost_usd, 0.0) / max(abs(self.cost_usd), 1.0)

    def _state(self, limits: Limits) -> Program:
        return relax_units(formulate(replace(self.world, limits=limits)).program)

    def _solve(self, program: Program) -> Solution:
        solution = self._answer(program)
        if solution.status not in ("optimal", "feasible"):
            raise SolverError("alternatives", f"an extreme can't be solved ({solution.status}): {solution.message}")
        return solution

    def _answer(self, program: Program) -> Solution:
        """Return the chain's answer where its bound is near enough for a planner, else that of the usual solvers."""
        settings = self.world.scenario.plan
        if settings.solver != "highs":
            from trainload.solve.chain import fits_chain, solve_chain  # noqa: PLC0415  (loads the compiler)

            if fits_chain(program) is None:
                solution = solve_chain(program, time_limit_seconds=settings.time_limit_seconds)
                if solution.status == "infeasible":
                    return solution
                check = check_solution(program, solution)
                near = check.objective - check.bound <= max(SOLVED_MW, NEAR_FRAC * abs(check.objective))
                if near and check.residual <= TOLERANCE:
                    return solution
        solve = choose_solver(program, settings.solver, self.notes, time_limit_seconds=settings.time_limit_seconds)
        return solve(program)


def aim_at(program: Program, aim: Mapping[str, float]) -> Program:
    """Return the program that minimises the named border columns alone; the slack of every other limit is closed."""
    index = {name: i for i, name in enumerate(program.border.names)}
    cost = np.zeros_like(program.border.cost)
    for name, weight in aim.items():
        cost[index[name]] = weight
    others = {name for name in program.border.names if name.startswith("over[") and name not in aim}
    bare = tuple(replace(block, flow_cost=np.zeros_like(block.flow_cost)) for block in program.blocks)
    return close_columns(replace(program, border=replace(program.border, cost=cost), blocks=bare), others)


def close_columns(program: Program, names: set[str]) -> Program:
    """Return the program with the named border columns held at zero."""
    closed = np.array([name in names for name in program.border.names])
    border = program.border
    return replace(
        program,
        border=replace(border, lower=np.where(closed, 0.0, border.lower), upper=np.where(closed, 0.0, border.upper)),
    )
