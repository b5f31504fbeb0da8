"""The constraint families of a plan's limits, and what a plan measures against them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trainload.errors import Note, Problem, ScenarioError
from trainload.plan.delivery import powered_column
from trainload.plan.draft import Draft
from trainload.plan.hours import hourly_emission
from trainload.plan.limits import SLACK_UNIT
from trainload.plan.periods import find_period
from trainload.plan.world import World
from trainload.scenario.patch import suggest

LEAST_MISS_FRAC = 1e-6
TOTALS = ("unserved_mwh", "tco2", "cost_usd")


@dataclass(frozen=True, slots=True)
class Measures:
    """What a plan comes to in the units of `plan.limits.Limits`."""

    unpowered_mwh: float
    unserved_mwh: float
    tco2: float
    cost_usd: float


def state_limits(draft: Draft, world: World) -> None:
    """measure - over <= limit: what a mode, a front or a search for alternatives holds the plan to, over the horizon.

    Border rows: unpowered MW times hours; full power from a day on; MW of an option in any period (at most) or in the
    last (at least). Totals over all hours: unserved MWh, tCO2, and the present value of all terms. The slack of each is
    priced far above what anything worth having costs, so that a limit comes before money and never ends a run; with a
    limit of zero that can't be reached the plan is as near to it as any can be.
    """
    limits = world.limits
    if not limits:
        return
    _require_options(world)
    hours = {m: float(p.n_hours) for m, p in enumerate(world.periods)}
    wanted = sum(hours[m] * float(world.wanted_mw[m]) for m in hours)
    if limits.unpowered_mwh is not None:
        entries = {draft.index[f"unpowered[{m}]"]: n for m, n in hours.items()}
        _state_row(
            draft, "unpowered_mwh", entries, usd=limits.price("unpowered_mwh"), most=limits.unpowered_mwh, box=wanted
        )
    if limits.full_power_on is not None:
        first = find_period(world.periods, limits.full_power_on)
        entries = {draft.index[f"unpowered[{m}]"]: n for m, n in hours.items() if m >= first}
        if entries:
            _state_row(draft, "full_power_mwh", entries, usd=limits.price("full_power_mwh"), most=0.0, box=wanted)
    for option, most in limits.most_mw.items():
        columns = [c for m in hours if (c := draft.column(f"cap[{option},{m}]")) is not None]
        if columns:
            over = _add_slack(draft, "most_mw", usd=limits.price("most_mw"), box=draft.upper[columns[0]], option=option)
            for column in columns:
                draft.add_row(f"limits[most_mw,{option},{column}]", {column: 1.0, over: -1.0}, upper=most)
    for option, least in limits.least_mw.items():
        columns = [c for m in hours if (c := draft.column(f"cap[{option},{m}]")) is not None]
        short = _add_slack(draft, "least_mw", usd=limits.price("least_mw"), box=least, option=option)
        draft.add_row(f"limits[least_mw,{option}]", {short: 1.0, **dict.fromkeys(columns[-1:], 1.0)}, lower=least)
    _state_totals(draft, world)


def _require_options(world: World) -> None:
    """Raise `ScenarioError` where a limit names an option or gate that is not there."""
    known = (*world.supply.option_ids, *world.supply.gate_ids)
    named = (*world.limits.most_mw, *world.limits.least_mw)
    problems = [Problem("", "no such option", repr(name), suggest(name, known)) for name in named if name not in known]
    if problems:
        raise ScenarioError("limits", *problems)


def _state_row(draft: Draft, limit: str, entries: Mapping[int, float], *, usd: float, most: float, box: float) -> None:
    over = _add_slack(draft, limit, usd=usd, box=box)
    draft.add_row(f"limits[{limit}]", {**entries, over: -1.0}, upper=most)


def _add_slack(draft: Draft, limit: str, *, usd: float, box: float, option: str = "") -> int:
    """State how far a limit is exceeded, and charge it."""
    owner = f"{limit}:{option}" if option else limit
    over = draft.add_column(f"over[{owner}]", upper=box)
    draft.charge(
        "limit_slack",
        owner,
        over,
        year=1,
        usd=usd,
        present=1.0,
        group="shadow",
        unit=SLACK_UNIT[limit],
    )
    return over


def _state_totals(draft: Draft, world: World) -> None:
    """State the budgets over all hours; their flows follow block by block."""
    limits = world.limits
    paid: dict[int, float] = {}
    for term in draft.terms:
        if term.term != "limit_slack":
            paid[term.column] = paid.get(term.column, 0.0) + term.usd_present
    wanted = 0.0
    served: dict[int, float] = {}
    for b, block in enumerate(world.blocks):
        energy = float(np.asarray(world.profiles.load_shape)[block.hours] @ block.years.weight_hours)
        wanted += energy * wanted_of_block(world, b)
        powered = powered_column(draft, world, b)
        if powered is not None:
            served[powered] = served.get(powered, 0.0) - energy
    if limits.unserved_mwh is not None:
        over = _add_slack(draft, "unserved_mwh", usd=limits.price("unserved_mwh"), box=2.0 * wanted + 1.0)
        upper = limits.unserved_mwh - wanted
        draft.add_budget("limits[unserved_mwh]", upper=upper, columns={**served, over: -1.0})
    if limits.tco2 is not None:
        over = _add_slack(draft, "tco2", usd=limits.price("tco2"), box=5.0 * wanted + 1.0)
        draft.add_budget("limits[tco2]", upper=limits.tco2, columns={over: -1.0})
    if limits.cost_usd is not None:
        over = _add_slack(draft, "cost_usd", usd=limits.price("cost_usd"), box=1e3 * abs(limits.cost_usd) + 1e12)
        draft.add_budget("limits[cost_usd]", upper=limits.cost_usd, columns={**paid, over: -1.0})


def wanted_of_block(world: World, block: int) -> float:
    """Return the facility peak wanted in a block, MW: of its period, or the mean of what a sampled week stands for."""
    return sum(share * float(world.wanted_mw[m]) for m, share in world.blocks[block].periods.items())


def state_limited_flows(draft: Draft, world: World, b: int) -> None:
    """Put each hour's flows into the limits over all hours: MWh shed, tCO2 of each source, USD of each term."""
    limits = world.limits
    totals = [name for name in TOTALS if getattr(limits, name) is not None]
    if not totals:
        return
    block, item = draft.blocks[b], world.blocks[b]
    weight = item.years.weight_hours
    options = {o.option: o for o in world.supply.options}
    for total in totals:
        budget = draft.budget_names.index(f"limits[{total}]")
        coefficients: dict[int, np.ndarray] = {}
        if total == "cost_usd":
            for term in block.terms:
                usd = term.usd_per_mwh * weight * item.years.present_factor
                coefficients[term.flow] = coefficients.get(term.flow, np.zeros(block.n_steps)) + usd
        for flow, name in enumerate(block.flow_names):
            if total == "unserved_mwh" and name.startswith("unserved_"):
                coefficients[flow] = weight
            elif total == "tco2" and name in options and options[name].kind == "source":
                coefficients[flow] = hourly_emission(world, options[name], item.hours) * weight
        for flow, coefficient in coefficients.items():
            if coefficient.any():
                block.add_to_budget(budget, flow, coefficient)


