"""The program of orders that are placed before their lead times are known: one operation per scenario, orders shared.

Symbols as in `plan.formulate`, with w for a scenario of lead times and q for the period on whose first day is ordered.

What is known when: an order is the same in every scenario until the first day on which its owner could have arrived in
that scenario; from then on the owner's lead time is known and it can be ordered again, seeing the scenario. Lumpy units
are never ordered again. When a rental is handed back, and all operation, sees the scenario.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from trainload.plan.draft import Draft
from trainload.plan.formulate import Formulation, formulate
from trainload.plan.ledger import Ledger
from trainload.plan.orders import largest_capacity, owner_name
from trainload.plan.periods import Period
from trainload.plan.world import World, find_first_periods
from trainload.solve.join import Part, extend_border
from trainload.solve.program import Border
from trainload.supply.options import Gate, Option
from trainload.units import HOURS_PER_YEAR

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LeadCase:
    """One scenario of lead times: its own program, and where an order of each period arrives in it.

    Attributes:
        arrives: (M,) by option and gate: period of arrival of an order on the first day of each period; M = never.
    """

    name: str
    weight: float
    formulation: Formulation
    arrives: Mapping[str, IntArray]

    @property
    def world(self) -> World:
        return self.formulation.world


@dataclass(frozen=True, slots=True)
class CasePart:
    """A scenario's program with what only the hedge needs in it, ready to be joined, and its extra ledger."""

    case: LeadCase
    part: Part
    extra: Ledger
    n_own: int  # columns of the scenario's own program; the extra ledger's columns follow


def make_case(world: World, *, name: str, weight: float, lead_months: Mapping[str, float]) -> LeadCase:
    """Return the scenario's case: the world with other lead times; what must be ordered is asked of shared orders."""
    options = tuple(replace(option, min_mw=0.0) for option in world.supply.options)
    moved = replace(
        world,
        supply=replace(world.supply, options=options),
        lead_months=dict(lead_months),
        first_period=find_first_periods(world.supply, world.periods, lead_months),
    )
    arrives = {
        owner_name(owner): find_arrivals(
            world.periods, lead_months[owner_name(owner)], first=moved.first_period[owner_name(owner)]
        )
        for owner in world.supply.owners
    }
    return LeadCase(name, weight, formulate(moved), arrives)


def find_arrivals(periods: Sequence[Period], lead_months: float, *, first: int) -> IntArray:
    """Return (M,) the period in which an order on the first day of each period arrives; M where it is after them all.

    Months are counted between first days, so that every period from `first` on is reached by some order.
    """
    start = periods[0].starts_on
    edges = np.array([(p.starts_on.year - start.year) * 12 + p.starts_on.month - start.month for p in periods])
    return np.asarray(np.maximum(np.searchsorted(edges, edges + lead_months - 1e-9), first), dtype=np.int64)


def state_shared(cases: Sequence[LeadCase], *, reorders: bool = True) -> Border:
    """order[i,q] <= max[i], whole units where lumpy; delivered[m] <= wanted[m]: what is decided before leads are known.

    delivered never falls while wanted does not: chips on site stay. What must be ordered is ordered by these columns.
    """
    draft, world = Draft(), cases[0].world
    n_periods = len(world.periods)
    for owner in world.supply.owners:
        name, upper = owner_name(owner), largest_capacity(owner, world)
        lumpy = owner.unit_mw if is_lumpy(owner, world) else 0.0
        # once its lead time is known in every scenario an order need not be shared: it can be placed again in each
        known = max(int(case.arrives[name][0]) for case in cases) if reorders and not lumpy else n_periods
        for q in range(min(max(known, 1), n_periods)):
            if upper > 0 and any(case.arrives[name][q] < n_periods for case in cases):
                draft.add_column(f"order[{name},{q}]", upper=upper, unit=lumpy)
    previous = None
    for m in range(n_periods):
        if not any(f"powered[{m}]" in case.formulation.program.border.names for case in cases):
            previous = None
            continue
        column = draft.add_column(f"delivered[{m}]", upper=float(world.wanted_mw[m]))
        if previous is not None and world.wanted_mw[m] >= world.wanted_mw[m - 1]:
            draft.add_row(f"delivered_kept[{m}]", {column: 1.0, previous: -1.0}, lower=0.0)
        previous = column
    return draft.finish()[0].border


