"""How much power did a published training run take, and which power is meant?

A published energy counts what its author chose to count; the estimate names every definition.
"""

from trainload.catalogue.facts import load_catalogue
from trainload.demand.published import estimate_training_run

catalogue = load_catalogue()
record = next(run for run in catalogue.runs if run.name == "Llama 3.1-405B")
run = estimate_training_run(record, catalogue)

print(f"{run.name}: {run.n_chips:,.0f} chips of {run.chip.label}, {run.days:.0f} days, {run.flop:.2g} FLOP")
print(f"  energy at the facility's meter, estimated: {run.energy_mwh:,.0f} MWh")
print(f"  published, counting {record.energy_perimeter}: {record.energy_mwh:,.0f} MWh")

print("\nThe same run under each definition of power:")
for name, power in run.powers.items():
    text = f"{power.power_w:6,.0f} W per chip  {power.power_mw:5.1f} MW  {power.energy_mwh:7,.0f} MWh"
    print(f"  {name:15s} {text}  grade {power.grade}: {power.formula}")

print("\nStep by step:")
for step in run.derivation:
    print(f"  {step.step:32s} {step.value:12.4g} {step.unit:8s} {step.grade}  {step.formula}")
