"""The audit of the capacity path: arrivals, units, life, rentals, gates, the grid's limit, adequacy, delivery."""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np

from trainload.audit.inputs import Array, Inputs, Residual, find_worst
from trainload.plan.periods import shift_months

UNLISTED_MW = 0.5  # arrivals of less than this stand in `capacity` and in the ledger, not in `orders`
UNEVEN_MONTHS_DAYS = 3  # counting months back from the arrival and forward from the order differs by up to this


def owners(inputs: Inputs) -> list[str]:
    """Return every option and gate that can be in service."""
    return [*(o for o in inputs.options if o in inputs.capacity), *(g for g in inputs.gates if g in inputs.capacity)]


def is_rental(inputs: Inputs, owner: str) -> bool:
    """Return whether an owner can be handed back."""
    return owner in inputs.options and bool(inputs.number(owner, "bridge"))


def ordered_mw(inputs: Inputs, owner: str) -> Array:
    """Return (M,) MW by the period in which the order list has them arrive."""
    rows = inputs.orders.loc[inputs.orders["option"] == owner]
    place = {day.isoformat(): m for m, day in enumerate(inputs.calendar.starts_on)}
    listed = np.zeros(len(inputs.calendar))
    for day, mw in zip(rows["arrive_on"], rows["mw"].to_numpy(float), strict=True):
        if str(day)[:10] in place:
            listed[place[str(day)[:10]]] += mw
    return listed


def built_mw(inputs: Inputs, owner: str) -> Array:
    """Return (M,) MW that arrive in each period: the rise of what is in service, and what replaces the end of a life.

    A rental can be handed back and rented anew in one period; there the order list counts, and at least the rise.
    """
    capacity, listed = inputs.in_service(owner), inputs.listed[owner]
    rise = np.where(listed, np.diff(capacity, prepend=0.0), 0.0)
    if is_rental(inputs, owner):
        return np.maximum(rise, ordered_mw(inputs, owner))
    built = np.zeros(len(capacity))
    starts = inputs.calendar.starts_on
    life_months = 12.0 * inputs.number(owner, "lifetime_years")
    ends = np.array([shift_months(day, life_months).toordinal() for day in starts])
    days = np.array([day.toordinal() for day in starts])
    retires = np.searchsorted(days, ends)  # the first period on or after the end of life
    for m in np.flatnonzero(listed):
        built[m] = rise[m] + built[:m][retires[:m] == m].sum()
    return built


def audit_capacity(inputs: Inputs) -> Iterator[Residual]:
    """Yield residuals of everything that limits capacity, by family."""
    for owner in owners(inputs):
        yield from _audit_owner(inputs, owner)
        if is_rental(inputs, owner):
            yield from _audit_rental(inputs, owner)
    yield from _audit_orders(inputs)
    yield from _audit_sums(inputs)
    yield from _audit_delivery(inputs)


def _audit_owner(inputs: Inputs, owner: str) -> Iterator[Residual]:
    calendar = inputs.calendar
    capacity, built = inputs.in_service(owner), built_mw(inputs, owner)
    first = calendar.starts_on[0]
    days = np.array([(day - first).days for day in calendar.starts_on], dtype=float)
    earliest = float((shift_months(first, inputs.number(owner, "lead_plan_months")) - first).days)
    gone = np.inf
    if owner in inputs.options:
        earliest = float(np.fmax(earliest, inputs.number(owner, "available_after_days")))
        gone = inputs.limit(owner, "return_after_days")
    most = inputs.limit(owner, "max_mw")
    unit = inputs.number(owner, "unit_mw")
    yield find_worst(
        "limit",
        f"{owner} in service",
        excess=np.maximum(capacity - most, -capacity),
        scale=max(inputs.crumb_mw, capacity.max()),
        at=inputs.say_period,
        text=f"{{:,.4f}} MW, at most {most:,.1f} MW",
        shown=(capacity,),
    )
    yield find_worst(
        "limit",
        f"{owner} arrivals",
        excess=np.where((days < earliest) | (days >= gone), capacity, 0.0),
        scale=1.0,
        at=inputs.say_period,
        text=f"{{:,.4f}} MW, possible from {first + timedelta(days=earliest)} on and until its return",
        shown=(capacity,),
    )
    if not is_rental(inputs, owner):
        yield find_worst(
            "limit",
            f"{owner} arrivals",
            excess=-built,
            scale=max(inputs.crumb_mw, capacity.max()),
            at=inputs.say_period,
            text="{:,.4f} MW arrive: less in service before the end of life",
            shown=(built,),
        )
    if unit >= inputs.number("plan", "unit_threshold_mw"):
        units = built / unit
        yield find_worst(
            "limit",
            f"{owner} whole units",
            excess=np.abs(units - np.round(units)),
            scale=1.0,
            at=inputs.say_period,
            text=f"{{:,.6f}} units of {unit:,.0f} MW arrive",
            shown=(units,),
        )
    if owner in inputs.options:
        least = min(inputs.number(owner, "min_mw"), most)
        yield find_worst(
            "limit",
            f"{owner} least capacity",
            excess=least - capacity[inputs.listed[owner]][-1],
            scale=least,
            text=f"{{:,.2f}} MW at the end, at least {least:,.2f} MW",
            shown=(capacity[inputs.listed[owner]][-1],),
        )


