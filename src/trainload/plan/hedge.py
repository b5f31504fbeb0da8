"""The hedge: orders that are cheapest over scenarios of lead times, what hedging is worth, and what knowing would be.

A stage over a deterministic plan: it reduces the schedule's draws to a few weighted scenarios, shares the orders
between them, replays the deterministic plan's orders in the same scenarios, and solves again with some of the future
known. The hedged orders are then held in the plan's own world, so that the ordinary tables describe a plan that can be
followed.

Source: Birge and Louveaux, Introduction to Stochastic Programming (2nd ed.), chapter 4: value of the stochastic
solution and expected value of perfect information.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trainload.errors import Note
from trainload.plan.energisation import DatedOrder
from trainload.plan.hedge_program import (
    CasePart,
    LeadCase,
    is_lumpy,
    link_case,
    make_case,
    require_least_orders,
    state_shared,
)
from trainload.plan.hedge_values import (
    Outcome,
    bound_costs,
    solve_known,
    solve_shared,
    weigh_outcome,
)
from trainload.plan.limits import NO_LIMITS
from trainload.plan.orders import owner_name
from trainload.plan.plan import Plan
from trainload.plan.results import LEAST_ORDER_MW
from trainload.plan.sampling import sample_weeks
from trainload.plan.settle import required_reserve
from trainload.plan.solvers import Progress
from trainload.plan.world import HeldOrders, World, find_first_periods, find_first_powered
from trainload.scenario.models import PlanSettings
from trainload.solve.program import Border, Solution
from trainload.supply.options import Option
from trainload.supply.scenarios import LeadScenarios, reduce_leads
from trainload.supply.schedule import Schedule

Array = NDArray[np.float64]
MOST_STEPS = 3
SIDE_SHARE = 0.02
"""How much a MW of an option that the deterministic plan leaves out counts where draws are told apart."""


@dataclass(frozen=True, slots=True)
class StepValue:
    """What it is worth to know, before the first order, whether a step will be short or long."""

    step: str
    value_usd: float


@dataclass(frozen=True, slots=True)
class Hedge:
    """Hedged orders, with what they cost beside other policies in the same scenarios.

    Attributes:
        scenarios: the reduced lead times.
        base: world of the deterministic plan, operated on the hedge's hours, with the options that are looked at.
        planned: the case of the plan's own lead times.
        parts: one scenario's program each.
        hedged: the shared orders (RP).
        replayed: the deterministic plan's orders and chips in the same scenarios (EEV).
        rescheduled: the deterministic plan's orders with the chips' dates hedged.
        known_usd: (S,) each scenario's cost with its lead times known in advance (WS).
        relaxed_usd: the hedge without whole units, the basis of what knowing is worth.
        steps: value of knowing single steps, most important first.
        settings: of the plan.
    """

    scenarios: LeadScenarios
    base: World
    planned: LeadCase
    parts: tuple[CasePart, ...]
    hedged: Outcome
    replayed: Outcome
    rescheduled: Outcome
    known_usd: Array
    relaxed_usd: float
    steps: tuple[StepValue, ...]
    settings: PlanSettings
    notes: tuple[Note, ...]

    @property
    def value_of_hedging_usd(self) -> float:
        """Replayed less hedged: the value of the stochastic solution."""
        return self.replayed.objective_usd - self.hedged.objective_usd

    @property
    def value_of_knowing_usd(self) -> float:
        """Hedged less known in advance, both without whole units: the expected value of perfect information."""
        return float(self.relaxed_usd - weigh_outcome(self.known_usd, self.scenarios.weights, self.settings))


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
        steps.append(StepValue(step, max(relaxed_usd - told.relaxed_usd, 0.0)))
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


def hold_orders(hedge: Hedge, world: World) -> World:
    """Return the plan's own world with the hedged orders held, as they arrive at its lead times.

    What arrives is in service at once, or as soon as its gates carry it.
    """
    n_periods = len(world.periods)
    arriving: dict[str, Array] = {}
    for order in list_orders(hedge, hedge.hedged.shared):
        q = _period_of(world, order)
        m = int(hedge.planned.arrives[order.owner][q])
        if m < n_periods:
            arriving.setdefault(order.owner, np.zeros(n_periods))[m] += order.mw
    open_from = {}
    for owner in hedge.base.supply.owners:
        name = owner_name(owner)
        arrives = hedge.planned.arrives[name]
        if not is_lumpy(owner, world) and arrives[0] < n_periods:
            open_from[name] = int(arrives[arrives[0]])
    delivered = np.array([hedge.hedged.shared.get(f"delivered[{m}]", 0.0) for m in range(n_periods)])
    most = {name: np.cumsum(mw) for name, mw in arriving.items()}
    return replace(world, held=HeldOrders(most, _commission(hedge, most), open_from, delivered + 1e-6))


def _commission(hedge: Hedge, arrived: Mapping[str, Array]) -> dict[str, Array]:
    """Return (M,) MW that can be in service by each period: what has arrived, behind gates that have arrived.

    Gates are given to options in their order; what a rental frees when it leaves is not counted.
    """
    n_periods = len(hedge.base.periods)
    nothing = np.zeros(n_periods)
    ready = {g.gate: arrived.get(g.gate, nothing) for g in hedge.base.supply.gates}
    left = {gate: mw.copy() for gate, mw in ready.items()}
    for option in hedge.base.supply.options:
        if option.option not in arrived:
            continue
        able = np.minimum.reduce([arrived[option.option], *(left[gate] for gate in option.gates)])
        # room behind a gate may shrink as others take it: what is in service stays
        able = np.minimum.accumulate(able[::-1])[::-1]
        if is_lumpy(option, hedge.base):
            able = np.floor(able / option.unit_mw + 1e-6) * option.unit_mw
        ready[option.option] = able
        for gate in option.gates:
            left[gate] = left[gate] - able
    return ready


def list_orders(hedge: Hedge, shared: Mapping[str, float]) -> list[DatedOrder]:
    """Return the shared orders of half a megawatt and more in all of their owner, by owner and date."""
    periods, units = (
        hedge.base.periods,
        {owner_name(o): o.unit_mw for o in hedge.base.supply.owners if is_lumpy(o, hedge.base)},
    )
    found: dict[str, list[DatedOrder]] = {}
    for name, value in shared.items():
        family, _, rest = name.rstrip("]").partition("[")
        owner, _, q = rest.rpartition(",")
        if family != "order":
            continue
        mw = round(value / units[owner]) * units[owner] if owner in units else value
        if mw >= 0.01:
            found.setdefault(owner, []).append(DatedOrder(owner, periods[int(q)].starts_on, float(mw)))
    return [o for orders in found.values() if sum(i.mw for i in orders) >= LEAST_ORDER_MW for o in orders]


def list_reorders(hedge: Hedge, outcome: Outcome) -> list[DatedOrder]:
    """Return what single scenarios order again once a lead time is known, on the first day of the latest period."""
    found = []
    for k, (item, values) in enumerate(zip(hedge.parts, outcome.parts, strict=True)):
        names = {name: i for i, name in enumerate(item.part.program.border.names)}
        for owner in hedge.base.supply.owners:
            name, arrives = owner_name(owner), item.case.arrives[owner_name(owner)]
            if is_lumpy(owner, hedge.base) or arrives[0] >= len(arrives):
                continue
            left = 0.0
            for m in range(len(arrives)):
                build = names.get(f"build[{name},{m}]")
                shared = sum(outcome.shared.get(f"order[{name},{q}]", 0.0) for q in np.flatnonzero(arrives == m))
                left += shared
                built = 0.0 if build is None else float(values.columns[build])
                extra, left = max(built - left, 0.0), max(left - built, 0.0)
                placed = np.flatnonzero(arrives == m)
                if extra >= LEAST_ORDER_MW and len(placed) and placed[-1] >= arrives[0]:
                    found.append(DatedOrder(name, hedge.base.periods[int(placed[-1])].starts_on, extra, k))
    return found


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


def _period_of(world: World, order: DatedOrder) -> int:
    return next(p.index for p in world.periods if p.starts_on == order.order_on)


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
