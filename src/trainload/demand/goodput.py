"""How much of a training run's time advances it: failures, checkpoints, fault-isolated islands and spares.

Kernels: numbers or arrays in, arrays out. Times in seconds unless the name says otherwise. Failures are Poisson; a
failure loses the work since the last checkpoint and the restart, and may strike during a restart or a checkpoint.

Source: J. T. Daly, *A higher order estimate of the optimum checkpoint interval for restart dumps*, Future Generation
Computer Systems 22 (2006) 303-312; J. W. Young, CACM 17 (1974) 530-531.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Checkpointing = Literal["sync", "async", "memory"]
SECONDS_PER_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Goodput:
    """Goodput of a job and what it rests on; arrays broadcast over the inputs.

    Attributes:
        goodput_frac: share of wall time that advances the run, after spares are taken out.
        mtbf_seconds: mean time between failures of one island.
        interval_seconds: work between two checkpoints, Daly's optimum.
        spare_frac: share of chips held as spares.
    """

    goodput_frac: Floats
    mtbf_seconds: Floats
    interval_seconds: Floats
    spare_frac: Floats


def mean_time_between_failures(
    n_chips: ArrayLike, *, failures_per_1000_node_days: ArrayLike, chips_per_node: ArrayLike = 8
) -> Floats:
    """Return the mean time between failures of a job in seconds: 86400 x 1000 / (rate x nodes).

    Args:
        n_chips: chips whose failure stops the job.
        failures_per_1000_node_days: failures of one node in 1,000 days; 3.79 on H100, 6.5 on older clusters.
        chips_per_node: chips that fail together.

    Raises:
        ValueError: an input is not positive.
    """
    n, rate, per_node = _positive(
        n_chips=n_chips, failures_per_1000_node_days=failures_per_1000_node_days, chips_per_node=chips_per_node
    )
    return np.asarray(SECONDS_PER_DAY * 1000.0 * per_node / (rate * n))


def young_interval(checkpoint_seconds: ArrayLike, mtbf_seconds: ArrayLike) -> Floats:
    """Return Young's first-order checkpoint interval: sqrt(2 d M)."""
    d, m = _positive(checkpoint_seconds=checkpoint_seconds, mtbf_seconds=mtbf_seconds)
    return np.asarray(np.sqrt(2.0 * d * m))


def daly_interval(checkpoint_seconds: ArrayLike, mtbf_seconds: ArrayLike) -> Floats:
    """Return Daly's higher-order checkpoint interval (work between the end of one checkpoint and the next).

    sqrt(2 d M) (1 + sqrt(d / 2M) / 3 + (d / 2M) / 9) - d where d < 2M, else M (Daly 2006, equation 37).
    """
    d, m = _positive(checkpoint_seconds=checkpoint_seconds, mtbf_seconds=mtbf_seconds)
    x = d / (2.0 * m)
    return np.asarray(np.where(d < 2.0 * m, np.sqrt(2.0 * d * m) * (1.0 + np.sqrt(x) / 3.0 + x / 9.0) - d, m))


def exact_goodput(
    interval_seconds: ArrayLike, *, checkpoint_seconds: ArrayLike, restart_seconds: ArrayLike, mtbf_seconds: ArrayLike
) -> Floats:
    """Return the share of wall time that advances the run, by Daly's exact formula.

    t / (M e^(R/M) (e^((t + d)/M) - 1)), with interval t, checkpoint d, restart R, mean time between failures M (Daly
    2006, equation 13, for many intervals). Holds at any ratio of t to M.

    Raises:
        ValueError: the interval, the checkpoint or the mean time is not positive, or the restart is negative.
    """
    t, d, m = _positive(
        interval_seconds=interval_seconds, checkpoint_seconds=checkpoint_seconds, mtbf_seconds=mtbf_seconds
    )
    r = np.asarray(restart_seconds, dtype=np.float64)
    if np.any(r < 0):
        raise ValueError(f"restart_seconds must be >= 0, got {restart_seconds!r}")
    # One exponent, so that hopeless jobs return 0 instead of overflowing.
    return np.asarray(t / m * np.exp(-r / m - (t + d) / m) / -np.expm1(-(t + d) / m))


def first_order_goodput(
    interval_seconds: ArrayLike, *, checkpoint_seconds: ArrayLike, restart_seconds: ArrayLike, mtbf_seconds: ArrayLike
) -> Floats:
    """Return the textbook estimate 1 - d/t - (t/2 + R)/M, for comparison only: it turns negative at scale."""
    t, d, m = _positive(
        interval_seconds=interval_seconds, checkpoint_seconds=checkpoint_seconds, mtbf_seconds=mtbf_seconds
    )
    return np.asarray(1.0 - d / t - (t / 2.0 + np.asarray(restart_seconds, dtype=np.float64)) / m)