def _audit_rental(inputs: Inputs, owner: str) -> Iterator[Residual]:
    """Yield what stays too short or too long, as far as the order list tells: it leaves out crumbs."""
    starts, capacity, built = inputs.calendar.starts_on, inputs.in_service(owner), built_mw(inputs, owner)
    unlisted = inputs.listed[owner] & (ordered_mw(inputs, owner) == 0.0)
    shortest, longest = inputs.number(owner, "min_stay_months"), inputs.limit(owner, "max_stay_months")
    young, able = np.zeros(len(starts)), np.full(len(starts), np.inf)
    for m, day in enumerate(starts):
        fresh = np.array([shift_months(start, shortest) > day for start in starts[: m + 1]])
        young[m] = built[: m + 1][fresh].sum()
        if np.isfinite(longest):
            recent = np.array([shift_months(start, longest) > day for start in starts[: m + 1]])
            able[m] = built[: m + 1][recent].sum() + UNLISTED_MW * int((recent & unlisted[: m + 1]).sum())
    yield find_worst(
        "limit",
        f"{owner} shortest stay",
        excess=np.where(inputs.listed[owner], young - capacity, 0.0),
        scale=max(inputs.crumb_mw, capacity.max()),
        at=inputs.say_period,
        text="{:,.4f} MW in service, {:,.4f} MW must still stay",
        shown=(capacity, young),
    )
    yield find_worst(
        "limit",
        f"{owner} longest stay",
        excess=capacity - able,
        scale=max(inputs.crumb_mw, capacity.max()),
        at=inputs.say_period,
        text="{:,.4f} MW in service, {:,.4f} MW came recently enough",
        shown=(capacity, able),
    )


def _audit_orders(inputs: Inputs) -> Iterator[Residual]:
    """Yield where the order list differs from what arrives in `capacity`, or asks for an order too late."""
    orders, first = inputs.orders, inputs.calendar.starts_on[0]
    for owner in owners(inputs):
        listed, built = ordered_mw(inputs, owner), built_mw(inputs, owner)
        yield find_worst(
            "limit",
            f"{owner} orders",
            excess=np.where((listed > 0) | (built > UNLISTED_MW * (1.0 + 1e-6)), np.abs(listed - built), 0.0),
            scale=max(inputs.crumb_mw, built.max()),
            at=inputs.say_period,
            text="{:,.4f} MW ordered, {:,.4f} MW arrive",
            shown=(listed, built),
        )
    names = orders["option"].to_list()
    known = np.array([name in inputs.capacity for name in names], dtype=bool)
    yield find_worst(
        "limit", "orders", excess=~known, scale=1.0, at=names.__getitem__, text="ordered, but never in service"
    )
    names = [name for name, there in zip(names, known, strict=True) if there]
    rows = orders.loc[known]
    capex = np.array([inputs.number(name, "capex_usd_per_mw") for name in names]) * rows["mw"].to_numpy(float)
    paid = rows["capex_usd"].to_numpy(float)
    yield find_worst(
        "limit",
        "capital of an order",
        excess=np.abs(paid - capex),
        scale=capex,
        at=names.__getitem__,
        text="{:,.0f} USD, recomputed {:,.0f} USD",
        shown=(paid, capex),
    )
    order, arrive = ([date.fromisoformat(day) for day in rows[c]] for c in ("order_on", "arrive_on"))
    ready = [shift_months(day, inputs.number(n, "lead_plan_months")) for n, day in zip(names, order, strict=True)]
    early = [(first - day).days for day in order]
    late = [(there - day).days - UNEVEN_MONTHS_DAYS for there, day in zip(ready, arrive, strict=True)]
    yield find_worst(
        "limit",
        "order dates",
        excess=np.maximum(early, late),
        scale=1.0,
        at=names.__getitem__,
        text=f"ordered on {{}}, its lead time ends on {{}}, planned for {{}}; no order before {first}",
        shown=([str(d) for d in order], [str(d) for d in ready], [str(d) for d in arrive]),
    )
    yield from _audit_ends(inputs, names, ends=rows["end_on"].to_list(), arrive=arrive)


