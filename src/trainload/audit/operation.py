"""The audit of the hours: time axis, balance, limits and levels of every operated hour, and the yearly budgets."""

from collections.abc import Iterator

import numpy as np

from trainload.audit.inputs import Array, Inputs, Residual, find_worst
from trainload.units import HOURS_PER_YEAR


def audit_hours(inputs: Inputs) -> Iterator[Residual]:
    """Yield what is wrong with the time axis: holes, misplaced rows, hours outside the periods they stand for."""
    hours, calendar = inputs.hours, inputs.calendar
    yield _count("missing numbers", hours.n_missing, "numbers are missing in operation or availability")
    yield _count("row order", hours.n_misplaced, "rows of operation and availability are not the same hours")
    inside = hours.block[1:] == hours.block[:-1]
    step = np.diff(hours.start).astype(np.int64)
    yield _count("row order", int((inside & (step != 1)).sum()), "hours of a block are not consecutive")
    first, end = (np.array(days, "datetime64[h]") for days in (calendar.starts_on, calendar.ends_on))
    stands = hours.share > 0
    opens = np.array([first[row].min() if row.any() else np.datetime64("NaT") for row in stands])
    closes = np.array([end[row].max() if row.any() else np.datetime64("NaT") for row in stands])
    if len(hours.block):
        outside = ~((hours.start >= opens[hours.block]) & (hours.start < closes[hours.block]))
        yield _count("row order", int(outside.sum()), "hours lie outside the periods that their block stands for")
    if hours.is_calendar:
        count, due = np.bincount(hours.block, minlength=len(hours.names)), stands @ calendar.hours
        yield find_worst(
            "balance",
            "hours of a block",
            excess=np.abs(count - due),
            scale=1.0,
            at=hours.names.__getitem__,
            text="{:.0f} hours, its period has {:.0f}",
            shown=(count, due),
        )
    times = np.zeros(len(calendar))
    for group in set(hours.group.tolist()):
        times += stands[hours.group == group].any(axis=0)
    yield find_worst(
        "balance",
        "operated periods",
        excess=np.where(times == 0, calendar.powered_mw, 0.0) + np.where(times > 1, calendar.wanted_mw, 0.0),
        scale=calendar.powered_mw.max(),
        at=inputs.say_period,
        text="powered {:,.1f} MW, stood for by {:.0f} groups of blocks",
        shown=(calendar.powered_mw, times),
    )


def _count(family: str, count: int, what: str) -> Residual:
    words = f"{family}: {count:,} {what}" if count else f"{family}: no residual"
    return Residual("balance", family, float(count), words)


def audit_balance(inputs: Inputs) -> Iterator[Residual]:
    """Yield residuals of sources + discharge - charge + unserved - spill = load, and of load = shape x powered MW."""
    hours = inputs.hours
    load = inputs.flow("load_mw")
    peak = load.max(initial=0.0)
    known = {"load_mw", "matched_mw", "spill_mw"} | {f"{o}_mw" for o in inputs.select(delivery=("contract",))}
    supplied = -inputs.flow("spill_mw")
    for source in inputs.select(kind="source"):
        known.add(f"{source}_mw")
        supplied = supplied + inputs.flow(f"{source}_mw")
    for store in inputs.select(kind="store"):
        known |= {f"{store}_{what}" for what in ("charge_mw", "discharge_mw", "level_mwh")}
        supplied = supplied + inputs.flow(f"{store}_discharge_mw") - inputs.flow(f"{store}_charge_mw")
    for tranche in inputs.tranches:
        known.add(f"unserved_{tranche}_mw")
        supplied = supplied + inputs.flow(f"unserved_{tranche}_mw")
    yield find_worst(
        "balance",
        "balance",
        excess=np.abs(supplied - load),
        scale=peak,
        at=inputs.say_hour,
        text="{:,.4f} MW supplied, load {:,.4f} MW",
        shown=(supplied, load),
    )
    powered = (hours.share @ inputs.calendar.powered_mw)[hours.block]
    asked = hours.series["load_shape_frac"] * powered
    yield find_worst(
        "balance",
        "load",
        excess=np.abs(asked - load),
        scale=peak,
        at=inputs.say_hour,
        text="{:,.4f} MW, shape x powered {:,.4f} MW",
        shown=(load, asked),
    )
    for column in sorted(set(hours.flows) - known):
        yield find_worst(
            "balance",
            column,
            excess=np.ones(1),
            scale=1.0,
            text="a column of operation that belongs to no option, store or tranche",
        )