def estimate_goodput(
    n_chips: ArrayLike,
    *,
    checkpoint_seconds: ArrayLike,
    restart_seconds: ArrayLike,
    failures_per_1000_node_days: ArrayLike,
    chips_per_node: ArrayLike = 8,
    n_islands: ArrayLike = 1,
    spare_frac: ArrayLike = 0.0,
) -> Goodput:
    """Return the goodput of a job of n chips in fault-isolated islands, at Daly's interval.

    An island is a group of chips that stops, restores and restarts by itself while the others train on (replica groups
    that rejoin at the next exchange). Its mean time between failures is that of its own chips, so the goodput is
    Daly's for n (1 - spare) / islands chips, times (1 - spare). The statistical cost of loosely coupled islands is not
    included.

    Raises:
        ValueError: an input is out of its range.
    """
    islands, n = _positive(n_islands=n_islands, n_chips=n_chips)
    spare = np.asarray(spare_frac, dtype=np.float64)
    if np.any((spare < 0) | (spare >= 1)):
        raise ValueError(f"spare_frac must be in [0, 1), got {spare_frac!r}")
    mtbf = mean_time_between_failures(
        n * (1.0 - spare) / islands,
        failures_per_1000_node_days=failures_per_1000_node_days,
        chips_per_node=chips_per_node,
    )
    interval = daly_interval(checkpoint_seconds, mtbf)
    share = exact_goodput(
        interval, checkpoint_seconds=checkpoint_seconds, restart_seconds=restart_seconds, mtbf_seconds=mtbf
    )
    return Goodput(np.asarray(share * (1.0 - spare)), mtbf, interval, spare)


def count_spares(
    n_chips: ArrayLike,
    *,
    failures_per_1000_node_days: ArrayLike,
    repair_hours: ArrayLike,
    chips_per_node: ArrayLike = 8,
    confidence_frac: float = 0.99,
) -> Floats:
    """Return the spare chips that cover the nodes under repair with this confidence, in whole nodes.

    Nodes under repair are Poisson with mean rate x nodes x repair time; the quantile is the normal one with continuity
    correction and skewness term (Cornish-Fisher), exact to within one node for means above 1.

    Raises:
        ValueError: an input is not positive, or the confidence is not in (0.5, 1).
    """
    n, rate, hours, per_node = _positive(
        n_chips=n_chips,
        failures_per_1000_node_days=failures_per_1000_node_days,
        repair_hours=repair_hours,
        chips_per_node=chips_per_node,
    )
    if not 0.5 < confidence_frac < 1:
        raise ValueError(f"confidence_frac must be in (0.5, 1), got {confidence_frac}")
    mean = rate / 1000.0 * n / per_node * hours / 24.0
    from scipy.special import ndtri  # noqa: PLC0415 (scipy only where a quantile is wanted)

    z = float(ndtri(confidence_frac))
    return np.asarray(per_node * np.ceil(mean + z * np.sqrt(mean) + (z * z - 1.0) / 6.0 - 0.5))


def bound_exchange(
    n_parameters: ArrayLike, *, n_campuses: ArrayLike, step_seconds: ArrayLike, bytes_per_parameter: ArrayLike = 2.0
) -> Floats:
    """Return the bandwidth in GB/s that each campus needs so that a ring all-reduce takes no longer than one step.

    2 (k - 1)/k x parameters x bytes / step time (ring all-reduce, its traffic bound). Zero for one campus.
    """
    n, k, t, b = _positive(
        n_parameters=n_parameters,
        n_campuses=n_campuses,
        step_seconds=step_seconds,
        bytes_per_parameter=bytes_per_parameter,
    )
    return np.asarray(2.0 * (k - 1.0) / k * n * b / t / 1e9)


def exchange_efficiency(
    needed_gb_per_s: ArrayLike,
    *,
    bandwidth_gb_per_s: ArrayLike,
    steps_per_exchange: ArrayLike = 1,
    overlap_frac: float = 1.0,
) -> Floats:
    """Return the share of full speed that is left when campuses exchange over limited bandwidth.

    With c = needed / (bandwidth x steps per exchange), the exchange takes c steps, of which `overlap_frac` hides behind
    computation of one step: 1 / (1 + max(0, c - overlap)).

    Raises:
        ValueError: the bandwidth or the number of steps is not positive, or the overlap is not in [0, 1].
    """
    bandwidth, steps = _positive(bandwidth_gb_per_s=bandwidth_gb_per_s, steps_per_exchange=steps_per_exchange)
    if not 0 <= overlap_frac <= 1:
        raise ValueError(f"overlap_frac must be in [0, 1], got {overlap_frac}")
    c = np.asarray(needed_gb_per_s, dtype=np.float64) / (bandwidth * steps)
    return np.asarray(1.0 / (1.0 + np.maximum(0.0, c - overlap_frac)))


def _positive(**values: ArrayLike) -> tuple[Floats, ...]:
    arrays = tuple(np.asarray(value, dtype=np.float64) for value in values.values())
    bad = [
        f"{name} must be > 0, got {values[name]!r}" for name, a in zip(values, arrays, strict=True) if not np.all(a > 0)
    ]
    if bad:
        raise ValueError("; ".join(bad))
    return arrays
