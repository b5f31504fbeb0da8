"""How do I plan from Python, stage by stage, with an option of my own?

Each stage takes the scenario and earlier results and returns a frozen result; `trainload.study.run` does all of them.
Give a folder that does not exist yet to keep the tables there; examples/balance_of_a_study.py reads it.
"""

import sys
from pathlib import Path

from trainload.catalogue.facts import load_catalogue
from trainload.demand.demand import estimate_demand
from trainload.plan.diagnose import explain_choices
from trainload.plan.plan import make_plan
from trainload.plan.prices import price_idle_compute
from trainload.plan.world import build_world
from trainload.profiles.profiles import build_profiles
from trainload.scenario.file import load_scenario
from trainload.study.folder import StudyTables, save_study
from trainload.supply.schedule import simulate_arrivals
from trainload.supply.supply import build_supply

PATCHES = [  # fuel cells of one's own: the catalogue's, sooner and smaller; what is not named is as in the catalogue
    ("options.quick_cells.like", "fuel_cells"),
    ("options.quick_cells.lead_p10_months", 4),
    ("options.quick_cells.lead_p50_months", 6),
    ("options.quick_cells.lead_p90_months", 9),
    ("options.quick_cells.capex_usd_per_mw", 3_000_000),
    ("options.quick_cells.max_mw", 40),
]
scenario = load_scenario(Path(__file__).with_name("small_campus.yaml"), patches=PATCHES).scenario
catalogue = load_catalogue(scenario.as_of)  # costs and lead times as known on that day
demand = estimate_demand(scenario, catalogue)
supply = build_supply(scenario, catalogue)
schedule = simulate_arrivals(supply, n_draws=scenario.n_draws, seed=scenario.seed)
owners = (*supply.option_ids, *supply.gate_ids)
world = build_world(
    scenario,
    supply,
    build_profiles(scenario, catalogue),
    lead_months={owner: schedule.lead_months(owner, scenario.plan.lead_percentile) for owner in owners},
    load_path=demand.load_path,
    idle=price_idle_compute(scenario, catalogue, it_share_frac=demand.it_peak_frac),
    it_peak_frac=demand.it_peak_frac,
)
plan = make_plan(world, schedule)

print(f"{plan.figures['usd_per_mwh']:.0f} USD/MWh, first power on {plan.figures['first_power_on']}")
print(f"largest residual {plan.check.residual:.0e}, proven within {plan.check.gap:.1e} of the best")
for order in plan.tables["orders"].itertuples():
    print(f"  order {order.mw:6.1f} MW of {order.option:12s} by {order.order_on}, arrives {order.arrive_p50_on} (P50)")
for (group, term), usd in plan.tables["ledger"].groupby(["group", "term"])["usd_present"].sum().items():
    print(f"  {group:7s}{term:16s} {usd / 1e6:8.1f} million USD, present value")

if len(sys.argv) > 1:
    tables = {**plan.tables, "options": explain_choices(plan, schedule)}
    print("tables:", save_study(Path(sys.argv[1]), StudyTables.of({"plan": plan.figures}, {}, tables)))