def audit_limits(inputs: Inputs) -> Iterator[Residual]:
    """Yield what exceeds an hourly limit: availability, floors, stores, tranches, contracts, matching, sign."""
    for column, values in inputs.hours.flows.items():
        yield find_worst(
            "limit",
            column,
            excess=-values,
            scale=max(inputs.crumb_mw, np.abs(values).max(initial=0.0)),
            at=inputs.say_hour,
            text="negative, {:,.4g}",
            shown=(values,),
        )
    must_run = np.zeros(len(inputs.hours.block))
    for option, (kind, delivery) in inputs.options.items():
        there = inputs.hourly(option)
        available = inputs.hours.series.get(f"{option}_available_frac", np.zeros(len(there)))
        yield find_worst(
            "limit",
            f"{option} available",
            excess=np.maximum(available - (1.0 - inputs.number(option, "forced_outage_frac")), -available),
            scale=1.0,
            at=inputs.say_hour,
            text="availability {:.4f}, not between 0 and 1 less the forced outages",
            shown=(available,),
        )
        most = available * there
        columns = [f"{option}_mw"] if kind == "source" else [f"{option}_charge_mw", f"{option}_discharge_mw"]
        for column in columns:
            yield _audit_most(inputs, column, most, exact=delivery == "contract")
        floor = inputs.number(option, "must_run_frac")
        if kind == "source" and delivery != "contract" and floor > 0:
            output, least = inputs.flow(f"{option}_mw"), floor * most
            must_run = must_run + output
            yield find_worst(
                "limit",
                f"{option} must-run floor",
                excess=least - output,
                scale=max(inputs.crumb_mw, there.max(initial=0.0)),
                at=inputs.say_hour,
                text="{:,.4f} MW, floor {:,.4f} MW",
                shown=(output, least),
            )
        if kind == "store":
            level, room = inputs.flow(f"{option}_level_mwh"), inputs.number(option, "duration_hours") * there
            yield _audit_most(inputs, f"{option}_level_mwh", room, unit="MWh", values=level)
    yield from _audit_calls(inputs)
    load = inputs.flow("load_mw")
    yield _audit_most(inputs, "spill_mw", must_run, scale=load.max(initial=0.0))
    for tranche in inputs.tranches:
        share = inputs.number(f"tranche:{tranche}", "share_frac")
        yield _audit_most(inputs, f"unserved_{tranche}_mw", share * load)
    if "matched_mw" in inputs.hours.flows:
        yield _audit_most(inputs, "matched_mw", load)
        # before the goal starts nothing is matched and a store may take what it likes
        clean = np.where(goal_weight(inputs) > 0, clean_output(inputs), 0.0)
        yield _audit_most(inputs, "matched_mw", clean, family="matched from clean")


def _audit_calls(inputs: Inputs) -> Iterator[Residual]:
    """Yield calendar years, operated from end to end, in which the utility calls fewer hours than the tier says."""
    hours = inputs.hours
    years = hours.start.astype("datetime64[Y]")
    whole = [
        y for y in np.unique(years) if (years == y).sum() == (y + 1).astype("datetime64[h]") - y
    ] * hours.is_calendar
    for option in inputs.select(delivery=("grid",)):
        due = round(inputs.number(option, "curtailed_hours_per_year"))
        called = [((hours.series[f"{option}_available_frac"] == 0.0) & (years == y)).sum() for y in whole]
        yield find_worst(
            "limit",
            f"{option} calls",
            excess=due - np.array(called, dtype=float),
            scale=due,
            at=[str(y) for y in whole].__getitem__,
            text=f"{{:.0f}} hours without service, {due} are called",
            shown=(called,),
        )


def _audit_most(
    inputs: Inputs,
    column: str,
    most: Array,
    *,
    exact: bool = False,
    unit: str = "MW",
    values: Array | None = None,
    family: str | None = None,
    scale: float = 0.0,
) -> Residual:
    values = inputs.flow(column) if values is None else values
    over = np.abs(values - most) if exact else values - most
    return find_worst(
        "limit",
        family or column,
        excess=over,
        scale=max(scale, inputs.crumb_mw, np.abs(most).max(initial=0.0)),
        at=inputs.say_hour,
        text=f"{{:,.4f}} {unit}, {'due' if exact else 'at most'} {{:,.4f}} {unit}",
        shown=(values, most),
    )


def clean_output(inputs: Inputs) -> Array:
    """Return (T,) MW that can be matched: clean sources and contracts, less charging, plus discharge of stores."""
    total = np.zeros(len(inputs.hours.block))
    for option, (kind, delivery) in inputs.options.items():
        if kind == "store":
            total += inputs.flow(f"{option}_discharge_mw") - inputs.flow(f"{option}_charge_mw")
        elif inputs.number(option, "clean"):
            given = inputs.hours.series.get(f"{option}_available_frac", np.zeros(len(total)))
            total += inputs.hourly(option) * given if delivery == "contract" else inputs.flow(f"{option}_mw")
    return total