def _audit_ends(inputs: Inputs, names: list[str], *, ends: list[str], arrive: list[date]) -> Iterator[Residual]:
    """Yield orders whose end is not that of their life; the ends of rentals are not recomputed."""
    horizon = inputs.calendar.ends_on[-1]
    due = []
    for name, day, listed in zip(names, arrive, ends, strict=True):
        leaves = shift_months(day, 12.0 * inputs.number(name, "lifetime_years"))
        given = is_rental(inputs, name) or (name in inputs.options and inputs.limit(name, "return_after_days") < np.inf)
        due.append(listed if given else leaves.isoformat() if leaves < horizon else "")
    yield find_worst(
        "limit",
        "end of life",
        excess=[float(listed[:10] != end[:10]) for listed, end in zip(ends, due, strict=True)],
        scale=1.0,
        at=names.__getitem__,
        text="ends on '{}', its life on '{}'",
        shown=(ends, due),
    )


def firm_options(inputs: Inputs) -> list[str]:
    """Return the options whose MW count as firm: all grid service, and firm plant on site."""
    return [
        o
        for o, (_, delivery) in inputs.options.items()
        if delivery == "grid" or (delivery == "onsite" and inputs.number(o, "firm"))
    ]


def _audit_sums(inputs: Inputs) -> Iterator[Residual]:
    """Yield what is more than gates and the grid carry, and what firm capacity lacks."""
    calendar = inputs.calendar
    nothing = np.zeros(len(calendar))
    for gate in inputs.gates:
        behind = sum((inputs.in_service(o) for o in inputs.options if (o, f"gate:{gate}") in inputs.numbers), nothing)
        carried = inputs.in_service(gate)
        yield find_worst(
            "limit",
            f"gate {gate}",
            excess=behind - carried,
            scale=max(inputs.crumb_mw, behind.max()),
            at=inputs.say_period,
            text="{:,.4f} MW behind it, {:,.4f} MW carried",
            shown=(behind, carried),
        )
    service = sum((inputs.in_service(o) for o in inputs.select(delivery=("grid",))), nothing)
    most = inputs.limit("grid", "max_service_mw")
    yield find_worst(
        "limit",
        "grid limit",
        excess=service - most,
        scale=max(inputs.crumb_mw, service.max()),
        at=inputs.say_period,
        text=f"{{:,.4f}} MW of grid service, at most {most:,.1f} MW",
        shown=(service,),
    )
    firm = sum((inputs.in_service(o) for o in firm_options(inputs)), nothing)
    asked = calendar.powered_mw * (1.0 + calendar.reserve_frac)
    yield find_worst(
        "limit",
        "adequacy",
        excess=asked - firm,
        scale=calendar.powered_mw.max(),
        at=inputs.say_period,
        text="{:,.4f} MW firm, {:,.4f} MW powered with reserve",
        shown=(firm, asked),
    )
    yield find_worst(
        "limit",
        "firm MW",
        excess=np.abs(calendar.firm_mw - firm),
        scale=max(inputs.crumb_mw, firm.max()),
        at=inputs.say_period,
        text="{:,.4f} MW in periods, recomputed {:,.4f} MW",
        shown=(calendar.firm_mw, firm),
    )
    if not inputs.number("rules", "largest_unit_reserve"):
        return
    largest = nothing
    for option in firm_options(inputs):
        unit, there = inputs.number(option, "unit_mw"), inputs.in_service(option)
        if inputs.options[option][1] == "onsite":
            largest = np.maximum(largest, np.where(there > 0.5 * unit, np.minimum(unit, there), 0.0))
    needed = calendar.powered_mw + np.minimum(largest, np.maximum(calendar.powered_mw - service, 0.0))
    yield find_worst(
        "limit",
        "largest-unit reserve",
        excess=np.where(calendar.powered_mw > UNLISTED_MW, needed - firm, 0.0),
        scale=calendar.powered_mw.max(),
        at=inputs.say_period,
        text="{:,.4f} MW firm, {:,.4f} MW powered and largest unit of {:,.1f} MW",
        shown=(firm, needed, largest),
    )


def _audit_delivery(inputs: Inputs) -> Iterator[Residual]:
    """Yield where more is powered than wanted, or powered load falls while the wanted load does not."""
    calendar = inputs.calendar
    wanted, powered = calendar.wanted_mw, calendar.powered_mw
    yield find_worst(
        "limit",
        "powered",
        excess=np.maximum(powered - wanted, -powered),
        scale=wanted.max(),
        at=inputs.say_period,
        text="{:,.4f} MW powered, {:,.4f} MW wanted",
        shown=(powered, wanted),
    )
    before, now = powered[:-1], powered[1:]
    yield find_worst(
        "limit",
        "delivered chips",
        excess=np.where(wanted[1:] >= wanted[:-1], before - now, 0.0),
        scale=wanted.max(),
        at=lambda m: inputs.say_period(m + 1),
        text="{:,.4f} MW powered, {:,.4f} MW before",
        shown=(now, before),
    )
