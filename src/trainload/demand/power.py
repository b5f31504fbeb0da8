"""Power of training: per chip under each named definition, against outdoor temperature, and under a power cap.

Kernels: numbers or arrays in, arrays out. Watts are per chip. The same run spans a factor of 2.6 across definitions, so
every MW in the package says which it is:

chip_tdp        chips alone, at their thermal design power
server          servers at their rating
it              servers and network at their rating
node_measured   nodes as measured in training, times annual PUE: what a meter reads on average, network left out
rated_facility  TDP x 1.82 x annual PUE: Epoch AI's rule
all_in          IT rating x the annual ratio of a facility with all its losses
facility_peak   IT rating x peak ratio: the size of the substation; the basis of forecasts and plans
contracted      facility peak and a margin: what the utility is asked for
"""

from datetime import date
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
PowerDefinition = Literal[
    "chip_tdp", "server", "it", "node_measured", "rated_facility", "all_in", "facility_peak", "contracted"
]
POWER_DEFINITIONS: tuple[PowerDefinition, ...] = get_args(PowerDefinition)


def decimal_year(day: date) -> float:
    """Return the date as a year with decimals, on the real calendar: 2 July 2024 is 2024.5."""
    start = date(day.year, 1, 1)
    return day.year + (day - start).days / (date(day.year + 1, 1, 1) - start).days


def pue_at(
    year: ArrayLike, *, pue_2018: float = 1.1401, decline_per_year: float = 0.00907, floor: float = 1.05
) -> Floats:
    """Return the annual PUE of large AI sites: max(floor, 1.1401 - 0.00907 (t - 2018.33)).

    Source: Epoch AI's rule for 2018-26; the floor is judgement, as the line falls below 1 in 2033.
    """
    return np.asarray(np.maximum(floor, pue_2018 - decline_per_year * (np.asarray(year, dtype=np.float64) - 2018.33)))


def node_load(
    utilisation_frac: ArrayLike,
    *,
    reference_load_frac: float = 0.76,
    reference_utilisation_frac: float = 0.40,
    elasticity: float = 0.3,
) -> Floats:
    """Return node power over its rating at a FLOP utilisation: load_ref x (u / u_ref)^elasticity, at most 1.

    Calibrated on H100 nodes (76 % of rating at a utilisation of about 0.40); the weak dependence on utilisation comes
    from published energies of runs on V100, TPU v3 and v4. Valid for utilisations of 0.1-0.6 against the same peak.

    Raises:
        ValueError: a utilisation that is not in (0, 1].
    """
    u = np.asarray(utilisation_frac, dtype=np.float64)
    if not np.all((u > 0) & (u <= 1)):
        raise ValueError(f"utilisation_frac must be in (0, 1], got {utilisation_frac!r}")
    return np.asarray(np.minimum(1.0, reference_load_frac * (u / reference_utilisation_frac) ** elasticity))


def clock_at_power(power_frac: ArrayLike, *, static_frac: float = 0.3) -> Floats:
    """Return the clock that a power cap allows, per unit: ((p - s) / (1 - s))^(1/3), zero at or below the static share.

    From power = s + (1 - s) clock^3: dynamic power goes with clock x voltage^2, and voltage with clock.
    """
    p = _share(power_frac, "power_frac")
    return np.asarray(np.cbrt(np.maximum(0.0, p - static_frac) / (1.0 - static_frac)))


def throughput_at_power(power_frac: ArrayLike, *, static_frac: float = 0.3, compute_bound_frac: float = 0.7) -> Floats:
    """Return training throughput under a chip power cap, per unit: 1 / (b / clock + 1 - b).

    `compute_bound_frac` b of the time scales with the clock, the rest (memory, network) does not. At 80 % power it
    keeps 92 %; measured: 94 % (V100 at 81 %), 97 % (B200 at 82 %).
    """
    clock = clock_at_power(power_frac, static_frac=static_frac)
    with np.errstate(divide="ignore"):
        slow = compute_bound_frac / clock + 1.0 - compute_bound_frac
    return np.asarray(1.0 / slow)