def require_least_orders(shared: Border, world: World, leads: LeadCase) -> Border:
    """sum of order[i,q] >= min[i] over the orders that arrive within the horizon at the plan's own lead times."""
    draft = Draft(names=list(shared.names), index={name: i for i, name in enumerate(shared.names)})
    for option in world.supply.options:
        if option.min_mw <= 0:
            continue
        arriving = np.flatnonzero(leads.arrives[option.option] < len(world.periods))
        entries = {c: 1.0 for q in arriving if (c := draft.column(f"order[{option.option},{q}]")) is not None}
        if entries:
            least = min(option.min_mw, largest_capacity(option, world))
            draft.add_row(f"ordered_min[{option.option}]", entries, lower=least)
    draft.lower, draft.upper, draft.unit = [0.0] * len(shared.names), list(shared.upper), list(shared.unit)
    added = draft.finish()[0].border
    return replace(
        shared,
        row_names=(*shared.row_names, *added.row_names),
        matrix=sparse.csr_matrix(sparse.vstack([shared.matrix, added.matrix])),
        row_lower=np.concatenate([shared.row_lower, added.row_lower]),
        row_upper=np.concatenate([shared.row_upper, added.row_upper]),
    )


def is_lumpy(owner: Option | Gate, world: World) -> bool:
    """Return whether an owner is ordered in whole units."""
    return owner.unit_mw >= world.scenario.plan.unit_threshold_mw


def link_case(case: LeadCase, shared: Border, *, reorders: bool = True) -> CasePart:
    """State how a scenario depends on what is shared.

    - arrivals: build[i,m] = sum of order[i,q] arriving in m + wait[i,m-1] - wait[i,m] - cancel[i,m]; >= where it can
      have been ordered again since its lead time is known. What arrives before its gate waits, at its carrying cost.
    - chips: powered[m] + idle[m] = delivered[m]: power can't be used before its chips are there, and price (b) is paid
      on ``idle``, on top of price (a), which the scenario's own program pays on what is wanted and not powered.
    """
    world, border = case.world, case.formulation.program.border
    own = {name: i for i, name in enumerate(border.names)}
    place = {name: i for i, name in enumerate(shared.names)}
    extra, offset = Draft(), len(border.names)
    rows: list[tuple[str, dict[int, float], dict[int, float], float]] = []
    for owner in world.supply.owners:
        name, upper = owner_name(owner), largest_capacity(owner, world)
        costs = _cancel_costs(case, owner)
        again = _reorder_periods(case, owner) if reorders else frozenset()
        carrying, waiting = _carrying_costs(world, owner), None
        for m in range(len(world.periods)):
            ordered = {
                place[key]: 1.0
                for q in np.flatnonzero(case.arrives[name] == m)
                if (key := f"order[{name},{q}]") in place
            }
            build = own.get(f"build[{name},{m}]")
            entries = {} if build is None else {build: -1.0}
            if ordered:
                column = extra.add_column(f"cancel[{name},{m}]", upper=upper * len(ordered))
                entries[offset + column] = -1.0
                extra.charge("cancelled", name, column, year=world.periods[m].year, usd=costs[m], present=1.0)
            if waiting is not None:
                entries[waiting] = 1.0
            if (ordered or waiting is not None) and isinstance(owner, Option) and owner.gates:
                column = extra.add_column(f"wait[{name},{m}]", upper=2.0 * upper)
                waiting = offset + column
                entries[waiting] = -1.0
                extra.charge("waiting", name, column, year=world.periods[m].year, usd=carrying[m], present=1.0)
                if m == len(world.periods) - 1:
                    extra.charge("cancelled", name, column, year=world.periods[m].year, usd=costs[m], present=1.0)
            if entries and not (m in again and build is not None and len(entries) == 1):
                rows.append((f"arriving[{name},{m}]", ordered, entries, -np.inf if m in again else 0.0))
    price = world.idle.idle_chip_usd_per_mwh * world.it_peak_frac
    for m, period in enumerate(world.periods):
        delivered = place.get(f"delivered[{m}]")
        if delivered is None:
            continue
        idle = extra.add_column(f"idle[{m}]", upper=float(world.wanted_mw[m]))
        extra.charge(
            "idle_chips",
            "programme",
            idle,
            year=period.year,
            usd=price * period.n_hours,
            present=float(world.present[m]),
            group="shadow",
            quantity=period.n_hours * world.it_peak_frac,
            unit="MWh IT",
        )
        entries = {offset + idle: 1.0}
        if (powered := own.get(f"powered[{m}]")) is not None:
            entries[powered] = 1.0
        rows.append((f"chips[{m}]", {delivered: -1.0}, entries, 0.0))
    ledger = extra.finish()[1]
    program = extend_border(
        case.formulation.program,
        extra.names,
        cost=ledger.column_costs(len(extra.names)),
        upper=np.array(extra.upper),
    )
    part = Part(
        name=case.name,
        weight=case.weight,
        program=program,
        link_names=tuple(name for name, _, _, _ in rows),
        link_shared=_stack([entries for _, entries, _, _ in rows], len(shared.names)),
        link_own=_stack([entries for _, _, entries, _ in rows], len(program.border.names)),
        link_lower=np.array([lower for _, _, _, lower in rows]),
        link_upper=np.zeros(len(rows)),
    )
    return CasePart(case, part, ledger, offset)


