"""How one developer's own generations follow each other: gaps, compute steps, and drawn programmes.

A generation is a compute step of at least twice the developer's previous maximum, not a version number. Kernels on
arrays; the record's paths bound a programme, because no developer's run can exceed the record.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainload.forecast.predictive import FloatArray

MIN_STEP = 2.0


@dataclass(frozen=True, slots=True)
class Cadence:
    """Gaps and steps between developers' own generations, pair by pair, ordered by gap."""

    gap_years: FloatArray
    step_oom: FloatArray

    @property
    def n_generations(self) -> int:
        return len(self.gap_years)


@dataclass(frozen=True, slots=True)
class ProgrammeDraws:
    """Drawn generations of one developer.

    Attributes:
        release_years: (n, g) release of each generation, years from the origin.
        compute_oom: (n, g) log10 FLOP.
        power_oom: (n, g) log10 MW, the basis of the record's paths.
        run_days: (n, g) length of the run, in step with the record run of the same draw.
    """

    release_years: FloatArray
    compute_oom: FloatArray
    power_oom: FloatArray
    run_days: FloatArray


def measure_cadence(developers: Sequence[str], times_years: FloatArray, compute_oom: FloatArray) -> Cadence:
    """Return every (gap, step) between a developer's successive generations; rows need not be ordered."""
    gaps, steps = [], []
    names = np.asarray(developers)
    for developer in sorted(set(developers)):
        mine = np.flatnonzero(names == developer)
        mine = mine[np.argsort(times_years[mine], kind="stable")]
        last = mine[0]
        for row in mine[1:]:
            step = compute_oom[row] - compute_oom[last]
            if step >= np.log10(MIN_STEP):
                gaps.append(times_years[row] - times_years[last])
                steps.append(step)
                last = row
    order = np.argsort(gaps, kind="stable")
    return Cadence(np.asarray(gaps, dtype=float)[order], np.asarray(steps, dtype=float)[order])


def draw_programme(
    cadence: Cadence,
    *,
    start_oom: float,
    elapsed_years: float,
    horizons_years: FloatArray,
    record_compute_oom: FloatArray,
    record_power_oom: FloatArray,
    record_run_days: FloatArray,
    pair_uniforms: FloatArray,
    jitter_normals: FloatArray,
) -> ProgrammeDraws:
    """Return drawn generations after the developer's present one.

    Each (gap, step) is one of the observed pairs, both blurred by 10 %; the first gap is one that is longer than what
    has already elapsed. Compute may not pass the record of the same draw at that date. Power follows from compute at
    the record run's FLOP per MW, so run, developer and campus stay consistent draw by draw.

    Args:
        cadence: observed pairs.
        start_oom: log10 FLOP of the developer's present generation.
        elapsed_years: since its release.
        horizons_years: (k,) where the record's paths are known, increasing.
        record_compute_oom: (n, k) the record's log10 FLOP.
        record_power_oom: (n, k) the record's log10 MW.
        record_run_days: (n, k) length of the record run.
        pair_uniforms: (n, g) picks the pair.
        jitter_normals: (n, g) blurs it.

    Raises:
        ValueError: no pair has been observed.
    """
    if cadence.n_generations == 0:
        raise ValueError("no developer has two generations in these rows: a cadence can't be measured")
    n, n_generations = pair_uniforms.shape
    release = np.empty((n, n_generations))
    compute = np.empty((n, n_generations))
    now, size = np.zeros(n), np.full(n, start_oom)
    for g in range(n_generations):
        # pairs are ordered by gap: those longer than the elapsed time are the last ones
        first = int(np.searchsorted(cadence.gap_years, elapsed_years)) if g == 0 else 0
        first = min(first, cadence.n_generations - 1)
        pick = first + np.minimum(
            (pair_uniforms[:, g] * (cadence.n_generations - first)).astype(int), cadence.n_generations - first - 1
        )
        blur = np.exp(0.1 * jitter_normals[:, g])
        gap = cadence.gap_years[pick] * blur
        if g == 0:
            gap = np.maximum(gap - elapsed_years, 0.08)
        now = now + gap
        bound = _at(horizons_years, record_compute_oom, now)
        size = np.maximum(np.minimum(size + cadence.step_oom[pick] * blur, bound), size)
        release[:, g], compute[:, g] = now, size
    power = np.empty_like(compute)
    days = np.empty_like(compute)
    for g in range(n_generations):
        behind = np.maximum(_at(horizons_years, record_compute_oom, release[:, g]) - compute[:, g], 0.0)
        power[:, g] = _at(horizons_years, record_power_oom, release[:, g]) - behind
        days[:, g] = _at(horizons_years, record_run_days, release[:, g])
    return ProgrammeDraws(release, compute, np.maximum.accumulate(power, axis=1), days)


def largest_by(
    programme: ProgrammeDraws,
    values_oom: FloatArray,
    *,
    horizons_years: FloatArray,
    start_oom: float,
    start_years: float = 0.0,
) -> FloatArray:
    """Return the largest generation released by each horizon, (n, k); minus infinity before `start_years`."""
    out = np.empty((len(values_oom), len(horizons_years)))
    for k, horizon in enumerate(horizons_years):
        largest = np.full(len(values_oom), start_oom if horizon >= start_years else -np.inf)
        for g in range(values_oom.shape[1]):
            largest = np.where(programme.release_years[:, g] <= horizon, np.maximum(largest, values_oom[:, g]), largest)
        out[:, k] = largest
    return out


def _at(horizons_years: FloatArray, paths: FloatArray, when_years: FloatArray) -> FloatArray:
    """Return each path at its own time, linear between horizons, held constant outside."""
    if len(horizons_years) == 1:
        return paths[:, 0]
    out = paths[:, 0].copy()
    for k in range(1, len(horizons_years)):
        # from the knot before on, the path moves toward this knot
        width = horizons_years[k] - horizons_years[k - 1]
        share = np.clip((when_years - horizons_years[k - 1]) / width, 0.0, 1.0)
        out += share * (paths[:, k] - paths[:, k - 1])
    return out
