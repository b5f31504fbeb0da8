"""The plan beside what else could be done: the base case (firm grid service only), and the goals kept or dropped."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from trainload.plan.plan import Plan
from trainload.plan.results import LEAST_ORDER_MW
from trainload.plan.world import World
from trainload.supply.options import Supply
from trainload.tables import TABLES
from trainload.units import DAYS_PER_MONTH

if TYPE_CHECKING:
    from trainload.catalogue.facts import Catalogue

BASE_OPTION = "grid_firm"
CRUMB = 1e-8


def limit_to_base(supply: Supply, option: str = BASE_OPTION) -> Supply | None:
    """Return the supply with firm grid service and its gates only; None where the scenario does not offer it."""
    kept = tuple(o for o in supply.options if o.option == option)
    if not kept or kept[0].max_mw <= 0:
        return None
    gates = tuple(g for g in supply.gates if g.gate in kept[0].gates)
    return replace(supply, options=kept, gates=gates)


def drop_goals(world: World) -> World:
    """Return the world without the buyer's CO2 cap and clean share."""
    rules = world.scenario.rules.model_copy(update={"co2_cap_tco2_per_year": None, "clean_matched_frac": None})
    return replace(world, scenario=world.scenario.model_copy(update={"rules": rules}))


def has_goals(world: World) -> bool:
    """Return whether the scenario sets a CO2 cap or a clean share."""
    rules = world.scenario.rules
    return rules.co2_cap_tco2_per_year is not None or rules.clean_matched_frac is not None


def tabulate_comparison(cases: Mapping[str, Plan], catalogue: "Catalogue") -> pd.DataFrame:
    """Return the measures of each case, long: cash, the prices of missing power, energy, dates, emission, chips."""
    rows = []
    for case, plan in cases.items():
        for measure, value, unit in _measure(plan, catalogue):
            rows.append((case, measure, value, unit))
    return pd.DataFrame(rows, columns=list(TABLES["comparison"]))


def _measure(plan: Plan, catalogue: "Catalogue") -> list[tuple[str, float | None, str]]:
    ledger, figures, world = plan.tables["ledger"], plan.figures, plan.formulation.world
    present = ledger.groupby("term")["usd_present"].sum()
    periods = plan.tables["periods"]
    wanted = float(periods.wanted_mw.max())

    def months_until(mw: float) -> float | None:
        reached = periods.loc[periods.powered_mw >= mw - LEAST_ORDER_MW]
        return None if reached.empty else (reached.iloc[0].period_on - world.starts_on).days / DAYS_PER_MONTH

    total = float(ledger.usd_present.sum())

    def money(*terms: str) -> float:
        """Return the present value of some terms; what a solver leaves below 1e-8 of the total is nothing."""
        value = sum(float(present.get(term, 0.0)) for term in terms)
        return value if abs(value) > CRUMB * abs(total) else 0.0

    it_mw = float(plan.powered_mw.max(initial=0.0)) * world.it_peak_frac

    def number(key: str) -> float | None:
        value = figures[key]
        return float(value) if isinstance(value, int | float) else None

    return [
        ("cash_present", number("cash_present_usd"), "USD"),
        ("programme_delay_present", money("programme_delay"), "USD"),
        ("curtailment_present", money("curtailment"), "USD"),
        ("slack_present", money("co2_slack", "clean_slack"), "USD"),
        ("total_present", total, "USD"),
        ("power_cost", number("usd_per_mwh"), "USD/MWh"),
        ("chips_and_halls", it_mw * catalogue.prices["dc_capex"].value, "USD"),
        ("served", number("served_mwh"), "MWh"),
        ("unserved", number("unserved_mwh"), "MWh"),
        ("first_gw_after", months_until(1000.0), "months"),
        ("full_power_after", months_until(wanted), "months"),
        ("largest_powered", float(plan.powered_mw.max(initial=0.0)), "MW"),
        ("direct_emission", number("tco2_direct"), "tCO2"),
        ("location_emission", number("tco2_location"), "tCO2"),
        ("clean_matched", number("clean_matched_frac"), "fraction"),
    ]
