"""When does a large transformer arrive, what holds firm grid service up, and what would a stock of transformers do?

Lead times are distributions; a gate (here a substation) is shared by every option that needs it.
"""

from datetime import date

from trainload.catalogue.facts import load_catalogue
from trainload.scenario.file import load_scenario
from trainload.supply.schedule import simulate_arrivals
from trainload.supply.supply import build_supply

ORDER_ON = date(2027, 1, 1)
STOCK = [(f"gates.substation.steps.transformer.p{p}_months", months) for p, months in ((10, 2), (50, 3), (90, 6))]

for name, patches in (("as in the catalogue", []), ("transformers in stock", STOCK)):
    scenario = load_scenario("gigawatt", patches=patches).scenario
    schedule = simulate_arrivals(build_supply(scenario, load_catalogue(scenario.as_of)), n_draws=4096)
    print(f"\n{name}, all ordered on {ORDER_ON}:")
    for owner in ("substation", "network_upgrade", "grid_firm"):
        p50, p80 = (schedule.arrival_on(owner, ORDER_ON, percentile=p) for p in (50, 80))
        print(f"  {owner:16s} P50 {p50}  P80 {p80}")
    held_up = sorted(schedule.last_share("grid_firm").items(), key=lambda item: -item[1])
    print("  last before firm service:", ", ".join(f"{step} {share:.0%}" for step, share in held_up if share >= 0.005))
    print("  most frequent critical path:", " > ".join(schedule.critical_path("grid_firm")))
