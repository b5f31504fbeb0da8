"""What orders cost over scenarios of lead times: hedged, replayed, and with some of the future known.

Each answer is one joined program: `solve_shared` with all scenarios in one group is the hedge (RP), with orders held it
is their replay (EEV); with each scenario on its own all is known in advance (WS); groups of scenarios that agree on one
step's outcome say what it is worth to know that step's date.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from trainload.errors import Note
from trainload.hedge.program import CasePart
from trainload.plan.solvers import choose_solver, demand_answer
from trainload.scenario.models import PlanSettings
from trainload.solve.join import Part, Tail, join_programs, weigh_costs
from trainload.solve.lumpy import fix_columns, relax_units
from trainload.solve.program import Border, Solution
from trainload.solve.whole_units import solve_whole_units

Array = NDArray[np.float64]
Groups = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Shared decisions and what they come to.

    Attributes:
        objective_usd: present cost, weighed by the settings' measure of risk.
        bound_usd: proven lower bound on the objective.
        costs_usd: (S,) present cost of each scenario.
        idle_usd: (S,) price (b) of idle delivered chips in it.
        relaxed_usd: objective without whole units.
        shared: order and delivery columns by name, of the first group.
        parts: each scenario's values, its own columns first.
    """

    objective_usd: float
    bound_usd: float
    costs_usd: Array
    idle_usd: Array
    relaxed_usd: float
    shared: Mapping[str, float]
    parts: tuple[Solution, ...]

    @property
    def gap(self) -> float:
        return (self.objective_usd - self.bound_usd) / max(1.0, abs(self.objective_usd))


def solve_shared(
    parts: Sequence[CasePart],
    shared: Border,
    settings: PlanSettings,
    notes: list[Note],
    *,
    groups: Groups | None = None,
    held: Mapping[str, float] | None = None,
    open_family: str | None = None,
    cost_box: tuple[float, float] | None = None,
    whole_units: bool = False,
) -> Outcome:
    """Return the cheapest decisions shared within groups of scenarios.

    Args:
        parts: every scenario, linked to the shared columns.
        shared: columns that the scenarios of a group have in common.
        settings: solver, measure of risk, gap and time limit.
        notes: what the reader should know is added here.
        groups: indices of scenarios that share; all in one group by default.
        held: shared columns that are decided already, by name; those not named are zero.
        open_family: family of shared columns that is not held, such as ``delivered``.
        cost_box: bounds on any scenario's cost; needed where the settings weigh the tail.
        whole_units: True makes lumpy orders whole, within the settings' gap or time limit.

    Raises:
        SolverError: if no solution can be used.
    """
    groups = [range(len(parts))] if groups is None else groups
    if sorted(k for members in groups for k in members) != list(range(len(parts))):
        raise ValueError(f"groups must hold each of {len(parts)} scenarios once, got {groups}")
    tail = None
    if held is not None and open_family is None:
        groups = [[k] for k in range(len(parts))]
    elif settings.cvar_weight_frac > 0 and len(parts) > 1 and cost_box is not None:
        tail = Tail(settings.cvar_weight_frac, settings.cvar_tail_frac, *cost_box)
    if tail is None and len(groups) > 1:
        # nothing ties the groups together: each is a program of its own
        found = [
            solve_shared([parts[k] for k in g], shared, settings, notes, held=held, whole_units=whole_units)
            for g in groups
        ]
        return _merge_outcomes(found, groups, parts, settings)
    joined = join_programs(_copy_links(parts, shared, groups), _copy_border(shared, len(groups)), tail=tail)
    program = joined.program
    if held is not None:
        fixed = [i for i, name in enumerate(shared.names) if name.partition("[")[0] != open_family]
        values = np.array([held.get(shared.names[i], 0.0) for i in fixed])
        program = fix_columns(program, np.array(fixed, dtype=np.int64), values)
    # the limit is meant for one plan; this is one for every scenario at once
    seconds = settings.time_limit_seconds * len(parts)
    solver = choose_solver(program, settings.solver, notes, time_limit_seconds=seconds)
    relaxed = demand_answer(program, solver(relax_units(program)))
    solution = relaxed
    if whole_units and (program.border.unit > 0).any():
        limit = settings.time_limit_seconds
        whole = solve_whole_units(program, solver, gap=settings.mip_gap_frac, time_limit_seconds=limit, relaxed=relaxed)
        solution = demand_answer(program, whole)
    taken = tuple(joined.take_part(solution, k) for k in range(len(parts)))
    values = joined.shared_columns(solution)[: len(shared.names)]
    weights = np.array([item.part.weight for item in parts])
    outcome = _weigh_parts(
        taken, parts, settings, bound_usd=solution.bound / (1.0 if tail is not None else weights.sum())
    )
    relaxed_usd = relaxed.objective / (1.0 if tail is not None else weights.sum())
    return replace(
        outcome, relaxed_usd=relaxed_usd, shared=dict(zip(shared.names, (float(v) for v in values), strict=True))
    )


