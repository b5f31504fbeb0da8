"""A few weighted scenarios of lead times that stand for many draws.

Draws are gathered by forward selection (the draw that lowers the mean distance most is taken next), improved by
alternating medoids, and each draw's probability goes to its nearest kept draw. A scenario is then the mean of the draws
it stands for, so that every owner's mean lead time is kept exactly; how much of the spread is kept is reported.

Source: Heitsch and Römisch, Scenario reduction algorithms in stochastic programming, Comput. Optim. Appl. 24 (2003);
the metric is the L1 distance between vectors of months, weighted by what a month of each owner is worth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from trainload.supply.graphs import Floats
from trainload.supply.schedule import Schedule

IntArray = NDArray[np.int64]
CANDIDATES = 2048  # draws among which scenarios are sought; a power of two keeps the streams stratified
MAX_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class LeadScenarios:
    """Weighted scenarios of lead times, the quickest first.

    Attributes:
        weights: (S,) probabilities; they sum to 1.
        lead_months: (S,) months from order to arrival, by option and gate.
        nearest: (n_draws,) the scenario that stands for each draw.
        distance_months: mean weighted distance between a draw and its scenario.
        spread_kept_frac: share of the weighted variance that lies between scenarios; the rest lies within them.
    """

    weights: Floats
    lead_months: Mapping[str, Floats]
    nearest: IntArray
    distance_months: float
    spread_kept_frac: float

    def __post_init__(self) -> None:
        if not (self.weights > 0).all() or abs(self.weights.sum() - 1.0) > 1e-9:
            raise ValueError(f"weights must be positive and sum to 1, got {self.weights}")

    @property
    def n_scenarios(self) -> int:
        return len(self.weights)

    def mean_of(self, values: Floats) -> Floats:
        """Return (S,) the mean of something drawn (n_draws,) over the draws of each scenario."""
        counts = np.bincount(self.nearest, minlength=self.n_scenarios)
        return np.asarray(np.bincount(self.nearest, weights=values, minlength=self.n_scenarios) / counts)


def reduce_leads(
    schedule: Schedule, n_scenarios: int, *, importance: Mapping[str, float], horizon_months: float
) -> LeadScenarios:
    """Return at most `n_scenarios` weighted scenarios of the schedule's lead times.

    Fewer come back where the draws hold fewer different arrivals.

    Args:
        schedule: simulated lead times with their common factors.
        n_scenarios: how many to keep, at least 1.
        importance: weight of a month by option or gate, such as the MW that wait for it; others do not count.
        horizon_months: months after which it no longer matters how late an arrival is.

    Raises:
        ValueError: no scenarios are asked for, or nothing is important.
    """
    watched = {owner: weight for owner, weight in importance.items() if weight > 0}
    if n_scenarios < 1 or not watched:
        raise ValueError(f"n_scenarios must be >= 1 and something important, got {n_scenarios} and {importance}")
    weight = np.array(list(watched.values())) / sum(watched.values())
    months = np.array([np.minimum(schedule.draws(owner), horizon_months) for owner in watched]).T
    scaled = months * weight
    candidates = scaled[:CANDIDATES]
    chosen = candidates[_select_medoids(_distances(candidates, candidates), n_scenarios)]
    nearest = np.argmin(_distances(scaled, chosen), axis=1)
    _, nearest = np.unique(nearest, return_inverse=True)
    lateness = np.bincount(nearest, weights=scaled.sum(axis=1)) / np.bincount(nearest)
    rank = np.argsort(np.argsort(lateness, kind="stable"), kind="stable")
    nearest = rank[nearest].astype(np.int64)
    counts = np.bincount(nearest)

    def average(values: Floats) -> Floats:
        return np.asarray(np.bincount(nearest, weights=values) / counts)

    centres = np.array([average(column) for column in scaled.T]).T
    total = float(scaled.var(axis=0).sum())
    within = float(((scaled - centres[nearest]) ** 2).mean(axis=0).sum())
    return LeadScenarios(
        weights=counts / counts.sum(),
        lead_months=MappingProxyType({owner: average(schedule.draws(owner)) for owner in schedule.owners}),
        nearest=nearest,
        distance_months=float(np.abs(scaled - centres[nearest]).sum(axis=1).mean()),
        spread_kept_frac=1.0 - within / total if total > 0 else 1.0,
    )


def _distances(rows: Floats, points: Floats) -> Floats:
    """Return (rows, points) the L1 distance between each row and each point."""
    distance = np.zeros((len(rows), len(points)))
    for k in range(rows.shape[1]):
        distance += np.abs(rows[:, k, None] - points[None, :, k])
    return distance


def _select_medoids(distance: Floats, n_wanted: int) -> IntArray:
    """Return the rows to keep: forward selection, then each medoid moved to the middle of its members until none is."""
    least = np.full(len(distance), np.inf)
    kept: list[int] = []
    while len(kept) < min(n_wanted, len(distance)) and (not kept or least.max() > 0):
        best = int(np.argmin(np.minimum(least[:, None], distance).sum(axis=0)))
        kept.append(best)
        least = np.minimum(least, distance[:, best])
    medoids = np.array(kept)
    for _ in range(MAX_ROUNDS):
        nearest = np.argmin(distance[:, medoids], axis=1)
        members = [np.flatnonzero(nearest == k) for k in range(len(medoids))]
        moved = np.array(
            [m[np.argmin(distance[np.ix_(m, m)].sum(axis=1))] if len(m) else medoids[k] for k, m in enumerate(members)]
        )
        if (moved == medoids).all():
            break
        medoids = moved
    return medoids
