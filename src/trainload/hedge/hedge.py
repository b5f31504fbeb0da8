"""The hedge: orders that are cheapest over scenarios of lead times, what hedging is worth, and what knowing would be.

A stage over a deterministic plan: it reduces the schedule's draws to a few weighted scenarios, shares the orders
between them, replays the deterministic plan's orders in the same scenarios, and solves again with some of the future
known. The hedged orders are then held in the plan's own world, so that the ordinary tables describe a plan that can be
followed.

Source: Birge and Louveaux, Introduction to Stochastic Programming (2nd ed.), chapter 4: value of the stochastic
solution and expected value of perfect information.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trainload.errors import Note
from trainload.hedge.orders import Hedge, StepValue
from trainload.hedge.program import (
    CasePart,
    LeadCase,
    link_case,
    make_case,
    require_least_orders,
    state_shared,
)
from trainload.hedge.values import (
    Outcome,
    bound_costs,
    solve_known,
    solve_shared,
)
from trainload.plan.limits import NO_LIMITS
from trainload.plan.orders import owner_name
from trainload.plan.plan import Plan
from trainload.plan.results import LEAST_ORDER_MW
from trainload.plan.sampling import sample_weeks
from trainload.plan.settle import required_reserve
from trainload.plan.solvers import Progress
from trainload.plan.world import World, find_first_periods, find_first_powered
from trainload.scenario.models import PlanSettings
from trainload.solve.program import Border, Solution
from trainload.supply.options import Option
from trainload.supply.scenarios import LeadScenarios, reduce_leads
from trainload.supply.schedule import Schedule

Array = NDArray[np.float64]
MOST_STEPS = 3
SIDE_SHARE = 0.02
"""How much a MW of an option that the deterministic plan leaves out counts where draws are told apart."""


def hedge_plan(plan: Plan, schedule: Schedule, *, on_progress: Progress | None = None) -> Hedge:
    """Return the hedge of a deterministic plan over ``plan.lead_scenarios`` scenarios of lead times.

    Args:
        plan: the plan at one percentile of the lead times.
        schedule: simulated lead times with their common factors.
        on_progress: called with a message and None.

    Raises:
        SolverError: if a program has no usable solution.
    """
    tell = on_progress or (lambda _message, _share: None)
    notes: list[Note] = []
    world = replace(plan.formulation.world, limits=NO_LIMITS)
    settings = world.scenario.plan
    if plan.formulation.world.limits != NO_LIMITS:
        notes.append(Note("plan.lead_scenarios", "limits and modes do not bind within scenarios.", "limit"))
    tell("reducing the draws of lead times", None)
    horizon = float(sum(p.n_months for p in world.periods))
    scenarios = reduce_leads(schedule, settings.lead_scenarios, importance=_rank_owners(plan), horizon_months=horizon)
    world = _choose_hours(world, scenarios)
    tell(f"solving {scenarios.n_scenarios} scenarios of lead times, each known in advance", None)
    parts, shared, known = _prepare(world, plan, scenarios, notes)
    base = parts[0].case.world
    planned = make_case(base, name="planned", weight=1.0, lead_months=world.lead_months)
    shared = require_least_orders(shared, world, planned)
    if shared.row_names and any(name.startswith("ordered_min") for name in shared.row_names):
        known, _ = solve_known(parts, shared, settings, notes)
    tell("replaying the deterministic plan's orders", None)
    decided = _read_orders(plan, planned, shared)
    replayed = solve_shared(parts, _keep_rows(shared), settings, notes, held=decided)
    box = bound_costs(known, replayed.objective_usd, scenarios.weights)
    tell("moving its chips' dates", None)
    chips = _keep_rows(shared, "delivered_kept")
    rescheduled = solve_shared(parts, chips, settings, notes, held=decided, open_family="delivered", cost_box=box)
    tell(f"sharing orders between {scenarios.n_scenarios} scenarios", None)
    hedged = solve_shared(parts, shared, settings, notes, cost_box=box, whole_units=True)
    relaxed_usd = hedged.relaxed_usd
    if settings.cvar_weight_frac > 0:
        # where only the worst scenarios weigh, the others are operated as it happens: operate each at its best
        best = solve_shared(parts, _keep_rows(shared), settings, notes, held=hedged.shared)
        hedged = replace(best, bound_usd=min(hedged.bound_usd, best.objective_usd), relaxed_usd=relaxed_usd)
    if hedged.objective_usd > rescheduled.objective_usd:
        notes.append(
            Note("plan.lead_scenarios", "no orders were found to beat the deterministic plan's; those stand.", "limit")
        )
        bound_usd = min(hedged.bound_usd, rescheduled.objective_usd)
        hedged = replace(rescheduled, bound_usd=bound_usd, relaxed_usd=relaxed_usd)
    steps: list[StepValue] = []
    seen: list[list[list[int]]] = []
    for step, months in _rank_steps(plan, schedule).items():
        groups = sorted(sorted(group) for group in _split_by(scenarios, months))
        # scenarios that tell one step from another no better than the last say nothing new
        if len(groups) < 2 or groups in seen or len(steps) >= MOST_STEPS:
            continue
        seen.append(groups)
        tell(f"what it is worth to know {step}", None)
        told = solve_shared(parts, shared, settings, notes, groups=groups, cost_box=box)
        steps.append(StepValue(step, max(float(relaxed_usd - told.relaxed_usd), 0.0)))
    notes += _describe(scenarios, hedged, settings)
    return Hedge(
        scenarios=scenarios,
        base=base,
        planned=planned,
        parts=parts,
        hedged=hedged,
        replayed=replayed,
        rescheduled=rescheduled,
        known_usd=known,
        relaxed_usd=relaxed_usd,
        steps=tuple(sorted(steps, key=lambda s: -s.value_usd)),
        settings=settings,
        notes=tuple(dict.fromkeys(notes)),
    )


def _rank_owners(plan: Plan) -> dict[str, float]:
    """Return how much a month of each option counts: MW that the plan orders of it, a little for what it leaves out."""
    world = plan.formulation.world
    wanted = float(world.wanted_mw.max(initial=0.0))
    ordered = _ordered_mw(plan.formulation.program.border, plan.solution)
    importance = {}
    for option in world.supply.options:
        least = SIDE_SHARE * min(option.max_mw, wanted) if option.powers_campus else 0.0
        importance[option.option] = max(ordered.get(option.option, 0.0) * (1.0 if option.powers_campus else 0.1), least)
    if not any(importance.values()):
        importance = dict.fromkeys(importance, 1.0)
    return importance


def _ordered_mw(border: Border, solution: Solution) -> dict[str, float]:
    ordered: dict[str, float] = {}
    for name, value in zip(border.names, solution.columns, strict=False):
        if name.startswith("build["):
            owner = name[6:].rpartition(",")[0]
            ordered[owner] = ordered.get(owner, 0.0) + float(value)
    return ordered


def _choose_hours(world: World, scenarios: LeadScenarios) -> World:
    """Return the world operated on few enough hours, from the first period that any scenario can power.

    Scenarios differ in when power is there, and weeks sampled once serve them all; the cost of hours is much the same
    in each, so that few of them suffice for the choice of orders.
    """
    first = len(world.periods) - 1
    leads = [{o: float(v[k]) for o, v in scenarios.lead_months.items()} for k in range(scenarios.n_scenarios)]
    for months in (*leads, world.lead_months):
        able = find_first_powered(
            world.supply, find_first_periods(world.supply, world.periods, months), len(world.periods)
        )
        first = min(first, max(able, int(np.argmax(world.wanted_mw > 0))))
    operated = min((m for block in world.blocks for m in block.periods), default=len(world.periods))
    hours = sum(len(block.hours) for block in world.blocks)
    if operated <= first and hours <= world.scenario.plan.scenario_hours:
        return world
    blocks, chains = sample_weeks(
        world.periods[first:], world.present[first:], world.profiles, n_hours=world.scenario.plan.scenario_hours
    )
    return replace(world, blocks=tuple(blocks), chains=tuple(chains))


def _prepare(
    world: World, plan: Plan, scenarios: LeadScenarios, notes: list[Note]
) -> tuple[tuple[CasePart, ...], Border, Array]:
    """Return the scenarios' programs, linked, over the options that matter, and their cost with all known.

    An option that neither the deterministic plan nor any scenario with its lead times known orders is left out of what
    is shared. Each scenario carries the reserve that its own best plan needs, the same in all that is compared.
    """
    cases = _make_cases(world, scenarios, [world.reserve_frac] * scenarios.n_scenarios)
    settings = world.scenario.plan

    def know(cases: list[LeadCase]) -> tuple[Array, tuple[Solution, ...]]:
        shared = state_shared(cases)
        return solve_known([link_case(case, shared) for case in cases], shared, settings, notes)

    known, solutions = know(cases)
    used = {o for o, mw in _ordered_mw(plan.formulation.program.border, plan.solution).items() if mw >= LEAST_ORDER_MW}
    for case, solution in zip(cases, solutions, strict=True):
        ordered = _ordered_mw(case.formulation.program.border, solution)
        used |= {owner for owner, mw in ordered.items() if mw >= 2 * LEAST_ORDER_MW}
    used |= {o.option for o in world.supply.options if o.min_mw > 0}
    options = tuple(o for o in world.supply.options if o.option in used) or world.supply.options
    behind = {gate for o in options for gate in o.gates}
    gates = tuple(g for g in world.supply.gates if g.gate in behind)
    left_out = [o.option for o in world.supply.options if o not in options and o.max_mw > 0]
    if left_out:
        text = "not shared, as no scenario would order them even with its lead times known: " + ", ".join(left_out)
        notes.append(Note("plan.lead_scenarios", text + ".", "assumption"))
    world = replace(world, supply=replace(world.supply, options=options, gates=gates))
    reserves = [world.reserve_frac] * scenarios.n_scenarios
    if world.scenario.rules.largest_unit_reserve:
        reserves = [
            np.maximum(world.reserve_frac, required_reserve(case.formulation, solution))
            for case, solution in zip(cases, solutions, strict=True)
        ]
    changed = left_out or any((r > world.reserve_frac + 1e-9).any() for r in reserves)
    if changed:
        cases = _make_cases(world, scenarios, reserves)
        known, _ = know(cases)
    shared = state_shared(cases)
    return tuple(link_case(case, shared) for case in cases), shared, known


def _make_cases(world: World, scenarios: LeadScenarios, reserves: list[Array]) -> list[LeadCase]:
    return [
        make_case(
            replace(world, reserve_frac=reserves[k]),
            name=f"w{k + 1}",
            weight=float(weight),
            lead_months={owner_name(o): float(scenarios.lead_months[owner_name(o)][k]) for o in world.supply.owners},
        )
        for k, weight in enumerate(scenarios.weights)
    ]


def _keep_rows(shared: Border, family: str | None = None) -> Border:
    """Return the shared columns with the rows of one family only: what is held satisfies rows only to rounding."""
    kept = [i for i, name in enumerate(shared.row_names) if name.partition("[")[0] == family]
    return replace(
        shared,
        row_names=tuple(shared.row_names[i] for i in kept),
        matrix=shared.matrix[kept],
        row_lower=shared.row_lower[kept],
        row_upper=shared.row_upper[kept],
    )


def _read_orders(plan: Plan, planned: LeadCase, shared: Border) -> dict[str, float]:
    """Return the deterministic plan's orders and chips as shared columns: each on the latest day that is in time."""
    world = plan.formulation.world
    columns = dict(zip(plan.formulation.program.border.names, plan.solution.columns, strict=True))
    upper = dict(zip(shared.names, shared.upper, strict=True))
    held: dict[str, float] = {}
    for owner in planned.world.supply.owners:
        name = owner_name(owner)
        for m in range(len(world.periods)):
            mw = float(columns.get(f"build[{name},{m}]", 0.0))
            in_time = np.flatnonzero(planned.arrives[name] <= m)
            if mw > 1e-3 and len(in_time):
                key = f"order[{name},{in_time[-1]}]"
                if key in upper:
                    held[key] = min(held.get(key, 0.0) + mw, upper[key])
    before = 0.0
    for m in range(len(world.periods)):
        key = f"delivered[{m}]"
        if key not in upper:
            before = 0.0
            continue
        grows = m == 0 or world.wanted_mw[m] >= world.wanted_mw[m - 1]
        before = max(float(columns.get(f"powered[{m}]", 0.0)), before if grows else 0.0)
        held[key] = min(before, upper[key])
    return held