def _weigh_parts(
    taken: tuple[Solution, ...], parts: Sequence[CasePart], settings: PlanSettings, *, bound_usd: float
) -> Outcome:
    costs = np.array([item.objective for item in taken])
    objective = weigh_outcome(costs, np.array([item.part.weight for item in parts]), settings)
    return Outcome(
        objective_usd=objective,
        bound_usd=min(bound_usd, objective),
        costs_usd=costs,
        idle_usd=np.array([measure_extra(*pair, "idle_chips") for pair in zip(parts, taken, strict=True)]),
        relaxed_usd=objective,
        shared={},
        parts=taken,
    )


def _merge_outcomes(
    found: Sequence[Outcome], groups: Groups, parts: Sequence[CasePart], settings: PlanSettings
) -> Outcome:
    """Return the outcome of groups that were solved apart."""
    by_part = {k: o.parts[i] for o, g in zip(found, groups, strict=True) for i, k in enumerate(g)}
    weights = np.array([sum(parts[k].part.weight for k in g) for g in groups])
    taken = tuple(by_part[k] for k in range(len(parts)))
    bound = float(weights @ [o.bound_usd for o in found] / weights.sum())
    outcome = _weigh_parts(taken, parts, settings, bound_usd=bound)
    relaxed = float(weights @ [o.relaxed_usd for o in found] / weights.sum())
    return replace(outcome, relaxed_usd=relaxed, shared=found[0].shared)


def solve_known(
    parts: Sequence[CasePart], shared: Border, settings: PlanSettings, notes: list[Note]
) -> tuple[Array, tuple[Solution, ...]]:
    """Return (S,) each scenario's cost with its lead times known in advance, and how; units relaxed.

    A scenario alone is its own program: chips come with their power and orders on the day that suits it. Where
    something must be ordered whatever it costs the shared rows say so, and each scenario is solved with them.
    """
    costs, solutions = [], []
    for item in parts:
        if shared.row_names and any(name.startswith("ordered_min") for name in shared.row_names):
            outcome = solve_shared([item], shared, settings, notes)
            costs.append(outcome.objective_usd)
            solutions.append(outcome.parts[0])
            continue
        program = relax_units(item.case.formulation.program)
        solver = choose_solver(program, settings.solver, notes, time_limit_seconds=settings.time_limit_seconds)
        solution = demand_answer(program, solver(program))
        costs.append(solution.objective)
        solutions.append(solution)
    return np.array(costs), tuple(solutions)


def weigh_outcome(costs_usd: Array, weights: Array, settings: PlanSettings) -> float:
    """Return present USD of a distribution of costs by the settings' measure of risk."""
    if settings.cvar_weight_frac == 0:
        return weigh_costs(costs_usd, weights)
    return weigh_costs(costs_usd, weights, weight_frac=settings.cvar_weight_frac, tail_frac=settings.cvar_tail_frac)


def measure_extra(item: CasePart, values: Solution, term: str) -> float:
    """Return the present USD of one term of a scenario's extra ledger, such as ``idle_chips``."""
    own = values.columns[item.n_own :]
    return float(sum(t.usd_present * own[t.column] for t in item.extra.column_terms if t.term == term))


def _copy_border(shared: Border, n: int) -> Border:
    """Return the shared border n times side by side: one copy for each group that shares."""
    if n == 1:
        return shared
    eye = sparse.eye_array(n, format="csr")
    return replace(
        shared,
        names=tuple(f"g{g + 1}:{name}" for g in range(n) for name in shared.names),
        cost=np.tile(shared.cost, n),
        lower=np.tile(shared.lower, n),
        upper=np.tile(shared.upper, n),
        unit=np.tile(shared.unit, n),
        row_names=tuple(f"g{g + 1}:{name}" for g in range(n) for name in shared.row_names),
        matrix=sparse.csr_matrix(sparse.kron(eye, shared.matrix)),
        row_lower=np.tile(shared.row_lower, n),
        row_upper=np.tile(shared.row_upper, n),
    )


def _copy_links(parts: Sequence[CasePart], shared: Border, groups: Groups) -> list[Part]:
    """Return the parts, each linked to its own group's copy of the shared columns."""
    group_of = {k: g for g, members in enumerate(groups) for k in members}
    n = len(shared.names)
    linked = []
    for k, item in enumerate(parts):
        links = item.part.link_shared
        shape = (links.shape[0], n * len(groups))
        place = sparse.csr_matrix((links.data, links.indices + n * group_of[k], links.indptr), shape=shape)
        linked.append(replace(item.part, link_shared=place))
    return linked


def bound_costs(known_usd: Array, replayed_usd: float, weights: Array) -> tuple[float, float]:
    """Return a box that holds every scenario's cost at the hedge.

    No scenario does better than with all known. The mean is at most the objective, and that at most the replay's, so a
    scenario of weight p lies at most (replay - least) / p above the least.
    """
    least = float(known_usd.min())
    least -= 0.01 * abs(least)
    return least, least + 1.01 * max(replayed_usd - least, 1.0) / float(weights.min())
