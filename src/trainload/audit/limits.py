"""The audit of a plan's limits: each measure recomputed from the tables, against its limit and the slack paid for."""

from collections.abc import Iterator
from datetime import timedelta

import numpy as np

from trainload.audit.inputs import Inputs, Residual, find_worst
from trainload.audit.operation import hourly_emission


def audit_given_limits(inputs: Inputs) -> Iterator[Residual]:
    """Yield how far each limit (owner ``limit:<name>`` of `parameters`) is exceeded beyond what the ledger has."""
    slack = inputs.ledger.loc[inputs.ledger["term"] == "limit_slack"].groupby("owner")["quantity"].sum()
    for owner in dict.fromkeys(o for o, _ in inputs.numbers if o.startswith("limit:")):
        name, _, option = owner.removeprefix("limit:").partition(":")
        measure, limit, scale = _measure_limit(inputs, name, option=option)
        paid = float(slack.get(owner.removeprefix("limit:"), 0.0))
        over = limit - measure if name == "least_mw" else measure - limit
        yield find_worst(
            "budget",
            owner,
            excess=over - paid,
            scale=max(scale, abs(measure), abs(limit)),
            text="{:,.3f}, limit {:,.3f}, the ledger has slack {:,.3f}",
            shown=(measure, limit, paid),
        )


def _measure_limit(inputs: Inputs, name: str, *, option: str) -> tuple[float, float, float]:
    """Return what the plan comes to, its limit, and the size that a residual is judged against."""
    calendar, hours = inputs.calendar, inputs.hours
    owner = f"limit:{name}:{option}" if option else f"limit:{name}"
    missing = (calendar.wanted_mw - calendar.powered_mw) * calendar.hours
    wanted = float(calendar.wanted_mw @ calendar.hours)
    if name == "full_power_mwh":
        first = calendar.starts_on[0] + timedelta(days=round(inputs.number(owner, "after_days")))
        due = np.array([day >= first for day in calendar.starts_on])
        return float(missing[due].sum()), 0.0, wanted
    limit = inputs.number(owner, name)
    if name == "unpowered_mwh":
        return float(missing.sum()), limit, wanted
    if name == "unserved_mwh":
        asked = hours.series["load_shape_frac"] * (hours.share @ calendar.wanted_mw)[hours.block]
        shed = sum((inputs.flow(f"unserved_{k}_mw") for k in inputs.tranches), np.zeros(len(asked)))
        return float((asked - inputs.flow("load_mw") + shed) @ hours.weight), limit, wanted
    if name == "tco2":
        emitted = sum(
            (inputs.flow(f"{o}_mw") * hourly_emission(inputs, o) for o in inputs.select(kind="source")),
            np.zeros(len(hours.weight)),
        )
        return float(emitted @ hours.weight), limit, 0.0
    if name == "cost_usd":
        ledger = inputs.ledger
        return float(ledger.loc[ledger["term"] != "limit_slack", "usd_present"].sum()), limit, 0.0
    there = inputs.in_service(option)
    if name == "least_mw":
        listed = np.flatnonzero(inputs.listed.get(option, np.zeros(len(there), dtype=bool)))
        return float(there[listed[-1]]) if len(listed) else 0.0, limit, inputs.crumb_mw
    return float(there.max(initial=0.0)), limit, inputs.crumb_mw
