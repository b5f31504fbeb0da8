"""Which hours are operated: every hour of the calendar, or weeks of real consecutive hours that stand for years."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trainload.plan.ledger import BlockYears
from trainload.plan.periods import Period
from trainload.profiles.profiles import Profiles

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
HOURS_PER_WEEK = 168


@dataclass(frozen=True, slots=True)
class OperationBlock:
    """Consecutive hours that are operated, and what they stand for.

    Attributes:
        hours: (T,) indices into the plan's hours.
        years: weights and plan years (see `ledger.BlockYears`).
        periods: share of each capacity period in what the block stands for; one period on the full calendar.
        n_months: months of demand charge that its peak pays for.
        group: blocks of one group share capacities and yearly budgets.
    """

    name: str
    hours: IntArray
    years: BlockYears
    periods: Mapping[int, float]
    n_months: float
    group: int


def list_calendar_blocks(
    periods: Sequence[Period], present: Array
) -> tuple[list[OperationBlock], list[tuple[int, ...]]]:
    """Return one block per period, all hours of it, chained over the whole calendar."""
    blocks = [
        OperationBlock(
            name=p.starts_on.isoformat()[:7],
            hours=np.arange(p.first_hour, p.end_hour),
            years=BlockYears(np.ones(p.n_hours), (p.year,), (1.0,), (float(v),)),
            periods={p.index: 1.0},
            n_months=p.n_months,
            group=p.year,
        )
        for p, v in zip(periods, present, strict=True)
    ]
    return blocks, [tuple(range(len(blocks)))] if blocks else []


def sample_weeks(
    periods: Sequence[Period], present: Array, profiles: Profiles, *, n_hours: int
) -> tuple[list[OperationBlock], list[tuple[int, ...]]]:
    """Return weeks of real consecutive hours that stand for groups of years; each week closes on itself.

    The years with power are split into up to three groups of consecutive years, the early ones shorter. In each
    group: the week of the highest residual load, the week of the worst drought of sun and wind, and typical weeks
    (k-medoids of the weekly means of load, sun, wind, price). Extreme weeks stand for one week a year each, typical
    weeks for those nearest to them; weights sum to the hours of the group.
    """
    if not periods:
        return [], []
    years = sorted({p.year for p in periods})
    n_weeks = max(n_hours // HOURS_PER_WEEK, 1)
    n_groups = max(1, min(3, len(years), n_weeks // 3))
    per_group = max(n_weeks // n_groups, 1)
    blocks: list[OperationBlock] = []
    for group, members in enumerate(_split_years(years, n_groups), start=1):
        inside = [(p, v) for p, v in zip(periods, present, strict=True) if p.year in members]
        blocks += _sample_group(group, inside, profiles, per_group)
    return blocks, [(i,) for i in range(len(blocks))]


def _split_years(years: Sequence[int], n_groups: int) -> list[tuple[int, ...]]:
    """Split consecutive years into groups whose lengths grow: one part, two parts, three parts, ..."""
    parts = np.cumsum(np.arange(1, n_groups + 1))
    edges = [0, *(max(round(len(years) * p / parts[-1]), i + 1) for i, p in enumerate(parts))]
    edges[-1] = len(years)
    return [tuple(years[a:b]) for a, b in pairwise(edges) if b > a]


def _sample_group(
    group: int, inside: Sequence[tuple[Period, float]], profiles: Profiles, n_weeks: int
) -> list[OperationBlock]:
    first, end = inside[0][0].first_hour, inside[-1][0].end_hour
    total = end - first
    n_candidates = total // HOURS_PER_WEEK
    index = first + np.arange(n_candidates * HOURS_PER_WEEK)
    sun = np.asarray(profiles.availability["solar"])[index].reshape(n_candidates, -1).mean(axis=1)
    wind = np.asarray(profiles.availability["wind"])[index].reshape(n_candidates, -1).mean(axis=1)
    load = np.asarray(profiles.load_shape)[index].reshape(n_candidates, -1).mean(axis=1)
    price = np.asarray(profiles.price_usd_per_mwh)[index].reshape(n_candidates, -1).mean(axis=1)
    residual = load - 0.5 * (sun + wind)
    chosen: list[tuple[str, int]] = [("peak", int(np.argmax(residual)))]
    drought = np.argsort(sun + wind, kind="stable")
    if n_weeks >= 2:
        chosen.append(("drought", next(int(i) for i in drought if i != chosen[0][1] or n_candidates == 1)))
    features = np.column_stack([_standardise(v) for v in (sun, wind, load, price)])
    n_typical = max(n_weeks - len(chosen), 0)
    n_years = len({p.year for p, _ in inside})
    weights = {i: 0.0 for _, i in chosen}
    if n_typical:
        medoids, nearest = _choose_medoids(features, n_typical)
        chosen += [(f"typical-{k + 1}", int(m)) for k, m in enumerate(medoids) if int(m) not in weights]
        counts = np.bincount(nearest, minlength=len(medoids)).astype(float)
        for m, count in zip(medoids, counts, strict=True):
            weights[int(m)] = weights.get(int(m), 0.0) + count
        extremes = [i for name, i in chosen if not name.startswith("typical")]
        typical_hours = total - n_years * HOURS_PER_WEEK * len(extremes)
        scale = max(typical_hours, 0.0) / (HOURS_PER_WEEK * max(counts.sum(), 1e-9))
        weights = {i: w * scale for i, w in weights.items()}
        for i in extremes:
            weights[i] += n_years
    else:
        weights = {i: total / (HOURS_PER_WEEK * len(chosen)) for _, i in chosen}
    hours_of = {p.year: sum(q.n_hours for q, _ in inside if q.year == p.year) for p, _ in inside}
    shares = tuple(hours_of[y] / total for y in hours_of)
    worth = tuple(sum(v * p.n_hours for p, v in inside if p.year == y) / hours_of[y] for y in hours_of)
    period_shares = {p.index: p.n_hours / total for p, _ in inside}
    n_months = sum(p.n_months for p, _ in inside)
    blocks = []
    for name, week in chosen:
        start = first + week * HOURS_PER_WEEK
        weight = weights[week]
        if weight <= 0:
            continue
        blocks.append(
            OperationBlock(
                name=f"g{group}-{name}",
                hours=np.arange(start, start + HOURS_PER_WEEK),
                years=BlockYears(np.full(HOURS_PER_WEEK, weight), tuple(hours_of), shares, worth),
                periods=period_shares,
                n_months=n_months * weight * HOURS_PER_WEEK / total,
                group=group,
            )
        )
    return blocks


def _standardise(values: Array) -> Array:
    spread = float(values.std())
    return np.asarray((values - values.mean()) / (spread if spread > 0 else 1.0))


def _choose_medoids(features: Array, n_medoids: int) -> tuple[IntArray, IntArray]:
    """Return k medoids by farthest-first start and alternating improvement, and each row's nearest medoid."""
    distance = np.linalg.norm(features[:, None, :] - features[None, :, :], axis=2)
    medoids = [int(np.argmin(distance.sum(axis=1)))]
    while len(medoids) < min(n_medoids, len(features)):
        medoids.append(int(np.argmax(distance[:, medoids].min(axis=1))))
    chosen = np.array(medoids)
    for _ in range(50):
        nearest = np.argmin(distance[:, chosen], axis=1)
        better = chosen.copy()
        for k in range(len(chosen)):
            members = np.flatnonzero(nearest == k)
            if len(members):
                better[k] = members[np.argmin(distance[np.ix_(members, members)].sum(axis=1))]
        if (better == chosen).all():
            break
        chosen = better
    return chosen, np.argmin(distance[:, chosen], axis=1)
