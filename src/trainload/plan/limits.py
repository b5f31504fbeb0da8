"""What a plan may not exceed, as data: limits on date, unserved load, emission, cost and on single options.

A limit is the other half of a trade-off: "no later than", "no dirtier than", "no dearer than". `plan.limiting` states
them, `plan.modes` and the fronts set them, and the audit recomputes them from the tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

# What a unit over its limit costs. A limit comes before money: each price is far above what anything worth having costs
# (a MWh unserved costs up to 5,000 USD, a tonne out of the air about 1,000), and serving load comes before emission. At
# ten times as much, an interior point no longer tells the dollars of the plan beside those of the slack.
SLACK_USD: Mapping[str, float] = MappingProxyType(
    {
        "unpowered_mwh": 1e4,
        "unserved_mwh": 1e5,
        "tco2": 1e4,
        "cost_usd": 1e3,
        "full_power_mwh": 1e4,
        "most_mw": 1e8,
        "least_mw": 1e8,
    }
)
SLACK_UNIT: Mapping[str, str] = MappingProxyType(
    {
        "unpowered_mwh": "MWh",
        "unserved_mwh": "MWh",
        "tco2": "tCO2",
        "cost_usd": "USD",
        "full_power_mwh": "MWh",
        "most_mw": "MW",
        "least_mw": "MW",
    }
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper limits over the whole horizon, None where there is none; each has a slack at the price in `SLACK_USD`.

    Attributes:
        unpowered_mwh: wanted facility peak without power, MW times hours: the time-weighted delay of power.
        unserved_mwh: wanted load of the operated hours that is not served, for want of power or shed.
        tco2: emission on site and, location-based, of grid power.
        cost_usd: present value of all terms of the ledger but the slack of limits.
        full_power_on: from the first period that starts on this day or later, all that is wanted is powered.
        most_mw: MW of an option in service in any period.
        least_mw: MW of an option in service in the last period in which it can be there.
        slack_usd: price of the slack of a limit by its name, in place of the one in `SLACK_USD`; a price of cents on a
            limit of zero breaks ties between plans of the same cost.
    """

    unpowered_mwh: float | None = None
    unserved_mwh: float | None = None
    tco2: float | None = None
    cost_usd: float | None = None
    full_power_on: date | None = None
    most_mw: Mapping[str, float] = field(default_factory=dict)
    least_mw: Mapping[str, float] = field(default_factory=dict)
    slack_usd: Mapping[str, float] = field(default_factory=dict)

    def price(self, limit: str) -> float:
        """Return what a unit over a limit costs, USD."""
        return float(self.slack_usd.get(limit, SLACK_USD[limit]))

    def __bool__(self) -> bool:
        """Whether there is any limit."""
        return self != NO_LIMITS


NO_LIMITS = Limits()