def _reorder_periods(case: LeadCase, owner: Option | Gate) -> frozenset[int]:
    """Return the periods in which an order can arrive that was placed when the owner's lead time was known."""
    arrives, world = case.arrives[owner_name(owner)], case.world
    if is_lumpy(owner, world) or arrives[0] >= len(world.periods):
        return frozenset()
    return frozenset(int(m) for m in arrives[arrives[0] :])


def _carrying_costs(world: World, owner: Option | Gate) -> Array:
    """Return (M,) present USD of one MW that waits through a period: interest on its capital, or its rent."""
    if isinstance(owner, Gate):
        return np.zeros(len(world.periods))
    years = np.array([p.n_hours / HOURS_PER_YEAR for p in world.periods])
    months = np.array([p.n_months for p in world.periods])
    interest = owner.capex_usd_per_mw * owner.wacc_frac * years
    return np.asarray((interest + owner.rent_usd_per_mw_month * months) * world.present)


def _cancel_costs(case: LeadCase, owner: Option | Gate) -> Array:
    """Return (M,) present USD per MW that arrives and can't be used: it is paid all the same.

    Capital without salvage and the fixed cost or contract that follows; of a rental its shortest stay. So nothing is
    gained by ordering too much, and any orders have an answer in every scenario.
    """
    world, name = case.world, owner_name(owner)
    n_periods = len(world.periods)
    own = {column: i for i, column in enumerate(case.formulation.program.border.names)}
    builds = {own[f"build[{name},{m}]"]: m for m in range(n_periods) if f"build[{name},{m}]" in own}
    caps = {own[f"cap[{name},{m}]"]: m for m in range(n_periods) if f"cap[{name},{m}]" in own}
    capital, standing = np.full(n_periods, owner.capex_usd_per_mw * world.present[-1]), np.zeros(n_periods)
    capital[list(builds.values())] = 0.0
    for term in case.formulation.ledger.column_terms:
        if term.column in builds and term.term == "capital":
            capital[builds[term.column]] += term.usd_present
        elif term.column in caps and term.term in ("fixed", "rent", "contract", "settlement"):
            standing[caps[term.column]] += term.usd_present
    if isinstance(owner, Gate):
        return capital
    if owner.bridge:
        months = max(owner.min_stay_months, 1.0)
        return capital + owner.rent_usd_per_mw_month * months * world.present
    return capital + np.maximum(np.cumsum(standing[::-1])[::-1], 0.0)


def _stack(entries: Sequence[Mapping[int, float]], n_columns: int) -> sparse.csr_matrix:
    """Return the sparse matrix whose rows are given as column -> value."""
    starts = np.cumsum([0, *(len(row) for row in entries)])
    columns = np.array([c for row in entries for c in row], dtype=np.int64)
    values = np.array([v for row in entries for v in row.values()], dtype=float)
    return sparse.csr_matrix((values, columns, starts), shape=(len(entries), n_columns))
