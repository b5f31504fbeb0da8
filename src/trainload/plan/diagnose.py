"""Why each option was chosen or not; what is short: when, how much, because of which step, and the cheapest repair."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trainload.errors import Note
from trainload.plan.periods import shift_months
from trainload.plan.results import LEAST_ORDER_MW
from trainload.plan.values import forced_order_costs, reduced_costs
from trainload.supply.options import Option
from trainload.supply.schedule import Schedule
from trainload.supply.supply import levelise_option
from trainload.tables import TABLES

if TYPE_CHECKING:
    from trainload.plan.plan import Plan

# below this a planner would call two options equal
TIE_USD_PER_MW_YEAR = 500.0


def explain_choices(plan: "Plan", schedule: Schedule) -> pd.DataFrame:
    """Return the why-not table: every option with arrival odds, levelised cost, emission, and the reason."""
    world = plan.formulation.world
    ordered = plan.tables["orders"].groupby("option")["mw"].sum()
    rows = []
    for option in world.supply.options:
        chosen = float(ordered.get(option.option, 0.0))
        p50, p80 = (schedule.lead_months(option.option, q) for q in (50, 80))
        on = [shift_months(world.starts_on, months) for months in (p50, p80)]
        if option.available_on is not None:
            on = [max(day, option.available_on) for day in on]
        emission = option.direct_tco2_per_mwh
        lifecycle = option.lifecycle_tco2_per_mwh
        if option.delivery == "grid":
            emission = float(np.mean(world.profiles.carbon_tco2_per_mwh))
            lifecycle = max(lifecycle, emission)
        rows.append(
            {
                "option": option.option,
                "label": option.label,
                "carrier": option.carrier,
                "kind": option.kind,
                "delivery": option.delivery,
                "unit_mw": option.unit_mw,
                "max_mw": option.max_mw if np.isfinite(option.max_mw) else None,
                "capex_usd_per_mw": option.capex_usd_per_mw,
                "fixed_usd_per_mw_year": option.fixed_usd_per_mw_year,
                "variable_usd_per_mwh": option.energy_cost_usd_per_mwh,
                "usd_per_mwh": levelise_option(
                    option,
                    supply=world.supply,
                    availability_frac=float(np.mean(world.profiles.availability[option.availability])),
                    power_price_usd_per_mwh=float(np.mean(world.profiles.price_usd_per_mwh)),
                ),
                "direct_tco2_per_mwh": emission,
                "lifecycle_tco2_per_mwh": lifecycle,
                "lead_p50_months": p50,
                "lead_p80_months": p80,
                "arrive_p50_on": on[0],
                "arrive_p80_on": on[1],
                "chosen_mw": chosen,
                "reason": _reason(plan, option, chosen),
                "grade_cost": option.grade_cost,
                "grade_lead": option.grade_lead,
                "source": option.source,
            }
        )
    return pd.DataFrame(rows, columns=list(TABLES["options"]))


def _reason(plan: "Plan", option: Option, chosen: float) -> str:
    world = plan.formulation.world
    if chosen >= LEAST_ORDER_MW:
        orders = plan.tables["orders"]
        first = orders.loc[orders.option == option.option, "arrive_on"].min()
        role = "contracted" if option.delivery == "contract" else "in service"
        return f"chosen: {chosen:,.0f} MW, first {role} {first:%b %Y}"
    if option.max_mw <= 0:
        return option.limit_reason or "the scenario allows none"
    span = world.in_service(option)
    costs = forced_order_costs(plan, option.option)
    if not len(costs):
        arrives = shift_months(world.starts_on, world.lead_months[option.option])
        return f"arrives {arrives:%b %Y}, after the horizon ends"
    least = float(costs.min())
    size = f" (one unit is {option.unit_mw:,.0f} MW)" if option.unit_mw >= world.scenario.plan.unit_threshold_mw else ""
    arrives = world.periods[span.start].starts_on
    late = ""
    missing = world.wanted_mw - plan.powered_mw
    served = np.flatnonzero((world.wanted_mw > 0) & (missing <= LEAST_ORDER_MW))
    if len(served) and arrives > world.periods[int(served[0])].starts_on:
        late = f"; arrives {arrives:%b %Y}, after others have powered the load"
    if least > TIE_USD_PER_MW_YEAR:
        return f"dearer: each MW would add ${least:,.0f} a year{size}{late}"
    if size:
        return f"a whole unit does not pay{size}{late}"
    return f"as good as what was chosen, within ${TIE_USD_PER_MW_YEAR:,.0f} a MW and year{late}"


def explain_shortfall(plan: "Plan", schedule: Schedule) -> tuple[Note, ...]:
    """Return notes on what is short: MW and months, the step that holds power up, and the cheapest repair known."""
    world = plan.formulation.world
    missing = world.wanted_mw - plan.powered_mw
    short = np.flatnonzero(missing > max(LEAST_ORDER_MW, 1e-4 * float(world.wanted_mw.max(initial=0.0))))
    notes = []
    if len(short):
        first, last = world.periods[int(short[0])], world.periods[int(short[-1])]
        mwh = float(sum(missing[m] * world.periods[int(m)].n_hours for m in short))
        notes.append(
            Note(
                "plan.shortfall",
                f"up to {missing.max():,.0f} MW of wanted facility peak has no power between {first.starts_on} and "
                f"{last.ends_on} ({mwh / 1e6:,.2f} TWh); {_blame(plan, schedule, int(short[0]))}",
                "limit",
            )
        )
        notes += _repairs(plan)
    emissions = plan.tables["emissions"]
    shed = emissions.loc[emissions.measure == "unserved"].groupby("owner")["value"].sum()
    load = float(emissions.loc[emissions.measure == "load", "value"].sum())
    if shed.sum() > 1e-6 * max(load, 1.0):
        parts = ", ".join(f"{name} {value:,.0f} MWh" for name, value in shed.items() if value > 1)
        notes.append(Note("plan.curtailment", f"{shed.sum() / load:.3%} of running load is shed ({parts}).", "limit"))
    ledger = plan.tables["ledger"]
    for term, what, unit in (("clean_slack", "the clean share", "MWh"), ("co2_slack", "the CO2 cap", "tCO2")):
        rows = ledger.loc[ledger.term == term]
        if rows.quantity.sum() > 1.0:
            years = ", ".join(str(int(y)) for y in rows.loc[rows.quantity > 1.0, "year"])
            notes.append(
                Note("rules", f"{what} is missed by {rows.quantity.sum():,.0f} {unit} in plan years {years}.", "limit")
            )
    return tuple(notes)


def _blame(plan: "Plan", schedule: Schedule, period: int) -> str:
    """Return which option comes first and which of its steps is most often last."""
    world = plan.formulation.world
    firm = [o for o in world.supply.options if o.max_mw > 0 and o.powers_campus]
    if not firm:
        return "no option that could power it is offered."
    reachable = [o for o in firm if world.first_period[o.option] < len(world.periods)]
    if not reachable:
        return "no option arrives within the horizon."
    late = [o for o in reachable if world.first_period[o.option] > period] or reachable
    first = min(late, key=lambda o: world.first_period[o.option])
    step = schedule.critical_step(first.option)
    share = schedule.critical_shares(first.option)[step]
    arrives = world.periods[world.first_period[first.option]].starts_on
    return (
        f"the next option to arrive is {first.label} in {arrives:%b %Y}; `{step}` is on its critical path in "
        f"{share:.0%} of draws."
    )


def _repairs(plan: "Plan") -> list[Note]:
    """Return the limit whose relaxation by one MW would save most."""
    border = plan.formulation.program.border
    costs = reduced_costs(plan)
    best, worth = "", 0.0
    for i, name in enumerate(border.names):
        if name.startswith("cap[") and plan.solution.columns[i] >= border.upper[i] - LEAST_ORDER_MW and costs[i] < 0:
            owner = name[4:].rpartition(",")[0]
            if -costs[i] > worth:
                best, worth = owner, -float(costs[i])
    for i, name in enumerate(border.row_names):
        if name.startswith("grid_limit[") and -plan.solution.border_row_duals[i] > worth:
            best, worth = "grid.max_mw", -float(plan.solution.border_row_duals[i])
    if not best:
        return []
    return [
        Note(
            "plan.repair",
            f"cheapest repair: raising the limit of {best} by one MW would save ${worth / 1e6:,.2f}M of present value.",
            "limit",
        )
    ]
