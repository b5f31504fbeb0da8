"""A front: the plans between the cheapest and the one that is best by another measure, none of them dominated.

Each point is the cheapest plan within a limit on the measure (the epsilon-constraint method, augmented). At the
first end a cent for each unit of the measure chooses among plans of the same cost; the last end is the cheapest among
the best by the measure. So neither end is a plan that another betters for nothing.

Source: Mavrotas (2009), doi 10.1016/j.amc.2009.03.037.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from trainload.errors import Problem, ScenarioError
from trainload.plan.limiting import Measures, measure_plan
from trainload.plan.limits import Limits
from trainload.plan.modes import TOLERANCE_FRAC, Solve, hold_earliest, hold_service
from trainload.plan.world import World

if TYPE_CHECKING:
    from trainload.plan.plan import Plan

Of = Literal["tco2", "date", "unserved"]
Status = Literal["front", "dominated", "duplicate"]
FIELDS: Mapping[Of, str] = MappingProxyType({"tco2": "tco2", "date": "unpowered_mwh", "unserved": "unserved_mwh"})
MOST_POINTS = 50
TIE_USD = 0.01  # for a tonne, a MWh: what breaks a tie, and moves nothing else
EQUAL_FRAC = 2e-3  # of the front's width: points nearer than that, in cost and measure, are one


@dataclass(frozen=True, slots=True)
class FrontPoint:
    """One plan of a front.

    Attributes:
        limits: what its plan was held to.
        status: whether it is on the front, is bettered by another point, or is one that stands already.
    """

    limits: Limits
    plan: "Plan"
    measures: Measures
    status: Status = "front"


def trace_front(
    world: World,
    solve: Solve,
    of: Of,
    *,
    n_points: int = 7,
    on_point: Callable[[int, int], None] | None = None,
) -> tuple[FrontPoint, ...]:
    """Return the points from the cheapest plan to the best by a measure, in that order; one where they are the same.

    A front of emission serves no less load than the cheapest plan, or building nothing would be cleanest.

    Args:
        world: without limits of its own on cost or on the measure.
        solve: makes a checked plan of a world.
        of: ``tco2``, ``date`` (wanted peak without power, MW times hours) or ``unserved`` (MWh).
        n_points: both ends included.
        on_point: called with the number of points that are done and the number of all.

    Raises:
        ScenarioError: fewer than 2 points or more than 50.
    """
    require_points(n_points)
    tell = on_point or (lambda _done, _all: None)
    field = FIELDS[of]

    def make(limits: Limits) -> FrontPoint:
        plan = solve(replace(world, limits=limits))
        return FrontPoint(limits, plan, measure_plan(plan.formulation.world, plan.tables))

    tell(0, n_points)
    first = make(replace(hold(world.limits, field, 0.0), slack_usd={field: TIE_USD}))
    held = hold_service(world, first.measures.unserved_mwh) if of == "tco2" else world.limits
    tell(1, n_points)
    last = make(_hold_best(world, solve, of, held=held, most=read(first, field)))
    start, end = read(first, field), read(last, field)
    wanted = sum(float(world.wanted_mw[m]) * p.n_hours for m, p in enumerate(world.periods))
    if start - end <= max(EQUAL_FRAC * abs(start), TOLERANCE_FRAC * wanted):
        return (first,)
    tell(2, n_points)
    inner = []
    for k in range(1, n_points - 1):
        inner.append(make(hold(held, field, start + (end - start) * k / (n_points - 1))))
        tell(k + 2, n_points)
    return mark_points([first, *inner, last], field)


def require_points(n_points: int) -> None:
    """Raise `ScenarioError` where a front can't have so many points."""
    if not 2 <= n_points <= MOST_POINTS:
        raise ScenarioError("front", Problem("--points", f"must be 2 to {MOST_POINTS}", str(n_points)))


def _hold_best(world: World, solve: Solve, of: Of, *, held: Limits, most: float) -> Limits:
    """Return the limits that hold a plan to the least of the measure that any plan reaches."""
    if of == "date":
        return hold_earliest(replace(world, limits=held), solve)[0].limits
    best = solve(replace(world, limits=hold(held, FIELDS[of], 0.0)))
    least = getattr(measure_plan(best.formulation.world, best.tables), FIELDS[of])
    return hold(held, FIELDS[of], least + TOLERANCE_FRAC * max(most, least))


def hold(limits: Limits, field: str, most: float) -> Limits:
    """Return the limits with one more, on a measure."""
    return replace(limits, **{field: most})  # type: ignore[arg-type]


def read(point: FrontPoint, field: str) -> float:
    """Return a point's measure."""
    return float(getattr(point.measures, field))


def mark_points(points: Sequence[FrontPoint], field: str) -> tuple[FrontPoint, ...]:
    """Return the points with those that are dominated, or stand already, marked as such."""
    costs = [point.measures.cost_usd for point in points]
    values = [read(point, field) for point in points]
    near_usd, near = (EQUAL_FRAC * (max(column) - min(column)) for column in (costs, values))
    marked: list[FrontPoint] = []
    for i, point in enumerate(points):
        status: Status = "front"
        for j in range(len(points)):
            no_worse = costs[j] <= costs[i] + near_usd and values[j] <= values[i] + near
            better = costs[j] < costs[i] - near_usd or values[j] < values[i] - near
            if j != i and no_worse and better:
                status = "dominated"
        same = any(
            abs(costs[j] - costs[i]) <= near_usd and abs(values[j] - values[i]) <= near and marked[j].status == "front"
            for j in range(i)
        )
        if status == "front" and same:
            status = "duplicate"
        marked.append(replace(point, status=status))
    return tuple(marked)