def compute_at_load(
    load_frac: ArrayLike,
    *,
    gpu_share_frac: float = 0.65,
    idle_floor_frac: float = 0.3,
    lowest_cap_frac: float = 0.5,
    static_frac: float = 0.3,
    compute_bound_frac: float = 0.7,
) -> Floats:
    """Return the share of full compute when a facility is served a share of its wanted load.

    Shed power first comes from capping the chips, which are `gpu_share_frac` of the load: compute is
    throughput(1 - (1 - load) / gpu share). At lower loads training runs part of the time under one cap and pauses for
    the rest, which draws the idle floor: a straight line from that cap's point to (idle floor, 0). The cap is the one
    that gives the steepest line, but no lower than `lowest_cap_frac`; so compute is concave in load.

    Raises:
        ValueError: a load that is not in [0, 1], or an idle floor above the load at the lowest cap.
    """
    x = _share(load_frac, "load_frac")
    caps = np.linspace(lowest_cap_frac, 1.0, 1001)
    loads = 1.0 - gpu_share_frac * (1.0 - caps)
    if idle_floor_frac >= loads[0]:
        raise ValueError(
            f"idle_floor_frac must be below the load at the lowest cap ({loads[0]:.3f}), got {idle_floor_frac}"
        )
    rates = throughput_at_power(caps, static_frac=static_frac, compute_bound_frac=compute_bound_frac)
    knee = int(np.argmax(rates / (loads - idle_floor_frac)))
    cap = np.clip(1.0 - (1.0 - x) / gpu_share_frac, caps[knee], 1.0)
    running = throughput_at_power(cap, static_frac=static_frac, compute_bound_frac=compute_bound_frac)
    return np.asarray(running * np.clip((x - idle_floor_frac) / (loads[knee] - idle_floor_frac), 0.0, 1.0))


def cooling_ratio(
    temperature_c: ArrayLike,
    *,
    pue_annual: float,
    peak_to_it: float,
    free_cooling_c: float = 10.0,
    design_c: float | None = None,
) -> Floats:
    """Return facility power over IT power by outdoor temperature, with the annual mean and the peak as asked.

    r(T) = r0 + (peak - r0) x^k, x = (T - free) / (design - free) within [0, 1]; r0 = 1 + 0.7 (PUE - 1) while outside
    air cools alone, k solved by bisection so that the mean over `temperature_c` is the annual PUE. Annual PUE sizes
    energy, the peak ratio substations: they must not be confused.

    Args:
        temperature_c: outdoor temperature of a whole year.
        pue_annual: annual mean of the ratio.
        peak_to_it: ratio at the design temperature.
        free_cooling_c: temperature below which no chiller runs.
        design_c: temperature at which the peak ratio is met; default the year's maximum.

    Raises:
        ValueError: not 1 <= pue_annual <= peak_to_it, or no temperature pattern between k = 0.02 and 50 gives the mean.
    """
    t = np.asarray(temperature_c, dtype=np.float64)
    if not 1.0 <= pue_annual <= peak_to_it:
        raise ValueError(f"1 <= pue_annual <= peak_to_it must hold, got {pue_annual} and {peak_to_it}")
    top = float(t.max()) if design_c is None else design_c
    if top <= free_cooling_c:
        return np.full(t.shape, pue_annual)
    base = 1.0 + 0.7 * (pue_annual - 1.0)
    x = np.clip((t - free_cooling_c) / (top - free_cooling_c), 0.0, 1.0)
    low, high = 0.02, 50.0

    def ratio(k: float) -> Floats:
        return np.asarray(base + (peak_to_it - base) * np.where(x > 0, x, 0.0) ** k)

    if not ratio(high).mean() <= pue_annual <= ratio(low).mean():
        raise ValueError(
            f"an annual PUE of {pue_annual} can't be met with a peak ratio of {peak_to_it} at these temperatures: "
            f"between {ratio(high).mean():.4f} and {ratio(low).mean():.4f} is possible"
        )
    for _ in range(60):
        middle = (low * high) ** 0.5
        if ratio(middle).mean() > pue_annual:
            low = middle
        else:
            high = middle
    return ratio((low * high) ** 0.5)


def _share(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if not np.all((array >= 0) & (array <= 1)):
        raise ValueError(f"{name} must be in [0, 1], got {values!r}")
    return array
