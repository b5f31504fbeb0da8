"""Does a plan balance, in every hour?

Recomputed from a study folder with pandas alone. Give the folder; without one it is studies/gigawatt, which `make demo`
writes.
"""

import json
import sys
from pathlib import Path

import pandas as pd

study = Path(sys.argv[1] if len(sys.argv) > 1 else "studies/gigawatt")
hours = pd.read_csv(study / "operation.csv.gz")
options = pd.read_csv(study / "options.csv")
ledger = pd.read_csv(study / "ledger.csv")
plan = json.loads((study / "summary.json").read_text(encoding="utf-8"))["plan"]

# contracts deliver elsewhere on the grid: they settle in money and stand outside the campus's balance
on_site = set(options.loc[(options["kind"] == "source") & (options["delivery"] != "contract"), "option"])
supply_mw, use_mw = 0.0, hours["load_mw"]
for column in hours.columns:
    name = column.removesuffix("_mw")
    if name in on_site or name.startswith("unserved_") or name.endswith("_discharge"):
        supply_mw = supply_mw + hours[column]
    elif name.endswith("_charge") or name.startswith("spill"):
        use_mw = use_mw + hours[column]

print(f"{len(hours):,} hours, largest |supply - use| {(supply_mw - use_mw).abs().max():.1e} MW")
energy_mwh = (hours["load_mw"] * hours["weight_hours"]).sum()
print(f"load over the horizon {energy_mwh:,.0f} MWh at {plan['usd_per_mwh']:.1f} USD/MWh")
print(f"ledger {ledger['usd_present'].sum():,.0f} USD, the solver's objective {plan['objective_usd']:,.0f} USD")