def measure_plan(world: World, tables: Mapping[str, pd.DataFrame]) -> Measures:
    """Return what a plan's tables come to, in the units of its limits."""
    periods, ledger = tables["periods"], tables["ledger"]
    totals = tables["emissions"].groupby("measure")["value"].sum()
    wanted = sum(
        float(np.asarray(world.profiles.load_shape)[item.hours] @ item.years.weight_hours) * wanted_of_block(world, b)
        for b, item in enumerate(world.blocks)
    )
    unpowered = (periods["wanted_mw"] - periods["powered_mw"]).clip(lower=0.0) * periods["hours"]
    return Measures(
        unpowered_mwh=float(unpowered.sum()),
        unserved_mwh=max(wanted - float(totals.get("load", 0.0)) + float(totals.get("unserved", 0.0)), 0.0),
        tco2=float(totals.get("direct", 0.0) + totals.get("location", 0.0)),
        cost_usd=float(ledger.loc[ledger["term"] != "limit_slack", "usd_present"].sum()),
    )


def explain_limits(world: World, tables: Mapping[str, pd.DataFrame]) -> tuple[Note, ...]:
    """Return a note for each limit that the plan can't keep: by how much it is exceeded; ties are not limits."""
    rows = tables["ledger"].loc[tables["ledger"]["term"] == "limit_slack"]
    measures, notes = measure_plan(world, tables), []
    for owner, unit, quantity in zip(rows["owner"], rows["unit"], rows["quantity"], strict=True):
        if str(owner) in world.limits.slack_usd:
            continue
        size = max(abs(getattr(measures, str(owner), 0.0)), float(world.wanted_mw.max(initial=0.0)), 1.0)
        if quantity > max(LEAST_MISS_FRAC * size, 1e-3):
            text = f"no plan keeps it: exceeded by {quantity:,.4g} {unit}, as little as can be."
            notes.append(Note(f"limits.{owner}", text, "limit"))
    return tuple(notes)