def audit_levels(inputs: Inputs) -> Iterator[Residual]:
    """Yield residuals of level[t] = keep x level[t-1] + eta x charge - discharge / eta, each chain closing."""
    previous = inputs.hours.previous
    for store in inputs.select(kind="store"):
        level = inputs.flow(f"{store}_level_mwh")
        eta = np.sqrt(inputs.number(store, "roundtrip_frac"))
        keep = 1.0 - inputs.number(store, "loss_frac_per_hour")
        due = (
            keep * level[previous]
            + eta * inputs.flow(f"{store}_charge_mw")
            - inputs.flow(f"{store}_discharge_mw") / eta
        )
        yield find_worst(
            "level",
            store,
            excess=np.abs(level - due),
            scale=max(inputs.crumb_mw, level.max(initial=0.0)),
            at=inputs.say_hour,
            text="{:,.4f} MWh, recomputed {:,.4f} MWh",
            shown=(level, due),
        )


def hourly_emission(inputs: Inputs, option: str) -> Array:
    """Return (T,) tCO2 per MWh: the grid's average for grid service, the stack's for what is on site."""
    if inputs.options[option][1] == "grid":
        return inputs.hours.series["carbon_tco2_per_mwh"]
    return np.full(len(inputs.hours.block), inputs.number(option, "direct_tco2_per_mwh"))


def goal_weight(inputs: Inputs) -> Array:
    """Return (T,) the hours that each hour stands for in which the buyer's goals hold."""
    start = inputs.number("rules", "clean_from_days")
    first = inputs.calendar.starts_on[0]
    days = np.array([(day - first).days for day in inputs.calendar.starts_on])
    holds = np.ones(len(days)) if np.isnan(start) else (days >= start).astype(float)
    return np.asarray(inputs.hours.weight * (inputs.hours.share @ holds)[inputs.hours.block])


def need_slack(inputs: Inputs, term: str) -> dict[int, tuple[float, float]]:
    """Return, by group of years, what a goal lacks (negative: what it has to spare) and the size of the goal.

    Args:
        inputs: the tables.
        term: ``clean_slack`` (MWh to match) or ``co2_slack`` (tCO2 over the cap); empty where there is no such goal.
    """
    hours, weight = inputs.hours, goal_weight(inputs)
    share, cap = inputs.number("rules", "clean_matched_frac"), inputs.number("rules", "co2_cap_tco2_per_year")
    if np.isnan(share if term == "clean_slack" else cap):
        return {}
    if term == "clean_slack":
        needed, given = share * inputs.flow("load_mw") * weight, inputs.flow("matched_mw") * weight
    else:
        emitted = sum(
            (inputs.flow(f"{o}_mw") * hourly_emission(inputs, o) for o in inputs.select(kind="source")),
            np.zeros(len(weight)),
        )
        needed, given = emitted * weight, cap / HOURS_PER_YEAR * weight
    lacks = {}
    for group in dict.fromkeys(hours.group.tolist()):
        rows = (hours.group == group)[hours.block]
        lacks[group] = (float((needed - given)[rows].sum()), float(max(needed[rows].sum(), given[rows].sum())))
    return lacks


def audit_budgets(inputs: Inputs) -> Iterator[Residual]:
    """Yield what exceeds a yearly budget: clean matching and CO2 with the ledger's slack, and run hours."""
    hours, ledger = inputs.hours, inputs.ledger
    for term, price in (("clean_slack", "clean_slack_usd_per_mwh"), ("co2_slack", "co2_slack_usd_per_tco2")):
        if inputs.number("rules", price) == 0:
            continue  # breaking the goal costs nothing and stands in no ledger
        for group, (lacks, size) in need_slack(inputs, term).items():
            years = set(inputs.calendar.years[(hours.share[hours.group == group] > 0).any(axis=0)].tolist())
            paid = float(ledger.loc[(ledger["term"] == term) & ledger["year"].isin(years), "quantity"].sum())
            yield find_worst(
                "budget",
                f"{term.removesuffix('_slack')} goal, group {group}",
                excess=lacks - paid,
                scale=size,
                text="lacks {:,.1f}, the ledger has slack {:,.1f}",
                shown=(lacks, paid),
            )
    groups = list(dict.fromkeys(hours.group.tolist()))
    member = hours.group[hours.block] == np.array(groups)[:, None]  # (groups, T)
    for option in inputs.select(kind="source"):
        most = inputs.limit(option, "max_full_load_hours_per_year")
        if not np.isfinite(most):
            continue
        used = member @ (inputs.flow(f"{option}_mw") * hours.weight)
        room = member @ (inputs.hourly(option) * hours.weight) * (most / HOURS_PER_YEAR)
        yield find_worst(
            "budget",
            f"{option} run hours",
            excess=used - room,
            scale=room,
            at=lambda i: f"group {groups[i]}",
            text="{:,.1f} MWh, at most {:,.1f} MWh",
            shown=(used, room),
        )
