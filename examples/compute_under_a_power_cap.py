"""How much compute survives when a campus gets less power than it wants?

Capping the chips first costs little; below the lowest cap training pauses for part of the time.
"""

import numpy as np

from trainload.demand.power import compute_at_load, throughput_at_power

served_frac = np.array([1.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.3])
compute_frac = compute_at_load(served_frac, gpu_share_frac=0.65, idle_floor_frac=0.3)

print("load served   compute kept   compute lost per unit of load shed")
for load, compute in zip(served_frac, compute_frac, strict=True):
    lost = (1 - compute) / (1 - load) if load < 1 else float("nan")
    print(f"{load:11.0%}   {compute:12.1%}   {lost:10.2f}")

kept = throughput_at_power(0.8)
print(f"\nChips capped at 80 % of their power keep {float(kept):.0%} of their throughput.")