def _rank_steps(plan: Plan, schedule: Schedule) -> dict[str, Array]:
    """Return the draws of the steps that move the plan's arrivals most: MW behind x how much they move the arrival."""
    score: dict[str, float] = {}
    months: dict[str, Array] = {}
    ordered = _ordered_mw(plan.formulation.program.border, plan.solution)
    for option in plan.formulation.world.supply.options:
        mw = ordered.get(option.option, 0.0)
        if mw < LEAST_ORDER_MW or not isinstance(option, Option) or not option.powers_campus:
            continue
        shares = schedule.critical_shares(option.option)
        for step, durations in schedule.step_months(option.option).items():
            key = step if step.startswith("gate:") else f"{option.option}.{step}"
            months[key] = durations
            score[key] = score.get(key, 0.0) + mw * shares.get(step, 0.0) * float(durations.std())
    ranked = sorted((key for key in score if score[key] > 0), key=lambda key: -score[key])
    return {key: months[key] for key in ranked}


def _split_by(scenarios: LeadScenarios, months: Array) -> list[list[int]]:
    """Return scenarios in two groups, or three where there are twelve and more: those in which the step is short, long.

    A scenario's outcome is the step's mean over the draws it stands for; the groups are about equally probable.
    """
    outcome = scenarios.mean_of(months)
    n_bins = 3 if scenarios.n_scenarios >= 12 else 2
    order = np.argsort(outcome, kind="stable")
    before = np.cumsum(scenarios.weights[order]) - 0.5 * scenarios.weights[order]
    bins = np.minimum((before * n_bins).astype(int), n_bins - 1)
    groups = [[int(k) for k in order[bins == b]] for b in range(n_bins)]
    return [group for group in groups if group]


def _describe(scenarios: LeadScenarios, hedged: Outcome, settings: PlanSettings) -> list[Note]:
    kept = f"{scenarios.spread_kept_frac:.0%} of the weighted spread of lead times lies between them"
    notes = [
        Note(
            "plan.lead_scenarios",
            f"{scenarios.n_scenarios} scenarios stand for all draws: a draw lies {scenarios.distance_months:.1f} "
            f"months from its scenario on average, {kept}; every mean lead time is kept.",
            "assumption",
        ),
        Note(
            "plan.lead_scenarios",
            "orders are shared until their owner's lead time is known; later orders, rentals' returns and operation "
            "see their scenario, which is slightly optimistic; chips are not put off once planned, which is "
            "pessimistic.",
            "assumption",
        ),
    ]
    if hedged.gap > max(settings.mip_gap_frac, 1e-5):
        text = f"the hedged orders are proven only within {hedged.gap:.2%} of the best possible."
        notes.append(Note("plan.lead_scenarios", text, "warning"))
    return notes
